/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials: see cred.h. */
#include "fs/cred.h"

#include "core/refs.h"
#include "core/string.h"
#include "mm/slab.h"

struct cred *cred_create(u32 ngroups)
{
    struct cred *c = kzalloc(sizeof(*c) + ngroups * sizeof(u32));

    if (c) {
        c->refs = 1;
        c->ngroups = ngroups;
    }
    return c;
}

struct cred *cred_copy(const struct cred *from, u32 ngroups)
{
    struct cred *c = cred_create(ngroups);

    if (!c)
        return NULL;
    memcpy(c, from, sizeof(*c));
    memcpy(c->groups, from->groups, MIN(ngroups, from->ngroups) * sizeof(u32));
    c->refs = 1;
    c->ngroups = ngroups;
    return c;
}

void cred_ref(struct cred *c)
{
    refs_get(&c->refs);
}

void cred_unref(struct cred *c)
{
    if (refs_put(&c->refs))
        kfree(c);
}

void cred_sort_groups(struct cred *c)
{
    for (u32 gap = c->ngroups / 2; gap; gap /= 2) {
        for (u32 i = gap; i < c->ngroups; i++) {
            u32 g = c->groups[i], j = i;

            for (; j >= gap && c->groups[j - gap] > g; j -= gap)
                c->groups[j] = c->groups[j - gap];
            c->groups[j] = g;
        }
    }
}

bool cred_in_group(const struct cred *c, u32 gid)
{
    u32 low = 0, high = c->ngroups;

    if (c->fsgid == gid)
        return true;
    while (low < high) {
        u32 mid = low + (high - low) / 2;

        if (c->groups[mid] == gid)
            return true;
        if (c->groups[mid] < gid)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}
