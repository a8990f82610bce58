/* SPDX-License-Identifier: Apache-2.0 */
/* Text for --strace lines; see strace.c. */
#ifndef LINUX_STRACE_H
#define LINUX_STRACE_H

#include "core/types.h"

#define TRACE_LINE 1024u

struct trace_line {
    char text[TRACE_LINE];
    u32 len;
};

void trace_put(struct trace_line *l, const char *fmt, ...) PRINTF(2, 3);
/*
 * A set of flags by name, the rest as a number. kind: OPENF ATF PROT MAPF CLONEF FUTEXOP WHENCE
 * SIG AF SOCKT MSGF.
 */
void trace_flags(struct trace_line *l, u32 kind, u64 value);
/* Name of an errno, or NULL. */
const char *trace_errno(int e);

#endif
