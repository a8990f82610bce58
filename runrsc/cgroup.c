/* SPDX-License-Identifier: Apache-2.0 */
/* Making and removing a control group: see cgroup.h. */
#include "runrsc/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hostcalls/lib/bounds.h"
#include "hostcalls/lib/cleanup.h"

#define REMOVE_TRIES 200 /* of 10 ms: the last thread leaves a little after its process has ended */

static char why[160];

static const char *unbounded(const char *what, const char *reason)
{
    snprintf(why, sizeof(why), "%s: %s", what, reason);
    return why;
}

/* --- files --------------------------------------------------------------------------------------- */

/* The file's beginning, without the newline. False: it is not there. */
static bool read_text(int dir, const char *name, char *buf, size_t size)
{
    cleanup_fd int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

    if (n < 0)
        return false;
    buf[n] = 0;
    buf[strcspn(buf, "\n")] = 0;
    return true;
}

static bool write_text(int dir, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static bool write_text(int dir, const char *name, const char *fmt, ...)
{
    cleanup_fd int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
    char text[64];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return fd >= 0 && write(fd, text, (size_t)n) == n;
}

/* --- where --------------------------------------------------------------------------------------- */

/* Our own group's folder; -1: there is none, or it lies outside of what is mounted here. */
static int open_own(void)
{
    cleanup_file FILE *f = fopen("/proc/self/cgroup", "re");
    char line[PATH_MAX], path[PATH_MAX + 32];
    struct statfs st;

    while (f && fgets(line, sizeof(line), f)) {
        if (strncmp(line, "0::/", 4) || strstr(line, "/.."))
            continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(path, sizeof(path), "/sys/fs/cgroup%s", line + 3);
        if (statfs(path, &st) == 0 && (uint32_t)st.f_type == CGROUP2_SUPER_MAGIC)
            return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    return -1;
}

/* Whether a group has no limit that its members would lose by leaving it. */
static bool is_unlimited(int dir)
{
    static const char *const names[] = { "memory.max", "memory.high", "pids.max", "cpu.max",
                                         "memory.swap.max" };
    char text[64];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (read_text(dir, names[i], text, sizeof(text)) && strncmp(text, "max", 3))
            return false;
    return !read_text(dir, "cpuset.cpus", text, sizeof(text)) || !*text;
}

/* Whether groups made in this one can have limits: all three, or the host lacks some. */
static bool can_limit(int dir)
{
    static const char *const wanted[] = { "memory", "pids", "cpu" };
    char on[256];
    bool some = false;

    if (!read_text(dir, "cgroup.subtree_control", on, sizeof(on)))
        return false;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        size_t n = strlen(wanted[i]);
        const char *p = strstr(on, wanted[i]);

        while (p && ((p > on && p[-1] != ' ') || (p[n] && p[n] != ' ')))
            p = strstr(p + 1, wanted[i]); /* "cpu" is not "cpuset" */
        some |= p || write_text(dir, "cgroup.subtree_control", "+%s", wanted[i]);
    }
    return some;
}

/* The folder to make one in, and in that our new one. */
static bool make_in(struct cgroup *g, int above)
{
    if (!can_limit(above))
        return false;
    if (mkdirat(above, g->name, 0755) < 0) {
        /* Another pid namespace's, or one whose keeper was killed. */
        if (errno != EEXIST)
            return false;
        snprintf(g->name, sizeof(g->name), "rvisor-%d-%x", (int)getpid(), (unsigned)time(NULL));
        if (mkdirat(above, g->name, 0755) < 0)
            return false;
    }
    g->dir = openat(above, g->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (g->dir < 0) {
        unlinkat(above, g->name, AT_REMOVEDIR);
        return false;
    }
    g->above = above;
    return true;
}

static bool make_somewhere(struct cgroup *g)
{
    int own = open_own(), beside;
    bool root;

    if (own < 0)
        return false;
    if (make_in(g, own))
        return true;
    /* Only the root group has no type: above it there is nothing of this file system. */
    root = faccessat(own, "cgroup.type", F_OK, 0) < 0;
    beside = !root && is_unlimited(own) ? openat(own, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    close(own);
    if (beside >= 0 && make_in(g, beside))
        return true;
    if (beside >= 0)
        close(beside);
    return false;
}

const char *cgroup_make(struct cgroup *g, uint64_t memory, uint32_t cpus)
{
    bool bounded[3];

    snprintf(g->name, sizeof(g->name), "rvisor-%d", (int)getpid());
    if (!make_somewhere(g))
        return unbounded("memory, threads and processor time of the sandbox's own processes",
                         "this user may make no control group here (version 2)");
    bounded[0] = write_text(g->dir, "memory.max", "%llu", (unsigned long long)bounds_memory(memory));
    bounded[1] = write_text(g->dir, "pids.max", "%u", bounds_pids(cpus));
    bounded[2] = write_text(g->dir, "cpu.max", "%llu %u", (unsigned long long)bounds_cpu_us(cpus),
                            BOUNDS_CPU_PERIOD);
    write_text(g->dir, "memory.oom.group", "1"); /* one of the two alone is of no use */
    if (bounded[0] && bounded[1] && bounded[2])
        return NULL;
    return unbounded(!bounded[0] ? "memory of the sandbox's own processes"
                     : !bounded[1] ? "threads of the sandbox's own processes"
                                   : "processor time of the sandbox's own processes",
                     "the host does not offer that controller here");
}

/* --- the end ------------------------------------------------------------------------------------- */

/* EBUSY while a thread is still on its way out. */
static void remove_it(const struct cgroup *g)
{
    const struct timespec ms10 = { 0, 10000000 };

    for (int i = 0; i < REMOVE_TRIES; i++) {
        if (unlinkat(g->above, g->name, AT_REMOVEDIR) == 0 || errno != EBUSY)
            return;
        nanosleep(&ms10, NULL);
    }
}

static void wait_ended(int pidfd)
{
    struct pollfd p = { .fd = pidfd, .events = POLLIN };

    while (poll(&p, 1, -1) < 0 && errno == EINTR)
        ;
}

/* Everything else that is open would keep somebody waiting for its end. */
static void close_all_but(int a, int b, int c)
{
    for (unsigned fd = 0, top = 0; !top;) {
        unsigned next = ~0u; /* the lowest of the three from fd on */
        const int keep[] = { a, b, c };

        for (int i = 0; i < 3; i++)
            if (keep[i] >= 0 && (unsigned)keep[i] >= fd && (unsigned)keep[i] < next)
                next = (unsigned)keep[i];
        top = next == ~0u;
        if (next > fd)
            syscall(SYS_close_range, fd, top ? ~0u : next - 1, 0);
        fd = next + 1;
    }
}

void cgroup_keep(struct cgroup *g, int vmm, int fs)
{
    if (g->above < 0)
        return;
    g->keeper = fork();
    if (g->keeper < 0) /* then it stays behind, empty: better than no sandbox */
        g->keeper = 0;
    else if (g->keeper == 0) {
        setsid(); /* no signal of the terminal's, nor for our group */
        prctl(PR_SET_NAME, "runrsc-cgroup");
        close_all_but(g->above, vmm, fs);
        wait_ended(vmm);
        wait_ended(fs);
        remove_it(g);
        _exit(0);
    }
}

static void close_group(struct cgroup *g)
{
    if (g->dir >= 0)
        close(g->dir);
    if (g->above >= 0)
        close(g->above);
    g->dir = g->above = -1;
}

void cgroup_end(struct cgroup *g)
{
    if (g->keeper)
        while (waitpid(g->keeper, NULL, 0) < 0 && errno == EINTR)
            ;
    else if (g->above >= 0)
        remove_it(g);
    g->keeper = 0;
    close_group(g);
}
