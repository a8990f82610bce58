/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring between the VMM (vmm/fsclient.c) and the file service (hostcalls/fs/server.c): both in
 * one process, and each with the other side hostile. Requests come as a guest makes them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostcalls/fs/beneath.h"
#include "hostcalls/fs/jail.h"
#include "hostcalls/fs/nodes.h"
#include "hostcalls/fs/ring.h"
#include "hostcalls/fs/server.h"
#include "tests/unit/unit.h"
#include "vmm/files.h"
#include "vmm/fsclient.h"
#include "vmm/hostcall.h"
#include "vmm/vm.h"

#define RAM (UINT64_C(4) << 20)
#define IN  0x1000  /* where the guest has a request's inputs ... */
#define OUT 0x10000 /* ... and outputs */

static struct vcpu vcpu;
static struct rv_vcpu_page page;
static struct rv_event_ring events;
static struct vm vm = { .nvcpus = 1, .vcpu = &vcpu, .events = &events };
static struct rv_hostcall *const call = &page.call;
static struct fs_ring *ring; /* as the other side sees it */
static struct error err;
static int ring_fd, wake, done, sock[2];

/* --- the rest of the VMM and of the service --------------------------------------------------- */

/* Handlers of the other calls; the archive's stand in for those of the file service. */
#define HOSTCALL(nr, name, ...)                                                                    \
    __attribute__((weak)) int64_t hc_##name(struct hc_req *req)                                    \
    {                                                                                              \
        (void)req;                                                                                 \
        return -ENOSYS;                                                                            \
    }
#include "hostcalls/hostcalls.def"
#undef HOSTCALL

static int added_fd = -1;

int files_add(struct vm *v, int fd, bool writable)
{
    (void)v, (void)writable;
    CHECK_EQ(added_fd, -1);
    added_fd = fd;
    return 33;
}

void vcpu_kick(struct vcpu *v, uint32_t bits)
{
    (void)v, (void)bits;
}

uint64_t vm_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

int vm_add_slot(struct vm *v, gpa_t gpa, uint64_t len, void *host, uint32_t flags)
{
    (void)v, (void)gpa, (void)len, (void)host, (void)flags;
    return 0;
}

void vm_fatal(struct vm *v, const char *fmt, ...)
{
    (void)v, (void)fmt;
    abort();
}

bool jail_can_chown(void)
{
    return geteuid() == 0;
}

/* --- set-up ----------------------------------------------------------------------------------- */

static void wires(void)
{
    ring_fd = memfd_create("ring", MFD_CLOEXEC);
    CHECK_EQ(ftruncate(ring_fd, FS_RING_SIZE), 0);
    ring = mmap(NULL, FS_RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
    CHECK(ring != MAP_FAILED);
    wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    done = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock), 0);
}

static void start_client(void)
{
    vcpu = (struct vcpu){ .vm = &vm, .page = &page };
    vcpu.hostcalls = calloc(RV_HC_COUNT, sizeof(uint64_t));
    vm.ram.base = calloc(1, RAM);
    vm.ram.limit = vm.ram.size = RAM;
    vm.fs_fd = sock[0];
    vm.fs_ring_fd = dup(ring_fd);
    vm.fs_wake_fd = wake;
    CHECK_EQ(fsclient_init(&vm, &err), 0);
    CHECK(vm.fsclient);
}

static void *run_server(void *arg)
{
    (void)arg;
    server_loop();
}

static void start_server(void)
{
    pthread_t t;

    CHECK_EQ(server_init(sock[1], dup(ring_fd), wake, done, &err), 0);
    CHECK_EQ(server_start(4, &err), 0);
    CHECK_EQ(pthread_create(&t, NULL, run_server, NULL), 0);
}

static char top[] = "/tmp/rvisor-unit-XXXXXX";

