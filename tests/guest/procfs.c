/* SPDX-License-Identifier: Apache-2.0 */
/* /proc: processes, their links and files, the machine; and a little of /sys. */
#define _GNU_SOURCE
#include "t.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

static char buf[1 << 20];

/* The whole file as a string in buf; its length. */
static size_t slurp(const char *path)
{
    int fd = OK(open(path, O_RDONLY));
    size_t n = 0;
    ssize_t r;

    while ((r = OK(read(fd, buf + n, sizeof(buf) - 1 - n))) > 0)
        n += (size_t)r;
    buf[n] = 0;
    OK(close(fd));
    return n;
}

/* What follows `key` at the beginning of a line of buf, as a number. */
static long long value_of(const char *key)
{
    const char *line = buf;

    while (line && strncmp(line, key, strlen(key))) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    CHECK(line != NULL);
    return strtoll(line + strlen(key), NULL, 10);
}

static const char *link_text(const char *path)
{
    static char text[4096];
    ssize_t n = OK(readlink(path, text, sizeof(text) - 1));

    text[n] = 0;
    return text;
}

static const char *fd_path(const char *what, int fd)
{
    static char path[64];

    snprintf(path, sizeof(path), "/proc/self/%s/%d", what, fd);
    return path;
}

static const char *pid_path(long pid, const char *name)
{
    static char path[64];

    snprintf(path, sizeof(path), "/proc/%ld/%s", pid, name);
    return path;
}

static int lists(const char *dir, const char *name)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int found = 0;

    CHECK(d != NULL);
    while ((e = readdir(d)))
        found |= !strcmp(e->d_name, name);
    closedir(d);
    return found;
}

static const char *decimal(long n)
{
    static char s[24];

    snprintf(s, sizeof(s), "%ld", n);
    return s;
}

/* Field n (from 1) of /proc/PID/stat, behind the name. */
static long long stat_field(long pid, int n)
{
    char *p;

    slurp(pid_path(pid, "stat"));
    p = strrchr(buf, ')');
    CHECK(p != NULL);
    for (int i = 2; i < n; i++)
        p = strchr(p + 1, ' ');
    return n == 3 ? p[1] : strtoll(p + 1, NULL, 10);
}

/* --- a process ------------------------------------------------------------------------------------ */

static void numbers(void)
{
    struct rlimit lim;
    char line[128];

    CHECK(!strcmp(link_text("/proc/self"), decimal(getpid())));
    snprintf(line, sizeof(line), "%d/task/%ld", getpid(), syscall(SYS_gettid));
    CHECK(!strcmp(link_text("/proc/thread-self"), line));
    OK(prctl(PR_SET_NAME, "na) me"));
    slurp("/proc/self/stat");
    snprintf(line, sizeof(line), "%d (na) me) R %d %d %d ", getpid(), getppid(), getpgrp(),
             getsid(0));
    CHECK(!strncmp(buf, line, strlen(line)));
    CHECK_EQ(stat_field(getpid(), 20), 1);
    slurp("/proc/self/comm");
    CHECK(!strcmp(buf, "na) me\n"));
    {
        int fd = OK(open("/proc/self/comm", O_WRONLY | O_TRUNC));

        CHECK_EQ(write(fd, "other", 5), 5);
        OK(close(fd));
    }
    OK(prctl(PR_GET_NAME, line));
    CHECK(!strcmp(line, "other"));
    slurp("/proc/self/status");
    CHECK(!strncmp(buf, "Name:\tother\n", 12));
    CHECK_EQ(value_of("Pid:\t"), getpid());
    CHECK_EQ(value_of("Tgid:\t"), getpid());
    CHECK_EQ(value_of("PPid:\t"), getppid());
    CHECK_EQ(value_of("Threads:\t"), 1);
    snprintf(line, sizeof(line), "\nUid:\t%d\t%d\t%d\t", getuid(), geteuid(), geteuid());
    CHECK(strstr(buf, line) != NULL);
    snprintf(line, sizeof(line), "\nGid:\t%d\t%d\t%d\t", getgid(), getegid(), getegid());
    CHECK(strstr(buf, line) != NULL);
    CHECK(value_of("VmRSS:\t") > 0);
    CHECK(value_of("VmSize:\t") >= value_of("VmRSS:\t"));
    slurp("/proc/self/statm");
    CHECK(strtoll(buf, NULL, 10) > 0);
    slurp("/proc/self/limits");
    OK(getrlimit(RLIMIT_NOFILE, &lim));
    CHECK_EQ(value_of("Max open files"), lim.rlim_cur);
}

