/* SPDX-License-Identifier: Apache-2.0 */
/* The processes and threads of a batch. */
#include "fuzz.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define SLOTS 12
#define DEPTH_MAX 3
#define THREAD_FLAGS                                                                               \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static struct fuzzer slots[SLOTS];
static uint32_t slots_used;
static struct rng handler_rng;

/*
 * raw_call(nr, arg) and raw_clone(nr, arg, f). Of a clone's new thread or process only RBX is left,
 * maybe with another stack: it goes on in fuzzer_child(f).
 */
__asm__(".text\n"
        "raw_clone:\n"
        "raw_call:\n"
        "    pushq %rbx\n"
        "    movq %rdx, %rbx\n"
        "    movq %rdi, %rax\n"
        "    movq %rsi, %r11\n"
        "    movq 0(%r11), %rdi\n"
        "    movq 16(%r11), %rdx\n"
        "    movq 24(%r11), %r10\n"
        "    movq 32(%r11), %r8\n"
        "    movq 40(%r11), %r9\n"
        "    movq 8(%r11), %rsi\n"
        "    cmpq $56, %rax\n" /* clone, fork, vfork, clone3 */
        "    je 1f\n"
        "    cmpq $57, %rax\n"
        "    je 1f\n"
        "    cmpq $58, %rax\n"
        "    je 1f\n"
        "    cmpq $435, %rax\n"
        "    je 1f\n"
        "    syscall\n"
        "    popq %rbx\n"
        "    ret\n"
        "1:  syscall\n"
        "    testq %rax, %rax\n"
        "    jz 2f\n"
        "    popq %rbx\n"
        "    ret\n"
        "2:  movq %rbx, %rdi\n"
        "    andq $-16, %rsp\n"
        "    call fuzzer_child\n"
        "    hlt\n"
        ".globl raw_call, raw_clone\n");

struct fuzzer *fuzzer_new(struct fuzzer *parent)
{
    uint32_t i = __atomic_fetch_add(&slots_used, 1, __ATOMIC_RELAXED);
    struct fuzzer *f = &slots[i];

    if (i >= SLOTS)
        return NULL;
    rnd_init(&f->rng, rnd(&parent->rng), i);
    f->depth = parent->depth + 1;
    f->calls = parent->calls / 4 < 30 ? parent->calls / 4 : 30;
    f->nfavourites = parent->nfavourites;
    memcpy(f->favourite, parent->favourite, sizeof(f->favourite));
    memcpy(f->recent_fd, parent->recent_fd, sizeof(f->recent_fd));
    memcpy(f->recent_pid, parent->recent_pid, sizeof(f->recent_pid));
    return f;
}

/* --- signals ---------------------------------------------------------------------------------- */

/* Registers and state that a program may never have, handed to rt_sigreturn. */
static void spoil(struct rng *r, ucontext_t *u)
{
    static const uint64_t odd[] = {
        0, 0x2b, 0x33, 0x08, 0x10, 0x3000, 0x200, 0x4000, 0x20000, 0x100, 0x40000, 0x800000000000,
        0xffff800000000000, 0xffffffff80200000, ~0ul, 0x7ffffffff000
    };
    uint64_t v = one_in(r, 4) ? rnd(r) : odd[below(r, 16)];
    fpregset_t fp = u->uc_mcontext.fpregs;

    switch (below(r, 4)) {
    case 0: u->uc_mcontext.fpregs = (void *)v; break;
    case 1:
        if (fp)
            ((uint64_t *)fp)[below(r, 64)] = v;
        break;
    case 2: ((uint64_t *)u)[below(r, sizeof(*u) / 8)] = v; break;
    default: u->uc_mcontext.gregs[below(r, 23)] = (greg_t)v; break;
    }
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    (void)info;
    if (signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE ||
        signal == SIGTRAP)
        raw(SYS_exit_group, 3, 0, 0, 0, 0);
    if (one_in(&handler_rng, 200))
        spoil(&handler_rng, context);
}

