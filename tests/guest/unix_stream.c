/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of unix sockets: connections, end of file, buffers, MSG_PEEK and MSG_WAITALL, time-outs.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

static void pair(int s[2], int flags)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM | flags, 0, s));
}

static void close_pair(int s[2])
{
    OK(close(s[0]));
    OK(close(s[1]));
}

static void both_ways(void)
{
    struct iovec out[2] = { { "ab", 2 }, { "cde", 3 } }, in[2];
    char a[3] = { 0 }, b[8] = { 0 };
    struct stat st;
    int s[2], n;

    pair(s, SOCK_CLOEXEC);
    CHECK_EQ(fcntl(s[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(s[1], F_GETFL), O_RDWR);
    OK(fstat(s[0], &st));
    CHECK(S_ISSOCK(st.st_mode));
    CHECK_EQ(writev(s[0], out, 2), 5);
    OK(ioctl(s[1], FIONREAD, &n));
    CHECK_EQ(n, 5);
    in[0] = (struct iovec){ a, 3 };
    in[1] = (struct iovec){ b, 8 };
    CHECK_EQ(readv(s[1], in, 2), 5);
    CHECK(!memcmp(a, "abc", 3) && !memcmp(b, "de", 2));
    CHECK_EQ(send(s[1], "back", 4, 0), 4);
    CHECK_EQ(recv(s[0], b, 2, 0), 2);
    CHECK_EQ(recv(s[0], b + 2, 6, 0), 2);
    CHECK(!memcmp(b, "back", 4));
    CHECK_EQ(write(s[0], "", 0), 0);
    CHECK_EQ(read(s[0], b, 0), 0);
    CHECK_ERRNO(lseek(s[0], 0, SEEK_CUR), ESPIPE);
    CHECK_ERRNO(pread(s[0], b, 1, 0), ESPIPE);
    close_pair(s);
}

/* Writes of any size come out in order, through reads of other sizes. */
static void order(void)
{
    static unsigned char buf[100000];
    size_t sent = 0, got = 0, total = 1500000;
    unsigned step = 1;
    pid_t pid;
    int s[2];

    pair(s, 0);
    pid = t_fork();
    if (pid == 0) {
        OK(close(s[0]));
        while (sent < total) {
            size_t n = step * 7919 % 70000 + 1;

            n = n < total - sent ? n : total - sent;
            for (size_t i = 0; i < n; i++)
                buf[i] = (unsigned char)((sent + i) * 31 >> 3);
            CHECK_EQ(write(s[1], buf, n), (ssize_t)n);
            sent += n;
            step++;
        }
        t_end(0);
    }
    OK(close(s[1]));
    while (got < total) {
        ssize_t n = OK(read(s[0], buf, step * 104729 % 90000 + 1));

        CHECK(n > 0);
        for (ssize_t i = 0; i < n; i++)
            CHECK_EQ(buf[i], (unsigned char)((got + (size_t)i) * 31 >> 3));
        got += (size_t)n;
        step++;
    }
    CHECK_EQ(read(s[0], buf, 1), 0);
    OK(close(s[0]));
    t_join(pid);
}

static void peek_and_waitall(void)
{
    char buf[16];
    pid_t pid;
    int s[2];

    pair(s, 0);
    CHECK_EQ(write(s[0], "abc", 3), 3);
    CHECK_EQ(write(s[0], "def", 3), 3);
    CHECK_EQ(recv(s[1], buf, 4, MSG_PEEK), 4);
    CHECK_EQ(recv(s[1], buf, 16, MSG_PEEK | MSG_WAITALL), 6);
    CHECK(!memcmp(buf, "abcdef", 6));
    CHECK_EQ(recv(s[1], buf, 16, MSG_DONTWAIT | MSG_WAITALL), 6);
    CHECK_ERRNO(recv(s[1], buf, 16, MSG_DONTWAIT | MSG_PEEK), EAGAIN);
    pid = t_fork();
    if (pid == 0) {
        for (int i = 0; i < 5; i++) {
            CHECK_EQ(write(s[0], "xy", 2), 2);
            t_sleep_ms(5);
        }
        t_end(0);
    }
    CHECK_EQ(recv(s[1], buf, 10, MSG_WAITALL), 10);
    t_join(pid);
    close_pair(s);
}

static void low_water(void)
{
    int s[2], n = 4;
    char buf[16];
    pid_t pid;

    pair(s, 0);
    OK(setsockopt(s[1], SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n)));
    pid = t_fork();
    if (pid == 0) {
        CHECK_EQ(write(s[0], "ab", 2), 2);
        t_sleep_ms(20);
        CHECK_EQ(write(s[0], "cd", 2), 2);
        t_end(0);
    }
    CHECK_EQ(read(s[1], buf, 16), 4);
    t_join(pid);
    close_pair(s);
}

/* What fits in the buffers is bounded, and a reader makes room. */
static void backpressure(void)
{
    static char chunk[4096];
    int s[2], small = 1, n, left;
    socklen_t len = sizeof(n);
    long total = 0, before;

    pair(s, SOCK_NONBLOCK);
    while (write(s[0], chunk, sizeof(chunk)) > 0)
        total += (long)sizeof(chunk);
    CHECK_EQ(errno, EAGAIN);
    CHECK(total >= 100000 && total <= 400000);
    OK(ioctl(s[0], TIOCOUTQ, &n));
    CHECK(n > 0);
    OK(ioctl(s[1], FIONREAD, &left));
    CHECK(left >= total);
    while (read(s[1], chunk, sizeof(chunk)) > 0)
        ;
    CHECK_EQ(errno, EAGAIN);
    OK(ioctl(s[0], TIOCOUTQ, &n));
    CHECK_EQ(n, 0);
    before = total;
    OK(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
    OK(getsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &n, &len));
    CHECK_EQ(n, 4608);
    for (total = 0; write(s[0], chunk, 512) > 0;)
        total += 512;
    CHECK(total > 0 && total < before / 4);
    close_pair(s);
}

static void end_of_file(void)
{
    char buf[8];
    int s[2];

    pair(s, 0);
    CHECK_EQ(write(s[0], "last", 4), 4);
    OK(close(s[0]));
    CHECK_EQ(read(s[1], buf, 8), 4);
    CHECK_EQ(read(s[1], buf, 8), 0);
    OK(close(s[1]));

    pair(s, 0);
    OK(shutdown(s[0], SHUT_WR));
    CHECK_EQ(read(s[1], buf, 8), 0);
    CHECK_EQ(write(s[1], "still", 5), 5);
    CHECK_EQ(read(s[0], buf, 8), 5);
    close_pair(s);
}

static void wait_for_end(void *fd)
{
    char c;

    CHECK_EQ(read(*(int *)fd, &c, 1), 0);
}

static void *wait_thread(void *fd)
{
    wait_for_end(fd);
    return NULL;
}

/* Whoever waits is woken by the other thread's shutdown. */
static void shutdown_wakes(void)
{
    pthread_t t;
    int s[2];

    pair(s, 0);
    CHECK_EQ(pthread_create(&t, NULL, wait_thread, &s[0]), 0);
    t_sleep_ms(20);
    OK(shutdown(s[0], SHUT_RD));
    CHECK_EQ(pthread_join(t, NULL), 0);
    close_pair(s);
}

static void timeouts(void)
{
    struct timeval tv = { 0, 50000 }, back;
    static char chunk[65536];
    socklen_t len = sizeof(back);
    int64_t start;
    int s[2];

    pair(s, 0);
    OK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
    OK(setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
    OK(getsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &back, &len));
    CHECK(len == sizeof(back) && back.tv_sec == 0 && back.tv_usec >= 50000 && back.tv_usec < 60000);
    start = t_now_ns();
    CHECK_ERRNO(read(s[0], chunk, 1), EAGAIN);
    CHECK(t_now_ns() - start >= 45000000);
    while (write(s[0], chunk, sizeof(chunk)) == (ssize_t)sizeof(chunk))
        ;
    CHECK_ERRNO(write(s[0], chunk, sizeof(chunk)), EAGAIN);
    tv.tv_usec = 1000000;
    CHECK_ERRNO(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), EDOM);
    close_pair(s);
}

