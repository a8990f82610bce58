/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large reads of a file that was not read before reach every kind of memory, also memory that a fork
 * shares, and see what was changed in the file. The files are those beside this program: each is read
 * from its start once only, for what was read before comes from elsewhere.
 */
#define _GNU_SOURCE
#include "t.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define LEAST (256 << 10)
#define PAGE  4096

static DIR *files;
static char name[300];
static size_t size;

/* The next large file, opened. */
static int next_file(void)
{
    struct dirent *e;
    struct stat st;
    int fd;

    while ((e = readdir(files))) {
        snprintf(name, sizeof(name), "%s", e->d_name);
        fd = openat(dirfd(files), name, O_RDONLY | O_NONBLOCK);
        if (fd < 0)
            continue;
        OK(fstat(fd, &st));
        if (S_ISREG(st.st_mode) && st.st_size > LEAST) {
            size = (size_t)st.st_size;
            return fd;
        }
        OK(close(fd));
    }
    t_skip("too few large files");
}

/* Whether the file has n bytes as in buf at off: read page by page. */
static void same(int fd, size_t off, const char *buf, size_t n)
{
    char page[PAGE];

    while (n) {
        size_t k = n < PAGE ? n : PAGE;

        CHECK_EQ(pread(fd, page, k, (off_t)off), k);
        CHECK(!memcmp(page, buf, k));
        off += k;
        buf += k;
        n -= k;
    }
}

static char *memory(size_t len, int flags)
{
    char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

static void at_once_into_fresh_memory(void)
{
    int fd = next_file();
    char *p = memory(size + 2 * PAGE, MAP_PRIVATE);

    CHECK_EQ(read(fd, p, size + PAGE), size);
    CHECK_EQ(read(fd, p, size), 0);
    CHECK_EQ(p[size], 0);
    same(fd, 0, p, size);
    OK(close(fd));
    OK(munmap(p, size + 2 * PAGE));
}

static void in_uneven_pieces(void)
{
    int fd = next_file();
    char *p = memory(size + 2 * PAGE, MAP_PRIVATE);
    size_t done = 0, step = 1;

    while (done < size) {
        ssize_t n = OK(read(fd, p + 11 + done, step));

        CHECK(n > 0 && (size_t)n == (step < size - done ? step : size - done));
        done += (size_t)n;
        step = step * 7 % 90001;
    }
    same(fd, 0, p + 11, size);
    OK(close(fd));
    OK(munmap(p, size + 2 * PAGE));
}

static void into_vectors(void)
{
    int fd = next_file();
    char *p = memory(size, MAP_PRIVATE);
    struct iovec v[] = { { p, 1 }, { p, 0 }, { p + 1, 100000 }, { p + 100001, 3 },
                         { p + 100004, 70000 }, { p + 170004, 0 } };

    CHECK_EQ(readv(fd, v, 6), 170004);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 170004);
    CHECK_EQ(read(fd, p + 170004, size), size - 170004);
    same(fd, 0, p, size);
    OK(close(fd));
    OK(munmap(p, size));
}

/* read(2): what could be stored before the bad address counts. */
static void into_memory_that_ends(void)
{
    int fd = next_file();
    const size_t good = 40 * PAGE;
    char *p = memory(80 * PAGE, MAP_PRIVATE);

    memset(p, 'x', 80 * PAGE);
    OK(mprotect(p + good, 40 * PAGE, PROT_READ));
    CHECK_ERRNO(read(fd, p + good, 30 * PAGE), EFAULT);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    CHECK_EQ(read(fd, p + 100, 60 * PAGE), good - 100);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), good - 100);
    same(fd, 0, p + 100, good - 100);
    CHECK(p[99] == 'x' && p[good] == 'x');
    OK(munmap(p + 8 * PAGE, PAGE));
    CHECK_EQ(read(fd, p, 30 * PAGE), 8 * PAGE);
    same(fd, good - 100, p, 8 * PAGE);
    OK(close(fd));
    OK(munmap(p, 80 * PAGE));
}

static void into_shared_memory(void)
{
    int fd = next_file();
    char *p = memory(50 * PAGE, MAP_SHARED);
    pid_t pid = t_fork();

    if (pid == 0) {
        CHECK_EQ(read(fd, p + 1, 49 * PAGE), 49 * PAGE);
        t_end(0);
    }
    t_join(pid);
    same(fd, 0, p + 1, 49 * PAGE);
    OK(close(fd));
    OK(munmap(p, 50 * PAGE));
}

