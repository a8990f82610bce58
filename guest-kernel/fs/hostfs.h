/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside hostfs: the file system of the file service (hostcalls fs_*).
 *
 * The image: nobody changes it while it is used, so names, attributes and contents are kept for good.
 * Whatever the container changes stays in guest memory, on the same inodes and dentries: attributes are
 * fields, a written page is a frame of the VMO instead of the host's page, a name made or moved here is
 * a dentry marked `upper`, and one that was removed leaves a negative dentry over the image's entry
 * (`covers`). So nothing is ever copied up as a whole, and no change makes an exit.
 *
 * Volumes: written through and coherent with the host, so names are asked for each time.
 */
#ifndef FS_HOSTFS_H
#define FS_HOSTFS_H

#include "core/hostcall.h"
#include "core/radix.h"
#include "fs/inode.h"

struct listing;

/*
 * Names to give back when the host has no more descriptors for us (ENFILE): cached names of volumes
 * keep their files open.
 */
#define FILES_BACK 256u

struct hostfs_inode {
    struct inode inode;
    u32 node;               /* (i) directories: the service's id */
    bool is_volume;         /* (i) */
    bool writable;          /* (m) the open host file was opened for writing */
    u32 file;               /* (m) id of the open host file; 0: not open */
    u32 opens;              /* (m) files that are open for writing, volumes only */
    union {
        char *text;         /* (i) links */
        char *host_name;    /* (i) image files: the name in host_dir; it may be renamed here */
    };
    struct listing *listing;/* (m) image directories: entries, once read */
    u32 beside;             /* (m) image directories: names to look up with the next one, see
                               hostfs_beside.c; 0: no program has listed it */
    u64 host_size;          /* (i) image files: bytes in the image ... */
    u64 host_end;           /* (m) ... of which this many from the start still count: after a
                               truncation the rest is zeros, whatever the size is later */
    struct inode *host_dir; /* (i) image files: a reference; NULL for the root */
    u64 read_through;       /* (a) image files: bytes read without entering pages (hostfs_read.c) */
    u64 host_dev;           /* (i) image files with several names: st_dev, and the node in ... */
    struct tree_node by_ino;/* ... the table by which all names find one inode (hostfs_image.c) */
    bool shared;            /* (i) it is in that table */
    bool kept;              /* (under the table's lock) the table has a reference, see there */
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

/*
 * The inode of an entry that the host has in a directory (NULL: of a root) under a name; text: of a
 * link. NULL: no memory.
 */
struct inode *hostfs_inode_create(struct superblock *sb, struct inode *dir, const char *name, u32 len,
                                  const struct rv_attr *a, u32 node, const char *text,
                                  u32 text_len);
void hostfs_set_attr(struct inode *i, const struct rv_attr *a);
/*
 * Directory node and name for a call about a dentry; the reference on the parent is the caller's.
 * NULL: a root, or it is not under that name any more.
 */
struct dentry *hostfs_place(struct dentry *d, u32 *node, char name[NAME_MAX_ + 1], u32 *len);
/* Open the host's file if it is not, or not for writing. inode->lock held. */
int hostfs_open_host(struct inode *i, struct dentry *d, bool write);
int hostfs_open(struct inode *i, struct file *f);

/*
 * For a file_read with RV_READ_NOW: the user's memory for the next bytes, up to n, as the call's first
 * outputs (io is empty), with room for one more. Returns the bytes; 0: there is none that the host may
 * write to. If not 0, _end follows, at once after the call, with the bytes read into it.
 */
#define HOSTFS_DIRECT_MAX (UINT64_C(512) << 10)
u64 hostfs_direct_begin(struct uio *u, u64 n, struct hc_io *io);
void hostfs_direct_end(struct uio *u, u64 did);

void listing_free(struct listing *l);
/* Read an image directory's listing, if it is not there yet; the directory is locked. */
int hostfs_load_listing(struct inode *dir);
/*
 * Look up the entry of an image directory's listing together with some that follow it, which stay in the
 * cache; the directory is locked. *out: the entry's dentry, with a reference; NULL if it was not
 * among the answers. 0 or a negative errno.
 */
int hostfs_lookup_beside(struct dentry *parent, const struct rv_dirent *e, struct dentry **out);
/*
 * Make the dentry that a walk's answer tells of, and enter it unless there is one. *own: ours, perhaps
 * without the reference that the result has; only to be compared. NULL: no memory.
 */
struct dentry *hostfs_enter(struct dentry *parent, const char *name, u32 len,
                            const struct rv_walk_entry *e, struct dentry **own);
/* Give back the directories of a walk's answer from pos on, which nobody has use for. */
void hostfs_forget_rest(const u8 *reply, u64 pos, u64 len);
/* The entry of a name that the image's directory has, or NULL; of a listing that an inode has. */
const struct rv_dirent *listing_find(const struct listing *l, const char *name, u32 len);
/* The entry that follows, in the order in which programs are told of them; NULL: it was the last. */
const struct rv_dirent *listing_next(const struct listing *l, const struct rv_dirent *e);
/* Call each for every name of the listing until it returns nonzero, which is returned. */
int listing_each(const struct listing *l,
                 int (*each)(void *arg, const char *name, u32 len, const struct rv_dirent *e),
                 void *arg);

/* Operations of the image's inodes on what is only in memory (hostfs_image.c). */
int image_make(struct inode *dir, struct dentry *d, const struct new_node *n, struct inode **out);
int image_link(struct inode *dir, struct dentry *d, struct inode *target, struct dentry *from);
int image_unlink(struct inode *dir, struct dentry *d);
void image_name_removed(struct inode *i);
int image_rename(struct inode *from, struct dentry *a, struct inode *to, struct dentry *b, u32 flags);
int image_is_empty(struct dentry *d);
int image_setattr(struct inode *i, const struct attr_change *c);
s64 image_getxattr(struct inode *i, struct dentry *d, const char *name, void *buf, size_t size);
s64 image_listxattr(struct inode *i, struct dentry *d, bool privileged, char *buf, size_t size);
int image_setxattr(struct inode *i, struct dentry *d, const char *name, const void *value,
                   size_t size, int flags);
/* The inode that another name of the same file has, with a reference, or NULL. */
struct inode *image_find_shared(const struct rv_attr *a);
/* Enter a new inode for others to find; the one that is there by now, with a reference, or NULL. */
struct inode *image_enter_shared(struct hostfs_inode *h);
void image_leave_shared(struct hostfs_inode *h);

s64 volume_getxattr(struct inode *i, struct dentry *d, const char *name, void *buf, size_t size);
s64 volume_listxattr(struct inode *i, struct dentry *d, bool privileged, char *buf, size_t size);
int volume_setxattr(struct inode *i, struct dentry *d, const char *name, const void *value,
                    size_t size, int flags);

/* Directory operations of volumes (hostfs_names.c). */
int hostfs_make(struct inode *dir, struct dentry *d, const struct new_node *n, struct inode **out);
int hostfs_tmpfile(struct inode *dir, const struct new_node *n, bool linkable, struct inode **out);
int hostfs_link(struct inode *dir, struct dentry *d, struct inode *target, struct dentry *from);
int hostfs_unlink(struct inode *dir, struct dentry *d);
int hostfs_rename(struct inode *from, struct dentry *a, struct inode *to, struct dentry *b, u32 flags);

#endif
