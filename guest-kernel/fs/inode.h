/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside fs/: inodes, the names under which they are known (dentries), and mounts.
 *
 * Locks: inode->lock (mutex) of a directory guards what its file system has in it and is held over
 * make, link, unlink and rename; two directories are locked in the order of their addresses, after
 * rename_mutex. dentry->lock (RANK_FS) guards the children of a dentry. tree_lock (RANK_FS + 1)
 * guards every dentry's parent and name, and is held for moments only. names.lock (RANK_FS + 2,
 * dentry.c) guards the list of names that may be given back.
 *
 * Lock legend: (i) set at creation  (a) atomic  (m) inode->lock  (d) dentry->lock  (t) tree_lock
 */
#ifndef FS_INODE_H
#define FS_INODE_H

#include "core/list.h"
#include "core/refs.h"
#include "core/tree.h"
#include "fs/cred.h"
#include "fs/file.h"
#include "fs/vfs.h"
#include "mm/vmo.h"

#define S_IFMT_   0170000u
#define S_IFSOCK_ 0140000u
#define S_IFLNK_  0120000u
#define S_IFREG_  0100000u
#define S_IFBLK_  0060000u
#define S_IFDIR_  0040000u
#define S_IFCHR_  0020000u
#define S_IFIFO_  0010000u
#define S_ISUID_  04000u
#define S_ISGID_  02000u
#define S_ISVTX_  01000u

#define F_SEAL_EXEC_ 0x20u /* fcntl(2); newer than the headers */

struct superblock;
struct inode;
struct pipe;
struct socket;
struct xattr;

/* Attributes to be changed. */
#define SET_MODE  1u
#define SET_UID   2u
#define SET_GID   4u
#define SET_SIZE  8u
#define SET_ATIME 16u
#define SET_MTIME 32u
struct attr_change {
    u32 mask;
    u32 mode, uid, gid;
    u64 size, atime, mtime;
    bool touch;            /* with SET_SIZE: the times are set even if the size stays */
    struct dentry *dentry; /* a name of it, for file systems that need one */
};

/* A node to be made. */
struct new_node {
    u32 mode;         /* with its type */
    u32 uid, gid;
    u64 rdev;
    const char *text; /* of a link */
};

struct inode_ops {
    /*
     * Look up a name that has no dentry; parent is locked (m). `rest` is what follows in the path, for
     * file systems that can walk on. On 0 *out is a new child of parent with a reference, perhaps
     * negative. NULL: all names have dentries.
     */
    int (*lookup)(struct dentry *parent, const char *name, u32 len, const char *rest,
                  struct dentry **out);
    /* Whether a dentry found in the cache is still true; NULL: always. */
    bool (*valid)(struct dentry *d);
    /* Directories; NULL: -EROFS. The directory is locked (m), the dentry negative. */
    int (*make)(struct inode *dir, struct dentry *d, const struct new_node *node, struct inode **out);
    /* A file without a name, of which nlink becomes 0 (O_TMPFILE). NULL: -EOPNOTSUPP. */
    int (*tmpfile)(struct inode *dir, const struct new_node *node, bool linkable,
                   struct inode **out);
    int (*link)(struct inode *dir, struct dentry *d, struct inode *target, struct dentry *from);
    int (*unlink)(struct inode *dir, struct dentry *d);  /* also directories; see is_empty */
    int (*rename)(struct inode *from, struct dentry *a, struct inode *to, struct dentry *b, u32 flags);
    /* Whether a directory has no entries, or -errno; locked (m). NULL: unlink finds out. */
    int (*is_empty)(struct dentry *d);
    /* A name of the inode was removed, nlink says what is left; the dentry still has it. May be NULL. */
    void (*name_removed)(struct inode *inode);
    /* Change attributes in the file system; the inode's fields are changed by the caller after. NULL:
     * only the fields change. */
    int (*setattr)(struct inode *inode, const struct attr_change *c);
    /* Bring the fields up to date; NULL: they are. */
    int (*getattr)(struct inode *inode);
    /* Extended attributes, as fs/xattr.h says; locked (m). NULL: there are none. */
    s64 (*getxattr)(struct inode *inode, struct dentry *d, const char *name, void *buf,
                    size_t size);
    s64 (*listxattr)(struct inode *inode, struct dentry *d, bool privileged, char *buf,
                     size_t size);
    int (*setxattr)(struct inode *inode, struct dentry *d, const char *name, const void *value,
                    size_t size, int flags);
    /* Prepare f, whose ops are set to inode->fops. May be NULL. */
    int (*open)(struct inode *inode, struct file *f);
    /* The text of a link: bytes, no NUL. */
    s64 (*readlink)(struct inode *inode, char *buf, size_t size);
    /* Links that lead to an object itself, whatever their text: where to, with references. */
    int (*follow)(struct inode *inode, struct path *out);
    /* What stands for an object that no inode can open anew: the file to use, with a reference. Flags
     * of open(2), which change nothing if it is the same file again. */
    int (*reopen)(struct inode *inode, u32 flags, struct file **out);
    void (*destroy)(struct inode *inode); /* free all of it */
};

