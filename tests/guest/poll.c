/* SPDX-License-Identifier: Apache-2.0 */
/* poll, ppoll, select and epoll on pipes: readiness, hang-up, time-outs, signals. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>

static int p[2];

static void timeouts(void)
{
    struct pollfd f = { .fd = p[0], .events = POLLIN };
    struct timeval tv = { 0, 20000 };
    struct timespec ts = { 0, 20000000 };
    int64_t t = t_now_ns();
    fd_set set;

    CHECK_EQ(poll(&f, 1, 20), 0);
    CHECK_EQ(ppoll(&f, 1, &ts, NULL), 0);
    FD_ZERO(&set);
    FD_SET(p[0], &set);
    CHECK_EQ(select(p[0] + 1, &set, NULL, NULL, &tv), 0);
    CHECK(!FD_ISSET(p[0], &set));
    CHECK(t_now_ns() - t >= 60000000);
    CHECK(t_now_ns() - t < 10000000000);
    CHECK_EQ(poll(&f, 1, 0), 0);
    CHECK_EQ(poll(NULL, 0, 1), 0);
}

static void readiness(void)
{
    struct pollfd f[3] = { { .fd = p[0], .events = POLLIN }, { .fd = p[1], .events = POLLOUT },
                           { .fd = -1, .events = POLLIN } };
    char buf[4];
    pid_t pid;
    fd_set in, out;

    CHECK_EQ(poll(f, 3, -1), 1);
    CHECK_EQ(f[1].revents, POLLOUT);
    CHECK_EQ(f[2].revents, 0);
    pid = t_fork();
    if (pid == 0) {
        t_sleep_ms(30);
        CHECK_EQ(write(p[1], "abc", 3), 3);
        t_end(0);
    }
    CHECK_EQ(poll(f, 1, 5000), 1);
    CHECK_EQ(f[0].revents, POLLIN);
    t_join(pid);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(p[0], &in);
    FD_SET(p[1], &out);
    CHECK_EQ(select(p[1] + p[0] + 1, &in, &out, NULL, NULL), 2);
    CHECK_EQ(read(p[0], buf, 3), 3);
    f[0].fd = 60; /* closed, and in the table: select(2) of Linux looks no further */
    CHECK_EQ(poll(f, 1, -1), 1);
    CHECK_EQ(f[0].revents, POLLNVAL);
    FD_ZERO(&in);
    FD_SET(60, &in);
    CHECK_ERRNO(select(100, &in, NULL, NULL, NULL), EBADF);
}

static void on_signal(int sig)
{
    (void)sig;
}

static void signals(void)
{
    struct pollfd f = { .fd = p[0], .events = POLLIN };
    struct timespec ts = { 5, 0 };
    sigset_t block, open;
    pid_t pid;

    signal(SIGUSR1, on_signal);
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &block, &open));
    pid = t_fork();
    if (pid == 0) {
        t_sleep_ms(30);
        OK(kill(getppid(), SIGUSR1));
        t_end(0);
    }
    CHECK_ERRNO(ppoll(&f, 1, &ts, &open), EINTR);
    OK(sigprocmask(SIG_SETMASK, &open, NULL));
    t_join(pid);
}

/* EPOLLEXCLUSIVE: what epoll_ctl(2) refuses. */
static void exclusive(int e, int ev)
{
    struct epoll_event in = { .events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLRDHUP }, out;
    int other = (int)OK(epoll_create1(0));
    uint64_t n = 1;

    CHECK_ERRNO(epoll_ctl(e, EPOLL_CTL_ADD, ev, &in), EINVAL);
    in.events = EPOLLIN | EPOLLEXCLUSIVE;
    CHECK_ERRNO(epoll_ctl(e, EPOLL_CTL_ADD, other, &in), EINVAL);
    OK(epoll_ctl(e, EPOLL_CTL_ADD, ev, &in));
    CHECK_ERRNO(epoll_ctl(e, EPOLL_CTL_MOD, ev, &in), EINVAL);
    in.events = EPOLLIN;
    CHECK_ERRNO(epoll_ctl(e, EPOLL_CTL_MOD, ev, &in), EINVAL);
    CHECK_EQ(write(ev, &n, sizeof(n)), (ssize_t)sizeof(n));
    CHECK_EQ(epoll_wait(e, &out, 1, 0), 1);
    CHECK_EQ(read(ev, &n, sizeof(n)), (ssize_t)sizeof(n));
    OK(epoll_ctl(e, EPOLL_CTL_DEL, ev, NULL));
    OK(close(other));
}

