/* SPDX-License-Identifier: Apache-2.0 */
/* pidfd_open(2), pidfd_send_signal(2). A process is readable from when it is a zombie. */
#include "linux/credentials.h"
#include "linux/files.h"
#include "linux/pidfd.h"
#include "linux/syscall.h"
#include "mm/usercopy.h"
#include "object/process.h"

#include <linux/fcntl.h>

int pidfd_get(int fd, struct process **out)
{
    struct object *o;
    int r = fd_get(fd, &o);

    if (r)
        return r;
    *out = process_of(o);
    if (*out)
        return 0;
    object_unref(o);
    return -EBADF;
}

int pidfd_install(struct process *p)
{
    object_ref(&p->obj);
    return fd_install(&p->obj, fd_rights(O_RDWR), true, 0);
}

s64 sys_pidfd_open(int pid, u32 flags)
{
    struct process *p;
    struct thread *t;
    s64 r;

    if (flags || pid <= 0)
        return -EINVAL;
    p = process_find((u32)pid);
    if (!p) {
        t = thread_find((u32)pid); /* not the number of a process */
        if (t)
            object_unref(&t->obj);
        return t ? -EINVAL : -ESRCH;
    }
    r = pidfd_install(p);
    object_unref(&p->obj);
    return r;
}

static s64 send(struct process *p, int signo, const struct sig_info *info)
{
    if (READ_ONCE(p->state) == PROCESS_REAPED)
        return -ESRCH;
    if (!cred_may_signal(p) &&
        !(signo == SIGCONT && process_session_id(p) == process_session_id(process_current())))
        return -EPERM;
    return signo ? signal_send_process(p, info, 0) : 0;
}

s64 sys_pidfd_send_signal(int fd, int signo, u64 uinfo, u32 flags)
{
    struct sig_info info;
    struct process *p;
    s64 r;

    if (flags)
        return -EINVAL;
    r = pidfd_get(fd, &p);
    if (r)
        return r;
    if (signo < 0 || signo > SIG_COUNT)
        r = -EINVAL;
    else if (!uinfo)
        sig_info_user(&info, signo, SIC_USER);
    else if (copy_from_user(&info, uinfo, sizeof(info)))
        r = -EFAULT;
    else if (info.signo != signo)
        r = -EINVAL;
    else if ((info.code >= 0 || info.code == SIC_TKILL) && p != process_current())
        r = -EPERM; /* what only the kernel and kill say */
    if (r == 0)
        r = send(p, signo, &info);
    object_unref(&p->obj);
    return r;
}
