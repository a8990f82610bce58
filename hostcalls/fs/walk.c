/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs_walk: looking up components one after the other, or names beside one another. Of links the text is
 * told.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostcalls/fs/beneath.h"
#include "hostcalls/fs/nodes.h"
#include "hostcalls/fs/service.h"
#include "hostcalls/lib/attr.h"
#include "hostcalls/lib/cleanup.h"

/* Fill the entry. Of a directory, take fd over and make *child, in use. */
static int describe(struct node *dir, const char *name, int *fd, struct rv_walk_entry *e,
                    struct node **child)
{
    int r;

    if (!S_ISDIR(e->attr.mode))
        return 0;
    r = node_add(dir, name, take_fd(fd), e->attr.dev, e->attr.ino, child);
    if (!r)
        e->dir = node_id(*child);
    return r;
}

int walk_entry(struct call *c, struct node *dir, const char *name, bool with_text,
               struct node **child)
{
    static const char zeros[8];
    struct rv_walk_entry e = { 0 };
    size_t room = c->out_max - c->out_used;
    struct node *made = NULL;
    cleanup_fd int fd = -1;
    ssize_t n;

    if (room < sizeof(e))
        return -ENOSPC;
    room -= sizeof(e);
    fd = call_look(dir, name, &e.attr);
    if (fd < 0) {
        e.status = fd;
    } else {
        e.status = describe(dir, name, &fd, &e, &made);
        if (!e.status && with_text && S_ISLNK(e.attr.mode)) {
            n = room ? readlinkat(fd, attr_no_path, c->out + c->out_used + sizeof(e), room) : 0;
            if (n < 0)
                e.status = -errno;
            else if (((size_t)n + 7) / 8 * 8 >= room)
                return -ENOSPC; /* it may have been cut */
            else
                e.link_len = (uint32_t)n;
        }
    }
    if (e.status)
        e = (struct rv_walk_entry){ .status = e.status };
    call_reply(c, &e, sizeof(e));
    c->out_used += e.link_len;
    call_reply(c, zeros, -e.link_len % 8);
    if (child)
        *child = made;
    else if (made)
        node_put(made);
    return made ? 0 : 1;
}

int64_t fs_walk(struct call *c)
{
    const char *at = c->in, *end = c->in + c->in_len;
    uint32_t flags = call_u32(c, 1);
    struct node *dir, *child;
    int r = flags & ~RV_WALK_BESIDE ? -EINVAL : call_node(c, 0, false, &dir);

    if (r)
        return r;
    for (;;) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        size_t len = (size_t)((slash ? slash : end) - at);
        char name[256];

        r = beneath_name(name, at, len);
        if (r)
            break;
        r = walk_entry(c, dir, name, true, flags & RV_WALK_BESIDE ? NULL : &child);
        if (r < 0 || (r && !(flags & RV_WALK_BESIDE)))
            break;
        if (!(flags & RV_WALK_BESIDE)) {
            node_put(dir);
            dir = child;
        }
        if (!slash)
            break;
        at = slash + 1;
    }
    node_put(dir);
    /* Whatever ends the walk, the entries that there are so far are good. */
    if (c->out_used)
        return (int64_t)c->out_used;
    return r == -ENOSPC ? -EINVAL : r;
}
