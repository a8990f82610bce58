/* SPDX-License-Identifier: Apache-2.0 */
/* Places in the file tree, and looking them up. */
#ifndef FS_PATH_H
#define FS_PATH_H

#include "core/mutex.h"
#include "core/types.h"

#include <linux/openat2.h>

struct mount;
struct dentry;
struct cred;
struct file;

#define NAME_MAX_ 255u
#define PATH_MAX_ 4096u

/* A dentry as seen through a mount. Holds a reference on each; dentry NULL: nowhere. */
struct path {
    struct mount *mnt;
    struct dentry *dentry;
};

void path_ref(const struct path *p);
void path_unref(const struct path *p);

/* A process's root, working directory and umask; shared with CLONE_FS. */
struct fs_context {
    u32 refs;          /* atomic: processes, and those who look */
    struct mutex lock; /* all but umask */
    struct path root, cwd;
    u32 umask;         /* atomic */
    u32 users;         /* processes that have it */
    u32 execs;         /* how often its only user is in an execve that may raise rights */
};

/* For one process. NULL: no memory. */
struct fs_context *fs_context_copy(struct fs_context *fs);
/* For one more process. -EAGAIN: the only one it has is in execve. */
int fs_context_share(struct fs_context *fs);
/* A process gives it up. */
void fs_context_leave(struct fs_context *fs);
/*
 * Whether the calling process is the only one that has it; if so it stays the only one until
 * fs_context_exec_end.
 */
bool fs_context_exec_begin(struct fs_context *fs);
void fs_context_exec_end(struct fs_context *fs);
/* To look at what others have. */
void fs_context_ref(struct fs_context *fs);
void fs_context_unref(struct fs_context *fs);

#define LOOKUP_FOLLOW    1u /* follow a link at the end */
#define LOOKUP_DIRECTORY 2u /* the end must be a directory */
#define LOOKUP_FROM_BASE 4u /* absolute paths begin at the base, too: RESOLVE_IN_ROOT */

/* What RESOLVE_BENEATH and RESOLVE_IN_ROOT hold a walk in: see path_scope_begin. */
struct lookup_scope {
    struct path root; /* a reference */
    u64 moves;        /* dentry_moves when the walk began */
};

struct lookup {
    struct fs_context *fs;
    const struct cred *cred;
    const struct path *base; /* where relative paths begin; NULL: the working directory */
    struct file *base_file;  /* the caller's */
    u32 flags;               /* LOOKUP_* */
    u64 resolve;             /* RESOLVE_* of openat2(2) */
    const struct lookup_scope *scope; /* NULL: a walk that needs one makes its own */
    bool behind_link;        /* the path is the text of a link in `base` */
};

static inline bool lookup_is_scoped(const struct lookup *l)
{
    return l->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT);
}

/*
 * The scope that l->resolve asks for, for several walks that belong together. `own` is l with it; -ENOTDIR: the base is no directory. path_scope_end is due in any case.
 */
int path_scope_begin(const struct lookup *l, struct lookup *own, struct lookup_scope *scope);
void path_scope_end(struct lookup_scope *scope);

/*
 * Find what a path names. On 0 *out carries references. -ENOENT, -ENOTDIR, -EACCES, -ELOOP,
 * -ENAMETOOLONG, -EIO, -ENOMEM; with RESOLVE_* -EXDEV, -EAGAIN (something was moved meanwhile, or
 * the file system would have to be asked).
 */
int path_lookup(const struct lookup *l, const char *name, struct path *out);

/*
 * Find the directory of the last component; on 0, dir carries references. A link in the last component
 * is the caller's to follow.
 */
struct last_name {
    struct path dir;
    u32 len;
    bool trailing; /* a slash follows it */
    bool special;  /* it is empty (the path is "/"), "." or ".." */
    char name[NAME_MAX_ + 1];
};
int path_lookup_parent(const struct lookup *l, const char *name, struct last_name *out);

/* The path's text as seen from fs's root: its length without NUL, -ENOENT (not reachable or removed),
 * -ERANGE. */
s64 path_text(struct fs_context *fs, const struct path *p, char *buf, size_t size);

#endif
