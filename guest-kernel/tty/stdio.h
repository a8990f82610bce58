/* SPDX-License-Identifier: Apache-2.0 */
/* The inherited descriptors, for the terminal above them: kernel buffers in and out. */
#ifndef TTY_STDIO_H
#define TTY_STDIO_H

#include "fs/file.h"
#include "object/object.h"

struct superblock;

extern u32 stdio_mode[3]; /* st_mode of each; 0: closed */

void stdio_boot(void);
/* All n bytes, or how many before an error; -errno. -EINTR: the caller is being killed. */
ssize_t stdio_write_buf(u32 fd, const void *buf, size_t n);
/* What is there, at most n bytes; waits for something. 0: the end. */
ssize_t stdio_read_buf(u32 fd, void *buf, size_t n);
/* Show on the object when the descriptor has something to read: SIG_READABLE until the next read. */
void stdio_watch(u32 fd, struct object *shown_on);

/* At the place that the caller's description has: it is shared with the caller. */
ssize_t stdio_read(struct file *f, struct uio *u, u64 *pos);
ssize_t stdio_write(struct file *f, struct uio *u, u64 *pos);

/* An inherited descriptor that is a regular file (stdio_file.c). priv is its number. */
extern const struct file_ops stdio_file_ops;
struct inode *stdio_file_inode(u32 fd, struct superblock *sb);

#endif
