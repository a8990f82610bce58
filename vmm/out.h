/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for people, made without malloc and written without hanging: a buffer that goes to a
 * descriptor in pieces, each given up after a second if nobody reads. For crash reports, statistics
 * and logs.
 */
#ifndef VMM_OUT_H
#define VMM_OUT_H

#include <stddef.h>

struct out {
    int fd;
    size_t len;
    int failed;     /* a write failed or timed out: the rest is dropped */
    char buf[4096]; /* PIPE_BUF: a pipe that polls writable takes it whole */
};

void out_init(struct out *o, int fd);
void out_printf(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void out_flush(struct out *o);

/* One line of the guest's: prefix, text with its control characters replaced, newline. */
void out_guest_line(int fd, const char *prefix, char *text, size_t len);

#endif