/* A folder with a small and a large file, as image and as volume. */
static void folder(void)
{
    static char large[70000];
    int fd;

    CHECK(mkdtemp(top));
    CHECK_EQ(chdir(top), 0);
    mkdir("d", 0755);
    fd = open("d/small", O_CREAT | O_WRONLY, 0644);
    CHECK_EQ(write(fd, "contents", 8), 8);
    close(fd);
    fd = open("large", O_CREAT | O_WRONLY, 0644);
    CHECK_EQ(write(fd, large, sizeof(large)), sizeof(large));
    close(fd);
    beneath_init(open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
    CHECK_EQ(nodes_add_root(open(".", O_PATH | O_DIRECTORY), true), 0);
}

static void remove_folder(void)
{
    unlink("d/small");
    unlink("large");
    rmdir("d");
    CHECK_EQ(chdir("/"), 0);
    rmdir(top);
}

/* --- the guest -------------------------------------------------------------------------------- */

static void prepare(uint32_t nr, const char *in, uint32_t room)
{
    memset(call, 0, sizeof(*call));
    call->nr = nr;
    call->token = 9;
    call->arg[0] = RV_ROOT_NODE(0);
    if (in) {
        call->nin = 1;
        call->sg[0] = (struct rv_sg){ { IN }, (uint32_t)strlen(in), 0 };
        memcpy(vm.ram.base + IN, in, strlen(in));
    }
    if (room) {
        call->nout = 1;
        call->sg[call->nin] = (struct rv_sg){ { OUT }, room, 0 };
    }
    memset(vm.ram.base + OUT, 0x5a, 80000);
}

static uint32_t seen_events;

/* The answer, at once or by an event. */
static int64_t ask(void)
{
    const struct rv_event *ev;

    hc_dispatch(&vcpu);
    if (call->ret != RV_PENDING)
        return call->ret;
    while (__atomic_load_n(&events.head, __ATOMIC_ACQUIRE) == seen_events) {
        fsclient_done(&vm);
        usleep(100);
    }
    ev = &events.ev[seen_events++ % RV_EVENTS];
    events.tail = seen_events;
    CHECK(ev->kind == RV_EVENT_DONE && ev->token == 9);
    return ev->ret;
}

/* --- both sides as they are ------------------------------------------------------------------- */

START_TEST(requests_are_served)
{
    const struct rv_walk_entry *e;
    const struct rv_open_reply *r;
    uint32_t dir;

    folder();
    wires();
    start_client();
    start_server();
    e = (const void *)(vm.ram.base + OUT);
    r = (const void *)(vm.ram.base + OUT);
    for (int i = 0; i < 50; i++) {
        prepare(RV_HC_fs_walk, "d/small", 16384);
        CHECK_EQ(ask(), 2 * sizeof(*e));
        CHECK(e[0].dir && e[1].attr.size == 8);
        dir = e[0].dir;
        prepare(RV_HC_fs_open, "small", 69632);
        call->arg[0] = dir;
        CHECK_EQ(ask(), 0);
        CHECK(r->nread == 8 && r->file == 0 && !memcmp(r + 1, "contents", 8));
        prepare(RV_HC_fs_open, "large", 69632);
        CHECK_EQ(ask(), 0);
        CHECK(r->nread == 0 && r->file == 33 && added_fd >= 0);
        close(added_fd);
        added_fd = -1;
        prepare(RV_HC_fs_forget, NULL, 0);
        call->arg[0] = dir;
        CHECK_EQ(ask(), 0);
        prepare(RV_HC_fs_open, "none", 69632);
        CHECK_EQ(ask(), -ENOENT);
        prepare(RV_HC_fs_mkdir, "x", 104);
        CHECK_EQ(ask(), -EROFS);
    }
    prepare(RV_HC_fs_walk, "d", 16384);
    CHECK_EQ(ask(), sizeof(*e));
    CHECK_OP(e[0].dir, <, 40); /* ids come back, if not at once */
    prepare(RV_HC_fs_forget, NULL, 0);
    call->arg[0] = FS_NODES_MAX;
    CHECK_EQ(ask(), -EINVAL);
    remove_folder();
}
END_TEST

START_TEST(without_a_service_the_calls_fail)
{
    wires();
    start_client();
    vm.fsclient = NULL;
    prepare(RV_HC_fs_walk, "d", 16384);
    CHECK_EQ(ask(), -ENODEV);
    prepare(RV_HC_fs_forget, NULL, 0);
    CHECK_EQ(ask(), -ENODEV);
}
END_TEST

/* --- a hostile VMM ---------------------------------------------------------------------------- */

/* Submit what is in the slot and wait for the answer. */
static int64_t submit(uint32_t slot)
{
    const uint64_t one = 1;
    struct pollfd p = { done, POLLIN, 0 };
    uint64_t n;

    __atomic_store_n(&ring->slot[slot].state, FS_LEFT, __ATOMIC_RELAXED);
    __atomic_fetch_or(&ring->submitted[slot / 64], UINT64_C(1) << slot % 64, __ATOMIC_RELEASE);
    CHECK_EQ(write(wake, &one, sizeof(one)), sizeof(one));
    do {
        CHECK_EQ(poll(&p, 1, -1), 1);
        CHECK_EQ(read(done, &n, sizeof(n)), sizeof(n));
    } while (!(__atomic_exchange_n(&ring->done[slot / 64], 0, __ATOMIC_ACQUIRE) >> slot % 64 & 1));
    CHECK_EQ(ring->slot[slot].state, FS_DONE);
    return ring->slot[slot].ret;
}

static struct fs_slot *slot_for(uint32_t slot, uint32_t nr, const char *in, uint32_t out_max)
{
    struct fs_slot *s = &ring->slot[slot];

    *s = (struct fs_slot){ .nr = nr, .in_len = (uint32_t)strlen(in), .out_max = out_max,
                            .arg = { RV_ROOT_NODE(0) } };
    memcpy(ring->data[slot], in, strlen(in));
    return s;
}

START_TEST(the_service_refuses_what_the_table_does_not_allow)
{
    static const uint32_t numbers[] = { RV_HC_console, RV_HC_file_read, RV_HC_fs_forget,
                                        RV_HC_COUNT,   0x80000000,      UINT32_MAX };

    folder();
    wires();
    start_server();
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        slot_for(0, numbers[i], "d", 100);
        CHECK_EQ(submit(0), -ENOSYS);
    }
    slot_for(1, RV_HC_fs_walk, "d", 16384)->in_len = 4097;
    CHECK_EQ(submit(1), -EINVAL);
    slot_for(1, RV_HC_fs_walk, "d", 16384)->in_len = UINT32_MAX;
    CHECK_EQ(submit(1), -EINVAL);
    slot_for(1, RV_HC_fs_walk, "d", 16385);
    CHECK_EQ(submit(1), -EINVAL);
    slot_for(1, RV_HC_fs_open, "large", UINT32_MAX);
    CHECK_EQ(submit(1), -EINVAL);
    slot_for(1, RV_HC_fs_walk, "d", 0);
    CHECK_EQ(submit(1), -EINVAL); /* no room for an entry */
    slot_for(255, RV_HC_fs_walk, "d", 16384);
    CHECK_EQ(submit(255), sizeof(struct rv_walk_entry));
    CHECK_EQ(ring->slot[255].out_used, sizeof(struct rv_walk_entry));
    remove_folder();
}
END_TEST

