/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel timers (core/timer.c), and the counters of eventfd and timerfd (object/counter.c). */
#include "arch/percpu.h"
#include "core/string.h"
#include "core/timer.h"
#include "object/counter.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#define TIMERS 40u

struct one {
    struct timer t;
    u64 deadline;  /* the model: 0 is off */
    u32 fired;
    u64 again;     /* arms itself again so much later, once */
};

static struct one timers[TIMERS];
static u64 last_fired;

static void fire(struct timer *t)
{
    struct one *o = container_of(t, struct one, t);

    CHECK(o->deadline && o->deadline <= fake_clock);
    CHECK(o->deadline >= last_fired); /* in order */
    last_fired = o->deadline;
    o->fired++;
    o->deadline = 0;
    if (o->again) {
        o->deadline = fake_clock + o->again;
        o->again = 0;
        timer_arm(t, o->deadline);
    }
}

static void arm(u32 i, u64 deadline)
{
    timers[i].deadline = deadline;
    timer_arm(&timers[i].t, deadline);
}

static void start(void)
{
    for (u32 i = 0; i < TIMERS; i++)
        timer_init(&timers[i].t, fire);
}

START_TEST(timers_fire_in_the_order_of_their_deadlines)
{
    u64 now = fake_clock;

    start();
    arm(0, now + 30);
    arm(1, now + 10);
    arm(2, now + 20);
    CHECK_EQ(this_cpu()->page->deadline, now + 10);
    CHECK(!timers_due());
    timers_run();
    CHECK_EQ(timers[1].fired, 0);
    fake_clock = now + 25;
    CHECK(timers_due());
    timers_run();
    CHECK(timers[1].fired && timers[2].fired && !timers[0].fired);
    CHECK_EQ(this_cpu()->page->deadline, now + 30);
    CHECK(timer_cancel(&timers[0].t));
    CHECK(!timer_cancel(&timers[0].t));
    CHECK(!timer_cancel(&timers[1].t));
    CHECK_EQ(this_cpu()->page->deadline, RV_NO_DEADLINE);
    CHECK(!timers_due());
}
END_TEST

START_TEST(an_armed_timer_is_moved)
{
    u64 now = fake_clock;

    start();
    arm(0, now + 10);
    arm(0, now + 50);
    fake_clock = now + 20;
    timers_run();
    CHECK_EQ(timers[0].fired, 0);
    fake_cpu(2); /* and to another vCPU */
    arm(0, now + 30);
    CHECK_EQ(this_cpu()->page->deadline, now + 30);
    fake_cpu(0);
    CHECK_EQ(this_cpu()->page->deadline, RV_NO_DEADLINE);
    fake_clock = now + 100;
    timers_run();
    CHECK_EQ(timers[0].fired, 0); /* it fires where it was armed */
    fake_cpu(2);
    timers_run();
    CHECK_EQ(timers[0].fired, 1);
    arm(0, now + 200);
    fake_cpu(1);
    CHECK(timer_cancel(&timers[0].t)); /* from anywhere */
}
END_TEST

START_TEST(a_timer_may_arm_itself_again)
{
    start();
    timers[0].again = 100;
    arm(0, fake_clock + 10);
    fake_clock += 10;
    timers_run();
    CHECK_EQ(timers[0].fired, 1);
    fake_clock += 100;
    timers_run();
    CHECK_EQ(timers[0].fired, 2);
    /* A deadline that passed already comes in the same run. */
    timers[1].again = 0;
    arm(1, fake_clock - 5);
    last_fired = 0;
    timers_run();
    CHECK_EQ(timers[1].fired, 1);
}
END_TEST

START_TEST(random_timers_match_the_model)
{
    start();
    unit_seed((u64)_i);
    for (int step = 0; step < 20000; step++) {
        u32 i = unit_below(TIMERS);

        switch (unit_below(4)) {
        case 0: case 1:
            arm(i, fake_clock + unit_below(500));
            break;
        case 2:
            CHECK_EQ(timer_cancel(&timers[i].t), timers[i].deadline != 0);
            timers[i].deadline = 0;
            break;
        default:
            fake_clock += unit_below(100);
            last_fired = 0;
            timers_run();
            for (u32 k = 0; k < TIMERS; k++)
                CHECK(!timers[k].deadline || timers[k].deadline > fake_clock);
            break;
        }
        {
            u64 next = RV_NO_DEADLINE;

            for (u32 k = 0; k < TIMERS; k++)
                if (timers[k].deadline)
                    next = MIN(next, timers[k].deadline);
            CHECK_EQ(this_cpu()->page->deadline, next);
        }
    }
}
END_TEST

/* --- counters --------------------------------------------------------------------------------- */

static struct object shown;
static const struct object_ops ops = { .type = OBJ_FILE };

static u32 signals(void)
{
    return object_signals(&shown);
}

