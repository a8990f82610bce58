/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of arch/x86_64 with the frames' table at an address that a process can have. */
#ifndef UNIT_ARCH_MMU_H
#define UNIT_ARCH_MMU_H

#include_next <arch/mmu.h>

#undef FRAMES_BASE
#define FRAMES_BASE UINT64_C(0x300000000000)

#endif
