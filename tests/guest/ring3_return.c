/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An iretq to ring 3 that faults is SIGSEGV to the thread. Only a kernel that checks itself lets a program
 * bring that about, by the number in R15 (arch/x86_64/guest/trap.c, inject_bad_return); elsewhere the same
 * registers mean nothing.
 */
#define _GNU_SOURCE
#include "t.h"

#include <sys/syscall.h>
#include <ucontext.h>

static volatile int faults, calls;
static volatile uint64_t r14_seen;

static void on_usr1(int sig)
{
    (void)sig;
    calls++;
}

static void on_segv(int sig, siginfo_t *si, void *context)
{
    (void)sig;
    (void)si;
    r14_seen = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_R14];
    faults++;
}

/* A signal to this thread: on the way to its handler the frame's CS and SS become these. */
static void signal_with(uint64_t cs, uint64_t ss)
{
    register uint64_t r15 __asm__("r15") = 0x6e72757465726221;
    register uint64_t r14 __asm__("r14") = cs;
    register uint64_t r13 __asm__("r13") = ss;
    register uint64_t r12 __asm__("r12") = 0;
    long r = SYS_tgkill;

    __asm__ volatile("syscall"
                     : "+a"(r), "+r"(r15), "+r"(r14), "+r"(r13), "+r"(r12)
                     : "D"(getpid()), "S"(gettid()), "d"(SIGUSR1)
                     : "rcx", "r11", "memory");
    CHECK_EQ(r, 0);
}

int main(void)
{
    static const uint64_t cs[] = { 0x03, 0x1b, 0x43, 0x07, 0xffff, 0x33, 0x33, 0x33 };
    static const uint64_t ss[] = { 0x2b, 0x2b, 0x2b, 0x2b, 0x2b, 0x10, 0x43, 0xffff };
    struct sigaction segv = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };
    int debug = getenv("RV_DEBUG_KERNEL") != NULL;

    signal(SIGUSR1, on_usr1);
    OK(sigaction(SIGSEGV, &segv, NULL));
    for (int i = 0; i < 8; i++) {
        faults = calls = 0;
        signal_with(cs[i], ss[i]);
        CHECK_EQ(calls, 1);
        CHECK(debug ? faults >= 1 : faults == 0);
        if (debug)
            CHECK_EQ(r14_seen, cs[i]);
        CHECK_EQ(getpid(), syscall(SYS_getpid));
    }
    return 0;
}
