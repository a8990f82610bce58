/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's stdin, stdout and stderr, which the VMM inherited. Their flags are others' as
 * well and stay as they are: what may block is done by a worker.
 */
#ifndef VMM_STDFDS_H
#define VMM_STDFDS_H

#include <stdbool.h>

/* Note which of 0, 1 and 2 are closed and put /dev/null there. First thing in main(). */
void stdfds_init(void);

/* Whether the caller had the descriptor, 0 to 2, open. */
bool stdfds_is_open(int fd);

#endif
