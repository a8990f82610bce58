/* SPDX-License-Identifier: Apache-2.0 */
/* Futex queues: object/futex.c. User memory is this process's own. */
#include "core/park.h"
#include "core/string.h"
#include "mm/aspace.h"
#include "mm/frame.h"
#include "object/futex.h"
#include "object/thread.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#define MS UINT64_C(1000000)
#define THREADS 6u

static u32 word, other_word;
static struct futex_key key, other;
static int result[THREADS];
static bool done[THREADS];
static u32 bitsets[THREADS];
static u64 deadline = DEADLINE_NEVER;

static void start(void)
{
    futex_init();
    CHECK_EQ(futex_key((struct aspace *)1, (u64)&word, true, FUTEX_LOOK, &key), 0);
    CHECK_EQ(futex_key((struct aspace *)1, (u64)&other_word, true, FUTEX_LOOK, &other), 0);
    for (u32 i = 0; i < THREADS; i++)
        bitsets[i] = FUTEX_ANY;
}

static void waiter(void *arg)
{
    u64 i = (u64)arg;

    result[i] = futex_wait(&key, (u64)&word, 5, bitsets[i], deadline);
    done[i] = true;
}

static void spawn(u32 n)
{
    word = 5;
    for (u64 i = 0; i < n; i++) {
        done[i] = false;
        fake_spawn(waiter, (void *)i);
    }
    thread_yield(); /* until all wait */
}

static u32 count_done(void)
{
    u32 n = 0;

    for (u32 i = 0; i < THREADS; i++)
        n += done[i];
    return n;
}

START_TEST(another_value_is_not_waited_for)
{
    start();
    word = 4;
    CHECK_EQ(futex_wait(&key, (u64)&word, 5, FUTEX_ANY, DEADLINE_NEVER), -EAGAIN);
    CHECK_EQ(futex_wake(&key, 1, FUTEX_ANY), 0);
}
END_TEST

START_TEST(as_many_are_woken_as_asked_for_in_order)
{
    start();
    spawn(5);
    CHECK_EQ(futex_wake(&other, 10, FUTEX_ANY), 0);
    CHECK_EQ(futex_wake(&key, 2, FUTEX_ANY), 2);
    thread_yield();
    CHECK(done[0] && done[1] && count_done() == 2);
    CHECK_EQ(futex_wake(&key, 0, FUTEX_ANY), 0);
    CHECK_EQ(futex_wake(&key, INT32_MAX, FUTEX_ANY), 3);
    fake_join();
    for (int i = 0; i < 5; i++)
        CHECK_EQ(result[i], 0);
}
END_TEST

START_TEST(only_bits_in_common_wake)
{
    start();
    bitsets[0] = 1;
    bitsets[1] = 2;
    bitsets[2] = 3;
    spawn(3);
    CHECK_EQ(futex_wake(&key, 10, 4), 0);
    CHECK_EQ(futex_wake(&key, 10, 2), 2);
    thread_yield();
    CHECK(!done[0] && done[1] && done[2]);
    CHECK_EQ(futex_wake(&key, 10, FUTEX_ANY), 1);
    fake_join();
}
END_TEST

START_TEST(a_deadline_and_an_interruption_end_a_wait)
{
    struct thread *t;

    start();
    deadline = fake_clock + 3 * MS;
    spawn(1);
    fake_join();
    CHECK_EQ(result[0], -ETIMEDOUT);
    CHECK_EQ(fake_clock, deadline);
    deadline = DEADLINE_NEVER;
    t = fake_spawn(waiter, (void *)0);
    thread_yield();
    thread_interrupt(t);
    fake_join();
    CHECK_EQ(result[0], -EINTR);
    CHECK_EQ(futex_wake(&key, 10, FUTEX_ANY), 0);
}
END_TEST

START_TEST(waiters_are_moved_to_another_queue)
{
    int moved;

    start();
    spawn(5);
    CHECK_EQ(futex_requeue(&key, &other, 1, 2, &moved), 1);
    CHECK_EQ(moved, 2);
    CHECK_EQ(futex_wake(&key, 10, FUTEX_ANY), 2);
    thread_yield();
    CHECK_EQ(count_done(), 3);
    CHECK_EQ(futex_wake(&other, 10, FUTEX_ANY), 2);
    fake_join();
    spawn(4);
    CHECK_EQ(futex_requeue(&key, &key, 1, 10, &moved), 1); /* to the same one */
    CHECK_EQ(futex_wake(&key, 10, FUTEX_ANY), 3);
    fake_join();
    deadline = fake_clock + MS; /* a moved one's deadline goes on */
    spawn(2);
    CHECK_EQ(futex_requeue(&key, &other, 0, 10, &moved), 0);
    CHECK_EQ(moved, 2);
    fake_join();
    CHECK(result[0] == -ETIMEDOUT && result[1] == -ETIMEDOUT);
    CHECK_EQ(futex_wake(&other, 10, FUTEX_ANY), 0);
}
END_TEST

