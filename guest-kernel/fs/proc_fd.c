/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/fd and fdinfo. Following fd/N leads to the object itself, whatever has become of its
 * name. What has no name in any file system gets one for the moment, with an inode that stands for
 * it.
 */
#include "core/print.h"
#include "core/string.h"
#include "fs/proc.h"
#include "mm/slab.h"

#include <linux/fcntl.h>

#define ANON_INODE_MAGIC UINT64_C(0x09041934)

static struct superblock anon_sb = { .magic = ANON_INODE_MAGIC };
static struct mount anon_mount = { .sb = &anon_sb };

static int get_handle(const struct proc_inode *i, enum proc_access a, struct handle *h)
{
    struct handle_table *t;
    int r = proc_handles(i->proc, a, &t);

    if (r)
        return r == -ESRCH ? -ENOENT : r;
    r = handle_get(t, i->nr, 0, h);
    handle_table_unref(t);
    return r ? -ENOENT : 0;
}

/* --- objects without a name ------------------------------------------------------------------- */

/* Stands for an object that cannot be opened anew by its inode. */
struct stand_in {
    struct inode inode;
    struct object *obj; /* a reference */
};

static struct stand_in *stand_in_of(struct inode *i)
{
    return container_of(i, struct stand_in, inode);
}

static void stand_in_destroy(struct inode *i)
{
    object_unref(stand_in_of(i)->obj);
    kfree(stand_in_of(i));
}

/* An inherited pipe or the terminal is one thing, however often it is opened. */
static int stand_in_reopen(struct inode *i, u32 flags, struct file **out)
{
    struct file *f = file_of(stand_in_of(i)->obj);

    if (!f || !f->inode)
        return -ENXIO;
    if (f->inode->ops->reopen)
        return f->inode->ops->reopen(f->inode, flags, out);
    object_ref(&f->obj);
    *out = f;
    return 0;
}

/* Its attributes are those of the object, which cannot be changed by this name. */
static int stand_in_setattr(struct inode *i UNUSED, const struct attr_change *c UNUSED)
{
    return -EOPNOTSUPP;
}

static const struct inode_ops stand_in_ops = {
    .setattr = stand_in_setattr, .reopen = stand_in_reopen, .destroy = stand_in_destroy,
};
static const struct file_ops no_fops = { 0 };

static struct inode *stand_in(struct object *o)
{
    struct stand_in *s = kzalloc(sizeof(*s));
    struct file *f = file_of(o);
    struct kstat st;

    if (!s)
        return NULL;
    memset(&st, 0, sizeof(st));
    st.mode = 0600;
    st.ino = o->koid;
    if (f && vfs_fstat(f, &st) != 0)
        st.mode = 0600;
    inode_init(&s->inode, f && f->inode ? f->inode->sb : &anon_sb, &stand_in_ops, &no_fops,
               st.mode);
    s->inode.ino = st.ino;
    s->inode.rdev = st.rdev;
    s->inode.size = st.size;
    s->inode.blocks = st.blocks;
    s->inode.uid = st.uid;
    s->inode.gid = st.gid;
    s->inode.atime = st.atime;
    s->inode.mtime = st.mtime;
    s->inode.ctime = st.ctime;
    object_ref(o);
    s->obj = o;
    return &s->inode;
}

/* proc(5): "type:[inode]". */
static int anon_text(struct object *o, char *buf, size_t size)
{
    struct file *f = file_of(o);
    u32 type = f && f->inode ? inode_type(f->inode) : 0;

    if (type == S_IFIFO_)
        return str_printf(buf, size, "pipe:[%lu]", f->inode->ino);
    if (type == S_IFSOCK_)
        return str_printf(buf, size, "socket:[%lu]", f->inode->ino);
    if (type == S_IFCHR_ && f->inode->rdev >> 8 == 136)
        return str_printf(buf, size, "/dev/pts/%u", (u32)f->inode->rdev & 0xff);
    if (type) /* inherited: its name is the host's */
        return str_printf(buf, size, "host:[%lu]", f->inode->ino);
    if (o->ops->type == OBJ_SOCKET)
        return str_printf(buf, size, "socket:[%lu]", o->koid);
    return str_printf(buf, size, "anon_inode:%s", f && f->ops->name ? f->ops->name
                                                  : o->ops->type == OBJ_PORT ? "[eventpoll]"
                                                                             : "[file]");
}

