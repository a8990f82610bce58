/* SPDX-License-Identifier: Apache-2.0 */
/* Calls for the privileged: who is not gets EPERM, whether the rest of the call makes sense or not. */
#define _GNU_SOURCE
#include "t.h"

#include <linux/capability.h>
#include <linux/reboot.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/time.h>

static void without_privileges(void)
{
    static const struct {
        const char *name;
        long nr, a, b, c, d;
    } calls[] = {
        { "mount", SYS_mount, (long)"none", (long)"/tmp", (long)"tmpfs", 0 },
        { "mount", SYS_mount, (long)"none", (long)"/tmp", 0, MS_REMOUNT | MS_RDONLY },
        { "umount2", SYS_umount2, (long)"/tmp", 0, 0, 0 },
        { "pivot_root", SYS_pivot_root, (long)"/", (long)"/tmp", 0, 0 },
        { "swapon", SYS_swapon, (long)"/none", 0, 0, 0 },
        { "swapoff", SYS_swapoff, (long)"/none", 0, 0, 0 },
        { "reboot", SYS_reboot, (long)LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF,
          0 },
        { "sethostname", SYS_sethostname, (long)"x", 1, 0, 0 },
        { "sethostname", SYS_sethostname, 0, -1, 0, 0 },
        { "setdomainname", SYS_setdomainname, (long)"x", 1, 0, 0 },
        { "init_module", SYS_init_module, 0, 0, (long)"", 0 },
        { "finit_module", SYS_finit_module, -1, (long)"", 0, 0 },
        { "delete_module", SYS_delete_module, (long)"none", 0, 0, 0 },
        { "acct", SYS_acct, 0, 0, 0, 0 },
        { "iopl", SYS_iopl, 3, 0, 0, 0 },
        { "ioperm", SYS_ioperm, 0x80, 1, 1, 0 },
        { "chroot", SYS_chroot, (long)"/tmp", 0, 0, 0 },
        { "vhangup", SYS_vhangup, 0, 0, 0, 0 },
        { "setgroups", SYS_setgroups, 0, 0, 0, 0 },
    };
    struct timeval tv = { 1000000000, 0 };

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        errno = 0;
        if (syscall(calls[i].nr, calls[i].a, calls[i].b, calls[i].c, calls[i].d, 0, 0) == -1 &&
            errno == ENOSYS && !t_in_sandbox())
            continue; /* that kernel was built without it */
        if (errno != EPERM) {
            fprintf(stderr, "%s: errno %d, not EPERM\n", calls[i].name, errno);
            t_end(1);
        }
    }
    CHECK_ERRNO(settimeofday(&tv, NULL), EPERM);
    tv.tv_usec = 1000000;
    CHECK_ERRNO(syscall(SYS_settimeofday, &tv, NULL), EINVAL);
    CHECK_ERRNO(syscall(SYS_settimeofday, 8, NULL), EFAULT);
}

int main(void)
{
    if (getuid() == 0) {
        OK(setresgid(1001, 1001, 1001));
        OK(setresuid(1000, 1000, 1000));
    }
    without_privileges();
    return 0;
}
