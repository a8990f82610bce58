/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions and the kick interrupt, behind entry.S. */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/upcall.h"
#include "core/print.h"
#include "core/hostcall.h"
#include "core/string.h"
#include "entry_offsets.h"
#include "guest.h"
#include "mm/aspace.h"
#include "mm/frame.h"
#include "mm/usercopy.h"
#include "object/oom.h"
#include "object/process.h"
#include "object/thread.h"
#include "sched/sched.h"

STATIC_ASSERT(offsetof(struct percpu, current) == CPU_CURRENT);
STATIC_ASSERT(offsetof(struct percpu, kstack_top) == CPU_KSTACK_TOP);
STATIC_ASSERT(offsetof(struct percpu, user_rsp) == CPU_USER_RSP);
STATIC_ASSERT(offsetof(struct percpu, page) == CPU_PAGE);
STATIC_ASSERT(offsetof(struct rv_vcpu_page, pending) == PAGE_PENDING);
STATIC_ASSERT(offsetof(struct rv_vcpu_page, in_kernel) == PAGE_IN_KERNEL);
STATIC_ASSERT(offsetof(struct trap_frame, r11) == FRAME_R11);
STATIC_ASSERT(offsetof(struct trap_frame, rcx) == FRAME_RCX);
STATIC_ASSERT(offsetof(struct trap_frame, vector) == FRAME_VECTOR);
STATIC_ASSERT(offsetof(struct trap_frame, rip) == FRAME_RIP);
STATIC_ASSERT(offsetof(struct trap_frame, cs) == FRAME_CS);
STATIC_ASSERT(offsetof(struct trap_frame, rflags) == FRAME_RFLAGS);
STATIC_ASSERT(offsetof(struct trap_frame, rsp) == FRAME_RSP);
STATIC_ASSERT(offsetof(struct thread, work) == THREAD_WORK);
STATIC_ASSERT(offsetof(struct arch_cpu, ist[IST_DF - 1]) == ARCH_IST_DF && IST_STACK == 4096);
STATIC_ASSERT(offsetof(struct cpu_features, smap) == FEATURES_SMAP);
STATIC_ASSERT(USER_CS == USER_CS_SEL && USER_SS == USER_SS_SEL && TRAP_SYSCALL == VECTOR_SYSCALL);

enum { SIGILL_ = 4, SIGTRAP_ = 5, SIGBUS_ = 7, SIGFPE_ = 8, SIGSEGV_ = 11 };
enum { SI_KERNEL_ = 0x80, SEGV_MAPERR_ = 1, SEGV_ACCERR_ = 2, BUS_ADRALN_ = 1, BUS_ADRERR_ = 2,
       ILL_ILLOPN_ = 2, TRAP_BRKPT_ = 1, TRAP_TRACE_ = 2, FPE_INTDIV_ = 1, FPE_FLTINV_ = 7 };

#define PF_WRITE 2u
#define PF_USER  4u
#define PF_FETCH 16u
#define FLAG_AC  (1u << 18)

static u64 fault_address(void)
{
    u64 a;

    __asm__ volatile("mov %%cr2, %0" : "=r"(a));
    return a;
}

NORETURN void trap_fatal(struct trap_frame *regs);

static NORETURN void crash(struct trap_frame *regs, const char *what)
{
    char text[128];
    struct hc_io io;

    str_printf(text, sizeof(text), "%s in ring 0: vector %lu, error 0x%lx, address 0x%lx", what,
               regs->vector, regs->error, fault_address());
    hc_io_init(&io);
    hc_in(&io, text, strlen(text));
    hostcall(RV_HC_crash, (u64)regs, 0, 0, 0, 0, &io);
    for (;;)
        cpu_halt();
}

void trap_fatal(struct trap_frame *regs)
{
    crash(regs, regs->vector == 8 ? "double fault (kernel stack overflow?)" : "fatal exception");
}

/*
 * The one form in which a software KVM delivers ring 3's system calls: a fetch fault of ring 3 at the
 * entry address, with rcx and r11 as the instruction left them. Ring 3 can also jump there with
 * anything in rcx and r11, so they are treated as the program's own.
 */
static bool is_soft_syscall(const struct trap_frame *regs)
{
    return cpu_features.soft_syscall && regs->rip == (u64)syscall_entry &&
           (regs->error & (PF_USER | PF_FETCH)) == (PF_USER | PF_FETCH);
}

