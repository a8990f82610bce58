/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting: mutexes (core/mutex.c), objects (object/wait.c), ports (object/port.c). */
#include "core/mutex.h"
#include "core/string.h"
#include "mm/slab.h"
#include "object/port.h"
#include "object/thread.h"
#include "object/wait.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#define MS UINT64_C(1000000)
#define ANY (SIG_READABLE | SIG_WRITABLE)

static void destroy(struct object *o)
{
    kfree(o);
}

static const struct object_ops ops = { .type = OBJ_EVENT, .destroy = destroy };

static struct object *new_object(u32 signals)
{
    struct object *o = kzalloc(sizeof(*o));

    object_init(o, &ops, signals);
    return o;
}

/* --- mutexes ---------------------------------------------------------------------------------- */

static struct mutex mutex;
static int inside, turns;

static void use_mutex(void *arg UNUSED)
{
    for (int i = 0; i < 20; i++) {
        mutex_lock(&mutex);
        CHECK_EQ(inside++, 0);
        if (unit_below(2))
            thread_yield();
        CHECK_EQ(--inside, 0);
        turns++;
        mutex_unlock(&mutex);
        if (unit_below(3) == 0)
            thread_yield();
    }
}

START_TEST(a_mutex_is_held_by_one)
{
    fake_threads((u64)_i + 1);
    mutex_init(&mutex);
    for (int i = 0; i < 8; i++)
        fake_spawn(use_mutex, NULL);
    fake_join();
    CHECK_EQ(turns, 160);
    CHECK(!mutex_held(&mutex));
    CHECK(mutex_trylock(&mutex));
    CHECK(!mutex_trylock(&mutex));
    mutex_unlock(&mutex);
}
END_TEST

/* --- waits ------------------------------------------------------------------------------------ */

START_TEST(what_is_set_already_is_not_waited_for)
{
    struct object *a = new_object(SIG_READABLE), *b = new_object(0);
    struct wait_item items[3] = { { .obj = b, .mask = ANY }, { .obj = a, .mask = ANY },
                                  { .obj = NULL, .mask = ANY } };
    u64 before = fake_clock;

    CHECK_EQ(object_wait_many(items, 3, DEADLINE_NEVER, 0), 1);
    CHECK(!items[0].observed && items[1].observed == SIG_READABLE && !items[2].observed);
    CHECK_EQ(object_wait(a, SIG_READABLE, 0, 0), 0);
    CHECK_EQ(object_wait(b, SIG_READABLE, 0, 0), -ETIMEDOUT);
    CHECK_EQ(fake_clock, before);
    object_unref(a);
    object_unref(b);
}
END_TEST

START_TEST(a_wait_ends_at_its_deadline)
{
    struct object *a = new_object(0);
    u64 deadline = fake_clock + 5 * MS;

    CHECK_EQ(object_wait(a, ANY, deadline, 0), -ETIMEDOUT);
    CHECK_EQ(fake_clock, deadline);
    CHECK_EQ(object_wait_many(NULL, 0, deadline + MS, 0), -ETIMEDOUT); /* a sleep */
    CHECK_EQ(fake_clock, deadline + MS);
    CHECK(list_empty(&a->observers));
    object_unref(a);
}
END_TEST

static struct object *shared;

static void set_later(void *arg)
{
    object_wait_many(NULL, 0, fake_clock + 2 * MS, 0);
    object_signal(shared, 0, (u32)(u64)arg);
}

START_TEST(a_signal_of_the_mask_ends_a_wait)
{
    u64 before = fake_clock;

    shared = new_object(0);
    fake_spawn(set_later, (void *)(u64)SIG_READABLE);
    CHECK_EQ(object_wait(shared, SIG_WRITABLE, before + MS, 0), -ETIMEDOUT);
    CHECK_EQ(object_wait(shared, SIG_READABLE, before + 50 * MS, 0), 0);
    CHECK_EQ(fake_clock, before + 2 * MS);
    fake_join();
    object_unref(shared);
}
END_TEST

static void interrupt_later(void *arg)
{
    object_wait_many(NULL, 0, fake_clock + MS, 0);
    thread_interrupt(arg);
}

