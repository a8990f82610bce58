/* SPDX-License-Identifier: Apache-2.0 */
/* Making, opening, moving and removing names. */
#include "core/string.h"
#include "mm/frame.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_fs.h"

#include <linux/fcntl.h>
#include <linux/fs.h>

START_TEST(special_names_cannot_be_made_or_removed)
{
    mount_root(false);
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
    mount_root(false);
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
    mount_root(false);
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

    mount_root(false);
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
    mount_root(false);
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
    mount_root(false);
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

UNIT_MAIN("fs_names", ONCE(special_names_cannot_be_made_or_removed),
          ONCE(open_creates_behind_a_link), ONCE(open_flags_are_held_to_the_type),
          ONCE(a_file_lives_on_without_a_name), ONCE(rename_replaces_only_what_is_alike),
          ONCE(exchanged_directories_count_their_links))
