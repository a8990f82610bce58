/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/stat, status, statm, limits, comm: a process, or one thread of it, in numbers. */
#include "core/boot.h"
#include "core/print.h"
#include "core/string.h"
#include "fs/proc.h"
#include "mm/aspace.h"
#include "object/oom.h"
#include "sched/sched.h"
#include "tty/tty.h"

#include <asm/resource.h>

#define TICK_NS UINT64_C(10000000) /* 1 / USER_HZ */
#define PF_EXITING_     0x00000004u
#define PF_FORKNOEXEC_  0x00000040u
#define SLOTS_LEAST 64u /* of a handle table */

/* All that the locks guard, read at once. */
struct facts {
    char name[16];
    char state;
    u32 pid, nthreads, cpu;
    s32 nice;
    u32 policy;
    u64 affinity;
    u64 pending, shared_pending, blocked, ignored, caught;
    u32 queued;
    u64 limit_rss, limit_queued;
    int exit_code;
    bool exiting, tell; /* tell: PROC_READ */
    u32 ppid, group, session;
    struct usage used, children;
};

static char state_of(const struct thread *t)
{
    u32 s = READ_ONCE(t->state);

    if (t->sig.stopped && t->proc->stopping)
        return 'T';
    return s == THREAD_RUNNING || s == THREAD_RUNNABLE ? 'R' : 'S';
}

static void read_actions(struct process *p, struct facts *f)
{
    if (!p->actions)
        return;
    spin_lock(&p->actions->lock);
    for (u32 i = 0; i < SIG_COUNT; i++) {
        u64 handler = p->actions->act[i].handler;

        if (handler == SIGH_IGN)
            f->ignored |= UINT64_C(1) << i;
        else if (handler != SIGH_DFL)
            f->caught |= UINT64_C(1) << i;
    }
    spin_unlock(&p->actions->lock);
}

/* The thread that i is about; for a process its first one, or another if that has ended. */
static struct thread *pick_thread(const struct proc_inode *i)
{
    struct thread *t, *other = NULL;

    list_for_each(t, &i->proc->threads, proc_node) {
        if (t->tid == (i->tid ? i->tid : i->proc->pid))
            return t;
        if (!other)
            other = t;
    }
    return i->tid ? NULL : other;
}

/* -ESRCH: it is gone. */
/* A name is one line of the file, whatever is in it: proc(5), /proc/PID/status. Blanks stay. */
static void put_name(struct text *t, const char *name)
{
    for (; *name; name++) {
        if (*name == '\n' || *name == '\\')
            text_puts(t, *name == '\n' ? "\\n" : "\\\\");
        else
            text_put(t, name, 1);
    }
}

static int get_facts(const struct proc_inode *i, struct facts *f)
{
    struct process *p = i->proc;
    struct thread *t;

    memset(f, 0, sizeof(*f));
    f->pid = i->tid ? i->tid : p->pid;
    f->ppid = process_parent_pid(p);
    f->group = process_group_id(p);
    f->session = process_session_id(p);
    process_usage(p, &f->used);
    f->state = process_state_letter(p);
    spin_lock(&process_tree_lock);
    f->children = p->children_used;
    spin_unlock(&process_tree_lock);
    spin_lock(&p->lock);
    t = pick_thread(i);
    f->nthreads = p->nthreads;
    f->shared_pending = p->pending.set;
    f->queued = p->pending.count;
    f->exit_code = p->exit_code;
    memcpy(f->name, p->comm, sizeof(f->name) - 1); /* of a zombie */
    f->exiting = p->group_exit || !p->nthreads;
    f->limit_rss = p->rlimits[RLIMIT_RSS].cur;
    f->limit_queued = p->rlimits[RLIMIT_SIGPENDING].cur;
    read_actions(p, f);
    if (t) {
        memcpy(f->name, t->name, sizeof(f->name) - 1);
        f->cpu = READ_ONCE(t->cpu);
        f->nice = t->nice;
        f->policy = t->policy;
        f->affinity = READ_ONCE(t->affinity);
        f->pending = t->sig.pending.set;
        f->queued += t->sig.pending.count;
        f->blocked = t->sig.blocked;
        if (i->tid)
            thread_usage(t, &f->used);
        if (i->tid)
            f->state = state_of(t);
    }
    spin_unlock(&p->lock);
    f->tell = proc_may_read(p);
    return READ_ONCE(p->state) == PROCESS_REAPED || (i->tid && !t) ? -ESRCH : 0;
}

/* NULL: it has ended. *tell, unless NULL: whether the caller may know more of it than its sizes. */
static struct aspace *get_memory(const struct proc_inode *i, struct proc_mem *m, bool *tell)
{
    struct aspace *as;
    int r = proc_aspace(i->proc, PROC_READ, &as);

