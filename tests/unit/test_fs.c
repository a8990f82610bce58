/* SPDX-License-Identifier: Apache-2.0 */
/* Path resolution, names, rights, and what the image's writable layer promises about exits. */
#include "core/print.h"
#include "core/string.h"
#include "fs/inode.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "tests/unit/fake_fs.h"
#include "tests/unit/unit.h"

#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdlib.h>

static struct fs_context *fs;
static struct cred *admin, *user; /* user: uid and gid 1000, in group 2000 */
static struct lookup at;          /* by the administrator */

static void make_creds(void)
{
    admin = cred_create(0);
    admin->cap_effective = UINT64_MAX;
    user = cred_create(1);
    user->fsuid = user->fsgid = 1000;
    user->groups[0] = 2000;
}

static void in_memory(void)
{
    fs = fake_mount(false);
    make_creds();
    at = (struct lookup){ .fs = fs, .cred = admin };
}

/* --- short forms ------------------------------------------------------------------------------ */

static int find(const char *name, u32 flags, struct path *out)
{
    struct lookup l = at;

    l.flags = flags;
    return path_lookup(&l, name, out);
}

/* What a look-up answers, links followed. */
static int look(const char *name)
{
    struct path p;
    int r = find(name, LOOKUP_FOLLOW, &p);

    if (r == 0)
        path_unref(&p);
    return r;
}

static int look_resolve(const char *name, u64 resolve)
{
    struct lookup l = at;
    struct path p;
    int r;

    l.flags = LOOKUP_FOLLOW;
    l.resolve = resolve;
    r = path_lookup(&l, name, &p);
    if (r == 0)
        path_unref(&p);
    return r;
}

static u64 ino(const char *name)
{
    struct kstat st;
    struct path p;

    CHECK_EQ(find(name, LOOKUP_FOLLOW, &p), 0);
    CHECK_EQ(vfs_stat(&p, &st), 0);
    path_unref(&p);
    return st.ino;
}

static struct kstat stat_of(const char *name)
{
    struct kstat st;
    struct path p;

    CHECK_EQ(find(name, 0, &p), 0);
    CHECK_EQ(vfs_stat(&p, &st), 0);
    path_unref(&p);
    return st;
}

static int open_(const char *name, u32 flags, u32 mode)
{
    struct file *f;
    int r = vfs_open(&at, name, flags, mode, &f);

    if (r == 0)
        object_unref(&f->obj);
    return r;
}

static void put(const char *name, const char *text)
{
    struct file *f;
    struct uio u;
    u64 pos = 0;

    CHECK_EQ(vfs_open(&at, name, O_CREAT | O_TRUNC | O_WRONLY, 0644, &f), 0);
    uio_init_kernel(&u, (void *)text, strlen(text));
    CHECK_EQ(f->ops->write(f, &u, &pos), strlen(text));
    object_unref(&f->obj);
}

static const char *get(const char *name)
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

static int rename_(const char *a, const char *b, u32 flags)
{
    return vfs_rename(&at, a, &at, b, flags);
}

static int link_(const char *a, const char *b)
{
    struct path p;
    int r = find(a, 0, &p);

    if (r == 0) {
        r = vfs_link(&p, &at, b);
        path_unref(&p);
    }
    return r;
}

static int chmod_(const char *name, u32 mode)
{
    struct path p;
    int r = find(name, LOOKUP_FOLLOW, &p);

    if (r == 0) {
        r = vfs_chmod(&p, at.cred, mode);
        path_unref(&p);
    }
    return r;
}

static int chown_(const char *name, u32 uid, u32 gid)
{
    struct path p;
    int r = find(name, LOOKUP_FOLLOW, &p);

    if (r == 0) {
        r = vfs_chown(&p, at.cred, uid, gid);
        path_unref(&p);
    }
    return r;
}

static int chdir_(const char *name)
{
    struct path p;
    int r = find(name, LOOKUP_FOLLOW, &p);

    if (r == 0) {
        r = vfs_chdir(&p, at.cred, fs, false);
        path_unref(&p);
    }
    return r;
}

static const char *cwd(void)
{
    static char buf[PATH_MAX_];
    s64 n = path_text(fs, &fs->cwd, buf, sizeof(buf));

    return n < 0 ? NULL : buf;
}

static int count_entry(void *arg, const char *name UNUSED, u32 len UNUSED, u64 i UNUSED,
                       u8 type UNUSED, u64 next UNUSED)
{
    ++*(u32 *)arg;
    return 0;
}

static u32 entries(const char *name)
{
    struct file *f;
    u32 n = 0;

    CHECK_EQ(vfs_open(&at, name, O_RDONLY | O_DIRECTORY, 0, &f), 0);
    CHECK_EQ(f->ops->readdir(f, count_entry, &n), 0);
    object_unref(&f->obj);
    return n - 2;
}

/* --- resolution ------------------------------------------------------------------------------- */

START_TEST(slashes_and_dots_change_nothing)
{
    in_memory();
    vfs_mkdir(&at, "/a", 0755);
    vfs_mkdir(&at, "/a/b", 0755);
    put("/a/b/f", "x");
    CHECK_EQ(ino("//a///b//f"), ino("/a/b/f"));
    CHECK_EQ(ino("/./a/./b/./f"), ino("/a/b/f"));
    CHECK_EQ(ino("/a/../a/b/../b/f"), ino("/a/b/f"));
    CHECK_EQ(ino("/../../a/b/f"), ino("/a/b/f"));
    CHECK_EQ(ino("/a/b/"), ino("/a/b"));
    CHECK_EQ(ino("/a/b/."), ino("/a/b"));
    CHECK_EQ(ino("/a/b/.."), ino("/a"));
    CHECK_EQ(ino("/.."), ino("/"));
    CHECK_EQ(look(""), -ENOENT);
    CHECK_EQ(look("/a/b/f/"), -ENOTDIR);
    CHECK_EQ(look("/a/b/f/."), -ENOTDIR);
    CHECK_EQ(look("/a/b/f/.."), -ENOTDIR);
    CHECK_EQ(look("/a/b/f/x"), -ENOTDIR);
    CHECK_EQ(look("/a/x/.."), -ENOENT);
    CHECK_EQ(look("a/b/f"), 0); /* from the working directory, which is the root */
}
END_TEST

