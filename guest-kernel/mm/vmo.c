/* SPDX-License-Identifier: Apache-2.0 */
/* VMOs: see vmo.h. */
#include "mm/vmo.h"

#include "arch/mmu.h"
#include "arch/page.h"
#include "core/print.h"
#include "core/refs.h"
#include "core/string.h"
#include "mm/aspace_impl.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "mm/tlb.h"
#include "mm/window_gen.h"

void vmo_init(struct vmo *v, u64 size, const struct vmo_ops *ops, void *priv)
{
    memset(v, 0, sizeof(*v));
    v->refs = 1;
    mutex_init(&v->lock);
    v->size = size;
    list_init(&v->mappings);
    v->ops = ops;
    v->priv = priv;
}

struct vmo *vmo_create(u64 size, const struct vmo_ops *ops, void *priv)
{
    struct vmo *v = kmalloc(sizeof(*v));

    if (v)
        vmo_init(v, size, ops, priv);
    return v;
}

void vmo_ref(struct vmo *v)
{
    refs_get(&v->refs);
}

bool vmo_tryref(struct vmo *v)
{
    return refs_try_get(&v->refs);
}

/* The word leaves the VMO: return what it stood for. */
static void release_word(struct vmo *v, u64 index, u64 word)
{
    if (!(word & VMO_PAGE_WINDOW))
        frame_unref(word & VMO_PAGE_ADDR);
    else if (v->ops && v->ops->drop_window)
        v->ops->drop_window(v, index, word);
}

/* Whether the pages from index on are a huge page that nobody else uses. */
static bool is_own_huge(struct vmo *v, u64 index, u64 word)
{
    u64 last = index + HUGE_PAGES, end;

    if ((word & VMO_PAGE_WINDOW) || word % HUGE_SIZE)
        return false;
    for (; index < last; index = end) {
        const u64 *w = radix_run(&v->pages, index);

        if (!w)
            return false;
        end = MIN(ALIGN_DOWN(index, RADIX_RUN) + RADIX_RUN, last);
        for (u64 n = end - index; n; n--, w++, word += PAGE_SIZE)
            if (*w != word)
                return false;
    }
    return frame_owns_huge(word - HUGE_SIZE);
}

/*
 * Return what pages from index on stand for, as many as go together and lie below last; their entries
 * are the caller's. The number of pages.
 */
static u64 release_pages(struct vmo *v, u64 index, u64 last, u64 word)
{
    if (last - index < HUGE_PAGES || !is_own_huge(v, index, word)) {
        release_word(v, index, word);
        return 1;
    }
    frame_free_huge(word);
    return HUGE_PAGES;
}

#define SMALL 512u /* bytes that are cleared more cheaply now than a page later */

static void free_pages(struct vmo *v)
{
    u64 word;

    /* A small file that was only read and written: the rest of its page is zero. */
    if (v->size <= SMALL && v->resident == 1 && !v->was_mapped) {
        word = radix_get(&v->pages, 0);
        if (word && !(word & VMO_PAGE_WINDOW)) {
            frame_unref_used(word, v->size);
            radix_set(&v->pages, 0, 0);
        }
    }

    for (u64 i = 0; (word = radix_next(&v->pages, &i));)
        i += release_pages(v, i, UINT64_MAX, word);
    radix_clear(&v->pages);
    v->resident = 0;
}

int vmo_fill_window(struct vmo *v, u64 index, u64 n, u64 word)
{
    v->resident += radix_fill_absent(&v->pages, index, n, word, PAGE_SIZE);
    return radix_get(&v->pages, index) ? 0 : -ENOMEM;
}

int vmo_fill_huge(struct vmo *v, u64 index, u64 pa)
{
    int r = radix_fill(&v->pages, index, HUGE_PAGES, pa, PAGE_SIZE);

    if (r == 0)
        v->resident += HUGE_PAGES;
    return r;
}

