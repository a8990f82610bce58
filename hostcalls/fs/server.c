/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service's loop: see server.h. Several threads, so that one slow disk operation does not hold
 * up the rest; each takes requests off the ring, serves them and answers. Everything in the ring is
 * the VMM's, who may be hostile: a field is copied once, then only the copy counts.
 */
#include "hostcalls/fs/server.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostcalls/fs/nodes.h"
#include "hostcalls/fs/ring.h"
#include "hostcalls/fs/service.h"

#define STACK_SIZE ((size_t)256 << 10) /* a request has up to FS_IN_MAX bytes of inputs */

static struct {
    struct fs_ring *ring;
    int sock, wake, done, epoll;
} srv;

/* What the table says about a call, and who serves it; NULL: not ours. */
struct entry {
    uint32_t in_max, out_max;
    int64_t (*handler)(struct call *c);
};

enum {
#define HOSTCALL(nr, name, class, a0, a1, a2, a3, a4, a5, in_max, out_max, doc)                    \
    IN_##name = in_max, OUT_##name = out_max,
#include "hostcalls/hostcalls.def"
#undef HOSTCALL
};

#define ENTRY(name) [RV_HC_##name] = { IN_##name, OUT_##name, name }
static const struct entry table[RV_HC_COUNT] = {
    ENTRY(fs_walk),   ENTRY(fs_readdir), ENTRY(fs_open),   ENTRY(fs_create), ENTRY(fs_mkdir),
    ENTRY(fs_symlink), ENTRY(fs_mknod),  ENTRY(fs_link),   ENTRY(fs_unlink), ENTRY(fs_rename),
    ENTRY(fs_setattr), ENTRY(fs_sync),   ENTRY(fs_statfs), ENTRY(fs_getxattr), ENTRY(fs_listxattr),
    ENTRY(fs_setxattr), ENTRY(fs_tmpfile),
};

RV_STATIC_ASSERT(IN_fs_walk <= FS_IN_MAX && IN_fs_symlink <= FS_IN_MAX);
RV_STATIC_ASSERT(IN_fs_setxattr <= FS_IN_MAX);
RV_STATIC_ASSERT(OUT_fs_open <= FS_DATA_SIZE && OUT_fs_readdir <= FS_DATA_SIZE);

/* --- one request ------------------------------------------------------------------------------ */

static uint32_t load(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* Check the request, copy its inputs and serve it. */
static int64_t serve_copy(const struct fs_slot *s, uint8_t *data, struct call *c)
{
    uint32_t nr = load(&s->nr), in_len = load(&s->in_len), out_max = load(&s->out_max);
    char in[FS_IN_MAX];

    if (nr >= RV_HC_COUNT || !table[nr].handler)
        return -ENOSYS;
    if (in_len > table[nr].in_max || out_max > table[nr].out_max)
        return -EINVAL;
    for (int i = 0; i < 6; i++)
        c->arg[i] = __atomic_load_n(&s->arg[i], __ATOMIC_RELAXED);
    memcpy(in, data, in_len);
    c->in = in;
    c->in_len = in_len;
    c->out = (char *)data;
    c->out_max = out_max;
    return table[nr].handler(c);
}

/* Send the file to the VMM and close it here. 0 or a negative errno. */
static int send_file(int fd, uint32_t slot, uint32_t seq)
{
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } u = { .buf = { 0 } };
    struct fs_fd_msg msg = { slot, seq };
    struct iovec iov = { &msg, sizeof(msg) };
    struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = u.buf,
                         .msg_controllen = sizeof(u.buf) };
    struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);
    ssize_t n;
    int r;

    cm->cmsg_level = SOL_SOCKET;
    cm->cmsg_type = SCM_RIGHTS;
    cm->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
    do {
        n = sendmsg(srv.sock, &mh, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    r = n < 0 ? -errno : 0;
    close(fd);
    return r;
}

/* Answer. Nothing of the slot is touched once its state says so, but the futex word's address. */
static void answer(struct fs_slot *s, uint32_t slot, int64_t ret, const struct call *c)
{
    const uint64_t one = 1;
    uint32_t old;

    s->ret = ret;
    s->out_used = ret < 0 ? 0 : (uint32_t)c->out_used;
    old = __atomic_exchange_n(&s->state, FS_DONE, __ATOMIC_ACQ_REL);
    if (old == FS_WAITED) {
        syscall(SYS_futex, &s->state, FUTEX_WAKE, 1, NULL, NULL, 0);
    } else if (old == FS_LEFT) {
        __atomic_fetch_or(&srv.ring->done[slot / 64], UINT64_C(1) << slot % 64, __ATOMIC_RELEASE);
        if (write(srv.done, &one, sizeof(one)) < 0)
            return; /* it was rung so often that it will be looked at */
    }
}

static void serve(uint32_t slot)
{
    struct fs_slot *s = &srv.ring->slot[slot];
    struct call c = { .fd = -1 };
    uint32_t seq = load(&s->seq);
    int64_t ret = serve_copy(s, srv.ring->data[slot], &c);

    if (c.fd >= 0) {
        int r = send_file(c.fd, slot, seq);

        if (r)
            ret = r;
    }
    s->has_fd = c.fd >= 0;
    answer(s, slot, ret, &c);
}

/* --- the ring --------------------------------------------------------------------------------- */

/* Take a submitted request, searching from *next on, so that none is passed over for good. */
static bool take(uint32_t *next, uint32_t *slot)
{
    const uint32_t words = FS_SLOTS / 64;

    for (uint32_t i = 0; i <= words; i++) {
        uint32_t w = (*next / 64 + i) % words;
        uint64_t mask = i == 0 ? ~UINT64_C(0) << *next % 64 : ~UINT64_C(0);
        uint64_t bits;

        while ((bits = __atomic_load_n(&srv.ring->submitted[w], __ATOMIC_RELAXED) & mask)) {
            uint64_t bit = bits & -bits;

            if (__atomic_fetch_and(&srv.ring->submitted[w], ~bit, __ATOMIC_ACQUIRE) & bit) {
                *slot = w * 64 + (uint32_t)__builtin_ctzll(bit);
                *next = (*slot + 1) % FS_SLOTS;
                return true;
            }
        }
    }
    return false;
}

static uint64_t take_word(uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED) ? __atomic_exchange_n(word, 0, __ATOMIC_ACQUIRE)
                                                   : 0;
}

