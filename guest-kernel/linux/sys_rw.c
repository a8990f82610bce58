/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing: single buffers, vectors, offsets, and copies between files. */
#include "core/string.h"
#include "fs/notify.h"
#include "fs/vfs.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "net/socket.h"
#include "object/process.h"

#include <linux/fcntl.h>
#include <linux/fs.h>

#define RW_MAX UINT64_C(0x7ffff000) /* bytes of one call, as on Linux */
#define IOV_MAX_ 1024u
#define RWF_TAKEN  (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND)
#define COPY_CHUNK (UINT64_C(64) << 10)

/*
 * A file for the length of one system call: a reference is taken only if another thread could close the
 * descriptor meanwhile. fd_return ends it.
 */
struct fd_ref {
    struct file *file;
    bool counted;
};

static inline int fd_borrow(int fd, u32 need, struct fd_ref *ref)
{
    struct process *p = process_current();
    struct object *o;

    /* Nobody else can close it meanwhile, if there is nobody else. */
    ref->counted = p->nthreads > 1 || handle_table_shared(p->handles);
    if (unlikely(ref->counted))
        return fd_file(fd, need, false, &ref->file);
    o = handle_peek(p->handles, (u32)fd, need);
    if (unlikely(!o))
        return -EBADF;
    ref->file = file_of(o);
    if (unlikely(!ref->file))
        return -EINVAL;
    return unlikely(ref->file->flags & O_PATH) ? -EBADF : 0;
}

static inline void fd_return(struct fd_ref *ref)
{
    if (ref->counted)
        file_put(ref->file);
}

/* What proc(5) shows in /proc/PID/io, of each call. */
static inline void account(bool write, s64 r)
{
    struct thread *t = current();

    t->io[write].calls++;
    if (r > 0)
        t->io[write].chars += (u64)r;
}

/* Watchers hear of bytes that were moved. */
static inline void notify_moved_bytes(struct file *f, bool write, s64 r)
{
    if (unlikely(READ_ONCE(notify_watches)) && r > 0)
        notify_file_slow(f, write ? NOTIFY_MODIFY : NOTIFY_ACCESS);
}

static ssize_t do_read(struct file *f, struct uio *u, u64 *pos)
{
    return f->ops->read ? f->ops->read(f, u, pos) : -EINVAL;
}

static ssize_t do_write(struct file *f, struct uio *u, u64 *pos)
{
    ssize_t r = f->ops->write ? f->ops->write(f, u, pos) : -EINVAL;

    if (unlikely(r == -EPIPE && socket_raises_sigpipe(f)))
        signal_self(SIGPIPE);
    return r;
}

/* At the file's position, which moves. Files without one ignore it. alone: nobody else has the file. */
static inline ssize_t at_position(struct file *f, struct uio *u, bool write, bool alone)
{
    ssize_t r;

    if (!f->ops->seek)
        return write ? do_write(f, u, NULL) : do_read(f, u, NULL);
    if (likely(alone))
        return write ? do_write(f, u, &f->pos) : do_read(f, u, &f->pos);
    mutex_lock(&f->pos_lock);
    r = write ? do_write(f, u, &f->pos) : do_read(f, u, &f->pos);
    mutex_unlock(&f->pos_lock);
    return r;
}

static inline ssize_t at_offset(struct file *f, struct uio *u, bool write, s64 off)
{
    u64 pos = (u64)off;

    if (off < 0)
        return -EINVAL;
    if (!f->ops->seek)
        return -ESPIPE;
    return write ? do_write(f, u, &pos) : do_read(f, u, &pos);
}

/* Inlined, with the kind of call known. */
static inline __attribute__((always_inline)) s64 one_buffer(int fd, u64 buf, u64 n, bool write,
                                                            bool positioned, s64 off)
{
    struct iovec_k one;
    struct fd_ref ref;
    struct uio u;
    s64 r = fd_borrow(fd, write ? RIGHT_WRITE : RIGHT_READ, &ref);

    if (unlikely(r))
        return r;
    n = MIN(n, RW_MAX);
    if (unlikely(!user_range_ok(buf, n))) {
        r = -EFAULT;
    } else {
        uio_init_user(&u, &one, buf, n);
        r = positioned ? at_offset(ref.file, &u, write, off)
                       : at_position(ref.file, &u, write,
                                     !ref.counted && ref.file->obj.refs == 1);
    }
    account(write, r);
    notify_moved_bytes(ref.file, write, r);
    fd_return(&ref);
    return r;
}