/* The memory that parent and child have in common after a fork is written for one of them only. */
static void beside_a_child(void)
{
    int fd = next_file(), go[2];
    char *p = memory(50 * PAGE, MAP_PRIVATE), c = 0;
    pid_t pid;

    memset(p, 'x', 50 * PAGE);
    OK(pipe(go));
    pid = t_fork();
    if (pid == 0) {
        CHECK_EQ(read(go[0], &c, 1), 1);
        for (size_t i = 0; i < 50 * PAGE; i++)
            CHECK(p[i] == 'x');
        t_end(0);
    }
    CHECK_EQ(read(fd, p, 50 * PAGE), 50 * PAGE);
    CHECK_EQ(write(go[1], &c, 1), 1);
    t_join(pid);
    same(fd, 0, p, 50 * PAGE);
    OK(close(fd));
    OK(close(go[0]));
    OK(close(go[1]));
    OK(munmap(p, 50 * PAGE));
}

/* Stores into a private mapping of a file stay out of the file. */
static void into_a_mapped_file(void)
{
    int fd = next_file(), map;
    char *p, before[PAGE];

    map = (int)OK(openat(dirfd(files), name, O_RDONLY));
    CHECK_EQ(pread(map, before, PAGE, 60 * PAGE), PAGE);
    p = mmap(NULL, 50 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, map, 20 * PAGE);
    CHECK(p != MAP_FAILED);
    p[3 * PAGE] = 1;
    CHECK_EQ(read(fd, p, 45 * PAGE), 45 * PAGE);
    same(fd, 0, p, 45 * PAGE);
    CHECK_EQ(pread(map, p, PAGE, 60 * PAGE), PAGE);
    CHECK(!memcmp(before, p, PAGE));
    OK(close(fd));
    OK(close(map));
    OK(munmap(p, 50 * PAGE));
}

static volatile int stop;

/* Stores before and behind the buffer, in its first and last page, and forks, which shares all of it. */
static void *disturb(void *arg)
{
    volatile unsigned char *first = arg, *last = first + 34 * PAGE - 1;

    for (unsigned char n = 0; !stop; n++) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(0);
        CHECK(*first == n && *last == n);
        *first = *last = (unsigned char)(n + 1);
        CHECK(pid > 0);
        t_join(pid);
        t_sleep_ms(1); /* a fork keeps the reader from the memory */
    }
    return NULL;
}

/* Neither what is read nor what others store beside it is lost when a fork comes in between. */
static void while_others_fork(void)
{
    const size_t n = 34 * PAGE - 2;
    char *p = memory(n + 2, MAP_PRIVATE);
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, disturb, p), 0);
    for (int i = 0; i < 2; i++) {
        int fd = next_file();

        for (size_t done = 0; done + n <= size; done += n) {
            CHECK_EQ(read(fd, p + 1, n), n);
            same(fd, done, p + 1, n);
        }
        OK(close(fd));
    }
    stop = 1;
    CHECK_EQ(pthread_join(thread, NULL), 0);
    OK(munmap(p, n + 2));
}

/* Writing natively is to a copy, so that the next run finds the file as it was. */
static int next_writable(void)
{
    int from = next_file(), to;
    char path[400];

    if (t_in_sandbox()) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", from);
        to = (int)OK(open(path, O_RDWR));
    } else {
        to = (int)OK(open("copy", O_RDWR | O_CREAT | O_TRUNC, 0600));
        for (size_t done = 0; done < size;) {
            char buf[PAGE];
            ssize_t n = OK(read(from, buf, sizeof(buf)));

            CHECK_EQ(write(to, buf, (size_t)n), n);
            done += (size_t)n;
        }
    }
    OK(close(from));
    return to;
}

static void of_a_changed_file(void)
{
    int fd = next_writable();
    char *p = memory(size + PAGE, MAP_PRIVATE);

    CHECK_EQ(pwrite(fd, "changed", 7, 100000), 7);
    CHECK_EQ(pwrite(fd, "again", 5, 8190), 5);
    OK(ftruncate(fd, 200001));
    OK(ftruncate(fd, 230000));
    CHECK_EQ(pwrite(fd, "end", 3, 240000), 3);
    OK(lseek(fd, 0, SEEK_SET));
    CHECK_EQ(read(fd, p, size), 240003);
    CHECK(!memcmp(p + 100000, "changed", 7));
    CHECK(!memcmp(p + 8190, "again", 5));
    for (size_t i = 200001; i < 240000; i++)
        CHECK(p[i] == 0);
    CHECK(!memcmp(p + 240000, "end", 3));
    same(fd, 0, p, 240003);
    OK(close(fd));
    OK(munmap(p, size + PAGE));
}

int main(void)
{
    char path[300] = { 0 };

    CHECK(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
    *strrchr(path, '/') = 0;
    files = opendir(path);
    CHECK(files);
    t_scratch();
    at_once_into_fresh_memory();
    in_uneven_pieces();
    into_vectors();
    into_memory_that_ends();
    into_shared_memory();
    beside_a_child();
    into_a_mapped_file();
    of_a_changed_file();
    while_others_fork();
    return 0;
}
