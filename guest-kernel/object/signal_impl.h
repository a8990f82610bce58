/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by signal.c and signal_take.c. All with process.lock held. */
#ifndef OBJECT_SIGNAL_IMPL_H
#define OBJECT_SIGNAL_IMPL_H

#include "object/signal.h"

#define SIGSET_IGNORED (SIGBIT(SIGCHLD) | SIGBIT(SIGCONT) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH))
#define SIGSET_STOP (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
/* Made by the thread's own instructions: taken before all others. */
#define SIGSET_SYNC (SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) |         \
                     SIGBIT(SIGFPE) | SIGBIT(SIGSYS))

struct sig_queued {
    struct list node;
    struct sig_info info;
    struct sig_timer *timer; /* whose it is; NULL: freed when taken */
};

/* Drop the signals of the set from one queue, or from all of a process. */
void sig_discard(struct sig_pending *q, u64 set);
void sig_discard_everywhere(struct process *p, u64 set);
/* Make t look at its signals, and end its interruptible wait. */
void sig_wake(struct thread *t);
u64 sig_handler(struct process *p, int signo);
/* Whether all threads stand still in the stop that has begun: then process_report_job is to be called. */
bool sig_all_stopped(struct process *p);
/* An entry out of its queue is done with. info: where it is delivered from; NULL: it is dropped. */
void sig_entry_done(struct sig_queued *e, struct sig_info *info);

#endif
