/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows, in parts so that nothing is copied when it does: see text.h. */
#include "fs/text.h"

#include "core/print.h"
#include "core/string.h"
#include "mm/slab.h"

#define PART_FIRST 512u /* bytes with the header: most files are short */
#define PART_NEXT  4096u
#define PART_LARGE 32768u

struct text_part {
    struct text_part *next;
    u32 len, size; /* of data: used, all */
    char data[];
};

void text_free(struct text *t)
{
    while (t->first) {
        struct text_part *p = t->first;

        t->first = p->next;
        kfree(p);
    }
    *t = (struct text){ 0 };
}

/* A new last part for at least n bytes and a NUL. */
static struct text_part *add_part(struct text *t, size_t n)
{
    size_t size = !t->first ? PART_FIRST : t->len < PART_LARGE ? PART_NEXT : PART_LARGE;
    struct text_part *p;

    if (t->err)
        return NULL;
    if (t->len + n > TEXT_MAX) {
        t->err = -EFBIG;
        return NULL;
    }
    while (size < sizeof(*p) + n + 1)
        size *= 2;
    p = kmalloc(size);
    if (!p) {
        t->err = -ENOMEM;
        return NULL;
    }
    p->next = NULL;
    p->len = 0;
    p->size = (u32)(size - sizeof(*p));
    if (t->last)
        t->last->next = p;
    else
        t->first = p;
    t->last = p;
    return p;
}

void text_printf(struct text *t, const char *fmt, ...)
{
    struct text_part *p = t->last;
    size_t room = p ? p->size - p->len : 0;
    va_list ap;
    int n = 0;

    if (t->err)
        return;
    va_start(ap, fmt);
    if (room)
        n = str_vprintf(p->data + p->len, room, fmt, ap);
    va_end(ap);
    if (!room || (size_t)n >= room) {
        p = add_part(t, room ? (size_t)n : 128);
        if (!p)
            return;
        va_start(ap, fmt);
        n = str_vprintf(p->data, p->size, fmt, ap);
        va_end(ap);
        if ((u32)n >= p->size) { /* the size was a guess: now it is known */
            p = add_part(t, (size_t)n);
            if (!p)
                return;
            va_start(ap, fmt);
            n = str_vprintf(p->data, p->size, fmt, ap);
            va_end(ap);
        }
    }
    p->len += (u32)n;
    t->len += (u32)n;
}

void text_put(struct text *t, const void *s, size_t n)
{
    const char *from = s;

    while (n) {
        struct text_part *p = t->last;
        size_t k;

        if (!p || p->len == p->size)
            p = add_part(t, 1);
        if (!p || t->err)
            return;
        k = MIN(n, p->size - p->len);
        memcpy(p->data + p->len, from, k);
        p->len += (u32)k;
        t->len += k;
        from += k;
        n -= k;
    }
}

void text_puts(struct text *t, const char *s)
{
    text_put(t, s, strlen(s));
}

void text_append(struct text *t, const struct text *other)
{
    for (const struct text_part *p = other->first; p; p = p->next)
        text_put(t, p->data, p->len);
}

void text_put_escaped(struct text *t, const char *s, size_t n, const char *also)
{
    for (size_t i = 0, first = 0; i <= n; i++) {
        if (i < n && (u8)s[i] > ' ' && s[i] != '\\' && s[i] != 0x7f && !strchr(also, s[i]))
            continue;
        text_put(t, s + first, i - first);
        if (i < n)
            text_printf(t, "\\%03o", (u8)s[i]);
        first = i + 1;
    }
}

void text_pad(struct text *t, u64 from, u64 width)
{
    while (!t->err && t->len < from + width)
        text_put(t, " ", 1);
}

/* As %*pb of Linux: words of 32 bits, the first only as wide as it needs to be. */
void text_put_mask(struct text *t, u64 mask, u32 n)
{
    if (n > 32)
        text_printf(t, "%0*x,%08x", (int)((n - 32 + 3) / 4), (u32)(mask >> 32), (u32)mask);
    else
        text_printf(t, "%0*x", (int)((n + 3) / 4), (u32)mask);
}

void text_put_list(struct text *t, u64 mask, u32 n)
{
    const char *comma = "";

    for (u32 i = 0; i < n; i++) {
        u32 first = i;

        if (!(mask >> i & 1))
            continue;
        while (i + 1 < n && (mask >> (i + 1) & 1))
            i++;
        text_printf(t, first == i ? "%s%u" : "%s%u-%u", comma, first, i);
        comma = ",";
    }
}

ssize_t text_read(const struct text *t, struct uio *u, u64 *pos)
{
    u64 start = 0;
    ssize_t done = 0;

    for (const struct text_part *p = t->first; p && u->left; start += p->len, p = p->next) {
        size_t skip, n, did;

        if (*pos >= start + p->len)
            continue;
        skip = *pos - start;
        n = MIN(u->left, p->len - skip);
        did = uio_to(u, p->data + skip, n);
        *pos += did;
        done += (ssize_t)did;
        if (did < n)
            return done ? done : -EFAULT;
    }
    return done;
}
