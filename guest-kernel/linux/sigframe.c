/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signal frames: what a handler finds on its stack and what rt_sigreturn takes back, laid out as
 * Linux does on x86-64 (asm/ucontext.h, asm/sigcontext.h), since unwinders, Go and JVMs read and
 * change it.
 */
#include "arch/context.h"
#include "arch/cpu.h"
#include "core/string.h"
#include "linux/syscall.h"
#include "mm/usercopy.h"
#include "object/process.h"

#define RED_ZONE 128u

#define UC_FP_XSTATE         UINT64_C(1)
#define UC_SIGCONTEXT_SS     UINT64_C(2)
#define UC_STRICT_RESTORE_SS UINT64_C(4)

#define SS_ONSTACK_   1u
#define SS_DISABLE_   2u
#define SS_AUTODISARM_ (1u << 31)
#define MINSIGSTKSZ_  2048u

/* stack_t */
struct abi_stack {
    u64 sp;
    u32 flags, pad;
    u64 size;
};

struct abi_sigcontext {
    u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    u16 cs, gs, fs, ss;
    u64 error, trapno, oldmask, cr2, fpstate;
    u64 reserved[8];
};
STATIC_ASSERT(sizeof(struct abi_sigcontext) == 256);
STATIC_ASSERT(offsetof(struct abi_sigcontext, fpstate) == 184);

struct abi_frame {
    u64 restorer; /* the handler's return address */
    struct {
        u64 flags, link;
        struct abi_stack stack;
        struct abi_sigcontext mc;
        u64 sigmask;
    } uc;
    struct sig_info info;
    u8 info_rest[SIG_INFO_ABI_SIZE - sizeof(struct sig_info)];
};
STATIC_ASSERT(sizeof(struct abi_frame) == 8 + 304 + 128);
STATIC_ASSERT(offsetof(struct abi_frame, uc.mc) == 8 + 40);

static bool on_altstack(const struct sigstate *s, u64 sp)
{
    if (s->alt.flags & SS_AUTODISARM_)
        return false;
    return sp > s->alt.sp && sp - s->alt.sp <= s->alt.size;
}

static u32 altstack_state(const struct sigstate *s, u64 sp)
{
    if (!s->alt.size)
        return SS_DISABLE_;
    return on_altstack(s, sp) ? SS_ONSTACK_ : 0;
}

int sigframe_push(struct trap_frame *regs, const struct sig_info *info,
                  const struct sig_action *act)
{
    struct thread *t = current();
    struct sigstate *s = &t->sig;
    struct abi_frame f;
    u64 sp = regs->rsp - RED_ZONE, fp;
    bool nested = on_altstack(s, regs->rsp), entering = false;

    if (!(act->flags & SAF_RESTORER))
        return -EFAULT;
    if ((act->flags & SAF_ONSTACK) && altstack_state(s, regs->rsp) == 0) {
        sp = s->alt.sp + s->alt.size;
        entering = true;
    }
    fp = ALIGN_DOWN(sp - arch_fpu_frame_size(), 64);
    sp = ALIGN_DOWN(fp - sizeof(f), 16) - 8;
    /* An overflow of the alternate stack must not run into what lies below it. */
    if ((nested || entering) && (sp < s->alt.sp || sp - s->alt.sp > s->alt.size))
        return -EFAULT;

    memset(&f, 0, sizeof(f));
    f.restorer = act->restorer;
    f.uc.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (arch_fpu_frame_size() > 512 ? UC_FP_XSTATE : 0);
    f.uc.stack.sp = s->alt.sp;
    f.uc.stack.flags = altstack_state(s, regs->rsp) | (s->alt.flags & SS_AUTODISARM_);
    f.uc.stack.size = s->alt.size;
    f.uc.mc = (struct abi_sigcontext){
        .r8 = regs->r8, .r9 = regs->r9, .r10 = regs->r10, .r11 = regs->r11, .r12 = regs->r12,
        .r13 = regs->r13, .r14 = regs->r14, .r15 = regs->r15, .rdi = regs->rdi, .rsi = regs->rsi,
        .rbp = regs->rbp, .rbx = regs->rbx, .rdx = regs->rdx, .rax = regs->rax, .rcx = regs->rcx,
        .rsp = regs->rsp, .rip = regs->rip, .rflags = regs->rflags, .cs = USER_CS, .ss = USER_SS,
        .error = s->fault_error, .trapno = s->fault_vector, .oldmask = s->blocked,
        .cr2 = s->fault_addr, .fpstate = fp,
    };
    f.uc.sigmask = s->restore_blocked ? s->saved_blocked : s->blocked;
    f.info = *info;
    if (arch_fpu_save_user(fp) || copy_to_user(sp, &f, sizeof(f)))
        return -EFAULT;
    if (s->alt.flags & SS_AUTODISARM_)
        s->alt = (struct sig_altstack){ .flags = SS_DISABLE_ };

    regs->rdi = (u64)info->signo;
    regs->rsi = sp + offsetof(struct abi_frame, info);
    regs->rdx = sp + offsetof(struct abi_frame, uc);
    regs->rax = 0;
    regs->rsp = sp;
    regs->rip = act->handler;
    regs->rflags &= ~(UINT64_C(0x400) | 0x100 | 0x10000); /* DF, TF, RF */
    regs->vector = 0;
    arch_fpu_reset();
    return 0;
}

