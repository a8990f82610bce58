/* SPDX-License-Identifier: Apache-2.0 */
/* Start of a vCPU in the guest: per-CPU data, descriptor tables, MSRs, and what kind of KVM this is. */
#include "../vdso/vdso_data.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/upcall.h"
#include "core/boot.h"
#include "core/print.h"
#include "core/string.h"
#include "guest.h"
#include "mm/aspace.h"
#include "mm/frame.h"
#include "mm/frame_impl.h"
#include "mm/kstack.h"
#include "mm/slab.h"

STATIC_ASSERT(VDSO_GETCPU_SELECTOR == (GDT_CPU << 3 | 3));

struct percpu *percpu_table[RV_MAX_VCPUS];
u32 ncpus = 1;
struct cpu_features cpu_features;
u64 ap_stacks[RV_MAX_VCPUS]; /* first stack of each secondary vCPU; entry.S */
bool selftest_running;

static struct percpu boot_percpu;
static struct arch_cpu boot_arch;
static struct {
    u64 low, high;
} idt[RV_KICK_VECTOR + 1];

struct PACKED table_pointer {
    u16 limit;
    u64 base;
};

static void set_gate(u32 vector, u32 ist, u32 dpl)
{
    u64 at = (u64)vectors + 16 * vector;

    idt[vector].low = (at & 0xffff) | (u64)KERNEL_CS << 16 | (u64)ist << 32 |
                      (u64)(0x8e00 | dpl << 13) << 32 | (at >> 16 & 0xffff) << 48;
    idt[vector].high = at >> 32;
}

static void init_idt(void)
{
    for (u32 v = 0; v < ARRAY_SIZE(idt); v++)
        set_gate(v, 0, 0);
    set_gate(1, IST_DB, 0);
    set_gate(2, IST_NMI, 0);
    set_gate(8, IST_DF, 0);
    set_gate(18, IST_MC, 0);
    /* int3 and into are ring 3's to use (breakpoints); other software interrupts are #GP. */
    set_gate(3, 0, 3);
    set_gate(4, 0, 3);
}

static void load_tables(struct percpu *cpu)
{
    struct arch_cpu *a = cpu->arch;
    struct table_pointer gdtr = { sizeof(a->gdt) - 1, (u64)a->gdt };
    struct table_pointer idtr = { sizeof(idt) - 1, (u64)idt };
    u64 t = (u64)&a->tss;

    a->gdt[2] = UINT64_C(0x00af9b000000ffff); /* kernel code */
    a->gdt[3] = UINT64_C(0x00cf93000000ffff); /* kernel data */
    /*
     * 0x23, from which sysretq counts but which it does not read, is 32-bit user code on Linux. Here there
     * is none, nor call gates or an LDT: ring 3 has one code segment, and a far jump elsewhere is #GP. A
     * kernel that checks itself offers it, so that tests come to the entries of compatibility mode.
     */
#ifdef RV_DEBUG
    a->gdt[4] = UINT64_C(0x00cffb000000ffff);
#endif
    a->gdt[5] = UINT64_C(0x00cff3000000ffff); /* user data 0x2b */
    a->gdt[6] = UINT64_C(0x00affb000000ffff); /* user code 0x33 */
    a->gdt[8] = (sizeof(a->tss) - 1) | (t & 0xffffff) << 16 | UINT64_C(0x89) << 40 |
                (t >> 24 & 0xff) << 56;
    a->gdt[9] = t >> 32;
    /* User data whose limit is the vCPU's index: lsl reads it in ring 3 (vdso_data.h). */
    a->gdt[GDT_CPU] = UINT64_C(0x0040f50000000000) | cpu->index;
    a->tss.iomap = sizeof(a->tss);
    __asm__ volatile("lgdt %0" : : "m"(gdtr));
    __asm__ volatile("lidt %0" : : "m"(idtr));
    __asm__ volatile("ltr %w0" : : "r"(TSS_SEL));
    __asm__ volatile("lldt %w0" : : "r"(0));
    /*
     * SS and CS keep the VMM's selectors, which mean the same here. The others begin as ring 3 finds them
     * (context.c); a load changes the base.
     */
    __asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" : : "r"(0));
    msr_write(MSR_FS_BASE, (u64)kernel_tls);
    msr_write(MSR_GS_BASE_NR, (u64)cpu);
    msr_write(MSR_KERNEL_GS_BASE, 0);
}

