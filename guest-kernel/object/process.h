/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes: what threads share, and the tree of them, with process groups and sessions.
 *
 * Locks: process_tree_lock (RANK_PROCESS) guards the pid table, parents, children, groups and
 * sessions. A process's own lock (taken below it) guards its threads, signals and run state.
 * Neither is held while anything parks.
 *
 * Lock legend: (i) set at creation  (a) atomic  (t) process_tree_lock  (p) process.lock
 *              (o) changed only by the process's own threads while no other thread of it can look
 *                  (creation, execve, exit) or under (p); readers from other processes take (p)
 */
#ifndef OBJECT_PROCESS_H
#define OBJECT_PROCESS_H

#include "object/alarm.h"
#include "object/cputime.h"
#include "object/usage.h"
#include "core/radix.h"
#include "object/handle.h"
#include "object/object.h"
#include "object/signal.h"
#include "object/thread.h"
#include "object/wait.h"

struct aspace;
struct cred;
struct fs_context;

#define PID_MAX 32768u
#define TTY_FIRST_GRANT 1u /* process.tty_grant of the first process: the container's own terminal */
#define RLIMIT_COUNT 16u
#define RLIMIT_UNLIMITED UINT64_MAX

/* A number in use: by a thread, a process, a process group or a session. */
struct pid {
    u32 nr;
    u32 users;              /* (t) freed with the last one */
    struct thread *thread;  /* (t) no reference */
    struct process *proc;   /* (t) no reference of its own; see process.obj */
    struct list group;      /* (t) process.group_node: members of the group of this number */
};

struct rlimit_value {
    u64 cur, max;
};

/* Somebody in wait4. */
struct child_waiter {
    struct list node;
    struct event ev;
};

enum process_state { PROCESS_ALIVE, PROCESS_ZOMBIE, PROCESS_REAPED };

struct process {
    struct object obj;           /* SIG_TERMINATED from the zombie state on, then SIG_HANGUP */
    struct spinlock lock;
    const u32 pid;               /* (i) set by process_publish */
    struct pid *pid_entry;       /* (t) */

    /* tree */
    enum process_state state;    /* (t) */
    struct process *parent;      /* (t) no reference; NULL: pid 1 and before */
    u64 parent_thread;           /* (t) koid of the parent's thread whose child it is */
    struct list children;        /* (t) process.sibling */
    struct list sibling;         /* (t) */
    struct list child_waiters;   /* (t) struct child_waiter */
    struct pid *group, *session; /* (t) */
    struct list group_node;      /* (t) */
    u64 tty_grant;               /* (o) which taking of a terminal it has a part in; 0: none */
    bool subreaper;              /* (t) */
    bool keep_caps;              /* (o) PR_SET_KEEPCAPS */
    bool did_exec;               /* (o) setpgid(2) of the parent fails after it */
    int exit_signal;             /* (o) to the parent at the end; 0: none */
    int death_signal;            /* (p) PR_SET_PDEATHSIG */

    /* threads and their end */
    struct list threads;         /* (p) thread.proc_node */
    u32 nthreads;                /* (p) */
    bool group_exit;             /* (p) all threads are to end ... */
    int exit_code;               /* (p) ... with this wait status */
    struct thread *exec_thread;  /* (p) execve: the one that stays */
    struct event alone;          /* signalled when it is the only one */

    /* signals and job control */
    struct sig_pending pending;  /* (p) */
    struct sigactions *actions;  /* (o) */
    struct list sig_watches;     /* (p) struct sig_watch.node */
    bool stopping;               /* (p) threads are to stop, or have stopped */
    u32 nstopped;                /* (p) threads that have */
    int stop_signal;             /* (p) */
    bool stop_dequeued;          /* (p) a stop signal was taken and no SIGCONT came since */
    int job_news;                /* (p) CLD_* that the next thread tells the parent, or 0 */
    bool report_stop;            /* (p) wait has not yet seen the stop */
    bool report_continue;        /* (p) */
    struct event running;        /* signalled unless stopping */
    const bool is_init;          /* (i) pid 1; set by process_publish */

    /* resources */
    struct aspace *aspace;       /* (o) NULL once exited */
    struct handle_table *handles;/* (o) NULL once exited */
    struct fs_context *fs;       /* (o) NULL once exited */
    struct cred *cred;           /* (o) replaced as a whole under (p), see cred.h; a zombie has it too */
    void *retired;               /* (p) credentials that other threads may still use; linux/'s */
    u32 uid;                     /* (p) real user id, for siginfo and wait */
    struct object *exe;          /* (p) the program's file, a reference, or NULL */
    struct rlimit_value rlimits[RLIMIT_COUNT]; /* (p) */
    struct usage dead_threads;   /* (p) used by threads that ended; cpu is not set */
    struct cpu_times shown;      /* (p) see process_usage */
    struct usage children_used;  /* (t) used by children that were waited for */
    const u64 start_time;        /* (i) ns, time_boot */
    bool dumpable;               /* (p) with cred and aspace: see fs/proc_access.c */
    bool no_new_privs;           /* (o) */
    s32 oom_score_adj, oom_adj_min; /* (p) proc(5); oom_adj_min: lower ones need privileges */
    bool nproc_exceeded;         /* (o) setuid went beyond RLIMIT_NPROC: execve(2), EAGAIN */
    u64 personality;             /* (o) */

