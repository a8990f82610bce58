/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: files and names. /dev/shm is the tmpfs that every container has; /bench is on the root. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"

static char buf[64u << 10];

static uint64_t pread_run(uint64_t n)
{
    static int fd;

    if (!fd)
        fd = (int)OK(open(BENCH_FILE, O_RDONLY));
    return BENCH_LOOP(n, OK(pread(fd, buf, 4096, 65536)));
}

static uint64_t open_close_run(uint64_t n)
{
    return BENCH_LOOP(n, OK(close((int)OK(open(BENCH_FILE, O_RDONLY)))));
}

static uint64_t stat_hit_run(uint64_t n)
{
    struct stat st;

    return BENCH_LOOP(n, OK(stat(BENCH_FILE, &st)));
}

static uint64_t stat_miss_run(uint64_t n)
{
    struct stat st;

    if (stat(BENCH_DIR "/data/none", &st) == 0 || errno != ENOENT)
        bench_fail("stat of a missing file");
    return BENCH_LOOP(n, stat(BENCH_DIR "/data/none", &st));
}

/* Create a file, write so many bytes into it, delete it. */
static uint64_t create(const char *name, size_t bytes, uint64_t n)
{
    return BENCH_LOOP(n, {
        int fd = (int)OK(open(name, O_WRONLY | O_CREAT | O_EXCL, 0600));

        if (bytes)
            OK(write(fd, buf, bytes));
        OK(close(fd));
        OK(unlink(name));
    });
}

static uint64_t create_tmpfs_run(uint64_t n)
{
    return create("/dev/shm/new", 0, n);
}

static uint64_t create_root_run(uint64_t n)
{
    return create(BENCH_DIR "/new", 0, n);
}

static uint64_t create_write_tmpfs_run(uint64_t n)
{
    return create("/dev/shm/new", 4096, n);
}

static uint64_t create_write_root_run(uint64_t n)
{
    return create(BENCH_DIR "/new", 4096, n);
}

static uint64_t read_whole(const char *name)
{
    uint64_t start = bench_now(), left = BENCH_FILE_SIZE;
    int fd = (int)OK(open(name, O_RDONLY));

    while (left) {
        long got = OK(read(fd, buf, sizeof(buf)));

        if (got == 0) {
            errno = EIO;
            bench_fail("file too short");
        }
        left -= (uint64_t)got;
    }
    OK(close(fd));
    return bench_now() - start;
}

static uint64_t read_warm_run(uint64_t n)
{
    uint64_t sum = 0;

    while (n--)
        sum += read_whole(BENCH_FILE);
    return sum;
}

/* Each file is read once only, by the first who asks. */
static uint64_t read_cold_run(uint64_t n)
{
    static unsigned next;
    char name[sizeof(BENCH_COLD) + 12];
    uint64_t sum = 0;

    while (n--) {
        snprintf(name, sizeof(name), "%s%u", BENCH_COLD, next++ % BENCH_COLD_FILES);
        sum += read_whole(name);
    }
    return sum;
}

const struct bench_case cases_files[] = {
    { .name = "pread_4k",
      .what = "pread of 4 KiB of an image's file, read before",
      .run = pread_run },
    { .name = "open_close", .what = "open and close a file of the image", .run = open_close_run },
    { .name = "stat_hit", .what = "stat of a file of the image", .run = stat_hit_run },
    { .name = "stat_miss", .what = "stat of a name that does not exist", .run = stat_miss_run },
    { .name = "create_tmpfs", .what = "create and unlink on tmpfs", .run = create_tmpfs_run },
    { .name = "create_root", .what = "create and unlink on the root", .run = create_root_run },
    { .name = "create_write_tmpfs",
      .what = "create, write 4 KiB, unlink on tmpfs",
      .run = create_write_tmpfs_run },
    { .name = "create_write_root",
      .what = "create, write 4 KiB, unlink on the root",
      .run = create_write_root_run },
    { .name = "read_8m_cold",
      .what = "read 8 MiB of an image's file, first time in this sandbox",
      .run = read_cold_run,
      .max = 1,
      .once = BENCH_COLD_FILES },
    { .name = "read_8m_warm", .what = "read 8 MiB of an image's file again", .run = read_warm_run },
    { 0 },
};
