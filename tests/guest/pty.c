/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pseudo-terminals: names, the line discipline as seen from the master, modes of reading, flow, job
 * control, and what either side sees when the other has closed. pty(7), termios(3), ioctl_tty(2).
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

static int master, slave;

static void open_pair(void)
{
    int on = 0, n;
    char name[32];

    master = (int)OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    OK(ioctl(master, TIOCGPTN, &n));
    snprintf(name, sizeof(name), "/dev/pts/%d", n);
    OK(ioctl(master, TIOCSPTLCK, &on));
    slave = (int)OK(open(name, O_RDWR | O_NOCTTY));
}

static void close_pair(void)
{
    OK(close(master));
    OK(close(slave));
}

static void send(const char *s)
{
    CHECK_EQ(write(master, s, strlen(s)), strlen(s));
}

static void expect_at(int line, int fd, const char *want, size_t len)
{
    char buf[256];
    size_t n = 0;

    while (n < len) {
        ssize_t r = read(fd, buf + n, len - n);

        if (r <= 0)
            t_fail(__FILE__, line, "there is something to read", errno);
        n += (size_t)r;
    }
    if (memcmp(buf, want, len)) {
        fprintf(stderr, "%s:%d: got \"%.*s\", not \"%.*s\"\n", __FILE__, line, (int)len, buf, (int)len,
                want);
        t_end(1);
    }
}
#define expect(fd, s) expect_at(__LINE__, fd, s, strlen(s))

static short ready(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

    OK(poll(&p, 1, 0));
    return p.revents;
}

static void nothing_at(int line, int fd)
{
    if (ready(fd) & POLLIN)
        t_fail(__FILE__, line, "there is nothing to read", 0);
}
#define nothing(fd) nothing_at(__LINE__, fd)

static void mode(tcflag_t clear, tcflag_t set)
{
    struct termios t;

    OK(tcgetattr(slave, &t));
    t.c_lflag = (t.c_lflag & ~clear) | set;
    OK(tcsetattr(slave, TCSANOW, &t));
}

static void raw(unsigned char min, unsigned char time)
{
    struct termios t;

    OK(tcgetattr(slave, &t));
    cfmakeraw(&t);
    t.c_cc[VMIN] = min;
    t.c_cc[VTIME] = time;
    OK(tcsetattr(slave, TCSANOW, &t));
}

/* --- names ---------------------------------------------------------------------------------------- */