struct inode {
    u32 refs;                    /* (a) */
    u32 mode;                    /* (m) */
    u32 uid, gid, nlink;         /* (m) */
    bool linkable;               /* (a) has no name but may get one: O_TMPFILE without O_EXCL */
    u8 seals;                    /* (m) F_SEAL_* of files in memory: see fs/memfd.c */
    s32 claims;                  /* (a) see inode_claim */
    bool watched;                /* somebody wants its events: see fs/notify.h, which guards it */
    const struct inode_ops *ops; /* (i) */
    const struct file_ops *fops; /* (i) */
    struct superblock *sb;       /* (i) */
    struct mutex lock;
    u64 ino, rdev;               /* (i) */
    u64 size;                    /* (m) bytes; regular files with a VMO: its size counts */
    u64 blocks;                  /* (m) units of 512 bytes; files in memory: what their VMO has */
    u64 atime, mtime, ctime, btime;
    struct vmo *vmo;             /* (i) contents of a regular file, or NULL */
    struct pipe *fifo;           /* (m) of a FIFO while it is open */
    struct socket *socket;       /* net/: what is bound to it; guarded there, no reference */
    struct xattr *xattrs;        /* (m) extended attributes in memory, see fs/xattr.h */
};

struct dentry {
    u32 refs;              /* (a) users; children hold one on their parent */
    bool pinned;           /* (d of the parent) stays in the cache without users: memory file systems */
    bool hashed;           /* (d of the parent) it is in its parent's table */
    bool upper;            /* (m of the parent) in a file system of the host: exists in memory only */
    bool covers;           /* (m of the parent) the image below has an entry of this name */
    bool listed;           /* (d of the parent) it is among the names that may be given back */
    bool used;             /* (d of the parent) it was found since it was last looked at for that */
    u32 len;               /* (t) */
    char *name;            /* (t) */
    struct dentry *parent; /* (t) NULL: root of a file system */
    struct inode *inode;   /* (a) a reference; NULL: the name is known not to exist */
    struct mount *mounted; /* (a) what is mounted here */
    struct spinlock lock;
    struct tree children;  /* (d) dentry.node, by hash of the name */
    struct list ordered;   /* (d) dentry.sibling, by seq */
    struct tree_node node; /* (d of the parent) */
    struct list sibling;   /* (d of the parent) */
    u64 seq;               /* (d of the parent) grows with each new child: position for readdir */
    u64 next_seq;          /* (d) */
    struct list lru;       /* names.lock */
};

struct superblock {
    u64 dev;       /* (i) */
    bool readonly; /* (i) */
    bool overlay;  /* (i) an image, which is changed in memory only: see dentry.upper */
    u64 magic;     /* (i) statfs(2) f_type */
    u64 last_ino;  /* (a) */
    bool asks;     /* (i) a volume: every name can be asked for again, so none need stay */
    bool uncached; /* (i) a dentry that is in no table need not have been removed */
    int (*statfs)(struct superblock *sb, struct kstatfs *st);
    void *priv;
};

struct mount {
    struct superblock *sb;
    struct dentry *root;   /* a reference */
    struct path at;        /* where it is mounted; dentry NULL: the root of all */
    bool readonly;
    u32 id;                /* from 1 on */
    struct list node;      /* in all_mounts, which only grows, before the first process runs */
};

extern struct mutex rename_mutex;
extern struct spinlock tree_lock;
extern struct path root_path;
extern struct list all_mounts;

/* inodes */
void inode_init(struct inode *i, struct superblock *sb, const struct inode_ops *ops,
                const struct file_ops *fops, u32 mode);
