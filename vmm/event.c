/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event thread: see event.h. It watches the control socket, the file service's bell and its
 * end, SIGTERM, and the tick, a timer that is armed by the first vCPU that runs and disarms itself
 * when it finds that none does: a sandbox that sleeps uses no CPU.
 */
#include "vmm/event.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/clock.h"
#include "vmm/control.h"
#include "vmm/fsclient.h"
#include "vmm/hostcall.h"
#include "vmm/options.h"
#include "vmm/stats.h"
#include "vmm/vm.h"

#define TICK_NS 4000000

static int epoll_fd = -1;
static struct event_source control_src, fs_done_src, fs_src, signal_src, tick_src;
static _Atomic int running; /* vCPUs that are not parked */
static _Atomic bool tick_armed;

/* Events for the guest that found no room; the event thread only. */
static uint64_t signals_waiting; /* bit n - 1: signal n */
static int64_t winsize_waiting = -1;

int event_add(struct vm *vm, struct event_source *src, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.ptr = src };

    (void)vm;
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, src->fd, &ev) < 0 ? -errno : 0;
}

int event_mod(struct vm *vm, struct event_source *src, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.ptr = src };

    (void)vm;
    return epoll_ctl(epoll_fd, EPOLL_CTL_MOD, src->fd, &ev) < 0 ? -errno : 0;
}

static void set_timer(bool on)
{
    struct itimerspec its = { { 0, on ? TICK_NS : 0 }, { 0, on ? TICK_NS : 0 } };

    timerfd_settime(tick_src.fd, 0, &its, NULL);
}

void event_vcpu_active(struct vm *vm)
{
    atomic_fetch_add(&running, 1);
    if (!atomic_load(&tick_armed) && !atomic_exchange(&tick_armed, true)) {
        clock_refresh(vm);
        set_timer(true);
    }
}

void event_vcpu_parked(struct vm *vm)
{
    (void)vm;
    atomic_fetch_sub(&running, 1);
}

/* Hand waiting signals and the terminal's size to the guest, as far as the ring has room. */
static void post_waiting(struct vm *vm)
{
    while (signals_waiting) {
        int n = __builtin_ctzll(signals_waiting);

        if (!hc_post(vm, RV_EVENT_SIGNAL, n + 1))
            return;
        signals_waiting &= signals_waiting - 1;
    }
    if (winsize_waiting >= 0 && hc_post(vm, RV_EVENT_WINSIZE, winsize_waiting))
        winsize_waiting = -1;
}

/* Who runs where is sampled, as a kernel with a timer interrupt would; idling does not count. */
static void count_tick(struct vcpu *vcpu)
{
    struct rv_vcpu_page *page = vcpu->page;

    if (__atomic_load_n(&page->idle, __ATOMIC_RELAXED))
        return;
    vcpu->ticks[__atomic_load_n(&page->in_kernel, __ATOMIC_RELAXED) != 0]++;
    __atomic_store_n(&page->ticks, (uint64_t)vcpu->ticks[1] << 32 | vcpu->ticks[0],
                     __ATOMIC_RELAXED);
}

/* A vCPU in the guest whose deadline passed, or on which a thread has waited for a whole tick. */
static void tick_vcpu(struct vcpu *vcpu, uint64_t now)
{
    uint64_t deadline;
    uint32_t switches;

    if (atomic_load(&vcpu->state) == VCPU_PARKED || !atomic_load(&vcpu->started)) {
        vcpu->tick_seen = 0;
        return;
    }
    count_tick(vcpu);
    deadline = __atomic_load_n(&vcpu->page->deadline, __ATOMIC_RELAXED);
    switches = __atomic_load_n(&vcpu->page->switches, __ATOMIC_RELAXED);
    if (switches != vcpu->switches || !__atomic_load_n(&vcpu->page->waiters, __ATOMIC_RELAXED))
        vcpu->tick_seen = 0;
    else
        vcpu->tick_seen++;
    vcpu->switches = switches;
    if (deadline <= now || vcpu->tick_seen > 0) {
        vcpu->tick_seen = 0;
        vcpu_kick(vcpu, RV_PEND_TICK);
    }
}

