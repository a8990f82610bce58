/* SPDX-License-Identifier: Apache-2.0 */
/* What processes have used: getrusage, /proc/PID/io, switches, faults; and what stays of a zombie. */
#define _GNU_SOURCE
#include "t.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

static char buf[65536];

static void slurp(const char *path)
{
    int fd = OK(open(path, O_RDONLY));
    ssize_t n = OK(read(fd, buf, sizeof(buf) - 1));

    buf[n] = 0;
    OK(close(fd));
}

static long long number_after(const char *key)
{
    const char *at = strstr(buf, key);

    CHECK(at != NULL);
    return strtoll(at + strlen(key), NULL, 10);
}

static struct rusage usage(int who)
{
    struct rusage ru;

    OK(getrusage(who, &ru));
    return ru;
}

static char *map(size_t n)
{
    char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED);
    OK(madvise(p, n, MADV_NOHUGEPAGE));
    return p;
}

/* --- memory --------------------------------------------------------------------------------------- */

#define MB (1 << 20)

static void memory(void)
{
    long before = usage(RUSAGE_SELF).ru_maxrss, faults = usage(RUSAGE_SELF).ru_minflt, peak;
    char *p = map(64 * MB);
    pid_t pid;

    CHECK(usage(RUSAGE_SELF).ru_maxrss < before + 8 * 1024); /* mapped only */
    for (size_t i = 0; i < 16 * MB; i += 4096)
        p[i] = 1;
    peak = usage(RUSAGE_SELF).ru_maxrss;
    CHECK(peak >= before + 14 * 1024 && peak <= before + 32 * 1024);
    CHECK(usage(RUSAGE_SELF).ru_minflt >= faults + 4096);
    CHECK(usage(RUSAGE_THREAD).ru_minflt >= faults + 4096);
    slurp("/proc/self/status");
    CHECK(number_after("VmHWM:\t") >= number_after("VmRSS:\t"));
    CHECK(number_after("VmRSS:\t") >= 16 * 1024);
    OK(munmap(p, 64 * MB));
    CHECK(usage(RUSAGE_SELF).ru_maxrss >= peak); /* it stays the most it ever was */
    slurp("/proc/self/status");
    CHECK(number_after("VmHWM:\t") >= 16 * 1024);
    CHECK(number_after("VmRSS:\t") < 14 * 1024);

    pid = t_fork();
    if (pid == 0) {
        p = map(24 * MB);
        for (size_t i = 0; i < 24 * MB; i += 4096)
            p[i] = 1;
        OK(munmap(p, 24 * MB));
        t_end(0);
    }
    t_join(pid);
    CHECK(usage(RUSAGE_CHILDREN).ru_maxrss >= 24 * 1024);
    CHECK(usage(RUSAGE_CHILDREN).ru_maxrss <= 64 * 1024);
    CHECK(usage(RUSAGE_CHILDREN).ru_minflt >= 24 * MB / 4096);
}

/* --- switches ------------------------------------------------------------------------------------- */

static void switches(void)
{
    long before = usage(RUSAGE_SELF).ru_nvcsw, all, involuntary;
    cpu_set_t one;
    pid_t pid;

    slurp("/proc/stat");
    all = number_after("\nctxt ");
    for (int i = 0; i < 20; i++)
        t_sleep_ms(10);
    /* Not every sleep is one: on a busy machine its end may have come before its beginning. */
    CHECK(usage(RUSAGE_SELF).ru_nvcsw >= before + 10);
    CHECK(usage(RUSAGE_THREAD).ru_nvcsw >= 10);
    slurp("/proc/self/status");
    CHECK(number_after("\nvoluntary_ctxt_switches:\t") >= before + 10);
    slurp("/proc/stat");
    CHECK(number_after("\nctxt ") >= all + 10);
    CHECK(number_after("\nintr ") >= 0);
    all = number_after("\nprocesses ");

    /* Two that want one processor. */
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    pid = t_fork();
    if (pid == 0) {
        OK(sched_setaffinity(0, sizeof(one), &one));
        for (;;)
            ;
    }
    OK(sched_setaffinity(0, sizeof(one), &one));
    involuntary = usage(RUSAGE_SELF).ru_nivcsw;
    for (int64_t end = t_now_ns() + 200000000; t_now_ns() < end;)
        ;
    CHECK(usage(RUSAGE_SELF).ru_nivcsw > involuntary);
    OK(kill(pid, SIGKILL));
    t_wait(pid);
    slurp("/proc/stat");
    CHECK(number_after("\nprocesses ") >= all + 1);
}

