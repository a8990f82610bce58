/* SPDX-License-Identifier: Apache-2.0 */
/* Local sockets, unix(7), as the rest of the kernel sees them. */
#ifndef NET_UNIX_H
#define NET_UNIX_H

#include "net/socket.h"

extern const struct socket_family unix_family;

void unix_init(void);
void unix_show(struct text *t); /* /proc/net/unix */

#endif