void vmo_unref(struct vmo *v)
{
    if (!refs_put(&v->refs))
        return;
    free_pages(v);
    if (v->ops && v->ops->destroy)
        v->ops->destroy(v); /* v may be part of what it frees */
    else
        kfree(v);
}

u64 vmo_resident_page(struct vmo *v, u64 index)
{
    return radix_get(&v->pages, index);
}

/* Remove the entries of pages [first, last) from every page table that maps the VMO. */
static void zap_mappings(struct vmo *v, u64 first, u64 last)
{
    struct mapping *m;

    list_for_each(m, &v->mappings, vmo_node) {
        u64 from = MAX(first << PAGE_SHIFT, m->vmo_off);
        u64 size = m->end - m->node.key;
        u64 to = last > (m->vmo_off + size) >> PAGE_SHIFT ? m->vmo_off + size
                                                          : last << PAGE_SHIFT;
        u64 start, end;
        bool flush;

        if (from >= to)
            continue;
        start = m->node.key + (from - m->vmo_off);
        end = m->node.key + (to - m->vmo_off);
        /* Changed copies of a private mapping lose their entries too and fault in again. */
        spin_lock(&m->as->pt_lock);
        aspace_note_peak(m->as);
        flush = mmu_unmap(m->as->pt_root, &start, &end);
        spin_unlock(&m->as->pt_lock);
        if (flush)
            tlb_shootdown(m->as, start, end);
    }
}

int vmo_set_page(struct vmo *v, u64 index, u64 word)
{
    u64 *slot = radix_slot(&v->pages, index);
    u64 old;
    int r;

    if (slot) {
        old = *slot;
        *slot = word;
        zap_mappings(v, index, index + 1);
        release_word(v, index, old);
        return 0;
    }
    r = radix_set(&v->pages, index, word);
    if (r == 0)
        v->resident++;
    return r;
}

/*
 * Copy a page that may be a window page into a new frame. A page that the file lost meanwhile reads as
 * zeros; its users find out when the dead range is handled, so the copy is as good as an early one.
 */
static u64 copy_to_frame(u64 word)
{
    u64 pa = frame_alloc(0);

    if (pa)
        page_copy(pa, word & VMO_PAGE_ADDR);
    return pa;
}

int vmo_get_page(struct vmo *v, u64 index, bool write, u64 *word)
{
    u64 w = radix_get(&v->pages, index), pa;
    int r;

    if (unlikely(index >= (v->size + PAGE_SIZE - 1) >> PAGE_SHIFT))
        return -ENXIO;
    if (!w && v->ops && v->ops->get_page) {
        r = v->ops->get_page(v, index);
        if (r)
            return r;
        w = radix_get(&v->pages, index);
        if (!w)
            return -EIO;
    }
    if (!w) {
        pa = frame_alloc(FRAME_ZERO);
        if (!pa)
            return -ENOMEM;
        r = radix_set(&v->pages, index, pa);
        if (r) {
            frame_unref(pa);
            return r;
        }
        v->resident++;
        w = pa;
    } else if (write && !(w & VMO_PAGE_RW) &&
               ((w & VMO_PAGE_WINDOW) || frame_refs(w & VMO_PAGE_ADDR) > 1)) {
        pa = copy_to_frame(w);
        if (!pa)
            return -ENOMEM;
        r = vmo_set_page(v, index, pa);
        if (r)
            return r;
        if ((w & VMO_PAGE_WINDOW) && v->ops && v->ops->dirtied)
            v->ops->dirtied(v, index);
        w = pa;
    }
    *word = w;
    return 0;
}

static void drop_pages(struct vmo *v, u64 first, u64 last, bool only_window)
{
    u64 word;

    zap_mappings(v, first, last);
    for (u64 i = first, n; (word = radix_next(&v->pages, &i)) && i < last; i += n) {
        n = 1;
        if (only_window && !(word & VMO_PAGE_WINDOW))
            continue;
        n = release_pages(v, i, last, word);
        radix_erase(&v->pages, i, n);
        v->resident -= n;
    }
    if (last - first >= RADIX_RUN) /* a hole in a huge file is not to keep the nodes that it had */
        radix_trim(&v->pages, first, last);
}

