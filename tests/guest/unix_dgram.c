/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams and sequences of packets of unix sockets. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

static socklen_t name(struct sockaddr_un *a, int which)
{
    memset(a, 0, sizeof(*a));
    a->sun_family = AF_UNIX;
    snprintf(a->sun_path + 1, 30, "rvt%08d.%d", getpid(), which);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(a->sun_path + 1));
}

static int bound(int which)
{
    struct sockaddr_un a;
    socklen_t len = name(&a, which);
    int s = OK(socket(AF_UNIX, SOCK_DGRAM, 0));

    OK(bind(s, (void *)&a, len));
    return s;
}

static short ready(int fd)
{
    struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };

    OK(poll(&p, 1, 0));
    return p.revents;
}

static void boundaries(int type)
{
    struct msghdr h = { 0 };
    struct iovec v;
    char buf[16];
    int s[2], n;

    OK(socketpair(AF_UNIX, type, 0, s));
    CHECK_EQ(send(s[0], "one", 3, 0), 3);
    CHECK_EQ(send(s[0], "", 0, 0), 0);
    CHECK_EQ(send(s[0], "longer", 6, MSG_EOR), 6);
    OK(ioctl(s[1], FIONREAD, &n));
    CHECK_EQ(n, type == SOCK_DGRAM ? 3 : 9);
    CHECK_EQ(recv(s[1], buf, 16, MSG_PEEK), 3);
    CHECK_EQ(recv(s[1], buf, 16, 0), 3);
    CHECK_EQ(recv(s[1], buf, 16, 0), 0);
    CHECK_EQ(recv(s[1], buf, 2, MSG_PEEK | MSG_TRUNC), 6);
    v = (struct iovec){ buf, 4 };
    h.msg_iov = &v;
    h.msg_iovlen = 1;
    CHECK_EQ(recvmsg(s[1], &h, 0), 4); /* the rest is gone */
    CHECK_EQ(h.msg_flags & MSG_TRUNC, MSG_TRUNC);
    CHECK(!memcmp(buf, "long", 4));
    CHECK_ERRNO(recv(s[1], buf, 16, MSG_DONTWAIT), EAGAIN);
    OK(close(s[0]));
    OK(close(s[1]));
}

static void large(int type)
{
    static char big[250000];
    int s[2], n = 0;

    OK(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, s));
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 7 >> 2);
    CHECK_ERRNO(send(s[0], big, sizeof(big), 0), EMSGSIZE);
    CHECK_EQ(send(s[0], big, 150000, 0), 150000);
    memset(big, 0, 150000);
    CHECK_EQ(recv(s[1], big, 150000, 0), 150000);
    for (size_t i = 0; i < 150000; i++)
        CHECK_EQ(big[i], (char)(i * 7 >> 2));
    while (send(s[0], big, 5000, 0) == 5000)
        n++;
    CHECK_EQ(errno, EAGAIN);
    CHECK(n >= 15 && n <= 60);
    CHECK_EQ(ready(s[0]) & POLLOUT, 0);
    while (recv(s[1], big, 5000, 0) == 5000)
        n--;
    CHECK_EQ(n, 0);
    CHECK_EQ(ready(s[0]), POLLOUT);
    OK(close(s[0]));
    OK(close(s[1]));
}

