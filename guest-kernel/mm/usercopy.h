/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to touch the current process's memory. Faults are resolved as for ring 3 (the caller may
 * park, so no spinlock is held); what stays bad gives -EFAULT.
 */
#ifndef MM_USERCOPY_H
#define MM_USERCOPY_H

#include "core/types.h"

int copy_from_user(void *dst, u64 src, size_t n) MUST_CHECK;
int copy_to_user(u64 dst, const void *src, size_t n) MUST_CHECK;
int clear_user(u64 dst, size_t n) MUST_CHECK;
/* As above, but return the number of bytes that could NOT be copied (short reads and writes). */
size_t copy_from_user_partial(void *dst, u64 src, size_t n);
size_t copy_to_user_partial(u64 dst, const void *src, size_t n);
/* Copy a string with its NUL: its length without it, -EFAULT, or -ENAMETOOLONG if it has >= size. */
ssize_t copy_string_from_user(char *dst, u64 src, size_t size) MUST_CHECK;

/* Atomic operations on a 32-bit user word (futexes); addr is 4-aligned. 0 or -EFAULT. */
int user_load32(u64 addr, u32 *value) MUST_CHECK;
int user_cmpxchg32(u64 addr, u32 old, u32 new, u32 *seen) MUST_CHECK;

static inline bool user_range_ok(u64 addr, u64 n)
{
    return addr <= UINT64_C(0x7ffffffff000) && n <= UINT64_C(0x7ffffffff000) - addr;
}

#endif
