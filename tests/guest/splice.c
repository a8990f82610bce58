/* SPDX-License-Identifier: Apache-2.0 */
/* splice(2), tee(2), vmsplice(2). */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define BIG (1 << 20)

static char big[BIG], buf[BIG];

static void put_text(int fd, const char *s)
{
    CHECK_EQ(write(fd, s, strlen(s)), strlen(s));
}

static void expect(int fd, const char *s)
{
    CHECK_EQ(read(fd, buf, sizeof(buf)), strlen(s));
    CHECK(!memcmp(buf, s, strlen(s)));
}

static void close_both(const int *p)
{
    close(p[0]);
    close(p[1]);
}

static void errors(void)
{
    int p[2], q[2], file, ro, ap, ev, dir;
    loff_t off = 0, negative = -1;

    OK(pipe(p));
    OK(pipe(q));
    file = (int)OK(open("f", O_RDWR | O_CREAT | O_TRUNC, 0600));
    ro = (int)OK(open("f", O_RDONLY));
    ap = (int)OK(open("f", O_RDWR | O_APPEND));
    dir = (int)OK(open(".", O_RDONLY));
    ev = (int)OK(eventfd(0, 0));
    put_text(file, "contents");
    CHECK_EQ(splice(p[0], NULL, q[1], NULL, 0, 0), 0);
    CHECK_ERRNO(splice(p[0], NULL, q[1], NULL, 1, 0x80), EINVAL);
    CHECK_ERRNO(splice(file, NULL, file, NULL, 1, 0), EINVAL); /* no pipe */
    CHECK_ERRNO(splice(p[0], NULL, p[1], NULL, 1, 0), EINVAL); /* the same one */
    CHECK_ERRNO(splice(p[0], &off, file, NULL, 1, 0), ESPIPE);
    CHECK_ERRNO(splice(file, NULL, p[1], &off, 1, 0), ESPIPE);
    CHECK_ERRNO(splice(p[1], NULL, file, NULL, 1, 0), EBADF);
    CHECK_ERRNO(splice(file, NULL, p[0], NULL, 1, 0), EBADF);
    CHECK_ERRNO(splice(p[0], NULL, ro, NULL, 1, 0), EBADF);
    CHECK_ERRNO(splice(-1, NULL, p[1], NULL, 1, 0), EBADF);
    CHECK_ERRNO(splice(p[0], NULL, file, NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_ERRNO(splice(p[0], NULL, q[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_ERRNO(splice(file, &negative, p[1], NULL, 1, 0), EINVAL);
    CHECK_ERRNO(splice(file, (loff_t *)8, p[1], NULL, 1, 0), EFAULT);
    CHECK_ERRNO(splice(dir, NULL, p[1], NULL, 1, 0), EINVAL);
    CHECK_ERRNO(splice(ev, NULL, p[1], NULL, 8, 0), EINVAL);
    put_text(p[1], "12345678");
    CHECK_ERRNO(splice(p[0], NULL, ev, NULL, 8, 0), EINVAL);
    CHECK_ERRNO(splice(p[0], NULL, ap, NULL, 8, 0), EINVAL);
    CHECK_ERRNO(splice(p[0], NULL, file, &negative, 8, 0), EINVAL);
    expect(p[0], "12345678"); /* nothing of it is lost */

    CHECK_ERRNO(tee(p[0], q[1], 1, 0x80), EINVAL);
    CHECK_EQ(tee(p[0], q[1], 0, 0), 0);
    CHECK_ERRNO(tee(p[0], p[1], 1, 0), EINVAL);
    CHECK_ERRNO(tee(file, q[1], 1, 0), EINVAL);
    CHECK_ERRNO(tee(p[1], q[1], 1, 0), EBADF);
    CHECK_ERRNO(tee(p[0], q[1], 1, SPLICE_F_NONBLOCK), EAGAIN);

    CHECK_ERRNO(vmsplice(p[1], &(struct iovec){ big, 1 }, 1, 0x80), EINVAL);
    CHECK_ERRNO(vmsplice(p[1], (void *)8, 1, 0), EFAULT);
    CHECK_ERRNO(vmsplice(p[1], &(struct iovec){ big, 1 }, 2000, 0), EINVAL);
    CHECK_ERRNO(vmsplice(file, &(struct iovec){ big, 1 }, 1, 0), EBADF);
    CHECK_ERRNO(vmsplice(-1, &(struct iovec){ big, 1 }, 1, 0), EBADF);
    CHECK_EQ(vmsplice(p[1], NULL, 0, 0), 0);
    CHECK_ERRNO(vmsplice(p[0], &(struct iovec){ big, 1 }, 1, SPLICE_F_NONBLOCK), EAGAIN);
    OK(close(file));
    OK(close(ro));
    OK(close(ap));
    OK(close(ev));
    OK(close(dir));
    close_both(p);
    close_both(q);
}

static void files_and_positions(void)
{
    int p[2], file = (int)OK(open("f", O_RDWR | O_CREAT | O_TRUNC, 0600));
    loff_t off = 3;

    OK(pipe(p));
    put_text(file, "0123456789");
    OK(lseek(file, 1, SEEK_SET));
    CHECK_EQ(splice(file, NULL, p[1], NULL, 2, 0), 2);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 3);
    CHECK_EQ(splice(file, &off, p[1], NULL, 100, 0), 7);
    CHECK_EQ(off, 10);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 3);
    CHECK_EQ(splice(file, &off, p[1], NULL, 100, 0), 0); /* the end */
    expect(p[0], "123456789");
    put_text(p[1], "abcdef");
    off = 20;
    CHECK_EQ(splice(p[0], NULL, file, &off, 2, 0), 2);
    CHECK_EQ(off, 22);
    CHECK_EQ(splice(p[0], NULL, file, NULL, 100, 0), 4);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 7);
    CHECK_EQ(pread(file, buf, 100, 0), 22);
    CHECK(!memcmp(buf, "012cdef789\0\0\0\0\0\0\0\0\0\0ab", 22));
    OK(close(p[1]));
    CHECK_EQ(splice(p[0], NULL, file, NULL, 1, 0), 0); /* nobody will write */
    OK(close(p[0]));
    OK(close(file));
}

/* A file through two pipes and a socket into another file. */
static void a_long_way(void)
{
    int p[2], q[2], s[2], from, to;
    pid_t a, b, c;
    ssize_t n;

    from = (int)OK(open("from", O_RDWR | O_CREAT | O_TRUNC, 0600));
    to = (int)OK(open("to", O_RDWR | O_CREAT | O_TRUNC, 0600));
    for (int i = 0; i < BIG; i++)
        big[i] = (char)(i * 11 + (i >> 12));
    CHECK_EQ(write(from, big, BIG), BIG);
    OK(lseek(from, 0, SEEK_SET));
    OK(pipe(p));
    OK(pipe(q));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    a = t_fork();
    if (a == 0) {
        while ((n = OK(splice(from, NULL, p[1], NULL, 50000, 0))))
            ;
        t_end(0);
    }
    b = t_fork();
    if (b == 0) {
        OK(close(p[1]));
        while ((n = OK(splice(p[0], NULL, q[1], NULL, 12345, SPLICE_F_MOVE))))
            ;
        t_end(0);
    }
    c = t_fork();
    if (c == 0) {
        OK(close(p[1]));
        OK(close(q[1]));
        OK(close(s[1]));
        while ((n = OK(splice(q[0], NULL, s[0], NULL, 1 << 20, SPLICE_F_MORE))))
            ;
        t_end(0);
    }
    close_both(p);
    close_both(q);
    OK(close(s[0]));
    OK(pipe(p));
    for (int done = 0; done < BIG;) {
        n = OK(splice(s[1], NULL, p[1], NULL, 100000, 0));
        CHECK(n > 0);
        for (ssize_t out = 0; out < n;)
            out += OK(splice(p[0], NULL, to, NULL, (size_t)(n - out), 0));
        done += (int)n;
    }
    CHECK_EQ(splice(s[1], NULL, p[1], NULL, 1, 0), 0);
    t_join(a);
    t_join(b);
    t_join(c);
    CHECK_EQ(pread(to, buf, BIG, 0), BIG);
    CHECK(!memcmp(buf, big, BIG));
    CHECK_EQ(pread(to, buf, 1, BIG), 0);
    close_both(p);
    OK(close(s[1]));
    OK(close(from));
    OK(close(to));
}

static void tees(void)
{
    int p[2], q[2];

    OK(pipe(p));
    OK(pipe(q));
    put_text(p[1], "to both");
    CHECK_EQ(tee(p[0], q[1], 100, 0), 7);
    CHECK_EQ(tee(p[0], q[1], 2, 0), 2);
    expect(q[0], "to bothto");
    expect(p[0], "to both");
    /* Over the end of the ring of pages. */
    for (int i = 0; i < 40; i++) {
        CHECK_EQ(write(p[1], big, 3000), 3000);
        CHECK_EQ(write(p[1], big + 3000, 3000), 3000);
        CHECK_EQ(tee(p[0], q[1], BIG, 0), 6000);
        CHECK_EQ(read(q[0], buf, BIG), 6000);
        CHECK(!memcmp(buf, big, 6000));
        CHECK_EQ(splice(p[0], NULL, q[1], NULL, 5000, 0), 5000);
        CHECK_EQ(read(p[0], buf + 5000, 2000), 1000);
        CHECK_EQ(read(q[0], buf, 5000), 5000);
        CHECK(!memcmp(buf, big, 6000));
    }
    OK(close(p[1]));
    CHECK_EQ(tee(p[0], q[1], 1, 0), 0);
    OK(close(p[0]));
    close_both(q);
}

static void memory(void)
{
    struct iovec v[3] = { { big, 10 }, { NULL, 0 }, { big + 10, 70000 } };
    int p[2];
    ssize_t n;

    OK(pipe(p));
    CHECK_EQ(vmsplice(p[1], v, 2, 0), 10);
    CHECK_EQ(read(p[0], buf, 100), 10);
    n = OK(vmsplice(p[1], v, 3, 0)); /* as much as there is room */
    CHECK(n > 50000 && n <= 65536);
    memset(buf, 0, BIG);
    v[0] = (struct iovec){ buf, 100 };
    v[2] = (struct iovec){ buf + 100, 100000 };
    CHECK_EQ(vmsplice(p[0], v, 3, 0), n);
    CHECK(!memcmp(buf, big, (size_t)n));
    CHECK_ERRNO(vmsplice(p[0], v, 3, SPLICE_F_NONBLOCK), EAGAIN);
    OK(close(p[1]));
    CHECK_EQ(vmsplice(p[0], v, 3, 0), 0);
    OK(close(p[0]));
}

static volatile sig_atomic_t pipes_broken;

static void on_pipe(int sig)
{
    (void)sig;
    pipes_broken++;
}

static void broken(void)
{
    int p[2], q[2], file = (int)OK(open("f", O_RDWR | O_CREAT | O_TRUNC, 0600)), s[2];

    signal(SIGPIPE, on_pipe);
    put_text(file, "x");
    OK(lseek(file, 0, SEEK_SET));
    OK(pipe(p));
    OK(pipe(q));
    OK(close(q[0]));
    put_text(p[1], "rest");
    CHECK_ERRNO(splice(file, NULL, q[1], NULL, 1, 0), EPIPE);
    CHECK_ERRNO(splice(p[0], NULL, q[1], NULL, 1, 0), EPIPE);
    CHECK_ERRNO(tee(p[0], q[1], 1, 0), EPIPE);
    CHECK_ERRNO(vmsplice(q[1], &(struct iovec){ big, 1 }, 1, 0), EPIPE);
    CHECK_EQ(pipes_broken, 4);
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    OK(close(s[1]));
    CHECK_ERRNO(splice(p[0], NULL, s[0], NULL, 1, 0), EPIPE);
    expect(p[0], "rest");
    signal(SIGPIPE, SIG_DFL);
    OK(close(s[0]));
    OK(close(q[1]));
    OK(close(file));
    close_both(p);
}

static void on_alarm(int sig)
{
    (void)sig;
}

static void blocking(void)
{
    struct sigaction act = { .sa_handler = on_alarm };
    int p[2], s[2], file = (int)OK(open("f", O_RDWR | O_CREAT | O_TRUNC, 0600));
    ssize_t n;
    pid_t pid;

    OK(pipe(p));
    OK(sigaction(SIGALRM, &act, NULL));
    alarm(1);
    CHECK_ERRNO(splice(p[0], NULL, file, NULL, 1, 0), EINTR);
    OK(fcntl(p[0], F_SETFL, O_NONBLOCK));
    CHECK_ERRNO(splice(p[0], NULL, file, NULL, 1, 0), EAGAIN);
    OK(fcntl(p[0], F_SETFL, 0));
    pid = t_fork();
    if (pid == 0) {
        t_sleep_ms(30);
        put_text(p[1], "late");
        t_end(0);
    }
    CHECK_EQ(splice(p[0], NULL, file, NULL, 100, 0), 4);
    t_join(pid);

    /* While a splice into a full socket waits, Linux keeps the pipe locked; ours can be written. */
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    OK(fcntl(s[0], F_SETFL, O_NONBLOCK));
    while (write(s[0], big, 4096) > 0)
        ;
    OK(fcntl(s[0], F_SETFL, 0));
    CHECK_EQ(write(p[1], big, 5000), 5000);
    pid = t_fork();
    if (pid == 0) {
        CHECK_EQ(splice(p[0], NULL, s[0], NULL, 5000, 0), 5000);
        t_end(0);
    }
    t_sleep_ms(30);
    if (t_in_sandbox())
        CHECK_EQ(write(p[1], big + 5000, 3000), 3000);
    OK(close(s[0]));
    while ((n = OK(read(s[1], buf, BIG))))
        ;
    t_join(pid);
    if (t_in_sandbox()) {
        CHECK_EQ(read(p[0], buf, BIG), 3000);
        CHECK(!memcmp(buf, big + 5000, 3000));
    }
    OK(close(s[1]));
    OK(close(file));
    close_both(p);
}

int main(void)
{
    t_scratch();
    errors();
    files_and_positions();
    a_long_way();
    tees();
    memory();
    broken();
    blocking();
    return 0;
}
