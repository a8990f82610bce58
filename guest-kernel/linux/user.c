/* SPDX-License-Identifier: Apache-2.0 */
/* The way back to ring 3: signals, restarts of interrupted calls, and the end of a thread. */
#include "arch/upcall.h"
#include "core/print.h"
#include "core/string.h"
#include "core/time.h"
#include "linux/syscall.h"
#include "object/process.h"

#define SYSCALL_INSN_LEN 2u

/* --- restarts --------------------------------------------------------------------------------- */

u64 restart_kept(u64 deadline)
{
    struct thread *t = current();
    u64 d = t->sig.restart_deadline;

    if (likely(!d))
        return deadline;
    t->sig.restart_deadline = 0;
    return t->sig.restart_nr == (u32)t->regs->error ? d : deadline;
}

u64 restart_deadline(u64 ns)
{
    u64 now;

    if (unlikely(current()->sig.restart_deadline)) {
        u64 kept = restart_kept(0);

        if (kept)
            return kept;
    }
    if (ns == UINT64_MAX)
        return DEADLINE_NEVER;
    now = time_mono();
    return ns > UINT64_MAX - 1 - now ? DEADLINE_NEVER : now + ns;
}

s64 restart_later(u64 deadline)
{
    struct thread *t = current();

    t->sig.restart_deadline = deadline;
    t->sig.restart_nr = (u32)t->regs->error;
    return -ERESTART_DEADLINE;
}

/* The frame of a call that was interrupted: answer EINTR, or go back to the instruction. */
static void finish_restart(struct trap_frame *regs, const struct sig_action *act)
{
    struct thread *t = current();
    s64 ret = (s64)regs->rax;
    bool again;

    if (regs->vector != TRAP_SYSCALL || !IS_RESTART(ret))
        return;
    again = !act || (ret == -ERESTART && (act->flags & SAF_RESTART));
    if (act)
        t->sig.restart_deadline = 0;
    if (again) {
        regs->rax = regs->error;
        regs->rip -= SYSCALL_INSN_LEN;
    } else {
        regs->rax = (u64)-EINTR;
    }
    regs->vector = 0; /* once only */
}

/* --- signals ---------------------------------------------------------------------------------- */

static void deliver(struct trap_frame *regs, const struct sig_info *info,
                    const struct sig_action *act)
{
    struct thread *t = current();
    u64 mask = t->sig.blocked | act->mask;
    struct sig_info segv;

    if (sigframe_push(regs, info, act)) {
        /* No room for a frame: SIGSEGV, and its own handler cannot run either if it is that one. */
        t->sig.restore_blocked = false;
        if (info->signo == SIGSEGV) {
            process_group_exit(SIGSEGV);
            return;
        }
        sig_info_kernel(&segv, SIGSEGV);
        signal_force(&segv);
        return;
    }
    t->sig.restore_blocked = false;
    if (!(act->flags & SAF_NODEFER))
        mask |= SIGBIT(info->signo);
    signal_set_mask(mask);
}

void linux_user_work(struct trap_frame *regs)
{
    struct thread *t = current();
    struct process *p = t->proc;
    struct sig_info info;
    struct sig_action act;
    bool ends;

    /* Under the senders' lock, so that a wake-up that comes later leaves both marks again. */
    spin_lock(&p->lock);
    __atomic_fetch_and(&t->work, ~(WORK_SIGNAL | WORK_EXIT), __ATOMIC_ACQ_REL);
    __atomic_store_n(&t->interrupted, 0, __ATOMIC_RELEASE);
    ends = p->group_exit || (p->exec_thread && p->exec_thread != t);
    spin_unlock(&p->lock);
    while (!ends && signal_next(&info, &act)) {
        finish_restart(regs, &act);
        deliver(regs, &info, &act);
        ends = READ_ONCE(p->group_exit);
    }
    if (ends || READ_ONCE(p->group_exit) ||
        (READ_ONCE(p->exec_thread) && READ_ONCE(p->exec_thread) != t))
        linux_thread_end();
    finish_restart(regs, NULL);
    if (t->sig.restore_blocked) {
        t->sig.restore_blocked = false;
        signal_set_mask(t->sig.saved_blocked);
    }
}

void linux_fault(struct trap_frame *regs, int signo, int code, u64 addr)
{
    struct thread *t = current();
    struct sig_info info;

    t->sig.fault_vector = regs->vector;
    t->sig.fault_error = regs->error;
    if (regs->vector == 14)
        t->sig.fault_addr = addr;
    sig_info_kernel(&info, signo);
    info.code = code;
    info.fault.addr = addr;
    log_detail("%s[%u]: signal %d code %d addr 0x%lx rip 0x%lx rsp 0x%lx error 0x%lx", t->name,
               t->tid, signo, code, addr, regs->rip, regs->rsp, regs->error);
    signal_force(&info);
}

/* --- the end ---------------------------------------------------------------------------------- */

void linux_thread_end(void)
{
    futex_exit_robust();
    futex_clear_child_tid();
    process_leave(current());
    thread_exit();
}

s64 sys_exit(int status)
{
    current()->exit_code = (status & 0xff) << 8;
    linux_thread_end();
}

s64 sys_exit_group(int status)
{
    process_group_exit((status & 0xff) << 8);
    linux_thread_end();
}

s64 sys_restart_syscall(void)
{
    return -EINTR;
}
