/* SPDX-License-Identifier: Apache-2.0 */
/* Address spaces: their life, and the tree of mappings. See aspace.h. Faults are in aspace_fault.c. */
#include "mm/aspace.h"

#include "arch/mmu.h"
#include "core/print.h"
#include "core/random.h"
#include "core/refs.h"
#include "core/string.h"
#include "mm/aspace_impl.h"
#include "mm/slab.h"
#include "mm/tlb.h"
#include "object/object.h"

struct aspace *aspace_create(void)
{
    struct aspace *as = kzalloc(sizeof(*as));

    if (!as)
        return NULL;
    as->refs = 1;
    mutex_init(&as->lock);
    spin_init(&as->pt_lock, RANK_PAGETABLE);
    as->pt_root = mmu_create();
    if (!as->pt_root) {
        kfree(as);
        return NULL;
    }
    as->mmap_top = as->mmap_hint = USER_TOP;
    as->stack_limit = 8 << 20;
    as->size_limit = UINT64_MAX;
    return as;
}

void aspace_ref(struct aspace *as)
{
    refs_get(&as->refs);
}

void aspace_unref(struct aspace *as)
{
    struct tree_node *n;

    if (!refs_put(&as->refs))
        return;
    tlb_retire(as);
    /* The page table first: a mapping's frames must not be reachable once they are free. */
    mmu_destroy(as->pt_root);
    as->pt_root = 0;
    while ((n = as->maps.root))
        mapping_free(as, mapping_of(n));
    kfree(as);
}

void aspace_switch(struct aspace *as)
{
    tlb_switch(as);
}

struct mapping *aspace_find(struct aspace *as, u64 addr)
{
    struct mapping *m = mapping_of(tree_le(&as->maps, addr));

    if (m && m->end > addr)
        return m;
    return mapping_of(m ? tree_next(&m->node) : tree_first(&as->maps));
}

struct mapping *aspace_next(struct mapping *m)
{
    return mapping_of(tree_next(&m->node));
}

/* --- mappings ------------------------------------------------------------------------------------ */

/* m has become larger by so many bytes, or smaller. */
static void count_bytes(struct aspace *as, const struct mapping *m, s64 more)
{
    as->mapped += (u64)more;
    as->peak_mapped = MAX(as->peak_mapped, as->mapped);
    if (m->flags & MAP_F_LOCKED)
        as->locked += (u64)more;
}

void mapping_insert(struct aspace *as, struct mapping *m)
{
    m->as = as;
    tree_insert(&as->maps, &m->node);
    as->count++;
    count_bytes(as, m, (s64)(m->end - m->node.key));
    list_init(&m->vmo_node);
    if (m->vmo) {
        mutex_lock(&m->vmo->lock);
        m->vmo->was_mapped = true;
        list_add(&m->vmo->mappings, &m->vmo_node);
        mutex_unlock(&m->vmo->lock);
    }
}

void mapping_free(struct aspace *as, struct mapping *m)
{
    tree_remove(&as->maps, &m->node);
    as->count--;
    count_bytes(as, m, -(s64)(m->end - m->node.key));
    as->mmap_hint = MAX(as->mmap_hint, MIN(m->end, as->mmap_top));
    if (m->vmo) {
        mutex_lock(&m->vmo->lock);
        list_del(&m->vmo_node);
        mutex_unlock(&m->vmo->lock);
        vmo_unref(m->vmo);
    }
    if (m->anon)
        vmo_unref(m->anon);
    if (m->file)
        object_unref(m->file);
    kfree(m);
}

struct mapping *mapping_piece(struct mapping *m, u64 start, u64 end)
{
    struct mapping *p = kmalloc(sizeof(*p));
    u64 skip = start - m->node.key;

    if (!p)
        return NULL;
    *p = *m;
    p->node.key = start;
    p->end = end;
    p->vmo_off += skip;
    p->anon_off += skip;
    if (p->vmo)
        vmo_ref(p->vmo);
    if (p->anon)
        vmo_ref(p->anon);
    if (p->file)
        object_ref(p->file);
    return p;
}

