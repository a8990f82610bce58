/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits: what setrlimit(2) promises of each that has an effect. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static volatile sig_atomic_t hits;

static void on_signal(int sig)
{
    (void)sig;
    hits++;
}

/* max RLIM_INFINITY: the hard limit stays. */
static void limit(int which, rlim_t cur, rlim_t max)
{
    struct rlimit lim;

    OK(getrlimit(which, &lim));
    if (max != RLIM_INFINITY)
        lim.rlim_max = max;
    lim.rlim_cur = cur < lim.rlim_max ? cur : lim.rlim_max;
    OK(setrlimit(which, &lim));
}

static off_t size_of(int fd)
{
    struct stat st;

    OK(fstat(fd, &st));
    return st.st_size;
}

/* One signal came since the last call. */
static int one_hit(void)
{
    int n = hits;

    hits = 0;
    return n == 1;
}

/* --- RLIMIT_FSIZE --------------------------------------------------------------------------------- */

static void file_size(void)
{
    static char buf[4096];
    struct iovec iov[2] = { { buf, 600 }, { buf, 600 } };
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600)), from, p[2];
    loff_t off = 0;

    signal(SIGXFSZ, on_signal);
    OK(ftruncate(fd, 3000)); /* larger already than the limit to come */
    limit(RLIMIT_FSIZE, 1000, RLIM_INFINITY);
    CHECK_EQ(write(fd, buf, 400), 400);
    CHECK_EQ(write(fd, buf, 4096), 600); /* up to the limit */
    CHECK_EQ(hits, 0);
    CHECK_ERRNO(write(fd, buf, 1), EFBIG);
    CHECK(one_hit());
    CHECK_EQ(write(fd, buf, 0), 0);
    CHECK_EQ(hits, 0);
    CHECK_ERRNO(pwrite(fd, buf, 1, 1000), EFBIG);
    CHECK(one_hit());
    CHECK_EQ(pwrite(fd, buf, 100, 950), 50);
    CHECK_ERRNO(pwrite(fd, buf, 100, 5000), EFBIG);
    CHECK(one_hit());
    CHECK_EQ(pwritev(fd, iov, 2, 0), 1000);
    CHECK_EQ(size_of(fd), 3000);

    OK(ftruncate(fd, 2000)); /* smaller is always allowed */
    CHECK_ERRNO(ftruncate(fd, 2001), EFBIG);
    CHECK(one_hit());
    CHECK_ERRNO(truncate("f", 5000), EFBIG);
    CHECK(one_hit());
    OK(ftruncate(fd, 0));
    OK(ftruncate(fd, 1000));
    CHECK_ERRNO(fallocate(fd, 0, 0, 1001), EFBIG);
    CHECK(one_hit());
    OK(fallocate(fd, 0, 0, 1000));

    /* What is appended, too. */
    OK(ftruncate(fd, 900));
    OK(fcntl(fd, F_SETFL, O_APPEND));
    OK(lseek(fd, 0, SEEK_SET));
    CHECK_EQ(write(fd, buf, 200), 100);
    CHECK_ERRNO(write(fd, buf, 200), EFBIG);
    CHECK(one_hit());
    OK(fcntl(fd, F_SETFL, 0));

    limit(RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY);
    from = OK(open("from", O_RDWR | O_CREAT, 0600));
    CHECK_EQ(write(from, buf, 4096), 4096);
    limit(RLIMIT_FSIZE, 1000, RLIM_INFINITY);
    OK(ftruncate(fd, 0));
    OK(lseek(fd, 0, SEEK_SET));
    CHECK_EQ(sendfile(fd, from, &off, 4096), 1000);
    CHECK_EQ(off, 1000);
    hits = 0; /* Linux may have tried to go on */
    CHECK_ERRNO(sendfile(fd, from, &off, 4096), EFBIG);
    CHECK(one_hit());
    OK(ftruncate(fd, 0));
    off = 0;
    CHECK_EQ(copy_file_range(from, &off, fd, &(loff_t){ 0 }, 4096, 0), 1000);
    CHECK_ERRNO(copy_file_range(from, &off, fd, &(loff_t){ 1000 }, 4096, 0), EFBIG);
    CHECK(one_hit());

    /* Only regular files. */
    OK(pipe(p));
    CHECK_EQ(write(p[1], buf, 4096), 4096);
    OK(close(p[0]));
    OK(close(p[1]));
    CHECK_EQ(hits, 0);
    limit(RLIMIT_FSIZE, 0, RLIM_INFINITY);
    CHECK_ERRNO(write(fd, buf, 1), EFBIG);
    CHECK(one_hit());
    limit(RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY);
    CHECK_EQ(pwrite(fd, buf, 4096, 0), 4096);
    OK(close(fd));
    OK(close(from));
    signal(SIGXFSZ, SIG_DFL);
}

