/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that grows: what a file of proc or sysfs shows. A zeroed struct is an empty text. Once
 * something did not fit, err says why and what follows is dropped.
 */
#ifndef FS_TEXT_H
#define FS_TEXT_H

#include "fs/uio.h"

#define TEXT_MAX (UINT64_C(32) << 20) /* bytes; all mappings of a process need less */

struct text_part;

struct text {
    struct text_part *first, *last;
    u64 len; /* bytes */
    int err; /* -ENOMEM, -EFBIG */
};

void text_free(struct text *t); /* it is empty after */
/* At most 4000 bytes at once. */
void text_printf(struct text *t, const char *fmt, ...) PRINTF(2, 3);
void text_put(struct text *t, const void *s, size_t n);
void text_puts(struct text *t, const char *s);
void text_append(struct text *t, const struct text *other);
/* Blanks, control characters, backslashes and bytes of `also` as \ooo: proc(5), mounts. */
void text_put_escaped(struct text *t, const char *s, size_t n, const char *also);
/* Spaces up to `width` bytes behind position `from`. */
void text_pad(struct text *t, u64 from, u64 width);
/* Bits 0 ... n - 1 of a mask as the kernel shows sets: "ff" or "0-3,6". */
void text_put_mask(struct text *t, u64 mask, u32 n);
void text_put_list(struct text *t, u64 mask, u32 n);

/* Copy out from *pos on, which moves. Bytes, 0 at the end, -EFAULT. */
ssize_t text_read(const struct text *t, struct uio *u, u64 *pos);

#endif
