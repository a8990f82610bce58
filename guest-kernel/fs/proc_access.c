/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process holds, for others. A process gives it up once it has no threads, and execve exchanges
 * memory, credentials and `dumpable` in one step under process.lock: so the right is asked for and the
 * reference taken in one step too, and nobody gets the memory of a program that he could not have asked.
 */
#include "fs/cred.h"
#include "fs/path.h"
#include "fs/proc.h"
#include "mm/aspace.h"

/* p->lock held. Nothing is left of a zombie that could be dumped. */
static bool may_locked(const struct process *p, enum proc_access a)
{
    const struct cred *me = process_current()->cred, *c = p->cred;
    u32 uid = a == PROC_READ ? me->fsuid : me->uid, gid = a == PROC_READ ? me->fsgid : me->gid;
    u64 caps = a == PROC_READ ? me->cap_effective : me->cap_permitted;

    if (a == PROC_ANYBODY || p == process_current() || cred_has(me, CAP_SYS_PTRACE_))
        return true;
    return uid == c->uid && uid == c->euid && uid == c->suid && gid == c->gid && gid == c->egid &&
           gid == c->sgid && !(c->cap_permitted & ~caps) && (p->dumpable || !p->nthreads);
}

bool proc_may_read(struct process *p)
{
    bool may;

    spin_lock(&p->lock);
    may = may_locked(p, PROC_READ);
    spin_unlock(&p->lock);
    return may;
}

/* p->lock held. 0, -ESRCH, -EACCES. */
static int check(const struct process *p, enum proc_access a, const void *held)
{
    return !p->nthreads || !held ? -ESRCH : may_locked(p, a) ? 0 : -EACCES;
}

int proc_aspace(struct process *p, enum proc_access a, struct aspace **out)
{
    int r;

    *out = NULL;
    spin_lock(&p->lock);
    r = check(p, a, p->aspace);
    if (r == 0) {
        *out = p->aspace;
        aspace_ref(*out);
    }
    spin_unlock(&p->lock);
    return r;
}

int proc_fs(struct process *p, enum proc_access a, struct fs_context **out)
{
    int r;

    *out = NULL;
    spin_lock(&p->lock);
    r = check(p, a, p->fs);
    if (r == 0) {
        *out = p->fs;
        fs_context_ref(*out);
    }
    spin_unlock(&p->lock);
    return r;
}

int proc_handles(struct process *p, enum proc_access a, struct handle_table **out)
{
    int r;

    *out = NULL;
    spin_lock(&p->lock);
    r = check(p, a, p->handles);
    if (r == 0) {
        *out = p->handles;
        handle_table_ref(*out);
    }
    spin_unlock(&p->lock);
    return r;
}

int proc_exe(struct process *p, enum proc_access a, struct file **out)
{
    int r;

    *out = NULL;
    spin_lock(&p->lock);
    r = check(p, a, p->exe);
    if (r == 0) {
        *out = file_of(p->exe);
        object_ref(p->exe);
    }
    spin_unlock(&p->lock);
    return r;
}

struct cred *proc_cred(struct process *p)
{
    struct cred *c;

    spin_lock(&p->lock);
    c = p->cred;
    cred_ref(c);
    spin_unlock(&p->lock);
    return c;
}
