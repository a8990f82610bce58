/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs_getxattr, fs_listxattr, fs_setxattr: extended attributes (xattr(7)). The guest is told of two
 * kinds: user.*, and security.capability, by which its execve goes. Other names are the host's own
 * affair: the labels of its security modules, and trusted.*, which takes CAP_SYS_ADMIN. Only user.*
 * is changed. What is neither a regular file nor a directory has no such attributes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "hostcalls/fs/beneath.h"
#include "hostcalls/fs/nodes.h"
#include "hostcalls/fs/service.h"
#include "hostcalls/lib/cleanup.h"

#define NAME_SIZE  256u   /* with its NUL */
#define VALUE_MAX  65536u /* XATTR_SIZE_MAX */
#define LIST_MAX   65536u /* XATTR_LIST_MAX */
#define SHORT_LIST 1024u
#define FILE_CAPS  "security.capability"

static bool is_user(const char *name)
{
    return !strncmp(name, "user.", 5) && name[5];
}

static bool is_told(const char *name)
{
    return is_user(name) || !strcmp(name, FILE_CAPS);
}

/* An attribute's name as a string. -ERANGE as by getxattr(2); -EINVAL: with a NUL in it. */
static int attr_name(char name[NAME_SIZE], const char *text, size_t len)
{
    if (!len || len >= NAME_SIZE)
        return -ERANGE;
    if (memchr(text, 0, len))
        return -EINVAL;
    memcpy(name, text, len);
    name[len] = 0;
    return 0;
}

/*
 * Open what the request is about, for reading, which suffices for all of it: the file of that name
 * (len 0: the directory itself), if its inode number is `ino` or that is 0. *fd -1: it is of a type
 * that has no attributes.
 */
static int open_target(struct node *dir, const char *text, size_t len, uint64_t ino, int *fd)
{
    cleanup_fd int looked = -1;
    struct rv_attr a;
    char name[256];
    int r;

    *fd = -1;
    if (!len) {
        if (node_hollow(dir))
            return 0;
        r = beneath_list(node_fd(dir));
    } else {
        r = beneath_name(name, text, len);
        if (r)
            return r;
        looked = call_look(dir, name, &a);
        if (looked < 0)
            return looked;
        if (ino && a.ino != ino)
            return -ESTALE;
        if (!S_ISREG(a.mode) && !S_ISDIR(a.mode))
            return 0;
        r = beneath_open(looked, O_RDONLY);
    }
    if (r < 0)
        return r;
    *fd = r;
    return 0;
}

int64_t fs_getxattr(struct call *c)
{
    size_t len = call_u32(c, 1);
    cleanup_fd int fd = -1;
    char name[NAME_SIZE];
    struct node *dir;
    ssize_t n;
    int r;

    if (len > c->in_len)
        return -EINVAL;
    r = attr_name(name, c->in + len, c->in_len - len);
    if (!r)
        r = call_node(c, 0, false, &dir);
    if (r)
        return r;
    r = open_target(dir, c->in, len, c->arg[2], &fd);
    node_put(dir);
    if (r)
        return r;
    if (fd < 0 || !is_told(name))
        return -ENODATA;
    if (!c->out_max) /* with no room, fgetxattr would tell the length only */
        return -ERANGE;
    n = fgetxattr(fd, name, c->out, c->out_max);
    if (n < 0)
        return -errno;
    c->out_used = (size_t)n;
    return n;
}

/* Leave only the names that are told, in place. Their bytes. */
static size_t told_names(char *list, size_t len)
{
    size_t kept = 0, at = 0;

    while (at < len) {
        size_t n = strnlen(list + at, len - at) + 1;

        if (n > len - at)
            break;
        if (is_told(list + at)) {
            memmove(list + kept, list + at, n);
            kept += n;
        }
        at += n;
    }
    return kept;
}

int64_t fs_listxattr(struct call *c)
{
    cleanup_fd int fd = -1;
    struct node *dir;
    char *list;
    ssize_t n;
    int r = call_node(c, 0, false, &dir);

    if (r)
        return r;
    r = open_target(dir, c->in, c->in_len, c->arg[1], &fd);
    node_put(dir);
    if (r || fd < 0)
        return r;
    list = malloc(LIST_MAX);
    if (!list)
        return -ENOMEM;
    n = flistxattr(fd, list, LIST_MAX);
    if (n < 0)
        n = -errno;
    else
        n = (ssize_t)told_names(list, (size_t)n);
    if (n > 0 && !call_reply(c, list, (size_t)n))
        n = -ERANGE;
    free(list);
    return n;
}

bool has_file_caps(int fd)
{
    return fgetxattr(fd, FILE_CAPS, NULL, 0) >= 0;
}

bool has_no_xattrs(int fd)
{
    char list[SHORT_LIST];
    ssize_t n = flistxattr(fd, list, sizeof(list));

    return n < 0 ? errno == EOPNOTSUPP : !told_names(list, (size_t)n);
}

int64_t fs_setxattr(struct call *c)
{
    size_t len = call_u32(c, 1), name_len = call_u32(c, 2), size;
    uint32_t flags = call_u32(c, 4);
    cleanup_fd int fd = -1;
    char name[NAME_SIZE];
    struct node *dir;
    int r;

    if (len > c->in_len || name_len > c->in_len - len || flags > RV_XATTR_REMOVE)
        return -EINVAL;
    size = c->in_len - len - name_len;
    if (size > VALUE_MAX)
        return -E2BIG;
    r = attr_name(name, c->in + len, name_len);
    if (!r && !is_user(name))
        r = -EPERM;
    if (!r)
        r = call_node(c, 0, true, &dir);
    if (r)
        return r;
    r = open_target(dir, c->in, len, c->arg[3], &fd);
    node_put(dir);
    if (r)
        return r;
    if (fd < 0)
        return -EPERM;
    if (flags == RV_XATTR_REMOVE)
        r = fremovexattr(fd, name);
    else
        r = fsetxattr(fd, name, c->in + len + name_len, size, (int)flags);
    return r < 0 ? -errno : 0;
}
