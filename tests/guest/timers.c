/* SPDX-License-Identifier: Apache-2.0 */
/* Timers that send signals: setitimer, timer_create, on real and CPU clocks; sleeping on CPU clocks. */
#define _GNU_SOURCE
#include "t.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>

#define MS 1000000LL

static volatile sig_atomic_t hits;
static volatile int64_t cpu_at_hit;
static volatile int first_overrun;
static volatile siginfo_t last;

static int64_t cpu_ns(clockid_t id)
{
    struct timespec ts;

    OK(clock_gettime(id, &ts));
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    cpu_at_hit = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
    last = *info;
    if (!hits)
        first_overrun = info->si_overrun;
    hits++; /* last: another thread may be waiting for it */
}

static void catch(int sig)
{
    struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

    OK(sigaction(sig, &sa, NULL));
    hits = 0;
}

/* Computes until n signals have come; a failure names the caller's line. */
#define burn_until_hits(n) burn_until_hits_at(n, __LINE__)

static void burn_until_hits_at(int n, int line)
{
    int64_t limit = t_now_ns() + 20000 * MS;

    while (hits < n)
        if (t_now_ns() >= limit)
            t_differ(__FILE__, line, "hits after 20 s", hits, "at least", n);
}

static void burn(int64_t ns)
{
    int64_t end = cpu_ns(CLOCK_THREAD_CPUTIME_ID) + ns;

    while (cpu_ns(CLOCK_THREAD_CPUTIME_ID) < end)
        ;
}

static timer_t make(clockid_t clock, int notify, int sig, int value)
{
    struct sigevent ev = { .sigev_notify = notify, .sigev_signo = sig };
    timer_t t;

    ev.sigev_value.sival_int = value;
    OK(timer_create(clock, &ev, &t));
    return t;
}

static void set(timer_t t, int flags, int64_t value, int64_t interval)
{
    struct itimerspec its = { { interval / 1000000000, interval % 1000000000 },
                              { value / 1000000000, value % 1000000000 } };

    OK(timer_settime(t, flags, &its, NULL));
}

static int64_t left(timer_t t)
{
    struct itimerspec its;

    OK(timer_gettime(t, &its));
    return (int64_t)its.it_value.tv_sec * 1000000000 + its.it_value.tv_nsec;
}

/* --- setitimer ------------------------------------------------------------------------------------ */

static void cpu_itimer(int which, int sig)
{
    struct itimerval iv = { { 0, 20000 }, { 2, 0 } }, old;
    int64_t start;

    catch(sig);
    OK(setitimer(which, &iv, NULL));
    OK(getitimer(which, &old));
    CHECK(old.it_value.tv_sec == 1 || (old.it_value.tv_sec == 2 && old.it_value.tv_usec <= 4000));
    CHECK_EQ(old.it_interval.tv_usec, 20000);
    t_sleep_ms(2200); /* takes no CPU time */
    CHECK_EQ(hits, 0);
    iv.it_value = (struct timeval){ 0, 30000 };
    start = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
    OK(setitimer(which, &iv, NULL));
    burn_until_hits(1);
    CHECK(cpu_at_hit - start >= 15 * MS); /* Linux counts by ticks for this */
    CHECK_EQ(last.si_code, SI_KERNEL);
    burn_until_hits(3);
    CHECK(cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - start >= 30 * MS);
    memset(&iv, 0, sizeof(iv));
    OK(setitimer(which, &iv, &old));
    CHECK_EQ(old.it_interval.tv_usec, 20000);
    hits = 0;
    burn(60 * MS);
    CHECK_EQ(hits, 0);
    OK(getitimer(which, &old));
    CHECK(!old.it_value.tv_sec && !old.it_value.tv_usec);
    signal(sig, SIG_DFL);
}

/* Short periods, looked at again and again: none is the last one. */
static void many_periods(int which, int sig)
{
    struct itimerval iv = { { 0, 1000 }, { 0, 1000 } };

    catch(sig);
    OK(setitimer(which, &iv, NULL));
    burn_until_hits(50);
    memset(&iv, 0, sizeof(iv));
    OK(setitimer(which, &iv, NULL));
    signal(sig, SIG_DFL);
}

