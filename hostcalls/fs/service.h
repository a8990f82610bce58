/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the file service: one request, and the functions that serve them by hostcall number. */
#ifndef RV_FS_SERVICE_H
#define RV_FS_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hostcalls/abi.h"

struct node;

/* A request as one thread of the service works on it. */
struct call {
    uint64_t arg[6]; /* copies: any 64-bit value */
    const char *in;  /* the inputs, a copy */
    size_t in_len;
    char *out; /* shared with the VMM: write, never read back */
    size_t out_max;
    size_t out_used; /* set by the handler */
    int fd;          /* set by the handler: handed to the VMM and closed here; -1: none */
};

/* The handlers return what the hostcall returns: >= 0 or a negative errno. */
int64_t fs_walk(struct call *c);
int64_t fs_readdir(struct call *c);
int64_t fs_open(struct call *c);
int64_t fs_create(struct call *c);
int64_t fs_tmpfile(struct call *c);
int64_t fs_mkdir(struct call *c);
int64_t fs_symlink(struct call *c);
int64_t fs_mknod(struct call *c);
int64_t fs_link(struct call *c);
int64_t fs_unlink(struct call *c);
int64_t fs_rename(struct call *c);
int64_t fs_setattr(struct call *c);
int64_t fs_sync(struct call *c);
int64_t fs_statfs(struct call *c);
int64_t fs_getxattr(struct call *c);
int64_t fs_listxattr(struct call *c);
int64_t fs_setxattr(struct call *c);

/* A 32-bit argument, checked by the VMM's table; a value that is too large becomes the largest. */
uint32_t call_u32(const struct call *c, int i);

/* Get node arg[i] for use; with `change`, -EROFS if its root is read-only, or it is hollow. */
int call_node(const struct call *c, int i, bool change, struct node **out);

/* The whole input, or two names of which the first has arg[i] bytes. */
int call_name(const struct call *c, char name[256]);
int call_names(const struct call *c, int i, char first[256], char second[256]);

/*
 * Look at `name` in the directory; its attributes too. A descriptor (O_PATH). -ENOENT in a hollow
 * directory; -EACCES: a file that shows the kernel's state, which is mounted there alone.
 */
int call_look(struct node *dir, const char *name, struct rv_attr *a);

/* Append to the output. False: there is no room. */
bool call_reply(struct call *c, const void *p, size_t len);

/*
 * Append a walk entry with the state of `name` in the directory, if there is room for one. The
 * node of a directory is made, and put into *child for use if that is not NULL. Returns 0 if name
 * is a directory, 1 if it is something else (or is not there), -ENOSPC if it did not fit.
 */
int walk_entry(struct call *c, struct node *dir, const char *name, bool with_text,
               struct node **child);

/*
 * Give a file that was just made its owner and mode. Where the service has no right to (it runs as
 * an ordinary user without a user namespace) files belong to that user, and lose set-id bits.
 */
int own_new(struct node *dir, int fd, uint32_t uid, uint32_t gid, uint32_t mode, bool has_mode);

/* The mode that a file in this directory may have: `mode`, of the same type, perhaps without set-id. */
uint32_t own_mode(const struct node *dir, uint32_t mode);

/* Whether execve would raise rights by the open file's attributes. */
bool has_file_caps(int fd);

/* Whether fs_listxattr would tell nothing of the open file; false: perhaps not. */
bool has_no_xattrs(int fd);

#endif
