/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file service's calls (hostcalls/fs/) on a folder of this machine: what a hostile guest can
 * put into a request, and what somebody else on the host can do meanwhile.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "hostcalls/fs/beneath.h"
#include "hostcalls/fs/jail.h"
#include "hostcalls/fs/nodes.h"
#include "hostcalls/fs/service.h"
#include "tests/unit/unit.h"

#define IMAGE  RV_ROOT_NODE(0) /* read-only */
#define VOLUME RV_ROOT_NODE(1) /* the same folder, to be changed */

static char top[] = "/tmp/rvisor-unit-XXXXXX"; /* the shown folder is top/in */
static char out[70000];
static struct call c;

bool jail_can_chown(void)
{
    return geteuid() == 0;
}

static void write_file(const char *path, const void *data, size_t n)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);

    CHECK(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    close(fd);
}

/* In the folder `in`, with something secret beside it. */
static void start(void)
{
    CHECK(mkdtemp(top));
    CHECK_EQ(chdir(top), 0);
    CHECK_EQ(mkdir("in", 0755), 0);
    write_file("secret", "secret", 6);
    CHECK_EQ(chdir("in"), 0);
    CHECK_EQ(mkdir("d", 0755), 0);
    CHECK_EQ(mkdir("d/e", 0755), 0);
    write_file("d/e/f", "contents", 8);
    CHECK_EQ(symlink("../secret", "out"), 0);
    CHECK_EQ(symlink("/", "root"), 0);
    CHECK_EQ(symlink("d", "to-d"), 0);
    CHECK_EQ(mkfifo("fifo", 0666), 0);
    beneath_init(open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
    CHECK_EQ(nodes_add_root(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), true), 0);
    CHECK_EQ(nodes_add_root(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), false), 0);
}

static void remove_all(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    struct dirent *e;
    DIR *d;

    if (fd >= 0) {
        d = fdopendir(fd);
        while ((e = readdir(d)))
            if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
                remove_all(fd, e->d_name);
        closedir(d);
    }
    if (unlinkat(dir, name, 0) < 0)
        unlinkat(dir, name, AT_REMOVEDIR);
}

static void end(void)
{
    CHECK_EQ(chdir("/"), 0);
    remove_all(AT_FDCWD, top);
}

/* A new request; its answer is in `out`, of which no byte beyond `room` may change. */
static void prepare(size_t room, const void *in, size_t in_len, uint64_t a0, uint64_t a1,
                    uint64_t a2, uint64_t a3)
{
    memset(out, 0x5a, sizeof(out));
    c = (struct call){ .arg = { a0, a1, a2, a3 }, .in = in, .in_len = in_len, .out = out,
                        .out_max = room, .fd = -1 };
}

static int64_t done(int64_t r)
{
    CHECK_OP(c.out_used, <=, c.out_max);
    for (size_t i = c.out_max; i < sizeof(out); i++)
        CHECK_EQ(out[i], 0x5a);
    return r;
}

#define CALL(fn, room, in, in_len, a0, a1, a2, a3)                                                 \
    ({                                                                                             \
        prepare(room, in, in_len, a0, a1, a2, a3);                                                 \
        done(fn(&c));                                                                              \
    })
#define WALK(node, path) CALL(fs_walk, 16384, path, strlen(path), node, 0, 0, 0)

static const struct rv_walk_entry *entry(int i)
{
    const char *at = out;

    while (i--) {
        const struct rv_walk_entry *e = (const void *)at;

        at += sizeof(*e) + (e->link_len + 7) / 8 * 8;
    }
    return (const void *)at;
}

START_TEST(a_walk_tells_each_component)
{
    start();
    CHECK_EQ(WALK(IMAGE, "d/e/f"), 3 * sizeof(struct rv_walk_entry));
    CHECK(entry(0)->status == 0 && entry(0)->dir && S_ISDIR(entry(0)->attr.mode));
    CHECK(entry(1)->dir && entry(1)->dir != entry(0)->dir);
    CHECK(!entry(2)->dir && S_ISREG(entry(2)->attr.mode) && entry(2)->attr.size == 8);
    CHECK_EQ(WALK(entry(1)->dir, "f"), sizeof(struct rv_walk_entry));
    CHECK_EQ(WALK(IMAGE, "d/none/f"), 2 * sizeof(struct rv_walk_entry));
    CHECK(entry(1)->status == -ENOENT && !entry(1)->dir);
    CHECK_EQ(WALK(IMAGE, "d/e/f/x"), 3 * sizeof(struct rv_walk_entry)); /* ends at the file */
    end();
}
END_TEST

#define BESIDE(names) CALL(fs_walk, 16384, names, strlen(names), IMAGE, RV_WALK_BESIDE, 0, 0)

START_TEST(names_beside_one_another_are_all_told)
{
    start();
    CHECK_EQ(BESIDE("fifo/none/d"), 3 * sizeof(struct rv_walk_entry));
    CHECK(S_ISFIFO(entry(0)->attr.mode) && !entry(0)->dir);
    CHECK_EQ(entry(1)->status, -ENOENT);
    CHECK(S_ISDIR(entry(2)->attr.mode) && entry(2)->dir);
    CHECK_EQ(WALK(entry(2)->dir, "e"), sizeof(struct rv_walk_entry));
    CHECK_EQ(BESIDE(".."), -EINVAL);
    CHECK_EQ(BESIDE("fifo/.."), sizeof(struct rv_walk_entry)); /* up to what is no name */
    CHECK_EQ(CALL(fs_walk, 16384, "d", 1, IMAGE, 2, 0, 0), -EINVAL);
    CHECK_EQ(CALL(fs_walk, 250, "d/d/d/d", 7, IMAGE, RV_WALK_BESIDE, 0, 0),
             2 * sizeof(struct rv_walk_entry)); /* as many as there is room for */
    end();
}
END_TEST

