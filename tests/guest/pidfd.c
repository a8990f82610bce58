/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of processes: pidfd_open, pidfd_send_signal, pidfd_getfd, CLONE_PIDFD, P_PIDFD. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int pidfd_of(pid_t pid, unsigned flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int send_signal(int fd, int sig, siginfo_t *info, unsigned flags)
{
    return (int)syscall(SYS_pidfd_send_signal, fd, sig, info, flags);
}

static int get_fd(int pidfd, int fd, unsigned flags)
{
    return (int)syscall(SYS_pidfd_getfd, pidfd, fd, flags);
}

static int wait_pidfd(int fd, siginfo_t *info, int options)
{
    return waitid(P_PIDFD, (id_t)fd, info, options);
}

/* A child that sleeps until it is killed. */
static pid_t sleeper(void)
{
    pid_t pid = t_fork();

    if (pid == 0)
        for (;;)
            pause();
    return pid;
}

static int revents(int fd, int timeout)
{
    struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

    CHECK_EQ(poll(&p, 1, timeout), p.revents ? 1 : 0);
    return p.revents;
}

static void shown_pid(int fd, int pid)
{
    char path[40], buf[512], want[32];
    ssize_t n;
    int f;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    f = (int)OK(open(path, O_RDONLY));
    n = OK(read(f, buf, sizeof(buf) - 1));
    buf[n] = 0;
    snprintf(want, sizeof(want), "\nPid:\t%d\nNSpid:\t%d\n", pid, pid);
    CHECK(strstr(buf, want) != NULL);
    OK(close(f));
}

static void life(void)
{
    pid_t pid = sleeper();
    int fd = (int)OK(pidfd_of(pid, 0));
    char path[40], buf[64];
    siginfo_t info;
    struct stat st;

    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    buf[OK(readlink(path, buf, sizeof(buf) - 1))] = 0;
    CHECK(!strcmp(buf, "anon_inode:[pidfd]"));
    OK(fstat(fd, &st));
    CHECK_ERRNO(read(fd, buf, 1), EINVAL);
    CHECK_ERRNO(write(fd, buf, 1), EINVAL);
    CHECK_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
    shown_pid(fd, pid);
    CHECK_EQ(revents(fd, 0), 0);
    OK(send_signal(fd, 0, NULL, 0));
    OK(wait_pidfd(fd, &info, WEXITED | WNOHANG));

    OK(send_signal(fd, SIGKILL, NULL, 0));
    CHECK_EQ(revents(fd, 5000), POLLIN);
    CHECK_EQ(revents(fd, 0), POLLIN);
    OK(send_signal(fd, 0, NULL, 0)); /* a zombie is still there */
    CHECK_ERRNO(get_fd(fd, 0, 0), ESRCH);
    memset(&info, 0, sizeof(info));
    OK(wait_pidfd(fd, &info, WEXITED | WNOWAIT));
    CHECK(info.si_pid == pid && info.si_code == CLD_KILLED && info.si_status == SIGKILL);
    OK(wait_pidfd(fd, &info, WEXITED));

    CHECK(revents(fd, 0) & POLLIN);
    CHECK_ERRNO(send_signal(fd, 0, NULL, 0), ESRCH);
    CHECK_ERRNO(get_fd(fd, 0, 0), ESRCH);
    CHECK_ERRNO(wait_pidfd(fd, &info, WEXITED), ECHILD);
    CHECK_ERRNO(pidfd_of(pid, 0), ESRCH);
    shown_pid(fd, -1);
    OK(close(fd));
}

static void *sleep_in_thread(void *arg)
{
    *(volatile pid_t *)arg = gettid();
    for (;;)
        pause();
    return NULL;
}

static void opening(void)
{
    volatile pid_t tid = 0;
    pthread_t t;
    int fd;

    CHECK_ERRNO(pidfd_of(0, 0), EINVAL);
    CHECK_ERRNO(pidfd_of(-1, 0), EINVAL);
    CHECK_ERRNO(pidfd_of(getpid(), 1), EINVAL);
    CHECK_ERRNO(pidfd_of(0x3fffffff, 0), ESRCH);
    fd = (int)OK(pidfd_of(getpid(), O_NONBLOCK));
    CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
    OK(close(fd));
    CHECK_EQ(pthread_create(&t, NULL, sleep_in_thread, (void *)&tid), 0);
    while (!tid)
        t_sleep_ms(1);
    CHECK_EQ(pidfd_of(tid, 0), -1);
    CHECK(errno == ENOENT || errno == EINVAL); /* by the kernel's age */
}

static void waiting(void)
{
    pid_t pid = sleeper(), other = sleeper();
    int fd = (int)OK(pidfd_of(pid, O_NONBLOCK)), self, p[2];
    siginfo_t info;

    CHECK_ERRNO(wait_pidfd(fd, &info, WEXITED), EAGAIN);
    OK(wait_pidfd(fd, &info, WEXITED | WNOHANG));
    OK(kill(other, SIGKILL)); /* another child does not count */
    t_sleep_ms(20);
    CHECK_ERRNO(wait_pidfd(fd, &info, WEXITED), EAGAIN);
    OK(fcntl(fd, F_SETFL, 0));
    OK(kill(pid, SIGSTOP));
    OK(wait_pidfd(fd, &info, WSTOPPED));
    CHECK(info.si_pid == pid && info.si_code == CLD_STOPPED);
    OK(kill(pid, SIGKILL));
    OK(wait_pidfd(fd, &info, WEXITED));
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(WTERMSIG(t_wait(other)), SIGKILL);
    OK(close(fd));

    self = (int)OK(pidfd_of(getpid(), 0));
    CHECK_ERRNO(wait_pidfd(self, &info, WEXITED), ECHILD);
    OK(close(self));
    OK(pipe(p));
    CHECK_ERRNO(wait_pidfd(p[0], &info, WEXITED), EBADF);
    CHECK_ERRNO(wait_pidfd(-1, &info, WEXITED), EINVAL);
    OK(close(p[0]));
    OK(close(p[1]));
    CHECK_ERRNO(wait_pidfd(p[0], &info, WEXITED), EBADF);
}

static void with_epoll(void)
{
    pid_t pid = t_fork();
    int fd, ep = (int)OK(epoll_create1(0));
    struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 7 };

    if (pid == 0) {
        t_sleep_ms(30);
        t_end(0);
    }
    fd = (int)OK(pidfd_of(pid, 0));
    OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
    CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 0);
    CHECK_EQ(epoll_wait(ep, &ev, 1, 10000), 1);
    CHECK(ev.events == EPOLLIN && ev.data.u32 == 7);
    t_join(pid);
    OK(close(ep));
    OK(close(fd));
}

