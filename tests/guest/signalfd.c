/* SPDX-License-Identifier: Apache-2.0 */
/* signalfd: what is read, readiness, flags, errors, and files that are inherited. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

static sigset_t usr;

static int readable(int fd, int ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return (int)OK(poll(&p, 1, ms));
}

static void basics(void)
{
    struct signalfd_siginfo si[4];
    union sigval v = { .sival_int = 77 };
    int fd = OK(signalfd(-1, &usr, SFD_NONBLOCK | SFD_CLOEXEC));

    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    CHECK_EQ(readable(fd, 0), 0);
    CHECK_ERRNO(read(fd, si, sizeof(si)), EAGAIN);
    CHECK_ERRNO(read(fd, si, sizeof(si[0]) - 1), EINVAL);
    OK(kill(getpid(), SIGUSR1));
    OK(sigqueue(getpid(), SIGRTMIN, v));
    OK(sigqueue(getpid(), SIGRTMIN, v));
    CHECK_EQ(readable(fd, 1000), 1);
    CHECK_EQ(read(fd, si, sizeof(si)), 3 * (ssize_t)sizeof(si[0]));
    CHECK_EQ(si[0].ssi_signo, SIGUSR1);
    CHECK_EQ(si[0].ssi_code, SI_USER);
    CHECK_EQ(si[0].ssi_pid, getpid());
    CHECK_EQ(si[0].ssi_uid, getuid());
    CHECK_EQ((int)si[1].ssi_signo, SIGRTMIN);
    CHECK_EQ(si[1].ssi_code, SI_QUEUE);
    CHECK_EQ(si[1].ssi_int, 77);
    CHECK_EQ(si[2].ssi_int, 77);
    CHECK_EQ(readable(fd, 0), 0);

    /* What is taken in another way is not there any more. */
    OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(readable(fd, 0), 1);
    CHECK_EQ(sigwaitinfo(&usr, NULL), SIGUSR1);
    CHECK_EQ(readable(fd, 0), 0);
    OK(kill(getpid(), SIGUSR1));
    signal(SIGUSR1, SIG_IGN); /* discards it */
    CHECK_EQ(readable(fd, 0), 0);
    signal(SIGUSR1, SIG_DFL);
    CHECK_ERRNO(write(fd, si, sizeof(si[0])), EINVAL);
    OK(close(fd));
}

static void changing(void)
{
    sigset_t one;
    int fd;

    sigemptyset(&one);
    sigaddset(&one, SIGUSR2);
    fd = OK(signalfd(-1, &one, 0));
    OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(readable(fd, 0), 0);
    CHECK_EQ(signalfd(fd, &usr, 0), fd);
    CHECK_EQ(readable(fd, 0), 1);
    CHECK_EQ(signalfd(fd, &one, 0), fd);
    CHECK_EQ(readable(fd, 0), 0);
    CHECK_EQ(sigwaitinfo(&usr, NULL), SIGUSR1);
    CHECK_ERRNO(signalfd(0, &usr, 0), EINVAL);
    CHECK_ERRNO(signalfd(999, &usr, 0), EBADF);
    CHECK_ERRNO(signalfd(-1, &usr, 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_signalfd4, -1, &usr, 4, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_signalfd4, -1, 8, 8, 0), EFAULT);
    OK(close(fd));
}

/* A blocking read waits; epoll tells; children that end are told of. */
static void waiting(void)
{
    struct signalfd_siginfo si;
    struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 5 };
    int fd = OK(signalfd(-1, &usr, 0)), ep = OK(epoll_create1(0));
    char path[64], text[64];
    ssize_t n;
    pid_t pid = t_fork();

    if (pid == 0) {
        t_sleep_ms(30);
        OK(kill(getppid(), SIGUSR2));
        _exit(9);
    }
    CHECK_EQ(read(fd, &si, sizeof(si)), (ssize_t)sizeof(si));
    CHECK_EQ(si.ssi_signo, SIGUSR2);
    CHECK_EQ(si.ssi_pid, pid);
    OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
    CHECK_EQ(epoll_wait(ep, &ev, 1, 5000), 1);
    CHECK_EQ(ev.data.u32, 5);
    CHECK_EQ(read(fd, &si, sizeof(si)), (ssize_t)sizeof(si));
    CHECK_EQ(si.ssi_signo, SIGCHLD);
    CHECK_EQ(si.ssi_code, CLD_EXITED);
    CHECK_EQ(si.ssi_status, 9);
    CHECK_EQ(si.ssi_pid, pid);
    t_wait(pid);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    n = OK(readlink(path, text, sizeof(text) - 1));
    text[n] = 0;
    CHECK(!strcmp(text, "anon_inode:[signalfd]"));

    /* Who inherits it reads its own signals. */
    pid = t_fork();
    if (pid == 0) {
        OK(kill(getpid(), SIGUSR1));
        CHECK_EQ(read(fd, &si, sizeof(si)), (ssize_t)sizeof(si));
        CHECK_EQ(si.ssi_pid, getpid());
        t_end(0);
    }
    t_join(pid);
    CHECK_EQ(read(fd, &si, sizeof(si)), (ssize_t)sizeof(si));
    CHECK_EQ(si.ssi_signo, SIGCHLD);
    OK(close(fd));
    OK(close(ep));
}

int main(void)
{
    sigemptyset(&usr);
    sigaddset(&usr, SIGUSR1);
    sigaddset(&usr, SIGUSR2);
    sigaddset(&usr, SIGCHLD);
    sigaddset(&usr, SIGRTMIN);
    OK(sigprocmask(SIG_BLOCK, &usr, NULL));
    basics();
    changing();
    waiting();
    return 0;
}
