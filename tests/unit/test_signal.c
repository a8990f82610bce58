/* SPDX-License-Identifier: Apache-2.0 */
/* Pending signals, masks and actions: object/signal*.c. One process with two threads. */
#include "core/string.h"
#include "mm/slab.h"
#include "object/process.h"
#include "object/signal_impl.h"
#include "object/thread.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#define HANDLER UINT64_C(0x400000)
#define RT (SIGRTMIN + 5)

static struct process process;
static struct thread *other; /* never runs: its state is looked at */
static int ended_by, reports;

/* --- what object/process.c does --------------------------------------------------------------- */

void process_group_exit_locked(struct process *p, int status)
{
    p->group_exit = true;
    ended_by = status;
}

void process_report_job(struct process *p UNUSED, int code UNUSED)
{
    reports++;
}

bool process_group_orphaned(u32 pgid UNUSED)
{
    return false;
}

u32 process_group_id(struct process *p UNUSED)
{
    return 1;
}

int process_for_group(u32 pgid UNUSED, int (*fn)(struct process *p, void *arg), void *arg)
{
    return fn(&process, arg);
}

static void idle(void *arg UNUSED)
{
}

static void join_process(struct thread *t)
{
    INIT_ONCE(t->proc, &process);
    sigstate_init(&t->sig);
    list_add_tail(&process.threads, &t->proc_node);
    process.nthreads++;
}

static void start(void)
{
    spin_init(&process.lock, RANK_PROCESS + 1);
    list_init(&process.threads);
    list_init(&process.sig_watches);
    sig_pending_init(&process.pending);
    process.actions = sigactions_create(NULL);
    for (u32 i = 0; i < RLIMIT_COUNT; i++)
        process.rlimits[i] = (struct rlimit_value){ 100, 100 };
    event_init(&process.running);
    event_set(&process.running);
    join_process(current());
    other = fake_spawn(idle, NULL);
    join_process(other);
}

static void end(void)
{
    sig_pending_clear(&process.pending);
    sig_pending_clear(&current()->sig.pending);
    sig_pending_clear(&other->sig.pending);
    sigactions_unref(process.actions);
    fake_join();
    CHECK_EQ(fake_blocks, 0);
}

static int send(int signo, int code, u64 value)
{
    struct sig_info info;

    memset(&info, 0, sizeof(info));
    info.signo = signo;
    info.code = code;
    info.kill.value = value;
    return signal_send_process(&process, &info, 0);
}

static void set_action(int signo, u64 handler, u64 flags)
{
    struct sig_action a = { .handler = handler, .flags = flags };

    CHECK_EQ(signal_action(signo, &a, NULL), 0);
}

static void block(u64 set)
{
    signal_set_mask(set);
    other->sig.blocked = set;
}

static int take(u64 *value)
{
    struct sig_info info;
    int signo = signal_dequeue(UINT64_MAX, &info);

    *value = info.kill.value;
    return signo;
}

START_TEST(a_signal_is_pending_once_and_a_real_time_one_as_often_as_sent)
{
    u64 v;

    start();
    block(SIGBIT(SIGUSR1) | SIGBIT(RT));
    CHECK_EQ(send(SIGUSR1, SIC_USER, 1), 0);
    CHECK_EQ(send(SIGUSR1, SIC_USER, 2), 0);
    for (u64 i = 0; i < 5; i++)
        CHECK_EQ(send(RT, SIC_QUEUE, 10 + i), 0);
    CHECK_EQ(take(&v), SIGUSR1); /* the lowest first */
    CHECK_EQ(v, 1);
    for (u64 i = 0; i < 5; i++) {
        CHECK_EQ(take(&v), RT);
        CHECK_EQ(v, 10 + i);
    }
    CHECK_EQ(take(&v), 0);
    CHECK_EQ(process.pending.set, 0);
    end();
}
END_TEST