static void signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    signal(SIGUSR2, SIG_IGN);
    OK(raise(SIGUSR1));
    slurp("/proc/self/status");
    CHECK(strstr(buf, "\nSigBlk:\t0000000000000200\n") != NULL);
    CHECK(strtoull(strstr(buf, "SigIgn:\t") + 8, NULL, 16) >> (SIGUSR2 - 1) & 1);
    CHECK((strtoull(strstr(buf, "SigPnd:\t") + 8, NULL, 16) |
           strtoull(strstr(buf, "ShdPnd:\t") + 8, NULL, 16)) == 0x200);
    signal(SIGUSR1, SIG_IGN);
    OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

/* Whether a line of maps holds the address, has these rights and ends with `name`. */
static int mapped(unsigned long addr, const char *rights, const char *name)
{
    for (const char *line = buf; *line; line = strchr(line, '\n') + 1) {
        char *end;
        unsigned long from = strtoul(line, &end, 16), to = strtoul(end + 1, &end, 16);
        size_t len = (size_t)(strchr(line, '\n') - line), n = strlen(name);

        if (addr >= from && addr < to)
            return !strncmp(end + 1, rights, 4) && len > n && !strncmp(line + len - n, name, n);
    }
    return 0;
}

static void memory(char **argv)
{
    unsigned long page = getauxval(AT_PAGESZ), pair[2];
    char exe[4096];
    size_t n, at = 0;
    int fd;

    strcpy(exe, link_text("/proc/self/exe"));
    CHECK(exe[0] == '/' && !strcmp(strrchr(exe, '/'), "/procfs"));
    slurp("/proc/self/maps");
    CHECK(mapped((unsigned long)&page, "rw-p", "[stack]"));
    CHECK(mapped((unsigned long)slurp, "r-xp", exe));
    CHECK(mapped((unsigned long)sbrk(0) - 1, "rw-p", "[heap]"));
    slurp("/proc/self/smaps_rollup");
    CHECK(value_of("Rss:") >= value_of("Anonymous:"));
    n = slurp("/proc/self/cmdline");
    for (int i = 0; argv[i]; at += strlen(argv[i]) + 1, i++)
        CHECK(at < n && !strcmp(buf + at, argv[i]));
    CHECK_EQ(at, n);
    n = slurp("/proc/self/auxv");
    for (at = 0; at < n; at += sizeof(pair)) {
        memcpy(pair, buf + at, sizeof(pair));
        if (pair[0] == AT_PAGESZ || pair[0] == AT_RANDOM || pair[0] == AT_ENTRY)
            CHECK_EQ(getauxval(pair[0]), pair[1]);
        if (pair[0] == AT_NULL)
            break;
    }
    CHECK(at > 0 && at + sizeof(pair) == n);
    n = slurp("/proc/self/environ");
    for (at = 0, fd = 0; environ[fd]; fd++)
        at += strlen(environ[fd]) + 1;
    CHECK_EQ(n, at);
}

/* A file is one picture until it is read from its beginning again. */
static void reading(void)
{
    int fd = OK(open("/proc/self/status", O_RDONLY));
    char small[2][7], all[65536];
    size_t n = 0;
    ssize_t r;

    while ((r = OK(read(fd, all + n, 5))) > 0)
        n += (size_t)r;
    all[n] = 0;
    CHECK(strstr(all, "\nSigBlk:\t") != NULL && all[n - 1] == '\n');
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(read(fd, small[0], 7), 7);
    CHECK_EQ(pread(fd, small[1], 7, 0), 7);
    CHECK(!memcmp(small[0], small[1], 7));
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 7);
    OK(close(fd));
}

