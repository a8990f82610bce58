/* SPDX-License-Identifier: Apache-2.0 */
/* What everything stands on: core/types.h. */
#include "core/types.h"
#include "tests/unit/unit.h"

static u64 clock_now = 10;

/* Each look at it sees it go on. */
static u64 look(void)
{
    return clock_now++;
}

START_TEST(min_and_max_look_once)
{
    CHECK_EQ(MIN(look(), UINT64_C(100)), 10);
    CHECK_EQ(clock_now, 11);
    CHECK_EQ(MAX(UINT64_C(5), look()), 11);
    CHECK_EQ(clock_now, 12);
    CHECK_EQ(MIN(MAX(look(), UINT64_C(3)), MIN(look(), UINT64_C(50))), 12);
    CHECK_EQ(clock_now, 14);
}
END_TEST

START_TEST(alignment)
{
    CHECK_EQ(ALIGN_UP(UINT64_C(0), PAGE_SIZE), 0);
    CHECK_EQ(ALIGN_UP(UINT64_C(1), PAGE_SIZE), PAGE_SIZE);
    CHECK_EQ(ALIGN_UP(PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
    CHECK_EQ(ALIGN_DOWN(UINT64_C(0xffffffffffffffff), 16), UINT64_C(0xfffffffffffffff0));
    CHECK_EQ(ALIGN_DOWN(4097, PAGE_SIZE), 4096);
}
END_TEST

UNIT_MAIN("types", ONCE(min_and_max_look_once), ONCE(alignment))
