/* SPDX-License-Identifier: Apache-2.0 */
/* From the trap frame to the handler: the hot path of every system call. */
#include "arch/percpu.h"
#include "arch/upcall.h"
#include "core/print.h"
#include "linux/credentials.h"
#include "linux/syscall.h"
#include "object/thread.h"

typedef s64 (*entry_fn)(struct trap_frame *);

/* One entry function a call: it takes just the registers that the call uses. */
#define A0() ()
#define A1(a) (r->rdi)
#define A2(a, b) (r->rdi, r->rsi)
#define A3(a, b, c) (r->rdi, r->rsi, r->rdx)
#define A4(a, b, c, d) (r->rdi, r->rsi, r->rdx, r->r10)
#define A5(a, b, c, d, e) (r->rdi, r->rsi, r->rdx, r->r10, r->r8)
#define A6(a, b, c, d, e, f) (r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9)
#define SYSCALL(nr, name, ret, args, status, note)                                                 \
    static s64 enter_##name(struct trap_frame *r UNUSED)                                           \
    {                                                                                              \
        return sys_##name args;                                                                    \
    }
#include "linux/syscalls.def"
#undef SYSCALL

static u32 missing_count[SYSCALL_MAX];

static s64 enter_missing(struct trap_frame *r)
{
    u32 nr = (u32)r->error;

    if (nr < SYSCALL_MAX && __atomic_fetch_add(&missing_count[nr], 1, __ATOMIC_RELAXED) == 0)
        log_info("system call %u is not implemented (%s)", nr, current()->name);
    return -ENOSYS;
}

#define PRIVILEGED(nr, name, cap)                                                                  \
    static s64 enter_##name(struct trap_frame *r)                                                  \
    {                                                                                              \
        return cred_capable(CAP_##cap##_) ? enter_missing(r) : -EPERM;                             \
    }
#include "linux/privileged.def"
#undef PRIVILEGED

#define SYSCALL(nr, name, ret, args, status, note) [nr] = enter_##name,
#define PRIVILEGED(nr, name, cap) [nr] = enter_##name,
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const entry_fn table[SYSCALL_MAX] = {
    [0 ... SYSCALL_MAX - 1] = enter_missing,
#include "linux/syscalls.def"
#include "linux/privileged.def"
};
#pragma GCC diagnostic pop
#undef SYSCALL
#undef PRIVILEGED

void linux_syscall(struct trap_frame *regs)
{
    u32 nr = (u32)regs->error;
    entry_fn enter;
    s64 ret;

    cpu_enter_kernel()->syscalls++;
    enter = likely(nr < SYSCALL_MAX) ? table[nr] : enter_missing;
    if (unlikely(strace_enabled))
        ret = strace_call(regs, enter);
    else
        ret = enter(regs);
    regs->rax = (u64)ret;
    /*
     * user.c converts it; the signal that interrupted the call may have been taken by another
     * thread.
     */
    if (unlikely(IS_RESTART(ret)))
        thread_set_work(current(), WORK_SIGNAL);
}
