/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Controlling terminals, credentials(7) and ioctl_tty(2): who has one, who may take or give it up, what
 * its loss tells whom, and what groups in the background may do.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

static int master, slave, up[2]; /* up: children tell by it */
static char name[64];

static void open_pair(void)
{
    CHECK_EQ(openpty(&master, &slave, name, NULL, NULL), 0);
    OK(pipe(up));
}

static void close_pair(void)
{
    OK(close(master));
    OK(close(slave));
    OK(close(up[0]));
    OK(close(up[1]));
}

static void say(char c)
{
    CHECK_EQ(write(up[1], &c, 1), 1);
}

static char hear(void)
{
    char c;

    CHECK_EQ(read(up[0], &c, 1), 1);
    return c;
}

static void has_terminal(int yes)
{
    int fd = open("/dev/tty", O_RDWR);

    CHECK_EQ(fd >= 0, yes);
    if (fd >= 0)
        OK(close(fd));
    else
        CHECK_EQ(errno, ENXIO);
}

static int stat_field(int which) /* 7: terminal, 8: group in front */
{
    char text[512], *p;
    int fd = (int)OK(open("/proc/self/stat", O_RDONLY));
    ssize_t n = OK(read(fd, text, sizeof(text) - 1));

    OK(close(fd));
    text[n] = 0;
    p = strrchr(text, ')') + 2;
    for (int i = 3; i < which; i++)
        p = strchr(p, ' ') + 1;
    return atoi(p);
}

static volatile sig_atomic_t got[65];

static void on(int signo)
{
    got[signo]++;
}

static void in_session(void (*fn)(void))
{
    pid_t pid;

    open_pair();
    pid = t_fork();
    if (pid == 0) {
        OK(setsid());
        fn();
        t_end(0);
    }
    t_join(pid);
    close_pair();
}

static void members(void)
{
    pid_t early = t_fork(), pid;

    if (early == 0) { /* was there before the terminal: it is not its own */
        while (tcgetsid(master) != getsid(0))
            t_sleep_ms(1);
        has_terminal(0);
        CHECK_EQ(stat_field(7), 0);
        CHECK_EQ(stat_field(8), -1);
        CHECK_ERRNO(tcgetpgrp(slave), ENOTTY);
        CHECK_ERRNO(ioctl(slave, TIOCSCTTY, 0), EPERM);
        CHECK_ERRNO(ioctl(slave, TIOCNOTTY), ENOTTY);
        t_end(0);
    }
    OK(ioctl(slave, TIOCSCTTY, 0));
    OK(ioctl(slave, TIOCSCTTY, 0)); /* it is already */
    t_join(early);
    has_terminal(1);
    CHECK(stat_field(7) != 0);
    CHECK_EQ(stat_field(8), getpgrp());
    pid = t_fork();
    if (pid == 0) {
        pid_t inner;
        int fd = (int)OK(open("/dev/tty", O_RDWR));

        CHECK_ERRNO(ioctl(fd, TIOCSCTTY, 0), EPERM); /* no leader */
        OK(ioctl(fd, TIOCNOTTY));
        has_terminal(0);
        CHECK_EQ(stat_field(7), 0);
        CHECK_ERRNO(ioctl(fd, TIOCNOTTY), ENOTTY);
        CHECK_ERRNO(tcgetpgrp(fd), ENOTTY);
        CHECK_ERRNO(tcsetpgrp(fd, getpgrp()), ENOTTY);
        CHECK_ERRNO(tcgetsid(fd), ENOTTY);
        OK(open(name, O_RDWR)); /* is not taken by opening */
        has_terminal(0);
        inner = t_fork();
        if (inner == 0) { /* nor do its children have it */
            has_terminal(0);
            t_end(0);
        }
        t_join(inner);
        /* It may read in the background: the terminal is not its own. */
        OK(setpgid(0, 0));
        CHECK_EQ(write(master, "line\n", 5), 5);
        CHECK_EQ(read(slave, name, sizeof(name)), 5);
        t_end(0);
    }
    t_join(pid);
    has_terminal(1);
    CHECK_EQ(tcgetpgrp(slave), getpgrp());
}

static void the_leader_gives_it_up(void)
{
    pid_t pid;

    OK(ioctl(slave, TIOCSCTTY, 0));
    pid = t_fork();
    if (pid == 0) {
        signal(SIGHUP, on);
        signal(SIGCONT, on);
        say('r');
        EVENTUALLY(got[SIGHUP] == 1 && got[SIGCONT] == 1);
        has_terminal(0);
        say('l');
        while (tcgetsid(master) != getsid(0))
            t_sleep_ms(1);
        has_terminal(0); /* taken anew, by the leader for itself */
        t_end(0);
    }
    hear();
    signal(SIGHUP, on);
    OK(ioctl(slave, TIOCNOTTY));
    has_terminal(0);
    CHECK_EQ(got[SIGHUP], 1);
    CHECK_ERRNO(tcgetsid(master), ENOTTY);
    CHECK_EQ(hear(), 'l');
    OK(ioctl(slave, TIOCSCTTY, 0));
    has_terminal(1);
    t_join(pid);
}

