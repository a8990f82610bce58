/* SPDX-License-Identifier: Apache-2.0 */
/* Short forms of what the tests of files and names do all the time: see unit_fs.h. */
#include "tests/unit/unit_fs.h"

#include "core/string.h"
#include "mm/frame.h"
#include "tests/unit/unit.h"

#include <linux/fcntl.h>

struct fs_context *fs;
struct cred *admin, *user;
struct lookup at;

void mount_root(bool image)
{
    fs = fake_mount(image);
    admin = cred_create(0);
    admin->cap_effective = UINT64_MAX;
    user = cred_create(1);
    user->fsuid = user->fsgid = 1000;
    user->groups[0] = 2000;
    at = (struct lookup){ .fs = fs, .cred = admin };
}

int find(const char *name, u32 flags, struct path *out)
{
    struct lookup l = at;

    l.flags = flags;
    return path_lookup(&l, name, out);
}

int look(const char *name)
{
    struct path p;
    int r = find(name, LOOKUP_FOLLOW, &p);

    if (r == 0)
        path_unref(&p);
    return r;
}

u64 ino(const char *name)
{
    struct kstat st;
    struct path p;

    CHECK_EQ(find(name, LOOKUP_FOLLOW, &p), 0);
    CHECK_EQ(vfs_stat(&p, &st), 0);
    path_unref(&p);
    return st.ino;
}

struct kstat stat_of(const char *name)
{
    struct kstat st;
    struct path p;

    CHECK_EQ(find(name, 0, &p), 0);
    CHECK_EQ(vfs_stat(&p, &st), 0);
    path_unref(&p);
    return st;
}

int open_(const char *name, u32 flags, u32 mode)
{
    struct file *f;
    int r = vfs_open(&at, name, flags, mode, &f);

    if (r == 0)
        object_unref(&f->obj);
    return r;
}

void put(const char *name, const char *text)
{
    struct file *f;
    struct uio u;
    u64 pos = 0;

    CHECK_EQ(vfs_open(&at, name, O_CREAT | O_TRUNC | O_WRONLY, 0644, &f), 0);
    uio_init_kernel(&u, (void *)text, strlen(text));
    CHECK_EQ(f->ops->write(f, &u, &pos), strlen(text));
    object_unref(&f->obj);
}

const char *get(const char *name)
{
    static char buf[100000];
    struct file *f;
    struct uio u;
    u64 pos = 0;
    ssize_t n;

    CHECK_EQ(vfs_open(&at, name, O_RDONLY, 0, &f), 0);
    uio_init_kernel(&u, buf, sizeof(buf) - 1);
    n = f->ops->read(f, &u, &pos);
    CHECK_OP(n, >=, 0);
    buf[n] = 0;
    object_unref(&f->obj);
    return buf;
}

int rename_(const char *a, const char *b, u32 flags)
{
    return vfs_rename(&at, a, &at, b, flags);
}

int link_(const char *a, const char *b)
{
    struct path p;
    int r = find(a, 0, &p);

    if (r == 0) {
        r = vfs_link(&p, &at, b);
        path_unref(&p);
    }
    return r;
}

int chmod_(const char *name, u32 mode)
{
    struct path p;
    int r = find(name, LOOKUP_FOLLOW, &p);

    if (r == 0) {
        r = vfs_chmod(&p, at.cred, mode);
        path_unref(&p);
    }
    return r;
}

int chown_(const char *name, u32 uid, u32 gid)
{
    struct path p;
    int r = find(name, LOOKUP_FOLLOW, &p);

    if (r == 0) {
        r = vfs_chown(&p, at.cred, uid, gid);
        path_unref(&p);
    }
    return r;
}

int chdir_(const char *name)
{
    struct path p;
    int r = find(name, LOOKUP_FOLLOW, &p);

    if (r == 0) {
        r = vfs_chdir(&p, at.cred, fs, false);
        path_unref(&p);
    }
    return r;
}

static int count_entry(void *arg, const char *name UNUSED, u32 len UNUSED, u64 i UNUSED,
                       u8 type UNUSED, u64 next UNUSED)
{
    ++*(u32 *)arg;
    return 0;
}

u32 entries(const char *name)
{
    struct file *f;
    u32 n = 0;

    CHECK_EQ(vfs_open(&at, name, O_RDONLY | O_DIRECTORY, 0, &f), 0);
    CHECK_EQ(f->ops->readdir(f, count_entry, &n), 0);
    object_unref(&f->obj);
    return n - 2;
}
