/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the scripts: h_end exit N | signal N | sleep SECONDS | cat | env NAME | id | wait SIGNAL |
 * read_stdout ends in the way its arguments say, having printed what they ask for.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
    caught = sig;
}

static int cat(void)
{
    static char buf[65536];
    ssize_t n;

    while ((n = OK(read(0, buf, sizeof(buf)))) > 0)
        for (ssize_t done = 0; done < n;)
            done += OK(write(1, buf + done, (size_t)(n - done)));
    return 0;
}

/* Says "ready", waits for the signal, exits with 40 and its number. */
static int wait_signal(int sig)
{
    sigset_t set, old;

    sigemptyset(&set);
    sigaddset(&set, sig);
    OK(sigprocmask(SIG_BLOCK, &set, &old));
    signal(sig, on_signal);
    CHECK_EQ(write(1, "ready\n", 6), 6);
    while (!caught)
        sigsuspend(&old);
    return 40 + caught;
}

/* Opens the standard output anew, for reading, and exits with the error of that or of a read. */
static int read_stdout(void)
{
    int fd = open("/proc/self/fd/1", O_RDONLY);
    char c;

    return fd < 0 || read(fd, &c, 1) < 0 ? errno : 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : "";
    char cwd[4096];

    if (!strcmp(what, "exit"))
        return atoi(arg);
    if (!strcmp(what, "signal")) {
        signal(atoi(arg), SIG_DFL);
        /* Process 1 is safe from its own default actions, so a child takes the signal... */
        if (getpid() != 1)
            raise(atoi(arg));
        if (t_fork() == 0) {
            raise(atoi(arg));
            t_end(0);
        }
        int status;

        OK(wait(&status));
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    if (!strcmp(what, "crash")) /* a fault ends process 1 too */
        __asm__ volatile("movl $0, 16");
    if (!strcmp(what, "sleep"))
        t_sleep_ms(atol(arg) * 1000);
    if (!strcmp(what, "cat"))
        return cat();
    if (!strcmp(what, "read_stdout"))
        return read_stdout();
    if (!strcmp(what, "env"))
        printf("%s\n", getenv(arg) ? getenv(arg) : "(unset)");
    if (!strcmp(what, "id"))
        printf("%d %d %s\n", getuid(), getgid(), getcwd(cwd, sizeof(cwd)));
    if (!strcmp(what, "wait"))
        return wait_signal(atoi(arg));
    return 0;
}
