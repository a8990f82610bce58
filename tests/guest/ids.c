/* SPDX-License-Identifier: Apache-2.0 */
/* Users, groups and what they may; names of the system; limits. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/utsname.h>

static void as_user(void)
{
    gid_t groups[] = { 2000, 3000 }, now[4];
    uid_t r, e, s;
    struct stat st;
    pid_t pid;
    int fd;

    OK(chmod(".", 0777));
    OK(close((int)OK(open("secret", O_CREAT | O_WRONLY, 0600))));
    OK(close((int)OK(open("group", O_CREAT | O_WRONLY, 0640))));
    OK(chown("group", 0, 3000));
    OK(mkdir("closed", 0700));
    OK(mkdir("sticky", 01777));
    OK(chmod("sticky", 01777));
    OK(close((int)OK(open("sticky/roots", O_CREAT | O_WRONLY, 0666))));
    pid = t_fork();
    if (pid)
        return t_join(pid);
    OK(setgroups(2, groups));
    OK(setresgid(1001, 1001, 1001));
    OK(setresuid(1000, 1000, 1000));
    OK(getresuid(&r, &e, &s));
    CHECK(r == 1000 && e == 1000 && s == 1000);
    CHECK_EQ(getgroups(4, now), 2);
    CHECK_EQ(getegid(), 1001);
    CHECK_ERRNO(setuid(0), EPERM);
    CHECK_ERRNO(setgroups(0, NULL), EPERM);
    CHECK_ERRNO(open("secret", O_RDONLY), EACCES);
    CHECK_ERRNO(open("closed/x", O_RDONLY), EACCES);
    OK(close((int)OK(open("group", O_RDONLY)))); /* by a supplementary group */
    CHECK_ERRNO(open("group", O_WRONLY), EACCES);
    CHECK_ERRNO(chmod("group", 0777), EPERM);
    CHECK_ERRNO(chown("group", 1000, 1000), EPERM);
    CHECK_ERRNO(unlink("sticky/roots"), EPERM);
    fd = (int)OK(open("mine", O_CREAT | O_WRONLY, 0644));
    OK(fstat(fd, &st));
    CHECK(st.st_uid == 1000 && st.st_gid == 1001);
    CHECK_ERRNO(mknod("null", S_IFCHR | 0666, 0x103), EPERM);
    CHECK_ERRNO(chroot("."), EPERM);
    t_end(0);
}

static void names(void)
{
    struct utsname u;

    OK(uname(&u));
    CHECK(!strcmp(u.sysname, "Linux"));
    CHECK(!strcmp(u.machine, "x86_64"));
    CHECK(u.nodename[0] && u.release[0] >= '3');
}

static void limits(void)
{
    struct rlimit lim, same;

    OK(getrlimit(RLIMIT_STACK, &lim));
    CHECK(lim.rlim_cur >= 1 << 20);
    OK(getrlimit(RLIMIT_NOFILE, &lim));
    CHECK(lim.rlim_cur >= 256 && lim.rlim_cur <= lim.rlim_max);
    lim.rlim_cur = 200;
    OK(setrlimit(RLIMIT_NOFILE, &lim));
    OK(getrlimit(RLIMIT_NOFILE, &same));
    CHECK_EQ(same.rlim_cur, 200);
    lim.rlim_cur = lim.rlim_max + 1;
    if (lim.rlim_max != RLIM_INFINITY)
        CHECK_ERRNO(setrlimit(RLIMIT_NOFILE, &lim), EINVAL);
}

int main(void)
{
    t_scratch();
    names();
    limits();
    if (getuid() == 0)
        as_user();
    return 0;
}
