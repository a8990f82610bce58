/* SPDX-License-Identifier: Apache-2.0 */
/* The line discipline of termios(3), N_TTY: what happens to bytes on their way in and out. */
#include "core/string.h"
#include "object/process.h"
#include "object/signal.h"
#include "tty/tty_impl.h"

#include <asm/ioctls.h>

static bool has(const struct tty *t, u32 local_flag)
{
    return t->t.c_lflag & local_flag;
}

/* --- rings ---------------------------------------------------------------------------------------- */

void ring_put(u8 *ring, u32 size, u32 at, const u8 *s, u32 n)
{
    u32 part = MIN(n, size - at % size);

    memcpy(ring + at % size, s, part);
    memcpy(ring, s + part, n - part);
}

void ring_get(const u8 *ring, u32 size, u32 at, u8 *s, u32 n)
{
    u32 part = MIN(n, size - at % size);

    memcpy(s, ring + at % size, part);
    memcpy(s + part, ring, n - part);
}

/* --- output --------------------------------------------------------------------------------------- */

/* One byte as it goes out; at most TTY_EXPANDS bytes. */
static u32 output_byte(struct tty *t, u8 c, u8 *out)
{
    u32 flags = t->t.c_oflag;

    if (!(flags & OPOST)) {
        out[0] = c;
        return 1;
    }
    switch (c) {
    case '\n':
        if (flags & ONLRET)
            t->column = 0;
        if (flags & ONLCR) {
            t->column = 0;
            out[0] = '\r';
            out[1] = '\n';
            return 2;
        }
        break;
    case '\r':
        if ((flags & ONOCR) && !t->column)
            return 0;
        if (!(flags & OCRNL) || (flags & ONLRET))
            t->column = 0;
        if (flags & OCRNL)
            c = '\n';
        break;
    case '\t': {
        u32 n = 8 - t->column % 8;

        t->column += n;
        if ((flags & TABDLY) == XTABS) {
            memset(out, ' ', n);
            return n;
        }
        break;
    }
    case '\b':
        if (t->column)
            t->column--;
        break;
    default:
        if (c >= ' ' && (c & 0xc0) != 0x80)
            t->column++;
        if ((flags & OLCUC) && c >= 'a' && c <= 'z')
            c = (u8)(c - 'a' + 'A');
        break;
    }
    out[0] = c;
    return 1;
}

u32 ldisc_output(struct tty *t, const u8 *in, u32 n, u8 *out, u32 room, u32 *out_len)
{
    u32 i = 0, k = 0;

    if (!(t->t.c_oflag & OPOST)) {
        i = k = MIN(n, room);
        memcpy(out, in, k);
    }
    for (; (t->t.c_oflag & OPOST) && i < n && k + TTY_EXPANDS <= room; i++)
        k += output_byte(t, in[i], out + k);
    *out_len = k;
    return i;
}

static void echo_text(struct tty *t, const char *s, u32 n)
{
    t->driver->put(t, (const u8 *)s, n);
}

static bool shown_as_two(const struct tty *t, u8 c)
{
    return has(t, ECHOCTL) && (c < ' ' || c == 127) && c != '\t' && c != '\n';
}

static void echo(struct tty *t, u8 c)
{
    u8 out[TTY_EXPANDS];
    u32 n;

    if (shown_as_two(t, c)) {
        out[0] = '^';
        out[1] = c ^ 0x40;
        n = 2;
        t->column += 2;
    } else {
        n = output_byte(t, c, out);
    }
    t->driver->put(t, out, n);
}

/* --- input ---------------------------------------------------------------------------------------- */

static u32 used(const struct tty *t)
{
    return t->head - t->tail;
}

bool ldisc_input_full(const struct tty *t)
{
    return used(t) > TTY_INPUT - TTY_INPUT_PART && t->line != t->tail;
}

void ldisc_flush_input(struct tty *t)
{
    t->head = t->line = t->tail;
    tty_packet_news(t, 0, TIOCPKT_FLUSHREAD);
    tty_tell(t);
}

