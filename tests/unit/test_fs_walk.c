/* SPDX-License-Identifier: Apache-2.0 */
/* Path resolution: what a path leads to, and what path a place has. */
#include "core/print.h"
#include "core/string.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_fs.h"

#include <linux/fcntl.h>
#include <linux/openat2.h>

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

static const char *cwd(void)
{
    static char buf[PATH_MAX_];
    s64 n = path_text(fs, &fs->cwd, buf, sizeof(buf));

    return n < 0 ? NULL : buf;
}

START_TEST(slashes_and_dots_change_nothing)
{
    mount_root(false);
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

    mount_root(false);
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

    mount_root(false);
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
    mount_root(false);
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

    mount_root(false);
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

    mount_root(false);
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

    mount_root(false);
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
    mount_root(false);
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

    mount_root(false);
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

UNIT_MAIN("fs_walk", ONCE(slashes_and_dots_change_nothing), ONCE(names_have_a_greatest_length),
          ONCE(links_are_followed_on_the_way_and_at_the_end_if_asked_for),
          ONCE(a_loop_of_links_ends), ONCE(forty_links_are_followed_and_no_more),
          ONCE(openat2_restrictions_are_kept), ONCE(mounts_are_crossed_both_ways),
          ONCE(the_working_directory_is_known_by_its_name_of_now),
          ONCE(a_path_that_does_not_fit_is_refused))
