/* SPDX-License-Identifier: Apache-2.0 */
/* Formatting, the log and panic: see print.h. */
#include "core/print.h"

#include "core/hostcall.h"
#include "core/string.h"

u32 log_level = LOG_ERROR;

struct out {
    char *p, *end; /* end: where the final NUL goes at the latest */
    int n;         /* bytes that would have been written */
};

static void put(struct out *o, char c)
{
    if (o->p < o->end)
        *o->p++ = c;
    o->n++;
}

struct spec {
    bool left, zero;
    int width, precision; /* precision -1: not given */
};

static void put_padded(struct out *o, const char *s, int len, const struct spec *f)
{
    int pad = f->width - len;

    for (; !f->left && pad > 0; pad--)
        put(o, ' ');
    for (int i = 0; i < len; i++)
        put(o, s[i]);
    for (; pad > 0; pad--)
        put(o, ' ');
}

static void put_number(struct out *o, u64 v, bool negative, u32 base, bool upper,
                       const struct spec *f)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char buf[72];
    int i = (int)sizeof(buf), least = f->precision >= 0 ? f->precision : 1;

    do {
        buf[--i] = digits[v % base];
        v /= base;
    } while (v);
    if (f->zero && !f->left && f->precision < 0)
        least = f->width - (negative ? 1 : 0);
    while (i > 1 && (int)sizeof(buf) - i < least)
        buf[--i] = '0';
    if (negative)
        buf[--i] = '-';
    put_padded(o, buf + i, (int)sizeof(buf) - i, f);
}

static int parse_int(const char **fmt, va_list *ap)
{
    int v = 0;

    if (**fmt == '*') {
        (*fmt)++;
        return va_arg(*ap, int);
    }
    for (; **fmt >= '0' && **fmt <= '9'; (*fmt)++)
        v = v * 10 + **fmt - '0';
    return v;
}

/* One conversion; fmt is behind the '%'. */
static const char *convert(struct out *o, const char *fmt, va_list *ap)
{
    struct spec f = { .precision = -1 };
    int longs = 0;

    for (;; fmt++) {
        if (*fmt == '-')
            f.left = true;
        else if (*fmt == '0')
            f.zero = true;
        else
            break;
    }
    f.width = parse_int(&fmt, ap);
    if (*fmt == '.') {
        fmt++;
        f.precision = parse_int(&fmt, ap);
    }
    for (;; fmt++) {
        if (*fmt == 'l' || *fmt == 'z')
            longs++;
        else if (*fmt != 'h')
            break;
    }
    switch (*fmt) {
    case 'd':
    case 'i': {
        s64 v = longs ? va_arg(*ap, s64) : va_arg(*ap, int);

        put_number(o, v < 0 ? -(u64)v : (u64)v, v < 0, 10, false, &f);
        break;
    }
    case 'u':
    case 'x':
    case 'X':
    case 'o': {
        u64 v = longs ? va_arg(*ap, u64) : va_arg(*ap, u32);

        put_number(o, v, false, *fmt == 'u' ? 10 : *fmt == 'o' ? 8 : 16, *fmt == 'X', &f);
        break;
    }
    case 'p':
        put(o, '0');
        put(o, 'x');
        put_number(o, (u64)va_arg(*ap, void *), false, 16, false, &f);
        break;
    case 'c': {
        char c = (char)va_arg(*ap, int);

        put_padded(o, &c, 1, &f);
        break;
    }
    case 's': {
        const char *s = va_arg(*ap, const char *);
        size_t max = f.precision >= 0 ? (size_t)f.precision : SIZE_MAX;

        if (!s)
            s = "(null)";
        put_padded(o, s, (int)strnlen(s, max), &f);
        break;
    }
    case '%':
        put(o, '%');
        break;
    default: /* not in the subset: show it as it stands */
        put(o, '%');
        return fmt;
    }
    return fmt + 1;
}

int str_vprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct out o = { buf, buf + (size ? size - 1 : 0), 0 };
    va_list copy;

    va_copy(copy, ap);
    while (*fmt) {
        if (*fmt == '%')
            fmt = convert(&o, fmt + 1, &copy);
        else
            put(&o, *fmt++);
    }
    va_end(copy);
    if (size)
        *o.p = 0;
    return o.n;
}

int str_printf(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = str_vprintf(buf, size, fmt, ap);
    va_end(ap);
    return n;
}

#ifndef RV_HOST_TEST
/* Hand a line to the host. */
static void send(u32 nr, u64 arg, const char *fmt, va_list ap)
{
    char line[512];
    struct hc_io io;

    str_vprintf(line, sizeof(line), fmt, ap);
    hc_io_init(&io);
    if (*line)
        hc_in(&io, line, strlen(line));
    hostcall(nr, arg, 0, 0, 0, 0, &io);
}

void log_line(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    send(RV_HC_console, 0, fmt, ap);
    va_end(ap);
}

void user_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    send(RV_HC_console, 1, fmt, ap);
    va_end(ap);
}

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    send(RV_HC_crash, 0, fmt, ap);
    va_end(ap);
    for (;;)
        __asm__ volatile("cli; hlt");
}
#endif
