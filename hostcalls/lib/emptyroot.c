/* SPDX-License-Identifier: Apache-2.0 */
/* A root in which no path leads anywhere: see emptyroot.h. */
#include "hostcalls/lib/emptyroot.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Make the current folder, a mount of its own, the root. pivot_root cannot leave an initramfs nor a
 * changed root; there the mount is moved over the root instead, which hides what lies below: from
 * the new root no path leads down, and no capability will be left to undo it.
 */
static int change_root(void)
{
    if (syscall(SYS_pivot_root, ".", ".") == 0)
        return umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ? -1 : 0;
    if (errno != EINVAL)
        return -1;
    if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 && errno != EINVAL)
        return -1;
    return chroot(".") < 0 || chdir("/") < 0 ? -1 : 0;
}

/* /proc is a folder that every system has; it is covered in our namespace only. */
int emptyroot_enter(struct error *err)
{
    static const char at[] = "/proc";

    if (mount("none", at, "tmpfs", MS_NODEV | MS_NOEXEC | MS_NOSUID,
              "size=4k,nr_inodes=2,mode=500") < 0)
        return error_set(err, errno, "cannot make an empty root");
    if (chdir(at) < 0 || change_root())
        return error_set(err, errno, "cannot change into an empty root");
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV | MS_NOEXEC | MS_NOSUID,
              NULL) < 0)
        return error_set(err, errno, "cannot make the empty root read-only");
    return 0;
}
