/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes: reading and changing them. */
#include "core/string.h"
#include "fs/notify.h"
#include "fs/xattr.h"

static void fill(struct inode *i, struct kstat *st)
{
    u64 size = i->vmo ? READ_ONCE(i->vmo->size) : i->size;
    bool in_memory = i->vmo && !(i->vmo->ops && i->vmo->ops->get_page);

    *st = (struct kstat){
        .dev = i->sb->dev, .ino = i->ino, .rdev = i->rdev, .size = size, .blksize = PAGE_SIZE,
        .blocks = in_memory ? i->vmo->resident * (PAGE_SIZE / 512) : i->blocks, .atime = i->atime, .mtime = i->mtime,
        .ctime = i->ctime, .btime = i->btime, .mode = i->mode, .nlink = i->nlink, .uid = i->uid,
        .gid = i->gid,
    };
}

static int stat_inode(struct inode *i, struct kstat *st)
{
    int r = i->ops->getattr ? i->ops->getattr(i) : 0;

    if (r == 0)
        fill(i, st);
    return r;
}

int vfs_stat(const struct path *p, struct kstat *st)
{
    return stat_inode(p->dentry->inode, st);
}

int vfs_fstat(struct file *f, struct kstat *st)
{
    if (f->inode)
        return stat_inode(f->inode, st);
    memset(st, 0, sizeof(*st));
    st->mode = 0600;
    st->nlink = 1;
    st->ino = f->obj.koid;
    st->blksize = PAGE_SIZE;
    return 0;
}

int vfs_statfs(const struct path *p, struct kstatfs *st)
{
    struct superblock *sb = p->mnt->sb;
    int r = 0;

    memset(st, 0, sizeof(*st));
    st->type = sb->magic;
    st->bsize = st->frsize = PAGE_SIZE;
    st->namelen = NAME_MAX_;
    st->fsid = sb->dev;
    if (sb->statfs)
        r = sb->statfs(sb, st);
    /* As /proc/PID/mounts: ST_VALID, ST_NOATIME instead of ST_RELATIME, ST_RDONLY. */
    st->flags = (st->flags & ~UINT64_C(0x1000)) | 0x420 | (p->mnt->readonly ? 1 : 0);
    return r;
}

int vfs_access(const struct path *p, const struct cred *c, u32 mode)
{
    u32 type = inode_type(p->dentry->inode);

    /* access(2): devices and FIFOs of a read-only file system can be written. */
    if ((mode & 2) && p->mnt->readonly &&
        (type == S_IFREG_ || type == S_IFDIR_ || type == S_IFLNK_))
        return -EROFS;
    return mode ? inode_permission(p->dentry->inode, c, mode) : 0;
}

static u32 event_of(u32 mask)
{
    u32 times = mask & (SET_ATIME | SET_MTIME), event = 0;

    if ((mask & (SET_MODE | SET_UID | SET_GID)) || times == (SET_ATIME | SET_MTIME))
        event |= NOTIFY_ATTRIB;
    if ((mask & SET_SIZE) || times == SET_MTIME)
        event |= NOTIFY_MODIFY;
    return times == SET_ATIME ? event | NOTIFY_ACCESS : event;
}

/* Let the file system do it, then change the fields. Rights are checked. */
static int change(struct inode *i, struct attr_change *c)
{
    u64 now = fs_now();
    int r;

    mutex_lock(&i->lock);
    r = i->ops->setattr ? i->ops->setattr(i, c) : 0;
    if (r == 0) {
        if (c->mask & SET_MODE)
            i->mode = (i->mode & S_IFMT_) | c->mode;
        if (c->mask & SET_UID)
            i->uid = c->uid;
        if (c->mask & SET_GID)
            i->gid = c->gid;
        if (c->mask & SET_ATIME)
            i->atime = c->atime;
        if (c->mask & SET_MTIME)
            i->mtime = c->mtime;
        if (c->mask & SET_SIZE) {
            i->mtime = now;
            inode_drop_privileges(i);
        }
        if ((c->mask & (SET_UID | SET_GID)) && !inode_is_dir(i))
            xattr_drop_caps(i);
        i->ctime = now;
    }
    mutex_unlock(&i->lock);
    if (r == 0 && c->dentry && c->mask)
        notify_dentry(c->dentry, event_of(c->mask));
    return r;
}