static volatile sig_atomic_t got_value;

static void on_signal(int sig, siginfo_t *info, void *ctx)
{
    (void)sig;
    (void)ctx;
    got_value = info->si_value.sival_int;
}

static void signals(void)
{
    struct sigaction act = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    int self = (int)OK(pidfd_of(getpid(), 0)), fd, dir;
    siginfo_t info;
    pid_t pid;

    OK(sigaction(SIGUSR1, &act, NULL));
    memset(&info, 0, sizeof(info));
    info.si_signo = SIGUSR1;
    info.si_code = SI_QUEUE;
    info.si_value.sival_int = 77;
    OK(send_signal(self, SIGUSR1, &info, 0));
    CHECK_EQ(got_value, 77);
    CHECK_ERRNO(send_signal(self, SIGUSR2, &info, 0), EINVAL);
    info.si_code = SI_USER;
    info.si_value.sival_int = 78;
    OK(send_signal(self, SIGUSR1, &info, 0)); /* towards oneself anything goes */
    pid = sleeper();
    fd = (int)OK(pidfd_of(pid, 0));
    CHECK_ERRNO(send_signal(fd, SIGUSR1, &info, 0), EPERM);
    CHECK_ERRNO(send_signal(fd, 65, NULL, 0), EINVAL);
    CHECK_ERRNO(send_signal(fd, -1, NULL, 0), EINVAL);
    CHECK_ERRNO(send_signal(fd, 0, NULL, 0x100), EINVAL);
    CHECK_ERRNO(send_signal(fd, SIGUSR1, (siginfo_t *)8, 0), EFAULT);
    CHECK_ERRNO(send_signal(-1, 0, NULL, 0), EBADF);
    dir = (int)OK(open("/proc/self", O_RDONLY | O_DIRECTORY));
    OK(send_signal(dir, 0, NULL, 0));
    OK(close(dir));
    dir = (int)OK(open("/proc", O_RDONLY | O_DIRECTORY));
    CHECK_ERRNO(send_signal(dir, 0, NULL, 0), EBADF);
    OK(close(dir));
    if (geteuid() == 0) { /* somebody else's process */
        pid_t child = t_fork();

        if (child == 0) {
            OK(setresuid(1234, 1234, 1234));
            CHECK_ERRNO(send_signal(fd, 0, NULL, 0), EPERM);
            CHECK_ERRNO(get_fd(fd, 0, 0), EPERM);
            t_end(0);
        }
        t_join(child);
    }
    OK(send_signal(fd, SIGTERM, NULL, 0));
    CHECK_EQ(WTERMSIG(t_wait(pid)), SIGTERM);
    OK(close(fd));
    OK(close(self));
}

