/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of the socket calls and options, SIGPIPE, and what is not there. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Not mapped; volatile, lest the compiler warn of what is meant. */
static void *volatile bad = (void *)8;

static void making(void)
{
    int s[2];

    CHECK_ERRNO(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_ERRNO(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_ERRNO(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    CHECK_ERRNO(socket(AF_UNIX, SOCK_STREAM | 0x100, 0), EINVAL);
    CHECK_ERRNO(socket(AF_UNIX, 15, 0), EINVAL);
    CHECK_ERRNO(socket(AF_UNIX, SOCK_STREAM, 2), EPROTONOSUPPORT);
    OK(close((int)OK(socket(AF_UNIX, SOCK_STREAM, PF_UNIX))));
    CHECK_ERRNO(socketpair(AF_UNIX, SOCK_STREAM, 0, bad), EFAULT);
    s[0] = (int)OK(socket(AF_UNIX, SOCK_RAW, 0)); /* a datagram socket, as on Linux */
    CHECK_ERRNO(listen(s[0], 1), EOPNOTSUPP);
    OK(close(s[0]));
    s[0] = (int)OK(open("/dev/null", O_RDWR));
    s[1] = (int)OK(epoll_create1(0));
    for (int i = 0; i < 2; i++) {
        CHECK_ERRNO(listen(s[i], 1), ENOTSOCK);
        CHECK_ERRNO(send(s[i], "x", 1, 0), ENOTSOCK);
        CHECK_ERRNO(shutdown(s[i], SHUT_RD), ENOTSOCK);
        OK(close(s[i]));
        CHECK_ERRNO(accept(s[i], NULL, NULL), EBADF);
        CHECK_ERRNO(recv(s[i], s, 1, 0), EBADF);
    }
}

static void unconnected(void)
{
    int s = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0)), p[2];
    struct sockaddr_un a = { AF_UNIX, "/nowhere" }, any;
    socklen_t n = sizeof(any);
    char c;

    CHECK_ERRNO(send(s, "x", 1, 0), ENOTCONN);
    CHECK_ERRNO(recv(s, &c, 1, 0), EINVAL);
    CHECK_ERRNO(getpeername(s, (void *)&any, &n), ENOTCONN);
    CHECK_ERRNO(accept(s, NULL, NULL), EINVAL);
    CHECK_ERRNO(accept4(s, NULL, NULL, 1), EINVAL);
    CHECK_ERRNO(sendto(s, "x", 1, 0, (void *)&a, sizeof(a)), EOPNOTSUPP);
    CHECK_ERRNO(shutdown(s, 3), EINVAL);
    OK(shutdown(s, SHUT_RDWR));
    OK(close(s));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    CHECK_ERRNO(sendto(p[0], "x", 1, 0, (void *)&a, sizeof(a)), EISCONN);
    CHECK_ERRNO(listen(p[0], 1), EINVAL);
    OK(close(p[0]));
    OK(close(p[1]));
}

static void connect_twice(void)
{
    int l = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0)), c = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    sa_family_t family = AF_UNIX;
    struct sockaddr_un a;
    socklen_t n = sizeof(a);

    OK(bind(l, (void *)&family, sizeof(family)));
    OK(getsockname(l, (void *)&a, &n));
    CHECK_ERRNO(connect(c, (void *)&a, n), ECONNREFUSED);
    OK(listen(l, 5));
    OK(listen(l, 6));
    OK(connect(c, (void *)&a, n));
    CHECK_ERRNO(connect(c, (void *)&a, n), EISCONN);
    CHECK_ERRNO(connect(l, (void *)&a, n), EINVAL);
    CHECK_ERRNO(send(l, "x", 1, 0), ENOTCONN);
    CHECK_ERRNO(ioctl(l, FIONREAD, &n), EINVAL);
    OK(shutdown(l, SHUT_RD));
    OK(close(c));
    n = sizeof(a);
    OK(getsockname(l, (void *)&a, &n));
    c = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_ERRNO(connect(c, (void *)&a, n), ECONNREFUSED);
    OK(close(c));
    OK(close(l));
}