START_TEST(a_full_queue_refuses_what_was_queued_and_takes_what_was_sent)
{
    u64 v;

    start();
    process.rlimits[11].cur = 3; /* RLIMIT_SIGPENDING */
    block(SIGBIT(RT) | SIGBIT(RT + 1) | SIGBIT(SIGUSR1));
    for (int i = 0; i < 3; i++)
        CHECK_EQ(send(RT, SIC_QUEUE, 1), 0);
    CHECK_EQ(send(RT, SIC_QUEUE, 1), -EAGAIN);
    CHECK_EQ(send(RT + 1, SIC_USER, 7), 0); /* kill(2): without its data */
    CHECK_EQ(send(SIGUSR1, SIC_USER, 8), 0);
    CHECK_EQ(take(&v), SIGUSR1);
    CHECK_EQ(v, 8);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(take(&v), RT);
    CHECK_EQ(take(&v), RT + 1);
    CHECK_EQ(v, 0);
    CHECK_EQ(take(&v), 0);
    end();
}
END_TEST

START_TEST(without_memory_a_signal_comes_without_its_data)
{
    u64 v;

    start();
    block(SIGBIT(SIGUSR1) | SIGBIT(RT));
    fake_fail_after = 1;
    CHECK_EQ(send(SIGUSR1, SIC_USER, 5), 0);
    fake_fail_after = 1;
    CHECK_EQ(send(RT, SIC_QUEUE, 5), -EAGAIN);
    fake_fail_after = 0;
    CHECK_EQ(take(&v), SIGUSR1);
    CHECK_EQ(v, 0);
    CHECK_EQ(take(&v), 0);
    end();
}
END_TEST

START_TEST(ignored_signals_are_dropped_unless_blocked)
{
    u64 v;

    start();
    CHECK_EQ(send(SIGCHLD, SIC_USER, 0), 0); /* ignored by default */
    CHECK_EQ(process.pending.set, 0);
    set_action(SIGUSR1, SIGH_IGN, 0);
    send(SIGUSR1, SIC_USER, 0);
    CHECK_EQ(process.pending.set, 0);
    block(SIGBIT(SIGUSR1) | SIGBIT(SIGCHLD));
    send(SIGUSR1, SIC_USER, 0);
    send(SIGCHLD, SIC_USER, 0);
    CHECK_EQ(process.pending.set, SIGBIT(SIGUSR1) | SIGBIT(SIGCHLD));
    set_action(SIGUSR1, SIGH_IGN, 0); /* and that discards it */
    CHECK_EQ(process.pending.set, SIGBIT(SIGCHLD));
    set_action(SIGCHLD, SIGH_DFL, 0);
    CHECK_EQ(take(&v), 0);
    CHECK_EQ(ended_by, 0);
    end();
}
END_TEST

START_TEST(the_default_action_ends_the_process)
{
    start();
    set_action(SIGUSR1, HANDLER, 0);
    send(SIGUSR1, SIC_USER, 0);
    CHECK_EQ(ended_by, 0);
    CHECK(current()->work & WORK_SIGNAL);
    send(SIGTERM, SIC_USER, 0);
    CHECK_EQ(ended_by, SIGTERM);
    end();
}
END_TEST

START_TEST(kill_and_stop_are_not_caught_blocked_or_ignored)
{
    struct sig_action a = { .handler = HANDLER };

    start();
    CHECK_EQ(signal_action(SIGKILL, &a, NULL), -EINVAL);
    CHECK_EQ(signal_action(SIGSTOP, &a, NULL), -EINVAL);
    CHECK_EQ(signal_action(0, &a, NULL), -EINVAL);
    CHECK_EQ(signal_action(65, &a, NULL), -EINVAL);
    CHECK_EQ(signal_action(SIGKILL, NULL, &a), 0);
    CHECK_EQ(a.handler, SIGH_DFL);
    signal_set_mask(UINT64_MAX);
    CHECK_EQ(current()->sig.blocked, ~SIGSET_UNBLOCKABLE);
    send(SIGKILL, SIC_USER, 0);
    CHECK_EQ(ended_by, SIGKILL);
    end();
}
END_TEST