START_TEST(names_have_a_greatest_length)
{
    static char name[300] = "/";

    in_memory();
    memset(name + 1, 'n', 255);
    CHECK_EQ(vfs_mkdir(&at, name, 0755), 0);
    CHECK_EQ(look(name), 0);
    CHECK_EQ(entries("/"), 1);
    name[256] = 'n';
    CHECK_EQ(vfs_mkdir(&at, name, 0755), -ENAMETOOLONG);
    CHECK_EQ(look(name), -ENAMETOOLONG);
    CHECK_EQ(open_(name, O_CREAT | O_RDWR, 0644), -ENAMETOOLONG);
    CHECK_EQ(rename_("/", name, 0), -ENAMETOOLONG);
    CHECK_EQ(vfs_unlink(&at, name), -ENAMETOOLONG);
}
END_TEST

START_TEST(links_are_followed_on_the_way_and_at_the_end_if_asked_for)
{
    struct path p;

    in_memory();
    vfs_mkdir(&at, "/d", 0755);
    put("/d/f", "text");
    CHECK_EQ(vfs_symlink("/d", &at, "/to-d"), 0);
    CHECK_EQ(vfs_symlink("f", &at, "/d/to-f"), 0);
    CHECK_EQ(vfs_symlink("../d/./to-f", &at, "/d/twice"), 0);
    CHECK_EQ(vfs_symlink("nothing", &at, "/dangling"), 0);
    CHECK_STR(get("/to-d/f"), "text");
    CHECK_STR(get("/to-d/to-f"), "text");
    CHECK_STR(get("/to-d/twice"), "text");
    CHECK_EQ(find("/to-d", 0, &p), 0);
    CHECK_EQ(inode_type(p.dentry->inode), S_IFLNK_);
    path_unref(&p);
    CHECK_EQ(find("/to-d/", 0, &p), 0); /* a slash follows it */
    CHECK(inode_is_dir(p.dentry->inode));
    path_unref(&p);
    CHECK_EQ(look("/d/to-f/"), -ENOTDIR);
    CHECK_EQ(look("/dangling"), -ENOENT);
    CHECK_EQ(find("/dangling", 0, &p), 0);
    path_unref(&p);
    CHECK_EQ(look("/dangling/x"), -ENOENT);
    CHECK_EQ(stat_of("/d/to-f").size, 1);
    CHECK_EQ(vfs_symlink("", &at, "/empty"), 0); /* the system call refuses it */
    CHECK_EQ(look("/empty"), -ENOENT);
}
END_TEST

START_TEST(a_loop_of_links_ends)
{
    in_memory();
    vfs_symlink("b", &at, "/a");
    vfs_symlink("a", &at, "/b");
    vfs_symlink("self/x", &at, "/self");
    CHECK_EQ(look("/a"), -ELOOP);
    CHECK_EQ(look("/a/x"), -ELOOP);
    CHECK_EQ(look("/self"), -ELOOP);
    CHECK_EQ(open_("/a", O_CREAT | O_RDWR, 0644), -ELOOP);
    CHECK_EQ(vfs_unlink(&at, "/a"), 0);
    CHECK_EQ(look("/b"), -ENOENT);
}
END_TEST

START_TEST(forty_links_are_followed_and_no_more)
{
    char name[32], text[32];

    in_memory();
    vfs_mkdir(&at, "/end", 0755);
    for (int i = 1; i <= 41; i++) {
        str_printf(name, sizeof(name), "/l%d", i);
        str_printf(text, sizeof(text), i == 1 ? "/end" : "/l%d", i - 1);
        CHECK_EQ(vfs_symlink(text, &at, name), 0);
    }
    CHECK_EQ(look("/l40"), 0);
    CHECK_EQ(look("/l41"), -ELOOP);
}
END_TEST

START_TEST(openat2_restrictions_are_kept)
{
    struct path p;

    in_memory();
    vfs_mkdir(&at, "/box", 0755);
    vfs_mkdir(&at, "/box/in", 0755);
    put("/box/in/f", "inside");
    put("/f", "outside");
    vfs_symlink("/f", &at, "/box/absolute");
    vfs_symlink("../f", &at, "/box/up");
    vfs_symlink("in/f", &at, "/box/down");
    CHECK_EQ(find("/box", 0, &p), 0);
    at.base = &p;
    CHECK_EQ(look_resolve("in/f", RESOLVE_BENEATH), 0);
    CHECK_EQ(look_resolve("in/../in/f", RESOLVE_BENEATH), 0);
    CHECK_EQ(look_resolve("down", RESOLVE_BENEATH), 0);
    CHECK_EQ(look_resolve("..", RESOLVE_BENEATH), -EXDEV);
    CHECK_EQ(look_resolve("in/../../f", RESOLVE_BENEATH), -EXDEV);
    CHECK_EQ(look_resolve("up", RESOLVE_BENEATH), -EXDEV);
    CHECK_EQ(look_resolve("absolute", RESOLVE_BENEATH), -EXDEV);
    CHECK_EQ(look_resolve("/box/in", RESOLVE_BENEATH), -EXDEV);
    CHECK_EQ(look_resolve("/in/f", RESOLVE_IN_ROOT), 0);
    CHECK_EQ(look_resolve("../../in/f", RESOLVE_IN_ROOT), 0);
    CHECK_EQ(look_resolve("up", RESOLVE_IN_ROOT), -ENOENT);
    CHECK_EQ(look_resolve("absolute", RESOLVE_IN_ROOT), -ENOENT);
    CHECK_EQ(look_resolve("down", RESOLVE_NO_SYMLINKS), -ELOOP);
    CHECK_EQ(look_resolve("in/f", RESOLVE_NO_SYMLINKS), 0);
    CHECK_EQ(look_resolve("up", 0), 0);
    at.base = NULL;
    path_unref(&p);
}
END_TEST