static void bad_memory(void)
{
    struct sockaddr_un a;
    socklen_t n = sizeof(a);
    struct msghdr h = { 0 };
    char c;
    int s[2];

    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    CHECK_ERRNO(send(s[0], bad, 1, 0), EFAULT);
    CHECK_ERRNO(recv(s[1], &c, 1, MSG_DONTWAIT), EAGAIN); /* nothing went */
    CHECK_EQ(send(s[0], "x", 1, 0), 1);
    CHECK_ERRNO(recv(s[1], bad, 1, 0), EFAULT);
    CHECK_ERRNO(sendmsg(s[0], bad, 0), EFAULT);
    CHECK_ERRNO(recvmsg(s[1], bad, 0), EFAULT);
    h.msg_iov = bad;
    h.msg_iovlen = 1;
    CHECK_ERRNO(sendmsg(s[0], &h, 0), EFAULT);
    CHECK_ERRNO(getsockname(s[0], bad, &n), EFAULT);
    CHECK_ERRNO(getsockname(s[0], (void *)&a, NULL), EFAULT);
    OK(close(s[0]));
    OK(close(s[1]));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_ERRNO(write(s[0], bad, 1), EFAULT);
    CHECK_EQ(write(s[0], "y", 1), 1);
    CHECK_ERRNO(read(s[1], bad, 1), EFAULT);
    CHECK_EQ(read(s[1], &c, 1), 1); /* a stream keeps what could not be handed out */
    OK(close(s[0]));
    OK(close(s[1]));
}

static void options(void)
{
    int s = (int)OK(socket(AF_UNIX, SOCK_SEQPACKET, 0)), v;
    struct linger l = { 1, 5 }, got;
    struct ucred u;
    socklen_t n = sizeof(v);
    char small[2];

#define GET(name) (n = sizeof(v), OK(getsockopt(s, SOL_SOCKET, name, &v, &n)), v)
    CHECK_EQ(GET(SO_TYPE), SOCK_SEQPACKET);
    CHECK_EQ(GET(SO_DOMAIN), AF_UNIX);
    CHECK_EQ(GET(SO_PROTOCOL), 0);
    CHECK_EQ(GET(SO_ERROR), 0);
    CHECK_EQ(GET(SO_ACCEPTCONN), 0);
    CHECK_EQ(GET(SO_SNDBUF), 212992);
    CHECK_EQ(GET(SO_RCVBUF), 212992);
    CHECK_EQ(GET(SO_RCVLOWAT), 1);
    CHECK_EQ(GET(SO_REUSEADDR), 0);
    v = 50000;
    OK(setsockopt(s, SOL_SOCKET, SO_SNDBUF, &v, sizeof(v)));
    CHECK_EQ(GET(SO_SNDBUF), 100000);
    v = 1;
    OK(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &v, sizeof(v)));
    CHECK_EQ(GET(SO_RCVBUF), 2304);
    v = 7;
    OK(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &v, sizeof(v)));
    CHECK_EQ(GET(SO_REUSEADDR), 1);
    OK(setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &v, sizeof(v)));
    OK(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
    n = sizeof(got);
    OK(getsockopt(s, SOL_SOCKET, SO_LINGER, &got, &n));
    CHECK(n == sizeof(got) && got.l_onoff == 1 && got.l_linger == 5);
    n = sizeof(u);
    OK(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &u, &n));
    CHECK(u.pid == 0 && u.uid == (uid_t)-1 && u.gid == (gid_t)-1);
    n = sizeof(small);
    OK(getsockopt(s, SOL_SOCKET, SO_TYPE, small, &n)); /* as much as fits */
    CHECK(n == 2 && small[0] == SOCK_SEQPACKET);
    CHECK_ERRNO(setsockopt(s, SOL_SOCKET, SO_TYPE, &v, sizeof(v)), ENOPROTOOPT);
    CHECK_ERRNO(setsockopt(s, SOL_SOCKET, 9999, &v, sizeof(v)), ENOPROTOOPT);
    CHECK_ERRNO(getsockopt(s, SOL_SOCKET, 9999, &v, &n), ENOPROTOOPT);
    CHECK_ERRNO(setsockopt(s, SOL_SOCKET, SO_SNDBUF, &v, 3), EINVAL);
    CHECK_ERRNO(setsockopt(s, SOL_SOCKET, SO_SNDBUF, bad, 4), EFAULT);
    CHECK_ERRNO(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &v, 4), EINVAL);
    CHECK_ERRNO(setsockopt(s, 6, 1, &v, sizeof(v)), EOPNOTSUPP);
    CHECK_ERRNO(getsockopt(s, 6, 1, &v, &n), EOPNOTSUPP);
    n = (socklen_t)-1;
    CHECK_ERRNO(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, &n), EINVAL);
    v = 1;
    OK(ioctl(s, FIONBIO, &v));
    CHECK_EQ(fcntl(s, F_GETFL), O_RDWR | O_NONBLOCK);
    CHECK_ERRNO(ioctl(s, 0x5401, &v), ENOTTY);
    OK(close(s));
}

