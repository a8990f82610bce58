/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model of a file system: a tree of nodes that knows what each operation is to answer. Operations
 * are done to it and to the real one, by absolute paths, and then both are compared.
 */
#ifndef TESTS_UNIT_MODEL_FS_H
#define TESTS_UNIT_MODEL_FS_H

#include <stdio.h>

#include "core/types.h"

struct file;

#define NAMES 7u
#define DIRS_MAX 60u /* no operation makes more; an image may have some more */

enum type { FILE_, DIR_, LINK_ };

struct mnode {
    enum type type;
    u32 nlink;       /* names; for directories 2 and one for each directory in it */
    u32 open;        /* files that are open */
    u8 *data;        /* contents, or the link's text with its NUL */
    u64 size;
    struct mnode *parent, *child[NAMES]; /* directories */
};

extern const char *const names[NAMES]; /* all that there are; elsewhere a name is an index here */
extern struct mnode *root;

/* What a failure says of when it happened. */
extern int step_number;
extern char last_op[1400];
#define SAY(...) snprintf(last_op, sizeof(last_op), __VA_ARGS__)
/* An operation's answer. */
void expect(s64 got, s64 want);

/* --- the tree (model_fs.c) -------------------------------------------------------------------- */

/* With one name, which add gives it; data NULL: zeros. */
struct mnode *new_node(enum type type, const void *data, u64 size);
/* Free a node that has neither a name nor an open file. */
void put_node(struct mnode *n);
void add(struct mnode *dir, u32 name, struct mnode *n);
/* Out of its directory, to be added elsewhere ... */
struct mnode *take(struct mnode *dir, u32 name);
/* ... or with one name less for good. */
void drop(struct mnode *dir, u32 name);
bool is_empty(const struct mnode *n);
bool is_below(const struct mnode *n, const struct mnode *top); /* or the same */

u32 count_dirs(void);
struct mnode *random_dir(void);
void dir_path(const struct mnode *n, char *buf); /* "" for the root */
/* The absolute path of a name in a directory; now and then with what changes nothing. */
const char *path_of(const struct mnode *dir, u32 name, char *buf);

/* --- operations (model_fs_ops.c) -------------------------------------------------------------- */

/* One at random. Some keep a file open; close_all closes those. */
void random_op(void);
void close_all(void);

/* --- comparing (model_fs_check.c) ------------------------------------------------------------- */

void check_contents(struct file *f, const struct mnode *n, u64 off, u64 len);
/* All below a directory. path: as dir_path writes it. */
void check_tree(const struct mnode *n, const char *path);

#endif
