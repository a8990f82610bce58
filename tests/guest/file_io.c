/* SPDX-License-Identifier: Apache-2.0 */
/* A file keeps what is written to it: offsets, append, holes, truncation, vectors, attributes. */
#include "t.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static void offsets(void)
{
    int fd = OK(open("a", O_RDWR | O_CREAT | O_EXCL, 0640));
    char buf[32];
    struct stat st;

    CHECK_EQ(write(fd, "hello world", 11), 11);
    CHECK_EQ(read(fd, buf, sizeof(buf)), 0);
    CHECK_EQ(lseek(fd, 6, SEEK_SET), 6);
    CHECK_EQ(read(fd, buf, sizeof(buf)), 5);
    CHECK(!memcmp(buf, "world", 5));
    CHECK_EQ(pread(fd, buf, 4, 1), 4);
    CHECK(!memcmp(buf, "ello", 4));
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 11);
    CHECK_EQ(pwrite(fd, "J", 1, 0), 1);
    CHECK_EQ(lseek(fd, -2, SEEK_END), 9);
    CHECK_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_EQ(pread(fd, buf, 5, 0), 5);
    CHECK(!memcmp(buf, "Jello", 5));
    OK(fstat(fd, &st));
    CHECK(S_ISREG(st.st_mode));
    CHECK_EQ(st.st_mode & 0777, 0640);
    CHECK_EQ(st.st_size, 11);
    CHECK_EQ(st.st_nlink, 1);
    OK(close(fd));
    CHECK_ERRNO(read(fd, buf, 1), EBADF);
    CHECK_ERRNO(close(fd), EBADF);
}

static void append_and_truncate(void)
{
    int a = OK(open("b", O_WRONLY | O_CREAT | O_APPEND, 0600));
    int r = OK(open("b", O_RDWR));
    char buf[16] = { 0 };
    struct stat st;

    CHECK_EQ(write(a, "12345", 5), 5);
    OK(lseek(a, 0, SEEK_SET));
    CHECK_EQ(write(a, "678", 3), 3);
    CHECK_EQ(pread(r, buf, 16, 0), 8);
    CHECK(!strcmp(buf, "12345678"));
    CHECK_ERRNO(read(a, buf, 1), EBADF);
    OK(ftruncate(r, 3));
    CHECK_EQ(pread(r, buf, 16, 0), 3);
    OK(ftruncate(r, 6)); /* what was cut off must not come back */
    CHECK_EQ(pread(r, buf, 16, 0), 6);
    CHECK(!memcmp(buf, "123\0\0\0", 6));
    OK(truncate("b", 0));
    OK(fstat(r, &st));
    CHECK_EQ(st.st_size, 0);
    CHECK_EQ(write(a, "x", 1), 1);
    OK(close((int)OK(open("b", O_WRONLY | O_TRUNC))));
    OK(fstat(r, &st));
    CHECK_EQ(st.st_size, 0);
    OK(close(a));
    OK(close(r));
}

static void holes(void)
{
    int fd = OK(open("c", O_RDWR | O_CREAT, 0600));
    const off_t far = (off_t)1 << 32;
    char buf[4096], zero[4096] = { 0 };
    struct stat st;

    CHECK_EQ(pwrite(fd, "end", 3, far), 3);
    OK(fstat(fd, &st));
    CHECK_EQ(st.st_size, far + 3);
    CHECK(st.st_blocks * 512 < 1 << 20);
    for (off_t at = far / 2; at < far / 2 + (2 << 20); at += 4096) { /* which fills no hole */
        memset(buf, 'x', sizeof(buf));
        CHECK_EQ(pread(fd, buf, sizeof(buf), at), (ssize_t)sizeof(buf));
        CHECK(!memcmp(buf, zero, sizeof(buf)));
    }
    OK(fstat(fd, &st));
    CHECK(st.st_blocks * 512 < 1 << 20);
    CHECK_EQ(pread(fd, buf, sizeof(buf), far), 3);
    CHECK_EQ(pwrite(fd, "mid", 3, far / 2 + 4000), 3);
    CHECK_EQ(pread(fd, buf, sizeof(buf), far / 2 + 1000), (ssize_t)sizeof(buf));
    CHECK(!memcmp(buf, zero, 3000) && !memcmp(buf + 3000, "mid", 3) &&
          !memcmp(buf + 3003, zero, sizeof(buf) - 3003));
    OK(close(fd));
}

static void vectors(void)
{
    int fd = OK(open("d", O_RDWR | O_CREAT, 0600));
    char a[3], b[5];
    struct iovec out[] = { { "ab", 2 }, { "", 0 }, { "cdef", 4 } };
    struct iovec in[] = { { a, 3 }, { b, 5 } };

    CHECK_EQ(writev(fd, out, 3), 6);
    OK(lseek(fd, 0, SEEK_SET));
    CHECK_EQ(readv(fd, in, 2), 6);
    CHECK(!memcmp(a, "abc", 3) && !memcmp(b, "def", 3));
    CHECK_ERRNO(syscall(SYS_readv, fd, in, -1), EINVAL);
    OK(close(fd));
}

