/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes: values, names, errors, rights, and what removes them. xattr [DIR [volume]]:
 * in that folder instead of /tmp; of a volume, only user.* can be set.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

static int volume;

/* Whether all these names, separated by spaces, and no others are listed. */
static int lists(const char *path, const char *names)
{
    char list[4096], found[4096] = "", sorted[64][64];
    ssize_t n = OK(listxattr(path, list, sizeof(list)));
    int count = 0;

    CHECK_EQ(listxattr(path, NULL, 0), n);
    for (char *at = list; at < list + n; at += strlen(at) + 1)
        if (!strncmp(at, "user.", 5)) /* the host may have labels of its own */
            snprintf(sorted[count++], 64, "%s", at + 5);
    for (int i = 0; i < count; i++)
        for (int k = i + 1; k < count; k++)
            if (strcmp(sorted[k], sorted[i]) < 0) {
                char t[64];

                memcpy(t, sorted[i], 64);
                memcpy(sorted[i], sorted[k], 64);
                memcpy(sorted[k], t, 64);
            }
    for (int i = 0; i < count; i++) {
        strcat(found, sorted[i]);
        if (i < count - 1)
            strcat(found, " ");
    }
    if (strcmp(found, names))
        fprintf(stderr, "%s: '%s', not '%s'\n", path, found, names);
    return !strcmp(found, names);
}

static void values(void)
{
    static char large[XATTR_SIZE_MAX + 1];
    char *volatile nowhere = (char *)1;
    char buf[64], name[300];
    int fd = OK(open("f", O_RDWR | O_CREAT, 0644));

    CHECK(lists("f", ""));
    CHECK_ERRNO(getxattr("f", "user.a", buf, sizeof(buf)), ENODATA);
    OK(setxattr("f", "user.a", "value", 5, 0));
    CHECK_EQ(getxattr("f", "user.a", buf, sizeof(buf)), 5);
    CHECK(!memcmp(buf, "value", 5));
    CHECK_EQ(getxattr("f", "user.a", NULL, 0), 5);
    CHECK_EQ(getxattr("f", "user.a", buf, 5), 5);
    CHECK_ERRNO(getxattr("f", "user.a", buf, 4), ERANGE);
    CHECK_ERRNO(listxattr("f", buf, 3), ERANGE);
    OK(fsetxattr(fd, "user.bb", "", 0, 0)); /* an empty value is a value */
    CHECK_EQ(fgetxattr(fd, "user.bb", buf, sizeof(buf)), 0);
    OK(setxattr("f", "user.a", "\0longer than before", 19, 0));
    CHECK_EQ(fgetxattr(fd, "user.a", buf, sizeof(buf)), 19);
    CHECK(!memcmp(buf, "\0longer than before", 19));
    CHECK(lists("f", "a bb"));

    CHECK_ERRNO(setxattr("f", "user.a", "x", 1, XATTR_CREATE), EEXIST);
    CHECK_ERRNO(setxattr("f", "user.c", "x", 1, XATTR_REPLACE), ENODATA);
    OK(setxattr("f", "user.c", "x", 1, XATTR_CREATE));
    OK(setxattr("f", "user.c", "y", 1, XATTR_REPLACE));
    CHECK_EQ(getxattr("f", "user.c", buf, 1), 1);
    CHECK_EQ(buf[0], 'y');
    CHECK_ERRNO(setxattr("f", "user.c", "x", 1, 4), EINVAL);
    OK(removexattr("f", "user.a"));
    CHECK_ERRNO(removexattr("f", "user.a"), ENODATA);
    OK(fremovexattr(fd, "user.bb"));
    CHECK(lists("f", "c"));

    memset(name, 'n', sizeof(name));
    memcpy(name, "user.", 5);
    name[256] = 0;
    CHECK_ERRNO(setxattr("f", name, "x", 1, 0), ERANGE);
    CHECK_ERRNO(getxattr("f", name, buf, 1), ERANGE);
    name[255] = 0;
    OK(setxattr("f", name, "x", 1, 0));
    CHECK_EQ(getxattr("f", name, buf, 1), 1);
    OK(removexattr("f", name));
    CHECK_ERRNO(setxattr("f", "", "x", 1, 0), ERANGE);
    CHECK_ERRNO(removexattr("f", ""), ERANGE);
    CHECK_ERRNO(setxattr("f", "user.", "x", 1, 0), EINVAL);
    CHECK_ERRNO(setxattr("f", "noprefix", "x", 1, 0), EOPNOTSUPP);
    CHECK_ERRNO(getxattr("f", "noprefix", buf, 1), EOPNOTSUPP);
    CHECK_ERRNO(setxattr("f", "user.x", large, sizeof(large), 0), E2BIG);
    CHECK_ERRNO(setxattr("f", nowhere, "x", 1, 0), EFAULT);
    CHECK_ERRNO(setxattr("f", "user.x", nowhere, 1, 0), EFAULT);
    CHECK_ERRNO(getxattr("f", "user.c", nowhere, 1), EFAULT);
    CHECK_ERRNO(getxattr("none", "user.c", buf, 1), ENOENT);
    CHECK_ERRNO(listxattr("none", buf, 1), ENOENT);
    CHECK_ERRNO(getxattr("f/x", "user.c", buf, 1), ENOTDIR);
    OK(close(fd));
    CHECK_ERRNO(fgetxattr(fd, "user.c", buf, 1), EBADF);
    fd = OK(open("f", O_PATH));
    CHECK_ERRNO(fgetxattr(fd, "user.c", buf, 1), EBADF);
    CHECK_ERRNO(flistxattr(fd, buf, 1), EBADF);
    OK(close(fd));
}

