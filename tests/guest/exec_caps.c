/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities of files at execve (capabilities(7)): what a program with security.capability gets,
 * for root and others, under no_new_privs, and when the bounding set lacks some. The program is a
 * copy of this one, which checks what it got: exec_caps check PERMITTED EFFECTIVE SECURE.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#define BIND (1u << CAP_NET_BIND_SERVICE)

static uint64_t caps(int effective)
{
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2];

    OK(syscall(SYS_capget, &h, d));
    return effective ? d[0].effective | (uint64_t)d[1].effective << 32
                     : d[0].permitted | (uint64_t)d[1].permitted << 32;
}

static uint64_t bounding(void)
{
    uint64_t all = 0;

    for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
        all |= (uint64_t)prctl(PR_CAPBSET_READ, i, 0, 0, 0) << i;
    return all;
}

static int check(char **argv)
{
    CHECK_EQ(caps(0), strtoull(argv[2], NULL, 16));
    CHECK_EQ(caps(1), strtoull(argv[3], NULL, 16));
    CHECK_EQ(getauxval(AT_SECURE), argv[4][0] == '1');
    return 0;
}

static void make_program(void)
{
    int from = OK(open("/proc/self/exe", O_RDONLY)), to = OK(open("p", O_WRONLY | O_CREAT, 0755));

    while (OK(sendfile(to, from, NULL, 1 << 20)) > 0)
        ;
    OK(close(to));
    OK(close(from));
}

static void mark(uint32_t flags, uint32_t permitted)
{
    struct vfs_cap_data d = { .magic_etc = VFS_CAP_REVISION_2 | flags,
                              .data = { { permitted, permitted } } };

    OK(setxattr("p", "security.capability", &d, sizeof(d), 0));
}

/* What a program run by this user must find, or with which errno it does not start. */
static void run(uint32_t uid, uint64_t permitted, uint64_t effective, int secure, int err)
{
    char p[32], e[32], *argv[] = { "p", "check", p, e, secure ? "1" : "0", NULL };
    pid_t pid = t_fork();

    if (pid == 0) {
        snprintf(p, sizeof(p), "%llx", (unsigned long long)permitted);
        snprintf(e, sizeof(e), "%llx", (unsigned long long)effective);
        if (uid) {
            OK(setgid(uid));
            OK(setuid(uid));
        }
        execv("./p", argv);
        CHECK(err && errno == err);
        t_end(0);
    }
    t_join(pid);
}

int main(int argc, char **argv)
{
    pid_t pid;
    int fd;

    if (argc > 1)
        return check(argv);
    if (geteuid() != 0)
        t_skip("needs root");
    t_scratch();
    OK(chmod(".", 0755));
    make_program();
    run(1000, 0, 0, 0, 0);
    mark(VFS_CAP_FLAGS_EFFECTIVE, BIND);
    run(1000, BIND, BIND, 1, 0);
    run(0, bounding(), bounding(), 0, 0);
    mark(0, BIND); /* for a program that knows capabilities */
    run(1000, BIND, 0, 1, 0);
    run(0, bounding(), bounding(), 0, 0);

    /* A set-user-ID program that says what it needs gets no more. */
    OK(chmod("p", 04755));
    run(1000, BIND, 0, 1, 0);
    OK(removexattr("p", "security.capability"));
    run(1000, bounding(), bounding(), 1, 0);
    OK(chmod("p", 0755));
    mark(VFS_CAP_FLAGS_EFFECTIVE, BIND);

    pid = t_fork();
    if (pid == 0) {
        OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        run(1000, 0, 0, 1, 0);
        run(0, bounding(), bounding(), 0, 0);
        t_end(0);
    }
    t_join(pid);

    pid = t_fork();
    if (pid == 0) { /* less than it is marked with: not unless it would find out */
        OK(prctl(PR_CAPBSET_DROP, CAP_NET_BIND_SERVICE, 0, 0, 0));
        run(1000, 0, 0, 0, EPERM);
        run(0, 0, 0, 0, EPERM);
        mark(0, BIND);
        run(1000, 0, 0, 0, 0);
        t_end(0);
    }
    t_join(pid);

    mark(VFS_CAP_FLAGS_EFFECTIVE, BIND);
    fd = OK(open("p", O_WRONLY | O_APPEND));
    CHECK_EQ(write(fd, "x", 1), 1);
    OK(close(fd));
    run(1000, 0, 0, 0, 0); /* somebody may have changed what it does */
    return 0;
}
