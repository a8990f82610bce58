/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID: its directory, its links, and what of a process others may look at. */
#include "core/print.h"
#include "core/string.h"
#include "fs/proc.h"
#include "mm/aspace.h"
#include "mm/slab.h"

#define READ_PART 4096u
#define AUXV_MAX 64u /* pairs */

/* --- what is there --------------------------------------------------------------------------- */

static bool has_thread(struct process *p, u32 tid)
{
    struct thread *t;
    bool found = false;

    spin_lock(&p->lock);
    list_for_each(t, &p->threads, proc_node)
        found |= t->tid == tid;
    spin_unlock(&p->lock);
    return found;
}

int proc_alive(const struct proc_inode *i)
{
    if (!i->proc)
        return 0;
    if (READ_ONCE(i->proc->state) == PROCESS_REAPED)
        return -ESRCH;
    return i->tid && !has_thread(i->proc, i->tid) ? -ESRCH : 0;
}

/* --- links ------------------------------------------------------------------------------------ */

s64 proc_path_text(const struct path *p, char *buf, size_t size)
{
    char *text = kmalloc(PATH_MAX_);
    s64 n;

    if (!text)
        return -ENOMEM;
    n = path_text_removed(process_current()->fs, p, text, PATH_MAX_);
    if (n > 0) {
        n = MIN(n, (s64)size);
        memcpy(buf, text, (size_t)n);
    }
    kfree(text);
    return n == -ERANGE ? -ENAMETOOLONG : n;
}

static int follow_exe(const struct proc_inode *i, struct path *out)
{
    struct file *f;
    int r = proc_exe(i->proc, PROC_READ, &f);

    if (r)
        return r == -ESRCH ? -ENOENT : r;
    *out = f->path;
    if (out->dentry)
        path_ref(out);
    object_unref(&f->obj);
    return out->dentry ? 0 : -ENOENT;
}

/* arg 1: the root; else the working directory. */
static int follow_dir(const struct proc_inode *i, struct path *out)
{
    struct fs_context *fs;
    int r = proc_fs(i->proc, PROC_READ, &fs);

    if (r)
        return r == -ESRCH ? -ENOENT : r;
    mutex_lock(&fs->lock);
    *out = i->entry->arg ? fs->root : fs->cwd;
    path_ref(out);
    mutex_unlock(&fs->lock);
    fs_context_unref(fs);
    return 0;
}