static void on_tick(struct vm *vm, struct event_source *src, uint32_t events)
{
    uint64_t count, now;

    (void)events;
    if (read(src->fd, &count, sizeof(count)) != sizeof(count))
        return;
    if (atomic_load(&running) == 0) {
        set_timer(false);
        atomic_store(&tick_armed, false);
        /* A vCPU that began to run before it could see tick_armed false relies on us. */
        if (atomic_load(&running) == 0 || atomic_exchange(&tick_armed, true))
            return;
        set_timer(true);
    }
    now = vm_now();
    post_waiting(vm);
    for (uint32_t i = 0; i < vm->nvcpus; i++)
        tick_vcpu(&vm->vcpu[i], now);
    clock_tick(vm, now);
}

static void on_control(struct vm *vm, struct event_source *src, uint32_t events)
{
    struct rv_control_msg msg;
    ssize_t n = recv(src->fd, &msg, sizeof(msg), MSG_DONTWAIT | MSG_TRUNC);

    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) { /* runrsc is gone */
        vm_claim_end();
        vm_end(vm, VM_FAILED);
    }
    if (n != sizeof(msg) || msg.version != RV_CONTROL_VERSION)
        vm_fatal(vm, "the control socket speaks another version of the protocol");
    switch (msg.kind) {
    case RV_CONTROL_HELLO:
        send(src->fd, &msg, sizeof(msg), MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
    case RV_CONTROL_SIGNAL:
        if (msg.arg[0] >= 1 && msg.arg[0] <= 64)
            signals_waiting |= UINT64_C(1) << (msg.arg[0] - 1);
        break;
    case RV_CONTROL_RESIZE:
        if (msg.arg[0] <= 0xffff && msg.arg[1] <= 0xffff)
            winsize_waiting = (int64_t)msg.arg[0] << 16 | msg.arg[1];
        break;
    case RV_CONTROL_STATS:
        stats_write(vm);
        send(src->fd, &msg, sizeof(msg), MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
    default:
        break;
    }
    post_waiting(vm);
}

static void on_signal(struct vm *vm, struct event_source *src, uint32_t events)
{
    struct signalfd_siginfo si;

    (void)events;
    if (read(src->fd, &si, sizeof(si)) == sizeof(si) && si.ssi_signo >= 1 && si.ssi_signo <= 64) {
        signals_waiting |= UINT64_C(1) << (si.ssi_signo - 1);
        post_waiting(vm);
    }
}

static void on_fs_done(struct vm *vm, struct event_source *src, uint32_t events)
{
    uint64_t count;

    (void)events;
    if (read(src->fd, &count, sizeof(count)) == sizeof(count))
        fsclient_done(vm);
}

static void on_fs_end(struct vm *vm, struct event_source *src, uint32_t events)
{
    (void)src;
    if (events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR))
        vm_fatal(vm, "the file service died");
}

static int watch(struct vm *vm, struct event_source *src, int fd, uint32_t events,
                 void (*ready)(struct vm *, struct event_source *, uint32_t), struct error *err)
{
    int r;

    src->fd = fd;
    src->ready = ready;
    if (fd < 0)
        return 0;
    r = event_add(vm, src, events);
    return r ? error_set(err, -r, "cannot watch descriptor %d", fd) : 0;
}

int event_init(struct vm *vm, struct error *err)
{
    sigset_t all, term;
    int sig_fd, timer_fd;

    /* Every signal but the faults' stays blocked; SIGTERM arrives through its descriptor. */
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGABRT);
    sigdelset(&all, SIGSYS);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);

    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    sig_fd = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (epoll_fd < 0 || sig_fd < 0 || timer_fd < 0)
        return error_set(err, errno, "cannot make the event loop");
    if (watch(vm, &signal_src, sig_fd, EPOLLIN, on_signal, err) ||
        watch(vm, &tick_src, timer_fd, EPOLLIN, on_tick, err) ||
        watch(vm, &control_src, vm->opt->control_fd, EPOLLIN, on_control, err) ||
        watch(vm, &fs_done_src, vm->fs_done_fd, EPOLLIN, on_fs_done, err) ||
        watch(vm, &fs_src, vm->fs_fd, EPOLLRDHUP, on_fs_end, err))
        return -1;
    return 0;
}

void event_loop(struct vm *vm)
{
    struct epoll_event ev[16];

    for (;;) {
        int n = epoll_wait(epoll_fd, ev, 16, -1);

        for (int i = 0; i < n; i++) {
            struct event_source *src = ev[i].data.ptr;

            src->ready(vm, src, ev[i].events);
        }
    }
}