START_TEST(the_first_process_gets_only_what_it_handles)
{
    struct sig_info info;

    start();
    INIT_ONCE(process.is_init, true);
    send(SIGTERM, SIC_USER, 0);
    send(SIGKILL, SIC_USER, 0);
    send(SIGSTOP, SIC_USER, 0);
    CHECK_EQ(process.pending.set, 0);
    CHECK_EQ(ended_by, 0);
    set_action(SIGTERM, HANDLER, 0);
    send(SIGTERM, SIC_USER, 0);
    CHECK_EQ(process.pending.set, SIGBIT(SIGTERM));
    sig_info_kernel(&info, SIGKILL);
    CHECK_EQ(signal_send_process(&process, &info, SIG_FORCE_INIT), 0);
    CHECK_EQ(ended_by, SIGKILL);
    end();
}
END_TEST

START_TEST(a_thread_that_lets_it_in_is_told)
{
    start();
    set_action(SIGUSR1, HANDLER, 0);
    signal_set_mask(SIGBIT(SIGUSR1));
    send(SIGUSR1, SIC_USER, 0);
    CHECK(!(current()->work & WORK_SIGNAL));
    CHECK((other->work & WORK_SIGNAL) && other->interrupted);
    other->work = other->interrupted = 0;
    /* The one that it was for blocks it now: it is for the other. */
    set_action(SIGUSR2, HANDLER, 0);
    send(SIGUSR2, SIC_USER, 0);
    CHECK(current()->work & WORK_SIGNAL);
    CHECK(!(other->work & WORK_SIGNAL));
    signal_set_mask(SIGBIT(SIGUSR1) | SIGBIT(SIGUSR2));
    CHECK(other->work & WORK_SIGNAL);
    CHECK(!signal_is_pending());
    current()->work = 0;
    signal_set_mask(0);
    CHECK(current()->work & WORK_SIGNAL);
    CHECK(signal_is_pending());
    end();
}
END_TEST

START_TEST(a_signal_to_a_thread_is_its_own)
{
    struct sig_info info;
    u64 v;

    start();
    block(SIGBIT(SIGUSR1));
    sig_info_kernel(&info, SIGUSR1);
    CHECK_EQ(signal_send_thread(other, &info, 0), 0);
    CHECK_EQ(take(&v), 0);
    CHECK_EQ(other->sig.pending.set, SIGBIT(SIGUSR1));
    CHECK_EQ(process.pending.set, 0);
    end();
}
END_TEST

START_TEST(stop_and_continue_cancel_each_other)
{
    start();
    set_action(SIGTSTP, HANDLER, 0);
    set_action(SIGCONT, HANDLER, 0);
    block(SIGBIT(SIGTSTP) | SIGBIT(SIGCONT));
    send(SIGTSTP, SIC_USER, 0);
    CHECK_EQ(process.pending.set, SIGBIT(SIGTSTP));
    send(SIGCONT, SIC_USER, 0);
    CHECK_EQ(process.pending.set, SIGBIT(SIGCONT));
    send(SIGTSTP, SIC_USER, 0);
    CHECK_EQ(process.pending.set, SIGBIT(SIGTSTP));
    end();
}
END_TEST

START_TEST(faults_come_before_other_signals)
{
    struct sig_info info;
    u64 v;

    start();
    set_action(SIGSEGV, HANDLER, 0);
    block(SIGBIT(SIGHUP));
    send(SIGHUP, SIC_USER, 1);
    memset(&info, 0, sizeof(info));
    info.signo = SIGSEGV;
    info.fault.addr = 0x1234;
    signal_force(&info);
    CHECK_EQ(ended_by, 0);
    CHECK_EQ(take(&v), SIGSEGV);
    CHECK_EQ(take(&v), SIGHUP);
    /* Blocked or ignored, it ends the process. */
    signal_set_mask(SIGBIT(SIGSEGV));
    signal_force(&info);
    CHECK_EQ(ended_by, SIGSEGV);
    end();
}
END_TEST

