/* SPDX-License-Identifier: Apache-2.0 */
/* memfd_create(2): files without a place, and what seals forbid. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <stdbool.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#define NOEXEC_SEAL 8u
#define EXEC 16u
#define SEAL_EXEC 0x20

extern char **environ;

static char *fd_path(int fd)
{
    static char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return path;
}

static int make(unsigned flags)
{
    return (int)OK(memfd_create("x", flags));
}

static void names(void)
{
    char name[256], buf[300];
    int fd;

    memset(name, 'n', sizeof(name));
    name[249] = 0;
    fd = (int)OK(memfd_create(name, 0));
    buf[OK(readlink(fd_path(fd), buf, sizeof(buf) - 1))] = 0;
    CHECK(!strncmp(buf, "/memfd:nnn", 10) && strlen(buf) == 7 + 249 + 10);
    CHECK(!strcmp(buf + 7 + 249, " (deleted)"));
    OK(close(fd));
    name[249] = 'n';
    name[250] = 0;
    CHECK_ERRNO(memfd_create(name, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_memfd_create, 8, 0), EFAULT);
    CHECK_ERRNO(memfd_create("x", 0x40), EINVAL);
    CHECK_ERRNO(memfd_create("x", NOEXEC_SEAL | EXEC), EINVAL);
    fd = (int)OK(memfd_create("", MFD_CLOEXEC));
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    buf[OK(readlink(fd_path(fd), buf, sizeof(buf) - 1))] = 0;
    CHECK(!strcmp(buf, "/memfd: (deleted)"));
    OK(close(fd));
    fd = (int)OK(memfd_create("a/../b", 0)); /* the name is a text, not a path */
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
    OK(close(fd));
}

static void is_a_file(void)
{
    int fd = make(0), again;
    struct statfs fs;
    struct stat st;
    char buf[8];

    OK(fstat(fd, &st));
    CHECK(S_ISREG(st.st_mode));
    CHECK_EQ(st.st_mode & 07777, 0777);
    CHECK(st.st_nlink == 0 && st.st_size == 0 && st.st_uid == geteuid());
    OK(fstatfs(fd, &fs));
    CHECK_EQ(fs.f_type, 0x01021994);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
    CHECK_EQ(write(fd, "contents", 8), 8);
    again = (int)OK(open(fd_path(fd), O_RDONLY));
    CHECK_EQ(read(again, buf, 8), 8);
    CHECK(!memcmp(buf, "contents", 8));
    OK(close(again));
    again = (int)OK(open(fd_path(fd), O_RDWR | O_TRUNC));
    OK(fstat(fd, &st));
    CHECK_EQ(st.st_size, 0);
    OK(close(again));
    OK(fchmod(fd, 0400));
    OK(close(fd));
}