/* The VMO's lock, because its zap reads the bounds of the mappings in its list. */
static void set_bounds(struct aspace *as, struct mapping *m, u64 start, u64 end)
{
    if (m->vmo)
        mutex_lock(&m->vmo->lock);
    count_bytes(as, m, (s64)((end - start) - (m->end - m->node.key)));
    if (start != m->node.key) {
        tree_remove(&as->maps, &m->node);
        m->vmo_off += start - m->node.key;
        m->anon_off += start - m->node.key;
        m->node.key = start;
        tree_insert(&as->maps, &m->node);
    }
    if (end < m->end)
        as->mmap_hint = MAX(as->mmap_hint, MIN(m->end, as->mmap_top));
    m->end = end;
    if (m->vmo)
        mutex_unlock(&m->vmo->lock);
}

void mapping_set_start(struct aspace *as, struct mapping *m, u64 start)
{
    set_bounds(as, m, start, m->end);
}

void mapping_set_end(struct aspace *as, struct mapping *m, u64 end)
{
    set_bounds(as, m, m->node.key, end);
}

int mapping_split(struct aspace *as, u64 addr)
{
    struct mapping *m = mapping_of(tree_le(&as->maps, addr)), *high;
    u64 peak = as->peak_mapped;

    if (!m || m->node.key == addr || m->end <= addr)
        return 0;
    if (as->count >= MAP_COUNT_MAX)
        return -ENOMEM;
    high = mapping_piece(m, addr, m->end);
    if (!high)
        return -ENOMEM;
    /* In this order: a VMO that loses pages must find a mapping that shows them. */
    mapping_insert(as, high);
    mapping_set_end(as, m, addr);
    as->peak_mapped = peak;
    return 0;
}

struct mapping *mapping_join(struct aspace *as, struct mapping *m)
{
    struct mapping *next = mapping_of(tree_next(&m->node));
    u64 len = m->end - m->node.key, peak = as->peak_mapped;

    if (!next || next->node.key != m->end || next->prot != m->prot || next->flags != m->flags ||
        next->max_prot != m->max_prot || next->vmo != m->vmo || next->file != m->file)
        return m;
    if (m->vmo && next->vmo_off != m->vmo_off + len)
        return m;
    if (m->anon != next->anon || (m->anon && next->anon_off != m->anon_off + len))
        return m;
    mapping_set_end(as, m, next->end); /* first, as in mapping_split */
    mapping_free(as, next);
    as->peak_mapped = peak;
    return m;
}

void mapping_join_range(struct aspace *as, u64 start, u64 end)
{
    struct mapping *m = mapping_of(tree_le(&as->maps, start - 1));

    if (!m || m->end != start)
        m = aspace_find(as, start);
    while (m && m->node.key < end) {
        u64 count = as->count;

        mapping_join(as, m);
        if (as->count == count)
            m = aspace_next(m);
    }
}

int mapping_own_anon(struct mapping *m)
{
    u64 first = anon_index(m, m->node.key), last = anon_index(m, m->end);
    struct vmo *own;

    if (!m->anon || READ_ONCE(m->anon->refs) == 1)
        return 0;
    if (m->vmo)
        mutex_lock(&m->vmo->lock);
    own = vmo_clone(m->anon, first, last - first);
    if (own) {
        /* The same frames, so the entries stay as they are. */
        mapping_drop_anon(m, m->node.key, m->end);
        vmo_unref(m->anon);
        m->anon = own;
    }
    if (m->vmo)
        mutex_unlock(&m->vmo->lock);
    return own ? 0 : -ENOMEM;
}

u64 aspace_data_bytes(struct aspace *as)
{
    u64 sum = 0;

    mutex_lock(&as->lock);
    for (struct mapping *m = aspace_find(as, 0); m; m = aspace_next(m))
        if ((m->prot & VM_WRITE) && !(m->flags & (MAP_F_SHARED | MAP_F_STACK)))
            sum += m->end - m->node.key;
    mutex_unlock(&as->lock);
    return sum;
}