START_TEST(a_link_is_told_and_not_followed)
{
    start();
    CHECK_EQ(WALK(IMAGE, "out"), sizeof(struct rv_walk_entry) + 16);
    CHECK(S_ISLNK(entry(0)->attr.mode) && entry(0)->link_len == 9);
    CHECK(!memcmp(entry(0) + 1, "../secret", 9));
    CHECK_EQ(WALK(IMAGE, "to-d/e/f"), sizeof(struct rv_walk_entry) + 8);
    CHECK_EQ(WALK(IMAGE, "root/etc/passwd"), sizeof(struct rv_walk_entry) + 8);
    CHECK_EQ(CALL(fs_open, sizeof(out), "out", 3, IMAGE, 0, 0, 0), -ELOOP);
    CHECK_EQ(CALL(fs_open, sizeof(out), "out", 3, VOLUME, 1, 0, 0), -ELOOP);
    end();
}
END_TEST

static const struct {
    const char *text;
    size_t len;
} bad_names[] = {
    { "", 0 },
    { ".", 1 },
    { "..", 2 },
    { "/", 1 },
    { "d/e", 3 },
    { "/d", 2 },
    { "d/", 2 },
    { "../secret", 9 },
    { "d\0x", 3 },
    { "\0", 1 },
    { "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
      "nnn"
      "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
      "nnn"
      "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
      256 },
};

START_TEST(names_that_are_not_one_component_are_refused)
{
    char two[600], attr[88 + 300] = { 0 };

    start();
    for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
        const char *n = bad_names[i].text;
        size_t len = bad_names[i].len;

        CHECK_OP(CALL(fs_open, sizeof(out), n, len, VOLUME, 0, 0, 0), <, 0);
        CHECK_OP(CALL(fs_create, sizeof(out), n, len, VOLUME, 0644, 0, 0), <, 0);
        CHECK_OP(CALL(fs_mkdir, 104, n, len, VOLUME, 0755, 0, 0), <, 0);
        CHECK_OP(CALL(fs_mknod, 104, n, len, VOLUME, S_IFIFO | 0644, 0, 0), <, 0);
        CHECK_OP(CALL(fs_unlink, 0, n, len, VOLUME, 0, 0, 0), <, 0);
        if (len)
            CHECK_OP(CALL(fs_listxattr, 65536, n, len, VOLUME, 0, 0, 0), <, 0);
        CHECK_OP(CALL(fs_unlink, 0, n, len, VOLUME, 1, 0, 0), <, 0);
        memcpy(attr + 88, n, len);
        if (len)
            CHECK_OP(CALL(fs_setattr, 88, attr, 88 + len, VOLUME, RV_SET_MODE, 0, 0), <, 0);
        memcpy(two, n, len);
        memcpy(two + len, "new", 3);
        CHECK_OP(CALL(fs_symlink, 104, two, len + 3, VOLUME, 0, 0, len), <, 0);
        CHECK_OP(CALL(fs_rename, 0, two, len + 3, VOLUME, VOLUME, len, 0), <, 0);
        CHECK_OP(CALL(fs_link, 104, two, len + 3, VOLUME, VOLUME, len, 0), <, 0);
        memcpy(two, "fifo", 4);
        memcpy(two + 4, n, len);
        CHECK_OP(CALL(fs_rename, 0, two, len + 4, VOLUME, VOLUME, 4, 0), <, 0);
        CHECK_OP(CALL(fs_link, 104, two, len + 4, VOLUME, VOLUME, 4, 0), <, 0);
    }
    CHECK_OP(WALK(IMAGE, ""), <, 0);
    CHECK_OP(WALK(IMAGE, ".."), <, 0);
    CHECK_OP(WALK(IMAGE, "/d"), <, 0);
    /* In the middle they end the walk. */
    CHECK_EQ(WALK(IMAGE, "d/../../secret"), sizeof(struct rv_walk_entry));
    CHECK_EQ(WALK(IMAGE, "d//e"), sizeof(struct rv_walk_entry));
    CHECK_EQ(WALK(IMAGE, "d/./e"), sizeof(struct rv_walk_entry));
    CHECK_EQ(access("fifo", F_OK), 0);
    CHECK_EQ(access("new", F_OK), -1);
    end();
}
END_TEST

START_TEST(lengths_of_first_names_are_checked)
{
    start();
    CHECK_EQ(CALL(fs_rename, 0, "ab", 2, VOLUME, VOLUME, 3, 0), -EINVAL);
    CHECK_EQ(CALL(fs_rename, 0, "ab", 2, VOLUME, VOLUME, UINT64_MAX, 0), -EINVAL);
    CHECK_EQ(CALL(fs_link, 104, "ab", 2, VOLUME, VOLUME, UINT64_C(1) << 32, 0), -EINVAL);
    CHECK_EQ(CALL(fs_symlink, 104, "ab", 2, VOLUME, 0, 0, 3), -EINVAL);
    CHECK_EQ(CALL(fs_symlink, 104, "ab", 2, VOLUME, 0, 0, 2), -ENOENT); /* no text */
    CHECK_EQ(CALL(fs_symlink, 104, "ab\0c", 4, VOLUME, 0, 0, 1), -EINVAL);
    CHECK_EQ(CALL(fs_setattr, 88, "short", 5, VOLUME, 0, 0, 0), -EINVAL);
    end();
}
END_TEST