static void burn_with_prof(void *arg)
{
    struct itimerval iv = { { 0, 0 }, { 0, 20000 } };

    (void)arg;
    OK(setitimer(ITIMER_PROF, &iv, NULL));
    burn(10000 * MS);
}

/* Not inherited by fork, kept by execve (setitimer(2)). */
static void itimer_inheritance(char **argv)
{
    struct itimerval iv = { { 0, 0 }, { 100, 0 } }, old;
    pid_t pid;

    OK(setitimer(ITIMER_PROF, &iv, NULL));
    pid = t_fork();
    if (pid == 0) {
        OK(getitimer(ITIMER_PROF, &old));
        CHECK(!old.it_value.tv_sec && !old.it_value.tv_usec);
        OK(setitimer(ITIMER_PROF, &iv, NULL));
        execv("/proc/self/exe", (char *[]){ argv[0], "after exec", NULL });
        CHECK(!"execv");
    }
    t_join(pid);
    memset(&iv, 0, sizeof(iv));
    OK(setitimer(ITIMER_PROF, &iv, NULL));
}

/* ITIMER_REAL stands still while its signal is pending, and goes on when that is taken. */
static void real_itimer(void)
{
    struct itimerval iv = { { 0, 2000 }, { 0, 2000 } }, off = { { 0, 0 }, { 0, 0 } }, now;
    sigset_t set_of;

    catch(SIGALRM);
    OK(setitimer(ITIMER_REAL, &iv, NULL));
    EVENTUALLY(hits >= 3);
    CHECK_EQ(last.si_code, SI_KERNEL);
    sigemptyset(&set_of);
    sigaddset(&set_of, SIGALRM);
    OK(sigprocmask(SIG_BLOCK, &set_of, NULL));
    hits = 0;
    EVENTUALLY(sigpending(&set_of) == 0 && sigismember(&set_of, SIGALRM));
    OK(getitimer(ITIMER_REAL, &now));
    CHECK_EQ(now.it_value.tv_sec + now.it_value.tv_usec, 0);
    CHECK_EQ(now.it_interval.tv_usec, 2000);
    CHECK_EQ(hits, 0);
    sigemptyset(&set_of);
    sigaddset(&set_of, SIGALRM);
    OK(sigprocmask(SIG_UNBLOCK, &set_of, NULL));
    EVENTUALLY(hits >= 3);
    OK(setitimer(ITIMER_REAL, &off, &now));
    CHECK_EQ(now.it_interval.tv_usec, 2000);
    OK(setitimer(ITIMER_REAL, &off, &now));
    CHECK_EQ(now.it_value.tv_usec + now.it_interval.tv_usec, 0);

    signal(SIGALRM, SIG_IGN); /* an ignored signal is not taken, so the timer stops */
    OK(setitimer(ITIMER_REAL, &iv, NULL));
    EVENTUALLY(getitimer(ITIMER_REAL, &now) == 0 && !now.it_value.tv_usec);
    catch(SIGALRM);
    t_sleep_ms(20);
    CHECK_EQ(hits, 0);
    OK(kill(getpid(), SIGALRM)); /* whose taking lets it go on */
    EVENTUALLY(hits >= 3);
    OK(setitimer(ITIMER_REAL, &off, NULL));

    hits = 0;
    CHECK_EQ(alarm(100), 0);
    CHECK_EQ(alarm(0), 100);
    iv = (struct itimerval){ { 0, 0 }, { 50, 300000 } };
    OK(setitimer(ITIMER_REAL, &iv, NULL));
    CHECK_EQ(alarm(0), 50); /* to the nearest */
    iv.it_value = (struct timeval){ 0, 300000 };
    OK(setitimer(ITIMER_REAL, &iv, NULL));
    CHECK_EQ(alarm(0) + (unsigned)hits, 1); /* but not 0 */
    signal(SIGALRM, SIG_DFL);
}