static void *sleeper(void *arg)
{
    char c;

    OK(prctl(PR_SET_NAME, "sleeper"));
    CHECK_EQ(write(((int *)arg)[3], "x", 1), 1);
    CHECK_EQ(read(((int *)arg)[0], &c, 1), 1);
    return NULL;
}

static void threads(void)
{
    char path[64], tid[24] = "";
    pthread_t t;
    struct dirent *e;
    int p[4];
    char c;
    DIR *d;

    OK(pipe(p));
    OK(pipe(p + 2));
    CHECK_EQ(pthread_create(&t, NULL, sleeper, p), 0);
    CHECK_EQ(read(p[2], &c, 1), 1);
    CHECK_EQ(stat_field(getpid(), 20), 2);
    d = opendir("/proc/self/task");
    CHECK(d != NULL);
    while ((e = readdir(d)))
        if (e->d_name[0] != '.' && strcmp(e->d_name, decimal(getpid())))
            strcpy(tid, e->d_name);
    closedir(d);
    snprintf(path, sizeof(path), "/proc/self/task/%s/comm", tid);
    slurp(path);
    CHECK(!strcmp(buf, "sleeper\n"));
    snprintf(path, sizeof(path), "/proc/self/task/%s/stat", tid);
    slurp(path);
    CHECK_EQ(atoi(buf), atoi(tid));
    CHECK(!lists("/proc", tid));
    snprintf(path, sizeof(path), "/proc/%s/status", tid); /* not listed, but there */
    slurp(path);
    CHECK_EQ(value_of("Tgid:\t"), getpid());
    CHECK_EQ(value_of("Pid:\t"), atoi(tid));
    CHECK_EQ(write(p[1], "x", 1), 1);
    CHECK_EQ(pthread_join(t, NULL), 0);
    EVENTUALLY(access(path, F_OK) < 0); /* Linux wakes the joiner before the thread is gone */
    CHECK_ERRNO(open(path, O_RDONLY), ENOENT);
    for (int i = 0; i < 4; i++)
        OK(close(p[i]));
}

/* --- others --------------------------------------------------------------------------------------- */

static void child_and_zombie(void)
{
    int p[2], fd, dir;
    struct stat st;
    pid_t pid;
    char c;

    OK(pipe(p));
    pid = t_fork();
    if (pid == 0) {
        CHECK_EQ(read(p[0], &c, 1), 1);
        t_end(3);
    }
    CHECK(lists("/proc", decimal(pid)));
    CHECK_EQ(stat_field(pid, 4), getpid());
    fd = OK(open(pid_path(pid, "stat"), O_RDONLY));
    dir = OK(open(pid_path(pid, ""), O_RDONLY | O_DIRECTORY));
    CHECK_EQ(write(p[1], "x", 1), 1);
    OK(waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT));
    CHECK_EQ(stat_field(pid, 3), 'Z');
    CHECK_EQ(slurp(pid_path(pid, "cmdline")), 0);
    CHECK_ERRNO(readlink(pid_path(pid, "exe"), &c, 1), ENOENT);
    CHECK_EQ(t_wait(pid), 3 << 8);
    CHECK(!lists("/proc", decimal(pid)));
    CHECK_ERRNO(stat(pid_path(pid, ""), &st), ENOENT);
    CHECK(openat(dir, "stat", O_RDONLY) < 0 && (errno == ENOENT || errno == ESRCH));
    CHECK_ERRNO(read(fd, &c, 1), ESRCH);
    OK(close(fd));
    OK(close(dir));
    OK(close(p[0]));
    OK(close(p[1]));
}

