/* SPDX-License-Identifier: Apache-2.0 */
/* Generated file systems: the tree that the tables describe. See proc.h. */
#include "fs/proc.h"

#include "core/print.h"
#include "core/string.h"
#include "mm/slab.h"

#include <linux/fcntl.h>

#define STORE_MAX 255u
/* Positions in a directory: the dots, the table's entries from 2 on, then the numbers. */
#define POS_NUMBERS UINT64_C(0x10000)
#define ROOT_INO 1u

void (*proc_uts)(char names[6][65]);

static const struct inode_ops dir_ops, file_ops, link_ops, magic_ops;
static const struct file_ops dir_fops, file_fops;

static struct proc_inode *of(struct inode *i)
{
    return container_of(i, struct proc_inode, inode);
}

/* --- inodes ----------------------------------------------------------------------------------- */

/* Stable while the process lives, though the inode is made anew for each look-up. */
static u64 child_ino(u64 dir, u64 key)
{
    u64 h = (dir * UINT64_C(0x9e3779b97f4a7c15)) + key + 1;

    h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (h ^ h >> 32) >> 12;
}

/*
 * proc(5): what belongs to a process has its effective ids, or root's if the process is not
 * dumpable or has ended; its own files are a process's in any case.
 */
static void set_owner(struct proc_inode *i)
{
    struct process *p = i->proc;
    struct cred *c;

    if (!p)
        return;
    c = proc_cred(p);
    if (i->inode.mode == (S_IFDIR_ | 0555) || p == process_current() ||
        (READ_ONCE(p->dumpable) && READ_ONCE(p->nthreads))) {
        i->inode.uid = c->euid;
        i->inode.gid = c->egid;
    } else {
        i->inode.uid = i->inode.gid = 0;
    }
    cred_unref(c);
}

static void proc_destroy(struct inode *inode)
{
    struct proc_inode *i = of(inode);

    if (i->proc)
        object_unref(&i->proc->obj);
    kfree(i);
}

/* parent NULL: the root. nr: of a numbered entry. -ENOENT: it stands for nothing. */
static int create(struct superblock *sb, const struct proc_inode *parent,
                  const struct proc_entry *e, u64 ino, u32 nr, struct proc_inode **out)
{
    struct proc_inode *i = kzalloc(sizeof(*i));
    u32 type = e->mode & S_IFMT_;
    int r = 0;

    if (!i)
        return -ENOMEM;
    inode_init(&i->inode, sb, type == S_IFDIR_ ? &dir_ops : type == S_IFREG_ ? &file_ops
                              : e->follow ? &magic_ops : &link_ops,
               type == S_IFDIR_ ? &dir_fops : &file_fops, e->mode);
    i->entry = e;
    i->inode.ino = ino;
    i->inode.atime = i->inode.mtime = i->inode.ctime = fs_now();
    if (parent) {
        i->proc = parent->proc;
        i->tid = parent->tid;
        i->nr = parent->nr;
        if (i->proc)
            object_ref(&i->proc->obj);
    }
    for (u32 k = 0; type == S_IFDIR_ && k < e->dir->count; k++)
        if ((e->dir->entries[k].mode & S_IFMT_) == S_IFDIR_)
            i->inode.nlink++;
    if (type == S_IFDIR_)
        i->inode.nlink++;
    if (e->init) {
        i->nr = nr;
        r = e->init(i);
    }
    if (r) {
        proc_destroy(&i->inode);
        return r;
    }
    set_owner(i);
    *out = i;
    return 0;
}

static int proc_getattr(struct inode *inode)
{
    struct proc_inode *i = of(inode);
    int r = proc_alive(i);

    if (r)
        return r == -ESRCH ? -ENOENT : r;
    set_owner(i);
    return 0;
}

static int proc_setattr(struct inode *inode UNUSED, const struct attr_change *c)
{
    return c->mask & (SET_MODE | SET_UID | SET_GID) ? -EPERM : 0;
}

/* --- directories ------------------------------------------------------------------------------ */