/* File systems of disks have less room for one value. */
static void large_values(void)
{
    static char in[XATTR_SIZE_MAX], out[XATTR_SIZE_MAX];

    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (char)(i * 7 / 3);
    if (setxattr("f", "user.large", in, sizeof(in), 0)) {
        CHECK(errno == ENOSPC || errno == E2BIG || errno == ERANGE);
        return;
    }
    CHECK_EQ(getxattr("f", "user.large", out, sizeof(out)), sizeof(out));
    CHECK(!memcmp(in, out, sizeof(in)));
    CHECK_ERRNO(getxattr("f", "user.large", out, 1), ERANGE);
    OK(removexattr("f", "user.large"));
}

static void names_move_with_the_file(void)
{
    char c;
    int fd;

    OK(rename("f", "g"));
    CHECK(lists("g", "c"));
    OK(link("g", "h"));
    OK(setxattr("h", "user.d", "x", 1, 0));
    CHECK(lists("g", "c d"));
    OK(unlink("h"));
    fd = OK(open("g", O_RDONLY));
    OK(unlink("g"));
    if (!volume) { /* the service finds files by their names */
        CHECK_EQ(fgetxattr(fd, "user.c", &c, 1), 1);
        OK(fsetxattr(fd, "user.e", "x", 1, 0));
    }
    OK(close(fd));
    OK(close(OK(open("g", O_RDWR | O_CREAT, 0644))));
    CHECK(lists("g", "")); /* another file of that name */
    OK(rename("g", "f"));
}

/* The file that a descriptor stands for, not another one under its name. */
static void descriptors_mean_their_file(void)
{
    int fd = OK(open("old", O_RDWR | O_CREAT, 0644));

    OK(setxattr("old", "user.which", "old", 3, 0));
    OK(unlink("old"));
    OK(close(OK(open("old", O_RDWR | O_CREAT, 0644))));
    if (fsetxattr(fd, "user.more", "x", 1, 0) < 0)
        CHECK(volume && errno == ESTALE);
    CHECK(lists("old", ""));
    OK(unlink("old"));
    OK(close(fd));
}

static void kinds_of_files(void)
{
    char c;

    OK(mkdir("d", 0755));
    OK(setxattr("d", "user.dir", "x", 1, 0));
    CHECK(lists("d", "dir"));
    OK(setxattr(".", "user.top", "x", 1, 0));
    CHECK(lists(".", "top"));
    OK(symlink("f", "l"));
    OK(setxattr("l", "user.through", "x", 1, 0));
    CHECK(lists("f", "through"));
    CHECK_ERRNO(lsetxattr("l", "user.a", "x", 1, 0), EPERM);
    CHECK_ERRNO(lgetxattr("l", "user.a", &c, 1), ENODATA);
    OK(mkfifo("p", 0644));
    CHECK_ERRNO(setxattr("p", "user.a", "x", 1, 0), EPERM);
    CHECK_ERRNO(getxattr("p", "user.a", &c, 1), ENODATA);
    OK(removexattr("f", "user.through"));
    OK(setxattr("f", "user.c", "y", 1, 0));
}

