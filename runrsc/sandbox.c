/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the file service and the VMM: see sandbox.h. */
#include "runrsc/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostcalls/lib/cleanup.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4u
#endif

/* Words of a command line; each is owned. */
struct words {
    char *word[32 + 2 * RV_MAX_ROOTS];
    size_t n;
};

/* What both sides of the file service's ring hold, and the rest that only one child gets. */
struct wires {
    int fs_sock[2]; /* [0] the VMM's, [1] the service's */
    int control[2]; /* [0] ours, [1] the VMM's */
    int ring, wake, done;
    int stats, trace; /* -1: none */
};

static void words_free(struct words *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->word[i]);
}

#define cleanup_words __attribute__((cleanup(words_free)))

static void add(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct words *w, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (w->n >= sizeof(w->word) / sizeof(w->word[0]) - 1 ||
        vasprintf(&w->word[w->n], fmt, ap) < 0)
        abort(); /* the array has room for all options; out of memory */
    va_end(ap);
    w->n++;
    w->word[w->n] = NULL;
}

/* --- the wires ----------------------------------------------------------------------------------- */

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void wires_close(struct wires *w)
{
    close_one(&w->fs_sock[0]);
    close_one(&w->fs_sock[1]);
    close_one(&w->control[0]);
    close_one(&w->control[1]);
    close_one(&w->ring);
    close_one(&w->wake);
    close_one(&w->done);
    if (w->stats != STDERR_FILENO)
        close_one(&w->stats);
    if (w->trace != STDERR_FILENO)
        close_one(&w->trace);
}

#define cleanup_wires __attribute__((cleanup(wires_close)))

/* A standard descriptor that was closed has a close-on-exec placeholder (main.c). */
static bool stderr_is_open(void)
{
    return !(fcntl(STDERR_FILENO, F_GETFD) & FD_CLOEXEC);
}

/* Where --stats or --strace go: the file, or stderr. */
static int open_report(const char *option, bool on, const char *file, int *fd, struct error *err)
{
    if (!on)
        return 0;
    if (!file && !stderr_is_open())
        return error_set(err, 0, "--%s: stderr is closed, give a file", option);
    *fd = STDERR_FILENO;
    if (!file)
        return 0;
    *fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
    return *fd < 0 ? error_set(err, errno, "--%s: '%s'", option, file) : 0;
}

static int wires_make(struct wires *w, const struct run_options *opt, struct error *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, w->fs_sock) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, w->control) < 0)
        return error_set(err, errno, "cannot make a socket");
    w->ring = memfd_create("rvisor-ring", MFD_CLOEXEC);
    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->ring < 0 || w->wake < 0 || w->done < 0)
        return error_set(err, errno, "cannot make the file service's ring");
    return open_report("stats", opt->stats, opt->stats_file, &w->stats, err) ||
                   open_report("strace", opt->strace, opt->strace_file, &w->trace, err)
               ? -1
               : 0;
}

/* --- the programs -------------------------------------------------------------------------------- */

/* The program is beside runrsc where it was built, or in ../libexec/rvisor where it is installed. */
static int find_program(const char *name, char path[PATH_MAX], struct error *err)
{
    static const char *const places[] = { "", "../libexec/rvisor/" };
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (n < 0)
        return error_set(err, errno, "cannot find this program's own folder (is /proc there?)");
    self[n] = 0;
    strrchr(self, '/')[1] = 0;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (snprintf(path, PATH_MAX, "%s%s%s", self, places[i], name) >= PATH_MAX)
            continue;
        if (access(path, X_OK) == 0)
            return 0;
    }
    return error_set(err, 0, "the program %s is missing: it belongs into %s or %s../libexec/rvisor",
                     name, self, self);
}

/*
 * The children's environment: our own settings only. The caller's may hold secrets, which somebody
 * who took over the VMM would find in its memory.
 */
static char **child_environment(void)
{
    static char *kept[16];
    size_t n = 0;

    for (char **e = environ; *e && n < sizeof(kept) / sizeof(kept[0]) - 1; e++)
        if (!strncmp(*e, "RV_", 3))
            kept[n++] = *e;
    return kept;
}

/* In the child: what it may have, then its program. Only the descriptors in keep stay open. */
static void become(const char *path, char **argv, const int *keep, size_t nkeep, bool stdio,
                   pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
        _exit(125); /* runrsc ended before it could take us with it */
    if (!stdio) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
            (!stderr_is_open() && dup2(null, STDERR_FILENO) < 0))
            _exit(125);
    }
    if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) < 0) {
        fprintf(stderr, "runrsc: this kernel lacks close_range (Linux 5.11 or newer is needed)\n");
        _exit(125);
    }
    for (size_t i = 0; i < nkeep; i++)
        if (keep[i] >= 3 && fcntl(keep[i], F_SETFD, 0) < 0)
            _exit(125);
    execve(path, argv, child_environment());
    fprintf(stderr, "runrsc: cannot execute %s: %s\n", path, strerror(errno));
    _exit(125);
}

/*
 * As fork, and in the control group from the beginning (clone(2)): to be moved there takes some 10 ms.
 * A kernel before 5.7, or one that hides clone3, moves.
 */
