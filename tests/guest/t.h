/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the guest tests: programs that run in a sandbox and natively with the same expectation. Exit
 * code 0: all promises kept, nothing printed. 1: a check failed, its place is on stderr.
 * 77 (t_skip): this promise cannot be tried here. A child may fail a check too: its exit code is 1,
 * so a parent checks that the child's was 0 (t_join).
 */
#ifndef TESTS_GUEST_T_H
#define TESTS_GUEST_T_H

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define T_SKIP 77

/* True if the condition holds; else says so and ends the process. */
#define CHECK(cond) \
    do { \
        int t_saved_ = errno; \
        if (!(cond)) \
            t_fail(__FILE__, __LINE__, #cond, t_saved_); \
    } while (0)

/* Two numbers are equal. */
#define CHECK_EQ(a, b) \
    do { \
        long long t_a_ = (long long)(a), t_b_ = (long long)(b); \
        if (t_a_ != t_b_) \
            t_differ(__FILE__, __LINE__, #a, t_a_, #b, t_b_); \
    } while (0)

/* The call fails with this errno. */
#define CHECK_ERRNO(call, err) \
    do { \
        errno = 0; \
        long long t_r_ = (long long)(call); \
        if (t_r_ != -1 || errno != (err)) \
            t_not_errno(__FILE__, __LINE__, #call, t_r_, errno, #err); \
    } while (0)

/* The call succeeds (is not -1). Its value. */
#define OK(call) t_ok(__FILE__, __LINE__, #call, (long long)(call))

_Noreturn static inline void t_end(int code)
{
    fflush(NULL);
    _exit(code);
}

_Noreturn static inline void t_fail(const char *file, int line, const char *what, int err)
{
    fprintf(stderr, "%s:%d: not true: %s (errno %d, %s)\n", file, line, what, err, strerror(err));
    t_end(1);
}

_Noreturn static inline void t_differ(const char *file, int line, const char *a, long long va,
                                      const char *b, long long vb)
{
    fprintf(stderr, "%s:%d: %s is %lld (0x%llx), not %s = %lld (0x%llx)\n", file, line, a, va,
            (unsigned long long)va, b, vb, (unsigned long long)vb);
    t_end(1);
}

_Noreturn static inline void t_not_errno(const char *file, int line, const char *call, long long r,
                                         int err, const char *wanted)
{
    fprintf(stderr, "%s:%d: %s returned %lld, errno %d (%s), not %s\n", file, line, call, r, err,
            strerror(err), wanted);
    t_end(1);
}

static inline long long t_ok(const char *file, int line, const char *call, long long r)
{
    if (r == -1)
        t_fail(file, line, call, errno);
    return r;
}

_Noreturn static inline void t_skip(const char *why)
{
    printf("skipped: %s\n", why);
    t_end(T_SKIP);
}

static inline int t_in_sandbox(void)
{
    return getenv("RV_SANDBOX") != NULL;
}

/* A folder of this process's own below /tmp, made, and the working directory from now on. */
static inline void t_scratch(void)
{
    static char dir[] = "/tmp/rvt.XXXXXX";

    CHECK(mkdtemp(dir) != NULL);
    OK(chdir(dir));
}

/* Fork; the child gets 0. */
static inline pid_t t_fork(void)
{
    fflush(NULL);
    return (pid_t)OK(fork());
}

/* Wait for the child; its wait status. */
static inline int t_wait(pid_t pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

/* Wait for a child that must exit with 0. */
static inline void t_join_at(const char *file, int line, pid_t pid)
{
    int status = t_wait(pid);

    if (status)
        t_differ(file, line, "the child's wait status", status, "0", 0);
}
#define t_join(pid) t_join_at(__FILE__, __LINE__, pid)

/* The signal that ends a child which runs fn(arg), or 0 if it lives. */
static inline int t_signal_of(void (*fn)(void *arg), void *arg)
{
    pid_t pid = t_fork();
    int status;

    if (pid == 0) {
        struct rlimit none = { 0, 0 };

        setrlimit(RLIMIT_CORE, &none);
        fn(arg);
        t_end(0);
    }
    status = t_wait(pid);
    if (WIFEXITED(status))
        CHECK_EQ(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static inline int64_t t_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static inline void t_sleep_ms(long ms)
{
    struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

    while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
        ;
}

/* True within ten seconds: for what the kernel does by a thread of its own, or after it woke us. */
#define EVENTUALLY(cond) \
    do { \
        int64_t t_end_ = t_now_ns() + 10000000000; \
        while (!(cond)) { \
            if (t_now_ns() > t_end_) \
                t_fail(__FILE__, __LINE__, #cond " (in ten seconds)", 0); \
            t_sleep_ms(1); \
        } \
    } while (0)

#endif
