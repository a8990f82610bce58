/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock (landlock(7)): a wall that a process without privileges builds around itself, and that
 * stays whatever its memory holds later. It asks at each open, creation, removal and rename what
 * lies above the file; descriptors that are open keep their rights, and looking (O_PATH, stat) is
 * not asked for.
 */
#ifndef RV_LIB_LANDLOCK_H
#define RV_LIB_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "hostcalls/lib/error.h"

/* A tree beneath which files may be opened: a directory's descriptor, O_PATH suffices. */
struct landlock_tree {
    int fd;
    bool readonly; /* else files may be changed, made, renamed and removed too; never devices */
};

/*
 * For the calling process, which has one thread, and for good: files beneath these trees only, no
 * TCP (Linux 6.7), no abstract unix sockets nor signals of others (6.12). Before:
 * PR_SET_NO_NEW_PRIVS. Returns the kernel's level (its Landlock ABI); 0: this kernel has no
 * Landlock, or one that cannot do what the trees need (before 5.19 it refuses every rename between
 * folders), and nothing has changed; -1 with err filled.
 */
int landlock_enter(const struct landlock_tree *tree, size_t ntrees, struct error *err);

#endif