    char comm[16];               /* (p) the first thread's name, once no thread is left */

    struct alarm alarm;          /* ITIMER_REAL */

    struct list cpu_timers;      /* (p) struct cpu_timer.node: those that are armed */
    bool cpu_watched;            /* (p) there may be deadlines on CPU clocks; a hint without it */
    struct cpu_itimer cpu_itimers[2]; /* (p) ITIMER_VIRTUAL, ITIMER_PROF */

    struct radix posix_timers;   /* (p) struct posix_timer by id: posix_timer.h */
    u32 nposix_timers;           /* (p) */
    u32 next_posix_timer;        /* (p) */

    struct event *vfork_done;    /* (p) for a parent that waits in vfork, or NULL */
};

/*
 * What linux/ does for the layers above this one. release: drop fs and exe of a process at its end
 * (pointers are NULL after); it may park. destroy: drop cred, nobody has the process any more; it does not
 * park. session_end: the leader of the session ends (terminal). May be NULL.
 */
struct process_hooks {
    void (*release)(struct process *p);
    void (*destroy)(struct process *p);
    void (*session_end)(u32 sid);
};
extern struct process_hooks process_hooks;

extern struct spinlock process_tree_lock;
extern struct process *process_init; /* pid 1; set once by linux/boot.c */

void process_tree_init(void);

/* --- looking ---------------------------------------------------------------------------------- */

static inline struct process *process_current(void)
{
    return current()->proc;
}

/* A process or thread by number, with a reference for the caller; NULL: there is none. */
struct process *process_find(u32 pid);
struct thread *thread_find(u32 tid);
/* First process with pid >= *pid, with a reference; stores its number. NULL at the end. */
struct process *process_next(u32 *pid);
u32 process_parent_pid(struct process *p);
u32 process_group_id(struct process *p);
u32 process_session_id(struct process *p);
/* Whether the group has no member whose parent is in the session but in another group. */
bool process_group_orphaned(u32 pgid);
/* Whether a group of that number exists in the session of that number. */
bool process_group_in_session(u32 pgid, u32 sid);

/* Processes and threads made since the beginning. */
u64 process_forks(void);

/* The letter of /proc/PID/stat: R S T Z. That of the first thread, as on Linux. */
char process_state_letter(struct process *p);

/* Call fn for each member of a group with the tree lock held; stops when fn returns nonzero. */
int process_for_group(u32 pgid, int (*fn)(struct process *p, void *arg), void *arg);

/* --- life ------------------------------------------------------------------------------------- */

/*
 * A new process without threads, not yet visible, with what it does not share taken from `parent`
 * (NULL: the first one). NULL: no memory. process_publish gives it a number and puts it into the
 * tree, or returns -EAGAIN or -ENOMEM; process_discard undoes process_create.
 */
struct process *process_create(struct process *parent);
void process_discard(struct process *p);
/* Number the thread as the process's first one and enter both into tree and table. */
int process_publish(struct process *p, struct thread *leader, bool sibling_of_parent);
/* Add a thread (CLONE_THREAD). 0, -EAGAIN (numbers, or the process is ending), -ENOMEM. */
int process_add_thread(struct process *p, struct thread *t);

/*
 * Let all threads of the current process end with this wait status; the caller must go on to its
 * end.
 */
void process_group_exit(int status);
/* The same for any process; process.lock held. */
void process_group_exit_locked(struct process *p, int status);
/*
 * Take the current thread out of its process; with the last one, the process ends: resources are
 * released, children get a new parent, the parent is told. linux/ has cleaned up user memory
 * before.
 */
void process_leave(struct thread *t);
/* execve: end all other threads and take over the process's number. 0, or -EINTR: ending itself. */
int process_become_single(void);
/* A signal from outside the container, for pid 1 (kill(2) of a parent pid namespace). */
void process_external_signal(int signo);
/* Tell p's parent about a stop or continuation (CLD_* code). Tree lock not held. */
void process_report_job(struct process *p, int code);
/* Release a parent in vfork, if one waits. */
void process_vfork_release(struct process *p);

/* --- waiting for children --------------------------------------------------------------------- */

#define WAITF_NOHANG    0x00000001u
#define WAITF_STOPPED   0x00000002u
#define WAITF_EXITED    0x00000004u
#define WAITF_CONTINUED 0x00000008u
#define WAITF_NOWAIT    0x01000000u /* leave it to be waited for again */
#define WAITF_CLONE     0x80000000u /* only children without SIGCHLD */
#define WAITF_ALL       0x40000000u
#define WAITF_NOTHREAD  0x20000000u /* only the calling thread's own */

enum wait_which { WAIT_ANY, WAIT_PID, WAIT_GROUP, WAIT_KOID }; /* KOID: id is object.koid */

struct wait_result {
    u32 pid;
    u32 uid;
    int status;          /* as of wait(2) */
    struct usage usage;
};

/*
 * Wait for a child of the current process. 1: r is filled; 0: WAITF_NOHANG and nothing to tell;
 * -ECHILD; -ERESTART: interrupted.
 */
int process_wait(enum wait_which which, u64 id, u32 options, struct wait_result *r);

/* --- groups and sessions: semantics and errors of the calls of these names -------------------- */

s64 process_setpgid(u32 pid, u32 pgid);
s64 process_getpgid(u32 pid);
s64 process_getsid(u32 pid);
s64 process_setsid(void);

#endif
