/* SPDX-License-Identifier: Apache-2.0 */
/* Structures that grow from one version of Linux to the next, and come with their size. */
#ifndef LINUX_ABI_STRUCT_H
#define LINUX_ABI_STRUCT_H

#include "core/types.h"

/*
 * Copy a structure of `size` bytes from the caller to one of `ours`: what the caller's lacks is 0. 0,
 * -EFAULT, or -E2BIG: the caller's has more, and it is not 0.
 */
int struct_from_user(void *to, u64 ours, u64 from, u64 size);

#endif
