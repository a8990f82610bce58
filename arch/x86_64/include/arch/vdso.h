/* SPDX-License-Identifier: Apache-2.0 */
/* The vDSO: see arch/x86_64/vdso/. */
#ifndef ARCH_VDSO_H
#define ARCH_VDSO_H

#include "core/types.h"

struct aspace;

/* Prepare its pages; once, before the first program. Panics without memory. */
void arch_vdso_init(void);

/* Map it. The address of its ELF header (AT_SYSINFO_EHDR), or -ENOMEM. */
s64 arch_vdso_map(struct aspace *as);

#endif