static void soft_syscall(struct trap_frame *regs)
{
    if (!arch_user_address_ok(regs->rcx)) {
        linux_fault(regs, SIGSEGV_, SI_KERNEL_, 0);
        return;
    }
    regs->rip = regs->rcx;
    regs->rflags = (regs->r11 & USER_FLAGS) | 0x202;
    regs->error = regs->rax;
    regs->vector = TRAP_SYSCALL;
    linux_syscall(regs);
}

/* A fault for which the host was asked for pages is what Linux counts as one with I/O. */
static inline int count_fault(struct thread *t, struct aspace *as, u64 addr, u32 access)
{
    u64 fetched = t->fetched;
    int r = aspace_fault(as, addr, access);

    if (likely(t->fetched == fetched)) {
        t->minflt++;
    } else {
        t->majflt++;
        this_cpu()->major_faults++;
    }
    return r;
}

static void user_page_fault(struct trap_frame *regs)
{
    u64 addr = fault_address();
    u32 access = regs->error & PF_WRITE ? VM_WRITE : regs->error & PF_FETCH ? VM_EXEC : VM_READ;
    int r = count_fault(current(), current()->proc->aspace, addr, access);

    if (likely(r == 0))
        return;
    if (r == -ENOMEM) {
        oom_kill(); /* and touch it again, if this process is not the one to end */
        return;
    }
    if (r == FAULT_BUS)
        linux_fault(regs, SIGBUS_, BUS_ADRERR_, addr);
    else
        linux_fault(regs, SIGSEGV_, r == FAULT_ACCERR ? SEGV_ACCERR_ : SEGV_MAPERR_, addr);
}

/* The promise of entry.S: ring 3's AC does not keep SMAP off. */
static void check_smap(void)
{
#ifdef RV_DEBUG
    u64 flags;

    __asm__ volatile("pushfq; popq %0" : "=r"(flags));
    if (cpu_features.smap && flags & FLAG_AC)
        panic("ring 3's AC reached the kernel");
#endif
}

static bool is_software_interrupt(const struct trap_frame *regs)
{
    u8 insn;

    return copy_from_user(&insn, regs->rip, 1) == 0 && insn == 0xcd;
}

void trap_user(struct trap_frame *regs);
void trap_user(struct trap_frame *regs)
{
    check_smap();
    cpu_enter_kernel();
    switch (regs->vector) {
    case 14:
        if (is_soft_syscall(regs)) {
            soft_syscall(regs);
        } else if (unlikely(selftest_running)) {
            cpu_features.soft_syscall = regs->rip == (u64)selftest_entry;
            if (!cpu_features.soft_syscall)
                crash(regs, "self-test of the system-call instruction failed");
            selftest_resume();
        } else {
            user_page_fault(regs);
        }
        break;
    case RV_KICK_VECTOR: /* the pending word is looked at on the way out */
        this_cpu()->interrupts++;
        break;
    case 13:
        if (!cpuid_emulate(regs))
            linux_fault(regs, SIGSEGV_, SI_KERNEL_, 0);
        break;
    case 0:
        linux_fault(regs, SIGFPE_, FPE_INTDIV_, regs->rip);
        break;
    case 1:
        linux_fault(regs, SIGTRAP_, TRAP_TRACE_, regs->rip);
        break;
    case 3:
        linux_fault(regs, SIGTRAP_, SI_KERNEL_, 0);
        break;
    case 6:
        /* Where ring 0 is emulated, ring 3's `int n` arrives so, instead of as #GP. */
        if (cpu_features.emulated && is_software_interrupt(regs))
            linux_fault(regs, SIGSEGV_, SI_KERNEL_, 0);
        else
            linux_fault(regs, SIGILL_, ILL_ILLOPN_, regs->rip);
        break;
    case 11:
    case 12:
        linux_fault(regs, SIGBUS_, SI_KERNEL_, 0);
        break;
    case 16:
    case 19:
        linux_fault(regs, SIGFPE_, FPE_FLTINV_, regs->rip);
        break;
    case 17:
        linux_fault(regs, SIGBUS_, BUS_ADRALN_, fault_address());
        break;
    case 4:
    default:
        linux_fault(regs, SIGSEGV_, SI_KERNEL_, 0);
        break;
    }
}

