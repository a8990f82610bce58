/* SPDX-License-Identifier: Apache-2.0 */
/* The boot data (docs/boot-data.md) and the pages shared with the guest. */
#ifndef VMM_BOOTDATA_H
#define VMM_BOOTDATA_H

#include "hostcalls/lib/error.h"

struct vm;

/*
 * Lay out, above the kernel's image: the shared pages, the page tables, the boot data. Needs the
 * kernel loaded; sets vm->shared, events, clock, boot_data_gpa and each vCPU's page.
 */
int bootdata_build(struct vm *vm, struct error *err);

#endif
