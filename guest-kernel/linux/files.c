/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors, paths from ring 3, and where look-ups begin: see files.h. */
#include "linux/files.h"

#include "fs/notify.h"
#include "fs/vfs.h"
#include "linux/mmap_file.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"

#include <linux/fcntl.h>
#include <linux/resource.h>

#define PATH_SIZE 4096u

int fd_get(int fd, struct object **out)
{
    struct handle h;
    int r = fd < 0 ? -EBADF : handle_get(process_current()->handles, (u32)fd, 0, &h);

    if (r == 0)
        *out = h.obj;
    return r;
}

int fd_file(int fd, u32 need, bool path_too, struct file **out)
{
    struct handle h;
    struct file *f;
    int r = fd < 0 ? -EBADF : handle_get(process_current()->handles, (u32)fd, need, &h);

    if (unlikely(r))
        return r;
    f = file_of(h.obj);
    if (unlikely(!f)) {
        object_unref(h.obj);
        return -EINVAL;
    }
    if (unlikely((f->flags & O_PATH) && !path_too)) {
        object_unref(h.obj);
        return -EBADF;
    }
    *out = f;
    return 0;
}

int fd_two_files(int in_fd, int out_fd, struct file **in, struct file **out)
{
    int r = fd_file(in_fd, RIGHT_READ, false, in);

    if (r)
        return r;
    r = fd_file(out_fd, RIGHT_WRITE, false, out);
    if (r)
        file_put(*in);
    return r;
}

u32 fd_rights(u32 open_flags)
{
    u32 rights = RIGHT_DUP | RIGHT_WAIT | RIGHT_MAP | RIGHT_EXEC;

    if (open_flags & O_PATH)
        return RIGHT_DUP;
    if ((open_flags & O_ACCMODE) != O_WRONLY)
        rights |= RIGHT_READ;
    if ((open_flags & O_ACCMODE) != O_RDONLY)
        rights |= RIGHT_WRITE;
    return rights;
}

int fd_install(struct object *o, u32 rights, bool cloexec, u32 min)
{
    struct process *p = process_current();
    int fd = handle_install(p->handles, o, rights, cloexec ? HANDLE_CLOEXEC : 0, min,
                            p->rlimits[RLIMIT_NOFILE].cur);

    if (fd < 0)
        object_unref(o);
    return fd;
}

int fd_install_pair(struct file *f[2], const u32 rights[2], bool cloexec, u64 to)
{
    struct handle_table *t = process_current()->handles;
    s32 fd[2];

    fd[0] = fd_install(&f[0]->obj, rights[0], cloexec, 0);
    if (fd[0] < 0) {
        file_put(f[1]);
        return fd[0];
    }
    fd[1] = fd_install(&f[1]->obj, rights[1], cloexec, 0);
    if (fd[1] >= 0 && copy_to_user(to, fd, sizeof(fd)) == 0)
        return 0;
    handle_close(t, (u32)fd[0]);
    if (fd[1] < 0)
        return fd[1];
    handle_close(t, (u32)fd[1]);
    return -EFAULT;
}

ssize_t file_read_at(struct file *f, u64 off, void *buf, size_t n)
{
    struct uio u;
    ssize_t r;

    if (!f->ops->read)
        return -EINVAL;
    uio_init_kernel(&u, buf, n);
    r = f->ops->read(f, &u, &off);
    if (r > 0)
        notify_file(f, NOTIFY_ACCESS);
    return r;
}

int file_vmo(struct file *f, u32 prot, bool shared, u64 off, struct vmo **vmo, u64 *vmo_off)
{
    if (!f->ops->mmap)
        return -ENODEV;
    return f->ops->mmap(f, off, prot, shared, vmo, vmo_off);
}

s64 mmap_file(struct map_args *args, struct file *f)
{
    bool shared = args->flags & MAP_F_SHARED;
    struct inode *held = NULL;
    u64 off;
    s64 r = 0;

    /* mmap(2): the file must be open for reading, and for writing if stores are to reach it. */
    if ((f->flags & O_ACCMODE) == O_WRONLY ||
        (shared && (args->prot & VM_WRITE) && (f->flags & O_ACCMODE) != O_RDWR))
        return -EACCES;
    if (!f->ops->mmap)
        return -ENODEV;
    if (args->flags & MAP_F_STACK)
        return -EINVAL;
    if (shared && (f->flags & O_ACCMODE) != O_RDWR)
        args->max_prot &= ~VM_WRITE;
    if (shared)
        r = memfd_map_begin(f, args->prot, &args->max_prot, &held);
    if (r == 0)
        r = file_vmo(f, args->prot, shared, args->off, &args->vmo, &off);
    if (r == 0) {
        args->off = off;
        args->file = &f->obj;
        r = aspace_map(process_current()->aspace, args);
        if (args->vmo)
            vmo_unref(args->vmo);
    }
    memfd_map_end(held);
    return r;
}

int path_from_user(u64 addr, char **out)
{
    char *buf = kmalloc(PATH_SIZE);
    ssize_t n;

    if (!buf)
        return -ENOMEM;
    n = copy_string_from_user(buf, addr, PATH_SIZE);
    if (n < 0) {
        kfree(buf);
        return (int)n;
    }
    *out = buf;
    return 0;
}

void path_free(char *path)
{
    kfree(path);
}

int lookup_begin(struct lookup *l, int dfd, const char *path, u32 flags)
{
    struct process *p = process_current();
    struct file *f;
    int r;

    *l = (struct lookup){ .fs = p->fs, .cred = p->cred, .flags = flags };
    if ((path[0] == '/' && !(flags & LOOKUP_FROM_BASE)) || dfd == AT_FDCWD)
        return 0;
    r = fd_file(dfd, 0, true, &f);
    if (r)
        return r == -EINVAL ? -ENOTDIR : r;
    if (!f->path.dentry) {
        file_put(f);
        return -ENOTDIR;
    }
    l->base = &f->path;
    l->base_file = f;
    return 0;
}

void lookup_end(struct lookup *l)
{
    if (l->base_file)
        file_put(l->base_file);
}
