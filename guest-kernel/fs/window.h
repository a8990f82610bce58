/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File windows: guest-physical ranges that the VMM fills with pages of host files (hostcalls/abi.h).
 * A file gets room in runs that lie within one RV_WINDOW_CHUNK.
 */
#ifndef FS_WINDOW_H
#define FS_WINDOW_H

#include "core/list.h"
#include "core/tree.h"
#include "mm/vmo.h"

/* Pages [first, first + len) of a VMO that are shown at a window address. */
struct window_run {
    struct tree_node node; /* key = GPA */
    u64 len;               /* bytes */
    u64 good;              /* bytes from the start that had pages of the file when last heard of */
    struct vmo *vmo;
    u64 first;             /* page index */
    bool writable;
    struct list dead_node; /* private, with the range that was lost but is still in page tables */
    u64 dead_from, dead_to;
};

/*
 * Map len bytes (page-aligned, within a chunk) of an open host file from off for vmo. *pages: how many
 * have contents. NULL: *err is -ENOMEM, -ENOSPC or the host's.
 */
struct window_run *window_map(struct vmo *vmo, u32 file, u64 off, u64 len, bool writable,
                              u64 *pages, int *err);
void window_unmap(struct window_run *run);

/* Make ready; once. */
void window_init(void);

/* Take the pages that windows have lost (rv_shared.dead[]) out of all page tables. May park. */
void window_handle_dead(void);

#endif
