/* SPDX-License-Identifier: Apache-2.0 */
/* mmap, munmap, mprotect, brk, and the signal that a wrong access gets. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE 4096

static sigjmp_buf back;
static volatile int sig, code;
static void *volatile addr;

static void on_fault(int signo, siginfo_t *si, void *uc)
{
    (void)uc;
    sig = signo;
    code = si->si_code;
    addr = si->si_addr;
    siglongjmp(back, 1);
}

/* The signal of a read (or write) at p; 0 if it works. */
static int fault(volatile char *p, int wr)
{
    sig = 0;
    if (sigsetjmp(back, 1) == 0) {
        if (wr)
            *p = 1;
        else
            (void)*p;
    }
    return sig;
}

static char *map(void *at, size_t len, int prot, int flags)
{
    char *p = mmap(at, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

static void protections(void)
{
    char *p = map(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, 0);

    for (int i = 0; i < 4 * PAGE; i++)
        CHECK(p[i] == 0);
    p[PAGE] = 7;
    OK(mprotect(p + PAGE, PAGE, PROT_READ));
    CHECK_EQ(fault(p + PAGE, 0), 0);
    CHECK_EQ(fault(p + PAGE + 5, 1), SIGSEGV);
    CHECK_EQ(code, SEGV_ACCERR);
    CHECK(addr == p + PAGE + 5);
    OK(mprotect(p + PAGE, PAGE, PROT_NONE));
    CHECK_EQ(fault(p + PAGE, 0), SIGSEGV);
    CHECK_EQ(code, SEGV_ACCERR);
    OK(mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE));
    CHECK_EQ(p[PAGE], 7);
    OK(munmap(p + 2 * PAGE, PAGE));
    CHECK_EQ(fault(p + 2 * PAGE, 0), SIGSEGV);
    CHECK_EQ(code, SEGV_MAPERR);
    CHECK(addr == p + 2 * PAGE);
    CHECK_EQ(fault(p + 3 * PAGE, 1), 0);
    CHECK_ERRNO(mprotect(p, 4 * PAGE, PROT_READ), ENOMEM); /* a hole */
    OK(munmap(p, 4 * PAGE));
    CHECK_EQ(fault((char *)16, 1), SIGSEGV);
    CHECK_EQ(code, SEGV_MAPERR);
    CHECK(addr == (void *)16);
    CHECK_EQ(fault((char *)0xffffffff80200000, 0), SIGSEGV);
    CHECK_EQ(fault((char *)0x800000000000, 0), SIGSEGV);
}

static void fixed(void)
{
    char *p = map(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, 0), *q;

    memset(p, 1, 3 * PAGE);
    q = map(p + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_FIXED);
    CHECK(q == p + PAGE);
    CHECK_EQ(p[PAGE - 1], 1);
    CHECK_EQ(p[PAGE], 0);
    CHECK_EQ(p[2 * PAGE], 1);
    errno = 0;
    CHECK(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
              MAP_FAILED &&
          errno == EEXIST);
    OK(munmap(p, 3 * PAGE));
    errno = 0;
    CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
          errno == EINVAL);
    CHECK(mmap((void *)0x7ffffffff000, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
               -1, 0) == MAP_FAILED);
    CHECK(mmap((void *)0xffff800000000000, PAGE, PROT_READ,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);
    CHECK_ERRNO(munmap(p + 1, PAGE), EINVAL);
    if (t_in_sandbox()) { /* a privileged process of Linux may use the first page */
        CHECK_ERRNO(mmap((void *)PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                         -1, 0), EPERM);
        p = map(NULL, PAGE, PROT_READ, 0);
        CHECK_ERRNO(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, NULL), EPERM);
    }
}

static void execute(void)
{
    static const unsigned char code_42[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov $42, %eax; ret */
    unsigned char *p = (unsigned char *)map(NULL, PAGE, PROT_READ | PROT_WRITE, 0);
    int (*fn)(void);

    memcpy(p, code_42, sizeof(code_42));
    memcpy(&fn, &p, sizeof(fn));
    sig = 0;
    if (sigsetjmp(back, 1) == 0)
        fn();
    CHECK_EQ(sig, SIGSEGV); /* not executable */
    CHECK_EQ(code, SEGV_ACCERR);
    OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
    CHECK_EQ(fn(), 42);
}

static void files(void)
{
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    char *shared, *priv, c;

    OK(ftruncate(fd, PAGE + 100));
    shared = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    priv = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(shared != MAP_FAILED && priv != MAP_FAILED);
    shared[10] = 'S';
    CHECK_EQ(pread(fd, &c, 1, 10), 1);
    CHECK_EQ(c, 'S');
    CHECK_EQ(priv[10], 'S');
    priv[10] = 'P';
    CHECK_EQ(shared[10], 'S');
    CHECK_EQ(pwrite(fd, "W", 1, 11), 1);
    CHECK_EQ(shared[11], 'W');
    CHECK_EQ(fault(shared + PAGE + 200, 0), 0); /* the rest of the last page */
    CHECK_EQ(fault(shared + 2 * PAGE, 0), SIGBUS);
    CHECK_EQ(code, BUS_ADRERR);
    OK(ftruncate(fd, 10));
    CHECK_EQ(fault(shared + PAGE, 0), SIGBUS);
    CHECK_EQ(fault(priv + PAGE, 0), SIGBUS);
    CHECK_EQ(shared[10], 0);
    OK(close(fd));
    shared[0] = 'x'; /* the mapping outlives the descriptor */
    OK(msync(shared, PAGE, MS_SYNC));
    fd = OK(open("f", O_RDONLY));
    errno = 0;
    CHECK(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
    errno = 0;
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, 99, 0) == MAP_FAILED && errno == EBADF);
    OK(close(fd));
}

static void breaks(void)
{
    char *now = (char *)syscall(SYS_brk, 0), *more;

    more = (char *)syscall(SYS_brk, now + 10 * PAGE);
    CHECK(more == now + 10 * PAGE);
    for (char *p = now; p < more; p += 512)
        CHECK(*p == 0);
    now[5 * PAGE] = 1;
    CHECK((char *)syscall(SYS_brk, now) == now);
    CHECK((char *)syscall(SYS_brk, more) == more);
    CHECK_EQ(now[5 * PAGE], 0); /* given back and fresh again */
    CHECK((char *)syscall(SYS_brk, (char *)1) == more);
    CHECK((char *)syscall(SYS_brk, now) == now);
}

static void remap(void)
{
    char *p = map(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, 0), *q;

    p[PAGE] = 'r';
    q = mremap(p, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED);
    CHECK_EQ(q[PAGE], 'r');
    CHECK_EQ(q[63 * PAGE], 0);
    q = mremap(q, 64 * PAGE, PAGE, 0);
    CHECK(q != MAP_FAILED);
    CHECK_EQ(fault(q + PAGE, 0), SIGSEGV);
    q[0] = 1;
    OK(madvise(q, PAGE, MADV_DONTNEED));
    CHECK_EQ(q[0], 0);
}

int main(void)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    t_scratch();
    protections();
    fixed();
    execute();
    files();
    breaks();
    remap();
    return 0;
}
