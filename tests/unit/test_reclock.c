/* SPDX-License-Identifier: Apache-2.0 */
/* Record locks (object/reclock.c), against a model of each byte, and waits for them. */
#include "core/string.h"
#include "object/reclock.h"
#include "object/thread.h"
#include "object/wait.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#define OWNERS 4u
#define BYTES 64u
#define MS UINT64_C(1000000)

static char owners[OWNERS], files[2];
static u8 model[2][OWNERS][BYTES]; /* 0, 1 shared, 2 exclusive */

static struct reclock_range range(u32 file, u32 owner, bool exclusive, u64 first, u64 last)
{
    return (struct reclock_range){ .key = &files[file], .owner = &owners[owner],
                                   .exclusive = exclusive, .first = first, .last = last,
                                   .pid = owner + 1 };
}

static bool free_for(u32 file, u32 owner, bool exclusive, u64 first, u64 last)
{
    for (u32 o = 0; o < OWNERS; o++)
        for (u64 b = first; b <= last && b < BYTES; b++)
            if (o != owner && model[file][o][b] && (exclusive || model[file][o][b] == 2))
                return false;
    return true;
}

START_TEST(random_locks_match_the_model)
{
    unit_seed((u64)_i);
    for (int step = 0; step < 5000; step++) {
        u32 file = unit_below(2), owner = unit_below(OWNERS);
        u64 first = unit_below(BYTES), last = first + unit_below((u32)(BYTES - first));
        bool exclusive = unit_below(2);
        /* The last byte of the model stands for all from there on. */
        struct reclock_range r = range(file, owner, exclusive, first,
                                       last == BYTES - 1 ? RECLOCK_END : last);
        struct reclock_range found;
        int e;

        fake_failed = false;
        fake_fail_after = unit_below(10) ? 0 : 1 + unit_below(2);
        switch (unit_below(8)) {
        case 0: case 1: case 2:
            e = reclock_set(&r, false);
            if (e == -ENOMEM && fake_failed)
                break;
            CHECK_EQ(e, free_for(file, owner, exclusive, first, last) ? 0 : -EAGAIN);
            for (u64 b = first; e == 0 && b <= last; b++)
                model[file][owner][b] = exclusive ? 2 : 1;
            break;
        case 3: case 4:
            e = reclock_clear(&r);
            if (e == -ENOMEM && fake_failed)
                break;
            CHECK_EQ(e, 0);
            memset(&model[file][owner][first], 0, last - first + 1);
            break;
        case 5:
            if (unit_below(4))
                break;
            reclock_release(&files[file], &owners[owner]);
            memset(model[file][owner], 0, BYTES);
            break;
        case 6:
            if (unit_below(8))
                break;
            reclock_release(NULL, &owners[owner]);
            memset(model[0][owner], 0, BYTES);
            memset(model[1][owner], 0, BYTES);
            break;
        default:
            if (free_for(file, owner, exclusive, first, last)) {
                CHECK(!reclock_test(&r, &found));
            } else {
                const u8 *m;

                CHECK(reclock_test(&r, &found));
                CHECK(found.owner != r.owner && found.key == r.key);
                CHECK(found.first <= last && found.last >= first);
                CHECK(exclusive || found.exclusive);
                m = model[file][(const char *)found.owner - owners];
                for (u64 b = found.first; b <= found.last && b < BYTES; b++)
                    CHECK_EQ(m[b], found.exclusive ? 2 : 1);
            }
            break;
        }
        fake_fail_after = 0;
    }
    for (u32 o = 0; o < OWNERS; o++)
        reclock_release(NULL, &owners[o]);
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

START_TEST(locks_of_different_kinds_do_not_meet)
{
    struct reclock_range a = range(0, 0, true, 0, RECLOCK_END),
                         b = range(0, 1, true, 0, RECLOCK_END);

    b.space = RECLOCK_FLOCK;
    CHECK_EQ(reclock_set(&a, false), 0);
    CHECK_EQ(reclock_set(&b, false), 0);
    b.space = RECLOCK_RECORDS;
    CHECK_EQ(reclock_set(&b, false), -EAGAIN);
    reclock_release(NULL, &owners[0]);
    reclock_release(NULL, &owners[1]);
}
END_TEST

/* --- waits ------------------------------------------------------------------------------------ */

static int result[OWNERS];
static u64 when[OWNERS];

static void lock_first(void *arg)
{
    u32 o = (u32)(u64)arg;
    struct reclock_range r = range(0, o, true, 0, 9);

    result[o] = reclock_set(&r, true);
    when[o] = fake_clock;
    if (result[o] == 0) {
        object_wait_many(NULL, 0, fake_clock + MS, 0);
        reclock_clear(&r);
    }
}

START_TEST(a_lock_is_waited_for_and_had_by_one_at_a_time)
{
    u64 begin = fake_clock;

    fake_threads((u64)_i + 1);
    for (u64 o = 0; o < OWNERS; o++)
        fake_spawn(lock_first, (void *)o);
    fake_join();
    for (u32 o = 0; o < OWNERS; o++) {
        CHECK_EQ(result[o], 0);
        for (u32 k = 0; k < o; k++)
            CHECK(when[o] != when[k]);
    }
    CHECK_EQ(fake_clock, begin + OWNERS * MS);
}
END_TEST

/* Each has one of two locks and wants the other's. */
static void cross(void *arg)
{
    u32 o = (u32)(u64)arg;
    struct reclock_range own = range(0, o, true, o, o), other = range(0, o, true, !o, !o);

    CHECK_EQ(reclock_set(&own, true), 0);
    thread_yield();
    result[o] = reclock_set(&other, true);
    reclock_release(NULL, &owners[o]);
}

START_TEST(two_that_wait_for_each_other_are_found)
{
    fake_threads(0);
    fake_spawn(cross, (void *)0);
    fake_spawn(cross, (void *)1);
    fake_join();
    CHECK_EQ(result[0], 0);
    CHECK_EQ(result[1], -EDEADLK);
}
END_TEST

START_TEST(a_wait_for_a_lock_can_be_interrupted)
{
    struct reclock_range r = range(0, 1, true, 0, 100), again = range(0, 2, true, 0, 100);
    struct thread *t;

    CHECK_EQ(reclock_set(&r, false), 0);
    t = fake_spawn(lock_first, (void *)0);
    thread_yield();
    thread_interrupt(t);
    fake_join();
    CHECK_EQ(result[0], -EINTR);
    reclock_release(NULL, &owners[1]);
    CHECK_EQ(reclock_set(&again, false), 0); /* and left nothing behind */
    reclock_release(NULL, &owners[2]);
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

UNIT_MAIN("reclock", SEEDS(random_locks_match_the_model, 6),
          ONCE(locks_of_different_kinds_do_not_meet),
          SEEDS(a_lock_is_waited_for_and_had_by_one_at_a_time, 5),
          ONCE(two_that_wait_for_each_other_are_found), ONCE(a_wait_for_a_lock_can_be_interrupted))