static void addresses(void)
{
    struct sockaddr_un a, b, from;
    socklen_t la = name(&a, 1), lb = name(&b, 2), n = sizeof(from);
    int r = bound(1), s = bound(2), other = bound(3), none = OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    char buf[8];

    CHECK_EQ(sendto(s, "hi", 2, 0, (void *)&a, la), 2);
    CHECK_EQ(recvfrom(r, buf, 8, 0, (void *)&from, &n), 2);
    CHECK(n == lb && !memcmp(&from, &b, lb));
    CHECK_EQ(sendto(none, "x", 1, 0, (void *)&a, la), 1);
    n = sizeof(from);
    CHECK_EQ(recvfrom(r, buf, 8, 0, (void *)&from, &n), 1);
    CHECK_EQ(n, 0);
    /* Connected: from its peer only. */
    OK(connect(r, (void *)&b, lb));
    CHECK_EQ(send(r, "re", 2, 0), 2);
    CHECK_EQ(recv(s, buf, 8, 0), 2);
    CHECK_ERRNO(sendto(other, "x", 1, 0, (void *)&a, la), EPERM);
    CHECK_ERRNO(connect(other, (void *)&a, la), EPERM);
    CHECK_EQ(sendto(s, "x", 1, 0, (void *)&a, la), 1);
    CHECK_EQ(recv(r, buf, 8, 0), 1);
    n = sizeof(from);
    OK(getpeername(r, (void *)&from, &n));
    CHECK(n == lb && !memcmp(&from, &b, lb));
    /* Dissolved. */
    from.sun_family = AF_UNSPEC;
    OK(connect(r, (void *)&from, sizeof(from.sun_family)));
    CHECK_ERRNO(send(r, "x", 1, 0), ENOTCONN);
    CHECK_EQ(sendto(other, "x", 1, 0, (void *)&a, la), 1);
    CHECK_EQ(recv(r, buf, 8, 0), 1);
    /* The receiver ends. */
    OK(connect(other, (void *)&a, la));
    OK(close(r));
    CHECK_ERRNO(send(other, "x", 1, 0), ECONNREFUSED);
    CHECK_ERRNO(send(other, "x", 1, 0), ENOTCONN);
    CHECK_ERRNO(sendto(s, "x", 1, 0, (void *)&a, la), ECONNREFUSED);
    OK(close(s));
    OK(close(other));
    OK(close(none));
}

