/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: creation, memory of their own, mutexes, conditions, exit, signals to one thread. */
#define _GNU_SOURCE
#include "t.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define N 8

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static _Thread_local int mine = 5;
static long counter, turn;

static void *count(void *arg)
{
    CHECK_EQ(mine, 5);
    mine = (int)(intptr_t)arg;
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
    pthread_barrier_wait(&barrier);
    CHECK_EQ(mine, (intptr_t)arg);
    return (void *)((intptr_t)arg * 2);
}

static void *take_turns(void *arg)
{
    long me = (long)(intptr_t)arg;

    for (int i = 0; i < 20; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % N != me)
            pthread_cond_wait(&cond, &mutex);
        turn++;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void run_all(void *(*fn)(void *), int doubles)
{
    pthread_t t[N];
    void *r;

    for (intptr_t i = 0; i < N; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, fn, (void *)i), 0);
    for (intptr_t i = 0; i < N; i++) {
        CHECK_EQ(pthread_join(t[i], &r), 0);
        CHECK(!doubles || (intptr_t)r == i * 2);
    }
}

static void *wait_long(void *arg)
{
    struct timespec until;

    (void)arg;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 30000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&mutex);
    CHECK_EQ(pthread_cond_timedwait(&cond, &mutex, &until), ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static volatile pid_t got;

static void on_signal(int sig)
{
    (void)sig;
    got = (pid_t)syscall(SYS_gettid);
}

static volatile pid_t tid;

static void *sleeper(void *arg)
{
    (void)arg;
    tid = (pid_t)syscall(SYS_gettid);
    while (!got)
        sched_yield();
    return NULL;
}

static void directed_signal(void)
{
    pthread_t t;

    signal(SIGUSR1, on_signal);
    CHECK_EQ(pthread_create(&t, NULL, sleeper, NULL), 0);
    while (!tid)
        sched_yield();
    CHECK(tid != getpid());
    CHECK_EQ(pthread_kill(t, SIGUSR1), 0);
    CHECK_EQ(pthread_join(t, NULL), 0);
    CHECK_EQ(got, tid);
}

static void *forever(void *arg)
{
    (void)arg;
    for (;;)
        pause();
    return NULL;
}

/* exit_group ends the others, wherever they are; so does a fatal signal, and execve. */
static void ends_all(void)
{
    pthread_t t;
    pid_t pid = t_fork();

    if (pid == 0) {
        for (int i = 0; i < 4; i++)
            CHECK_EQ(pthread_create(&t, NULL, forever, NULL), 0);
        _exit(7);
    }
    CHECK_EQ(WEXITSTATUS(t_wait(pid)), 7);
    pid = t_fork();
    if (pid == 0) {
        CHECK_EQ(pthread_create(&t, NULL, forever, NULL), 0);
        for (;;)
            __asm__ volatile("");
    }
    t_sleep_ms(20);
    OK(kill(pid, SIGTERM));
    CHECK_EQ(WTERMSIG(t_wait(pid)), SIGTERM);
}

int main(void)
{
    pthread_barrier_init(&barrier, NULL, N);
    run_all(count, 1);
    CHECK_EQ(counter, N * 2000);
    run_all(take_turns, 0);
    CHECK_EQ(turn, N * 20);
    run_all(wait_long, 0);
    directed_signal();
    ends_all();
    return 0;
}