START_TEST(shared_memory_is_one_word_in_all_spaces)
{
    struct aspace *a, *b;
    struct futex_key ka, kb;
    struct vmo *v;
    struct map_args m = { .addr = 0x10000000, .len = 2 * PAGE_SIZE, .prot = 3, .max_prot = 7,
                          .flags = MAP_F_SHARED, .fixed = true };

    fake_ram(16 << 20, 64 << 20);
    a = aspace_create();
    b = aspace_create();
    v = m.vmo = vmo_create(4 * PAGE_SIZE, NULL, NULL);
    aspace_map(a, &m);
    m.addr = 0x20000000;
    m.off = PAGE_SIZE;
    aspace_map(b, &m);
    CHECK_EQ(futex_key(a, 0x10000000 + PAGE_SIZE + 8, false, FUTEX_LOOK, &ka), 0);
    CHECK_EQ(futex_key(b, 0x20000000 + 8, false, FUTEX_LOOK, &kb), 0);
    CHECK(!memcmp(&ka, &kb, sizeof(ka)));
    CHECK_EQ(futex_key(b, 0x20000000 + 12, false, FUTEX_LOOK, &kb), 0);
    CHECK(memcmp(&ka, &kb, sizeof(ka)));
    m.vmo = NULL;
    m.flags = 0;
    m.off = 0;
    aspace_map(a, &m);
    aspace_map(b, &m);
    CHECK_EQ(futex_key(a, 0x20000000, false, FUTEX_LOOK, &ka), 0);
    CHECK_EQ(futex_key(b, 0x20000000, false, FUTEX_LOOK, &kb), 0);
    CHECK(memcmp(&ka, &kb, sizeof(ka))); /* private memory */
    CHECK_EQ(futex_key(a, 0x20000002, false, FUTEX_LOOK, &ka), -EINVAL);
    CHECK_EQ(futex_key(a, 0x30000000, false, FUTEX_LOOK, &ka), -EFAULT);
    CHECK_EQ(futex_key(a, 0x7ffffffff000, true, FUTEX_LOOK, &ka), -EFAULT);
    CHECK_EQ(futex_key(a, 0xffff800000000000, true, FUTEX_LOOK, &ka), -EFAULT);
    vmo_unref(v);
    aspace_unref(a);
    aspace_unref(b);
}
END_TEST

/* --- a lock of user space --------------------------------------------------------------------- */

static u32 lock; /* 0 free, 1 held, 2 held and waited for */
static int inside, turns;

static void use_lock(void *arg UNUSED)
{
    struct futex_key k;

    futex_key((struct aspace *)1, (u64)&lock, true, FUTEX_LOOK, &k);
    for (int i = 0; i < 30; i++) {
        u32 was = lock;

        if (was == 0) {
            lock = 1;
        } else {
            for (;;) {
                was = lock;
                lock = 2;
                if (was == 0)
                    break;
                if (unit_below(4) == 0)
                    thread_yield();
                futex_wait(&k, (u64)&lock, 2, FUTEX_ANY,
                           unit_below(3) ? DEADLINE_NEVER : fake_clock + MS);
            }
        }
        CHECK_EQ(inside++, 0);
        thread_yield();
        inside--;
        turns++;
        was = lock;
        lock = 0;
        if (was == 2)
            futex_wake(&k, 1, FUTEX_ANY);
    }
}

START_TEST(a_lock_made_of_a_futex_loses_no_wake)
{
    start();
    fake_threads((u64)_i + 1);
    for (u32 i = 0; i < THREADS; i++)
        fake_spawn(use_lock, NULL);
    fake_join();
    CHECK_EQ(turns, THREADS * 30);
}
END_TEST

UNIT_MAIN("futex", ONCE(another_value_is_not_waited_for),
          ONCE(as_many_are_woken_as_asked_for_in_order), ONCE(only_bits_in_common_wake),
          ONCE(a_deadline_and_an_interruption_end_a_wait), ONCE(waiters_are_moved_to_another_queue),
          ONCE(shared_memory_is_one_word_in_all_spaces),
          SEEDS(a_lock_made_of_a_futex_loses_no_wake, 10))
