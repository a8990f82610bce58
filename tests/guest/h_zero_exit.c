/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the script: h_zero_exit KIND N does N rounds of something that must not leave the machine.
 * Run with N and with 2 N, the counters of the VMM must not differ.
 */
#include "t.h"

#include <fcntl.h>
#include <sys/syscall.h>

static int fd, p[2], q[2];
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

int main(int argc, char **argv)
{
    void (*round)(void) = do_getpid;
    pid_t pid = 0;
    long n;

    CHECK_EQ(argc, 3);
    n = atol(argv[2]);
    if (!strcmp(argv[1], "zero")) {
        fd = OK(open("/dev/zero", O_RDONLY));
        round = do_zero;
    } else if (!strcmp(argv[1], "pread")) {
        fd = OK(open(argv[0], O_RDONLY));
        round = do_pread;
    } else if (!strcmp(argv[1], "pipe")) {
        OK(pipe(p));
        round = do_pipe;
    } else if (!strcmp(argv[1], "pipes")) {
        OK(pipe(p));
        OK(pipe(q));
        pid = t_fork();
        if (pid == 0) {
            OK(close(p[1]));
            while (OK(read(p[0], buf, 1)))
                CHECK_EQ(write(q[1], buf, 1), 1);
            t_end(0);
        }
        round = do_pipes;
    } else {
        CHECK(!strcmp(argv[1], "getpid"));
    }
    for (int i = 0; i < 1000; i++) /* warm-up */
        round();
    for (long i = 0; i < n; i++)
        round();
    if (pid) {
        OK(close(p[1]));
        t_join(pid);
    }
    return 0;
}
