/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the script: h_zero_exit KIND N does N rounds of something that must not leave the machine.
 * Run with N and with 2 N, the counters of the VMM must not differ.
 */
#include "t.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int fd, p[2], q[2];
static pid_t child;
static char buf[64];

static void do_getpid(void)
{
    syscall(SYS_getpid);
}

static void do_zero(void)
{
    CHECK_EQ(read(fd, buf, 1), 1);
}

static void do_pread(void)
{
    CHECK_EQ(pread(fd, buf, sizeof(buf), 100), (ssize_t)sizeof(buf));
}

static void do_pipe(void)
{
    CHECK_EQ(write(p[1], buf, 1), 1);
    CHECK_EQ(read(p[0], buf, 1), 1);
}

/* To another process and back. */
static void do_pipes(void)
{
    CHECK_EQ(write(p[1], buf, 1), 1);
    CHECK_EQ(read(q[0], buf, 1), 1);
}

static void do_socketpair(void)
{
    CHECK_EQ(write(p[0], buf, 1), 1);
    CHECK_EQ(read(p[0], buf, 1), 1);
}

static void do_datagram(void)
{
    CHECK_EQ(send(p[0], buf, sizeof(buf), 0), (ssize_t)sizeof(buf));
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), (ssize_t)sizeof(buf));
}

static void begin_zero(void)
{
    fd = (int)OK(open("/dev/zero", O_RDONLY));
}

static void begin_pread(void)
{
    fd = (int)OK(open("/t/h_end", O_RDONLY));
}

static void begin_pipe(void)
{
    OK(pipe(p));
}

static void begin_pipes(void)
{
    OK(pipe(p));
    OK(pipe(q));
    child = t_fork();
    if (child == 0) {
        OK(close(p[1]));
        while (OK(read(p[0], buf, 1)))
            CHECK_EQ(write(q[1], buf, 1), 1);
        t_end(0);
    }
}

static void end_pipes(void)
{
    OK(close(p[1]));
    t_join(child);
}

static void begin_socketpair(void)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    child = t_fork();
    if (child == 0) {
        OK(close(p[0]));
        while (OK(read(p[1], buf, 1)))
            CHECK_EQ(write(p[1], buf, 1), 1);
        t_end(0);
    }
}

static void end_socketpair(void)
{
    OK(close(p[0]));
    t_join(child);
}

static void begin_datagram(void)
{
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
}

static const char *path;
static pthread_t thread;

/* Make, write and remove a file. */
static void do_create(void)
{
    int f = OK(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));

    CHECK_EQ(write(f, buf, sizeof(buf)), (ssize_t)sizeof(buf));
    OK(close(f));
    OK(unlink(path));
}

static void do_open(void)
{
    OK(close((int)OK(open(path, O_RDONLY))));
}

static void do_stat(void)
{
    struct stat st;

    OK(stat(path, &st));
    CHECK_ERRNO(stat("/t/no such file", &st), ENOENT);
}

static void do_clock(void)
{
    struct timespec ts;

    OK(clock_gettime(CLOCK_MONOTONIC, &ts));
    OK(syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts));
}

static void do_fork(void)
{
    pid_t pid = (pid_t)OK(fork());

    if (pid == 0)
        _exit(0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void on_signal(int sig)
{
    (void)sig;
}

static void do_signal(void)
{
    OK(raise(SIGUSR1));
}

/* The word that two threads hand to each other: 0 main's turn, 1 the other's, 2 the end. */
static _Atomic uint32_t turn;

static void set_turn(uint32_t value)
{
    turn = value;
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void wait_while(uint32_t value)
{
    while (turn == value)
        syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void *other_thread(void *arg)
{
    for (;;) {
        wait_while(0);
        if (turn == 2)
            return arg;
        set_turn(0);
    }
}

static void do_futex(void)
{
    set_turn(1);
    wait_while(1);
}

static void begin_futex(void)
{
    CHECK_EQ(pthread_create(&thread, NULL, other_thread, NULL), 0);
}

static void end_futex(void)
{
    set_turn(2);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void begin_signal(void)
{
    CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
}

static void in_tmp(void)
{
    path = "/tmp/rv-zero-exit";
}

static void in_root(void)
{
    path = "/root/rv-zero-exit";
    mkdir("/root", 0700);
}

static void on_file(void)
{
    path = "/t/h_end";
}

static const struct {
    const char *name;
    void (*begin)(void), (*round)(void), (*end)(void);
} cases[] = {
    { "getpid", NULL, do_getpid, NULL },     { "zero", begin_zero, do_zero, NULL },
    { "pread", begin_pread, do_pread, NULL }, { "pipe", begin_pipe, do_pipe, NULL },
    { "pipes", begin_pipes, do_pipes, end_pipes }, { "create_tmp", in_tmp, do_create, NULL },
    { "create_root", in_root, do_create, NULL }, { "open", on_file, do_open, NULL },
    { "stat", on_file, do_stat, NULL },      { "clock", NULL, do_clock, NULL },
    { "futex", begin_futex, do_futex, end_futex }, { "fork", NULL, do_fork, NULL },
    { "signal", begin_signal, do_signal, NULL },
    { "socketpair", begin_socketpair, do_socketpair, end_socketpair },
    { "datagram", begin_datagram, do_datagram, NULL },
};

int main(int argc, char **argv)
{
    long n;

    CHECK_EQ(argc, 3);
    n = atol(argv[2]);
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        if (strcmp(argv[1], cases[c].name))
            continue;
        if (cases[c].begin)
            cases[c].begin();
        for (int i = 0; i < 200; i++) /* warm-up */
            cases[c].round();
        for (long i = 0; i < n; i++)
            cases[c].round();
        if (cases[c].end)
            cases[c].end();
        return 0;
    }
    t_fail(__FILE__, __LINE__, "there is such a case", 0);
}
