/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the unit tests: programs of one suite each (libcheck), built for the host with the address
 * and undefined-behaviour sanitizers. Each test runs in a process of its own, so it may change what
 * is static in the code under test, and its leaks are found at its end.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

struct unit_test {
    const TTest *test;
    int times; /* runs with _i = 0 ... times - 1: the seed of a randomised test */
    int exit;  /* it ends the process with this code; 0: it returns */
    int signal; /* ... or by this signal */
};

int unit_main(const char *name, const struct unit_test *tests, unsigned n);

#define ONCE(t)        { t, 1, 0, 0 }
#define SEEDS(t, n)    { t, n, 0, 0 }
#define EXITS(t, code) { t, 1, code, 0 }
#define DIES(t, signo) { t, 1, 0, signo }
#define UNIT_MAIN(name, ...)                                                                       \
    int main(void)                                                                                 \
    {                                                                                              \
        const struct unit_test tests[] = { __VA_ARGS__ };                                          \
                                                                                                   \
        return unit_main(name, tests, sizeof(tests) / sizeof(tests[0]));                           \
    }

/*
 * In place of check's own assertions, which write to a file each time: these say something only
 * when they fail.
 */
#define CHECK(c)                                                                                   \
    do {                                                                                           \
        if (!(c))                                                                                  \
            ck_abort_msg("not true: %s", #c);                                                      \
    } while (0)
#define CHECK_OP(a, op, b)                                                                         \
    do {                                                                                           \
        long long a_ = (long long)(a), b_ = (long long)(b);                                        \
                                                                                                   \
        if (!(a_ op b_))                                                                           \
            ck_abort_msg("not true: %s " #op " %s: they are %lld and %lld", #a, #b, a_, b_);       \
    } while (0)
#define CHECK_EQ(a, b) CHECK_OP(a, ==, b)
#define CHECK_STR(a, b)                                                                            \
    do {                                                                                           \
        const char *a_ = (a), *b_ = (b);                                                           \
                                                                                                   \
        if (strcmp(a_, b_))                                                                        \
            ck_abort_msg("not true: %s is %s: they are '%s' and '%s'", #a, #b, a_, b_);            \
    } while (0)

/* A generator whose numbers depend on the seed alone. */
void unit_seed(uint64_t seed);
uint64_t unit_random(void);
static inline uint32_t unit_below(uint32_t n) /* 0 ... n - 1 */
{
    return (uint32_t)(unit_random() % n);
}

#endif