static void write_too_much(void *arg)
{
    int fd = OK(open(arg, O_RDWR | O_CREAT | O_TRUNC, 0600));

    limit(RLIMIT_FSIZE, 1, 1);
    OK(write(fd, "x", 1));
    OK(write(fd, "x", 1));
}

/* --- RLIMIT_CPU ----------------------------------------------------------------------------------- */

static double cpu_seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void burn_at_default(void *arg)
{
    (void)arg;
    limit(RLIMIT_CPU, 1, RLIM_INFINITY);
    while (cpu_seconds() < 20)
        ;
}

static void burn_to_hard_limit(void *arg)
{
    double *at = arg;

    signal(SIGXCPU, on_signal);
    limit(RLIMIT_CPU, 1, 3);
    while (cpu_seconds() < 20)
        if (hits && at[hits] == 0)
            at[hits] = cpu_seconds();
}

/* Counts on into the next program, and from zero in a child. */
static void cpu_time(void)
{
    double *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(at != MAP_FAILED);
    CHECK_EQ(t_signal_of(burn_at_default, NULL), SIGXCPU);
    CHECK_EQ(t_signal_of(burn_to_hard_limit, at), SIGKILL);
    /* About each second: Linux counts by ticks, and a busy host's machine stands still at times. */
    CHECK(at[1] > 0.3 && at[2] > at[1] + 0.3);
    CHECK_EQ(at[3], 0);
}

/* --- numbers of things ---------------------------------------------------------------------------- */

static void as_user(void)
{
    OK(setgid(1000));
    OK(setuid(41234));
}

static void *nothing(void *arg)
{
    return arg;
}

static void processes(void)
{
    pid_t pid = t_fork(), child;
    pthread_t th;
    int p[2];
    char c;

    if (pid) {
        t_join(pid);
        return;
    }
    OK(pipe(p));
    limit(RLIMIT_NPROC, 2, 2);
    OK(fork() ? 0 : (_exit(0), 0)); /* not for root */
    as_user();
    child = OK(fork());
    if (child == 0) {
        OK(close(p[1]));
        OK(read(p[0], &c, 1));
        _exit(0);
    }
    CHECK_ERRNO(fork(), EAGAIN);
    CHECK_EQ(pthread_create(&th, NULL, nothing, NULL), EAGAIN); /* threads count */
    OK(close(p[1]));
    t_join(child);
    t_join(OK(fork()) ?: (_exit(0), 0));
    t_end(0);
}

static void open_files(void)
{
    int fd;

    limit(RLIMIT_NOFILE, 10, RLIM_INFINITY);
    fd = OK(dup(0));
    while (fd < 9)
        fd = OK(dup(0));
    CHECK_ERRNO(dup(0), EMFILE);
    CHECK_ERRNO(open("/", O_RDONLY), EMFILE);
    CHECK_ERRNO(fcntl(0, F_DUPFD, 10), EINVAL);
    CHECK_ERRNO(dup2(0, 10), EBADF);
    CHECK_EQ(dup2(0, 9), 9);
    for (fd = 3; fd < 10; fd++)
        close(fd);
}

