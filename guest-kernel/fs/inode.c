/* SPDX-License-Identifier: Apache-2.0 */
/* Inodes: life, and who may do what (path_resolution(7), permission checks). */
#include "core/refs.h"
#include "core/string.h"
#include "core/time.h"
#include "fs/xattr.h"
#include "object/process.h"

u64 fs_now(void)
{
    return time_real();
}

void inode_init(struct inode *i, struct superblock *sb, const struct inode_ops *ops,
                const struct file_ops *fops, u32 mode)
{
    memset(i, 0, sizeof(*i));
    i->refs = 1;
    i->mode = mode;
    i->nlink = 1;
    i->ops = ops;
    i->fops = fops;
    i->sb = sb;
    mutex_init(&i->lock);
    i->ino = __atomic_add_fetch(&sb->last_ino, 1, __ATOMIC_RELAXED);
}

void inode_unref(struct inode *i)
{
    if (refs_put(&i->refs))
        i->ops->destroy(i);
}

int inode_claim(struct inode *i, s8 claim)
{
    s32 claims = READ_ONCE(i->claims);

    do {
        if (claim > 0 ? claims < 0 : claims > 0)
            return -ETXTBSY;
    } while (!__atomic_compare_exchange_n(&i->claims, &claims, claims + claim, true, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return 0;
}

void inode_unclaim(struct inode *i, s8 claim)
{
    __atomic_sub_fetch(&i->claims, claim, __ATOMIC_RELEASE);
}

int file_claim(struct file *f, s8 claim)
{
    int r = inode_claim(f->inode, claim);

    if (r == 0)
        f->claim = claim;
    return r;
}

void file_unclaim(struct file *f)
{
    inode_unclaim(f->inode, f->claim);
    f->claim = 0;
}

u64 superblock_new_dev(void)
{
    static u64 last; /* atomic; major 0 as for Linux's own anonymous devices */

    return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED) + 0x20;
}

int inode_permission(const struct inode *i, const struct cred *c, u32 mask)
{
    u32 bits = i->mode;

    if (c->fsuid == i->uid)
        bits >>= 6;
    else if (cred_in_group(c, i->gid))
        bits >>= 3;
    if (!(mask & ~bits & 7))
        return 0;
    /* CAP_DAC_OVERRIDE executes only what anybody may execute. */
    if (cred_has(c, CAP_DAC_OVERRIDE_) &&
        (inode_is_dir(i) || !(mask & 1) || (i->mode & 0111)))
        return 0;
    if (cred_has(c, CAP_DAC_READ_SEARCH_) && (mask == 4 || (inode_is_dir(i) && !(mask & 2))))
        return 0;
    return -EACCES;
}

bool inode_owner_or_capable(const struct inode *i, const struct cred *c)
{
    return c->fsuid == i->uid || cred_has(c, CAP_FOWNER_);
}

u32 inode_lost_bits(const struct inode *i, const struct cred *c)
{
    u32 lost = i->mode & (S_ISUID_ | S_ISGID_);

    /* Without the right to execute it, the bit does not make a program: a member may keep it. */
    if ((lost & S_ISGID_) && !(i->mode & 010) && cred_may_set_gid(c, i->gid))
        lost &= ~S_ISGID_;
    return lost;
}

void inode_changed(struct inode *i)
{
    i->mtime = i->ctime = fs_now();
    inode_drop_privileges(i);
}

void inode_drop_privileges(struct inode *i)
{
    if (unlikely(i->mode & (S_ISUID_ | S_ISGID_)) && inode_type(i) == S_IFREG_) {
        const struct cred *c = process_current()->cred;

        if (!cred_has(c, CAP_FSETID_))
            i->mode &= ~inode_lost_bits(i, c);
    }
    xattr_drop_caps(i);
}
