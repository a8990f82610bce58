/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sparse array of 64-bit words, index 0 ... 2^52 - 1: a tree of 64-way nodes as deep as the largest
 * index needs. A word of 0 means absent. The caller locks.
 */
#ifndef CORE_RADIX_H
#define CORE_RADIX_H

#include "core/types.h"

struct radix {
    void *root;
    u32 height; /* levels; 0: empty */
};

u64 radix_get(const struct radix *r, u64 index);
/* Store a word (0 removes). Returns 0 or -ENOMEM (never when the index is present already). */
int radix_set(struct radix *r, u64 index, u64 word);
/* Remove the words of n indices. */
void radix_erase(struct radix *r, u64 index, u64 n);
/*
 * Store word, word + step, word + 2 * step, ... at n indices, all absent. 0 or -ENOMEM with nothing
 * changed.
 */
int radix_fill(struct radix *r, u64 index, u64 n, u64 word, u64 step);
/*
 * The same at those of n indices that are absent; how many were stored, fewer than that if memory runs
 * out.
 */
u64 radix_fill_absent(struct radix *r, u64 index, u64 n, u64 word, u64 step);
/*
 * The slot of an index whether a word is in it or not, and those of the indices after it up to the next
 * multiple of RADIX_RUN. NULL: all of them are absent.
 */
#define RADIX_RUN 64u
const u64 *radix_run(const struct radix *r, u64 index);
/* The word's slot, for repeated use while the tree is not changed; NULL if absent. */
u64 *radix_slot(const struct radix *r, u64 index);
/* Smallest present index >= *index: stores it and returns its word; 0 at the end. */
u64 radix_next(const struct radix *r, u64 *index);
/*
 * After words were removed in [first, last): free the nodes that held nothing else. Slots and runs become
 * invalid.
 */
void radix_trim(struct radix *r, u64 first, u64 last);
/* Free all nodes; the words are the caller's business. */
void radix_clear(struct radix *r);

#endif
