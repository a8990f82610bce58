/* SPDX-License-Identifier: Apache-2.0 */
/* The one way to ring 3's memory (mm/usercopy.h): range checks and SMAP around usercopy.S. */
#include "mm/usercopy.h"

#include "arch/cpu.h"

size_t user_copy_raw(void *dst, const void *src, size_t n);
size_t user_clear_raw(u64 dst, size_t n);
ssize_t user_string_raw(char *dst, u64 src, size_t size);
int user_load32_raw(u64 addr, u32 *value);
int user_cmpxchg32_raw(u64 addr, u32 old, u32 new, u32 *seen);

/* stac and clac do not exist where ring 0 is emulated, nor on processors without SMAP. */
static inline void allow(void)
{
    if (cpu_features.smap)
        __asm__ volatile("stac" ::: "memory");
}

static inline void forbid(void)
{
    if (cpu_features.smap)
        __asm__ volatile("clac" ::: "memory");
}

size_t copy_from_user_partial(void *dst, u64 src, size_t n)
{
    size_t left;

    if (!user_range_ok(src, n))
        return n;
    allow();
    left = user_copy_raw(dst, (const void *)src, n);
    forbid();
    return left;
}

size_t copy_to_user_partial(u64 dst, const void *src, size_t n)
{
    size_t left;

    if (!user_range_ok(dst, n))
        return n;
    allow();
    left = user_copy_raw((void *)dst, src, n);
    forbid();
    return left;
}

int copy_from_user(void *dst, u64 src, size_t n)
{
    return copy_from_user_partial(dst, src, n) ? -EFAULT : 0;
}

int copy_to_user(u64 dst, const void *src, size_t n)
{
    return copy_to_user_partial(dst, src, n) ? -EFAULT : 0;
}

int clear_user(u64 dst, size_t n)
{
    size_t left;

    if (!user_range_ok(dst, n))
        return -EFAULT;
    allow();
    left = user_clear_raw(dst, n);
    forbid();
    return left ? -EFAULT : 0;
}

ssize_t copy_string_from_user(char *dst, u64 src, size_t size)
{
    size_t max = size;
    ssize_t n;

    if (!size)
        return -ENAMETOOLONG;
    if (!user_range_ok(src, 1))
        return -EFAULT;
    max = MIN(max, UINT64_C(0x7ffffffff000) - src);
    allow();
    n = user_string_raw(dst, src, max);
    forbid();
    if (n < 0)
        return -EFAULT;
    if ((size_t)n == max)
        return max < size ? -EFAULT : -ENAMETOOLONG;
    return n;
}

int user_load32(u64 addr, u32 *value)
{
    int r;

    if (!user_range_ok(addr, 4))
        return -EFAULT;
    allow();
    r = user_load32_raw(addr, value);
    forbid();
    return r ? -EFAULT : 0;
}

int user_cmpxchg32(u64 addr, u32 old, u32 new, u32 *seen)
{
    int r;

    if (!user_range_ok(addr, 4))
        return -EFAULT;
    allow();
    r = user_cmpxchg32_raw(addr, old, new, seen);
    forbid();
    return r ? -EFAULT : 0;
}