static void other_objects(void)
{
    int p[2];
    char c;

    OK(pipe(p));
    CHECK_ERRNO(fsetxattr(p[0], "user.a", "x", 1, 0), EPERM);
    CHECK_ERRNO(fgetxattr(p[0], "user.a", &c, 1), ENODATA);
    CHECK_EQ(flistxattr(p[0], &c, 1), 0);
    CHECK_ERRNO(setxattr("/proc/self/status", "user.a", "x", 1, 0), EOPNOTSUPP);
    CHECK_ERRNO(getxattr("/proc/self/status", "user.a", &c, 1), EOPNOTSUPP);
    CHECK_EQ(listxattr("/proc/self/status", NULL, 0), 0);
}

static void set_caps(uint64_t effective, uint64_t permitted)
{
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2] = { { (uint32_t)effective, (uint32_t)permitted, 0 },
                                           { (uint32_t)(effective >> 32),
                                             (uint32_t)(permitted >> 32), 0 } };

    OK(syscall(SYS_capset, &h, d));
}

static uint64_t get_caps(void)
{
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2];

    OK(syscall(SYS_capget, &h, d));
    return d[0].permitted | (uint64_t)d[1].permitted << 32;
}

static const struct vfs_cap_data net_raw = {
    .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, .data = { { 1 << CAP_NET_RAW, 0 } },
};

/* trusted.* and security.* without CAP_SYS_ADMIN, which a container does not have. */
static void privileged_names(void)
{
    uint64_t all = get_caps() & ~(UINT64_C(1) << CAP_SYS_ADMIN);
    struct vfs_cap_data bad = net_raw;
    char buf[64];
    int fd;

    set_caps(all, all);
    CHECK_ERRNO(setxattr("f", "trusted.a", "x", 1, 0), EPERM);
    CHECK_ERRNO(removexattr("f", "trusted.a"), EPERM);
    CHECK_ERRNO(getxattr("f", "trusted.a", buf, 1), ENODATA);
    CHECK_ERRNO(setxattr("f", "security.other", "x", 1, 0), EPERM);
    CHECK_ERRNO(removexattr("f", "security.other"), EPERM);
    CHECK_ERRNO(getxattr("f", "security.other", buf, 1), ENODATA);
    CHECK_ERRNO(setxattr("f", "security.capability", "x", 1, 0), EINVAL);
    bad.magic_etc = 0x05000000;
    CHECK_ERRNO(setxattr("f", "security.capability", &bad, sizeof(bad), 0), EINVAL);
    CHECK_ERRNO(getxattr("f", "security.capability", buf, sizeof(buf)), ENODATA);
    if (volume) {
        CHECK_ERRNO(setxattr("f", "security.capability", &net_raw, sizeof(net_raw), 0), EPERM);
        CHECK_ERRNO(removexattr("f", "security.capability"), EPERM);
        return;
    }
    OK(setxattr("f", "security.capability", &net_raw, sizeof(net_raw), 0));
    CHECK_EQ(getxattr("f", "security.capability", buf, sizeof(buf)), sizeof(net_raw));
    CHECK(!memcmp(buf, &net_raw, sizeof(net_raw)));
    /* A change of the contents or the owner takes them away, and nothing else. */
    fd = OK(open("f", O_WRONLY));
    CHECK_EQ(write(fd, "x", 1), 1);
    OK(close(fd));
    CHECK_ERRNO(getxattr("f", "security.capability", buf, sizeof(buf)), ENODATA);
    OK(setxattr("f", "security.capability", &net_raw, sizeof(net_raw), 0));
    OK(truncate("f", 0));
    CHECK_ERRNO(getxattr("f", "security.capability", buf, sizeof(buf)), ENODATA);
    OK(setxattr("f", "security.capability", &net_raw, sizeof(net_raw), 0));
    OK(chown("f", 5, 5));
    OK(chown("f", 0, 0));
    CHECK_ERRNO(getxattr("f", "security.capability", buf, sizeof(buf)), ENODATA);
    CHECK(lists("f", "c"));
    OK(setxattr("f", "security.capability", &net_raw, sizeof(net_raw), 0));
    OK(removexattr("f", "security.capability"));
    set_caps(all & ~(UINT64_C(1) << CAP_SETFCAP), all);
    CHECK_ERRNO(setxattr("f", "security.capability", &net_raw, sizeof(net_raw), 0), EPERM);
    CHECK_ERRNO(removexattr("f", "security.capability"), EPERM);
    set_caps(all, all);
}

