/* SPDX-License-Identifier: Apache-2.0 */
/* Formatting (core/print.c), against the C library's, and str_copy. */
#include "core/print.h"
#include "core/string.h"
#include "tests/unit/unit.h"

#include <stdio.h>

/* The same text and length as snprintf, with room and without. */
#define SAME(...)                                                                                  \
    do {                                                                                           \
        char want[128], got[128];                                                                  \
        int n = snprintf(want, sizeof(want), __VA_ARGS__);                                         \
                                                                                                   \
        CHECK_EQ(str_printf(got, sizeof(got), __VA_ARGS__), n);                            \
        CHECK_STR(got, want);                                                               \
        for (size_t room = 0; room < 12; room++) {                                                 \
            memset(got, 'x', sizeof(got));                                                         \
            memset(want, 'x', sizeof(want));                                                       \
            (void)!snprintf(want, room, __VA_ARGS__);                                              \
            CHECK_EQ(str_printf(got, room, __VA_ARGS__), n);                               \
            CHECK(!memcmp(got, want, sizeof(got)));                                              \
        }                                                                                          \
    } while (0)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-truncation"

START_TEST(numbers_look_as_in_the_c_library)
{
    static const s64 values[] = { 0, 1, -1, 9, 10, -10, 255, INT32_MAX, INT32_MIN, INT64_MAX,
                                  INT64_MIN, 1234567890123 };

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        s64 v = values[i];

        SAME("%d", (int)v);
        SAME("%i|%u", (int)v, (u32)v);
        SAME("%ld", v);
        SAME("%lu", (u64)v);
        SAME("%lx", (u64)v);
        SAME("%lX", (u64)v);
        SAME("%lo", (u64)v);
        SAME("%zu", (size_t)v);
        SAME("%llx", (unsigned long long)v);
        SAME("%20ld|", v);
        SAME("%-20ld|", v);
        SAME("%020ld|", v);
        SAME("%.5d|", (int)v);
        SAME("%12.5d|", (int)v);
        SAME("%-12.5d|", (int)v);
        SAME("%08x", (u32)v);
        SAME("%3d", (int)v);
        SAME("%03d", (int)v);
    }
}
END_TEST

START_TEST(strings_look_as_in_the_c_library)
{
    char unended[4] = { 'a', 'b', 'c', 'd' };

    SAME("%s", "");
    SAME("%s", "hello");
    SAME("[%10s]", "hello");
    SAME("[%-10s]", "hello");
    SAME("[%2s]", "hello");
    SAME("[%.3s]", "hello");
    SAME("[%8.3s]", "hello");
    SAME("[%-8.3s]", "hello");
    SAME("[%.*s]", 4, unended);
    SAME("[%*d]", 6, 42);
    SAME("%c%c", 'x', 'y');
    SAME("[%3c]", 'z');
    SAME("100%%");
    SAME("plain");
    SAME("%s=%d %s", "a", 1, "b");
}
END_TEST

START_TEST(pointers_are_hexadecimal)
{
    char buf[32];

    CHECK_EQ(str_printf(buf, sizeof(buf), "%p", (void *)0xffff800000001234), 18);
    CHECK_STR(buf, "0xffff800000001234");
    str_printf(buf, sizeof(buf), "%p", NULL);
    CHECK_STR(buf, "0x0");
}
END_TEST

START_TEST(no_string_is_shown_as_null)
{
    const char *none = NULL;
    char buf[32];

    __asm__("" : "+r"(none)); /* or the compiler warns */
    str_printf(buf, sizeof(buf), "[%s]", none);
    CHECK_STR(buf, "[(null)]");
}
END_TEST

static int plain(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = str_vprintf(buf, size, fmt, ap);
    va_end(ap);
    return n;
}

START_TEST(what_is_not_in_the_subset_is_shown_as_it_stands)
{
    char buf[32];

    plain(buf, sizeof(buf), "%k %d", 7);
    CHECK_STR(buf, "%k 7");
    plain(buf, sizeof(buf), "end %");
    CHECK_STR(buf, "end %");
}
END_TEST

START_TEST(str_copy_ends_with_a_nul_and_says_what_was_needed)
{
    char buf[6] = "zzzzz";

    CHECK_EQ(str_copy(buf, "abc", sizeof(buf)), 3);
    CHECK_STR(buf, "abc");
    CHECK_EQ(str_copy(buf, "abcdefgh", sizeof(buf)), 8);
    CHECK_STR(buf, "abcde");
    CHECK_EQ(str_copy(buf, "x", 0), 1);
    CHECK_STR(buf, "abcde");
    CHECK_EQ(str_copy(buf, "x", 1), 1);
    CHECK_STR(buf, "");
}
END_TEST

#pragma GCC diagnostic pop

UNIT_MAIN("print", ONCE(numbers_look_as_in_the_c_library), ONCE(strings_look_as_in_the_c_library),
          ONCE(pointers_are_hexadecimal), ONCE(no_string_is_shown_as_null),
          ONCE(what_is_not_in_the_subset_is_shown_as_it_stands),
          ONCE(str_copy_ends_with_a_nul_and_says_what_was_needed))
