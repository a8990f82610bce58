/* SPDX-License-Identifier: Apache-2.0 */
/* The file tree of a new container: the image, and what is mounted over it (docs/boot-data.md). */
#include "core/boot.h"
#include "core/print.h"
#include "core/string.h"
#include "fs/inode.h"
#include "fs/window.h"
#include "mm/slab.h"
#include "tty/tty.h"

#define TMPFS_MAGIC_ 0x01021994u

static const struct cred *root_cred;
static struct fs_context *context;

/* Make a directory under `at`, which becomes it. */
static int make_dir_in_memory(struct path *at, const char *name, u32 len)
{
    struct new_node node = { .mode = S_IFDIR_ | 0755 };
    struct inode *i = memfs_inode(at->dentry->inode->sb, &node);
    struct dentry *d;
    int r;

    if (!i)
        return -ENOMEM;
    r = lookup_one(at->dentry, name, len, "", &d);
    if (r) {
        inode_unref(i);
        return r;
    }
    d->pinned = d->upper = true;
    dentry_set_inode(d, i);
    if (!d->hashed)
        d = dentry_enter(d);
    dentry_unref(at->dentry);
    at->dentry = d;
    return 0;
}

/* A directory to mount on. One that the image lacks is made in memory: the host's is not changed. */
static int mount_point(const char *path, struct path *out)
{
    struct lookup l = { .fs = context, .cred = root_cred };
    struct path at = root_path;
    const char *s = path;
    int r = 0;

    path_ref(&at);
    while (r == 0) {
        char name[NAME_MAX_ + 1];
        u32 n = 0;

        while (*s == '/')
            s++;
        if (!*s)
            break;
        while (s[n] && s[n] != '/')
            n++;
        if (n > NAME_MAX_) {
            r = -ENAMETOOLONG;
            break;
        }
        memcpy(name, s, n);
        name[n] = 0;
        s += n;
        l.base = &at;
        l.flags = LOOKUP_FOLLOW | LOOKUP_DIRECTORY;
        {
            struct path next;

            r = path_lookup(&l, name, &next);
            if (r == 0) {
                path_unref(&at);
                at = next;
                continue;
            }
        }
        if (r != -ENOENT)
            break;
        r = make_dir_in_memory(&at, name, n);
    }
    if (r) {
        path_unref(&at);
        return r;
    }
    *out = at;
    return 0;
}

static int mount_on(const char *path, struct superblock *sb, struct dentry *root, bool readonly)
{
    struct path at;
    int r = mount_point(path, &at);

    if (r == 0) {
        r = mount_at(sb, root, &at, readonly);
        path_unref(&at);
    }
    if (r == -ENOTDIR)
        user_error("%s: cannot be mounted on: there is no folder but a file", path);
    else if (r)
        user_error("%s: cannot be mounted on (error %d)", path, -r);
    return r;
}

static int mount_tmpfs(const char *path, u32 mode)
{
    struct superblock *sb;
    struct dentry *root;
    int r = memfs_create(mode, TMPFS_MAGIC_, &sb, &root);

    return r ? r : mount_on(path, sb, root, false);
}

/* proc(5), sysfs(5), and the container's cgroup as engines show it: read-only. */
static int mount_generated(void)
{
    struct superblock *sb;
    struct dentry *root;
    int r = procfs_create(&sb, &root);

    if (r == 0)
        r = mount_on("/proc", sb, root, false);
    if (r == 0)
        r = sysfs_create(&sb, &root);
    if (r == 0)
        r = mount_on("/sys", sb, root, true);
    if (r == 0)
        r = cgroupfs_create(&sb, &root);
    if (r == 0)
        r = mount_on("/sys/fs/cgroup", sb, root, true);
    return r;
}

static int mount_volume(const struct boot_node *n, const char *path)
{
    bool readonly = boot_flag(n, "readonly");
    struct superblock *sb;
    struct dentry *root;
    int r = hostfs_create(boot_cell(n, "root", 0, 0), true, readonly, &sb, &root);

    return r ? r : mount_on(path, sb, root, readonly);
}

/* Volumes and tmpfs in the order of the boot data, where what lies in another one comes after it. */
static int mount_asked(void)
{
    const struct boot_node *n = NULL;
    int r = 0;

    while (r == 0 && (n = boot_next(n, ""))) {
        const char *path = boot_string(n, "path", NULL);

        if (path) /* only these nodes have one */
            r = boot_cell(n, "root", 0, 0) ? mount_volume(n, path) : mount_tmpfs(path, 01777);
    }
    return r;
}

static int make_context(void)
{
    context = kzalloc(sizeof(*context));
    if (!context)
        return -ENOMEM;
    context->refs = context->users = 1;
    mutex_init(&context->lock);
    context->root = context->cwd = root_path;
    path_ref(&root_path);
    path_ref(&root_path);
    return 0;
}

int fs_boot(struct fs_context **out)
{
    struct cred *c = cred_create(0);
    struct superblock *sb;
    struct dentry *root;
    int r;

    if (!c)
        return -ENOMEM;
    c->cap_effective = UINT64_MAX;
    root_cred = c;
    mutex_init(&rename_mutex);
    window_init();
    tty_boot();
    r = hostfs_create(RV_ROOT_NODE(0), false, false, &sb, &root);
    if (r)
        return r;
    r = mount_at(sb, root, NULL, boot_flag(boot_node("root"), "readonly"));
    if (r == 0)
        r = make_context();
    if (r == 0)
        r = devfs_create(&sb, &root);
    if (r == 0)
        r = mount_on("/dev", sb, root, false);
    if (r == 0)
        r = devpts_create(&sb, &root);
    if (r == 0)
        r = mount_on("/dev/pts", sb, root, false);
    if (r == 0)
        r = mount_generated();
    if (r == 0)
        r = memfd_boot();
    if (r == 0)
        r = mount_tmpfs("/dev/shm", 01777);
    if (r == 0 && !boot_flag(boot_node("root"), "own-tmp"))
        r = mount_tmpfs("/tmp", 01777);
    if (r == 0)
        r = mount_asked();
    *out = context;
    return r;
}

s64 vfs_sync_all(void)
{
    return 0; /* volumes are written through; what fsync(2) promises is asked for file by file */
}