static void *spin(void *arg)
{
    volatile int *stop = arg;

    while (!*stop)
        ;
    return NULL;
}

/* The time of all threads counts; one that began to run before the timer was set, too. */
static void itimer_of_threads(void)
{
    struct itimerval iv = { { 0, 0 }, { 0, 60000 } };
    volatile int stop = 0;
    int64_t start;
    pthread_t th;

    catch(SIGPROF);
    CHECK_EQ(pthread_create(&th, NULL, spin, (void *)&stop), 0);
    t_sleep_ms(20);
    start = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
    OK(setitimer(ITIMER_PROF, &iv, NULL));
    EVENTUALLY(hits);
    CHECK_EQ(hits, 1);
    CHECK(cpu_at_hit - start >= 30 * MS);
    stop = 1;
    CHECK_EQ(pthread_join(th, NULL), 0);
}

/* --- timer_create --------------------------------------------------------------------------------- */

static void errors(void)
{
    struct sigevent ev = { .sigev_notify = 77, .sigev_signo = SIGUSR1 };
    struct itimerspec its = { { 0, 0 }, { 0, 1000000000 } };
    int id;

    CHECK_EQ(syscall(SYS_timer_create, 99, NULL, &id), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), EINVAL);
    ev.sigev_notify = SIGEV_SIGNAL;
    ev.sigev_signo = 65;
    CHECK_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), EINVAL);
    ev.sigev_signo = 0;
    CHECK_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), EINVAL);
    ev.sigev_notify = SIGEV_THREAD_ID;
    ev.sigev_signo = SIGUSR1;
    ev._sigev_un._tid = getppid();
    CHECK_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), EINVAL);
    CHECK_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC_RAW, NULL, &id), EOPNOTSUPP);
    CHECK_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, 8, &id), EFAULT);
    OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id));
    CHECK_ERRNO(syscall(SYS_timer_settime, id, 0, &its, NULL), EINVAL);
    CHECK_ERRNO(syscall(SYS_timer_settime, id, 0, NULL, NULL), EINVAL);
    CHECK_ERRNO(syscall(SYS_timer_settime, id, 0, 8, NULL), EFAULT);
    its.it_value.tv_nsec = 0;
    CHECK_ERRNO(syscall(SYS_timer_settime, id + 100, 0, &its, NULL), EINVAL);
    CHECK_ERRNO(syscall(SYS_timer_settime, id, 0, &its, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_timer_gettime, id, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_timer_getoverrun, id + 100), EINVAL);
    OK(syscall(SYS_timer_delete, id));
    CHECK_ERRNO(syscall(SYS_timer_delete, id), EINVAL);
    CHECK_ERRNO(syscall(SYS_timer_gettime, id, &its), EINVAL);
}

static void one_shot(clockid_t clock)
{
    timer_t t = make(clock, SIGEV_SIGNAL, SIGRTMIN, 42);
    int64_t start = t_now_ns(), l;

    catch(SIGRTMIN);
    CHECK_EQ(left(t), 0);
    set(t, 0, 100000 * MS, 0);
    l = left(t);
    CHECK(l > 0 && l <= 100000 * MS);
    set(t, 0, 200 * MS, 0);
    EVENTUALLY(hits);
    CHECK(t_now_ns() - start >= 200 * MS);
    CHECK_EQ(last.si_code, SI_TIMER);
    CHECK_EQ(last.si_value.sival_int, 42);
    CHECK_EQ(last.si_overrun, 0);
    CHECK_EQ(left(t), 0);
    set(t, TIMER_ABSTIME, 1, 0); /* long ago */
    EVENTUALLY(hits == 2);
    set(t, 0, 500 * MS, 0);
    set(t, 0, 0, 0);
    t_sleep_ms(600);
    CHECK_EQ(hits, 2);
    OK(timer_delete(t));
}

