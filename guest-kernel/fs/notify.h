/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of files, for those who watch them: inotify(7). Where something happens to a file, one of the
 * hooks is called; without watches in the whole sandbox that is a test of one word.
 */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include "fs/inode.h"

/* Events, as inotify(7) has them. */
#define NOTIFY_ACCESS        0x1u
#define NOTIFY_MODIFY        0x2u
#define NOTIFY_ATTRIB        0x4u
#define NOTIFY_CLOSE_WRITE   0x8u
#define NOTIFY_CLOSE_NOWRITE 0x10u
#define NOTIFY_OPEN          0x20u
#define NOTIFY_MOVED_FROM    0x40u
#define NOTIFY_MOVED_TO      0x80u
#define NOTIFY_CREATE        0x100u
#define NOTIFY_DELETE        0x200u
#define NOTIFY_DELETE_SELF   0x400u
#define NOTIFY_MOVE_SELF     0x800u

extern u32 notify_watches; /* how many there are; written under a lock, read as a hint */

void notify_file_slow(struct file *f, u32 event);
void notify_dentry_slow(struct dentry *d, u32 event);
void notify_self_slow(struct inode *i, u32 event);
void notify_removed_slow(struct inode *dir, struct dentry *d, bool replaced);
void notify_created_slow(struct inode *dir, struct dentry *d);
void notify_moved_slow(struct inode *from, const char *name, u32 len, struct inode *to, struct dentry *d);

/*
 * The hooks. None may be called with a spinlock held; inodes may be locked. An event of a file or dentry
 * is also its directory's, one of `self` is not.
 */
static inline void notify_file(struct file *f, u32 event)
{
    if (unlikely(READ_ONCE(notify_watches)))
        notify_file_slow(f, event);
}

static inline void notify_dentry(struct dentry *d, u32 event)
{
    if (unlikely(READ_ONCE(notify_watches)))
        notify_dentry_slow(d, event);
}

static inline void notify_self(struct inode *i, u32 event)
{
    if (unlikely(READ_ONCE(i->watched)))
        notify_self_slow(i, event);
}

/* With the directory locked: its entry is new; is gone (replaced: by another of the name). */
static inline void notify_created(struct inode *dir, struct dentry *d)
{
    if (unlikely(READ_ONCE(notify_watches)))
        notify_created_slow(dir, d);
}

static inline void notify_removed(struct inode *dir, struct dentry *d, bool replaced)
{
    if (unlikely(READ_ONCE(notify_watches)))
        notify_removed_slow(dir, d, replaced);
}

/* What was called `name` in from is d, in to. Both directories are locked. */
static inline void notify_moved(struct inode *from, const char *name, u32 len, struct inode *to,
                                struct dentry *d)
{
    if (unlikely(READ_ONCE(notify_watches)))
        notify_moved_slow(from, name, len, to, d);
}

/* --- inotify(7) ----------------------------------------------------------------------------------- */

#define INOTIFY_MAX_EVENTS    16384u /* /proc/sys/fs/inotify */
#define INOTIFY_MAX_INSTANCES 128u   /* of a user */
#define INOTIFY_MAX_WATCHES   65536u

/* 0, -ENOMEM, -EMFILE. */
int inotify_create(u32 flags, struct file **out);
bool file_is_inotify(const struct file *f);
/* mask: IN_*, checked. The watch's number, -EEXIST, -ENOSPC, -ENOMEM. */
int inotify_watch(struct file *f, const struct path *p, u32 mask);
/* 0 or -EINVAL. */
int inotify_unwatch(struct file *f, int wd);

#endif
