/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the script: extended attributes that an image comes with.
 *   h_xattr make DIR           files in DIR with attributes; on the host
 *   h_xattr image DIR          what a container sees of them, and that it can change them
 *   h_xattr is FILE NAME TEXT  the attribute's value
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

static const struct vfs_cap_data bind_cap = {
    .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
    .data = { { 1 << CAP_NET_BIND_SERVICE, 0 } },
};

static void set(const char *name, const char *attr, const void *value, size_t size)
{
    if (setxattr(name, attr, value, size, 0) == 0)
        return;
    if (errno == EOPNOTSUPP || errno == EPERM)
        t_skip("no attributes in this file system");
    CHECK(0);
}

static void new_file(const char *name)
{
    int fd = OK(open(name, O_WRONLY | O_CREAT | O_EXCL, 0755));

    CHECK_EQ(write(fd, name, strlen(name)), strlen(name));
    OK(close(fd));
}

static int make(void)
{
    static const char *const files[] = { "plain", "file", "moved", "written", "cut", "unread" };
    char value[3000];

    memset(value, 'v', sizeof(value));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        new_file(files[i]);
    OK(mkdir("dir", 0755));
    OK(symlink("file", "link"));
    OK(mkfifo("fifo", 0644));
    for (size_t i = 1; i < sizeof(files) / sizeof(files[0]); i++) {
        set(files[i], "user.a", "value", 5);
        set(files[i], "user.long", value, sizeof(value));
        set(files[i], "security.capability", &bind_cap, sizeof(bind_cap));
        set(files[i], "trusted.host", "its own", 7);
    }
    set("dir", "user.dir", "d", 1);
    OK(chmod("unread", 0));
    return 0;
}

/* It has what make() gave it; caps: still its capabilities. */
static void has_all(const char *name, int caps)
{
    char buf[4096];

    CHECK_EQ(getxattr(name, "user.a", buf, sizeof(buf)), 5);
    CHECK(!memcmp(buf, "value", 5));
    CHECK_EQ(getxattr(name, "user.long", buf, sizeof(buf)), 3000);
    CHECK(buf[0] == 'v' && buf[2999] == 'v');
    if (caps) {
        CHECK_EQ(getxattr(name, "security.capability", buf, sizeof(buf)), sizeof(bind_cap));
        CHECK(!memcmp(buf, &bind_cap, sizeof(bind_cap)));
    } else {
        CHECK_ERRNO(getxattr(name, "security.capability", buf, sizeof(buf)), ENODATA);
    }
    CHECK_ERRNO(getxattr(name, "trusted.host", buf, sizeof(buf)), ENODATA);
    CHECK_EQ(listxattr(name, buf, sizeof(buf)), 7 + 10 + (caps ? 20 : 0));
}

static void changes(void)
{
    char buf[64];
    int fd;

    OK(setxattr("file", "user.a", "mine", 4, XATTR_REPLACE));
    OK(setxattr("file", "user.new", "n", 1, XATTR_CREATE));
    OK(removexattr("file", "user.long"));
    CHECK_EQ(getxattr("file", "user.a", buf, sizeof(buf)), 4);
    CHECK_EQ(listxattr("file", buf, sizeof(buf)), 7 + 9 + 20);
    OK(rename("moved", "dir/here")); /* before anybody asked for them */
    has_all("dir/here", 1);
    fd = OK(open("written", O_WRONLY | O_APPEND));
    CHECK_EQ(write(fd, "more", 4), 4);
    OK(close(fd));
    has_all("written", 0);
    OK(truncate("cut", 0));
    has_all("cut", 0);
    OK(setxattr("plain", "user.first", "1", 1, 0));
    CHECK_EQ(getxattr("plain", "user.first", buf, sizeof(buf)), 1);
    OK(setxattr("dir", "user.more", "1", 1, 0));
    CHECK_EQ(listxattr("dir", buf, sizeof(buf)), 9 + 10);
}

static int image(void)
{
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2];
    char buf[64], *argv[] = { "caps", "caps", NULL };
    pid_t pid;
    int fd;

    CHECK_EQ(listxattr("plain", buf, sizeof(buf)), 0);
    has_all("file", 1);
    has_all("unread", 1);
    CHECK_EQ(listxattr("dir", buf, sizeof(buf)), 9);
    CHECK_EQ(llistxattr("link", buf, sizeof(buf)), 0);
    CHECK_EQ(listxattr("fifo", buf, sizeof(buf)), 0);
    fd = OK(open("written", O_RDONLY));
    CHECK_EQ(fgetxattr(fd, "user.a", buf, sizeof(buf)), 5);
    OK(close(fd));
    pid = t_fork();
    if (pid == 0) {
        OK(setgid(1000));
        OK(setuid(1000));
        OK(syscall(SYS_capget, &h, d));
        CHECK_EQ(d[0].permitted, 0);
        OK(execv("./prog", argv));
    }
    t_join(pid);
    changes();
    return 0;
}

static int caps(void)
{
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2];

    OK(syscall(SYS_capget, &h, d));
    CHECK_EQ(d[0].permitted, 1 << CAP_NET_BIND_SERVICE);
    CHECK_EQ(d[0].effective, 1 << CAP_NET_BIND_SERVICE);
    return 0;
}

int main(int argc, char **argv)
{
    char buf[64];
    ssize_t n;

    if (argc == 2 && !strcmp(argv[1], "caps"))
        return caps();
    if (argc == 3 && !strcmp(argv[1], "caps-of")) {
        OK(setxattr(argv[2], "security.capability", &bind_cap, sizeof(bind_cap), 0));
        return 0;
    }
    if (argc == 5 && !strcmp(argv[1], "is")) {
        n = OK(getxattr(argv[2], argv[3], buf, sizeof(buf)));
        CHECK_EQ(n, strlen(argv[4]));
        CHECK(!memcmp(buf, argv[4], (size_t)n));
        return 0;
    }
    CHECK_EQ(argc, 3);
    OK(chdir(argv[2]));
    return !strcmp(argv[1], "make") ? make() : image();
}
