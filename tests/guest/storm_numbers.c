/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads and processes come and go while others find them by their numbers, with every call that takes
 * one: each answers as if the number had been looked at a moment earlier or later, and nothing is lost.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define THREADS 600
#define PROCESSES 60
#define STACKS 8

static _Atomic int tid, pid; /* the newest ones, which may have ended */
static _Atomic int makers = 2;
static char stacks[STACKS][8192] __attribute__((aligned(16)));
static _Atomic int alive;

/* 0, or one of the errors that a number may meet which is nobody's, or another's, by now. */
static void gone_or_at(int line, long r, int other)
{
    if (r == -1 && errno != ESRCH && errno != other)
        t_fail(__FILE__, line, "the number is somebody's, or nobody's", errno);
}
#define gone_or(call, other) gone_or_at(__LINE__, (call), other)

static int ends(void *arg)
{
    (void)arg;
    alive--;
    syscall(SYS_exit, 0);
    return 0;
}

/* Raw threads: the C library's would not end at once. */
static void *make_threads(void *arg)
{
    (void)arg;
    for (int i = 0; i < THREADS; i++) {
        int nr, r;

        while (alive >= STACKS / 2)
            sched_yield();
        alive++;
        r = clone(ends, stacks[i % STACKS] + sizeof(stacks[0]),
                  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                      CLONE_SYSVSEM | CLONE_PARENT_SETTID, NULL, &nr);
        if (r < 0) {
            alive--;
            sched_yield();
            continue;
        }
        tid = r;
        sched_yield();
    }
    makers--;
    return NULL;
}

static void *make_processes(void *arg)
{
    (void)arg;
    for (int i = 0; i < PROCESSES; i++) {
        pid_t child = fork();

        CHECK(child >= 0);
        if (child == 0)
            _exit(7);
        pid = child;
        sched_yield();
        CHECK_EQ(t_wait(child), 7 << 8);
    }
    makers--;
    return NULL;
}

static void read_proc(int nr, const char *name)
{
    char path[64], buf[512];
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/%s", nr, name);
    fd = open(path, O_RDONLY);
    if (fd < 0) {
        CHECK(errno == ENOENT || errno == ESRCH || errno == EACCES);
        return;
    }
    CHECK(read(fd, buf, sizeof(buf)) >= 0 || errno == ESRCH || errno == EACCES || errno == ENOENT ||
          errno == EISDIR);
    close(fd);
}

/* Calls that want a thread; ours, or nobody's. */
static void find_thread(int nr)
{
    unsigned long mask = ~0ul, head, len;
    struct sched_param param = { 0 };
    struct timespec ts;
    struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGURG };
    timer_t timer;
    char in[8], out[8] = "other";
    struct iovec local = { in, 8 }, remote = { out, 8 };

    gone_or(syscall(SYS_tgkill, getpid(), nr, 0), 0);
    gone_or(syscall(SYS_tkill, nr, SIGURG), 0);
    gone_or(syscall(SYS_tgkill, getpid(), nr, SIGURG), EAGAIN);
    gone_or(sched_setaffinity(nr, sizeof(mask), (void *)&mask), 0);
    gone_or(sched_getaffinity(nr, sizeof(mask), (void *)&mask), 0);
    gone_or(sched_setscheduler(nr, SCHED_OTHER, &param), 0);
    gone_or(sched_getscheduler(nr), 0);
    gone_or(setpriority(PRIO_PROCESS, nr, 1), EACCES);
    errno = 0;
    getpriority(PRIO_PROCESS, nr);
    CHECK(errno == 0 || errno == ESRCH);
    gone_or(syscall(SYS_get_robust_list, nr, &head, &len), 0);
    gone_or(process_vm_readv(nr, &local, 1, &remote, 1, 0), 0);
    gone_or(syscall(SYS_rt_sigqueueinfo, nr, 0, &(siginfo_t){ .si_code = SI_QUEUE }), 0);
    gone_or(getpgid(nr), 0);
    gone_or(getsid(nr), 0);
    clock_gettime((clockid_t)(~nr << 3 | 6), &ts);
    ev._sigev_un._tid = nr;
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &timer) == 0)
        OK(syscall(SYS_timer_delete, timer));
    read_proc(nr, "stat");
    read_proc(nr, "status");
}

static void find_process(int nr)
{
    int fd = (int)syscall(SYS_pidfd_open, nr, 0);

    gone_or(fd, ENOENT);
    if (fd >= 0) {
        gone_or(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), 0);
        gone_or(syscall(SYS_pidfd_getfd, fd, 0, 0), EBADF);
        close(fd);
    }
    gone_or(kill(nr, 0), 0);
    gone_or(setpgid(nr, 0), EACCES);
    gone_or(prlimit(nr, RLIMIT_NOFILE, NULL, &(struct rlimit){ 0 }), 0);
    gone_or(getpgid(nr), 0);
    read_proc(nr, "maps");
    read_proc(nr, "environ");
    read_proc(nr, "fd/0");
    read_proc(nr, "cmdline");
    read_proc(nr, "task");
}

static void *find(void *arg)
{
    int kind = (int)(intptr_t)arg, before = 0, rounds = 0;

    while (makers > 0 || !rounds) {
        int nr = kind ? pid : tid;

        if (!nr || (nr == before && rounds % 4)) {
            rounds++;
            sched_yield();
            continue;
        }
        before = nr;
        rounds++;
        if (kind)
            find_process(nr);
        else
            find_thread(nr);
    }
    return NULL;
}

int main(void)
{
    pthread_t t[5];

    signal(SIGURG, SIG_IGN);
    alarm(100);
    CHECK_EQ(pthread_create(&t[0], NULL, find, (void *)0), 0);
    CHECK_EQ(pthread_create(&t[1], NULL, find, (void *)1), 0);
    CHECK_EQ(pthread_create(&t[2], NULL, find, (void *)0), 0);
    CHECK_EQ(pthread_create(&t[3], NULL, make_threads, NULL), 0);
    CHECK_EQ(pthread_create(&t[4], NULL, make_processes, NULL), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
    t_end(0);
}