void inode_unref(struct inode *i);
static inline void inode_ref(struct inode *i)
{
    refs_get(&i->refs);
}
static inline u32 inode_type(const struct inode *i)
{
    return i->mode & S_IFMT_;
}
static inline bool inode_is_dir(const struct inode *i)
{
    return inode_type(i) == S_IFDIR_;
}
/* mask: 4 read, 2 write, 1 execute or search. 0 or -EACCES. */
int inode_permission(const struct inode *i, const struct cred *c, u32 mask);
/*
 * The current process has changed the contents or the size: the times, and what a program must not keep
 * then: its capabilities, and its set-ID bits unless CAP_FSETID keeps them (write(2), inode(7)). Whoever
 * writes, truncates, allocates or splices ends here. Locked (m).
 */
void inode_changed(struct inode *i);
/* The same without the times. */
void inode_drop_privileges(struct inode *i);
/* The set-ID bits of i that go when c changes its contents, which CAP_FSETID forbids, or its owner. */
u32 inode_lost_bits(const struct inode *i, const struct cred *c);
bool inode_owner_or_capable(const struct inode *i, const struct cred *c);
u64 superblock_new_dev(void);

/* dentries (dentry.c) */
struct dentry *dentry_create(struct dentry *parent, const char *name, u32 len, struct inode *inode);
void dentry_ref(struct dentry *d);
void dentry_unref(struct dentry *d);
/* A child in the cache, with a reference, or NULL. */
struct dentry *dentry_find(struct dentry *parent, const char *name, u32 len);
/* Enter a new dentry into its parent's table, or drop it for the one that is there; a reference. */
struct dentry *dentry_enter(struct dentry *d);
/*
 * Names that can be asked for again are kept only up to a number; beyond it those go that nobody
 * uses. dentry_prune: give back up to n now. False: there was none. No spinlock may be held.
 */
bool dentry_prune(u32 n);
/* Take it out of the table: a later look-up asks the file system. */
void dentry_drop(struct dentry *d);
/* The same for all in a directory that was removed: its negative ones, which hold it. */
void dentry_drop_children(struct dentry *d);
/* Give a negative dentry its inode (takes over the reference), or make one negative. */
void dentry_set_inode(struct dentry *d, struct inode *inode);
/* Move to another place, and to a name from kmalloc, which it takes over. rename_mutex held. */
void dentry_move(struct dentry *d, struct dentry *new_parent, char *name, u32 len);
/* Let two that are in their tables take each other's place and name. rename_mutex held. */
void dentry_exchange(struct dentry *a, struct dentry *b);
struct dentry *dentry_parent(struct dentry *d); /* with a reference; NULL: a root */
/*
 * How often something was moved. Who reads it, takes steps up, and reads the same again has not left what
 * he was in before. Acquires.
 */
u64 dentry_moves(void);
/*
 * First child with an inode and a position >= *seq (only_upper: and in memory only), with a reference;
 * *seq becomes its position. NULL: there are no more.
 */
struct dentry *dentry_next_child(struct dentry *d, u64 *seq, bool only_upper);
u64 name_hash(const char *name, u32 len);

/* Find or look up one name; *out with a reference, perhaps negative. */
int lookup_one(struct dentry *dir, const char *name, u32 len, const char *rest, struct dentry **out);

/*
 * With the directory locked: what the name stands for now, since *d was found without the lock; *d is
 * replaced if need be. 0; -ENOENT: the directory was removed; -ENOMEM.
 */
int name_again(struct last_name *n, struct dentry **d);
/* Where a link with inode_ops.follow leads, if l->resolve allows it. from: the mount it is in. */
int link_follow(const struct lookup *l, struct inode *link, const struct mount *from,
                struct path *out);
/* As path_text, but what was removed is shown by its last name and " (deleted)". */
s64 path_text_removed(struct fs_context *fs, const struct path *p, char *buf, size_t size);

/*
 * inode(7): in a set-group-ID directory, what is made gets the directory's group; a program does not get
 * the rights of a group that its maker is not in. c: the maker's credentials.
 */
void fs_inherit(const struct inode *dir, const struct cred *c, struct new_node *node);

/*
 * proc_sys_fs(5), protected_*: what may be done in a directory with names that others put there. 0,
 * -EACCES, or -EPERM for a link. (protected.c)
 */
/* Follow the link as the last component of a path. */
int protected_follow(const struct inode *dir, const struct inode *link, const struct cred *c);
/* Open a file that is there by a call that would have made it (O_CREAT). */
int protected_create(const struct inode *dir, const struct inode *i, const struct cred *c);
/* Give the file one more name. */
int protected_link(const struct inode *i, const struct cred *c);

