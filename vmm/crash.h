/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a guest that cannot go on. */
#ifndef VMM_CRASH_H
#define VMM_CRASH_H

#include <stdint.h>

struct vcpu;

/*
 * Print the reason, the registers and a backtrace on stderr, and exit with 125. On the vCPU's own
 * thread. frame_gva: a trap frame of the guest's to show as well, or 0.
 */
_Noreturn void crash_guest(struct vcpu *vcpu, uint64_t frame_gva, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