START_TEST(forgetting_everything_leaves_the_roots)
{
    folder();
    wires();
    start_server();
    for (uint32_t i = 0; i < 20; i++) {
        slot_for(i, RV_HC_fs_walk, "d", 16384);
        CHECK_EQ(submit(i), sizeof(struct rv_walk_entry));
    }
    memset(ring->forget, 0xff, sizeof(ring->forget));
    memset(ring->forget_mid, 0xff, sizeof(ring->forget_mid));
    memset(ring->forget_top, 0xff, sizeof(ring->forget_top));
    slot_for(3, RV_HC_fs_walk, "d/small", 16384);
    CHECK_EQ(submit(3), 2 * sizeof(struct rv_walk_entry));
    remove_folder();
}
END_TEST

START_TEST(random_requests_do_not_hurt_the_service)
{
    folder();
    wires();
    start_server();
    unit_seed((uint64_t)_i);
    for (int i = 0; i < 1000; i++) {
        uint32_t slot = unit_below(FS_SLOTS);
        struct fs_slot *s = slot_for(slot, RV_HC_fs_walk + unit_below(14), "d", 16384);

        s->in_len = unit_below(4) ? unit_below(600) : (uint32_t)unit_random();
        s->out_max = unit_below(4) ? unit_below(20000) : (uint32_t)unit_random();
        for (int k = 0; k < 6; k++)
            s->arg[k] = unit_below(2) ? unit_below(5) : unit_random();
        for (int k = 0; k < 600; k++)
            ring->data[slot][k] = unit_below(3) ? (uint8_t)"dls./"[unit_below(5)]
                                                   : (uint8_t)unit_random();
        submit(slot);
        if (ring->slot[slot].has_fd) {
            char buf[64];

            recv(sock[0], buf, sizeof(buf), MSG_DONTWAIT); /* its descriptor is closed with it */
        }
        ring->slot[slot].has_fd = 0;
    }
    slot_for(0, RV_HC_fs_walk, "d", 16384);
    CHECK_EQ(submit(0), sizeof(struct rv_walk_entry));
    remove_folder();
}
END_TEST