START_TEST(mounts_are_crossed_both_ways)
{
    struct superblock *sb;
    struct dentry *root;
    struct path p;
    char buf[100];

    in_memory();
    vfs_mkdir(&at, "/mnt", 0755);
    put("/mnt/hidden", "below");
    put("/beside", "beside");
    CHECK_EQ(memfs_create(0755, 1, &sb, &root), 0);
    CHECK_EQ(find("/mnt", 0, &p), 0);
    CHECK_EQ(mount_at(sb, root, &p, false), 0);
    path_unref(&p);
    CHECK_EQ(look("/mnt/hidden"), -ENOENT);
    put("/mnt/f", "above");
    CHECK_STR(get("/mnt/../beside"), "beside");
    CHECK_STR(get("/mnt/../mnt/./f"), "above");
    CHECK_EQ(find("/mnt/f", 0, &p), 0);
    CHECK_EQ(path_text(fs, &p, buf, sizeof(buf)), 6);
    CHECK_STR(buf, "/mnt/f");
    path_unref(&p);
    CHECK_EQ(look_resolve("/mnt/f", RESOLVE_NO_XDEV), -EXDEV);
    CHECK_EQ(rename_("/mnt/f", "/f", 0), -EXDEV);
    CHECK_EQ(link_("/beside", "/mnt/g"), -EXDEV);
    CHECK_EQ(vfs_rmdir(&at, "/mnt"), -EBUSY);
    CHECK_EQ(rename_("/mnt", "/other", 0), -EBUSY);
    CHECK(stat_of("/beside").dev != sb->dev);
    CHECK_EQ(stat_of("/mnt/f").dev, sb->dev);
}
END_TEST

START_TEST(the_working_directory_is_known_by_its_name_of_now)
{
    in_memory();
    vfs_mkdir(&at, "/a", 0755);
    vfs_mkdir(&at, "/a/b", 0755);
    CHECK_EQ(chdir_("/a/b"), 0);
    CHECK_STR(cwd(), "/a/b");
    put("f", "here");
    CHECK_STR(get("/a/b/f"), "here");
    CHECK_EQ(rename_("/a", "/moved", 0), 0);
    CHECK_STR(cwd(), "/moved/b");
    CHECK_EQ(vfs_unlink(&at, "f"), 0);
    CHECK_EQ(vfs_rmdir(&at, "/moved/b"), 0);
    CHECK(!cwd());
    CHECK_EQ(look("."), 0);
    CHECK_EQ(look("f"), -ENOENT);
    CHECK_EQ(open_("f", O_CREAT | O_RDWR, 0644), -ENOENT);
    CHECK_EQ(vfs_mkdir(&at, "d", 0755), -ENOENT);
    CHECK_EQ(chdir_(".."), 0);
    CHECK_STR(cwd(), "/moved");
    CHECK_EQ(chdir_("/nothing"), -ENOENT);
    put("/file", "");
    CHECK_EQ(chdir_("/file"), -ENOTDIR);
}
END_TEST

START_TEST(a_path_that_does_not_fit_is_refused)
{
    struct path p;
    char buf[8];

    in_memory();
    vfs_mkdir(&at, "/abcdef", 0755);
    CHECK_EQ(find("/abcdef", 0, &p), 0);
    CHECK_EQ(path_text(fs, &p, buf, 8), 7);
    CHECK_STR(buf, "/abcdef");
    CHECK_EQ(path_text(fs, &p, buf, 7), -ERANGE);
    CHECK_EQ(path_text(fs, &p, buf, 1), -ERANGE);
    path_unref(&p);
    CHECK_EQ(path_text(fs, &root_path, buf, 2), 1);
    CHECK_STR(buf, "/");
    CHECK_EQ(path_text(fs, &root_path, buf, 1), -ERANGE);
}
END_TEST

/* --- names ------------------------------------------------------------------------------------ */

START_TEST(special_names_cannot_be_made_or_removed)
{
    in_memory();
    vfs_mkdir(&at, "/d", 0755);
    put("/f", "");
    CHECK_EQ(vfs_mkdir(&at, "/", 0755), -EEXIST);
    CHECK_EQ(vfs_mkdir(&at, "/d/.", 0755), -EEXIST);
    CHECK_EQ(vfs_mkdir(&at, "/d/..", 0755), -EEXIST);
    CHECK_EQ(vfs_mkdir(&at, "/new/", 0755), 0); /* a slash is allowed behind a directory */
    CHECK_EQ(vfs_symlink("x", &at, "/l/"), -ENOENT);
    CHECK_EQ(vfs_mknod(&at, "/n/", S_IFREG_ | 0644, 0), -ENOENT);
    CHECK_EQ(open_("/n/", O_CREAT | O_RDWR, 0644), -EISDIR);
    CHECK_EQ(vfs_rmdir(&at, "/"), -EBUSY);
    CHECK_EQ(vfs_rmdir(&at, "/d/."), -EINVAL);
    CHECK_EQ(vfs_rmdir(&at, "/d/.."), -ENOTEMPTY);
    CHECK_EQ(vfs_unlink(&at, "/d/.."), -EISDIR);
    CHECK_EQ(vfs_unlink(&at, "/f/"), -ENOTDIR);
    CHECK_EQ(vfs_unlink(&at, "/d/"), -EISDIR);
    CHECK_EQ(vfs_rmdir(&at, "/f"), -ENOTDIR);
    CHECK_EQ(rename_("/d/.", "/x", 0), -EBUSY);
    CHECK_EQ(rename_("/d", "/x/..", 0), -ENOENT);
    CHECK_EQ(rename_("/f", "/x/", 0), -ENOTDIR);
    CHECK_EQ(rename_("/d", "/x/", 0), 0);
    CHECK_EQ(vfs_rmdir(&at, "/x/"), 0);
}
END_TEST