static void put_byte(struct tty *t, u8 c, bool mark)
{
    u32 i = t->head % TTY_INPUT;

    if (used(t) >= TTY_INPUT || (used(t) == TTY_INPUT - 1 && !mark && has(t, ICANON))) {
        if (t->t.c_iflag & IMAXBEL)
            echo_text(t, "\a", 1);
        return; /* as a terminal does: what does not fit is lost, but the line can still be ended */
    }
    t->buf[i] = c;
    if (mark)
        t->mark[i / 8] |= (u8)(1u << (i % 8));
    else
        t->mark[i / 8] &= (u8)~(1u << (i % 8));
    t->head++;
}

/* The column after the edited line as it is. */
static u32 line_end_column(const struct tty *t)
{
    u32 column = t->line_column;

    for (u32 i = t->line; i != t->head; i++) {
        u8 c = t->buf[i % TTY_INPUT];

        if (c == '\t')
            column += 8 - column % 8;
        else if (shown_as_two(t, c))
            column += 2;
        else if (c >= ' ' && (!(t->t.c_iflag & IUTF8) || (c & 0xc0) != 0x80))
            column++;
    }
    return column;
}

/* Take the last character of the line (a whole UTF-8 one) away; false: the line is empty. */
static bool erase_one(struct tty *t, bool show)
{
    u32 before, after;
    bool tab;

    if (t->head == t->line)
        return false;
    before = line_end_column(t);
    tab = t->buf[(t->head - 1) % TTY_INPUT] == '\t';
    do
        t->head--;
    while ((t->t.c_iflag & IUTF8) && t->head != t->line &&
           (t->buf[t->head % TTY_INPUT] & 0xc0) == 0x80);
    after = line_end_column(t);
    if (show) {
        for (u32 n = before - after; n; n--)
            echo_text(t, tab ? "\b" : "\b \b", tab ? 1 : 3);
        t->column = t->column > before - after ? t->column - (before - after) : 0;
    }
    return true;
}

static bool is_word(u8 c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c >= 0x80;
}

static void erase_word(struct tty *t, bool show)
{
    bool in_word = false;

    while (t->head != t->line) {
        bool word = is_word(t->buf[(t->head - 1) % TTY_INPUT]);

        if (in_word && !word)
            break;
        in_word = word;
        erase_one(t, show);
    }
}

static void erase_line(struct tty *t, u8 c)
{
    if (has(t, ECHO) && has(t, ECHOK) && has(t, ECHOKE) && has(t, ECHOE)) {
        while (erase_one(t, true))
            ;
        return;
    }
    t->head = t->line;
    if (has(t, ECHO)) {
        echo(t, c);
        if (has(t, ECHOK))
            echo(t, '\n');
    }
}

static void show_line_again(struct tty *t, u8 c)
{
    if (!has(t, ECHO))
        return;
    echo(t, c);
    echo(t, '\n');
    t->line_column = t->column;
    for (u32 i = t->line; i != t->head; i++)
        echo(t, t->buf[i % TTY_INPUT]);
}

static bool is_control(const struct tty *t, u8 c, u32 which)
{
    return t->t.c_cc[which] && c == t->t.c_cc[which];
}

static bool signal_byte(struct tty *t, u8 c)
{
    int signo = is_control(t, c, VINTR)   ? SIGINT
                : is_control(t, c, VQUIT) ? SIGQUIT
                : is_control(t, c, VSUSP) ? SIGTSTP
                                          : 0;

    if (!signo)
        return false;
    if (!has(t, NOFLSH)) {
        t->head = t->line = t->tail;
        tty_packet_news(t, 0, TIOCPKT_FLUSHREAD);
        if (t->driver->flush)
            t->driver->flush(t);
    }
    tty_set_stopped(t, false);
    if (has(t, ECHO))
        echo(t, c);
    tty_signal_foreground(t, signo);
    return true;
}

/* ^S and ^Q: true if the byte is used up. */
static bool flow_byte(struct tty *t, u8 c)
{
    if (is_control(t, c, VSTART)) {
        tty_set_stopped(t, false);
        return true;
    }
    if (is_control(t, c, VSTOP)) {
        tty_set_stopped(t, true);
        return true;
    }
    if (t->t.c_iflag & IXANY)
        tty_set_stopped(t, false);
    return false;
}

