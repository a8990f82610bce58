/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crash reports: registers, and a backtrace by the chain of frame pointers. Everything read from
 * the guest goes through its page tables with each step checked; a damaged chain just ends.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "arch/x86_64/vmm/x86.h"
#include "vmm/arch.h"
#include "vmm/elfload.h"
#include "vmm/out.h"
#include "vmm/vm.h"

#define FRAMES_MAX 32

/* The guest kernel's struct trap_frame (arch/context.h), as it lies on its stack. */
enum frame_word {
    F_R15,
    F_R14,
    F_R13,
    F_R12,
    F_RBP,
    F_RBX,
    F_R11,
    F_R10,
    F_R9,
    F_R8,
    F_RAX,
    F_RCX,
    F_RDX,
    F_RSI,
    F_RDI,
    F_VECTOR,
    F_ERROR,
    F_RIP,
    F_CS,
    F_RFLAGS,
    F_RSP,
    F_SS,
    F_WORDS
};
static const char *const frame_names[F_WORDS] = { "r15", "r14",    "r13", "r12",    "rbp",   "rbx",
                                                  "r11", "r10",    "r9",  "r8",     "rax",   "rcx",
                                                  "rdx", "rsi",    "rdi", "vector", "error", "rip",
                                                  "cs",  "rflags", "rsp", "ss" };

/* Read 8 bytes at a guest-virtual address through the tables at root. False: not mapped, or not
 * RAM. */
static bool read_guest(const struct vm *vm, uint64_t root, uint64_t gva, uint64_t *value)
{
    uint64_t table = root & PTE_ADDR, gpa = 0;
    const void *at;

    if (gva % 8)
        return false;
    for (int level = 3; level >= 0; level--) {
        uint64_t span = UINT64_C(1) << (12 + 9 * level), e;
        const uint64_t *entries = ram_at(vm, (gpa_t) { table }, RV_PAGE_SIZE);

        if (!entries)
            return false;
        e = __atomic_load_n(&entries[gva / span & 511], __ATOMIC_RELAXED);
        if (!(e & PTE_P))
            return false;
        if (level == 0 || (level < 3 && e & PTE_PS)) {
            gpa = (e & PTE_ADDR & ~(span - 1)) | (gva & (span - 1));
            break;
        }
        table = e & PTE_ADDR;
    }
    at = ram_at(vm, (gpa_t) { gpa }, 8);
    if (!at)
        return false;
    memcpy(value, at, 8);
    return true;
}

static void put_address(const struct vm *vm, uint64_t gva, struct out *out)
{
    uint64_t offset;
    const char *name = elf_symbol_at(vm->kernel, gva, &offset);

    if (name)
        out_printf(out, "  %016llx %s+0x%llx\n", (unsigned long long)gva, name,
                   (unsigned long long)offset);
    else
        out_printf(out, "  %016llx\n", (unsigned long long)gva);
}

static void backtrace(const struct vm *vm, uint64_t root, uint64_t rip, uint64_t rbp,
                      struct out *out)
{
    out_printf(out, "backtrace:\n");
    put_address(vm, rip, out);
    for (int i = 0; i < FRAMES_MAX && rbp; i++) {
        uint64_t next, ret;

        if (!read_guest(vm, root, rbp, &next) || !read_guest(vm, root, rbp + 8, &ret) || !ret)
            break;
        put_address(vm, ret - 1, out); /* the call, not what follows it */
        if (next <= rbp)
            break; /* stacks grow down */
        rbp = next;
    }
}

static void report_frame(const struct vm *vm, uint64_t root, uint64_t gva, struct out *out)
{
    uint64_t w[F_WORDS];

    for (unsigned i = 0; i < F_WORDS; i++) {
        if (!read_guest(vm, root, gva + 8 * i, &w[i])) {
            out_printf(out, "trap frame at %016llx: not readable\n", (unsigned long long)gva);
            return;
        }
    }
    out_printf(out, "trap frame at %016llx:", (unsigned long long)gva);
    for (unsigned i = 0; i < F_WORDS; i++)
        out_printf(out, "%s%-6s %016llx", i % 4 ? "  " : "\n  ", frame_names[i],
                   (unsigned long long)w[i]);
    out_printf(out, "\n");
    backtrace(vm, root, w[F_RIP], w[F_RBP], out);
}

void arch_report(struct vcpu *vcpu, uint64_t frame_gva, struct out *out)
{
    struct kvm_regs r;
    struct kvm_sregs s;

    if (ioctl(vcpu->fd, KVM_GET_REGS, &r) < 0 || ioctl(vcpu->fd, KVM_GET_SREGS, &s) < 0) {
        out_printf(out, "registers: not readable\n");
        return;
    }
    if (!(s.cr0 & CR0_PG)) {
        /* AMD's SVM leaves the state undefined after a shutdown, and KVM resets it. */
        out_printf(out, "registers: lost, the processor was reset by the shutdown\n");
        return;
    }
    out_printf(out,
               "registers:\n"
               "  rax %016llx  rbx %016llx  rcx %016llx  rdx %016llx\n"
               "  rsi %016llx  rdi %016llx  rbp %016llx  rsp %016llx\n"
               "  r8  %016llx  r9  %016llx  r10 %016llx  r11 %016llx\n"
               "  r12 %016llx  r13 %016llx  r14 %016llx  r15 %016llx\n",
               r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10, r.r11,
               r.r12, r.r13, r.r14, r.r15);
    out_printf(out,
               "  rip %016llx  rflags %08llx  cs %04x  ss %04x\n"
               "  cr0 %08llx  cr2 %016llx  cr3 %016llx  cr4 %08llx  efer %08llx\n"
               "  gs  %016llx  kernel gdt %016llx  idt %016llx\n",
               r.rip, r.rflags, s.cs.selector, s.ss.selector, s.cr0, s.cr2, s.cr3, s.cr4, s.efer,
               s.gs.base, s.gdt.base, s.idt.base);
    backtrace(vcpu->vm, s.cr3, r.rip, r.rbp, out);
    if (frame_gva)
        report_frame(vcpu->vm, s.cr3, frame_gva, out);
}
