/* SPDX-License-Identifier: Apache-2.0 */
/* An open file: what a descriptor of Linux stands for (an "open file description"). */
#ifndef FS_FILE_H
#define FS_FILE_H

#include "core/mutex.h"
#include "fs/path.h"
#include "fs/uio.h"
#include "object/object.h"

struct inode;
struct vmo;
struct file;
struct text;

/* Called for each entry; nonzero ends the listing before this entry is taken. */
typedef int readdir_fill(void *arg, const char *name, u32 len, u64 ino, u8 type, u64 next);

/* A missing function is an operation the file does not have. All may park. */
struct file_ops {
    const char *name; /* of files without an inode, as /proc/PID/fd shows it: "[eventfd]" */
    /* Bytes or -errno; *pos is used and moved, NULL where there is no position (no seek). */
    ssize_t (*read)(struct file *f, struct uio *u, u64 *pos);
    ssize_t (*write)(struct file *f, struct uio *u, u64 *pos);
    /* lseek(2); pos_lock held. Its absence makes the file unseekable (ESPIPE). */
    s64 (*seek)(struct file *f, s64 off, int whence);
    /* From f->pos on, which it moves; pos_lock held. */
    int (*readdir)(struct file *f, readdir_fill *fill, void *arg);
    s64 (*ioctl)(struct file *f, u32 cmd, u64 arg);
    /* The VMO to map, with a reference, and the offset in it. *vmo NULL: anonymous memory. */
    int (*mmap)(struct file *f, u64 off, u32 prot, bool shared, struct vmo **vmo, u64 *vmo_off);
    int (*sync)(struct file *f, bool data_only);
    int (*allocate)(struct file *f, int mode, u64 off, u64 len);
    /* What proc(5) shows in fdinfo besides what all files have; may be missing. */
    void (*fdinfo)(struct file *f, struct text *t);
    /* O_NONBLOCK and the like have changed; may be missing. */
    void (*flags_changed)(struct file *f);
    /* The last reference is gone. */
    void (*release)(struct file *f);
};

struct file {
    struct object obj;
    const struct file_ops *ops;
    u32 flags;             /* O_*; F_SETFL changes some, atomically */
    struct mutex pos_lock;
    u64 pos;               /* under pos_lock */
    struct path path;      /* dentry NULL: it has no name */
    struct inode *inode;   /* a reference, or NULL */
    s8 claim;              /* +1 it writes, -1 it is executed: inode_claim; 0 neither */
    void *priv;
};

/* A file without a name; NULL: no memory. signals: SIG_* set from the beginning. */
struct file *file_create(const struct file_ops *ops, u32 flags, u32 signals, void *priv);
extern const struct object_ops file_object_ops;
/* NULL: not a file. */
static inline struct file *file_of(struct object *o)
{
    return o->ops == &file_object_ops ? container_of(o, struct file, obj) : NULL;
}
/* F_SETFL: change the bits of mask. 0. */
s64 file_set_flags(struct file *f, u32 mask, u32 bits);
/* Called when a file ends, before release; set by linux/ (locks). */
extern void (*file_ended)(struct file *f);

/* lseek for files with a size. */
s64 file_seek_size(struct file *f, s64 off, int whence, u64 size);

/* Signals of files that are always ready. */
#define FILE_READY (SIG_READABLE | SIG_WRITABLE)

/* pipe(7). flags: O_NONBLOCK for both ends. 0, -ENOMEM. */
int pipe_create(struct file **reader, struct file **writer, u32 flags);
s64 pipe_set_size(struct file *f, u64 size); /* the new size; -EBADF: not a pipe; -EBUSY, -EPERM */
s64 pipe_get_size(struct file *f);

/*
 * splice(2), tee(2), vmsplice(2), of at most n > 0 bytes: bytes moved, 0 at the end, -EAGAIN with nonblock,
 * -EPIPE (no signal is sent), -ERESTART. Pipes are such (file_is_pipe), and with the needed direction; the
 * other file has read or write. *pos as in file_ops. keep: the first pipe still has it all.
 */
bool file_is_pipe(struct file *f);
bool same_pipe(struct file *a, struct file *b);
ssize_t splice_from_pipe(struct file *in, struct file *out, u64 *pos, u64 n, bool nonblock);
ssize_t splice_to_pipe(struct file *in, u64 *pos, struct file *out, u64 n, bool nonblock);
ssize_t splice_pipes(struct file *in, struct file *out, u64 n, bool nonblock, bool keep);
ssize_t splice_to_user(struct file *in, struct uio *u, bool nonblock);
ssize_t splice_from_user(struct uio *u, struct file *out, bool nonblock);

/* The inherited descriptor 0, 1 or 2; NULL: it is closed outside, or no memory. */
struct file *stdio_open(int fd);

#endif