/* Both instructions by which ring 3 calls ring 0, in both of its modes (docs/ways-in.md). */
static void init_syscall_msrs(u64 entry)
{
    msr_write(MSR_STAR, (u64)KERNEL_CS << 32 | UINT64_C(0x23) << 48);
    msr_write(MSR_LSTAR, entry);
    msr_write(MSR_CSTAR, (u64)compat_syscall_entry);
    /* sysenter with a null selector is #GP (SDM vol. 2); AMD has none in long mode: #UD. */
    msr_write(MSR_SYSENTER_CS, 0);
    msr_write(MSR_SYSENTER_ESP, 0);
    msr_write(MSR_SYSENTER_EIP, 0);
    /* CF PF AF ZF SF TF IF DF OF IOPL NT RF AC ID: a call begins with plain flags. */
    msr_write(MSR_SFMASK, 0x257fd5);
    msr_write(MSR_EFER, msr_read(MSR_EFER) | 1);
}

/* Exception stacks: a page each, the per-CPU pointer in the last word. */
static void init_ist(struct percpu *cpu)
{
    for (u32 i = 0; i < IST_COUNT; i++) {
        u64 pa = frame_alloc(FRAME_KERNEL);
        u64 *page;

        if (!pa)
            panic("no memory for exception stacks");
        page = phys_to_virt(pa);
        page[511] = (u64)cpu;
        cpu->arch->ist[i] = (u64)page;
        cpu->arch->tss.ist[i] = (u64)page + IST_STACK - 16;
    }
}

static void init_percpu(struct percpu *cpu, struct arch_cpu *a, u32 index)
{
    cpu->self = cpu;
    cpu->index = index;
    cpu->arch = a;
    cpu->page = boot.vcpu_pages + index;
    cpu->page->deadline = RV_NO_DEADLINE;
    percpu_table[index] = cpu;
}

/* One syscall from ring 3 with LSTAR at the test's entry: where does it arrive? */
static void test_syscall(void)
{
    u64 root = mmu_create(), pa = frame_alloc(FRAME_ZERO), stack = frame_alloc(FRAME_KERNEL);

    if (!root || !pa || !stack || mmu_prepare(root, USER_MIN))
        panic("no memory for the self-test");
    /* The arrival must not overwrite the frames that selftest_run returns to. */
    boot_arch.tss.rsp[0] = (u64)phys_to_virt(stack) + PAGE_SIZE;
    memcpy(phys_to_virt(pa), "\x0f\x05", 2);
    mmu_map(root, USER_MIN, pa, VM_READ | VM_EXEC);
    init_syscall_msrs((u64)selftest_entry);
    mmu_load(root);
    selftest_running = true;
    selftest_run(USER_MIN);
    selftest_running = false;
    mmu_load_kernel();
    mmu_destroy(root);
    frame_unref(pa);
    frame_unref(stack);
    boot_arch.tss.rsp[0] = boot_percpu.kstack_top;
}

NORETURN void arch_boot(u64 fdt_gpa, u32 index)
{
    (void)index;
    mmu_init();
    msr_write(MSR_GS_BASE_NR, (u64)&boot_percpu);
    boot_percpu.self = &boot_percpu;
    init_idt();
    boot_percpu.arch = &boot_arch;
    load_tables(&boot_percpu);
    boot_read(phys_to_virt(fdt_gpa));
    init_percpu(&boot_percpu, &boot_arch, 0);
    boot_percpu.kstack_top = ALIGN_DOWN((u64)__builtin_frame_address(0), 16);
    frame_init();
    slab_init();
    init_ist(&boot_percpu);
    features_init();
    fpu_init();
    test_syscall();
    cpu_features.emulated = cpu_features.soft_syscall;
    init_syscall_msrs((u64)syscall_entry);
    kernel_main();
}

int cpu_prepare(u32 index)
{
    struct percpu *cpu = kzalloc(sizeof(*cpu));
    struct arch_cpu *a = kzalloc(sizeof(*a));

    u64 stack = kstack_alloc();

    if (!cpu || !a || !stack)
        return -ENOMEM;
    ap_stacks[index] = stack + KSTACK_SIZE;
    init_percpu(cpu, a, index);
    init_ist(cpu);
    return 0;
}

NORETURN void arch_boot_secondary(u32 index)
{
    struct percpu *cpu = percpu_table[index];

    load_tables(cpu);
    init_syscall_msrs((u64)syscall_entry);
    kernel_main_secondary(index);
}

void __stack_chk_fail(void);
void __stack_chk_fail(void)
{
    panic("stack protector: a library function overran its stack frame");
}
