/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals of Linux, as state of threads and processes: what is pending, what is blocked, what to
 * do. Frames on the user stack are linux/sigframe.c's business; nothing here touches user memory.
 *
 * Locks: process.lock guards the pending sets of the process and of its threads, and their masks (a
 * thread's own mask is written by that thread only, so it may read it without the lock).
 * sigactions.lock (taken below process.lock) guards the actions.
 */
#ifndef OBJECT_SIGNAL_H
#define OBJECT_SIGNAL_H

#include "core/list.h"
#include "core/lock.h"

struct object;
struct process;
struct thread;

#define SIG_COUNT 64
#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGUSR1 10
#define SIGSEGV 11
#define SIGUSR2 12
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
#define SIGSTKFLT 16
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGURG 23
#define SIGXCPU 24
#define SIGXFSZ 25
#define SIGVTALRM 26
#define SIGPROF 27
#define SIGWINCH 28
#define SIGIO 29
#define SIGPWR 30
#define SIGSYS 31
#define SIGRTMIN 32

/* A set of signals: bit signo - 1. */
#define SIGBIT(signo) (UINT64_C(1) << ((signo) - 1))
#define SIGSET_UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))

/* Handler values and flags of struct sig_action, as in the Linux ABI. */
#define SIGH_DFL UINT64_C(0)
#define SIGH_IGN UINT64_C(1)
#define SAF_NOCLDSTOP UINT64_C(1)
#define SAF_NOCLDWAIT UINT64_C(2)
#define SAF_SIGINFO   UINT64_C(4)
#define SAF_RESTORER  UINT64_C(0x04000000)
#define SAF_ONSTACK   UINT64_C(0x08000000)
#define SAF_RESTART   UINT64_C(0x10000000)
#define SAF_NODEFER   UINT64_C(0x40000000)
#define SAF_RESETHAND UINT64_C(0x80000000)

/* si_code values. */
#define SIC_USER   0
#define SIC_KERNEL 0x80
#define SIC_QUEUE  (-1)
#define SIC_TIMER  (-2)
#define SIC_TKILL  (-6)
#define SIC_CLD_EXITED    1
#define SIC_CLD_KILLED    2
#define SIC_CLD_DUMPED    3
#define SIC_CLD_STOPPED   5
#define SIC_CLD_CONTINUED 6

/* The ABI's struct sigaction of x86-64. */
struct sig_action {
    u64 handler;
    u64 flags;
    u64 restorer;
    u64 mask;
};
STATIC_ASSERT(sizeof(struct sig_action) == 32);

/* The first 48 bytes of the ABI's siginfo_t; the other 80 are 0. */
struct sig_info {
    s32 signo, err, code, pad;
    union {
        struct {
            s32 pid;
            u32 uid;
            u64 value;
        } kill; /* kill, tgkill, sigqueue */
        struct {
            s32 pid;
            u32 uid;
            s32 status, pad;
            s64 utime, stime; /* clock ticks */
        } child;
        struct {
            u64 addr;
        } fault;
        struct {
            s32 id, overrun;
            u64 value;
        } timer;
        u64 raw[4];
    };
};
STATIC_ASSERT(sizeof(struct sig_info) == 48);
#define SIG_INFO_ABI_SIZE 128u

struct sig_pending {
    u64 set;
    struct list queue; /* struct sig_queued, oldest first; without memory a set bit has none */
    u32 count;         /* entries of the queue */
};

/*
 * The signal of a timer (timer_create(2)): its place in the queue is made with the timer, and it is
 * queued once at a time. All with process.lock held.
 */
struct sig_timer {
    struct sig_queued *entry; /* (i) */
    struct sig_pending *in;   /* the queue it is in, or NULL */
    /* It was taken out of the queue: to be delivered with this information, or dropped (NULL). */
    void (*taken)(struct sig_timer *t, struct sig_info *info);
};

/*
 * Somebody who wants to know whether a process has signals of a set pending, signalfd(2): shown as
 * SIG_READABLE of an object. With process.lock held.
 */
struct sig_watch {
    struct list node; /* in process.sig_watches */
    struct object *shown_on;
    u64 set;
};

struct sig_altstack {
    u64 sp;
    u32 flags;
    u64 size;
};

/* A thread's signal state. */
struct sigstate {
    u64 blocked;
    u64 saved_blocked;    /* mask to return to after a handler (sigsuspend, ppoll) ... */
    bool restore_blocked; /* ... if this is set */
    u64 wait_set;         /* what sigtimedwait took out of blocked for its wait */
    bool stopped;         /* it stands still, until the process goes on */
    struct sig_pending pending;
    struct sig_altstack alt;
    u64 restart_deadline; /* of an interrupted call with a relative timeout; 0: none */
    u32 restart_nr;       /* the call */
    u64 fault_vector, fault_error, fault_addr; /* last exception of ring 3, for signal frames */
};

/* What a process does on each signal; shared by CLONE_SIGHAND. */
struct sigactions {
    u32 refs; /* atomic */
    struct spinlock lock;
    struct sig_action act[SIG_COUNT];
};

struct sigactions *sigactions_create(const struct sigactions *from); /* NULL: all default */
void sigactions_ref(struct sigactions *a);
void sigactions_unref(struct sigactions *a);
/* execve: caught signals go back to the default; ignored ones stay ignored. */
void sigactions_reset(struct sigactions *a);

void sigstate_init(struct sigstate *s);
void sig_pending_init(struct sig_pending *p);
void sig_pending_clear(struct sig_pending *p);

/* Fill in a siginfo as kill(2) by the current process does. */
void sig_info_user(struct sig_info *info, int signo, int code);
/* ... and as the kernel does (si_code SI_KERNEL). */
void sig_info_kernel(struct sig_info *info, int signo);

/*
 * Send. From outside the container or the kernel itself: SIG_FORCE_INIT lets the default action of
 * SIGKILL and SIGSTOP reach pid 1, which otherwise gets only what it has handlers for. 0, or
 * -EAGAIN: a real-time signal that did not fit into RLIMIT_SIGPENDING.
 */
#define SIG_FORCE_INIT 1u
int signal_send_process(struct process *p, const struct sig_info *info, unsigned flags);
int signal_send_thread(struct thread *t, const struct sig_info *info, unsigned flags);
/* The same without locking, for callers that hold process.lock. */
int signal_send_locked(struct process *p, struct thread *t, const struct sig_info *info,
                       unsigned flags);

/* Bring the watches up to date: after they or what is pending changed. process.lock held. */
void sig_watches_update(struct process *p);

/* 0 or -ENOMEM. signal_timer_end: takes it out of its queue; then its memory goes. */
int signal_timer_init(struct sig_timer *t, void (*taken)(struct sig_timer *, struct sig_info *));
void signal_timer_end(struct sig_timer *t);
/* Queue the signal, which is not, for a thread (NULL: the process). It may be ignored: t->in says. */
void signal_timer_send(struct sig_timer *t, struct process *p, struct thread *to,
                       const struct sig_info *info);

/*
 * A signal of the kernel (SI_KERNEL) to all processes of a group; the terminal's. Unknown pgid:
 * nobody.
 */
void signal_pgrp(u32 pgid, int signo);
/* To the current thread as if by itself: SIGPIPE, SIGXFSZ. */
void signal_self(int signo);
/* A signal of the kernel to one process. */
void signal_kernel(struct process *p, int signo);

/*
 * A fault of the current thread: the signal is sent even if blocked or ignored (then with the
 * default action, also for pid 1).
 */
void signal_force(const struct sig_info *info);

/* Whether the current thread has a signal that it does not block. A hint, no lock. */
bool signal_is_pending(void);

/* Change the current thread's mask (KILL and STOP are taken out) and look for what it lets in. */
void signal_set_mask(u64 mask);
/* For the duration of one call (sigsuspend, ppoll): the old mask comes back after the handler. */
void signal_set_mask_temporarily(u64 mask);
/*
 * End of such a call: put the old mask back unless a signal is about to be handled (ret: its
 * answer).
 */
void signal_end_temporary_mask(s64 ret);

/* Take a pending signal of the set, lowest first; its number, or 0. */
int signal_dequeue(u64 set, struct sig_info *info);
/* sigtimedwait: number of the signal, -EAGAIN after the deadline, -EINTR. */
int signal_wait(u64 set, u64 deadline, struct sig_info *info);

/* Set and/or get an action; flags and semantics of rt_sigaction(2). 0 or -EINVAL. */
int signal_action(int signo, const struct sig_action *new, struct sig_action *old);

/*
 * Next signal for which the current thread has to run a handler: true with what to run. Default
 * actions are done here: ignoring, stopping (returns when continued) and ending the process (does
 * not return).
 */
bool signal_next(struct sig_info *info, struct sig_action *act);

/* Whether the current process blocks or ignores signo (terminals: SIGTTOU). */
bool signal_is_shut(int signo);

#endif
