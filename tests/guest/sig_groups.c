/* SPDX-License-Identifier: Apache-2.0 */
/* Default actions, process groups and sessions, SIGCHLD, permission to send. */
#define _GNU_SOURCE
#include "t.h"

#include <sys/prctl.h>

static void raise_it(void *arg)
{
    raise(*(int *)arg);
}

static void defaults(void)
{
    static const int fatal[] = { SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGABRT, SIGFPE, SIGKILL, SIGSEGV,
                                 SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGSYS, 40, 64 };
    static const int harmless[] = { SIGCHLD, SIGCONT, SIGURG, SIGWINCH };

    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
        int sig = fatal[i];

        CHECK_EQ(t_signal_of(raise_it, &sig), sig);
    }
    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        int sig = harmless[i];

        CHECK_EQ(t_signal_of(raise_it, &sig), 0);
    }
}

static pid_t waiter(pid_t group)
{
    pid_t pid = t_fork();

    if (pid == 0) {
        OK(setpgid(0, group));
        for (;;)
            pause();
    }
    OK(setpgid(pid, group ? group : pid));
    return pid;
}

static void groups(void)
{
    pid_t a = waiter(0), b = waiter(a), c = waiter(0);

    CHECK_EQ(getpgid(b), a);
    OK(kill(-a, SIGUSR1));
    CHECK_EQ(WTERMSIG(t_wait(a)), SIGUSR1);
    CHECK_EQ(WTERMSIG(t_wait(b)), SIGUSR1);
    CHECK_EQ(waitpid(c, NULL, WNOHANG), 0);
    CHECK_ERRNO(kill(-a, SIGUSR1), ESRCH);
    OK(kill(c, SIGKILL));
    CHECK_EQ(WTERMSIG(t_wait(c)), SIGKILL);
    CHECK_ERRNO(kill(getpid(), 65), EINVAL);
    OK(kill(getpid(), 0));
}

static void sessions(void)
{
    pid_t pid = t_fork();

    if (pid == 0) {
        CHECK_EQ(setsid(), getpid());
        CHECK_EQ(getsid(0), getpid());
        CHECK_EQ(getpgrp(), getpid());
        CHECK_ERRNO(setsid(), EPERM);
        t_end(0);
    }
    t_join(pid);
}

static volatile sig_atomic_t children;

static void on_child(int sig, siginfo_t *si, void *uc)
{
    (void)sig;
    (void)uc;
    children++;
    if (si->si_code != CLD_EXITED || si->si_status != 9)
        children = -100;
}

static void child_signal(void)
{
    struct sigaction sa = { .sa_sigaction = on_child, .sa_flags = SA_SIGINFO };
    pid_t pid;
    int status;

    OK(sigaction(SIGCHLD, &sa, NULL));
    pid = t_fork();
    if (pid == 0)
        _exit(9);
    while (waitpid(pid, &status, 0) < 0)
        CHECK_EQ(errno, EINTR);
    CHECK_EQ(children, 1);
    /* Nobody wants to know: no zombie stays. */
    signal(SIGCHLD, SIG_IGN);
    pid = t_fork();
    if (pid == 0)
        _exit(0);
    CHECK_ERRNO(waitpid(pid, &status, 0), ECHILD);
    signal(SIGCHLD, SIG_DFL);
}

static void permission(void)
{
    pid_t pid;

    if (getuid() != 0)
        return;
    pid = t_fork();
    if (pid == 0) {
        OK(setresuid(1000, 1000, 1000));
        CHECK_ERRNO(kill(getppid(), SIGTERM), EPERM);
        t_end(0);
    }
    t_join(pid);
}

static void death_signal(void)
{
    int p[2];
    char c;
    pid_t pid, inner;

    OK(pipe(p));
    pid = t_fork();
    if (pid == 0) {
        inner = t_fork();
        if (inner == 0) {
            OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
            CHECK_EQ(write(p[1], "x", 1), 1);
            for (;;)
                pause();
        }
        CHECK_EQ(read(p[0], &c, 1), 1);
        _exit(0);
    }
    OK(close(p[1]));
    t_join(pid);
    CHECK_EQ(read(p[0], &c, 1), 0); /* the last holder of the other end is dead */
}

int main(void)
{
    defaults();
    groups();
    sessions();
    child_signal();
    permission();
    death_signal();
    return 0;
}
