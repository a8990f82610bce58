/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks never go back, agree with each other, and sleeps last as long as asked, not much longer. */
#define _GNU_SOURCE
#include "t.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>

#define SECOND INT64_C(1000000000) /* in ns */

static int64_t ns(struct timespec ts)
{
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t by_syscall(clockid_t clock)
{
    struct timespec ts;

    OK(syscall(SYS_clock_gettime, clock, &ts));
    return ns(ts);
}

static int64_t latest;

/* What one thread saw, another does not see as the future. */
static void *monotonic(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3000; i++) {
        int64_t seen = __atomic_load_n(&latest, __ATOMIC_ACQUIRE), now = t_now_ns();

        CHECK(now >= seen);
        while (now > seen && !__atomic_compare_exchange_n(&latest, &seen, now, 0, __ATOMIC_ACQ_REL,
                                                          __ATOMIC_ACQUIRE))
            ;
    }
    return NULL;
}

/* Seconds may pass between any two calls: the machine is not ours alone. */
static void agreement(void)
{
    struct timeval tv;
    struct timespec res;
    int64_t real, mono = by_syscall(CLOCK_MONOTONIC), libc = t_now_ns();

    CHECK(libc >= mono && libc - mono < 5 * SECOND);
    CHECK(by_syscall(CLOCK_MONOTONIC) >= libc);
    real = by_syscall(CLOCK_REALTIME);
    OK(gettimeofday(&tv, NULL));
    CHECK(llabs((int64_t)tv.tv_sec * 1000000000 + tv.tv_usec * 1000 - real) < 5 * SECOND);
    CHECK(llabs((int64_t)time(NULL) - real / SECOND) <= 5);
    CHECK(real > INT64_C(1600000000) * 1000000000);
    CHECK(by_syscall(CLOCK_BOOTTIME) >= mono);
    OK(clock_getres(CLOCK_MONOTONIC, &res));
    CHECK(res.tv_sec == 0 && res.tv_nsec >= 1);
    CHECK_ERRNO(syscall(SYS_clock_gettime, 99, &res), EINVAL);
    CHECK(by_syscall(CLOCK_PROCESS_CPUTIME_ID) > 0);
}

static void sleeps(void)
{
    static const long ms[] = { 1, 10, 50 };
    struct timespec ts;
    int64_t t;

    for (int i = 0; i < 3; i++) {
        t = t_now_ns();
        t_sleep_ms(ms[i]);
        t = t_now_ns() - t;
        CHECK(t >= ms[i] * 1000000);
        CHECK(t < ms[i] * 1000000 + 5 * SECOND);
    }
    clock_gettime(CLOCK_MONOTONIC, &ts);
    t = ns(ts) + 30000000;
    ts = (struct timespec){ t / 1000000000, t % 1000000000 };
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL), 0);
    CHECK(t_now_ns() >= t);
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL), 0); /* in the past */
    ts.tv_nsec = 1000000000;
    CHECK_ERRNO(nanosleep(&ts, NULL), EINVAL);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
    (void)sig;
    alarms++;
}

static void timers(void)
{
    struct itimerval it = { { 0, 10000 }, { 0, 10000 } };
    struct itimerspec its = { { 0, 0 }, { 0, 20000000 } };
    int fd = OK(timerfd_create(CLOCK_MONOTONIC, 0));
    int64_t t = t_now_ns();
    uint64_t n;

    signal(SIGALRM, on_alarm);
    OK(setitimer(ITIMER_REAL, &it, NULL));
    while (alarms < 3) /* busy: the kernel interrupts it */
        ;
    CHECK(t_now_ns() - t >= 25000000);
    it = (struct itimerval){ { 0, 0 }, { 0, 0 } };
    OK(setitimer(ITIMER_REAL, &it, NULL));
    t = t_now_ns();
    OK(timerfd_settime(fd, 0, &its, NULL));
    CHECK_EQ(read(fd, &n, 8), 8);
    CHECK_EQ(n, 1);
    CHECK(t_now_ns() - t >= 20000000);
    OK(close(fd));
}

int main(void)
{
    pthread_t t[3];

    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, monotonic, NULL), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
    agreement();
    sleeps();
    timers();
    return 0;
}