    memset(m, 0, sizeof(*m));
    if (tell)
        *tell = r == 0;
    if (r == -EACCES)
        proc_aspace(i->proc, PROC_ANYBODY, &as);
    if (as)
        proc_mem_sum(as, m);
    return as;
}

/* --- stat ------------------------------------------------------------------------------------- */

int proc_show_stat(const struct proc_inode *i, struct text *t)
{
    struct process *p = i->proc;
    struct proc_mem m;
    struct facts f;
    bool tell;
    struct aspace *as;
    u32 tty;
    s32 tpgid;
    int r = get_facts(i, &f);

    if (r)
        return r;
    as = get_memory(i, &m, &tell);
    tty_of_process(p, &tty, &tpgid);
    text_printf(t, "%u (%s) %c %u %u %u %u %d %u ", f.pid, f.name, f.state, f.ppid, f.group,
                f.session, tty, tpgid,
                (p->did_exec ? 0 : PF_FORKNOEXEC_) | (f.exiting ? PF_EXITING_ : 0));
    text_printf(t, "%lu %lu %lu %lu %lu %lu %lu %lu ", f.used.minflt, f.children.minflt,
                f.used.majflt, f.children.majflt, f.used.cpu.user / TICK_NS, f.used.cpu.system / TICK_NS,
                f.children.cpu.user / TICK_NS, f.children.cpu.system / TICK_NS);
    text_printf(t, "%d %d %u 0 %lu %lu %lu %lu ", 20 + f.nice, f.nice, f.nthreads,
                p->start_time / TICK_NS, m.size, (m.anon + m.file + m.shmem) >> PAGE_SHIFT,
                f.limit_rss);
    /* Addresses are for those who may trace it; others see 1 and 0. Registers are never shown. */
    if (as && tell)
        text_printf(t, "%lu %lu %lu 0 0 ", as->code_start, as->code_end, as->stack_start);
    else
        text_puts(t, as ? "1 1 0 0 0 " : "0 0 0 0 0 ");
    text_printf(t, "%lu %lu %lu %lu 0 0 0 ", (f.pending | f.shared_pending) & INT32_MAX,
                f.blocked & INT32_MAX, f.ignored & INT32_MAX, f.caught & INT32_MAX);
    text_printf(t, "%d %u 0 %u 0 0 0 ", i->tid && i->tid != p->pid ? -1 : p->exit_signal, f.cpu,
                f.policy);
    if (as && tell)
        text_printf(t, "0 0 %lu %lu %lu %lu %lu ", as->brk_start, as->arg_start, as->arg_end,
                    as->env_start, as->env_end);
    else
        text_puts(t, "0 0 0 0 0 0 0 ");
    text_printf(t, "%d\n", f.tell ? f.exit_code : 0);
    if (as)
        aspace_unref(as);
    return 0;
}

int proc_show_statm(const struct proc_inode *i, struct text *t)
{
    struct proc_mem m;
    struct aspace *as = get_memory(i, &m, NULL);

    text_printf(t, "%lu %lu %lu %lu 0 %lu 0\n", m.size >> PAGE_SHIFT,
                (m.anon + m.file + m.shmem) >> PAGE_SHIFT, (m.file + m.shmem) >> PAGE_SHIFT,
                m.code >> PAGE_SHIFT, (m.data + m.stack) >> PAGE_SHIFT);
    if (as)
        aspace_unref(as);
    return 0;
}

/* --- status ----------------------------------------------------------------------------------- */

static const char *state_name(char letter)
{
    switch (letter) {
    case 'R': return "R (running)";
    case 'T': return "T (stopped)";
    case 'Z': return "Z (zombie)";
    default: return "S (sleeping)";
    }
}

/* The size that the table of descriptors must have at least. */
static u32 fd_slots(struct process *p)
{
    struct handle_table *h;
    u32 n = SLOTS_LEAST;

    if (proc_handles(p, PROC_ANYBODY, &h))
        return 0;
    for (u32 fd = 0; handle_next(h, &fd); fd++)
        while (n <= fd)
            n *= 2;
    handle_table_unref(h);
    return n;
}

