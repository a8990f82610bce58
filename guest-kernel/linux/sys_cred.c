/* SPDX-License-Identifier: Apache-2.0 */
/* User and group ids, supplementary groups, capabilities (credentials(7), capabilities(7)). */
#include "core/string.h"
#include "linux/cred_change.h"
#include "linux/credentials.h"
#include "linux/syscall.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"

/* CHOWN ... FSETID, LINUX_IMMUTABLE, MKNOD, MAC_OVERRIDE */
#define CAP_FS_MASK UINT64_C(0x10800021f)
#define CAP_VERSION_1 0x19980330u
#define CAP_VERSION_2 0x20071026u
#define CAP_VERSION_3 0x20080522u
#define UNCHANGED UINT32_MAX
#define GROUPS_MAX 65536u

static const struct cred *cred(void)
{
    return process_current()->cred;
}

static struct cred *copy(void)
{
    return cred_copy(cred(), cred()->ngroups);
}

s64 sys_getuid(void)
{
    return cred()->uid;
}

s64 sys_geteuid(void)
{
    return cred()->euid;
}

s64 sys_getgid(void)
{
    return cred()->gid;
}

s64 sys_getegid(void)
{
    return cred()->egid;
}

/* capabilities(7), "Effect of user ID changes on capabilities". */
static void adjust_caps(struct cred *new, const struct cred *old)
{
    bool was_root = !old->uid || !old->euid || !old->suid;
    bool is_root = !new->uid || !new->euid || !new->suid;

    if (was_root && !is_root && !process_current()->keep_caps)
        new->cap_permitted = new->cap_effective = 0;
    if (!old->euid && new->euid)
        new->cap_effective = 0;
    if (old->euid && !new->euid)
        new->cap_effective = new->cap_permitted;
}

static s64 commit(struct cred *new, bool uids)
{
    const struct cred *old = cred();

    if (uids)
        adjust_caps(new, old);
    uids = uids && new->uid != old->uid;
    cred_replace(new);
    if (uids)
        process_current()->nproc_exceeded = cred_nproc_exceeded(0);
    return 0;
}

static bool is_one_of(u32 id, u32 a, u32 b, u32 c)
{
    return id == a || id == b || id == c;
}

s64 sys_setresuid(u32 ruid, u32 euid, u32 suid)
{
    const struct cred *o = cred();
    struct cred *n;

    if (!cred_capable(CAP_SETUID_) &&
        ((ruid != UNCHANGED && !is_one_of(ruid, o->uid, o->euid, o->suid)) ||
         (euid != UNCHANGED && !is_one_of(euid, o->uid, o->euid, o->suid)) ||
         (suid != UNCHANGED && !is_one_of(suid, o->uid, o->euid, o->suid))))
        return -EPERM;
    n = copy();
    if (!n)
        return -ENOMEM;
    if (ruid != UNCHANGED)
        n->uid = ruid;
    if (euid != UNCHANGED)
        n->euid = euid;
    if (suid != UNCHANGED)
        n->suid = suid;
    n->fsuid = n->euid;
    return commit(n, true);
}

s64 sys_setresgid(u32 rgid, u32 egid, u32 sgid)
{
    const struct cred *o = cred();
    struct cred *n;

    if (!cred_capable(CAP_SETGID_) &&
        ((rgid != UNCHANGED && !is_one_of(rgid, o->gid, o->egid, o->sgid)) ||
         (egid != UNCHANGED && !is_one_of(egid, o->gid, o->egid, o->sgid)) ||
         (sgid != UNCHANGED && !is_one_of(sgid, o->gid, o->egid, o->sgid))))
        return -EPERM;
    n = copy();
    if (!n)
        return -ENOMEM;
    if (rgid != UNCHANGED)
        n->gid = rgid;
    if (egid != UNCHANGED)
        n->egid = egid;
    if (sgid != UNCHANGED)
        n->sgid = sgid;
    n->fsgid = n->egid;
    return commit(n, false);
}

s64 sys_setuid(u32 uid)
{
    const struct cred *o = cred();

    if (uid == UNCHANGED)
        return -EINVAL;
    if (cred_capable(CAP_SETUID_))
        return sys_setresuid(uid, uid, uid);
    return uid == o->uid || uid == o->suid ? sys_setresuid(UNCHANGED, uid, UNCHANGED) : -EPERM;
}

s64 sys_setgid(u32 gid)
{
    const struct cred *o = cred();

    if (gid == UNCHANGED)
        return -EINVAL;
    if (cred_capable(CAP_SETGID_))
        return sys_setresgid(gid, gid, gid);
    return gid == o->gid || gid == o->sgid ? sys_setresgid(UNCHANGED, gid, UNCHANGED) : -EPERM;
}

s64 sys_setreuid(u32 ruid, u32 euid)
{
    const struct cred *o = cred();
    u32 suid = UNCHANGED;

    if (!cred_capable(CAP_SETUID_) &&
        ((ruid != UNCHANGED && ruid != o->uid && ruid != o->euid) ||
         (euid != UNCHANGED && !is_one_of(euid, o->uid, o->euid, o->suid))))
        return -EPERM;
    if (ruid != UNCHANGED || (euid != UNCHANGED && euid != o->uid))
        suid = euid != UNCHANGED ? euid : o->euid;
    return sys_setresuid(ruid, euid, suid);
}

s64 sys_setregid(u32 rgid, u32 egid)
{
    const struct cred *o = cred();
    u32 sgid = UNCHANGED;

    if (!cred_capable(CAP_SETGID_) &&
        ((rgid != UNCHANGED && rgid != o->gid && rgid != o->egid) ||
         (egid != UNCHANGED && !is_one_of(egid, o->gid, o->egid, o->sgid))))
        return -EPERM;
    if (rgid != UNCHANGED || (egid != UNCHANGED && egid != o->gid))
        sgid = egid != UNCHANGED ? egid : o->egid;
    return sys_setresgid(rgid, egid, sgid);
}

