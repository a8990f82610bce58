/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers as the kernel sees them: the trap frame that every entry from ring 3 or by an exception
 * leaves on the stack, and a thread's context between two runs.
 */
#ifndef ARCH_CONTEXT_H
#define ARCH_CONTEXT_H

#include "core/types.h"

/* The order is entry.S's and the VMM's crash report's. */
struct trap_frame {
    u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u64 vector; /* exception vector; TRAP_SYSCALL for a system call */
    u64 error;  /* error code; the original rax for a system call */
    u64 rip, cs, rflags, rsp, ss;
};
STATIC_ASSERT(sizeof(struct trap_frame) == 22 * 8);

#define TRAP_SYSCALL UINT64_C(0x100)

#define USER_CS UINT64_C(0x33)
#define USER_SS UINT64_C(0x2b)
/* Flags ring 3 may set: CF PF AF ZF SF TF DF OF RF AC ID. */
#define USER_FLAGS UINT64_C(0x00250dd5)

struct arch_context {
    u64 rsp;              /* kernel stack pointer while switched out */
    u64 fs_base, gs_base; /* ring 3's; valid while switched out (arch_get/set_*_base otherwise) */
    u64 selectors;        /* ring 3's DS, ES, FS, GS, from the lowest 16 bits on; likewise */
    void *fpu;            /* save area; valid while switched out; NULL for kernel threads */
    u32 fpu_cpu;          /* the vCPU that last got its FPU state */
};

struct thread;
#ifndef RV_HOST_TEST
/* Per-vCPU data starts with these; GS points at it in ring 0. */
static inline struct thread *arch_current(void)
{
    struct thread *t;

    __asm__("mov %%gs:8, %0" : "=r"(t));
    return t;
}
#else
struct thread *arch_current(void);
#endif

/* --- what linux/ needs to make and change ring-3 threads ------------------------------------------ */

/* Begin ring 3 with these registers on the current thread's (empty) kernel stack. */
void arch_enter_user(const struct trap_frame *regs) NORETURN;

/* Registers for a new program: everything 0 but rip, rsp and flags. */
void arch_regs_exec(struct trap_frame *regs, u64 rip, u64 rsp);
/* execve: reset segments, FS/GS base and the FPU state of the current thread. */
void arch_exec_reset(void);
/* clone: give a new thread the caller's FPU state, segments and FS/GS bases. 0 or -ENOMEM. */
int arch_clone_state(struct thread *child);
/* Free what arch_clone_state or the FPU allocated. */
void arch_thread_free(struct thread *t);

u64 arch_get_fs_base(void); /* of the current thread */
u64 arch_get_gs_base(void);
void arch_set_fs_base(u64 base); /* canonical user address, checked by the caller */
void arch_set_gs_base(u64 base);
/* For CLONE_SETTLS on a child that has not run. */
void arch_child_set_fs_base(struct thread *child, u64 base);

static inline bool arch_user_address_ok(u64 a)
{
    return a < UINT64_C(0x7ffffffff000);
}

/*
 * The FPU state in a signal frame: bytes needed, and its alignment (64). Save writes the current
 * thread's state in the layout of Linux's sigcontext (FXSAVE with the software-reserved bytes, then
 * the XSAVE header and state with FP_XSTATE_MAGIC2 where there is XSAVE). Restore validates it.
 */
size_t arch_fpu_frame_size(void);
int arch_fpu_save_user(u64 addr);    /* 0, -EFAULT */
int arch_fpu_restore_user(u64 addr); /* 0, -EFAULT, -EINVAL; addr 0: initial state */
/* After a signal frame was made: handlers start with the initial FPU control state? No: Linux resets it. */
void arch_fpu_reset(void);

/* AT_HWCAP and AT_HWCAP2 of the auxiliary vector; AT_MINSIGSTKSZ is from arch_fpu_frame_size. */
u64 arch_hwcap(void);
u64 arch_hwcap2(void);

#endif
