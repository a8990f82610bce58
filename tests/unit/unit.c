/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of each test program: see unit.h. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#define SECONDS_PER_TEST 120 /* for a machine that does much else */

static uint64_t state;

void unit_seed(uint64_t seed)
{
    state = seed;
}

uint64_t unit_random(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

int unit_main(const char *name, const struct unit_test *tests, unsigned n)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, SECONDS_PER_TEST);
    for (unsigned i = 0; i < n; i++)
        _tcase_add_test(tcase, tests[i].test, tests[i].signal, tests[i].exit, 0, tests[i].times);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
