/* SPDX-License-Identifier: Apache-2.0 */
/* Ring 3 may not do what ring 0 may: privileged instructions, ports, a forged signal frame. */
#define _GNU_SOURCE
#include "t.h"

#include <sys/mman.h>
#include <ucontext.h>

#define INSN(name, text) \
    static void name(void *arg) \
    { \
        (void)arg; \
        __asm__ volatile(text ::: "rax", "rcx", "rdx", "memory"); \
    }

INSN(do_hlt, "hlt")
INSN(do_cli, "cli")
INSN(do_sti, "sti")
INSN(do_out, "mov $0x510, %%edx; xor %%eax, %%eax; outl %%eax, %%dx")
INSN(do_outb, "mov $0x80, %%edx; outb %%al, %%dx")
INSN(do_in, "mov $0x510, %%edx; inl %%dx, %%eax")
INSN(do_rdmsr, "mov $0xc0000082, %%ecx; rdmsr")
INSN(do_wrmsr, "mov $0xc0000082, %%ecx; xor %%eax, %%eax; xor %%edx, %%edx; wrmsr")
INSN(do_mov_cr3, "mov %%cr3, %%rax")
INSN(do_set_cr0, "xor %%eax, %%eax; mov %%rax, %%cr0")
INSN(do_swapgs, "swapgs")
INSN(do_invlpg, "invlpg (%%rsp)")
INSN(do_wbinvd, "wbinvd")
INSN(do_vmmcall, ".byte 0x0f, 0x01, 0xd9")
INSN(do_int20, "int $0x20")
INSN(do_intff, "int $0xff")
INSN(do_int_df, "int $8")
INSN(do_int3, "int3")
INSN(do_ud2, "ud2")
INSN(do_div, "xor %%ecx, %%ecx; mov $1, %%eax; cltd; idiv %%ecx")
INSN(do_load_kernel, "mov $0xffffffff80200000, %%rax; mov (%%rax), %%al")
INSN(do_load_direct, "mov $0xffff800000200000, %%rax; mov (%%rax), %%al")
INSN(do_store_kernel, "mov $0xffffffff80200000, %%rax; movb $0, (%%rax)")
INSN(do_noncanonical, "mov $0x8000000000000000, %%rax; mov (%%rax), %%al")
INSN(do_jump_kernel, "mov $0xffffffff80200000, %%rax; jmp *%%rax")
INSN(do_jump_noncanonical, "mov $0x1000000000000000, %%rax; push %%rax; ret")
INSN(do_bad_stack, "mov $0x1000000000000000, %%rsp; push %%rax")
INSN(do_bad_segment, "mov $0x18, %%eax; mov %%eax, %%ss")
INSN(do_popf_iopl, "pushfq; orq $0x3000, (%%rsp); popfq; cli") /* IOPL does not change */

static void frame_handler(int sig, siginfo_t *si, void *uc);
static int frame_field;
static greg_t frame_value;

static void forge(void *arg)
{
    struct sigaction sa = { .sa_sigaction = frame_handler, .sa_flags = SA_SIGINFO };

    (void)arg;
    OK(sigaction(SIGUSR1, &sa, NULL));
    raise(SIGUSR1);
}

static void frame_handler(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;

    (void)sig;
    (void)si;
    uc->uc_mcontext.gregs[frame_field] = frame_value;
}

static void frames(void)
{
    frame_field = REG_RIP;
    frame_value = (greg_t)0x1000000000000000;
    CHECK_EQ(t_signal_of(forge, NULL), SIGSEGV);
    frame_value = (greg_t)0xffffffff80200000;
    CHECK_EQ(t_signal_of(forge, NULL), SIGSEGV);
    frame_field = REG_CSGSFS; /* the kernel's code segment */
    frame_value = 0x10;
    CHECK_EQ(t_signal_of(forge, NULL), SIGSEGV);
    frame_field = REG_EFL; /* all flags but TF: those of ring 0 must not be taken over */
    frame_value = 0x3f7fff & ~0x100 & ~0x40000; /* AC would trap in compiled code */
    CHECK_EQ(t_signal_of(forge, NULL), 0);
}

static void on_usr1(int sig, siginfo_t *si, void *context)
{
    (void)sig;
    (void)si;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] |= 0x3000 | 0x4000 | 0x20000;
}

/* After a forged frame the privilege level for ports is still 0. */
static void iopl_by_frame(void *arg)
{
    struct sigaction sa = { .sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO };
    uint64_t flags;

    OK(sigaction(SIGUSR1, &sa, NULL));
    raise(SIGUSR1);
    __asm__ volatile("pushfq; popq %0" : "=r"(flags));
    CHECK_EQ(flags & 0x23000, 0);
    do_out(arg);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*fn)(void *);
        int sig;
    } tries[] = {
#define T(fn, sig) { #fn, fn, sig }
        T(do_hlt, SIGSEGV),          T(do_cli, SIGSEGV),         T(do_sti, SIGSEGV),
        T(do_out, SIGSEGV),          T(do_outb, SIGSEGV),        T(do_in, SIGSEGV),
        T(do_rdmsr, SIGSEGV),        T(do_wrmsr, SIGSEGV),       T(do_mov_cr3, SIGSEGV),
        T(do_set_cr0, SIGSEGV),      T(do_swapgs, SIGSEGV),      T(do_invlpg, SIGSEGV),
        T(do_wbinvd, SIGSEGV),       T(do_int20, SIGSEGV),       T(do_intff, SIGSEGV),
        T(do_int_df, SIGSEGV),       T(do_int3, SIGTRAP),        T(do_ud2, SIGILL),
        T(do_div, SIGFPE),           T(do_load_kernel, SIGSEGV), T(do_load_direct, SIGSEGV),
        T(do_store_kernel, SIGSEGV), T(do_noncanonical, SIGSEGV), T(do_jump_kernel, SIGSEGV),
        T(do_jump_noncanonical, SIGSEGV), T(do_bad_segment, SIGSEGV), T(do_popf_iopl, SIGSEGV),
        T(do_bad_stack, SIGSEGV),    T(iopl_by_frame, SIGSEGV),
    };

    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        int sig = t_signal_of(tries[i].fn, NULL);

        /* A stack segment fault is SIGBUS. */
        if (sig != tries[i].sig && !(tries[i].fn == do_bad_stack && sig == SIGBUS)) {
            fprintf(stderr, "%s: signal %d, not %d\n", tries[i].name, sig, tries[i].sig);
            return 1;
        }
    }
    (void)do_vmmcall;
    frames();
    return 0;
}
