/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel memory of any size: size classes of 16 ... 2048 bytes in slabs of one page, whole runs of
 * pages above. All of it lies in the direct map, so virt_to_phys works and hostcalls can name it.
 * Aligned to 16; 4096-byte and larger blocks to a page. NULL: no memory.
 */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include "core/types.h"

#define KMALLOC_MAX (2ul << 20)

void *kmalloc(size_t size) MUST_CHECK;
void *kzalloc(size_t size) MUST_CHECK;
void kfree(void *p); /* NULL is allowed */
char *kstrdup(const char *s) MUST_CHECK;
char *kstrndup(const char *s, size_t n) MUST_CHECK;
void slab_init(void);

#endif