static void connections(void)
{
    struct sockaddr_un a = { AF_UNIX, "" }, peer;
    socklen_t len = offsetof(struct sockaddr_un, sun_path) + 12, n;
    int l = OK(socket(AF_UNIX, SOCK_STREAM, 0)), c[3], on;
    struct ucred cred;
    pid_t pid;
    char buf[8];

    snprintf(a.sun_path + 1, 12, "rvt%08d", getpid());
    OK(bind(l, (void *)&a, len));
    OK(listen(l, 1));
    n = sizeof(on);
    OK(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &on, &n));
    CHECK_EQ(on, 1);
    /* Data can be sent before it is accepted; the backlog, and one more, may wait. */
    for (int i = 0; i < 2; i++) {
        c[i] = OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
        OK(connect(c[i], (void *)&a, len));
        CHECK_EQ(send(c[i], i ? "second" : "first", 6, 0), 6);
    }
    c[2] = OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    CHECK_ERRNO(connect(c[2], (void *)&a, len), EAGAIN);
    OK(fcntl(c[2], F_SETFL, 0));
    pid = t_fork();
    if (pid == 0) {
        OK(connect(c[2], (void *)&a, len)); /* waits for the first accept */
        CHECK_EQ(write(c[2], "third", 6), 6);
        t_end(0);
    }
    t_sleep_ms(20);
    for (int i = 0; i < 3; i++) {
        int s = OK(accept4(l, (void *)&peer, (n = sizeof(peer), &n), SOCK_CLOEXEC));

        CHECK_EQ(n, sizeof(sa_family_t));
        CHECK_EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
        CHECK_EQ(read(s, buf, 8), 6);
        CHECK_EQ(buf[0], i == 0 ? 'f' : i == 1 ? 's' : 't');
        n = sizeof(cred);
        OK(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &n));
        CHECK_EQ(cred.pid, i == 2 ? pid : getpid());
        CHECK_EQ(cred.uid, geteuid());
        n = sizeof(peer);
        OK(getsockname(s, (void *)&peer, &n));
        CHECK(n == len && !memcmp(&peer, &a, len));
        OK(close(s));
    }
    n = sizeof(peer);
    OK(getpeername(c[0], (void *)&peer, &n));
    CHECK(n == len && !memcmp(&peer, &a, len));
    n = sizeof(cred);
    OK(getsockopt(c[0], SOL_SOCKET, SO_PEERCRED, &cred, &n));
    CHECK_EQ(cred.pid, getpid());
    t_join(pid);
    /* Those who wait when the listener is closed. */
    OK(close(c[2]));
    c[2] = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(connect(c[2], (void *)&a, len));
    OK(close(l));
    CHECK_ERRNO(read(c[2], buf, 1), ECONNRESET);
    CHECK_EQ(read(c[2], buf, 1), 0);
    for (int i = 0; i < 3; i++)
        OK(close(c[i]));
}