START_TEST(open_creates_behind_a_link)
{
    in_memory();
    vfs_mkdir(&at, "/d", 0755);
    vfs_symlink("/d/new", &at, "/l");
    vfs_symlink("l", &at, "/l2");
    CHECK_EQ(open_("/l", O_RDWR, 0), -ENOENT);
    CHECK_EQ(open_("/l", O_CREAT | O_EXCL | O_RDWR, 0644), -EEXIST);
    CHECK_EQ(open_("/l", O_CREAT | O_NOFOLLOW | O_RDWR, 0644), -ELOOP);
    CHECK_EQ(look("/d/new"), -ENOENT);
    put("/l2", "made");
    CHECK_STR(get("/d/new"), "made");
    vfs_symlink("/d", &at, "/to-dir");
    CHECK_EQ(open_("/to-dir", O_CREAT | O_RDWR, 0644), -EISDIR);
    vfs_symlink("/nowhere/x", &at, "/bad");
    CHECK_EQ(open_("/bad", O_CREAT | O_RDWR, 0644), -ENOENT);
}
END_TEST

START_TEST(open_flags_are_held_to_the_type)
{
    in_memory();
    vfs_mkdir(&at, "/d", 0755);
    put("/f", "text");
    vfs_symlink("f", &at, "/l");
    vfs_mknod(&at, "/s", S_IFSOCK_ | 0666, 0);
    vfs_mknod(&at, "/dev", S_IFCHR_ | 0666, 0x9999);
    CHECK_EQ(open_("/f", O_DIRECTORY, 0), -ENOTDIR);
    CHECK_EQ(open_("/d", O_DIRECTORY, 0), 0);
    CHECK_EQ(open_("/d", O_WRONLY, 0), -EISDIR);
    CHECK_EQ(open_("/d", O_RDWR, 0), -EISDIR);
    CHECK_EQ(open_("/d", O_CREAT, 0644), -EISDIR);
    CHECK_EQ(open_("/l", O_NOFOLLOW, 0), -ELOOP);
    CHECK_EQ(open_("/l", O_NOFOLLOW | O_PATH, 0), 0);
    CHECK_EQ(open_("/s", O_RDWR, 0), -ENXIO);
    CHECK_EQ(open_("/s", O_PATH, 0), 0);
    CHECK_EQ(open_("/dev", O_RDWR, 0), -ENXIO);
    CHECK_EQ(open_("/f", O_TRUNC | O_PATH, 0), 0);
    CHECK_STR(get("/f"), "text");
    CHECK_EQ(open_("/f", O_TRUNC | O_RDONLY, 0), 0);
    CHECK_STR(get("/f"), "");
}
END_TEST

START_TEST(a_file_lives_on_without_a_name)
{
    struct kstat st;
    struct file *f;
    struct uio u;
    u64 pos = 0, used;
    char buf[8];

    in_memory();
    used = fake_frames_used();
    put("/f", "abc");
    CHECK_EQ(vfs_open(&at, "/f", O_RDWR, 0, &f), 0);
    CHECK_EQ(link_("/f", "/g"), 0);
    CHECK_EQ(vfs_unlink(&at, "/f"), 0);
    vfs_fstat(f, &st);
    CHECK_EQ(st.nlink, 1);
    CHECK_EQ(vfs_unlink(&at, "/g"), 0);
    vfs_fstat(f, &st);
    CHECK_EQ(st.nlink, 0);
    CHECK_EQ(st.size, 3);
    uio_init_kernel(&u, buf, sizeof(buf));
    CHECK_EQ(f->ops->read(f, &u, &pos), 3);
    CHECK_EQ(fake_frames_used(), used + 1);
    object_unref(&f->obj);
    CHECK_EQ(fake_frames_used(), used);
}
END_TEST

START_TEST(rename_replaces_only_what_is_alike)
{
    in_memory();
    vfs_mkdir(&at, "/d", 0755);
    vfs_mkdir(&at, "/full", 0755);
    put("/full/x", "");
    put("/f", "f");
    put("/g", "g");
    CHECK_EQ(rename_("/f", "/d", 0), -EISDIR);
    CHECK_EQ(rename_("/d", "/f", 0), -ENOTDIR);
    CHECK_EQ(rename_("/d", "/full", 0), -ENOTEMPTY);
    CHECK_EQ(rename_("/full", "/d", 0), 0);
    CHECK_EQ(look("/full"), -ENOENT);
    CHECK_EQ(look("/d/x"), 0);
    CHECK_EQ(rename_("/d", "/d/inside", 0), -EINVAL);
    CHECK_EQ(rename_("/d/x", "/d", 0), -ENOTEMPTY);
    CHECK_EQ(rename_("/f", "/g", RENAME_NOREPLACE), -EEXIST);
    CHECK_EQ(rename_("/f", "/new", RENAME_NOREPLACE), 0);
    CHECK_EQ(rename_("/new", "/none", RENAME_EXCHANGE), -ENOENT);
    CHECK_EQ(rename_("/new", "/g", RENAME_EXCHANGE), 0);
    CHECK_STR(get("/new"), "g");
    CHECK_STR(get("/g"), "f");
    CHECK_EQ(rename_("/g", "/d", RENAME_EXCHANGE), 0); /* a file and a directory */
    CHECK_STR(get("/d"), "f");
    CHECK_EQ(look("/g/x"), 0);
    CHECK_EQ(rename_("/d", "/new", 0), 0);
    CHECK_STR(get("/new"), "f");
    CHECK_EQ(link_("/new", "/same"), 0);
    CHECK_EQ(rename_("/new", "/same", 0), 0); /* both stay: rename(2) */
    CHECK_EQ(look("/new"), 0);
    CHECK_EQ(rename_("/nothing", "/x", 0), -ENOENT);
    CHECK_EQ(rename_("/new", "/new/x", 0), -ENOTDIR);
}
END_TEST

