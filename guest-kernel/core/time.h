/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks. All times are ns in 64 bits; deadlines are on the monotonic clock of the host. */
#ifndef CORE_TIME_H
#define CORE_TIME_H

#include "core/types.h"

#define NSEC_PER_SEC UINT64_C(1000000000)

u64 time_mono(void); /* CLOCK_MONOTONIC */
u64 time_real(void); /* CLOCK_REALTIME */
u64 time_boot(void); /* CLOCK_BOOTTIME */

#endif
