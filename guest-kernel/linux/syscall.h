/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls' handlers: s64 sys_NAME(...) with the types of syscalls.def's kinds; user
 * addresses are u64. The result is what ring 3 gets: >= 0 or a negative errno, or one of the
 * restart codes, which linux/user.c turns into EINTR or a restart.
 */
#ifndef LINUX_SYSCALL_H
#define LINUX_SYSCALL_H

#include "linux/kinds.h"

struct trap_frame;

/* Restart codes besides ERESTART and ERESTART_NOHAND of core/types.h. */
#define ERESTART_DEADLINE 516 /* as NOHAND, with restart_deadline() kept for the relative timeout */
#define IS_RESTART(r) ((u64)((r) + ERESTART_DEADLINE) <= ERESTART_DEADLINE - ERESTART)

#define A0() (void)
#define A1(a) (arg_##a)
#define A2(a, b) (arg_##a, arg_##b)
#define A3(a, b, c) (arg_##a, arg_##b, arg_##c)
#define A4(a, b, c, d) (arg_##a, arg_##b, arg_##c, arg_##d)
#define A5(a, b, c, d, e) (arg_##a, arg_##b, arg_##c, arg_##d, arg_##e)
#define A6(a, b, c, d, e, f) (arg_##a, arg_##b, arg_##c, arg_##d, arg_##e, arg_##f)
#define SYSCALL(nr, name, ret, args, status, note) s64 sys_##name args;
#include "linux/syscalls.def"
#undef SYSCALL
#undef A0
#undef A1
#undef A2
#undef A3
#undef A4
#undef A5
#undef A6

#define SYSCALL_MAX 462u /* numbers below it have a slot in the table */

/* --- strace.c --------------------------------------------------------------------------------- */

extern bool strace_enabled; /* set at boot */
s64 strace_call(struct trap_frame *regs, s64 (*handler)(struct trap_frame *));

/* --- user.c, sigframe.c ----------------------------------------------------------------------- */

struct sig_info;
struct sig_action;
/* Put a frame for the handler on the user stack and change regs to begin it. 0 or -EFAULT. */
int sigframe_push(struct trap_frame *regs, const struct sig_info *info,
                  const struct sig_action *act);

/*
 * Deadline of a relative timeout: ns from now, or, in a call that is restarted after
 * ERESTART_DEADLINE, the deadline it had. UINT64_MAX stays DEADLINE_NEVER.
 */
u64 restart_deadline(u64 ns);
/* The deadline that such a call had, on whatever clock, or else the one given. */
u64 restart_kept(u64 deadline);
/* Answer ERESTART_DEADLINE, keeping the deadline. */
s64 restart_later(u64 deadline);

/* End of the current thread in the Linux way; does not return. */
void linux_thread_end(void) NORETURN;

/* robust lists (sys_futex.c), called by linux_thread_end and execve. */
void futex_exit_robust(void);
void futex_clear_child_tid(void);

#endif