static void memory(void)
{
    size_t mb = 1 << 20;
    void *p;

    limit(RLIMIT_AS, 64 * mb, RLIM_INFINITY);
    CHECK(mmap(NULL, 65 * mb, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK_EQ(errno, ENOMEM);
    p = mmap(NULL, 16 * mb, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    CHECK(mremap(p, 16 * mb, 65 * mb, MREMAP_MAYMOVE) == MAP_FAILED);
    CHECK_EQ(errno, ENOMEM);
    limit(RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY);

    limit(RLIMIT_DATA, 32 * mb, RLIM_INFINITY);
    CHECK(sbrk((intptr_t)(40 * mb)) == (void *)-1);
    CHECK_EQ(errno, ENOMEM);
    CHECK(mmap(NULL, 40 * mb, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
          MAP_FAILED);
    CHECK_EQ(errno, ENOMEM);
    CHECK(mmap(NULL, 40 * mb, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) !=
          MAP_FAILED);
    CHECK(mmap(NULL, 16 * mb, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
          MAP_FAILED);
    limit(RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY);
}

static int deep(int n)
{
    volatile char frame[4096];

    frame[0] = (char)n;
    return n ? deep(n - 1) + frame[0] : 0;
}

static void use_stack(void *arg)
{
    limit(RLIMIT_STACK, 1 << 20, RLIM_INFINITY);
    deep((int)(intptr_t)arg);
}

static void stack(void)
{
    CHECK_EQ(t_signal_of(use_stack, (void *)100), 0);
    CHECK_EQ(t_signal_of(use_stack, (void *)1000), SIGSEGV);
}

static void queued_signals(void)
{
    union sigval v = { .sival_int = 1 };
    sigset_t set;
    pid_t pid = t_fork();

    if (pid) {
        t_join(pid);
        return;
    }
    as_user();
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    limit(RLIMIT_SIGPENDING, 2, 2);
    OK(sigqueue(getpid(), SIGRTMIN, v));
    OK(sigqueue(getpid(), SIGRTMIN, v));
    CHECK_ERRNO(sigqueue(getpid(), SIGRTMIN, v), EAGAIN);
    OK(kill(getpid(), SIGRTMIN));
    t_end(0);
}

static void niceness(void)
{
    struct rlimit lim;
    int lowest;
    pid_t pid = t_fork();

    if (pid) {
        t_join(pid);
        return;
    }
    lim = (struct rlimit){ 15, 15 }; /* down to 5, if root may raise it (CAP_SYS_RESOURCE) */
    lowest = setrlimit(RLIMIT_NICE, &lim) ? 20 : 5;
    as_user();
    OK(setpriority(PRIO_PROCESS, 0, 10));
    CHECK_ERRNO(setpriority(PRIO_PROCESS, 0, lowest == 5 ? 4 : 9), EACCES);
    if (lowest == 5)
        OK(setpriority(PRIO_PROCESS, 0, lowest));
    t_end(0);
}

/* --- setting and showing -------------------------------------------------------------------------- */

static void rules(void)
{
    struct rlimit lim, old;
    pid_t pid = t_fork();

    if (pid) {
        t_join(pid);
        return;
    }
    lim = (struct rlimit){ 5, 4 };
    CHECK_ERRNO(setrlimit(RLIMIT_CORE, &lim), EINVAL);
    CHECK_ERRNO(setrlimit(16, &lim), EINVAL);
    CHECK_ERRNO(syscall(SYS_prlimit64, 0, RLIMIT_CORE, 8, NULL), EFAULT);
    lim = (struct rlimit){ 0, 1 << 30 };
    CHECK_ERRNO(setrlimit(RLIMIT_NOFILE, &lim), EPERM); /* above /proc/sys/fs/nr_open */
    lim = (struct rlimit){ 3, 100 };
    OK(setrlimit(RLIMIT_MSGQUEUE, &lim));
    as_user();
    lim = (struct rlimit){ 3, 101 };
    CHECK_ERRNO(setrlimit(RLIMIT_MSGQUEUE, &lim), EPERM);
    lim = (struct rlimit){ 50, 50 };
    OK(prlimit(0, RLIMIT_MSGQUEUE, &lim, &old));
    CHECK(old.rlim_cur == 3 && old.rlim_max == 100);
    CHECK_ERRNO(prlimit(getppid(), RLIMIT_MSGQUEUE, NULL, &old), EPERM);
    CHECK_ERRNO(prlimit(0x7ffffff, RLIMIT_CORE, NULL, &old), ESRCH);
    pid = t_fork();
    if (pid == 0) {
        OK(getrlimit(RLIMIT_MSGQUEUE, &old));
        CHECK(old.rlim_cur == 50 && old.rlim_max == 50);
        t_end(0);
    }
    t_join(pid);
    t_end(0);
}

static void shown(void)
{
    char buf[4096];
    int fd;
    ssize_t n;

    limit(RLIMIT_CPU, 12345, RLIM_INFINITY);
    fd = OK(open("/proc/self/limits", O_RDONLY));
    n = OK(read(fd, buf, sizeof(buf) - 1));
    buf[n] = 0;
    OK(close(fd));
    CHECK(strstr(buf, "Max cpu time              12345                unlimited            seconds"));
    limit(RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY);
}

int main(void)
{
    t_scratch();
    file_size();
    CHECK_EQ(t_signal_of(write_too_much, "g"), SIGXFSZ);
    cpu_time();
    processes();
    open_files();
    memory();
    stack();
    queued_signals();
    niceness();
    rules();
    shown();
    return 0;
}
