/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers: a few threads that do what may block. They are created on demand, wait without using the
 * CPU, and end after some idle seconds.
 */
#ifndef VMM_WORKER_H
#define VMM_WORKER_H

#include <stdint.h>

#include "vmm/hostcall.h"

/* How long a vCPU's thread waits for an answer before the guest goes on. */
#define HC_WAIT_NS UINT64_C(50000)

/*
 * Run fn(req) on a worker for a call of class WORK or FILE, from its handler. Waits up to
 * HC_WAIT_NS: returns fn's result, or RV_PENDING, and then the call completes with fn's result by
 * itself. fn may block, and may return RV_PENDING itself if it arranged for another completion.
 * Use: return worker_call(req, blocking_part);
 */
int64_t worker_call(struct hc_req *req, int64_t (*fn)(struct hc_req *req));

/*
 * The same without waiting: always RV_PENDING. For threads other than the caller's (a request that
 * already answered RV_PENDING and goes on on a worker).
 */
int64_t worker_queue(struct hc_req *req, int64_t (*fn)(struct hc_req *req));

#endif
