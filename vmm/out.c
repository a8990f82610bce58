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

void out_guest_line(int fd, const char *prefix, char *text, size_t len)
{
    struct out o;
    size_t n = strlen(prefix);

    while (len && text[len - 1] == '\n')
        len--;
    out_init(&o, fd);
    memcpy(o.buf, prefix, n);
    for (size_t i = 0; i < len && n < sizeof(o.buf) - 1; i++) {
        unsigned char c = (unsigned char)text[i];

        o.buf[n++] = (c < 0x20 && c != '\t') || c == 0x7f ? '?' : (char)c;
    }
    o.buf[n++] = '\n';
    o.len = n;
    out_flush(&o);
}
