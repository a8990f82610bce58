/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VMO: a run of pages that can be mapped, read and written: anonymous memory, or the contents of one
 * inode. Each resident page is one word: the physical address of a frame of the VMO's own (counted),
 * or of a page in a file window (not counted; the host's page cache, see DESIGN "file window").
 *
 * Locks: vmo->lock (mutex) guards pages, size and the list of mappings. Order: an address space's lock,
 * then a VMO's, then page-table spinlocks. A pager's get_page is called with vmo->lock held and may
 * park (it is the only lock that may be held then).
 */
#ifndef MM_VMO_H
#define MM_VMO_H

#include "core/list.h"
#include "core/mutex.h"
#include "core/radix.h"

#define VMO_PAGE_WINDOW UINT64_C(1) /* a window page: not a frame, never written in place unless RW */
#define VMO_PAGE_RW     UINT64_C(2) /* a window page of the writable window: stores reach the file */
#define VMO_PAGE_ADDR   (~UINT64_C(0xfff))

struct vmo;

struct vmo_ops {
    /*
     * Make page `index` (below the size) resident by storing words with vmo_set_page; may bring in
     * neighbours too. 0, -EIO (SIGBUS), -ENOMEM. NULL for anonymous memory: frames of zeros.
     */
    int (*get_page)(struct vmo *v, u64 index);
    /* A frame of the VMO was made from a window page by copying (copy-up); may be NULL. */
    void (*dirtied)(struct vmo *v, u64 index);
    /* The window page is no longer used by the VMO; may be NULL. */
    void (*drop_window)(struct vmo *v, u64 index, u64 word);
    /* Last reference gone: free what `priv` owns. May be NULL. */
    void (*destroy)(struct vmo *v);
};

struct vmo {
    u32 refs;                  /* atomic */
    bool was_mapped;           /* stores may have gone anywhere in its pages */
    struct mutex lock;
    u64 size;                  /* bytes; page faults at or beyond the last page are SIGBUS */
    struct radix pages;
    u64 resident;              /* pages present */
    struct list mappings;      /* struct mapping.vmo_node, those that map this VMO directly */
    const struct vmo_ops *ops; /* NULL: anonymous */
    void *priv;
};

struct vmo *vmo_create(u64 size, const struct vmo_ops *ops, void *priv); /* NULL: no memory */
/* The same for a VMO inside another struct, which owns it: refs starts at 1, destroy frees the outside. */
void vmo_init(struct vmo *v, u64 size, const struct vmo_ops *ops, void *priv);
void vmo_ref(struct vmo *v);
bool vmo_tryref(struct vmo *v); /* false: it is ending */
void vmo_unref(struct vmo *v);

/* --- with vmo->lock held -------------------------------------------------------------------------- */

/*
 * The page at index, made resident if needed. write: the result is a frame that only this VMO uses
 * (copied if it was shared with a clone or is a read-only window page), or a page of the RW window.
 * Stores the word. 0, -ENOMEM, -EIO, -ENXIO (beyond the size).
 */
int vmo_get_page(struct vmo *v, u64 index, bool write, u64 *word);
u64 vmo_resident_page(struct vmo *v, u64 index); /* word or 0; never pages in */
/* For pagers: put a page in; takes over the frame's reference. An existing word is replaced. */
int vmo_set_page(struct vmo *v, u64 index, u64 word);
/*
 * For pagers: the window pages from word on (physically one after the other) become pages [index,
 * index + n), where none is yet. -ENOMEM if not even the first could be stored.
 */
int vmo_fill_window(struct vmo *v, u64 index, u64 n, u64 word);
/* Put the 2 MiB of frames at pa in as pages from index on, where there are none. 0 or -ENOMEM. */
int vmo_fill_huge(struct vmo *v, u64 index, u64 pa);
/* Drop pages [first, last): mappings lose them, frames are freed. */
void vmo_drop_pages(struct vmo *v, u64 first, u64 last);
/* The same for window pages only: what the VMO has changed stays. */
void vmo_drop_window_pages(struct vmo *v, u64 first, u64 last);

/* --- without locks held ---------------------------------------------------------------------------- */

/* Size of an anonymous VMO whose mappings bound it. */
#define VMO_UNBOUNDED (UINT64_C(1) << 62)

/*
 * Copy-on-write clone of pages [first, first + count) of an anonymous VMO, at the same indices, for
 * fork: both sides share the frames until one writes. The caller write-protects existing mappings.
 * NULL: no memory.
 */
struct vmo *vmo_clone(struct vmo *v, u64 first, u64 count);

/*
 * Set the size; shrinking drops the pages beyond it, and copies that private mappings have of them, and clears
 * the rest of the last one.
 */
int vmo_resize(struct vmo *v, u64 size);

/*
 * Copy between the VMO and a kernel buffer in the direct map or on a kernel stack; never beyond size.
 * For user buffers use vmo_read_uio/vmo_write_uio in fs/uio.h. Returns bytes or -errno.
 */
ssize_t vmo_read(struct vmo *v, u64 off, void *buf, size_t n);
ssize_t vmo_write(struct vmo *v, u64 off, const void *buf, size_t n); /* may extend up to size only */

#endif
