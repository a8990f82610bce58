/* SPDX-License-Identifier: Apache-2.0 */
/* Serving the ring, with a few threads that are all alike. In this order, from main(). */
#ifndef RV_FS_SERVER_H
#define RV_FS_SERVER_H

#include <stdint.h>

#include "hostcalls/lib/error.h"

/* Map the ring, watch the wires. Takes the descriptors over. */
int server_init(int sock, int ring, int wake, int done, struct error *err);

/* Make them `threads`, the others of which inherit the caller's seccomp filter. */
int server_start(uint32_t threads, struct error *err);

/* Serve; ends the process when the VMM is gone. */
_Noreturn void server_loop(void);

#endif