static void put_ids(const struct proc_inode *i, const struct facts *f, struct text *t)
{
    struct process *p = i->proc;
    struct cred *c = proc_cred(p);
    struct fs_context *fs;

    if (proc_fs(p, PROC_ANYBODY, &fs) == 0) {
        text_printf(t, "Umask:\t%04o\n", READ_ONCE(fs->umask));
        fs_context_unref(fs);
    }
    text_printf(t, "State:\t%s\nTgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n",
                state_name(f->state), p->pid, f->pid, f->ppid);
    text_printf(t, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid,
                c->fsuid, c->gid, c->egid, c->sgid, c->fsgid);
    text_printf(t, "FDSize:\t%u\nGroups:\t", fd_slots(p));
    for (u32 k = 0; k < c->ngroups; k++)
        text_printf(t, "%u ", c->groups[k]);
    cred_unref(c);
    text_printf(t, "\nNStgid:\t%u\nNSpid:\t%u\nNSpgid:\t%u\nNSsid:\t%u\n", p->pid, f->pid, f->group,
                f->session);
}

static void put_kb(struct text *t, const char *name, u64 bytes)
{
    text_printf(t, "%s:\t%8lu kB\n", name, bytes >> 10);
}

static void put_memory(struct text *t, const struct proc_mem *m, u64 most)
{
    u64 resident = m->anon + m->file + m->shmem;

    put_kb(t, "VmPeak", m->peak);
    put_kb(t, "VmSize", m->size);
    put_kb(t, "VmLck", m->locked);
    put_kb(t, "VmPin", 0);
    put_kb(t, "VmHWM", MAX(most, resident));
    put_kb(t, "VmRSS", resident);
    put_kb(t, "RssAnon", m->anon);
    put_kb(t, "RssFile", m->file);
    put_kb(t, "RssShmem", m->shmem);
    put_kb(t, "VmData", m->data);
    put_kb(t, "VmStk", m->stack);
    put_kb(t, "VmExe", m->code);
    put_kb(t, "VmLib", m->exec > m->code ? m->exec - m->code : 0);
    put_kb(t, "VmPTE", 0);
    put_kb(t, "VmSwap", 0);
    put_kb(t, "HugetlbPages", 0);
    text_puts(t, "CoreDumping:\t0\nTHP_enabled:\t0\n");
}

int proc_show_status(const struct proc_inode *i, struct text *t)
{
    u32 cpus = sched_ncpus();
    u64 all = cpus >= 64 ? UINT64_MAX : (UINT64_C(1) << cpus) - 1;
    struct proc_mem m;
    struct facts f;
    struct aspace *as;
    struct cred *c;
    int r = get_facts(i, &f);

    if (r)
        return r;
    as = get_memory(i, &m, NULL);
    text_puts(t, "Name:\t");
    put_name(t, f.name);
    text_puts(t, "\n");
    put_ids(i, &f, t);
    if (as)
        put_memory(t, &m, aspace_peak_pages(as) << PAGE_SHIFT);
    text_printf(t, "Threads:\t%u\nSigQ:\t%u/%lu\n", f.nthreads, f.queued, f.limit_queued);
    text_printf(t, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\n"
                   "SigCgt:\t%016lx\n",
                f.pending, f.shared_pending, f.blocked, f.ignored, f.caught);
    c = proc_cred(i->proc);
    text_printf(t, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\n"
                   "CapAmb:\t%016lx\n",
                UINT64_C(0), c->cap_permitted, c->cap_effective, c->cap_bounding, UINT64_C(0));
    cred_unref(c);
    text_printf(t, "NoNewPrivs:\t%u\nSeccomp:\t0\nSeccomp_filters:\t0\nCpus_allowed:\t",
                i->proc->no_new_privs);
    text_put_mask(t, f.affinity & all, cpus);
    text_puts(t, "\nCpus_allowed_list:\t");
    text_put_list(t, f.affinity & all, cpus);
    text_printf(t, "\nMems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t%lu\n"
                   "nonvoluntary_ctxt_switches:\t%lu\n",
                f.used.nvcsw, f.used.nivcsw);
    if (as)
        aspace_unref(as);
    return 0;
}

/* --- io ----------------------------------------------------------------------------------------

 * proc(5): no storage is behind the files here but what the host has, so no bytes of it are counted.
 */

int proc_show_io(const struct proc_inode *i, struct text *t)
{
    struct usage u;
    struct facts f;
    int r = get_facts(i, &f);

    if (r)
        return r;
    u = f.used;
    for (u32 k = 0; k < 2 && !i->tid; k++) { /* with those of children that were waited for */
        u.chars[k] += f.children.chars[k];
        u.calls[k] += f.children.calls[k];
    }
    text_printf(t, "rchar: %lu\nwchar: %lu\nsyscr: %lu\nsyscw: %lu\nread_bytes: 0\n"
                   "write_bytes: 0\ncancelled_write_bytes: 0\n",
                u.chars[0], u.chars[1], u.calls[0], u.calls[1]);
    return 0;
}

/* --- the end of memory ------------------------------------------------------------------------ */

