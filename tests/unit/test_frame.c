/* SPDX-License-Identifier: Apache-2.0 */
/* Page frames: mm/frame.c. */
#include "arch/mmu.h"
#include "core/string.h"
#include "core/timer.h"
#include "mm/frame.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#define MIB (UINT64_C(1) << 20)

static bool is_zero(u64 pa, u64 len)
{
    const u64 *p = phys_to_virt(pa);

    for (u64 i = 0; i < len / 8; i++)
        if (p[i])
            return false;
    return true;
}

START_TEST(fresh_frames_are_zero_and_not_cleared_again)
{
    fake_ram(16 * MIB, 16 * MIB);
    for (int i = 0; i < 1000; i++) {
        u64 pa = frame_alloc(FRAME_ZERO);

        CHECK(pa && pa % PAGE_SIZE == 0);
        CHECK(is_zero(pa, PAGE_SIZE));
        memset(phys_to_virt(pa), 0xff, PAGE_SIZE);
    }
    CHECK_EQ(fake_clears, 0);
}
END_TEST

START_TEST(used_frames_are_cleared_when_asked_for)
{
    u64 pa[100];

    fake_ram(16 * MIB, 16 * MIB);
    for (u32 i = 0; i < ARRAY_SIZE(pa); i++) {
        pa[i] = frame_alloc(0);
        memset(phys_to_virt(pa[i]), 0xff, PAGE_SIZE);
    }
    for (u32 i = 0; i < ARRAY_SIZE(pa); i++)
        frame_unref(pa[i]);
    for (u32 i = 0; i < ARRAY_SIZE(pa); i++)
        CHECK(is_zero(frame_alloc(FRAME_ZERO), PAGE_SIZE));
    CHECK_OP(fake_clears, >, 50);
}
END_TEST

START_TEST(the_last_reference_frees)
{
    u64 used, pa;

    fake_ram(16 * MIB, 16 * MIB);
    used = fake_frames_used();
    pa = frame_alloc(0);
    CHECK_EQ(frame_refs(pa), 1);
    frame_ref(pa);
    CHECK_EQ(frame_refs(pa), 2);
    frame_unref(pa);
    CHECK_EQ(frame_refs(pa), 1);
    CHECK_EQ(fake_frames_used(), used + 1);
    frame_unref(pa);
    CHECK_EQ(fake_frames_used(), used);
}
END_TEST

START_TEST(runs_are_aligned_and_joined_again)
{
    fake_ram(16 * MIB, 16 * MIB);
    for (int round = 0; round < 3; round++) {
        u64 used = fake_frames_used();

        for (unsigned order = 0; order <= 9; order++) {
            u64 pa = frame_alloc_run(order, FRAME_ZERO);

            CHECK(pa && pa % (PAGE_SIZE << order) == 0);
            CHECK(is_zero(pa, PAGE_SIZE << order));
            memset(phys_to_virt(pa), 0xff, PAGE_SIZE << order);
            CHECK_EQ(fake_frames_used(), used + (1u << order));
            if (order)
                frame_free_run(pa, order);
            else
                frame_unref(pa);
        }
    }
}
END_TEST

/* All the memory there is, each frame marked. */
static u32 take_all(u64 *pa, u32 max)
{
    u32 n = 0;

    while (n < max && (pa[n] = frame_alloc(FRAME_ZERO))) {
        u64 *p = phys_to_virt(pa[n]);

        CHECK_EQ(*p, 0);
        *p = pa[n++];
    }
    return n;
}

START_TEST(memory_grows_up_to_the_limit_and_not_beyond)
{
    static u64 pa[65536];
    struct frame_stats s;
    u32 n;

    fake_ram(16 * MIB, 64 * MIB);
    n = take_all(pa, ARRAY_SIZE(pa));
    frame_get_stats(&s);
    CHECK_EQ(s.total, 64 * MIB);
    CHECK_EQ(s.limit, 64 * MIB);
    CHECK_EQ(s.free, 0);
    CHECK_OP(n, >, 15000); /* less the kernel's image and the table of frames */
    CHECK_OP(n, <, 16384);
    for (u32 i = 0; i < n; i++)
        CHECK_EQ(*(u64 *)phys_to_virt(pa[i]), pa[i]);
    CHECK_EQ(frame_alloc(0), 0);
    CHECK_EQ(frame_alloc_run(3, 0), 0);
    CHECK_EQ(frame_alloc_huge(), 0);
    frame_unref(pa[7]);
    CHECK_EQ(frame_alloc(0), pa[7]);
}
END_TEST

START_TEST(the_kernels_image_and_frame_zero_are_not_handed_out)
{
    static u64 pa[8192];
    u32 n;

    fake_ram(16 * MIB, 16 * MIB);
    n = take_all(pa, ARRAY_SIZE(pa));
    for (u32 i = 0; i < n; i++)
        CHECK(pa[i] && (pa[i] < RV_KERNEL_GPA || pa[i] >= RV_KERNEL_GPA + MIB));
}
END_TEST

START_TEST(all_memory_can_be_had_again_as_large_blocks)
{
    static u64 pa[65536];
    u32 n, blocks = 0;

    fake_ram(16 * MIB, 64 * MIB);
    n = take_all(pa, ARRAY_SIZE(pa));
    for (u32 i = 0; i < n; i += 2)
        frame_unref(pa[i]);
    for (u32 i = 1; i < n; i += 2)
        frame_unref(pa[i]);
    while (frame_alloc_run(9, 0))
        blocks++;
    CHECK_OP(blocks, >=, 12); /* of 32: each growth has the structs of its frames in it */
}
END_TEST

