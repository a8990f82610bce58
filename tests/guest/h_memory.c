/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the script: h_memory HOW MIB fills MIB MiB, says "full", waits for a line, gives all of it back,
 * says "freed" and waits for another line. HOW: anon (munmap), advise (MADV_DONTNEED), child (a process
 * that ends), or a path, of a file that is filled and unlinked.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <sys/mman.h>

#define PAGE 4096

static void turn(const char *word)
{
    char c;

    printf("%s\n", word);
    fflush(stdout);
    CHECK_EQ(read(0, &c, 1), 1);
}

static char *fill(size_t len)
{
    char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED);
    for (size_t i = 0; i < len; i += PAGE)
        p[i] = 1;
    return p;
}

static void child(size_t len)
{
    int ready[2], end[2];
    char c = 0;
    pid_t pid;

    OK(pipe(ready));
    OK(pipe(end));
    pid = t_fork();
    if (pid == 0) {
        fill(len);
        OK(write(ready[1], &c, 1));
        OK(read(end[0], &c, 1));
        t_end(0);
    }
    CHECK_EQ(read(ready[0], &c, 1), 1);
    turn("full");
    OK(write(end[1], &c, 1));
    t_join(pid);
}

static void in_file(const char *path, size_t len)
{
    static char buf[1 << 20];
    int fd = OK(open(path, O_RDWR | O_CREAT | O_EXCL, 0600));

    memset(buf, 1, sizeof(buf));
    for (size_t i = 0; i < len; i += sizeof(buf))
        CHECK_EQ(write(fd, buf, sizeof(buf)), sizeof(buf));
    turn("full");
    OK(close(fd));
    OK(unlink(path));
}

int main(int argc, char **argv)
{
    size_t len;
    char *p;

    CHECK_EQ(argc, 3);
    len = strtoul(argv[2], NULL, 10) << 20;
    if (!strcmp(argv[1], "child")) {
        child(len);
    } else if (argv[1][0] == '/') {
        in_file(argv[1], len);
    } else {
        p = fill(len);
        turn("full");
        OK(strcmp(argv[1], "advise") ? munmap(p, len) : madvise(p, len, MADV_DONTNEED));
    }
    turn("freed");
    return 0;
}