/* What a blocked signal missed is its overrun count; another handler run has none. */
static void overruns(clockid_t clock)
{
    timer_t t = make(clock, SIGEV_SIGNAL, SIGRTMIN, 1);
    sigset_t set_of;
    int n;

    catch(SIGRTMIN);
    sigemptyset(&set_of);
    sigaddset(&set_of, SIGRTMIN);
    OK(sigprocmask(SIG_BLOCK, &set_of, NULL));
    set(t, 0, 10 * MS, 10 * MS);
    if (clock == CLOCK_PROCESS_CPUTIME_ID)
        burn(205 * MS);
    else
        t_sleep_ms(205);
    CHECK(left(t) <= 10 * MS && left(t) > 0);
    CHECK_EQ(timer_getoverrun(t), 0);
    OK(sigprocmask(SIG_UNBLOCK, &set_of, NULL));
    burn_until_hits(1);
    CHECK(first_overrun >= 18 && first_overrun <= 2000);
    n = timer_getoverrun(t);
    if (hits == 1) /* no other came meanwhile */
        CHECK_EQ(n, first_overrun);
    burn_until_hits(3);
    CHECK(last.si_overrun >= 0);
    OK(timer_delete(t));
    hits = 0;
    t_sleep_ms(40);
    CHECK_EQ(hits, 0);
}

/* A timer without a signal still runs. */
static void silent(void)
{
    timer_t t = make(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
    int64_t l;

    set(t, 0, 100000 * MS, 0);
    CHECK(left(t) > 0);
    set(t, 0, 30 * MS, 0);
    t_sleep_ms(50);
    CHECK_EQ(left(t), 0);
    set(t, 0, 30 * MS, 10000 * MS);
    t_sleep_ms(60);
    l = left(t);
    CHECK(l > 1000 * MS && l < 9980 * MS);
    OK(timer_delete(t));
}

/* sigev NULL: SIGALRM with the timer's number; ignored signals are no problem. */
static void defaults(void)
{
    int id;
    struct itimerspec its = { { 0, 5 * MS }, { 0, 5 * MS } };

    catch(SIGALRM);
    OK(syscall(SYS_timer_create, CLOCK_BOOTTIME, NULL, &id));
    OK(syscall(SYS_timer_settime, id, 0, &its, NULL));
    while (hits < 2)
        t_sleep_ms(1);
    CHECK_EQ(last.si_value.sival_int, id);
    CHECK_EQ(last.si_timerid, id);
    signal(SIGALRM, SIG_IGN);
    t_sleep_ms(30);
    catch(SIGALRM);
    while (hits < 1)
        t_sleep_ms(1);
    OK(syscall(SYS_timer_delete, id));
    signal(SIGALRM, SIG_DFL);
}

static pid_t handler_tid;

static void note_tid(int sig)
{
    (void)sig;
    handler_tid = (pid_t)syscall(SYS_gettid);
    hits++;
}

static void *with_own_timer(void *arg)
{
    struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2 };
    timer_t t;

    (void)arg;
    ev._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    OK(timer_create(CLOCK_MONOTONIC, &ev, &t));
    set(t, 0, 20 * MS, 0);
    EVENTUALLY(hits);
    CHECK_EQ(handler_tid, syscall(SYS_gettid));
    OK(timer_delete(t));
    return NULL;
}

static void to_a_thread(void)
{
    pthread_t th;

    hits = 0;
    signal(SIGUSR2, note_tid);
    CHECK_EQ(pthread_create(&th, NULL, with_own_timer, NULL), 0);
    CHECK_EQ(pthread_join(th, NULL), 0);
    CHECK_EQ(hits, 1);
}

/* The clock of one thread stands still while another works. */
static void thread_clock(void)
{
    timer_t t = make(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 5);
    int64_t start;
    volatile int stop = 0;
    pthread_t th;

    catch(SIGUSR1);
    set(t, 0, 1000 * MS, 0);
    CHECK_EQ(pthread_create(&th, NULL, spin, (void *)&stop), 0);
    start = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
    EVENTUALLY(cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - start > 1200 * MS);
    CHECK_EQ(hits, 0);
    stop = 1;
    CHECK_EQ(pthread_join(th, NULL), 0);
    start = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
    set(t, 0, 40 * MS, 0);
    burn_until_hits(1);
    CHECK(cpu_ns(CLOCK_THREAD_CPUTIME_ID) - start >= 39 * MS);
    CHECK_EQ(last.si_value.sival_int, 5);
    OK(timer_delete(t));
}

