/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address spaces and page faults (mm/aspace*.c, mm/tlb.c) over a page table and a TLB of our own,
 * against a model that knows what each page is to show.
 */
#include "core/string.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_aspace.h"

#include <linux/mman.h>

#define BASE (UINT64_C(0x40000000) - 5 * PAGE_SIZE) /* not at the border of a huge page */
#define PAGES 2560u                                 /* 10 MiB */
#define VMOS 3u
#define VMO_PAGES 700u

/* --- the model -------------------------------------------------------------------------------- */

struct page {
    bool mapped, shared;
    u32 prot;
    int vmo;      /* -1: anonymous */
    u32 index;    /* in the VMO */
    bool own;     /* private: value is the page's own */
    u32 lock;     /* MAP_F_LOCK_MASK bits */
    u64 value;
};

static struct page model[SPACES][PAGES];
static struct vmo *vmo[VMOS];
static u64 contents[VMOS][VMO_PAGES];
static u64 vmo_pages[VMOS];

static u64 va_of(u32 page)
{
    return BASE + page * PAGE_SIZE;
}

static u64 expected_value(const struct page *p)
{
    if (p->vmo < 0)
        return p->own ? p->value : 0;
    return p->own ? p->value : contents[p->vmo][p->index];
}

static int expected_fault(const struct page *p, u32 what)
{
    if (!p->mapped)
        return FAULT_MAPERR;
    if (what == VM_READ ? !p->prot : !(p->prot & what))
        return FAULT_ACCERR;
    if (p->vmo >= 0 && p->index >= vmo_pages[p->vmo] && !p->own)
        return FAULT_BUS;
    return 0;
}

static void check_read(u32 s, u32 page)
{
    struct page *p = &model[s][page];
    u64 value;
    int want = expected_fault(p, VM_READ), r = mem_access(space[s], va_of(page), VM_READ, &value);

    if (r != want)
        ck_abort_msg("reading page %u of space %u: %d, not %d", page, s, r, want);
    if (r == 0 && value != expected_value(p))
        ck_abort_msg("page %u of space %u is 0x%llx, not 0x%llx (%s)", page, s,
                     (unsigned long long)value, (unsigned long long)expected_value(p),
                     p->vmo < 0 ? "anonymous" : p->shared ? "shared" : "private");
}

static void do_write(u32 s, u32 page)
{
    struct page *p = &model[s][page];
    u64 value = unit_random() | 1;
    int want = expected_fault(p, VM_WRITE), r = mem_access(space[s], va_of(page), VM_WRITE, &value);

    if (r != want)
        ck_abort_msg("writing page %u of space %u: %d, not %d", page, s, r, want);
    if (r)
        return;
    if (p->shared) {
        contents[p->vmo][p->index] = value;
    } else {
        p->own = true;
        p->value = value;
    }
}

static void check_all(u32 s)
{
    for (u32 i = 0; i < PAGES; i++)
        check_read(s, i);
}

/* The mappings cover exactly the model's pages, with their rights, in order. */
static void check_mappings(u32 s)
{
    struct mapping *m;
    u64 at = 0, mapped = 0, locked = 0, count = 0;
    u32 page = 0;

    for (m = aspace_find(space[s], 0); m; m = aspace_next(m)) {
        CHECK_OP(m->node.key, >=, at);
        CHECK_OP(m->end, >, m->node.key);
        at = m->end;
        count++;
        mapped += m->end - m->node.key;
        locked += m->flags & MAP_F_LOCKED ? m->end - m->node.key : 0;
        for (; page < PAGES && va_of(page) < m->end; page++) {
            bool in = va_of(page) >= m->node.key;

            CHECK_EQ(model[s][page].mapped, in);
            if (in) {
                CHECK_EQ(model[s][page].prot, m->prot);
                CHECK_EQ(model[s][page].lock, m->flags & MAP_F_LOCK_MASK);
            }
        }
    }
    for (; page < PAGES; page++)
        CHECK(!model[s][page].mapped);
    CHECK_EQ(space[s]->count, count);
    CHECK_EQ(space[s]->mapped, mapped);
    CHECK_EQ(space[s]->locked, locked);
}

/* --- random operations ------------------------------------------------------------------------ */

