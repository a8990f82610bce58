/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket that fills with time: see ration.h. */
#include "vmm/ration.h"

#define SECOND UINT64_C(1000000000)

static void refill(struct ration *r, uint64_t now)
{
    uint64_t ns = now > r->at_ns ? now - r->at_ns : 0;
    uint64_t missing = r->most - r->left;

    if (!r->at_ns || ns / SECOND > r->most / r->per_second) {
        r->left = r->most;
        r->at_ns = now;
        return;
    }
    /* ns is a few seconds at most: no overflow. Parts of a byte stay in the time. */
    ns = ns * r->per_second / SECOND;
    if (!ns)
        return;
    r->left += ns < missing ? ns : missing;
    r->at_ns += ns * SECOND / r->per_second;
}

int ration_take(struct ration *r, uint64_t now_ns, uint64_t len, uint64_t *lost)
{
    int fits;

    *lost = 0;
    pthread_mutex_lock(&r->lock);
    refill(r, now_ns);
    fits = r->left >= len;
    if (fits) {
        r->left -= len;
        *lost = r->lost;
        r->lost = 0;
    } else {
        r->lost++;
    }
    pthread_mutex_unlock(&r->lock);
    return fits;
}

uint64_t ration_lost(struct ration *r)
{
    uint64_t lost;

    pthread_mutex_lock(&r->lock);
    lost = r->lost;
    r->lost = 0;
    pthread_mutex_unlock(&r->lock);
    return lost;
}
