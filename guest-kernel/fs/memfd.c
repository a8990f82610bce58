/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memfd_create(2), and sealing (fcntl(2), File Sealing). Such a file is one of a file system in memory that
 * is mounted nowhere. What seals forbid, memfs.c refuses with the inode locked, under which they are added;
 * so no operation that they would forbid is half done when they come.
 */
#include "core/string.h"
#include "fs/inode.h"
#include "mm/aspace.h"
#include "mm/slab.h"
#include "object/process.h"

#include <linux/fcntl.h>

#define TMPFS_MAGIC_ 0x01021994u
#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | \
                   F_SEAL_EXEC_)
#define WRITE_SEALS (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define PREFIX "memfd:"

static struct mount memfd_mount; /* at.dentry NULL: nowhere */

int memfd_boot(void)
{
    return memfs_create(0755, TMPFS_MAGIC_, &memfd_mount.sb, &memfd_mount.root);
}

int memfd_make(const char *name, u32 mode, u32 seals, struct file **out)
{
    const struct cred *c = process_current()->cred;
    struct new_node node = { .mode = S_IFREG_ | mode, .uid = c->fsuid, .gid = c->fsgid };
    struct path p = { .mnt = &memfd_mount };
    char text[NAME_MAX_ + 1] = PREFIX;
    struct inode *i = memfs_inode(memfd_mount.sb, &node);
    size_t n = strnlen(name, NAME_MAX_ - (sizeof(PREFIX) - 1));
    int r;

    if (!i)
        return -ENOMEM;
    i->nlink = 0;
    i->seals = (u8)seals;
    memcpy(text + sizeof(PREFIX) - 1, name, n);
    /* In no table: shown as removed, as on Linux. */
    p.dentry = dentry_create(memfd_mount.root, text, (u32)(n + sizeof(PREFIX) - 1), i);
    if (!p.dentry) {
        inode_unref(i);
        return -ENOMEM;
    }
    r = inode_open(&p, O_RDWR | O_LARGEFILE, out);
    if (r == 0)
        file_unclaim(*out); /* it can be executed by this descriptor, as on Linux */
    path_unref(&p);
    return r;
}

/* Whether it is a regular file (FIFOs have such inodes too) whose contents are this kernel's alone. */
static bool in_memory(const struct inode *i)
{
    return i && i->vmo && i->fops == &memfs_file_ops && !i->sb->overlay;
}

int memfd_get_seals(struct file *f)
{
    return in_memory(f->inode) ? READ_ONCE(f->inode->seals) : -EINVAL;
}

/* Whether stores into a mapping may change the contents, now or after mprotect. */
static bool mapped_for_writing(struct vmo *v)
{
    struct mapping *m;
    bool found = false;

    mutex_lock(&v->lock);
    list_for_each(m, &v->mappings, vmo_node)
        if ((m->flags & MAP_F_SHARED) && (m->max_prot & VM_WRITE))
            found = true;
    mutex_unlock(&v->lock);
    return found;
}

int memfd_add_seals(struct file *f, u32 seals)
{
    struct inode *i = f->inode;
    int r = 0;

    if ((f->flags & O_ACCMODE) == O_RDONLY)
        return -EPERM;
    if ((seals & ~(u32)ALL_SEALS) || !in_memory(i))
        return -EINVAL;
    mutex_lock(&i->lock);
    /* Sealed as it is, a program must not change either. */
    if ((seals & F_SEAL_EXEC_) && (i->mode & 0111))
        seals |= F_SEAL_SHRINK | F_SEAL_GROW | WRITE_SEALS;
    if (i->seals & F_SEAL_SEAL)
        r = -EPERM;
    else if ((seals & ~i->seals & F_SEAL_WRITE) && mapped_for_writing(i->vmo))
        r = -EBUSY;
    else
        i->seals |= (u8)seals;
    mutex_unlock(&i->lock);
    return r;
}

int memfd_map_begin(struct file *f, u32 prot, u32 *max_prot, struct inode **held)
{
    struct inode *i = f->inode;

    *held = NULL;
    if (!in_memory(i))
        return 0;
    if (!(READ_ONCE(i->seals) & F_SEAL_SEAL)) { /* else they cannot change any more */
        mutex_lock(&i->lock);
        *held = i;
    }
    if (!(i->seals & WRITE_SEALS))
        return 0;
    *max_prot &= ~VM_WRITE;
    return prot & VM_WRITE ? -EPERM : 0;
}

void memfd_map_end(struct inode *held)
{
    if (held)
        mutex_unlock(&held->lock);
}