/* --- a hostile service ------------------------------------------------------------------------ */

static int64_t reply_ret;
static uint32_t reply_used, reply_has_fd;
static int reply_fd = -1; /* sent with ... */
static uint32_t fd_slot = 9, fd_seq_add, fd_times = 1;
static struct rv_open_reply open_reply;
static int stop;
static uint32_t asked, rung; /* requests, and those that the service has rung for */

static void send_fd(uint32_t slot, uint32_t seq)
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

    cm->cmsg_level = SOL_SOCKET;
    cm->cmsg_type = SCM_RIGHTS;
    cm->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(cm), &reply_fd, sizeof(int));
    sendmsg(sock[1], &mh, 0);
}

/* Answers each request in slot 9 with what the test has set. */
static void *fake_service(void *arg)
{
    const uint64_t one = 1;

    (void)arg;
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        struct pollfd p = { wake, POLLIN, 0 };
        struct fs_slot *s = &ring->slot[9];
        uint64_t n;

        if (poll(&p, 1, 10) != 1 || read(wake, &n, sizeof(n)) < 0)
            continue;
        if (!(__atomic_exchange_n(&ring->submitted[0], 0, __ATOMIC_ACQUIRE) >> 9 & 1))
            continue;
        for (uint32_t i = 0; reply_fd >= 0 && i < fd_times; i++)
            send_fd(fd_slot, s->seq + fd_seq_add);
        memset(ring->data[9], 0x77, 1000);
        if (s->nr == RV_HC_fs_open)
            memcpy(ring->data[9], &open_reply, sizeof(open_reply));
        s->ret = reply_ret;
        s->out_used = reply_used;
        s->has_fd = reply_has_fd;
        __atomic_store_n(&s->state, FS_DONE, __ATOMIC_RELEASE);
        /* Rings for everything, always. */
        for (uint32_t w = 0; w < FS_SLOTS / 64; w++)
            __atomic_store_n(&ring->done[w], UINT64_MAX, __ATOMIC_RELEASE);
        __atomic_fetch_add(&rung, 1, __ATOMIC_RELEASE);
        if (write(done, &one, sizeof(one)) < 0)
            break;
    }
    return NULL;
}

static pthread_t service;

static void start_hostile(void)
{
    wires();
    start_client();
    CHECK_EQ(pthread_create(&service, NULL, fake_service, NULL), 0);
}

static void end_hostile(void)
{
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    pthread_join(service, NULL);
    free(vm.ram.base);
    free(vcpu.hostcalls);
}

static int64_t answered(uint32_t nr, uint32_t room, int64_t ret, uint32_t used)
{
    int64_t r;

    reply_ret = ret;
    reply_used = used;
    prepare(nr, nr == RV_HC_fs_readdir ? NULL : "x", room);
    asked++;
    r = ask();
    /* What it rings late would end the next call, if that is left, with the answer to this one. */
    while (__atomic_load_n(&rung, __ATOMIC_ACQUIRE) != asked)
        usleep(100);
    memset(ring->done, 0, sizeof(ring->done));
    for (uint32_t i = room; i < room + 1000; i++)
        CHECK_EQ(vm.ram.base[OUT + i], 0x5a); /* nothing behind the outputs */
    return r;
}

