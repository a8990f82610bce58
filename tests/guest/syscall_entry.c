/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ring 3 jumps to the kernel's system-call entry itself, with hostile RCX and R11. On a host that
 * emulates ring 0 the fetch fault there is how system calls arrive, so this is a system call whose
 * return address and flags the program chose; elsewhere it is a plain SIGSEGV. Either way ring 3 must
 * not gain flags, and the hostcall port stays closed. The entry's address is the environment's
 * RV_SYSCALL_ENTRY (hexadecimal), or is looked for.
 */
#define _GNU_SOURCE
#include "t.h"

#include <setjmp.h>

#define HOSTILE_FLAGS 0x27202u /* IOPL 3, NT, VM, IF */

static sigjmp_buf back;

static void on_signal(int sig)
{
    (void)sig;
    siglongjmp(back, 1);
}

/*
 * Jump to target as if by syscall, with these RCX (0: the place behind the jump) and R11. If it comes
 * back to RCX, as a system call would: the flags then.
 */
__attribute__((naked, noinline)) static uint64_t
enter(__attribute__((unused)) uint64_t target, __attribute__((unused)) uint64_t rcx,
      __attribute__((unused)) uint64_t r11)
{
    __asm__("push %rbx; mov %rdi, %r8; mov %rdx, %r11; lea 1f(%rip), %r9; test %rsi, %rsi;"
            "cmovz %r9, %rsi; mov %rsi, %rcx; mov $39, %eax; jmp *%r8;" /* getpid */
            "1: pushfq; pop %rax; pushq $0x202; popfq; pop %rbx; ret");
}

static int comes_back(uint64_t target)
{
    if (sigsetjmp(back, 1))
        return 0;
    enter(target, 0, 0x202);
    return 1;
}

static uint64_t entry;

static void hostile_port(void *arg)
{
    uint64_t flags;

    (void)arg;
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    flags = enter(entry, 0, HOSTILE_FLAGS);
    CHECK_EQ(flags & 0x27000, 0);
    __asm__ volatile("outl %%eax, %%dx" :: "a"(0), "d"(0x510));
}

static void hostile_rcx(void *arg)
{
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    enter(entry, *(uint64_t *)arg, 0x202);
}

static void real_syscall_hostile_flags(void *arg)
{
    uint64_t flags;

    (void)arg;
    /* Flags that ring 3 may set itself: the kernel must not stumble over them. */
    __asm__ volatile("pushq $0x4602; popfq; mov $39, %%eax; syscall; pushfq; pop %0;"
                     "pushq $0x202; popfq"
                     : "=r"(flags)
                     :: "rax", "rcx", "r11", "memory", "cc");
    CHECK_EQ(flags & 0x3000, 0);
    CHECK_EQ(flags & 0x400, 0x400); /* DF is the caller's own */
    __asm__ volatile("outl %%eax, %%dx" :: "a"(0), "d"(0x510));
}

/* Where a jump is answered like a system call; 0 if nowhere. */
static uint64_t find_entry(void)
{
    const char *given = getenv("RV_SYSCALL_ENTRY");
    const uint64_t image = 0xffffffff80200000, len = 64 << 10;

    if (given && *given)
        return strtoull(given, NULL, 16);
    for (uint64_t at = image; at < image + len; at += 16)
        if (comes_back(at))
            return at;
    return 0;
}

int main(void)
{
    static char alt[32768];
    stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) };
    struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
    uint64_t rcx[] = { 0x800000000000, 0x1000000000000000, 0xffffffff80200000, 0xffff800000000000,
                       0x7ffffffff000, 0x7fffffffffff, UINT64_MAX, 1 };

    OK(sigaltstack(&ss, NULL));
    OK(sigaction(SIGSEGV, &sa, NULL));
    OK(sigaction(SIGBUS, &sa, NULL));
    CHECK_EQ(t_signal_of(real_syscall_hostile_flags, NULL), SIGSEGV);
    entry = find_entry();
    if (!entry)
        entry = 0xffffffff80200000; /* no such way in: still nothing may happen there */
    CHECK_EQ(t_signal_of(hostile_port, NULL), SIGSEGV);
    for (size_t i = 0; i < sizeof(rcx) / sizeof(rcx[0]); i++)
        CHECK_EQ(t_signal_of(hostile_rcx, &rcx[i]), SIGSEGV);
    return 0;
}
