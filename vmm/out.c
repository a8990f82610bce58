/* SPDX-License-Identifier: Apache-2.0 */
/* Writing text that must not hang the writer: see out.h. */
#include "vmm/out.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void out_init(struct out *o, int fd)
{
    o->fd = fd;
    o->len = 0;
    o->failed = fd < 0;
}

void out_flush(struct out *o)
{
    size_t done = 0;

    while (done < o->len && !o->failed) {
        struct pollfd p = { .fd = o->fd, .events = POLLOUT };
        int r = poll(&p, 1, 1000);
        ssize_t n;

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            o->failed = 1;
            break;
        }
        n = write(o->fd, o->buf + done, o->len - done);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            o->failed = 1;
        else if (n > 0)
            done += (size_t)n;
    }
    o->len = 0;
}

void out_printf(struct out *o, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    if ((size_t)n >= sizeof(line))
        n = sizeof(line) - 1;
    if (o->len + (size_t)n > sizeof(o->buf))
        out_flush(o);
    memcpy(o->buf + o->len, line, (size_t)n);
    o->len += (size_t)n;
}

/*
 * Bytes of the UTF-8 character at p that may be shown: one of ASCII that is no control character, or
 * U+00A0 and above in its shortest form. 0: a control character (C0, DEL, C1: U+0080 to U+009F), or no
 * character of UTF-8, of which an 8-bit terminal could make a control character.
 */
static size_t printable(const unsigned char *p, size_t left)
{
    size_t n = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
    uint32_t c = *p;

    if (n == 1)
        return c == '\t' || (c >= 0x20 && c != 0x7f);
    if (c < 0xc2 || c > 0xf4 || n > left)
        return 0;
    c &= 0x7fu >> n;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < 0xa0 || (n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10ffff ||
        (c >= 0xd800 && c < 0xe000))
        return 0;
    return n;
}

size_t out_clean(char *to, size_t room, const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len;) {
        size_t k = printable((const unsigned char *)text + i, len - i);

        if (n + (k ? k : 1) > room)
            break;
        if (k)
            memcpy(to + n, text + i, k);
        else
            to[n] = '?';
        n += k ? k : 1;
        i += k ? k : 1;
    }
    return n;
}

void out_guest_line(int fd, const char *prefix, const char *text, size_t len)
{
    struct out o;
    size_t n = strlen(prefix);

    while (len && text[len - 1] == '\n')
        len--;
    out_init(&o, fd);
    memcpy(o.buf, prefix, n);
    n += out_clean(o.buf + n, sizeof(o.buf) - n - 1, text, len);
    o.buf[n++] = '\n';
    o.len = n;
    out_flush(&o);
}
