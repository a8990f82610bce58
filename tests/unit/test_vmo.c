/* SPDX-License-Identifier: Apache-2.0 */
/* VMOs by themselves: mm/vmo.c. Mapped ones are in test_aspace.c. */
#include "core/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "mm/vmo.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#define MIB (UINT64_C(1) << 20)

static void start(void)
{
    fake_ram(16 * MIB, 64 * MIB);
}

static u64 get(struct vmo *v, u64 index, bool write)
{
    u64 word = 0;

    mutex_lock(&v->lock);
    CHECK_EQ(vmo_get_page(v, index, write, &word), 0);
    mutex_unlock(&v->lock);
    return word;
}

START_TEST(pages_are_made_as_zeros_when_used)
{
    struct vmo *v;
    u64 used, word;
    u8 buf[100];

    start();
    used = fake_frames_used();
    v = vmo_create(3 * PAGE_SIZE, NULL, NULL);
    CHECK_EQ(v->resident, 0);
    CHECK_EQ(vmo_read(v, PAGE_SIZE, buf, sizeof(buf)), 100);
    for (u32 i = 0; i < sizeof(buf); i++)
        CHECK_EQ(buf[i], 0);
    CHECK_EQ(v->resident, 1);
    word = get(v, 1, true);
    CHECK_EQ(word, vmo_resident_page(v, 1));
    CHECK_EQ(vmo_resident_page(v, 0), 0);
    mutex_lock(&v->lock);
    CHECK_EQ(vmo_get_page(v, 3, false, &word), -ENXIO);
    mutex_unlock(&v->lock);
    vmo_unref(v);
    CHECK_EQ(fake_frames_used(), used);
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

START_TEST(reads_and_writes_end_at_the_size)
{
    struct vmo *v;
    char buf[8192];

    start();
    v = vmo_create(5000, NULL, NULL);
    memset(buf, 'x', sizeof(buf));
    CHECK_EQ(vmo_write(v, 4000, buf, sizeof(buf)), 1000);
    CHECK_EQ(vmo_write(v, 5000, buf, 1), 0);
    CHECK_EQ(vmo_read(v, 0, buf, sizeof(buf)), 5000);
    CHECK(buf[3999] == 0 && buf[4000] == 'x' && buf[4999] == 'x');
    CHECK_EQ(vmo_read(v, 4999, buf, 10), 1);
    CHECK_EQ(vmo_read(v, 5000, buf, 10), 0);
    CHECK_EQ(vmo_read(v, UINT64_MAX - 5, buf, 10), 0);
    vmo_unref(v);
}
END_TEST

START_TEST(what_was_cut_off_reads_as_zeros_when_it_grows_again)
{
    struct vmo *v;
    char buf[12288];
    u64 used;

    start();
    used = fake_frames_used();
    v = vmo_create(sizeof(buf), NULL, NULL);
    memset(buf, 'x', sizeof(buf));
    vmo_write(v, 0, buf, sizeof(buf));
    CHECK_EQ(v->resident, 3);
    CHECK_EQ(vmo_resize(v, 100), 0);
    CHECK_EQ(v->resident, 1);
    CHECK_EQ(fake_frames_used(), used + 1);
    CHECK_EQ(vmo_resize(v, sizeof(buf)), 0);
    CHECK_EQ(vmo_read(v, 0, buf, sizeof(buf)), sizeof(buf));
    for (u32 i = 0; i < sizeof(buf); i++)
        CHECK_EQ(buf[i], i < 100 ? 'x' : 0);
    vmo_unref(v);
    CHECK_EQ(fake_frames_used(), used);
}
END_TEST

START_TEST(clones_share_until_one_side_writes)
{
    struct vmo *a, *b;
    u64 used, x, y;
    char c;

    start();
    used = fake_frames_used();
    a = vmo_create(VMO_UNBOUNDED, NULL, NULL);
    for (u64 i = 0; i < 10; i++)
        vmo_write(a, i * PAGE_SIZE, "a", 1);
    CHECK_EQ(fake_frames_used(), used + 10);
    b = vmo_clone(a, 2, 5);
    CHECK_EQ(b->resident, 5);
    CHECK_EQ(fake_frames_used(), used + 10);
    CHECK_EQ(vmo_resident_page(b, 1), 0);
    CHECK_EQ(vmo_resident_page(b, 7), 0);
    CHECK_EQ(get(a, 2, false), get(b, 2, false));
    x = get(a, 2, false);
    y = get(b, 2, true); /* copies */
    CHECK(x != y);
    CHECK_EQ(get(a, 2, true), x); /* alone now: not copied */
    vmo_write(a, 3 * PAGE_SIZE, "A", 1);
    CHECK_EQ(vmo_read(b, 3 * PAGE_SIZE, &c, 1), 1);
    CHECK_EQ(c, 'a');
    vmo_read(b, 9 * PAGE_SIZE, &c, 1);
    CHECK_EQ(c, 0); /* outside of what was cloned */
    vmo_unref(a);
    vmo_read(b, 4 * PAGE_SIZE, &c, 1);
    CHECK_EQ(c, 'a');
    vmo_unref(b);
    CHECK_EQ(fake_frames_used(), used);
}
END_TEST

START_TEST(a_clone_that_finds_no_memory_leaves_nothing)
{
    struct vmo *a, *b;
    u64 used;
    s64 blocks;

    start();
    a = vmo_create(VMO_UNBOUNDED, NULL, NULL);
    for (u64 i = 0; i < 5; i++)
        vmo_write(a, i << 30, "a", 1);
    used = fake_frames_used();
    blocks = fake_blocks;
    for (u64 n = 1;; n++) {
        fake_failed = false;
        fake_fail_after = n;
        b = vmo_clone(a, 0, UINT64_C(1) << 40);
        fake_fail_after = 0;
        if (!fake_failed)
            break;
        CHECK(!b);
        CHECK_EQ(fake_blocks, blocks);
        for (u64 i = 0; i < 5; i++)
            CHECK_EQ(frame_refs(vmo_resident_page(a, i << 18)), 1);
    }
    CHECK(b);
    vmo_unref(b);
    vmo_unref(a);
    CHECK_EQ(fake_frames_used(), used - 5);
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

START_TEST(a_reference_is_not_taken_from_what_ends)
{
    struct vmo *v;

    start();
    v = vmo_create(1, NULL, NULL);
    CHECK(vmo_tryref(v));
    vmo_unref(v);
    v->refs = 0;
    CHECK(!vmo_tryref(v));
    v->refs = 1;
    vmo_unref(v);
}
END_TEST

/* --- a pager ---------------------------------------------------------------------------------- */

#define LOST 6u /* the page that the pager does not have */

static struct {
    u64 fetched, dirtied, dropped;
    bool destroyed;
    u64 window; /* one "window" page for each index, from here */
} pager;

static int fetch(struct vmo *v, u64 index)
{
    pager.fetched++;
    if (index == LOST)
        return -EIO;
    return vmo_set_page(v, index, (pager.window + index * PAGE_SIZE) | VMO_PAGE_WINDOW |
                                      (index == 7 ? VMO_PAGE_RW : 0));
}

static void dirtied(struct vmo *v UNUSED, u64 index UNUSED)
{
    pager.dirtied++;
}

static void dropped(struct vmo *v UNUSED, u64 index UNUSED, u64 word)
{
    CHECK(word & VMO_PAGE_WINDOW);
    pager.dropped++;
}

static void destroyed(struct vmo *v)
{
    pager.destroyed = true;
    kfree(v);
}

static const struct vmo_ops pager_ops = { fetch, dirtied, dropped, destroyed };

static struct vmo *paged(u64 *used)
{
    struct vmo *v;

    start();
    pager.window = frame_alloc_run(3, 0);
    for (u64 i = 0; i < 8; i++)
        memset(phys_to_virt(pager.window + i * PAGE_SIZE), (int)('a' + i), PAGE_SIZE);
    *used = fake_frames_used();
    v = vmo_create(8 * PAGE_SIZE, &pager_ops, NULL);
    return v;
}

START_TEST(a_store_copies_a_window_page)
{
    u64 used, word;
    struct vmo *v = paged(&used);
    char c;

    CHECK_EQ(vmo_read(v, 2 * PAGE_SIZE, &c, 1), 1);
    CHECK_EQ(c, 'c');
    CHECK_EQ(fake_frames_used(), used);
    CHECK_EQ(vmo_write(v, 2 * PAGE_SIZE + 1, "X", 1), 1);
    CHECK_EQ(fake_frames_used(), used + 1);
    CHECK_EQ(pager.fetched, 1);
    CHECK_EQ(pager.dirtied, 1);
    CHECK_EQ(pager.dropped, 1);
    word = get(v, 2, false);
    CHECK(!(word & VMO_PAGE_WINDOW));
    CHECK(!memcmp(phys_to_virt(word), "cXc", 3));
    CHECK_EQ(*(char *)phys_to_virt(pager.window + 2 * PAGE_SIZE + 1),
             'c'); /* the file's is whole */
    /* Writable window pages are stored to in place. */
    CHECK_EQ(vmo_write(v, 7 * PAGE_SIZE, "Y", 1), 1);
    CHECK_EQ(*(char *)phys_to_virt(pager.window + 7 * PAGE_SIZE), 'Y');
    CHECK_EQ(fake_frames_used(), used + 1);
    vmo_unref(v);
    CHECK(pager.destroyed);
    CHECK_EQ(pager.dropped, 2);
    CHECK_EQ(fake_frames_used(), used);
}
END_TEST

START_TEST(a_page_that_cannot_be_fetched_ends_a_read)
{
    u64 used, word;
    struct vmo *v = paged(&used);
    static char buf[3 * PAGE_SIZE];

    CHECK_EQ(vmo_read(v, 5 * PAGE_SIZE, buf, sizeof(buf)), PAGE_SIZE);
    CHECK_EQ(vmo_read(v, LOST * PAGE_SIZE, buf, 1), -EIO);
    mutex_lock(&v->lock);
    CHECK_EQ(vmo_get_page(v, LOST, true, &word), -EIO);
    mutex_unlock(&v->lock);
    vmo_unref(v);
}
END_TEST

START_TEST(only_window_pages_are_dropped_when_a_window_is_lost)
{
    u64 used;
    struct vmo *v = paged(&used);

    get(v, 0, false);
    get(v, 1, true);
    get(v, 2, false);
    mutex_lock(&v->lock);
    vmo_drop_window_pages(v, 0, 2);
    mutex_unlock(&v->lock);
    CHECK_EQ(vmo_resident_page(v, 0), 0);
    CHECK(vmo_resident_page(v, 1));
    CHECK(vmo_resident_page(v, 2));
    CHECK_EQ(v->resident, 2);
    mutex_lock(&v->lock);
    vmo_drop_pages(v, 0, UINT64_MAX >> PAGE_SHIFT);
    mutex_unlock(&v->lock);
    CHECK_EQ(v->resident, 0);
    CHECK_EQ(fake_frames_used(), used);
    vmo_unref(v);
}
END_TEST

/* A VMO of bytes against an array. */
START_TEST(random_operations_match_an_array)
{
    static u8 model[64 * 4096], buf[3 * 4096];
    u64 size = 0, used;
    struct vmo *v;

    unit_seed((u64)_i);
    start();
    used = fake_frames_used();
    v = vmo_create(0, NULL, NULL);
    for (int step = 0; step < 3000; step++) {
        u64 off = unit_below(sizeof(model)), n = 1 + unit_below(sizeof(buf));
        ssize_t want = off >= size ? 0 : (ssize_t)MIN(n, size - off);

        switch (unit_below(6)) {
        case 0:
            CHECK_EQ(vmo_resize(v, off), 0);
            if (off < size)
                memset(model + off, 0, size - off);
            size = off;
            break;
        case 1: case 2:
            for (u64 i = 0; i < n; i++)
                buf[i] = (u8)unit_random();
            CHECK_EQ(vmo_write(v, off, buf, n), want);
            memcpy(model + off, buf, (size_t)want);
            break;
        case 3: { /* goes on with a clone, and the old one is written to */
            struct vmo *c = vmo_clone(v, 0, UINT64_C(1) << 40);

            vmo_resize(c, size);
            memset(buf, 0xee, sizeof(buf));
            vmo_write(v, off, buf, n);
            vmo_unref(v);
            v = c;
            break;
        }
        default:
            CHECK_EQ(vmo_read(v, off, buf, n), want);
            CHECK(!memcmp(buf, model + off, (size_t)want));
            break;
        }
    }
    vmo_unref(v);
    CHECK_EQ(fake_frames_used(), used);
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

UNIT_MAIN("vmo", ONCE(pages_are_made_as_zeros_when_used), ONCE(reads_and_writes_end_at_the_size),
          ONCE(what_was_cut_off_reads_as_zeros_when_it_grows_again),
          ONCE(clones_share_until_one_side_writes),
          ONCE(a_clone_that_finds_no_memory_leaves_nothing),
          ONCE(a_reference_is_not_taken_from_what_ends), ONCE(a_store_copies_a_window_page),
          ONCE(a_page_that_cannot_be_fetched_ends_a_read),
          ONCE(only_window_pages_are_dropped_when_a_window_is_lost),
          SEEDS(random_operations_match_an_array, 5))
