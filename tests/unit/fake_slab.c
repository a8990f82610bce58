/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel memory from malloc. */
#include "core/string.h"
#include "mm/slab.h"
#include "tests/unit/fake.h"

#include <stdlib.h>

u64 fake_fail_after;
bool fake_failed;
s64 fake_blocks;

void *kmalloc(size_t size)
{
    void *p;

    if (size > KMALLOC_MAX)
        return NULL;
    if (fake_fail_after && !--fake_fail_after) {
        fake_failed = true;
        return NULL;
    }
    p = size >= PAGE_SIZE ? aligned_alloc(PAGE_SIZE, ALIGN_UP(size, PAGE_SIZE)) : malloc(size);
    if (!p)
        abort();
    memset(p, 0xa5, size); /* what a caller finds in a block that was used before */
    fake_blocks++;
    return p;
}

void *kzalloc(size_t size)
{
    void *p = kmalloc(size);

    if (p)
        memset(p, 0, size);
    return p;
}

void kfree(void *p)
{
    fake_blocks -= p != NULL;
    free(p);
}

char *kstrndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *p = kmalloc(len + 1);

    if (p) {
        memcpy(p, s, len);
        p[len] = 0;
    }
    return p;
}

char *kstrdup(const char *s)
{
    return kstrndup(s, SIZE_MAX);
}
