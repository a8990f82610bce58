/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jail. When this is called everything the VMM will ever need is open: it keeps its descriptors
 * and loses the file system, its capabilities and all other ways to get more. Namespaces need
 * privileges that an ordinary user gets from a user namespace; where the host forbids those, the
 * empty root is left out (seccomp alone keeps the VMM from opening anything).
 */
#include "vmm/jail.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostcalls/lib/caps.h"
#include "hostcalls/lib/needs.h"
#include "vmm/options.h"
#include "vmm/vm.h"

static int by_value(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

void jail_close_others(const struct options *opt)
{
    int keep[] = { opt->config_fd,  opt->control_fd, opt->fs_fd,
                   opt->fs_ring_fd, opt->fs_wake_fd, opt->fs_done_fd,
                   opt->stats_fd,   opt->trace_fd,   opt->log_fd };
    unsigned next = 3; /* the first not looked at */

    qsort(keep, sizeof(keep) / sizeof(keep[0]), sizeof(keep[0]), by_value);
    for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++) {
        if (keep[i] < (int)next)
            continue;
        if ((unsigned)keep[i] > next)
            syscall(SYS_close_range, next, (unsigned)keep[i] - 1, 0);
        next = (unsigned)keep[i] + 1;
    }
    syscall(SYS_close_range, next, ~0u, 0);
}

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

/*
 * A mount namespace whose root is an empty, read-only tmpfs, so no path leads anywhere.
 */
static int empty_root(struct error *err)
{
    static const char at[] = "/proc";

    if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0 &&
        unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
        return 0; /* not permitted here */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", at, "tmpfs", MS_NODEV | MS_NOEXEC | MS_NOSUID,
              "size=4k,nr_inodes=2,mode=500") < 0)
        return error_set(err, errno, "cannot make an empty root");
    if (chdir(at) < 0 || change_root())
        return error_set(err, errno, "cannot change into an empty root");
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV | MS_NOEXEC | MS_NOSUID,
              NULL) < 0)
        return error_set(err, errno, "cannot make the empty root read-only");
    return 0;
}

int jail_process(struct vm *vm, struct error *err)
{
    struct rlimit none = { 0, 0 };

    (void)vm;
    setrlimit(RLIMIT_CORE, &none);
    if (empty_root(err))
        return -1;
    return caps_keep(0, err);
}

void jail_thread(struct vm *vm, const char *kind)
{
    struct error err = ERROR_INIT;

    if (needs_apply(kind, &err))
        vm_fatal(vm, "%s", err.msg);
}
