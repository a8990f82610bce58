/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes (xattr(7)): the calls, and those that are kept in memory with an inode.
 *
 * inode->xattrs is the list of an inode's attributes in memory, under inode->lock; NULL, which may
 * be read without: it has none. An inode of the image begins with one of the two marks below, until
 * the image was asked; from then on its attributes are in memory too.
 */
#ifndef FS_XATTR_H
#define FS_XATTR_H

#include "fs/inode.h"

#include <linux/limits.h>
#include <linux/xattr.h>

struct xattr {
    struct xattr *next;
    u32 size;    /* of the value */
    u32 charge;  /* bytes of memory */
    char name[]; /* with its NUL; then the value */
};

/* Marks: not asked yet; the same, and since then the file has lost its capabilities. */
extern struct xattr xattr_unasked, xattr_unasked_changed;
static inline bool xattr_is_unasked(const struct xattr *x)
{
    return x == &xattr_unasked || x == &xattr_unasked_changed;
}

#define XATTR_CAPS "security.capability"

/*
 * In memory. The list is not a mark; its lock is held. size 0: only the length is wanted. Bytes,
 * -ERANGE, -ENODATA; privileged: trusted.* is shown.
 */
s64 xattr_mem_get(struct xattr *first, const char *name, void *buf, size_t size);
s64 xattr_mem_list(struct xattr *first, bool privileged, char *buf, size_t size);
/* value NULL: remove. -EEXIST, -ENODATA (XATTR_CREATE and XATTR_REPLACE), -ENOSPC, -ENOMEM. */
int xattr_mem_set(struct xattr **first, const char *name, const void *value, size_t size,
                  int flags);
void xattr_free(struct xattr *first); /* also a mark or NULL */

/* inode_ops for file systems in memory. */
s64 xattr_mem_op_get(struct inode *i, struct dentry *d, const char *name, void *buf, size_t size);
s64 xattr_mem_op_list(struct inode *i, struct dentry *d, bool privileged, char *buf, size_t size);
int xattr_mem_op_set(struct inode *i, struct dentry *d, const char *name, const void *value,
                     size_t size, int flags);

/* The contents or the owner have changed: a program has lost its capabilities. inode->lock held. */
void xattr_drop_caps_slow(struct inode *i);
static inline void xattr_drop_caps(struct inode *i)
{
    if (unlikely(i->xattrs))
        xattr_drop_caps_slow(i);
}

/*
 * The calls. The name has 1 ... XATTR_NAME_MAX bytes; sizes are at most XATTR_SIZE_MAX and
 * XATTR_LIST_MAX; size 0: only the length. p NULL: an object that is no file of a file system.
 */
s64 vfs_getxattr(const struct path *p, const struct cred *c, const char *name, void *buf,
                 size_t size);
s64 vfs_listxattr(const struct path *p, const struct cred *c, char *buf, size_t size);
/* value NULL: removexattr(2). */
int vfs_setxattr(const struct path *p, const struct cred *c, const char *name, const void *value,
                 size_t size, int flags);

/* The capabilities that a program's file gives (capabilities(7), "File capabilities"). */
struct file_caps {
    u64 permitted; /* its inheritable ones never count: a process has none here */
    bool effective;
};
/* 1: it has some; 0: none; -EINVAL: the attribute is malformed; -ENOMEM. */
int vfs_file_caps(const struct path *p, struct file_caps *caps);

#endif
