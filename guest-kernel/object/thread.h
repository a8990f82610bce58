/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thread: what runs. An object that signals SIG_TERMINATED at its end.
 *
 * Lock legend: (i) set at creation  (a) atomic  (o) its own thread only  (r) run queue of its vCPU
 *              (p) process lock, (t) process_tree_lock (object/process.h)
 */
#ifndef OBJECT_THREAD_H
#define OBJECT_THREAD_H

#include "arch/context.h"
#include "core/timer.h"
#include "object/object.h"
#include "object/signal.h"
#include "object/usage.h"

struct process;

/* Bits of thread.work: something to do before the return to ring 3. */
#define WORK_SIGNAL   UINT32_C(1) /* signals may be pending: linux/ looks */
#define WORK_RESCHED  UINT32_C(2) /* another thread waits for this vCPU */
#define WORK_EXIT     UINT32_C(4) /* the process is ending */
#define WORK_CPUTIME  UINT32_C(8) /* look at the deadlines on CPU clocks (cputime.h) */

struct thread {
    u32 work;                    /* (a) WORK_*; first, where entry.S reads it */
    struct object obj;
    struct arch_context ctx;     /* saved kernel registers while it does not run */
    const u64 kstack;            /* (i) lowest address of the kernel stack */
    /*
     * (i) A reference, held until the thread is destroyed, so whoever has the thread has the process too,
     * whether it lives or not. NULL: a kernel thread.
     */
    struct process *const proc;
    char name[16];               /* (o) comm; read racily by /proc */

    /* sched/ */
    u32 state;                   /* (a) enum thread_state */
    u32 permit;                  /* (a) see core/park.h */
    u32 interrupted;             /* (a) an interruptible wait must end */
    bool waking_sync;            /* (o) object_signal_sync is being done */
    bool told;                   /* (a) something that it waits for fired; see object_wait_many */
    struct list *dropping;       /* (o) net/: files that are being dropped, or NULL */
    u32 cpu;                     /* (r) vCPU it runs or last ran on */
    u32 on_cpu;                  /* (a) its context is in use by a vCPU */
    u64 affinity;                /* (a) mask of allowed vCPUs */
    struct list run_node;        /* (r) */
    struct timer timer;          /* (o) armed while parked with a deadline */
    u64 run_ns;                  /* (a) CPU time used, in ns; while it runs: see thread_time */
    u32 ticks[2];                /* (a) found it in ring 3, in ring 0: see thread_ticks */
    struct cpu_times shown;      /* (p) see thread_usage */
    u64 nvcsw, nivcsw;           /* (a) switches because it waited, because others were to run */

    /* Linux's view; linux/ and object/process.c use these */
    u32 tid;                     /* (t) changed by execve only: process_become_single */
    struct list proc_node;       /* (p) in process.threads */
    struct sigstate sig;         /* see object/signal.h */
    u64 minflt, majflt;          /* (a) page faults; majflt: of those for which the host was asked */
    u64 fetched;                 /* (o) how often pages were asked of the host */
    struct {
        u64 chars, calls;        /* (a) bytes moved and calls made ... */
    } io[2];                     /* ... [0] by reads, [1] by writes */
    u64 clear_child_tid;         /* (o) user address, or 0 */
    u64 robust_list;             /* (o) user address, or 0 */
    u64 rseq;                    /* (o) */
    struct trap_frame *regs;     /* (o) ring-3 registers, at the top of the kernel stack */
    u64 orig_rax;                /* (o) number of the system call being done, or -1: for restarts */
    u64 vfork_done;              /* see linux/ */
    struct event *vfork_event;
    int exit_code;               /* (o) wait status */
    bool has_children;           /* process_tree_lock; some are perhaps its own: wait(2), __WNOTHREAD */
    s32 nice;                    /* (p) kept and reported */
    u32 policy;                  /* (p) SCHED_*, the same */
    bool reset_on_fork;          /* (p) SCHED_RESET_ON_FORK */
};

enum thread_state { THREAD_NEW, THREAD_RUNNABLE, THREAD_RUNNING, THREAD_PARKED, THREAD_DEAD };

/* The running thread. */
static inline struct thread *current(void)
{
    return arch_current();
}

/*
 * Create a thread of the process (NULL: kernel thread) that begins with entry(arg) in ring 0; a Linux
 * thread's entry ends in arch_enter_user. It is not started. NULL: no memory. One reference is the
 * caller's; a running thread holds one of its own.
 */
struct thread *thread_create(struct process *proc, const char *name, void (*entry)(void *), void *arg);
void thread_start(struct thread *t);
/*
 * End the current thread: signals SIG_TERMINATED, drops its own reference, never returns. The vCPU drops
 * it, between two threads: so a thread that has ended, and its process, are destroyed without parking.
 */
void thread_exit(void) NORETURN;

/* Fill in a zeroed thread that has a stack already (thread_create, and each vCPU's idle thread). */
void thread_setup(struct thread *t, const char *name);
/* Of sched/: its part of thread_setup; and the last step of thread_exit. */
void sched_thread_init(struct thread *t);
void sched_end_thread(void) NORETURN;

/*
 * CPU time used so far, in ns, also of one that runs on another vCPU: run_ns has THREAD_RUNS set then,
 * and is the time on the monotonic clock at which it would have begun to run without a break.
 */
#define THREAD_RUNS (UINT64_C(1) << 63)
u64 thread_time(const struct thread *t);
/* How often the VMM's tick (rv_vcpu_page.ticks) found it in ring 3 [0] and in ring 0 [1]. */
void thread_ticks(const struct thread *t, u32 ticks[2]);

/* Make an interruptible wait of t end with -EINTR, now or when it next begins one. */
void thread_interrupt(struct thread *t);
/* Ask t to look at its work before (or soon after, by a kick) its next ring-3 instruction. */
void thread_set_work(struct thread *t, u32 bits);

#endif
