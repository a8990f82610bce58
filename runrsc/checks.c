/* SPDX-License-Identifier: Apache-2.0 */
/* Checks before the start: see checks.h. */
#include "runrsc/checks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "hostcalls/lib/cleanup.h"

static int check_folder(const char *what, const char *path, struct error *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return error_set(err, errno, "%s '%s'", what, path);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, 0, "%s '%s' is not a directory", what, path);
    return 0;
}

int check_root(const struct run_options *opt, struct error *err)
{
    return check_folder("the root file system", opt->rootfs, err);
}

int check_volumes(const struct run_options *opt, struct error *err)
{
    for (uint32_t i = 0; i < opt->nvolumes; i++)
        if (check_folder("the volume", opt->volume[i].src, err))
            return -1;
    return 0;
}

int check_kvm(struct error *err)
{
    cleanup_fd int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd >= 0) {
        if (ioctl(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
            return error_set(err, 0, "/dev/kvm is not the KVM device");
        return 0;
    }
    switch (errno) {
    case ENOENT:
        return error_set(err, 0,
                         "there is no /dev/kvm: load the module kvm_intel or kvm_amd, turn on "
                         "virtualisation in the firmware, or nested virtualisation if this is a "
                         "virtual machine");
    case EACCES:
    case EPERM:
        return error_set(err, 0,
                         "no permission to use /dev/kvm: run as root or as a member of the group "
                         "that owns it (often 'kvm'), and let the container have the device");
    case ENODEV:
    case ENXIO:
        return error_set(err, 0,
                         "/dev/kvm has no driver: load the module kvm_intel or kvm_amd, which need "
                         "virtualisation turned on in the firmware");
    default:
        return error_set(err, errno, "cannot open /dev/kvm");
    }
}
