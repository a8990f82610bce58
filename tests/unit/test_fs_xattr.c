/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes: what asks the host how often, and what memory they take. */
#include "core/print.h"
#include "core/string.h"
#include "fs/xattr.h"
#include "mm/frame.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_fs.h"

#include <linux/fcntl.h>

static u64 asked(void)
{
    return fake_calls[RV_HC_fs_listxattr] + fake_calls[RV_HC_fs_getxattr];
}

static s64 get_(const char *name, const char *attr, void *buf, size_t size)
{
    struct path p;
    s64 r;

    CHECK_EQ(find(name, 0, &p), 0);
    r = vfs_getxattr(&p, at.cred, attr, buf, size);
    path_unref(&p);
    return r;
}

static int set_(const char *name, const char *attr, const void *value, size_t size, int flags)
{
    struct path p;
    int r;

    CHECK_EQ(find(name, 0, &p), 0);
    r = vfs_setxattr(&p, at.cred, attr, value, size, flags);
    path_unref(&p);
    return r;
}

static s64 list_(const char *name)
{
    char buf[1024];
    struct path p;
    s64 r;

    CHECK_EQ(find(name, 0, &p), 0);
    r = vfs_listxattr(&p, at.cred, buf, sizeof(buf));
    path_unref(&p);
    return r;
}

static void image(void)
{
    struct fake_node *host = fake_root(), *d = fake_dir(host, "d"), *f;

    fake_file(host, "plain", "plain", 5);
    fake_file(host, "opened", "opened", 6);
    fake_link(host, "link", "plain");
    f = fake_file(host, "file", "contents", 8);
    f->attr = "user.a";
    f->value = "value";
    fake_name(host, "again", f);
    for (int i = 0; i < 3; i++) {
        f = fake_file(host, i == 0 ? "caps" : i == 1 ? "caps2" : "caps3", "program", 7);
        f->attr = XATTR_CAPS;
        f->value = "twenty bytes of caps";
    }
    d->attr = "user.dir";
    d->value = "d";
    mount_root(true);
}

START_TEST(the_image_is_asked_once)
{
    char buf[16];

    image();
    CHECK_EQ(get_("/plain", "user.a", buf, sizeof(buf)), -ENODATA);
    CHECK_EQ(asked(), 1);
    CHECK_EQ(get_("/plain", "user.b", buf, sizeof(buf)), -ENODATA);
    CHECK_EQ(list_("/plain"), 0);
    CHECK_EQ(asked(), 1);
    CHECK_STR(get("/opened"), "opened"); /* which tells that there are none */
    CHECK_EQ(list_("/opened"), 0);
    CHECK_EQ(list_("/link"), 0);
    CHECK_EQ(asked(), 1);
    CHECK_EQ(get_("/file", "user.a", buf, sizeof(buf)), 5);
    CHECK(!memcmp(buf, "value", 5));
    CHECK_EQ(asked(), 3);
    CHECK_EQ(list_("/file"), 7);
    CHECK_EQ(list_("/again"), 7); /* the same file */
    CHECK_EQ(asked(), 3);
    CHECK_EQ(get_("/d", "user.dir", buf, sizeof(buf)), 1);
    CHECK_EQ(asked(), 5);
}
END_TEST

START_TEST(what_is_changed_hides_the_image)
{
    char buf[32];

    image();
    CHECK_EQ(set_("/file", "user.a", "mine", 4, XATTR_REPLACE), 0);
    CHECK_EQ(set_("/file", "user.b", "b", 1, 0), 0);
    CHECK_EQ(list_("/file"), 14);
    CHECK_EQ(get_("/file", "user.a", buf, sizeof(buf)), 4);
    CHECK_EQ(set_("/file", "user.a", NULL, 0, 0), 0);
    CHECK_EQ(get_("/file", "user.a", buf, sizeof(buf)), -ENODATA);
    CHECK_EQ(set_("/plain", "user.a", "", 0, XATTR_CREATE), 0);
    CHECK_EQ(get_("/plain", "user.a", buf, sizeof(buf)), 0);
    CHECK_EQ(set_("/d", "user.dir", NULL, 0, 0), 0);
    CHECK_EQ(list_("/d"), 0);
    CHECK_EQ(rename_("/file", "/d/file", 0), 0);
    CHECK_EQ(list_("/d/file"), 7);
}
END_TEST

