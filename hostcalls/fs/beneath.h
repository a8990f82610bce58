/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaching files beneath a directory descriptor, and nowhere else: one component at a time, no
 * links, no magic. A file is first looked at (O_PATH, which opens nothing), and what is then opened
 * or changed is that very file, by its descriptor. Descriptors or 0, else a negative errno.
 */
#ifndef RV_FS_BENEATH_H
#define RV_FS_BENEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hostcalls/abi.h"

/*
 * Set up: the service's own descriptors as a folder (/proc/self/fd), through which a looked-at file
 * is opened. Owned from then on.
 */
void beneath_init(int fd_dir);

/* A component as a string. -ENAMETOOLONG; -EINVAL: empty, '.', '..', or with a '/' or NUL in it. */
int beneath_name(char name[256], const char *text, size_t len);

/* Look at a file of any type; a link is looked at itself. */
int beneath_look(int dir, const char *name);
/* Look at a directory again by a path of ordinary names. */
int beneath_again(int dir, const char *path);
/* The directory itself, for reading it or fsync. */
int beneath_list(int dir);
/* Create a regular file that does not exist, for reading and writing, with mode 0. */
int beneath_create(int dir, const char *name);

/* One without a name, which cannot get one. -EOPNOTSUPP: the file system cannot do that. */
int beneath_tmpfile(int dir);

/* Open a file that was looked at and is of a regular type. flags: O_RDONLY, O_WRONLY or O_RDWR. */
int beneath_open(int looked, int flags);
/* Set owner, then the mode (permission and set-id bits), as chown clears some. */
int beneath_chown(int looked, uint32_t uid, uint32_t gid);
int beneath_chmod(int looked, uint32_t mode);

/*
 * Whether the file is of a file system that shows the kernel's state (procfs, sysfs, cgroups and the
 * like) under names of files, or one whose kind cannot be told.
 */
bool beneath_is_state(int fd);

/* Attributes of an open or looked-at file. */
int beneath_attr(int fd, struct rv_attr *a);

#endif