s64 sys_read(int fd, u64 buf, u64 n)
{
    return one_buffer(fd, buf, n, false, false, 0);
}

s64 sys_write(int fd, u64 buf, u64 n)
{
    return one_buffer(fd, buf, n, true, false, 0);
}

s64 sys_pread64(int fd, u64 buf, u64 n, s64 off)
{
    return one_buffer(fd, buf, n, false, true, off);
}

s64 sys_pwrite64(int fd, u64 buf, u64 n, s64 off)
{
    return one_buffer(fd, buf, n, true, true, off);
}

/* --- vectors ---------------------------------------------------------------------------------- */

int get_vector(u64 uiov, int n, struct iovec_k *fast, struct iovec_k **out, u64 *total)
{
    struct iovec_k *v = fast;
    u64 sum = 0;
    int r = 0;

    if (n < 0 || (u32)n > IOV_MAX_)
        return -EINVAL;
    if ((u32)n > IOV_FAST) {
        v = kmalloc((u32)n * sizeof(*v));
        if (!v)
            return -ENOMEM;
    }
    if (copy_from_user(v, uiov, (u32)n * sizeof(*v)))
        r = -EFAULT;
    for (int i = 0; r == 0 && i < n; i++) {
        if ((s64)v[i].len < 0)
            r = -EINVAL;
        else if (!user_range_ok(v[i].base, v[i].len))
            r = -EFAULT;
        v[i].len = MIN(v[i].len, RW_MAX - sum);
        sum += v[i].len;
    }
    if (r && v != fast)
        kfree(v);
    *out = v;
    *total = sum;
    return r;
}

static s64 vector(int fd, u64 uiov, int n, bool write, bool positioned, s64 off, bool append)
{
    struct iovec_k fast[IOV_FAST], *v;
    struct file *f;
    struct uio u;
    u64 total;
    s64 r = fd_file(fd, write ? RIGHT_WRITE : RIGHT_READ, false, &f);

    if (r)
        return r;
    r = get_vector(uiov, n, fast, &v, &total);
    if (r == 0) {
        uio_init_vec(&u, v, (u32)n, total);
        u.append = append;
        r = positioned ? at_offset(f, &u, write, off) : at_position(f, &u, write, false);
        if (v != fast)
            kfree(v);
    }
    account(write, r);
    notify_moved_bytes(f, write, r);
    file_put(f);
    return r;
}

s64 sys_readv(int fd, u64 iov, int n)
{
    return vector(fd, iov, n, false, false, 0, false);
}

s64 sys_writev(int fd, u64 iov, int n)
{
    return vector(fd, iov, n, true, false, 0, false);
}

s64 sys_preadv(int fd, u64 iov, int n, s64 off, u64 high UNUSED)
{
    return vector(fd, iov, n, false, true, off, false);
}

s64 sys_pwritev(int fd, u64 iov, int n, s64 off, u64 high UNUSED)
{
    return vector(fd, iov, n, true, true, off, false);
}

/* RWF_HIPRI is advice for devices that can be polled, and what a read finds here is in memory. */
s64 sys_preadv2(int fd, u64 iov, int n, s64 off, u64 high UNUSED, int flags)
{
    if (flags & ~RWF_TAKEN)
        return -EOPNOTSUPP;
    return vector(fd, iov, n, false, off != -1, off, false);
}

s64 sys_pwritev2(int fd, u64 iov, int n, s64 off, u64 high UNUSED, int flags)
{
    s64 r;

    if (flags & ~RWF_TAKEN)
        return -EOPNOTSUPP;
    r = vector(fd, iov, n, true, off != -1, off, flags & RWF_APPEND);
    if (r > 0 && (flags & (RWF_DSYNC | RWF_SYNC))) {
        s64 e = flags & RWF_SYNC ? sys_fsync(fd) : sys_fdatasync(fd);

        if (e && e != -EINVAL)
            return e;
    }
    return r;
}

/* --- position --------------------------------------------------------------------------------- */

s64 sys_lseek(int fd, s64 off, int whence)
{
    struct file *f;
    s64 r = fd_file(fd, 0, false, &f);

    if (r)
        return r == -EINVAL ? -ESPIPE : r;
    if (whence < 0 || whence > SEEK_MAX)
        r = -EINVAL;
    else if (!f->ops->seek)
        r = -ESPIPE;
    else {
        mutex_lock(&f->pos_lock);
        r = f->ops->seek(f, off, whence);
        mutex_unlock(&f->pos_lock);
    }
    file_put(f);
    return r;
}

