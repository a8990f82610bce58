/* SPDX-License-Identifier: Apache-2.0 */
/* Locked memory and its limit, memory filled ahead: mlock(2), mmap(2) MAP_POPULATE, madvise(2). */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define PAGE 4096L
#define N 16 /* pages */

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static char *map(long pages, int flags)
{
    char *p = mmap(NULL, (size_t)(pages * PAGE), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

/* A field of /proc/self/status in kB. */
static long status_kb(const char *field)
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");

    CHECK(f != NULL);
    while (fgets(line, sizeof(line), f))
        if (!strncmp(line, field, strlen(field)) && line[strlen(field)] == ':')
            kb = atol(line + strlen(field) + 1);
    fclose(f);
    CHECK(kb >= 0);
    return kb;
}

static long locked(void)
{
    return status_kb("VmLck") * 1024 / PAGE;
}

static int resident(char *p, long pages)
{
    unsigned char vec[64];
    int n = 0;

    CHECK(pages <= 64);
    OK(mincore(p, (size_t)(pages * PAGE), vec));
    for (long i = 0; i < pages; i++)
        n += vec[i] & 1;
    return n;
}

static long faults(void)
{
    struct rusage u;

    OK(getrusage(RUSAGE_SELF, &u));
    return u.ru_minflt;
}

static void limit(rlim_t bytes)
{
    struct rlimit l;

    OK(getrlimit(RLIMIT_MEMLOCK, &l));
    l.rlim_cur = bytes;
    OK(setrlimit(RLIMIT_MEMLOCK, &l));
}

static void lock_and_unlock(void)
{
    char *p = map(N, 0);
    long before;

    CHECK_EQ(locked(), 0);
    CHECK_EQ(resident(p, N), 0);
    OK(mlock(p + 2 * PAGE + 5, 3 * PAGE)); /* touches four pages */
    CHECK_EQ(locked(), 4);
    CHECK_EQ(resident(p, N), 4);
    before = faults();
    for (int i = 2; i < 6; i++)
        p[i * PAGE] = 1;
    CHECK_EQ(faults(), before);
    OK(mlock(p + 4 * PAGE, 4 * PAGE)); /* locks do not add up */
    CHECK_EQ(locked(), 6);
    CHECK_ERRNO(madvise(p, N * PAGE, MADV_DONTNEED), EINVAL);
    OK(munlock(p + 3 * PAGE, PAGE));
    CHECK_EQ(locked(), 5);
    OK(madvise(p + 3 * PAGE, PAGE, MADV_DONTNEED));
    CHECK_EQ(p[3 * PAGE], 0);
    OK(munmap(p + 2 * PAGE, PAGE));
    CHECK_EQ(locked(), 4);
    CHECK_ERRNO(mlock(p, N * PAGE), ENOMEM); /* a gap */
    OK(munlock(p, 2 * PAGE)); /* Linux locks what comes before it */
    OK(munlock(p + 3 * PAGE, (N - 3) * PAGE));
    CHECK_EQ(locked(), 0);
    OK(mlock(p, 0));
    CHECK_ERRNO(mlock(p, (size_t)-PAGE), EINVAL);
    OK(munmap(p, N * PAGE));

    p = map(N, 0);
    OK(syscall(SYS_mlock2, p, N * PAGE, 1)); /* MLOCK_ONFAULT */
    CHECK_EQ(locked(), N);
    CHECK_EQ(resident(p, N), 0);
    CHECK_ERRNO(syscall(SYS_mlock2, p, N * PAGE, 2), EINVAL);
    OK(mlock(p, N * PAGE));
    CHECK_EQ(resident(p, N), N);
    OK(munmap(p, N * PAGE));
    CHECK_EQ(locked(), 0);

    p = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    CHECK_ERRNO(mlock(p, PAGE), ENOMEM);
    OK(munmap(p, PAGE));
    CHECK_EQ(locked(), 0);
}

static void children_have_none(void)
{
    char *p = map(N, MAP_LOCKED);
    pid_t pid;

    CHECK_EQ(locked(), N);
    CHECK_EQ(resident(p, N), N);
    pid = t_fork();
    if (pid == 0) {
        CHECK_EQ(locked(), 0);
        OK(madvise(p, N * PAGE, MADV_DONTNEED));
        t_end(0);
    }
    t_join(pid);
    p = mremap(p, N * PAGE, 2 * N * PAGE, MREMAP_MAYMOVE);
    CHECK(p != MAP_FAILED);
    CHECK_EQ(locked(), 2 * N);
    CHECK_EQ(resident(p, 2 * N), 2 * N);
    OK(munmap(p, 2 * N * PAGE));
}

static void all_of_it(void)
{
    char *p = map(N, 0), *q;
    void *brk = sbrk(0);

    OK(mlockall(MCL_FUTURE));
    CHECK_EQ(locked(), 0);
    CHECK_EQ(resident(p, N), 0);
    q = map(N, 0);
    CHECK_EQ(locked(), N);
    CHECK_EQ(resident(q, N), N);
    CHECK(sbrk(4 * PAGE) != (void *)-1);
    CHECK(locked() >= N + 4 && locked() <= N + 5);
    CHECK(brk <= sbrk(-4 * PAGE));
    OK(mlockall(MCL_CURRENT)); /* and no longer the future */
    CHECK(locked() > 3 * N / 2);
    CHECK_EQ(resident(p, N), N);
    OK(munmap(q, N * PAGE));
    q = map(N, 0);
    CHECK_EQ(resident(q, N), 0);
    OK(munlockall());
    CHECK_EQ(locked(), 0);
    OK(mlockall(MCL_FUTURE | MCL_ONFAULT));
    OK(munmap(q, N * PAGE));
    q = map(N, 0);
    CHECK_EQ(locked(), N);
    CHECK_EQ(resident(q, N), 0);
    OK(munlockall());
    CHECK_ERRNO(mlockall(0), EINVAL);
    CHECK_ERRNO(mlockall(MCL_ONFAULT), EINVAL);
    CHECK_ERRNO(mlockall(8), EINVAL);
    OK(munmap(p, N * PAGE));
    OK(munmap(q, N * PAGE));
}

/* For a process without CAP_IPC_LOCK. */
static void the_limit(void)
{
    char *p = map(2 * N, 0);

    limit(N * PAGE);
    CHECK_ERRNO(mlock(p, (N + 1) * PAGE), ENOMEM);
    CHECK_EQ(locked(), 0);
    OK(mlock(p, N * PAGE));
    OK(mlock(p, N * PAGE)); /* nothing more */
    CHECK_ERRNO(mlock(p + N * PAGE, PAGE), ENOMEM);
    CHECK_ERRNO(mlockall(MCL_CURRENT), ENOMEM);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) == MAP_FAILED);
    CHECK_EQ(errno, EAGAIN);
    CHECK(mremap(p, N * PAGE, (N + 1) * PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
    CHECK_EQ(errno, EAGAIN);
    OK(munlock(p, N * PAGE));
    limit(0);
    CHECK_ERRNO(mlock(p, PAGE), EPERM);
    CHECK_ERRNO(mlockall(MCL_FUTURE), EPERM);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) == MAP_FAILED);
    CHECK_EQ(errno, EPERM);
    OK(munlock(p, PAGE));
    OK(munmap(p, 2 * N * PAGE));
}

