/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every instruction by which ring 3 can enter ring 0 (docs/ways-in.md), from 64-bit and, where there is
 * a segment for it, from 32-bit code: the program gets its signal or its answer and goes on.
 */
#define _GNU_SOURCE
#include "ring3.h"

static uint8_t *page;

/* Still a sane process: calls answer, a fault finds its page. */
static void alive(const char *what, uint32_t n)
{
    volatile char *fresh = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (fresh == MAP_FAILED || getpid() != (pid_t)syscall(SYS_getpid)) {
        fprintf(stderr, "not alive after %s 0x%x\n", what, n);
        t_end(1);
    }
    *fresh = 1;
    OK(munmap((void *)fresh, 4096));
}

static void wanted(const char *what, uint32_t n, int sig, int one, int other)
{
    if (sig != one && sig != other) {
        fprintf(stderr, "%s 0x%x: signal %d, neither %d nor %d\n", what, n, sig, one, other);
        t_end(1);
    }
    alive(what, n);
}

static void all_interrupts(void)
{
    for (uint32_t n = 0; n < 256; n++) {
        const uint8_t code[] = { 0xb8, 0xff, 0xff, 0xff, 0x7f, 0xcd, (uint8_t)n, 0xf4 };

        /* mov $0x7fffffff, %eax (no system call); int $n; hlt */
        memcpy(page, code, sizeof(code));
        wanted("int", n, ring3_run(page, 0, 0, 0), n == 3 ? SIGTRAP : SIGSEGV,
               n == 3 ? SIGTRAP : SIGSEGV);
    }
}

RING3_CODE(sysenter, "xor %ebp, %ebp; mov $0x7fffffff, %eax; sysenter; hlt")
RING3_CODE(sysenter_kernel_stack,
           "mov $0xffff800000000000, %rbp; mov %rbp, %rsp; mov %rbp, %rcx; sysenter; hlt")
RING3_CODE(do_sysexit, "xor %ecx, %ecx; xor %edx, %edx; sysexitl; hlt")
RING3_CODE(do_sysret, "xor %ecx, %ecx; xor %r11d, %r11d; sysretl; hlt")
RING3_CODE(icebp, ".byte 0xf1; hlt")
RING3_CODE(int3, "int3; hlt")
RING3_CODE(into, ".byte 0xce; hlt")
RING3_CODE(bound, ".byte 0x62, 0x00; hlt")
RING3_CODE(vmcall, ".byte 0x0f, 0x01, 0xc1; hlt")
RING3_CODE(vmmcall, ".byte 0x0f, 0x01, 0xd9; hlt")
RING3_CODE(vmfunc, ".byte 0x0f, 0x01, 0xd4; hlt")
RING3_CODE(rsm, "rsm; hlt")
RING3_CODE(lldt, "xor %eax, %eax; lldt %ax; hlt")
RING3_CODE(ltr, "mov $0x40, %eax; ltr %ax; hlt")
RING3_CODE(lgdt, "lgdt (%rsp); hlt")
RING3_CODE(lidt, "lidt (%rsp); hlt")

static void instructions(void)
{
    static const struct {
        const char *name;
        void (*code)(void);
        int one, other;
    } tries[] = {
#define T(name, one, other) { #name, name, one, other }
        T(sysenter, SIGILL, SIGSEGV), /* AMD, Intel */
        T(sysenter_kernel_stack, SIGILL, SIGSEGV),
        T(do_sysexit, SIGSEGV, SIGILL),
        T(do_sysret, SIGSEGV, SIGSEGV),
        T(icebp, SIGTRAP, SIGILL), /* an emulator may not know it */
        T(int3, SIGTRAP, SIGTRAP),
        T(into, SIGILL, SIGILL),
        T(bound, SIGILL, SIGILL),
        T(vmcall, SIGILL, SIGSEGV), /* KVM's answer to ring 3, if it is enabled, is an error in rax */
        T(vmmcall, SIGILL, SIGSEGV),
        T(vmfunc, SIGILL, SIGSEGV),
        T(rsm, SIGILL, SIGILL),
        T(lldt, SIGSEGV, SIGSEGV),
        T(ltr, SIGSEGV, SIGSEGV),
        T(lgdt, SIGSEGV, SIGSEGV),
        T(lidt, SIGSEGV, SIGSEGV),
    };

    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
        wanted(tries[i].name, 0, ring3_run((void *)tries[i].code, 0, 0, 0), tries[i].one,
               tries[i].other);
}

