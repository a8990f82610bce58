/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the script: h_truncate MODE FILE uses FILE, which it fills first, prints "ready", waits for a
 * line on stdin (meanwhile the file is cut to length 0 from outside) and uses it again.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/mman.h>

#define PAGE 4096
#define PAGES 32

static sigjmp_buf back;
static volatile int sig, code;

static void on_fault(int signo, siginfo_t *si, void *uc)
{
    (void)uc;
    sig = signo;
    code = si->si_code;
    siglongjmp(back, 1);
}

/* PAGES pages, each beginning with code that returns 42 (mov $42, %eax; ret). */
static int fill(const char *name)
{
    static unsigned char page[PAGE] = { 0xb8, 42, 0, 0, 0, 0xc3 };
    int fd = OK(open(name, O_RDWR | O_CREAT | O_TRUNC, 0700));

    for (int i = 0; i < PAGES; i++)
        CHECK_EQ(write(fd, page, PAGE), PAGE);
    OK(close(fd));
    return OK(open(name, O_RDONLY));
}

static void wait_for_truncation(void)
{
    char c;

    CHECK_EQ(write(1, "ready\n", 6), 6);
    CHECK_EQ(read(0, &c, 1), 1);
}

static int call(char *p)
{
    int (*fn)(void);

    memcpy(&fn, &p, sizeof(fn));
    return fn();
}

static void expect_bus_error(char *p, int run)
{
    sig = 0;
    if (sigsetjmp(back, 1) == 0) {
        if (run)
            call(p);
        else
            (void)*(volatile char *)p;
    }
    CHECK_EQ(sig, SIGBUS);
    CHECK_EQ(code, BUS_ADRERR);
}

int main(int argc, char **argv)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    const char *mode = argv[1];
    char buf[256], *p;
    int fd, pipes[2];

    CHECK_EQ(argc, 3);
    OK(sigaction(SIGBUS, &sa, NULL));
    OK(sigaction(SIGSEGV, &sa, NULL));
    fd = fill(argv[2]);
    p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED);
    OK(pipe(pipes));
    /* Page 3 was used before the file is cut, page 20 was not. */
    CHECK_EQ(call(p + 3 * PAGE), 42);
    CHECK_EQ(pread(fd, buf, sizeof(buf), 3 * PAGE), (ssize_t)sizeof(buf));
    wait_for_truncation();
    if (!strcmp(mode, "load")) {
        expect_bus_error(p + 3 * PAGE, 0);
        expect_bus_error(p + 20 * PAGE, 0);
    } else if (!strcmp(mode, "text")) {
        expect_bus_error(p + 3 * PAGE, 1);
        expect_bus_error(p + 20 * PAGE, 1);
    } else if (!strcmp(mode, "read")) {
        CHECK_EQ(pread(fd, buf, sizeof(buf), 3 * PAGE), 0);
        CHECK_EQ(pread(fd, buf, sizeof(buf), 20 * PAGE), 0);
        CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
    } else {
        CHECK(!strcmp(mode, "copy")); /* the kernel reads the dead pages for us */
        CHECK_ERRNO(write(pipes[1], p + 3 * PAGE, 100), EFAULT);
        CHECK_ERRNO(write(pipes[1], p + 20 * PAGE, 100), EFAULT);
        CHECK_ERRNO(open(p + 3 * PAGE, O_RDONLY), EFAULT);
    }
    return 0;
}
