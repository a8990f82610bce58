/* SPDX-License-Identifier: Apache-2.0 */
/* splice(2), tee(2), vmsplice(2): what may be spliced to what. The work is done in fs/splice.c. */
#include "fs/notify.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "net/socket.h"
#include "object/process.h"

#include <linux/fcntl.h>

#define SPLICE_F_NONBLOCK_ 2u
#define SPLICE_F_ALL_ 15u /* with MOVE, MORE and GIFT, which are hints */
#define READ_ENDS (SIG_READABLE | SIG_READ_CLOSED | SIG_HANGUP | SIG_ERROR) /* a read does not wait */
#define RW_MAX UINT64_C(0x7ffff000)

static s64 with_sigpipe(s64 r, const struct file *out)
{
    if (r == -EPIPE && socket_raises_sigpipe(out))
        signal_self(SIGPIPE);
    return r;
}

/* The other side of a pipe: a file of data in some file system, or a socket. */
static bool can_be_spliced(const struct file *f, bool write)
{
    return f->inode && !inode_is_dir(f->inode) && (write ? !!f->ops->write : !!f->ops->read);
}

/*
 * Where the file is read or written: the caller's offset or the file's own, which is not locked for as long
 * as this may wait. -EINVAL: it has none; *used NULL: nor does it need one.
 */
static s64 begin_at(struct file *f, const u64 *given, u64 *pos, u64 **used)
{
    *used = NULL;
    if (!f->ops->seek)
        return given ? -EINVAL : 0;
    if (given) {
        *pos = *given;
    } else {
        mutex_lock(&f->pos_lock);
        *pos = f->pos;
        mutex_unlock(&f->pos_lock);
    }
    *used = pos;
    return (s64)*pos < 0 ? -EINVAL : 0;
}

static void end_at(struct file *f, u64 *given, u64 pos)
{
    if (given) {
        *given = pos;
    } else {
        mutex_lock(&f->pos_lock);
        f->pos = pos;
        mutex_unlock(&f->pos_lock);
    }
}

static s64 pipe_and_file(struct file *in, struct file *out, u64 *given, u64 n, bool nonblock)
{
    bool write = file_is_pipe(in);
    struct file *f = write ? out : in;
    u64 pos, *used;
    s64 r = can_be_spliced(f, write) ? begin_at(f, given, &pos, &used) : -EINVAL;

    if (r)
        return r;
    if (write && (out->flags & O_APPEND))
        return -EINVAL;
    if (write)
        r = splice_from_pipe(in, out, used, n, nonblock);
    else if (nonblock && socket_of(in) && !(object_signals(&in->obj) & READ_ENDS))
        r = -EAGAIN; /* Linux's sockets take the flag as theirs */
    else
        r = splice_to_pipe(in, used, out, n, nonblock);
    if (used && r > 0)
        end_at(f, given, pos);
    if (r > 0)
        notify_file(f, write ? NOTIFY_MODIFY : NOTIFY_ACCESS);
    return r;
}

s64 sys_splice(int in_fd, u64 uin, int out_fd, u64 uout, u64 n, u32 flags)
{
    struct file *in, *out;
    u64 off = 0, uoff = uin ? uin : uout;
    bool nonblock, from, to;
    s64 r;

    if (!n)
        return 0;
    if (flags & ~SPLICE_F_ALL_)
        return -EINVAL;
    r = fd_two_files(in_fd, out_fd, &in, &out);
    if (r)
        return r;
    n = MIN(n, RW_MAX);
    from = file_is_pipe(in);
    to = file_is_pipe(out);
    nonblock = (flags & SPLICE_F_NONBLOCK_) || (from && (in->flags & O_NONBLOCK)) ||
               (to && (out->flags & O_NONBLOCK));
    if ((from && uin) || (to && uout))
        r = -ESPIPE;
    else if (uoff && copy_from_user(&off, uoff, sizeof(off)))
        r = -EFAULT;
    else if (from && to)
        r = same_pipe(in, out) ? -EINVAL : splice_pipes(in, out, n, nonblock, false);
    else if (from || to)
        r = pipe_and_file(in, out, uoff ? &off : NULL, n, nonblock);
    else
        r = -EINVAL;
    r = with_sigpipe(r, out);
    file_put(in);
    file_put(out);
    if (r > 0 && uoff && copy_to_user(uoff, &off, sizeof(off)))
        return -EFAULT;
    return r;
}

s64 sys_tee(int in_fd, int out_fd, u64 n, u32 flags)
{
    struct file *in, *out;
    bool nonblock;
    s64 r;

    if (flags & ~SPLICE_F_ALL_)
        return -EINVAL;
    if (!n)
        return 0;
    r = fd_two_files(in_fd, out_fd, &in, &out);
    if (r)
        return r;
    nonblock = (flags & SPLICE_F_NONBLOCK_) || ((in->flags | out->flags) & O_NONBLOCK);
    if (file_is_pipe(in) && file_is_pipe(out) && !same_pipe(in, out))
        r = with_sigpipe(splice_pipes(in, out, MIN(n, RW_MAX), nonblock, true), out);
    else
        r = -EINVAL;
    file_put(in);
    file_put(out);
    return r;
}

/* The pages go by copy: what the caller writes into them afterwards does not show. */
s64 sys_vmsplice(int fd, u64 uiov, u64 n, u32 flags)
{
    struct iovec_k fast[IOV_FAST], *v = fast;
    bool nonblock = flags & SPLICE_F_NONBLOCK_;
    struct file *f;
    struct uio u;
    u64 total;
    s64 r;

    if (flags & ~SPLICE_F_ALL_)
        return -EINVAL;
    r = fd_file(fd, 0, false, &f);
    if (r)
        return -EBADF;
    r = n > INT32_MAX ? -EINVAL : get_vector(uiov, (int)n, fast, &v, &total);
    if (r == 0) {
        uio_init_vec(&u, v, (u32)n, total);
        if (!total)
            r = 0;
        else if (!file_is_pipe(f))
            r = -EBADF;
        else if ((f->flags & O_ACCMODE) == O_RDONLY)
            r = splice_to_user(f, &u, nonblock);
        else
            r = with_sigpipe(splice_from_user(&u, f, nonblock), f);
        if (v != fast)
            kfree(v);
    }
    file_put(f);
    return r;
}
