/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address spaces and page faults (mm/aspace*.c, mm/tlb.c) over a page table and a TLB of our own,
 * against a model that knows what each page is to show.
 */
#include "arch/mmu.h"
#include "arch/percpu.h"
#include "core/string.h"
#include "mm/aspace_impl.h"
#include "mm/frame.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#include <linux/mman.h>
#include <stdlib.h>

#define MIB (UINT64_C(1) << 20)
#define BASE (UINT64_C(0x40000000) - 5 * PAGE_SIZE) /* not at the border of a huge page */
#define PAGES 2560u                                 /* 10 MiB */
#define SPACES 4u
#define VMOS 3u
#define VMO_PAGES 700u
#define RW (VM_READ | VM_WRITE)

/* --- the model -------------------------------------------------------------------------------- */

struct page {
    bool mapped, shared;
    u32 prot;
    int vmo;      /* -1: anonymous */
    u32 index;    /* in the VMO */
    bool own;     /* private: value is the page's own */
    u64 value;
};

static struct page model[SPACES][PAGES];
static struct aspace *space[SPACES];
static struct vmo *vmo[VMOS];
static u64 contents[VMOS][VMO_PAGES];
static u64 vmo_pages[VMOS];
static u64 first_used;

static u64 va_of(u32 page)
{
    return BASE + page * PAGE_SIZE;
}

static void start(void)
{
    fake_ram(16 * MIB, 1024 * MIB);
    first_used = fake_frames_used();
}

static u64 map_anon(struct aspace *as, u64 addr, u64 pages, u32 prot)
{
    struct map_args a = { .addr = addr, .len = pages * PAGE_SIZE, .prot = prot, .max_prot = 7,
                          .fixed = addr != 0 };
    s64 r = aspace_map(as, &a);

    CHECK_OP(r, >, 0);
    return (u64)r;
}

/* --- accesses, as the processor makes them ---------------------------------------------------- */

