/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing contents that are in a VMO. The user's memory is touched without the VMO's lock,
 * since a fault there may want the same one; the page is held by a reference meanwhile.
 */
#include "core/boot.h"
#include "core/string.h"
#include "fs/inode.h"
#include "mm/frame.h"
#include "mm/window_gen.h"

#define HOLE VMO_PAGE_WINDOW /* a word without an address: zeros, nothing that would have to be held */

static const u8 zeros[PAGE_SIZE];

/*
 * The page for a reader, with a reference if it is a frame. A hole stays one: reading a sparse file takes no
 * memory, and st_blocks of stat(2) does not grow.
 */
static int hold_page(struct vmo *v, u64 index, u64 *word)
{
    int r = 0;

    mutex_lock(&v->lock);
    *word = vmo_resident_page(v, index);
    if (!*word) {
        if ((v->ops && v->ops->get_page) || index << PAGE_SHIFT >= v->size)
            r = vmo_get_page(v, index, false, word);
        else
            *word = HOLE;
    }
    if (r == 0 && !(*word & VMO_PAGE_WINDOW))
        frame_ref(*word & VMO_PAGE_ADDR);
    mutex_unlock(&v->lock);
    return r;
}

static void release_page(u64 word)
{
    if (!(word & VMO_PAGE_WINDOW))
        frame_unref(word & VMO_PAGE_ADDR);
}

ssize_t vmo_read_uio(struct vmo *v, struct uio *u, u64 *pos, u64 size)
{
    size_t done = 0;
    int r = 0;

    while (u->left && *pos < size) {
        u64 in_page = *pos % PAGE_SIZE, word;
        const u8 *page;
        struct uio before;
        size_t n = MIN(MIN(u->left, PAGE_SIZE - in_page), size - *pos), did;
        u32 gen = window_gen_begin();

        r = hold_page(v, *pos >> PAGE_SHIFT, &word);
        if (r)
            break;
        if (word & VMO_PAGE_WINDOW)
            before = *u;
        page = word == HOLE ? zeros : phys_to_virt(word & VMO_PAGE_ADDR);
        did = uio_to(u, page + in_page, n);
        release_page(word);
        if ((word & VMO_PAGE_WINDOW) && !window_gen_ok(gen)) {
            *u = before; /* some file lost pages, perhaps this one */
            continue;
        }
        *pos += did;
        done += did;
        if (did < n) {
            r = -EFAULT;
            break;
        }
    }
    if (done)
        return (ssize_t)done;
    return r == -ENXIO ? 0 : r;
}

/*
 * A whole page that is not there, or the host's, is written without being cleared or read first. False: it
 * has to be done the ordinary way, and nothing has happened.
 */
static bool write_new_page(struct vmo *v, struct uio *u, u64 pos)
{
    u64 index = pos >> PAGE_SHIFT, word = 0, pa;
    struct uio before = *u;
    bool ok;

    mutex_lock(&v->lock);
    word = vmo_resident_page(v, index);
    mutex_unlock(&v->lock);
    if (word && (!(word & VMO_PAGE_WINDOW) || (word & VMO_PAGE_RW)))
        return false;
    pa = frame_alloc(0);
    if (!pa)
        return false;
    ok = uio_from(u, phys_to_virt(pa), PAGE_SIZE) == PAGE_SIZE;
    if (ok) {
        mutex_lock(&v->lock);
        v->size = MAX(v->size, pos + PAGE_SIZE);
        ok = vmo_set_page(v, index, pa) == 0;
        mutex_unlock(&v->lock);
    }
    if (!ok) {
        frame_unref(pa);
        *u = before;
    }
    return ok;
}

ssize_t vmo_write_uio(struct vmo *v, struct uio *u, u64 *pos)
{
    size_t done = 0;
    int r = 0;

    while (u->left) {
        u64 in_page = *pos % PAGE_SIZE, word, end;
        size_t n = MIN(u->left, PAGE_SIZE - in_page), did;

        if (n == PAGE_SIZE && write_new_page(v, u, *pos)) {
            *pos += n;
            done += n;
            continue;
        }
        end = *pos + n;
        mutex_lock(&v->lock);
        if (v->size < end)
            v->size = end; /* set back below if the copy falls short */
        r = vmo_get_page(v, *pos >> PAGE_SHIFT, true, &word);
        if (r == 0 && !(word & VMO_PAGE_WINDOW))
            frame_ref(word & VMO_PAGE_ADDR);
        mutex_unlock(&v->lock);
        if (r)
            break;
        did = uio_from(u, (u8 *)phys_to_virt(word & VMO_PAGE_ADDR) + in_page, n);
        release_page(word);
        *pos += did;
        done += did;
        if (did < n) {
            r = -EFAULT;
            break;
        }
    }
    return done ? (ssize_t)done : r;
}
