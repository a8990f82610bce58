/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of a host file as the guest gets them. */
#ifndef RV_LIB_ATTR_H
#define RV_LIB_ATTR_H

#include <sys/stat.h>

#include "hostcalls/abi.h"

/* What statx must be asked for. */
#define ATTR_MASK (STATX_BASIC_STATS | STATX_BTIME)

/*
 * The path of calls that are about a descriptor itself (AT_EMPTY_PATH). The filters allow them with this
 * address and no other, behind which there is nothing to write to.
 */
extern const char attr_no_path[1];

/* fstat(2), by the system call of that name: libc may use another one, which takes a path. */
int attr_fstat(int fd, struct stat *st);

/* Fill all of *a. A field that the file system did not give (btime) is 0. */
void attr_fill(struct rv_attr *a, const struct statx *sx);

#endif
