/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of processes: opening, waiting, sending signals, CLONE_PIDFD. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int pidfd_open_(pid_t pid, unsigned flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int send_to(int fd, int sig, siginfo_t *info, unsigned flags)
{
    return (int)syscall(SYS_pidfd_send_signal, fd, sig, info, flags);
}

static int ended(int fd, int ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return (int)OK(poll(&p, 1, ms)) && (p.revents & POLLIN);
}

static pid_t sleeper(void)
{
    pid_t pid = t_fork();

    if (pid == 0)
        for (;;)
            pause();
    return pid;
}

static void opening(void)
{
    pid_t pid = sleeper();
    siginfo_t si;
    char path[64], text[64], byte;
    ssize_t n;
    int fd = OK(pidfd_open_(pid, 0));

    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_ERRNO(read(fd, &byte, 1), EINVAL);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    n = OK(readlink(path, text, sizeof(text) - 1));
    text[n] = 0;
    CHECK(!strcmp(text, "anon_inode:[pidfd]"));
    CHECK(!ended(fd, 0));
    memset(&si, 0, sizeof(si));
    CHECK_EQ(waitid(P_PIDFD, (id_t)fd, &si, WEXITED | WNOHANG), 0);
    CHECK_EQ(si.si_pid, 0);
    OK(send_to(fd, 0, NULL, 0));
    OK(send_to(fd, SIGTERM, NULL, 0));
    CHECK(ended(fd, 10000));
    CHECK_EQ(waitid(P_PIDFD, (id_t)fd, &si, WEXITED), 0);
    CHECK_EQ(si.si_pid, pid);
    CHECK_EQ(si.si_status, SIGTERM);
    CHECK(ended(fd, 0));
    CHECK_ERRNO(send_to(fd, SIGTERM, NULL, 0), ESRCH);
    CHECK_ERRNO(waitid(P_PIDFD, (id_t)fd, &si, WEXITED), ECHILD);
    CHECK_ERRNO(pidfd_open_(pid, 0), ESRCH);
    OK(close(fd));
}

static volatile siginfo_t got;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    got = *info;
}

static void *tid_of(void *arg)
{
    *(pid_t *)arg = (pid_t)syscall(SYS_gettid);
    t_sleep_ms(200);
    return NULL;
}

static void errors(void)
{
    struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    siginfo_t info = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };
    volatile pid_t tid = 0;
    pthread_t th;
    pid_t pid;
    int fd = OK(pidfd_open_(getpid(), 0)), child;

    CHECK_ERRNO(pidfd_open_(0, 0), EINVAL);
    CHECK_ERRNO(pidfd_open_(-1, 0), EINVAL);
    CHECK_ERRNO(pidfd_open_(getpid(), 1), EINVAL);
    CHECK_ERRNO(pidfd_open_(0x7ffffff, 0), ESRCH);
    CHECK_EQ(pthread_create(&th, NULL, tid_of, (void *)&tid), 0);
    while (!tid)
        t_sleep_ms(1);
    CHECK_EQ(pidfd_open_(tid, 0), -1);
    CHECK(errno == EINVAL || errno == ENOENT); /* ENOENT since Linux 6.15 */
    CHECK_EQ(pthread_join(th, NULL), 0);
    OK(sigaction(SIGUSR1, &sa, NULL));
    info.si_value.sival_int = 3;
    OK(send_to(fd, SIGUSR1, &info, 0));
    CHECK_EQ(got.si_code, SI_QUEUE);
    CHECK_EQ(got.si_value.sival_int, 3);
    CHECK_ERRNO(send_to(fd, SIGUSR2, &info, 0), EINVAL);
    CHECK_ERRNO(send_to(fd, 65, NULL, 0), EINVAL);
    CHECK_ERRNO(send_to(fd, SIGUSR1, NULL, 0x100), EINVAL);
    CHECK_ERRNO(send_to(fd, SIGUSR1, (void *)8, 0), EFAULT);
    CHECK_ERRNO(send_to(0, SIGUSR1, NULL, 0), EBADF);
    CHECK_ERRNO(send_to(999, SIGUSR1, NULL, 0), EBADF);
    CHECK_ERRNO(waitid(P_PIDFD, 999, &info, WEXITED), EBADF);
    CHECK_ERRNO(waitid(P_PIDFD, 0, &info, WEXITED), EBADF);
    CHECK_ERRNO(waitid(P_PIDFD, (id_t)fd, &info, WEXITED), ECHILD);
    pid = sleeper();
    child = OK(pidfd_open_(pid, 0));
    info.si_code = SI_USER;
    info.si_signo = SIGUSR1;
    CHECK_ERRNO(send_to(child, SIGUSR1, &info, 0), EPERM);
    {
        pid_t other = t_fork();

        if (other == 0) {
            OK(setgid(1000));
            OK(setuid(1000));
            CHECK_ERRNO(send_to(child, SIGTERM, NULL, 0), EPERM);
            t_end(0);
        }
        t_join(other);
    }
    OK(kill(pid, SIGKILL));
    t_wait(pid);
    OK(close(child));
    OK(close(fd));
}

static void with_clone(void)
{
    int fd = -1, status;
    long pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &fd, NULL, 0);
    struct clone_args args = { .flags = CLONE_PIDFD, .exit_signal = SIGCHLD };
    siginfo_t si;

    OK(pid);
    if (pid == 0)
        _exit(fcntl(0, F_GETFD) == -1 ? 1 : 4);
    CHECK(fd >= 0);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK(ended(fd, 10000));
    CHECK_EQ(waitid(P_PIDFD, (id_t)fd, &si, WEXITED), 0);
    CHECK_EQ(si.si_pid, pid);
    CHECK_EQ(si.si_status, 4);
    OK(close(fd));
    fd = -1;
    args.pidfd = (uintptr_t)&fd;
    pid = OK(syscall(SYS_clone3, &args, sizeof(args)));
    if (pid == 0)
        _exit(6);
    CHECK(fd >= 0 && ended(fd, 10000));
    CHECK_EQ(waitpid((pid_t)pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 6);
    OK(close(fd));
    CHECK_ERRNO(syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, NULL, &fd, NULL, 0),
                EINVAL);
    CHECK_ERRNO(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, 8, NULL, 0), EFAULT);
    CHECK_ERRNO(dup2(100, 101), EBADF);
}

int main(void)
{
    opening();
    errors();
    with_clone();
    return 0;
}