START_TEST(unknown_nodes_and_flags_are_refused)
{
    static const uint64_t ids[] = { 0, 3, 77, 1u << 20, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX };
    char attr[88] = { 0 };

    start();
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        CHECK_EQ(WALK(ids[i], "d"), -ESTALE);
        CHECK_EQ(CALL(fs_readdir, 65536, NULL, 0, ids[i], 0, 0, 0), -ESTALE);
        CHECK_EQ(CALL(fs_open, sizeof(out), "d", 1, ids[i], 0, 0, 0), -ESTALE);
        CHECK_EQ(CALL(fs_rename, 0, "ab", 2, VOLUME, ids[i], 1, 0), -ESTALE);
        CHECK_EQ(CALL(fs_statfs, 80, NULL, 0, ids[i], 0, 0, 0), -ESTALE);
    }
    CHECK_EQ(CALL(fs_open, sizeof(out), "f", 1, VOLUME, 2, 0, 0), -EINVAL);
    CHECK_EQ(CALL(fs_mkdir, 104, "f", 1, VOLUME, 010000, 0, 0), -EINVAL);
    CHECK_EQ(CALL(fs_create, 4096, "f", 1, VOLUME, S_IFREG | 0644, 0, 0), -EINVAL);
    CHECK_EQ(CALL(fs_unlink, 0, "f", 1, VOLUME, 2, 0, 0), -EINVAL);
    CHECK_EQ(CALL(fs_rename, 0, "ab", 2, VOLUME, VOLUME, 1, 3), -EINVAL);
    CHECK_EQ(CALL(fs_rename, 0, "ab", 2, VOLUME, VOLUME, 1, 4), -EINVAL);
    CHECK_EQ(CALL(fs_setattr, 88, attr, 88, VOLUME, 64, 0, 0), -EINVAL);
    CHECK_EQ(CALL(fs_mknod, 104, "n", 1, VOLUME, S_IFCHR | 0666, 0, 0), -EPERM);
    CHECK_EQ(CALL(fs_mknod, 104, "n", 1, VOLUME, S_IFBLK | 0666, 0, 0), -EPERM);
    CHECK_EQ(CALL(fs_mknod, 104, "n", 1, VOLUME, S_IFREG | 0666, 0, 0), -EPERM);
    CHECK_EQ(CALL(fs_mknod, 104, "n", 1, VOLUME, UINT64_MAX, 0, 0), -EINVAL);
    CHECK_EQ(access("n", F_OK), -1);
    end();
}
END_TEST

START_TEST(a_read_only_root_is_not_changed)
{
    char attr[88] = { 0 };

    start();
    CHECK_EQ(CALL(fs_open, sizeof(out), "d", 1, IMAGE, 1, 0, 0), -EROFS);
    CHECK_EQ(CALL(fs_create, 4096, "n", 1, IMAGE, 0644, 0, 0), -EROFS);
    CHECK_EQ(CALL(fs_tmpfile, 4096, NULL, 0, IMAGE, 0644, 0, 0), -EROFS);
    CHECK_EQ(CALL(fs_mkdir, 104, "n", 1, IMAGE, 0755, 0, 0), -EROFS);
    CHECK_EQ(CALL(fs_symlink, 104, "nt", 2, IMAGE, 0, 0, 1), -EROFS);
    CHECK_EQ(CALL(fs_mknod, 104, "n", 1, IMAGE, S_IFIFO, 0, 0), -EROFS);
    CHECK_EQ(CALL(fs_unlink, 0, "fifo", 4, IMAGE, 0, 0, 0), -EROFS);
    CHECK_EQ(CALL(fs_link, 104, "fifon", 5, VOLUME, IMAGE, 4, 0), -EROFS);
    CHECK_EQ(CALL(fs_rename, 0, "fifon", 5, IMAGE, VOLUME, 4, 0), -EROFS);
    CHECK_EQ(CALL(fs_rename, 0, "fifon", 5, VOLUME, IMAGE, 4, 0), -EROFS);
    CHECK_EQ(CALL(fs_setattr, 88, attr, 88, IMAGE, RV_SET_MODE, 0, 0), -EROFS);
    CHECK_EQ(CALL(fs_setattr, 88, attr, 88, IMAGE, 0, 0, 0), 0); /* only to look */
    /* Below it too. */
    CHECK_EQ(WALK(IMAGE, "d"), sizeof(struct rv_walk_entry));
    CHECK_EQ(CALL(fs_mkdir, 104, "n", 1, entry(0)->dir, 0755, 0, 0), -EROFS);
    CHECK_EQ(access("n", F_OK), -1);
    CHECK_EQ(access("fifo", F_OK), 0);
    end();
}
END_TEST

START_TEST(only_regular_files_are_opened)
{
    const struct rv_open_reply *r = (const void *)out;
    static char large[70000];

    start();
    write_file("large", large, sizeof(large));
    write_file("empty", "", 0);
    CHECK_EQ(CALL(fs_open, sizeof(out), "fifo", 4, IMAGE, 0, 0, 0), -ENXIO); /* and does not wait */
    CHECK_EQ(CALL(fs_open, sizeof(out), "d", 1, IMAGE, 0, 0, 0), -EISDIR);
    CHECK_EQ(CALL(fs_open, sizeof(out), "none", 4, IMAGE, 0, 0, 0), -ENOENT);
    CHECK_EQ(CALL(fs_open, 10, "large", 5, IMAGE, 0, 0, 0), -EINVAL);
    CHECK_EQ(WALK(IMAGE, "d/e"), 2 * sizeof(struct rv_walk_entry));
    CHECK_EQ(CALL(fs_open, 69632, "f", 1, entry(1)->dir, 0, 0, 0), 0);
    CHECK(r->nread == 8 && !memcmp(r + 1, "contents", 8) && c.fd == -1);
    CHECK_EQ(c.out_used, sizeof(*r) + 8);
    WALK(VOLUME, "d/e");
    CHECK_EQ(CALL(fs_open, sizeof(*r) + 7, "f", 1, entry(1)->dir, 1, 0, 0),
             0); /* too little room */
    CHECK(r->nread == 0 && r->writable && c.fd >= 0);
    close(c.fd);
    CHECK_EQ(CALL(fs_open, 69632, "large", 5, IMAGE, 0, 0, 0), 0);
    CHECK(r->nread == 0 && r->attr.size == 70000 && c.fd >= 0);
    CHECK_EQ(write(c.fd, "x", 1), -1);
    close(c.fd);
    CHECK_EQ(CALL(fs_open, 69632, "empty", 5, IMAGE, 0, 0, 0), 0);
    CHECK(r->nread == 0 && c.fd >= 0);
    close(c.fd);
    end();
}
END_TEST