/* arg 1: oom_adj, the older file, from -17 to 15. */
int proc_show_oom_adj(const struct proc_inode *i, struct text *t)
{
    s32 adj = READ_ONCE(i->proc->oom_score_adj);

    if (i->entry->arg)
        adj = adj == OOM_ADJ_MAX ? 15 : adj * 17 / OOM_ADJ_MAX;
    text_printf(t, "%d\n", adj);
    return 0;
}

static bool parse_int(const char *s, s32 *v)
{
    bool minus = *s == '-';
    s32 n = 0;

    s += minus || *s == '+';
    if (*s < '0' || *s > '9')
        return false;
    for (; *s >= '0' && *s <= '9'; s++)
        if (n < 100000)
            n = n * 10 + (*s - '0');
    while (*s == '\n' || *s == ' ')
        s++;
    *v = minus ? -n : n;
    return !*s;
}

int proc_store_oom_adj(const struct proc_inode *i, char *s, size_t n UNUSED)
{
    const u64 privileged = cred_has(process_current()->cred, CAP_SYS_RESOURCE_);
    struct process *p = i->proc;
    s32 least = i->entry->arg ? -17 : OOM_ADJ_MIN, most = i->entry->arg ? 15 : OOM_ADJ_MAX, adj;
    int r = 0;

    while (*s == ' ')
        s++;
    if (!parse_int(s, &adj) || adj < least || adj > most)
        return -EINVAL;
    if (i->entry->arg)
        adj = adj == 15 ? OOM_ADJ_MAX : adj * OOM_ADJ_MAX / 17;
    spin_lock(&p->lock);
    if (adj < p->oom_adj_min && !privileged)
        r = -EACCES;
    else
        WRITE_ONCE(p->oom_score_adj, adj);
    if (r == 0 && privileged)
        p->oom_adj_min = adj;
    spin_unlock(&p->lock);
    return r;
}

int proc_show_oom_score(const struct proc_inode *i, struct text *t)
{
    text_printf(t, "%u\n", oom_score(i->proc));
    return 0;
}

/* --- limits, comm ----------------------------------------------------------------------------- */

static const struct {
    const char *name, *unit;
} limits[RLIMIT_COUNT] = {
    [RLIMIT_CPU] = { "Max cpu time", "seconds" },
    [RLIMIT_FSIZE] = { "Max file size", "bytes" },
    [RLIMIT_DATA] = { "Max data size", "bytes" },
    [RLIMIT_STACK] = { "Max stack size", "bytes" },
    [RLIMIT_CORE] = { "Max core file size", "bytes" },
    [RLIMIT_RSS] = { "Max resident set", "bytes" },
    [RLIMIT_NPROC] = { "Max processes", "processes" },
    [RLIMIT_NOFILE] = { "Max open files", "files" },
    [RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
    [RLIMIT_AS] = { "Max address space", "bytes" },
    [RLIMIT_LOCKS] = { "Max file locks", "locks" },
    [RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
    [RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
    [RLIMIT_NICE] = { "Max nice priority", "" },
    [RLIMIT_RTPRIO] = { "Max realtime priority", "" },
    [RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
};

static void put_limit(struct text *t, u64 v)
{
    if (v == RLIMIT_UNLIMITED)
        text_printf(t, "%-20s ", "unlimited");
    else
        text_printf(t, "%-20lu ", v);
}

int proc_show_limits(const struct proc_inode *i, struct text *t)
{
    struct rlimit_value v[RLIMIT_COUNT];

    spin_lock(&i->proc->lock);
    memcpy(v, i->proc->rlimits, sizeof(v));
    spin_unlock(&i->proc->lock);
    text_printf(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (u32 k = 0; k < RLIMIT_COUNT; k++) {
        text_printf(t, "%-25s ", limits[k].name);
        put_limit(t, v[k].cur);
        put_limit(t, v[k].max);
        text_printf(t, limits[k].unit[0] ? "%-10s\n" : "%s\n", limits[k].unit);
    }
    return 0;
}

int proc_show_comm(const struct proc_inode *i, struct text *t)
{
    struct facts f;
    int r = get_facts(i, &f);

    if (r == 0)
        text_printf(t, "%s\n", f.name);
    return r;
}

/* proc(5): a thread's name is changed by threads of its own process only. */
int proc_store_comm(const struct proc_inode *i, char *s, size_t n UNUSED)
{
    struct thread *t;

    if (i->proc != process_current())
        return -EINVAL;
    spin_lock(&i->proc->lock);
    t = pick_thread(i);
    if (t)
        str_copy(t->name, s, sizeof(t->name));
    spin_unlock(&i->proc->lock);
    return t ? 0 : -ESRCH;
}
