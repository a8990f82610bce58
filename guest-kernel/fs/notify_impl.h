/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by notify.c and inotify.c. */
#ifndef FS_NOTIFY_IMPL_H
#define FS_NOTIFY_IMPL_H

#include "core/tree.h"
#include "fs/notify.h"

#include <linux/fcntl.h>

/* inotify(7): what comes with events, and flags of watches. */
#define IN_Q_OVERFLOW_  0x4000u
#define IN_IGNORED_     0x8000u
#define IN_EXCL_UNLINK_ 0x04000000u
#define IN_MASK_CREATE_ 0x10000000u
#define IN_MASK_ADD_    0x20000000u
#define IN_ISDIR_       0x40000000u
#define IN_ONESHOT_     0x80000000u
#define IN_ALL_EVENTS_  0xfffu
#define IN_KEPT (IN_ALL_EVENTS_ | IN_EXCL_UNLINK_ | IN_ONESHOT_)

extern struct spinlock notify_lock; /* RANK_FILE: all of these */

struct notify_event {
    struct list node;
    int wd;
    u32 mask, cookie;
    u32 len;          /* of the name, without a NUL */
    char name[];
};

/* As ring 3 sees it: a head of 16 bytes, and the name with a NUL in a multiple of that. */
#define EVENT_HEAD 16u
static inline u32 notify_event_size(const struct notify_event *e)
{
    return EVENT_HEAD + (e->len ? ALIGN_UP(e->len + 1, EVENT_HEAD) : 0);
}

/* What a user has of them. */
struct notify_user {
    struct list node;
    u32 uid, instances, watches;
};

/* One inotify instance. */
struct notify_group {
    struct file *file;            /* (i) no reference */
    struct notify_user *user;     /* (i) */
    struct tree watches;          /* struct watch.wd_node */
    int last_wd;
    struct list events;           /* oldest first */
    u32 nevents;
    u64 bytes;
    struct notify_event overflow; /* last, since it has room for no name */
};

struct watch {
    struct tree_node inode_node, wd_node; /* keys: the inode's address, the number */
    struct inode *inode;   /* a reference */
    struct dentry *pinned; /* a reference, or NULL */
    struct notify_group *group;
    u32 mask;              /* IN_KEPT */
    struct list gone;
};

/* --- with notify_lock held ------------------------------------------------------------------------ */

void watch_enter(struct watch *w);
/* tell: with IN_IGNORED. It goes to the list, for watches_free without the lock. */
void watch_take_out(struct watch *w, bool tell, struct list *gone);
/* The group's watch of the inode, or NULL. */
struct watch *watch_find(const struct notify_group *g, const struct inode *i);

void watches_free(struct list *gone);

#endif
