/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the host. hostcall() is the only way out of the machine; the numbers and the meaning of the
 * arguments are in hostcalls/hostcalls.def. A call that the VMM answers later parks the calling thread
 * (not interruptible) until the event ring brings the completion, so no spinlock may be held.
 */
#ifndef CORE_HOSTCALL_H
#define CORE_HOSTCALL_H

#include "core/types.h"
#include "hostcalls/abi.h"

/* Inputs and outputs of one call; inputs are added first. */
struct hc_io {
    u32 nin, nout;
    struct rv_sg sg[RV_SG_MAX];
};

static inline void hc_io_init(struct hc_io *io)
{
    io->nin = io->nout = 0;
}

/*
 * Add kernel memory (direct map, kernel image or kernel stack) or frames by physical address. Split at
 * pages where needed; panics when RV_SG_MAX is exceeded: bound the length first (a page each at worst).
 */
void hc_in(struct hc_io *io, const void *p, size_t len);
void hc_out(struct hc_io *io, void *p, size_t len);
void hc_in_pa(struct hc_io *io, u64 pa, u32 len);
void hc_out_pa(struct hc_io *io, u64 pa, u32 len);

/* Returns the call's answer: >= 0 or a negative errno. io may be NULL. */
s64 hostcall(u32 nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, const struct hc_io *io);

/*
 * Start a call without waiting for its completion. If it is pending, done(arg, ret) runs later, on some
 * vCPU, without locks, and must not park; then RV_PENDING is returned. Otherwise the answer, and done
 * does not run. (stdio_poll: readiness of the inherited descriptors.)
 */
s64 hostcall_async(u32 nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, const struct hc_io *io,
                   void (*done)(void *arg, s64 ret), void *arg);

#endif