u64 aspace_data_to_be(struct aspace *as, u64 addr, u64 len)
{
    u64 sum = 0, end = addr + len;

    mutex_lock(&as->lock);
    for (struct mapping *m = aspace_find(as, addr); m && m->node.key < end; m = aspace_next(m))
        if (!(m->prot & VM_WRITE) && !(m->flags & (MAP_F_SHARED | MAP_F_STACK)))
            sum += MIN(m->end, end) - MAX(m->node.key, addr);
    mutex_unlock(&as->lock);
    return sum;
}

void aspace_note_peak(struct aspace *as)
{
    as->peak_pages = MAX(as->peak_pages, mmu_shown(as->pt_root));
}

u64 aspace_pages(struct aspace *as)
{
    return mmu_shown(as->pt_root);
}

u64 aspace_peak_pages(struct aspace *as)
{
    u64 n;

    spin_lock(&as->pt_lock);
    aspace_note_peak(as);
    n = as->peak_pages;
    spin_unlock(&as->pt_lock);
    return n;
}

void aspace_zap(struct aspace *as, u64 start, u64 end)
{
    bool flush;

    spin_lock(&as->pt_lock);
    aspace_note_peak(as);
    flush = mmu_unmap(as->pt_root, &start, &end);
    spin_unlock(&as->pt_lock);
    if (flush)
        tlb_shootdown(as, start, end);
}

void mapping_drop_anon(struct mapping *m, u64 start, u64 end)
{
    if (!m->anon)
        return;
    mutex_lock(&m->anon->lock);
    vmo_drop_pages(m->anon, anon_index(m, start), anon_index(m, end));
    mutex_unlock(&m->anon->lock);
}

void mapping_cut_anon(struct mapping *m, u64 first)
{
    u64 start = m->vmo_off >> PAGE_SHIFT, skip = first > start ? (first - start) << PAGE_SHIFT : 0;

    if (skip < m->end - m->node.key)
        mapping_drop_anon(m, m->node.key + skip, m->end);
}

bool aspace_range_free(struct aspace *as, u64 addr, u64 len)
{
    struct mapping *m = aspace_find(as, addr);

    return !m || m->node.key >= addr + len;
}

int aspace_unmap_locked(struct aspace *as, u64 start, u64 end)
{
    struct mapping *m, *next;
    int r;

    m = aspace_find(as, start);
    if (!m || m->node.key >= end)
        return 0;
    r = mapping_split(as, start);
    if (r == 0)
        r = mapping_split(as, end);
    if (r)
        return r;
    aspace_zap(as, start, end);
    for (m = aspace_find(as, start); m && m->node.key < end; m = next) {
        next = aspace_next(m);
        mapping_drop_anon(m, m->node.key, m->end);
        mapping_free(as, m);
    }
    return 0;
}

int aspace_unmap(struct aspace *as, u64 addr, u64 len)
{
    int r;

    len = ALIGN_UP(len, PAGE_SIZE);
    if (addr % PAGE_SIZE || !len || addr > USER_TOP || len > USER_TOP - addr)
        return -EINVAL;
    mutex_lock(&as->lock);
    r = aspace_unmap_locked(as, addr, addr + len);
    mutex_unlock(&as->lock);
    return r;
}

/* Highest gap of len bytes below top, or 0. */
static u64 gap_below(struct aspace *as, u64 len, u64 top)
{
    struct mapping *m;
    u64 end = top;

    if (!top)
        return 0;
    for (m = mapping_of(tree_le(&as->maps, top - 1)); m; m = mapping_of(tree_prev(&m->node))) {
        if (m->end < end && end - m->end >= len)
            return end - len;
        end = MIN(end, m->node.key);
    }
    return end >= len && end - len >= USER_MIN ? end - len : 0;
}