/* Which seals are there and may be added. */
static void adding(void)
{
    int fd = make(0), ro, file, p[2];

    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    OK(close(fd));
    fd = make(MFD_ALLOW_SEALING);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, 0x8000), EINVAL);
    ro = (int)OK(open(fd_path(fd), O_RDONLY));
    CHECK_ERRNO(fcntl(ro, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
    CHECK_EQ(fcntl(ro, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    OK(close(ro));
    OK(close(fd));

    fd = (int)OK(open("/dev/shm/memfd-test", O_RDWR | O_CREAT, 0600));
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL); /* tmpfs */
    OK(unlink("/dev/shm/memfd-test"));
    OK(close(fd));
    file = (int)OK(open("/proc/self/status", O_RDONLY));
    CHECK_ERRNO(fcntl(file, F_GET_SEALS), EINVAL);
    OK(pipe(p));
    CHECK_ERRNO(fcntl(p[1], F_GET_SEALS), EINVAL);
    CHECK_ERRNO(fcntl(p[1], F_ADD_SEALS, F_SEAL_SEAL), EINVAL);
    CHECK_ERRNO(fcntl(p[0], F_ADD_SEALS, F_SEAL_SEAL), EPERM);
    OK(close(file));
    OK(close(p[0]));
    OK(close(p[1]));
}

static void sizes(void)
{
    int fd = make(MFD_ALLOW_SEALING);
    static char page[8192];

    OK(ftruncate(fd, 8192));
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    CHECK_ERRNO(ftruncate(fd, 8193), EPERM);
    CHECK_ERRNO(pwrite(fd, "x", 1, 8192), EPERM);
    CHECK_EQ(pwrite(fd, page, 8192, 4096), 4096); /* what fits */
    CHECK_ERRNO(fallocate(fd, 0, 8000, 1000), EPERM);
    CHECK_ERRNO(fallocate(fd, FALLOC_FL_KEEP_SIZE, 8000, 1000), EPERM);
    OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
    CHECK_EQ(pwrite(fd, page, 8192, 0), 8192);
    OK(ftruncate(fd, 5000));
    CHECK_ERRNO(pwrite(fd, "xy", 2, 4999), EPERM);
    OK(close(fd));

    fd = make(MFD_ALLOW_SEALING);
    OK(ftruncate(fd, 8192));
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    CHECK_ERRNO(ftruncate(fd, 8191), EPERM);
    CHECK_ERRNO(open(fd_path(fd), O_RDWR | O_TRUNC), EPERM);
    OK(ftruncate(fd, 8192));
    OK(ftruncate(fd, 10000));
    OK(close(fd));
}

static void writing(void)
{
    int fd = make(MFD_ALLOW_SEALING), ro;
    char *p;

    OK(ftruncate(fd, 8192));
    p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED);
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
    OK(mprotect(p, 8192, PROT_READ)); /* it could be made writable again */
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    OK(munmap(p, 4096));
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    OK(munmap(p + 4096, 4096));
    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED);
    ro = (int)OK(open(fd_path(fd), O_RDONLY));
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, ro, 0) != MAP_FAILED);
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));

    CHECK_ERRNO(write(fd, "x", 1), EPERM);
    CHECK_ERRNO(pwrite(fd, "x", 1, 100), EPERM);
    CHECK_ERRNO(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), EPERM);
    CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    CHECK_EQ(errno, EPERM);
    p[0] = 'p'; /* private memory is the process's own */
    CHECK_EQ(pread(fd, p + 1, 1, 0), 1);
    CHECK_EQ(p[1], 0);
    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED);
    p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, ro, 0);
    CHECK(p != MAP_FAILED);
    CHECK_ERRNO(mprotect(p, 4096, PROT_READ | PROT_WRITE), EACCES);
    OK(ftruncate(fd, 100)); /* sizes have seals of their own */
    OK(close(ro));
    OK(close(fd));
}

static void future_writing(void)
{
    int fd = make(MFD_ALLOW_SEALING);
    char *p, *q, c;

    OK(ftruncate(fd, 4096));
    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED);
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    CHECK_ERRNO(write(fd, "x", 1), EPERM);
    CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    CHECK_EQ(errno, EPERM);
    q = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(q != MAP_FAILED);
    CHECK_ERRNO(mprotect(q, 4096, PROT_READ | PROT_WRITE), EACCES);
    p[0] = 'w'; /* a mapping from before goes on */
    CHECK_EQ(pread(fd, &c, 1, 0), 1);
    CHECK(c == 'w' && q[0] == 'w');
    OK(close(fd));
}

static void *map_and_store(void *arg)
{
    int fd = *(int *)arg;

    for (;;) {
        volatile char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (p == MAP_FAILED)
            return NULL; /* sealed */
        p[0]++;
        OK(munmap((void *)p, 4096));
    }
}

