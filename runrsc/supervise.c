/* SPDX-License-Identifier: Apache-2.0 */
/* One poll loop over the signals and both processes: see supervise.h. */
#include "runrsc/supervise.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runrsc/terminal.h"
#include "vmm/control.h"

#define TERM_MS 10000   /* from SIGTERM until the sandbox is killed */
#define FS_GONE_MS 2000 /* for the VMM to report that the file service died */

static const int forwarded[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
#define NFORWARDED (sizeof(forwarded) / sizeof(forwarded[0]))

struct watch {
    struct sandbox *box;
    bool tty;
    int64_t kill_at; /* ms of CLOCK_MONOTONIC; -1: not planned */
    bool terminated; /* SIGTERM came once */
    bool fs_died;    /* before the VMM */
    bool killed;     /* by us, for fs_died */
    int status;      /* the VMM's report; -1: none came */
};

int supervise_signals(struct error *err)
{
    struct sigaction sa;
    sigset_t set;
    int fd;

    signal(SIGCHLD, SIG_DFL); /* ignored, it would take the exit status from us */
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    for (size_t i = 0; i < NFORWARDED; i++)
        if (sigaction(forwarded[i], NULL, &sa) == 0 && sa.sa_handler != SIG_IGN)
            sigaddset(&set, forwarded[i]);
    if (sigaction(SIGTSTP, NULL, &sa) == 0 && sa.sa_handler != SIG_IGN)
        sigaddset(&set, SIGTSTP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return error_set(err, errno, "cannot block signals");
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? error_set(err, errno, "cannot watch signals") : fd;
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A VMM that does not read its socket loses messages; it must not stop us. */
static void tell(const struct watch *w, enum rv_control_kind kind, uint32_t a, uint32_t b)
{
    struct rv_control_msg msg = {
        .version = RV_CONTROL_VERSION, .kind = (uint16_t)kind, .arg = { a, b, 0 },
    };

    send(w->box->control, &msg, sizeof(msg), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void tell_size(const struct watch *w)
{
    uint32_t columns, rows;

    terminal_size(&columns, &rows);
    tell(w, RV_CONTROL_RESIZE, columns, rows);
}

/* Stopped by job control: the terminal is the shell's meanwhile, and the sandbox rests as well. */
static int stop_and_continue(const struct watch *w, struct error *err)
{
    terminal_restore();
    child_signal(&w->box->vmm, SIGSTOP);
    raise(SIGSTOP);
    child_signal(&w->box->vmm, SIGCONT);
    if (!w->tty)
        return 0;
    if (terminal_raw(err))
        return -1;
    tell_size(w);
    return 0;
}

static int on_signal(struct watch *w, int sig, struct error *err)
{
    if (sig == SIGWINCH) {
        if (w->tty)
            tell_size(w);
        return 0;
    }
    if (sig == SIGTSTP)
        return stop_and_continue(w, err);
    if (sig == SIGTERM) {
        if (w->terminated)
            child_signal(&w->box->vmm, SIGKILL);
        else
            w->kill_at = now_ms() + TERM_MS;
        w->terminated = true;
    }
    tell(w, RV_CONTROL_SIGNAL, (uint32_t)sig, 0);
    return 0;
}

static int on_signals(struct watch *w, int fd, struct error *err)
{
    struct signalfd_siginfo si;

    while (read(fd, &si, sizeof(si)) == sizeof(si))
        if (on_signal(w, (int)si.ssi_signo, err))
            return -1;
    return 0;
}

static int time_left(const struct watch *w)
{
    int64_t left = w->kill_at - now_ms();

    return w->kill_at < 0 ? -1 : left < 0 ? 0 : (int)left;
}

static void on_timeout(struct watch *w)
{
    w->kill_at = -1;
    w->killed = w->fs_died;
    child_signal(&w->box->vmm, SIGKILL);
}

/* The VMM may say what it likes here: it decides about nothing but our exit code. False: the end. */
static bool on_message(struct watch *w)
{
    struct rv_control_msg msg;
    ssize_t n = recv(w->box->control, &msg, sizeof(msg), MSG_DONTWAIT | MSG_TRUNC);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n != sizeof(msg) || msg.version != RV_CONTROL_VERSION)
        return false;
    if (msg.kind == RV_CONTROL_EXIT && (WIFEXITED(msg.arg[0]) || WIFSIGNALED(msg.arg[0])))
        w->status = (int)(msg.arg[0] & 0xffff);
    return true;
}

/* Until the VMM has ended, or said that it is about to. */
static int loop(struct watch *w, int signals, struct error *err)
{
    struct pollfd p[] = {
        { .fd = w->box->vmm.pidfd, .events = POLLIN },
        { .fd = w->box->fs.pidfd, .events = POLLIN },
        { .fd = signals, .events = POLLIN },
        { .fd = w->box->control, .events = POLLIN },
    };

    for (;;) {
        int n = poll(p, sizeof(p) / sizeof(p[0]), time_left(w));

        if (n < 0 && errno != EINTR)
            return error_set(err, errno, "cannot wait for the sandbox");
        if (n == 0)
            on_timeout(w);
        if (n <= 0)
            continue;
        if (p[3].revents && !on_message(w))
            p[3].fd = -1;
        if (p[0].revents || w->status >= 0)
            return 0;
        if (p[1].revents) {
            p[1].fd = -1;
            child_wait(&w->box->fs);
            /* The VMM reports it and ends, or was about to end anyway. */
            w->fs_died = true;
            w->kill_at = now_ms() + FS_GONE_MS;
        }
        if (p[2].revents && on_signals(w, signals, err))
            return -1;
    }
}

int supervise(struct sandbox *box, int signals, bool tty, struct error *err)
{
    struct watch w = { .box = box, .tty = tty, .kill_at = -1, .status = -1 };

    if (loop(&w, signals, err)) {
        sandbox_end(box);
        return -1;
    }
    if (w.status < 0) {
        w.status = child_wait(&box->vmm);
        sandbox_end(box);
    }
    terminal_restore();
    if (w.killed)
        return error_set(err, 0, "the file service died");
    return WIFSIGNALED(w.status) ? 128 + WTERMSIG(w.status) : WEXITSTATUS(w.status);
}