static s64 read_path(const struct proc_inode *i, char *buf, size_t size)
{
    struct path p;
    s64 r = i->entry->follow(i, &p);

    if (r == 0) {
        r = proc_path_text(&p, buf, size);
        path_unref(&p);
    }
    return r;
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Append [start, end) of its memory; stop at the first NUL if `string`. */
static void put_memory(struct text *t, struct aspace *as, u64 start, u64 end, bool string)
{
    char *buf = kmalloc(READ_PART);

    while (buf && start < end) {
        ssize_t n = aspace_read(as, start, buf, MIN(end - start, (u64)READ_PART));
        char *nul = n > 0 && string ? memchr(buf, 0, (size_t)n) : NULL;

        if (n <= 0)
            break;
        text_put(t, buf, nul ? (size_t)(nul - buf) : (size_t)n);
        if (nul)
            break;
        start += (u64)n;
    }
    if (!buf)
        t->err = -ENOMEM;
    kfree(buf);
}

/* proc(5): a program that has overwritten the NUL at the end has written a title over all of it. */
static int show_cmdline(const struct proc_inode *i, struct text *t)
{
    struct aspace *as;
    char last = 0;

    if (proc_aspace(i->proc, PROC_ANYBODY, &as))
        return 0;
    if (as->arg_end > as->arg_start)
        aspace_read(as, as->arg_end - 1, &last, 1);
    put_memory(t, as, as->arg_start, last ? as->env_end : as->arg_end, last);
    aspace_unref(as);
    return 0;
}

static int show_environ(const struct proc_inode *i, struct text *t)
{
    struct aspace *as;
    int r = proc_aspace(i->proc, PROC_READ, &as);

    if (r)
        return r == -ESRCH ? 0 : r;
    put_memory(t, as, as->env_start, as->env_end, false);
    aspace_unref(as);
    return 0;
}

/* Behind the pointers to the arguments and the environment on the program's first stack. */
static int show_auxv(const struct proc_inode *i, struct text *t)
{
    u64 at, argc = 0, word = 1, pair[2];
    struct aspace *as;
    int r = proc_aspace(i->proc, PROC_READ, &as);

    if (r)
        return r == -ESRCH ? 0 : r;
    at = as->stack_start;
    if (aspace_read(as, at, &argc, 8) == 8 && argc < as->arg_end - as->arg_start + 1) {
        for (at += (argc + 2) * 8; word && at < as->env_end; at += 8)
            if (aspace_read(as, at, &word, 8) != 8)
                break;
        for (u32 n = 0; !word && n < AUXV_MAX; n++, at += sizeof(pair)) {
            if (aspace_read(as, at, pair, sizeof(pair)) != sizeof(pair))
                break;
            text_put(t, pair, sizeof(pair));
            if (!pair[0])
                break;
        }
    }
    aspace_unref(as);
    return 0;
}

/* --- small files ------------------------------------------------------------------------------ */

static int show_personality(const struct proc_inode *i, struct text *t)
{
    text_printf(t, "%08x\n", (u32)i->proc->personality);
    return 0;
}

/* --- directories ------------------------------------------------------------------------------ */

static bool next_thread(const struct proc_inode *dir, u32 *nr)
{
    u32 best = UINT32_MAX;
    struct thread *t;

    spin_lock(&dir->proc->lock);
    list_for_each(t, &dir->proc->threads, proc_node)
        if (t->tid >= *nr && t->tid < best)
            best = t->tid;
    spin_unlock(&dir->proc->lock);
    *nr = best;
    return best != UINT32_MAX;
}

static int init_thread(struct proc_inode *i)
{
    i->tid = i->nr;
    return has_thread(i->proc, i->tid) ? 0 : -ENOENT;
}

/* A thread's number is found too, though it is not listed. */
static int init_process(struct proc_inode *i)
{
    struct process *p = process_find(i->nr);
    u32 pid = 1;

    for (; !p && (p = process_next(&pid)); pid++) {
        if (has_thread(p, i->nr)) {
            i->tid = i->nr;
            break;
        }
        object_unref(&p->obj);
        p = NULL;
    }
    i->proc = p;
    return p ? 0 : -ENOENT;
}

static const struct proc_dir task_dir;

#define PID_LINK(n, l, f, a) PROC_LINK(n, .readlink = l, .follow = f, .arg = a)
#define ALL_IDS "         0          0 4294967295\n"

static const struct proc_entry entries[] = {
    PROC_FILE("auxv", 0400, .guarded = true, .show = show_auxv),
    PROC_FILE("cgroup", 0444, .text = "0::/\n"),
    PROC_FILE("cmdline", 0444, .show = show_cmdline),
    PROC_FILE("comm", 0644, .show = proc_show_comm, .store = proc_store_comm),
    PID_LINK("cwd", read_path, follow_dir, 0),
    PROC_FILE("environ", 0400, .guarded = true, .show = show_environ),
    PID_LINK("exe", read_path, follow_exe, 0),
    { .name = "fd", .mode = S_IFDIR_ | 0500, .dir = &proc_fd_dir },
    { .name = "fdinfo", .mode = S_IFDIR_ | 0500, .dir = &proc_fdinfo_dir },
    PROC_FILE("gid_map", 0444, .text = ALL_IDS),
    PROC_FILE("io", 0400, .guarded = true, .show = proc_show_io),
    PROC_FILE("limits", 0444, .show = proc_show_limits),
    PROC_FILE("maps", 0444, .guarded = true, .show = proc_show_maps),
    PROC_FILE("mountinfo", 0444, .show = proc_show_mounts, .arg = 1),
    PROC_FILE("mounts", 0444, .show = proc_show_mounts),
    PROC_DIR("net", &proc_net_dir),
    PROC_FILE("oom_adj", 0644, .show = proc_show_oom_adj, .store = proc_store_oom_adj, .arg = 1),
    PROC_FILE("oom_score", 0444, .show = proc_show_oom_score),
    PROC_FILE("oom_score_adj", 0644, .show = proc_show_oom_adj, .store = proc_store_oom_adj),
    PROC_FILE("personality", 0400, .guarded = true, .show = show_personality),
    PID_LINK("root", read_path, follow_dir, 1),
    PROC_FILE("setgroups", 0444, .text = "allow\n"),
    PROC_FILE("smaps", 0444, .guarded = true, .show = proc_show_maps, .arg = 1),
    PROC_FILE("smaps_rollup", 0444, .guarded = true, .show = proc_show_maps, .arg = 2),
    PROC_FILE("stat", 0444, .show = proc_show_stat),
    PROC_FILE("statm", 0444, .show = proc_show_statm),
    PROC_FILE("status", 0444, .show = proc_show_status),
    PROC_FILE("uid_map", 0444, .text = ALL_IDS),
    PROC_FILE("wchan", 0444, .text = "0"),
    PROC_DIR("task", &task_dir), /* the last: a thread has all but this */
};

static const struct proc_dir thread_dir = { .entries = entries, .count = ARRAY_SIZE(entries) - 1 };
static const struct proc_entry thread_entry = {
    .mode = S_IFDIR_ | 0555, .dir = &thread_dir, .init = init_thread,
};
static const struct proc_dir task_dir = { .next = next_thread, .each = &thread_entry };
static const struct proc_dir pid_dir = { PROC_ENTRIES(entries) };
const struct proc_entry proc_pid_entry = {
    .mode = S_IFDIR_ | 0555, .dir = &pid_dir, .init = init_process,
};