START_TEST(a_counter_is_taken_whole)
{
    struct counter c;
    u64 v;

    object_init(&shown, &ops, 0);
    counter_init(&c, &shown, 0, false);
    CHECK_EQ(signals(), SIG_WRITABLE);
    CHECK_EQ(counter_take(&c, &v), -EAGAIN);
    CHECK_EQ(counter_add(&c, 3), 0);
    CHECK_EQ(counter_add(&c, 4), 0);
    CHECK_EQ(counter_add(&c, 0), 0);
    CHECK_EQ(signals(), SIG_READABLE | SIG_WRITABLE);
    CHECK_EQ(counter_take(&c, &v), 0);
    CHECK_EQ(v, 7);
    CHECK_EQ(signals(), SIG_WRITABLE);
}
END_TEST

START_TEST(a_semaphore_is_taken_one_by_one)
{
    struct counter c;
    u64 v;

    object_init(&shown, &ops, 0);
    counter_init(&c, &shown, 2, true);
    CHECK_EQ(signals(), SIG_READABLE | SIG_WRITABLE);
    CHECK_EQ(counter_take(&c, &v), 0);
    CHECK_EQ(v, 1);
    CHECK_EQ(signals(), SIG_READABLE | SIG_WRITABLE);
    CHECK_EQ(counter_take(&c, &v), 0);
    CHECK_EQ(signals(), SIG_WRITABLE);
    CHECK_EQ(counter_take(&c, &v), -EAGAIN);
}
END_TEST

START_TEST(a_counter_does_not_go_beyond_its_greatest_value)
{
    struct counter c;
    u64 v;

    object_init(&shown, &ops, 0);
    counter_init(&c, &shown, 0, false);
    CHECK_EQ(counter_add(&c, UINT64_MAX - 2), 0);
    CHECK(signals() & SIG_WRITABLE);
    CHECK_EQ(counter_add(&c, 2), -EAGAIN);
    CHECK(!(signals() & SIG_WRITABLE));
    CHECK_EQ(counter_add(&c, 1), 0);
    CHECK_EQ(counter_add(&c, 1), -EAGAIN);
    CHECK_EQ(counter_add(&c, UINT64_MAX - 1), -EAGAIN);
    CHECK_EQ(counter_take(&c, &v), 0);
    CHECK_EQ(v, UINT64_MAX - 1);
    CHECK_EQ(signals(), SIG_WRITABLE);
}
END_TEST

START_TEST(a_timer_counter_counts_its_periods)
{
    struct timer_counter t;
    u64 v, left, interval, now = fake_clock;

    object_init(&shown, &ops, 0);
    timer_counter_init(&t, &shown);
    CHECK_EQ(signals(), 0);
    timer_counter_set(&t, now + 100, 10, 0, &left, &interval);
    CHECK(left == 0 && interval == 0);
    timer_counter_get(&t, &left, &interval);
    CHECK(left == 100 && interval == 10);
    fake_clock = now + 100;
    timers_run();
    CHECK_EQ(signals(), SIG_READABLE);
    CHECK_EQ(counter_take(&t.count, &v), 0);
    CHECK_EQ(v, 1);
    CHECK(!(signals() & SIG_READABLE));
    fake_clock = now + 145;
    timers_run();
    timer_counter_get(&t, &left, &interval);
    CHECK_EQ(left, 5); /* the next one keeps the beat */
    CHECK_EQ(counter_take(&t.count, &v), 0);
    CHECK_EQ(v, 4);
    fake_clock = now + 151;
    timers_run();
    timer_counter_set(&t, fake_clock + 50, 0, 0, &left, &interval); /* once; what was counted goes */
    CHECK(left == 9 && interval == 10);
    CHECK_EQ(counter_take(&t.count, &v), -EAGAIN);
    fake_clock += 1000;
    timers_run();
    CHECK_EQ(counter_take(&t.count, &v), 0);
    CHECK_EQ(v, 1);
    timer_counter_get(&t, &left, &interval);
    CHECK_EQ(left, 0);
    timer_counter_set(&t, fake_clock + 50, 0, 0, &left, &interval);
    timer_counter_set(&t, 0, 0, 0, &left, &interval); /* off */
    CHECK_EQ(left, 50);
    fake_clock += 1000;
    timers_run();
    CHECK_EQ(counter_take(&t.count, &v), -EAGAIN);
    timer_counter_end(&t);
    CHECK_EQ(this_cpu()->page->deadline, RV_NO_DEADLINE);
}
END_TEST

UNIT_MAIN("timer", ONCE(timers_fire_in_the_order_of_their_deadlines), ONCE(an_armed_timer_is_moved),
          ONCE(a_timer_may_arm_itself_again), SEEDS(random_timers_match_the_model, 4),
          ONCE(a_counter_is_taken_whole), ONCE(a_semaphore_is_taken_one_by_one),
          ONCE(a_counter_does_not_go_beyond_its_greatest_value),
          ONCE(a_timer_counter_counts_its_periods))
