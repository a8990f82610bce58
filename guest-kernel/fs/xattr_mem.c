/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes in memory, a list with each inode: see xattr.h. */
#include "core/string.h"
#include "fs/xattr.h"
#include "mm/frame.h"
#include "mm/slab.h"

#define MEMORY_SHARE 8u /* of the container's memory, so much at most is for attributes */

struct xattr xattr_unasked, xattr_unasked_changed;

static u64 charged; /* atomic: bytes that all attributes take */

/* What kmalloc takes for it, nearly. */
static u32 charge_of(size_t size)
{
    size_t n = size <= PAGE_SIZE / 2 ? ALIGN_UP(size, 64ul) : PAGE_SIZE;

    while (n < size)
        n *= 2;
    return (u32)n;
}

static bool charge(u32 n)
{
    struct frame_stats s;

    frame_get_stats(&s);
    if (__atomic_add_fetch(&charged, n, __ATOMIC_RELAXED) <= s.limit / MEMORY_SHARE)
        return true;
    __atomic_fetch_sub(&charged, n, __ATOMIC_RELAXED);
    return false;
}

static void free_one(struct xattr *x)
{
    __atomic_fetch_sub(&charged, x->charge, __ATOMIC_RELAXED);
    kfree(x);
}

void xattr_free(struct xattr *first)
{
    if (xattr_is_unasked(first))
        return;
    for (struct xattr *x = first, *next; x; x = next) {
        next = x->next;
        free_one(x);
    }
}

static struct xattr *create(const char *name, const void *value, size_t size, int *err)
{
    size_t len = strlen(name) + 1, all = sizeof(struct xattr) + len + size;
    u32 n = charge_of(all);
    struct xattr *x;

    *err = -ENOSPC;
    if (!charge(n))
        return NULL;
    x = kmalloc(all);
    if (!x) {
        __atomic_fetch_sub(&charged, n, __ATOMIC_RELAXED);
        *err = -ENOMEM;
        return NULL;
    }
    *x = (struct xattr){ .size = (u32)size, .charge = n };
    memcpy(x->name, name, len);
    memcpy(x->name + len, value, size);
    return x;
}

s64 xattr_mem_get(struct xattr *first, const char *name, void *buf, size_t size)
{
    struct xattr *x = first;

    while (x && strcmp(x->name, name))
        x = x->next;
    if (!x)
        return -ENODATA;
    if (!size)
        return x->size;
    if (size < x->size)
        return -ERANGE;
    memcpy(buf, x->name + strlen(x->name) + 1, x->size);
    return x->size;
}

s64 xattr_mem_list(struct xattr *first, bool privileged, char *buf, size_t size)
{
    size_t done = 0;

    for (struct xattr *x = first; x; x = x->next) {
        size_t n = strlen(x->name) + 1;

        if (!privileged && !strncmp(x->name, XATTR_TRUSTED_PREFIX, XATTR_TRUSTED_PREFIX_LEN))
            continue;
        if (size && done + n > size)
            return -ERANGE;
        if (size)
            memcpy(buf + done, x->name, n);
        done += n;
    }
    return (s64)done;
}

int xattr_mem_set(struct xattr **first, const char *name, const void *value, size_t size,
                  int flags)
{
    struct xattr **at = first, *old, *new = NULL;
    size_t names = strlen(name) + 1;
    int err;

    for (; *at && strcmp((*at)->name, name); at = &(*at)->next)
        names += strlen((*at)->name) + 1;
    old = *at;
    if (old && (flags & XATTR_CREATE))
        return -EEXIST;
    if (!old && (!value || (flags & XATTR_REPLACE)))
        return -ENODATA;
    if (!old && names > XATTR_LIST_MAX)
        return -ENOSPC; /* else listxattr could not tell them */
    if (value) {
        new = create(name, value, size, &err);
        if (!new)
            return err;
        new->next = old ? old->next : NULL;
    }
    __atomic_store_n(at, new ? new : old->next, __ATOMIC_RELEASE);
    if (old)
        free_one(old);
    return 0;
}

s64 xattr_mem_op_get(struct inode *i, struct dentry *d UNUSED, const char *name, void *buf,
                     size_t size)
{
    return xattr_mem_get(i->xattrs, name, buf, size);
}

s64 xattr_mem_op_list(struct inode *i, struct dentry *d UNUSED, bool privileged, char *buf,
                      size_t size)
{
    return xattr_mem_list(i->xattrs, privileged, buf, size);
}

int xattr_mem_op_set(struct inode *i, struct dentry *d UNUSED, const char *name, const void *value,
                     size_t size, int flags)
{
    int r = xattr_mem_set(&i->xattrs, name, value, size, flags);

    if (r == 0)
        i->ctime = fs_now();
    return r;
}

void xattr_drop_caps_slow(struct inode *i)
{
    if (xattr_is_unasked(i->xattrs))
        i->xattrs = &xattr_unasked_changed;
    else
        xattr_mem_set(&i->xattrs, XATTR_CAPS, NULL, 0, 0); /* -ENODATA: there are none */
}