/* The word at a page's start by a load or a store. 0, or the fault's code. */
static int access(struct aspace *as, u64 va, u32 what, u64 *value)
{
    aspace_switch(as);
    for (int tries = 0; tries < 4; tries++) {
        u64 pa = fake_translate(as->pt_root, va, what);
        int r;

        if (pa) {
            u64 *p = phys_to_virt(pa);

            if (what == VM_WRITE)
                *p = *value;
            else
                *value = *p;
            return 0;
        }
        r = aspace_fault(as, va, what);
        if (r)
            return r;
    }
    ck_abort_msg("a fault at 0x%llx comes again and again", (unsigned long long)va);
    return -1;
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
    int want = expected_fault(p, VM_READ), r = access(space[s], va_of(page), VM_READ, &value);

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
    int want = expected_fault(p, VM_WRITE), r = access(space[s], va_of(page), VM_WRITE, &value);

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
    u64 at = 0, mapped = 0, count = 0;
    u32 page = 0;

    for (m = aspace_find(space[s], 0); m; m = aspace_next(m)) {
        CHECK_OP(m->node.key, >=, at);
        CHECK_OP(m->end, >, m->node.key);
        at = m->end;
        count++;
        mapped += m->end - m->node.key;
        for (; page < PAGES && va_of(page) < m->end; page++) {
            bool in = va_of(page) >= m->node.key;

            CHECK_EQ(model[s][page].mapped, in);
            if (in)
                CHECK_EQ(model[s][page].prot, m->prot);
        }
    }
    for (; page < PAGES; page++)
        CHECK(!model[s][page].mapped);
    CHECK_EQ(space[s]->count, count);
    CHECK_EQ(space[s]->mapped, mapped);
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
        model[s][page + i] = (struct page) {
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
    int r = aspace_advise(space[s], va_of(page), n * PAGE_SIZE, MADV_DONTNEED);

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

/* Pages that one mapping can have: alike, and following each other in their VMO. */
static bool alike(u32 s, u32 page, u32 n)
{
    for (u32 i = 0; i < n; i++) {
        const struct page *a = &model[s][page], *b = &model[s][page + i];

        if (!b->mapped || a->prot != b->prot || a->shared != b->shared || a->vmo != b->vmo ||
            (a->vmo >= 0 && b->index != a->index + i))
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
                                  .index = p.index + i };
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
}

/* Writes that come over the VMO itself, as write(2) of a file makes them. */
static void do_vmo(void)
{
    u32 v = unit_below(VMOS), index = unit_below(VMO_PAGES);
    u64 value = unit_random();
    ssize_t r;

    if (v == 2 && unit_below(8) == 0) { /* the one that changes its size */
        u64 pages = unit_below(VMO_PAGES);

        CHECK_EQ(vmo_resize(vmo[v], pages * PAGE_SIZE), 0);
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
    switch (unit_below(20)) {
    case 0: case 1: case 2: do_map(s); break;
    case 3: do_unmap(s); break;
    case 4: case 5: do_protect(s); break;
    case 6: do_drop(s); break;
    case 7: case 8: case 9: do_remap(s); break;
    case 10: if (!unit_below(4)) do_fork(s); break;
    case 11: do_vmo(); break;
    case 12: if (!unit_below(4)) do_hint(s); break;
    default: do_access(s); break;
    }
}

static void end(void)
{
    for (u32 s = 0; s < SPACES; s++)
        if (space[s])
            aspace_unref(space[s]);
    for (u32 v = 0; v < VMOS; v++)
        if (vmo[v])
            vmo_unref(vmo[v]);
    CHECK_EQ(fake_blocks, 0);
    /* All came back but the structs of frames that growth has taken. */
    CHECK_OP(fake_frames_used(), <=, first_used + 4 * HUGE_PAGES);
}

START_TEST(random_operations_match_the_model)
{
    unit_seed((u64)_i);
    start();
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
    end();
}
END_TEST

/* --- single promises -------------------------------------------------------------------------- */

static void put(struct aspace *as, u64 va, u64 value)
{
    CHECK_EQ(access(as, va, VM_WRITE, &value), 0);
}

static u64 get(struct aspace *as, u64 va)
{
    u64 value = 0;

    CHECK_EQ(access(as, va, VM_READ, &value), 0);
    return value;
}

static int fault(struct aspace *as, u64 va, u32 what)
{
    u64 value = 1;

    return access(as, va, what, &value);
}

static struct aspace *one_space(void)
{
    start();
    space[0] = aspace_create();
    CHECK(space[0]);
    return space[0];
}

START_TEST(addresses_outside_of_the_user_half_are_refused)
{
    struct aspace *as = one_space();
    struct map_args a = { .len = PAGE_SIZE, .prot = RW, .max_prot = 7, .fixed = true };

    CHECK_EQ(aspace_map(as, &a), -EPERM);
    a.addr = USER_MIN - PAGE_SIZE;
    CHECK_EQ(aspace_map(as, &a), -EPERM);
    a.addr = USER_TOP;
    CHECK_EQ(aspace_map(as, &a), -ENOMEM);
    a.addr = USER_TOP - PAGE_SIZE;
    CHECK_EQ(aspace_map(as, &a), USER_TOP - PAGE_SIZE);
    a.addr = 0xffff800000000000;
    CHECK_EQ(aspace_map(as, &a), -ENOMEM);
    a.addr = USER_MIN + 1;
    CHECK_EQ(aspace_map(as, &a), -EINVAL);
    a.addr = USER_MIN;
    a.len = 0;
    CHECK_EQ(aspace_map(as, &a), -EINVAL);
    a.len = UINT64_MAX;
    CHECK_OP(aspace_map(as, &a), <, 0);
    a.len = USER_TOP;
    a.fixed = false;
    CHECK_EQ(aspace_map(as, &a), -ENOMEM);
    a.len = PAGE_SIZE;
    a.off = 100;
    CHECK_EQ(aspace_map(as, &a), -EINVAL);
    CHECK_EQ(aspace_unmap(as, USER_TOP + PAGE_SIZE, PAGE_SIZE), -EINVAL);
    CHECK_EQ(aspace_unmap(as, USER_MIN, 0), -EINVAL);
    CHECK_EQ(aspace_unmap(as, USER_MIN, UINT64_MAX - PAGE_SIZE), -EINVAL);
    CHECK_EQ(aspace_unmap(as, USER_MIN, PAGE_SIZE), 0); /* nothing there: no error */
    CHECK_EQ(fault(as, USER_TOP, VM_READ), FAULT_MAPERR);
    CHECK_EQ(fault(as, 0xffff800000000000, VM_READ), FAULT_MAPERR);
    CHECK_EQ(fault(as, 0, VM_READ), FAULT_MAPERR);
    CHECK_EQ(fault(as, USER_TOP - PAGE_SIZE, VM_EXEC), FAULT_ACCERR);
    end();
}
END_TEST

START_TEST(the_highest_gap_that_is_large_enough_is_taken)
{
    struct aspace *as = one_space();
    u64 a, b, c;

    a = map_anon(as, 0, 4, RW);
    CHECK_EQ(a, USER_TOP - 4 * PAGE_SIZE);
    b = map_anon(as, 0, 4, RW);
    CHECK_EQ(b, a - 4 * PAGE_SIZE);
    c = map_anon(as, 0, 4, RW);
    CHECK_EQ(c, b - 4 * PAGE_SIZE);
    CHECK_EQ(aspace_unmap(as, b, 4 * PAGE_SIZE), 0);
    CHECK_EQ(map_anon(as, 0, 1, RW), b + 3 * PAGE_SIZE);
    CHECK_EQ(map_anon(as, 0, 4, RW), c - 4 * PAGE_SIZE);
    CHECK_EQ(aspace_unmap(as, a, PAGE_SIZE), 0); /* from where the search goes on */
    CHECK_EQ(map_anon(as, 0, 1, RW), a);
    CHECK_EQ(map_anon(as, 0, 3, RW), b);
    end();
}
END_TEST

START_TEST(a_hint_is_taken_if_it_is_free)
{
    struct aspace *as = one_space();
    struct map_args a = { .addr = 0x10000000, .len = PAGE_SIZE, .prot = RW, .max_prot = 7 };

    CHECK_EQ(aspace_map(as, &a), 0x10000000);
    CHECK_EQ(aspace_map(as, &a), USER_TOP - PAGE_SIZE);
    a.addr = 0x20000123;
    CHECK_EQ(aspace_map(as, &a), 0x20000000);
    end();
}
END_TEST

START_TEST(no_right_beyond_max_prot_is_given)
{
    struct aspace *as = one_space();
    struct map_args a = { .addr = 0x10000000, .len = 3 * PAGE_SIZE, .prot = VM_READ,
                          .max_prot = VM_READ, .fixed = true };

    aspace_map(as, &a);
    CHECK_EQ(aspace_protect(as, a.addr, PAGE_SIZE, RW), -EACCES);
    CHECK_EQ(aspace_protect(as, a.addr, PAGE_SIZE, 0), 0);
    CHECK_EQ(fault(as, a.addr, VM_READ), FAULT_ACCERR);
    CHECK_EQ(fault(as, a.addr + PAGE_SIZE, VM_WRITE), FAULT_ACCERR);
    /* Of which a part is not allowed: nothing changes. */
    map_anon(as, a.addr + 3 * PAGE_SIZE, 1, RW);
    CHECK_EQ(aspace_protect(as, a.addr + 2 * PAGE_SIZE, 2 * PAGE_SIZE, RW), -EACCES);
    CHECK_EQ(fault(as, a.addr + 2 * PAGE_SIZE, VM_WRITE), FAULT_ACCERR);
    a.flags = MAP_F_KERNEL;
    a.addr += 8 * PAGE_SIZE;
    a.max_prot = 7;
    aspace_map(as, &a);
    CHECK_EQ(aspace_protect(as, a.addr, PAGE_SIZE, RW), -EACCES);
    CHECK_EQ(aspace_remap(as, a.addr, PAGE_SIZE, 2 * PAGE_SIZE, MREMAP_MAYMOVE, 0), -EINVAL);
    end();
}
END_TEST

START_TEST(mappings_that_become_alike_again_are_joined)
{
    struct aspace *as = one_space();
    u64 a = map_anon(as, 0x10000000, 16, RW);

    put(as, a, 1);
    CHECK_EQ(aspace_protect(as, a + 4 * PAGE_SIZE, 4 * PAGE_SIZE, VM_READ), 0);
    CHECK_EQ(as->count, 3);
    CHECK_EQ(aspace_protect(as, a + 4 * PAGE_SIZE, 4 * PAGE_SIZE, RW), 0);
    CHECK_EQ(as->count, 1);
    CHECK_EQ(get(as, a), 1);
    end();
}
END_TEST

/* A program that uses mprotect on pages one by one must not run out of mappings. */
START_TEST(a_range_of_several_mappings_is_joined_when_protected_as_one)
{
    struct aspace *as = one_space();
    u64 a = map_anon(as, 0x10000000, 16, RW);

    put(as, a, 1);
    for (u64 i = 0; i < 16; i += 2)
        CHECK_EQ(aspace_protect(as, a + i * PAGE_SIZE, PAGE_SIZE, VM_READ), 0);
    CHECK_EQ(as->count, 16);
    CHECK_EQ(aspace_protect(as, a, 16 * PAGE_SIZE, VM_READ | VM_EXEC), 0);
    CHECK_EQ(as->count, 1);
    end();
}
END_TEST

START_TEST(a_part_that_moved_and_grew_does_not_show_what_stayed)
{
    struct aspace *as = one_space();
    u64 a = map_anon(as, 0x10000000, 4, RW);
    s64 b;

    for (u64 i = 0; i < 4; i++)
        put(as, a + i * PAGE_SIZE, 100 + i);
    b = aspace_remap(as, a + PAGE_SIZE, PAGE_SIZE, 2 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
    CHECK_OP(b, >, 0);
    CHECK_EQ(get(as, (u64)b), 101);
    CHECK_EQ(get(as, (u64)b + PAGE_SIZE), 0);
    put(as, (u64)b + PAGE_SIZE, 7);
    CHECK_EQ(get(as, a + 2 * PAGE_SIZE), 102);
    end();
}
END_TEST

START_TEST(what_stayed_and_grew_does_not_show_the_part_that_moved)
{
    struct aspace *as = one_space();
    u64 a = map_anon(as, 0x10000000, 2, RW);
    s64 b;

    put(as, a, 100);
    put(as, a + PAGE_SIZE, 101);
    b = aspace_remap(as, a + PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
                     0x20000000);
    CHECK_EQ(b, 0x20000000);
    CHECK_EQ(aspace_remap(as, a, PAGE_SIZE, 2 * PAGE_SIZE, 0, 0), a);
    CHECK_EQ(get(as, a + PAGE_SIZE), 0);
    put(as, a + PAGE_SIZE, 7);
    CHECK_EQ(get(as, (u64)b), 101);
    end();
}
END_TEST

START_TEST(mremap_of_no_length_shows_shared_memory_twice)
{
    struct aspace *as = one_space();
    struct vmo *v = vmo_create(4 * PAGE_SIZE, NULL, NULL);
    struct map_args a = { .addr = 0x10000000, .len = 4 * PAGE_SIZE, .prot = RW, .max_prot = 7,
                          .flags = MAP_F_SHARED, .fixed = true, .vmo = v };
    s64 b;

    CHECK_EQ(aspace_map(as, &a), 0x10000000);
    vmo_unref(v);
    b = aspace_remap(as, 0x10000000 + PAGE_SIZE, 0, 2 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
    CHECK_OP(b, >, 0);
    put(as, 0x10000000 + 2 * PAGE_SIZE, 5);
    CHECK_EQ(get(as, (u64)b + PAGE_SIZE), 5);
    map_anon(as, 0x20000000, 1, RW);
    CHECK_EQ(aspace_remap(as, 0x20000000, 0, PAGE_SIZE, MREMAP_MAYMOVE, 0), -EINVAL);
    end();
}
END_TEST

START_TEST(the_break_grows_and_shrinks)
{
    struct aspace *as = one_space();
    u64 b = 0x10000000;

    as->brk_start = as->brk = b + 100;
    CHECK_EQ(aspace_set_brk(as, 0), b + 100);
    CHECK_EQ(aspace_set_brk(as, b + 5 * PAGE_SIZE), b + 5 * PAGE_SIZE);
    put(as, b + 4 * PAGE_SIZE, 9);
    CHECK_EQ(fault(as, b + 5 * PAGE_SIZE, VM_READ), FAULT_MAPERR);
    CHECK_EQ(aspace_set_brk(as, b + 10 * PAGE_SIZE + 1), b + 10 * PAGE_SIZE + 1);
    CHECK_EQ(as->count, 1);
    put(as, b + 10 * PAGE_SIZE, 9);
    CHECK_EQ(aspace_set_brk(as, b + 2 * PAGE_SIZE), b + 2 * PAGE_SIZE);
    CHECK_EQ(fault(as, b + 4 * PAGE_SIZE, VM_READ), FAULT_MAPERR);
    CHECK_EQ(aspace_set_brk(as, b + 5 * PAGE_SIZE), b + 5 * PAGE_SIZE);
    CHECK_EQ(get(as, b + 4 * PAGE_SIZE), 0);
    CHECK_EQ(aspace_set_brk(as, b), b + 5 * PAGE_SIZE); /* below its start */
    map_anon(as, b + 8 * PAGE_SIZE, 1, RW);
    CHECK_EQ(aspace_set_brk(as, b + 9 * PAGE_SIZE), b + 5 * PAGE_SIZE); /* in the way */
    end();
}
END_TEST

START_TEST(a_stack_grows_down_to_its_limit)
{
    struct aspace *as = one_space();
    u64 top = 0x40000000, limit = 64 * PAGE_SIZE;
    struct map_args a = { .addr = top - 4 * PAGE_SIZE, .len = 4 * PAGE_SIZE, .prot = RW,
                          .max_prot = 7, .flags = MAP_F_STACK, .fixed = true };

    as->stack_limit = limit;
    aspace_map(as, &a);
    put(as, top - PAGE_SIZE, 1);
    put(as, top - 20 * PAGE_SIZE, 2);
    CHECK_EQ(get(as, top - 4 * PAGE_SIZE), 0);
    put(as, top - limit, 3);
    CHECK_EQ(fault(as, top - limit - PAGE_SIZE, VM_WRITE), FAULT_MAPERR);
    CHECK_EQ(get(as, top - PAGE_SIZE), 1);
    CHECK_EQ(get(as, top - 20 * PAGE_SIZE), 2);
    end();
}
END_TEST

START_TEST(a_stack_keeps_its_distance_to_what_is_below)
{
    struct aspace *as = one_space();
    u64 top = 0x40000000;
    struct map_args a = { .addr = top - PAGE_SIZE, .len = PAGE_SIZE, .prot = RW, .max_prot = 7,
                          .flags = MAP_F_STACK, .fixed = true };

    aspace_map(as, &a);
    map_anon(as, top - 300 * PAGE_SIZE, 1, RW);
    CHECK_EQ(fault(as, top - 43 * PAGE_SIZE, VM_WRITE), 0);
    CHECK_EQ(fault(as, top - 44 * PAGE_SIZE, VM_WRITE), FAULT_MAPERR);
    end();
}
END_TEST

START_TEST(fork_leaves_out_and_wipes_what_was_asked_for)
{
    struct aspace *as = one_space(), *c;
    u64 a = map_anon(as, 0x10000000, 3, RW);

    for (u64 i = 0; i < 3; i++)
        put(as, a + i * PAGE_SIZE, 5 + i);
    CHECK_EQ(aspace_advise(as, a, PAGE_SIZE, MADV_DONTFORK), 0);
    CHECK_EQ(aspace_advise(as, a + PAGE_SIZE, PAGE_SIZE, MADV_WIPEONFORK), 0);
    c = space[1] = aspace_fork(as);
    CHECK_EQ(fault(c, a, VM_READ), FAULT_MAPERR);
    CHECK_EQ(get(c, a + PAGE_SIZE), 0);
    CHECK_EQ(get(c, a + 2 * PAGE_SIZE), 7);
    CHECK_EQ(get(as, a), 5);
    end();
}
END_TEST

START_TEST(large_memory_comes_in_huge_pages)
{
    struct aspace *as = one_space();
    u64 a = map_anon(as, 0x10000000, 4 * HUGE_PAGES, RW), faults;

    faults = this_cpu()->page->page_faults;
    for (u64 i = 0; i < 4 * HUGE_PAGES; i++)
        put(as, a + i * PAGE_SIZE, i);
    CHECK_EQ(this_cpu()->page->page_faults, faults + 4);
    /* One page of it goes, and comes again. */
    CHECK_EQ(aspace_advise(as, a + 7 * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED), 0);
    CHECK_EQ(get(as, a + 7 * PAGE_SIZE), 0);
    CHECK_EQ(get(as, a + 8 * PAGE_SIZE), 8);
    space[1] = aspace_fork(as);
    put(space[1], a + 600 * PAGE_SIZE, 1);
    put(as, a + 601 * PAGE_SIZE, 2);
    CHECK_EQ(get(as, a + 600 * PAGE_SIZE), 600);
    CHECK_EQ(get(space[1], a + 601 * PAGE_SIZE), 601);
    CHECK_EQ(get(space[1], a + 602 * PAGE_SIZE), 602);
    end();
}
END_TEST

START_TEST(other_processes_memory_can_be_read_and_written)
{
    struct aspace *as = one_space();
    u64 a = map_anon(as, 0x10000000, 2, RW);
    char buf[100];

    CHECK_EQ(aspace_write(as, a + PAGE_SIZE - 5, "0123456789", 10), 10);
    CHECK_EQ(aspace_read(as, a + PAGE_SIZE - 5, buf, 10), 10);
    CHECK(!memcmp(buf, "0123456789", 10));
    CHECK_EQ(aspace_read(as, a + 2 * PAGE_SIZE - 5, buf, 100), 5);
    CHECK_EQ(aspace_read(as, a + 2 * PAGE_SIZE, buf, 1), -EFAULT);
    CHECK_EQ(aspace_protect(as, a, PAGE_SIZE, VM_READ), 0);
    CHECK_EQ(aspace_write(as, a, "x", 1), -EFAULT);
    end();
}
END_TEST

START_TEST(sync_and_mincore_see_gaps)
{
    struct aspace *as = one_space();
    u64 a = map_anon(as, 0x10000000, 4, RW);
    u8 vec[4];

    put(as, a + PAGE_SIZE, 1);
    CHECK_EQ(aspace_mincore(as, a, 4 * PAGE_SIZE, vec), 0);
    CHECK(!vec[0] && vec[1] && !vec[2] && !vec[3]);
    CHECK_EQ(aspace_sync(as, a, 4 * PAGE_SIZE, MS_SYNC), 0);
    CHECK_EQ(aspace_sync(as, a, 5 * PAGE_SIZE, MS_SYNC), -ENOMEM);
    CHECK_EQ(aspace_sync(as, a, PAGE_SIZE, MS_SYNC | MS_ASYNC), -EINVAL);
    aspace_unmap(as, a + 2 * PAGE_SIZE, PAGE_SIZE);
    CHECK_EQ(aspace_mincore(as, a, 4 * PAGE_SIZE, vec), -ENOMEM);
    CHECK_EQ(aspace_sync(as, a, 4 * PAGE_SIZE, MS_SYNC), -ENOMEM);
    end();
}
END_TEST

/* Each operation fails at each of its allocations in turn; then what is mapped is as before. */
START_TEST(without_memory_an_operation_changes_nothing)
{
    struct aspace *as = one_space();
    u64 a = 0x10000000;
    struct map_args over = { .addr = a + 2 * PAGE_SIZE, .len = 3 * PAGE_SIZE, .prot = VM_READ,
                             .max_prot = 7, .fixed = true };

    for (int op = 0; op < 5; op++) {
        bool failed = true;

        for (u64 n = 1; failed; n++) {
            s64 r = 0;

            aspace_unmap(as, a, 64 * PAGE_SIZE);
            map_anon(as, a, 10, RW);
            for (u64 i = 0; i < 10; i++)
                put(as, a + i * PAGE_SIZE, 100 + i);
            fake_failed = false;
            fake_fail_after = n;
            switch (op) {
            case 0: r = aspace_unmap(as, a + 3 * PAGE_SIZE, 3 * PAGE_SIZE); break;
            case 1: r = aspace_protect(as, a + 3 * PAGE_SIZE, 3 * PAGE_SIZE, VM_READ); break;
            case 2: r = aspace_map(as, &over); break;
            case 3:
                r = aspace_remap(as, a + 3 * PAGE_SIZE, 3 * PAGE_SIZE, 6 * PAGE_SIZE,
                                 MREMAP_MAYMOVE, 0);
                break;
            default:
                space[1] = aspace_fork(as);
                r = space[1] ? 0 : -ENOMEM;
                break;
            }
            fake_fail_after = 0;
            failed = fake_failed;
            CHECK_EQ(r < 0 ? r : 0, failed ? -ENOMEM : 0);
            if (space[1])
                aspace_unref(space[1]);
            space[1] = NULL;
            for (u64 i = 0; i < 10 && (failed || op == 4); i++) {
                if (get(as, a + i * PAGE_SIZE) != 100 + i)
                    ck_abort_msg("operation %d without its allocation %d: page %d", op, (int)n,
                                 (int)i);
                put(as, a + i * PAGE_SIZE, 100 + i);
            }
        }
    }
    end();
}
END_TEST

UNIT_MAIN("aspace", ONCE(addresses_outside_of_the_user_half_are_refused),
          ONCE(the_highest_gap_that_is_large_enough_is_taken), ONCE(a_hint_is_taken_if_it_is_free),
          ONCE(no_right_beyond_max_prot_is_given),
          ONCE(mappings_that_become_alike_again_are_joined),
          ONCE(a_range_of_several_mappings_is_joined_when_protected_as_one),
          ONCE(a_part_that_moved_and_grew_does_not_show_what_stayed),
          ONCE(what_stayed_and_grew_does_not_show_the_part_that_moved),
          ONCE(mremap_of_no_length_shows_shared_memory_twice), ONCE(the_break_grows_and_shrinks),
          ONCE(a_stack_grows_down_to_its_limit), ONCE(a_stack_keeps_its_distance_to_what_is_below),
          ONCE(fork_leaves_out_and_wipes_what_was_asked_for),
          ONCE(large_memory_comes_in_huge_pages),
          ONCE(other_processes_memory_can_be_read_and_written), ONCE(sync_and_mincore_see_gaps),
          ONCE(without_memory_an_operation_changes_nothing),
          SEEDS(random_operations_match_the_model, 12))