START_TEST(exchanged_directories_count_their_links)
{
    in_memory();
    vfs_mkdir(&at, "/a", 0755);
    vfs_mkdir(&at, "/b", 0755);
    vfs_mkdir(&at, "/a/d", 0755);
    put("/b/f", "");
    CHECK_EQ(stat_of("/a").nlink, 3);
    CHECK_EQ(rename_("/a/d", "/b/f", RENAME_EXCHANGE), 0);
    CHECK_EQ(stat_of("/a").nlink, 2);
    CHECK_EQ(stat_of("/b").nlink, 3);
    CHECK_EQ(rename_("/b/f", "/a/x", 0), 0);
    CHECK_EQ(stat_of("/a").nlink, 3);
    CHECK_EQ(stat_of("/b").nlink, 2);
    CHECK_EQ(ino("/a/x/.."), ino("/a"));
}
END_TEST

/* --- rights ----------------------------------------------------------------------------------- */

static void as_user(void)
{
    at.cred = user;
}

static void as_admin(void)
{
    at.cred = admin;
}

START_TEST(modes_decide_for_owner_group_and_others)
{
    in_memory();
    put("/f", "x");
    chmod_("/f", 0640);
    chown_("/f", 1000, 1);
    as_user();
    CHECK_EQ(open_("/f", O_RDWR, 0), 0);
    as_admin();
    chown_("/f", 1, 2000);
    as_user();
    CHECK_EQ(open_("/f", O_RDONLY, 0), 0); /* by the supplementary group */
    CHECK_EQ(open_("/f", O_RDWR, 0), -EACCES);
    as_admin();
    chown_("/f", 1, 1);
    as_user();
    CHECK_EQ(open_("/f", O_RDONLY, 0), -EACCES);
    CHECK_EQ(open_("/f", O_PATH, 0), 0);
    as_admin();
    chmod_("/f", 0046);
    chown_("/f", 1000, 2000);
    as_user();
    CHECK_EQ(open_("/f", O_RDONLY, 0), -EACCES); /* the owner is not one of the others */
    as_admin();
    CHECK_EQ(open_("/f", O_RDWR, 0), 0);
    CHECK_EQ(inode_permission(fs->root.dentry->inode, user, 2), -EACCES);
}
END_TEST

START_TEST(a_directory_that_may_not_be_searched_hides_its_names)
{
    in_memory();
    vfs_mkdir(&at, "/d", 0700);
    put("/d/f", "");
    as_user();
    CHECK_EQ(look("/d"), 0);
    CHECK_EQ(look("/d/f"), -EACCES);
    CHECK_EQ(look("/d/none"), -EACCES);
    CHECK_EQ(vfs_unlink(&at, "/d/f"), -EACCES);
    CHECK_EQ(chdir_("/d"), -EACCES);
    as_admin();
    chmod_("/d", 0755);
    as_user();
    CHECK_EQ(look("/d/f"), 0);
    CHECK_EQ(vfs_unlink(&at, "/d/f"), -EACCES);
    CHECK_EQ(vfs_mkdir(&at, "/d/x", 0755), -EACCES);
    CHECK_EQ(open_("/d/x", O_CREAT | O_RDWR, 0644), -EACCES);
    CHECK_EQ(rename_("/d/f", "/d/g", 0), -EACCES);
}
END_TEST

START_TEST(in_a_sticky_directory_only_owners_remove)
{
    in_memory();
    vfs_mkdir(&at, "/tmp", 01777);
    put("/tmp/theirs", "");
    put("/tmp/to-user", "");
    chown_("/tmp/to-user", 1000, 1000);
    as_user();
    put("/tmp/mine", "");
    CHECK_EQ(stat_of("/tmp/mine").uid, 1000);
    CHECK_EQ(vfs_unlink(&at, "/tmp/theirs"), -EPERM);
    CHECK_EQ(rename_("/tmp/theirs", "/tmp/x", 0), -EPERM);
    CHECK_EQ(rename_("/tmp/mine", "/tmp/theirs", 0), -EPERM);
    CHECK_EQ(rename_("/tmp/mine", "/tmp/theirs", RENAME_EXCHANGE), -EPERM);
    CHECK_EQ(rename_("/tmp/mine", "/tmp/my", 0), 0);
    CHECK_EQ(vfs_unlink(&at, "/tmp/my"), 0);
    CHECK_EQ(vfs_unlink(&at, "/tmp/to-user"), 0);
    as_admin();
    CHECK_EQ(vfs_unlink(&at, "/tmp/theirs"), 0);
}
END_TEST

START_TEST(what_is_made_in_a_setgid_directory_gets_its_group)
{
    in_memory();
    vfs_mkdir(&at, "/d", 0777);
    chown_("/d", 0, 4242);
    chmod_("/d", 02777);
    as_user();
    put("/d/f", "");
    vfs_mkdir(&at, "/d/sub", 0755);
    CHECK_EQ(stat_of("/d/f").gid, 4242);
    CHECK_EQ(stat_of("/d/f").uid, 1000);
    CHECK_EQ(stat_of("/d/sub").gid, 4242);
    CHECK(stat_of("/d/sub").mode & S_ISGID_);
    CHECK(!(stat_of("/d/f").mode & S_ISGID_));
}
END_TEST

START_TEST(attributes_are_changed_by_those_who_may)
{
    struct path p;

    in_memory();
    put("/f", "");
    as_user();
    CHECK_EQ(chmod_("/f", 0777), -EPERM);
    CHECK_EQ(chown_("/f", 1000, UINT32_MAX), -EPERM);
    as_admin();
    chown_("/f", 1000, 1000);
    chmod_("/f", 06755);
    as_user();
    CHECK_EQ(chmod_("/f", 06755), 0);
    CHECK_EQ(chown_("/f", 1000, 2000), 0); /* to a group of one's own */
    CHECK_EQ(stat_of("/f").mode & 07777, 0755); /* and the set-id bits go */
    CHECK_EQ(chown_("/f", 1000, 3000), -EPERM);
    CHECK_EQ(chown_("/f", 0, UINT32_MAX), -EPERM);
    as_admin();
    chown_("/f", 1000, 3000);
    as_user();
    CHECK_EQ(chmod_("/f", 02755), 0);
    CHECK_EQ(stat_of("/f").mode & 07777, 0755); /* not a member of the group */
    CHECK_EQ(find("/f", 0, &p), 0);
    CHECK_EQ(vfs_utimens(&p, user, 5, 6), 0);
    CHECK_EQ(stat_of("/f").atime, 5);
    CHECK_EQ(stat_of("/f").mtime, 6);
    CHECK_EQ(vfs_utimens(&p, user, TIME_OMIT, 7), 0);
    CHECK_EQ(stat_of("/f").atime, 5);
    CHECK_EQ(stat_of("/f").mtime, 7);
    as_admin();
    chown_("/f", 1, 1);
    chmod_("/f", 0666);
    CHECK_EQ(vfs_utimens(&p, user, 5, 6), -EPERM);
    CHECK_EQ(vfs_utimens(&p, user, TIME_NOW, TIME_NOW), 0);
    chmod_("/f", 0644);
    CHECK_EQ(vfs_utimens(&p, user, TIME_NOW, TIME_NOW), -EACCES);
    CHECK_EQ(vfs_truncate(&p, user, 0), -EACCES);
    path_unref(&p);
}
END_TEST

