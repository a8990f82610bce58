/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many threads change mappings at once, so that CPUs interrupt each other all the time, while others
 * compute, sleep and fault: nothing hangs and nothing is lost.
 */
#define _GNU_SOURCE
#include "t.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#define CHANGERS 4
#define ROUNDS 150
#define PAGE 4096

static _Atomic int changing = CHANGERS;
static _Atomic long computed, slept;

static void *change(void *arg)
{
    char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED);
    for (int i = 0; i < ROUNDS; i++) {
        p[PAGE] = (char)i;
        OK(mprotect(p, 4 * PAGE, PROT_READ));
        CHECK_EQ(p[PAGE], (char)i);
        OK(mprotect(p, 4 * PAGE, PROT_READ | PROT_WRITE));
        p[0] = (char)(intptr_t)arg;
        if (i % 8 == 0) {
            OK(madvise(p, 4 * PAGE, MADV_DONTNEED));
            CHECK_EQ(p[0], 0);
        }
    }
    changing--;
    return NULL;
}

static void *compute(void *arg)
{
    (void)arg;
    do
        computed++;
    while (changing);
    return NULL;
}

static void *doze(void *arg)
{
    (void)arg;
    do {
        t_sleep_ms(2);
        slept++;
    } while (changing);
    return NULL;
}

int main(void)
{
    pthread_t t[CHANGERS + 2];

    for (intptr_t i = 0; i < CHANGERS; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, change, (void *)i), 0);
    CHECK_EQ(pthread_create(&t[CHANGERS], NULL, compute, NULL), 0);
    CHECK_EQ(pthread_create(&t[CHANGERS + 1], NULL, doze, NULL), 0);
    for (int i = 0; i < CHANGERS + 2; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
    CHECK(computed > 0 && slept > 0);
    return 0;
}
