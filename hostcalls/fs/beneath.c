/* SPDX-License-Identifier: Apache-2.0 */
/* Files beneath a directory: see beneath.h. */
#include "hostcalls/fs/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
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
    if (fchownat(looked, attr_no_path, uid, gid, AT_EMPTY_PATH) == 0)
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

    if (statx(fd, attr_no_path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, ATTR_MASK, &sx) < 0)
        return -errno;
    attr_fill(a, &sx);
    return 0;
}

/* Numbers that linux/magic.h lacks, from the file systems' own headers. */
#define CONFIGFS_MAGIC_  0x62656570
#define FUSECTL_MAGIC_   0x65735543
#define MQUEUE_MAGIC_    0x19800202
#define RPCPIPE_MAGIC_   0x67596969
#define NFSD_MAGIC_      0x6e667364
#define RDTGROUP_MAGIC_  0x07655821
#define APPARMOR_MAGIC_  0x5a3c69f0

bool beneath_is_state(int fd)
{
    struct statfs st;

    if (fstatfs(fd, &st) < 0)
        return true;
    switch ((uint32_t)st.f_type) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case SELINUX_MAGIC:
    case SMACK_MAGIC:
    case APPARMOR_MAGIC_:
    case CONFIGFS_MAGIC_:
    case BPF_FS_MAGIC:
    case PSTOREFS_MAGIC:
    case EFIVARFS_MAGIC:
    case FUSECTL_MAGIC_:
    case DEVPTS_SUPER_MAGIC:
    case BINFMTFS_MAGIC:
    case BINDERFS_SUPER_MAGIC:
    case XENFS_SUPER_MAGIC:
    case NSFS_MAGIC:
    case MQUEUE_MAGIC_:
    case RPCPIPE_MAGIC_:
    case NFSD_MAGIC_:
    case RDTGROUP_MAGIC_:
        return true;
    default:
        return false;
    }
}
