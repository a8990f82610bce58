/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostcalls and their completions: see hostcall.h. A call is written into the vCPU's own page; the
 * kernel is not preempted, so the page needs no lock. Pending calls are found again by their token.
 */
#include "core/hostcall.h"

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/percpu.h"
#include "core/boot.h"
#include "core/lock.h"
#include "core/park.h"
#include "core/pending.h"
#include "core/print.h"
#include "mm/frame.h"

struct pending_call {
    void (*done)(void *arg, s64 ret);
    void *arg;
};

static struct {
    struct spinlock lock;
    u64 free[RV_MAX_TOKENS / 64]; /* (l) bit set: the token is free */
    struct pending_call call[RV_MAX_TOKENS];
} tokens = { SPINLOCK_INIT(RANK_LEAF), { ~0ull, ~0ull, ~0ull, ~0ull }, { { 0 } } };
STATIC_ASSERT(RV_MAX_TOKENS == 256);

static struct spinlock ring_lock = SPINLOCK_INIT(RANK_LEAF);

static void add(struct hc_io *io, u32 *count, u64 pa, u32 len)
{
    u32 i = io->nin + io->nout;

    if (i >= RV_SG_MAX)
        panic("hostcall with too many pieces");
    io->sg[i] = (struct rv_sg){ { pa }, len, 0 };
    (*count)++;
}

void hc_in_pa(struct hc_io *io, u64 pa, u32 len)
{
    add(io, &io->nin, pa, len);
}

void hc_out_pa(struct hc_io *io, u64 pa, u32 len)
{
    add(io, &io->nout, pa, len);
}

/* Kernel memory by address: one piece in the direct map, a piece a page elsewhere. */
static void add_virt(struct hc_io *io, u32 *count, u64 va, size_t len)
{
    while (len) {
        bool direct = va >= DIRECT_BASE && va < KSTACK_BASE;
        u64 pa = direct ? va - DIRECT_BASE : mmu_kernel_pa(va);
        size_t n = direct ? len : MIN(len, PAGE_SIZE - va % PAGE_SIZE);

        add(io, count, pa, (u32)n);
        va += n;
        len -= n;
    }
}

void hc_in(struct hc_io *io, const void *p, size_t len)
{
    add_virt(io, &io->nin, (u64)p, len);
}

void hc_out(struct hc_io *io, void *p, size_t len)
{
    add_virt(io, &io->nout, (u64)p, len);
}

/* Write the request into the page and leave the machine. */
static s64 call(u32 nr, u32 token, const u64 arg[5], const struct hc_io *io)
{
    struct rv_hostcall *c = &this_cpu()->page->call;
    u32 n = 0;

    c->nr = nr;
    c->token = token;
    for (u32 i = 0; i < 5; i++)
        c->arg[i] = arg[i];
    c->arg[5] = 0;
    c->nin = c->nout = 0;
    if (io) {
        c->nin = io->nin;
        c->nout = io->nout;
        n = io->nin + io->nout;
    }
    for (u32 i = 0; i < n; i++)
        c->sg[i] = io->sg[i];
    cpu_hostcall();
    return c->ret;
}

static u32 token_get(void (*done)(void *, s64), void *arg)
{
    for (;;) {
        spin_lock(&tokens.lock);
        for (u32 w = 0; w < ARRAY_SIZE(tokens.free); w++) {
            if (tokens.free[w]) {
                u32 t = w * 64 + cpu_lowest_bit(tokens.free[w]);

                tokens.free[w] &= tokens.free[w] - 1;
                tokens.call[t] = (struct pending_call){ done, arg };
                spin_unlock(&tokens.lock);
                return t;
            }
        }
        spin_unlock(&tokens.lock);
        thread_yield(); /* all in flight: some will complete */
    }
}

static void token_put(u32 t)
{
    spin_lock(&tokens.lock);
    tokens.free[t / 64] |= UINT64_C(1) << (t % 64);
    spin_unlock(&tokens.lock);
}

/* Whether the VMM may answer RV_PENDING, by the table. */
static bool may_pend(u32 nr)
{
    enum { INSTANT, WORK, FILE };
#define HOSTCALL(nr, name, class, a0, a1, a2, a3, a4, a5, in_max, out_max, doc) class,
    static const u8 classes[] = {
#include "hostcalls/hostcalls.def"
    };
#undef HOSTCALL
    return classes[nr] != INSTANT;
}

struct sleeper {
    struct thread *thread;
    s64 ret;
    u32 done;
};

static void wake_sleeper(void *arg, s64 ret)
{
    struct sleeper *s = arg;
    struct thread *t = s->thread;

    s->ret = ret;
    __atomic_store_n(&s->done, 1, __ATOMIC_RELEASE);
    thread_unpark(t); /* a thread that is not parked any more only gets a stray permit */
}

s64 hostcall(u32 nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, const struct hc_io *io)
{
    const u64 arg[5] = { a0, a1, a2, a3, a4 };
    struct sleeper s = { 0 };
    u32 token;
    s64 ret;

    if (!may_pend(nr))
        return call(nr, 0, arg, io);
    s.thread = this_cpu()->current;
    token = token_get(wake_sleeper, &s);
    ret = call(nr, token, arg, io);
    if (ret != RV_PENDING) {
        token_put(token);
        return ret;
    }
    while (!__atomic_load_n(&s.done, __ATOMIC_ACQUIRE))
        thread_park(DEADLINE_NEVER);
    return s.ret;
}

s64 hostcall_async(u32 nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, const struct hc_io *io,
                   void (*done)(void *arg, s64 ret), void *arg)
{
    const u64 args[5] = { a0, a1, a2, a3, a4 };
    u32 token = token_get(done, arg);
    s64 ret = call(nr, token, args, io);

    if (ret != RV_PENDING)
        token_put(token);
    return ret;
}

/* Take one event off the ring; false: it is empty. */
static bool next_event(struct rv_event *ev)
{
    struct rv_event_ring *ring = boot.events;
    u32 tail;

    spin_lock(&ring_lock);
    tail = ring->tail;
    if (tail == __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE)) {
        spin_unlock(&ring_lock);
        return false;
    }
    *ev = ring->ev[tail % RV_EVENTS];
    __atomic_store_n(&ring->tail, tail + 1, __ATOMIC_RELEASE);
    spin_unlock(&ring_lock);
    return true;
}

void pending_events(void (*other)(const struct rv_event *ev))
{
    struct rv_event ev;

    while (next_event(&ev)) {
        if (ev.kind == RV_EVENT_DONE) {
            struct pending_call c = tokens.call[ev.token % RV_MAX_TOKENS];

            token_put(ev.token % RV_MAX_TOKENS);
            c.done(c.arg, ev.ret);
        } else {
            other(&ev);
        }
    }
}
