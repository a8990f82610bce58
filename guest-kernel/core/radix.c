/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse array of words: see radix.h. Level 1 nodes hold words, higher ones pointers to nodes. */
#include "core/radix.h"

#include "core/string.h"
#include "mm/slab.h"

#define BITS  6u
#define SLOTS (1u << BITS)

struct node {
    u64 slot[SLOTS];
};

static bool index_fits(const struct radix *r, u64 index)
{
    u32 bits = r->height * BITS;

    return r->height && (bits >= 64 || index >> bits == 0);
}

STATIC_ASSERT(RADIX_RUN == SLOTS);

static struct node *find_leaf(const struct radix *r, u64 index)
{
    struct node *n = r->root;

    if (!index_fits(r, index))
        return NULL;
    for (u32 shift = (r->height - 1) * BITS; shift && n; shift -= BITS)
        n = (struct node *)n->slot[(index >> shift) % SLOTS];
    return n;
}

const u64 *radix_run(const struct radix *r, u64 index)
{
    struct node *leaf = find_leaf(r, index);

    return leaf ? &leaf->slot[index % SLOTS] : NULL;
}

u64 *radix_slot(const struct radix *r, u64 index)
{
    struct node *leaf = find_leaf(r, index);

    return leaf && leaf->slot[index % SLOTS] ? &leaf->slot[index % SLOTS] : NULL;
}

u64 radix_get(const struct radix *r, u64 index)
{
    struct node *leaf = find_leaf(r, index);

    return leaf ? leaf->slot[index % SLOTS] : 0;
}

/* The node that has the slot of index, made with all above it. NULL: no memory. */
static struct node *make_leaf(struct radix *r, u64 index)
{
    struct node *n;

    while (!index_fits(r, index)) {
        n = kzalloc(sizeof(*n));
        if (!n)
            return NULL;
        n->slot[0] = (u64)r->root;
        r->root = n;
        r->height++;
    }
    n = r->root;
    for (u32 h = r->height; h > 1; h--) {
        u64 *slot = &n->slot[(index >> ((h - 1) * BITS)) % SLOTS];

        if (!*slot) {
            *slot = (u64)kzalloc(sizeof(*n));
            if (!*slot)
                return NULL;
        }
        n = (struct node *)*slot;
    }
    return n;
}

int radix_set(struct radix *r, u64 index, u64 word)
{
    struct node *leaf = find_leaf(r, index);

    if (!leaf && word) {
        leaf = make_leaf(r, index);
        if (!leaf)
            return -ENOMEM;
    }
    if (leaf)
        leaf->slot[index % SLOTS] = word;
    return 0;
}

void radix_erase(struct radix *r, u64 index, u64 n)
{
    while (n) {
        struct node *leaf = find_leaf(r, index);
        u64 k = MIN(n, SLOTS - index % SLOTS);

        if (leaf)
            memset(&leaf->slot[index % SLOTS], 0, k * sizeof(u64));
        index += k;
        n -= k;
    }
}

u64 radix_fill_absent(struct radix *r, u64 index, u64 n, u64 word, u64 step)
{
    u64 stored = 0, end = index + n;

    while (index < end) {
        struct node *leaf = make_leaf(r, index);

        if (!leaf)
            break;
        do {
            if (!leaf->slot[index % SLOTS]) {
                leaf->slot[index % SLOTS] = word;
                stored++;
            }
            word += step;
        } while (++index < end && index % SLOTS);
    }
    return stored;
}

int radix_fill(struct radix *r, u64 index, u64 n, u64 word, u64 step)
{
    u64 end = index + n;

    /* All nodes first, so that it cannot half fail. */
    for (u64 i = index; i < end; i = ALIGN_DOWN(i, SLOTS) + SLOTS)
        if (!make_leaf(r, i))
            return -ENOMEM;
    while (index < end) {
        struct node *leaf = make_leaf(r, index);

        do {
            leaf->slot[index % SLOTS] = word;
            word += step;
        } while (++index < end && index % SLOTS);
    }
    return 0;
}

static u64 next_in(const struct node *n, u32 height, u64 *index)
{
    u32 shift = (height - 1) * BITS;
    u64 first = *index >> shift;

    for (u64 i = first % SLOTS; i < SLOTS; i++) {
        u64 word = n->slot[i];

        if (word && height > 1)
            word = next_in((const struct node *)word, height - 1, index);
        if (word)
            return word;
        *index = (ALIGN_DOWN(first, SLOTS) + i + 1) << shift; /* the start of the next slot */
    }
    return 0;
}

u64 radix_next(const struct radix *r, u64 *index)
{
    if (!index_fits(r, *index))
        return 0;
    return next_in(r->root, r->height, index);
}

/* Free n if nothing is in it, after its children for [first, last); these count from n's first index. */
static bool trim(struct node *n, u32 height, u64 first, u64 last)
{
    u32 shift = (height - 1) * BITS;
    u64 span = UINT64_C(1) << shift;

    for (u64 i = first >> shift; height > 1 && i < SLOTS && i << shift < last; i++) {
        u64 from = i << shift;

        if (n->slot[i] && trim((struct node *)n->slot[i], height - 1, MAX(first, from) - from,
                               MIN(last - from, span)))
            n->slot[i] = 0;
    }
    for (u32 i = 0; i < SLOTS; i++)
        if (n->slot[i])
            return false;
    kfree(n);
    return true;
}

void radix_trim(struct radix *r, u64 first, u64 last)
{
    if (first < last && index_fits(r, first) && trim(r->root, r->height, first, last)) {
        r->root = NULL;
        r->height = 0;
    }
}

static void free_node(struct node *n, u32 height)
{
    if (height > 1)
        for (u32 i = 0; i < SLOTS; i++)
            if (n->slot[i])
                free_node((struct node *)n->slot[i], height - 1);
    kfree(n);
}

void radix_clear(struct radix *r)
{
    if (r->height)
        free_node(r->root, r->height);
    r->root = NULL;
    r->height = 0;
}