START_TEST(a_read_only_mount_is_not_changed)
{
    in_memory();
    vfs_mkdir(&at, "/d", 0755);
    put("/f", "x");
    fs->root.mnt->readonly = true;
    CHECK_EQ(open_("/f", O_RDWR, 0), -EROFS);
    CHECK_EQ(open_("/f", O_TRUNC, 0), -EROFS);
    CHECK_EQ(open_("/f", O_RDONLY, 0), 0);
    CHECK_EQ(open_("/new", O_CREAT | O_RDWR, 0644), -EROFS);
    CHECK_EQ(open_("/f", O_CREAT | O_RDONLY, 0644), 0);
    CHECK_EQ(vfs_mkdir(&at, "/new", 0755), -EROFS);
    CHECK_EQ(vfs_mkdir(&at, "/d", 0755), -EEXIST);
    CHECK_EQ(vfs_unlink(&at, "/f"), -EROFS);
    CHECK_EQ(vfs_rmdir(&at, "/d"), -EROFS);
    CHECK_EQ(rename_("/f", "/g", 0), -EROFS);
    CHECK_EQ(link_("/f", "/g"), -EROFS);
    CHECK_EQ(chmod_("/f", 0600), -EROFS);
    CHECK_EQ(chown_("/f", 1, 1), -EROFS);
}
END_TEST

/* --- the image -------------------------------------------------------------------------------- */

static struct fake_node *host;

/* Calls since the last time this was asked. */
static u64 calls(void)
{
    static u64 before;
    u64 now = fake_calls_all() - fake_calls[RV_HC_mem_grow], n = now - before;

    before = now;
    return n;
}

/* /usr/bin with a few files, /data with large ones, /etc with links. */
static void image(void)
{
    static u8 large[200000];
    struct fake_node *usr, *bin, *etc;

    for (u32 i = 0; i < sizeof(large); i++)
        large[i] = (u8)('a' + i / 4096 % 26);
    host = fake_root();
    usr = fake_dir(host, "usr");
    bin = fake_dir(usr, "bin");
    fake_file(bin, "sh", "#sh", 3);
    fake_file(bin, "ls", "#ls", 3);
    fake_dir(bin, "empty");
    etc = fake_dir(host, "etc");
    fake_file(etc, "passwd", "root:x:0:0", 10);
    fake_link(etc, "mtab", "/proc/mounts");
    fake_file(host, "large", large, sizeof(large));
    fake_name(host, "large2", fake_file(usr, "shared", "together", 8));
    fs = fake_mount(true);
    make_creds();
    at = (struct lookup){ .fs = fs, .cred = admin };
    calls();
}

START_TEST(a_deep_path_is_one_call_and_then_none)
{
    image();
    CHECK_EQ(look("/usr/bin/sh"), 0);
    CHECK_EQ(calls(), 1);
    CHECK_EQ(look("/usr/bin/sh"), 0);
    CHECK_EQ(look("/usr/bin"), 0);
    CHECK_EQ(look("/usr"), 0);
    CHECK_EQ(calls(), 0);
    CHECK_EQ(look("/usr/bin/none/x/y"), -ENOENT);
    CHECK_EQ(calls(), 1);
    CHECK_EQ(look("/usr/bin/none"), -ENOENT); /* the miss is known */
    CHECK_EQ(calls(), 0);
    CHECK_EQ(look("/etc/../usr/bin/sh"), 0);
    CHECK_OP(calls(), <=, 1);
}
END_TEST

START_TEST(a_missing_name_is_no_call_once_the_listing_is_known)
{
    char name[64];
    s64 blocks;

    image();
    CHECK_EQ(entries("/usr/bin"), 3);
    calls();
    blocks = fake_blocks;
    for (int i = 0; i < 100; i++) {
        str_printf(name, sizeof(name), "/usr/bin/none%d", i);
        CHECK_EQ(look(name), -ENOENT);
    }
    CHECK_EQ(calls(), 0);
    CHECK_EQ(fake_blocks, blocks); /* nor does it stay in memory */
    CHECK_EQ(entries("/usr/bin"), 3);
    CHECK_EQ(calls(), 0);
}
END_TEST

START_TEST(changes_make_no_calls_once_the_listing_is_known)
{
    image();
    CHECK_EQ(entries("/usr/bin"), 3);
    CHECK_EQ(entries("/"), 4);
    CHECK_EQ(look("/usr/bin/sh"), 0);
    CHECK_EQ(look("/usr/bin/ls"), 0);
    calls();
    put("/usr/bin/new", "new");
    CHECK_STR(get("/usr/bin/new"), "new");
    CHECK_EQ(vfs_mkdir(&at, "/usr/bin/d", 0755), 0);
    put("/usr/bin/d/f", "f");
    CHECK_EQ(rename_("/usr/bin/sh", "/usr/bin/d/sh", 0), 0);
    CHECK_EQ(vfs_unlink(&at, "/usr/bin/ls"), 0);
    put("/usr/bin/ls", "mine");
    CHECK_STR(get("/usr/bin/ls"), "mine");
    CHECK_EQ(look("/usr/bin/sh"), -ENOENT);
    CHECK_EQ(entries("/usr/bin"), 4);
    CHECK_EQ(chmod_("/usr/bin/d/sh", 0700), 0);
    CHECK_EQ(calls(), 0);
}
END_TEST

