/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boot data (docs/boot-data.md): what it says about the machine, as kernel pointers, and its other
 * properties by name. The tree is read once, front to back, at the start: libfdt's own look-ups walk it
 * anew each time, which is dear where ring 0 is emulated.
 */
#ifndef CORE_BOOT_H
#define CORE_BOOT_H

#include "core/types.h"
#include "hostcalls/abi.h"

struct boot_info {
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

struct boot_node;

/* Read the tree; panics if it is not one, or something in /machine is missing. */
void boot_read(const void *fdt);

/* A node by its name: "process", "mounts", "options"; or the root of mounts, "root". NULL: none. */
const struct boot_node *boot_node(const char *name);
/* The next node whose name begins so, after one of them or from the start (NULL). */
const struct boot_node *boot_next(const struct boot_node *after, const char *prefix);

/* A property of a node (NULL: has none), with its bytes; NULL if it is missing. */
const void *boot_prop(const struct boot_node *n, const char *name, u32 *len);
bool boot_flag(const struct boot_node *n, const char *name);
/* Cell i of a property of 32-bit cells. */
u32 boot_cell(const struct boot_node *n, const char *name, u32 i, u32 otherwise);
/* Number i of a property of 64-bit numbers. */
u64 boot_cell64(const struct boot_node *n, const char *name, u32 i, u64 otherwise);
const char *boot_string(const struct boot_node *n, const char *name, const char *otherwise);

/* The strings of a list, one after the other: begin with NULL; NULL at the end. */
const char *boot_next_string(const struct boot_node *n, const char *name, const char *after);

#endif
