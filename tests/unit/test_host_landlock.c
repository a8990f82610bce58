/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Landlock leaves the host programs (hostcalls/lib/landlock.c), on folders of this machine. A
 * kernel without it lets these tests pass without a look.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostcalls/lib/landlock.h"
#include "tests/unit/unit.h"

static char top[] = "/tmp/rvisor-unit-XXXXXX"; /* with the folders ro and rw, and a file beside */
static int ro, rw, secret, fds;
static struct error err;

static int make_file(int dir, const char *name)
{
    int fd = openat(dir, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);

    return fd < 0 ? -errno : close(fd);
}

/* The error of opening, 0 for none. */
static int opens(int dir, const char *name, int flags)
{
    int fd = openat(dir, name, flags | O_CLOEXEC, 0600);

    return fd < 0 ? errno : close(fd);
}

static void start(void)
{
    CHECK(mkdtemp(top));
    CHECK_EQ(chdir(top), 0);
    CHECK_EQ(mkdir("ro", 0755) | mkdir("rw", 0755) | mkdir("rw/a", 0755) | mkdir("rw/b", 0755), 0);
    ro = open("ro", O_PATH | O_CLOEXEC);
    rw = open("rw", O_PATH | O_CLOEXEC);
    CHECK_EQ(make_file(AT_FDCWD, "secret") | make_file(ro, "f") | make_file(rw, "a/f"), 0);
    secret = open("secret", O_PATH | O_CLOEXEC);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
}

/* Walls are for good, and end() is outside of them. */
static void in_child(void (*behind_walls)(void))
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        fds = open("/proc/self/fd", O_PATH | O_CLOEXEC);
        behind_walls();
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static void end(void)
{
    static const char *const names[] = { "rw/a/f", "rw/b/f", "rw/a", "rw/b", "rw",
                                         "ro/f",   "ro",     "secret", top };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (unlink(names[i]) < 0)
            rmdir(names[i]);
}

static void check_walls(void)
{
    char name[16];

    CHECK_EQ(opens(ro, "f", O_RDONLY), 0);
    CHECK_EQ(opens(ro, "f", O_WRONLY), EACCES);
    CHECK_EQ(opens(ro, ".", O_RDONLY | O_DIRECTORY), 0);
    CHECK_EQ(make_file(ro, "new"), -EACCES);
    CHECK_EQ(unlinkat(ro, "f", 0), -1);
    CHECK_EQ(errno, EACCES);

    CHECK_EQ(opens(rw, "a/f", O_RDWR | O_TRUNC), 0);
    CHECK_EQ(renameat(rw, "a/f", rw, "b/f"), 0);
    CHECK_EQ(linkat(rw, "b/f", rw, "a/f", 0), 0);
    CHECK_EQ(mkdirat(rw, "d", 0755) | symlinkat("x", rw, "l") | mknodat(rw, "p", S_IFIFO, 0), 0);
    CHECK_EQ(unlinkat(rw, "d", AT_REMOVEDIR) | unlinkat(rw, "l", 0) | unlinkat(rw, "p", 0), 0);
    CHECK_EQ(mknodat(rw, "c", S_IFCHR, 0) < 0 && (errno == EACCES || errno == EPERM), 1);
    CHECK_EQ(opens(rw, ".", O_TMPFILE | O_RDWR), 0);

    /* Outside, also by way of a descriptor of a file that was only looked at. */
    CHECK_EQ(opens(AT_FDCWD, "secret", O_RDONLY), EACCES);
    CHECK_EQ(opens(AT_FDCWD, "/etc/passwd", O_RDONLY), EACCES);
    CHECK_EQ(opens(AT_FDCWD, "/proc/self/status", O_RDONLY), EACCES);
    snprintf(name, sizeof(name), "%d", secret);
    CHECK_EQ(opens(fds, name, O_RDONLY), EACCES);
}

static void in_two_trees(void)
{
    struct landlock_tree tree[] = { { .fd = ro, .readonly = true }, { .fd = rw } };
    char name[16];
    int looked, level = landlock_enter(tree, 2, &err);

    CHECK(level >= 0);
    if (!level)
        return;
    check_walls();
    looked = openat(ro, "f", O_PATH | O_CLOEXEC);
    snprintf(name, sizeof(name), "%d", looked);
    CHECK_EQ(opens(fds, name, O_RDONLY), 0);
    CHECK_EQ(opens(fds, name, O_RDWR), EACCES);
}

START_TEST(files_are_opened_beneath_the_trees_only)
{
    start();
    in_child(in_two_trees);
    CHECK_EQ(opens(rw, "../secret", O_RDONLY), 0);
    end();
}
END_TEST

/* As in the service's jail. */
static void in_unmounted_trees(void)
{
    if (unshare(CLONE_NEWNS) < 0)
        return;
    ro = open_tree(AT_FDCWD, "ro", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    rw = open_tree(AT_FDCWD, "rw", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    CHECK(ro >= 0 && rw >= 0);
    in_two_trees();
}

START_TEST(trees_that_are_mounted_nowhere_are_as_others)
{
    start();
    in_child(in_unmounted_trees);
    end();
}
END_TEST

static void in_no_tree(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9) };
    int fd, level = landlock_enter(NULL, 0, &err);

    CHECK(level >= 0);
    if (!level)
        return;
    CHECK_EQ(opens(ro, "f", O_RDONLY), EACCES);
    CHECK_EQ(opens(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY), EACCES);
    CHECK_EQ(make_file(rw, "new"), -EACCES);
    CHECK_EQ(opens(AT_FDCWD, "/dev/null", O_RDWR), EACCES);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (level < 4 || fd < 0)
        return;
    CHECK_EQ(connect(fd, (const void *)&a, sizeof(a)), -1);
    CHECK_EQ(errno, EACCES);
}

START_TEST(without_a_tree_nothing_is_opened)
{
    start();
    in_child(in_no_tree);
    end();
}
END_TEST

static void in_a_bad_tree(void)
{
    struct landlock_tree tree = { .fd = -1 };
    int level = landlock_enter(&tree, 1, &err);

    CHECK(level <= 0);
    CHECK(!level || strstr(err.msg, "Landlock rule"));
}

START_TEST(a_descriptor_that_is_no_directory_is_refused)
{
    start();
    in_child(in_a_bad_tree);
    end();
}
END_TEST

UNIT_MAIN("landlock", ONCE(files_are_opened_beneath_the_trees_only),
          ONCE(trees_that_are_mounted_nowhere_are_as_others), ONCE(without_a_tree_nothing_is_opened),
          ONCE(a_descriptor_that_is_no_directory_is_refused))