static void rights(void)
{
    struct stat st;
    pid_t parent = getpid(), pid;
    char c;

    if (getuid() != 0)
        return;
    OK(stat(pid_path(parent, "environ"), &st));
    CHECK_EQ(st.st_mode, S_IFREG | 0400);
    OK(stat(pid_path(parent, "fd"), &st));
    CHECK_EQ(st.st_mode, S_IFDIR | 0500);
    pid = t_fork();
    if (pid == 0) {
        OK(setgid(1001));
        OK(setuid(1000));
        CHECK_ERRNO(open(pid_path(parent, "environ"), O_RDONLY), EACCES);
        CHECK_ERRNO(open(pid_path(parent, "maps"), O_RDONLY), EACCES);
        CHECK_ERRNO(open(pid_path(parent, "fd"), O_RDONLY), EACCES);
        CHECK_ERRNO(open(pid_path(parent, "cwd"), O_RDONLY), EACCES);
        CHECK_ERRNO(readlink(pid_path(parent, "exe"), &c, 1), EACCES);
        OK(slurp(pid_path(parent, "stat")));
        t_end(0);
    }
    t_join(pid);
}

/* --- links to open files -------------------------------------------------------------------------- */

static void same_file(const char *path, int fd)
{
    struct stat a, b;

    OK(stat(path, &a));
    OK(fstat(fd, &b));
    CHECK(a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_mode == b.st_mode);
}

