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

int vfs_fstatfs(struct file *f, struct kstatfs *st)
{
    const u64 anon_inode_magic = 0x09041934;

    if (f->path.dentry)
        return vfs_statfs(&f->path, st);
    *st = (struct kstatfs){ .type = f->inode && f->inode->sb->magic ? f->inode->sb->magic
                                                                    : anon_inode_magic,
                            .bsize = PAGE_SIZE, .frsize = PAGE_SIZE, .namelen = NAME_MAX_ };
    return 0;
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

/*
 * Let the file system do it, then change the fields. Rights are checked; the inode is locked (m). Without
 * anything to change it is still a change: of ctime.
 */
static int change(struct inode *i, const struct attr_change *c)
{
    u64 size = i->vmo ? i->vmo->size : i->size;
    int r = i->ops->setattr ? i->ops->setattr(i, c) : 0;

    if (r)
        return r;
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
    if (!(c->mask & SET_SIZE))
        i->ctime = fs_now();
    else if (c->touch || c->size != size)
        inode_changed(i);
    else
        inode_drop_privileges(i);
    return 0;
}

static int unlock_and_tell(struct inode *i, const struct attr_change *c, int r)
{
    mutex_unlock(&i->lock);
    if (r == 0 && c->dentry && c->mask)
        notify_dentry(c->dentry, event_of(c->mask));
    return r;
}

/*
 * An open file need not have a name. Objects without an inode: Linux has one inode for all of them, which is
 * not to be changed (-EOPNOTSUPP).
 */
static const struct path *name_of(const struct file *f)
{
    return f->path.dentry ? &f->path : NULL;
}

/* p: its name, or NULL. */
static int chmod_inode(struct inode *i, const struct path *p, const struct cred *c, u32 mode)
{
    struct attr_change a = { .mask = SET_MODE, .mode = mode, .dentry = p ? p->dentry : NULL };
    int r = 0;

    if (p && p->mnt->readonly)
        return -EROFS;
    if (inode_type(i) == S_IFLNK_)
        return -EOPNOTSUPP;
    mutex_lock(&i->lock);
    if (!inode_owner_or_capable(i, c))
        r = -EPERM;
    if (!cred_may_set_gid(c, i->gid))
        a.mode &= ~S_ISGID_;
    return unlock_and_tell(i, &a, r ? r : change(i, &a));
}

int vfs_chmod(const struct path *p, const struct cred *c, u32 mode)
{
    return chmod_inode(p->dentry->inode, p, c, mode);
}

int vfs_fchmod(struct file *f, const struct cred *c, u32 mode)
{
    return f->inode ? chmod_inode(f->inode, name_of(f), c, mode) : -EOPNOTSUPP;
}

/* chown(2): what is no directory loses its set-ID bits, which is a change of mode like others. */
static int add_lost_bits(const struct inode *i, const struct cred *c, struct attr_change *a)
{
    u32 lost = inode_is_dir(i) ? 0 : inode_lost_bits(i, c);

    if (!lost)
        return 0;
    if (!inode_owner_or_capable(i, c))
        return -EPERM;
    a->mask |= SET_MODE;
    a->mode = i->mode & 07777 & ~lost;
    if (!cred_may_set_gid(c, a->mask & SET_GID ? a->gid : i->gid))
        a->mode &= ~S_ISGID_;
    return 0;
}

static int chown_inode(struct inode *i, const struct path *p, const struct cred *c, u32 uid, u32 gid)
{
    struct attr_change a = { .uid = uid, .gid = gid, .dentry = p ? p->dentry : NULL };
    int r = 0;

    if (p && p->mnt->readonly)
        return -EROFS;
    if (uid != UINT32_MAX)
        a.mask |= SET_UID;
    if (gid != UINT32_MAX)
        a.mask |= SET_GID;
    mutex_lock(&i->lock);
    if (!cred_has(c, CAP_CHOWN_)) {
        if (((a.mask & SET_UID) && (uid != i->uid || c->fsuid != i->uid)) ||
            ((a.mask & SET_GID) &&
             (c->fsuid != i->uid || (gid != i->gid && !cred_in_group(c, gid)))))
            r = -EPERM;
    }
    if (r == 0)
        r = add_lost_bits(i, c, &a);
    if (r == 0)
        r = change(i, &a);
    if (r == 0 && !inode_is_dir(i))
        xattr_drop_caps(i);
    return unlock_and_tell(i, &a, r);
}

int vfs_chown(const struct path *p, const struct cred *c, u32 uid, u32 gid)
{
    return chown_inode(p->dentry->inode, p, c, uid, gid);
}

int vfs_fchown(struct file *f, const struct cred *c, u32 uid, u32 gid)
{
    return f->inode ? chown_inode(f->inode, name_of(f), c, uid, gid) : -EOPNOTSUPP;
}

static int utimens_inode(struct inode *i, const struct path *p, const struct cred *c, u64 atime,
                         u64 mtime)
{
    struct attr_change a = { .atime = atime, .mtime = mtime, .dentry = p ? p->dentry : NULL };
    bool now = (atime == TIME_NOW || atime == TIME_OMIT) && (mtime == TIME_NOW || mtime == TIME_OMIT);

    if (p && p->mnt->readonly)
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
    mutex_lock(&i->lock);
    return unlock_and_tell(i, &a, change(i, &a));
}

int vfs_utimens(const struct path *p, const struct cred *c, u64 atime, u64 mtime)
{
    return utimens_inode(p->dentry->inode, p, c, atime, mtime);
}

int vfs_futimens(struct file *f, const struct cred *c, u64 atime, u64 mtime)
{
    return f->inode ? utimens_inode(f->inode, name_of(f), c, atime, mtime) : -EOPNOTSUPP;
}

/* touch: the times are set also if the size is what it was (ftruncate, O_TRUNC; not truncate). */
static int resize(struct inode *i, struct dentry *d, u64 size, bool touch)
{
    struct attr_change a = { .mask = SET_SIZE, .size = size, .touch = touch, .dentry = d };
    int r;

    if (inode_is_dir(i))
        return -EISDIR;
    if (inode_type(i) != S_IFREG_)
        return -EINVAL;
    if (size > INT64_MAX - PAGE_SIZE)
        return -EFBIG;
    r = fsize_limit_resize(i, size);
    if (r)
        return r;
    mutex_lock(&i->lock);
    return unlock_and_tell(i, &a, change(i, &a));
}

static int truncate_path(const struct path *p, const struct cred *c, u64 size, bool touch)
{
    struct inode *i = p->dentry->inode;
    int r;

    if (inode_is_dir(i))
        return -EISDIR;
    if (inode_type(i) != S_IFREG_)
        return -EINVAL;
    if (p->mnt->readonly)
        return -EROFS;
    r = inode_permission(i, c, 2);
    if (r == 0)
        r = inode_claim(i, 1);
    if (r)
        return r;
    r = resize(i, p->dentry, size, touch);
    inode_unclaim(i, 1);
    return r;
}

int vfs_truncate(const struct path *p, const struct cred *c, u64 size)
{
    return truncate_path(p, c, size, false);
}

int vfs_open_truncate(const struct path *p, const struct cred *c)
{
    return truncate_path(p, c, 0, true);
}

int vfs_ftruncate(struct file *f, u64 size)
{
    return f->inode ? resize(f->inode, f->path.dentry, size, true) : -EINVAL;
}
