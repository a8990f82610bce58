/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futex queues: threads that wait for a word of user memory to be woken. The word is named by
 * where it is: (address space, address) for a private one, (VMO, offset) for shared memory.
 *
 * A wait enters the queue first and looks at the word then; so a waker that changes the word and
 * wakes afterwards either finds the waiter or the waiter finds the new value. No lock is held over
 * user memory.
 */
#ifndef OBJECT_FUTEX_H
#define OBJECT_FUTEX_H

#include "core/types.h"

struct aspace;

struct futex_key {
    u64 space, offset;
};

#define FUTEX_ANY UINT32_MAX /* bitset that matches every waiter */

void futex_init(void);

/*
 * The key of a word at addr (4-aligned) of `as`. 0, -EINVAL, -EFAULT. As on Linux a private one, known not
 * to be shared, is its address and nothing is looked at; else there has to be a mapping that may be written,
 * or (FUTEX_LOOK) a file's that may be read.
 */
enum futex_use { FUTEX_LOOK, FUTEX_CHANGE };
int futex_key(struct aspace *as, u64 addr, bool private, enum futex_use use, struct futex_key *key);

/*
 * Wait until woken by a wake whose bitset meets this one, if the word at addr still is `value`.
 * 0; -EAGAIN: another value; -ETIMEDOUT; -EINTR; -EFAULT.
 */
int futex_wait(const struct futex_key *key, u64 addr, u32 value, u32 bitset, u64 deadline);

/* Wake at most n; returns how many. */
int futex_wake(const struct futex_key *key, int n, u32 bitset);

/*
 * Wake at most n, then move at most m of the others to the queue of `to`. Returns woken, adds
 * moved.
 */
int futex_requeue(const struct futex_key *from, const struct futex_key *to, int n, int m,
                  int *moved);

#endif