static u32 random_prot(void)
{
    static const u32 prots[] = {
        0, VM_READ, RW, RW, RW, RW | VM_EXEC, VM_READ | VM_EXEC, VM_WRITE
    };

    return prots[unit_below(ARRAY_SIZE(prots))];
}

static u32 random_len(u32 page)
{
    u32 n = unit_below(4) ? 1 + unit_below(20) : 1 + unit_below(1100);

    return MIN(n, PAGES - page);
}

static void model_map(u32 s, u32 page, u32 n, u32 prot, bool shared, int v, u32 index)
{
    for (u32 i = 0; i < n; i++)
        model[s][page + i] = (struct page){
            .mapped = true, .shared = shared, .prot = prot, .vmo = v, .index = index + i
        };
}

/* What the search for an address found has nothing in it. */
static u32 found_page(u32 s, s64 addr, u32 n)
{
    u32 page = (u32)(((u64)addr - BASE) >> PAGE_SHIFT);

    CHECK((u64)addr >= BASE && page + n <= PAGES);
    for (u32 i = 0; i < n; i++)
        CHECK(!model[s][page + i].mapped);
    return page;
}

static bool has_gap(u32 s, u32 n)
{
    u32 free = 0;

    for (u32 i = 0; i < PAGES; i++) {
        free = model[s][i].mapped ? 0 : free + 1;
        if (free == n)
            return true;
    }
    return false;
}

static void do_map(u32 s)
{
    u32 page = unit_below(PAGES), n = random_len(page), index = 0;
    int v = unit_below(2) ? -1 : (int)unit_below(VMOS);
    struct map_args a = { .len = n * PAGE_SIZE, .prot = random_prot(), .max_prot = 7 };
    s64 r;

    if (v >= 0) {
        a.flags = unit_below(2) ? MAP_F_SHARED : 0;
        index = unit_below(VMO_PAGES);
        n = MIN(n, VMO_PAGES - index);
        a.len = n * PAGE_SIZE - unit_below(2);
        a.vmo = vmo[v];
        a.off = index * PAGE_SIZE;
    }
    a.fixed = unit_below(2);
    a.noreplace = a.fixed && unit_below(4) == 0;
    a.addr = a.fixed || unit_below(2) ? va_of(page) : 0;
    r = aspace_map(space[s], &a);
    if (a.fixed && a.noreplace) {
        bool taken = false;

        for (u32 i = 0; i < n; i++)
            taken |= model[s][page + i].mapped;
        if (taken) {
            CHECK_EQ(r, -EEXIST);
            return;
        }
    }
    if (a.fixed) {
        CHECK_EQ(r, va_of(page));
    } else if (r < 0) {
        CHECK_EQ(r, -ENOMEM);
        CHECK(!has_gap(s, n));
        return;
    } else {
        page = found_page(s, r, n);
    }
    model_map(s, page, n, a.prot, a.flags & MAP_F_SHARED, v, index);
}

static void do_unmap(u32 s)
{
    u32 page = unit_below(PAGES), n = random_len(page);

    CHECK_EQ(aspace_unmap(space[s], va_of(page), n * PAGE_SIZE), 0);
    memset(&model[s][page], 0, n * sizeof(struct page));
}

static void do_protect(u32 s)
{
    u32 page = unit_below(PAGES), n = random_len(page), prot = random_prot();
    bool gap = false;
    int r = aspace_protect(space[s], va_of(page), n * PAGE_SIZE, prot);

    for (u32 i = 0; i < n; i++)
        gap |= !model[s][page + i].mapped;
    CHECK_EQ(r, gap ? -ENOMEM : 0);
    for (u32 i = 0; i < n && !gap; i++)
        model[s][page + i].prot = prot;
}

static void do_drop(u32 s)
{
    u32 page = unit_below(PAGES), n = random_len(page);
    bool gap = false;
    int r;

    for (u32 i = 0; i < n; i++)
        if (model[s][page + i].lock)
            return; /* EINVAL, from there on */
    r = aspace_advise(space[s], va_of(page), n * PAGE_SIZE, MADV_DONTNEED);
    for (u32 i = 0; i < n; i++) {
        gap |= !model[s][page + i].mapped;
        model[s][page + i].own = false;
    }
    CHECK_EQ(r, gap ? -ENOMEM : 0);
}