static void other_descriptors(void)
{
    int p[2], fd, mine, ready[2];
    char c;
    pid_t pid;

    OK(pipe(ready));
    pid = t_fork();
    if (pid == 0) {
        OK(pipe(p));
        OK(dup2(p[1], 100));
        CHECK_EQ(write(p[1], "x", 1), 1);
        OK(dup2(p[0], 101));
        CHECK_EQ(write(ready[1], "r", 1), 1);
        for (;;)
            pause();
    }
    CHECK_EQ(read(ready[0], &c, 1), 1);
    fd = (int)OK(pidfd_of(pid, 0));
    mine = (int)OK(get_fd(fd, 101, 0));
    CHECK_EQ(fcntl(mine, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(read(mine, &c, 1), 1);
    CHECK_EQ(c, 'x');
    CHECK_ERRNO(write(mine, &c, 1), EBADF); /* its rights come with it */
    CHECK_ERRNO(get_fd(fd, 102, 0), EBADF);
    CHECK_ERRNO(get_fd(fd, -1, 0), EBADF);
    CHECK_ERRNO(get_fd(fd, 101, 1), EINVAL);
    CHECK_ERRNO(get_fd(mine, 101, 0), EBADF);
    OK(kill(pid, SIGKILL));
    t_wait(pid);
    OK(close(mine));
    OK(close(fd));
}

static long raw_clone(unsigned long flags, int *to)
{
    return syscall(SYS_clone, flags, 0, to, 0, 0);
}

static void cloning(void)
{
    struct clone_args args;
    int fd = -1, tid = -1;
    siginfo_t info;
    long pid;

    pid = OK(raw_clone(CLONE_PIDFD | SIGCHLD, &fd));
    if (pid == 0)
        _exit(fcntl(fd, F_GETFD) < 0 ? 5 : 6); /* the parent's only */
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    shown_pid(fd, (int)pid);
    CHECK_EQ(revents(fd, 5000), POLLIN);
    OK(wait_pidfd(fd, &info, WEXITED));
    CHECK(info.si_pid == pid && info.si_status == 5);
    OK(close(fd));

    memset(&args, 0, sizeof(args));
    args.flags = CLONE_PIDFD | CLONE_PARENT_SETTID;
    args.pidfd = (uintptr_t)&fd;
    args.parent_tid = (uintptr_t)&tid;
    args.exit_signal = SIGCHLD;
    pid = OK(syscall(SYS_clone3, &args, sizeof(args)));
    if (pid == 0)
        _exit(0);
    CHECK_EQ(tid, pid);
    shown_pid(fd, (int)pid);
    t_join((pid_t)pid);
    OK(close(fd));

    CHECK_ERRNO(raw_clone(CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, &fd), EINVAL);
    CHECK_ERRNO(raw_clone(CLONE_PIDFD | CLONE_DETACHED | SIGCHLD, &fd), EINVAL);
    CHECK_ERRNO(raw_clone(CLONE_PIDFD | SIGCHLD, (int *)8), EFAULT);
    CHECK_ERRNO(fcntl(fd, F_GETFD), EBADF); /* nothing is left of that */
    CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD);
    args.parent_tid = args.pidfd;
    CHECK_ERRNO(syscall(SYS_clone3, &args, sizeof(args)), EINVAL);
}

/* A process that is not dumpable is closed to others of its user. */
static void rights(void)
{
    int fd, ready[2];
    pid_t pid, asker;
    char c;

    if (geteuid() != 0)
        return;
    asker = t_fork();
    if (asker) {
        t_join(asker);
        return;
    }
    OK(setresgid(1234, 1234, 1234));
    OK(setresuid(1234, 1234, 1234));
    for (int dumpable = 0; dumpable <= 1; dumpable++) {
        OK(pipe(ready));
        pid = t_fork();
        if (pid == 0) {
            OK(prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0));
            CHECK_EQ(write(ready[1], "r", 1), 1);
            for (;;)
                pause();
        }
        CHECK_EQ(read(ready[0], &c, 1), 1);
        fd = (int)OK(pidfd_of(pid, 0));
        if (dumpable)
            OK(close((int)OK(get_fd(fd, ready[0], 0))));
        else
            CHECK_ERRNO(get_fd(fd, ready[0], 0), EPERM);
        OK(send_signal(fd, SIGKILL, NULL, 0));
        t_wait(pid);
        OK(close(fd));
    }
    t_end(0);
}

int main(void)
{
    life();
    waiting();
    with_epoll();
    signals();
    other_descriptors();
    cloning();
    rights();
    opening();
    return 0;
}
