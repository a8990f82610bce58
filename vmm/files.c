/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open host files: see files.h. Reading and writing is tried on the vCPU's thread as far as that
 * does not wait (RWF_NOWAIT); what would wait for a disk is a worker's. A handler that hands its
 * request on leaves the file, with its reference, in an argument that the call does not use.
 */
#include "vmm/files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hostcalls/lib/attr.h"
#include "hostcalls/lib/bounds.h"
#include "hostcalls/lib/needs.h"
#include "vmm/cached.h"
#include "vmm/hostcall.h"
#include "vmm/options.h"
#include "vmm/stdfds.h"
#include "vmm/vm.h"
#include "vmm/worker.h"

#define OTHER_FDS    256u /* descriptors of the VMM's own: at most 2 for a vCPU, and some dozens */
#define WRITE_APPEND 1u
#define WRITE_DSYNC  2u
#define ARG_FILE     5    /* of the request: the file that a worker is to use and give back */
#define ARG_DONE     4    /* bytes that are written already */

struct files {
    pthread_mutex_t lock;    /* guards (l) */
    struct host_file **file; /* (l) by id; [0] stays empty: the guest takes id 0 for none */
    uint32_t room;           /* (l) entries of file[] */
    uint32_t low;            /* (l) no id below is free */
    _Atomic uint32_t open;   /* (a) descriptors held, also of files whose id is closed */
    uint32_t max;            /* (i) */
};

/*
 * The inherited descriptors that are regular files. What the caller appends to is used by its own number,
 * for which no filter allows ftruncate or fallocate; others by a number that has no such meaning.
 */
static int add_stdio(struct files *t, int fd, struct error *err)
{
    int flags = fcntl(fd, F_GETFL), dup = fd;
    struct host_file *f;
    struct stat st;

    if (!stdfds_is_open(fd) || flags < 0 || attr_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    if (!(flags & O_APPEND))
        dup = fcntl(fd, F_DUPFD_CLOEXEC, NEEDS_FIXED_FDS);
    f = calloc(1, sizeof(*f));
    if (!f || dup < 0)
        return error_set(err, errno, "cannot keep an inherited file");
    f->fd = dup;
    f->writable = (flags & O_ACCMODE) != O_RDONLY;
    f->append_only = flags & O_APPEND;
    atomic_store(&f->refs, 2); /* it stays, also when the guest has closed its id */
    t->file[RV_STDIO_FILE((unsigned)fd)] = f;
    return 0;
}

int files_init(struct vm *vm, struct error *err)
{
    struct files *t = calloc(1, sizeof(*t));
    struct rlimit lim;

    if (!t)
        return error_set(err, ENOMEM, "cannot start");
    if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
        lim = (struct rlimit){ 1024, 1024 };
    if (lim.rlim_cur < lim.rlim_max) {
        rlim_t old = lim.rlim_cur;

        lim.rlim_cur = lim.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &lim) < 0)
            lim.rlim_cur = old;
    }
    if (lim.rlim_cur < 2 * OTHER_FDS)
        return error_set(err, 0, "the limit of open files is too low: at least %u are needed",
                         2 * OTHER_FDS);
    t->max = bounds_files(vm->opt->memory);
    if (lim.rlim_cur - OTHER_FDS < t->max)
        t->max = (uint32_t)(lim.rlim_cur - OTHER_FDS);
    t->low = RV_STDIO_FILE(3);
    t->room = 64;
    t->file = calloc(t->room, sizeof(struct host_file *));
    if (!t->file)
        return error_set(err, ENOMEM, "cannot start");
    for (int fd = 0; fd < 3; fd++)
        if (add_stdio(t, fd, err))
            return -1;
    cached_init();
    pthread_mutex_init(&t->lock, NULL);
    vm->files = t;
    return 0;
}

/* The lowest free id, with room for it in the table; 0: no memory. With the lock held. */
static uint32_t free_id(struct files *t)
{
    uint32_t id = t->low;

    while (id < t->room && t->file[id])
        id++;
    if (id >= t->room) {
        uint32_t room = t->room * 2;
        struct host_file **file = reallocarray(t->file, room, sizeof(struct host_file *));

        if (!file)
            return 0;
        for (uint32_t i = t->room; i < room; i++)
            file[i] = NULL;
        t->file = file;
        t->room = room;
    }
    t->low = id + 1;
    return id;
}