static void do_hint(u32 s)
{
    static const int hints[] = { MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_WILLNEED, MADV_NORMAL };
    u32 page = unit_below(PAGES), n = random_len(page);

    aspace_advise(space[s], va_of(page), n * PAGE_SIZE, hints[unit_below(4)]);
}

static void do_lock(u32 s)
{
    static const u32 locks[] = { 0, 0, MAP_F_LOCKED, MAP_F_LOCKED | MAP_F_ONFAULT };
    u32 page = unit_below(PAGES), n = random_len(page), lock = locks[unit_below(4)];
    u64 limit = unit_below(2) ? UINT64_MAX : unit_below(PAGES) * PAGE_SIZE, after = space[s]->locked;
    bool gap = false;
    int r;

    for (u32 i = 0; i < n; i++) {
        gap |= !model[s][page + i].mapped;
        after += model[s][page + i].lock ? 0 : PAGE_SIZE;
    }
    r = aspace_lock(space[s], va_of(page), n * PAGE_SIZE, lock, limit);
    CHECK_EQ(r, gap || (lock && after > limit) ? -ENOMEM : 0);
    for (u32 i = 0; i < n && r == 0; i++)
        model[s][page + i].lock = lock;
}

static void do_fill(u32 s)
{
    u32 page = unit_below(PAGES), n = random_len(page), how = unit_below(3); /* 0, VM_READ, VM_WRITE */
    int want = 0;

    for (u32 i = 0; i < n && want == 0; i++) {
        struct page *p = &model[s][page + i];
        u32 access = how ? how : (p->prot & VM_WRITE) && !p->shared ? VM_WRITE : VM_READ;

        if (!how && p->mapped && (p->lock & MAP_F_ONFAULT))
            continue;
        want = expected_fault(p, access);
        if (want == 0 && access == VM_WRITE && !p->shared && !p->own) {
            p->value = expected_value(p);
            p->own = true;
        }
    }
    CHECK_EQ(aspace_fill(space[s], va_of(page), n * PAGE_SIZE, how), want);
}

/* Pages that one mapping can have: alike, and following each other in their VMO. */
static bool alike(u32 s, u32 page, u32 n)
{
    for (u32 i = 0; i < n; i++) {
        const struct page *a = &model[s][page], *b = &model[s][page + i];

        if (!b->mapped || a->prot != b->prot || a->shared != b->shared || a->vmo != b->vmo ||
            a->lock != b->lock || (a->vmo >= 0 && b->index != a->index + i))
            return false;
    }
    return true;
}

static void do_remap(u32 s)
{
    static struct page moved[PAGES];
    u32 page = unit_below(PAGES), n = random_len(page), m = random_len(page), to, flags = 0;
    u64 new_addr = 0;
    bool fixed = unit_below(4) == 0;
    struct page p = model[s][page];
    s64 r;

    if (unit_below(2)) /* most random ranges are not alike */
        for (n = 1; page + n < PAGES && n < 600 && alike(s, page, n + 1); n++)
            ;
    if (p.vmo >= 0 && p.mapped)
        m = MIN(m, VMO_PAGES - p.index);
    if (fixed || unit_below(2))
        flags |= MREMAP_MAYMOVE;
    to = unit_below(PAGES - m + 1);
    if (fixed) {
        flags |= MREMAP_FIXED;
        new_addr = va_of(to);
    }
    r = aspace_remap(space[s], va_of(page), n * PAGE_SIZE, m * PAGE_SIZE, flags, new_addr);
    if (!alike(s, page, n)) {
        CHECK_OP(r, <, 0);
        CHECK(r == -EFAULT || (fixed && r == -EINVAL));
        return;
    }
    if (fixed && page < to + m && to < page + n) {
        CHECK(r == -EINVAL || r == -EFAULT);
        return;
    }
    if (r < 0) { /* pages that look alike may still be of two mappings */
        CHECK(r == -EFAULT ||
              (r == -ENOMEM && m > n && (!(flags & MREMAP_MAYMOVE) || !has_gap(s, m))));
        return;
    }
    memcpy(moved, &model[s][page], n * sizeof(moved[0]));
    for (u32 i = n; i < m; i++)
        moved[i] = (struct page){ .mapped = true, .prot = p.prot, .shared = p.shared, .vmo = p.vmo,
                                  .index = p.index + i, .lock = p.lock };
    memset(&model[s][page], 0, n * sizeof(moved[0]));
    if (fixed) {
        CHECK_EQ(r, new_addr);
    } else if ((u64)r != va_of(page)) {
        CHECK(m > n);
        to = found_page(s, r, m);
    } else {
        to = page;
        for (u32 i = 0; i < m; i++)
            CHECK(!model[s][page + i].mapped);
    }
    memcpy(&model[s][to], moved, m * sizeof(moved[0]));
}

