/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes: who may do what with which name (xattr(7), capabilities(7)). See xattr.h. */
#include "fs/notify.h"
#include "fs/xattr.h"

#include "core/string.h"

#include <linux/capability.h>

enum space { USER, TRUSTED, SECURITY, OTHER };

/* The namespace that a name is in. *rest: what follows its prefix. */
static enum space space_of(const char *name, const char **rest)
{
    static const struct {
        const char *prefix;
        size_t len;
    } spaces[] = {
        [USER] = { XATTR_USER_PREFIX, XATTR_USER_PREFIX_LEN },
        [TRUSTED] = { XATTR_TRUSTED_PREFIX, XATTR_TRUSTED_PREFIX_LEN },
        [SECURITY] = { XATTR_SECURITY_PREFIX, XATTR_SECURITY_PREFIX_LEN },
    };

    for (u32 s = 0; s < ARRAY_SIZE(spaces); s++) {
        if (!strncmp(name, spaces[s].prefix, spaces[s].len)) {
            *rest = name + spaces[s].len;
            return (enum space)s;
        }
    }
    *rest = name;
    return OTHER;
}

static int permission(const struct inode *i, const struct cred *c, enum space s, bool write)
{
    if (s == TRUSTED && !cred_has(c, CAP_SYS_ADMIN))
        return write ? -EPERM : -ENODATA;
    if (s != USER)
        return 0;
    /* Who may write a device or a link to it does not thereby own space on the file system. */
    if (!i || (inode_type(i) != S_IFREG_ && !inode_is_dir(i)))
        return write ? -EPERM : -ENODATA;
    if (write && inode_is_dir(i) && (i->mode & S_ISVTX_) && !inode_owner_or_capable(i, c))
        return -EPERM;
    return inode_permission(i, c, write ? 2 : 4);
}

/* Whether there is such an attribute at all: 0, -EOPNOTSUPP, -EINVAL. */
static int check_name(bool has_op, enum space s, const char *rest)
{
    if (!has_op || s == OTHER)
        return -EOPNOTSUPP;
    return *rest ? 0 : -EINVAL;
}

s64 vfs_getxattr(const struct path *p, const struct cred *c, const char *name, void *buf,
                 size_t size)
{
    struct inode *i = p ? p->dentry->inode : NULL;
    const char *rest;
    enum space s = space_of(name, &rest);
    s64 r = permission(i, c, s, false);

    if (r == 0)
        r = check_name(i && i->ops->getxattr, s, rest);
    if (r)
        return r;
    mutex_lock(&i->lock);
    r = i->ops->getxattr(i, p->dentry, name, buf, size);
    mutex_unlock(&i->lock);
    return r;
}

s64 vfs_listxattr(const struct path *p, const struct cred *c, char *buf, size_t size)
{
    struct inode *i = p ? p->dentry->inode : NULL;
    s64 r;

    if (!i || !i->ops->listxattr)
        return 0;
    mutex_lock(&i->lock);
    r = i->ops->listxattr(i, p->dentry, cred_has(c, CAP_SYS_ADMIN), buf, size);
    mutex_unlock(&i->lock);
    return r;
}

/* --- capabilities of files -------------------------------------------------------------------- */

/* Whether it is one that can be set: vfs_cap_data of revision 2, or vfs_ns_cap_data. */
static bool caps_can_be_set(const void *value, size_t size)
{
    u32 magic;

    if (size < sizeof(magic))
        return false;
    memcpy(&magic, value, sizeof(magic));
    if (magic & ~(VFS_CAP_REVISION_MASK | VFS_CAP_FLAGS_EFFECTIVE))
        return false;
    magic &= VFS_CAP_REVISION_MASK;
    return (magic == VFS_CAP_REVISION_2 && size == XATTR_CAPS_SZ_2) ||
           (magic == VFS_CAP_REVISION_3 && size == XATTR_CAPS_SZ_3);
}

int vfs_file_caps(const struct path *p, struct file_caps *caps)
{
    struct vfs_ns_cap_data d = { 0 };
    struct inode *i = p->dentry->inode;
    u32 words = 2;
    size_t size;
    s64 r;

    if (!i->ops->getxattr)
        return 0;
    mutex_lock(&i->lock);
    r = i->ops->getxattr(i, p->dentry, XATTR_CAPS, &d, sizeof(d));
    mutex_unlock(&i->lock);
    if (r == -ENOMEM)
        return -ENOMEM;
    if (r < 0) /* none, or the host cannot tell: nothing is given then */
        return r == -ERANGE ? -EINVAL : 0;
    switch (d.magic_etc & VFS_CAP_REVISION_MASK) {
    case VFS_CAP_REVISION_1:
        size = XATTR_CAPS_SZ_1;
        words = 1;
        break;
    case VFS_CAP_REVISION_2:
        size = XATTR_CAPS_SZ_2;
        break;
    case VFS_CAP_REVISION_3:
        size = XATTR_CAPS_SZ_3;
        break;
    default:
        return -EINVAL;
    }
    if ((size_t)r != size)
        return -EINVAL;
    if (size == XATTR_CAPS_SZ_3 && d.rootid)
        return 0; /* for another user namespace than this one */
    *caps = (struct file_caps){ .effective = d.magic_etc & VFS_CAP_FLAGS_EFFECTIVE };
    for (u32 w = 0; w < words; w++)
        caps->permitted |= (u64)d.data[w].permitted << 32 * w;
    return 1;
}

/* --- changing --------------------------------------------------------------------------------- */

static int security_permission(const struct cred *c, const char *name, const void *value,
                               size_t size)
{
    if (strcmp(name, XATTR_CAPS))
        return cred_has(c, CAP_SYS_ADMIN) ? 0 : -EPERM;
    if (value && !caps_can_be_set(value, size))
        return -EINVAL;
    return cred_has(c, CAP_SETFCAP) ? 0 : -EPERM;
}

int vfs_setxattr(const struct path *p, const struct cred *c, const char *name, const void *value,
                 size_t size, int flags)
{
    struct inode *i = p ? p->dentry->inode : NULL;
    const char *rest;
    enum space s = space_of(name, &rest);
    int r;

    if (p && p->mnt->readonly)
        return -EROFS;
    r = permission(i, c, s, true);
    if (r == 0 && s == SECURITY)
        r = security_permission(c, name, value, size);
    if (r == 0)
        r = check_name(i && i->ops->setxattr, s, rest);
    if (r)
        return r;
    mutex_lock(&i->lock);
    r = i->ops->setxattr(i, p->dentry, name, value, size, flags);
    mutex_unlock(&i->lock);
    if (r == 0)
        notify_dentry(p->dentry, NOTIFY_ATTRIB);
    return r;
}
