/* SPDX-License-Identifier: Apache-2.0 */
/* The C library's memory and string functions that the kernel (and libfdt) needs, same contracts. */
#ifndef CORE_STRING_H
#define CORE_STRING_H

#include "core/types.h"

#ifdef RV_HOST_TEST
#include <string.h>
#else
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
#endif

/* Copy at most size - 1 bytes and end with a NUL; returns strlen(src). */
size_t str_copy(char *dst, const char *src, size_t size);

#endif