START_TEST(only_an_interruptible_wait_is_interrupted)
{
    struct thread *me = current();
    u64 before = fake_clock;

    shared = new_object(0);
    fake_spawn(interrupt_later, me);
    CHECK_EQ(object_wait(shared, ANY, before + 5 * MS, WAIT_INTERRUPTIBLE), -EINTR);
    CHECK_EQ(fake_clock, before + MS);
    CHECK_EQ(object_wait(shared, ANY, before + 5 * MS, WAIT_INTERRUPTIBLE), -EINTR); /* still due */
    CHECK_EQ(object_wait(shared, ANY, before + 6 * MS, 0), -ETIMEDOUT);
    CHECK_EQ(object_wait(shared, ANY, before + 7 * MS, WAIT_KILLABLE), -ETIMEDOUT);
    me->interrupted = 0;
    me->work = WORK_SIGNAL;
    CHECK_EQ(object_wait(shared, ANY, before + 9 * MS, WAIT_INTERRUPTIBLE), -EINTR);
    CHECK_EQ(object_wait(shared, ANY, before + 9 * MS, WAIT_KILLABLE), -ETIMEDOUT);
    me->work = WORK_EXIT;
    CHECK_EQ(object_wait(shared, ANY, before + 99 * MS, WAIT_KILLABLE), -EINTR);
    object_signal(shared, 0, SIG_READABLE);
    CHECK_EQ(object_wait(shared, ANY, DEADLINE_NEVER, WAIT_INTERRUPTIBLE),
             0); /* what is there counts */
    me->work = 0;
    fake_join();
    object_unref(shared);
}
END_TEST

/* A queue of one place between several threads: each item arrives once. */
static struct object *slot;
static int value;
static bool got[200];
static u32 received;

static void producer(void *arg)
{
    for (int i = 0; i < 50; i++) {
        while (value) {
            object_signal(slot, SIG_WRITABLE, 0);
            CHECK_EQ(object_wait(slot, SIG_WRITABLE, DEADLINE_NEVER, 0), 0);
        }
        value = (int)(u64)arg * 50 + i + 1;
        object_signal(slot, SIG_WRITABLE, SIG_READABLE);
        if (unit_below(2))
            thread_yield();
    }
}

static void consumer(void *arg UNUSED)
{
    while (received < 200) {
        if (!value) {
            object_signal(slot, SIG_READABLE, 0);
            object_wait(slot, SIG_READABLE, fake_clock + MS, 0);
            continue;
        }
        CHECK(!got[value - 1]);
        got[value - 1] = true;
        received++;
        value = 0;
        object_signal(slot, SIG_READABLE, SIG_WRITABLE);
        if (unit_below(2))
            thread_yield();
    }
}

START_TEST(no_wake_is_lost_between_many_threads)
{
    fake_threads((u64)_i + 1);
    slot = new_object(SIG_WRITABLE);
    for (u64 i = 0; i < 4; i++)
        fake_spawn(producer, (void *)i);
    for (int i = 0; i < 3; i++)
        fake_spawn(consumer, NULL);
    fake_join();
    CHECK_EQ(received, 200);
    object_unref(slot);
}
END_TEST

/* --- ports ------------------------------------------------------------------------------------ */

static struct port_event ev[16];

START_TEST(a_level_is_told_again_and_again)
{
    struct port *p = port_create();
    struct object *o = new_object(0);

    CHECK_EQ(port_add(p, 3, o, SIG_READABLE, 0, 77, 0x1234567890), 0);
    CHECK_EQ(port_wait(p, ev, 16, 0), 0);
    object_signal(o, 0, SIG_READABLE | SIG_WRITABLE);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(port_wait(p, ev, 16, DEADLINE_NEVER), 1);
        CHECK_EQ(ev[0].signals, SIG_READABLE);
        CHECK_EQ(ev[0].events, 77);
        CHECK_EQ(ev[0].data, 0x1234567890);
        CHECK(object_ready(port_object(p)) & SIG_READABLE);
    }
    object_signal(o, SIG_READABLE, 0);
    CHECK_EQ(port_wait(p, ev, 16, 0), 0);
    CHECK(!(object_ready(port_object(p)) & SIG_READABLE));
    object_unref(port_object(p));
    object_unref(o);
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

START_TEST(an_edge_is_told_once)
{
    struct port *p = port_create();
    struct object *o = new_object(SIG_READABLE);

    CHECK_EQ(port_add(p, 3, o, SIG_READABLE, PORT_EDGE, 0, 1), 0);
    CHECK_EQ(port_wait(p, ev, 16, 0), 1); /* what was there when it began */
    CHECK_EQ(port_wait(p, ev, 16, 0), 0);
    object_signal(o, 0, SIG_READABLE);
    CHECK_EQ(port_wait(p, ev, 16, 0), 0);
    object_pulse(o, SIG_READABLE);
    object_pulse(o, SIG_READABLE);
    CHECK_EQ(port_wait(p, ev, 16, 0), 1);
    CHECK_EQ(port_wait(p, ev, 16, 0), 0);
    CHECK_EQ(port_modify(p, 3, o, SIG_READABLE, PORT_EDGE, 0, 2), 0); /* looks again */
    CHECK_EQ(port_wait(p, ev, 16, 0), 1);
    CHECK_EQ(ev[0].data, 2);
    object_unref(port_object(p));
    object_unref(o);
}
END_TEST

