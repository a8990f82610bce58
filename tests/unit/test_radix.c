/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse arrays: core/radix.c. */
#include "core/radix.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#define MODEL 700

static struct radix r;
static struct {
    u64 index, word;
} model[MODEL];
static int count;

static int find(u64 index)
{
    for (int i = 0; i < count; i++)
        if (model[i].index == index)
            return i;
    return -1;
}

static void set(u64 index, u64 word)
{
    int i = find(index);

    CHECK_EQ(radix_set(&r, index, word), 0);
    if (i < 0 && word) {
        model[count].index = index;
        model[count++].word = word;
    } else if (i >= 0 && word) {
        model[i].word = word;
    } else if (i >= 0) {
        model[i] = model[--count];
    }
}

/* The least index of the model that is >= from; false if there is none. */
static bool model_next(u64 from, u64 *index, u64 *word)
{
    bool found = false;

    for (int i = 0; i < count; i++) {
        if (model[i].index >= from && (!found || model[i].index < *index)) {
            found = true;
            *index = model[i].index;
            *word = model[i].word;
        }
    }
    return found;
}

static void check_next(u64 from)
{
    u64 index = 0, word = 0, at = from, got = radix_next(&r, &at);

    if (!model_next(from, &index, &word)) {
        CHECK_EQ(got, 0);
    } else {
        CHECK_EQ(got, word);
        CHECK_EQ(at, index);
    }
}

START_TEST(absent_indices_are_zero)
{
    u64 at = 0;

    CHECK_EQ(radix_get(&r, 0), 0);
    CHECK_EQ(radix_get(&r, (UINT64_C(1) << 52) - 1), 0);
    CHECK_EQ(radix_next(&r, &at), 0);
    CHECK_EQ(radix_set(&r, 5, 0), 0);
    CHECK_EQ(fake_blocks, 0);
    set(5, 50);
    CHECK_EQ(radix_get(&r, 4), 0);
    CHECK_EQ(radix_get(&r, 64), 0);
    CHECK(!radix_slot(&r, 64));
    radix_clear(&r);
}
END_TEST

START_TEST(the_largest_index_can_be_used)
{
    u64 last = (UINT64_C(1) << 52) - 1, at = 1;

    set(last, 7);
    set(0, 8);
    CHECK_EQ(radix_get(&r, last), 7);
    CHECK_EQ(radix_next(&r, &at), 7);
    CHECK_EQ(at, last);
    at = last + 1;
    CHECK_EQ(radix_next(&r, &at), 0);
    radix_clear(&r);
    CHECK_EQ(radix_get(&r, last), 0);
}
END_TEST

START_TEST(a_slot_stays_the_word_of_its_index)
{
    u64 *slot;

    set(70, 1);
    slot = radix_slot(&r, 70);
    *slot = 2;
    CHECK_EQ(radix_get(&r, 70), 2);
    radix_clear(&r);
}
END_TEST