static void names(void)
{
    char name[32], buf[8];
    struct stat st;
    int n, on = 1, again;

    open_pair();
    OK(ioctl(master, TIOCGPTN, &n));
    snprintf(name, sizeof(name), "/dev/pts/%d", n);
    OK(stat(name, &st));
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(st.st_mode & 0606, 0600);
    CHECK_EQ(major(st.st_rdev), 136);
    CHECK_EQ(minor(st.st_rdev), n);
    CHECK_EQ(st.st_uid, geteuid());
    CHECK(isatty(master) && isatty(slave));
    CHECK(!strcmp(ttyname(slave), name));

    OK(ioctl(master, TIOCSPTLCK, &on));
    CHECK_ERRNO(open(name, O_RDWR | O_NOCTTY), EIO);
    on = 0;
    OK(ioctl(master, TIOCGPTLCK, &on));
    CHECK_EQ(on, 1);
    on = 0;
    OK(ioctl(master, TIOCSPTLCK, &on));
    again = (int)OK(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    CHECK_EQ(fcntl(again, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(write(again, "peer", 4), 4);
    expect(master, "peer");
    OK(close(again));
    CHECK_ERRNO(ioctl(slave, TIOCGPTN, &n), ENOTTY);
    CHECK_ERRNO(ioctl(slave, TIOCGPTPEER, O_RDWR), EIO);
    CHECK_ERRNO(lseek(slave, 0, SEEK_SET), ESPIPE);

    OK(close(master));
    CHECK_ERRNO(stat(name, &st), ENOENT);
    CHECK_EQ(read(slave, buf, sizeof(buf)), 0);
    CHECK_ERRNO(write(slave, "x", 1), EIO);
    CHECK_ERRNO(ioctl(slave, TIOCGWINSZ, buf), EIO);
    CHECK(ready(slave) & POLLHUP);
    OK(close(slave));
}

static void several(void)
{
    int m[5], n[5];

    for (int i = 0; i < 5; i++) {
        m[i] = (int)OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
        OK(ioctl(m[i], TIOCGPTN, &n[i]));
        for (int k = 0; k < i; k++)
            CHECK(n[i] != n[k]);
    }
    for (int i = 0; i < 5; i++)
        OK(close(m[i]));
}

/* --- the line discipline -------------------------------------------------------------------------- */

static void lines(void)
{
    char buf[64];

    open_pair();
    send("one\ntwo\n");
    expect(master, "one\r\ntwo\r\n"); /* echo */
    CHECK_EQ(read(slave, buf, sizeof(buf)), 4); /* a line at a time */
    CHECK(!memcmp(buf, "one\n", 4));
    CHECK_EQ(read(slave, buf, 2), 2);
    CHECK_EQ(read(slave, buf, sizeof(buf)), 2);
    CHECK(!memcmp(buf, "o\n", 2));
    send("incomplete");
    nothing(slave);
    send("\r"); /* ICRNL */
    expect(slave, "incomplete\n");
    expect(master, "incomplete\r\n");
    CHECK_EQ(write(slave, "a\nb\tc", 5), 5);
    expect(master, "a\r\nb\tc");
    close_pair();
}

static void editing(void)
{
    open_pair();
    send("abx\177c\n");
    expect(slave, "abc\n");
    expect(master, "abx\b \bc\r\n");
    send("gone\025kept\n"); /* ^U */
    expect(slave, "kept\n");
    expect(master, "gone\b \b\b \b\b \b\b \bkept\r\n");
    send("first second\027last\n"); /* ^W */
    expect(slave, "first last\n");
    expect(master, "first second\b \b\b \b\b \b\b \b\b \b\b \blast\r\n");
    send("a\026\003b\n"); /* ^V ^C */
    expect(slave, "a\003b\n");
    expect(master, "a^\b^Cb\r\n");
    send("x\001y\177\177\n"); /* a control character is two columns wide */
    expect(slave, "x\n");
    expect(master, "x^Ay\b \b\b \b\b \b\r\n");
    send("a\tb\177\177\n"); /* a tab is as wide as it was where it stands */
    expect(slave, "a\n");
    expect(master, "a\tb\b \b\b\b\b\b\b\b\b\r\n");
    send("\177\n"); /* nothing to erase */
    expect(slave, "\n");
    expect(master, "\r\n");
    close_pair();
}

static void end_of_file(void)
{
    char buf[8];

    open_pair();
    mode(ECHO, 0);
    send("part\004"); /* ^D gives what is there */
    CHECK_EQ(read(slave, buf, sizeof(buf)), 4);
    send("\004");
    CHECK_EQ(read(slave, buf, sizeof(buf)), 0);
    send("next\n");
    expect(slave, "next\n");
    close_pair();
}

static void output_modes(void)
{
    struct termios t;

    open_pair();
    OK(tcgetattr(slave, &t));
    t.c_oflag &= ~(tcflag_t)ONLCR;
    OK(tcsetattr(slave, TCSANOW, &t));
    CHECK_EQ(write(slave, "a\nb", 3), 3);
    expect(master, "a\nb");
    t.c_oflag |= OCRNL | XTABS;
    OK(tcsetattr(slave, TCSADRAIN, &t));
    CHECK_EQ(write(slave, "\rab\tc", 5), 5);
    expect(master, "\nab    c"); /* a line feed alone does not move to the first column */
    t.c_oflag &= ~(tcflag_t)OPOST;
    OK(tcsetattr(slave, TCSANOW, &t));
    CHECK_EQ(write(slave, "\r\t\n", 3), 3);
    expect(master, "\r\t\n");
    close_pair();
}

static void attributes(void)
{
    struct termios t, u;

    open_pair();
    OK(tcgetattr(slave, &t));
    CHECK_EQ(t.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
    CHECK_EQ(t.c_iflag & (ICRNL | IXON), ICRNL | IXON);
    CHECK_EQ(t.c_oflag, OPOST | ONLCR);
    CHECK_EQ(t.c_cc[VINTR], 3);
    CHECK_EQ(t.c_cc[VERASE], 127);
    CHECK_EQ(cfgetospeed(&t), B38400);
    OK(cfsetspeed(&t, B115200));
    t.c_cc[VINTR] = 7;
    OK(tcsetattr(master, TCSANOW, &t)); /* the master speaks for the other side */
    OK(tcgetattr(slave, &u));
    CHECK_EQ(cfgetospeed(&u), B115200);
    CHECK_EQ(u.c_cc[VINTR], 7);
    close_pair();
}

/* --- reading without lines ------------------------------------------------------------------------ */

static void raw_reads(void)
{
    char buf[16];
    int64_t start;
    pid_t pid;

    open_pair();
    raw(1, 0);
    send("ab\r\003\004");
    CHECK_EQ(read(slave, buf, sizeof(buf)), 5);
    CHECK(!memcmp(buf, "ab\r\003\004", 5));
    nothing(master); /* no echo */

    raw(0, 0);
    CHECK_EQ(read(slave, buf, sizeof(buf)), 0);
    raw(0, 2);
    start = t_now_ns();
    CHECK_EQ(read(slave, buf, sizeof(buf)), 0);
    CHECK(t_now_ns() - start >= 150000000);

    raw(3, 0);
    send("12");
    nothing(slave); /* fewer than MIN */
    pid = t_fork();
    if (pid == 0) {
        t_sleep_ms(30);
        send("3");
        t_end(0);
    }
    CHECK_EQ(read(slave, buf, sizeof(buf)), 3);
    t_join(pid);
    send("x");
    CHECK_EQ(read(slave, buf, 1), 1); /* no more is asked for */

    raw(5, 1);
    send("abc");
    CHECK_EQ(read(slave, buf, sizeof(buf)), 3); /* the time between bytes has passed */
    close_pair();
}

static void mode_switch(void)
{
    char buf[16];

    open_pair();
    mode(ECHO, 0);
    send("half");
    t_sleep_ms(30);
    nothing(slave);
    raw(1, 0); /* what was edited can be read */
    CHECK_EQ(read(slave, buf, sizeof(buf)), 4);
    close_pair();
}

static void without_waiting(void)
{
    static char block[16384];
    char buf[16];
    ssize_t n, total = 0, got = 0;

    open_pair();
    OK(fcntl(master, F_SETFL, O_NONBLOCK));
    OK(fcntl(slave, F_SETFL, O_NONBLOCK));
    CHECK_ERRNO(read(master, buf, 1), EAGAIN);
    CHECK_ERRNO(read(slave, buf, 1), EAGAIN);
    memset(block, 'x', sizeof(block));
    do { /* Linux makes room once more when its thread has handed the first part over */
        t_sleep_ms(30);
        while ((n = write(slave, block, sizeof(block))) > 0)
            total += n;
        CHECK_EQ(errno, EAGAIN);
        CHECK(total > 1000 && total < 1000000);
    } while (ready(slave) & POLLOUT);
    while ((n = read(master, block, sizeof(block))) > 0)
        got += n;
    CHECK_EQ(got, total);
    CHECK(ready(slave) & POLLOUT);
    close_pair();
}

/* Everything arrives, in order, when both sides are faster than the other in turn. */
static void much(void)
{
    enum { BYTES = 50000 };
    static unsigned char block[4096];
    ssize_t n, total = 0;
    pid_t pid;

    open_pair();
    raw(1, 0);
    pid = t_fork();
    if (pid == 0) {
        for (ssize_t i = 0; i < BYTES; i += n) {
            for (size_t k = 0; k < 1000; k++)
                block[k] = (unsigned char)((i + (ssize_t)k) % 251);
            n = OK(write(master, block, 1000 < BYTES - i ? 1000 : BYTES - (size_t)i));
        }
        t_end(0);
    }
    while (total < BYTES) {
        n = OK(read(slave, block, sizeof(block)));
        for (ssize_t k = 0; k < n; k++)
            CHECK_EQ(block[k], (total + k) % 251);
        total += n;
    }
    t_join(pid);
    close_pair();
}

static void flow(void)
{
    char buf[8];

    open_pair();
    mode(ECHO, 0);
    OK(fcntl(slave, F_SETFL, O_NONBLOCK));
    OK(fcntl(master, F_SETFL, O_NONBLOCK));
    send("\023"); /* ^S; Linux hands input over by a thread of its own */
    EVENTUALLY(!(ready(slave) & POLLOUT));
    CHECK_ERRNO(write(slave, "held", 4), EAGAIN);
    CHECK_ERRNO(read(master, buf, sizeof(buf)), EAGAIN);
    send("\021"); /* ^Q */
    EVENTUALLY(ready(slave) & POLLOUT);
    CHECK_EQ(write(slave, "flows", 5), 5);
    expect(master, "flows");
    CHECK_ERRNO(read(slave, buf, sizeof(buf)), EAGAIN); /* neither was input */
    OK(tcflow(slave, TCOOFF));
    CHECK_ERRNO(write(slave, "held", 4), EAGAIN);
    OK(tcflow(slave, TCOON));
    send("unread\n");
    EVENTUALLY(ready(slave) & POLLIN);
    OK(tcflush(slave, TCIFLUSH));
    CHECK_ERRNO(read(slave, buf, sizeof(buf)), EAGAIN);
    close_pair();
}

/* --- closing -------------------------------------------------------------------------------------- */

static void slave_closes(void)
{
    char buf[16];
    int on = 0, n;

    open_pair();
    CHECK_EQ(write(slave, "last", 4), 4);
    OK(close(slave));
    CHECK(ready(master) & POLLHUP);
    CHECK_EQ(read(master, buf, sizeof(buf)), 4);
    CHECK_ERRNO(read(master, buf, sizeof(buf)), EIO);
    OK(ioctl(master, TIOCGPTN, &n));
    snprintf(buf, sizeof(buf), "/dev/pts/%d", n);
    slave = (int)OK(open(buf, O_RDWR | O_NOCTTY)); /* it can be opened again */
    CHECK(!(ready(master) & POLLHUP));
    OK(ioctl(master, TIOCSPTLCK, &on));
    close_pair();
}

/* --- sessions and job control --------------------------------------------------------------------- */

static volatile sig_atomic_t caught;

static void note(int signo)
{
    caught = signo;
}

static void on(int signo)
{
    struct sigaction sa = { .sa_handler = note };

    OK(sigaction(signo, &sa, NULL));
}

static void wait_for(int signo)
{
    EVENTUALLY(caught == signo);
    caught = 0;
}

static void controlling(void)
{
    struct winsize w = { 24, 80, 0, 0 };
    char c;
    pid_t pid;
    int p[2];

    open_pair();
    CHECK_ERRNO(ioctl(slave, TIOCGPGRP, &p[0]), ENOTTY); /* not the caller's */
    OK(pipe(p));
    pid = t_fork();
    if (pid == 0) {
        int tty;

        OK(close(master));
        OK(setsid());
        CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        OK(ioctl(slave, TIOCSCTTY, 0));
        tty = (int)OK(open("/dev/tty", O_RDWR));
        CHECK_EQ(tcgetpgrp(tty), getpid());
        CHECK_EQ(tcgetsid(tty), getpid());
        on(SIGINT);
        on(SIGWINCH);
        on(SIGHUP);
        CHECK_EQ(write(p[1], "r", 1), 1);
        wait_for(SIGINT);
        CHECK_EQ(write(p[1], "i", 1), 1);
        wait_for(SIGWINCH);
        OK(ioctl(tty, TIOCGWINSZ, &w));
        CHECK_EQ(w.ws_row, 50);
        CHECK_EQ(w.ws_col, 132);
        CHECK_EQ(write(p[1], "w", 1), 1);
        wait_for(SIGHUP);
        CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        t_end(0);
    }
    CHECK_EQ(read(p[0], &c, 1), 1);
    CHECK_EQ(tcgetpgrp(master), pid);
    send("\003"); /* ^C */
    expect(master, "^C");
    CHECK_EQ(read(p[0], &c, 1), 1);
    CHECK_EQ(c, 'i');
    w.ws_row = 50;
    w.ws_col = 132;
    OK(ioctl(master, TIOCSWINSZ, &w));
    CHECK_EQ(read(p[0], &c, 1), 1);
    CHECK_EQ(c, 'w');
    close_pair(); /* hangs up */
    t_join(pid);
    OK(close(p[0]));
    OK(close(p[1]));
}

/* The first terminal that a session's leader opens is its own, unless O_NOCTTY says no. */
static void by_opening(void)
{
    char name[32];
    pid_t pid;
    int n;

    open_pair();
    OK(ioctl(master, TIOCGPTN, &n));
    snprintf(name, sizeof(name), "/dev/pts/%d", n);
    pid = t_fork();
    if (pid == 0) {
        int fd;

        OK(setsid());
        OK(close((int)OK(open(name, O_RDWR | O_NOCTTY))));
        CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        fd = (int)OK(open(name, O_RDWR));
        CHECK_EQ(tcgetpgrp(fd), getpid());
        OK(close((int)OK(open("/dev/tty", O_RDWR))));
        signal(SIGHUP, SIG_IGN);
        OK(ioctl(fd, TIOCNOTTY)); /* the leader's giving it up is a hang-up for its group */
        CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        t_end(0);
    }
    t_join(pid);
    close_pair();
}

static void background(void)
{
    char buf[8];
    pid_t pid;

    open_pair();
    pid = t_fork();
    if (pid == 0) {
        pid_t child;
        int status;

        OK(close(master));
        OK(setsid());
        OK(ioctl(slave, TIOCSCTTY, 0));
        child = t_fork();
        if (child == 0) {
            OK(setpgid(0, 0));
            read(slave, buf, sizeof(buf)); /* stops */
            CHECK_EQ(write(slave, "!", 1), 1); /* writing is allowed */
            t_end(0);
        }
        CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
        CHECK(WIFSTOPPED(status));
        CHECK_EQ(WSTOPSIG(status), SIGTTIN);
        signal(SIGTTOU, SIG_IGN);
        OK(tcsetpgrp(slave, child)); /* into the foreground */
        OK(kill(child, SIGCONT));
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
        OK(tcsetpgrp(slave, getpid()));
        CHECK_ERRNO(tcsetpgrp(slave, 1 << 22), ESRCH);
        t_end(0);
    }
    send("go\n");
    t_join(pid);
    expect(master, "go\r\n!");
    close_pair();
}

int main(void)
{
    if (access("/dev/ptmx", R_OK | W_OK) || access("/dev/pts/ptmx", F_OK))
        t_skip("no /dev/ptmx and /dev/pts here");
    alarm(60);
    names();
    several();
    lines();
    editing();
    end_of_file();
    output_modes();
    attributes();
    raw_reads();
    mode_switch();
    without_waiting();
    much();
    flow();
    slave_closes();
    controlling();
    by_opening();
    background();
    return 0;
}
