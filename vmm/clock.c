/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock page: see clock.h. Monotonic time as the guest computes it never goes back: a refresh
 * begins where the old parameters stand now, and if that is ahead of the host's clock (whose rate
 * changes a little, by NTP), the page runs slower for a while instead of stepping.
 */
#include "vmm/clock.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hostcalls/lib/cleanup.h"
#include "vmm/arch.h"
#include "vmm/vm.h"

#define SECOND UINT64_C(1000000000)

static struct {
    pthread_mutex_t lock;
    uint64_t tsc, mono, real, boot; /* what the page says */
    uint32_t mult, shift, nominal;
    uint64_t last; /* CLOCK_MONOTONIC of the last refresh */
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct sample {
    uint64_t tsc, mono, real, boot;
};

static uint64_t read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

/* The clocks at one moment: the try in which the TSC advanced least around them. */
static struct sample take_sample(const struct vm *vm)
{
    struct sample best = { 0 };
    uint64_t width = UINT64_MAX;

    for (int i = 0; i < 4; i++) {
        struct sample s;
        uint64_t before = arch_guest_tsc(vm), after;

        s.mono = read_clock(CLOCK_MONOTONIC);
        after = arch_guest_tsc(vm);
        s.tsc = before + (after - before) / 2;
        s.real = read_clock(CLOCK_REALTIME);
        s.boot = read_clock(CLOCK_BOOTTIME);
        if (after - before < width) {
            width = after - before;
            best = s;
        }
    }
    return best;
}

static bool host_uses_tsc;

void clock_find(void)
{
    static const char path[] = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    char name[8] = "";

    host_uses_tsc = fd >= 0 && read(fd, name, sizeof(name) - 1) >= 4 && !strncmp(name, "tsc\n", 4);
}

/* mult and shift so that ns = ticks * mult >> shift; mult has as many bits as fit. */
static void set_rate(uint64_t khz)
{
    uint32_t shift = 32;

    while (shift > 0 && (UINT64_C(1000000) << shift) / khz > UINT32_MAX)
        shift--;
    state.shift = shift;
    state.nominal = state.mult = (uint32_t)((UINT64_C(1000000) << shift) / khz);
}

static uint64_t elapsed(uint64_t ticks)
{
    return (uint64_t)(((unsigned __int128)ticks * state.mult) >> state.shift);
}

static void publish(struct rv_clock_page *page)
{
    uint32_t seq = page->seq | 1; /* read only by guests; a value they spoil is theirs */

    __atomic_store_n(&page->seq, seq, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    page->tsc_base = state.tsc;
    page->mult = state.mult;
    page->shift = state.shift;
    page->mono_ns = state.mono;
    page->real_ns = state.real;
    page->boot_ns = state.boot;
    __atomic_store_n(&page->seq, seq + 1, __ATOMIC_RELEASE);
}

/* Offsets between clocks are sampled with some noise: keep the old one unless it really changed. */
static uint64_t keep_offset(uint64_t old, uint64_t new)
{
    uint64_t d = new > old ? new - old : old - new;

    return d < 2000 ? old : new;
}

void clock_refresh(struct vm *vm)
{
    struct sample s;
    uint64_t said, real_off, boot_off;

    if (!vm->clock->usable || pthread_mutex_trylock(&state.lock))
        return;
    s = take_sample(vm);
    said = state.mono + elapsed(s.tsc - state.tsc);
    real_off = keep_offset(state.real - state.mono, s.real - s.mono);
    boot_off = keep_offset(state.boot - state.mono, s.boot - s.mono);
    state.mult = state.nominal;
    if (said > s.mono) {
        /* Catch up within about two seconds, at most one part in a thousand slower. */
        uint64_t ahead = said - s.mono, max = state.nominal / 1000;
        uint64_t less = (uint64_t)(((unsigned __int128)state.nominal * ahead) / (2 * SECOND));

        state.mult -= (uint32_t)(less < max ? less : max);
        state.mono = said;
    } else {
        state.mono = s.mono;
    }
    state.tsc = s.tsc;
    state.real = state.mono + real_off;
    state.boot = state.mono + boot_off;
    state.last = s.mono;
    publish(vm->clock);
    pthread_mutex_unlock(&state.lock);
}

void clock_tick(struct vm *vm, uint64_t now)
{
    if (now - state.last >= SECOND)
        clock_refresh(vm);
}

/* TSC frequency by the host's clock, for a KVM that does not tell it. */
static uint64_t measure_khz(const struct vm *vm)
{
    uint64_t t0 = arch_guest_tsc(vm), n0 = read_clock(CLOCK_MONOTONIC_RAW), t1, n1;
    struct timespec pause = { 0, 5000000 };

    nanosleep(&pause, NULL);
    t1 = arch_guest_tsc(vm);
    n1 = read_clock(CLOCK_MONOTONIC_RAW);
    return n1 > n0 ? (t1 - t0) * 1000000 / (n1 - n0) : 0;
}

void clock_init(struct vm *vm)
{
    uint64_t khz = arch_tsc_khz(vm);
    struct sample s;

    if (!khz)
        khz = measure_khz(vm);
    vm->clock->tsc_khz = khz;
    if (!khz || !host_uses_tsc)
        return;
    set_rate(khz);
    s = take_sample(vm);
    state.tsc = s.tsc;
    state.mono = state.last = s.mono;
    state.real = s.real;
    state.boot = s.boot;
    publish(vm->clock);
    __atomic_store_n(&vm->clock->usable, 1, __ATOMIC_RELEASE);
}