/* A decimal number as the kernel writes it; false: it is something else. */
static bool parse_number(const char *s, u32 len, u32 *nr)
{
    u64 v = 0;

    if (!len || len > 10 || (len > 1 && s[0] == '0'))
        return false;
    for (u32 i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (u64)(s[i] - '0');
    }
    *nr = (u32)v;
    return v <= INT32_MAX;
}

static int find(const struct proc_inode *dir, const char *name, u32 len, struct proc_inode **out)
{
    const struct proc_dir *d = dir->entry->dir;
    u32 prefix = d->prefix ? (u32)strlen(d->prefix) : 0, nr;

    for (u32 k = 0; k < d->count; k++) {
        const struct proc_entry *e = &d->entries[k];

        if (!strncmp(e->name, name, len) && !e->name[len])
            return create(dir->inode.sb, dir, e, child_ino(dir->inode.ino, k), 0, out);
    }
    if (!d->each || len < prefix || (prefix && memcmp(name, d->prefix, prefix)) ||
        !parse_number(name + prefix, len - prefix, &nr))
        return -ENOENT;
    return create(dir->inode.sb, dir, d->each, child_ino(dir->inode.ino, POS_NUMBERS + nr), nr,
                  out);
}

static int proc_lookup(struct dentry *parent, const char *name, u32 len, const char *rest UNUSED,
                       struct dentry **out)
{
    struct proc_inode *dir = of(parent->inode), *i = NULL;
    struct dentry *d;
    int r = proc_alive(dir);

    if (r == 0)
        r = find(dir, name, len, &i);
    if (r && r != -ENOENT && r != -ESRCH)
        return r;
    d = dentry_create(parent, name, len, i ? &i->inode : NULL);
    if (!d) {
        if (i)
            proc_destroy(&i->inode);
        return -ENOMEM;
    }
    *out = i && !i->proc ? dentry_enter(d) : d;
    return 0;
}

static int proc_readdir(struct file *f, readdir_fill *fill, void *arg)
{
    struct proc_inode *dir = of(f->inode);
    const struct proc_dir *d = dir->entry->dir;
    int r = proc_alive(dir);
    u32 nr;

    if (r)
        return r == -ESRCH ? -ENOENT : r;
    if (readdir_dots(f, fill, arg))
        return 0;
    while (f->pos - 2 < d->count) {
        const struct proc_entry *e = &d->entries[f->pos - 2];

        if (fill(arg, e->name, (u32)strlen(e->name), child_ino(f->inode->ino, f->pos - 2),
                 (u8)(e->mode >> 12), f->pos + 1))
            return 0;
        f->pos++;
    }
    if (!d->next)
        return 0;
    f->pos = MAX(f->pos, POS_NUMBERS);
    for (nr = (u32)(f->pos - POS_NUMBERS); d->next(dir, &nr); nr++) {
        char name[24];
        int n = str_printf(name, sizeof(name), "%s%u", d->prefix ? d->prefix : "", nr);

        if (fill(arg, name, (u32)n, child_ino(f->inode->ino, POS_NUMBERS + nr),
                 (u8)((d->each->mode & S_IFMT_) >> 12), POS_NUMBERS + nr + 1))
            return 0;
        f->pos = POS_NUMBERS + nr + 1;
    }
    return 0;
}

/* --- files ------------------------------------------------------------------------------------ */

/* An open file: the text that the last read from its beginning made. */
struct opened {
    struct mutex lock;
    bool made;
    struct text text;
};

static int check_guard(const struct proc_inode *i)
{
    int r = proc_alive(i);

    return r ? r : i->entry->guarded && !proc_may_read(i->proc) ? -EACCES : 0;
}

static int proc_open(struct inode *inode, struct file *f)
{
    const struct proc_inode *i = of(inode);
    struct opened *o;
    int r = check_guard(i);

    if (r)
        return r == -ESRCH ? -ENOENT : r;
    if ((f->flags & O_ACCMODE) != O_RDONLY && !i->entry->store)
        return -EACCES; /* whatever the caller's capabilities */
    o = kzalloc(sizeof(*o));
    if (!o)
        return -ENOMEM;
    mutex_init(&o->lock);
    f->priv = o;
    return 0;
}