static int dead_end(void)
{
    int s[2];

    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    OK(close(s[1]));
    return s[0];
}

static void write_to_nobody(void *arg)
{
    (void)arg;
    OK(write(dead_end(), "x", 1));
}

static void send_to_nobody(void *arg)
{
    (void)arg;
    OK(send(dead_end(), "x", 1, 0));
}

static void send_quietly(void *arg)
{
    (void)arg;
    CHECK_ERRNO(send(dead_end(), "x", 1, MSG_NOSIGNAL), EPIPE);
}

static void packet_to_nobody(void *arg)
{
    int s[2];

    (void)arg;
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
    OK(close(s[1]));
    CHECK_ERRNO(write(s[0], "x", 1), EPIPE);
    CHECK_ERRNO(send(s[0], "x", 1, 0), EPIPE);
}

static void broken(void)
{
    CHECK_EQ(t_signal_of(write_to_nobody, NULL), SIGPIPE);
    CHECK_EQ(t_signal_of(send_to_nobody, NULL), SIGPIPE);
    CHECK_EQ(t_signal_of(send_quietly, NULL), 0);
    CHECK_EQ(t_signal_of(packet_to_nobody, NULL), 0);
}

/* Threads that connect, send, receive and close at once: no promise but that it ends well. */
static struct sockaddr_un storm_addr;
static socklen_t storm_len = sizeof(storm_addr);

static void *client(void *arg)
{
    char c;

    for (int i = 0; i < 40; i++) {
        int s = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));

        OK(connect(s, (void *)&storm_addr, storm_len));
        CHECK_EQ(write(s, "q", 1), 1);
        if (i % 3)
            CHECK_EQ(read(s, &c, 1), 1);
        OK(close(s));
    }
    return arg;
}

static void *server(void *listener)
{
    for (int i = 0; i < 40; i++) {
        int s = (int)OK(accept(*(int *)listener, NULL, NULL));
        char c;

        CHECK_EQ(read(s, &c, 1), 1);
        send(s, "a", 1, MSG_NOSIGNAL); /* the client may have gone */
        OK(close(s));
    }
    return NULL;
}

static void storm(void)
{
    int l = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    sa_family_t family = AF_UNIX;
    pthread_t t[8];

    OK(bind(l, (void *)&family, sizeof(family)));
    OK(getsockname(l, (void *)&storm_addr, &storm_len));
    OK(listen(l, 2));
    for (int i = 0; i < 8; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, i < 4 ? client : server, &l), 0);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
    OK(close(l));
}

int main(void)
{
    making();
    unconnected();
    connect_twice();
    bad_memory();
    options();
    broken();
    storm();
    return 0;
}
