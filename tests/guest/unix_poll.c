/* SPDX-License-Identifier: Apache-2.0 */
/* poll and epoll on unix sockets: levels, edges, hang-ups. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ALL (POLLIN | POLLOUT | POLLRDHUP)

static short ready(int fd)
{
    struct pollfd p = { fd, ALL, 0 };

    OK(poll(&p, 1, 0));
    return p.revents;
}

static void levels(void)
{
    static char chunk[4096];
    int s[2];

    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
    CHECK_EQ(ready(s[0]), POLLOUT);
    CHECK_EQ(write(s[1], "ab", 2), 2);
    CHECK_EQ(ready(s[0]), POLLIN | POLLOUT);
    CHECK_EQ(read(s[0], chunk, 1), 1);
    CHECK_EQ(ready(s[0]), POLLIN | POLLOUT);
    CHECK_EQ(read(s[0], chunk, 1), 1);
    CHECK_EQ(ready(s[0]), POLLOUT);
    while (write(s[0], chunk, sizeof(chunk)) > 0)
        ;
    CHECK_EQ(ready(s[0]), 0);
    while (read(s[1], chunk, sizeof(chunk)) > 0)
        ;
    CHECK_EQ(ready(s[0]), POLLOUT);
    OK(shutdown(s[1], SHUT_WR));
    CHECK_EQ(ready(s[0]), POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(ready(s[1]), POLLOUT);
    OK(shutdown(s[0], SHUT_WR));
    CHECK_EQ(ready(s[0]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    OK(close(s[1]));
    CHECK_EQ(ready(s[0]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    OK(close(s[0]));

    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(write(s[0], "unread", 6), 6);
    OK(close(s[1]));
    CHECK_EQ(ready(s[0]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR);
    CHECK_ERRNO(read(s[0], chunk, 1), ECONNRESET);
    CHECK_EQ(ready(s[0]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    OK(close(s[0]));
}

static void listener(void)
{
    int l = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    int c = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0)), s;
    sa_family_t family = AF_UNIX;
    struct sockaddr_un a;
    socklen_t n = sizeof(a);
    struct pollfd p = { l, POLLIN, 0 };
    pid_t pid;

    CHECK_EQ(ready(l), POLLOUT | POLLHUP);
    OK(bind(l, (void *)&family, sizeof(family)));
    OK(getsockname(l, (void *)&a, &n));
    OK(listen(l, 5));
    CHECK_EQ(ready(l), 0);
    pid = t_fork();
    if (pid == 0) {
        t_sleep_ms(20);
        OK(connect(c, (void *)&a, n));
        t_sleep_ms(100);
        t_end(0);
    }
    CHECK_EQ(poll(&p, 1, 5000), 1);
    CHECK_EQ(p.revents, POLLIN);
    OK(close(c));
    s = (int)OK(accept(l, NULL, NULL));
    CHECK_EQ(ready(l), 0);
    CHECK_EQ(ready(s), POLLOUT);
    p = (struct pollfd){ s, POLLRDHUP, 0 };
    CHECK_EQ(poll(&p, 1, 5000), 1); /* the child ends */
    CHECK_EQ(p.revents, POLLRDHUP | POLLHUP);
    t_join(pid);
    OK(close(s));
    OK(close(l));
}

static int events(int ep, uint32_t *what)
{
    struct epoll_event ev;
    int n = (int)OK(epoll_wait(ep, &ev, 1, 0));

    *what = n ? ev.events : 0;
    return n;
}

static void edges(void)
{
    struct epoll_event ev = { EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, { .u64 = 1 } };
    static char chunk[4096];
    int s[2], ep = (int)OK(epoll_create1(0));
    uint32_t what;

    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
    OK(epoll_ctl(ep, EPOLL_CTL_ADD, s[0], &ev));
    CHECK_EQ(events(ep, &what), 1);
    CHECK_EQ(what, EPOLLOUT);
    CHECK_EQ(events(ep, &what), 0);
    CHECK_EQ(write(s[1], "abc", 3), 3);
    CHECK_EQ(events(ep, &what), 1);
    CHECK_EQ(what, EPOLLIN | EPOLLOUT);
    CHECK_EQ(events(ep, &what), 0);
    CHECK_EQ(read(s[0], chunk, 1), 1);
    CHECK_EQ(events(ep, &what), 0);
    /* More comes before all was read: that is news. */
    CHECK_EQ(write(s[1], "d", 1), 1);
    CHECK_EQ(events(ep, &what), 1);
    CHECK_EQ(what, EPOLLIN | EPOLLOUT);
    CHECK_EQ(read(s[0], chunk, 10), 3);
    CHECK_EQ(events(ep, &what), 0);
    while (write(s[0], chunk, sizeof(chunk)) > 0)
        ;
    CHECK_EQ(events(ep, &what), 0);
    while (read(s[1], chunk, sizeof(chunk)) > 0)
        ;
    CHECK_EQ(events(ep, &what), 1);
    CHECK_EQ(what, EPOLLOUT);
    OK(shutdown(s[1], SHUT_WR));
    CHECK_EQ(events(ep, &what), 1);
    CHECK_EQ(what, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    OK(close(s[1]));
    CHECK_EQ(events(ep, &what), 1);
    CHECK_EQ(what, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP);
    CHECK_EQ(events(ep, &what), 0);
    OK(close(s[0]));
    OK(close(ep));
}

static void selecting(void)
{
    struct timeval tv = { 5, 0 };
    fd_set in, out;
    char c;
    pid_t pid;
    int s[2];

    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    pid = t_fork();
    if (pid == 0) {
        t_sleep_ms(20);
        CHECK_EQ(write(s[1], "x", 1), 1);
        t_end(0);
    }
    FD_ZERO(&in);
    FD_SET(s[0], &in);
    CHECK_EQ(select(s[0] + 1, &in, NULL, NULL, &tv), 1);
    CHECK_EQ(read(s[0], &c, 1), 1);
    FD_ZERO(&out);
    FD_SET(s[0], &in);
    FD_SET(s[0], &out);
    tv.tv_sec = 0;
    CHECK_EQ(select(s[0] + 1, &in, &out, NULL, &tv), 1);
    CHECK(FD_ISSET(s[0], &out) && !FD_ISSET(s[0], &in));
    t_join(pid);
    OK(close(s[0]));
    OK(close(s[1]));
}

int main(void)
{
    levels();
    listener();
    edges();
    selecting();
    return 0;
}
