/* SPDX-License-Identifier: Apache-2.0 */
/* Structures that a call reads, plausible in most of their fields, and where they lie. */
#include "fuzz.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

void *arena(struct fuzzer *f, size_t n)
{
    void *p;

    n = (n + 7) & ~(size_t)7;
    if (f->arena_used + n > ARENA)
        f->arena_used = 0;
    p = f->arena + f->arena_used;
    f->arena_used += n;
    return p;
}

/* As it is; with a word changed; across the end of a page that none follows; or somewhere else. */
static uint64_t place(struct fuzzer *f, void *p, size_t n)
{
    size_t inside;

    if (n >= 8 && one_in(&f->rng, 8)) {
        uint64_t odd = one_in(&f->rng, 4) ? any_pointer(f) : any_number(f);

        memcpy((uint8_t *)p + 4 * below(&f->rng, (uint32_t)(n - 4) / 4), &odd, n >= 12 ? 8 : 4);
    }
    switch (below(&f->rng, 24)) {
    case 0: return any_pointer(f);
    case 1:
        inside = one_in(&f->rng, 2) ? n : below(&f->rng, (uint32_t)n + 1);
        memcpy(edge - inside, p, inside);
        return (uint64_t)edge - inside;
    case 2: return 0;
    default: return (uint64_t)p;
    }
}

static struct iovec iovec_of(struct fuzzer *f)
{
    return (struct iovec){ (void *)any_pointer(f), any_size(f) };
}

static uint64_t nanoseconds(struct fuzzer *f)
{
    return one_in(&f->rng, 12) ? any_number(f) : below(&f->rng, 5000000);
}

static uint64_t seconds(struct fuzzer *f)
{
    return one_in(&f->rng, 12) ? any_number(f) : 0;
}

static uint64_t sigset_of(struct fuzzer *f)
{
    uint64_t set = 0;

    if (one_in(&f->rng, 10))
        return rnd(&f->rng);
    for (uint32_t k = below(&f->rng, 4); k > 0; k--)
        set |= UINT64_C(1) << below(&f->rng, 64);
    return set;
}

static void sockaddr_fill(struct fuzzer *f, struct sockaddr_un *sa)
{
    static const char *const name[] = {
        "\0abstract", "\0x", "sock", "/tmp/s", "missing/s", "a", ""
    };
    const char *s = name[below(&f->rng, 7)];

    sa->sun_family = one_in(&f->rng, 12) ? (sa_family_t)below(&f->rng, 46) : AF_UNIX;
    memcpy(sa->sun_path, s, *s ? strlen(s) + 1 : 9);
}

/* Control data: descriptors, credentials, and what is neither. */
static size_t control_fill(struct fuzzer *f, uint8_t *buf)
{
    struct cmsghdr *c = (struct cmsghdr *)buf;
    uint32_t n = 1 + below(&f->rng, 4);
    int *fd = (int *)(c + 1);

    c->cmsg_level = SOL_SOCKET;
    if (one_in(&f->rng, 4)) {
        c->cmsg_type = SCM_CREDENTIALS;
        fd[0] = any_pid(f);
        fd[1] = fd[2] = one_in(&f->rng, 2) ? 0 : (int)any_number(f);
        n = 3;
    } else {
        c->cmsg_type = one_in(&f->rng, 16) ? (int)below(&f->rng, 5) : SCM_RIGHTS;
        n = one_in(&f->rng, 16) ? 253 + below(&f->rng, 2) : n;
        for (uint32_t i = 0; i < n; i++)
            fd[i] = any_fd(f);
    }
    c->cmsg_len = sizeof(*c) + n * sizeof(int);
    if (one_in(&f->rng, 16))
        c->cmsg_len = any_size(f);
    return (sizeof(*c) + n * sizeof(int) + 7) & ~7ul;
}

