/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file service's client: see fsclient.h. A request lives in the slot of its token. The caller's
 * thread waits a little for the answer; if it leaves, the event thread completes the call.
 *
 * Who completes is settled twice. In the ring's state word, between us and the service: the one
 * whose exchange comes second knows of the other. And in the call's own phase, which the service
 * cannot reach: whatever it rings or writes, a call is completed once, and only when it was left.
 */
#include "vmm/fsclient.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hostcalls/lib/attr.h"
#include "hostcalls/fs/ring.h"
#include "hostcalls/lib/cleanup.h"
#include "vmm/files.h"
#include "vmm/hostcall.h"
#include "vmm/vm.h"
#include "vmm/worker.h"

/* The service is told of forgotten nodes with the next request, or of so many at once. */
#define FORGET_BATCH 256u

enum call_phase { CALL_NONE, CALL_WAITED, CALL_LEFT };

/* Legend: (o) of the thread that has the call: the caller's, or whoever took it from CALL_LEFT
 *         (l) under the lock */
struct fs_call {
    struct hc_req *req;     /* (o) */
    _Atomic uint32_t phase; /* enum call_phase */
    bool wants_fd;          /* (l) */
    uint32_t seq;           /* (l) */
    int fd;                 /* (l) came for this request; -1: none */
};

struct fsclient {
    struct fs_ring *ring; /* (i) */
    int sock, wake;       /* (i) */
    pthread_mutex_t lock; /* guards receiving */
    struct fs_call call[FS_SLOTS];
    _Atomic uint32_t forgotten; /* since the last wake for them */
};

static struct fsclient client = { .lock = PTHREAD_MUTEX_INITIALIZER };

int fsclient_init(struct vm *vm, struct error *err)
{
    struct fsclient *fc = &client;

    if (vm->fs_fd < 0 || vm->fs_ring_fd < 0 || vm->fs_wake_fd < 0)
        return 0;
    /* The service does the same: whoever comes first makes the pages, which are zero. */
    if (ftruncate(vm->fs_ring_fd, FS_RING_SIZE) < 0)
        return error_set(err, errno, "cannot set the size of the file service's ring");
    fc->ring = mmap(NULL, FS_RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vm->fs_ring_fd, 0);
    if (fc->ring == MAP_FAILED)
        return error_set(err, errno, "cannot map the file service's ring");
    vm->fs_ring_fd = -1;
    fc->sock = vm->fs_fd;
    fc->wake = vm->fs_wake_fd;
    for (uint32_t i = 0; i < FS_SLOTS; i++)
        fc->call[i].fd = -1;
    vm->fsclient = fc;
    return 0;
}

/* Whether a file comes with the answer. */
static bool is_open(uint32_t nr)
{
    return nr == RV_HC_fs_open || nr == RV_HC_fs_create || nr == RV_HC_fs_tmpfile;
}

/* --- descriptors ------------------------------------------------------------------------------ */

static void drop_fd(struct fs_call *call)
{
    if (call->fd >= 0)
        close(take_fd(&call->fd));
}

/* Receive one descriptor and put it where it belongs, or close it. False: none has come. */
static bool receive(struct fsclient *fc)
{
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } u;
    struct fs_fd_msg msg;
    struct iovec iov = { &msg, sizeof(msg) };
    /* Not all of buf: its padding has room for a second descriptor. */
    struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = u.buf,
                         .msg_controllen = CMSG_LEN(sizeof(int)) };
    ssize_t n = recvmsg(fc->sock, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *cm;
    struct fs_call *call;
    int fd;

    if (n < 0)
        return errno == EINTR;
    cm = CMSG_FIRSTHDR(&mh);
    if (n == 0 && !cm)
        return false; /* the end */
    if (!cm || cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS ||
        cm->cmsg_len != CMSG_LEN(sizeof(int)))
        return true;
    memcpy(&fd, CMSG_DATA(cm), sizeof(fd));
    call = n == sizeof(msg) && msg.slot < FS_SLOTS ? &fc->call[msg.slot] : NULL;
    if (call && call->wants_fd && call->seq == msg.seq && call->fd < 0)
        call->fd = fd;
    else
        close(fd);
    return true;
}