static uint32_t ctz(uint64_t word)
{
    return (uint32_t)__builtin_ctzll(word);
}

static void forget_nodes(void)
{
    struct fs_ring *r = srv.ring;
    uint32_t i, j, k;

    for (uint32_t t = 0; t < FS_NODES_MAX >> 18; t++) {
        for (uint64_t a = take_word(&r->forget_top[t]); a; a &= a - 1) {
            i = t * 64 + ctz(a);
            for (uint64_t b = take_word(&r->forget_mid[i]); b; b &= b - 1) {
                j = i * 64 + ctz(b);
                for (uint64_t c = take_word(&r->forget[j]); c; c &= c - 1) {
                    k = j * 64 + ctz(c);
                    node_forget(k);
                }
            }
        }
    }
}

/*
 * The wake descriptor is edge-triggered: each write to it wakes one thread of those that wait here,
 * and it need not be read.
 */
void server_loop(void)
{
    uint32_t next = 0, slot;

    for (;;) {
        struct epoll_event ev;

        if (epoll_wait(srv.epoll, &ev, 1, -1) != 1)
            continue;
        if (ev.data.fd == srv.sock)
            _exit(0); /* the VMM is gone */
        forget_nodes();
        while (take(&next, &slot))
            serve(slot);
    }
}

static void *thread_main(void *arg)
{
    (void)arg;
    server_loop();
}

/* --- starting --------------------------------------------------------------------------------- */

static int watch(int fd, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.fd = fd };

    return epoll_ctl(srv.epoll, EPOLL_CTL_ADD, fd, &ev);
}

int server_init(int sock, int ring, int wake, int done, struct error *err)
{
    srv.sock = sock;
    srv.wake = wake;
    srv.done = done;
    if (ftruncate(ring, FS_RING_SIZE) < 0)
        return error_set(err, errno, "cannot set the ring's size");
    srv.ring = mmap(NULL, FS_RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
    if (srv.ring == MAP_FAILED)
        return error_set(err, errno, "cannot map the ring");
    close(ring);
    srv.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (srv.epoll < 0 || watch(sock, EPOLLRDHUP) < 0 || watch(wake, EPOLLIN | EPOLLET) < 0)
        return error_set(err, errno, "cannot watch the VMM");
    return 0;
}

int server_start(uint32_t threads, struct error *err)
{
    pthread_attr_t attr;
    pthread_t thread;
    int r = 0;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (uint32_t i = 1; i < threads && !r; i++)
        r = pthread_create(&thread, &attr, thread_main, NULL);
    pthread_attr_destroy(&attr);
    return r ? error_set(err, r, "cannot start a thread") : 0;
}
