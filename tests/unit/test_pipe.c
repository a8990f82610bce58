/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes: fs/pipe.c. */
#include "core/string.h"
#include "fs/cred.h"
#include "fs/file.h"
#include "object/process.h"
#include "object/thread.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#include <linux/fcntl.h>
#include <stdlib.h>

static struct file *reader, *writer;
static struct process process;

static void start(u32 flags)
{
    process.cred = cred_create(0);
    INIT_ONCE(current()->proc, &process);
    CHECK_EQ(pipe_create(&reader, &writer, flags), 0);
}

static void close_(struct file **f)
{
    if (*f)
        object_unref(&(*f)->obj);
    *f = NULL;
}

static void end(void)
{
    close_(&reader);
    close_(&writer);
    cred_unref(process.cred);
    CHECK_EQ(fake_blocks, 0);
}

static ssize_t write_(const void *buf, size_t n)
{
    struct uio u;

    uio_init_kernel(&u, (void *)buf, n);
    return writer->ops->write(writer, &u, NULL);
}

static ssize_t read_(void *buf, size_t n)
{
    struct uio u;

    uio_init_kernel(&u, buf, n);
    return reader->ops->read(reader, &u, NULL);
}

START_TEST(signals_tell_what_can_be_done)
{
    static char buf[65536];

    start(O_NONBLOCK);
    CHECK_EQ(object_signals(&reader->obj), 0);
    CHECK_EQ(object_signals(&writer->obj), SIG_WRITABLE);
    CHECK_EQ(read_(buf, 10), -EAGAIN);
    CHECK_EQ(write_("abc", 3), 3);
    CHECK_EQ(object_signals(&reader->obj), SIG_READABLE);
    CHECK_EQ(read_(buf, 2), 2);
    CHECK_EQ(read_(buf, 10), 1);
    CHECK_EQ(buf[0], 'c');
    CHECK_EQ(object_signals(&reader->obj), 0);
    CHECK_EQ(write_(buf, 65536), 65536);
    CHECK_EQ(object_signals(&writer->obj), 0);
    CHECK_EQ(write_(buf, 1), -EAGAIN);
    CHECK_EQ(read_(buf, 4096), 4096);
    CHECK_EQ(object_signals(&writer->obj), SIG_WRITABLE);
    CHECK_EQ(read_(buf, 0), 0);
    close_(&writer);
    CHECK_EQ(object_signals(&reader->obj), SIG_READABLE | SIG_HANGUP);
    CHECK_EQ(read_(buf, 65536), 61440);
    CHECK_EQ(read_(buf, 10), 0);
    end();
}
END_TEST

START_TEST(small_writes_are_whole_or_not_at_all)
{
    static char buf[65536];

    start(O_NONBLOCK);
    CHECK_EQ(write_(buf, 65536 - 100), 65536 - 100);
    CHECK_EQ(write_(buf, 101), -EAGAIN);
    CHECK_EQ(write_(buf, 100), 100);
    CHECK_EQ(read_(buf, 5000), 5000);
    CHECK_EQ(write_(buf, 20000), 5000); /* larger ones go as far as there is room */
    end();
}
END_TEST

START_TEST(a_pipe_nobody_reads_is_broken)
{
    start(0);
    close_(&reader);
    CHECK_EQ(write_("x", 1), -EPIPE);
    CHECK(object_signals(&writer->obj) & SIG_ERROR);
    end();
}
END_TEST

/* --- a stream between threads ----------------------------------------------------------------- */

#define TOTAL 500000u

static u64 sent, received;

static void write_all(void *arg UNUSED)
{
    static u8 buf[80000];

    while (sent < TOTAL) {
        u32 n = 1 + unit_below(unit_below(2) ? 200 : sizeof(buf));
        ssize_t r;

        n = MIN(n, TOTAL - sent);
        for (u32 i = 0; i < n; i++)
            buf[i] = (u8)((sent + i) * 31 >> 3);
        r = write_(buf, n);
        CHECK_OP(r, >, 0);
        sent += (u64)r;
    }
    close_(&writer);
}

static void read_all(void *arg UNUSED)
{
    static u8 buf[80000];
    ssize_t r;

    for (;;) {
        r = read_(buf, 1 + unit_below(unit_below(2) ? 200 : sizeof(buf)));
        CHECK_OP(r, >=, 0);
        if (!r)
            break;
        for (ssize_t i = 0; i < r; i++)
            CHECK_EQ(buf[i], (u8)((received + (u64)i) * 31 >> 3));
        received += (u64)r;
    }
    close_(&reader);
}

START_TEST(what_is_written_arrives_in_order)
{
    fake_threads((u64)_i + 1);
    start(0);
    if (_i % 2)
        pipe_set_size(writer, 4096);
    fake_spawn(write_all, NULL);
    fake_spawn(read_all, NULL);
    fake_join();
    CHECK_EQ(received, TOTAL);
    end();
}
END_TEST

START_TEST(without_memory_there_is_no_pipe)
{
    int r;

    process.cred = cred_create(0);
    INIT_ONCE(current()->proc, &process);
    for (u64 n = 1;; n++) {
        fake_failed = false;
        fake_fail_after = n;
        r = pipe_create(&reader, &writer, 0);
        fake_fail_after = 0;
        if (!fake_failed)
            break;
        CHECK_EQ(r, -ENOMEM);
        CHECK_EQ(fake_blocks, 1); /* the credentials */
    }
    CHECK_EQ(r, 0);
    end();
}
END_TEST

UNIT_MAIN("pipe", ONCE(signals_tell_what_can_be_done), ONCE(small_writes_are_whole_or_not_at_all),
          ONCE(a_pipe_nobody_reads_is_broken), SEEDS(what_is_written_arrives_in_order, 8),
          ONCE(without_memory_there_is_no_pipe))