static s64 put_three(u64 a_to, u32 a, u64 b_to, u32 b, u64 c_to, u32 c)
{
    return copy_to_user(a_to, &a, 4) || copy_to_user(b_to, &b, 4) || copy_to_user(c_to, &c, 4)
               ? -EFAULT : 0;
}

s64 sys_getresuid(u64 r, u64 e, u64 s)
{
    const struct cred *c = cred();

    return put_three(r, c->uid, e, c->euid, s, c->suid);
}

s64 sys_getresgid(u64 r, u64 e, u64 s)
{
    const struct cred *c = cred();

    return put_three(r, c->gid, e, c->egid, s, c->sgid);
}

/* setfsuid and setfsgid answer the old id and report no error. */
s64 sys_setfsuid(u32 uid)
{
    const struct cred *o = cred();
    u32 old = o->fsuid;
    struct cred *n;

    if (uid == old || (!is_one_of(uid, o->uid, o->euid, o->suid) && !cred_capable(CAP_SETUID_)))
        return old;
    n = copy();
    if (!n)
        return old;
    n->fsuid = uid;
    if (!old && uid)
        n->cap_effective &= ~CAP_FS_MASK;
    else if (old && !uid)
        n->cap_effective |= n->cap_permitted & CAP_FS_MASK;
    cred_replace(n);
    return old;
}

s64 sys_setfsgid(u32 gid)
{
    const struct cred *o = cred();
    u32 old = o->fsgid;
    struct cred *n;

    if (gid == old || (!is_one_of(gid, o->gid, o->egid, o->sgid) && !cred_capable(CAP_SETGID_)))
        return old;
    n = copy();
    if (!n)
        return old;
    n->fsgid = gid;
    cred_replace(n);
    return old;
}

/* --- groups ----------------------------------------------------------------------------------- */

s64 sys_getgroups(int size, u64 to)
{
    const struct cred *c = cred();

    if (size < 0)
        return -EINVAL;
    if (!size)
        return c->ngroups;
    if ((u32)size < c->ngroups)
        return -EINVAL;
    return copy_to_user(to, c->groups, c->ngroups * sizeof(u32)) ? -EFAULT : (s64)c->ngroups;
}

s64 sys_setgroups(int size, u64 from)
{
    struct cred *n;

    if (!cred_capable(CAP_SETGID_))
        return -EPERM;
    if (size < 0 || (u32)size > GROUPS_MAX)
        return -EINVAL;
    n = cred_copy(cred(), (u32)size);
    if (!n)
        return -ENOMEM;
    if (copy_from_user(n->groups, from, (u32)size * sizeof(u32))) {
        cred_unref(n);
        return -EFAULT;
    }
    cred_sort_groups(n);
    cred_replace(n);
    return 0;
}

/* --- capabilities ----------------------------------------------------------------------------- */

struct cap_header {
    u32 version;
    s32 pid;
};

struct cap_data {
    u32 effective, permitted, inheritable;
};

/* Words of data for the header's version; 0: unknown, and ours has been written. */
static int cap_words(u64 uheader, struct cap_header *h, u32 *words)
{
    u32 ours = CAP_VERSION_3;

    if (copy_from_user(h, uheader, sizeof(*h)))
        return -EFAULT;
    *words = h->version == CAP_VERSION_1 ? 1
             : h->version == CAP_VERSION_2 || h->version == CAP_VERSION_3 ? 2 : 0;
    if (!*words && copy_to_user(uheader, &ours, sizeof(ours)))
        return -EFAULT;
    return 0;
}

s64 sys_capget(u64 uheader, u64 udata)
{
    struct cap_header h;
    struct cap_data d[2];
    u64 effective = 0, permitted = 0;
    struct process *p;
    u32 words;
    int r = cap_words(uheader, &h, &words);

    if (r)
        return r;
    if (!words)
        return udata ? -EINVAL : 0;
    if (h.pid < 0)
        return -EINVAL;
    p = process_find(h.pid ? (u32)h.pid : process_current()->pid);
    if (!p)
        return -ESRCH;
    spin_lock(&p->lock);
    effective = p->cred->cap_effective;
    permitted = p->cred->cap_permitted;
    spin_unlock(&p->lock);
    object_unref(&p->obj);
    for (u32 i = 0; i < 2; i++)
        d[i] = (struct cap_data){ (u32)(effective >> 32 * i), (u32)(permitted >> 32 * i), 0 };
    return udata && copy_to_user(udata, d, words * sizeof(d[0])) ? -EFAULT : 0;
}

s64 sys_capset(u64 uheader, u64 udata)
{
    struct cap_header h;
    struct cap_data d[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
    const struct cred *o = cred();
    u64 effective, permitted;
    struct cred *n;
    u32 words;
    int r = cap_words(uheader, &h, &words);

    if (r)
        return r;
    if (!words)
        return -EINVAL;
    if (h.pid && (u32)h.pid != process_current()->pid && (u32)h.pid != current()->tid)
        return -EPERM;
    if (copy_from_user(d, udata, words * sizeof(d[0])))
        return -EFAULT;
    effective = (d[0].effective | (u64)d[1].effective << 32) & CAP_ALL;
    permitted = (d[0].permitted | (u64)d[1].permitted << 32) & CAP_ALL;
    if ((permitted & ~o->cap_permitted) || (effective & ~permitted))
        return -EPERM;
    n = copy();
    if (!n)
        return -ENOMEM;
    n->cap_permitted = permitted;
    n->cap_effective = effective;
    cred_replace(n);
    return 0;
}
