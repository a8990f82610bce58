/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the script: h_refused DIR: in DIR, a volume without the right to write that has "file", "folder"
 * and "link", everything that would change something fails with EROFS, and reading works.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>

int main(int argc, char **argv)
{
    struct timespec times[2] = { { 1, 0 }, { 2, 0 } };
    char buf[4];
    int fd;
    char *p;

    CHECK_EQ(argc, 2);
    OK(chdir(argv[1]));
    CHECK_ERRNO(open("file", O_WRONLY), EROFS);
    CHECK_ERRNO(open("file", O_RDWR), EROFS);
    CHECK_ERRNO(open("file", O_RDONLY | O_TRUNC), EROFS);
    CHECK_ERRNO(open("new", O_WRONLY | O_CREAT, 0600), EROFS);
    CHECK_ERRNO(open("link", O_RDWR), EROFS);
    CHECK_ERRNO(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600), EROFS);
    CHECK_ERRNO(mkdir("new", 0700), EROFS);
    CHECK_ERRNO(rmdir("folder"), EROFS);
    CHECK_ERRNO(unlink("file"), EROFS);
    CHECK_ERRNO(rename("file", "new"), EROFS);
    CHECK_ERRNO(link("file", "new"), EROFS);
    CHECK_ERRNO(symlink("file", "new"), EROFS);
    CHECK_ERRNO(mknod("new", S_IFIFO | 0600, 0), EROFS);
    CHECK_ERRNO(chmod("file", 0600), EROFS);
    CHECK_ERRNO(chown("file", 1, 1), EROFS);
    CHECK_ERRNO(truncate("file", 0), EROFS);
    CHECK_ERRNO(utimensat(AT_FDCWD, "file", times, 0), EROFS);
    CHECK_ERRNO(setxattr("file", "user.a", "x", 1, 0), EROFS);
    CHECK_ERRNO(removexattr("file", "user.a"), EROFS);
    CHECK_ERRNO(access("file", W_OK), EROFS);
    OK(access("file", R_OK));
    fd = OK(open("file", O_RDONLY));
    CHECK_EQ(read(fd, buf, 4), 4);
    CHECK(!memcmp(buf, "kept", 4));
    CHECK_ERRNO(fchmod(fd, 0600), EROFS);
    CHECK_ERRNO(write(fd, buf, 1), EBADF);
    CHECK_ERRNO(ftruncate(fd, 0), EINVAL);
    CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED &&
          errno == EACCES);
    p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED && !memcmp(p, "kept", 4));
    CHECK_ERRNO(mprotect(p, 4096, PROT_READ | PROT_WRITE), EACCES);
    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED);
    p[0] = 'K';
    CHECK_EQ(pread(fd, buf, 1, 0), 1);
    CHECK_EQ(buf[0], 'k');
    return 0;
}
