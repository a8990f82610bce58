/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generated file systems: proc(5), sysfs(5), and the container's view of its cgroup. A tree is
 * described by constant tables. Names below a process are looked up anew each time, so that nothing
 * stays of a process that has ended; all others are entered into the cache of names when first
 * looked up.
 *
 * A file's text is made when it is read at position 0, so that each pass over it is one picture,
 * and a program may keep the file open and start over.
 */
#ifndef FS_PROC_H
#define FS_PROC_H

#include "fs/inode.h"
#include "fs/text.h"
#include "object/process.h"

#define PROC_MAGIC    UINT64_C(0x9fa0)
#define SYSFS_MAGIC   UINT64_C(0x62656572)
#define CGROUP2_MAGIC UINT64_C(0x63677270)

struct proc_entry;

struct proc_inode {
    struct inode inode;
    const struct proc_entry *entry; /* (i) */
    struct process *proc;           /* (i) below a process: it, a reference; else NULL */
    u32 tid;                        /* (i) below a thread: its number; else 0 */
    u32 nr;                         /* (i) of a descriptor or a CPU, at and below it */
};

struct proc_dir {
    const struct proc_entry *entries;
    u32 count;
    /* Entries that are numbers: the first one >= *nr is stored there; false: there are no more. */
    bool (*next)(const struct proc_inode *dir, u32 *nr);
    const char *prefix;            /* in front of the number, or NULL */
    const struct proc_entry *each; /* what a numbered entry is */
};

struct proc_entry {
    const char *name;
    u32 mode;         /* with its type */
    bool guarded;     /* a file for those only who may trace the process (proc_may_read) */
    u32 arg;          /* which of several things show shows */
    const char *text; /* all there is to show, or NULL */
    /* 0 or -errno: the read's answer. */
    int (*show)(const struct proc_inode *i, struct text *t);
    /* Written at once: n bytes and a NUL. 0 or -errno. */
    int (*store)(const struct proc_inode *i, char *s, size_t n);
    s64 (*readlink)(const struct proc_inode *i, char *buf, size_t size);
    int (*follow)(const struct proc_inode *i, struct path *out); /* see inode_ops */
    const struct proc_dir *dir;
    /* A numbered entry: fill in what its number (nr) stands for; -ENOENT: nothing. */
    int (*init)(struct proc_inode *i);
};

#define PROC_FILE(n, m, ...) { .name = (n), .mode = S_IFREG_ | (m), __VA_ARGS__ }
#define PROC_DIR(n, d)       { .name = (n), .mode = S_IFDIR_ | 0555, .dir = (d) }
#define PROC_LINK(n, ...)    { .name = (n), .mode = S_IFLNK_ | 0777, __VA_ARGS__ }
#define PROC_ENTRIES(e)      .entries = (e), .count = ARRAY_SIZE(e)

int proc_create(const struct proc_entry *root, u64 magic, struct superblock **sb,
                struct dentry **out);

/* uname(2): the six names of struct utsname, in its order. Set by linux/ before the first read. */
extern void (*proc_uts)(char names[6][65]);

/* The rows of /proc/net/unix; set by net/. */
extern void (*proc_net_unix)(struct text *t);

/* --- looking at a process --------------------------------------------------------------------- */

/* ptrace(2): access modes PTRACE_MODE_READ_FSCREDS and _ATTACH_REALCREDS; or no right is needed. */
enum proc_access { PROC_ANYBODY, PROC_READ, PROC_ATTACH };

/*
 * What it holds, with a reference for the caller, if the current process has that right. 0; -ESRCH: it
 * has ended; -EACCES. NULL if not 0.
 */
int proc_aspace(struct process *p, enum proc_access a, struct aspace **out);
int proc_fs(struct process *p, enum proc_access a, struct fs_context **out);
int proc_handles(struct process *p, enum proc_access a, struct handle_table **out);
int proc_exe(struct process *p, enum proc_access a, struct file **out);
/* Its credentials, with a reference; a zombie has them too. */
struct cred *proc_cred(struct process *p);
/* PROC_READ for what is not taken but copied: asked for after that was done. */
bool proc_may_read(struct process *p);
/* The process whose /proc/PID is open as f, with a reference; NULL: it is something else. */
struct process *proc_of_dir(struct file *f);
/* -ESRCH if the process was waited for, or the thread is gone. */
int proc_alive(const struct proc_inode *i);

/* Sums over the mappings of an address space; bytes. */
struct proc_mem {
    u64 size, peak, locked, data, stack, exec, code;
    u64 anon, file, shmem; /* resident */
};
void proc_mem_sum(struct aspace *as, struct proc_mem *m);

/* The path's text as the current process sees it, with " (deleted)" if it was removed. */
s64 proc_path_text(const struct path *p, char *buf, size_t size);

u32 dev_major_of(u64 dev);
u32 dev_minor_of(u64 dev);

/* --- tables and functions of the other files -------------------------------------------------- */

extern const struct proc_entry proc_pid_entry; /* /proc/PID */
extern const struct proc_dir proc_sys_dir, proc_net_dir, proc_fd_dir, proc_fdinfo_dir;

int proc_show_cpuinfo(const struct proc_inode *i, struct text *t);
int proc_show_stat(const struct proc_inode *i, struct text *t);     /* /proc/PID/stat */
int proc_show_status(const struct proc_inode *i, struct text *t);
int proc_show_statm(const struct proc_inode *i, struct text *t);
int proc_show_io(const struct proc_inode *i, struct text *t);
int proc_show_oom_adj(const struct proc_inode *i, struct text *t);  /* arg 1: oom_adj */
int proc_store_oom_adj(const struct proc_inode *i, char *s, size_t n);
int proc_show_oom_score(const struct proc_inode *i, struct text *t);
int proc_show_limits(const struct proc_inode *i, struct text *t);
int proc_show_comm(const struct proc_inode *i, struct text *t);
int proc_store_comm(const struct proc_inode *i, char *s, size_t n);
int proc_show_maps(const struct proc_inode *i, struct text *t);     /* arg 1: smaps, 2: rollup */
int proc_show_mounts(const struct proc_inode *i, struct text *t);   /* arg 1: mountinfo */

/* A vCPU's time in ns; *idle: since the clock's zero, so the time before the machine was is idle. */
void proc_cpu_time(u32 cpu, struct cpu_times *busy, u64 *idle);
/* The sums over all vCPUs. */
void proc_cpu_sum(struct cpu_times *busy, u64 *idle);
/* Threads that run or could, and all; *last: number of the newest one. */
void proc_count_threads(u32 *running, u32 *all, u32 *last);

#endif
