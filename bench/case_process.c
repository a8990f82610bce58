/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: processes and threads come and go. */
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

static char *no_env[] = { NULL };

static void wait_for(pid_t pid)
{
    int status;

    OK(waitpid(pid, &status, 0));
    if (status) {
        errno = ENOEXEC;
        bench_fail("the child did not exit with 0");
    }
}

static uint64_t fork_run(uint64_t n)
{
    return BENCH_LOOP(n, {
        pid_t pid = (pid_t)OK(fork());

        if (pid == 0)
            _exit(0);
        wait_for(pid);
    });
}

static uint64_t exec(char *const argv[], uint64_t n)
{
    return BENCH_LOOP(n, {
        pid_t pid = (pid_t)OK(fork());

        if (pid == 0) {
            execve(argv[0], argv, no_env);
            _exit(127);
        }
        wait_for(pid);
    });
}

static uint64_t fork_exec_run(uint64_t n)
{
    char *argv[] = { (char[]) { BENCH_TRUE }, NULL };

    return exec(argv, n);
}

static uint64_t fork_exec_libc_run(uint64_t n)
{
    char *argv[] = { (char[]) { BENCH_DIR "/bench" }, (char[]) { "--nothing" }, NULL };

    return exec(argv, n);
}

static void *nothing(void *arg)
{
    return arg;
}

static uint64_t thread_run(uint64_t n)
{
    return BENCH_LOOP(n, {
        pthread_t thread;

        errno = pthread_create(&thread, NULL, nothing, NULL);
        if (errno || (errno = pthread_join(thread, NULL)) != 0)
            bench_fail("thread");
    });
}

const struct bench_case cases_process[] = {
    { .name = "fork_exit", .what = "fork, child exits, wait", .run = fork_run },
    { .name = "fork_exec", .what = "fork, exec of a tiny program, wait", .run = fork_exec_run },
    { .name = "fork_exec_libc",
      .what = "fork, exec of a static glibc program, wait",
      .run = fork_exec_libc_run },
    { .name = "thread", .what = "create a thread and join it", .run = thread_run },
    { 0 },
};
