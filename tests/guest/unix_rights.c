/* SPDX-License-Identifier: Apache-2.0 */
/* Files and credentials passed by unix sockets, and sockets lost in each other's queues. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define MOST 253 /* SCM_MAX_FD */

/* Send bytes with n descriptors. */
static ssize_t give(int s, const void *buf, size_t len, const int *fd, int n, int flags)
{
    static char control[CMSG_SPACE(sizeof(int) * (MOST + 1))];
    struct iovec v = { (void *)buf, len };
    struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                        .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);

    memset(control, 0, sizeof(control));
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n);
    memcpy(CMSG_DATA(c), fd, sizeof(int) * (size_t)n);
    return sendmsg(s, &h, flags);
}

/*
 * Receive up to len bytes and room descriptors; *n: how many came. msg_flags in *flags: in and out.
 */
static ssize_t take(int s, void *buf, size_t len, int *fd, int room, int *n, int *flags)
{
    static char control[CMSG_SPACE(sizeof(int) * (MOST + 1))];
    struct iovec v = { buf, len };
    struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = room ? control : NULL,
                        .msg_controllen = room ? CMSG_LEN(sizeof(int) * (size_t)room) : 0 };
    ssize_t r = recvmsg(s, &h, *flags);
    struct cmsghdr *c;

    *n = 0;
    *flags = h.msg_flags;
    if (r < 0)
        return r;
    c = CMSG_FIRSTHDR(&h);
    if (c && c->cmsg_type == SCM_RIGHTS) {
        *n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fd, CMSG_DATA(c), sizeof(int) * (size_t)*n);
    }
    return r;
}

static void pass_and_use(int type)
{
    int s[2], p[2], got[4], n, flags = MSG_CMSG_CLOEXEC;
    struct stat a, b;
    char buf[16];

    OK(socketpair(AF_UNIX, type, 0, s));
    OK(pipe(p));
    OK(fstat(p[0], &a));
    CHECK_EQ(give(s[0], "m", 1, p, 2, 0), 1);
    OK(close(p[0]));
    OK(close(p[1])); /* it lives in the queue */
    CHECK_EQ(take(s[1], buf, 16, got, 4, &n, &flags), 1);
    CHECK_EQ(n, 2);
    CHECK_EQ(flags & ~MSG_CMSG_CLOEXEC, 0);
    CHECK_EQ(fcntl(got[0], F_GETFD), FD_CLOEXEC);
    OK(fstat(got[0], &b));
    CHECK_EQ(a.st_ino, b.st_ino);
    CHECK_EQ(write(got[1], "through", 7), 7);
    CHECK_EQ(read(got[0], buf, 16), 7);
    CHECK_ERRNO(write(got[0], "x", 1), EBADF);
    OK(close(got[0]));
    OK(close(got[1]));

    /* Without room, they are closed. */
    OK(pipe(p));
    CHECK_EQ(give(s[0], "m", 1, &p[1], 1, 0), 1);
    OK(close(p[1]));
    flags = 0;
    CHECK_EQ(take(s[1], buf, 16, got, 0, &n, &flags), 1);
    CHECK_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
    CHECK_EQ(read(p[0], buf, 1), 0);
    OK(close(p[0]));

    OK(pipe(p));
    CHECK_EQ(give(s[0], "m", 1, p, 2, 0), 1);
    OK(close(p[1]));
    flags = 0;
    CHECK_EQ(take(s[1], buf, 16, got, 1, &n, &flags), 1);
    CHECK_EQ(n, 1);
    CHECK_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
    CHECK_EQ(read(p[0], buf, 1), 0);
    OK(close(got[0]));
    OK(close(p[0]));

    /* Read by a call that knows nothing of them. */
    OK(pipe(p));
    CHECK_EQ(give(s[0], "m", 1, &p[1], 1, 0), 1);
    OK(close(p[1]));
    CHECK_EQ(read(s[1], buf, 16), 1);
    CHECK_EQ(read(p[0], buf, 1), 0);
    /* Lost with the receiver. */
    OK(close(p[0]));
    OK(pipe(p));
    CHECK_EQ(give(s[0], "m", 1, &p[1], 1, 0), 1);
    OK(close(p[1]));
    OK(close(s[1]));
    CHECK_EQ(read(p[0], buf, 1), 0);
    OK(close(p[0]));
    OK(close(s[0]));
}