int files_add(struct vm *vm, int fd, bool writable)
{
    struct files *t = vm->files;
    struct host_file *f;
    uint32_t id = 0;

    if (atomic_fetch_add(&t->open, 1) >= t->max) {
        atomic_fetch_sub(&t->open, 1);
        close(fd);
        return -ENFILE;
    }
    f = calloc(1, sizeof(*f));
    if (f) {
        f->fd = fd;
        f->writable = writable;
        atomic_store(&f->refs, 1);
        pthread_mutex_lock(&t->lock);
        id = free_id(t);
        if (id)
            t->file[id] = f;
        pthread_mutex_unlock(&t->lock);
    }
    if (!id) {
        free(f);
        close(fd);
        atomic_fetch_sub(&t->open, 1);
        return -ENOMEM;
    }
    return (int)id;
}

struct host_file *files_get(struct vm *vm, uint64_t id)
{
    struct files *t = vm->files;
    struct host_file *f = NULL;

    pthread_mutex_lock(&t->lock);
    if (id < t->room)
        f = t->file[id];
    if (f)
        files_ref(f);
    pthread_mutex_unlock(&t->lock);
    return f;
}

void files_ref(struct host_file *f)
{
    atomic_fetch_add(&f->refs, 1);
}

void files_put(struct vm *vm, struct host_file *f)
{
    if (atomic_fetch_sub(&f->refs, 1) != 1)
        return;
    close(f->fd);
    free(f);
    atomic_fetch_sub(&vm->files->open, 1);
}

int64_t hc_file_close(struct hc_req *req)
{
    struct files *t = req->vm->files;
    uint64_t id = req->arg[0];
    struct host_file *f = NULL;

    pthread_mutex_lock(&t->lock);
    if (id < t->room && t->file[id]) {
        f = t->file[id];
        t->file[id] = NULL;
        if (id < t->low)
            t->low = (uint32_t)id;
    }
    pthread_mutex_unlock(&t->lock);
    if (!f)
        return -EBADF;
    files_put(req->vm, f);
    return 0;
}

/* --- handing on to a worker ------------------------------------------------------------------- */

static struct host_file *req_file(const struct hc_req *req)
{
    return (struct host_file *)(uintptr_t)req->arg[ARG_FILE];
}

/* Let fn go on with the request and the file, whose reference it gives back through finish(). */
static int64_t hand_on(struct hc_req *req, struct host_file *f,
                       int64_t (*fn)(struct hc_req *req))
{
    req->arg[ARG_FILE] = (uintptr_t)f;
    return worker_call(req, fn);
}

static int64_t finish(struct hc_req *req, int64_t ret)
{
    files_put(req->vm, req_file(req));
    return ret;
}

/* The same for a call that changes where contents are, of a file opened for writing. */
static int64_t hand_on_resizable(struct hc_req *req, int64_t (*fn)(struct hc_req *req))
{
    struct host_file *f = files_get(req->vm, req->arg[0]);

    if (!f)
        return -EBADF;
    if (!f->writable || f->append_only) {
        int r = f->writable ? -EPERM : -EBADF;

        files_put(req->vm, f);
        return r;
    }
    return hand_on(req, f, fn);
}

/* --- contents --------------------------------------------------------------------------------- */

static int64_t read_blocking(struct hc_req *req)
{
    ssize_t n = preadv(req_file(req)->fd, hc_out(req), (int)req->nout, (off_t)req->arg[1]);

    return finish(req, n < 0 ? -errno : n);
}

/* Whether a read that got n bytes at off without waiting got all there are. */
static bool at_end(const struct host_file *f, uint64_t off, size_t n)
{
    struct stat st;

    return attr_fstat(f->fd, &st) < 0 || (uint64_t)st.st_size <= off + n;
}

/* Read what the page cache has, on the vCPU's thread. -EAGAIN: that would wait. */
static int64_t read_now(struct hc_req *req, struct host_file *f)
{
    bool waits = atomic_load_explicit(&f->waits, memory_order_relaxed);
    ssize_t n;

    if (!req->nout)
        return 0;
    if (!waits) {
        n = preadv2(f->fd, hc_out(req), (int)req->nout, (off_t)req->arg[1], RWF_NOWAIT);
        if (n >= 0 || errno != EOPNOTSUPP)
            return n < 0 ? -errno : n;
        atomic_store_explicit(&f->waits, true, memory_order_relaxed);
    }
    if (!is_cached(f, req->arg[1], req->out_len))
        return -EAGAIN;
    n = preadv2(f->fd, hc_out(req), (int)req->nout, (off_t)req->arg[1], 0);
    return n < 0 ? -errno : n;
}

