/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that others left in directories which all may write: proc_sys_fs(5), protected_symlinks = 1,
 * protected_hardlinks = 1, protected_fifos = 1, protected_regular = 2, the values that Debian sets.
 * Capabilities make no difference to the first and the last two: it is the privileged whom they protect.
 */
#include "fs/inode.h"

int protected_follow(const struct inode *dir, const struct inode *link, const struct cred *c)
{
    const u32 shared = S_ISVTX_ | 02;

    if (likely((dir->mode & shared) != shared) || link->uid == c->fsuid || link->uid == dir->uid)
        return 0;
    return -EACCES;
}

int protected_create(const struct inode *dir, const struct inode *i, const struct cred *c)
{
    if (likely(!(dir->mode & S_ISVTX_)) || i->uid == dir->uid || i->uid == c->fsuid)
        return 0;
    /* Where only a group may write, 2 protects and 1 does not. */
    return (dir->mode & 02) || ((dir->mode & 020) && inode_type(i) == S_IFREG_) ? -EACCES : 0;
}

/* What gives no rights beyond those that c has on it anyway. */
static bool is_harmless(const struct inode *i, const struct cred *c)
{
    const u32 program = S_ISGID_ | 010;

    return inode_type(i) == S_IFREG_ && !(i->mode & S_ISUID_) && (i->mode & program) != program &&
           inode_permission(i, c, 6) == 0;
}

int protected_link(const struct inode *i, const struct cred *c)
{
    return is_harmless(i, c) || inode_owner_or_capable(i, c) ? 0 : -EPERM;
}