u64 aspace_find_gap(struct aspace *as, u64 len, u64 hint)
{
    u64 addr;

    if (hint && hint >= USER_MIN && hint <= USER_TOP && len <= USER_TOP - hint &&
        aspace_range_free(as, hint, len))
        return hint;
    addr = gap_below(as, len, as->mmap_hint);
    if (!addr)
        addr = gap_below(as, len, as->mmap_top);
    if (!addr)
        addr = gap_below(as, len, USER_TOP);
    else
        as->mmap_hint = addr;
    return addr;
}

/* An address for a mapping that is not fixed, or 0. */
static u64 find_place(struct aspace *as, const struct map_args *a)
{
    u64 hint = a->addr & PAGE_MASK;

    if (!a->below)
        return aspace_find_gap(as, a->len, hint);
    if (hint >= USER_MIN && hint < a->below && a->len <= a->below - hint &&
        aspace_range_free(as, hint, a->len))
        return hint;
    return gap_below(as, a->len, a->below);
}

s64 aspace_map_locked(struct aspace *as, const struct map_args *a)
{
    struct mapping *m;
    u64 addr = a->addr;
    int r;

    if (a->fixed) {
        if (addr < USER_MIN)
            return -EPERM;
        if (addr > USER_TOP || a->len > USER_TOP - addr)
            return -ENOMEM;
        if (a->noreplace && !aspace_range_free(as, addr, a->len))
            return -EEXIST;
    } else {
        addr = find_place(as, a);
        if (!addr)
            return -ENOMEM;
    }
    if (as->count >= MAP_COUNT_MAX)
        return -ENOMEM;
    m = kzalloc(sizeof(*m));
    if (!m)
        return -ENOMEM;
    if (a->fixed) {
        r = aspace_unmap_locked(as, addr, addr + a->len);
        if (r) {
            kfree(m);
            return r;
        }
    }
    m->node.key = addr;
    m->end = addr + a->len;
    m->prot = a->prot;
    m->max_prot = a->max_prot;
    m->flags = a->flags;
    m->vmo = a->vmo;
    m->vmo_off = a->off;
    m->file = a->file;
    if (a->flags & MAP_F_STACK)
        m->anon_off = STACK_ANON_BASE - a->len;
    if (m->vmo)
        vmo_ref(m->vmo);
    if (m->file)
        object_ref(m->file);
    mapping_insert(as, m);
    return (s64)addr;
}

s64 aspace_map(struct aspace *as, const struct map_args *args)
{
    struct map_args a = *args;
    s64 r;

    a.len = ALIGN_UP(a.len, PAGE_SIZE);
    if (!a.len || a.off % PAGE_SIZE || (a.fixed && a.addr % PAGE_SIZE))
        return -EINVAL;
    if (a.len > USER_TOP)
        return -ENOMEM;
    mutex_lock(&as->lock);
    r = aspace_map_locked(as, &a);
    mutex_unlock(&as->lock);
    return r;
}

int aspace_protect(struct aspace *as, u64 addr, u64 len, u32 prot)
{
    struct mapping *m;
    u64 end, at;
    bool flush;
    int r;

    len = ALIGN_UP(len, PAGE_SIZE);
    if (addr % PAGE_SIZE)
        return -EINVAL;
    if (!len)
        return 0;
    if (addr > USER_TOP || len > USER_TOP - addr)
        return -ENOMEM;
    end = addr + len;
    mutex_lock(&as->lock);
    /* Check all, then change. */
    r = 0;
    for (at = addr, m = aspace_find(as, addr); r == 0 && at < end; m = aspace_next(m)) {
        if (!m || m->node.key > at)
            r = -ENOMEM;
        else if ((prot & ~m->max_prot) || (m->flags & MAP_F_KERNEL))
            r = -EACCES;
        else
            at = m->end;
        if (!m)
            break;
    }
    if (r == 0)
        r = mapping_split(as, addr);
    if (r == 0)
        r = mapping_split(as, end);
    if (r == 0) {
        for (m = aspace_find(as, addr); m && m->node.key < end; m = aspace_next(m))
            m->prot = prot;
        mapping_join_range(as, addr, end);
        /* New rights come by faults; lost ones must go now. */
        spin_lock(&as->pt_lock);
        if (!prot)
            aspace_note_peak(as);
        flush = mmu_restrict(as->pt_root, &addr, &end, prot);
        spin_unlock(&as->pt_lock);
        if (flush)
            tlb_shootdown(as, addr, end);
    }
    mutex_unlock(&as->lock);
    return r;
}

