/* SPDX-License-Identifier: Apache-2.0 */
/* stdio: see stdfds.h. Waiting for readiness is the event thread's, one EPOLLONESHOT source each.
 */
#include "vmm/stdfds.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hostcalls/lib/bounds.h"
#include "vmm/event.h"
#include "vmm/hostcall.h"
#include "vmm/worker.h"

#define POLL_EVENTS ((uint32_t)(POLLIN | POLLPRI | POLLOUT | POLLRDHUP))
/* Workers that may hang in a read or write at one time; who waits with stdio_poll needs few. */
#define BLOCKED_MAX ((int)BOUNDS_STUCK)

static bool closed[3];
static _Atomic int blocked;

static struct watch {
    struct event_source src;
    bool added;                            /* (l) */
    uint32_t nwaiting;                     /* (l) */
    struct hc_req *waiting[RV_MAX_TOKENS]; /* (l) pending stdio_poll calls */
} watch[3];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards (l) */

void stdfds_init(void)
{
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) < 0) {
            closed[fd] = true;
            if (open("/dev/null", fd ? O_WRONLY : O_RDONLY) < 0)
                _exit(125);
        }
    }
}

bool stdfds_is_open(int fd)
{
    return !closed[fd];
}

/* What poll(2) says now about the events asked for. */
static int64_t ready_now(int fd, uint32_t events)
{
    struct pollfd p = { .fd = fd, .events = (short)events };

    return poll(&p, 1, 0) > 0 ? (int64_t)(uint16_t)p.revents : 0;
}

/* Watch for what all waiting calls ask for. With the lock held; 0 or a negative errno. */
static int arm(struct vm *vm, struct watch *w)
{
    uint32_t events = EPOLLONESHOT;
    int r;

    /* The poll bits that are let through have the same values in epoll. */
    for (uint32_t i = 0; i < w->nwaiting; i++)
        events |= (uint32_t)w->waiting[i]->arg[1];
    if (w->added)
        return event_mod(vm, &w->src, events);
    r = event_add(vm, &w->src, events);
    w->added = r == 0;
    return r;
}

static void on_ready(struct vm *vm, struct event_source *src, uint32_t events)
{
    struct watch *w = (struct watch *)src;
    uint32_t kept = 0;

    (void)events;
    pthread_mutex_lock(&lock);
    for (uint32_t i = 0; i < w->nwaiting; i++) {
        struct hc_req *req = w->waiting[i];
        int64_t r = ready_now(src->fd, (uint32_t)req->arg[1]);

        if (r)
            hc_complete(vm, req->token, r);
        else
            w->waiting[kept++] = req;
    }
    w->nwaiting = kept;
    if (kept)
        arm(vm, w);
    pthread_mutex_unlock(&lock);
}

int64_t hc_stdio_poll(struct hc_req *req)
{
    int fd = (int)req->arg[0], r;
    struct watch *w = &watch[fd];
    struct vm *vm = req->vm;
    int64_t now;

    if (closed[fd])
        return POLLNVAL;
    if (req->arg[1] & ~(uint64_t)POLL_EVENTS)
        return -EINVAL;
    now = ready_now(fd, (uint32_t)req->arg[1]);
    if (now)
        return now;
    pthread_mutex_lock(&lock);
    w->src.fd = fd;
    w->src.ready = on_ready;
    w->waiting[w->nwaiting++] = req; /* as many places as tokens */
    r = arm(vm, w);
    if (r)
        w->nwaiting--;
    pthread_mutex_unlock(&lock);
    /* The request may be complete by now: nothing of it is used below. */
    if (r == -EPERM)
        return 0; /* a regular file, and poll(2) has no event for what was asked */
    return r ? r : RV_PENDING;
}

static int64_t read_blocking(struct hc_req *req)
{
    ssize_t n = readv((int)req->arg[0], hc_out(req), (int)req->nout);
    int64_t r = n < 0 ? -errno : n;

    atomic_fetch_sub(&blocked, 1);
    return r;
}

static int64_t write_blocking(struct hc_req *req)
{
    ssize_t n = writev((int)req->arg[0], hc_in(req), (int)req->nin);
    int64_t r = n < 0 ? -errno : n;

    atomic_fetch_sub(&blocked, 1);
    return r;
}

/* Whether a first try without blocking settles it: not if the file cannot do that, or would block.
 */
static bool settled(ssize_t n)
{
    return n >= 0 || (errno != EAGAIN && errno != EOPNOTSUPP && errno != EINVAL &&
                      errno != ENOSYS && errno != ESPIPE);
}

static int64_t on_worker(struct hc_req *req, int64_t (*fn)(struct hc_req *req))
{
    if (atomic_fetch_add(&blocked, 1) >= BLOCKED_MAX) {
        atomic_fetch_sub(&blocked, 1);
        return -EAGAIN;
    }
    return worker_call(req, fn);
}

int64_t hc_stdio_read(struct hc_req *req)
{
    ssize_t n;

    if (closed[req->arg[0]])
        return -EBADF;
    if (!req->nout)
        return 0;
    n = preadv2((int)req->arg[0], hc_out(req), (int)req->nout, -1, RWF_NOWAIT);
    if (settled(n))
        return n < 0 ? -errno : n;
    return on_worker(req, read_blocking);
}

int64_t hc_stdio_write(struct hc_req *req)
{
    ssize_t n;

    if (closed[req->arg[0]])
        return -EBADF;
    if (!req->nin)
        return 0;
    n = pwritev2((int)req->arg[0], hc_in(req), (int)req->nin, -1, RWF_NOWAIT);
    if (settled(n))
        return n < 0 ? -errno : n;
    return on_worker(req, write_blocking);
}

int64_t hc_stdio_seek(struct hc_req *req)
{
    off_t r;

    if (closed[req->arg[0]])
        return -EBADF;
    r = lseek((int)req->arg[0], (off_t)req->arg[1], (int)req->arg[2]);
    return r < 0 ? -errno : r;
}
