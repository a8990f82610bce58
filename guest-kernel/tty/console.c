/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's first terminal: its other side is the outer terminal, which runrsc has made raw. A
 * kernel thread takes the input, so that ^C works while nobody reads.
 */
#include "core/boot.h"
#include "core/print.h"
#include "object/process.h"
#include "tty/stdio.h"
#include "tty/tty.h"
#include "tty/tty_impl.h"

static struct tty console;
static bool there;
static struct event source; /* the outer terminal has something */

static u32 console_room(const struct tty *t UNUSED)
{
    return TTY_OUT_PART;
}

static void console_put(struct tty *t UNUSED, const u8 *s, u32 n)
{
    stdio_write_buf(1, s, n);
}

static ssize_t console_send(struct tty *t UNUSED, const u8 *s, u32 n)
{
    return stdio_write_buf(1, s, n);
}

static const struct tty_driver console_driver = {
    .room = console_room, .put = console_put, .send = console_send,
};

static void input_thread(void *arg UNUSED)
{
    static u8 buf[TTY_INPUT_PART];
    ssize_t n;

    do {
        object_wait(&source.obj, SIG_READABLE, DEADLINE_NEVER, 0);
        object_wait(&console.room.obj, SIG_SIGNALED, DEADLINE_NEVER, 0);
        n = stdio_read_buf(0, buf, sizeof(buf));
        mutex_lock(&console.lock);
        if (n <= 0 && n != -EAGAIN && n != -EINTR)
            console.ended = true;
        ldisc_input(&console, buf, n > 0 ? (size_t)n : 0);
        mutex_unlock(&console.lock);
    } while (!console.ended);
    if (READ_ONCE(console.session))
        signal_pgrp(console.session, SIGHUP);
}

bool tty_is_console(void)
{
    return there;
}

static u64 size_of(u32 columns, u32 rows)
{
    return (u64)(columns & 0xffff) << 16 | (rows & 0xffff);
}

void tty_resized(u32 columns, u32 rows)
{
    if (there)
        tty_set_size(&console, size_of(columns, rows));
}

void console_boot(void)
{
    const struct boot_node *node = boot_node("process");
    struct thread *t;

    stdio_boot();
    if (!boot_flag(node, "terminal"))
        return;
    tty_init(&console, &console_driver);
    tty_register(&console);
    event_init(&source);
    console.t.c_iflag |= IUTF8;
    console.size = size_of(boot_cell(node, "winsize", 0, 0), boot_cell(node, "winsize", 1, 0));
    console.session = console.pgrp = 1; /* the first process leads the terminal's session */
    console.grant = TTY_FIRST_GRANT;
    tty_ref(&console);
    t = thread_create(NULL, "tty", input_thread, NULL);
    if (!t)
        panic("no memory for the terminal's thread");
    there = true;
    stdio_watch(0, &source.obj);
    thread_start(t);
    object_unref(&t->obj);
}
