/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes: blocking, end of file, SIGPIPE, O_NONBLOCK, capacity, and writes that stay whole. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static void blocking(void)
{
    int p[2];
    char buf[8];
    pid_t pid;

    OK(pipe(p));
    pid = t_fork();
    if (pid == 0) {
        OK(close(p[0]));
        t_sleep_ms(50);
        CHECK_EQ(write(p[1], "late", 4), 4);
        t_end(0);
    }
    OK(close(p[1]));
    CHECK_EQ(read(p[0], buf, sizeof(buf)), 4); /* waits for the writer */
    CHECK_EQ(read(p[0], buf, sizeof(buf)), 0); /* until the last writer is gone */
    OK(close(p[0]));
    t_join(pid);
}

static void full_pipe_blocks(void)
{
    static char chunk[65536];
    int p[2], n = 0;
    ssize_t r;
    pid_t pid;

    OK(pipe(p));
    pid = t_fork();
    if (pid == 0) {
        OK(close(p[0]));
        for (int i = 0; i < 4; i++)
            CHECK_EQ(write(p[1], chunk, sizeof(chunk)), (ssize_t)sizeof(chunk));
        t_end(0);
    }
    OK(close(p[1]));
    t_sleep_ms(30);
    while ((r = OK(read(p[0], chunk, 10000))) > 0)
        n += (int)r;
    CHECK_EQ(n, 4 * sizeof(chunk));
    OK(close(p[0]));
    t_join(pid);
}

static void write_to_nobody(void *arg)
{
    (void)arg;
    int p[2];

    OK(pipe(p));
    OK(close(p[0]));
    OK(write(p[1], "x", 1));
}

static void broken(void)
{
    int p[2];

    CHECK_EQ(t_signal_of(write_to_nobody, NULL), SIGPIPE);
    signal(SIGPIPE, SIG_IGN);
    OK(pipe(p));
    OK(close(p[0]));
    CHECK_ERRNO(write(p[1], "x", 1), EPIPE);
    OK(close(p[1]));
    signal(SIGPIPE, SIG_DFL);
}

static void nonblocking(void)
{
    static char chunk[65536];
    int p[2], avail, total = 0;
    ssize_t r;

    OK(pipe2(p, O_NONBLOCK | O_CLOEXEC));
    CHECK_EQ(fcntl(p[0], F_GETFD), FD_CLOEXEC);
    CHECK_ERRNO(read(p[0], chunk, 1), EAGAIN);
    CHECK_EQ(write(p[1], chunk, 3), 3);
    OK(ioctl(p[0], FIONREAD, &avail));
    CHECK_EQ(avail, 3);
    total = 3;
    while ((r = write(p[1], chunk, 4096)) > 0)
        total += (int)r;
    CHECK_EQ(errno, EAGAIN);
    CHECK(total >= 61440 && total <= 65536);
    CHECK_EQ(fcntl(p[0], F_GETPIPE_SZ), 65536);
    CHECK_EQ(read(p[0], chunk, 3), 3);
    OK(close(p[0]));
    OK(close(p[1]));
}

#define WRITERS 4
#define RECORDS 40
#define RECORD 1000

static void many_writers(void)
{
    static char rec[RECORD];
    int p[2], count[WRITERS] = { 0 };
    pid_t pid[WRITERS];

    OK(pipe(p));
    for (int w = 0; w < WRITERS; w++) {
        pid[w] = t_fork();
        if (pid[w] == 0) {
            memset(rec, 'A' + w, sizeof(rec));
            for (int i = 0; i < RECORDS; i++)
                CHECK_EQ(write(p[1], rec, sizeof(rec)), (ssize_t)sizeof(rec));
            t_end(0);
        }
    }
    OK(close(p[1]));
    for (;;) {
        size_t got = 0;
        ssize_t r = 0;

        while (got < RECORD && (r = OK(read(p[0], rec + got, RECORD - got))) > 0)
            got += (size_t)r;
        if (got == 0)
            break;
        CHECK_EQ(got, RECORD);
        CHECK(rec[0] >= 'A' && rec[0] < 'A' + WRITERS);
        for (int i = 0; i < RECORD; i++)
            CHECK_EQ(rec[i], rec[0]);
        count[rec[0] - 'A']++;
    }
    for (int w = 0; w < WRITERS; w++) {
        t_join(pid[w]);
        CHECK_EQ(count[w], RECORDS);
    }
    OK(close(p[0]));
}

static void fifo(void)
{
    char buf[8];
    pid_t pid;
    int fd;

    t_scratch();
    OK(mkfifo("f", 0600));
    CHECK_ERRNO(open("f", O_WRONLY | O_NONBLOCK), ENXIO);
    pid = t_fork();
    if (pid == 0) {
        fd = OK(open("f", O_WRONLY)); /* waits for the reader */
        CHECK_EQ(write(fd, "fifo", 4), 4);
        t_end(0);
    }
    fd = OK(open("f", O_RDONLY));
    CHECK_EQ(read(fd, buf, sizeof(buf)), 4);
    CHECK_EQ(read(fd, buf, sizeof(buf)), 0);
    CHECK_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
    t_join(pid);
}

int main(void)
{
    blocking();
    full_pipe_blocks();
    broken();
    nonblocking();
    many_writers();
    fifo();
    return 0;
}