START_TEST(a_small_file_comes_with_its_open)
{
    image();
    CHECK_EQ(look("/etc/passwd"), 0);
    calls();
    CHECK_STR(get("/etc/passwd"), "root:x:0:0");
    CHECK_EQ(fake_calls[RV_HC_fs_open], 1);
    CHECK_EQ(fake_calls[RV_HC_window_map], 0);
    CHECK_EQ(calls(), 1);
    CHECK_STR(get("/etc/passwd"), "root:x:0:0");
    CHECK_EQ(calls(), 0);
}
END_TEST

START_TEST(a_large_file_is_shown_by_a_window_and_copied_where_written)
{
    struct file *f;
    struct uio u;
    u64 pos = 4097, used;
    char c;

    image();
    CHECK_EQ(get("/large")[0], 'a');
    CHECK_EQ(fake_calls[RV_HC_window_map], 1);
    used = fake_frames_used();
    CHECK_EQ(vfs_open(&at, "/large", O_RDWR, 0, &f), 0);
    uio_init_kernel(&u, "X", 1);
    CHECK_EQ(f->ops->write(f, &u, &pos), 1);
    CHECK_EQ(fake_frames_used(), used + 1);
    pos = 4096;
    uio_init_kernel(&u, &c, 1);
    CHECK_EQ(f->ops->read(f, &u, &pos), 1);
    CHECK_EQ(c, 'b');
    uio_init_kernel(&u, &c, 1);
    f->ops->read(f, &u, &pos);
    CHECK_EQ(c, 'X');
    object_unref(&f->obj);
    CHECK_EQ(fake_calls[RV_HC_window_map], 1);
}
END_TEST

START_TEST(a_removed_name_of_the_image_stays_removed)
{
    image();
    CHECK_EQ(vfs_unlink(&at, "/etc/passwd"), 0);
    CHECK_EQ(look("/etc/passwd"), -ENOENT);
    CHECK_EQ(entries("/etc"), 1);
    CHECK_EQ(vfs_mkdir(&at, "/etc/passwd", 0755), 0);
    CHECK_EQ(entries("/etc"), 2);
    CHECK_EQ(entries("/etc/passwd"), 0);
    CHECK_EQ(vfs_rmdir(&at, "/etc/passwd"), 0);
    CHECK_EQ(look("/etc/passwd"), -ENOENT);
    put("/etc/passwd", "new");
    CHECK_EQ(rename_("/etc/passwd", "/etc/group", 0), 0);
    CHECK_EQ(look("/etc/passwd"), -ENOENT);
    CHECK_STR(get("/etc/group"), "new");
}
END_TEST

START_TEST(a_directory_of_the_image_goes_when_nothing_shows_in_it)
{
    image();
    CHECK_EQ(vfs_rmdir(&at, "/usr/bin"), -ENOTEMPTY);
    CHECK_EQ(vfs_rmdir(&at, "/usr/bin/empty"), 0);
    CHECK_EQ(vfs_unlink(&at, "/usr/bin/sh"), 0);
    CHECK_EQ(vfs_rmdir(&at, "/usr/bin"), -ENOTEMPTY);
    CHECK_EQ(vfs_unlink(&at, "/usr/bin/ls"), 0);
    put("/usr/bin/mine", "");
    CHECK_EQ(vfs_rmdir(&at, "/usr/bin"), -ENOTEMPTY);
    CHECK_EQ(vfs_unlink(&at, "/usr/bin/mine"), 0);
    CHECK_EQ(chdir_("/usr/bin"), 0);
    CHECK_EQ(vfs_rmdir(&at, "/usr/bin"), 0);
    CHECK_EQ(look("sh"), -ENOENT); /* nothing of it comes back */
    CHECK_EQ(vfs_mkdir(&at, "/usr/bin", 0755), 0);
    CHECK_EQ(entries("/usr/bin"), 0);
    CHECK_EQ(look("/usr/bin/sh"), -ENOENT);
    CHECK_EQ(chdir_("/"), 0);
    CHECK_EQ(fake_ids_in_use(), 1); /* /usr */
}
END_TEST

START_TEST(a_directory_of_the_image_is_moved_with_all_in_it)
{
    image();
    CHECK_EQ(vfs_unlink(&at, "/usr/bin/ls"), 0);
    put("/usr/bin/new", "new");
    CHECK_EQ(rename_("/usr/bin", "/etc/b", 0), 0);
    CHECK_STR(get("/etc/b/sh"), "#sh"); /* looked up after the move */
    CHECK_STR(get("/etc/b/new"), "new");
    CHECK_EQ(look("/etc/b/ls"), -ENOENT);
    CHECK_EQ(look("/usr/bin"), -ENOENT);
    CHECK_EQ(entries("/etc/b"), 3);
    CHECK_EQ(entries("/usr"), 1);
    CHECK_EQ(ino("/etc/b/.."), ino("/etc"));
    CHECK_EQ(rename_("/etc/b", "/usr/bin", 0), 0);
    CHECK_EQ(entries("/usr"), 2);
    CHECK_STR(get("/usr/bin/sh"), "#sh");
}
END_TEST

START_TEST(a_file_of_the_image_is_renamed_before_it_was_read)
{
    image();
    CHECK_EQ(rename_("/etc/passwd", "/usr/p", 0), 0);
    CHECK_STR(get("/usr/p"), "root:x:0:0");
    CHECK_EQ(rename_("/usr/p", "/usr/bin/sh", 0), 0); /* over another one */
    CHECK_STR(get("/usr/bin/sh"), "root:x:0:0");
    CHECK_EQ(vfs_unlink(&at, "/usr/bin/sh"), 0);
    CHECK_EQ(look("/usr/bin/sh"), -ENOENT);
    CHECK_EQ(rename_("/usr/bin/ls", "/large", RENAME_EXCHANGE), 0);
    CHECK_STR(get("/large"), "#ls");
    CHECK_EQ(stat_of("/usr/bin/ls").size, 200000);
}
END_TEST

