/* SPDX-License-Identifier: Apache-2.0 */
/* A path argument of a system call. */
#ifndef LINUX_PATH_CALL_H
#define LINUX_PATH_CALL_H

#include "fs/path.h"

struct path_call {
    char *name;
    struct lookup l;
};

/* Copy the name in and prepare its look-up; on 0, path_call_end is due. */
int path_call_begin(struct path_call *c, int dfd, u64 upath, u32 flags);
void path_call_end(struct path_call *c);

/* Look the path up, with AT_EMPTY_PATH if at_flags has it. On 0 *out carries references. */
int path_resolve(int dfd, u64 upath, int at_flags, bool follow, struct path *out);

#endif