/* Many at once; not inherited by fork; gone after execve; limited by RLIMIT_SIGPENDING. */
static void many(char **argv)
{
    struct rlimit lim;
    timer_t t[100];
    int id;
    pid_t pid;

    for (int i = 0; i < 100; i++) {
        t[i] = make(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
        set(t[i], 0, 1000 * MS + i, 0);
    }
    CHECK(t[0] != t[1]);
    pid = t_fork();
    if (pid == 0) {
        struct itimerspec its;

        CHECK_ERRNO(timer_gettime(t[0], &its), EINVAL);
        set(make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0), 0, 30 * MS, 0);
        execv("/proc/self/exe", (char *[]){ argv[0], "sleep", NULL });
        CHECK(!"execv");
    }
    t_join(pid);
    for (int i = 0; i < 100; i++)
        OK(timer_delete(t[i]));
    pid = t_fork();
    if (pid == 0) {
        OK(setgid(1000));
        OK(setuid(31234));
        OK(getrlimit(RLIMIT_SIGPENDING, &lim));
        lim.rlim_cur = 3;
        OK(setrlimit(RLIMIT_SIGPENDING, &lim));
        for (int i = 0; i < 3; i++)
            OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id));
        CHECK_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id), EAGAIN);
        t_end(0);
    }
    t_join(pid);
}

/* --- sleeping on CPU clocks ----------------------------------------------------------------------- */

static void sleep_on_cpu_time(void)
{
    struct timespec ts = { 0, 40 * MS }, rem = { 0, 0 };
    int64_t start = cpu_ns(CLOCK_PROCESS_CPUTIME_ID), wall = t_now_ns();
    volatile int stop = 0;
    pthread_t th;

    CHECK_EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL), EINVAL);
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &ts, NULL), EOPNOTSUPP);
    CHECK_EQ(pthread_create(&th, NULL, spin, (void *)&stop), 0);
    CHECK_EQ(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &ts, NULL), 0);
    CHECK(cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - start >= 40 * MS);
    CHECK(t_now_ns() - wall >= 20 * MS);
    ts = (struct timespec){ 0, 1 };
    CHECK_EQ(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &ts, NULL), 0);
    catch(SIGALRM);
    {
        struct itimerval iv = { { 0, 0 }, { 0, 30000 } };

        OK(setitimer(ITIMER_REAL, &iv, NULL));
    }
    ts = (struct timespec){ 100, 0 };
    CHECK_EQ(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &ts, &rem), EINTR);
    CHECK(rem.tv_sec >= 90 && rem.tv_sec < 100);
    stop = 1;
    CHECK_EQ(pthread_join(th, NULL), 0);
}

/* The longest period there is: it begins, and the second time does not come. */
static void for_ever(void)
{
    const struct timespec ever = { INT64_MAX, 999999999 }, soon = { 0, 1000000 };
    struct itimerval real = { { INT64_MAX, 999999 }, { 0, 1000 } };
    struct itimerspec spec = { ever, soon }, now;
    struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
    uint64_t n;
    timer_t t;
    int fd = (int)OK(timerfd_create(CLOCK_MONOTONIC, 0));

    OK(timerfd_settime(fd, 0, &spec, NULL));
    CHECK_EQ(read(fd, &n, sizeof(n)), (ssize_t)sizeof(n));
    CHECK_EQ(n, 1);
    OK(timerfd_gettime(fd, &now));
    CHECK(now.it_value.tv_sec > 1000000000 && now.it_interval.tv_sec > 1000000000);
    OK(close(fd));

    catch(SIGALRM);
    hits = 0;
    OK(setitimer(ITIMER_REAL, &real, NULL));
    EVENTUALLY(hits);
    OK(getitimer(ITIMER_REAL, &real));
    CHECK(real.it_value.tv_sec > 1000000000);
    CHECK_EQ(hits, 1);
    real = (struct itimerval){ { 0, 0 }, { 0, 0 } };
    OK(setitimer(ITIMER_REAL, &real, NULL));
    signal(SIGALRM, SIG_DFL);

    for (int pass = 0; pass < 2; pass++) { /* a signal that is taken, and one that is ignored */
        hits = 0;
        if (pass == 0)
            catch(SIGUSR2);
        else
            signal(SIGUSR2, SIG_IGN);
        OK(timer_create(CLOCK_MONOTONIC, &ev, &t));
        OK(timer_settime(t, 0, &spec, NULL));
        t_sleep_ms(20);
        CHECK_EQ(hits, !pass);
        OK(timer_gettime(t, &now));
        CHECK(now.it_value.tv_sec > 1000000000);
        OK(timer_delete(t));
    }
    signal(SIGUSR2, SIG_DFL);
}