int64_t hc_file_read(struct hc_req *req)
{
    struct host_file *f;
    int64_t n;

    if (req->arg[2] & ~(uint64_t)RV_READ_NOW)
        return -EINVAL;
    f = files_get(req->vm, req->arg[0]);
    if (!f)
        return -EBADF;
    n = read_now(req, f);
    /* A short read here can also mean that the rest is not in the page cache. */
    if (n > 0 && (size_t)n < req->out_len && !at_end(f, req->arg[1], (size_t)n))
        n = -EAGAIN;
    if (n < 0 && !(req->arg[2] & RV_READ_NOW))
        return hand_on(req, f, read_blocking);
    files_put(req->vm, f);
    return n;
}

/* Write all inputs from byte `done` of them on. Returns the bytes written now or -1 and errno. */
static ssize_t write_from(const struct hc_req *req, const struct host_file *f, size_t done,
                          int flags)
{
    struct iovec iov[RV_SG_MAX];
    size_t skip = done;
    int n = 0;

    for (uint32_t i = 0; i < req->nin; i++) {
        struct iovec v = hc_in(req)[i];
        size_t k = skip < v.iov_len ? skip : v.iov_len;

        skip -= k;
        if (v.iov_len > k)
            iov[n++] = (struct iovec){ (char *)v.iov_base + k, v.iov_len - k };
    }
    return pwritev2(f->fd, iov, n, (off_t)(req->arg[1] + done), flags);
}

static int64_t write_blocking(struct hc_req *req)
{
    size_t done = (size_t)req->arg[ARG_DONE];
    int flags = (req->arg[2] & WRITE_APPEND ? RWF_APPEND : 0) |
                (req->arg[2] & WRITE_DSYNC ? RWF_DSYNC : 0);
    ssize_t n = write_from(req, req_file(req), done, flags);

    if (n < 0 && !done)
        return finish(req, -errno);
    return finish(req, (int64_t)done + (n < 0 ? 0 : n));
}

int64_t hc_file_write(struct hc_req *req)
{
    struct host_file *f;
    ssize_t n = 0;

    if (req->arg[2] & ~(uint64_t)(WRITE_APPEND | WRITE_DSYNC) ||
        req->arg[1] > (uint64_t)INT64_MAX - req->in_len)
        return -EINVAL;
    f = files_get(req->vm, req->arg[0]);
    if (!f)
        return -EBADF;
    if (!f->writable) {
        files_put(req->vm, f);
        return -EBADF;
    }
    if (req->arg[2] & WRITE_APPEND)
        req->arg[1] = 0;
    /* An append is one write, never continued: others may append as well. */
    if (req->nin && !req->arg[2])
        n = write_from(req, f, 0, RWF_NOWAIT);
    if (!req->nin || (size_t)n == req->in_len) {
        files_put(req->vm, f);
        return n;
    }
    req->arg[ARG_DONE] = n > 0 ? (uint64_t)n : 0;
    return hand_on(req, f, write_blocking);
}

/* --- the file itself -------------------------------------------------------------------------- */

static int64_t sync_blocking(struct hc_req *req)
{
    int fd = req_file(req)->fd;
    int r = req->arg[1] ? fdatasync(fd) : fsync(fd);

    return finish(req, r < 0 ? -errno : 0);
}

int64_t hc_file_sync(struct hc_req *req)
{
    struct host_file *f;

    if (req->arg[1] > 1)
        return -EINVAL;
    f = files_get(req->vm, req->arg[0]);
    return f ? hand_on(req, f, sync_blocking) : -EBADF;
}

int64_t hc_file_stat(struct hc_req *req)
{
    struct host_file *f = files_get(req->vm, req->arg[0]);
    struct statx sx;
    struct rv_attr attr;
    int64_t r = 0;

    if (!f)
        return -EBADF;
    if (statx(f->fd, attr_no_path, AT_EMPTY_PATH, ATTR_MASK, &sx) < 0)
        r = -errno;
    files_put(req->vm, f);
    if (r)
        return r;
    attr_fill(&attr, &sx);
    return hc_copy_out(req, 0, &attr, sizeof(attr)) == sizeof(attr) ? 0 : -EINVAL;
}

static int64_t truncate_blocking(struct hc_req *req)
{
    int r = ftruncate(req_file(req)->fd, (off_t)req->arg[1]);

    return finish(req, r < 0 ? -errno : 0);
}

int64_t hc_file_truncate(struct hc_req *req)
{
    return hand_on_resizable(req, truncate_blocking);
}

static int64_t allocate_blocking(struct hc_req *req)
{
    int r = fallocate(req_file(req)->fd, (int)req->arg[3], (off_t)req->arg[1],
                      (off_t)req->arg[2]);

    return finish(req, r < 0 ? -errno : 0);
}

int64_t hc_file_allocate(struct hc_req *req)
{
    return hand_on_resizable(req, allocate_blocking);
}
