/* SPDX-License-Identifier: Apache-2.0 */
/* /dev/null, zero, full, random and urandom. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static int node(const char *name, unsigned minor_nr)
{
    struct stat st;
    int fd = OK(open(name, O_RDWR));

    OK(fstat(fd, &st));
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(major(st.st_rdev), 1);
    CHECK_EQ(minor(st.st_rdev), minor_nr);
    return fd;
}

static void random_bytes(const char *name, unsigned minor_nr)
{
    unsigned char a[256], b[256];
    int fd = node(name, minor_nr), ones = 0;

    CHECK_EQ(read(fd, a, sizeof(a)), (ssize_t)sizeof(a));
    CHECK_EQ(getrandom(b, sizeof(b), 0), (ssize_t)sizeof(b));
    CHECK(memcmp(a, b, sizeof(a)));
    for (size_t i = 0; i < sizeof(a); i++)
        ones += __builtin_popcount(a[i]);
    CHECK(ones > 850 && ones < 1200);
    OK(close(fd));
}

int main(void)
{
    char buf[100], zero[100] = { 0 };
    int fd = node("/dev/null", 3);
    char *p;

    CHECK_EQ(write(fd, buf, 100), 100);
    CHECK_EQ(read(fd, buf, 100), 0);
    OK(close(fd));
    fd = node("/dev/zero", 5);
    memset(buf, 1, sizeof(buf));
    CHECK_EQ(read(fd, buf, 100), 100);
    CHECK(!memcmp(buf, zero, 100));
    CHECK_EQ(write(fd, buf, 100), 100);
    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED && p[100] == 0);
    p[100] = 1;
    OK(close(fd));
    fd = node("/dev/full", 7);
    CHECK_ERRNO(write(fd, buf, 1), ENOSPC);
    CHECK_EQ(read(fd, buf, 100), 100);
    OK(close(fd));
    random_bytes("/dev/random", 8);
    random_bytes("/dev/urandom", 9);
    CHECK_ERRNO(getrandom(buf, 4, 0x100), EINVAL);
    return 0;
}
