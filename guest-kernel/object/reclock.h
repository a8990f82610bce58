/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record locks on byte ranges of a file: fcntl's (owner: a process), open-file-description locks
 * and flock's (owner: a file; flock's cover everything and live in a space of their own). A file
 * is named by a key that is the same for all who open it (its inode).
 */
#ifndef OBJECT_RECLOCK_H
#define OBJECT_RECLOCK_H

#include "core/types.h"

#define RECLOCK_END UINT64_MAX /* last byte of a range without end */

enum reclock_space { RECLOCK_RECORDS, RECLOCK_FLOCK };

struct reclock_range {
    const void *key;    /* the inode */
    const void *owner;
    enum reclock_space space;
    bool exclusive;
    u64 first, last;    /* inclusive */
    u32 pid;            /* told to others by F_GETLK; 0 for open file descriptions */
};

/*
 * Lock, or replace what the owner has in the range. wait: until it is free. 0, -EAGAIN, -EDEADLK
 * (two processes wait for each other), -ENOMEM, -EINTR.
 */
int reclock_set(const struct reclock_range *r, bool wait);
/* Unlock the owner's locks in the range. 0 or -ENOMEM (a lock had to be split). */
int reclock_clear(const struct reclock_range *r);
/* The first lock of another owner that is in the way of r; false if there is none. */
bool reclock_test(const struct reclock_range *r, struct reclock_range *found);
/*
 * All locks of the owner on a file (key NULL: on all files) go. Cheap if there is no lock at
 * all.
 */
void reclock_release(const void *key, const void *owner);

#endif
