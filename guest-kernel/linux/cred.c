/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials: replacing them, execve's changes, and what they allow towards other processes. */
#include "core/string.h"
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

void cred_replace(struct cred *c)
{
    struct process *p = process_current();
    struct retired *r = kmalloc(sizeof(*r));

    spin_lock(&p->lock);
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

/*
 * capabilities(7), "Transformation of capabilities during execve()"; the inheritable and ambient
 * sets are always empty. -EPERM: the program would not get all that it is marked to have without
 * knowing.
 */
static int caps_for_exec(const struct cred *old, u32 euid, bool no_new_privs,
                         const struct file_caps *file, u64 *permitted, u64 *effective, bool *secure)
{
    bool on = false;

    *permitted = 0;
    if (file) {
        *permitted = file->permitted & CAP_ALL & old->cap_bounding;
        on = file->effective;
        if (on && (file->permitted & CAP_ALL & ~*permitted))
            return -EPERM;
    }
    /* Root has all, but for a set-user-ID program that says by itself what it needs. */
    if ((euid == 0 || old->uid == 0) && !(file && old->uid != 0)) {
        *permitted = old->cap_bounding;
        on = euid == 0 || on;
    }
    if (no_new_privs)
        *permitted &= old->cap_permitted;
    *effective = on ? *permitted : 0;
    *secure = old->uid != 0 && (on || *permitted);
    return 0;
}

int cred_for_exec(const struct kstat *st, const struct file_caps *file, struct cred **out,
                  bool *secure)
{
    struct process *p = process_current();
    const struct cred *old = p->cred;
    u32 euid = old->euid, egid = old->egid;
    u64 permitted, effective;
    struct cred *c;
    int r;

    if (!p->no_new_privs) {
        if (st->mode & S_ISUID_)
            euid = st->uid;
        if ((st->mode & (S_ISGID_ | S_IXGRP_)) == (S_ISGID_ | S_IXGRP_))
            egid = st->gid;
    }
    r = caps_for_exec(old, euid, p->no_new_privs, file, &permitted, &effective, secure);
    if (r)
        return r;
    *secure |= euid != old->uid || egid != old->gid;
    *out = NULL;
    if (euid == old->euid && egid == old->egid && old->suid == euid && old->sgid == egid &&
        old->fsuid == euid && old->fsgid == egid && permitted == old->cap_permitted &&
        effective == old->cap_effective)
        return 0;
    c = cred_copy(old, old->ngroups);
    if (!c)
        return -ENOMEM;
    c->euid = c->suid = c->fsuid = euid;
    c->egid = c->sgid = c->fsgid = egid;
    c->cap_permitted = permitted;
    c->cap_effective = effective;
    *out = c;
    return 0;
}

void cred_exec_ids(const struct cred *c, bool secure, struct exec_ids *ids)
{
    *ids = (struct exec_ids){
        .uid = c->uid, .euid = c->euid, .gid = c->gid, .egid = c->egid, .secure = secure,
    };
}
