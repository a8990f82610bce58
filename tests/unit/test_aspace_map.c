/* SPDX-License-Identifier: Apache-2.0 */
/* Where mappings go, what rights they have, and how the break and stacks grow. */
#include "tests/unit/unit.h"
#include "tests/unit/unit_aspace.h"

#include <linux/mman.h>

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
    CHECK_EQ(mem_fault(as, USER_TOP, VM_READ), FAULT_MAPERR);
    CHECK_EQ(mem_fault(as, 0xffff800000000000, VM_READ), FAULT_MAPERR);
    CHECK_EQ(mem_fault(as, 0, VM_READ), FAULT_MAPERR);
    CHECK_EQ(mem_fault(as, USER_TOP - PAGE_SIZE, VM_EXEC), FAULT_ACCERR);
    spaces_end();
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
    spaces_end();
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
    spaces_end();
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
    CHECK_EQ(mem_fault(as, a.addr, VM_READ), FAULT_ACCERR);
    CHECK_EQ(mem_fault(as, a.addr + PAGE_SIZE, VM_WRITE), FAULT_ACCERR);
    /* Of which a part is not allowed: nothing changes. */
    map_anon(as, a.addr + 3 * PAGE_SIZE, 1, RW);
    CHECK_EQ(aspace_protect(as, a.addr + 2 * PAGE_SIZE, 2 * PAGE_SIZE, RW), -EACCES);
    CHECK_EQ(mem_fault(as, a.addr + 2 * PAGE_SIZE, VM_WRITE), FAULT_ACCERR);
    a.flags = MAP_F_KERNEL;
    a.addr += 8 * PAGE_SIZE;
    a.max_prot = 7;
    aspace_map(as, &a);
    CHECK_EQ(aspace_protect(as, a.addr, PAGE_SIZE, RW), -EACCES);
    CHECK_EQ(aspace_remap(as, a.addr, PAGE_SIZE, 2 * PAGE_SIZE, MREMAP_MAYMOVE, 0), -EINVAL);
    spaces_end();
}
END_TEST

START_TEST(mappings_that_become_alike_again_are_joined)
{
    struct aspace *as = one_space();
    u64 a = map_anon(as, 0x10000000, 16, RW);

    mem_put(as, a, 1);
    CHECK_EQ(aspace_protect(as, a + 4 * PAGE_SIZE, 4 * PAGE_SIZE, VM_READ), 0);
    CHECK_EQ(as->count, 3);
    CHECK_EQ(aspace_protect(as, a + 4 * PAGE_SIZE, 4 * PAGE_SIZE, RW), 0);
    CHECK_EQ(as->count, 1);
    CHECK_EQ(mem_get(as, a), 1);
    spaces_end();
}
END_TEST

/* A program that uses mprotect on pages one by one must not run out of mappings. */
START_TEST(a_range_of_several_mappings_is_joined_when_protected_as_one)
{
    struct aspace *as = one_space();
    u64 a = map_anon(as, 0x10000000, 16, RW);

    mem_put(as, a, 1);
    for (u64 i = 0; i < 16; i += 2)
        CHECK_EQ(aspace_protect(as, a + i * PAGE_SIZE, PAGE_SIZE, VM_READ), 0);
    CHECK_EQ(as->count, 16);
    CHECK_EQ(aspace_protect(as, a, 16 * PAGE_SIZE, VM_READ | VM_EXEC), 0);
    CHECK_EQ(as->count, 1);
    spaces_end();
}
END_TEST

START_TEST(the_break_grows_and_shrinks)
{
    struct aspace *as = one_space();
    u64 b = 0x10000000;

    as->brk_start = as->brk = b + 100;
    CHECK_EQ(aspace_set_brk(as, 0), b + 100);
    CHECK_EQ(aspace_set_brk(as, b + 5 * PAGE_SIZE), b + 5 * PAGE_SIZE);
    mem_put(as, b + 4 * PAGE_SIZE, 9);
    CHECK_EQ(mem_fault(as, b + 5 * PAGE_SIZE, VM_READ), FAULT_MAPERR);
    CHECK_EQ(aspace_set_brk(as, b + 10 * PAGE_SIZE + 1), b + 10 * PAGE_SIZE + 1);
    CHECK_EQ(as->count, 1);
    mem_put(as, b + 10 * PAGE_SIZE, 9);
    CHECK_EQ(aspace_set_brk(as, b + 2 * PAGE_SIZE), b + 2 * PAGE_SIZE);
    CHECK_EQ(mem_fault(as, b + 4 * PAGE_SIZE, VM_READ), FAULT_MAPERR);
    CHECK_EQ(aspace_set_brk(as, b + 5 * PAGE_SIZE), b + 5 * PAGE_SIZE);
    CHECK_EQ(mem_get(as, b + 4 * PAGE_SIZE), 0);
    CHECK_EQ(aspace_set_brk(as, b), b + 5 * PAGE_SIZE); /* below its start */
    map_anon(as, b + 8 * PAGE_SIZE, 1, RW);
    CHECK_EQ(aspace_set_brk(as, b + 9 * PAGE_SIZE), b + 5 * PAGE_SIZE); /* in the way */
    spaces_end();
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
    mem_put(as, top - PAGE_SIZE, 1);
    mem_put(as, top - 20 * PAGE_SIZE, 2);
    CHECK_EQ(mem_get(as, top - 4 * PAGE_SIZE), 0);
    mem_put(as, top - limit, 3);
    CHECK_EQ(mem_fault(as, top - limit - PAGE_SIZE, VM_WRITE), FAULT_MAPERR);
    CHECK_EQ(mem_get(as, top - PAGE_SIZE), 1);
    CHECK_EQ(mem_get(as, top - 20 * PAGE_SIZE), 2);
    spaces_end();
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
    CHECK_EQ(mem_fault(as, top - 43 * PAGE_SIZE, VM_WRITE), 0);
    CHECK_EQ(mem_fault(as, top - 44 * PAGE_SIZE, VM_WRITE), FAULT_MAPERR);
    spaces_end();
}
END_TEST

UNIT_MAIN("aspace_map", ONCE(addresses_outside_of_the_user_half_are_refused),
          ONCE(the_highest_gap_that_is_large_enough_is_taken), ONCE(a_hint_is_taken_if_it_is_free),
          ONCE(no_right_beyond_max_prot_is_given),
          ONCE(mappings_that_become_alike_again_are_joined),
          ONCE(a_range_of_several_mappings_is_joined_when_protected_as_one),
          ONCE(the_break_grows_and_shrinks), ONCE(a_stack_grows_down_to_its_limit),
          ONCE(a_stack_keeps_its_distance_to_what_is_below))
