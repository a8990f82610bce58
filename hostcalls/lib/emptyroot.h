/* SPDX-License-Identifier: Apache-2.0 */
/* A root in which no path leads anywhere. */
#ifndef RV_LIB_EMPTYROOT_H
#define RV_LIB_EMPTYROOT_H

#include "hostcalls/lib/error.h"

/*
 * Make an empty, read-only tmpfs the calling process's root and working directory. Before: it is in
 * a mount namespace of its own, where mounts are private, and may mount. Descriptors stay usable.
 */
int emptyroot_enter(struct error *err);

#endif
