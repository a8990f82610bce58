/* SPDX-License-Identifier: Apache-2.0 */
/* What the arch code calls in the machine-independent kernel. All on the current thread's kernel stack. */
#ifndef ARCH_UPCALL_H
#define ARCH_UPCALL_H

#include "arch/context.h"

/* core/main.c: vCPU 0 with paging, per-CPU data and traps working; never returns. */
void kernel_main(void) NORETURN;
/* The same for the other vCPUs. */
void kernel_main_secondary(u32 cpu) NORETURN;

/* linux/: a system call from ring 3; regs->error holds rax, the answer goes to regs->rax. */
void linux_syscall(struct trap_frame *regs);

/*
 * linux/: an exception of ring 3 that mm/ could not resolve: force the signal with these siginfo
 * fields (si_code, si_addr) on the current thread; regs->vector and error tell trapno and err.
 */
void linux_fault(struct trap_frame *regs, int signo, int code, u64 addr);

/* linux/: thread.work has bits set on the way to ring 3; may change regs, may not return (exit). */
void linux_user_work(struct trap_frame *regs);

/* linux/: mount the root and start the container's first process; called by a kernel thread. */
void linux_boot(void);

#endif
