/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostcalls on the VMM's side. The dispatcher copies the request once, checks the copy against
 * hostcalls.def, turns the guest's ranges into host memory and calls hc_NAME().
 *
 * What a handler may rely on: each argument has its table kind (FILE and NODE ids are any 32-bit
 * number, WIN lies in a window and is page-aligned, PLEN is a page multiple up to RV_WINDOW_SIZE;
 * that WIN + PLEN stays inside is the handler's to check), unused arguments are 0, the sums of
 * inputs and outputs are within the table's maxima, and every iovec lies in RAM handed out, which
 * stays mapped. What it may not: the memory behind an iovec is the guest's and may change while it
 * is read. Copy what has to be checked; never look twice.
 */
#ifndef VMM_HOSTCALL_H
#define VMM_HOSTCALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "hostcalls/abi.h"

struct vm;
struct vcpu;

struct hc_req {
    struct vm *vm;
    struct vcpu *vcpu; /* the caller; valid on its own thread only, not for a worker */
    uint32_t nr;       /* enum rv_hostcall_nr */
    uint32_t token;    /* of class WORK and FILE */
    uint64_t arg[6];
    uint32_t nin, nout;
    size_t in_len, out_len;      /* sums, bytes */
    struct iovec iov[RV_SG_MAX]; /* [0, nin) inputs, [nin, nin + nout) outputs */
};

static inline const struct iovec *hc_in(const struct hc_req *r)
{
    return r->iov;
}

static inline const struct iovec *hc_out(const struct hc_req *r)
{
    return r->iov + r->nin;
}

/*
 * The handlers, on the vCPU's thread. They return what goes into rv_hostcall.ret: a result >= 0 or
 * a negative errno, or RV_PENDING (class WORK and FILE), after which somebody calls hc_complete
 * with the token exactly once. The request of a WORK or FILE call lives in the token's place: it
 * stays valid and unmoved until hc_complete (or the handler's other return). The completion can
 * overtake the handler: once the request is handed to another thread, the handler must not look at
 * it again.
 */
#define HOSTCALL(nr, name, class, a0, a1, a2, a3, a4, a5, in_max, out_max, doc)                    \
    int64_t hc_##name(struct hc_req *req);
#include "hostcalls/hostcalls.def"
#undef HOSTCALL

/* Name of a call, or "?" */
const char *hc_name(uint32_t nr);

/*
 * Complete a pending call: outputs are written already. Frees the token, posts RV_EVENT_DONE and
 * wakes a vCPU for it. Any thread but in a signal handler.
 */
void hc_complete(struct vm *vm, uint32_t token, int64_t ret);

/* Post one of the other events. False: the ring has no room beyond what completions may need. */
bool hc_post(struct vm *vm, enum rv_event_kind kind, int64_t arg);

/* Serve the request in the vCPU's page (its own thread). */
void hc_dispatch(struct vcpu *vcpu);

/* Copy between a buffer and iovecs, from byte `skip` of the iovecs on. Return the bytes copied. */
size_t hc_copy_in(const struct hc_req *req, size_t skip, void *buf, size_t len);
size_t hc_copy_out(const struct hc_req *req, size_t skip, const void *buf, size_t len);

/* Before the end: tell of lines that the guest's logs lost. */
void calls_end(struct vm *vm);

#endif
