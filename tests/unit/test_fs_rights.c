/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: modes, sticky and set-id bits, attributes, read-only mounts. */
#include "core/string.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_fs.h"

#include <linux/fcntl.h>
#include <linux/fs.h>

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
    mount_root(false);
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
    mount_root(false);
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
    mount_root(false);
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
    mount_root(false);
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

    mount_root(false);
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
    mount_root(false);
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

UNIT_MAIN("fs_rights", ONCE(modes_decide_for_owner_group_and_others),
          ONCE(a_directory_that_may_not_be_searched_hides_its_names),
          ONCE(in_a_sticky_directory_only_owners_remove),
          ONCE(what_is_made_in_a_setgid_directory_gets_its_group),
          ONCE(attributes_are_changed_by_those_who_may), ONCE(a_read_only_mount_is_not_changed))
