/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vDSO (vdso(7)): an ELF object that the kernel maps into every program, with the calls that need
 * no kernel: clocks from the TSC and the clock page (hostcalls/abi.h), and getcpu(2). Where one cannot
 * be answered here, it makes the system call. Ring-3 code; the pages before it are read-only data.
 */
#include <errno.h>
#include <stdint.h>
#include <time.h>

#include "hostcalls/abi.h"
#include "vdso_data.h"

#define SYS_gettimeofday  96
#define SYS_time          201
#define SYS_clock_gettime 228
#define SYS_clock_getres  229
#define SYS_getcpu        309

#define NSEC UINT64_C(1000000000)

/* Placed by vdso.ld: the two pages before the image. */
extern const struct rv_clock_page vdso_clock __attribute__((visibility("hidden")));
extern const struct vdso_data vdso_data __attribute__((visibility("hidden")));

#define EXPORT(name) __attribute__((visibility("default"), weak, alias("__vdso_" #name)))
#define VISIBLE __attribute__((visibility("default")))

static long call(long nr, const void *a, const void *b)
{
    long r;

    __asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
    return r;
}

static uint64_t tsc(void)
{
    uint32_t lo, hi;

    /* Not before the loads that precede it: the value must belong to the page's. */
    __asm__ volatile("lfence\n\trdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}

/* One of the page's clocks, in ns; *field is in vdso_clock. */
static inline uint64_t read_clock(const uint64_t *field)
{
    const struct rv_clock_page *c = &vdso_clock;
    uint64_t ns, delta;
    uint32_t seq;

    do {
        seq = __atomic_load_n(&c->seq, __ATOMIC_ACQUIRE);
        delta = tsc() - *(const volatile uint64_t *)&c->tsc_base;
        /* This vCPU's TSC may be a little behind the one that made the page. */
        if ((int64_t)delta < 0)
            delta = 0;
        ns = *(const volatile uint64_t *)field +
             (uint64_t)(((unsigned __int128)delta * *(const volatile uint32_t *)&c->mult) >>
                        *(const volatile uint32_t *)&c->shift);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (__builtin_expect((seq & 1) || seq != __atomic_load_n(&c->seq, __ATOMIC_RELAXED), 0));
    return ns;
}

static const uint64_t *clock_field(clockid_t id)
{
    if (!__atomic_load_n(&vdso_clock.usable, __ATOMIC_RELAXED))
        return 0;
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        return &vdso_clock.real_ns;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
        return &vdso_clock.mono_ns;
    case CLOCK_BOOTTIME:
        return &vdso_clock.boot_ns;
    default:
        return 0;
    }
}

VISIBLE int __vdso_clock_gettime(clockid_t id, struct timespec *ts)
{
    const uint64_t *field = clock_field(id);
    uint64_t ns;

    if (!field)
        return (int)call(SYS_clock_gettime, (void *)(long)id, ts);
    ns = read_clock(field);
    ts->tv_sec = (time_t)(ns / NSEC);
    ts->tv_nsec = (long)(ns % NSEC);
    return 0;
}

VISIBLE int __vdso_clock_getres(clockid_t id, struct timespec *ts)
{
    return (int)call(SYS_clock_getres, (void *)(long)id, ts);
}

struct vdso_timeval {
    long sec, usec;
};

VISIBLE int __vdso_gettimeofday(struct vdso_timeval *tv, void *tz)
{
    const uint64_t *field = clock_field(CLOCK_REALTIME);
    uint64_t ns;

    if (!field || tz)
        return (int)call(SYS_gettimeofday, tv, tz);
    if (tv) {
        ns = read_clock(field);
        tv->sec = (long)(ns / NSEC);
        tv->usec = (long)(ns % NSEC / 1000);
    }
    return 0;
}

VISIBLE time_t __vdso_time(time_t *t)
{
    const uint64_t *field = clock_field(CLOCK_REALTIME);
    time_t now;

    if (!field)
        return call(SYS_time, t, 0);
    now = (time_t)(read_clock(field) / NSEC);
    if (t)
        *t = now;
    return now;
}

VISIBLE int __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
    unsigned limit = 0;

    (void)unused;
    if (vdso_data.getcpu == VDSO_GETCPU_CALL)
        return (int)call(SYS_getcpu, cpu, node);
    if (vdso_data.getcpu == VDSO_GETCPU_LIMIT)
        __asm__("lsl %1, %0" : "=r"(limit) : "r"(VDSO_GETCPU_SELECTOR) : "cc");
    if (cpu)
        *cpu = limit;
    if (node)
        *node = 0;
    return 0;
}

EXPORT(clock_gettime) int clock_gettime(clockid_t, struct timespec *);
EXPORT(clock_getres) int clock_getres(clockid_t, struct timespec *);
EXPORT(gettimeofday) int gettimeofday(struct vdso_timeval *, void *);
EXPORT(time) time_t time(time_t *);
EXPORT(getcpu) int getcpu(unsigned *, unsigned *, void *);
