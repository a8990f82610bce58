/* SPDX-License-Identifier: Apache-2.0 */
/* What the boot data said about the machine (docs/boot-data.md, /machine), as kernel pointers. */
#ifndef CORE_BOOT_H
#define CORE_BOOT_H

#include "core/types.h"
#include "hostcalls/abi.h"

struct boot_info {
    const void *fdt;
    u64 ram_size, ram_limit, free_start;
    u64 clock_pa;                /* for showing the clock page to ring 3 */
    u32 vcpus;
    u32 fpu_size;                /* not 0: the VMM switches FPU state, of this size */
    u64 fpu_features;            /* with fpu_size: XCR0 */
    struct rv_vcpu_page *vcpu_pages;
    struct rv_event_ring *events;
    struct rv_shared *shared;
    const struct rv_clock_page *clock;
};
extern struct boot_info boot; /* set before anything else runs, then constant */

/* Read /machine; panics if something is missing. */
void boot_read(const void *fdt);

#endif
