/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostfs: extended attributes. Those of an image's file are asked for once, all of them, and are in
 * memory from then on, where they can be changed; an open has told in passing of most files that
 * there are none. Those of a volume's file are asked for each time. The service tells of user.* and
 * security.capability and sets user.* only (hostcalls/fs/xattr.c).
 */
#include "core/string.h"
#include "fs/hostfs.h"
#include "fs/xattr.h"
#include "mm/slab.h"

/* Where the host has a file: node of a directory, and a name in it; "": the directory itself. */
struct place {
    u32 node, len;
    u64 ino; /* what must be there; 0: it is as it was */
    char name[NAME_MAX_ + 1];
};

static s64 ask_list(const struct place *at, char *buf, size_t size)
{
    struct hc_io io;

    hc_io_init(&io);
    if (at->len)
        hc_in(&io, at->name, at->len);
    hc_out(&io, buf, size);
    return hostcall(RV_HC_fs_listxattr, at->node, at->ino, 0, 0, 0, &io);
}

static s64 ask_value(const struct place *at, const char *name, void *buf, size_t size)
{
    struct hc_io io;

    hc_io_init(&io);
    if (at->len)
        hc_in(&io, at->name, at->len);
    hc_in(&io, name, strlen(name));
    hc_out(&io, buf, size);
    return hostcall(RV_HC_fs_getxattr, at->node, at->len, at->ino, 0, 0, &io);
}

static bool has_attributes(const struct inode *i)
{
    return inode_type(i) == S_IFREG_ || inode_is_dir(i);
}

/* --- the image -------------------------------------------------------------------------------- */

/* Take the names' values over into a list. */
static int take_values(const struct place *at, const char *names, size_t len, bool changed,
                       struct xattr **list)
{
    u8 *value = kmalloc(XATTR_SIZE_MAX);
    s64 r = value ? 0 : -ENOMEM;

    for (size_t n, done = 0; r == 0 && done < len; done += n) {
        const char *name = names + done;

        n = strnlen(name, len - done) + 1;
        if (n > len - done) {
            r = -EIO;
            break;
        }
        if (changed && !strcmp(name, XATTR_CAPS))
            continue;
        r = ask_value(at, name, value, XATTR_SIZE_MAX);
        if (r >= 0)
            r = xattr_mem_set(list, name, value, (size_t)r, 0);
        if (r == -ENOSPC)
            r = -ENOMEM; /* for whoever only reads */
    }
    kfree(value);
    return (int)r;
}

/* Ask the image for all of a file's attributes, if nobody has yet. The inode is locked. */
static int load(struct inode *i)
{
    struct hostfs_inode *h = hostfs_of(i);
    struct place at = { .node = h->node };
    struct xattr *list = NULL;
    char *names;
    s64 r;

    if (likely(!xattr_is_unasked(i->xattrs)))
        return 0;
    if (!has_attributes(i)) {
        i->xattrs = NULL;
        return 0;
    }
    if (h->host_dir) {
        at.node = hostfs_of(h->host_dir)->node;
        at.len = (u32)str_copy(at.name, h->host_name, sizeof(at.name));
    }
    names = kmalloc(XATTR_LIST_MAX);
    if (!names)
        return -ENOMEM;
    r = ask_list(&at, names, XATTR_LIST_MAX);
    if (r > 0)
        r = take_values(&at, names, (size_t)r, i->xattrs == &xattr_unasked_changed, &list);
    kfree(names);
    if (r == 0 || r == -EOPNOTSUPP) {
        i->xattrs = list;
        return 0;
    }
    xattr_free(list);
    return (int)r;
}

s64 image_getxattr(struct inode *i, struct dentry *d, const char *name, void *buf, size_t size)
{
    int r = load(i);

    return r ? r : xattr_mem_op_get(i, d, name, buf, size);
}

s64 image_listxattr(struct inode *i, struct dentry *d, bool privileged, char *buf, size_t size)
{
    int r = load(i);

    return r ? r : xattr_mem_op_list(i, d, privileged, buf, size);
}

int image_setxattr(struct inode *i, struct dentry *d, const char *name, const void *value,
                   size_t size, int flags)
{
    int r = load(i);

    return r ? r : xattr_mem_op_set(i, d, name, value, size, flags);
}

/* --- volumes ---------------------------------------------------------------------------------- */

/* A reference on *parent, or NULL. */
static int volume_place(struct inode *i, struct dentry *d, struct place *at, struct dentry **parent)
{
    *parent = NULL;
    at->node = hostfs_of(i)->node;
    at->len = 0;
    at->ino = 0;
    if (at->node)
        return 0;
    *parent = hostfs_place(d, &at->node, at->name, &at->len);
    at->ino = i->ino; /* by now the name may be another file's */
    return *parent ? 0 : -ESTALE;
}

/* Give the caller what is in buf as getxattr(2) and listxattr(2) do. */
static s64 hand_out(const void *from, s64 n, void *buf, size_t size)
{
    if (n <= 0 || !size)
        return n;
    if ((u64)n > size)
        return -ERANGE;
    memcpy(buf, from, (size_t)n);
    return n;
}

s64 volume_getxattr(struct inode *i, struct dentry *d, const char *name, void *buf, size_t size)
{
    struct dentry *parent;
    struct place at;
    void *all;
    s64 r;

    if (!has_attributes(i))
        return -ENODATA;
    r = volume_place(i, d, &at, &parent);
    if (r)
        return r;
    all = kmalloc(XATTR_SIZE_MAX);
    r = all ? ask_value(&at, name, all, XATTR_SIZE_MAX) : -ENOMEM;
    r = hand_out(all, r, buf, size);
    kfree(all);
    if (parent)
        dentry_unref(parent);
    return r;
}

s64 volume_listxattr(struct inode *i, struct dentry *d, bool privileged UNUSED, char *buf,
                     size_t size)
{
    struct dentry *parent;
    struct place at;
    void *all;
    s64 r;

    if (!has_attributes(i))
        return 0;
    r = volume_place(i, d, &at, &parent);
    if (r)
        return r;
    all = kmalloc(XATTR_LIST_MAX);
    r = all ? ask_list(&at, all, XATTR_LIST_MAX) : -ENOMEM;
    r = hand_out(all, r, buf, size);
    kfree(all);
    if (parent)
        dentry_unref(parent);
    return r;
}

int volume_setxattr(struct inode *i, struct dentry *d, const char *name, const void *value,
                    size_t size, int flags)
{
    size_t name_len = strlen(name);
    struct dentry *parent;
    struct place at;
    struct hc_io io;
    s64 r;

    STATIC_ASSERT(XATTR_CREATE == RV_XATTR_CREATE && XATTR_REPLACE == RV_XATTR_REPLACE);
    if (strncmp(name, XATTR_USER_PREFIX, XATTR_USER_PREFIX_LEN))
        return -EPERM; /* the service has no right to */
    r = volume_place(i, d, &at, &parent);
    if (r)
        return (int)r;
    hc_io_init(&io);
    if (at.len)
        hc_in(&io, at.name, at.len);
    hc_in(&io, name, name_len);
    if (size)
        hc_in(&io, value, size);
    r = hostcall(RV_HC_fs_setxattr, at.node, at.len, name_len, at.ino,
                 value ? (u32)flags : RV_XATTR_REMOVE, &io);
    if (parent)
        dentry_unref(parent);
    return (int)r;
}