START_TEST(a_volume_is_changed)
{
    const struct rv_open_reply *reply = (const void *)out;
    struct rv_attr a = { .mode = 0600, .size = 3, .mtime = (uint64_t)-1500000000, .atime = 5 };
    uint64_t me = geteuid(), my = getegid();
    char in[200];
    struct stat st;

    start();
    CHECK_EQ(CALL(fs_create, 4096, "new", 3, VOLUME, 0640, me, my), 0);
    CHECK(c.fd >= 0 && S_ISREG(reply->attr.mode) && reply->writable);
    CHECK_EQ(write(c.fd, "abcdef", 6), 6);
    close(c.fd);
    CHECK_EQ(stat("new", &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0640);
    CHECK_EQ(CALL(fs_create, 4096, "new", 3, VOLUME, 0640, me, my), 0); /* opens what is there */
    close(c.fd);
    c.arg[4] = 1;
    prepare(4096, "new", 3, VOLUME, 0640, me, my);
    c.arg[4] = 1;
    CHECK_EQ(done(fs_create(&c)), -EEXIST);
    CHECK_EQ(CALL(fs_create, 4096, "out", 3, VOLUME, 0640, me, my), -ELOOP); /* a link to outside */
    memcpy(in, &a, sizeof(a));
    memcpy(in + sizeof(a), "new", 3);
    CHECK_EQ(CALL(fs_setattr, 88, in, sizeof(a) + 3, VOLUME,
                  RV_SET_MODE | RV_SET_SIZE | RV_SET_ATIME | RV_SET_MTIME, 0, 0), 0);
    CHECK_EQ(stat("new", &st), 0);
    CHECK(st.st_size == 3 && (st.st_mode & 07777) == 0600);
    CHECK(st.st_mtim.tv_sec == -2 && st.st_mtim.tv_nsec == 500000000);
    CHECK_EQ(CALL(fs_mkdir, 104, "n", 1, VOLUME, 0711, me, my), 0);
    CHECK(entry(0)->dir && (entry(0)->attr.mode & 07777) == 0711);
    CHECK_EQ(CALL(fs_symlink, 104, "sgoes/nowhere", 13, VOLUME, me, my, 1), 0);
    CHECK(S_ISLNK(entry(0)->attr.mode));
    CHECK_EQ(CALL(fs_mknod, 104, "p", 1, VOLUME, S_IFIFO | 0622, me, my), 0);
    CHECK_EQ(CALL(fs_link, 104, "newlink", 7, VOLUME, VOLUME, 3, 0), 0);
    CHECK_EQ(entry(0)->attr.nlink, 2);
    CHECK_EQ(CALL(fs_rename, 0, "newp", 4, VOLUME, VOLUME, 3, 1), -EEXIST);
    CHECK_EQ(CALL(fs_rename, 0, "newp", 4, VOLUME, VOLUME, 3, 2), 0);
    CHECK_EQ(lstat("new", &st), 0);
    CHECK(S_ISFIFO(st.st_mode));
    CHECK_EQ(CALL(fs_unlink, 0, "new", 3, VOLUME, 0, 0, 0), 0);
    CHECK_EQ(CALL(fs_unlink, 0, "n", 1, VOLUME, 0, 0, 0), -EISDIR);
    CHECK_EQ(CALL(fs_unlink, 0, "n", 1, VOLUME, 1, 0, 0), 0);
    CHECK_EQ(CALL(fs_sync, 0, NULL, 0, VOLUME, 0, 0, 0), 0);
    CHECK_EQ(CALL(fs_statfs, 80, NULL, 0, VOLUME, 0, 0, 0), 0);
    CHECK_EQ(c.out_used, 80);
    CHECK_EQ(CALL(fs_statfs, 79, NULL, 0, VOLUME, 0, 0, 0), -EINVAL);
    end();
}
END_TEST

START_TEST(a_file_without_a_name_gets_none)
{
    const struct rv_open_reply *reply = (const void *)out;
    char name[32];

    start();
    CHECK_EQ(CALL(fs_tmpfile, 4096, NULL, 0, VOLUME, 010000, 0, 0), -EINVAL);
    CHECK_EQ(CALL(fs_tmpfile, 10, NULL, 0, VOLUME, 0640, 0, 0), -EINVAL);
    CHECK_EQ(CALL(fs_tmpfile, 4096, NULL, 0, 77, 0640, 0, 0), -ESTALE);
    if (CALL(fs_tmpfile, 4096, NULL, 0, VOLUME, 0640, geteuid(), getegid()) == 0) {
        CHECK(c.fd >= 0 && reply->writable && reply->attr.nlink == 0);
        CHECK_EQ(reply->attr.mode, S_IFREG | 0640);
        CHECK_EQ(write(c.fd, "x", 1), 1);
        snprintf(name, sizeof(name), "/proc/self/fd/%d", c.fd);
        CHECK_EQ(linkat(AT_FDCWD, name, AT_FDCWD, "got-one", AT_SYMLINK_FOLLOW), -1);
        close(c.fd);
    }
    end();
}
END_TEST

START_TEST(a_listing_is_told_in_parts)
{
    uint64_t pos = 0;
    int names = 0, dots = 0, parts = 0;
    char name[32];

    start();
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "file-number-%d", i);
        write_file(name, "", 0);
    }
    CHECK_EQ(CALL(fs_readdir, 100, NULL, 0, IMAGE, 0, 0, 0), -EINVAL);
    CHECK_EQ(CALL(fs_readdir, 65536, NULL, 0, IMAGE, UINT64_MAX, 0, 0), -EINVAL);
    while (pos != RV_READDIR_END) {
        int64_t r = CALL(fs_readdir, 3000, NULL, 0, IMAGE, pos, 0, 0);

        CHECK_OP(r, >, 8);
        for (int64_t at = 0; at < r - 8;) {
            const struct rv_dirent *e = (const void *)(out + at);

            names++;
            dots += ((const char *)(e + 1))[0] == '.';
            at += (int64_t)((sizeof(*e) + e->name_len + 7) / 8 * 8);
        }
        memcpy(&pos, out + r - 8, 8);
        parts++;
    }
    CHECK_EQ(names, 305);
    CHECK_EQ(dots, 0);
    CHECK_OP(parts, >, 3);
    end();
}
END_TEST

