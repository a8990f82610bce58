/* SPDX-License-Identifier: Apache-2.0 */
/* After fork private memory is each one's own and shared memory is the same for both. */
#define _GNU_SOURCE
#include "t.h"

#include <sched.h>
#include <sys/mman.h>

#define PAGES 64
#define PAGE 4096

static char *map(int flags)
{
    char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

static int global = 5;

static void copy_on_write(void)
{
    char *p = map(MAP_PRIVATE);
    int on_stack = 6;
    pid_t pid;

    for (int i = 0; i < PAGES; i++)
        p[i * PAGE] = (char)i;
    pid = t_fork();
    if (pid == 0) {
        for (int i = 0; i < PAGES; i++) {
            CHECK_EQ(p[i * PAGE], (char)i);
            p[i * PAGE] = 'c';
        }
        global = 50;
        on_stack = 60;
        t_sleep_ms(20);
        for (int i = 0; i < PAGES; i++)
            CHECK_EQ(p[i * PAGE], 'c');
        CHECK(global == 50 && *(volatile int *)&on_stack == 60);
        t_end(0);
    }
    for (int i = 0; i < PAGES; i += 2)
        p[i * PAGE] = 'p';
    t_join(pid);
    for (int i = 0; i < PAGES; i++)
        CHECK_EQ(p[i * PAGE], i % 2 ? (char)i : 'p');
    CHECK_EQ(global, 5);
    CHECK_EQ(on_stack, 6);
    OK(munmap(p, PAGES * PAGE));
}

/* A chain of forks, each level changes one page and sees its ancestors' changes only. */
static void chain(void)
{
    char *p = map(MAP_PRIVATE);
    int depth;

    for (depth = 0; depth < 5; depth++) {
        pid_t pid;

        p[depth * PAGE] = (char)(depth + 1);
        pid = t_fork();
        if (pid) {
            p[depth * PAGE] = 'x';
            t_join(pid);
            for (int i = depth + 1; i < 6; i++)
                CHECK_EQ(p[i * PAGE], 0);
            if (depth)
                t_end(0);
            OK(munmap(p, PAGES * PAGE));
            return;
        }
        for (int i = 0; i <= depth; i++)
            CHECK_EQ(p[i * PAGE], i + 1);
    }
    t_end(0);
}

static void shared(void)
{
    char *s = map(MAP_SHARED);
    volatile int *flag = (volatile int *)s;
    pid_t pid = t_fork();

    if (pid == 0) {
        s[5 * PAGE] = 's';
        __atomic_store_n(flag, 1, __ATOMIC_RELEASE);
        while (__atomic_load_n(flag, __ATOMIC_ACQUIRE) != 2)
            sched_yield();
        CHECK_EQ(s[6 * PAGE], 't');
        t_end(0);
    }
    while (__atomic_load_n(flag, __ATOMIC_ACQUIRE) != 1)
        sched_yield();
    CHECK_EQ(s[5 * PAGE], 's');
    s[6 * PAGE] = 't';
    __atomic_store_n(flag, 2, __ATOMIC_RELEASE);
    t_join(pid);
    OK(munmap(s, PAGES * PAGE));
}

int main(void)
{
    copy_on_write();
    chain();
    shared();
    return 0;
}