static void populate(void)
{
    char *p = map(N, MAP_POPULATE), *q;
    long before;
    int fd;

    CHECK_EQ(resident(p, N), N);
    before = faults();
    memset(p, 1, N * PAGE);
    CHECK_EQ(faults(), before);
    OK(munmap(p, N * PAGE));

    p = map(N, 0);
    OK(madvise(p, 4 * PAGE, MADV_POPULATE_READ));
    OK(madvise(p + 4 * PAGE, 4 * PAGE, MADV_POPULATE_WRITE));
    CHECK_EQ(resident(p, N), 8);
    before = faults();
    memset(p + 4 * PAGE, 1, 4 * PAGE);
    CHECK_EQ(faults(), before);
    CHECK_ERRNO(madvise(p + 1, PAGE, MADV_POPULATE_READ), EINVAL);
    CHECK_ERRNO(madvise(p, (size_t)-1, MADV_POPULATE_READ), EINVAL);
    OK(madvise(p, 0, MADV_POPULATE_READ));
    OK(mprotect(p, PAGE, PROT_READ));
    OK(madvise(p, PAGE, MADV_POPULATE_READ));
    CHECK_ERRNO(madvise(p, PAGE, MADV_POPULATE_WRITE), EINVAL);
    OK(munmap(p + PAGE, PAGE));
    CHECK_ERRNO(madvise(p, 3 * PAGE, MADV_POPULATE_READ), ENOMEM);
    OK(munmap(p, N * PAGE));

    t_scratch();
    fd = (int)OK(open("f", O_RDWR | O_CREAT, 0600));
    OK(ftruncate(fd, 2 * PAGE));
    CHECK_EQ(pwrite(fd, "here", 4, PAGE), 4);
    q = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    CHECK(q != MAP_FAILED); /* what lies beyond the end is left out */
    CHECK(!memcmp(q + PAGE, "here", 4));
    OK(madvise(q, 2 * PAGE, MADV_POPULATE_WRITE));
    CHECK_ERRNO(madvise(q, 4 * PAGE, MADV_POPULATE_READ), EFAULT);
    CHECK_ERRNO(mlock(q, 4 * PAGE), ENOMEM);
    OK(munmap(q, 4 * PAGE));
    q = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(q != MAP_FAILED);
    OK(mlock(q, 2 * PAGE)); /* has pages of its own now */
    before = faults();
    q[PAGE] = 'H';
    CHECK_EQ(faults(), before);
    OK(munmap(q, 2 * PAGE));
    OK(close(fd));
    OK(unlink("f"));
}

int main(void)
{
    pid_t pid;

    limit(1 << 20);
    lock_and_unlock();
    children_have_none();
    limit(8 << 20); /* the default */
    all_of_it();
    populate();
    pid = t_fork();
    if (pid == 0) {
        OK(setgid(1000));
        OK(setuid(1000));
        the_limit();
        t_end(0);
    }
    t_join(pid);
    return 0;
}
