/* SPDX-License-Identifier: Apache-2.0 */
/* Text of the guest's in the host's logs (vmm/out.c, vmm/ration.c): what it may hold, and how fast. */
#include <stdint.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "vmm/out.h"
#include "vmm/ration.h"

#define SECOND UINT64_C(1000000000)

static char out[64];

static const char *clean(const char *text, size_t len)
{
    size_t n = out_clean(out, sizeof(out) - 1, text, len);

    out[n] = 0;
    return out;
}

#define CLEAN(text)          clean(text, sizeof(text) - 1)
#define CLEANS(text, result) ck_assert_str_eq(CLEAN(text), result)

START_TEST(letters_of_all_scripts_stay)
{
    CLEANS("plain\ttext ~", "plain\ttext ~");
    CLEANS("\xc3\xa9 \xc4\x9b \xe2\x82\xac \xf0\x9f\x90\xa7", "\xc3\xa9 \xc4\x9b \xe2\x82\xac \xf0\x9f\x90\xa7");
    CLEANS("\xc2\xa0", "\xc2\xa0");
}
END_TEST

START_TEST(control_characters_are_replaced)
{
    CLEANS("\x1b[31m\r\n\x7f\x01", "?[31m????");
    CLEANS("\xc2\x9b"
           "31m\x9b"
           "1mX",
           "??31m?1mX");
    for (int c = 0x80; c < 0xa0; c++) {
        char two[2] = { (char)0xc2, (char)c };

        ck_assert_str_eq(clean(two, 2), "??");
        ck_assert_str_eq(clean(two + 1, 1), "?");
    }
}
END_TEST

START_TEST(a_character_in_two_parts_is_replaced)
{
    CLEANS("x\xc2", "x?");
    CLEANS("\x9bx", "?x");
    CLEANS("\xe2\x82", "??");
}
END_TEST

START_TEST(what_is_no_utf8_is_replaced)
{
    CLEANS("\xc0\x9b \xc1\xbf", "?? ??");
    CLEANS("\xe0\x82\x9b", "???");
    CLEANS("\xf0\x80\x82\x9b", "????");
    CLEANS("\xed\xa0\x80", "???");
    CLEANS("\xf4\x90\x80\x80 \xff\xfe", "???? ??");
    CLEANS("\xc3x", "?x");
}
END_TEST

START_TEST(a_character_is_not_cut_for_lack_of_room)
{
    CHECK_EQ(out_clean(out, 3, "ab\xc3\xa9", 4), 2);
    CHECK_EQ(out_clean(out, 4, "ab\xc3\xa9", 4), 4);
    CHECK_EQ(out_clean(out, 0, "a", 1), 0);
}
END_TEST

START_TEST(a_ration_holds_what_was_saved_and_a_rate)
{
    static struct ration r = RATION(100, 1000);
    uint64_t lost, now = 5 * SECOND;

    for (int i = 0; i < 10; i++)
        CHECK(ration_take(&r, now, 100, &lost));
    for (int i = 0; i < 3; i++)
        CHECK(!ration_take(&r, now, 1, &lost));
    CHECK(!ration_take(&r, now + SECOND / 2, 51, &lost));
    CHECK(ration_take(&r, now + SECOND / 2, 50, &lost));
    CHECK_EQ(lost, 4);
    CHECK(ration_take(&r, now + SECOND, 50, &lost));
    CHECK_EQ(lost, 0);
    CHECK(!ration_take(&r, now + SECOND, 1, &lost));
    CHECK_EQ(ration_lost(&r), 1);
    CHECK_EQ(ration_lost(&r), 0);
}
END_TEST

START_TEST(a_ration_saves_no_more_than_its_most)
{
    static struct ration r = RATION(100, 1000);
    uint64_t lost;

    CHECK(!ration_take(&r, 1, 1001, &lost));
    CHECK(ration_take(&r, UINT64_MAX, 1000, &lost));
    CHECK(!ration_take(&r, UINT64_MAX, 1, &lost));
    CHECK(!ration_take(&r, 0, 1, &lost)); /* a clock that goes back gives nothing */
}
END_TEST

START_TEST(small_steps_of_time_add_up)
{
    static struct ration r = RATION(100, 1000);
    uint64_t lost, taken = 0, now = SECOND;

    CHECK(ration_take(&r, now, 1000, &lost));
    for (int i = 0; i < 1000; i++) /* a tenth of a byte each */
        taken += (uint64_t)ration_take(&r, now += SECOND / 1000, 1, &lost);
    CHECK_EQ(taken, 100);
}
END_TEST

UNIT_MAIN("logs", ONCE(letters_of_all_scripts_stay), ONCE(control_characters_are_replaced),
          ONCE(a_character_in_two_parts_is_replaced), ONCE(what_is_no_utf8_is_replaced),
          ONCE(a_character_is_not_cut_for_lack_of_room),
          ONCE(a_ration_holds_what_was_saved_and_a_rate),
          ONCE(a_ration_saves_no_more_than_its_most), ONCE(small_steps_of_time_add_up))
