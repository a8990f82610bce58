/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors and files as the system calls need them. */
#ifndef LINUX_FILES_H
#define LINUX_FILES_H

#include "fs/file.h"
#include "fs/path.h"
#include "object/handle.h"

/*
 * The file or other object behind a descriptor, with a reference. -EBADF; files opened with O_PATH
 * are only returned where `path_too` says so, else -EBADF.
 */
int fd_get(int fd, struct object **out);
/*
 * The same, only files; -EINVAL for other objects. need: RIGHT_READ and RIGHT_WRITE that must be
 * there.
 */
int fd_file(int fd, u32 need, bool path_too, struct file **out);
/* One to read from and one to write to, for what is copied between them. */
int fd_two_files(int in_fd, int out_fd, struct file **in, struct file **out);
static inline void file_put(struct file *f)
{
    object_unref(&f->obj);
}

/* A new descriptor >= min for an object; takes over the reference in any case. -EMFILE, -ENOMEM. */
int fd_install(struct object *o, u32 rights, bool cloexec, u32 min);
/*
 * Two new descriptors, whose numbers are put at `to` (pipe(2), socketpair(2)); the files' references are
 * taken over. 0, or -errno and none is left.
 */
int fd_install_pair(struct file *f[2], const u32 rights[2], bool cloexec, u64 to);
/* Rights of a file opened with these O_* flags. */
u32 fd_rights(u32 open_flags);

/* Read into kernel memory at an offset: bytes or -errno. */
ssize_t file_read_at(struct file *f, u64 off, void *buf, size_t n);
/* The VMO to map of a regular file, with a reference. -ENODEV, -EACCES. */
int file_vmo(struct file *f, u32 prot, bool shared, u64 off, struct vmo **vmo, u64 *vmo_off);

/*
 * Copy in and check a vector of buffers; it is in `fast` (IOV_FAST elements) or in a block to be freed if
 * different from it. total: bytes of all. -EINVAL, -EFAULT, -ENOMEM.
 */
#define IOV_FAST 8u
int get_vector(u64 uiov, int n, struct iovec_k *fast, struct iovec_k **out, u64 *total);

/*
 * A path from ring 3: kernel copy to be freed with path_free. ERR: -EFAULT, -ENAMETOOLONG,
 * -ENOMEM.
 */
int path_from_user(u64 addr, char **out);
void path_free(char *path);

/* Where a look-up begins: fills l; call lookup_end after. -EBADF, -ENOTDIR. */
int lookup_begin(struct lookup *l, int dfd, const char *path, u32 flags);
void lookup_end(struct lookup *l);

#endif
