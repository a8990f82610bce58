/* SPDX-License-Identifier: Apache-2.0 */
/* fs_setattr, fs_sync, fs_statfs. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "hostcalls/fs/beneath.h"
#include "hostcalls/fs/nodes.h"
#include "hostcalls/fs/service.h"
#include "hostcalls/lib/attr.h"
#include "hostcalls/lib/cleanup.h"

#define SET_ALL 63u /* all RV_SET_* bits */

static int truncate_to(int looked, uint32_t mode, uint64_t size)
{
    cleanup_fd int fd = -1;

    if (!S_ISREG(mode))
        return S_ISDIR(mode) ? -EISDIR : -EINVAL;
    if (size > INT64_MAX)
        return -EFBIG;
    fd = beneath_open(looked, O_WRONLY);
    if (fd < 0)
        return fd;
    return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

/* Signed ns since the epoch; tv_nsec is never negative. */
static struct timespec to_timespec(uint64_t ns)
{
    int64_t sec = (int64_t)ns / 1000000000, rest = (int64_t)ns % 1000000000;

    if (rest < 0) {
        sec--;
        rest += 1000000000;
    }
    return (struct timespec){ (time_t)sec, (long)rest };
}

static int set_times(int looked, uint32_t mask, const struct rv_attr *to)
{
    struct timespec ts[2] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } };

    if (mask & RV_SET_ATIME)
        ts[0] = to_timespec(to->atime);
    if (mask & RV_SET_MTIME)
        ts[1] = to_timespec(to->mtime);
    return utimensat(looked, attr_no_path, ts, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* In an order in which no step undoes another: chown clears set-id bits, truncation sets a time. */
static int apply(const struct node *dir, int looked, uint32_t mask, const struct rv_attr *to)
{
    struct rv_attr now;
    int r = beneath_attr(looked, &now);

    if (!r && (mask & RV_SET_MODE) && S_ISLNK(now.mode))
        r = -EOPNOTSUPP;
    if (!r && (mask & RV_SET_SIZE))
        r = truncate_to(looked, now.mode, to->size);
    if (!r && (mask & (RV_SET_UID | RV_SET_GID)))
        r = beneath_chown(looked, mask & RV_SET_UID ? to->uid : UINT32_MAX,
                          mask & RV_SET_GID ? to->gid : UINT32_MAX);
    if (!r && (mask & RV_SET_MODE))
        r = beneath_chmod(looked, own_mode(dir, (now.mode & S_IFMT) | (to->mode & 07777)));
    if (!r && (mask & (RV_SET_ATIME | RV_SET_MTIME)))
        r = set_times(looked, mask, to);
    return r;
}

int64_t fs_setattr(struct call *c)
{
    uint32_t mask = call_u32(c, 1);
    cleanup_fd int looked = -1;
    char name[256] = "";
    struct rv_attr to, after;
    struct node *dir;
    int r = 0;

    if (mask & ~SET_ALL || c->in_len < sizeof(to))
        return -EINVAL;
    memcpy(&to, c->in, sizeof(to));
    if (c->in_len > sizeof(to))
        r = beneath_name(name, c->in + sizeof(to), c->in_len - sizeof(to));
    if (!r)
        r = call_node(c, 0, mask != 0, &dir);
    if (r)
        return r;
    if (name[0]) {
        looked = call_look(dir, name, &after);
        if (looked < 0)
            r = looked;
    }
    if (!r && mask)
        r = apply(dir, name[0] ? looked : node_fd(dir), mask, &to);
    if (!r)
        r = beneath_attr(name[0] ? looked : node_fd(dir), &after);
    node_put(dir);
    if (!r)
        call_reply(c, &after, sizeof(after));
    return r;
}

int64_t fs_sync(struct call *c)
{
    cleanup_fd int fd = -1;
    struct node *dir;
    int r = call_node(c, 0, false, &dir);

    if (r)
        return r;
    if (node_readonly(dir)) {
        node_put(dir);
        return 0; /* nothing was changed */
    }
    fd = beneath_list(node_fd(dir));
    node_put(dir);
    if (fd < 0)
        return fd;
    return fsync(fd) < 0 ? -errno : 0;
}

int64_t fs_statfs(struct call *c)
{
    struct rv_statfs out;
    struct statfs st;
    struct node *dir;
    int r = call_node(c, 0, false, &dir);

    if (r)
        return r;
    r = fstatfs(node_fd(dir), &st) < 0 ? -errno : 0;
    node_put(dir);
    if (r)
        return r;
    out = (struct rv_statfs){
        .type = (uint64_t)st.f_type,
        .bsize = (uint64_t)st.f_bsize,
        .blocks = st.f_blocks,
        .bfree = st.f_bfree,
        .bavail = st.f_bavail,
        .files = st.f_files,
        .ffree = st.f_ffree,
        .namelen = (uint64_t)st.f_namelen,
        .frsize = (uint64_t)st.f_frsize,
        .flags = (uint64_t)st.f_flags,
    };
    return call_reply(c, &out, sizeof(out)) ? 0 : -EINVAL;
}