START_TEST(one_shot_is_silent_until_modified)
{
    struct port *p = port_create();
    struct object *o = new_object(0);

    port_add(p, 3, o, SIG_READABLE, PORT_ONE_SHOT, 0, 1);
    object_signal(o, 0, SIG_READABLE);
    CHECK_EQ(port_wait(p, ev, 16, 0), 1);
    object_pulse(o, SIG_READABLE);
    CHECK_EQ(port_wait(p, ev, 16, 0), 0);
    CHECK_EQ(port_modify(p, 3, o, SIG_READABLE, PORT_ONE_SHOT, 0, 1), 0);
    CHECK_EQ(port_wait(p, ev, 16, 0), 1);
    CHECK_EQ(port_wait(p, ev, 16, 0), 0);
    object_unref(port_object(p));
    object_unref(o);
}
END_TEST

START_TEST(items_are_known_by_key_and_object)
{
    struct port *p = port_create();
    struct object *a = new_object(0), *b = new_object(0);

    CHECK_EQ(port_add(p, 1, a, ANY, 0, 0, 0), 0);
    CHECK_EQ(port_add(p, 1, a, ANY, 0, 0, 0), -EEXIST);
    CHECK_EQ(port_add(p, 2, a, ANY, 0, 0, 0), 0);
    CHECK_EQ(port_add(p, 1, b, ANY, 0, 0, 0), 0);
    CHECK_EQ(port_modify(p, 2, b, ANY, 0, 0, 0), -ENOENT);
    CHECK_EQ(port_remove(p, 3, a), -ENOENT);
    object_signal(a, 0, SIG_READABLE);
    CHECK_EQ(port_wait(p, ev, 16, 0), 2);
    CHECK_EQ(port_remove(p, 1, a), 0);
    CHECK_EQ(port_wait(p, ev, 16, 0), 1);
    object_unref(a); /* its end takes it out */
    CHECK_EQ(port_wait(p, ev, 16, 0), 0);
    object_unref(b);
    a = new_object(SIG_READABLE);
    CHECK_EQ(port_add(p, 2, a, ANY, 0, 0, 0), 0);
    CHECK_EQ(port_wait(p, ev, 16, 0), 1);
    object_unref(port_object(p));
    object_signal(a, SIG_READABLE, 0);
    object_signal(a, 0, SIG_READABLE);
    object_unref(a);
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

START_TEST(with_room_for_few_all_get_their_turn)
{
    struct port *p = port_create();
    struct object *o[5];
    u32 seen[5] = { 0 };

    for (u32 i = 0; i < 5; i++) {
        o[i] = new_object(SIG_READABLE);
        port_add(p, i, o[i], ANY, 0, 0, i);
    }
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(port_wait(p, ev, 2, 0), 2);
        seen[ev[0].data]++;
        seen[ev[1].data]++;
    }
    for (u32 i = 0; i < 5; i++) {
        CHECK_EQ(seen[i], 4);
        object_unref(o[i]);
    }
    object_unref(port_object(p));
}
END_TEST

