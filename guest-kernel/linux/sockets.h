/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the socket calls share. */
#ifndef LINUX_SOCKETS_H
#define LINUX_SOCKETS_H

#include "linux/files.h"
#include "net/socket.h"

/* The socket behind a descriptor; *f is a reference. -EBADF, -ENOTSOCK. */
int fd_socket(int fd, struct file **f, struct socket **s);
/* 0, -EFAULT, -EINVAL. to_len: a socklen_t, in: the room, out: the length. */
int address_from_user(u64 from, s32 len, struct socket_address *a);
int address_to_user(const struct socket_address *a, u64 to, u64 to_len);

#endif
