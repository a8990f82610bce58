/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short forms of what the tests of files and names do all the time. Each takes a path, resolves it
 * as the lookup `at` has it, and answers as the system call of its name would.
 */
#ifndef TESTS_UNIT_UNIT_FS_H
#define TESTS_UNIT_UNIT_FS_H

#include "fs/inode.h"
#include "tests/unit/fake_fs.h"

extern struct fs_context *fs;
extern struct cred *admin, *user; /* user: uid and gid 1000, in group 2000 */
extern struct lookup at;          /* by the administrator, unless a test changes it */

/* First: mount the image, or an empty file system in memory, and make the users. */
void mount_root(bool image);

/* flags LOOKUP_*; *out is the caller's to give back if 0 is returned. */
int find(const char *name, u32 flags, struct path *out);
/* What a look-up answers, links followed. */
int look(const char *name);
u64 ino(const char *name);
struct kstat stat_of(const char *name); /* a link's own */
/* Without . and .. */
u32 entries(const char *name);

/* Opened, perhaps created, and closed. */
int open_(const char *name, u32 flags, u32 mode);
/* A file's whole contents. */
void put(const char *name, const char *text);
const char *get(const char *name); /* valid until the next call */

int rename_(const char *a, const char *b, u32 flags);
int link_(const char *a, const char *b);
int chmod_(const char *name, u32 mode);
int chown_(const char *name, u32 uid, u32 gid);
int chdir_(const char *name);

#endif
