/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole command seen from outside, such as `crun run ...`: how long it takes, and the memory of
 * all processes that exist because of it.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

#define STARTUP_BUDGET_NS UINT64_C(20000000000)
#define STARTUP_MIN       3u
#define RUNS_MAX          1000u
#define READY_TIMEOUT_MS  60000
#define SETTLE_US         500000 /* after its start, before the memory is looked at */
#define PIDS_MAX          4096u

#define CGROUP "/sys/fs/cgroup"
#define GROUP  CGROUP "/bench"

/* The first line of what the command said on stderr, or what became of it. */
static const char *reason(int err_fd, int status)
{
    static char text[256];
    ssize_t n = pread(err_fd, text, sizeof(text) - 1, 0);

    text[n > 0 ? n : 0] = 0;
    text[strcspn(text, "\n")] = 0;
    if (!text[0])
        snprintf(text, sizeof(text), "wait status 0x%x and no message", (unsigned)status);
    return text;
}

static pid_t start(char **argv, int in, int out, int err)
{
    pid_t pid = fork();

    if (pid == 0) {
        dup2(in, 0);
        dup2(out, 1);
        dup2(err, 2);
        execvp(argv[0], argv);
        dprintf(2, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    return pid;
}

static int null_fd(void)
{
    return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int outside_startup(const char *env, unsigned runs, char **argv)
{
    static double ms[RUNS_MAX];
    int null = null_fd(), err = memfd_create("stderr", MFD_CLOEXEC), status = -1;
    uint64_t began = bench_now();
    unsigned n = 0;

    while (n < runs && n < RUNS_MAX &&
           (n < STARTUP_MIN || bench_now() - began < STARTUP_BUDGET_NS)) {
        uint64_t t = bench_now();
        pid_t pid = start(argv, null, null, err);

        if (pid < 0 || waitpid(pid, &status, 0) < 0 || status) {
            const char *why = reason(err, status);

            bench_row("startup_best", env, "ms", -1, why);
            bench_row("startup_median", env, "ms", -1, why);
            return 1;
        }
        ms[n++] = (double)(bench_now() - t) / 1e6;
    }
    qsort(ms, n, sizeof(*ms), ascending);
    bench_row("startup_best", env, "ms", ms[0], NULL);
    bench_row("startup_median", env, "ms", ms[n / 2], NULL);
    return 0;
}

/* --- memory ----------------------------------------------------------------------------------- */

/* The processes of the machine; how many. */
static unsigned all_pids(pid_t *pids)
{
    DIR *dir = opendir("/proc");
    struct dirent *d;
    unsigned n = 0;

    while (dir && (d = readdir(dir)) && n < PIDS_MAX)
        if (isdigit((unsigned char)d->d_name[0]))
            pids[n++] = (pid_t)atoi(d->d_name);
    if (dir)
        closedir(dir);
    return n;
}

/* Its proportional share of the memory mapped by it, in KiB; 0 for a kernel thread or one gone. */
static unsigned long pss_kb(pid_t pid)
{
    unsigned long kb = 0;
    char line[256];
    FILE *f;

    snprintf(line, sizeof(line), "/proc/%d/smaps_rollup", (int)pid);
    f = fopen(line, "r");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "Pss: %lu kB", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb;
}

/* The sum over all processes that were not there before. */
static unsigned long new_pss_kb(const pid_t *before, unsigned n_before, unsigned *processes)
{
    static pid_t now[PIDS_MAX];
    unsigned n = all_pids(now);
    unsigned long sum = 0;

    *processes = 0;
    for (unsigned i = 0; i < n; i++) {
        bool known = false;
        unsigned long kb;

        for (unsigned k = 0; k < n_before && !known; k++)
            known = before[k] == now[i];
        kb = known ? 0 : pss_kb(now[i]);
        sum += kb;
        *processes += kb != 0;
    }
    return sum;
}

static int put(const char *file, const char *text)
{
    int fd = open(file, O_WRONLY | O_CLOEXEC), r;

    if (fd < 0)
        return -1;
    r = write(fd, text, strlen(text)) < 0 ? -1 : 0;
    close(fd);
    return r;
}

/* A control group of version 2 for the command; the container's own is beside it, in GROUP too. */
static int make_group(void)
{
    if ((mkdir(GROUP, 0755) < 0 && errno != EEXIST) ||
        put(CGROUP "/cgroup.subtree_control", "+memory") < 0 ||
        put(GROUP "/cgroup.subtree_control", "+memory") < 0)
        return -1;
    return mkdir(GROUP "/run", 0755) < 0 && errno != EEXIST ? -1 : 0;
}

static double group_kb(void)
{
    unsigned long bytes = 0;
    FILE *f = fopen(GROUP "/memory.current", "r");
    int n = f ? fscanf(f, "%lu", &bytes) : 0;

    if (f)
        fclose(f);
    return n == 1 ? (double)bytes / 1024 : -1;
}

static bool wait_ready(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char buf[16];

    return poll(&p, 1, READY_TIMEOUT_MS) == 1 && read(fd, buf, sizeof(buf)) > 0;
}

static void no_memory(const char *env, const char *why)
{
    bench_row("idle_pss", env, "KiB", -1, why);
    bench_row("idle_charge", env, "KiB", -1, why);
}

int outside_idle(const char *env, char **argv)
{
    static pid_t before[PIDS_MAX];
    int in[2], out[2], err = memfd_create("stderr", MFD_CLOEXEC), status = -1;
    bool grouped = make_group() == 0, ready;
    unsigned n_before, processes;
    pid_t pid;

    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0) {
        no_memory(env, strerror(errno));
        return 1;
    }
    n_before = all_pids(before);
    /* Into the group and back, rather than the child by itself: no copy of us is charged. */
    grouped = grouped && put(GROUP "/run/cgroup.procs", "0") == 0;
    pid = start(argv, in[0], out[1], err);
    put(CGROUP "/cgroup.procs", "0");
    close(in[0]);
    close(out[1]);
    ready = pid > 0 && wait_ready(out[0]);
    if (ready) {
        usleep(SETTLE_US);
        bench_row("idle_pss", env, "KiB", (double)new_pss_kb(before, n_before, &processes), NULL);
        bench_row("idle_processes", env, "processes", processes, NULL);
        bench_row("idle_charge", env, "KiB", grouped ? group_kb() : -1,
                  "no control group of version 2 with memory");
    }
    close(in[1]); /* the container's program ends, and with it all */
    if (!ready && pid > 0)
        kill(pid, SIGTERM);
    if (pid > 0)
        waitpid(pid, &status, 0);
    if (!ready)
        no_memory(env, reason(err, status));
    rmdir(GROUP "/box");
    rmdir(GROUP "/run");
    rmdir(GROUP);
    return ready ? 0 : 1;
}
