/* SPDX-License-Identifier: Apache-2.0 */
/* A read-only root: every change fails with EROFS, reading works. Started with --read-only. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

int main(void)
{
    struct stat st;
    int fd;

    if (!t_in_sandbox())
        t_skip("needs a read-only root");
    CHECK_ERRNO(open("/new", O_CREAT | O_WRONLY, 0600), EROFS);
    CHECK_ERRNO(open("/t/rofs", O_WRONLY), EROFS);
    CHECK_ERRNO(mkdir("/new", 0700), EROFS);
    CHECK_ERRNO(mkdir("/t", 0700), EEXIST);
    CHECK_ERRNO(unlink("/t/rofs"), EROFS);
    CHECK_ERRNO(rename("/t/rofs", "/t/x"), EROFS);
    CHECK_ERRNO(symlink("a", "/t/x"), EROFS);
    CHECK_ERRNO(link("/t/rofs", "/t/x"), EROFS);
    CHECK_ERRNO(chmod("/t/rofs", 0700), EROFS);
    CHECK_ERRNO(chown("/t/rofs", 1, 1), EROFS);
    CHECK_ERRNO(truncate("/t/rofs", 0), EROFS);
    CHECK_ERRNO(utimensat(AT_FDCWD, "/t/rofs", NULL, 0), EROFS);
    CHECK_ERRNO(setxattr("/t/rofs", "user.a", "x", 1, 0), EROFS);
    CHECK_ERRNO(removexattr("/t/rofs", "user.a"), EROFS);
    CHECK_ERRNO(access("/t/rofs", W_OK), EROFS);
    CHECK_ERRNO(rename("/t/rofs", "/tmp/x"), EXDEV);
    OK(stat("/t/rofs", &st));
    fd = OK(open("/t/rofs", O_RDONLY));
    CHECK_EQ(read(fd, &st, 4), 4);
    CHECK(!memcmp(&st, "\177ELF", 4));
    return 0;
}
