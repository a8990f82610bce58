/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel stacks of 16 KiB, each with an unmapped page below it, so that an overflow is a double fault. */
#ifndef MM_KSTACK_H
#define MM_KSTACK_H

#include "core/types.h"

#define KSTACK_SIZE (16ul << 10)

/* Lowest address of a stack, or 0: no memory. The contents are not cleared. */
u64 kstack_alloc(void);
void kstack_free(u64 stack);

#endif