/* A queue takes 11 messages of senders to whom it is not connected. */
static void full_queue(void)
{
    struct sockaddr_un a;
    socklen_t la = name(&a, 1);
    int r = bound(1), s = OK(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)), n = 0;
    struct timeval tv = { 0, 30000 };
    char buf[8];
    pid_t pid;

    while (sendto(s, "x", 1, 0, (void *)&a, la) == 1)
        n++;
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(n, 11);
    CHECK_EQ(ready(s), POLLOUT);
    OK(connect(s, (void *)&a, la));
    CHECK_EQ(ready(s), 0);
    CHECK_EQ(recv(r, buf, 8, 0), 1);
    CHECK_EQ(ready(s), POLLOUT);
    CHECK_EQ(send(s, "y", 1, 0), 1);
    CHECK_EQ(ready(s), 0);
    OK(fcntl(s, F_SETFL, 0));
    OK(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
    CHECK_ERRNO(send(s, "z", 1, 0), EAGAIN);
    tv.tv_usec = 0;
    OK(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
    pid = t_fork();
    if (pid == 0) {
        CHECK_EQ(send(s, "z", 1, 0), 1); /* waits */
        t_end(0);
    }
    t_sleep_ms(20);
    for (int i = 0; i < 12; i++)
        CHECK_EQ(recv(r, buf, 8, 0), 1);
    CHECK_EQ(buf[0], 'z');
    t_join(pid);
    OK(close(r));
    CHECK_EQ(ready(s), POLLOUT);
    OK(close(s));
}

static void reconnect_loses(void)
{
    struct sockaddr_un a;
    socklen_t la = name(&a, 1), n = sizeof(int);
    int r = bound(1), s[2], e;
    char buf[8];

    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    CHECK_EQ(send(s[1], "lost", 4, 0), 4);
    OK(connect(s[0], (void *)&a, la));
    CHECK_ERRNO(recv(s[0], buf, 8, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(ready(s[1]) & POLLERR, POLLERR);
    OK(getsockopt(s[1], SOL_SOCKET, SO_ERROR, &e, &n));
    CHECK_EQ(e, ECONNRESET);
    CHECK_EQ(ready(s[1]), POLLOUT);
    OK(close(s[0]));
    OK(close(s[1]));
    OK(close(r));
}

static void shut(void)
{
    char buf[8];
    int s[2];

    signal(SIGPIPE, SIG_DFL); /* which must not come: these are not streams */
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    OK(shutdown(s[1], SHUT_RD));
    CHECK_ERRNO(send(s[0], "x", 1, 0), EPIPE);
    CHECK_ERRNO(write(s[0], "x", 1), EPIPE);
    CHECK_ERRNO(recv(s[1], buf, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(recv(s[1], buf, 1, 0), 0);
    CHECK_EQ(ready(s[1]), POLLIN | POLLOUT | POLLRDHUP);
    OK(close(s[0]));
    OK(close(s[1]));
}

static void packets(void)
{
    struct sockaddr_un a;
    socklen_t la = name(&a, 4);
    int l = OK(socket(AF_UNIX, SOCK_SEQPACKET, 0)), c = OK(socket(AF_UNIX, SOCK_SEQPACKET, 0)), s;
    char buf[8];

    CHECK_ERRNO(send(c, "x", 1, 0), ENOTCONN);
    CHECK_ERRNO(recv(c, buf, 1, 0), ENOTCONN);
    CHECK_EQ(ready(c), POLLOUT | POLLHUP);
    OK(bind(l, (void *)&a, la));
    OK(listen(l, 5));
    OK(connect(c, (void *)&a, la));
    s = OK(accept(l, NULL, NULL));
    CHECK_EQ(send(c, "ab", 2, 0), 2);
    CHECK_EQ(send(c, "cd", 2, 0), 2);
    CHECK_EQ(read(s, buf, 1), 1);
    CHECK_EQ(read(s, buf, 8), 2);
    CHECK(!memcmp(buf, "cd", 2));
    CHECK_EQ(send(c, "ef", 2, 0), 2);
    OK(close(s)); /* unread */
    CHECK_EQ(ready(c), POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR);
    CHECK_ERRNO(recv(c, buf, 8, 0), ECONNRESET);
    CHECK_EQ(recv(c, buf, 8, 0), 0);
    CHECK_ERRNO(send(c, "x", 1, 0), EPIPE);
    OK(close(c));
    OK(close(l));
}

static void many(void)
{
    struct mmsghdr m[5];
    struct iovec v[5];
    char buf[5][8];
    struct timespec ts = { 0, 20000000 };
    int s[2];

    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    memset(m, 0, sizeof(m));
    for (int i = 0; i < 5; i++) {
        v[i] = (struct iovec){ "abcdef", (size_t)i + 1 };
        m[i].msg_hdr.msg_iov = &v[i];
        m[i].msg_hdr.msg_iovlen = 1;
    }
    CHECK_EQ(sendmmsg(s[0], m, 3, 0), 3);
    CHECK_EQ(m[2].msg_len, 3);
    for (int i = 0; i < 5; i++)
        v[i] = (struct iovec){ buf[i], 8 };
    CHECK_EQ(recvmmsg(s[1], m, 5, MSG_WAITFORONE, NULL), 3);
    CHECK_EQ(m[1].msg_len, 2);
    CHECK_ERRNO(recvmmsg(s[1], m, 5, MSG_DONTWAIT, NULL), EAGAIN);
    CHECK_EQ(send(s[0], "1", 1, 0), 1);
    CHECK_EQ(send(s[0], "2", 1, 0), 1);
    CHECK_EQ(recvmmsg(s[1], m, 2, 0, &ts), 2);
    OK(close(s[0]));
    OK(close(s[1]));
}

int main(void)
{
    boundaries(SOCK_DGRAM);
    boundaries(SOCK_SEQPACKET);
    large(SOCK_DGRAM);
    large(SOCK_SEQPACKET);
    addresses();
    full_queue();
    reconnect_loses();
    shut();
    packets();
    many();
    return 0;
}
