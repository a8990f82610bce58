/* SPDX-License-Identifier: Apache-2.0 */
/* fs_readdir: a directory's entries from a position, which is the host file system's own cookie. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostcalls/fs/beneath.h"
#include "hostcalls/fs/nodes.h"
#include "hostcalls/fs/service.h"
#include "hostcalls/lib/cleanup.h"

#define BATCH 8192u /* bytes of host entries at a time */
#define ENTRY_MAX 280u /* of the longest name, the host's struct or ours */

/* The host's entries; as getdents64(2) says. */
struct host_dirent {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[];
};

/* Some file systems do not tell the type. */
static uint8_t find_type(int dir, const char *name)
{
    cleanup_fd int fd = beneath_look(dir, name);
    struct rv_attr a;

    return fd < 0 || beneath_attr(fd, &a) ? DT_UNKNOWN : (uint8_t)IFTODT(a.mode);
}

/* An entry of ours is never longer than the host's, so what fits in its batch fits here. */
static void add_entry(struct call *c, int dir, const struct host_dirent *h)
{
    static const char zeros[8];
    size_t len = strlen(h->name);
    struct rv_dirent e = { .ino = h->ino, .name_len = (uint16_t)len, .type = h->type };
    char checked[256];

    if (beneath_name(checked, h->name, len))
        return; /* . and .. are the guest's own; nothing else of this kind is expected */
    if (e.type == DT_UNKNOWN)
        e.type = find_type(dir, checked);
    call_reply(c, &e, sizeof(e));
    call_reply(c, checked, len);
    call_reply(c, zeros, -len % 8);
}

int64_t fs_readdir(struct call *c)
{
    char buf[BATCH] __attribute__((aligned(8)));
    cleanup_fd int fd = -1;
    uint64_t pos = c->arg[1];
    struct node *dir;
    int r;

    if (pos > INT64_MAX || c->out_max < ENTRY_MAX + sizeof(pos))
        return -EINVAL;
    r = call_node(c, 0, false, &dir);
    if (r)
        return r;
    if (node_hollow(dir)) {
        node_put(dir);
        return 0;
    }
    fd = beneath_list(node_fd(dir));
    node_put(dir);
    if (fd < 0)
        return fd;
    if (pos && lseek(fd, (off_t)pos, SEEK_SET) < 0)
        return -errno;
    for (;;) {
        size_t room = c->out_max - c->out_used - sizeof(pos);
        long n;

        if (room < ENTRY_MAX)
            break;
        n = syscall(SYS_getdents64, fd, buf, room < BATCH ? room : BATCH);
        if (n < 0 && !c->out_used)
            return -errno;
        if (n < 0)
            break; /* the next call will meet it again */
        if (n == 0) {
            pos = RV_READDIR_END;
            break;
        }
        for (long at = 0; at < n;) {
            const struct host_dirent *h = (const void *)(buf + at);

            add_entry(c, fd, h);
            pos = (uint64_t)h->off;
            at += h->reclen;
        }
    }
    if (!c->out_used)
        return 0;
    call_reply(c, &pos, sizeof(pos));
    return (int64_t)c->out_used;
}
