/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside hostfs: the file system of the file service (hostcalls fs_*): the image, which nobody changes
 * while it is used, so that names, attributes and contents are kept for good; and volumes, which are
 * written through and coherent with the host, so that names are asked for each time.
 */
#ifndef FS_HOSTFS_H
#define FS_HOSTFS_H

#include "core/hostcall.h"
#include "core/radix.h"
#include "fs/inode.h"

struct listing;

struct hostfs_inode {
    struct inode inode;
    u32 node;               /* (i) directories: the service's id */
    bool is_volume;         /* (i) */
    bool writable;          /* (m) the open host file was opened for writing */
    u32 file;               /* (m) id of the open host file; 0: not open */
    u32 opens;              /* (m) files that are open for writing, volumes only */
    char *text;             /* (i) links */
    struct listing *listing;/* (m) image directories: entries, once read */
    struct vmo vmo;         /* regular files; its memory is this */
    struct radix runs;      /* under vmo.lock: chunk of the file -> struct window_run */
};

static inline struct hostfs_inode *hostfs_of(struct inode *i)
{
    return container_of(i, struct hostfs_inode, inode);
}

extern const struct inode_ops hostfs_image_ops, hostfs_volume_ops;
extern const struct file_ops hostfs_image_file_ops, hostfs_volume_file_ops, hostfs_dir_ops;
extern const struct vmo_ops hostfs_vmo_ops;

struct inode *hostfs_inode_create(struct superblock *sb, bool is_volume, const struct rv_attr *a,
                                  u32 node, const char *text, u32 text_len);
void hostfs_set_attr(struct inode *i, const struct rv_attr *a);
/* Directory node and name for a call about a dentry; the reference on the parent is the caller's. */
struct dentry *hostfs_place(struct dentry *d, u32 *node, char name[NAME_MAX_ + 1], u32 *len);
/* Open the host's file if it is not, or not for writing. inode->lock held. */
int hostfs_open_host(struct inode *i, struct dentry *d, bool write);
int hostfs_open(struct inode *i, struct file *f);

void listing_free(struct listing *l);

/* Directory operations of volumes (hostfs_names.c). */
int hostfs_make(struct inode *dir, struct dentry *d, const struct new_node *n, struct inode **out);
int hostfs_link(struct inode *dir, struct dentry *d, struct inode *target, struct dentry *from);
int hostfs_unlink(struct inode *dir, struct dentry *d);
int hostfs_rename(struct inode *from, struct dentry *a, struct inode *to, struct dentry *b, u32 flags);

#endif
