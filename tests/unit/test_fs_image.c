/* SPDX-License-Identifier: Apache-2.0 */
/* The writable layer of an image: what it shows, and how many exits that takes. */
#include "core/print.h"
#include "core/string.h"
#include "mm/frame.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_fs.h"

#include <linux/fcntl.h>
#include <linux/fs.h>

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
    mount_root(true);
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

START_TEST(names_of_a_listed_directory_are_looked_up_together)
{
    char name[64];
    struct fake_node *many;

    image();
    many = fake_dir(host, "many");
    for (int i = 0; i < 300; i++) {
        str_printf(name, sizeof(name), "n%d", i);
        if (i % 3 == 0)
            fake_dir(many, name);
        else if (i % 3 == 1)
            fake_file(many, name, "text", 4);
        else
            fake_link(many, name, "n1");
    }
    CHECK_EQ(look("/many/n7"), 0);
    CHECK_EQ(look("/many/n10"), 0);
    CHECK_EQ(calls(), 2); /* nobody has listed it */
    CHECK_EQ(entries("/many"), 300);
    calls();
    for (int i = 0; i < 300; i++) {
        str_printf(name, sizeof(name), "/many/n%d", i);
        CHECK_EQ(look(name), 0);
    }
    CHECK_OP(calls(), <=, 6); /* 1, 4, 16, and then as many as fit */
    CHECK_EQ(fake_ids_in_use(), 101); /* each directory has one id */
    CHECK_STR(get("/many/n1"), "text");
    CHECK_STR(get("/many/n2"), "text");
    CHECK_EQ(look("/many/n299/x"), -ENOTDIR);
    CHECK_EQ(look("/many/none"), -ENOENT);
    CHECK_EQ(entries("/many"), 300);
}
END_TEST