/*
 * The rights are asked for again: the program may be another one than at open, with more than its caller.
 * What show takes of the process it takes with PROC_READ; what it copies is given away only if the caller
 * may have it once it is copied.
 */
static int make(const struct proc_inode *i, struct opened *o)
{
    int r = check_guard(i);

    text_free(&o->text);
    o->made = false;
    if (r == 0) {
        if (i->entry->text)
            text_puts(&o->text, i->entry->text);
        else
            r = i->entry->show ? i->entry->show(i, &o->text) : -EINVAL;
    }
    if (r == 0 && i->entry->guarded)
        r = check_guard(i);
    if (r == 0)
        r = o->text.err;
    o->made = r == 0;
    return r;
}

static ssize_t proc_read(struct file *f, struct uio *u, u64 *pos)
{
    struct opened *o = f->priv;
    ssize_t r = 0;

    if (!u->left)
        return 0;
    mutex_lock(&o->lock);
    if (*pos == 0 || !o->made)
        r = make(of(f->inode), o);
    if (r == 0)
        r = text_read(&o->text, u, pos);
    mutex_unlock(&o->lock);
    return r;
}

static ssize_t proc_write(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    const struct proc_inode *i = of(f->inode);
    ssize_t all = (ssize_t)u->left;
    size_t n = MIN(u->left, STORE_MAX);
    char buf[STORE_MAX + 1];
    int r = proc_alive(i);

    if (r)
        return r;
    if (!i->entry->store)
        return -EINVAL;
    if (uio_from(u, buf, n) < n)
        return -EFAULT;
    buf[n] = 0;
    r = i->entry->store(i, buf, n);
    return r ? r : all;
}

static void proc_release(struct file *f)
{
    struct opened *o = f->priv;

    text_free(&o->text);
    kfree(o);
}

/* --- links ------------------------------------------------------------------------------------ */

static s64 proc_readlink(struct inode *inode, char *buf, size_t size)
{
    return of(inode)->entry->readlink(of(inode), buf, size);
}

static int proc_follow(struct inode *inode, struct path *out)
{
    return of(inode)->entry->follow(of(inode), out);
}

static const struct inode_ops dir_ops = {
    .lookup = proc_lookup, .setattr = proc_setattr, .getattr = proc_getattr,
    .destroy = proc_destroy,
};
static const struct inode_ops file_ops = {
    .open = proc_open, .setattr = proc_setattr, .getattr = proc_getattr, .destroy = proc_destroy,
};
static const struct inode_ops link_ops = {
    .readlink = proc_readlink, .setattr = proc_setattr, .getattr = proc_getattr,
    .destroy = proc_destroy,
};
static const struct inode_ops magic_ops = {
    .readlink = proc_readlink, .follow = proc_follow, .setattr = proc_setattr,
    .getattr = proc_getattr, .destroy = proc_destroy,
};
static const struct file_ops dir_fops = {
    .read = dir_read, .readdir = proc_readdir, .seek = dir_seek,
};
static const struct file_ops file_fops = {
    .read = proc_read, .write = proc_write, .seek = dir_seek, .release = proc_release,
};

struct process *proc_of_dir(struct file *f)
{
    struct process *p = NULL;

    if (f->inode && f->inode->ops == &dir_ops && of(f->inode)->entry == &proc_pid_entry)
        p = of(f->inode)->proc;
    if (p)
        object_ref(&p->obj);
    return p;
}

int proc_create(const struct proc_entry *root, u64 magic, struct superblock **out,
                struct dentry **root_dentry)
{
    struct superblock *sb = kzalloc(sizeof(*sb));
    struct proc_inode *i;

    if (!sb)
        return -ENOMEM;
    sb->dev = superblock_new_dev();
    sb->magic = magic;
    sb->uncached = true;
    if (create(sb, NULL, root, ROOT_INO, 0, &i))
        return -ENOMEM;
    *root_dentry = dentry_create(NULL, "/", 1, &i->inode);
    if (!*root_dentry)
        return -ENOMEM;
    *out = sb;
    return 0;
}
