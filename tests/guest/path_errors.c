/* SPDX-License-Identifier: Apache-2.0 */
/* How paths are walked: links, "..", loops, and each error where it belongs. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

static void errors(void)
{
    char name[300], path[PATH_MAX + 10];
    struct stat st;

    memset(name, 'n', sizeof(name));
    name[299] = 0;
    memset(path, 'p', sizeof(path));
    for (size_t i = 0; i < sizeof(path); i += 2)
        path[i] = '/';
    path[sizeof(path) - 1] = 0;
    OK(close((int)OK(open("file", O_CREAT | O_RDWR, 0600))));
    CHECK_ERRNO(open("none", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("none/x", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("file/x", O_RDONLY), ENOTDIR);
    CHECK_ERRNO(open("file/", O_RDONLY), ENOTDIR);
    CHECK_ERRNO(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERRNO(open("file/..", O_RDONLY), ENOTDIR);
    CHECK_ERRNO(open(".", O_RDWR), EISDIR);
    CHECK_ERRNO(open(name, O_RDONLY), ENAMETOOLONG);
    CHECK_ERRNO(open(path, O_RDONLY), ENAMETOOLONG);
    name[255] = 0;
    CHECK_ERRNO(open(name, O_RDONLY), ENOENT);
    CHECK_ERRNO(stat("none/", &st), ENOENT);
    CHECK_ERRNO(mkdir("file/x", 0700), ENOTDIR);
    CHECK_ERRNO(openat(999, "file", O_RDONLY), EBADF);
    CHECK_ERRNO(chdir("file"), ENOTDIR);
    CHECK_ERRNO(access("file", X_OK), EACCES);
}

static void symlinks(void)
{
    char buf[64], link[3];
    struct stat st;
    int fd;

    OK(mkdir("d", 0755));
    OK(symlink("../file", "d/up"));
    OK(symlink("d", "to_d"));
    OK(symlink("loop2", "loop1"));
    OK(symlink("loop1", "loop2"));
    OK(symlink("nowhere", "dangling"));
    CHECK_EQ(readlink("d/up", buf, sizeof(buf)), 7);
    CHECK(!memcmp(buf, "../file", 7));
    CHECK_EQ(readlink("d/up", link, 3), 3);
    CHECK_ERRNO(readlink("file", buf, sizeof(buf)), EINVAL);
    CHECK_ERRNO(readlink("", buf, sizeof(buf)), ENOENT);
    CHECK_ERRNO(readlink("", buf, 0), EINVAL);
    OK(stat("to_d/up", &st));
    CHECK(S_ISREG(st.st_mode));
    OK(lstat("to_d", &st));
    CHECK(S_ISLNK(st.st_mode));
    CHECK_EQ(st.st_size, 1);
    OK(lstat("to_d/", &st));
    CHECK(S_ISDIR(st.st_mode));
    OK(stat("to_d/../file", &st)); /* ".." of where the link leads */
    CHECK_ERRNO(open("loop1", O_RDONLY), ELOOP);
    CHECK_ERRNO(open("to_d", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_ERRNO(open("dangling", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("dangling", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    fd = OK(open("dangling", O_CREAT | O_RDWR, 0600)); /* makes the target */
    OK(close(fd));
    OK(stat("nowhere", &st));
    for (int i = 0; i < 45; i++) {
        char from[16], to[16];

        snprintf(from, sizeof(from), "c%d", i);
        snprintf(to, sizeof(to), "c%d", i + 1);
        OK(symlink(i == 44 ? "file" : to, from));
    }
    CHECK_ERRNO(stat("c0", &st), ELOOP); /* 45 links; 40 are allowed */
    OK(stat("c5", &st));
}

static void working_directory(void)
{
    char here[PATH_MAX], there[PATH_MAX + 2], buf[4];
    int fd;

    CHECK(getcwd(here, sizeof(here)) != NULL);
    fd = OK(open(".", O_RDONLY | O_DIRECTORY));
    OK(chdir("to_d"));
    snprintf(there, sizeof(there), "%s/d", here);
    CHECK(!strcmp(getcwd(NULL, 0), there));
    errno = 0;
    CHECK(getcwd(buf, sizeof(buf)) == NULL && errno == ERANGE);
    OK(access("../file", F_OK));
    OK(fchdir(fd));
    CHECK(!strcmp(getcwd(NULL, 0), here));
    OK(faccessat(fd, "d/up", F_OK, 0));
    OK(chdir("/.././../"));
    CHECK(!strcmp(getcwd(NULL, 0), "/"));
    OK(fchdir(fd));
    OK(mkdir("gone", 0700));
    OK(chdir("gone"));
    OK(rmdir("../gone"));
    errno = 0;
    CHECK(getcwd(there, sizeof(there)) == NULL && errno == ENOENT);
    CHECK_ERRNO(open("x", O_CREAT | O_RDWR, 0600), ENOENT);
    OK(fchdir(fd));
}

static void o_path(void)
{
    int fd = OK(open("file", O_PATH));
    char c;

    CHECK_ERRNO(read(fd, &c, 1), EBADF);
    OK(close(fd));
}

int main(void)
{
    t_scratch();
    errors();
    symlinks();
    working_directory();
    o_path();
    return 0;
}