/* The descriptor that came for this slot's request, a regular file; -EIO: none such. */
static int claim_fd(struct fsclient *fc, uint32_t slot)
{
    struct fs_call *call = &fc->call[slot];
    struct stat st;
    int fd;

    pthread_mutex_lock(&fc->lock);
    while (call->fd < 0 && receive(fc))
        ;
    fd = take_fd(&call->fd);
    call->wants_fd = false;
    pthread_mutex_unlock(&fc->lock);
    if (fd < 0)
        return -EIO;
    if (attr_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -EIO;
    }
    return fd;
}

/* --- the answer ------------------------------------------------------------------------------- */

/*
 * The calls that open: the file gets its id here. A file whose contents came whole needs none
 * (file 0). The reply is copied before it is checked: the service may still write to it.
 */
static int64_t finish_open(struct fsclient *fc, uint32_t slot, bool has_fd, size_t used)
{
    struct hc_req *req = fc->call[slot].req;
    const uint8_t *data = fc->ring->data[slot];
    struct rv_open_reply reply;
    int file = 0;

    if (used < sizeof(reply))
        return -EIO;
    memcpy(&reply, data, sizeof(reply));
    if (reply.nread != used - sizeof(reply))
        return -EIO;
    if (has_fd) {
        int fd = claim_fd(fc, slot);

        if (fd < 0)
            return fd;
        file = files_add(req->vm, fd, reply.writable != 0);
        if (file < 0)
            return file;
    } else if (!reply.nread) {
        return -EIO;
    }
    reply.file = (uint32_t)file;
    reply.writable = has_fd && reply.writable;
    hc_copy_out(req, 0, &reply, sizeof(reply));
    hc_copy_out(req, sizeof(reply), data + sizeof(reply), reply.nread);
    return 0;
}

/* Check the answer and write the outputs. By whoever has the call, once. */
static int64_t finish(struct fsclient *fc, uint32_t slot)
{
    struct hc_req *req = fc->call[slot].req;
    const struct fs_slot *s = &fc->ring->slot[slot];
    int64_t ret = __atomic_load_n(&s->ret, __ATOMIC_RELAXED);
    size_t used = __atomic_load_n(&s->out_used, __ATOMIC_RELAXED);
    bool has_fd = __atomic_load_n(&s->has_fd, __ATOMIC_RELAXED) == 1;
    /* Of these the answer is the length of what they tell, of the others nothing but success. */
    bool is_list = req->nr == RV_HC_fs_walk || req->nr == RV_HC_fs_readdir ||
                   req->nr == RV_HC_fs_getxattr || req->nr == RV_HC_fs_listxattr;

    if (ret < 0)
        return ret < -4095 ? -EIO : ret;
    if (used > req->out_len || used > FS_DATA_SIZE || (size_t)ret != (is_list ? used : 0))
        return -EIO;
    if (is_open(req->nr))
        return finish_open(fc, slot, has_fd, used);
    hc_copy_out(req, 0, fc->ring->data[slot], used);
    return ret;
}

void fsclient_done(struct vm *vm)
{
    struct fsclient *fc = vm->fsclient;

    if (!fc)
        return;
    for (uint32_t w = 0; w < FS_SLOTS / 64; w++) {
        uint64_t bits = __atomic_exchange_n(&fc->ring->done[w], 0, __ATOMIC_ACQUIRE);

        for (; bits; bits &= bits - 1) {
            uint32_t slot = w * 64 + (uint32_t)__builtin_ctzll(bits), left = CALL_LEFT;

            /* A slot's number is its token: after hc_complete it may be in use again. */
            if (atomic_compare_exchange_strong(&fc->call[slot].phase, &left, CALL_NONE))
                hc_complete(vm, slot, finish(fc, slot));
        }
    }
}

/* --- the request ------------------------------------------------------------------------------ */

static void wake(struct fsclient *fc)
{
    const uint64_t one = 1;

    /* EAGAIN: the counter is full, so the service has been told often enough. */
    if (write(fc->wake, &one, sizeof(one)) < 0)
        return;
}