START_TEST(names_looked_up_together_leave_changes_alone)
{
    image();
    CHECK_EQ(vfs_unlink(&at, "/usr/bin/ls"), 0);
    put("/usr/bin/new", "new");
    CHECK_EQ(entries("/usr/bin"), 3);
    CHECK_EQ(look("/usr/bin/sh"), 0);
    CHECK_EQ(look("/usr/bin/empty"), 0);
    CHECK_EQ(look("/usr/bin/ls"), -ENOENT);
    CHECK_STR(get("/usr/bin/new"), "new");
    CHECK_EQ(entries("/usr/bin"), 3);
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

/* So many may stay: one for each 16 KiB of 256 MiB. The directory's listing is not known. */
#define NAMES 16384

static void look_for_missing_names(int n, const char *prefix)
{
    char name[64];

    for (int i = 0; i < n; i++) {
        str_printf(name, sizeof(name), "/usr/bin/%s%d", prefix, i);
        CHECK_EQ(look(name), -ENOENT);
    }
}

START_TEST(missing_names_are_given_back)
{
    s64 blocks;

    image();
    CHECK_EQ(look("/usr/bin"), 0);
    blocks = fake_blocks;
    look_for_missing_names(NAMES, "a");
    CHECK_EQ(fake_blocks - blocks, 2 * NAMES); /* so far each is kept: a dentry and its text */
    look_for_missing_names(2 * NAMES, "b");
    CHECK_OP(fake_blocks - blocks, <, 2 * NAMES + 100);
    calls();
    look_for_missing_names(100, "a"); /* asked for again */
    CHECK_EQ(calls(), 100);
    CHECK_EQ(look("/usr/bin/sh"), 0);
}
END_TEST

START_TEST(names_that_are_found_again_and_again_stay)
{
    image();
    CHECK_EQ(look("/usr/bin/often"), -ENOENT);
    for (int i = 0; i < 30; i++) {
        char prefix[8];

        str_printf(prefix, sizeof(prefix), "%c", 'a' + i);
        look_for_missing_names(NAMES / 8, prefix);
        calls();
        CHECK_EQ(look("/usr/bin/often"), -ENOENT);
        CHECK_EQ(calls(), 0);
    }
}
END_TEST

START_TEST(names_cannot_be_kept_by_looking_for_them)
{
    char name[64];
    s64 blocks;

    image();
    CHECK_EQ(look("/usr/bin"), 0);
    blocks = fake_blocks;
    for (int i = 0; i < 4 * NAMES; i++) {
        str_printf(name, sizeof(name), "/usr/bin/x%d", i);
        CHECK_EQ(look(name), -ENOENT);
        for (int k = 1; k < 24 && i > NAMES; k++) { /* those that will be looked at next */
            str_printf(name, sizeof(name), "/usr/bin/x%d", (i - NAMES) * 16 % i + k);
            CHECK_EQ(look(name), -ENOENT);
        }
    }
    CHECK_OP(fake_blocks - blocks, <, 2 * 2 * NAMES + 200);
}
END_TEST

START_TEST(names_in_use_and_changes_are_not_given_back)
{
    struct path bin, large;
    struct dentry *none;

    image();
    CHECK_EQ(find("/usr/bin", 0, &bin), 0);
    CHECK_EQ(find("/large", 0, &large), 0);
    CHECK_EQ(lookup_one(bin.dentry, "held", 4, "", &none), 0);
    CHECK(!none->inode && none->hashed);
    put("/etc/mine", "mine");
    CHECK_EQ(vfs_unlink(&at, "/etc/passwd"), 0);
    CHECK_EQ(look("/usr/none"), -ENOENT);
    CHECK_EQ(vfs_mkdir(&at, "/usr/none", 0755), 0); /* it was a name to be given back before */
    look_for_missing_names(3 * NAMES, "x");
    CHECK(none->hashed);
    dentry_unref(none);
    calls();
    CHECK_STR(get("/etc/mine"), "mine");
    CHECK_EQ(look("/etc/passwd"), -ENOENT);
    CHECK_EQ(look("/usr/none"), 0);
    CHECK_EQ(calls(), 0);
    look_for_missing_names(3 * NAMES, "y");
    CHECK(dentry_find(bin.dentry, "held", 4) == NULL);
    CHECK(dentry_prune(UINT32_MAX));
    CHECK(!dentry_prune(1)); /* nothing is left */
    CHECK_STR(get("/etc/mine"), "mine");
    CHECK_EQ(look("/usr/none"), 0);
    path_unref(&bin);
    path_unref(&large);
}
END_TEST

UNIT_MAIN("fs_image", ONCE(a_deep_path_is_one_call_and_then_none),
          ONCE(a_missing_name_is_no_call_once_the_listing_is_known),
          ONCE(names_of_a_listed_directory_are_looked_up_together),
          ONCE(names_looked_up_together_leave_changes_alone),
          ONCE(changes_make_no_calls_once_the_listing_is_known),
          ONCE(a_small_file_comes_with_its_open),
          ONCE(a_large_file_is_shown_by_a_window_and_copied_where_written),
          ONCE(a_removed_name_of_the_image_stays_removed),
          ONCE(a_directory_of_the_image_goes_when_nothing_shows_in_it),
          ONCE(a_directory_of_the_image_is_moved_with_all_in_it),
          ONCE(a_file_of_the_image_is_renamed_before_it_was_read),
          ONCE(what_was_cut_off_a_file_of_the_image_reads_as_zeros),
          ONCE(truncation_before_an_open_needs_no_contents),
          ONCE(names_of_one_file_share_what_is_written),
          ONCE(a_name_that_was_not_looked_up_yet_shows_what_was_written_by_another),
          ONCE(links_of_the_image_are_followed),
          ONCE(the_walk_does_not_go_on_below_what_was_made_here),
          ONCE(missing_names_are_given_back), ONCE(names_that_are_found_again_and_again_stay),
          ONCE(names_cannot_be_kept_by_looking_for_them),
          ONCE(names_in_use_and_changes_are_not_given_back))
