/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors: the lowest free number, dup, flags of the descriptor and of the file, limits. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int main(void)
{
    struct rlimit lim;
    int fd, d;
    char c;

    t_scratch();
    fd = OK(open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    d = OK(dup(fd));
    CHECK_EQ(d, fd + 1);
    CHECK_EQ(fcntl(d, F_GETFD), 0);
    CHECK_EQ(write(fd, "abc", 3), 3);
    CHECK_EQ(lseek(d, 0, SEEK_CUR), 3); /* one file, one position */
    CHECK_EQ(dup2(fd, fd), fd);
    CHECK_ERRNO(dup3(fd, fd, 0), EINVAL);
    CHECK_ERRNO(dup2(99, 5), EBADF);
    CHECK_ERRNO(dup2(fd, -1), EBADF);
    CHECK_EQ(dup3(fd, 60, O_CLOEXEC), 60);
    CHECK_EQ(fcntl(60, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_DUPFD, 61), 61);
    CHECK_EQ(fcntl(fd, F_DUPFD_CLOEXEC, 60), 62);
    OK(fcntl(62, F_SETFD, 0));
    CHECK_EQ(fcntl(62, F_GETFD), 0);
    CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND), O_RDWR);
    OK(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
    CHECK_EQ(fcntl(d, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK),
             O_RDWR | O_APPEND | O_NONBLOCK);
    OK(lseek(fd, 0, SEEK_SET));
    CHECK_EQ(write(d, "d", 1), 1);
    CHECK_EQ(pread(fd, &c, 1, 3), 1);
    CHECK_EQ(c, 'd');
    OK(close(fd));
    CHECK_EQ(open("f", O_RDONLY), fd); /* the lowest free number */
    CHECK_ERRNO(fcntl(fd, F_DUPFD, 1 << 30), EINVAL);
    OK(syscall(SYS_close_range, 60, 62, 0));
    CHECK_ERRNO(fcntl(61, F_GETFD), EBADF);
    OK(getrlimit(RLIMIT_NOFILE, &lim));
    lim.rlim_cur = 10;
    OK(setrlimit(RLIMIT_NOFILE, &lim));
    for (int i = 0; i < 10; i++)
        d = open("f", O_RDONLY);
    CHECK(d == -1 && errno == EMFILE);
    return 0;
}
