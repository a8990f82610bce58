/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to ring 3's memory (mm/usercopy.h): range checks and SMAP around usercopy.S. The memory may
 * be pages of a file window, so each access is done again if a window lost pages meanwhile.
 */
#include "mm/usercopy.h"

#include "arch/cpu.h"
#include "mm/window_gen.h"

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

/* RESULT = CALL with ring 3's memory open, until no window has lost pages during it. */
#define ACCESS(result, call)                                                                       \
    do {                                                                                           \
        u32 gen_;                                                                                  \
                                                                                                   \
        do {                                                                                       \
            gen_ = window_gen_begin();                                                             \
            allow();                                                                               \
            (result) = (call);                                                                     \
            forbid();                                                                              \
        } while (!window_gen_ok(gen_));                                                            \
    } while (0)

size_t copy_from_user_partial(void *dst, u64 src, size_t n)
{
    size_t left;

    if (!user_range_ok(src, n))
        return n;
    ACCESS(left, user_copy_raw(dst, (const void *)src, n));
    return left;
}

size_t copy_to_user_partial(u64 dst, const void *src, size_t n)
{
    size_t left;

    if (!user_range_ok(dst, n))
        return n;
    ACCESS(left, user_copy_raw((void *)dst, src, n));
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
    ACCESS(left, user_clear_raw(dst, n));
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
    ACCESS(n, user_string_raw(dst, src, max));
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
    ACCESS(r, user_load32_raw(addr, value));
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
