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
    struct vmo *vmo;
    u64 first;             /* page index */
    bool writable;
    struct list dead_node; /* private */
};

/*
 * Map len bytes (page-aligned, within a chunk) of an open host file from off for vmo. *pages: how many
 * have contents. NULL: *err is -ENOMEM, -ENOSPC or the host's.
 */
struct window_run *window_map(struct vmo *vmo, u32 file, u64 off, u64 len, bool writable,
                              u64 *pages, int *err);
void window_unmap(struct window_run *run);

/*
 * Around a copy from a window page: begin, copy, and ask whether the file still had the page. If not,
 * what was copied may be zeros. Other copies may happen between.
 */
u64 window_read_begin(void);
bool window_read_ok(u64 gen);

/* Take the pages that windows have lost (rv_shared.dead[]) out of all page tables. May park. */
void window_handle_dead(void);

#endif
