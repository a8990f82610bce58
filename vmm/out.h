/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for people, made without malloc and written without hanging: a buffer that goes to a
 * descriptor in pieces, each given up after a second if nobody reads. For crash reports, statistics
 * and logs.
 */
#ifndef VMM_OUT_H
#define VMM_OUT_H

#include <stddef.h>
#include <stdint.h>

struct out {
    int fd;
    size_t len;
    int failed;     /* a write failed or timed out: the rest is dropped */
    char buf[4096]; /* PIPE_BUF: a pipe that polls writable takes it whole */
};

void out_init(struct out *o, int fd);
void out_printf(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void out_flush(struct out *o);

/*
 * Text of the guest's, at most room bytes of it: what a terminal could take for a control character
 * becomes '?': C0, DEL, C1, and bytes that are no UTF-8, of which C1 would be a part. Returns the bytes.
 */
size_t out_clean(char *to, size_t room, const char *text, size_t len);

/* One line of the guest's: prefix, clean text, newline. */
void out_guest_line(int fd, const char *prefix, const char *text, size_t len);

#endif
