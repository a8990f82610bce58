/* SPDX-License-Identifier: Apache-2.0 */
/* adjtimex(2), clock_adjtime(2): the state of a clock that is the host's to discipline. */
#include "core/string.h"
#include "core/time.h"
#include "linux/syscall.h"
#include "mm/usercopy.h"

#include <linux/time.h>
#include <linux/timex.h>

#define OLD_ADJTIME 0x8000u /* the bit that ADJ_OFFSET_SINGLESHOT has beside ADJ_OFFSET */

/* What Linux shows where nobody disciplines its clock. */
#define ERROR_US      16000000
#define MAX_FREQUENCY 32768000 /* 500 ppm */

STATIC_ASSERT(sizeof(struct __kernel_timex) == 208);

/* Whether the modes ask for nothing to be changed: 0, -EPERM, -EINVAL. */
static int check_modes(u32 modes)
{
    if (!modes || (modes & ADJ_OFFSET_SS_READ) == ADJ_OFFSET_SS_READ)
        return 0;
    return (modes & OLD_ADJTIME) && !(modes & ADJ_OFFSET) ? -EINVAL : -EPERM;
}

s64 sys_adjtimex(u64 to)
{
    struct __kernel_timex tx;
    u64 now;
    int r;

    if (copy_from_user(&tx, to, sizeof(tx)))
        return -EFAULT;
    r = check_modes(tx.modes);
    if (r)
        return r;
    now = time_real();
    tx = (struct __kernel_timex){
        .modes = tx.modes,
        .maxerror = ERROR_US,
        .esterror = ERROR_US,
        .status = STA_UNSYNC, /* whether the host's is in step is not known here */
        .constant = 2,
        .precision = 1,
        .tolerance = MAX_FREQUENCY,
        .time = { (s64)(now / NSEC_PER_SEC), (s64)(now % NSEC_PER_SEC / 1000) },
        .tick = 10000,
    };
    return copy_to_user(to, &tx, sizeof(tx)) ? -EFAULT : TIME_ERROR;
}

s64 sys_clock_adjtime(int clock, u64 to)
{
    switch (clock) {
    case CLOCK_REALTIME:
        return sys_adjtimex(to);
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
    case CLOCK_TAI:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
}
