/* SPDX-License-Identifier: Apache-2.0 */
/* memfd_create(2). Seals are asked for and added by fcntl, see sys_fd.c. */
#include "fs/inode.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include "mm/usercopy.h"

#include <linux/fcntl.h>
#include <linux/memfd.h>

#define MFD_NOEXEC_SEAL_ 8u
#define MFD_EXEC_ 16u
#define NAME_ROOM (NAME_MAX_ - 6u) /* bytes of a name, in front of which "memfd:" is put */

s64 sys_memfd_create(u64 uname, u32 flags)
{
    char name[NAME_ROOM + 1];
    u32 mode = 0777, seals = F_SEAL_SEAL;
    struct file *f;
    ssize_t n;
    int r;

    if ((flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL_ | MFD_EXEC_)) ||
        ((flags & MFD_EXEC_) && (flags & MFD_NOEXEC_SEAL_)))
        return -EINVAL;
    n = copy_string_from_user(name, uname, sizeof(name));
    if (n < 0)
        return n == -ENAMETOOLONG ? -EINVAL : n;
    if (flags & MFD_NOEXEC_SEAL_) {
        mode = 0666;
        seals = F_SEAL_EXEC_;
    } else if (flags & MFD_ALLOW_SEALING) {
        seals = 0;
    }
    r = memfd_make(name, mode, seals, &f);
    return r ? r : fd_install(&f->obj, fd_rights(O_RDWR), flags & MFD_CLOEXEC, 0);
}