static pid_t fork_into(int group)
{
    struct clone_args args = { .exit_signal = SIGCHLD, .flags = CLONE_INTO_CGROUP,
                               .cgroup = (unsigned)group };
    pid_t pid = group < 0 ? -1 : (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    int procs;

    if (pid >= 0)
        return pid;
    pid = fork();
    if (pid == 0 && group >= 0) {
        procs = openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (procs < 0 || write(procs, "0", 1) != 1)
            fprintf(stderr, "runrsc: cannot enter the sandbox's control group: %s\n",
                    strerror(errno));
        close_one(&procs);
    }
    return pid;
}

static int child_start(struct child *child, struct words *w, const int *keep, size_t nkeep,
                       bool stdio, int group, struct error *err)
{
    pid_t parent = getpid(), pid = fork_into(group);

    if (pid < 0)
        return error_set(err, errno, "cannot start %s", w->word[0]);
    if (pid == 0)
        become(w->word[0], w->word, keep, nkeep, stdio, parent);
    child->pid = pid;
    child->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (child->pidfd < 0) {
        error_set(err, errno, "cannot watch %s (Linux 5.3 or newer is needed)", w->word[0]);
        kill(pid, SIGKILL); /* not waited for, so the number is still the child's */
        waitpid(pid, NULL, 0);
        return -1;
    }
    return 0;
}

static int start_fs(struct sandbox *box, const struct run_options *opt, const struct wires *wires,
                    struct error *err)
{
    const int keep[] = { wires->fs_sock[1], wires->ring, wires->wake, wires->done };
    cleanup_words struct words w = { .n = 0 };
    char path[PATH_MAX];

    if (find_program("rvisor-fs", path, err))
        return -1;
    add(&w, "%s", path);
    add(&w, "--sock-fd=%d", wires->fs_sock[1]);
    add(&w, "--ring-fd=%d", wires->ring);
    add(&w, "--wake-fd=%d", wires->wake);
    add(&w, "--done-fd=%d", wires->done);
    add(&w, "--memory=%llu", (unsigned long long)opt->memory);
    add(&w, "--cpus=%u", opt->cpus);
    add(&w, "--root=%s", opt->rootfs);
    for (uint32_t i = 0; i < opt->nvolumes; i++)
        add(&w, "--volume=%s:%s", opt->volume[i].src,
            opt->volume[i].readonly ? "ro" : opt->volume[i].setid ? "suid" : "rw");
    return child_start(&box->fs, &w, keep, sizeof(keep) / sizeof(keep[0]), false,
                       box->cgroup.dir, err);
}

static int start_vmm(struct sandbox *box, const struct run_options *opt, const struct wires *wires,
                     int config, struct error *err)
{
    const int keep[] = { config,      wires->fs_sock[0], wires->ring,  wires->wake,
                         wires->done, wires->control[1], wires->stats, wires->trace };
    cleanup_words struct words w = { .n = 0 };
    char path[PATH_MAX];

    if (find_program("rvisor-vmm", path, err))
        return -1;
    add(&w, "%s", path);
    add(&w, "--config-fd=%d", config);
    add(&w, "--fs-fd=%d", wires->fs_sock[0]);
    add(&w, "--fs-ring-fd=%d", wires->ring);
    add(&w, "--fs-wake-fd=%d", wires->wake);
    add(&w, "--fs-done-fd=%d", wires->done);
    add(&w, "--control-fd=%d", wires->control[1]);
    add(&w, "--memory=%llu", (unsigned long long)opt->memory);
    add(&w, "--cpus=%u", opt->cpus);
    if (opt->kernel)
        add(&w, "--kernel=%s", opt->kernel);
    if (opt->stats)
        add(&w, "--stats-fd=%d", wires->stats);
    if (opt->strace)
        add(&w, "--trace-fd=%d", wires->trace);
    if (opt->debug && stderr_is_open())
        add(&w, "--log-fd=%d", STDERR_FILENO);
    return child_start(&box->vmm, &w, keep, sizeof(keep) / sizeof(keep[0]), true,
                       box->cgroup.dir, err);
}

int sandbox_start(struct sandbox *box, const struct run_options *opt, int config, struct error *err)
{
    cleanup_wires struct wires wires = { { -1, -1 }, { -1, -1 }, -1, -1, -1, -1, -1 };
    const char *not_bounded;

    if (wires_make(&wires, opt, err))
        return -1;
    not_bounded = cgroup_make(&box->cgroup, opt->memory, opt->cpus);
    if (not_bounded && opt->debug && stderr_is_open())
        fprintf(stderr, "runrsc: not bounded: %s\n", not_bounded);
    /* The VMM first: it has to wait for KVM. */
    if (start_vmm(box, opt, &wires, config, err) || start_fs(box, opt, &wires, err)) {
        sandbox_end(box);
        return -1;
    }
    box->control = take_fd(&wires.control[0]);
    cgroup_keep(&box->cgroup, box->vmm.pidfd, box->fs.pidfd);
    return 0;
}

/* --- the end ------------------------------------------------------------------------------------- */

void child_signal(const struct child *child, int sig)
{
    if (child->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, child->pidfd, sig, NULL, 0);
}

int child_wait(struct child *child)
{
    int status = 0;

    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    close(child->pidfd);
    child->pidfd = -1;
    return status;
}

static void child_end(struct child *child)
{
    if (child->pidfd < 0)
        return;
    child_signal(child, SIGKILL);
    child_wait(child);
}

void sandbox_end(struct sandbox *box)
{
    child_end(&box->vmm);
    child_end(&box->fs);
    cgroup_end(&box->cgroup);
    if (box->control >= 0)
        close(box->control);
    box->control = -1;
}
