/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two threads on two CPUs: one uses a page while the other unmaps it. After munmap has returned, the
 * user must get SIGSEGV, and must never see or change what the frame holds for its next owner: a
 * stale entry of a TLB would let it.
 */
#define _GNU_SOURCE
#include "t.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/mman.h>

#define ROUNDS 150
#define PAGE 4096
#define MINE 0x11u  /* what the racing thread's page holds */
#define OTHER 0x77u /* what is put into pages mapped right after */

static volatile uint32_t *volatile page; /* the page in the race, or NULL */
static _Atomic int unmapped, caught, done;
static volatile int seen_other;
static sigjmp_buf back;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    (void)sig;
    (void)uc;
    if (si->si_addr != (void *)page)
        _exit(99);
    siglongjmp(back, 1);
}

static void *user(void *arg)
{
    (void)arg;
    while (!done) {
        volatile uint32_t *p = page;

        if (!p || caught)
            continue;
        if (sigsetjmp(back, 1) == 0) {
            for (;;) {
                uint32_t v = *p;

                if (v != MINE)
                    seen_other = (int)v;
                *p = MINE;
            }
        }
        CHECK(unmapped); /* not before munmap began */
        caught = 1;
    }
    return NULL;
}

int main(void)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    uint32_t *far = mmap(NULL, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_t t;

    CHECK(far != MAP_FAILED);
    OK(sigaction(SIGSEGV, &sa, NULL));
    CHECK_EQ(pthread_create(&t, NULL, user, NULL), 0);
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        uint32_t *next;
        int64_t until;

        CHECK(p != MAP_FAILED);
        *p = MINE;
        unmapped = caught = 0;
        page = p;
        until = t_now_ns() + 200000; /* let the user get hold of it */
        while (t_now_ns() < until)
            ;
        unmapped = 1;
        OK(munmap(p, PAGE));
        /* Frames that may be the old one, at other addresses. */
        next = mmap(far, 16 * PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        CHECK(next == far);
        for (int k = 0; k < 16; k++)
            next[k * PAGE / 4] = OTHER;
        while (!caught)
            sched_yield();
        for (int k = 0; k < 16; k++)
            CHECK_EQ(next[k * PAGE / 4], OTHER);
        CHECK_EQ(seen_other, 0);
        page = NULL;
    }
    done = 1;
    CHECK_EQ(pthread_join(t, NULL), 0);
    return 0;
}
