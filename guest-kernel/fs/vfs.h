/* SPDX-License-Identifier: Apache-2.0 */
/* The file tree as the system calls use it. Names are looked up with the rights of l->cred. */
#ifndef FS_VFS_H
#define FS_VFS_H

#include "fs/cred.h"
#include "fs/file.h"
#include "fs/path.h"

struct inode;

/* Attributes, as struct stat; times in ns since the epoch, signed; blocks of 512 bytes. */
struct kstat {
    u64 dev, ino, rdev, size, blksize, blocks;
    u64 atime, mtime, ctime, btime; /* btime 0: not known */
    u32 mode, nlink, uid, gid;
};

struct kstatfs {
    u64 type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize, flags;
};

/* For vfs_utimens. */
#define TIME_NOW  (UINT64_C(1) << 63)
#define TIME_OMIT ((UINT64_C(1) << 63) + 1)

int vfs_open(const struct lookup *l, const char *name, u32 flags, u32 mode, struct file **out);
/*
 * For execve: a regular file that may be executed; flags: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW. Nobody may
 * write to it until the file ends, or file_unclaim. -ETXTBSY: somebody does.
 */
int vfs_open_exec(const struct lookup *l, const char *name, int flags, struct file **out);
void file_unclaim(struct file *f);

/*
 * memfd_create(2): a file in memory with this name for /proc, open for reading and writing; seals: F_SEAL_*
 * that it has from the beginning. 0, -ENOMEM.
 */
int memfd_make(const char *name, u32 mode, u32 seals, struct file **out);
/* fcntl(2), F_GET_SEALS and F_ADD_SEALS: the seals, 0, or -EINVAL (not in memory), -EPERM, -EBUSY. */
int memfd_get_seals(struct file *f);
int memfd_add_seals(struct file *f, u32 seals);
/*
 * Around the making of a shared mapping: no seals come in between. -EPERM: those that are there forbid it;
 * or they make it a read-only one for good (max_prot). In any case memfd_map_end is due.
 */
int memfd_map_begin(struct file *f, u32 prot, u32 *max_prot, struct inode **held);
void memfd_map_end(struct inode *held);
/* Make the file system for them, once, before the first. 0 or -ENOMEM. */
int memfd_boot(void);

int vfs_mkdir(const struct lookup *l, const char *name, u32 mode);
int vfs_mknod(const struct lookup *l, const char *name, u32 mode, u64 dev);
/* bind(2) of a local socket: as mknod, and where the node is, with references. */
int vfs_make_socket(const struct lookup *l, const char *name, u32 mode, struct path *out);
int vfs_symlink(const char *text, const struct lookup *l, const char *name);
int vfs_link(const struct path *from, const struct lookup *l, const char *name);
int vfs_unlink(const struct lookup *l, const char *name);
int vfs_rmdir(const struct lookup *l, const char *name);
/* flags: RENAME_NOREPLACE, RENAME_EXCHANGE */
int vfs_rename(const struct lookup *from, const char *from_name, const struct lookup *to,
               const char *to_name, u32 flags);
/* Bytes put into buf (no NUL), or -EINVAL: not a link. */
s64 vfs_readlink(const struct path *p, char *buf, size_t size);
/* Make it the working directory, or the root. */
int vfs_chdir(const struct path *p, const struct cred *c, struct fs_context *fs, bool root);

int vfs_stat(const struct path *p, struct kstat *st);
int vfs_fstat(struct file *f, struct kstat *st);
int vfs_statfs(const struct path *p, struct kstatfs *st);
int vfs_fstatfs(struct file *f, struct kstatfs *st);
/* mode: R_OK 4, W_OK 2, X_OK 1, or 0: it is there. */
int vfs_access(const struct path *p, const struct cred *c, u32 mode);
int vfs_chmod(const struct path *p, const struct cred *c, u32 mode);
int vfs_chown(const struct path *p, const struct cred *c, u32 uid, u32 gid); /* UINT32_MAX: keep */
int vfs_utimens(const struct path *p, const struct cred *c, u64 atime, u64 mtime);
/*
 * The same by an open file, which need not have a name: pipes and sockets have attributes too.
 * -EOPNOTSUPP: it has none (eventfd and the like).
 */
int vfs_fchmod(struct file *f, const struct cred *c, u32 mode);
int vfs_fchown(struct file *f, const struct cred *c, u32 uid, u32 gid);
int vfs_futimens(struct file *f, const struct cred *c, u64 atime, u64 mtime);
int vfs_truncate(const struct path *p, const struct cred *c, u64 size);
int vfs_open_truncate(const struct path *p, const struct cred *c); /* to 0 bytes: O_TRUNC */
int vfs_ftruncate(struct file *f, u64 size);
s64 vfs_sync_all(void);

/* Mount everything that the boot data name; the first process's context. 0 or -errno. */
int fs_boot(struct fs_context **out);

#endif