START_TEST(huge_blocks_are_zero_and_free_as_frames_too)
{
    u64 used, pa;

    fake_ram(16 * MIB, 512 * MIB);
    used = fake_frames_used();
    pa = frame_alloc_huge();
    CHECK(pa && pa % HUGE_SIZE == 0);
    CHECK(is_zero(pa, HUGE_SIZE));
    for (u64 i = 0; i < HUGE_PAGES; i++)
        CHECK_EQ(frame_refs(pa + i * PAGE_SIZE), 1);
    memset(phys_to_virt(pa), 1, HUGE_SIZE);
    frame_free_huge(pa);
    pa = frame_alloc_huge();
    CHECK(is_zero(pa, HUGE_SIZE));
    memset(phys_to_virt(pa), 1, HUGE_SIZE);
    for (u64 i = 0; i < HUGE_PAGES; i++)
        frame_unref(pa + i * PAGE_SIZE);
    CHECK_OP(fake_frames_used(), <=, used + 1024); /* growth takes structs */
    pa = frame_alloc_huge();
    CHECK(is_zero(pa, HUGE_SIZE));
}
END_TEST

START_TEST(what_stays_free_goes_back_to_the_host_and_comes_again_as_zeros)
{
    static u64 pa[65536];
    u32 n, again;

    fake_ram(16 * MIB, 128 * MIB);
    n = take_all(pa, ARRAY_SIZE(pa));
    for (u32 i = 0; i < n; i++) {
        memset(phys_to_virt(pa[i]), 0xff, PAGE_SIZE);
        frame_unref(pa[i]);
    }
    CHECK_EQ(fake_calls[RV_HC_mem_release], 0); /* not at once */
    for (int i = 0; i < 20; i++) {
        fake_clock += UINT64_C(1000000000);
        timers_run();
    }
    CHECK_OP(fake_calls[RV_HC_mem_release], >, 20);
    for (int i = 0; i < 200; i++) { /* and it comes to rest */
        fake_clock += UINT64_C(1000000000);
        timers_run();
    }
    CHECK_OP(fake_calls[RV_HC_mem_release], <, 64);
    again = take_all(pa, ARRAY_SIZE(pa));
    CHECK_EQ(again, n);
    for (u32 i = 0; i < again; i++)
        CHECK_EQ(*(u64 *)phys_to_virt(pa[i]), pa[i]);
}
END_TEST

START_TEST(random_blocks_do_not_overlap)
{
    static struct {
        u64 pa;
        unsigned order;
        bool huge;
    } block[400];
    u64 used, tag = 1;

    unit_seed((u64)_i);
    fake_ram(16 * MIB, 256 * MIB);
    used = fake_frames_used();
    for (int step = 0; step < 20000; step++) {
        u32 i = unit_below(ARRAY_SIZE(block));
        u64 size = PAGE_SIZE << block[i].order;

        fake_cpu(unit_below(FAKE_CPUS));
        if (block[i].pa) {
            u64 mark = *(u64 *)phys_to_virt(block[i].pa);

            for (u64 at = 0; at < size; at += PAGE_SIZE)
                CHECK_EQ(*(u64 *)phys_to_virt(block[i].pa + at), mark);
            if (block[i].huge)
                frame_free_huge(block[i].pa);
            else if (block[i].order)
                frame_free_run(block[i].pa, block[i].order);
            else
                frame_unref(block[i].pa);
            block[i].pa = 0;
        } else {
            bool zero = unit_below(2);

            block[i].huge = !unit_below(60);
            block[i].order = block[i].huge ? 9 : unit_below(4) ? 0 : unit_below(8);
            block[i].pa = block[i].huge ? frame_alloc_huge()
                                        : frame_alloc_run(block[i].order, zero ? FRAME_ZERO : 0);
            if (!block[i].pa) {
                CHECK(block[i].huge);
                continue;
            }
            if (zero || block[i].huge)
                CHECK(is_zero(block[i].pa, PAGE_SIZE << block[i].order));
            for (u64 at = 0; at < PAGE_SIZE << block[i].order; at += PAGE_SIZE)
                *(u64 *)phys_to_virt(block[i].pa + at) = tag;
            tag++;
        }
        if (!unit_below(500)) {
            fake_clock += UINT64_C(1000000000);
            timers_run();
        }
    }
    for (u32 i = 0; i < ARRAY_SIZE(block); i++) {
        if (block[i].pa && block[i].order)
            frame_free_run(block[i].pa, block[i].order);
        else if (block[i].pa)
            frame_unref(block[i].pa);
    }
    /* The structs of what came by growth are all that is left. */
    CHECK_OP(fake_frames_used(), <=, used + 256 + 64);
}
END_TEST

UNIT_MAIN("frame", ONCE(fresh_frames_are_zero_and_not_cleared_again),
          ONCE(used_frames_are_cleared_when_asked_for), ONCE(the_last_reference_frees),
          ONCE(runs_are_aligned_and_joined_again),
          ONCE(memory_grows_up_to_the_limit_and_not_beyond),
          ONCE(the_kernels_image_and_frame_zero_are_not_handed_out),
          ONCE(all_memory_can_be_had_again_as_large_blocks),
          ONCE(huge_blocks_are_zero_and_free_as_frames_too),
          ONCE(what_stays_free_goes_back_to_the_host_and_comes_again_as_zeros),
          SEEDS(random_blocks_do_not_overlap, 5))