/* In a stream files mark a place: a read ends with the message that has some (unix(7)). */
static void stream_marks(void)
{
    int s[2], got[2], n, flags = 0, z = OK(open("/dev/zero", O_RDONLY));
    char buf[16];

    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(write(s[0], "ab", 2), 2);
    CHECK_EQ(give(s[0], "cd", 2, &z, 1, 0), 2);
    CHECK_EQ(write(s[0], "ef", 2), 2);
    CHECK_EQ(take(s[1], buf, 16, got, 2, &n, &flags), 4);
    CHECK_EQ(n, 1);
    OK(close(got[0]));
    CHECK_EQ(read(s[1], buf, 16), 2);
    /* They come with the first byte; a look leaves them there. */
    CHECK_EQ(give(s[0], "abc", 3, &z, 1, 0), 3);
    flags = MSG_PEEK;
    CHECK_EQ(take(s[1], buf, 1, got, 2, &n, &flags), 1);
    CHECK_EQ(n, 1);
    CHECK_EQ(read(got[0], buf, 4), 4);
    OK(close(got[0]));
    flags = 0;
    CHECK_EQ(take(s[1], buf, 1, got, 2, &n, &flags), 1);
    CHECK_EQ(n, 1);
    OK(close(got[0]));
    flags = 0;
    CHECK_EQ(take(s[1], buf, 16, got, 2, &n, &flags), 2);
    CHECK_EQ(n, 0);
    OK(close(s[0]));
    OK(close(s[1]));
    OK(close(z));
}

static void errors(void)
{
    struct {
        struct cmsghdr h;
        int fd[2];
    } c = { { CMSG_LEN(4), SOL_SOCKET, SCM_RIGHTS }, { 0, 0 } };
    struct iovec v = { "x", 1 };
    struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c,
                        .msg_controllen = sizeof(c) };
    int s[2], many[MOST + 1], n, flags = 0, path = OK(open("/", O_PATH)), ep = OK(epoll_create1(0));
    char buf[8];

    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    for (int i = 0; i <= MOST; i++)
        many[i] = s[0];
    CHECK_ERRNO(give(s[0], "x", 1, many, MOST + 1, 0), EINVAL);
    CHECK_EQ(give(s[0], "x", 1, many, MOST, 0), 1);
    CHECK_EQ(read(s[1], buf, 8), 1);
    many[0] = 999;
    CHECK_ERRNO(give(s[0], "x", 1, many, 1, 0), EBADF);
    c.h.cmsg_len = 3;
    CHECK_ERRNO(sendmsg(s[0], &h, 0), EINVAL);
    c.h.cmsg_len = sizeof(c) + 1;
    CHECK_ERRNO(sendmsg(s[0], &h, 0), EINVAL);
    c.h.cmsg_len = CMSG_LEN(4);
    c.h.cmsg_type = 99;
    CHECK_ERRNO(sendmsg(s[0], &h, 0), EINVAL);
    c.h.cmsg_level = 99; /* not for us */
    CHECK_EQ(sendmsg(s[0], &h, 0), 1);
    h.msg_control = (void *)8;
    CHECK_ERRNO(sendmsg(s[0], &h, 0), EFAULT);
    h.msg_control = NULL;
    h.msg_iovlen = 1025;
    CHECK_ERRNO(sendmsg(s[0], &h, 0), EMSGSIZE);
    CHECK_EQ(read(s[1], buf, 8), 1);
    /* Any descriptor can be passed. */
    many[0] = path;
    many[1] = ep;
    CHECK_EQ(give(s[0], "x", 1, many, 2, 0), 1);
    CHECK_EQ(take(s[1], buf, 8, many, 4, &n, &flags), 1);
    CHECK_EQ(n, 2);
    CHECK_ERRNO(read(many[0], buf, 1), EBADF);
    CHECK_EQ(epoll_wait(many[1], &(struct epoll_event){ 0 }, 1, 0), 0);
    for (int i = 0; i < 2; i++)
        OK(close(many[i]));
    OK(close(path));
    OK(close(ep));
    OK(close(s[0]));
    OK(close(s[1]));
}

static void limit_of_descriptors(void)
{
    struct rlimit rl = { 0, 0 }, old;
    int s[2], p[2], got[4], n, flags = 0;
    char buf[8];

    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    OK(pipe(p));
    CHECK_EQ(give(s[0], "x", 1, p, 2, 0), 1);
    OK(close(p[1]));
    OK(getrlimit(RLIMIT_NOFILE, &old));
    rl.rlim_max = old.rlim_max;
    rl.rlim_cur = (rlim_t)p[1]; /* none is free */
    OK(setrlimit(RLIMIT_NOFILE, &rl));
    CHECK_EQ(take(s[1], buf, 8, got, 4, &n, &flags), 1);
    OK(setrlimit(RLIMIT_NOFILE, &old));
    CHECK_EQ(n, 0);
    CHECK_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
    CHECK_EQ(read(p[0], buf, 1), 0); /* all are closed */
    OK(close(p[0]));
    OK(close(s[0]));
    OK(close(s[1]));
}