START_TEST(a_forgotten_node_is_unknown_and_its_children_stay)
{
    uint32_t d, e;

    start();
    WALK(IMAGE, "d/e");
    d = entry(0)->dir;
    e = entry(1)->dir;
    node_forget(d);
    CHECK_EQ(WALK(d, "e"), -ESTALE);
    CHECK_EQ(WALK(e, "f"), sizeof(struct rv_walk_entry));
    node_forget(d);
    node_forget(0);
    node_forget(UINT32_MAX);
    node_forget(IMAGE); /* roots stay */
    CHECK_EQ(WALK(IMAGE, "d"), sizeof(struct rv_walk_entry));
    node_forget(entry(0)->dir);
    node_forget(e);
    CHECK_EQ(WALK(e, "f"), -ESTALE);
    end();
}
END_TEST

/* With few descriptors allowed, nodes are closed and found again by their names. */
static void few_descriptors(void)
{
    struct rlimit l = { 64, 64 };

    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &l), 0);
}

static uint32_t many[3000];

static void walk_many(void)
{
    char name[32];

    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "d/e/many%d", i);
        CHECK_EQ(mkdir(name, 0755), 0);
        CHECK_EQ(WALK(VOLUME, name), 3 * sizeof(struct rv_walk_entry));
        node_forget(entry(0)->dir);
        node_forget(entry(1)->dir);
        many[i] = entry(2)->dir;
    }
}

START_TEST(there_may_be_more_nodes_than_descriptors)
{
    few_descriptors();
    start();
    walk_many();
    write_file("d/e/many0/x", "x", 1);
    CHECK_EQ(WALK(many[0], "x"), sizeof(struct rv_walk_entry));
    CHECK_EQ(entry(0)->status, 0);
    CHECK_EQ(CALL(fs_rename, 0, "de", 2, VOLUME, VOLUME, 1, 0), 0); /* moves are followed */
    CHECK_EQ(WALK(many[1], "x"), sizeof(struct rv_walk_entry));
    CHECK_EQ(entry(0)->status, -ENOENT);
    end();
}
END_TEST

START_TEST(a_node_does_not_become_another_directory)
{
    few_descriptors();
    start();
    walk_many();
    CHECK_EQ(rmdir("d/e/many0"), 0);
    CHECK_EQ(symlink("../../../", "d/e/many0"), 0);
    CHECK_EQ(WALK(many[0], "secret"), -ESTALE);
    CHECK_EQ(rename("d/e/many1", "d/e/other"), 0); /* it stays, so its inode number is not used again */
    CHECK_EQ(mkdir("d/e/many1", 0755), 0); /* another one of that name */
    CHECK_EQ(WALK(many[1], "x"), -ESTALE);
    CHECK_EQ(rename("d", "../gone"), 0); /* out of the shown folder */
    CHECK_EQ(WALK(many[2], "x"), -ESTALE);
    end();
}
END_TEST

/* Files with attributes; false: this file system has none, and there is nothing to test. */
static bool start_with_attributes(void)
{
    static const char caps[20] = { 1, 0, 0, 2, 1 };

    start();
    if (setxattr("d/e/f", "user.a", "value", 5, 0) < 0) {
        end();
        return false;
    }
    CHECK_EQ(setxattr("d", "user.dir", "d", 1, 0), 0);
    if (geteuid() == 0) {
        CHECK_EQ(setxattr("d/e/f", "security.capability", caps, sizeof(caps), 0), 0);
        CHECK_EQ(setxattr("d/e/f", "security.other", "label", 5, 0), 0);
        setxattr("d/e/f", "trusted.x", "x", 1, 0); /* may be refused in a container */
    }
    return true;
}