/* A time long past, and each ns after it: the count stops at DELAYTIMER_MAX. */
static void too_many_overruns(void)
{
    static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC };
    struct itimerspec past = { { 0, 1 }, { 0, 1 } }, off = { { 0, 0 }, { 0, 0 } };

    for (size_t i = 0; i < 2; i++) {
        timer_t t = make(clocks[i], SIGEV_SIGNAL, SIGRTMIN, 1);
        sigset_t set_of;
        siginfo_t si;

        if (clocks[i] == CLOCK_MONOTONIC && t_now_ns() < INT64_C(4000000000))
            t_sleep_ms(3000);
        sigemptyset(&set_of);
        sigaddset(&set_of, SIGRTMIN);
        OK(sigprocmask(SIG_BLOCK, &set_of, NULL));
        OK(timer_settime(t, TIMER_ABSTIME, &past, NULL));
        CHECK_EQ(sigwaitinfo(&set_of, &si), SIGRTMIN);
        CHECK_EQ(si.si_overrun, INT32_MAX);
        CHECK_EQ(timer_getoverrun(t), INT32_MAX);
        OK(timer_settime(t, 0, &off, NULL));
        OK(timer_delete(t));
        OK(sigprocmask(SIG_UNBLOCK, &set_of, NULL));
    }
    /* A timerfd counts them all. */
    for (size_t i = 0; i < 2; i++) {
        int fd = (int)OK(timerfd_create(clocks[i], 0));
        struct timespec now;
        uint64_t n;

        OK(clock_gettime(clocks[i], &now));
        past.it_interval.tv_nsec = 1000000;
        OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &past, NULL));
        CHECK_EQ(read(fd, &n, sizeof(n)), sizeof(n));
        CHECK(n >= (uint64_t)now.tv_sec * 1000);
        OK(close(fd));
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "after exec")) {
        struct itimerval old;

        OK(getitimer(ITIMER_PROF, &old));
        CHECK(old.it_value.tv_sec >= 98);
        return 0;
    }
    if (argc > 1) {
        t_sleep_ms(80);
        return 0;
    }
    cpu_itimer(ITIMER_PROF, SIGPROF);
    cpu_itimer(ITIMER_VIRTUAL, SIGVTALRM);
    many_periods(ITIMER_PROF, SIGPROF);
    many_periods(ITIMER_VIRTUAL, SIGVTALRM);
    CHECK_EQ(t_signal_of(burn_with_prof, NULL), SIGPROF);
    itimer_inheritance(argv);
    real_itimer();
    itimer_of_threads();
    errors();
    one_shot(CLOCK_MONOTONIC);
    one_shot(CLOCK_REALTIME);
    one_shot(CLOCK_BOOTTIME);
    overruns(CLOCK_MONOTONIC);
    overruns(CLOCK_PROCESS_CPUTIME_ID);
    silent();
    defaults();
    to_a_thread();
    thread_clock();
    many(argv);
    sleep_on_cpu_time();
    for_ever();
    too_many_overruns();
    return 0;
}
