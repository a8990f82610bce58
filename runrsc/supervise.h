/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time while a sandbox runs: signals go to the container, the terminal's size follows the
 * caller's, and when one of the processes ends, so does the other. The VMM is not trusted: nothing
 * is read from it but its exit status.
 */
#ifndef RUNRSC_SUPERVISE_H
#define RUNRSC_SUPERVISE_H

#include <signal.h>
#include <stdbool.h>

#include "runrsc/sandbox.h"

/*
 * Block the signals that supervise takes by descriptor; before the sandbox is started, so that none
 * is lost and the children inherit the block. Signals that the caller ignores (nohup, a shell's
 * background command) stay ignored. Returns the descriptor or -1.
 */
int supervise_signals(struct error *err);

/* Until both processes are gone. Returns the exit code, or -1 with err filled. */
int supervise(struct sandbox *box, int signals, bool tty, struct error *err);

#endif