/* --- credentials ------------------------------------------------------------------------------ */

static ssize_t take_creds(int s, struct ucred *u, int *have)
{
    char control[CMSG_SPACE(sizeof(*u))], buf[16];
    struct iovec v = { buf, sizeof(buf) };
    struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                        .msg_controllen = sizeof(control) };
    ssize_t r = recvmsg(s, &h, 0);
    struct cmsghdr *c = r < 0 ? NULL : CMSG_FIRSTHDR(&h);

    *have = c && c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof(*u));
    if (*have)
        memcpy(u, CMSG_DATA(c), sizeof(*u));
    return r;
}

static ssize_t give_creds(int s, const struct ucred *u)
{
    char control[CMSG_SPACE(sizeof(*u))] = { 0 };
    struct iovec v = { "c", 1 };
    struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                        .msg_controllen = sizeof(control) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);

    *c = (struct cmsghdr){ CMSG_LEN(sizeof(*u)), SOL_SOCKET, SCM_CREDENTIALS };
    memcpy(CMSG_DATA(c), u, sizeof(*u));
    return sendmsg(s, &h, 0);
}

static void credentials(int type)
{
    int s[2], on = 1, have;
    struct ucred u, me = { getpid(), getuid(), getgid() };
    pid_t pid;

    OK(socketpair(AF_UNIX, type, 0, s));
    CHECK_EQ(write(s[0], "x", 1), 1);
    OK(take_creds(s[1], &u, &have));
    CHECK(!have);
    OK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    CHECK_EQ(write(s[0], "x", 1), 1);
    OK(take_creds(s[1], &u, &have));
    CHECK(have && u.pid == getpid() && u.uid == getuid() && u.gid == getgid());
    /* Two writers are never glued together. */
    pid = t_fork();
    if (pid == 0) {
        CHECK_EQ(write(s[0], "child", 5), 5);
        t_end(0);
    }
    t_join(pid);
    CHECK_EQ(write(s[0], "parent", 6), 6);
    CHECK_EQ(take_creds(s[1], &u, &have), 5);
    CHECK(have && u.pid == pid);
    CHECK_EQ(take_creds(s[1], &u, &have), 6);
    CHECK(have && u.pid == getpid());
    CHECK_EQ(give_creds(s[0], &me), 1);
    OK(take_creds(s[1], &u, &have));
    CHECK(have && !memcmp(&u, &me, sizeof(u)));
    pid = t_fork();
    if (pid == 0) {
        if (getuid() == 0)
            OK(setuid(1000));
        me = (struct ucred){ getpid(), getuid(), getgid() };
        CHECK_EQ(give_creds(s[0], &me), 1);
        me.uid++;
        CHECK_ERRNO(give_creds(s[0], &me), EPERM);
        me.uid--;
        me.pid = getppid();
        CHECK_ERRNO(give_creds(s[0], &me), EPERM);
        t_end(0);
    }
    t_join(pid);
    OK(close(s[0]));
    OK(close(s[1]));
}

/* --- cycles ----------------------------------------------------------------------------------- */

/*
 * Sockets that only their own queues refer to hold a pipe's end besides: its end of file tells that
 * they are gone. Linux looks for them when a unix socket is closed, by a worker.
 */
static void gone(int fd)
{
    struct pollfd p = { fd, POLLIN, 0 };
    int s[2];

    for (int i = 0; i < 100; i++) {
        OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
        OK(close(s[0]));
        OK(close(s[1]));
        OK(poll(&p, 1, 20));
        if (p.revents & POLLHUP)
            return;
    }
    CHECK(!"what nobody can reach is freed");
}

/* Two pairs, both ends of which are in the other's queues. Linux 6.18 does not find these. */
static void both_ends(void)
{
    int s[2], t[2], p[2];

    if (!t_in_sandbox())
        return;
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, t));
    OK(pipe(p));
    CHECK_EQ(give(s[0], "x", 1, (int[]){ t[0], t[1], p[1] }, 3, 0), 1);
    CHECK_EQ(give(t[0], "x", 1, s, 2, 0), 1);
    CHECK_EQ(give(t[1], "x", 1, s, 2, 0), 1);
    for (int i = 0; i < 2; i++) {
        OK(close(s[i]));
        OK(close(t[i]));
    }
    OK(close(p[1]));
    gone(p[0]);
    OK(close(p[0]));
}