static int anon_path(struct object *o, struct path *out)
{
    struct file *f = file_of(o);
    struct inode *i;
    char name[48];
    int n = anon_text(o, name, sizeof(name));

    if (f && f->inode && (f->inode->fifo || inode_type(f->inode) == S_IFSOCK_)) {
        i = f->inode; /* a pipe: opening it makes a new end; a socket cannot be opened */
        inode_ref(i);
    } else {
        i = stand_in(o);
    }
    if (!i)
        return -ENOMEM;
    *out = (struct path){ &anon_mount, dentry_create(NULL, name, (u32)n, i) };
    if (!out->dentry)
        inode_unref(i);
    return out->dentry ? 0 : -ENOMEM;
}

/* --- fd --------------------------------------------------------------------------------------- */

static bool next_fd(const struct proc_inode *dir, u32 *nr)
{
    struct handle_table *t;
    bool found = false;

    if (proc_handles(dir->proc, PROC_ANYBODY, &t) == 0) {
        found = handle_next(t, nr);
        handle_table_unref(t);
    }
    return found;
}

/* The link's permissions say how it is open. */
static int init_fd(struct proc_inode *i)
{
    struct handle h;
    struct file *f;
    u32 mode;

    if (get_handle(i, PROC_ANYBODY, &h))
        return -ENOENT;
    f = file_of(h.obj);
    mode = f ? f->flags & (O_ACCMODE | O_PATH) : O_RDWR;
    object_unref(h.obj);
    if (mode & O_PATH)
        mode = 0;
    else
        mode = (mode != O_WRONLY ? 0500 : 0) | (mode != O_RDONLY ? 0300 : 0);
    i->inode.mode = S_IFLNK_ | mode;
    i->inode.size = 64;
    return 0;
}

static int follow_fd(const struct proc_inode *i, struct path *out)
{
    struct handle h;
    struct file *f;
    int r = get_handle(i, PROC_READ, &h);

    if (r)
        return r;
    f = file_of(h.obj);
    if (f && f->path.dentry) {
        *out = f->path;
        path_ref(out);
    } else {
        r = anon_path(h.obj, out);
    }
    object_unref(h.obj);
    return r;
}

static s64 read_fd(const struct proc_inode *i, char *buf, size_t size)
{
    char name[48];
    struct handle h;
    struct file *f;
    s64 r = get_handle(i, PROC_READ, &h);

    if (r)
        return r;
    f = file_of(h.obj);
    if (f && f->path.dentry && f->path.mnt != &anon_mount) {
        r = proc_path_text(&f->path, buf, size);
    } else {
        r = MIN(anon_text(h.obj, name, sizeof(name)), (s64)size);
        memcpy(buf, name, (size_t)r);
    }
    object_unref(h.obj);
    return r;
}

static const struct proc_entry fd_entry = {
    .mode = S_IFLNK_ | 0700, .init = init_fd, .readlink = read_fd, .follow = follow_fd,
};
const struct proc_dir proc_fd_dir = { .next = next_fd, .each = &fd_entry };

/* --- fdinfo ----------------------------------------------------------------------------------- */

static int init_fdinfo(struct proc_inode *i)
{
    struct handle h;

    if (get_handle(i, PROC_ANYBODY, &h))
        return -ENOENT;
    object_unref(h.obj);
    return 0;
}

static int show_fdinfo(const struct proc_inode *i, struct text *t)
{
    struct handle h;
    struct file *f;
    u32 flags = O_RDWR, id = 0;
    u64 pos = 0, ino;
    int r = get_handle(i, PROC_READ, &h);

    if (r)
        return r;
    f = file_of(h.obj);
    ino = f && f->inode ? f->inode->ino : h.obj->koid;
    if (f) {
        pos = READ_ONCE(f->pos);
        flags = READ_ONCE(f->flags);
        id = f->path.dentry ? f->path.mnt->id : 0;
    }
    if (h.flags & HANDLE_CLOEXEC)
        flags |= O_CLOEXEC;
    text_printf(t, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t%u\nino:\t%lu\n", pos, flags, id, ino);
    if (f && f->ops->fdinfo)
        f->ops->fdinfo(f, t);
    object_unref(h.obj);
    return 0;
}

static const struct proc_entry fdinfo_entry = {
    .mode = S_IFREG_ | 0444, .guarded = true, .init = init_fdinfo, .show = show_fdinfo,
};
const struct proc_dir proc_fdinfo_dir = { .next = next_fd, .each = &fdinfo_entry };