static void taking_is_for_leaders_without_one(void)
{
    int m2, s2, wr;
    pid_t pid;

    wr = (int)OK(open(name, O_WRONLY));
    has_terminal(0);
    OK(close(wr));
    CHECK_EQ(openpty(&m2, &s2, NULL, NULL, NULL), 0);
    OK(ioctl(master, TIOCSCTTY, 0)); /* by the master, for the other side */
    has_terminal(1);
    CHECK_ERRNO(ioctl(s2, TIOCSCTTY, 0), EPERM); /* there is one */
    CHECK_ERRNO(ioctl(s2, TIOCSCTTY, 1), EPERM);
    CHECK_ERRNO(ioctl(master, TIOCNOTTY), ENOTTY);
    CHECK_EQ(tcgetpgrp(master), getpgrp());
    pid = t_fork();
    if (pid == 0) {
        OK(setsid());
        has_terminal(0);
        CHECK_ERRNO(ioctl(slave, TIOCSCTTY, 0), EPERM);
        if (ioctl(slave, TIOCSCTTY, 1)) { /* to steal it takes CAP_SYS_ADMIN */
            CHECK_EQ(errno, EPERM);
            has_terminal(0);
            say('n');
        } else {
            has_terminal(1);
            say('y');
        }
        t_end(0);
    }
    t_join(pid);
    has_terminal(hear() == 'n');
}

static void a_hangup_frees_the_leader(void)
{
    int m2, s2;

    signal(SIGHUP, on);
    signal(SIGCONT, on);
    CHECK_EQ(openpty(&m2, &s2, NULL, NULL, NULL), 0);
    OK(ioctl(s2, TIOCSCTTY, 0));
    OK(close(m2));
    EVENTUALLY(got[SIGHUP] == 1 && got[SIGCONT] == 1);
    has_terminal(0);
    CHECK_ERRNO(write(s2, "x", 1), EIO);
    CHECK_EQ(read(s2, name, 1), 0);
    CHECK_ERRNO(tcgetpgrp(s2), EIO);
    CHECK_ERRNO(tcsetpgrp(s2, getpgrp()), ENOTTY);
    OK(ioctl(slave, TIOCSCTTY, 0));
    has_terminal(1);
}

static void groups_in_front(void)
{
    pid_t bg, other;
    int status;

    OK(ioctl(slave, TIOCSCTTY, 0));
    signal(SIGTTOU, SIG_DFL);
    bg = t_fork();
    if (bg == 0) {
        OK(setpgid(0, 0));
        OK(tcsetpgrp(slave, getpgrp())); /* stopped in it by SIGTTOU */
        t_end(0);
    }
    CHECK_EQ(waitpid(bg, &status, WUNTRACED), bg);
    CHECK_EQ(status, SIGTTOU << 8 | 0x7f);
    CHECK_ERRNO(tcsetpgrp(slave, -1), EINVAL);
    CHECK_ERRNO(tcsetpgrp(slave, 999999), ESRCH);
    CHECK_ERRNO(tcsetpgrp(slave, getppid()), EPERM);
    CHECK_ERRNO(ioctl(slave, TIOCSPGRP, 1), EFAULT);
    OK(tcsetpgrp(slave, bg));
    OK(kill(bg, SIGCONT));
    t_join(bg);
    /* The leader is in the background now. */
    signal(SIGTTOU, SIG_IGN);
    OK(tcsetpgrp(slave, getpgrp()));
    /* A group that is orphaned cannot be stopped: ENOTTY, EIO. */
    other = t_fork();
    if (other == 0) {
        if (t_fork() == 0) {
            struct termios tio;

            OK(setpgid(0, 0));
            while (getppid() == other || tcgetpgrp(slave) == getpgrp())
                t_sleep_ms(1);
            hear();
            signal(SIGTTOU, SIG_DFL);
            CHECK_ERRNO(tcsetpgrp(slave, getpgrp()), ENOTTY);
            CHECK_ERRNO(read(slave, name, 1), EIO);
            OK(tcgetattr(slave, &tio));
            CHECK_ERRNO(tcsetattr(slave, TCSANOW, &tio), EIO);
            t_end(0);
        }
        t_end(0);
    }
    t_join(other);
    t_sleep_ms(20);
    say('g');
    t_sleep_ms(100);
}

/* The group in front, not the leader's: SIGHUP; its stopped members go on, being orphans. */
static void the_leader_ends(void)
{
    pid_t pid;

    open_pair();
    pid = t_fork();
    if (pid == 0) {
        pid_t front, back;
        int status;

        OK(setsid());
        OK(ioctl(slave, TIOCSCTTY, 0));
        signal(SIGTTOU, SIG_IGN);
        for (int i = 0; i < 2; i++) {
            pid_t child = t_fork();

            if (child == 0) {
                OK(setpgid(0, 0));
                signal(SIGHUP, on);
                if (i == 0) {
                    OK(tcsetpgrp(slave, getpgrp()));
                    signal(SIGCONT, on);
                    raise(SIGSTOP);
                    EVENTUALLY(got[SIGHUP] && got[SIGCONT]);
                    say('f');
                    EVENTUALLY(tcgetsid(master) == -1);
                    has_terminal(0);
                } else {
                    say('r');
                    EVENTUALLY(tcgetsid(master) == -1);
                    t_sleep_ms(50);
                    CHECK_EQ(got[SIGHUP], 0);
                    has_terminal(0);
                }
                say('k');
                t_end(0);
            }
            *(i ? &back : &front) = child;
        }
        CHECK_EQ(waitpid(front, &status, WUNTRACED), front);
        CHECK_EQ(hear(), 'r');
        t_end(0);
    }
    t_join(pid);
    for (int i = 0, f = 0, k = 0; i < 3; i++) {
        switch (hear()) {
        case 'f': CHECK_EQ(f++, 0); break;
        case 'k': CHECK(k++ < 2); break;
        default: CHECK(0);
        }
    }
    close_pair();
}

int main(void)
{
    in_session(members);
    in_session(the_leader_gives_it_up);
    in_session(taking_is_for_leaders_without_one);
    in_session(a_hangup_frees_the_leader);
    in_session(groups_in_front);
    the_leader_ends();
    return 0;
}