static void handle_signals(void)
{
    struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

    for (int s = 1; s < 65; s++)
        if (s != SIGKILL && s != SIGSTOP && s != SIGCHLD && s != 32 && s != 33)
            sigaction(s, &sa, NULL);
}

/* Each thread is woken now and then, whatever it sleeps in. */
static void shake(struct fuzzer *f)
{
    const struct timespec interval = { 0, (long)shared->shake_ms * 1000000 };
    struct itimerspec often = { interval, interval };
    struct sigevent ev = { .sigev_signo = SIGALRM, .sigev_notify = SIGEV_THREAD_ID };
    uint64_t none = 0;
    int timer;

    ((int *)&ev)[4] = f->tid;
    if (raw(SYS_timer_create, CLOCK_MONOTONIC, (uint64_t)&ev, (uint64_t)&timer, 0, 0) == 0)
        raw(SYS_timer_settime, (uint64_t)timer, 0, (uint64_t)&often, 0, 0);
    raw(SYS_rt_sigprocmask, SIG_SETMASK, (uint64_t)&none, 0, 8, 0);
}

/* --- calls ------------------------------------------------------------------------------------ */

static const struct call *choose(struct fuzzer *f)
{
    if (f->nfavourites && !one_in(&f->rng, 4))
        return &calls[f->favourite[below(&f->rng, f->nfavourites)]];
    return &calls[below(&f->rng, ncalls)];
}

static void count(const struct call *c, long r)
{
    bool failed = r < 0 && r > -4096;

    __atomic_fetch_add(&shared->calls, 1, __ATOMIC_RELAXED);
    if (!failed) {
        __atomic_fetch_add(&shared->successes, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&shared->per_call[c->nr], 1, __ATOMIC_RELAXED);
    } else {
        __atomic_fetch_add(&shared->errors[-r < ERRNO_MAX ? -r : 0], 1, __ATOMIC_RELAXED);
    }
}

static bool makes_another(uint16_t nr)
{
    return nr == SYS_clone || nr == SYS_clone3 || nr == SYS_fork || nr == SYS_vfork;
}

/* A stack for what shares the memory; without one its parent must wait until it is done. */
static long another(struct fuzzer *f, const struct call *c, uint64_t arg[6])
{
    struct fuzzer *child = f->depth < DEPTH_MAX ? fuzzer_new(f) : NULL;

    if (!child)
        return 0;
    if (c->nr == SYS_clone && !arg[1]) {
        if (one_in(&f->rng, 2))
            arg[1] = (uint64_t)child->stack + sizeof(child->stack);
        else if (arg[0] & CLONE_VM)
            arg[0] |= CLONE_VFORK;
    }
    return raw_clone(c->nr, arg, child);
}

static void one_call(struct fuzzer *f)
{
    const struct call *c = choose(f);
    uint64_t arg[6];
    long r;

    args_make(f, c, arg);
    if ((c->nr == SYS_exit || c->nr == SYS_exit_group) && !one_in(&f->rng, 16))
        return;
    if ((c->nr == SYS_execve || c->nr == SYS_execveat) && !one_in(&f->rng, 2))
        return;
    if (c->nr == SYS_rt_sigreturn && !one_in(&f->rng, 16)) /* the stack is no signal's frame */
        return;
    f->note->nr = c->nr;
    memcpy(f->note->arg, arg, sizeof(arg));
    r = makes_another(c->nr) ? another(f, c, arg) : raw_call(c->nr, arg);
    count(c, r);
    f->note->nr = SYSCALL_NR_MAX;
    if (r > 2 && r < 1024)
        f->recent_fd[f->nrecent_fd++ % RECENT] = (int)r;
    if (r > 0 && makes_another(c->nr))
        f->recent_pid[f->nrecent_pid++ % RECENT] = (int)r;
}

