/* SPDX-License-Identifier: Apache-2.0 */
/* A page made read-only by one thread cannot be written by another once mprotect has returned. */
#define _GNU_SOURCE
#include "t.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/mman.h>

#define ROUNDS 100
#define PAGE 4096

static volatile uint32_t *page;
static _Atomic uint32_t writable = 1, faults, done;
static sigjmp_buf back;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    (void)sig;
    (void)uc;
    if (si->si_addr != (void *)page || si->si_code != SEGV_ACCERR)
        _exit(99);
    faults++;
    siglongjmp(back, 1);
}

static void *writer(void *arg)
{
    (void)arg;
    while (!done) {
        if (sigsetjmp(back, 1) == 0)
            while (!done)
                (*page)++;
        while (!writable && !done)
            sched_yield();
    }
    return NULL;
}

int main(void)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    pthread_t t;

    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    OK(sigaction(SIGSEGV, &sa, NULL));
    CHECK_EQ(pthread_create(&t, NULL, writer, NULL), 0);
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t v, before = *page;

        while (*page == before)
            sched_yield(); /* until it writes */
        v = faults;
        writable = 0;
        OK(mprotect((void *)page, PAGE, PROT_READ));
        before = *page;
        while (faults == v)
            sched_yield();
        CHECK_EQ(*page, before);
        OK(mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE));
        writable = 1;
    }
    done = 1;
    CHECK_EQ(pthread_join(t, NULL), 0);
    return 0;
}
