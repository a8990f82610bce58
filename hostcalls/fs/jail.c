/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting into the jail. The trees are cloned as detached mounts: they have no place in any
 * namespace, so from their roots no '..' leads out, and their flags (nodev, nosuid, read-only) are
 * this process's own. Privileges for that come from being root or from a user namespace, in which
 * the container's root is the user who started it. Where the host forbids both, the trees are plain
 * folders and the root stays. In either case Landlock, where the kernel has it, lets files be opened
 * beneath the trees only, also if the service's code has been taken over.
 */
#include "hostcalls/fs/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostcalls/abi.h"
#include "hostcalls/fs/beneath.h"
#include "hostcalls/lib/caps.h"
#include "hostcalls/lib/cleanup.h"
#include "hostcalls/lib/emptyroot.h"
#include "hostcalls/lib/landlock.h"

/* Newer than some build machines' headers; the numbers are ABI. */
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

#define CAP_BIT(cap) (UINT64_C(1) << (cap))

static bool can_chown;

bool jail_can_chown(void)
{
    return can_chown;
}

/* --- namespaces ------------------------------------------------------------------------------- */

static int write_text(const char *path, const char *text)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n = (ssize_t)strlen(text);

    return fd >= 0 && write(fd, text, (size_t)n) == n ? 0 : -1;
}

/* In the new user namespace: our own ids are those of the container's root. */
static int map_ids(uid_t uid, gid_t gid, struct error *err)
{
    char text[64];

    /* Needed before gid_map (user_namespaces(7)). */
    if (write_text("/proc/self/setgroups", "deny"))
        return error_set(err, errno, "cannot write /proc/self/setgroups");
    snprintf(text, sizeof(text), "0 %u 1", uid);
    if (write_text("/proc/self/uid_map", text))
        return error_set(err, errno, "cannot write /proc/self/uid_map");
    snprintf(text, sizeof(text), "0 %u 1", gid);
    if (write_text("/proc/self/gid_map", text))
        return error_set(err, errno, "cannot write /proc/self/gid_map");
    return 0;
}

/* Sets *jailed if we got mounts of our own. */
static int new_namespaces(bool *jailed, struct error *err)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
            return 0;
        if (map_ids(uid, gid, err))
            return -1;
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
        *jailed = true;
    else if (uid == 0 || (errno != EPERM && errno != EACCES))
        return error_set(err, errno, "cannot make mounts private");
    /* Else the host lets users have namespaces, but no rights in them. */
    return 0;
}

/* --- the trees -------------------------------------------------------------------------------- */

static int set_attributes(int fd, uint64_t attr)
{
    struct mount_attr set = { .attr_set = attr | MOUNT_ATTR_NOSYMFOLLOW };

    if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &set, sizeof(set)) == 0)
        return 0;
    if (errno != EINVAL)
        return -1;
    set.attr_set = attr; /* nosymfollow came with Linux 5.14 */
    return mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &set, sizeof(set));
}

/*
 * A volume is shown with what is mounted in it. The image is not, so that `/` can be one without
 * /proc and the like, except where mounts may not be taken apart (in a user namespace).
 */
static int clone_tree(const char *path, bool recursive)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    int fd = open_tree(AT_FDCWD, path, flags | (recursive ? AT_RECURSIVE : 0));

    if (fd < 0 && errno == EINVAL && !recursive)
        fd = open_tree(AT_FDCWD, path, flags | AT_RECURSIVE);
    return fd;
}

static int open_one(struct tree *t, bool jailed, struct error *err)
{
    const char *what = t->is_image ? "root" : "volume";
    struct stat st;

    if (jailed)
        t->fd = clone_tree(t->path, !t->is_image);
    else
        t->fd = open(t->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (t->fd < 0)
        return error_set(err, errno, "cannot open the %s '%s'", what, t->path);
    if (fstat(t->fd, &st) < 0 || !S_ISDIR(st.st_mode))
        return error_set(err, ENOTDIR, "cannot open the %s '%s'", what, t->path);
    if (beneath_is_state(t->fd))
        return error_set(err, 0, "the %s '%s' shows the state of the host's kernel, not files", what,
                         t->path);
    if (jailed && set_attributes(t->fd, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID |
                                            (t->readonly ? MOUNT_ATTR_RDONLY : 0)))
        return error_set(err, errno, "cannot set mount flags of the %s '%s'%s", what, t->path,
                         errno == ENOSYS ? " (Linux 5.12 or newer is needed)" : "");
    return 0;
}

/* Our own descriptors as a folder, and nothing above it (beneath.c). */
static int open_own_fds(bool jailed, struct error *err)
{
    static const char path[] = "/proc/self/fd";
    struct mount_attr set = { .attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID |
                                          MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY };
    int fd = jailed ? clone_tree(path, false) : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || (jailed && mount_setattr(fd, "", AT_EMPTY_PATH, &set, sizeof(set)) < 0))
        return error_set(err, errno, "cannot open %s (is /proc mounted?)", path);
    beneath_init(fd);
    return 0;
}

/* --- privileges ------------------------------------------------------------------------------- */

static int drop_privileges(struct error *err)
{
    /* The container's users are not ours: their rights were checked in the guest. */
    static const uint64_t needed =
        CAP_BIT(CAP_CHOWN) |        /* a new file belongs to the container's user who made it */
        CAP_BIT(CAP_DAC_OVERRIDE) | /* a database's 0700 directory must open */
        CAP_BIT(CAP_FOWNER) |       /* modes and times of files that belong to the container's users */
        CAP_BIT(CAP_FSETID);        /* set-group-ID bits of files of groups that are not ours */

    can_chown = caps_permitted() & CAP_BIT(CAP_CHOWN);
    return caps_keep(needed, err);
}

/* The walls of Landlock are the trees' roots, wherever these are mounted, or not at all. */
static int enter_landlock(const struct tree *tree, size_t ntrees, struct error *err)
{
    struct landlock_tree kept[RV_MAX_ROOTS];

    for (size_t i = 0; i < ntrees; i++)
        kept[i] = (struct landlock_tree){ .fd = tree[i].fd, .readonly = tree[i].readonly };
    return landlock_enter(kept, ntrees, err) < 0 ? -1 : 0;
}

int jail_enter(struct tree *tree, size_t ntrees, struct error *err)
{
    struct rlimit none = { 0, 0 };
    bool jailed = false;

    setrlimit(RLIMIT_CORE, &none);
    if (new_namespaces(&jailed, err))
        return -1;
    for (size_t i = 0; i < ntrees; i++)
        if (open_one(&tree[i], jailed, err))
            return -1;
    if (open_own_fds(jailed, err) || (jailed && emptyroot_enter(err)))
        return -1;
    return drop_privileges(err) || enter_landlock(tree, ntrees, err) ? -1 : 0;
}
