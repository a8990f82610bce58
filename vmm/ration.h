/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the guest's lines may fill the host's logs. A ration is so many bytes a second, and at once
 * those of some seconds that were saved up; what does not fit is counted and told of in the same log
 * by the next line that does, or at the end.
 */
#ifndef VMM_RATION_H
#define VMM_RATION_H

#include <pthread.h>
#include <stdint.h>

struct ration {
    pthread_mutex_t lock; /* guards all but (i) */
    uint64_t per_second;  /* (i) bytes */
    uint64_t most;        /* (i) bytes that can be saved up */
    uint64_t left;        /* bytes that may be written */
    uint64_t at_ns;       /* CLOCK_MONOTONIC, when `left` was right; 0: not used yet */
    uint64_t lost;        /* lines, since they were last told of */
};

#define RATION(rate, saved)                                                                        \
    { .lock = PTHREAD_MUTEX_INITIALIZER, .per_second = (rate), .most = (saved) }

/*
 * Whether a line of len bytes may be written at now_ns; if not it is counted as lost. *lost: so many
 * lines were lost before this one, which the caller is to tell of. Any thread.
 */
int ration_take(struct ration *r, uint64_t now_ns, uint64_t len, uint64_t *lost);

/* Lines that were lost and not told of; the caller is to do that. */
uint64_t ration_lost(struct ration *r);

#endif