START_TEST(the_handler_is_given_with_its_action)
{
    struct sig_info info;
    struct sig_action act;

    start();
    set_action(SIGUSR1, HANDLER, SAF_RESETHAND);
    set_action(SIGUSR2, HANDLER + 1, 0);
    set_action(SIGHUP, HANDLER + 2, 0);
    send(SIGUSR1, SIC_USER, 3);
    send(SIGUSR2, SIC_USER, 4);
    block(SIGBIT(SIGHUP));
    send(SIGHUP, SIC_USER, 5);
    CHECK(signal_next(&info, &act));
    CHECK(info.signo == SIGUSR1 && info.kill.value == 3 && act.handler == HANDLER);
    CHECK_EQ(sig_handler(&process, SIGUSR1), SIGH_DFL);
    CHECK(signal_next(&info, &act));
    CHECK(info.signo == SIGUSR2 && act.handler == HANDLER + 1);
    CHECK(!signal_next(&info, &act)); /* the blocked one stays */
    CHECK_EQ(process.pending.set, SIGBIT(SIGHUP));
    end();
}
END_TEST

static void send_later(void *arg UNUSED)
{
    object_wait_many(NULL, 0, fake_clock + 1000, 0);
    send(SIGUSR1, SIC_USER, 42);
}

START_TEST(sigtimedwait_takes_a_blocked_signal)
{
    struct sig_info info;
    u64 before;

    start();
    block(SIGBIT(SIGUSR1));
    before = fake_clock;
    CHECK_EQ(signal_wait(SIGBIT(SIGUSR1), 0, &info), -EAGAIN);
    CHECK_EQ(signal_wait(SIGBIT(SIGUSR1), before + 500, &info), -EAGAIN);
    CHECK_EQ(fake_clock, before + 500);
    fake_spawn(send_later, NULL);
    CHECK_EQ(signal_wait(SIGBIT(SIGUSR1), before + 50000, &info), SIGUSR1);
    CHECK_EQ(info.kill.value, 42);
    CHECK_EQ(fake_clock, before + 1500);
    CHECK_EQ(current()->sig.blocked, SIGBIT(SIGUSR1));
    CHECK_EQ(ended_by, 0);
    end();
}
END_TEST

START_TEST(exec_keeps_what_is_ignored_only)
{
    struct sigactions *copy;

    start();
    set_action(SIGUSR1, HANDLER, SAF_RESTART);
    set_action(SIGUSR2, SIGH_IGN, 0);
    copy = sigactions_create(process.actions);
    CHECK_EQ(copy->act[SIGUSR1 - 1].handler, HANDLER);
    sigactions_reset(process.actions);
    CHECK_EQ(sig_handler(&process, SIGUSR1), SIGH_DFL);
    CHECK_EQ(process.actions->act[SIGUSR1 - 1].flags, 0);
    CHECK_EQ(sig_handler(&process, SIGUSR2), SIGH_IGN);
    CHECK_EQ(copy->act[SIGUSR1 - 1].handler, HANDLER);
    sigactions_unref(copy);
    end();
}
END_TEST

UNIT_MAIN("signal", ONCE(a_signal_is_pending_once_and_a_real_time_one_as_often_as_sent),
          ONCE(a_full_queue_refuses_what_was_queued_and_takes_what_was_sent),
          ONCE(without_memory_a_signal_comes_without_its_data),
          ONCE(ignored_signals_are_dropped_unless_blocked),
          ONCE(the_default_action_ends_the_process),
          ONCE(kill_and_stop_are_not_caught_blocked_or_ignored),
          ONCE(the_first_process_gets_only_what_it_handles), ONCE(a_thread_that_lets_it_in_is_told),
          ONCE(a_signal_to_a_thread_is_its_own), ONCE(stop_and_continue_cancel_each_other),
          ONCE(faults_come_before_other_signals), ONCE(the_handler_is_given_with_its_action),
          ONCE(sigtimedwait_takes_a_blocked_signal), ONCE(exec_keeps_what_is_ignored_only))
