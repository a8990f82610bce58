/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the script: names that are looked for once do not fill the kernel's memory.
 *   h_names missing DIR N   N names that are not there, then N / 3 others, which take no memory
 *   h_names files DIR N     make N files, read each of them, remove them
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <sys/stat.h>

static long free_kb(void)
{
    char buf[512];
    int fd = OK(open("/proc/meminfo", O_RDONLY));
    ssize_t n = OK(read(fd, buf, sizeof(buf) - 1));
    char *at;

    OK(close(fd));
    buf[n] = 0;
    at = strstr(buf, "MemFree:");
    CHECK(at != NULL);
    return strtol(at + 8, NULL, 10);
}

/* Names of 60 bytes: kept, each would take 192 for the dentry and 64. */
static void look(char prefix, int n)
{
    char name[61];
    struct stat st;

    memset(name, prefix, sizeof(name));
    for (int i = 0; i < n; i++) {
        snprintf(name + 50, 11, "%010d", i);
        CHECK_ERRNO(stat(name, &st), ENOENT);
    }
}

static void files(int n)
{
    char name[32], buf[32];
    int fd;

    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "file%d", i);
        fd = OK(open(name, O_CREAT | O_EXCL | O_WRONLY, 0600));
        CHECK_EQ(write(fd, name, strlen(name)), strlen(name));
        OK(close(fd));
    }
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "file%d", i);
        fd = OK(open(name, O_RDONLY));
        CHECK_EQ(read(fd, buf, sizeof(buf)), strlen(name));
        CHECK(!memcmp(buf, name, strlen(name)));
        OK(close(fd));
        OK(unlink(name));
    }
}

int main(int argc, char **argv)
{
    long before, now;
    int n;

    CHECK_EQ(argc, 4);
    n = (int)strtol(argv[3], NULL, 10);
    OK(chdir(argv[2]));
    if (!strcmp(argv[1], "files")) {
        files(n);
        return 0;
    }
    look('a', n);
    before = free_kb();
    n /= 3;
    look('b', n);
    now = free_kb();
    if (before - now > n * 256 / 10 / 1024 + 64) {
        fprintf(stderr, "%d missing names more took %ld kB\n", n, before - now);
        return 1;
    }
    return 0;
}
