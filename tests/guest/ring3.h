/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests that run machine code which may end in any way: ring3_run calls it with a stack of its own,
 * and whatever it did to the stack, the segments and the flags, a signal brings the caller back.
 * One thread at a time. ring3_last tells what the signal found.
 */
#ifndef TESTS_GUEST_RING3_H
#define TESTS_GUEST_RING3_H

#include "t.h"

#include <asm/prctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

static struct {
    int sig, code;  /* the last signal, its si_code; ... */
    int count;      /* ... how many came in this run */
    uint64_t rip, rsp, cs, flags, rax;
} ring3_last;

/* Signals that come with single steps are only counted: their rips, as far as there is room. */
static struct {
    int on;
    uint64_t rip[64];
} ring3_steps;

static uint64_t ring3_rsp __attribute__((used)), ring3_fs;

/* The code begins with rdi, rsi, rdx = a, b, c and a return address on the stack. */
__attribute__((naked, noinline)) static uint64_t
ring3_call(__attribute__((unused)) const void *code, __attribute__((unused)) uint64_t a,
           __attribute__((unused)) uint64_t b, __attribute__((unused)) uint64_t c)
{
    __asm__("push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15;"
            "mov %rsp, ring3_rsp(%rip);"
            "mov %rdi, %rax; mov %rsi, %rdi; mov %rdx, %rsi; mov %rcx, %rdx; call *%rax;"
            ".globl ring3_back; ring3_back:"
            "mov ring3_rsp(%rip), %rsp; pushq $0x202; popfq;"
            "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret");
}
extern char ring3_back[];

/* Runs before the FS base is the C library's again: it may not call anything. */
__attribute__((optimize("no-stack-protector"), noinline)) static void
ring3_handler(int sig, siginfo_t *si, void *context)
{
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;

    __asm__ volatile("pushq $0x202; popfq" ::: "cc", "memory"); /* AC would trap in compiled code */
    if (sig == SIGTRAP && ring3_steps.on) {
        if (ring3_last.count < 64)
            ring3_steps.rip[ring3_last.count] = (uint64_t)g[REG_RIP];
        ring3_last.count++;
        return;
    }
    ring3_last.sig = sig;
    ring3_last.code = si->si_code;
    ring3_last.count++;
    ring3_last.rip = (uint64_t)g[REG_RIP];
    ring3_last.rsp = (uint64_t)g[REG_RSP];
    ring3_last.rax = (uint64_t)g[REG_RAX];
    ring3_last.flags = (uint64_t)g[REG_EFL];
    ring3_last.cs = (uint64_t)g[REG_CSGSFS] & 0xffff;
    g[REG_RIP] = (greg_t)ring3_back;
    g[REG_RSP] = (greg_t)ring3_rsp;
    g[REG_EFL] = 0x202;
    g[REG_CSGSFS] = 0x33 | (greg_t)0x2b << 48;
}

static void ring3_init(void)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE };
    static char alt[65536];
    stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) };
    struct sigaction sa = { .sa_sigaction = ring3_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };

    OK(sigaltstack(&ss, NULL));
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        OK(sigaction(signals[i], &sa, NULL));
    OK(syscall(SYS_arch_prctl, ARCH_GET_FS, &ring3_fs));
}

static long ring3_arch_prctl(long what, uint64_t value)
{
    long r;

    __asm__ volatile("syscall"
                     : "=a"(r)
                     : "a"(SYS_arch_prctl), "D"(what), "S"(value)
                     : "rcx", "r11", "memory");
    return r;
}

/* Run code; the signal that ended it, or 0 if it returned. */
__attribute__((optimize("no-stack-protector"), noinline)) static int
ring3_run(const void *code, uint64_t a, uint64_t b, uint64_t c)
{
    ring3_last.sig = ring3_last.count = 0;
    ring3_last.rax = ring3_call(code, a, b, c);
    __asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" ::"r"(0));
    ring3_arch_prctl(ARCH_SET_FS, ring3_fs);
    ring3_arch_prctl(ARCH_SET_GS, 0);
    return ring3_last.sig;
}

/* A page below 4 GiB that is writable and executable. */
static uint8_t *ring3_page(void)
{
    uint8_t *p = mmap((void *)0x20000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

/* A function of plain instructions that ring3_run can call. */
#define RING3_CODE(name, text) \
    __attribute__((naked, noinline, used)) static void name(void) \
    { \
        __asm__(text); \
    }

/* Whether ring 3 has this code or data segment. */
static inline int ring3_has_segment(uint32_t selector)
{
    uint8_t there;

    __asm__("lar %1, %%eax; setz %0" : "=q"(there) : "r"(selector) : "eax", "cc");
    return there;
}

#endif
