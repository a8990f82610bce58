/* SPDX-License-Identifier: Apache-2.0 */
/* A folder lists each of its entries once, with small buffers too, and "." and "..". */
#define _GNU_SOURCE
#include "t.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define N 150

struct entry {
    uint64_t ino;
    int64_t off;
    uint16_t len;
    uint8_t type;
    char name[];
};

static int seen[N + 3];

static void note(const struct entry *e)
{
    int n;

    if (!strcmp(e->name, ".") || !strcmp(e->name, "..")) {
        CHECK_EQ(e->type, DT_DIR);
        seen[N + strlen(e->name) - 1]++;
    } else if (!strcmp(e->name, "sub")) {
        CHECK_EQ(e->type, DT_DIR);
        seen[N + 2]++;
    } else {
        CHECK_EQ(sscanf(e->name, "file%d", &n), 1);
        CHECK(n >= 0 && n < N);
        CHECK_EQ(e->type, DT_REG);
        seen[n]++;
    }
}

static void list(int fd, size_t size)
{
    _Alignas(8) char buf[8192];
    long n;

    memset(seen, 0, sizeof(seen));
    OK(lseek(fd, 0, SEEK_SET));
    while ((n = OK(syscall(SYS_getdents64, fd, buf, size))) > 0)
        for (long at = 0; at < n; at += ((struct entry *)(buf + at))->len)
            note((struct entry *)(buf + at));
    for (int i = 0; i < N + 3; i++)
        CHECK_EQ(seen[i], 1);
}

int main(void)
{
    char name[32], buf[64];
    int fd;

    t_scratch();
    OK(mkdir("sub", 0755));
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "file%d", i);
        OK(close((int)OK(open(name, O_CREAT | O_WRONLY, 0600))));
    }
    fd = OK(open(".", O_RDONLY | O_DIRECTORY));
    list(fd, 8192);
    list(fd, 64);
    OK(lseek(fd, 0, SEEK_SET));
    CHECK_ERRNO(syscall(SYS_getdents64, fd, buf, 8), EINVAL);
    CHECK_ERRNO(read(fd, buf, sizeof(buf)), EISDIR);
    OK(close(fd));
    fd = OK(open("file0", O_RDONLY));
    CHECK_ERRNO(syscall(SYS_getdents64, fd, buf, sizeof(buf)), ENOTDIR);
    return 0;
}