START_TEST(a_file_that_was_written_has_no_capabilities_of_the_image)
{
    char buf[32];

    image();
    put("/caps", "new"); /* before the image was asked, and after */
    CHECK_EQ(get_("/caps", XATTR_CAPS, buf, sizeof(buf)), -ENODATA);
    CHECK_EQ(chmod_("/caps2", 0700), 0);
    CHECK_EQ(get_("/caps2", XATTR_CAPS, buf, sizeof(buf)), 20);
    CHECK_EQ(chown_("/caps2", 1, 1), 0);
    CHECK_EQ(get_("/caps2", XATTR_CAPS, buf, sizeof(buf)), -ENODATA);
    CHECK_EQ(chown_("/caps3", 1, 1), 0);
    CHECK_EQ(get_("/caps3", XATTR_CAPS, buf, sizeof(buf)), -ENODATA);
}
END_TEST

START_TEST(privileged_names_are_hidden_from_others)
{
    mount_root(false);
    put("/f", "f");
    CHECK_EQ(set_("/f", "trusted.t", "t", 1, 0), 0);
    CHECK_EQ(set_("/f", "security.s", "s", 1, 0), 0);
    CHECK_EQ(set_("/f", "user.u", "u", 1, 0), 0);
    CHECK_EQ(list_("/f"), 10 + 11 + 7);
    CHECK_EQ(get_("/f", "trusted.t", NULL, 0), 1);
    at.cred = user;
    CHECK_EQ(list_("/f"), 11 + 7);
    CHECK_EQ(get_("/f", "trusted.t", NULL, 0), -ENODATA);
    CHECK_EQ(get_("/f", "security.s", NULL, 0), 1);
    CHECK_EQ(set_("/f", "trusted.t", NULL, 0, 0), -EPERM);
    CHECK_EQ(set_("/f", "security.s", NULL, 0, 0), -EPERM);
    CHECK_EQ(set_("/f", "user.u", NULL, 0, 0), -EACCES);
    at.cred = admin;
    CHECK_EQ(set_("/f", "system.posix_acl_access", "x", 1, 0), -EOPNOTSUPP);
    CHECK_EQ(get_("/f", "system.posix_acl_access", NULL, 0), -EOPNOTSUPP);
}
END_TEST

/* 32 MiB of 256 may be attributes; what goes is given back. */
START_TEST(their_memory_is_bounded)
{
    static char value[XATTR_SIZE_MAX];
    char name[32];
    s64 blocks;
    int n, last = 0;

    mount_root(false);
    put("/f", "f");
    blocks = fake_blocks;
    for (int round = 0; round < 3; round++) {
        for (n = 0; n < 1000; n++) {
            str_printf(name, sizeof(name), "user.%d", n);
            if (set_("/f", name, value, 60000, 0))
                break;
        }
        CHECK_OP(n, <, 1000);
        CHECK_OP(n, >, 100);
        CHECK_EQ(set_("/f", name, value, 60000, 0), -ENOSPC);
        CHECK(!last || n == last);
        last = n;
        put("/g", "g");
        CHECK_EQ(set_("/g", "user.a", value, 60000, 0), -ENOSPC); /* of all files together */
        if (round < 2) {
            for (int i = 0; i < n; i++) {
                str_printf(name, sizeof(name), "user.%d", i);
                CHECK_EQ(set_("/f", name, NULL, 0, 0), 0);
            }
        }
    }
    CHECK_EQ(vfs_unlink(&at, "/f"), 0);
    CHECK_EQ(vfs_unlink(&at, "/g"), 0);
    CHECK_OP(fake_blocks, <=, blocks);
    put("/g", "g");
    CHECK_EQ(set_("/g", "user.a", value, 60000, 0), 0);
}
END_TEST

UNIT_MAIN("fs_xattr", ONCE(the_image_is_asked_once), ONCE(what_is_changed_hides_the_image),
          ONCE(a_file_that_was_written_has_no_capabilities_of_the_image),
          ONCE(privileged_names_are_hidden_from_others), ONCE(their_memory_is_bounded))