int vfs_chmod(const struct path *p, const struct cred *c, u32 mode)
{
    struct inode *i = p->dentry->inode;
    struct attr_change a = { .mask = SET_MODE, .mode = mode, .dentry = p->dentry };

    if (p->mnt->readonly)
        return -EROFS;
    if (inode_type(i) == S_IFLNK_)
        return -EOPNOTSUPP;
    if (!inode_owner_or_capable(i, c))
        return -EPERM;
    /* chmod(2): set-group-ID is for members of the group. */
    if (!cred_has(c, CAP_FSETID_) && !cred_in_group(c, i->gid) && !inode_is_dir(i))
        a.mode &= ~S_ISGID_;
    return change(i, &a);
}

int vfs_chown(const struct path *p, const struct cred *c, u32 uid, u32 gid)
{
    struct inode *i = p->dentry->inode;
    struct attr_change a = { .uid = uid, .gid = gid, .dentry = p->dentry };

    if (p->mnt->readonly)
        return -EROFS;
    if (uid != UINT32_MAX)
        a.mask |= SET_UID;
    if (gid != UINT32_MAX)
        a.mask |= SET_GID;
    if (!cred_has(c, CAP_CHOWN_)) {
        if (((a.mask & SET_UID) && (uid != i->uid || c->fsuid != i->uid)) ||
            ((a.mask & SET_GID) &&
             (c->fsuid != i->uid || (gid != i->gid && !cred_in_group(c, gid)))))
            return -EPERM;
    }
    /* chown(2): a program that changes hands loses its set-id bits. */
    if (a.mask && !inode_is_dir(i) && (i->mode & (S_ISUID_ | S_ISGID_))) {
        a.mask |= SET_MODE;
        a.mode = i->mode & 07777 & ~S_ISUID_;
        if (i->mode & 010)
            a.mode &= ~S_ISGID_;
    }
    return change(i, &a);
}

int vfs_utimens(const struct path *p, const struct cred *c, u64 atime, u64 mtime)
{
    struct inode *i = p->dentry->inode;
    struct attr_change a = { .atime = atime, .mtime = mtime, .dentry = p->dentry };
    bool now = (atime == TIME_NOW || atime == TIME_OMIT) && (mtime == TIME_NOW || mtime == TIME_OMIT);

    if (p->mnt->readonly)
        return -EROFS;
    /* utimensat(2): the present time may be set by whoever may write, others by the owner. */
    if (!inode_owner_or_capable(i, c)) {
        if (!now || (atime == TIME_OMIT) != (mtime == TIME_OMIT))
            return -EPERM;
        if (inode_permission(i, c, 2))
            return -EACCES;
    }
    if (atime != TIME_OMIT)
        a.mask |= SET_ATIME;
    if (mtime != TIME_OMIT)
        a.mask |= SET_MTIME;
    if (atime == TIME_NOW)
        a.atime = fs_now();
    if (mtime == TIME_NOW)
        a.mtime = fs_now();
    return change(i, &a);
}

static int resize(struct inode *i, struct dentry *d, u64 size)
{
    struct attr_change a = { .mask = SET_SIZE, .size = size, .dentry = d };
    int r;

    if (inode_is_dir(i))
        return -EISDIR;
    if (inode_type(i) != S_IFREG_)
        return -EINVAL;
    if (size > INT64_MAX - PAGE_SIZE)
        return -EFBIG;
    r = fsize_limit_resize(i, size);
    return r ? r : change(i, &a);
}

int vfs_truncate(const struct path *p, const struct cred *c, u64 size)
{
    struct inode *i = p->dentry->inode;
    int r;

    if (inode_is_dir(i))
        return -EISDIR;
    if (p->mnt->readonly)
        return -EROFS;
    r = inode_permission(i, c, 2);
    if (r == 0)
        r = inode_claim(i, 1);
    if (r)
        return r;
    r = resize(i, p->dentry, size);
    inode_unclaim(i, 1);
    return r;
}

int vfs_ftruncate(struct file *f, u64 size)
{
    return f->inode ? resize(f->inode, f->path.dentry, size) : -EINVAL;
}
