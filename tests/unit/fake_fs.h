/* SPDX-License-Identifier: Apache-2.0 */
/* A file service over a tree in memory (fake_fs.c), and mounts for tests. */
#ifndef TESTS_UNIT_FAKE_FS_H
#define TESTS_UNIT_FAKE_FS_H

#include "tests/unit/fake.h"

struct fs_context;

struct fake_name {
    struct fake_name *next;
    struct fake_node *node;
    char name[256];
};

struct fake_node {
    u64 ino, size;
    u32 mode, uid, gid, nlink;
    u8 *data;                       /* a file's contents, a link's text */
    const char *attr, *value;       /* its one extended attribute, or NULL */
    struct fake_name *first, *last; /* a directory's */
};

/* Make the image, before it is mounted. */
struct fake_node *fake_root(void);
struct fake_node *fake_dir(struct fake_node *dir, const char *name);
struct fake_node *fake_file(struct fake_node *dir, const char *name, const void *data, u64 size);
struct fake_node *fake_link(struct fake_node *dir, const char *name, const char *text);
/* One more name for a file. */
void fake_name(struct fake_node *dir, const char *name, struct fake_node *n);

/* Directories but the root that the kernel holds an id of. */
u32 fake_ids_in_use(void);

/* Mount the image, or an empty file system in memory, as the root of all. */
struct fs_context *fake_mount(bool image);

#endif