START_TEST(attributes_are_told_but_not_the_hosts_labels)
{
    static const char names[] = "user.a\0security.capability";
    size_t told = geteuid() == 0 ? sizeof(names) : 7;
    uint32_t d, e;
    struct stat st;

    if (!start_with_attributes())
        return;
    WALK(IMAGE, "d/e");
    d = entry(0)->dir;
    e = entry(1)->dir;
    CHECK_EQ(CALL(fs_listxattr, 65536, "f", 1, e, 0, 0, 0), told);
    CHECK(c.out_used == told && memmem(out, told, "user.a", 7));
    CHECK(!memmem(out, told, "other", 5) && !memmem(out, told, "trusted", 7));
    CHECK_EQ(CALL(fs_listxattr, 6, "f", 1, e, 0, 0, 0), -ERANGE);
    CHECK_EQ(CALL(fs_listxattr, 0, "f", 1, e, 0, 0, 0), -ERANGE);
    CHECK_EQ(CALL(fs_listxattr, 65536, NULL, 0, d, 0, 0, 0), 9); /* the directory itself */
    CHECK(!memcmp(out, "user.dir", 9));
    CHECK_EQ(CALL(fs_listxattr, 65536, "d", 1, IMAGE, 0, 0, 0), 9);
    CHECK_EQ(CALL(fs_listxattr, 65536, "out", 3, IMAGE, 0, 0, 0), 0); /* a link's own: none */
    CHECK_EQ(CALL(fs_listxattr, 65536, "fifo", 4, IMAGE, 0, 0, 0), 0);
    CHECK_EQ(CALL(fs_listxattr, 65536, "none", 4, IMAGE, 0, 0, 0), -ENOENT);
    CHECK_EQ(CALL(fs_getxattr, 65536, "fuser.a", 7, e, 1, 0, 0), 5);
    CHECK(!memcmp(out, "value", 5) && c.out_used == 5);
    CHECK_EQ(CALL(fs_getxattr, 4, "fuser.a", 7, e, 1, 0, 0), -ERANGE);
    CHECK_EQ(CALL(fs_getxattr, 0, "fuser.a", 7, e, 1, 0, 0), -ERANGE);
    CHECK_EQ(CALL(fs_getxattr, 65536, "user.dir", 8, d, 0, 0, 0), 1);
    CHECK_EQ(CALL(fs_getxattr, 65536, "fsecurity.other", 15, e, 1, 0, 0), -ENODATA);
    CHECK_EQ(CALL(fs_getxattr, 65536, "ftrusted.x", 10, e, 1, 0, 0), -ENODATA);
    CHECK_EQ(CALL(fs_getxattr, 65536, "fuser.b", 7, e, 1, 0, 0), -ENODATA);
    CHECK_EQ(CALL(fs_getxattr, 65536, "fuser.", 6, e, 1, 0, 0), -ENODATA);
    CHECK_EQ(CALL(fs_getxattr, 65536, "outuser.a", 9, IMAGE, 3, 0, 0), -ENODATA);
    if (geteuid() == 0)
        CHECK_EQ(CALL(fs_getxattr, 65536, "fsecurity.capability", 20, e, 1, 0, 0), 20);
    /* Another file by now. */
    CHECK_EQ(stat("d/e/f", &st), 0);
    CHECK_EQ(CALL(fs_getxattr, 65536, "fuser.a", 7, e, 1, st.st_ino, 0), 5);
    CHECK_EQ(CALL(fs_getxattr, 65536, "fuser.a", 7, e, 1, st.st_ino + 1, 0), -ESTALE);
    CHECK_EQ(CALL(fs_listxattr, 65536, "f", 1, e, st.st_ino + 1, 0, 0), -ESTALE);
    end();
}
END_TEST

/* fs_setxattr with its five arguments. */
static int64_t set_attr(uint32_t node, const char *file, const char *name, const void *value,
                        size_t size, uint64_t ino, uint64_t flags)
{
    static char in[70000];
    size_t a = strlen(file), b = strlen(name);

    memcpy(in, file, a);
    memcpy(in + a, name, b);
    memcpy(in + a + b, value, size);
    prepare(0, in, a + b + size, node, a, b, ino);
    c.arg[4] = flags;
    return done(fs_setxattr(&c));
}