START_TEST(what_was_cut_off_a_file_of_the_image_reads_as_zeros)
{
    struct path p;
    const char *s;

    image();
    CHECK_EQ(find("/large", 0, &p), 0);
    CHECK_EQ(vfs_truncate(&p, admin, 5000), 0);
    CHECK_EQ(vfs_truncate(&p, admin, 20000), 0);
    path_unref(&p);
    s = get("/large");
    for (u32 i = 0; i < 20000; i++)
        CHECK_EQ(s[i], i < 4096 ? 'a' : i < 5000 ? 'b' : 0);
    CHECK_EQ(find("/etc/passwd", 0, &p), 0);
    CHECK_EQ(vfs_truncate(&p, admin, 4), 0);
    CHECK_EQ(vfs_truncate(&p, admin, 6), 0);
    path_unref(&p);
    s = get("/etc/passwd");
    CHECK(!memcmp(s, "root\0\0", 7));
}
END_TEST

START_TEST(truncation_before_an_open_needs_no_contents)
{
    image();
    CHECK_EQ(look("/large"), 0);
    calls();
    put("/large", "short");
    CHECK_EQ(calls(), 0);
    CHECK_STR(get("/large"), "short");
}
END_TEST

START_TEST(names_of_one_file_share_what_is_written)
{
    image();
    CHECK_EQ(ino("/large2"), ino("/usr/shared"));
    CHECK_EQ(stat_of("/large2").nlink, 2);
    put("/large2", "changed");
    CHECK_STR(get("/usr/shared"), "changed");
    CHECK_EQ(link_("/usr/shared", "/third"), 0);
    CHECK_EQ(stat_of("/large2").nlink, 3);
    CHECK_EQ(vfs_unlink(&at, "/usr/shared"), 0);
    CHECK_STR(get("/third"), "changed");
    CHECK_EQ(stat_of("/third").nlink, 2);
}
END_TEST

START_TEST(a_name_that_was_not_looked_up_yet_shows_what_was_written_by_another)
{
    image();
    put("/large2", "changed");
    CHECK_EQ(vfs_unlink(&at, "/large2"), 0);
    CHECK_STR(get("/usr/shared"), "changed");
    CHECK_EQ(stat_of("/usr/shared").nlink, 1);
    CHECK_EQ(vfs_unlink(&at, "/usr/shared"), 0);
}
END_TEST

START_TEST(links_of_the_image_are_followed)
{
    image();
    CHECK_EQ(look("/etc/mtab"), -ENOENT);
    CHECK_EQ(vfs_mkdir(&at, "/proc", 0755), 0);
    put("/proc/mounts", "none");
    CHECK_STR(get("/etc/mtab"), "none");
    CHECK_EQ(vfs_unlink(&at, "/etc/mtab"), 0);
    CHECK_STR(get("/proc/mounts"), "none");
}
END_TEST

START_TEST(the_walk_does_not_go_on_below_what_was_made_here)
{
    image();
    CHECK_EQ(vfs_mkdir(&at, "/usr/x", 0755), 0);
    CHECK_EQ(rename_("/usr", "/u", 0), 0);
    CHECK_EQ(vfs_mkdir(&at, "/usr", 0755), 0); /* where the image has another one */
    CHECK_EQ(look("/usr/bin/sh"), -ENOENT);
    CHECK_EQ(look("/u/bin/sh"), 0);
    CHECK_EQ(look("/u/x"), 0);
    CHECK_EQ(entries("/usr"), 0);
}
END_TEST

UNIT_MAIN(
    "fs", ONCE(slashes_and_dots_change_nothing), ONCE(names_have_a_greatest_length),
    ONCE(links_are_followed_on_the_way_and_at_the_end_if_asked_for), ONCE(a_loop_of_links_ends),
    ONCE(forty_links_are_followed_and_no_more), ONCE(openat2_restrictions_are_kept),
    ONCE(mounts_are_crossed_both_ways), ONCE(the_working_directory_is_known_by_its_name_of_now),
    ONCE(a_path_that_does_not_fit_is_refused), ONCE(special_names_cannot_be_made_or_removed),
    ONCE(open_creates_behind_a_link), ONCE(open_flags_are_held_to_the_type),
    ONCE(a_file_lives_on_without_a_name), ONCE(rename_replaces_only_what_is_alike),
    ONCE(exchanged_directories_count_their_links), ONCE(modes_decide_for_owner_group_and_others),
    ONCE(a_directory_that_may_not_be_searched_hides_its_names),
    ONCE(in_a_sticky_directory_only_owners_remove),
    ONCE(what_is_made_in_a_setgid_directory_gets_its_group),
    ONCE(attributes_are_changed_by_those_who_may), ONCE(a_read_only_mount_is_not_changed),
    ONCE(a_deep_path_is_one_call_and_then_none),
    ONCE(a_missing_name_is_no_call_once_the_listing_is_known),
    ONCE(changes_make_no_calls_once_the_listing_is_known), ONCE(a_small_file_comes_with_its_open),
    ONCE(a_large_file_is_shown_by_a_window_and_copied_where_written),
    ONCE(a_removed_name_of_the_image_stays_removed),
    ONCE(a_directory_of_the_image_goes_when_nothing_shows_in_it),
    ONCE(a_directory_of_the_image_is_moved_with_all_in_it),
    ONCE(a_file_of_the_image_is_renamed_before_it_was_read),
    ONCE(what_was_cut_off_a_file_of_the_image_reads_as_zeros),
    ONCE(truncation_before_an_open_needs_no_contents),
    ONCE(names_of_one_file_share_what_is_written),
    ONCE(a_name_that_was_not_looked_up_yet_shows_what_was_written_by_another),
    ONCE(links_of_the_image_are_followed), ONCE(the_walk_does_not_go_on_below_what_was_made_here))
