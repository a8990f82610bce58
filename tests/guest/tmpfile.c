/* SPDX-License-Identifier: Apache-2.0 */
/*
 * O_TMPFILE: files without a name, and how one gets a name. tmpfile [DIR [volume]]: in that folder
 * instead of /tmp; in a volume there are only those that never get one.
 */
#define _GNU_SOURCE
#include "t.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int entries(void)
{
    DIR *d = opendir(".");
    int n = 0;

    CHECK(d != NULL);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static char *fd_path(int fd)
{
    static char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return path;
}

static void is_a_file_without_a_name(int fd)
{
    char buf[256], *p;
    struct stat st;
    ssize_t n;
    int again;

    OK(fstat(fd, &st));
    CHECK(S_ISREG(st.st_mode));
    CHECK_EQ(st.st_mode & 07777, 0640);
    CHECK_EQ(st.st_nlink, 0);
    CHECK_EQ(st.st_size, 0);
    CHECK_EQ(st.st_uid, geteuid());
    CHECK_EQ(entries(), 0);
    CHECK_EQ(write(fd, "contents", 8), 8);
    CHECK_EQ(pread(fd, buf, sizeof(buf), 0), 8);
    OK(ftruncate(fd, 4));
    OK(fstat(fd, &st));
    CHECK(st.st_size == 4 && st.st_nlink == 0);
    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED && !memcmp(p, "cont", 4));
    p[0] = 'C';
    OK(munmap(p, 4096));
    n = OK(readlink(fd_path(fd), buf, sizeof(buf) - 1));
    buf[n] = 0;
    CHECK(strstr(buf, "/#") && strstr(buf, " (deleted)"));
    again = OK(open(fd_path(fd), O_RDONLY));
    CHECK_EQ(read(again, buf, sizeof(buf)), 4);
    CHECK(!memcmp(buf, "Cont", 4));
    OK(close(again));
}

static void errors(void)
{
    struct { uint64_t flags, mode, resolve; } how = { O_TMPFILE | O_RDWR | O_EXCL, 0600, 0 };
    pid_t pid;
    int fd;

    CHECK_ERRNO(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
    CHECK_ERRNO(open(".", O_TMPFILE | O_RDWR | O_CREAT, 0600), EINVAL);
    CHECK_ERRNO(open(".", (O_TMPFILE & ~O_DIRECTORY) | O_RDWR, 0600), EINVAL);
    CHECK_ERRNO(open("none", O_TMPFILE | O_RDWR, 0600), ENOENT);
    OK(close(OK(open("f", O_WRONLY | O_CREAT, 0600))));
    CHECK_ERRNO(open("f", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
    OK(unlink("f"));
    CHECK_ERRNO(open("/proc", O_TMPFILE | O_RDWR, 0600), EOPNOTSUPP);
    fd = (int)OK(syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how)));
    OK(close(fd));
    if (geteuid() != 0)
        return;
    OK(chmod(".", 0755));
    pid = t_fork();
    if (pid == 0) {
        OK(setgid(1000));
        OK(setuid(1000));
        CHECK_ERRNO(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600), EACCES);
        t_end(0);
    }
    t_join(pid);
    OK(mkdir("sg", 0755));
    OK(chown("sg", 0, 77));
    OK(chmod("sg", 02755));
    fd = OK(open("sg", O_TMPFILE | O_RDWR | O_EXCL, 0600));
    {
        struct stat st;

        OK(fstat(fd, &st));
        CHECK_EQ(st.st_gid, 77);
    }
    OK(close(fd));
    OK(rmdir("sg"));
}

static void exclusive(void)
{
    int fd = OK(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0640));

    is_a_file_without_a_name(fd);
    CHECK_ERRNO(linkat(AT_FDCWD, fd_path(fd), AT_FDCWD, "name", AT_SYMLINK_FOLLOW), ENOENT);
    CHECK_EQ(entries(), 0);
    OK(close(fd));
}

static void gets_a_name(int empty_path)
{
    char buf[16];
    struct stat st;
    int fd = OK(open(".", O_TMPFILE | O_RDWR, 0640));

    is_a_file_without_a_name(fd);
    OK(close(OK(open("taken", O_WRONLY | O_CREAT, 0600))));
    CHECK_ERRNO(linkat(AT_FDCWD, fd_path(fd), AT_FDCWD, "taken", AT_SYMLINK_FOLLOW), EEXIST);
    OK(unlink("taken"));
    if (empty_path) {
        if (linkat(fd, "", AT_FDCWD, "name", AT_EMPTY_PATH) < 0) {
            CHECK_EQ(errno, ENOENT); /* it wants CAP_DAC_READ_SEARCH before Linux 6.10 */
            CHECK(!t_in_sandbox());
            OK(close(fd));
            return;
        }
    } else {
        OK(linkat(AT_FDCWD, fd_path(fd), AT_FDCWD, "name", AT_SYMLINK_FOLLOW));
    }
    OK(stat("name", &st));
    CHECK(st.st_nlink == 1 && st.st_size == 4);
    CHECK_EQ(entries(), 1);
    OK(linkat(AT_FDCWD, fd_path(fd), AT_FDCWD, "second", AT_SYMLINK_FOLLOW));
    CHECK_EQ(pwrite(fd, "again", 5, 0), 5);
    OK(close(fd));
    fd = OK(open("name", O_RDONLY));
    CHECK_EQ(read(fd, buf, sizeof(buf)), 5);
    CHECK(!memcmp(buf, "again", 5));
    OK(unlink("name"));
    OK(unlink("second"));
    /* What has lost its last name stays without. */
    CHECK_ERRNO(linkat(AT_FDCWD, fd_path(fd), AT_FDCWD, "name", AT_SYMLINK_FOLLOW), ENOENT);
    OK(close(fd));
    CHECK_EQ(entries(), 0);
}

/* What is done to a file that is open does not reach another that has its name by now. */
static void changes_reach_the_open_file(int volume)
{
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    struct stat st;

    OK(unlink("f"));
    OK(close(OK(open("f", O_RDWR | O_CREAT, 0600))));
    if (fchmod(fd, 0444) < 0)
        CHECK(volume && errno == ENOENT);
    if (futimens(fd, (struct timespec[2]){ { 1, 0 }, { 1, 0 } }) < 0)
        CHECK(volume && errno == ENOENT);
    OK(ftruncate(fd, 10));
    OK(stat("f", &st));
    CHECK_EQ(st.st_mode & 07777, 0600);
    CHECK(st.st_mtime != 1 && st.st_size == 0);
    OK(unlink("f"));
    OK(close(fd));
}

int main(int argc, char **argv)
{
    int volume = argc > 2, fd;

    umask(027);
    if (argc > 1) {
        OK(chdir(argv[1]));
        if (!volume) {
            OK(mkdir("tmpfile-test", 0755));
            OK(chdir("tmpfile-test"));
        }
    } else {
        t_scratch();
    }
    fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0666);
    if (fd < 0 && errno == EOPNOTSUPP && (volume || !t_in_sandbox()))
        t_skip("this file system has no O_TMPFILE");
    OK(fd);
    OK(close(fd));
    exclusive();
    if (volume) {
        CHECK_ERRNO(open(".", O_TMPFILE | O_RDWR, 0640), EOPNOTSUPP);
    } else {
        gets_a_name(0);
        gets_a_name(1);
    }
    errors();
    changes_reach_the_open_file(volume);
    CHECK_EQ(entries(), 0);
    return 0;
}
