/* SPDX-License-Identifier: Apache-2.0 */
/* Files beneath a directory: see beneath.h. */
#include "hostcalls/fs/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESOLVE (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

/*
 * /proc/self/fd. In the jail it is a mount of its own, detached, with just that folder: nothing else
 * of /proc can be reached from it.
 */
static int fd_dir = -1;

void beneath_init(int fd)
{
    fd_dir = fd;
}

int beneath_name(char name[256], const char *text, size_t len)
{
    if (len > 255)
        return -ENAMETOOLONG;
    if (len == 0 || memchr(text, '/', len) || memchr(text, 0, len))
        return -EINVAL;
    if (text[0] == '.' && (len == 1 || (len == 2 && text[1] == '.')))
        return -EINVAL;
    memcpy(name, text, len);
    name[len] = 0;
    return 0;
}

static int open_beneath(int dir, const char *path, uint64_t flags)
{
    struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE };
    long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

    return fd < 0 ? -errno : (int)fd;
}

int beneath_look(int dir, const char *name)
{
    return open_beneath(dir, name, O_PATH | O_NOFOLLOW);
}

int beneath_again(int dir, const char *path)
{
    return open_beneath(dir, path, O_PATH | O_NOFOLLOW | O_DIRECTORY);
}

int beneath_list(int dir)
{
    return open_beneath(dir, ".", O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOCTTY);
}

int beneath_create(int dir, const char *name)
{
    return open_beneath(dir, name,
                        O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

/* The name in fd_dir. */
static const char *fd_name(char buf[16], int fd)
{
    snprintf(buf, 16, "%d", fd);
    return buf;
}

int beneath_open(int looked, int flags)
{
    char name[16];
    int fd = openat(fd_dir, fd_name(name, looked), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

int beneath_chown(int looked, uint32_t uid, uint32_t gid)
{
    return fchownat(looked, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

int beneath_chmod(int looked, uint32_t mode)
{
    char name[16];

    /* fchmod refuses O_PATH descriptors, and fchmodat2 is newer than many hosts (Linux 6.6). */
    return fchmodat(fd_dir, fd_name(name, looked), mode & 07777, 0) < 0 ? -errno : 0;
}

static uint64_t nanoseconds(const struct statx_timestamp *t)
{
    return (uint64_t)t->tv_sec * UINT64_C(1000000000) + t->tv_nsec;
}

static uint64_t encode_dev(uint32_t major, uint32_t minor)
{
    return (minor & 0xff) | (uint64_t)major << 8 | (uint64_t)(minor & ~0xffu) << 12;
}

int beneath_attr(int fd, struct rv_attr *a)
{
    struct statx sx;

    if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &sx) <
        0)
        return -errno;
    *a = (struct rv_attr) {
        .ino = sx.stx_ino,
        .dev = encode_dev(sx.stx_dev_major, sx.stx_dev_minor),
        .size = sx.stx_size,
        .blocks = sx.stx_blocks,
        .atime = nanoseconds(&sx.stx_atime),
        .mtime = nanoseconds(&sx.stx_mtime),
        .ctime = nanoseconds(&sx.stx_ctime),
        .btime = sx.stx_mask & STATX_BTIME ? nanoseconds(&sx.stx_btime) : 0,
        .mode = sx.stx_mode,
        .nlink = sx.stx_nlink,
        .uid = sx.stx_uid,
        .gid = sx.stx_gid,
    };
    if (S_ISCHR(sx.stx_mode) || S_ISBLK(sx.stx_mode))
        a->rdev = encode_dev(sx.stx_rdev_major, sx.stx_rdev_minor);
    return 0;
}
