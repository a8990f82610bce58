/* SPDX-License-Identifier: Apache-2.0 */
/* The error object: see error.h. */
#include "hostcalls/lib/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct error *err, int code, int errnum, const char *fmt, va_list ap)
{
    int n;

    err->code = code;
    err->sys_errno = errnum;
    n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    if (errnum && n >= 0 && (size_t)n < sizeof(err->msg))
        snprintf(err->msg + n, sizeof(err->msg) - (size_t)n, ": %s", strerror(errnum));
}

int error_set(struct error *err, int errnum, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fill(err, 125, errnum, fmt, ap);
    va_end(ap);
    return -1;
}

int error_set_code(struct error *err, int code, int errnum, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fill(err, code, errnum, fmt, ap);
    va_end(ap);
    return -1;
}

int error_prefix(struct error *err, const char *fmt, ...)
{
    char old[sizeof(err->msg)];
    va_list ap;
    int n;

    memcpy(old, err->msg, sizeof(old));
    va_start(ap, fmt);
    n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(err->msg))
        snprintf(err->msg + n, sizeof(err->msg) - (size_t)n, ": %.*s",
                 (int)(sizeof(err->msg) - (size_t)n), old);
    return -1;
}

int error_report(const char *program, const struct error *err)
{
    fprintf(stderr, "%s: %s\n", program, err->msg);
    return err->code;
}
