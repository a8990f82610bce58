/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks from the TSC and the page that the VMM keeps (abi.h, rv_clock_page); hostcalls without one. */
#include "core/time.h"

#include "arch/cpu.h"
#include "core/boot.h"
#include "core/hostcall.h"

static u64 clock(u32 id, size_t field)
{
    const struct rv_clock_page *page = boot.clock;
    u64 base, delta;
    u32 seq;

    if (unlikely(!READ_ONCE(page->usable)))
        return (u64)hostcall(RV_HC_clock_read, id, 0, 0, 0, 0, NULL);
    do {
        seq = __atomic_load_n(&page->seq, __ATOMIC_ACQUIRE);
        base = *(const volatile u64 *)((const char *)page + field);
        delta = cpu_tsc() - READ_ONCE(page->tsc_base);
        /* A vCPU's TSC may be a little behind the one that made the page. */
        if (unlikely((s64)delta < 0))
            delta = 0;
        base += (u64)(((unsigned __int128)delta * READ_ONCE(page->mult)) >>
                      READ_ONCE(page->shift));
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (unlikely((seq & 1) || seq != READ_ONCE(page->seq)));
    return base;
}

u64 time_mono(void)
{
    return clock(1, offsetof(struct rv_clock_page, mono_ns));
}

u64 time_real(void)
{
    return clock(0, offsetof(struct rv_clock_page, real_ns));
}

u64 time_boot(void)
{
    return clock(7, offsetof(struct rv_clock_page, boot_ns));
}