START_TEST(ports_may_watch_ports_but_not_in_circles)
{
    struct port *p[8];
    struct object *o = new_object(0);

    for (int i = 0; i < 8; i++)
        p[i] = port_create();
    CHECK_EQ(port_add(p[0], 0, port_object(p[0]), ANY, 0, 0, 0), -ELOOP);
    CHECK_EQ(port_add(p[0], 0, port_object(p[1]), ANY, 0, 0, 5), 0);
    CHECK_EQ(port_add(p[1], 0, port_object(p[2]), ANY, 0, 0, 6), 0);
    CHECK_EQ(port_add(p[2], 0, port_object(p[0]), ANY, 0, 0, 0), -ELOOP);
    CHECK_EQ(port_add(p[2], 0, o, ANY, 0, 0, 7), 0);
    CHECK_EQ(port_wait(p[0], ev, 16, 0), 0);
    object_signal(o, 0, SIG_READABLE);
    CHECK_EQ(port_wait(p[0], ev, 16, 0), 1);
    CHECK_EQ(ev[0].data, 5);
    CHECK_EQ(port_wait(p[1], ev, 16, 0), 1);
    CHECK_EQ(port_wait(p[2], ev, 16, 0), 1);
    CHECK_EQ(ev[0].data, 7);
    for (int i = 3; i < 8; i++) {
        int r = port_add(p[i], 0, port_object(p[i - 1]), ANY, 0, 0, 0);

        if (r) { /* too deep */
            CHECK_EQ(r, -ELOOP);
            CHECK_OP(i, >, 4);
        }
    }
    for (int i = 0; i < 8; i++)
        object_unref(port_object(p[i]));
    object_unref(o);
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

static struct port *port;

static void wait_port(void *arg)
{
    struct port_event e[4];

    *(int *)arg = port_wait(port, e, 4, fake_clock + 10 * MS);
}

START_TEST(a_port_wakes_who_waits_and_ends_waits_in_time)
{
    struct object *o = new_object(0);
    int a = -1, b = -1;
    u64 before = fake_clock;

    port = port_create();
    port_add(port, 0, o, ANY, 0, 0, 0);
    fake_spawn(wait_port, &a);
    fake_join();
    CHECK_EQ(a, 0);
    CHECK_EQ(fake_clock, before + 10 * MS);
    shared = o;
    fake_spawn(set_later, (void *)(u64)SIG_WRITABLE);
    fake_spawn(wait_port, &b);
    fake_join();
    CHECK_EQ(b, 1);
    CHECK_EQ(fake_clock, before + 12 * MS);
    object_unref(port_object(port));
    object_unref(o);
}
END_TEST

#define WATCHED 12u

/* Level-triggered items: what port_wait tells is what the objects are. */
START_TEST(random_changes_match_the_model)
{
    struct object *o[WATCHED];
    struct {
        bool in, one_shot, silent;
        u32 mask;
    } m[WATCHED] = { { 0 } };
    struct port *p = port_create();

    unit_seed((u64)_i);
    for (u32 i = 0; i < WATCHED; i++)
        o[i] = new_object(0);
    for (int step = 0; step < 5000; step++) {
        u32 i = unit_below(WATCHED), mask = 1 + unit_below(15), n = 0, want = 0;
        bool once = unit_below(4) == 0;
        int r;

        switch (unit_below(8)) {
        case 0:
            r = port_add(p, i, o[i], mask, once ? PORT_ONE_SHOT : 0, 0, i);
            CHECK_EQ(r, m[i].in ? -EEXIST : 0);
            if (r == 0) {
                m[i].in = true;
                m[i].mask = mask;
                m[i].one_shot = once;
                m[i].silent = false;
            }
            break;
        case 1:
            CHECK_EQ(port_remove(p, i, o[i]), m[i].in ? 0 : -ENOENT);
            m[i].in = false;
            break;
        case 2:
            CHECK_EQ(port_modify(p, i, o[i], mask, once ? PORT_ONE_SHOT : 0, 0, i),
                     m[i].in ? 0 : -ENOENT);
            m[i].mask = mask;
            m[i].one_shot = once;
            m[i].silent = false;
            break;
        case 3:
            object_unref(o[i]);
            o[i] = new_object(0);
            m[i].in = false;
            break;
        case 4:
            object_signal(o[i], unit_below(16), unit_below(16));
            break;
        case 5:
            object_pulse(o[i], unit_below(16));
            break;
        default:
            r = port_wait(p, ev, 16, 0);
            for (u32 k = 0; k < WATCHED; k++)
                want += m[k].in && !m[k].silent && (object_signals(o[k]) & m[k].mask);
            for (int k = 0; k < r; k++) {
                u32 at = (u32)ev[k].data;

                CHECK_EQ(ev[k].signals, object_signals(o[at]) & m[at].mask);
                CHECK(m[at].in && !m[at].silent && ev[k].signals);
                m[at].silent = m[at].one_shot;
                n++;
            }
            CHECK_EQ(n, want);
            break;
        }
    }
    for (u32 i = 0; i < WATCHED; i++)
        object_unref(o[i]);
    object_unref(port_object(p));
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

UNIT_MAIN("wait", SEEDS(a_mutex_is_held_by_one, 10), ONCE(what_is_set_already_is_not_waited_for),
          ONCE(a_wait_ends_at_its_deadline), ONCE(a_signal_of_the_mask_ends_a_wait),
          ONCE(only_an_interruptible_wait_is_interrupted),
          SEEDS(no_wake_is_lost_between_many_threads, 10), ONCE(a_level_is_told_again_and_again),
          ONCE(an_edge_is_told_once), ONCE(one_shot_is_silent_until_modified),
          ONCE(items_are_known_by_key_and_object), ONCE(with_room_for_few_all_get_their_turn),
          ONCE(ports_may_watch_ports_but_not_in_circles),
          ONCE(a_port_wakes_who_waits_and_ends_waits_in_time),
          SEEDS(random_changes_match_the_model, 5))