struct fixup {
    u64 insn, to;
};
extern const struct fixup fixup_start[], fixup_end[];

static u64 find_fixup(u64 rip)
{
    for (const struct fixup *f = fixup_start; f < fixup_end; f++)
        if (f->insn == rip)
            return f->to;
    return 0;
}

/* A fault on a user copy is resolved like ring 3's; then the instruction is tried again. */
void trap_kernel(struct trap_frame *regs);
void trap_kernel(struct trap_frame *regs)
{
    u64 addr = fault_address(), to = find_fixup(regs->rip);
    struct thread *t = current();
    int r = -EFAULT;

    if (regs->vector == RV_KICK_VECTOR) {
        this_cpu()->interrupts++;
        return;
    }
    if (to && regs->vector == 13) {
        regs->rip = to;
        return;
    }
    if (!to || regs->vector != 14 || addr >= USER_TOP)
        crash(regs, "exception");
    check_smap();
    if (t->proc)
        r = count_fault(t, t->proc->aspace, addr, regs->error & PF_WRITE ? VM_WRITE : VM_READ);
    if (r && !(r == -ENOMEM && oom_kill()))
        regs->rip = to;
}

/*
 * Ring 3 cannot go on with the registers that it has or asked for. To the program it is a fault of the
 * instruction that it would have gone on with, as on Linux.
 */
static void refuse_return(struct trap_frame *regs, u64 error)
{
    regs->vector = 13;
    regs->error = error;
    linux_fault(regs, SIGSEGV_, SI_KERNEL_, 0);
}

/*
 * The iretq to ring 3 faulted, and this is that exception's frame, right below what iretq read. The two
 * make the frame with which ring 3 was to go on.
 */
struct trap_frame *trap_iret_failed(struct trap_frame *fault);
struct trap_frame *trap_iret_failed(struct trap_frame *fault)
{
    struct trap_frame *regs = (struct trap_frame *)this_cpu()->kstack_top - 1;
    u64 error = fault->error;

    cpu_enter_kernel();
    memmove(regs, fault, offsetof(struct trap_frame, rip));
    refuse_return(regs, error);
    return regs;
}

#ifdef RV_DEBUG
/*
 * For tests/guest/ring3_return.c: ring 3 chooses what iretq loads, once, by a number that it has in
 * R15. No other way is known to make it fail.
 */
static void inject_bad_return(struct trap_frame *regs)
{
    if (regs->r15 != INJECT_BAD_RETURN)
        return;
    regs->r15 = 0;
    regs->cs = (u16)(regs->r14 | 3);
    regs->ss = (u16)regs->r13;
    if (regs->r12)
        regs->rip = regs->r12;
}
#else
static void inject_bad_return(struct trap_frame *regs UNUSED)
{
}
#endif

/* All that was asked of this thread, until nothing is left. */
static void do_work(struct trap_frame *regs)
{
    struct thread *t = current();

    for (;;) {
        u32 work;

        if (READ_ONCE(this_cpu()->page->pending))
            sched_pending();
        work = __atomic_load_n(&t->work, __ATOMIC_ACQUIRE);
        if (!work && !READ_ONCE(this_cpu()->page->pending))
            return;
        if (work & WORK_RESCHED)
            sched_resched();
        if (unlikely(work & WORK_CPUTIME)) {
            __atomic_fetch_and(&t->work, ~WORK_CPUTIME, __ATOMIC_SEQ_CST);
            cputime_look();
        }
        if (work & (WORK_SIGNAL | WORK_EXIT))
            linux_user_work(regs);
    }
}

/* On the way to ring 3 with something to do, or with a rip that iretq would not take. */
void trap_return_work(struct trap_frame *regs);
void trap_return_work(struct trap_frame *regs)
{
    cpu_enter_kernel();
    do_work(regs);
    /* A handler at such an address is the next fault: each takes stack, which ends. */
    while (unlikely(!arch_user_address_ok(regs->rip))) {
        refuse_return(regs, 0);
        do_work(regs);
    }
    /* Whatever set the registers: ring 3 never gets more than ring 3's rights. */
    regs->cs = USER_CS;
    regs->ss = USER_SS;
    regs->rflags = (regs->rflags & USER_FLAGS) | 0x202;
    inject_bad_return(regs);
    WRITE_ONCE(this_cpu()->page->in_kernel, 0);
}
