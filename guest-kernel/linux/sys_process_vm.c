/* SPDX-License-Identifier: Apache-2.0 */
/* process_vm_readv(2), process_vm_writev(2): copies between two processes' memory, by way of the kernel's. */
#include "fs/proc.h"
#include "linux/credentials.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include "mm/aspace.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"

#define IOV_MAX_ 1024u
#define CHUNK (UINT64_C(64) << 10)

/* The other process's buffers are looked at only when their turn comes. */
static int get_remote(u64 from, u64 n, struct iovec_k **out, bool *any)
{
    struct iovec_k *v;
    int r = 0;

    *out = NULL;
    *any = false;
    if (n > IOV_MAX_)
        return -EINVAL;
    if (!n)
        return 0;
    v = kmalloc(n * sizeof(*v));
    if (!v)
        return -ENOMEM;
    if (copy_from_user(v, from, n * sizeof(*v)))
        r = -EFAULT;
    for (u64 i = 0; r == 0 && i < n; i++) {
        *any |= v[i].len != 0;
        if ((s64)v[i].len < 0)
            r = -EINVAL;
    }
    if (r) {
        kfree(v);
        return r;
    }
    *out = v;
    return 0;
}

/* The memory of the process that has this number, or a thread of it that has; a reference. NULL if not 0. */
static int get_memory(int pid, struct aspace **as)
{
    struct process *p = pid > 0 ? process_find((u32)pid) : NULL;
    int r = 0;

    if (!p) {
        struct thread *t = pid > 0 ? thread_find((u32)pid) : NULL;

        if (!t)
            return -ESRCH;
        p = t->proc;
        object_ref(&p->obj);
        object_unref(&t->obj);
    }
    r = proc_aspace(p, PROC_ATTACH, as);
    object_unref(&p->obj);
    return r == -EACCES ? -EPERM : r;
}

/* Copy one of the other's buffers as far as ours last: the bytes; *err: why it is fewer. */
static u64 copy_one(struct aspace *as, const struct iovec_k *v, struct uio *u, bool write, u8 *buf,
                    int *err)
{
    u64 done = 0, want = MIN(v->len, u->left);

    while (done < want) {
        u64 at = v->base + done, n = MIN(want - done, CHUNK - at % PAGE_SIZE);
        ssize_t moved;

        if (READ_ONCE(current()->work) & WORK_EXIT) {
            *err = -EINTR;
            break;
        }
        if (write) {
            moved = (ssize_t)uio_from(u, buf, n);
            if (moved)
                moved = aspace_write(as, at, buf, (size_t)moved);
        } else {
            moved = aspace_read(as, at, buf, n);
            if (moved > 0)
                moved = (ssize_t)uio_to(u, buf, (size_t)moved);
        }
        if (moved > 0)
            done += (u64)moved;
        if (moved != (ssize_t)n) {
            *err = -EFAULT;
            break;
        }
    }
    return done;
}

static s64 transfer(int pid, u64 ulocal, u64 nlocal, u64 uremote, u64 nremote, u64 flags, bool write)
{
    struct iovec_k fast[IOV_FAST], *local, *remote = NULL;
    struct aspace *as = NULL;
    u64 total, done = 0;
    struct uio u;
    u8 *buf;
    bool any;
    int r;

    if (flags || nlocal > IOV_MAX_)
        return -EINVAL;
    r = get_vector(ulocal, (int)nlocal, fast, &local, &total);
    if (r)
        return r;
    r = total ? get_remote(uremote, nremote, &remote, &any) : 0;
    if (r == 0 && total && any)
        r = get_memory(pid, &as);
    if (as) {
        buf = kmalloc(MIN(total, CHUNK));
        if (!buf)
            r = -ENOMEM;
        uio_init_vec(&u, local, (u32)nlocal, total);
        for (u64 i = 0; r == 0 && i < nremote && u.left; i++)
            done += copy_one(as, &remote[i], &u, write, buf, &r);
        kfree(buf);
        aspace_unref(as);
    }
    kfree(remote);
    if (local != fast)
        kfree(local);
    return done ? (s64)done : r;
}

s64 sys_process_vm_readv(int pid, u64 local, u64 nlocal, u64 remote, u64 nremote, u64 flags)
{
    return transfer(pid, local, nlocal, remote, nremote, flags, false);
}

s64 sys_process_vm_writev(int pid, u64 local, u64 nlocal, u64 remote, u64 nremote, u64 flags)
{
    return transfer(pid, local, nlocal, remote, nremote, flags, true);
}