START_TEST(without_memory_nothing_changes)
{
    set(3, 30);
    for (u64 n = 1;; n++) {
        int e;

        fake_failed = false;
        fake_fail_after = n;
        e = radix_set(&r, UINT64_C(1) << 40, 9);
        fake_fail_after = 0;
        CHECK_EQ(radix_get(&r, 3), 30);
        check_next(0);
        if (!fake_failed) {
            CHECK_EQ(e, 0);
            break;
        }
        CHECK_EQ(e, -ENOMEM);
        CHECK_EQ(radix_get(&r, UINT64_C(1) << 40), 0);
    }
    /* An index that is there needs no memory. */
    fake_fail_after = 1;
    CHECK_EQ(radix_set(&r, 3, 31), 0);
    fake_fail_after = 0;
    radix_clear(&r);
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

START_TEST(a_run_is_filled_whole_or_not_at_all)
{
    u64 at = 0;

    for (u64 n = 1;; n++) {
        int e;

        fake_failed = false;
        fake_fail_after = n;
        e = radix_fill(&r, 1000, 300, 5000, 10);
        fake_fail_after = 0;
        if (!fake_failed) {
            CHECK_EQ(e, 0);
            break;
        }
        CHECK_EQ(e, -ENOMEM);
        CHECK_EQ(radix_next(&r, &at), 0);
        at = 0;
    }
    for (u64 i = 990; i < 1310; i++)
        CHECK_EQ(radix_get(&r, i), i >= 1000 && i < 1300 ? 5000 + (i - 1000) * 10 : 0);
    for (u64 i = 1000 - 1000 % RADIX_RUN; i < 1300; i += RADIX_RUN) {
        const u64 *run = radix_run(&r, i);

        for (u64 k = 0; k < RADIX_RUN; k++)
            CHECK_EQ(run[k], radix_get(&r, i + k));
    }
    CHECK(!radix_run(&r, 64000));
    radix_erase(&r, 1050, 130);
    radix_erase(&r, 1290, 100000); /* beyond what there is */
    for (u64 i = 990; i < 1310; i++)
        CHECK_EQ(radix_get(&r, i), (i >= 1000 && i < 1050) || (i >= 1180 && i < 1290)
                                       ? 5000 + (i - 1000) * 10 : 0);
    radix_clear(&r);
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

START_TEST(random_operations_match_the_model)
{
    u32 bits;

    unit_seed((u64)_i);
    bits = 3 + unit_below(49);
    for (int step = 0; step < 3000; step++) {
        u64 index = unit_random() & ((UINT64_C(1) << bits) - 1);

        if (count && unit_below(2))
            index = model[unit_below((u32)count)].index;
        if (unit_below(3) || count == MODEL)
            set(index, 0);
        else
            set(index, unit_random() | 1);
        if (unit_below(2))
            set(unit_below(100), count < MODEL ? 1 + unit_below(5) : 0);
        check_next(unit_random() & ((UINT64_C(1) << bits) - 1));
        CHECK_EQ(radix_get(&r, index), find(index) < 0 ? 0 : model[find(index)].word);
    }
    for (u64 at = 0, n = 0; radix_next(&r, &at); at++)
        CHECK_OP(++n, <=, (u64)count);
    radix_clear(&r);
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

START_TEST(trimming_is_for_a_range)
{
    u64 before;

    for (u64 i = 0; i < 100; i++) /* one word in each leaf */
        CHECK_EQ(radix_set(&r, i * RADIX_RUN + i % RADIX_RUN, i + 1), 0);
    before = fake_blocks;
    for (u64 i = 0; i < 100; i++)
        if (i != 70)
            CHECK_EQ(radix_set(&r, i * RADIX_RUN + i % RADIX_RUN, 0), 0);
    radix_trim(&r, 10 * RADIX_RUN, 90 * RADIX_RUN); /* 10 to 89, without 70 */
    CHECK_EQ(fake_blocks, before - 79);
    CHECK_EQ(radix_get(&r, 70 * RADIX_RUN + 6), 71);
    radix_trim(&r, 0, UINT64_MAX);
    CHECK_EQ(radix_get(&r, 70 * RADIX_RUN + 6), 71);
    radix_clear(&r);
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

START_TEST(trimming_frees_what_is_empty)
{
    for (u64 i = 1; i < 100000; i += 7) { /* one word that wanders, as numbers do that are not used again */
        CHECK_EQ(radix_set(&r, i, i), 0);
        CHECK_EQ(radix_set(&r, i - 1, 0), 0);
        if (i > 7) {
            CHECK_EQ(radix_set(&r, i - 7, 0), 0);
            radix_trim(&r, i - 7, i - 6);
        }
        CHECK_EQ(radix_get(&r, i), i);
        CHECK_OP(fake_blocks, <=, 6);
    }
    radix_trim(&r, 5, 6);
    CHECK_EQ(radix_get(&r, 99997 - 99997 % 7 + 1), 99997 - 99997 % 7 + 1);
    CHECK_EQ(radix_set(&r, 99997 - 99997 % 7 + 1, 0), 0);
    radix_trim(&r, 0, UINT64_MAX);
    CHECK_EQ(fake_blocks, 0);
    radix_trim(&r, 0, 1);
    CHECK_EQ(radix_get(&r, 0), 0);
}
END_TEST

UNIT_MAIN("radix", ONCE(absent_indices_are_zero), ONCE(the_largest_index_can_be_used),
          ONCE(a_slot_stays_the_word_of_its_index), ONCE(without_memory_nothing_changes),
          ONCE(a_run_is_filled_whole_or_not_at_all), ONCE(trimming_is_for_a_range),
          ONCE(trimming_frees_what_is_empty),
          SEEDS(random_operations_match_the_model, 10))