static void cycles(void)
{
    int s[2], t[2], p[2], got[2], n, flags = 0;
    struct pollfd q;
    char c;

    /* In its own queue. */
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    OK(pipe(p));
    CHECK_EQ(give(s[1], "x", 1, (int[]){ s[0], p[1] }, 2, 0), 1);
    OK(close(p[1]));
    OK(close(s[0]));
    OK(close(s[1]));
    gone(p[0]);
    OK(close(p[0]));
    /* Two, each in the other's. */
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, t));
    OK(pipe(p));
    CHECK_EQ(give(s[0], "x", 1, (int[]){ t[1], p[1] }, 2, 0), 1);
    CHECK_EQ(give(t[0], "x", 1, &s[1], 1, 0), 1);
    OK(close(p[1]));
    for (int i = 0; i < 2; i++) {
        OK(close(s[i]));
        OK(close(t[i]));
    }
    gone(p[0]);
    OK(close(p[0]));
    both_ends();
    /* The same with one way to reach it left: nothing is lost. */
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, t));
    OK(pipe(p));
    CHECK_EQ(give(s[0], "x", 1, (int[]){ t[0], p[1] }, 2, 0), 1);
    CHECK_EQ(give(t[1], "x", 1, &s[1], 1, 0), 1); /* to t[0], which is in s[1]'s queue */
    OK(close(p[1]));
    OK(close(s[0]));
    OK(close(s[1]));
    OK(close(t[0]));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    OK(close(s[0]));
    OK(close(s[1]));
    q = (struct pollfd){ p[0], POLLIN, 0 };
    OK(poll(&q, 1, 50));
    /*
     * t[1] is open, but only t[0] could receive: so even this is out of reach, at the latest now.
     */
    OK(close(t[1]));
    gone(p[0]);
    OK(close(p[0]));
    /* Reachable by way of a socket under way. */
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, t));
    OK(pipe(p));
    CHECK_EQ(give(t[1], "x", 1, &p[1], 1, 0), 1);
    OK(close(p[1]));
    CHECK_EQ(give(s[0], "x", 1, &t[0], 1, 0), 1);
    OK(close(t[0]));
    OK(close(t[1]));
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, t));
    OK(close(t[0]));
    OK(close(t[1]));
    CHECK_EQ(take(s[1], &c, 1, got, 2, &n, &flags), 1);
    CHECK_EQ(n, 1);
    t[0] = got[0];
    flags = 0;
    CHECK_EQ(take(t[0], &c, 1, got, 2, &n, &flags), 1);
    CHECK_EQ(n, 1);
    CHECK_EQ(write(got[0], "!", 1), 1);
    CHECK_EQ(read(p[0], &c, 1), 1);
    OK(close(got[0]));
    OK(close(t[0]));
    OK(close(p[0]));
    OK(close(s[0]));
    OK(close(s[1]));
}

/* Each in the queue of the next: closed at once, however many there are. */
static void long_chain(void)
{
    int last[2], next[2], p[2];

    OK(pipe(p));
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, last));
    CHECK_EQ(give(last[0], "x", 1, &p[1], 1, 0), 1);
    OK(close(p[1]));
    for (int i = 0; i < 300; i++) {
        OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, next));
        CHECK_EQ(give(next[0], "x", 1, last, 2, 0), 1);
        OK(close(last[0]));
        OK(close(last[1]));
        last[0] = next[0];
        last[1] = next[1];
    }
    OK(close(last[0]));
    OK(close(last[1]));
    gone(p[0]);
    OK(close(p[0]));
}

static void too_many(void)
{
    pid_t pid = t_fork();

    if (pid == 0) {
        struct rlimit rl = { 64, 64 };
        int s[2], fd[60], r = 0;

        if (getuid() == 0)
            OK(setuid(1000));
        OK(setrlimit(RLIMIT_NOFILE, &rl));
        OK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s));
        for (int i = 0; i < 60; i++)
            fd[i] = s[0];
        for (int i = 0; i < 10 && r >= 0; i++)
            r = (int)give(s[0], "x", 1, fd, 60, 0);
        CHECK_EQ(r, -1);
        CHECK_EQ(errno, ETOOMANYREFS);
        t_end(0);
    }
    t_join(pid);
}

int main(void)
{
    pass_and_use(SOCK_STREAM);
    pass_and_use(SOCK_DGRAM);
    pass_and_use(SOCK_SEQPACKET);
    stream_marks();
    errors();
    limit_of_descriptors();
    credentials(SOCK_STREAM);
    credentials(SOCK_DGRAM);
    cycles();
    long_chain();
    too_many();
    return 0;
}
