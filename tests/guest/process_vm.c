/* SPDX-License-Identifier: Apache-2.0 */
/* process_vm_readv(2), process_vm_writev(2): partial transfers, errors, rights. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define SIZE (300 * 1024)

static char *area;          /* the same address in parent and child */
static char *hole;          /* two pages, the second of which is not there */
static char *constant;      /* a page that may be read only */
static const char text[] = "of the program's file";

static struct iovec vec(void *p, size_t n)
{
    return (struct iovec){ p, n };
}

static ssize_t get(pid_t pid, struct iovec a, struct iovec b)
{
    return process_vm_readv(pid, &a, 1, &b, 1, 0);
}

static ssize_t put(pid_t pid, struct iovec a, struct iovec b)
{
    return process_vm_writev(pid, &a, 1, &b, 1, 0);
}

static void *map(size_t n, int prot)
{
    void *p = mmap(NULL, n, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

static void whole(pid_t pid, char *buf)
{
    struct iovec l[3], r[3];

    CHECK_EQ(get(pid, vec(buf, SIZE), vec(area, SIZE)), SIZE);
    for (int i = 0; i < SIZE; i++)
        CHECK_EQ((unsigned char)buf[i], (unsigned char)(i * 7));
    CHECK_EQ(get(pid, vec(buf, sizeof(text)), vec((void *)text, sizeof(text))), sizeof(text));
    CHECK(!strcmp(buf, text));
    /* Pieces of either side need not fit each other. */
    memset(buf, 0, SIZE);
    l[0] = vec(buf, 10);
    l[1] = vec(buf + 10, 0);
    l[2] = vec(buf + 10, 5000);
    r[0] = vec(area + 100, 5000);
    r[1] = vec(area + 100, 0);
    r[2] = vec(area + 5100, 50);
    CHECK_EQ(process_vm_readv(pid, l, 3, r, 3, 0), 5010);
    for (int i = 0; i < 5010; i++)
        CHECK_EQ((unsigned char)buf[i], (unsigned char)((i + 100) * 7));
    /* And back. */
    memset(buf, 'w', SIZE);
    CHECK_EQ(put(pid, vec(buf, SIZE / 2), vec(area + 1000, SIZE)), SIZE / 2);
    memset(buf, 0, SIZE);
    CHECK_EQ(get(pid, vec(buf, SIZE), vec(area, SIZE)), SIZE);
    CHECK(buf[999] != 'w' && buf[1000] == 'w' && buf[1000 + SIZE / 2 - 1] == 'w');
    CHECK(buf[1000 + SIZE / 2] != 'w');
    CHECK(area[1000] != 'w'); /* not ours */
}

static void partial(pid_t pid, char *buf)
{
    struct iovec r[2];

    CHECK_EQ(get(pid, vec(buf, 8192), vec(hole, 8192)), 4096);
    CHECK_ERRNO(get(pid, vec(buf, 10), vec(hole + 4096, 10)), EFAULT);
    CHECK_EQ(put(pid, vec(buf, 8192), vec(hole + 4000, 200)), 96);
    CHECK_ERRNO(put(pid, vec(buf, 10), vec(constant, 10)), EFAULT);
    CHECK_EQ(get(pid, vec(buf, 10), vec(constant, 10)), 10);
    r[0] = vec(area, 100);
    r[1] = vec(hole + 4096, 100);
    CHECK_EQ(process_vm_readv(pid, &(struct iovec){ buf, 200 }, 1, r, 2, 0), 100);
    CHECK_EQ(process_vm_writev(pid, &(struct iovec){ buf, 200 }, 1, r, 2, 0), 100);
    /* Our own side bad. */
    CHECK_ERRNO(get(pid, vec(constant, 10), vec(area, 10)), EFAULT);
    /* Never the kernel's. */
    CHECK_ERRNO(get(pid, vec(buf, 10), vec((void *)0xffffffff80000000, 10)), EFAULT);
    CHECK_ERRNO(put(pid, vec(buf, 10), vec((void *)0xffff888000000000, 10)), EFAULT);
    CHECK_ERRNO(get(pid, vec(buf, 10), vec((void *)0x7ffffffff000, 10)), EFAULT);
    CHECK_ERRNO(get(pid, vec(buf, 10), vec(NULL, 10)), EFAULT);
}

static void errors(pid_t pid, char *buf)
{
    struct iovec l = vec(buf, 10), r = vec(area, 10), none = vec(buf, 0), bad = vec(buf, SIZE_MAX);

    CHECK_ERRNO(process_vm_readv(pid, &l, 1, &r, 1, 1), EINVAL);
    CHECK_ERRNO(process_vm_readv(pid, &l, 1025, &r, 1, 0), EINVAL);
    CHECK_ERRNO(process_vm_readv(pid, &l, 1, &r, 1025, 0), EINVAL);
    CHECK_ERRNO(process_vm_readv(pid, &bad, 1, &r, 1, 0), EINVAL);
    CHECK_ERRNO(process_vm_readv(pid, &l, 1, &bad, 1, 0), EINVAL);
    CHECK_ERRNO(process_vm_readv(pid, (void *)8, 1, &r, 1, 0), EFAULT);
    CHECK_ERRNO(process_vm_readv(pid, &l, 1, (void *)8, 1, 0), EFAULT);
    CHECK_ERRNO(process_vm_readv(0x3fffffff, &l, 1, &r, 1, 0), ESRCH);
    CHECK_ERRNO(process_vm_readv(-1, &l, 1, &r, 1, 0), ESRCH);
    CHECK_EQ(process_vm_readv(pid, &none, 1, &r, 1, 0), 0);
    CHECK_EQ(process_vm_readv(pid, &l, 1, &none, 1, 0), 0);
    CHECK_EQ(process_vm_readv(pid, NULL, 0, &r, 1, 0), 0);
    CHECK_EQ(process_vm_readv(pid, &l, 1, NULL, 0, 0), 0);
    memcpy(area, "own memory", 10);
    CHECK_EQ(get(getpid(), l, r), 10);
    CHECK(!memcmp(buf, "own memory", 10));
}

static void rights(pid_t pid, char *buf)
{
    pid_t child = t_fork();

    if (child == 0) {
        OK(setresgid(1234, 1234, 1234));
        OK(setresuid(1234, 1234, 1234));
        CHECK_ERRNO(get(pid, vec(buf, 10), vec(area, 10)), EPERM);
        child = t_fork();
        if (child == 0) { /* the parent's ids, but it is not dumpable any more */
            CHECK_ERRNO(get(getppid(), vec(buf, 10), vec(area, 10)), EPERM);
            t_end(0);
        }
        t_join(child);
        OK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
        child = t_fork();
        if (child == 0) {
            CHECK_EQ(get(getppid(), vec(buf, 10), vec(area, 10)), 10);
            t_end(0);
        }
        t_join(child);
        t_end(0);
    }
    t_join(child);
}

int main(void)
{
    char *buf = map(SIZE, PROT_READ | PROT_WRITE), c;
    int ready[2];
    pid_t pid;

    area = map(SIZE, PROT_READ | PROT_WRITE);
    hole = map(8192, PROT_READ | PROT_WRITE);
    constant = map(4096, PROT_READ);
    OK(munmap(hole + 4096, 4096));
    OK(pipe(ready));
    pid = t_fork();
    if (pid == 0) {
        for (int i = 0; i < SIZE; i++)
            area[i] = (char)(i * 7);
        CHECK_EQ(write(ready[1], "r", 1), 1);
        for (;;)
            pause();
    }
    CHECK_EQ(read(ready[0], &c, 1), 1);
    whole(pid, buf);
    partial(pid, buf);
    errors(pid, buf);
    if (geteuid() == 0)
        rights(pid, buf);
    OK(kill(pid, SIGKILL));
    CHECK_EQ(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT), 0);
    CHECK_ERRNO(get(pid, vec(buf, 10), vec(area, 10)), ESRCH);
    t_wait(pid);
    return 0;
}