START_TEST(only_attributes_of_users_are_set)
{
    static const char *const names[] = { "security.capability", "security.other", "trusted.x",
                                         "system.posix_acl_access", "user", "user.", "useR.a",
                                         " user.a", "x" };
    static char value[65537], name[300];
    struct stat st;

    if (!start_with_attributes())
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        CHECK_EQ(set_attr(VOLUME, "d", names[i], "x", 1, 0, 0), -EPERM);
        CHECK_EQ(set_attr(VOLUME, "d", names[i], "", 0, 0, RV_XATTR_REMOVE), -EPERM);
    }
    CHECK_EQ(set_attr(VOLUME, "d", "user.b", "two", 3, 0, RV_XATTR_CREATE), 0);
    CHECK_EQ(getxattr("d", "user.b", value, 10), 3);
    CHECK_EQ(set_attr(VOLUME, "d", "user.b", "", 0, 0, RV_XATTR_CREATE), -EEXIST);
    CHECK_EQ(set_attr(VOLUME, "d", "user.c", "", 0, 0, RV_XATTR_REPLACE), -ENODATA);
    CHECK_EQ(set_attr(VOLUME, "d", "user.b", "", 0, 0, RV_XATTR_REPLACE), 0);
    CHECK_EQ(getxattr("d", "user.b", value, 10), 0);
    CHECK_EQ(set_attr(VOLUME, "d", "user.b", "", 0, 0, RV_XATTR_REMOVE), 0);
    CHECK_EQ(set_attr(VOLUME, "d", "user.b", "", 0, 0, RV_XATTR_REMOVE), -ENODATA);
    CHECK_EQ(set_attr(VOLUME, "", "user.top", "t", 1, 0, 0), 0);
    CHECK_EQ(getxattr(".", "user.top", value, 10), 1);
    CHECK_EQ(set_attr(IMAGE, "d", "user.b", "x", 1, 0, 0), -EROFS);
    CHECK_EQ(set_attr(IMAGE, "", "user.b", "x", 1, 0, 0), -EROFS);
    CHECK_EQ(set_attr(VOLUME, "out", "user.b", "x", 1, 0, 0), -EPERM); /* not through the link */
    CHECK_EQ(getxattr("../secret", "user.b", value, 10), -1);
    CHECK_EQ(set_attr(VOLUME, "fifo", "user.b", "x", 1, 0, 0), -EPERM);
    CHECK_EQ(set_attr(VOLUME, "../secret", "user.b", "x", 1, 0, 0), -EINVAL);
    CHECK_EQ(stat("d", &st), 0);
    CHECK_EQ(set_attr(VOLUME, "d", "user.b", "x", 1, st.st_ino + 1, 0), -ESTALE);
    CHECK_EQ(set_attr(VOLUME, "d", "user.b", value, sizeof(value), 0, 0), -E2BIG);
    CHECK_EQ(set_attr(VOLUME, "d", "user.b", "x", 1, 0, 5), -EINVAL);
    CHECK_EQ(set_attr(VOLUME, "d", "user.b", "x", 1, 0, UINT64_MAX), -EINVAL);
    memset(name, 'n', 256);
    memcpy(name, "user.", 5);
    CHECK_EQ(set_attr(VOLUME, "d", name, "x", 1, 0, 0), -ERANGE);
    /* Lengths that do not fit the input, names with a NUL. */
    CHECK_EQ(CALL(fs_setxattr, 0, "duser.b", 7, VOLUME, 8, 0, 0), -EINVAL);
    CHECK_EQ(CALL(fs_setxattr, 0, "duser.b", 7, VOLUME, 1, 7, 0), -EINVAL);
    CHECK_EQ(CALL(fs_setxattr, 0, "duser.b", 7, VOLUME, 1, UINT64_MAX, 0), -EINVAL);
    CHECK_EQ(CALL(fs_setxattr, 0, "duser.b", 7, VOLUME, UINT64_C(1) << 32, 6, 0), -EINVAL);
    CHECK_EQ(CALL(fs_setxattr, 0, "duser\0.b", 8, VOLUME, 1, 7, 0), -EINVAL);
    CHECK_EQ(CALL(fs_getxattr, 65536, "duser.b", 7, VOLUME, 8, 0, 0), -EINVAL);
    CHECK_EQ(CALL(fs_getxattr, 65536, "duser.b", 7, VOLUME, UINT64_MAX, 0, 0), -EINVAL);
    CHECK_EQ(CALL(fs_getxattr, 65536, "duser\0.b", 8, VOLUME, 1, 0, 0), -EINVAL);
    CHECK_EQ(CALL(fs_getxattr, 65536, "d", 1, VOLUME, 1, 0, 0), -ERANGE);
    CHECK_EQ(CALL(fs_getxattr, 65536, "duser.b", 7, 77, 1, 0, 0), -ESTALE);
    CHECK_EQ(listxattr("d", value, 10), 9);
    end();
}
END_TEST

START_TEST(an_open_tells_of_files_without_attributes)
{
    const struct rv_open_reply *r = (const void *)out;

    if (!start_with_attributes())
        return;
    write_file("plain", "plain", 5);
    write_file("other", "other", 5);
    CHECK_EQ(CALL(fs_open, 69632, "plain", 5, IMAGE, 0, 0, 0), 0);
    CHECK_EQ(r->no_xattrs, 1);
    if (setxattr("other", "security.other", "label", 5, 0) == 0) { /* of which nothing is told */
        CHECK_EQ(CALL(fs_open, 69632, "other", 5, IMAGE, 0, 0, 0), 0);
        CHECK_EQ(r->no_xattrs, 1);
    }
    CHECK_EQ(setxattr("plain", "user.a", "x", 1, 0), 0);
    CHECK_EQ(CALL(fs_open, 69632, "plain", 5, IMAGE, 0, 0, 0), 0);
    CHECK_EQ(r->no_xattrs, 0);
    end();
}
END_TEST

static uint32_t mode_of(const char *name)
{
    struct stat st;

    CHECK_EQ(lstat(name, &st), 0);
    return st.st_mode & 07777;
}

static int64_t set_mode(uint64_t root, const char *name, uint32_t mode)
{
    struct rv_attr a = { .mode = mode };
    char in[200];

    memcpy(in, &a, sizeof(a));
    memcpy(in + sizeof(a), name, strlen(name));
    return CALL(fs_setattr, 88, in, sizeof(a) + strlen(name), root, RV_SET_MODE, 0, 0);
}