static void msghdr_fill(struct fuzzer *f, struct msghdr *m)
{
    struct sockaddr_un *sa = arena(f, sizeof(*sa));
    struct iovec *iov = arena(f, 3 * sizeof(*iov));
    uint8_t *control = arena(f, 1100);

    memset(m, 0, sizeof(*m));
    if (one_in(&f->rng, 3)) {
        sockaddr_fill(f, sa);
        m->msg_name = sa;
        m->msg_namelen = one_in(&f->rng, 4) ? (socklen_t)any_number(f) : sizeof(*sa);
    }
    m->msg_iovlen = below(&f->rng, 4);
    for (size_t i = 0; i < m->msg_iovlen; i++)
        iov[i] = iovec_of(f);
    m->msg_iov = one_in(&f->rng, 24) ? (struct iovec *)any_pointer(f) : iov;
    if (one_in(&f->rng, 2)) {
        m->msg_controllen = control_fill(f, control);
        m->msg_control = control;
        if (one_in(&f->rng, 8))
            m->msg_controllen = any_size(f);
    }
}

static uint64_t clone_args_of(struct fuzzer *f)
{
    /* clone3(2): flags, pidfd, child_tid, parent_tid, exit_signal, stack, ... */
    uint64_t *a = arena(f, 11 * 8);
    static const uint64_t flag[] = {
        CLONE_VM | CLONE_VFORK, CLONE_FILES, CLONE_FS, CLONE_PIDFD, CLONE_PARENT_SETTID,
        CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID, UINT64_C(1) << 32 /* CLEAR_SIGHAND */,
        UINT64_C(1) << 33 /* INTO_CGROUP */, CLONE_NEWUSER
    };

    memset(a, 0, 11 * 8);
    for (uint32_t k = below(&f->rng, 4); k > 0; k--)
        a[0] |= flag[below(&f->rng, 10)];
    for (int i = 1; i < 4; i++)
        a[i] = any_pointer(f);
    a[4] = one_in(&f->rng, 8) ? (uint64_t)any_signal(f) : SIGCHLD;
    if (one_in(&f->rng, 8))
        a[5 + below(&f->rng, 6)] = any_number(f);
    return place(f, a, 88);
}

/* argv or envp: none, few, too long ones, no end. */
static uint64_t strings_of(struct fuzzer *f)
{
    uint32_t n = below(&f->rng, 5);
    uint64_t *v;

    if (one_in(&f->rng, 8))
        return any_pointer(f);
    v = arena(f, 6 * 8);
    for (uint32_t i = 0; i < n; i++)
        v[i] = one_in(&f->rng, 12) ? any_pointer(f) : any_path(f);
    v[n] = 0;
    return place(f, v, (n + 1) * 8);
}

static uint64_t robust_of(struct fuzzer *f)
{
    /* struct robust_list_head, and an entry that may lead to itself */
    uint64_t *head = arena(f, 64);

    head[0] = one_in(&f->rng, 4) ? any_pointer(f) : (uint64_t)&head[4];
    head[1] = below(&f->rng, 2) ? 8 : any_number(f);
    head[2] = one_in(&f->rng, 2) ? 0 : any_pointer(f);
    head[4] = one_in(&f->rng, 2) ? (uint64_t)&head[4] : (uint64_t)&head[0];
    head[5] = (uint64_t)f->tid;
    return (uint64_t)head;
}

/* A few words at fixed places, that the threads and processes of a batch have in common. */
static uint64_t futex_word(struct fuzzer *f)
{
    if (one_in(&f->rng, 8))
        return any_pointer(f);
    return (uint64_t)pages[one_in(&f->rng, 2) ? 0 : below(&f->rng, npages)] + 4 * below(&f->rng, 4);
}

static uint64_t any_scalar(struct fuzzer *f, enum shape shape)
{
    switch (shape) {
    case ADDR_PLAY:
        if (one_in(&f->rng, 8))
            return one_in(&f->rng, 3) ? any_pointer(f) & -PAGE : 0;
        return (uint64_t)play + PAGE * below(&f->rng, PLAY_PAGES) + (one_in(&f->rng, 16) ? 1 : 0);
    case AN_FD: return (uint64_t)any_fd(f);
    case A_PID: return (uint64_t)any_pid(f);
    case A_SIZE: return one_in(&f->rng, 8) ? any_size(f) : PAGE * (1 + below(&f->rng, 16));
    case AN_OFFSET: return any_offset(f);
    case A_PATH: return one_in(&f->rng, 4) ? 0 : any_path(f);
    case FUTEX_WORD: return futex_word(f);
    case CLONE_STACK: return one_in(&f->rng, 20) ? any_pointer(f) : 0; /* child.c gives one */
    case PRCTL_ARG:
        if (one_in(&f->rng, 3))
            return any_path(f);
        return one_in(&f->rng, 2) ? below(&f->rng, 65) : any_pointer(f);
    default: return any_number(f);
    }
}