/* Once the seal is there, no store is to come. */
static void sealing_against_mapping(void)
{
    int fd = make(MFD_ALLOW_SEALING);
    pthread_t t;
    char a, b;

    OK(ftruncate(fd, 4096));
    CHECK_EQ(pthread_create(&t, NULL, map_and_store, &fd), 0);
    t_sleep_ms(5);
    while (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0)
        CHECK_EQ(errno, EBUSY);
    CHECK_EQ(pread(fd, &a, 1, 0), 1);
    CHECK_EQ(pthread_join(t, NULL), 0);
    CHECK_EQ(pread(fd, &b, 1, 0), 1);
    CHECK_EQ(a, b);
    OK(close(fd));
}

/* A child that executes the file; its exit code. */
static int execute(int fd)
{
    pid_t pid = t_fork();
    int status;

    if (pid == 0) {
        char *argv[] = { "again", "code", NULL };

        fexecve(fd, argv, environ);
        _exit(errno == EACCES ? 99 : 98);
    }
    status = t_wait(pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int with_this_program(unsigned flags)
{
    int fd = make(flags), self = (int)OK(open("/proc/self/exe", O_RDONLY));
    struct stat st;

    OK(fstat(self, &st));
    while (lseek(self, 0, SEEK_CUR) < st.st_size)
        CHECK(sendfile(fd, self, NULL, (size_t)st.st_size) > 0);
    OK(close(self));
    return fd;
}

/* Natively, a Linux before 6.3 knows nothing of it. */
static bool knows_exec(void)
{
    int fd = memfd_create("x", EXEC);

    if (fd < 0) {
        CHECK(errno == EINVAL && !t_in_sandbox());
        return false;
    }
    OK(close(fd));
    return true;
}

static void executing(void)
{
    int fd = with_this_program(MFD_CLOEXEC);
    struct stat st;

    CHECK_EQ(execute(fd), 42);
    OK(close(fd));
    if (!knows_exec())
        return;
    fd = with_this_program(MFD_CLOEXEC | EXEC);
    CHECK_EQ(execute(fd), 42);
    OK(close(fd));
    fd = with_this_program(NOEXEC_SEAL);
    OK(fstat(fd, &st));
    CHECK_EQ(st.st_mode & 07777, 0666);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), SEAL_EXEC);
    CHECK_EQ(execute(fd), 99);
    CHECK_ERRNO(fchmod(fd, 0777), EPERM);
    OK(fchmod(fd, 0600));
    CHECK_EQ(write(fd, "x", 1), 1);
    OK(close(fd));
    fd = with_this_program(MFD_ALLOW_SEALING);
    OK(fcntl(fd, F_ADD_SEALS, SEAL_EXEC)); /* of a program: as it is now */
    CHECK_EQ(fcntl(fd, F_GET_SEALS),
             SEAL_EXEC | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
    CHECK_ERRNO(write(fd, "x", 1), EPERM);
    CHECK_ERRNO(fchmod(fd, 0600), EPERM);
    CHECK_EQ(execute(fd), 42);
    OK(close(fd));
}

/* A FIFO or a device in the same file system is none of those files. */
static void others_have_no_seals(void)
{
    static const char name[] = "/dev/shm/rvt.fifo";
    int fd;

    unlink(name);
    OK(mkfifo(name, 0600));
    fd = (int)OK(open(name, O_RDWR));
    CHECK_ERRNO(fcntl(fd, F_GET_SEALS), EINVAL);
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EINVAL);
    close(fd);
    unlink(name);
    fd = (int)OK(open("/dev/null", O_RDWR));
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EINVAL);
    close(fd);
}

int main(int argc, char **argv)
{
    char exe[64];

    if (argc > 1 && !strcmp(argv[1], "code")) {
        exe[OK(readlink("/proc/self/exe", exe, sizeof(exe) - 1))] = 0;
        return !strcmp(exe, "/memfd:x (deleted)") ? 42 : 1;
    }
    names();
    is_a_file();
    adding();
    sizes();
    writing();
    future_writing();
    sealing_against_mapping();
    executing();
    others_have_no_seals();
    return 0;
}