/* The time of a thread that runs elsewhere goes on while one looks at it. */
static void *spin(void *arg)
{
    volatile int *stop = arg;

    while (!*stop)
        ;
    return NULL;
}

static void time_of_others(void)
{
    volatile int stop = 0;
    struct timespec a, b;
    pthread_t th;
    clockid_t clock;

    CHECK_EQ(pthread_create(&th, NULL, spin, (void *)&stop), 0);
    CHECK_EQ(pthread_getcpuclockid(th, &clock), 0);
    OK(clock_gettime(clock, &a));
    for (int i = 0; i < 100; i++) {
        t_sleep_ms(10);
        OK(clock_gettime(clock, &b));
        if ((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 30)
            break;
    }
    CHECK((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 30);
    stop = 1;
    CHECK_EQ(pthread_join(th, NULL), 0);
    CHECK_ERRNO(clock_gettime((clockid_t)(~(unsigned)getpid() << 3 | 3), &a), EINVAL);
}

static double seconds(struct timeval tv)
{
    return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

/* Use 0.4 s of CPU time, with n calls in between; neither part of the usage ever shrinks. */
static void work(int n, double *user, double *system)
{
    struct rusage first = usage(RUSAGE_SELF), last = first, now;

    do {
        for (int i = 0; i < n; i++)
            syscall(SYS_getppid);
        for (volatile int i = 0; i < 20000000 && !n; i++)
            ;
        now = usage(RUSAGE_SELF);
        CHECK(seconds(now.ru_utime) >= seconds(last.ru_utime));
        CHECK(seconds(now.ru_stime) >= seconds(last.ru_stime));
        last = now;
    } while (seconds(now.ru_utime) + seconds(now.ru_stime) <
             seconds(first.ru_utime) + seconds(first.ru_stime) + 0.4);
    *user = seconds(now.ru_utime) - seconds(first.ru_utime);
    *system = seconds(now.ru_stime) - seconds(first.ru_stime);
}

/* Which part is which; sampled, so roughly. */
static void user_and_system(void)
{
    double user, system, user2, system2;
    pid_t pid;

    work(0, &user, &system);
    CHECK(user > 2 * system);
    pid = t_fork();
    if (pid == 0) {
        work(1000, &user2, &system2);
        CHECK(system2 > system);
        t_end(0);
    }
    t_join(pid);
    CHECK(usage(RUSAGE_CHILDREN).ru_stime.tv_sec > 0 || usage(RUSAGE_CHILDREN).ru_stime.tv_usec > 0);
}

/* --- io ------------------------------------------------------------------------------------------- */

static void io(void)
{
    struct iovec iov[2] = { { buf, 10 }, { buf + 10, 20 } };
    long long rchar, wchar, syscr, syscw;
    int fd, p[2];
    pid_t pid;

    fd = OK(open("/dev/zero", O_RDWR));
    OK(pipe(p));
    slurp("/proc/self/io");
    rchar = number_after("rchar: ");
    wchar = number_after("wchar: ");
    syscr = number_after("syscr: ");
    syscw = number_after("syscw: ");
    CHECK_EQ(read(fd, buf, 1000), 1000);
    CHECK_EQ(pread(fd, buf, 500, 0), 500);
    CHECK_EQ(readv(fd, iov, 2), 30);
    CHECK_ERRNO(syscall(SYS_read, fd, 8, 1), EFAULT);
    CHECK_EQ(write(p[1], buf, 300), 300);
    CHECK_EQ(pwrite(fd, buf, 7, 0), 7);
    slurp("/proc/self/io");
    /* Linux has read less than all of this file when it counts. */
    CHECK(number_after("rchar: ") >= rchar + 1530 && number_after("rchar: ") <= rchar + 1530 + 400);
    CHECK_EQ(number_after("wchar: "), wchar + 307);
    CHECK(number_after("syscr: ") >= syscr + 4);
    CHECK_EQ(number_after("syscw: "), syscw + 2);
    slurp("/proc/thread-self/io");
    CHECK(number_after("wchar: ") >= 307);
    pid = t_fork();
    if (pid == 0) {
        slurp("/proc/self/io");
        CHECK_EQ(number_after("wchar: "), 0); /* not inherited */
        CHECK_EQ(write(fd, buf, 5000), 5000);
        t_end(0);
    }
    t_join(pid);
    slurp("/proc/self/io");
    CHECK_EQ(number_after("wchar: "), wchar + 5307); /* with children that were waited for */
    OK(close(fd));
    OK(close(p[0]));
    OK(close(p[1]));
}

/* --- what /proc shows ----------------------------------------------------------------------------- */

static void zombie(void)
{
    char path[64];
    pid_t pid = t_fork();

    if (pid == 0) {
        OK(prctl(PR_SET_NAME, "soon gone"));
        _exit(0);
    }
    CHECK_EQ(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT), 0);
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    slurp(path);
    CHECK(strstr(buf, "(soon gone) Z ") != NULL);
    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    slurp(path);
    CHECK(!strcmp(buf, "soon gone\n"));
    t_join(pid);
}

static void fd_is(int fd, const char *text)
{
    char path[64], got[128];
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    n = OK(readlink(path, got, sizeof(got) - 1));
    got[n] = 0;
    if (strcmp(got, text))
        fprintf(stderr, "%s is %s\n", path, got);
    CHECK(!strcmp(got, text));
    OK(close(fd));
}

static void names_of_descriptors(void)
{
    fd_is(OK(eventfd(0, 0)), "anon_inode:[eventfd]");
    fd_is(OK(timerfd_create(CLOCK_MONOTONIC, 0)), "anon_inode:[timerfd]");
    fd_is(OK(epoll_create1(0)), "anon_inode:[eventpoll]");
}

static void put(const char *path, const char *text, int err)
{
    int fd = OK(open(path, O_WRONLY));

    if (err)
        CHECK_ERRNO(write(fd, text, strlen(text)), err);
    else
        CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    OK(close(fd));
}

static void oom_score(void)
{
    long long before;
    pid_t pid;

    slurp("/proc/self/oom_score_adj");
    before = strtoll(buf, NULL, 10);
    put("/proc/self/oom_score_adj", "1001\n", EINVAL);
    put("/proc/self/oom_score_adj", "five", EINVAL);
    put("/proc/self/oom_score_adj", "500\n", 0);
    slurp("/proc/self/oom_score_adj");
    CHECK(!strcmp(buf, "500\n"));
    slurp("/proc/self/oom_adj");
    CHECK(!strcmp(buf, "8\n"));
    slurp("/proc/self/oom_score");
    CHECK(strtoll(buf, NULL, 10) >= 500);
    pid = t_fork();
    if (pid == 0) {
        slurp("/proc/self/oom_score_adj");
        CHECK(!strcmp(buf, "500\n"));
        put("/proc/self/oom_adj", "15", 0);
        slurp("/proc/self/oom_score_adj");
        CHECK(!strcmp(buf, "1000\n"));
        OK(setgid(1000));
        OK(setuid(1000));
        OK(prctl(PR_SET_DUMPABLE, 1));
        put("/proc/self/oom_score_adj", "900", 0);
        if (before == 0)
            put("/proc/self/oom_score_adj", "-1", EACCES);
        t_end(0);
    }
    t_join(pid);
    snprintf(buf, 32, "%lld", before);
    put("/proc/self/oom_score_adj", buf, 0);
}

int main(void)
{
    memory();
    switches();
    time_of_others();
    user_and_system();
    io();
    zombie();
    names_of_descriptors();
    oom_score();
    return 0;
}