/* --- copies between files --------------------------------------------------------------------- */

/*
 * Copy n bytes through a kernel buffer. *in_pos and *out_pos: NULL uses and moves the file's own.
 * Stops at the end, at a short write, or when a signal waits; what was read but not written is
 * given back.
 */
static s64 copy_between(struct file *in, u64 *in_pos, struct file *out, u64 *out_pos, u64 n)
{
    u8 *buf = kmalloc(COPY_CHUNK);
    s64 done = 0, got = 0, put = 0;

    if (!buf)
        return -ENOMEM;
    while (n) {
        u64 part = MIN(n, COPY_CHUNK), start = in_pos ? *in_pos : in->pos;
        struct uio u;

        uio_init_kernel(&u, buf, part);
        got = in_pos ? do_read(in, &u, in_pos) : at_position(in, &u, false, false);
        if (got <= 0)
            break;
        uio_init_kernel(&u, buf, (u64)got);
        put = out_pos ? do_write(out, &u, out_pos) : at_position(out, &u, true, false);
        if (put < got) {
            u64 back = start + (u64)MAX(put, (s64)0);

            if (in_pos)
                *in_pos = back;
            else if (in->ops->seek)
                in->pos = back;
        }
        if (put <= 0)
            break;
        done += put;
        n -= (u64)put;
        if (put < got || signal_is_pending())
            break;
    }
    kfree(buf);
    account(false, done);
    account(true, done);
    notify_moved_bytes(in, false, done);
    notify_moved_bytes(out, true, done);
    if (done)
        return done;
    return got < 0 ? got : put < 0 ? put : 0;
}

s64 sys_sendfile(int out_fd, int in_fd, u64 uoff, u64 n)
{
    struct file *in, *out;
    u64 off;
    s64 r;

    if (uoff && copy_from_user(&off, uoff, sizeof(off)))
        return -EFAULT;
    if (uoff && (s64)off < 0)
        return -EINVAL;
    r = fd_two_files(in_fd, out_fd, &in, &out);
    if (r)
        return r;
    if (!in->ops->seek)
        r = uoff ? -ESPIPE : -EINVAL;
    else if (out->flags & O_APPEND)
        r = -EINVAL;
    else
        r = copy_between(in, uoff ? &off : NULL, out, NULL, MIN(n, RW_MAX));
    file_put(in);
    file_put(out);
    if (r >= 0 && uoff && copy_to_user(uoff, &off, sizeof(off)))
        return -EFAULT;
    return r;
}

s64 sys_copy_file_range(int in_fd, u64 uin, int out_fd, u64 uout, u64 n, u32 flags)
{
    struct file *in, *out;
    u64 in_off = 0, out_off = 0;
    struct kstat a, b;
    s64 r;

    if (flags)
        return -EINVAL;
    if ((uin && copy_from_user(&in_off, uin, 8)) || (uout && copy_from_user(&out_off, uout, 8)))
        return -EFAULT;
    r = fd_two_files(in_fd, out_fd, &in, &out);
    if (r)
        return r;
    n = MIN(n, RW_MAX);
    r = vfs_fstat(in, &a);
    if (r == 0)
        r = vfs_fstat(out, &b);
    if (r == 0 && ((a.mode & 0170000) == 0040000 || (b.mode & 0170000) == 0040000))
        r = -EISDIR;
    else if (r == 0 && ((a.mode & 0170000) != 0100000 || (b.mode & 0170000) != 0100000))
        r = -EINVAL;
    else if (r == 0 && (out->flags & O_APPEND))
        r = -EBADF;
    if (r == 0 && in->inode == out->inode) {
        u64 from = uin ? in_off : in->pos, to = uout ? out_off : out->pos;

        if (from < to + n && to < from + n)
            r = -EINVAL;
    }
    if (r == 0)
        r = copy_between(in, uin ? &in_off : NULL, out, uout ? &out_off : NULL, n);
    file_put(in);
    file_put(out);
    if (r > 0 && uin && copy_to_user(uin, &in_off, 8))
        return -EFAULT;
    if (r > 0 && uout && copy_to_user(uout, &out_off, 8))
        return -EFAULT;
    return r;
}