/* Set the alternate stack with the checks of sigaltstack(2). */
static int set_altstack(const struct abi_stack *ss, u64 sp, u64 min)
{
    struct sigstate *s = &current()->sig;
    u32 mode = ss->flags & ~SS_AUTODISARM_;

    if (on_altstack(s, sp))
        return -EPERM;
    if (mode != SS_DISABLE_ && mode != SS_ONSTACK_ && mode != 0)
        return -EINVAL;
    if (mode == SS_DISABLE_) {
        s->alt = (struct sig_altstack){ .flags = ss->flags };
        return 0;
    }
    if (ss->size < min)
        return -ENOMEM;
    s->alt = (struct sig_altstack){ .sp = ss->sp, .flags = ss->flags, .size = ss->size };
    return 0;
}

s64 sys_sigaltstack(u64 new, u64 old)
{
    struct sigstate *s = &current()->sig;
    u64 sp = current()->regs->rsp;
    struct abi_stack ss, now = {
        .sp = s->alt.sp,
        .flags = altstack_state(s, sp) | (s->alt.flags & SS_AUTODISARM_),
        .size = s->alt.size,
    };
    int r;

    if (new) {
        if (copy_from_user(&ss, new, sizeof(ss)))
            return -EFAULT;
        r = set_altstack(&ss, sp, MINSIGSTKSZ_);
        if (r)
            return r;
    }
    return old && copy_to_user(old, &now, sizeof(now)) ? -EFAULT : 0;
}

s64 sys_rt_sigreturn(void)
{
    struct thread *t = current();
    struct trap_frame *regs = t->regs;
    struct abi_frame f;
    struct sig_info info;
    const struct abi_sigcontext *m = &f.uc.mc;
    u64 sp = regs->rsp - 8;

    regs->vector = 0; /* nothing to restart */
    if (copy_from_user(&f.uc, sp + offsetof(struct abi_frame, uc), sizeof(f.uc)))
        goto bad;
    /* sysretq and iretq must not fault in ring 0: what ring 3 may not have is refused or masked. */
    if (!arch_user_address_ok(m->rip) || (m->cs | 3) != USER_CS)
        goto bad;
    signal_set_mask(f.uc.sigmask);
    *regs = (struct trap_frame){
        .r15 = m->r15, .r14 = m->r14, .r13 = m->r13, .r12 = m->r12, .rbp = m->rbp, .rbx = m->rbx,
        .r11 = m->r11, .r10 = m->r10, .r9 = m->r9, .r8 = m->r8, .rax = m->rax, .rcx = m->rcx,
        .rdx = m->rdx, .rsi = m->rsi, .rdi = m->rdi, .error = UINT64_MAX, .rip = m->rip,
        .cs = USER_CS, .rflags = (m->rflags & USER_FLAGS) | 0x202, .rsp = m->rsp, .ss = USER_SS,
    };
    if (arch_fpu_restore_user(m->fpstate))
        goto bad;
    /* As Linux: a stack that cannot be set again is no reason to fail. */
    (void)set_altstack(&f.uc.stack, regs->rsp, MINSIGSTKSZ_);
    return (s64)regs->rax;
bad:
    sig_info_kernel(&info, SIGSEGV);
    signal_force(&info);
    return 0;
}
