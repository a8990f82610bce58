/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time while a sandbox runs: signals go to the container, the terminal's size follows the
 * caller's, and when one of the processes ends, so does the other. The VMM is not trusted: nothing
 * is taken from it but the exit code.
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

/*
 * Until the container has ended. Then both processes are gone, or they have let go of all that is
 * the caller's and are killed by our own end, for which the caller should not wait: the kernel needs
 * some time to destroy a virtual machine. Returns the exit code, or -1 with err filled.
 */
int supervise(struct sandbox *box, int signals, bool tty, struct error *err);

#endif
