/* SPDX-License-Identifier: Apache-2.0 */
/* openat2(2): where a name may lead, and what its struct may hold. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int dir; /* root */

static int open2(int dfd, const char *name, uint64_t flags, uint64_t mode, uint64_t resolve)
{
    struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };

    return (int)syscall(SYS_openat2, dfd, name, &how, sizeof(how));
}

/* 0 or the errno. */
static int try_at(int dfd, const char *name, uint64_t flags, uint64_t resolve)
{
    int fd = open2(dfd, name, flags, flags & O_CREAT ? 0644 : 0, resolve);

    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int try(const char *name, uint64_t flags, uint64_t resolve)
{
    return try_at(dir, name, flags, resolve);
}

static void put(const char *name, const char *text)
{
    int fd = (int)OK(open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644));

    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* What is read there is this text. */
static void leads(const char *name, uint64_t resolve, const char *text)
{
    char buf[64] = "";
    int fd = open2(dir, name, O_RDONLY, 0, resolve);

    CHECK(fd >= 0);
    OK(read(fd, buf, sizeof(buf) - 1));
    CHECK(!strcmp(buf, text));
    close(fd);
}

static void tree(void)
{
    OK(mkdir("root", 0755));
    OK(mkdir("root/etc", 0755));
    OK(mkdir("root/usr", 0755));
    put("root/usr/zone", "inner");
    put("outside", "outer");
    OK(mkdir("usr", 0755)); /* what the working directory has by the same names */
    put("usr/zone", "of the working directory");
    OK(symlink("/usr/zone", "root/etc/absolute"));
    OK(symlink("../usr/zone", "root/etc/relative"));
    OK(symlink("../../outside", "root/etc/out"));
    OK(symlink("/", "root/top"));
    OK(symlink("../usr/new", "root/etc/to_new"));
    OK(symlink("/usr/newer", "root/etc/to_newer"));
    OK(symlink("../../usr/newest", "root/etc/to_newest"));
    OK(symlink("usr", "root/alias"));
    dir = (int)OK(open("root", O_RDONLY | O_DIRECTORY));
}

static void absolute_names_begin_at_the_descriptor_in_a_root(void)
{
    leads("/usr/zone", RESOLVE_IN_ROOT, "inner");
    leads("///usr//zone", RESOLVE_IN_ROOT, "inner");
    leads("/../../usr/zone", RESOLVE_IN_ROOT, "inner");
    leads("etc/absolute", RESOLVE_IN_ROOT, "inner");
    leads("/etc/relative", RESOLVE_IN_ROOT, "inner");
    leads("top/top/usr/zone", RESOLVE_IN_ROOT, "inner");
    CHECK_EQ(try("etc/out", O_RDONLY, RESOLVE_IN_ROOT), ENOENT);
    CHECK_EQ(try("/outside", O_RDONLY, RESOLVE_IN_ROOT), ENOENT);
    CHECK_EQ(try("/", O_RDONLY, RESOLVE_IN_ROOT), 0);
    CHECK_EQ(try_at(1000, "/usr", O_RDONLY, RESOLVE_IN_ROOT), EBADF);
    CHECK_EQ(try_at(1000, "/", O_RDONLY, RESOLVE_NO_XDEV), 0); /* the descriptor is not looked at */
    CHECK_EQ(try_at(1000, "", O_RDONLY, 0), ENOENT);
    OK(chdir("root"));
    dir = AT_FDCWD;
    leads("/usr/zone", RESOLVE_IN_ROOT, "inner");
    OK(chdir(".."));
    dir = (int)OK(open("root/usr/zone", O_PATH));
    CHECK_EQ(try("/", O_RDONLY, RESOLVE_IN_ROOT), ENOTDIR);
    CHECK_EQ(try(".", O_RDONLY, RESOLVE_BENEATH), ENOTDIR);
    close(dir);
    dir = (int)OK(open("root", O_PATH));
}

static void beneath_refuses_to_leave(void)
{
    CHECK_EQ(try("usr/zone", O_RDONLY, RESOLVE_BENEATH), 0);
    CHECK_EQ(try("etc/../usr/zone", O_RDONLY, RESOLVE_BENEATH), 0);
    CHECK_EQ(try("etc/..", O_RDONLY, RESOLVE_BENEATH), 0);
    CHECK_EQ(try("etc/relative", O_RDONLY, RESOLVE_BENEATH), 0);
    CHECK_EQ(try("..", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_EQ(try("etc/../../root", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_EQ(try("/usr", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_EQ(try("etc/absolute", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_EQ(try("etc/out", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_EQ(try("top", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_EQ(try("top", O_PATH | O_NOFOLLOW, RESOLVE_BENEATH), 0);
    CHECK_EQ(try("../new", O_CREAT | O_WRONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_EQ(try("..", O_CREAT | O_WRONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_EQ(try(".", O_CREAT | O_WRONLY, RESOLVE_BENEATH), EISDIR);
}

/* A dangling link that O_CREAT goes through is within the same scope as the rest of the name. */
static void what_is_created_is_within_too(void)
{
    CHECK_EQ(try("/etc/new", O_CREAT | O_EXCL | O_WRONLY, RESOLVE_IN_ROOT), 0);
    OK(access("root/etc/new", F_OK));
    CHECK_EQ(try("etc/to_new", O_CREAT | O_WRONLY, RESOLVE_BENEATH), 0);
    OK(access("root/usr/new", F_OK));
    CHECK_EQ(try("etc/to_newer", O_CREAT | O_WRONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_EQ(try("etc/to_newer", O_CREAT | O_WRONLY, RESOLVE_IN_ROOT), 0);
    OK(access("root/usr/newer", F_OK));
    CHECK_EQ(try("etc/to_newest", O_CREAT | O_WRONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_EQ(try("etc/to_newest", O_CREAT | O_WRONLY, RESOLVE_IN_ROOT), 0);
    OK(access("root/usr/newest", F_OK));
    CHECK_ERRNO(access("usr/newer", F_OK), ENOENT);
    CHECK_ERRNO(access("usr/newest", F_OK), ENOENT);
    CHECK_EQ(try("etc/to_new", O_CREAT | O_WRONLY, RESOLVE_NO_SYMLINKS), ELOOP);
    CHECK_EQ(try("usr/", O_CREAT | O_WRONLY, RESOLVE_IN_ROOT), EISDIR);
    CHECK_EQ(try("/", O_CREAT | O_WRONLY, RESOLVE_IN_ROOT), EISDIR);
    CHECK_EQ(try("/usr", O_TMPFILE | O_RDWR, RESOLVE_IN_ROOT), 0);
    CHECK_EQ(try("..", O_TMPFILE | O_RDWR, RESOLVE_BENEATH), EXDEV);
}

static void links(void)
{
    char name[64];

    CHECK_EQ(try("alias/zone", O_RDONLY, RESOLVE_NO_SYMLINKS), ELOOP);
    CHECK_EQ(try("alias", O_RDONLY, RESOLVE_NO_SYMLINKS), ELOOP);
    CHECK_EQ(try("alias/", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS), ELOOP);
    CHECK_EQ(try("alias", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS), 0);
    CHECK_EQ(try("alias", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0), ENOTDIR);
    CHECK_EQ(try("alias/zone", O_RDONLY, RESOLVE_NO_MAGICLINKS), 0);
    CHECK_EQ(try("/proc/self/exe", O_RDONLY, RESOLVE_NO_MAGICLINKS), ELOOP);
    CHECK_EQ(try("/proc/self/exe", O_PATH | O_NOFOLLOW, RESOLVE_NO_MAGICLINKS), 0);
    CHECK_EQ(try("/proc/self/status", O_RDONLY, RESOLVE_NO_MAGICLINKS), 0);
    CHECK_EQ(try("/proc/self/cwd/outside", O_RDONLY, RESOLVE_NO_MAGICLINKS), ELOOP);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", dir);
    CHECK_EQ(try(name, O_RDONLY, RESOLVE_NO_MAGICLINKS), ELOOP);
    CHECK_EQ(try(name, O_RDONLY, RESOLVE_NO_SYMLINKS), ELOOP);
    CHECK_EQ(try(name, O_RDONLY, 0), 0);
    snprintf(name, sizeof(name), "self/fd/%d", dir);
    CHECK_EQ(try_at((int)OK(open("/proc", O_PATH)), name, O_RDONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_EQ(try_at((int)OK(open("/proc", O_PATH)), name, O_RDONLY, RESOLVE_IN_ROOT), EXDEV);
    CHECK_EQ(try_at((int)OK(open("/proc", O_PATH)), "self/status", O_RDONLY, RESOLVE_BENEATH), 0);
}

static void other_file_systems(void)
{
    int top = (int)OK(open("/", O_PATH)), proc = (int)OK(open("/proc", O_PATH));
    char link[64];

    CHECK_EQ(try_at(top, "proc", O_PATH, RESOLVE_NO_XDEV), EXDEV);
    CHECK_EQ(try_at(top, "proc/self/status", O_RDONLY, RESOLVE_NO_XDEV), EXDEV);
    CHECK_EQ(try_at(top, "/proc", O_PATH, RESOLVE_NO_XDEV), EXDEV);
    CHECK_EQ(try_at(top, "dev/null", O_RDONLY, RESOLVE_NO_XDEV), EXDEV);
    CHECK_EQ(try_at(top, "dev/null", O_RDWR | O_CREAT, RESOLVE_NO_XDEV), EXDEV);
    CHECK_EQ(try_at(proc, "self/status", O_RDONLY, RESOLVE_NO_XDEV), 0);
    CHECK_EQ(try_at(proc, "..", O_RDONLY, RESOLVE_NO_XDEV), EXDEV);
    CHECK_EQ(try_at(proc, "self/cwd", O_RDONLY, RESOLVE_NO_XDEV), EXDEV);
    CHECK_EQ(try_at(proc, "/", O_RDONLY, RESOLVE_NO_XDEV), 0); /* where it begins is free */
    CHECK_EQ(try_at(proc, "..", O_RDONLY, 0), 0);
    /* A link that leads to the root of another file system. */
    OK(chdir("/dev/shm"));
    snprintf(link, sizeof(link), "openat2.%d", getpid());
    OK(symlink("/", link));
    CHECK_EQ(try_at(AT_FDCWD, link, O_PATH, RESOLVE_NO_XDEV), EXDEV);
    CHECK_EQ(try_at(AT_FDCWD, link, O_PATH, 0), 0);
    OK(unlink(link));
    snprintf(link, sizeof(link), "openat2.new.%d", getpid());
    OK(symlink("/dev/shm/openat2.made", link));
    CHECK_EQ(try_at(AT_FDCWD, link, O_CREAT | O_WRONLY, RESOLVE_NO_XDEV), EXDEV);
    OK(unlink(link));
    CHECK_ERRNO(unlink("openat2.made"), ENOENT);
}

static void what_is_cached(void)
{
    int r = try("usr/zone", O_RDONLY, RESOLVE_CACHED);

    CHECK(r == 0 || r == EAGAIN);
    CHECK_EQ(try("usr/zone", O_WRONLY | O_TRUNC, RESOLVE_CACHED), EAGAIN);
    CHECK_EQ(try("usr/zone", O_WRONLY | O_CREAT, RESOLVE_CACHED), EAGAIN);
    CHECK_EQ(try("usr", O_RDWR | O_TMPFILE, RESOLVE_CACHED), EAGAIN);
    r = try("..", O_PATH, RESOLVE_CACHED | RESOLVE_BENEATH);
    CHECK(r == EXDEV || r == EAGAIN);
    leads("usr/zone", 0, "inner");
}

static long raw(const void *how, size_t size)
{
    return syscall(SYS_openat2, dir, "usr", how, size);
}

static void the_struct(void)
{
    struct {
        struct open_how how;
        uint64_t more;
    } big = { .how = { .flags = O_RDONLY } };
    static char page[8192] __attribute__((aligned(8)));
    struct open_how how = { .flags = O_RDONLY };

    close((int)OK(raw(&big, sizeof(big))));
    big.more = 1;
    CHECK_ERRNO(raw(&big, sizeof(big)), E2BIG);
    CHECK_ERRNO(raw(&how, sizeof(how) - 1), EINVAL);
    CHECK_ERRNO(raw(&how, 0), EINVAL);
    CHECK_ERRNO(raw(page, 4097), E2BIG);
    close((int)OK(raw(page, 4096)));
    CHECK_ERRNO(raw((void *)8, sizeof(how)), EFAULT);
    how.mode = 0600;
    CHECK_ERRNO(raw(&how, sizeof(how)), EINVAL);
    CHECK_EQ(try("usr", UINT64_C(1) << 40, 0), EINVAL);
    CHECK_EQ(try("usr", 1 << 30, 0), EINVAL);
    CHECK_EQ(try("usr", O_RDONLY, 1 << 20), EINVAL);
    CHECK_EQ(try("usr", O_RDONLY, UINT64_C(1) << 40), EINVAL);
    CHECK_EQ(try("usr", O_RDONLY, RESOLVE_BENEATH | RESOLVE_IN_ROOT), EINVAL);
    CHECK_EQ(try("usr", O_PATH | O_RDWR, 0), EINVAL);
    CHECK_EQ(try("usr", O_PATH | O_CREAT, 0), EINVAL);
    CHECK_EQ(try("usr", O_TMPFILE, 0), EINVAL);
    CHECK_EQ(try("usr", O_RDONLY | O_ASYNC | O_LARGEFILE, 0), 0);
    CHECK_ERRNO(open2(dir, "n", O_CREAT | O_WRONLY, 010000, 0), EINVAL);
    CHECK_ERRNO(open2(dir, "n", O_CREAT | O_WRONLY, UINT64_C(1) << 32, 0), EINVAL);
}

/*
 * Somebody moves a directory out of the scope and in again: a walk through it with ".." comes to what is
 * within, or to nothing.
 */
static _Atomic int done;

static void *mover(void *arg)
{
    (void)arg;
    while (!done) {
        OK(rename("root/a/b", "moved"));
        OK(rename("moved", "root/a/b"));
    }
    return NULL;
}

static void moving(void)
{
    struct stat out, st;
    pthread_t t;
    int found = 0;

    OK(mkdir("root/a", 0755));
    OK(mkdir("root/a/b", 0755));
    OK(mkdir("root/a/b/c", 0755));
    OK(stat(".", &out));
    CHECK_EQ(pthread_create(&t, NULL, mover, NULL), 0);
    for (int i = 0; i < 3000; i++) {
        int fd = open2(dir, "a/b/c/../..", O_PATH, 0, i % 2 ? RESOLVE_BENEATH : RESOLVE_IN_ROOT);

        if (fd < 0) {
            CHECK(errno == EAGAIN || errno == ENOENT || errno == EXDEV);
            continue;
        }
        found++;
        OK(fstat(fd, &st));
        CHECK(st.st_ino != out.st_ino);
        close(fd);
    }
    done = 1;
    CHECK_EQ(pthread_join(t, NULL), 0);
    CHECK_EQ(try("a/b/c/../..", O_PATH, RESOLVE_BENEATH), 0);
}

int main(void)
{
    t_scratch();
    umask(022);
    tree();
    absolute_names_begin_at_the_descriptor_in_a_root();
    beneath_refuses_to_leave();
    what_is_created_is_within_too();
    links();
    what_is_cached();
    the_struct();
    moving();
    other_file_systems();
    t_end(0);
}
