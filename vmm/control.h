/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control protocol between runrsc and the VMM: messages of one fixed size over a SOCK_SEQPACKET
 * pair made by runrsc. runrsc sends requests; the VMM answers those that have an answer with the
 * same kind, and tells its end. Both ignore kinds they do not know. A message of another size ends
 * the connection. When runrsc closes its end (or dies), the VMM exits. No descriptor is ever sent
 * over this socket.
 */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include <stdint.h>

#define RV_CONTROL_VERSION 1u

enum rv_control_kind {
    RV_CONTROL_HELLO = 1,  /* either side, first: arg[0] unused; a version that differs ends it */
    RV_CONTROL_SIGNAL = 2, /* arg[0] = signal for the container's first process, 1 ... 64 */
    RV_CONTROL_RESIZE = 3, /* arg[0] = columns, arg[1] = rows, each below 65536 */
    RV_CONTROL_STATS = 4,  /* write the statistics to the VMM's --stats-fd now; answered when done */
    /*
     * From the VMM, last: arg[0] = wait status of the container's first process. All its output is
     * written, and the caller's descriptors are closed. What is left, destroying the virtual
     * machine, takes the host's kernel some time that nobody needs to wait for.
     */
    RV_CONTROL_EXIT = 5
};

struct rv_control_msg {
    uint16_t version; /* RV_CONTROL_VERSION */
    uint16_t kind;    /* enum rv_control_kind */
    uint32_t arg[3];
};

_Static_assert(sizeof(struct rv_control_msg) == 16, "fixed size");

#endif