static void deleted_file(void)
{
    int fd = OK(open("gone", O_RDWR | O_CREAT, 0600)), again;
    char here[4096], want[4200], text[8];
    struct stat st;

    CHECK(getcwd(here, sizeof(here)) != NULL);
    CHECK(!strcmp(link_text("/proc/self/cwd"), here));
    snprintf(want, sizeof(want), "%s/gone", here);
    CHECK(!strcmp(link_text(fd_path("fd", fd)), want));
    CHECK_EQ(write(fd, "abc", 3), 3);
    OK(unlink("gone"));
    strcat(want, " (deleted)");
    CHECK(!strcmp(link_text(fd_path("fd", fd)), want));
    same_file(fd_path("fd", fd), fd);
    again = OK(open(fd_path("fd", fd), O_RDONLY));
    CHECK_EQ(read(again, text, 8), 3); /* from its beginning: it is not a dup */
    CHECK(!memcmp(text, "abc", 3));
    OK(close(again));
    again = OK(open(fd_path("fd", fd), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    OK(fstat(fd, &st));
    CHECK_EQ(st.st_size, 0);
    OK(close(again));
    CHECK_ERRNO(open(fd_path("fd", fd), O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
    OK(lstat(fd_path("fd", fd), &st));
    CHECK_EQ(st.st_mode, S_IFLNK | 0700);
    CHECK(lists("/proc/self/fd", decimal(fd)));
    OK(lseek(fd, 5, SEEK_SET));
    OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
    slurp(fd_path("fdinfo", fd));
    CHECK_EQ(value_of("pos:\t"), 5);
    CHECK_EQ(strtol(strstr(buf, "flags:\t") + 7, NULL, 8) & (O_ACCMODE | O_CLOEXEC),
             O_RDWR | O_CLOEXEC);
    OK(close(fd));
    CHECK_ERRNO(open(fd_path("fd", fd), O_RDONLY), ENOENT);
}

static void nameless(void)
{
    struct open_how how = { .flags = O_RDONLY, .resolve = RESOLVE_NO_MAGICLINKS };
    struct stat st;
    char want[64], c;
    int p[2], fd, w;

    OK(pipe(p));
    OK(fstat(p[0], &st));
    snprintf(want, sizeof(want), "pipe:[%lu]", (unsigned long)st.st_ino);
    CHECK(!strcmp(link_text(fd_path("fd", p[0])), want));
    same_file(fd_path("fd", p[0]), p[0]);
    w = OK(open(fd_path("fd", p[1]), O_WRONLY | O_CREAT | O_TRUNC, 0600)); /* as a shell does */
    OK(close(p[1]));
    CHECK_EQ(write(w, "x", 1), 1);
    CHECK_EQ(read(p[0], &c, 1), 1);
    CHECK_EQ(c, 'x');
    CHECK(!strcmp(link_text(fd_path("fd", w)), want));
    fd = OK(open(fd_path("fd", p[0]), O_RDONLY));
    OK(close(p[0]));
    CHECK_EQ(write(w, "y", 1), 1);
    CHECK_EQ(read(fd, &c, 1), 1);
    OK(close(w));
    CHECK_EQ(read(fd, &c, 1), 0); /* all writers are gone, the reopened one too */
    CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, fd_path("fd", fd), &how, sizeof(how)), ELOOP);
    OK(close(fd));
    fd = OK(eventfd(0, 0));
    CHECK(!strncmp(link_text(fd_path("fd", fd)), "anon_inode:[", 12));
    CHECK_ERRNO(open(fd_path("fd", fd), O_RDWR), ENXIO);
    OK(stat(fd_path("fd", fd), &st));
    OK(close(fd));
    same_file("/dev/stdin", 0);
}

static void links(void)
{
    struct stat a, b;
    int fd;

    OK(stat("/proc/self/exe", &a));
    fd = OK(open(link_text("/proc/self/exe"), O_RDONLY));
    OK(fstat(fd, &b));
    CHECK(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
    OK(close(fd));
    CHECK(!strcmp(link_text("/proc/self/root"), "/"));
    OK(mkdir("sub", 0700));
    OK(stat("/proc/self/cwd/sub", &a));
    OK(stat("sub", &b));
    CHECK(a.st_ino == b.st_ino && S_ISDIR(a.st_mode));
    fd = OK(open("/proc/self/cwd", O_RDONLY | O_DIRECTORY));
    OK(fstatat(fd, "sub", &a, 0));
    OK(close(fd));
    CHECK_ERRNO(open("/proc/self/exe", O_RDONLY | O_NOFOLLOW), ELOOP);
    fd = OK(open("/proc/self/fd", O_RDONLY | O_DIRECTORY)); /* a place in proc has a path too */
    CHECK(!strncmp(link_text(fd_path("fd", fd)), "/proc/", 6));
    OK(close(fd));
}

/* --- the machine ---------------------------------------------------------------------------------- */

static void machine(void)
{
    struct utsname u;
    struct timespec ts;
    struct statfs fs;
    char text[128];
    int cpus = 0;
    double up;

    slurp("/proc/meminfo");
    CHECK(value_of("MemTotal:") > 0);
    CHECK(value_of("MemFree:") <= value_of("MemTotal:"));
    CHECK(value_of("MemAvailable:") > 0);
    slurp("/proc/cpuinfo");
    for (const char *p = buf; (p = strstr(p, "processor\t:")); p++)
        cpus++;
    CHECK_EQ(cpus, sysconf(_SC_NPROCESSORS_ONLN));
    CHECK(strstr(buf, " sse2 ") != NULL);
    slurp("/proc/stat");
    CHECK(!strncmp(buf, "cpu  ", 5));
    CHECK(value_of("cpu0 ") >= 0);
    OK(clock_gettime(CLOCK_REALTIME, &ts));
    CHECK(value_of("btime ") > 0 && value_of("btime ") <= ts.tv_sec);
    slurp("/proc/uptime");
    OK(clock_gettime(CLOCK_BOOTTIME, &ts));
    up = strtod(buf, NULL);
    CHECK(up <= (double)ts.tv_sec + 1 && up >= (double)ts.tv_sec - 2);
    CHECK(stat_field(getpid(), 22) / sysconf(_SC_CLK_TCK) <= ts.tv_sec + 1);
    slurp("/proc/loadavg");
    CHECK(strtod(buf, NULL) >= 0 && strchr(buf, '/') != NULL);
    OK(uname(&u));
    slurp("/proc/sys/kernel/osrelease");
    CHECK(!strncmp(buf, u.release, strlen(u.release)));
    slurp("/proc/sys/kernel/hostname");
    CHECK(!strncmp(buf, u.nodename, strlen(u.nodename)));
    slurp("/proc/version");
    CHECK(strstr(buf, u.release) != NULL);
    CHECK_EQ(slurp("/proc/sys/kernel/random/uuid"), 37);
    strcpy(text, buf);
    slurp("/proc/sys/kernel/random/uuid");
    CHECK(strcmp(text, buf));
    slurp("/proc/sys/kernel/random/boot_id");
    strcpy(text, buf);
    slurp("/proc/sys/kernel/random/boot_id");
    CHECK(!strcmp(text, buf));
    slurp("/proc/mounts");
    CHECK(strstr(buf, " /proc proc ") != NULL && strstr(buf, " / ") != NULL);
    slurp("/proc/self/mountinfo");
    CHECK(strstr(buf, " - proc ") != NULL);
    OK(statfs("/proc/self/stat", &fs));
    CHECK_EQ(fs.f_type, 0x9fa0);
    OK(statfs("/sys", &fs));
    CHECK_EQ(fs.f_type, 0x62656572);
    slurp("/sys/devices/system/cpu/online");
    CHECK_EQ(buf[0], '0');
    CHECK(lists("/sys/devices/system/cpu", "cpu0"));
    CHECK_ERRNO(open("/proc/nothing", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("/proc/01", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("/proc/self/stat/x", O_RDONLY), ENOTDIR);
}

/* --- statfs(2) ------------------------------------------------------------------------------------ */

/* Whether what is mounted at dir has the option in /proc/mounts; the last mount there is the one seen. */
static bool has_option(const char *dir, const char *option)
{
    char at[64], *line = NULL, *end;
    size_t n = strlen(option);

    slurp("/proc/mounts");
    snprintf(at, sizeof(at), " %s ", dir);
    for (char *p = buf; (p = strstr(p, at)); p++)
        line = p + strlen(at);
    CHECK(line != NULL && (line = strchr(line, ' ')) != NULL);
    end = strchr(++line, ' ');
    CHECK(end != NULL);
    for (*end = 0; line; line = strchr(line, ','), line = line ? line + 1 : NULL)
        if (!strncmp(line, option, n) && (line[n] == ',' || line[n] == 0))
            return true;
    return false;
}

static void mount_flags(const char *dir)
{
    struct statfs fs;

    OK(statfs(dir, &fs));
    CHECK(fs.f_flags & 0x20); /* the flags are valid, which statvfs(3) does not show */
    CHECK_EQ(!!(fs.f_flags & ST_RDONLY), has_option(dir, "ro"));
    CHECK_EQ(!!(fs.f_flags & ST_NOATIME), has_option(dir, "noatime"));
    CHECK_EQ(!!(fs.f_flags & ST_RELATIME), has_option(dir, "relatime"));
}

static void space(void)
{
    int fd = OK(open("/dev/shm", O_TMPFILE | O_RDWR, 0600));
    static char data[1 << 20];
    struct statfs fs;

    memset(data, 'd', sizeof(data));
    for (int i = 0; i < 4; i++)
        CHECK_EQ(write(fd, data, sizeof(data)), sizeof(data));
    OK(fstatfs(fd, &fs));
    CHECK_EQ(fs.f_bsize, 4096);
    CHECK(fs.f_bavail <= fs.f_bfree && fs.f_bfree < fs.f_blocks);
    CHECK(fs.f_blocks - fs.f_bfree >= 4 * sizeof(data) / 4096);
    CHECK(fs.f_ffree < fs.f_files);
    OK(close(fd));
    mount_flags("/dev/shm");
    mount_flags("/proc");
    mount_flags("/");
}

/* No name makes lines of its own. */
static void names_with_newlines(void)
{
    char text[4096] = { 0 };
    int fd;

    OK(prctl(PR_SET_NAME, "a\nb\\c d"));
    fd = OK(open("/proc/self/status", O_RDONLY));
    OK(read(fd, text, sizeof(text) - 1));
    CHECK(!strncmp(text, "Name:\ta\\nb\\\\c d\n", 16));
    OK(close(fd));
}

int main(int argc, char **argv)
{
    (void)argc;
    names_with_newlines();
    numbers();
    signals();
    memory(argv);
    reading();
    threads();
    child_and_zombie();
    rights();
    t_scratch();
    deleted_file();
    nameless();
    links();
    machine();
    space();
    return 0;
}
