/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials: replacing them, execve's changes, and what they allow towards other processes. */
#include "core/string.h"
#include "fs/path.h"
#include "linux/cred_change.h"
#include "linux/credentials.h"
#include "mm/slab.h"
#include "object/process.h"

#include <asm/resource.h>

#define S_ISUID_ 04000u
#define S_ISGID_ 02000u
#define S_IXGRP_ 00010u

struct retired {
    struct retired *next;
    struct cred *cred;
};

void cred_sweep(struct process *p)
{
    struct retired *r;

    spin_lock(&p->lock);
    r = p->retired;
    p->retired = NULL;
    spin_unlock(&p->lock);
    while (r) {
        struct retired *next = r->next;

        cred_unref(r->cred);
        kfree(r);
        r = next;
    }
}

bool cred_grants_more(const struct cred *old, const struct cred *new)
{
    return old->euid != new->euid || old->egid != new->egid || old->fsuid != new->fsuid ||
           old->fsgid != new->fsgid || (new->cap_permitted & ~old->cap_permitted);
}

void cred_replace(struct cred *c)
{
    struct process *p = process_current();
    struct retired *r = kmalloc(sizeof(*r));

    spin_lock(&p->lock);
    if (cred_grants_more(p->cred, c)) { /* prctl(2), PR_SET_DUMPABLE and PR_SET_PDEATHSIG */
        p->dumpable = false;
        p->death_signal = 0;
    }
    if (r) {
        r->cred = p->cred;
        r->next = p->retired;
        p->retired = r;
    } /* else the old ones stay in memory: better than to take them from under another thread */
    p->cred = c;
    p->uid = c->uid;
    spin_unlock(&p->lock);
    if (READ_ONCE(p->nthreads) == 1)
        cred_sweep(p);
}

bool cred_capable(int capability)
{
    return process_current()->cred->cap_effective >> capability & 1;
}

bool cred_nproc_exceeded(u32 more)
{
    struct process *me = process_current(), *p;
    u64 limit = me->rlimits[RLIMIT_NPROC].cur, n = more;
    u32 pid = 1;

    if (likely(limit == RLIMIT_UNLIMITED) || !me->uid || cred_capable(CAP_SYS_RESOURCE_) ||
        cred_capable(CAP_SYS_ADMIN_))
        return false;
    for (; (p = process_next(&pid)); pid++) {
        if (READ_ONCE(p->uid) == me->uid)
            n += MAX(READ_ONCE(p->nthreads), 1u); /* a zombie counts */
        object_unref(&p->obj);
    }
    return n > limit;
}

bool cred_may_signal(struct process *p)
{
    const struct cred *me = process_current()->cred;
    u32 uid, suid;

    if (p == process_current() || (me->cap_effective >> CAP_KILL_ & 1))
        return true;
    spin_lock(&p->lock);
    uid = p->cred->uid;
    suid = p->cred->suid;
    spin_unlock(&p->lock);
    return me->uid == uid || me->uid == suid || me->euid == uid || me->euid == suid;
}

bool cred_may_change(struct process *p, int capability)
{
    const struct cred *me = process_current()->cred, *c;
    bool same;

    if (p == process_current() || (me->cap_effective >> capability & 1))
        return true;
    spin_lock(&p->lock);
    c = p->cred;
    same = me->uid == c->uid && me->uid == c->euid && me->uid == c->suid &&
           me->gid == c->gid && me->gid == c->egid && me->gid == c->sgid;
    spin_unlock(&p->lock);
    return same;
}

/* --- execve ----------------------------------------------------------------------------------- */

/*
 * Everything because of which a program must not get more rights than its caller has (execve(2), and what
 * a tracer would add): no_new_privs, and a file system context that processes outside share, who could
 * move its working directory and umask under it.
 */
bool exec_may_raise_begin(struct fs_context **held)
{
    struct process *p = process_current();

    *held = NULL;
    if (!fs_context_exec_begin(p->fs))
        return false;
    *held = p->fs;
    return !p->no_new_privs;
}

void exec_may_raise_end(struct fs_context *held)
{
    if (held)
        fs_context_exec_end(held);
}

/*
 * capabilities(7), "Transformation of capabilities during execve()"; the inheritable and ambient
 * sets are always empty. -EPERM: the program would not get all that it is marked to have without
 * knowing.
 */
static int caps_for_exec(const struct cred *old, u32 euid, const struct file_caps *file,
                         u64 *permitted, bool *effective)
{
    *permitted = 0;
    *effective = false;
    if (file) {
        *permitted = file->permitted & CAP_ALL & old->cap_bounding;
        *effective = file->effective;
        if (*effective && (file->permitted & CAP_ALL & ~*permitted))
            return -EPERM;
    }
    /* Root has all, but for a set-user-ID program that says by itself what it needs. */
    if ((euid == 0 || old->uid == 0) && !(file && old->uid != 0)) {
        *permitted = old->cap_bounding;
        *effective |= euid == 0;
    }
    return 0;
}

int cred_for_exec(const struct exec_file *f, bool may_raise, struct exec_cred *out)
{
    struct process *p = process_current();
    const struct cred *old = p->cred;
    u32 euid = old->euid, egid = old->egid;
    bool set_ids, effective;
    u64 permitted;
    struct cred *c;
    int r;

    if (!p->no_new_privs && f->mounted) {
        if (f->st.mode & S_ISUID_)
            euid = f->st.uid;
        if ((f->st.mode & (S_ISGID_ | S_IXGRP_)) == (S_ISGID_ | S_IXGRP_))
            egid = f->st.gid;
    }
    out->clear_persona = euid != old->euid || egid != old->egid;
    r = caps_for_exec(old, euid, f->mounted ? f->caps : NULL, &permitted, &effective);
    if (r)
        return r;
    out->clear_persona |= (permitted & ~old->cap_permitted) != 0;
    set_ids = euid != old->uid || egid != old->gid;
    if (!may_raise && (set_ids || (permitted & ~old->cap_permitted))) {
        if (p->no_new_privs || !cred_capable(CAP_SETUID_)) {
            euid = old->uid;
            egid = old->gid;
        }
        permitted &= old->cap_permitted;
    }
    out->secure = set_ids || (old->uid != 0 && (effective || permitted));
    c = cred_copy(old, old->ngroups);
    if (!c)
        return -ENOMEM;
    c->euid = c->suid = c->fsuid = euid;
    c->egid = c->sgid = c->fsgid = egid;
    c->cap_permitted = permitted;
    c->cap_effective = effective ? permitted : 0;
    out->dumpable = f->readable && c->euid == c->uid && c->egid == c->gid &&
                    !cred_grants_more(old, c);
    out->keep_death_signal = !out->secure && !cred_grants_more(old, c);
    if (c->euid == old->euid && c->egid == old->egid && c->suid == old->suid &&
        c->sgid == old->sgid && c->fsuid == old->fsuid && c->fsgid == old->fsgid &&
        permitted == old->cap_permitted && c->cap_effective == old->cap_effective) {
        cred_unref(c);
        c = NULL;
    }
    out->cred = c;
    return 0;
}

void cred_exec_ids(const struct cred *c, bool secure, struct exec_ids *ids)
{
    *ids = (struct exec_ids){
        .uid = c->uid, .euid = c->euid, .gid = c->gid, .egid = c->egid, .secure = secure,
    };
}
