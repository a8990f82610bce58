/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error object of the host programs. A function that can fail takes `struct error *err` last and
 * returns 0 or -1; on -1 it has filled err with one line for the user: what, where and what to do.
 */
#ifndef RV_LIB_ERROR_H
#define RV_LIB_ERROR_H

struct error {
    int code;        /* exit code of the program: 125 own failure, 126 cannot run, 127 not found */
    int sys_errno;   /* errno behind it, or 0 */
    char msg[1024];  /* one line, no newline */
};

#define ERROR_INIT { .code = 0 }

/* Fill err with code 125 and the message; errnum != 0 appends ": strerror". Always returns -1. */
int error_set(struct error *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with an exit code of its own. */
int error_set_code(struct error *err, int code, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Put "fmt: " before the message that is there. Returns -1. */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Print "PROGRAM: message" to stderr and return the exit code. */
int error_report(const char *program, const struct error *err);

#endif
