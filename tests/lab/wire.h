/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h: the frames between the two ends of the lab's one channel, a virtio-serial port or a
 * serial line with init.c inside the machine and host.c outside. A frame is a struct lab_frame
 * followed by `len` bytes. Both ends are little-endian x86-64. Order of a run: R from inside; A, V,
 * D, G from outside; then O and E from inside, I from outside, in any order; last X (or F, at any
 * time) from inside. Each I is answered by M before the next: what the reader of a serial line
 * leaves there may get lost.
 */
#ifndef TESTS_LAB_WIRE_H
#define TESTS_LAB_WIRE_H

#include <stdint.h>

#define LAB_FRAME_MAX 65536u /* most payload bytes of one frame; arguments must fit one frame too */
#define LAB_EXIT_TIMEOUT 124
#define LAB_EXIT_FAILURE 125

enum lab_frame_type {
    LAB_READY = 'R',  /* in to out: it is up; payload: microseconds since its kernel began, u64 */
    LAB_ARGS = 'A',   /* out to in: the command's words, each ended by a NUL */
    LAB_ENV = 'V',    /* out to in: K=V words, each ended by a NUL */
    LAB_CWD = 'D',    /* out to in: the working directory, no NUL */
    LAB_GO = 'G',     /* out to in: start it */
    LAB_STDIN = 'I',  /* out to in: bytes for its stdin; no bytes = end of file */
    LAB_MORE = 'M',   /* in to out: the last I has been passed on */
    LAB_STDOUT = 'O', /* in to out: bytes of its stdout */
    LAB_STDERR = 'E', /* in to out: bytes of its stderr */
    LAB_EXIT = 'X',   /* in to out: its exit code as a shell has it (128+n for a signal), u32 */
    LAB_FAIL = 'F',   /* in to out: text, the lab itself could not do its part */
};

struct lab_frame {
    uint32_t type; /* enum lab_frame_type */
    uint32_t len;  /* payload bytes that follow, at most LAB_FRAME_MAX */
};

_Static_assert(sizeof(struct lab_frame) == 8, "the frame header is 8 bytes on both ends");

#endif