static void rights(void)
{
    char c;
    pid_t pid;

    OK(close(OK(open("private", O_RDWR | O_CREAT, 0600))));
    OK(setxattr("private", "user.a", "x", 1, 0));
    OK(close(OK(open("shown", O_RDWR | O_CREAT, 0644))));
    OK(setxattr("shown", "user.a", "x", 1, 0));
    OK(close(OK(open("mine", O_RDWR | O_CREAT, 0200)))); /* written, not read */
    OK(chown("mine", 1000, 1000));
    OK(mkdir("sticky", 0755));
    OK(chmod("sticky", 01777));
    OK(chmod(".", 0755));
    pid = t_fork();
    if (pid == 0) {
        OK(setgid(1000));
        OK(setuid(1000));
        CHECK_ERRNO(getxattr("private", "user.a", &c, 1), EACCES);
        CHECK_ERRNO(setxattr("private", "user.a", "y", 1, 0), EACCES);
        CHECK_EQ(listxattr("private", NULL, 0), 7);
        CHECK_EQ(getxattr("shown", "user.a", &c, 1), 1);
        CHECK_ERRNO(setxattr("shown", "user.a", "y", 1, 0), EACCES);
        CHECK_ERRNO(removexattr("shown", "user.a"), EACCES);
        OK(setxattr("mine", "user.a", "x", 1, 0));
        CHECK_ERRNO(getxattr("mine", "user.a", &c, 1), EACCES);
        CHECK_ERRNO(setxattr("sticky", "user.a", "x", 1, 0), EPERM);
        CHECK_ERRNO(setxattr("mine", "trusted.a", "x", 1, 0), EPERM);
        CHECK_ERRNO(setxattr("mine", "security.capability", &net_raw, sizeof(net_raw), 0), EPERM);
        t_end(0);
    }
    t_join(pid);
    OK(setxattr("sticky", "user.a", "x", 1, 0));
}

/* A list that is too long cannot be made. */
static void many_names(void)
{
    static char list[XATTR_LIST_MAX];
    char name[200];
    ssize_t n;
    int i;

    OK(close(OK(open("many", O_RDWR | O_CREAT, 0644))));
    for (i = 0; i < 1000; i++) {
        memset(name, 'm', sizeof(name));
        snprintf(name, sizeof(name), "user.%d", i);
        name[strlen(name)] = '.';
        name[199] = 0;
        if (setxattr("many", name, "x", 1, 0))
            break;
    }
    CHECK(i < 1000 && (errno == ENOSPC || errno == E2BIG));
    n = OK(listxattr("many", list, sizeof(list)));
    CHECK_EQ(n, i * 200);
    OK(unlink("many"));
}

int main(int argc, char **argv)
{
    if (argc > 1)
        OK(chdir(argv[1]));
    else
        t_scratch();
    volume = argc > 2;
    if (geteuid() != 0)
        t_skip("needs root");
    if (setxattr(".", "user.a", "x", 1, 0) < 0 && errno == EOPNOTSUPP && !t_in_sandbox())
        t_skip("no attributes in this file system");
    OK(removexattr(".", "user.a"));
    values();
    large_values();
    names_move_with_the_file();
    descriptors_mean_their_file();
    kinds_of_files();
    other_objects();
    rights();
    many_names();
    privileged_names();
    return 0;
}