static void fuzz(struct fuzzer *f)
{
    f->tid = (int)raw(SYS_gettid, 0, 0, 0, 0, 0);
    f->note = &shared->note[__atomic_fetch_add(&shared->next_note, 1, __ATOMIC_RELAXED) % NOTES];
    f->note->pid = (int)raw(SYS_getpid, 0, 0, 0, 0, 0);
    f->note->tid = f->tid;
    f->note->nr = SYSCALL_NR_MAX;
    shake(f);
    while (f->calls > 0) {
        uint64_t none = 0;

        f->calls--;
        if (f->calls % 16 == 0)
            raw(SYS_rt_sigprocmask, SIG_SETMASK, (uint64_t)&none, 0, 8, 0);
        one_call(f);
    }
}

/* Map, unmap and protect what the other threads' calls use. */
static void race(struct fuzzer *f)
{
    for (int i = 0; i < 200; i++) {
        uint64_t at = (uint64_t)play + PAGE * below(&f->rng, PLAY_PAGES - 8),
                 n = PAGE * (1 + below(&f->rng, 8));
        const uint64_t arg[6] = {
            at, n, below(&f->rng, 4), MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1ul, 0
        };

        switch (below(&f->rng, 4)) {
        case 0: raw(SYS_munmap, at, n, 0, 0, 0); break;
        case 1: raw(SYS_mprotect, at, n, below(&f->rng, 4), 0, 0); break;
        case 2: raw(SYS_madvise, at, n, MADV_DONTNEED, 0, 0); break;
        default: raw_call(SYS_mmap, arg); break;
        }
        if (one_in(&f->rng, 4))
            raw(SYS_sched_yield, 0, 0, 0, 0, 0);
    }
}

void fuzzer_child(struct fuzzer *f)
{
    if (f->depth == 0 && f->calls == 0)
        race(f);
    else
        fuzz(f);
    raw(SYS_exit, 0, 0, 0, 0, 0);
    for (;;)
        raw(SYS_exit_group, 0, 0, 0, 0, 0);
}

static void start_thread(struct fuzzer *f, uint32_t ncalls_each)
{
    struct fuzzer *t = fuzzer_new(f);
    uint64_t arg[6] = { THREAD_FLAGS, (uint64_t)t->stack + sizeof(t->stack), 0, 0, 0, 0 };

    t->depth = 0;
    t->calls = ncalls_each;
    raw_clone(SYS_clone, arg, t);
}

/* One process of a batch, with what it has in common with the others already there. */
_Noreturn static void process_run(uint64_t seed, uint64_t which, uint32_t ncalls_each)
{
    static struct fuzzer first;
    struct fuzzer *f = &first;
    uint32_t threads;

    rnd_init(&f->rng, seed, which);
    rnd_init(&handler_rng, seed, ~which);
    f->nfavourites = one_in(&f->rng, 4) ? 0 : 4 + below(&f->rng, 21);
    for (uint32_t i = 0; i < f->nfavourites; i++)
        f->favourite[i] = (uint16_t)below(&f->rng, ncalls);
    for (uint32_t i = 0; i < RECENT; i++) {
        f->recent_fd[i] = pool_fd[below(&f->rng, npool)];
        f->recent_pid[i] = 0;
    }
    f->calls = ncalls_each;
    if (one_in(&f->rng, 2))
        raw(SYS_setpgid, 0, 0, 0, 0, 0);
    if (one_in(&f->rng, 4))
        start_thread(f, 0); /* races */
    for (threads = below(&f->rng, 3); threads > 0; threads--)
        start_thread(f, ncalls_each);
    fuzz(f);
    raw(SYS_exit, 0, 0, 0, 0, 0);
    for (;;)
        raw(SYS_exit_group, 0, 0, 0, 0, 0);
}

void batch_run(uint64_t seed, uint64_t batch, uint32_t ncalls_each)
{
    struct rng r;
    uint32_t siblings;

    rnd_init(&r, seed, batch);
    setpgid(0, 0);
    objects_open();
    objects_map();
    handle_signals();
    siblings = below(&r, 3);
    for (uint32_t i = 0; i < siblings; i++)
        if (fork() == 0)
            process_run(rnd(&r), i, ncalls_each);
    process_run(rnd(&r), siblings, ncalls_each);
}

void exec_run(uint64_t seed)
{
    shared = shared_map();
    shared->shake_ms = 50;
    batch_run(seed, 0, 10);
}