/* Editing of a line: true if the byte is used up by it. */
static bool edit_byte(struct tty *t, u8 c)
{
    bool show = has(t, ECHO) && has(t, ECHOE);

    if (is_control(t, c, VERASE)) {
        if (has(t, ECHO) && !show && t->head != t->line)
            echo(t, c);
        erase_one(t, show);
    } else if (is_control(t, c, VKILL)) {
        erase_line(t, c);
    } else if (has(t, IEXTEN) && is_control(t, c, VWERASE)) {
        erase_word(t, show);
    } else if (has(t, IEXTEN) && is_control(t, c, VREPRINT)) {
        show_line_again(t, c);
    } else if (is_control(t, c, VEOF)) {
        put_byte(t, 0, true);
        t->line = t->head;
    } else {
        return false;
    }
    return true;
}

static void input_byte(struct tty *t, u8 c)
{
    bool literal = t->literal, ends;

    t->literal = false;
    if (t->t.c_iflag & ISTRIP)
        c &= 0x7f;
    if ((t->t.c_iflag & IUCLC) && has(t, IEXTEN) && c >= 'A' && c <= 'Z')
        c = (u8)(c - 'A' + 'a');
    if (!literal) {
        if ((t->t.c_iflag & IXON) && flow_byte(t, c))
            return;
        if (has(t, ISIG) && signal_byte(t, c))
            return;
        if (c == '\r') {
            if (t->t.c_iflag & IGNCR)
                return;
            if (t->t.c_iflag & ICRNL)
                c = '\n';
        } else if (c == '\n' && (t->t.c_iflag & INLCR)) {
            c = '\r';
        }
        if (has(t, ICANON) && has(t, IEXTEN) && is_control(t, c, VLNEXT)) {
            t->literal = true;
            if (has(t, ECHO) && has(t, ECHOCTL))
                echo_text(t, "^\b", 2);
            return;
        }
        if (has(t, ICANON) && edit_byte(t, c))
            return;
    }
    if (t->head == t->line)
        t->line_column = t->column;
    if (has(t, ECHO) || (c == '\n' && !literal && has(t, ECHONL) && has(t, ICANON)))
        echo(t, c);
    ends = has(t, ICANON) && !literal &&
           (c == '\n' || is_control(t, c, VEOL) || (has(t, IEXTEN) && is_control(t, c, VEOL2)));
    put_byte(t, c, ends);
    if (!has(t, ICANON) || ends)
        t->line = t->head;
}

/* Nothing is looked for in the input: a program in raw mode. */
static bool is_plain(const struct tty *t)
{
    return !has(t, ICANON | ECHO | ISIG) && !t->literal &&
           !(t->t.c_iflag & (ISTRIP | IUCLC | IXON | IGNCR | ICRNL | INLCR | IMAXBEL));
}

static void input_plain(struct tty *t, const u8 *s, size_t n)
{
    n = MIN(n, TTY_INPUT - used(t));
    ring_put(t->buf, TTY_INPUT, t->head, s, (u32)n);
    t->head += (u32)n;
    t->line = t->head;
}

void ldisc_input(struct tty *t, const u8 *s, size_t n)
{
    if (is_plain(t))
        input_plain(t, s, n);
    else
        for (size_t i = 0; i < n; i++)
            input_byte(t, s[i]);
    tty_tell(t);
}

/* --- reading -------------------------------------------------------------------------------------- */

size_t ldisc_take(struct tty *t, u8 *out, size_t n, bool *end)
{
    size_t done = 0;

    *end = false;
    if (!has(t, ICANON)) { /* a ^D from before is a byte 0, as on Linux */
        done = MIN(n, t->line - t->tail);
        ring_get(t->buf, TTY_INPUT, t->tail, out, (u32)done);
        t->tail += (u32)done;
    }
    while (has(t, ICANON) && done < n && t->tail != t->line && !*end) {
        u32 i = t->tail % TTY_INPUT;
        bool mark = t->mark[i / 8] >> (i % 8) & 1;

        t->tail++;
        *end = mark;
        if (!mark || t->buf[i]) /* ^D itself is not read */
            out[done++] = t->buf[i];
    }
    tty_tell(t);
    return done;
}
