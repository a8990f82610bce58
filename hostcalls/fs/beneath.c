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

#include "hostcalls/lib/attr.h"

#define RESOLVE (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

/*
 * /proc/self/fd. In the jail it is a mount of its own, detached, with just that folder: nothing
 * else of /proc can be reached from it.
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

static int open_how(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
    struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };
    long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

    return fd < 0 ? -errno : (int)fd;
}

static int open_beneath(int dir, const char *path, uint64_t flags)
{
    return open_how(dir, path, flags, RESOLVE);
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

int beneath_tmpfile(int dir)
{
    int fd = open_beneath(dir, ".", O_TMPFILE | O_EXCL | O_RDWR | O_NONBLOCK | O_NOCTTY);

    return fd == -EISDIR ? -EOPNOTSUPP : fd; /* open(2): what some file systems say */
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

    return open_how(fd_dir, fd_name(name, looked), (uint64_t)flags | O_NONBLOCK | O_NOCTTY, 0);
}

int beneath_chown(int looked, uint32_t uid, uint32_t gid)
{
    if (fchownat(looked, "", uid, gid, AT_EMPTY_PATH) == 0)
        return 0;
    return errno == EINVAL ? -EPERM : -errno; /* EINVAL: no such id in our user namespace */
}

int beneath_chmod(int looked, uint32_t mode)
{
    char name[16];

    /* fchmod refuses O_PATH descriptors, and fchmodat2 is newer than many hosts (Linux 6.6). */
    return fchmodat(fd_dir, fd_name(name, looked), mode & 07777, 0) < 0 ? -errno : 0;
}

int beneath_attr(int fd, struct rv_attr *a)
{
    struct statx sx;

    if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, ATTR_MASK, &sx) < 0)
        return -errno;
    attr_fill(a, &sx);
    return 0;
}
