/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel memory over frames: mm/slab.c, the real one. */
#include "core/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#define BLOCKS 1500
#define RAM (UINT64_C(16) << 20)

static struct {
    u8 *p;
    size_t size;
    u8 fill;
} block[BLOCKS];

static void start(u64 limit)
{
    fake_ram(RAM, limit);
    slab_init();
}

static void check_block(int i)
{
    for (size_t k = 0; k < block[i].size; k++)
        CHECK_EQ(block[i].p[k], block[i].fill);
}

START_TEST(blocks_are_aligned_and_can_be_named_to_the_host)
{
    start(RAM);
    for (size_t size = 1; size <= 4 * PAGE_SIZE; size += size < 100 ? 1 : 37) {
        u8 *p = kmalloc(size);

        CHECK(p);
        CHECK_EQ((u64)p % (size >= PAGE_SIZE ? PAGE_SIZE : 16), 0);
        CHECK_OP(virt_to_phys(p), <, RAM);
        memset(p, 1, size);
        kfree(p);
    }
    kfree(NULL);
}
END_TEST

START_TEST(kzalloc_clears_what_was_used_before)
{
    static const size_t sizes[] = { 1, 16, 17, 100, 2048, 2049, 4096, 10000 };

    start(RAM);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        u8 *p = kmalloc(sizes[i]);

        memset(p, 0xff, sizes[i]);
        kfree(p);
        p = kzalloc(sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++)
            CHECK_EQ(p[k], 0);
        kfree(p);
    }
}
END_TEST

START_TEST(too_large_a_block_is_refused)
{
    void *p;

    start(32 << 20);
    CHECK(!kmalloc(KMALLOC_MAX + 1));
    CHECK(!kmalloc(SIZE_MAX));
    p = kmalloc(KMALLOC_MAX);
    CHECK(p);
    memset(p, 1, KMALLOC_MAX);
    kfree(p);
}
END_TEST

START_TEST(strings_are_copied)
{
    char *s;

    start(RAM);
    s = kstrdup("hello");
    CHECK_STR(s, "hello");
    kfree(s);
    s = kstrndup("hello", 3);
    CHECK_STR(s, "hel");
    kfree(s);
    s = kstrndup("hi", 300);
    CHECK_STR(s, "hi");
    kfree(s);
}
END_TEST

START_TEST(at_the_limit_there_is_no_memory_and_later_there_is_again)
{
    static void *p[8192];
    u32 n = 0, again = 0;

    start(RAM);
    while (n < ARRAY_SIZE(p) && (p[n] = kmalloc(2048)))
        n++;
    CHECK_OP(n, <, ARRAY_SIZE(p));
    CHECK_OP(n, >, 5000); /* most of 16 MiB */
    CHECK(!kmalloc(PAGE_SIZE));
    for (u32 i = 0; i < n; i++)
        kfree(p[i]);
    while (again < ARRAY_SIZE(p) && (p[again] = kmalloc(2048)))
        again++;
    CHECK_EQ(again, n);
}
END_TEST

START_TEST(empty_pages_go_back)
{
    static void *p[4000];
    u64 before;

    start(RAM);
    kfree(kmalloc(64));
    before = fake_frames_used();
    for (u32 i = 0; i < ARRAY_SIZE(p); i++)
        p[i] = kmalloc(64);
    CHECK_OP(fake_frames_used(), >=, before + ARRAY_SIZE(p) / 64 - 1);
    for (u32 i = 0; i < ARRAY_SIZE(p); i++)
        kfree(p[i]);
    /* What vCPUs keep, and the partial pages that are not first in the list. */
    CHECK_OP(fake_frames_used(), <=, before + 8);
}
END_TEST

START_TEST(random_blocks_keep_their_contents)
{
    static const size_t limits[] = { 64, 512, 2048, 3 * PAGE_SIZE };
    u64 used;

    unit_seed((u64)_i);
    start(64 << 20);
    used = fake_frames_used();
    for (int step = 0; step < 20000; step++) {
        int i = (int)unit_below(BLOCKS);

        fake_cpu(unit_below(FAKE_CPUS)); /* freed on another vCPU than it came from */
        if (block[i].p) {
            check_block(i);
            kfree(block[i].p);
            block[i].p = NULL;
        } else {
            block[i].size = 1 + unit_below((u32)limits[unit_below(ARRAY_SIZE(limits))]);
            block[i].fill = (u8)unit_random();
            block[i].p = kmalloc(block[i].size);
            CHECK(block[i].p);
            memset(block[i].p, block[i].fill, block[i].size);
        }
    }
    for (int i = 0; i < BLOCKS; i++) {
        if (block[i].p) {
            check_block(i);
            kfree(block[i].p);
        }
    }
    CHECK_OP(fake_frames_used(), <=, used + 400);
}
END_TEST

UNIT_MAIN("slab", ONCE(blocks_are_aligned_and_can_be_named_to_the_host),
          ONCE(kzalloc_clears_what_was_used_before), ONCE(too_large_a_block_is_refused),
          ONCE(strings_are_copied), ONCE(at_the_limit_there_is_no_memory_and_later_there_is_again),
          ONCE(empty_pages_go_back), SEEDS(random_blocks_keep_their_contents, 6))
