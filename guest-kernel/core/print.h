/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's log and its end. A line goes to the VMM with one hostcall; what is below the log level
 * (boot data /options/debug) is not formatted at all.
 */
#ifndef CORE_PRINT_H
#define CORE_PRINT_H

#include "core/types.h"

#include <stdarg.h>

enum log_level { LOG_ERROR, LOG_INFO, LOG_DETAIL };
extern u32 log_level;

/* One line without newline; at most 512 bytes are shown. */
void log_line(const char *fmt, ...) PRINTF(1, 2);
#define log_error(...) log_line(__VA_ARGS__)
#define log_info(...)   do { if (log_level >= LOG_INFO) log_line(__VA_ARGS__); } while (0)
#define log_detail(...) do { if (log_level >= LOG_DETAIL) log_line(__VA_ARGS__); } while (0)

/* One line for whoever started the container: why it cannot run, or ends. */
void user_error(const char *fmt, ...) PRINTF(1, 2);

/* printf subset: %d %i %u %x %X %o %c %s %p %% with -, 0, width, precision, *, h, hh, l, ll, z. */
int str_vprintf(char *buf, size_t size, const char *fmt, va_list ap);
int str_printf(char *buf, size_t size, const char *fmt, ...) PRINTF(3, 4);

/* Stop the machine: the VMM prints the reason, registers and a backtrace, and exits with 125. */
void panic(const char *fmt, ...) PRINTF(1, 2) NORETURN;

#define ASSERT(c)                                                                                  \
    do {                                                                                           \
        if (unlikely(!(c)))                                                                        \
            panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #c);                          \
    } while (0)

#endif
