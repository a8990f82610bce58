/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's terminal: see terminal.h. */
#include "runrsc/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static volatile sig_atomic_t is_raw;

bool terminal_is_stdio(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
}

void terminal_size(uint32_t *columns, uint32_t *rows)
{
    static const int fds[] = { STDOUT_FILENO, STDIN_FILENO, STDERR_FILENO };
    struct winsize ws;

    *columns = 80;
    *rows = 24;
    for (int i = 0; i < 3; i++) {
        if (ioctl(fds[i], TIOCGWINSZ, &ws) == 0 && ws.ws_col && ws.ws_row) {
            *columns = ws.ws_col;
            *rows = ws.ws_row;
            return;
        }
    }
}

void terminal_restore(void)
{
    int kept = errno;
    sigset_t ttou, old;

    if (!is_raw)
        return;
    is_raw = 0;
    /* Not to be stopped now, even if we are in the background meanwhile. */
    sigemptyset(&ttou);
    sigaddset(&ttou, SIGTTOU);
    sigprocmask(SIG_BLOCK, &ttou, &old);
    tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    sigprocmask(SIG_SETMASK, &old, NULL);
    errno = kept;
}

static void on_fatal(int sig)
{
    terminal_restore();
    raise(sig); /* SA_RESETHAND: delivered with its default action when this returns */
}

static void catch_fatal(void)
{
    static const int fatal[] = { SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,  SIGABRT, SIGSYS,
                                 SIGTRAP, SIGPIPE, SIGALRM, SIGXCPU, SIGXFSZ, SIGVTALRM,
                                 SIGPROF };
    struct sigaction sa = { .sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND };

    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
        sigaction(fatal[i], &sa, NULL);
}

int terminal_raw(struct error *err)
{
    static bool first = true;
    struct termios raw;

    if (!isatty(STDIN_FILENO))
        return 0;
    if (first) {
        catch_fatal();
        atexit(terminal_restore);
        first = false;
    }
    if (tcgetattr(STDIN_FILENO, &saved) < 0)
        return error_set(err, errno, "cannot read the terminal's settings");
    raw = saved;
    cfmakeraw(&raw);
    is_raw = 1; /* before: a signal in between restores what is not changed yet */
    while (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0) {
        if (errno == EINTR)
            continue;
        is_raw = 0;
        return error_set(err, errno, "cannot change the terminal's settings");
    }
    return 0;
}