static void epolls(void)
{
    int e = OK(epoll_create1(0)), ev = OK(eventfd(0, EFD_NONBLOCK));
    struct epoll_event in = { .events = EPOLLIN | EPOLLET, .data.u64 = 77 }, out[4];
    uint64_t v = 3;

    OK(epoll_ctl(e, EPOLL_CTL_ADD, ev, &in));
    CHECK_ERRNO(epoll_ctl(e, EPOLL_CTL_ADD, ev, &in), EEXIST);
    CHECK_EQ(epoll_wait(e, out, 4, 10), 0);
    CHECK_EQ(write(ev, &v, 8), 8);
    CHECK_EQ(epoll_wait(e, out, 4, -1), 1);
    CHECK_EQ(out[0].data.u64, 77);
    CHECK_EQ(epoll_wait(e, out, 4, 0), 0); /* edge: told once */
    CHECK_EQ(read(ev, &v, 8), 8);
    CHECK_EQ(v, 3);
    CHECK_ERRNO(read(ev, &v, 8), EAGAIN);
    OK(epoll_ctl(e, EPOLL_CTL_DEL, ev, NULL));
    CHECK_ERRNO(epoll_ctl(e, EPOLL_CTL_DEL, ev, NULL), ENOENT);
    exclusive(e, ev);
    OK(close(e));
    OK(close(ev));
}

/* epoll(7), EPOLLET: each write to a pipe is an edge, whether or not the one before was read. */
static void edges_of_pipes(void)
{
    int e = OK(epoll_create1(0)), q[2], other[2];
    struct epoll_event in = { .events = EPOLLIN | EPOLLET }, out[4];
    char c;

    OK(pipe2(q, O_NONBLOCK));
    OK(pipe2(other, O_NONBLOCK));
    OK(epoll_ctl(e, EPOLL_CTL_ADD, q[0], &in));
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(write(q[1], "a", 1), 1);
        CHECK_EQ(epoll_wait(e, out, 4, 0), 1);
        CHECK_EQ(out[0].events, EPOLLIN);
        CHECK_EQ(epoll_wait(e, out, 4, 0), 0);
    }
    CHECK_EQ(read(q[0], &c, 1), 1);
    CHECK_EQ(epoll_wait(e, out, 4, 0), 0); /* a read is none */
    CHECK_EQ(write(other[1], "bc", 2), 2);
    CHECK_EQ(splice(other[0], NULL, q[1], NULL, 1, 0), 1);
    CHECK_EQ(epoll_wait(e, out, 4, 0), 1);
    CHECK_EQ(tee(other[0], q[1], 1, 0), 1);
    CHECK_EQ(epoll_wait(e, out, 4, 0), 1);
    OK(close(q[1]));
    CHECK_EQ(epoll_wait(e, out, 4, 0), 1);
    CHECK_EQ(out[0].events, EPOLLIN | EPOLLHUP);
    CHECK_EQ(epoll_wait(e, out, 4, 0), 0);
    OK(close(q[0]));
    OK(close(other[0]));
    OK(close(other[1]));
    OK(close(e));
}

static void hang_up(void)
{
    struct pollfd f = { .fd = p[0], .events = POLLIN }, g = { .fd = p[1], .events = POLLOUT };
    int q[2];

    OK(close(p[1]));
    CHECK_EQ(poll(&f, 1, -1), 1);
    CHECK_EQ(f.revents, POLLHUP);
    OK(pipe(q));
    g.fd = q[1];
    OK(close(q[0]));
    CHECK_EQ(poll(&g, 1, -1), 1);
    CHECK(g.revents & POLLERR);
}

int main(void)
{
    OK(pipe(p));
    timeouts();
    readiness();
    signals();
    epolls();
    edges_of_pipes();
    hang_up();
    return 0;
}
