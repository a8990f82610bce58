/* SPDX-License-Identifier: Apache-2.0 */
/* What memory shows: after mremap and fork, to others, and when an allocation fails. */
#include "arch/percpu.h"
#include "core/string.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_aspace.h"

#include <linux/mman.h>

START_TEST(a_part_that_moved_and_grew_does_not_show_what_stayed)
{
    struct aspace *as = one_space();
    u64 a = map_anon(as, 0x10000000, 4, RW);
    s64 b;

    for (u64 i = 0; i < 4; i++)
        mem_put(as, a + i * PAGE_SIZE, 100 + i);
    b = aspace_remap(as, a + PAGE_SIZE, PAGE_SIZE, 2 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
    CHECK_OP(b, >, 0);
    CHECK_EQ(mem_get(as, (u64)b), 101);
    CHECK_EQ(mem_get(as, (u64)b + PAGE_SIZE), 0);
    mem_put(as, (u64)b + PAGE_SIZE, 7);
    CHECK_EQ(mem_get(as, a + 2 * PAGE_SIZE), 102);
    spaces_end();
}
END_TEST

START_TEST(what_stayed_and_grew_does_not_show_the_part_that_moved)
{
    struct aspace *as = one_space();
    u64 a = map_anon(as, 0x10000000, 2, RW);
    s64 b;

    mem_put(as, a, 100);
    mem_put(as, a + PAGE_SIZE, 101);
    b = aspace_remap(as, a + PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
                     0x20000000);
    CHECK_EQ(b, 0x20000000);
    CHECK_EQ(aspace_remap(as, a, PAGE_SIZE, 2 * PAGE_SIZE, 0, 0), a);
    CHECK_EQ(mem_get(as, a + PAGE_SIZE), 0);
    mem_put(as, a + PAGE_SIZE, 7);
    CHECK_EQ(mem_get(as, (u64)b), 101);
    spaces_end();
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
    mem_put(as, 0x10000000 + 2 * PAGE_SIZE, 5);
    CHECK_EQ(mem_get(as, (u64)b + PAGE_SIZE), 5);
    map_anon(as, 0x20000000, 1, RW);
    CHECK_EQ(aspace_remap(as, 0x20000000, 0, PAGE_SIZE, MREMAP_MAYMOVE, 0), -EINVAL);
    spaces_end();
}
END_TEST

START_TEST(fork_leaves_out_and_wipes_what_was_asked_for)
{
    struct aspace *as = one_space(), *c;
    u64 a = map_anon(as, 0x10000000, 3, RW);

    for (u64 i = 0; i < 3; i++)
        mem_put(as, a + i * PAGE_SIZE, 5 + i);
    CHECK_EQ(aspace_advise(as, a, PAGE_SIZE, MADV_DONTFORK), 0);
    CHECK_EQ(aspace_advise(as, a + PAGE_SIZE, PAGE_SIZE, MADV_WIPEONFORK), 0);
    c = space[1] = aspace_fork(as);
    CHECK_EQ(mem_fault(c, a, VM_READ), FAULT_MAPERR);
    CHECK_EQ(mem_get(c, a + PAGE_SIZE), 0);
    CHECK_EQ(mem_get(c, a + 2 * PAGE_SIZE), 7);
    CHECK_EQ(mem_get(as, a), 5);
    spaces_end();
}
END_TEST

START_TEST(large_memory_comes_in_huge_pages)
{
    struct aspace *as = one_space();
    u64 a = map_anon(as, 0x10000000, 4 * HUGE_PAGES, RW), faults;

    faults = this_cpu()->page->page_faults;
    for (u64 i = 0; i < 4 * HUGE_PAGES; i++)
        mem_put(as, a + i * PAGE_SIZE, i);
    CHECK_EQ(this_cpu()->page->page_faults, faults + 4);
    /* One page of it goes, and comes again. */
    CHECK_EQ(aspace_advise(as, a + 7 * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED), 0);
    CHECK_EQ(mem_get(as, a + 7 * PAGE_SIZE), 0);
    CHECK_EQ(mem_get(as, a + 8 * PAGE_SIZE), 8);
    space[1] = aspace_fork(as);
    mem_put(space[1], a + 600 * PAGE_SIZE, 1);
    mem_put(as, a + 601 * PAGE_SIZE, 2);
    CHECK_EQ(mem_get(as, a + 600 * PAGE_SIZE), 600);
    CHECK_EQ(mem_get(space[1], a + 601 * PAGE_SIZE), 601);
    CHECK_EQ(mem_get(space[1], a + 602 * PAGE_SIZE), 602);
    spaces_end();
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
    spaces_end();
}
END_TEST

START_TEST(sync_and_mincore_see_gaps)
{
    struct aspace *as = one_space();
    u64 a = map_anon(as, 0x10000000, 4, RW);
    u8 vec[4];

    mem_put(as, a + PAGE_SIZE, 1);
    CHECK_EQ(aspace_mincore(as, a, 4 * PAGE_SIZE, vec), 0);
    CHECK(!vec[0] && vec[1] && !vec[2] && !vec[3]);
    CHECK_EQ(aspace_sync(as, a, 4 * PAGE_SIZE, MS_SYNC), 0);
    CHECK_EQ(aspace_sync(as, a, 5 * PAGE_SIZE, MS_SYNC), -ENOMEM);
    CHECK_EQ(aspace_sync(as, a, PAGE_SIZE, MS_SYNC | MS_ASYNC), -EINVAL);
    aspace_unmap(as, a + 2 * PAGE_SIZE, PAGE_SIZE);
    CHECK_EQ(aspace_mincore(as, a, 4 * PAGE_SIZE, vec), -ENOMEM);
    CHECK_EQ(aspace_sync(as, a, 4 * PAGE_SIZE, MS_SYNC), -ENOMEM);
    spaces_end();
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
                mem_put(as, a + i * PAGE_SIZE, 100 + i);
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
                if (mem_get(as, a + i * PAGE_SIZE) != 100 + i)
                    ck_abort_msg("operation %d without its allocation %d: page %d", op, (int)n,
                                 (int)i);
                mem_put(as, a + i * PAGE_SIZE, 100 + i);
            }
        }
    }
    spaces_end();
}
END_TEST

UNIT_MAIN("aspace_memory", ONCE(a_part_that_moved_and_grew_does_not_show_what_stayed),
          ONCE(what_stayed_and_grew_does_not_show_the_part_that_moved),
          ONCE(mremap_of_no_length_shows_shared_memory_twice),
          ONCE(fork_leaves_out_and_wipes_what_was_asked_for),
          ONCE(large_memory_comes_in_huge_pages),
          ONCE(other_processes_memory_can_be_read_and_written), ONCE(sync_and_mincore_see_gaps),
          ONCE(without_memory_an_operation_changes_nothing))