void vmo_drop_pages(struct vmo *v, u64 first, u64 last)
{
    drop_pages(v, first, last, false);
}

void vmo_drop_window_pages(struct vmo *v, u64 first, u64 last)
{
    drop_pages(v, first, last, true);
}

struct vmo *vmo_clone(struct vmo *v, u64 first, u64 count)
{
    struct vmo *c = vmo_create(VMO_UNBOUNDED, NULL, NULL);
    u64 word;

    if (!c)
        return NULL;
    mutex_lock(&v->lock);
    for (u64 i = first; (word = radix_next(&v->pages, &i)) && i < first + count; i++) {
        if (radix_set(&c->pages, i, word)) {
            mutex_unlock(&v->lock);
            vmo_unref(c);
            return NULL;
        }
        frame_ref(word & VMO_PAGE_ADDR);
        c->resident++;
    }
    mutex_unlock(&v->lock);
    return c;
}

/* mmap(2): what is mapped beyond a file's end is gone, a private mapping's own copies as well. */
static void cut_off(struct vmo *v, u64 first)
{
    struct mapping *m;

    vmo_drop_pages(v, first, UINT64_MAX >> PAGE_SHIFT);
    list_for_each(m, &v->mappings, vmo_node)
        mapping_cut_anon(m, first);
}

int vmo_resize(struct vmo *v, u64 size)
{
    mutex_lock(&v->lock);
    if (size < v->size) {
        u64 tail = size % PAGE_SIZE, word;

        cut_off(v, (size + PAGE_SIZE - 1) >> PAGE_SHIFT);
        /* What lies behind the end must read as zeros if the size grows again. */
        if (tail && vmo_resident_page(v, size >> PAGE_SHIFT) &&
            !(vmo_resident_page(v, size >> PAGE_SHIFT) & VMO_PAGE_WINDOW)) {
            if (vmo_get_page(v, size >> PAGE_SHIFT, true, &word)) {
                mutex_unlock(&v->lock);
                return -ENOMEM;
            }
            memset((char *)phys_to_virt(word & VMO_PAGE_ADDR) + tail, 0, PAGE_SIZE - tail);
        }
    }
    v->size = size;
    mutex_unlock(&v->lock);
    return 0;
}

static ssize_t transfer(struct vmo *v, u64 off, void *buf, size_t n, bool write)
{
    u32 gen = window_gen_begin();
    size_t done = 0;
    u64 word;
    int r = 0;

    mutex_lock(&v->lock);
    if (off >= v->size)
        n = 0;
    else
        n = MIN(n, v->size - off);
    while (done < n) {
        u64 in_page = (off + done) % PAGE_SIZE;
        size_t k = MIN(n - done, PAGE_SIZE - in_page);
        char *page;

        r = vmo_get_page(v, (off + done) >> PAGE_SHIFT, write, &word);
        if (r)
            break;
        page = (char *)phys_to_virt(word & VMO_PAGE_ADDR) + in_page;
        if (write)
            memcpy(page, (char *)buf + done, k);
        else
            memcpy((char *)buf + done, page, k);
        if ((word & VMO_PAGE_WINDOW) && !window_gen_ok(gen)) {
            /* Some file lost pages, perhaps this one: settle that, which takes our lock, and again. */
            mutex_unlock(&v->lock);
            gen = window_gen_begin();
            mutex_lock(&v->lock);
            continue;
        }
        done += k;
    }
    mutex_unlock(&v->lock);
    return done ? (ssize_t)done : r == -ENXIO ? 0 : r;
}

ssize_t vmo_read(struct vmo *v, u64 off, void *buf, size_t n)
{
    return transfer(v, off, buf, n, false);
}

ssize_t vmo_write(struct vmo *v, u64 off, const void *buf, size_t n)
{
    return transfer(v, off, (void *)buf, n, true);
}
