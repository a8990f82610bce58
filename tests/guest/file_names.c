/* SPDX-License-Identifier: Apache-2.0 */
/* Names of files: create, link, rename, unlink, folders, permissions bits, times. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#undef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#undef RENAME_EXCHANGE
#define RENAME_EXCHANGE  2

static void touch(const char *name, const char *text)
{
    int fd = OK(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644));

    CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    OK(close(fd));
}

static int holds(const char *name, const char *text)
{
    char buf[64];
    int fd = OK(open(name, O_RDONLY));
    ssize_t n = OK(read(fd, buf, sizeof(buf)));

    OK(close(fd));
    return n == (ssize_t)strlen(text) && !memcmp(buf, text, (size_t)n);
}

static void links(void)
{
    struct stat a, b;
    char buf[16];
    int fd;

    touch("a", "one");
    OK(link("a", "b"));
    OK(stat("a", &a));
    OK(stat("b", &b));
    CHECK_EQ(a.st_ino, b.st_ino);
    CHECK_EQ(a.st_nlink, 2);
    CHECK_ERRNO(link("a", "b"), EEXIST);
    CHECK_ERRNO(open("a", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    fd = OK(open("a", O_RDONLY));
    OK(unlink("a"));
    CHECK_ERRNO(stat("a", &a), ENOENT);
    CHECK(holds("b", "one"));
    OK(unlink("b"));
    OK(fstat(fd, &a));
    CHECK_EQ(a.st_nlink, 0);
    CHECK_EQ(read(fd, buf, sizeof(buf)), 3); /* the file lives while it is open */
    OK(close(fd));
}

static void renames(void)
{
    touch("a", "A");
    touch("b", "B");
    OK(rename("a", "c"));
    CHECK_ERRNO(access("a", F_OK), ENOENT);
    OK(rename("c", "b"));
    CHECK(holds("b", "A"));
    OK(mkdir("d", 0755));
    OK(mkdir("d/e", 0755));
    OK(mkdir("f", 0755));
    CHECK_ERRNO(rename("b", "d"), EISDIR);
    CHECK_ERRNO(rename("d", "b"), ENOTDIR);
    CHECK_ERRNO(rename("d", "d/e/x"), EINVAL);
    CHECK_ERRNO(rename("f", "d"), ENOTEMPTY);
    OK(rename("d", "f"));
    OK(access("f/e", F_OK));
    touch("x", "X");
    OK(syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "b", RENAME_EXCHANGE));
    CHECK(holds("b", "X") && holds("x", "A"));
    CHECK_ERRNO(syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "b", RENAME_NOREPLACE), EEXIST);
}

static void folders(void)
{
    struct stat st;

    OK(mkdir("dir", 0750));
    OK(stat("dir", &st));
    CHECK(S_ISDIR(st.st_mode));
    CHECK_EQ(st.st_mode & 07777, 0750);
    CHECK_EQ(st.st_nlink, 2);
    OK(mkdir("dir/sub", 0755));
    OK(stat("dir", &st));
    CHECK_EQ(st.st_nlink, 3);
    CHECK_ERRNO(mkdir("dir", 0755), EEXIST);
    CHECK_ERRNO(rmdir("dir"), ENOTEMPTY);
    CHECK_ERRNO(unlink("dir/sub"), EISDIR);
    touch("dir/file", "");
    CHECK_ERRNO(rmdir("dir/file"), ENOTDIR);
    OK(unlink("dir/file"));
    OK(rmdir("dir/sub"));
    OK(rmdir("dir"));
    CHECK_ERRNO(rmdir("dir"), ENOENT);
}

static void attributes(void)
{
    struct timespec times[2] = { { 1000, 7 }, { 2000, 9 } };
    struct stat st;
    mode_t old = umask(027);
    int fd = OK(open("m", O_CREAT | O_RDWR, 0666));

    OK(fstat(fd, &st));
    CHECK_EQ(st.st_mode & 07777, 0640);
    umask(old);
    OK(chmod("m", 04711));
    OK(stat("m", &st));
    CHECK_EQ(st.st_mode & 07777, 04711);
    OK(futimens(fd, times));
    OK(stat("m", &st));
    CHECK_EQ(st.st_atim.tv_sec, 1000);
    CHECK_EQ(st.st_mtim.tv_sec, 2000);
    CHECK_EQ(st.st_mtim.tv_nsec, 9);
    CHECK_EQ(write(fd, "x", 1), 1);
    OK(stat("m", &st));
    CHECK(st.st_mtim.tv_sec > 2000);
    OK(close(fd));
}

int main(void)
{
    t_scratch();
    links();
    renames();
    folders();
    attributes();
    return 0;
}