static void send_file(void)
{
    char buf[64];
    int s[2], fd;

    t_scratch();
    fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    CHECK_EQ(write(fd, "contents of a file", 18), 18);
    OK(lseek(fd, 0, SEEK_SET));
    pair(s, 0);
    CHECK_EQ(sendfile(s[0], fd, NULL, 100), 18);
    CHECK_EQ(read(s[1], buf, sizeof(buf)), 18);
    CHECK(!memcmp(buf, "contents", 8));
    close_pair(s);
}

static void on_alarm(int sig)
{
    (void)sig;
}

static void interrupted(void)
{
    struct sigaction sa = { .sa_handler = on_alarm };
    struct itimerval it = { { 0, 0 }, { 0, 30000 } };
    struct timeval tv = { 10, 0 };
    char c;
    int s[2];

    pair(s, 0);
    OK(sigaction(SIGALRM, &sa, NULL));
    OK(setitimer(ITIMER_REAL, &it, NULL));
    CHECK_ERRNO(read(s[0], &c, 1), EINTR);
    /* signal(7): with a time-out, not even SA_RESTART goes on. */
    sa.sa_flags = SA_RESTART;
    OK(sigaction(SIGALRM, &sa, NULL));
    OK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
    OK(setitimer(ITIMER_REAL, &it, NULL));
    CHECK_ERRNO(read(s[0], &c, 1), EINTR);
    close_pair(s);
}

int main(void)
{
    both_ways();
    order();
    peek_and_waitall();
    low_water();
    backpressure();
    end_of_file();
    shutdown_wakes();
    timeouts();
    connections();
    send_file();
    interrupted();
    return 0;
}
