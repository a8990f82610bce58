/* SPDX-License-Identifier: Apache-2.0 */
/* fork and wait: exit codes, signals, WNOHANG, ECHILD, orphans, vfork, process ids. */
#define _GNU_SOURCE
#include "t.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static void statuses(void)
{
    int status;
    pid_t pid;
    siginfo_t si;

    pid = t_fork();
    if (pid == 0)
        _exit(0x1234);
    status = t_wait(pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0x34);

    pid = t_fork();
    if (pid == 0) {
        for (;;)
            pause();
    }
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    OK(kill(pid, SIGUSR1));
    status = t_wait(pid);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGUSR1);

    pid = t_fork();
    if (pid == 0)
        _exit(3);
    OK(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT));
    CHECK_EQ(si.si_pid, pid);
    CHECK_EQ(si.si_code, CLD_EXITED);
    CHECK_EQ(si.si_status, 3);
    CHECK_EQ(WEXITSTATUS(t_wait(pid)), 3);
    CHECK_ERRNO(wait(&status), ECHILD);
    CHECK_ERRNO(waitpid(pid, &status, 0), ECHILD);
    CHECK_ERRNO(kill(pid, 0), ESRCH);
}

static void stopped(void)
{
    pid_t pid = t_fork();
    int status;

    if (pid == 0) {
        for (;;)
            pause();
    }
    OK(kill(pid, SIGSTOP));
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(WSTOPSIG(status), SIGSTOP);
    OK(kill(pid, SIGCONT));
    CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
    CHECK(WIFCONTINUED(status));
    OK(kill(pid, SIGKILL));
    CHECK_EQ(WTERMSIG(t_wait(pid)), SIGKILL);
}

static void orphans(void)
{
    int p[2];
    pid_t pid, parents[2];

    OK(pipe(p));
    pid = t_fork();
    if (pid == 0) {
        pid_t me = getpid();

        if (t_fork() == 0) {
            parents[0] = getppid();
            CHECK_EQ(parents[0], me);
            while (getppid() == me)
                sched_yield();
            parents[1] = getppid();
            CHECK_EQ(write(p[1], parents, sizeof(parents)), (ssize_t)sizeof(parents));
            t_end(0);
        }
        t_sleep_ms(20);
        _exit(0);
    }
    t_join(pid);
    CHECK_EQ(read(p[0], parents, sizeof(parents)), (ssize_t)sizeof(parents));
    CHECK_EQ(parents[0], pid);
    CHECK(parents[1] != pid && parents[1] > 0);
    OK(close(p[0]));
    OK(close(p[1]));
    /* In a sandbox this may be process 1, which inherits the orphan. */
    if (parents[1] == getpid())
        OK(wait(NULL));
}

static void many(void)
{
    enum { N = 20 };
    pid_t pid[N];
    int left = N, status;

    for (int i = 0; i < N; i++) {
        pid[i] = t_fork();
        if (pid[i] == 0)
            _exit(i);
    }
    while (left--) {
        pid_t p = (pid_t)OK(wait(&status));
        int i = WEXITSTATUS(status);

        CHECK(i >= 0 && i < N);
        CHECK_EQ(pid[i], p);
        pid[i] = 0;
    }
}

static void vfork_waits(void)
{
    volatile int value = 0;
    pid_t pid = vfork();

    if (pid == 0) {
        value = 1; /* in the parent's memory */
        _exit(0);
    }
    CHECK_EQ(value, 1);
    t_join(pid);
}

static volatile sig_atomic_t handled;

static void on_signal(int signo)
{
    (void)signo;
    handled = 1;
}

static void vfork_with_signal(void)
{
    static volatile int early;
    static pid_t pid;
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(0, &one);
    OK(sched_setaffinity(0, sizeof(one), &one)); /* so the child needs the processor that its parent has */
    signal(SIGUSR1, on_signal);
    pid = vfork();
    if (pid == 0) {
        kill(getppid(), SIGUSR1);
        t_sleep_ms(20);
        early = handled;
        _exit(0);
    }
    CHECK_EQ(early, 0);
    CHECK_EQ(handled, 1);
    t_join(pid);
}

/* A signal that comes meanwhile waits, and lets the child run; one that kills does not wait. */
static void vfork_and_signals(void)
{
    pid_t pid = t_fork();

    if (pid == 0) {
        vfork_with_signal();
        t_end(0);
    }
    t_join(pid);

    pid = t_fork();
    if (pid == 0 && vfork() == 0) {
        kill(getppid(), SIGKILL);
        t_sleep_ms(20);
        _exit(0);
    }
    CHECK_EQ(WTERMSIG(t_wait(pid)), SIGKILL);
    if (getpid() == 1) /* in a sandbox, process 1 inherits the child's child */
        OK(wait(NULL));
}

static pid_t raw_clone(unsigned long flags)
{
    fflush(NULL);
    return (pid_t)OK(syscall(SYS_clone, flags, NULL, NULL, NULL, 0));
}

/* clone(2) with another signal than SIGCHLD: such children need __WALL, until somebody inherits them. */
static void silent_children(void)
{
    siginfo_t si;
    int status;
    pid_t pid = raw_clone(0);

    if (pid == 0)
        _exit(0);
    CHECK_ERRNO(waitpid(pid, &status, 0), ECHILD);
    CHECK_EQ(waitpid(pid, &status, __WALL), pid);

    pid = raw_clone(0);
    if (pid == 0) { /* execve makes it an ordinary one */
        execl("/proc/self/exe", "fork_wait", "exit", NULL);
        _exit(1);
    }
    OK(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT | __WALL));
    t_join(pid);

    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid = t_fork();
    if (pid == 0) {
        for (int ms = 0; ms <= 60; ms += 60) /* one has ended when it is inherited, the other has not */
            if (raw_clone(0) == 0) {
                t_sleep_ms(ms);
                _exit(0);
            }
        t_sleep_ms(30);
        _exit(0);
    }
    t_join(pid);
    OK(wait(&status));
    OK(wait(&status));
    CHECK_ERRNO(wait(&status), ECHILD);

    pid = t_fork();
    if (pid == 0) { /* of a sibling it is the caller's own signal that counts */
        if (raw_clone(CLONE_PARENT | SIGUSR1) == 0)
            _exit(0);
        _exit(0);
    }
    OK(wait(&status));
    OK(wait(&status));
    CHECK_ERRNO(wait(&status), ECHILD);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return 0;
    statuses();
    stopped();
    orphans();
    many();
    vfork_waits();
    vfork_and_signals();
    silent_children();
    return 0;
}
