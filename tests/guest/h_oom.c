/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the script: the first process of a container of 96 MiB, whose children use up more than there is.
 * Says nothing and leaves with 0 if those ended that had to, 8; with "few" only 4 have to, and all is half
 * as large, in 48 MiB.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>

static size_t unit = 1 << 20;

static char *map(size_t n)
{
    char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

static void touch(size_t n)
{
    char *p = map(n);

    for (size_t i = 0; i < n; i += 4096)
        p[i] = 1;
}

static void adjust(const char *adj)
{
    int fd = OK(open("/proc/self/oom_score_adj", O_WRONLY));

    CHECK_EQ(write(fd, adj, strlen(adj)), (ssize_t)strlen(adj));
    OK(close(fd));
}

/* A child that has n bytes, with a score, and waits. */
static pid_t holder(size_t n, const char *adj)
{
    int p[2];
    char c;
    pid_t pid;

    OK(pipe(p));
    pid = t_fork();
    if (pid == 0) {
        adjust(adj);
        touch(n);
        OK(write(p[1], "", 1));
        for (;;)
            pause();
    }
    CHECK_EQ(read(p[0], &c, 1), 1);
    OK(close(p[0]));
    OK(close(p[1]));
    return pid;
}

static void is_killed(pid_t pid)
{
    int status = t_wait(pid);

    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGKILL);
}

static void lives(pid_t pid)
{
    CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
}

static void end(pid_t pid)
{
    OK(kill(pid, SIGKILL));
    t_wait(pid);
}

/* Whoever is fattest goes, although another asks for the memory. */
static void fattest(void)
{
    pid_t small = holder(4 * unit, "0"), fat = holder(60 * unit, "0"), greedy = t_fork();

    if (greedy == 0) {
        touch(45 * unit);
        t_end(0);
    }
    is_killed(fat);
    t_join(greedy);
    lives(small);
    end(small);
}

/* ... or whoever was marked. */
static void marked(void)
{
    pid_t worth = holder(50 * unit, "0"), worthless = holder(30 * unit, "1000"), greedy = t_fork();

    if (greedy == 0) {
        touch(25 * unit);
        t_end(0);
    }
    is_killed(worthless);
    t_join(greedy);
    lives(worth);
    end(worth);
}

/* The one that asks, if it is the fattest; also where the kernel copies to its memory. */
static void itself(int by_read)
{
    pid_t small = holder(4 * unit, "0"), fat = t_fork();

    if (fat == 0) {
        if (by_read) {
            int fd = OK(open("/dev/zero", O_RDONLY));
            char *p = map(200 * unit);

            for (size_t i = 0; i < 200 * unit; i += unit)
                OK(read(fd, p + i, unit));
        } else {
            touch(200 * unit);
        }
        t_end(0);
    }
    is_killed(fat);
    lives(small);
    end(small);
}

/* Several at once, on several processors. */
static void many(void)
{
    pid_t pid[4];

    for (int i = 0; i < 4; i++) {
        pid[i] = t_fork();
        if (pid[i] == 0) {
            touch(120 * unit);
            t_end(0);
        }
    }
    for (int i = 0; i < 4; i++)
        is_killed(pid[i]);
}

int main(int argc, char **argv)
{
    bool few = argc > 1 && !strcmp(argv[1], "few");

    if (few)
        unit /= 2;
    fattest();
    marked();
    itself(0);
    itself(1);
    if (!few)
        many();
    return 0;
}
