/* SPDX-License-Identifier: Apache-2.0 */
/* fs_open, fs_create and fs_tmpfile: regular files for the VMM, and the contents of small ones. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostcalls/fs/beneath.h"
#include "hostcalls/fs/nodes.h"
#include "hostcalls/fs/service.h"
#include "hostcalls/lib/cleanup.h"

#define SMALL_FILE 65536u
#define TRIES      16

/*
 * Before a file of a volume is handed out for writing. A write would take its rights away, but what is
 * stored by way of a mapping would not: so its new contents have none from the beginning.
 */
static int disarm(struct node *dir, int fd, struct rv_attr *a)
{
    uint32_t mode = own_mode(dir, a->mode);
    bool caps = !node_keeps_setid(dir) && has_file_caps(fd);
    int r = 0;

    if (!caps && mode == a->mode)
        return 0;
    if (caps) /* capabilities(7): a change of owner drops them, also one to the same */
        r = beneath_chown(fd, UINT32_MAX, UINT32_MAX);
    if (!r && mode != a->mode)
        r = beneath_chmod(fd, mode);
    if (!r && caps && has_file_caps(fd))
        r = -EPERM;
    return r ? r : beneath_attr(fd, a);
}

/*
 * Open the regular file of that name. Nothing else is opened, not even for a moment: a FIFO would
 * show its other end that somebody came, and a device would do whatever it does.
 */
static int open_regular(struct node *dir, const char *name, bool write, struct rv_attr *a)
{
    cleanup_fd int looked = call_look(dir, name, a);
    int fd, r;

    if (looked < 0)
        return looked;
    if (S_ISDIR(a->mode))
        return -EISDIR;
    if (S_ISLNK(a->mode))
        return -ELOOP;
    if (!S_ISREG(a->mode))
        return -ENXIO;
    fd = beneath_open(looked, write ? O_RDWR : O_RDONLY);
    if (fd < 0)
        return fd;
    r = beneath_attr(fd, a);
    if (!r && !S_ISREG(a->mode))
        r = -EIO;
    if (!r && write)
        r = disarm(dir, fd, a);
    if (r) {
        close(fd);
        return r;
    }
    return fd;
}

/* All of a small file behind the reply, or nothing. */
static uint64_t read_small(struct call *c, int fd, uint64_t size)
{
    char *to = c->out + c->out_used;
    size_t room = c->out_max - c->out_used, done = 0;

    if (!size || size > SMALL_FILE || size > room)
        return 0;
    while (done < size) {
        ssize_t n = pread(fd, to + done, size - done, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0; /* it is being changed, or cannot be read: the guest will see by itself */
        done += (size_t)n;
    }
    c->out_used += done;
    return done;
}

/* Takes fd over. A file that is told whole needs no descriptor. */
static int64_t reply_open(struct call *c, int fd, bool write, const struct rv_attr *a)
{
    struct rv_open_reply reply = { .attr = *a, .writable = write };

    c->out_used = sizeof(reply);
    reply.no_xattrs = !write && has_no_xattrs(fd); /* who writes does not ask: it is a volume's */
    reply.nread = read_small(c, fd, a->size);
    memcpy(c->out, &reply, sizeof(reply));
    if (reply.nread && !write)
        close(fd);
    else
        c->fd = fd;
    return 0;
}

int64_t fs_open(struct call *c)
{
    bool write = c->arg[1] & 1;
    struct rv_attr a;
    struct node *dir;
    char name[256];
    int r;

    if (c->arg[1] > 1 || c->out_max < sizeof(struct rv_open_reply))
        return -EINVAL;
    r = call_name(c, name);
    if (!r)
        r = call_node(c, 0, write, &dir);
    if (r)
        return r;
    r = open_regular(dir, name, write, &a);
    node_put(dir);
    return r < 0 ? r : reply_open(c, r, write, &a);
}

/* A new file, or -EEXIST. What fails on the way leaves no file behind. */
static int create_new(const struct call *c, struct node *dir, const char *name, struct rv_attr *a)
{
    int fd = beneath_create(node_fd(dir), name), r;

    if (fd < 0)
        return fd;
    r = own_new(dir, fd, call_u32(c, 2), call_u32(c, 3), call_u32(c, 1), true);
    if (!r)
        r = beneath_attr(fd, a);
    if (!r)
        return fd;
    close(fd);
    unlinkat(node_fd(dir), name, 0);
    return r;
}

int64_t fs_create(struct call *c)
{
    bool exclusive = c->arg[4] & 1;
    struct rv_attr a;
    struct node *dir;
    char name[256];
    int r;

    if (c->arg[1] > 07777 || c->arg[4] > 1 || c->out_max < sizeof(struct rv_open_reply))
        return -EINVAL;
    r = call_name(c, name);
    if (!r)
        r = call_node(c, 0, true, &dir);
    if (r)
        return r;
    /* The name can come and go between the two attempts. */
    for (int i = 0; i < TRIES; i++) {
        r = create_new(c, dir, name, &a);
        if (r != -EEXIST || exclusive)
            break;
        r = open_regular(dir, name, true, &a);
        if (r != -ENOENT)
            break;
    }
    node_put(dir);
    if (r < 0)
        return r;
    c->out_max = sizeof(struct rv_open_reply); /* no contents */
    return reply_open(c, r, true, &a);
}

int64_t fs_tmpfile(struct call *c)
{
    struct rv_attr a;
    struct node *dir;
    int fd, r;

    if (c->arg[1] > 07777 || c->out_max < sizeof(struct rv_open_reply))
        return -EINVAL;
    r = call_node(c, 0, true, &dir);
    if (r)
        return r;
    fd = beneath_tmpfile(node_fd(dir));
    r = fd < 0 ? fd : own_new(dir, fd, call_u32(c, 2), call_u32(c, 3), call_u32(c, 1), true);
    node_put(dir);
    if (fd < 0)
        return fd;
    if (!r)
        r = beneath_attr(fd, &a);
    if (r) {
        close(fd);
        return r;
    }
    c->out_max = sizeof(struct rv_open_reply); /* no contents */
    return reply_open(c, fd, true, &a);
}
