/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handler that spoils every register changes nothing for what it interrupted: general registers,
 * flags, SSE and x87 state come back by sigreturn.
 */
#define _GNU_SOURCE
#include "t.h"

#include <stddef.h>

#include <sys/time.h>

struct regs {
    uint64_t gpr[14]; /* rax rbx rcx rdx rsi rdi rbp r8 ... r13 and r15; r14 holds this address */
    uint8_t xmm[16][16];
    uint64_t flags;
    uint32_t mxcsr;
    uint16_t fcw;
    uint16_t pad;
};

static struct regs before, after;
static volatile sig_atomic_t hits;

static void spoil(int sig)
{
    static const uint32_t mxcsr = 0x5f80; /* another rounding */
    static const uint16_t fcw = 0x0c7f;

    (void)sig;
    hits++;
    __asm__ volatile("xor %%eax, %%eax; xor %%ecx, %%ecx; xor %%edx, %%edx; xor %%esi, %%esi;"
                     "xor %%r8d, %%r8d; xor %%r9d, %%r9d; xor %%r10d, %%r10d; xor %%r11d, %%r11d;"
                     "xorps %%xmm0, %%xmm0; xorps %%xmm1, %%xmm1; xorps %%xmm2, %%xmm2;"
                     "xorps %%xmm3, %%xmm3; xorps %%xmm7, %%xmm7; xorps %%xmm15, %%xmm15;"
                     "ldmxcsr %0; fldcw %1; fld1"
                     :: "m"(mxcsr), "m"(fcw)
                     : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "xmm0", "xmm1",
                       "xmm2", "xmm3", "xmm7", "xmm15", "cc");
}

#define LOAD_XMM(n) "movups 112+16*" #n "(%%r14), %%xmm" #n ";"
#define STORE_XMM(n) "movups %%xmm" #n ", 112+16*" #n "(%%r14);"
#define ALL(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15)

_Static_assert(offsetof(struct regs, xmm) == 112, "used below");

/*
 * Load all registers from `before`, do something (a system call that raises the signal, or a loop
 * that the timer interrupts), and store them all in `after`.
 */
#define RUN(body) \
    __asm__ volatile( \
        "push %%rbp; push %%rbx; mov %0, %%r14;" ALL(LOAD_XMM) \
        "pushq 368(%%r14); popfq;" \
        "mov 0(%%r14), %%rax; mov 8(%%r14), %%rbx; mov 16(%%r14), %%rcx; mov 24(%%r14), %%rdx;" \
        "mov 32(%%r14), %%rsi; mov 40(%%r14), %%rdi; mov 48(%%r14), %%rbp; mov 56(%%r14), %%r8;" \
        "mov 64(%%r14), %%r9; mov 72(%%r14), %%r10; mov 80(%%r14), %%r11; mov 88(%%r14), %%r12;" \
        "mov 96(%%r14), %%r13; mov 104(%%r14), %%r15;" body "lea after(%%rip), %%r14;" \
        "mov %%rax, 0(%%r14); mov %%rbx, 8(%%r14); mov %%rcx, 16(%%r14); mov %%rdx, 24(%%r14);" \
        "mov %%rsi, 32(%%r14); mov %%rdi, 40(%%r14); mov %%rbp, 48(%%r14); mov %%r8, 56(%%r14);" \
        "mov %%r9, 64(%%r14); mov %%r10, 72(%%r14); mov %%r11, 80(%%r14); mov %%r12, 88(%%r14);" \
        "mov %%r13, 96(%%r14); mov %%r15, 104(%%r14);" \
        "pushfq; popq 368(%%r14);" ALL(STORE_XMM) \
        "pop %%rbx; pop %%rbp" \
        :: "r"(&before) \
        : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", \
          "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", \
          "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")

_Static_assert(offsetof(struct regs, flags) == 368, "used above");

#define STATUS_FLAGS 0x8d5u /* CF PF AF ZF SF OF */

static void fill(void)
{
    for (int i = 0; i < 14; i++)
        before.gpr[i] = UINT64_C(0x0123456789abcdef) * (uint64_t)(i + 3);
    for (int i = 0; i < 16; i++)
        memset(before.xmm[i], 0x11 + i, 16);
    before.flags = 0x202 | 0x8d5; /* all status flags set */
}

static void compare(int skip_syscall_regs)
{
    for (int i = 0; i < 14; i++) {
        if (skip_syscall_regs && (i == 0 || i == 2 || i == 10)) /* rax rcx r11 */
            continue;
        CHECK_EQ(after.gpr[i], before.gpr[i]);
    }
    CHECK(!memcmp(after.xmm, before.xmm, sizeof(before.xmm)));
}

static void by_system_call(void)
{
    fill();
    before.gpr[0] = 200;                    /* tkill */
    before.gpr[5] = (uint64_t)getpid();     /* rdi */
    before.gpr[4] = SIGUSR1;                /* rsi */
    hits = 0;
    RUN("syscall;");
    CHECK_EQ(hits, 1);
    CHECK_EQ(after.gpr[0], 0);
    CHECK_EQ(after.flags & STATUS_FLAGS, before.flags & STATUS_FLAGS);
    compare(1);
}

/* The timer's signal arrives somewhere in a loop that touches no register but memory's counter. */
static void by_timer(void)
{
    struct itimerval it = { { 0, 0 }, { 0, 15000 } };

    fill();
    hits = 0;
    OK(setitimer(ITIMER_REAL, &it, NULL));
    RUN("1: cmpl $0, hits(%%rip); je 1b;");
    CHECK_EQ(hits, 1);
    compare(0);
}

static void control_words(void)
{
    uint32_t mxcsr = 0x1f80, mxcsr_after;
    uint16_t fcw = 0x037f, fcw_after;

    __asm__ volatile("fninit; ldmxcsr %0; fldcw %1" :: "m"(mxcsr), "m"(fcw));
    raise(SIGUSR1);
    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr_after), "=m"(fcw_after));
    CHECK_EQ(mxcsr_after & ~0x3fu, mxcsr);
    CHECK_EQ(fcw_after, fcw);
}

int main(void)
{
    signal(SIGUSR1, spoil);
    signal(SIGALRM, spoil);
    for (int i = 0; i < 3; i++) {
        by_system_call();
        by_timer();
    }
    control_words();
    return 0;
}
