/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file service's jail. It sees the image and the volumes as mounts of its own, by descriptors;
 * its root is empty, it keeps four capabilities, and Landlock holds it in its trees.
 */
#ifndef RV_FS_JAIL_H
#define RV_FS_JAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "hostcalls/lib/error.h"

/* A tree to be shown: the image, or a volume. */
struct tree {
    const char *path;
    bool is_image;
    bool readonly; /* the image always is */
    bool setid;    /* a volume whose files may have set-id bits */
    int fd;        /* set by jail_enter: O_PATH */
};

/*
 * Before any thread. Everything else that needs a path must be open. At most RV_MAX_ROOTS trees.
 */
int jail_enter(struct tree *tree, size_t ntrees, struct error *err);

/* False: an ordinary user's, without a user namespace; all its files belong to that user. */
bool jail_can_chown(void);

#endif
