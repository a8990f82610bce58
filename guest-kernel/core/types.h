/* SPDX-License-Identifier: Apache-2.0 */
/* Basic types and small macros of the guest kernel. */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include <linux/errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
#ifndef RV_HOST_TEST
typedef long ssize_t;
#else
#include <sys/types.h>
#endif

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul
#define PAGE_MASK  (~(PAGE_SIZE - 1))

/* Kernel-internal errnos, never shown to ring 3 (linux/ turns them into EINTR or a restart). */
#undef ERESTART /* linux/errno.h's is another, shown to ring 3 by STREAMS only */
#define ERESTART 512 /* interrupted by a signal before anything was done; restart if SA_RESTART */
#define ERESTART_NOHAND 514 /* restart only if no handler runs */

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* Each argument is evaluated once: many are values that others change, or clocks. */
#define MIN(a, b) PICK_(a, <, b, UNIQUE_(a_), UNIQUE_(b_))
#define MAX(a, b) PICK_(a, >, b, UNIQUE_(a_), UNIQUE_(b_))
#define PICK_(a, is, b, va, vb) \
    ({ \
        __auto_type va = (a); \
        __auto_type vb = (b); \
        va is vb ? va : vb; \
    })
#define UNIQUE_(name) PASTE_(name, __COUNTER__)
#define PASTE_(a, b) PASTE2_(a, b)
#define PASTE2_(a, b) a##b
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define ALIGN_UP(x, a)   ALIGN_DOWN((x) + (__typeof__(x))(a) - 1, a)

#define STATIC_ASSERT(c) _Static_assert(c, #c)
#define PACKED __attribute__((packed))
#define NORETURN __attribute__((noreturn))
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define UNUSED __attribute__((unused))

/* A value that must be read or written exactly once and untorn. */
#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

/*
 * Set a const field of a struct in allocated memory before anybody else can find it: what it says stays
 * true as long as the struct exists, and the compiler refuses all other writes.
 */
#define INIT_ONCE(field, v) (*(__typeof__((void)0, (field)) *)&(field) = (v))

#endif
