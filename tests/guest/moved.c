/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More processes that compute than there are vCPUs, whose time is cut into slices and which wake each other,
 * so that they are moved between vCPUs at every point of the kernel where that can be: all of them go on.
 */
#define _GNU_SOURCE
#include "t.h"

#define PROCESSES 5
#define ROUNDS    40

static void compute(long ms)
{
    int64_t end = t_now_ns() + ms * 1000000;
    volatile unsigned long x = 1;

    while (t_now_ns() < end)
        for (int i = 0; i < 1000; i++)
            x = x * 3 + 1;
}

/* Each passes a token on to the next, and computes between. */
static void run(int from, int to, int first)
{
    char token = 't';

    for (int i = 0; i < ROUNDS; i++) {
        if (!first || i)
            CHECK_EQ(read(from, &token, 1), 1);
        compute(1 + i % 7);
        CHECK_EQ(write(to, &token, 1), 1); /* the first process leaves the last one unread */
        compute(i % 11);
    }
}

int main(void)
{
    pid_t pid[PROCESSES];
    int p[PROCESSES][2];

    for (int i = 0; i < PROCESSES; i++)
        OK(pipe(p[i]));
    for (int i = 0; i < PROCESSES; i++) {
        pid[i] = t_fork();
        if (pid[i] == 0) {
            run(p[i][0], p[(i + 1) % PROCESSES][1], i == 0);
            t_end(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++)
        t_join(pid[i]);
    return 0;
}