uint64_t make_shape(struct fuzzer *f, enum shape shape)
{
    uint64_t *p;

    switch (shape) {
    case ADDR_PLAY:
    case AN_FD:
    case A_PID:
    case A_SIZE:
    case AN_OFFSET:
    case A_PATH:
    case FUTEX_WORD:
    case CLONE_STACK:
    case PRCTL_ARG:
    case A_NUMBER: return any_scalar(f, shape);
    case CLONE_ARGS: return clone_args_of(f);
    case STRINGS: return strings_of(f);
    case ROBUST: return robust_of(f);
    case IOVEC: {
        struct iovec *iov = arena(f, 8 * sizeof(*iov));

        for (int i = 0; i < 8; i++)
            iov[i] = iovec_of(f);
        return place(f, iov, 8 * sizeof(*iov));
    }
    case MSGHDR: {
        struct msghdr *m = arena(f, sizeof(*m));

        msghdr_fill(f, m);
        return place(f, m, sizeof(*m));
    }
    case MMSGHDR: {
        struct mmsghdr *m = arena(f, 3 * sizeof(*m));

        for (int i = 0; i < 3; i++)
            msghdr_fill(f, &m[i].msg_hdr);
        return place(f, m, 3 * sizeof(*m));
    }
    case POLLFDS: {
        struct pollfd *v = arena(f, 8 * sizeof(*v));

        for (int i = 0; i < 8; i++)
            v[i] = (struct pollfd){ any_fd(f), (short)rnd(&f->rng), 0 };
        return place(f, v, 8 * sizeof(*v));
    }
    case SIGACTION:
        p = arena(f, 32); /* handler, flags, restorer, mask */
        p[0] = below(&f->rng, 2) ? below(&f->rng, 2) : any_pointer(f);
        p[1] = 0x04000000 | (rnd(&f->rng) & 0xd8000007);
        p[2] = any_pointer(f);
        p[3] = sigset_of(f);
        return place(f, p, 32);
    case SIGEVENT:
        p = arena(f, sizeof(struct sigevent));
        memset(p, 0, sizeof(struct sigevent));
        ((struct sigevent *)p)->sigev_value.sival_ptr = (void *)any_pointer(f);
        ((struct sigevent *)p)->sigev_signo = any_signal(f);
        ((struct sigevent *)p)->sigev_notify = (int)below(&f->rng, 6);
        ((int *)p)[4] = one_in(&f->rng, 2) ? f->tid : any_pid(f);
        return place(f, p, sizeof(struct sigevent));
    case SIGINFO:
        p = arena(f, 128);
        memset(p, 0, 128);
        ((int *)p)[0] = any_signal(f);
        ((int *)p)[2] = one_in(&f->rng, 4) ? (int)any_number(f) : -1 - (int)below(&f->rng, 7);
        ((int *)p)[4] = any_pid(f);
        return place(f, p, 128);
    case SIGSET_ARG:
        p = arena(f, 24);
        p[0] = one_in(&f->rng, 8) ? any_pointer(f) : (uint64_t)&p[2];
        p[1] = one_in(&f->rng, 8) ? any_size(f) : 8;
        p[2] = sigset_of(f);
        return place(f, p, 16);
    case SIGSET:
        p = arena(f, 8);
        p[0] = sigset_of(f);
        return place(f, p, 8);
    case SIGSTACK:
        p = arena(f, 24);
        p[0] = any_pointer(f);
        p[1] = one_in(&f->rng, 4) ? any_number(f) : below(&f->rng, 3);
        p[2] = one_in(&f->rng, 2) ? 8192 : any_size(f);
        return place(f, p, 24);
    case SOCKADDR: {
        struct sockaddr_un *sa = arena(f, sizeof(*sa));

        sockaddr_fill(f, sa);
        return place(f, sa, sizeof(*sa));
    }
    case TIMESPEC:
    case TIMEVAL:
        p = arena(f, 16);
        p[0] = seconds(f);
        p[1] = nanoseconds(f) / (shape == TIMEVAL ? 1000 : 1);
        return place(f, p, 16);
    case TIMESPECS:
    case TIMEVALS:
    case ITIMERSPEC:
    case ITIMERVAL:
        p = arena(f, 32);
        for (int i = 0; i < 4; i++)
            p[i] = i % 2 ? nanoseconds(f) / (shape == TIMEVALS || shape == ITIMERVAL ? 1000 : 1)
                         : seconds(f);
        if (shape == TIMESPECS && one_in(&f->rng, 4))
            /* UTIME_NOW, UTIME_OMIT */
            p[1 + 2 * below(&f->rng, 2)] = 0x3fffffff - below(&f->rng, 2);
        return place(f, p, 32);
    case OPEN_HOW:
        p = arena(f, 32);
        p[0] = rnd(&f->rng) & rnd(&f->rng) & rnd(&f->rng) & 0x7fffff;
        p[1] = p[0] & (O_CREAT | 020000000) ? below(&f->rng, 010000) : 0;
        p[2] = one_in(&f->rng, 2) ? 0 : rnd(&f->rng) & 0x3f;
        p[3] = 0;
        return place(f, p, 32);
    case RLIMIT:
        p = arena(f, 16);
        p[1] = one_in(&f->rng, 2) ? RLIM_INFINITY : any_size(f) * 16;
        p[0] = p[1] - (one_in(&f->rng, 3) ? 1 : 0);
        return place(f, p, 16);
    case CAP_HEADER:
        p = arena(f, 8);
        ((uint32_t *)p)[0] = below(&f->rng, 6) ? 0x20080522 : 0x19980330;
        ((int *)p)[1] = one_in(&f->rng, 2) ? 0 : any_pid(f);
        return place(f, p, 8);
    case EPOLL_EVENT: {
        struct epoll_event *e = arena(f, sizeof(*e));

        e->events = (uint32_t)rnd(&f->rng) & (one_in(&f->rng, 2) ? 0xc000001f : 0xf000ffff);
        e->data.u64 = rnd(&f->rng);
        return place(f, e, sizeof(*e));
    }
    case FCNTL_ARG:
        if (one_in(&f->rng, 2))
            return below(&f->rng, 3) ? below(&f->rng, 128) : any_number(f);
        p = arena(f, 32); /* struct flock */
        memset(p, 0, 32);
        ((short *)p)[0] = (short)below(&f->rng, 4);
        ((short *)p)[1] = (short)below(&f->rng, 4);
        p[1] = any_offset(f);
        p[2] = one_in(&f->rng, 4) ? any_number(f) : below(&f->rng, 100);
        return place(f, p, 32);
    case IOCTL_ARG:
        if (one_in(&f->rng, 4))
            return any_number(f);
        p = arena(f, 64); /* a termios, a window's size, a number */
        for (int i = 0; i < 8; i++)
            p[i] = rnd(&f->rng) & rnd(&f->rng);
        if (one_in(&f->rng, 2))
            p[0] = (uint64_t)any_pid(f);
        return place(f, p, 60);
    case NAME: {
        static const char *const name[] = {
            "user.a", "user.b", "user.", "trusted.a", "security.capability", "security.x",
            "system.posix_acl_access", "other.a", ""
        };
        char *s = arena(f, 32);

        strcpy(s, name[below(&f->rng, 9)]);
        return place(f, s, strlen(s) + 1);
    }
    case WORD:
        p = arena(f, 8);
        p[0] = one_in(&f->rng, 4) ? any_number(f) : below(&f->rng, 200);
        return place(f, p, 4);
    case LONGWORD:
        if (one_in(&f->rng, 2))
            return 0;
        p = arena(f, 8);
        p[0] = any_offset(f);
        return place(f, p, 8);
    case SOCKOPT:
        p = arena(f, 16);
        p[0] = one_in(&f->rng, 2) ? below(&f->rng, 5000) : any_number(f);
        p[1] = nanoseconds(f);
        return place(f, p, 16);
    case FDSET:
        p = arena(f, 128);
        for (int i = 0; i < 16; i++)
            p[i] = rnd(&f->rng) & rnd(&f->rng) & rnd(&f->rng);
        return place(f, p, 128);
    default: /* CAP_DATA, CPUSET, IDS */
        p = arena(f, 128);
        for (int i = 0; i < 16; i++)
            p[i] = rnd(&f->rng) | rnd(&f->rng);
        return place(f, p, 128);
    }
}
