/* SPDX-License-Identifier: Apache-2.0 */
/* Packet mode of pseudo-terminals, ioctl_tty(2): each read of the master begins with a byte of news. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;

static void packet(int on)
{
    int now;

    OK(ioctl(master, TIOCPKT, &on));
    OK(ioctl(master, TIOCGPKT, &now));
    CHECK_EQ(now, on != 0);
}

static short ready(void)
{
    struct pollfd p = { master, POLLIN | POLLPRI | POLLOUT, 0 };

    OK(poll(&p, 1, 0));
    return p.revents & (POLLIN | POLLPRI);
}

static void news_at(int line, int want)
{
    unsigned char buf[64] = { 0xff };
    ssize_t n;

    EVENTUALLY(ready() == (POLLIN | POLLPRI));
    n = read(master, buf, sizeof(buf));
    if (n != 1 || buf[0] != want)
        t_differ(__FILE__, line, "the news (of so many bytes)", buf[0] | n << 8, "wanted", want | 1 << 8);
}
#define news(want) news_at(__LINE__, want)

static void modes(tcflag_t iflag, tcflag_t lflag, int action)
{
    struct termios t;

    OK(tcgetattr(slave, &t));
    t.c_iflag = iflag;
    t.c_lflag = lflag;
    OK(tcsetattr(slave, action, &t));
}

static void data(void)
{
    unsigned char buf[64];

    CHECK_EQ(write(slave, "abc", 3), 3);
    EVENTUALLY(ready() == POLLIN);
    CHECK_EQ(read(master, buf, sizeof(buf)), 4);
    CHECK(!memcmp(buf, "\0abc", 4));
    /* Each read has such a byte, and it counts. */
    CHECK_EQ(write(slave, "defg", 4), 4);
    CHECK_EQ(read(master, buf, 1), 1);
    CHECK_EQ(buf[0], TIOCPKT_DATA);
    CHECK_EQ(read(master, buf, 3), 3);
    CHECK(!memcmp(buf, "\0de", 3));
    CHECK_EQ(read(master, buf, 64), 3);
    CHECK(!memcmp(buf, "\0fg", 3));
    CHECK_ERRNO(read(master, buf, 64), EAGAIN);
}

static void flushes(void)
{
    OK(tcflush(slave, TCIFLUSH));
    news(TIOCPKT_FLUSHREAD);
    if (t_in_sandbox()) /* Linux does not throw away what the master's line discipline has by then */
        CHECK_EQ(write(slave, "lost", 4), 4);
    OK(tcflush(slave, TCOFLUSH));
    news(TIOCPKT_FLUSHWRITE);
    OK(tcflush(slave, TCIOFLUSH));
    news(TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
    modes(ICRNL | IXON, ICANON | ISIG, TCSAFLUSH);
    news(TIOCPKT_FLUSHREAD);
    CHECK_EQ(write(master, "\003", 1), 1); /* ^C, which nobody is there to get */
    news(TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
    modes(ICRNL | IXON, ICANON | ISIG | NOFLSH, TCSANOW);
    CHECK_EQ(write(master, "\003", 1), 1);
    CHECK_EQ(ready(), 0);
}

static void stops(void)
{
    unsigned char buf[64];

    OK(tcflow(slave, TCOOFF));
    news(TIOCPKT_STOP);
    OK(tcflow(slave, TCOOFF)); /* it is already */
    CHECK_EQ(ready(), 0);
    OK(tcflow(slave, TCOON));
    news(TIOCPKT_START);
    CHECK_EQ(write(master, "\023", 1), 1); /* ^S */
    news(TIOCPKT_STOP);
    CHECK_EQ(write(master, "\021", 1), 1);
    news(TIOCPKT_START);
    /* News that were not read yet: the last counts. They come before data. */
    CHECK_EQ(write(slave, "x", 1), 1);
    OK(tcflow(slave, TCOOFF));
    OK(tcflow(slave, TCOON));
    news(TIOCPKT_START);
    EVENTUALLY(ready() == POLLIN);
    CHECK_EQ(read(master, buf, sizeof(buf)), 2);
    CHECK(!memcmp(buf, "\0x", 2));
}

static void flow_modes(void)
{
    struct termios t;

    modes(ICRNL, ICANON, TCSANOW);
    news(TIOCPKT_NOSTOP);
    modes(ICRNL | IXON, ICANON, TCSANOW);
    news(TIOCPKT_DOSTOP);
    OK(tcgetattr(slave, &t));
    t.c_cc[VSTOP] = 'x';
    OK(tcsetattr(slave, TCSANOW, &t));
    news(TIOCPKT_NOSTOP);
    t.c_cc[VSTOP] = 19;
    OK(tcsetattr(slave, TCSANOW, &t));
    news(TIOCPKT_DOSTOP);
    modes(ICRNL | IXON, ICANON | ECHOE, TCSANOW);
    CHECK_EQ(ready(), 0);
    modes(ICRNL | IXON, ICANON | EXTPROC, TCSANOW);
    news(TIOCPKT_IOCTL);
    modes(ICRNL | IXON, ICANON, TCSANOW);
    news(TIOCPKT_IOCTL);
}

static void waiters(void)
{
    int ep = (int)OK(epoll_create1(0)), on = 1;
    struct epoll_event ev = { .events = EPOLLPRI };
    pid_t pid;

    OK(epoll_ctl(ep, EPOLL_CTL_ADD, master, &ev));
    pid = t_fork();
    if (pid == 0) {
        t_sleep_ms(30);
        OK(tcflush(slave, TCOFLUSH));
        t_end(0);
    }
    CHECK_EQ(epoll_wait(ep, &ev, 1, 10000), 1);
    CHECK_EQ(ev.events, EPOLLPRI);
    t_join(pid);
    OK(ioctl(master, TIOCPKT, &on)); /* on already: the news stay */
    news(TIOCPKT_FLUSHWRITE);
    OK(tcflush(slave, TCOFLUSH));
    packet(0);
    CHECK_EQ(ready(), 0);
    OK(close(ep));
}

int main(void)
{
    int v = 1;

    CHECK_EQ(openpty(&master, &slave, NULL, NULL, NULL), 0);
    OK(fcntl(master, F_SETFL, O_NONBLOCK));
    modes(ICRNL | IXON, ICANON, TCSANOW);
    CHECK_ERRNO(ioctl(slave, TIOCPKT, &v), ENOTTY);
    CHECK_ERRNO(ioctl(slave, TIOCGPKT, &v), ENOTTY);
    CHECK_ERRNO(ioctl(master, TIOCPKT, 1), EFAULT);
    packet(0);
    OK(tcflush(slave, TCIOFLUSH)); /* before: not told */
    packet(7);
    CHECK_EQ(ready(), 0);
    data();
    flushes();
    stops();
    flow_modes();
    waiters();
    return 0;
}
