/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jail. When this is called everything the VMM will ever need is open: it keeps its descriptors
 * and loses the file system, its capabilities and all other ways to get more. Namespaces need
 * privileges that an ordinary user gets from a user namespace; where the host forbids those, or lets
 * users have them but gives no rights in them, the empty root is left out and the log says so. In
 * either case Landlock, where the kernel has it, allows no file at all, and seccomp no open.
 */
#include "vmm/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostcalls/lib/caps.h"
#include "hostcalls/lib/emptyroot.h"
#include "hostcalls/lib/landlock.h"
#include "hostcalls/lib/needs.h"
#include "vmm/options.h"
#include "vmm/out.h"
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

static int null_fd = -1;

int jail_fix_fds(struct options *opt, struct error *err)
{
    int *const reports[] = { &opt->stats_fd, &opt->trace_fd, &opt->log_fd };
    int fd;

    for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
        if (*reports[i] < NEEDS_FIXED_FDS)
            continue;
        *reports[i] = fcntl(*reports[i], F_DUPFD_CLOEXEC, 3);
        if (*reports[i] < 0 || *reports[i] >= NEEDS_FIXED_FDS)
            return error_set(err, 0, "too many descriptors are open below %d", NEEDS_FIXED_FDS);
    }
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (fd = null_fd; fd >= 0 && fd < NEEDS_FIXED_FDS;)
        fd = dup(null_fd);
    if (fd < 0)
        return error_set(err, errno, "cannot open /dev/null");
    if (fd != null_fd)
        close(fd);
    return 0;
}

void jail_close_fixed(int fd)
{
    dup2(null_fd, fd);
}

static void say_without(const struct options *opt, const char *what)
{
    struct out o;

    out_init(&o, opt->log_fd);
    out_printf(&o, "vmm: without %s\n", what);
    out_flush(&o);
}

static void say_not_jailed(const struct options *opt)
{
    say_without(opt, "an empty root: the host gives this user no namespace, or no rights in one");
}

/* In a mount namespace of our own, if the host allows one. */
static int enter_root(const struct options *opt, struct error *err)
{
    uid_t uid = geteuid();

    if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0 &&
        unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0) {
        say_not_jailed(opt);
        return 0;
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
        return emptyroot_enter(err);
    if (uid == 0 || (errno != EPERM && errno != EACCES))
        return error_set(err, errno, "cannot make mounts private");
    say_not_jailed(opt);
    return 0;
}

/* No file, no network. The file service sees the same kernel: the line speaks for both. */
static int enter_landlock(const struct options *opt, struct error *err)
{
    int level = landlock_enter(NULL, 0, err);

    if (level == 0)
        say_without(opt, "Landlock: the host's kernel has none (Linux 5.19 and newer do)");
    else if (level == 1)
        say_without(opt, "Landlock for the file service: that needs Linux 5.19");
    return level < 0 ? -1 : 0;
}

int jail_process(struct vm *vm, struct error *err)
{
    struct rlimit none = { 0, 0 };

    setrlimit(RLIMIT_CORE, &none);
    if (enter_root(vm->opt, err))
        return -1;
    return caps_keep(0, err) || enter_landlock(vm->opt, err) ? -1 : 0;
}

void jail_thread(struct vm *vm, const char *kind)
{
    struct error err = ERROR_INIT;

    if (needs_apply(kind, &err))
        vm_fatal(vm, "%s", err.msg);
}
