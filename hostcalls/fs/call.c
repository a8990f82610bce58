/* SPDX-License-Identifier: Apache-2.0 */
/* What the handlers have in common: taking a request's parts, checked, and answering. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "hostcalls/fs/beneath.h"
#include "hostcalls/fs/jail.h"
#include "hostcalls/fs/nodes.h"
#include "hostcalls/fs/service.h"
#include "hostcalls/lib/cleanup.h"

uint32_t call_u32(const struct call *c, int i)
{
    return c->arg[i] > UINT32_MAX ? UINT32_MAX : (uint32_t)c->arg[i];
}

int call_node(const struct call *c, int i, bool change, struct node **out)
{
    int r = node_get(call_u32(c, i), out);

    if (!r && change && (node_readonly(*out) || node_hollow(*out))) {
        node_put(*out);
        r = -EROFS;
    }
    return r;
}

int call_name(const struct call *c, char name[256])
{
    return beneath_name(name, c->in, c->in_len);
}

int call_names(const struct call *c, int i, char first[256], char second[256])
{
    size_t len = call_u32(c, i);
    int r;

    if (len > c->in_len)
        return -EINVAL;
    r = beneath_name(first, c->in, len);
    return r ? r : beneath_name(second, c->in + len, c->in_len - len);
}

int call_look(struct node *dir, const char *name, struct rv_attr *a)
{
    cleanup_fd int fd = node_hollow(dir) ? -ENOENT : beneath_look(node_fd(dir), name);
    int r = fd < 0 ? fd : beneath_attr(fd, a);

    if (!r && a->dev != node_dev(dir) && !S_ISDIR(a->mode) && beneath_is_state(fd))
        r = -EACCES;
    return r ? r : take_fd(&fd);
}

bool call_reply(struct call *c, const void *p, size_t len)
{
    if (len > c->out_max - c->out_used)
        return false;
    memcpy(c->out + c->out_used, p, len);
    c->out_used += len;
    return true;
}

/* On a directory set-group-ID gives no rights: what is made in it belongs to its group. */
uint32_t own_mode(const struct node *dir, uint32_t mode)
{
    return S_ISDIR(mode) || node_keeps_setid(dir) ? mode : mode & ~(uint32_t)(S_ISUID | S_ISGID);
}

int own_new(struct node *dir, int fd, uint32_t uid, uint32_t gid, uint32_t mode, bool has_mode)
{
    int r = beneath_chown(fd, uid, gid);

    if (r && !jail_can_chown()) {
        mode &= ~(uint32_t)(S_ISUID | S_ISGID);
        r = 0;
    }
    return r || !has_mode ? r : beneath_chmod(fd, own_mode(dir, mode));
}