/* --- far transfers: rdi points to a target, in the forms that the instructions take ------------- */

struct target {
    struct __attribute__((packed)) {
        uint32_t offset;
        uint16_t selector;
    } far;
    uint64_t offset, selector;
};

static uint64_t target(uint32_t selector)
{
    static struct target t;

    t.offset = t.far.offset = (uint32_t)(uintptr_t)page;
    t.selector = t.far.selector = (uint16_t)selector;
    return (uint64_t)(uintptr_t)&t;
}

RING3_CODE(far_jump, "ljmp *(%rdi)")
RING3_CODE(far_call, "lcall *(%rdi)")
/*
 * No selector leads to another code segment, nor through a gate: whatever the descriptor table has at
 * 0 to 0x7f, and beyond; with LDT and with each privilege asked for.
 */
static void selectors(void)
{
    static void (*const ways[])(void) = { far_jump, far_call };
    memset(page, 0xf4, 16); /* hlt: SIGSEGV wherever it runs */
    for (uint32_t s = 0; s < 0x88; s++) {
        for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
            int sig = ring3_run((void *)ways[w], target(s), 0, 0);

            /* #NP and #SS are SIGBUS. A KVM that emulates ring 0 answers a far transfer by #UD. */
            if (t_in_sandbox() && sig == SIGILL)
                sig = SIGSEGV;
            wanted("selector", s | (uint32_t)w << 16, sig, SIGSEGV, SIGBUS);
            if (ring3_last.cs != 0x33 && (ring3_last.cs != 0x23 || !ring3_has_segment(0x23)))
                wanted("code segment", (uint32_t)ring3_last.cs, 0, SIGSEGV, SIGSEGV);
        }
    }
    CHECK_EQ(ring3_run((void *)far_jump, target(0xfffb), 0, 0), SIGSEGV);
}

/* --- 32-bit code ------------------------------------------------------------------------------- */

/* rsi: the stack pointer there, all 64 bits of it. */
RING3_CODE(enter_32, "mov %rsi, %rsp; mov %rsi, %rbp; mov $0x7fffffff, %eax; ljmp *(%rdi)")

static void compatibility_mode(void)
{
    static const struct {
        const char *name, *code;
        size_t len;
        int one, other;
    } tries[] = {
#define C(name, code, one, other) { name, code, sizeof(code) - 1, one, other }
        C("syscall", "\x0f\x05\xf4", SIGILL, SIGSEGV),
        C("sysenter", "\x0f\x34\xf4", SIGILL, SIGSEGV),
        C("int $0x80", "\xcd\x80\xf4", SIGSEGV, SIGSEGV),
        C("int3", "\xcc\xf4", SIGTRAP, SIGTRAP),
        C("into", "\xb0\x7f\x04\x7f\xce\xf4", SIGSEGV, SIGSEGV), /* 0x7f + 0x7f overflows */
        C("ud2", "\x0f\x0b\xf4", SIGILL, SIGILL),
        C("icebp", "\xf1\xf4", SIGTRAP, SIGILL),
    };
    static const uint64_t stacks[] = { 0, 0xffff800000390000, 0xffffffff80200000, 0x1000000000000000 };
    int has = ring3_has_segment(0x23);

    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        memcpy(page, tries[i].code, tries[i].len);
        for (uint32_t s = 0; s < 5; s++) {
            uint64_t rsp = s < 4 ? stacks[s] : (uint64_t)(uintptr_t)(page + 4000);
            int sig = ring3_run((void *)enter_32, target(0x23), rsp, 0);

            if (t_in_sandbox() && !has && sig == SIGILL)
                sig = SIGSEGV;
            if (has && s < 4 && sig == SIGSEGV)
                sig = tries[i].one; /* where the processor would push to that stack itself */
            if (has)
                wanted(tries[i].name, s, sig, tries[i].one, tries[i].other);
            else
                wanted("jump to 0x23", s, sig, SIGSEGV, SIGSEGV);
        }
    }
}

int main(void)
{
    ring3_init();
    page = ring3_page();
    instructions();
    all_interrupts();
    /* Linux has 32-bit code and calls of its own. */
    if (t_in_sandbox()) {
        selectors();
        compatibility_mode();
    }
    return 0;
}
