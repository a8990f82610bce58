/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flags of mmap, mremap and madvise: what they do, what is refused and which of two errors comes first; and
 * what a truncation leaves of private copies.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PAGE 4096
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 3
#endif
#ifndef MAP_SYNC
#define MAP_SYNC 0x80000
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static sigjmp_buf back;

static void on_fault(int signo)
{
    siglongjmp(back, signo);
}

/* The signal of a read at p; 0 if it works. */
static int fault(volatile char *p)
{
    int sig = sigsetjmp(back, 1);

    if (!sig)
        (void)*p;
    return sig;
}

static long try(size_t len, int prot, int flags, int fd, off_t off)
{
    return (long)mmap(NULL, len, prot, flags, fd, off);
}

static int file_of(const char *name, size_t size)
{
    int fd = OK(open(name, O_CREAT | O_TRUNC | O_RDWR, 0600));

    OK(ftruncate(fd, (off_t)size));
    return fd;
}

static void errors(int fd)
{
    int ro = OK(open("f", O_RDONLY)), wo = OK(open("f", O_WRONLY)), path = OK(open("f", O_PATH));

    /* The offset comes first, then the descriptor, then the length. */
    CHECK_ERRNO(try(0, RW, MAP_SHARED, -1, 100), EINVAL);
    CHECK_ERRNO(try(0, RW, MAP_SHARED, 999, 0), EBADF);
    CHECK_ERRNO(try(PAGE, RW, 0, 999, 0), EBADF);
    CHECK_ERRNO(try(PAGE, RW, MAP_SHARED, path, 0), EBADF);
    CHECK_ERRNO(try(0, RW, MAP_SHARED, fd, 0), EINVAL);
    CHECK_ERRNO(try(0, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERRNO(try(1ul << 47, RW, MAP_SHARED, fd, 0), ENOMEM);
    CHECK_ERRNO(try(-PAGE, RW, ANON, -1, 0), ENOMEM);
    CHECK_ERRNO(try(PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERRNO(try(PAGE, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERRNO(try(PAGE, RW, MAP_TYPE & 0xf, fd, 0), EINVAL);
    CHECK_ERRNO(try(PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0), EINVAL);
    CHECK_ERRNO(try(PAGE, PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN, fd, 0), EINVAL);
    CHECK_ERRNO(try(PAGE, RW, MAP_SHARED, ro, 0), EACCES);
    CHECK_ERRNO(try(PAGE, PROT_READ, MAP_PRIVATE, wo, 0), EACCES);
    CHECK_ERRNO((long)mmap((void *)1, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
    CHECK_ERRNO((long)mmap((void *)(1ul << 47), PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
    CHECK(try(PAGE, RW | 0x100000, ANON, -1, 0) > 0); /* mmap knows no wrong protection */
    OK(close(ro));
    OK(close(wo));
    OK(close(path));
}

static void validated(int fd)
{
    CHECK(try(PAGE, RW, MAP_SHARED_VALIDATE, fd, 0) > 0);
    CHECK(try(PAGE, RW, MAP_SHARED_VALIDATE | MAP_POPULATE | MAP_NORESERVE, fd, 0) > 0);
    CHECK_ERRNO(try(PAGE, RW, MAP_SHARED_VALIDATE | 1 << 25, fd, 0), EOPNOTSUPP);
    CHECK_ERRNO(try(PAGE, RW, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0), EOPNOTSUPP);
    CHECK(try(PAGE, RW, MAP_SHARED | 1 << 25, fd, 0) > 0);
    CHECK(try(PAGE, RW, MAP_PRIVATE | 1 << 25, fd, 0) > 0);
}

static void low_addresses(int fd)
{
    char *p = mmap(NULL, 1 << 20, RW, ANON | MAP_32BIT, -1, 0), *q;

    CHECK(p != MAP_FAILED && (uintptr_t)p + (1 << 20) <= 1ul << 31);
    p[5] = 1;
    q = mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_32BIT, fd, 0); /* a hint that is taken */
    CHECK(q != MAP_FAILED && q != p && (uintptr_t)q < 1ul << 31);
    CHECK(mmap((void *)0x7ffff000000, PAGE, RW, ANON | MAP_32BIT, -1, 0) < (void *)(1ul << 31));
    CHECK_ERRNO(try(1ul << 31, RW, ANON | MAP_32BIT | MAP_NORESERVE, -1, 0), ENOMEM);
    OK(munmap(p, 1 << 20));
    OK(munmap(q, PAGE));
}

static void moved_and_kept(int fd)
{
    int both = MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
    char *p = mmap(NULL, 4 * PAGE, RW, ANON, -1, 0), *q, *f, *g;

    CHECK_ERRNO((long)mremap(p, PAGE, PAGE, MREMAP_DONTUNMAP, NULL), EINVAL);
    CHECK_ERRNO((long)mremap(p, PAGE, 2 * PAGE, both, NULL), EINVAL);
    CHECK_ERRNO((long)mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | 8), EINVAL);
    for (int i = 0; i < 4; i++)
        p[i * PAGE] = (char)(i + 1);
    CHECK_ERRNO((long)mremap(p, PAGE, PAGE, both, (void *)5), EINVAL);
    q = mremap(p + PAGE, 2 * PAGE, 2 * PAGE, both, NULL);
    CHECK(q != MAP_FAILED && q != p + PAGE);
    CHECK(q[0] == 2 && q[PAGE] == 3);
    CHECK(p[0] == 1 && p[PAGE] == 0 && p[2 * PAGE] == 0 && p[3 * PAGE] == 4);
    p[PAGE] = 9;
    CHECK(q[0] == 2);
    f = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
    f[3] = 'x';
    g = mremap(f, PAGE, PAGE, both, NULL);
    CHECK(g != MAP_FAILED && g[3] == 'x' && f[3] == 0); /* the file again */
    OK(munmap(p, 4 * PAGE));
    OK(munmap(q, 2 * PAGE));
}

/* What a private mapping has changed goes with the file's end, and does not come back with it. */
static void copies_and_truncation(int fd, const char *what)
{
    char *p = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);
    pid_t pid;

    CHECK(p != MAP_FAILED);
    OK(ftruncate(fd, 3 * PAGE));
    p[10] = p[PAGE + 10] = p[2 * PAGE + 10] = 'c';
    pid = t_fork();
    if (pid == 0) { /* its copies are gone as well */
        OK(ftruncate(fd, PAGE + 100));
        CHECK(p[10] == 'c' && p[PAGE + 10] == 'c');
        CHECK_EQ(fault(p + 2 * PAGE), SIGBUS);
        t_end(0);
    }
    t_join(pid);
    CHECK(p[10] == 'c' && p[PAGE + 10] == 'c'); /* the page with the end stays */
    CHECK_EQ(fault(p + 2 * PAGE + 10), SIGBUS);
    OK(ftruncate(fd, 3 * PAGE));
    if (p[2 * PAGE + 10] != 0)
        t_fail(__FILE__, __LINE__, what, 0);
    p[2 * PAGE + 10] = 'd';
    /* A hole is another matter. */
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * PAGE, PAGE) == 0)
        CHECK(p[2 * PAGE + 10] == 'd');
    OK(munmap(p, 3 * PAGE));
    OK(ftruncate(fd, 3 * PAGE));
}

static void removed(int fd, int has_holes)
{
    char *s = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0), *r, *a;
    int ro = OK(open("f", O_RDONLY));
    struct stat st;

    memset(s, 'a', 3 * PAGE);
    if (has_holes) {
        OK(madvise(s + PAGE, PAGE, MADV_REMOVE));
        CHECK(s[PAGE - 1] == 'a' && s[PAGE] == 0 && s[2 * PAGE - 1] == 0 && s[2 * PAGE] == 'a');
        OK(fstat(fd, &st));
        CHECK_EQ(st.st_size, 3 * PAGE);
    }
    r = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);
    CHECK_ERRNO(madvise(r, PAGE, MADV_REMOVE), EACCES);
    r = mmap(NULL, PAGE, RW, MAP_PRIVATE, ro, 0);
    CHECK_ERRNO(madvise(r, PAGE, MADV_REMOVE), EACCES);
    a = mmap(NULL, PAGE, RW, ANON, -1, 0);
    CHECK_ERRNO(madvise(a, PAGE, MADV_REMOVE), EINVAL);
    a = mmap(NULL, 3 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(a, 'a', 3 * PAGE);
    OK(madvise(a, PAGE, MADV_REMOVE));
    CHECK(a[0] == 0 && a[PAGE] == 'a');
    OK(munmap(a + PAGE, PAGE));
    CHECK_ERRNO(madvise(a, 3 * PAGE, MADV_REMOVE), ENOMEM);
    CHECK(a[2 * PAGE] == 0); /* but what is there was done */
    OK(munmap(s, 3 * PAGE));
    OK(close(ro));
}

int main(void)
{
    int fd, memfd = OK(memfd_create("m", 0));

    signal(SIGBUS, on_fault);
    signal(SIGSEGV, on_fault);
    t_scratch();
    fd = file_of("f", 3 * PAGE);
    errors(fd);
    validated(fd);
    low_addresses(fd);
    moved_and_kept(fd);
    OK(ftruncate(memfd, 3 * PAGE));
    copies_and_truncation(fd, "a file");
    copies_and_truncation(memfd, "a memfd");
    copies_and_truncation(file_of("/dev/shm/rv-mem-flags", 3 * PAGE), "/dev/shm");
    OK(unlink("/dev/shm/rv-mem-flags"));
    removed(memfd, 1);
    removed(fd, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE) == 0);
    return 0;
}