START_TEST(files_of_a_volume_get_no_set_id_bits)
{
    uint64_t me = geteuid(), my = getegid();
    struct stat st;

    start();
    CHECK_EQ(CALL(fs_create, 4096, "new", 3, VOLUME, 06755, me, my), 0);
    close(c.fd);
    CHECK_EQ(mode_of("new"), 0755);
    CHECK_EQ(set_mode(VOLUME, "new", 07711), 0);
    CHECK_EQ(mode_of("new"), 01711);
    CHECK_EQ(CALL(fs_tmpfile, 4096, NULL, 0, VOLUME, 06755, me, my), 0);
    CHECK_EQ(fstat(c.fd, &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0755);
    close(c.fd);
    CHECK_EQ(CALL(fs_mknod, 4096, "pipe", 4, VOLUME, S_IFIFO | 06755, me, my), 0);
    CHECK_EQ(mode_of("pipe"), 0755);
    CHECK_EQ(CALL(fs_mkdir, 4096, "dir", 3, VOLUME, 02755, me, my), 0);
    CHECK_EQ(mode_of("dir"), 02755); /* whose group new files get, and no more */
    end();
}
END_TEST

START_TEST(a_file_that_is_opened_for_writing_loses_its_rights)
{
    static const char caps[20] = "\1\0\0\2\1"; /* struct vfs_cap_data: CAP_CHOWN */
    const struct rv_open_reply *reply = (const void *)out;

    start();
    write_file("armed", "old", 3);
    CHECK_EQ(chmod("armed", 06755), 0);
    CHECK_EQ(CALL(fs_open, 69632, "armed", 5, VOLUME, 0, 0, 0), 0); /* for reading */
    CHECK_EQ(mode_of("armed"), 06755);
    CHECK_EQ(CALL(fs_open, 69632, "armed", 5, VOLUME, 1, 0, 0), 0);
    CHECK_EQ(reply->attr.mode, S_IFREG | 0755);
    close(c.fd);
    CHECK_EQ(mode_of("armed"), 0755);
    if (setxattr("armed", "security.capability", caps, sizeof(caps), 0) == 0) {
        CHECK_EQ(CALL(fs_open, 69632, "armed", 5, VOLUME, 1, 0, 0), 0);
        close(c.fd);
        CHECK(getxattr("armed", "security.capability", NULL, 0) < 0);
    }
    end();
}
END_TEST

START_TEST(a_volume_with_suid_keeps_set_id_bits)
{
    uint64_t me = geteuid(), my = getegid(), root = RV_ROOT_NODE(2);

    start();
    CHECK_EQ(nodes_add_root(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), NODES_SETID), 0);
    CHECK_EQ(CALL(fs_create, 4096, "new", 3, root, 04755, me, my), 0);
    close(c.fd);
    CHECK_EQ(mode_of("new"), 04755);
    CHECK_EQ(CALL(fs_open, 69632, "new", 3, root, 1, 0, 0), 0);
    close(c.fd);
    CHECK_EQ(mode_of("new"), 04755);
    CHECK_EQ(set_mode(root, "new", 06755), 0);
    CHECK_EQ(mode_of("new"), 06755);
    end();
}
END_TEST

/* A mount namespace of the test's own. False: that cannot be had here. */
static bool own_mounts(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

START_TEST(file_systems_of_the_kernels_state_are_empty_folders)
{
    bool can_mount = own_mounts(); /* before a root is opened, which lies in one namespace */
    uint32_t dir;

    start();
    if (can_mount && mount("proc", "d/e", "proc", 0, NULL) == 0) {
        CHECK_EQ(WALK(IMAGE, "d/e/self"), 3 * sizeof(struct rv_walk_entry));
        CHECK(entry(1)->status == 0 && entry(1)->dir);
        CHECK_EQ(entry(2)->status, -ENOENT);
        dir = entry(1)->dir;
        CHECK_EQ(CALL(fs_readdir, 4096, NULL, 0, dir, 0, 0, 0), 0);
        CHECK_EQ(CALL(fs_open, 69632, "version", 7, dir, 0, 0, 0), -ENOENT);
        CHECK_EQ(CALL(fs_getxattr, 4096, "versionuser.a", 13, dir, 7, 0, 0), -ENOENT);
        CHECK_EQ(WALK(VOLUME, "d/e/version"), 3 * sizeof(struct rv_walk_entry));
        dir = entry(1)->dir;
        CHECK_EQ(entry(2)->status, -ENOENT);
        CHECK_EQ(CALL(fs_open, 69632, "version", 7, dir, 1, 0, 0), -EROFS);
        CHECK_EQ(CALL(fs_mkdir, 4096, "new", 3, dir, 0755, 0, 0), -EROFS);
        /* One of its files, mounted alone. */
        CHECK_EQ(mount("d/e/version", "d/e", NULL, MS_BIND, NULL), -1);
        write_file("d/f", "", 0);
        CHECK_EQ(mount("d/e/version", "d/f", NULL, MS_BIND, NULL), 0);
        CHECK_EQ(WALK(VOLUME, "d"), sizeof(struct rv_walk_entry));
        dir = entry(0)->dir;
        CHECK_EQ(CALL(fs_open, 69632, "f", 1, dir, 0, 0, 0), -EACCES);
        CHECK_EQ(umount("d/f"), 0);
        CHECK_EQ(CALL(fs_open, 69632, "f", 1, dir, 0, 0, 0), 0);
        CHECK_EQ(umount2("d/e", MNT_DETACH), 0);
        CHECK_EQ(mount("none", "d/e", "tmpfs", 0, NULL), 0); /* others are seen */
        CHECK_EQ(mkdir("d/e/t", 0755), 0);
        CHECK_EQ(WALK(IMAGE, "d/e/t"), 3 * sizeof(struct rv_walk_entry));
        CHECK_EQ(entry(2)->status, 0);
        CHECK_EQ(umount2("d/e", MNT_DETACH), 0);
    }
    end();
}
END_TEST

UNIT_MAIN("fs_service", ONCE(a_walk_tells_each_component), ONCE(names_beside_one_another_are_all_told), ONCE(a_link_is_told_and_not_followed),
          ONCE(names_that_are_not_one_component_are_refused),
          ONCE(lengths_of_first_names_are_checked), ONCE(unknown_nodes_and_flags_are_refused),
          ONCE(a_read_only_root_is_not_changed), ONCE(only_regular_files_are_opened),
          ONCE(a_volume_is_changed), ONCE(a_file_without_a_name_gets_none),
          ONCE(a_listing_is_told_in_parts),
          ONCE(a_forgotten_node_is_unknown_and_its_children_stay),
          ONCE(there_may_be_more_nodes_than_descriptors),
          ONCE(a_node_does_not_become_another_directory),
          ONCE(attributes_are_told_but_not_the_hosts_labels),
          ONCE(only_attributes_of_users_are_set),
          ONCE(files_of_a_volume_get_no_set_id_bits),
          ONCE(a_file_that_is_opened_for_writing_loses_its_rights),
          ONCE(a_volume_with_suid_keeps_set_id_bits),
          ONCE(file_systems_of_the_kernels_state_are_empty_folders), ONCE(an_open_tells_of_files_without_attributes))