/* Show the clone's pages in the child at once: it will touch most of them. */
static int fork_entries(struct aspace *as, struct mapping *m)
{
    u64 first = anon_index(m, m->node.key), last = anon_index(m, m->end);

    for (u64 i = first; radix_next(&m->anon->pages, &i) && i < last;) {
        u64 va = m->node.key + ((i - first) << PAGE_SHIFT);
        /* As far as the words and the entries lie one after the other. */
        u64 n = MIN(MIN(RADIX_RUN - i % RADIX_RUN, last - i),
                    HUGE_PAGES - (va >> PAGE_SHIFT) % HUGE_PAGES);

        if (mmu_prepare(as->pt_root, va))
            return -ENOMEM;
        mmu_map_ahead(as->pt_root, va, radix_run(&m->anon->pages, i), n, m->prot & ~VM_WRITE);
        i += n;
    }
    return 0;
}

static int fork_mapping(struct aspace *as, struct mapping *m)
{
    struct mapping *c = mapping_piece(m, m->node.key, m->end);

    if (!c)
        return -ENOMEM;
    c->flags &= ~MAP_F_LOCK_MASK; /* mlock(2): not inherited */
    if (c->anon) {
        u64 first = anon_index(m, m->node.key), last = anon_index(m, m->end);

        vmo_unref(c->anon);
        c->anon = NULL;
        if (!(c->flags & MAP_F_WIPEFORK)) {
            c->anon = vmo_clone(m->anon, first, last - first);
            if (!c->anon) {
                c->as = as; /* mapping_free wants it in a tree */
                mapping_insert(as, c);
                return -ENOMEM;
            }
        }
    }
    mapping_insert(as, c);
    return c->anon && c->prot ? fork_entries(as, c) : 0;
}

struct aspace *aspace_fork(struct aspace *src)
{
    struct aspace *as = aspace_create();
    struct mapping *m;
    bool flush = false;
    int r = 0;

    if (!as)
        return NULL;
    mutex_lock(&src->lock);
    as->brk_start = src->brk_start;
    as->brk = src->brk;
    as->mmap_top = src->mmap_top;
    as->stack_limit = src->stack_limit;
    as->size_limit = src->size_limit;
    as->membarrier = src->membarrier;
    as->arg_start = src->arg_start;
    as->arg_end = src->arg_end;
    as->env_start = src->env_start;
    as->env_end = src->env_end;
    as->code_start = src->code_start;
    as->code_end = src->code_end;
    as->stack_start = src->stack_start;
    for (m = mapping_of(tree_first(&src->maps)); m && r == 0; m = aspace_next(m)) {
        if (m->flags & MAP_F_DONTFORK)
            continue;
        if (m->anon) {
            u64 start = m->node.key, end = m->end;

            spin_lock(&src->pt_lock);
            flush |= mmu_restrict(src->pt_root, &start, &end, m->prot & ~VM_WRITE);
            spin_unlock(&src->pt_lock);
        }
        r = fork_mapping(as, m);
    }
    as->mmap_hint = src->mmap_hint;
    /* Even on failure: entries of the parent were write-protected. */
    if (flush)
        tlb_shootdown(src, 0, USER_TOP);
    mutex_unlock(&src->lock);
    if (r) {
        aspace_unref(as);
        return NULL;
    }
    return as;
}
