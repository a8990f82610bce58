/* SPDX-License-Identifier: Apache-2.0 */
/* Switching threads, and ring 3's segment bases. */
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