/* Wait for the answer, HC_WAIT_NS at most. False: not ours any more, the event thread's. */
static bool wait_answer(struct fs_slot *s, struct fs_call *call)
{
    uint64_t end = vm_now() + HC_WAIT_NS;
    struct timespec until = { (time_t)(end / UINT64_C(1000000000)),
                              (long)(end % UINT64_C(1000000000)) };
    uint32_t waited = FS_WAITED, left = CALL_LEFT;

    while (__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == FS_WAITED) {
        long r = syscall(SYS_futex, &s->state, FUTEX_WAIT_BITSET, FS_WAITED, &until, NULL,
                         FUTEX_BITSET_MATCH_ANY);

        if (r == 0 || errno != ETIMEDOUT)
            continue;
        /* From here on the event thread may take the call, as soon as the service rings. */
        atomic_store(&call->phase, CALL_LEFT);
        if (__atomic_compare_exchange_n(&s->state, &waited, FS_LEFT, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return false;
        /* Answered just now; only a service that rings without reason gets in between. */
        return atomic_compare_exchange_strong(&call->phase, &left, CALL_NONE);
    }
    return true;
}

static int64_t request(struct hc_req *req)
{
    struct fsclient *fc = req->vm->fsclient;
    uint32_t slot = req->token;
    struct fs_call *call;
    struct fs_slot *s;

    if (!fc)
        return -ENODEV;
    if (req->in_len > FS_IN_MAX)
        return -EINVAL;
    call = &fc->call[slot];
    s = &fc->ring->slot[slot];
    call->req = req;
    pthread_mutex_lock(&fc->lock);
    drop_fd(call); /* of an earlier request that failed after its file was sent */
    call->seq++;
    call->wants_fd = is_open(req->nr);
    pthread_mutex_unlock(&fc->lock);
    s->nr = req->nr;
    s->seq = call->seq;
    s->in_len = (uint32_t)hc_copy_in(req, 0, fc->ring->data[slot], req->in_len);
    s->out_max = (uint32_t)req->out_len;
    memcpy(s->arg, req->arg, sizeof(s->arg));
    atomic_store(&call->phase, CALL_WAITED);
    __atomic_store_n(&s->state, FS_WAITED, __ATOMIC_RELAXED);
    __atomic_fetch_or(&fc->ring->submitted[slot / 64], UINT64_C(1) << slot % 64, __ATOMIC_RELEASE);
    wake(fc);
    return wait_answer(s, call) ? finish(fc, slot) : RV_PENDING;
}

int64_t hc_fs_forget(struct hc_req *req)
{
    struct fsclient *fc = req->vm->fsclient;
    uint64_t id = req->arg[0];

    if (!fc)
        return -ENODEV;
    if (id >= FS_NODES_MAX)
        return -EINVAL;
    /* From the bottom up (ring.h). */
    __atomic_fetch_or(&fc->ring->forget[id >> 6], UINT64_C(1) << (id & 63), __ATOMIC_RELEASE);
    __atomic_fetch_or(&fc->ring->forget_mid[id >> 12], UINT64_C(1) << (id >> 6 & 63),
                      __ATOMIC_RELEASE);
    __atomic_fetch_or(&fc->ring->forget_top[id >> 18], UINT64_C(1) << (id >> 12 & 63),
                      __ATOMIC_RELEASE);
    if (atomic_fetch_add(&fc->forgotten, 1) % FORGET_BATCH == FORGET_BATCH - 1)
        wake(fc);
    return 0;
}

/* Each call of class FILE is such a request. */
#define OF_INSTANT(name)
#define OF_WORK(name)
#define OF_FILE(name)                                                                              \
    int64_t hc_##name(struct hc_req *req)                                                          \
    {                                                                                              \
        return request(req);                                                                       \
    }
#define HOSTCALL(nr, name, class, a0, a1, a2, a3, a4, a5, in_max, out_max, doc) OF_##class(name)
#include "hostcalls/hostcalls.def"
#undef HOSTCALL