static void do_fork(u32 s)
{
    u32 c = unit_below(SPACES);

    if (c == s)
        return;
    if (space[c])
        aspace_unref(space[c]);
    space[c] = aspace_fork(space[s]);
    CHECK(space[c]);
    memcpy(model[c], model[s], sizeof(model[s]));
    for (u32 i = 0; i < PAGES; i++)
        model[c][i].lock = 0;
}

/* Writes that come over the VMO itself, as write(2) of a file makes them. */
/* The VMO ends at this page: what private mappings have changed behind it is gone. */
static void lose_copies(int v, u32 pages)
{
    for (u32 s = 0; s < SPACES; s++)
        for (u32 i = 0; i < PAGES; i++)
            if (model[s][i].mapped && model[s][i].vmo == v && model[s][i].index >= pages)
                model[s][i].own = false;
}

static void do_vmo(void)
{
    u32 v = unit_below(VMOS), index = unit_below(VMO_PAGES);
    u64 value = unit_random();
    ssize_t r;

    if (v == 2 && unit_below(8) == 0) { /* the one that changes its size */
        u64 pages = unit_below(VMO_PAGES);

        CHECK_EQ(vmo_resize(vmo[v], pages * PAGE_SIZE), 0);
        lose_copies((int)v, (u32)pages);
        for (u64 i = pages; i < vmo_pages[v]; i++)
            contents[v][i] = 0;
        vmo_pages[v] = pages;
        return;
    }
    r = vmo_write(vmo[v], index * PAGE_SIZE, &value, sizeof(value));
    if (index < vmo_pages[v]) {
        CHECK_EQ(r, sizeof(value));
        contents[v][index] = value;
    } else {
        CHECK_EQ(r, 0);
    }
}

static void do_access(u32 s)
{
    u32 page = unit_below(PAGES), n = random_len(page);

    for (u32 i = 0; i < n; i++)
        if (unit_below(2))
            do_write(s, page + i);
        else
            check_read(s, page + i);
}

static void one_step(u32 s)
{
    switch (unit_below(22)) {
    case 0: case 1: case 2: do_map(s); break;
    case 3: do_unmap(s); break;
    case 4: case 5: do_protect(s); break;
    case 6: do_drop(s); break;
    case 7: case 8: case 9: do_remap(s); break;
    case 10: if (!unit_below(4)) do_fork(s); break;
    case 11: do_vmo(); break;
    case 12: if (!unit_below(4)) do_hint(s); break;
    case 13: do_lock(s); break;
    case 14: do_fill(s); break;
    default: do_access(s); break;
    }
}

START_TEST(random_operations_match_the_model)
{
    unit_seed((u64)_i);
    spaces_start();
    for (u32 v = 0; v < VMOS; v++) {
        vmo_pages[v] = VMO_PAGES - v * 100;
        vmo[v] = vmo_create(vmo_pages[v] * PAGE_SIZE, NULL, NULL);
    }
    space[0] = aspace_create();
    /* All but the model's pages is taken. */
    map_anon(space[0], USER_MIN, (BASE - USER_MIN) >> PAGE_SHIFT, 0);
    map_anon(space[0], va_of(PAGES), (USER_TOP - va_of(PAGES)) >> PAGE_SHIFT, 0);
    for (int step = 0; step < 1500; step++) {
        u32 s = unit_below(SPACES);

        if (!space[s])
            continue;
        one_step(s);
        if (step % 50 == 0)
            check_mappings(s);
        if (step % 250 == 0)
            check_all(s);
    }
    for (u32 s = 0; s < SPACES; s++) {
        if (space[s]) {
            check_mappings(s);
            check_all(s);
        }
    }
    spaces_drop();
    for (u32 v = 0; v < VMOS; v++)
        vmo_unref(vmo[v]);
    spaces_end();
}
END_TEST

UNIT_MAIN("aspace_model", SEEDS(random_operations_match_the_model, 12))