/* Make a node under a negative dentry; the directory is locked, rights are checked. */
int fs_make(struct last_name *n, struct dentry *d, const struct cred *c, const struct new_node *node);

/* Mount sb's root at a path (NULL: as the root of all). */
int mount_at(struct superblock *sb, struct dentry *root, const struct path *at, bool readonly);
/* Go down into what is mounted on p; p is replaced. */
void path_enter_mounts(struct path *p);

/* Open an inode under a name; flags O_* without those for making it. No permission checks. */
int inode_open(const struct path *p, u32 flags, struct file **out);

/*
 * A regular file is either written to or executed: its claims are the number of those who write (+1), or
 * of those who execute it (-1). -ETXTBSY: it is the other.
 */
int inode_claim(struct inode *i, s8 claim);
void inode_unclaim(struct inode *i, s8 claim);
/* The same until the file ends, or file_unclaim (fs/vfs.h). */
int file_claim(struct file *f, s8 claim);

/* file systems */
int memfs_create(u32 mode, u64 magic, struct superblock **sb, struct dentry **root);
struct inode *memfs_inode(struct superblock *sb, const struct new_node *n);
int memfs_tmpfile(struct inode *dir, const struct new_node *n, bool linkable, struct inode **out);
/* Add a node while a file system is being set up. */
int memfs_add(struct dentry *dir, const char *name, const struct new_node *n);
/* Operations of regular files whose contents are in a VMO of this kernel's memory. */
extern const struct file_ops memfs_file_ops;
ssize_t memfs_read(struct file *f, struct uio *u, u64 *pos);
ssize_t memfs_write(struct file *f, struct uio *u, u64 *pos);
s64 memfs_seek(struct file *f, s64 off, int whence);
int memfs_mmap(struct file *f, u64 off, u32 prot, bool shared, struct vmo **vmo, u64 *vmo_off);
int memfs_sync(struct file *f, bool data_only);
int memfs_allocate(struct file *f, int mode, u64 off, u64 len);
/* statfs(2) of what is in memory. */
int memfs_statfs(struct superblock *sb, struct kstatfs *st);
/* Parts of directories: positions 0 and 1 are "." and ".."; nonzero: the buffer is full. */
int readdir_dots(struct file *f, readdir_fill *fill, void *arg);
s64 dir_seek(struct file *f, s64 off, int whence);
ssize_t dir_read(struct file *f, struct uio *u, u64 *pos); /* -EISDIR */
/* A root of the file service: a volume, or the image under its writable layer in memory. */
int hostfs_create(u32 node, bool is_volume, bool readonly, struct superblock **sb,
                  struct dentry **root);
/* /dev/pts, once; a terminal's name there comes, goes, is opened. 0 or -errno. */
int devpts_create(struct superblock **sb, struct dentry **root);
int devpts_add(u32 index);
void devpts_remove(u32 index);
int devpts_open(u32 index, u32 flags, struct file **out);
int devfs_create(struct superblock **sb, struct dentry **root);
int procfs_create(struct superblock **sb, struct dentry **root);
int sysfs_create(struct superblock **sb, struct dentry **root);
int cgroupfs_create(struct superblock **sb, struct dentry **root);
/* A character device by number, other than terminals; NULL: there is none. */
const struct file_ops *device_ops(u64 rdev);
bool device_is_ready(u64 rdev); /* reads and writes never wait */
/* Open a FIFO (blocks for the other end); f->ops and priv are set. */
int fifo_open(struct inode *i, struct file *f);
/* The inode ends. */
void fifo_forget(struct inode *i);

/* Contents in a VMO. */
ssize_t vmo_read_uio(struct vmo *v, struct uio *u, u64 *pos, u64 size);
ssize_t vmo_write_uio(struct vmo *v, struct uio *u, u64 *pos);

/*
 * RLIMIT_FSIZE of the current process: what is written at pos is cut down to it; 0, or -EFBIG and SIGXFSZ
 * if nothing is left. The second: the size is to become this (truncate, fallocate).
 */
int fsize_limit_write(struct uio *u, u64 pos);
int fsize_limit_resize(const struct inode *i, u64 size);

u64 fs_now(void); /* for time stamps: CLOCK_REALTIME in ns */

#endif