static long readv2(int fd, const struct iovec *v, off_t off, int flags)
{
    return syscall(SYS_preadv2, fd, v, 1, off, 0, flags);
}

static long writev2(int fd, const struct iovec *v, off_t off, int flags)
{
    return syscall(SYS_pwritev2, fd, v, 1, off, 0, flags);
}

/* preadv2(2), pwritev2(2): flags of one call. */
static void vector_flags(void)
{
    char buf[16] = { 0 };
    struct iovec iov = { "xy", 2 }, in = { buf, sizeof(buf) };
    int fd = OK(open("vf", O_RDWR | O_CREAT | O_EXCL, 0644)), p[2];

    CHECK_EQ(write(fd, "abcdef", 6), 6);
    CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
    CHECK_EQ(readv2(fd, &in, 0, RWF_HIPRI), 6);
    CHECK(!memcmp(buf, "abcdef", 7));
    CHECK_EQ(readv2(fd, &in, 2, RWF_SYNC | RWF_DSYNC | RWF_APPEND), 4);
    CHECK_EQ(readv2(fd, &in, -1, RWF_HIPRI), 5);
    CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
    CHECK_EQ(writev2(fd, &iov, 2, RWF_HIPRI | RWF_DSYNC), 2);
    CHECK_EQ(writev2(fd, &iov, 4, RWF_SYNC), 2);
    CHECK_EQ(writev2(fd, &iov, 0, RWF_APPEND), 2); /* wherever the offset is */
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 1);
    CHECK_EQ(writev2(fd, &iov, -1, RWF_APPEND), 2);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
    CHECK_EQ(pread(fd, buf, sizeof(buf), 0), 10);
    CHECK(!memcmp(buf, "abxyxyxyxy", 10));
    CHECK_ERRNO(readv2(fd, &in, 0, 1 << 30), EOPNOTSUPP);
    CHECK_ERRNO(writev2(fd, &iov, 0, 1 << 30), EOPNOTSUPP);
    CHECK_ERRNO(readv2(fd, &in, -2, RWF_HIPRI), EINVAL);
    OK(close(fd));
    OK(pipe(p));
    CHECK_EQ(writev2(p[1], &iov, -1, RWF_HIPRI), 2);
    CHECK_EQ(readv2(p[0], &in, -1, RWF_HIPRI), 2);
    CHECK_ERRNO(readv2(p[0], &in, 0, 0), ESPIPE);
    OK(close(p[0]));
    OK(close(p[1]));
}

static void bad_pointers(void)
{
    int fd = OK(open("e", O_RDWR | O_CREAT, 0600));
    char *volatile bad = (char *)8, *volatile kernel = (char *)0xffff800000001000;

    CHECK_ERRNO(write(fd, bad, 10), EFAULT);
    CHECK_ERRNO(write(fd, kernel, 10), EFAULT);
    CHECK_EQ(write(fd, "1234567890", 10), 10);
    CHECK_ERRNO(pread(fd, bad, 10, 0), EFAULT);
    CHECK_ERRNO(pread(fd, kernel, 10, 0), EFAULT);
    CHECK_ERRNO(open(kernel, O_RDONLY), EFAULT);
    OK(close(fd));
}

/* inode(7): who may not set them takes the set-ID bits away with what he changes. */
static void set_id_bits(void)
{
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    struct stat st;
    pid_t pid;

    if (geteuid() == 0) {
        OK(fchmod(fd, 06777));
        CHECK_EQ(write(fd, "x", 1), 1);
        OK(ftruncate(fd, 100));
        OK(fstat(fd, &st));
        CHECK_EQ(st.st_mode & 07777, 06777);
        OK(fchown(fd, 1000, 1000)); /* which takes them as well */
        OK(fchmod(fd, 06767));
    } else {
        OK(fchmod(fd, 06767));
    }
    pid = t_fork();
    if (pid == 0) {
        if (geteuid() == 0) {
            OK(setgid(1000));
            OK(setuid(1000));
        }
        CHECK_EQ(write(fd, "y", 1), 1);
        t_end(0);
    }
    t_join(pid);
    OK(fstat(fd, &st));
    CHECK_EQ(st.st_mode & 07777, 02767); /* without execution for the group, that bit is no set-group-ID */
    OK(fchmod(fd, 06777));
    pid = t_fork();
    if (pid == 0) {
        if (geteuid() == 0) {
            OK(setgid(1000));
            OK(setuid(1000));
        }
        OK(ftruncate(fd, 0));
        t_end(0);
    }
    t_join(pid);
    OK(fstat(fd, &st));
    CHECK_EQ(st.st_mode & 07777, 0777);
    OK(close(fd));
}

int main(void)
{
    t_scratch();
    offsets();
    append_and_truncate();
    holes();
    vectors();
    vector_flags();
    bad_pointers();
    set_id_bits();
    return 0;
}
