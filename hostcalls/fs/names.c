/* SPDX-License-Identifier: Apache-2.0 */
/* Making, linking, renaming and removing names, on volumes only. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostcalls/fs/beneath.h"
#include "hostcalls/fs/nodes.h"
#include "hostcalls/fs/service.h"
#include "hostcalls/lib/cleanup.h"

static int errno_of(long r)
{
    return r < 0 ? -errno : 0;
}

/*
 * Finish what was just made under this name: owner, mode, the answer. A failure takes it back.
 * Somebody on the host may have put another thing there meanwhile: its type is compared, and
 * whatever it is, it lies in this directory.
 */
static int64_t finish(struct call *c, struct node *dir, const char *name, uint32_t uid,
                      uint32_t gid, uint32_t mode)
{
    cleanup_fd int fd = beneath_look(node_fd(dir), name);
    struct rv_attr a;
    int r = fd < 0 ? fd : beneath_attr(fd, &a);

    if (r)
        return r;
    if ((a.mode & S_IFMT) != (mode & S_IFMT))
        return -EEXIST;
    r = own_new(dir, fd, uid, gid, mode, !S_ISLNK(mode));
    if (r)
        unlinkat(node_fd(dir), name, S_ISDIR(mode) ? AT_REMOVEDIR : 0);
    else
        walk_entry(c, dir, name, false, NULL);
    return r;
}

int64_t fs_mkdir(struct call *c)
{
    uint32_t mode = call_u32(c, 1);
    struct node *dir;
    char name[256];
    int64_t r = call_name(c, name);

    if (mode > 07777)
        return -EINVAL;
    if (!r)
        r = call_node(c, 0, true, &dir);
    if (r)
        return r;
    r = errno_of(mkdirat(node_fd(dir), name, 0700));
    if (!r)
        r = finish(c, dir, name, call_u32(c, 2), call_u32(c, 3), S_IFDIR | mode);
    node_put(dir);
    return r;
}

int64_t fs_symlink(struct call *c)
{
    size_t len = call_u32(c, 3), text_len;
    char name[256], text[PATH_MAX];
    struct node *dir;
    int64_t r;

    if (len > c->in_len)
        return -EINVAL;
    text_len = c->in_len - len;
    if (text_len >= sizeof(text))
        return -ENAMETOOLONG;
    if (!text_len || memchr(c->in + len, 0, text_len))
        return text_len ? -EINVAL : -ENOENT;
    memcpy(text, c->in + len, text_len);
    text[text_len] = 0;
    r = beneath_name(name, c->in, len);
    if (!r)
        r = call_node(c, 0, true, &dir);
    if (r)
        return r;
    r = errno_of(symlinkat(text, node_fd(dir), name));
    if (!r)
        r = finish(c, dir, name, call_u32(c, 1), call_u32(c, 2), S_IFLNK);
    node_put(dir);
    return r;
}

int64_t fs_mknod(struct call *c)
{
    uint32_t mode = call_u32(c, 1);
    struct node *dir;
    char name[256];
    int64_t r = call_name(c, name);

    if (mode & ~(uint32_t)(S_IFMT | 07777))
        return -EINVAL;
    if (!S_ISFIFO(mode) && !S_ISSOCK(mode))
        return -EPERM;
    if (!r)
        r = call_node(c, 0, true, &dir);
    if (r)
        return r;
    r = errno_of(mknodat(node_fd(dir), name, (mode & S_IFMT) | 0600, 0));
    if (!r)
        r = finish(c, dir, name, call_u32(c, 2), call_u32(c, 3), mode);
    node_put(dir);
    return r;
}

/* Nodes arg[0] and arg[1], both to be changed. */
static int64_t two_nodes(const struct call *c, struct node **from, struct node **to)
{
    int r = call_node(c, 0, true, from);

    if (r)
        return r;
    r = call_node(c, 1, true, to);
    if (r)
        node_put(*from);
    return r;
}

int64_t fs_link(struct call *c)
{
    char first[256], second[256];
    struct node *from, *to;
    int64_t r = call_names(c, 2, first, second);

    if (!r)
        r = two_nodes(c, &from, &to);
    if (r)
        return r;
    r = errno_of(linkat(node_fd(from), first, node_fd(to), second, 0));
    if (!r)
        walk_entry(c, to, second, false, NULL);
    node_put(from);
    node_put(to);
    return r;
}

int64_t fs_unlink(struct call *c)
{
    struct node *dir;
    char name[256];
    int64_t r = call_name(c, name);

    if (c->arg[1] > 1)
        return -EINVAL;
    if (!r)
        r = call_node(c, 0, true, &dir);
    if (r)
        return r;
    r = errno_of(unlinkat(node_fd(dir), name, c->arg[1] ? AT_REMOVEDIR : 0));
    node_put(dir);
    return r;
}

static bool is_directory(struct node *dir, const char *name)
{
    struct rv_attr a;
    cleanup_fd int fd = call_look(dir, name, &a);

    return fd >= 0 && S_ISDIR(a.mode);
}

int64_t fs_rename(struct call *c)
{
    uint32_t flags = call_u32(c, 3);
    bool exchange = flags == RENAME_EXCHANGE;
    char first[256], second[256];
    struct node *from, *to;
    int64_t r = call_names(c, 2, first, second);

    if (flags != 0 && flags != RENAME_NOREPLACE && !exchange)
        return -EINVAL;
    if (!r)
        r = two_nodes(c, &from, &to);
    if (r)
        return r;
    r = errno_of(syscall(SYS_renameat2, node_fd(from), first, node_fd(to), second, flags));
    if (!r && (is_directory(to, second) || (exchange && is_directory(from, first))))
        nodes_moved(from, first, to, second, exchange);
    node_put(from);
    node_put(to);
    return r;
}