START_TEST(answers_are_checked_before_they_reach_the_guest)
{
    start_hostile();
    CHECK_EQ(answered(RV_HC_fs_walk, 16384, 104, 104), 104);
    CHECK_EQ(vm.ram.base[OUT + 103], 0x77);
    CHECK_EQ(vm.ram.base[OUT + 104], 0x5a);
    CHECK_EQ(answered(RV_HC_fs_walk, 200, 208, 208), -EIO); /* more than there is room for */
    CHECK_EQ(answered(RV_HC_fs_walk, 200, 104, 208), -EIO);
    CHECK_EQ(answered(RV_HC_fs_walk, 200, 150, 104), -EIO); /* another length than it tells */
    CHECK_EQ(answered(RV_HC_fs_walk, 200, INT64_MAX, 104), -EIO);
    CHECK_EQ(answered(RV_HC_fs_walk, 200, UINT32_MAX, UINT32_MAX), -EIO);
    CHECK_EQ(answered(RV_HC_fs_readdir, 65536, 65537, 65537), -EIO);
    CHECK_EQ(answered(RV_HC_fs_walk, 200, -ENOENT, 0), -ENOENT);
    CHECK_EQ(answered(RV_HC_fs_walk, 200, -4095, 0), -4095);
    CHECK_EQ(answered(RV_HC_fs_walk, 200, RV_PENDING, 0), -EIO);
    CHECK_EQ(answered(RV_HC_fs_walk, 200, INT64_MIN, 0), -EIO);
    CHECK_EQ(answered(RV_HC_fs_unlink, 0, 0, 0), 0);
    CHECK_EQ(answered(RV_HC_fs_unlink, 0, 5, 0), -EIO);
    CHECK_EQ(answered(RV_HC_fs_unlink, 0, 0, 1), -EIO);
    end_hostile();
}
END_TEST

static int open_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static int64_t opened(uint64_t nread, uint32_t used, uint32_t has_fd)
{
    open_reply = (struct rv_open_reply){ .nread = nread, .file = 1234, .writable = 1 };
    reply_has_fd = has_fd;
    return answered(RV_HC_fs_open, 69632, 0, used);
}

START_TEST(of_descriptors_only_the_right_one_is_taken)
{
    const struct rv_open_reply *r;
    const uint32_t size = sizeof(*r);
    int before, pipes[2];

    start_hostile();
    r = (const void *)(vm.ram.base + OUT);
    CHECK_EQ(pipe(pipes), 0);
    before = open_fds();
    CHECK_EQ(opened(0, size, 0), -EIO); /* neither contents nor a file */
    CHECK_EQ(opened(0, size, 1), -EIO); /* a file that was not sent */
    CHECK_EQ(opened(8, size + 8, 0), 0);
    CHECK(r->file == 0 && r->nread == 8 && !r->writable);
    CHECK_EQ(opened(8, size + 7, 0), -EIO);
    CHECK_EQ(opened(UINT64_MAX, size - 1, 0), -EIO);
    CHECK_EQ(opened(UINT64_MAX - size + 9, 8, 0), -EIO);
    reply_fd = ring_fd; /* a memfd is a regular file */
    CHECK_EQ(opened(0, size, 1), 0);
    CHECK(r->file == 33 && added_fd >= 0);
    close(added_fd);
    added_fd = -1;
    fd_times = 3; /* two too many: they go with the next request */
    CHECK_EQ(opened(0, size, 1), 0);
    close(added_fd);
    added_fd = -1;
    fd_times = 1;
    reply_fd = pipes[0];
    CHECK_EQ(opened(0, size, 1), -EIO); /* not a regular file */
    reply_fd = sock[1];
    CHECK_EQ(opened(0, size, 1), -EIO);
    reply_fd = ring_fd;
    fd_slot = 10;
    CHECK_EQ(opened(0, size, 1), -EIO); /* for another request */
    fd_slot = FS_SLOTS;
    CHECK_EQ(opened(0, size, 1), -EIO);
    fd_slot = UINT32_MAX;
    CHECK_EQ(opened(0, size, 1), -EIO);
    fd_slot = 9;
    fd_seq_add = UINT32_MAX;
    CHECK_EQ(opened(0, size, 1), -EIO); /* for an earlier one */
    fd_seq_add = 0;
    CHECK_EQ(opened(0, size, 0), -EIO); /* sent, and not said so */
    reply_fd = -1;
    CHECK_EQ(opened(0, size, 1), -EIO); /* which does not help the next one */
    CHECK_EQ(added_fd, -1);
    CHECK_OP(open_fds(), <=, before);
    end_hostile();
}
END_TEST

UNIT_MAIN("fs_ring", ONCE(requests_are_served), ONCE(without_a_service_the_calls_fail),
          ONCE(the_service_refuses_what_the_table_does_not_allow),
          ONCE(forgetting_everything_leaves_the_roots),
          SEEDS(random_requests_do_not_hurt_the_service, 3),
          ONCE(answers_are_checked_before_they_reach_the_guest),
          ONCE(of_descriptors_only_the_right_one_is_taken))
