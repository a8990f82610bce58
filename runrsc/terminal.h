/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's terminal. While the sandbox has it, it is raw, for the sandbox's kernel has the line
 * discipline. It is restored at exit, also by a fatal signal of our own (SIGKILL cannot be).
 */
#ifndef RUNRSC_TERMINAL_H
#define RUNRSC_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "hostcalls/lib/error.h"

/* Whether stdin, stdout and stderr are terminals, all three. */
bool terminal_is_stdio(void);

/* The size of the terminal behind stdout, stdin or stderr; 80 x 24 if none of them is one. */
void terminal_size(uint32_t *columns, uint32_t *rows);

/*
 * Make stdin raw, if it is a terminal. A process in the background is stopped here by SIGTTOU until
 * it is in the foreground, as any that changes a terminal.
 */
int terminal_raw(struct error *err);

/* Restore what terminal_raw changed. May be called at any time, also in a signal handler. */
void terminal_restore(void);

#endif
