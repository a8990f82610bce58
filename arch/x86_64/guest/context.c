/* SPDX-License-Identifier: Apache-2.0 */
/* Switching threads, and ring 3's segments. */
#include "arch/cpu.h"
#include "arch/switch.h"
#include "core/string.h"
#include "guest.h"
#include "mm/kstack.h"
#include "object/thread.h"

u64 arch_get_fs_base(void)
{
    return msr_read(MSR_FS_BASE);
}

void arch_set_fs_base(u64 base)
{
    msr_write(MSR_FS_BASE, base);
}

/* libfdt was built with a stack protector, which reads %fs:0x28. */
u8 kernel_tls[64];

/* Ring 3's GS base is in the shadow register while the kernel runs. */
u64 arch_get_gs_base(void)
{
    return msr_read(MSR_KERNEL_GS_BASE);
}

void arch_set_gs_base(u64 base)
{
    msr_write(MSR_KERNEL_GS_BASE, base);
}

#define SELECTOR(name) \
    static inline u64 get_##name(void) \
    { \
        u32 v; \
        \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(v)); \
        return v; \
    }
SELECTOR(ds)
SELECTOR(es)
SELECTOR(fs)
SELECTOR(gs)

/* One that ring 3 can have loaded; loading any other would fault in ring 0. */
static u32 loadable(u64 selector)
{
    u32 s = (u16)selector;

    return s == USER_CS || (s & ~3u) == (USER_SS & ~3u) || s >> 2 == GDT_CPU << 1 ? s : 0;
}

u64 arch_get_selectors(void)
{
    return get_ds() | get_es() << 16 | get_fs() << 32 | get_gs() << 48;
}

/* Changes the bases of FS and, for the one that swapgs keeps, none of GS. */
void arch_set_selectors(u64 selectors)
{
    struct percpu *cpu = this_cpu();

    __asm__ volatile("mov %0, %%ds; mov %1, %%es; mov %2, %%fs"
                     :
                     : "r"(loadable(selectors)), "r"(loadable(selectors >> 16)),
                       "r"(loadable(selectors >> 32)));
    /* A load of GS sets the base that is in use, ring 0's: nothing may use it in between. */
    __asm__ volatile("mov %0, %%gs; wrmsr"
                     :
                     : "r"(loadable(selectors >> 48)), "c"(MSR_GS_BASE_NR), "a"((u32)(u64)cpu),
                       "d"((u32)((u64)cpu >> 32))
                     : "memory");
}

/* Hardly any program loads a selector: all are 0 then, as execve leaves them. */
static inline void switch_selectors(struct thread *from, struct thread *to)
{
    if (likely(!(get_ds() | get_es() | get_fs() | get_gs() | from->ctx.selectors |
                 to->ctx.selectors)))
        return;
    if (from->proc)
        from->ctx.selectors = arch_get_selectors();
    if (to->proc)
        arch_set_selectors(to->ctx.selectors);
}

void arch_child_set_fs_base(struct thread *child, u64 base)
{
    child->ctx.fs_base = base;
}

void arch_regs_exec(struct trap_frame *regs, u64 rip, u64 rsp)
{
    memset(regs, 0, sizeof(*regs));
    regs->vector = TRAP_SYSCALL;
    regs->error = UINT64_MAX;
    regs->rip = rip;
    regs->rsp = rsp;
    regs->cs = USER_CS;
    regs->ss = USER_SS;
    regs->rflags = 0x202;
}

void arch_thread_prepare(struct thread *t, void (*entry)(void *), void *arg)
{
    u64 *sp = (u64 *)(t->kstack + KSTACK_SIZE - sizeof(struct trap_frame));

    t->regs = (struct trap_frame *)sp;
    *--sp = 0;                  /* keeps the stack 16-aligned at the first call */
    *--sp = (u64)thread_first;  /* return address of the switch */
    *--sp = (u64)entry;         /* rbx */
    *--sp = 0;                  /* rbp: end of the backtrace */
    *--sp = (u64)arg;           /* r12 */
    *--sp = 0;
    *--sp = 0;
    *--sp = 0;
    t->ctx.rsp = (u64)sp;
    t->ctx.fs_base = (u64)kernel_tls;
}

void arch_switch(struct thread *from, struct thread *to)
{
    struct percpu *cpu = this_cpu();

    if (from->proc) {
        from->ctx.fs_base = arch_get_fs_base();
        from->ctx.gs_base = arch_get_gs_base();
    }
    switch_selectors(from, to);
    fpu_switch(from, to);
    cpu->current = to;
    if (to->kstack) {
        cpu->kstack_top = to->kstack + KSTACK_SIZE;
        cpu->arch->tss.rsp[0] = cpu->kstack_top;
    }
    if (to->proc) {
        arch_set_fs_base(to->ctx.fs_base);
        arch_set_gs_base(to->ctx.gs_base);
    }
    arch_switch_stack(&from->ctx.rsp, to->ctx.rsp);
}
