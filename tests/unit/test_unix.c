/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets: net/. Their buffers, lack of memory, and sockets lost in each other's queues. */
#include "core/string.h"
#include "fs/cred.h"
#include "fs/file.h"
#include "fs/text.h"
#include "net/unix_impl.h"
#include "object/process.h"
#include "object/thread.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#include <linux/fcntl.h>
#include <asm/resource.h>

void (*proc_net_unix)(struct text *t);

static struct process process;
static struct file *end[2];

static void close_(struct file **f)
{
    if (*f)
        object_unref(&(*f)->obj);
    *f = NULL;
}

static void begin(void)
{
    process.cred = cred_create(0);
    process.rlimits[RLIMIT_NOFILE].cur = 1024;
    INIT_ONCE(process.pid, 1);
    INIT_ONCE(current()->proc, &process);
    net_init();
}

static void finish(void)
{
    CHECK_EQ(unix_flights(), 0);
    cred_unref(process.cred);
    CHECK_EQ(fake_blocks, 0);
}

static void pair(int type, u32 flags)
{
    CHECK_EQ(socket_create_pair(AF_UNIX_, type, 0, flags, end), 0);
}

static ssize_t write_(struct file *f, const void *buf, size_t n)
{
    struct uio u;

    uio_init_kernel(&u, (void *)buf, n);
    return f->ops->write(f, &u, NULL);
}

static ssize_t read_(struct file *f, void *buf, size_t n)
{
    struct uio u;

    uio_init_kernel(&u, buf, n);
    return f->ops->read(f, &u, NULL);
}

/* Send a byte with files; -errno. */
static ssize_t pass(struct file *f, struct file **files, u32 n)
{
    struct socket_message m = { .flags = MSG_DONTWAIT_ };
    struct uio u;
    ssize_t r;

    m.passed = passed_create(n);
    if (!m.passed)
        return -ENOMEM;
    for (u32 i = 0; i < n; i++) {
        object_ref(&files[i]->obj);
        m.passed->h[m.passed->n++] = (struct handle){ &files[i]->obj, RIGHTS_ALL, 0 };
    }
    uio_init_kernel(&u, "x", 1);
    m.data = &u;
    r = passed_send(m.passed);
    if (r == 0)
        r = socket_of(f)->ops->send(socket_of(f), &m);
    if (m.passed)
        passed_unref(m.passed);
    return r;
}

/* Receive a message; its first file, with a reference, or NULL. */
static struct file *take(struct file *f)
{
    struct socket_message m = { .flags = MSG_DONTWAIT_ };
    struct file *got = NULL;
    struct uio u;
    char c;

    uio_init_kernel(&u, &c, 1);
    m.data = &u;
    socket_of(f)->ops->receive(socket_of(f), &m);
    if (!m.passed)
        return NULL;
    passed_hold(m.passed);
    for (u32 i = 0; i < m.passed->n; i++) {
        if (!got)
            got = file_of(m.passed->h[i].obj);
        else
            object_unref(m.passed->h[i].obj);
    }
    passed_unref(m.passed);
    return got;
}

/* --- buffers ---------------------------------------------------------------------------------- */

START_TEST(signals_tell_what_can_be_done)
{
    static char buf[300000];
    ssize_t n;

    begin();
    pair(SOCK_STREAM_, O_NONBLOCK);
    CHECK_EQ(object_signals(&end[0]->obj), SIG_WRITABLE | SIG_BUDGET);
    CHECK_EQ(read_(end[1], buf, 1), -EAGAIN);
    n = write_(end[0], buf, sizeof(buf));
    CHECK_OP(n, >=, 180000);
    CHECK_OP(n, <=, 250000);
    CHECK_EQ(write_(end[0], buf, 1), -EAGAIN);
    CHECK_EQ(object_signals(&end[0]->obj), 0);
    CHECK_EQ(object_signals(&end[1]->obj), SIG_READABLE | SIG_WRITABLE | SIG_BUDGET);
    CHECK_EQ(read_(end[1], buf, (size_t)n / 2), n / 2);
    CHECK_EQ(object_signals(&end[0]->obj), 0); /* until three quarters are free */
    CHECK_EQ(read_(end[1], buf, sizeof(buf)), n - n / 2);
    CHECK_EQ(object_signals(&end[0]->obj), SIG_WRITABLE | SIG_BUDGET);
    CHECK_EQ(object_signals(&end[1]->obj), SIG_WRITABLE | SIG_BUDGET);
    close_(&end[0]);
    CHECK_EQ(object_signals(&end[1]->obj) &
                 (SIG_HANGUP | SIG_READ_CLOSED | SIG_READABLE | SIG_ERROR),
             SIG_HANGUP | SIG_READ_CLOSED | SIG_READABLE);
    CHECK_EQ(write_(end[1], "x", 1), -EPIPE);
    close_(&end[1]);
    finish();
}
END_TEST

START_TEST(small_writes_share_memory)
{
    s64 before;

    begin();
    pair(SOCK_STREAM_, O_NONBLOCK);
    before = fake_blocks;
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(write_(end[0], "x", 1), 1);
    CHECK_OP(fake_blocks - before, <=, 2);
    CHECK_EQ(unix_of(socket_of(end[1]))->bytes, 1000);
    close_(&end[0]);
    close_(&end[1]);
    finish();
}
END_TEST

#define TOTAL 400000u

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
        r = write_(end[0], buf, n);
        CHECK_EQ(r, n);
        sent += (u64)r;
    }
    close_(&end[0]);
}

static void read_all(void *arg UNUSED)
{
    static u8 buf[80000];
    ssize_t r;

    for (;;) {
        r = read_(end[1], buf, 1 + unit_below(unit_below(2) ? 200 : sizeof(buf)));
        CHECK_OP(r, >=, 0);
        if (!r)
            break;
        for (ssize_t i = 0; i < r; i++)
            CHECK_EQ(buf[i], (u8)((received + (u64)i) * 31 >> 3));
        received += (u64)r;
    }
    close_(&end[1]);
}

START_TEST(what_is_written_arrives_in_order)
{
    s32 small = 5000;

    begin();
    fake_threads((u64)_i + 1);
    pair(SOCK_STREAM_, 0);
    if (_i % 2)
        CHECK_EQ(socket_set_option(socket_of(end[0]), 7 /* SO_SNDBUF */, &small, sizeof(small)), 0);
    INIT_ONCE(fake_spawn(write_all, NULL)->proc, &process);
    INIT_ONCE(fake_spawn(read_all, NULL)->proc, &process);
    fake_join();
    CHECK_EQ(received, TOTAL);
    finish();
}
END_TEST

/* --- room in a datagram socket's queue -------------------------------------------------------- */

static struct file *receiver, *sender;
static ssize_t answer;

static void start_full(void)
{
    struct socket_address a = { .len = 4, .family = AF_UNIX_ };

    a.bytes[3] = 'r';
    CHECK_EQ(socket_create(AF_UNIX_, SOCK_DGRAM_, 0, 0, &receiver), 0);
    CHECK_EQ(socket_create(AF_UNIX_, SOCK_DGRAM_, 0, 0, &sender), 0);
    CHECK_EQ(socket_of(receiver)->ops->bind(socket_of(receiver), &a), 0);
    CHECK_EQ(socket_of(sender)->ops->connect(socket_of(sender), &a, false), 0);
    for (u32 i = 0; i <= DGRAM_BACKLOG; i++) {
        CHECK(object_signals(&sender->obj) & SIG_WRITABLE);
        CHECK_EQ(write_(sender, "x", 1), 1);
    }
    CHECK(!(object_signals(&sender->obj) & SIG_WRITABLE));
}

static void send_one_more(void *arg UNUSED)
{
    answer = write_(sender, "x", 1);
}

START_TEST(who_waits_for_room_is_told)
{
    struct socket_address a = { .len = 4, .family = AF_UNIX_ };
    char c;

    begin();
    fake_threads(0);
    start_full();
    INIT_ONCE(fake_spawn(send_one_more, NULL)->proc, &process);
    thread_yield(); /* it begins to wait */
    switch (_i) {
    case 0:
        CHECK_EQ(read_(receiver, &c, 1), 1);
        fake_join();
        CHECK_EQ(answer, 1);
        break;
    case 1:
        socket_of(receiver)->ops->shutdown(socket_of(receiver), SHUT_RECEIVE);
        fake_join();
        CHECK_EQ(answer, -EPIPE);
        break;
    default:
        close_(&receiver);
        fake_join();
        CHECK_EQ(answer, -ECONNREFUSED);
        break;
    }
    close_(&receiver);
    close_(&sender);
    /* Two that are connected to each other do not wait. */
    start_full();
    a.bytes[3] = 's';
    CHECK_EQ(socket_of(sender)->ops->bind(socket_of(sender), &a), 0);
    CHECK_EQ(socket_of(receiver)->ops->connect(socket_of(receiver), &a, false), 0);
    CHECK(object_signals(&sender->obj) & SIG_WRITABLE);
    a.family = AF_UNSPEC_;
    CHECK_EQ(socket_of(receiver)->ops->connect(socket_of(receiver), &a, false), 0);
    close_(&receiver);
    close_(&sender);
    finish();
}
END_TEST

/* --- lack of memory --------------------------------------------------------------------------- */

static void use(int type)
{
    static char buf[20000];
    struct file *got;

    if (socket_create_pair(AF_UNIX_, type, 0, O_NONBLOCK, end))
        return;
    if (write_(end[0], buf, sizeof(buf)) > 0)
        CHECK_OP(read_(end[1], buf, sizeof(buf)), >, 0);
    pass(end[0], end, 2);
    got = take(end[1]);
    close_(&got);
    pass(end[1], end, 2); /* into a queue of their own */
    close_(&end[0]);
    close_(&end[1]);
    unix_collect();
}

START_TEST(lack_of_memory_loses_nothing)
{
    static const int types[] = { SOCK_STREAM_, SOCK_DGRAM_, SOCK_SEQPACKET_ };

    begin();
    do {
        static u64 n;

        fake_failed = false;
        fake_fail_after = ++n;
        use(types[_i]);
        fake_fail_after = 0;
        CHECK_EQ(unix_flights(), 0);
        CHECK_EQ(fake_blocks, 1); /* the credentials */
    } while (fake_failed);
    finish();
}
END_TEST

/* --- files under way -------------------------------------------------------------------------- */

#define SLOTS 12u

/*
 * Sockets are made, closed, sent over each other and received at random; at the end all descriptors
 * are closed, whatever is in the queues. Meanwhile each open one still has what was sent to it.
 */
START_TEST(nothing_is_left_of_sockets_in_queues)
{
    struct file *f[SLOTS] = { NULL };

    unit_seed((u64)_i + 1);
    begin();
    for (u32 step = 0; step < 2000; step++) {
        u32 a = unit_below(SLOTS), b = unit_below(SLOTS);
        static const int types[] = { SOCK_STREAM_, SOCK_DGRAM_, SOCK_SEQPACKET_ };

        switch (unit_below(5)) {
        case 0:
            if (a != b && !f[a] && !f[b]) {
                pair(types[unit_below(3)], O_NONBLOCK);
                f[a] = end[0];
                f[b] = end[1];
            }
            break;
        case 1:
            close_(&f[a]);
            break;
        case 2:
        case 3:
            if (f[a] && f[b]) {
                struct file *two[2] = { f[b], f[unit_below(SLOTS)] };

                pass(f[a], two, two[1] ? 1 + unit_below(2) : 1);
            }
            break;
        default:
            if (f[a] && !f[b])
                f[b] = take(f[a]);
            break;
        }
    }
    for (u32 i = 0; i < SLOTS; i++)
        close_(&f[i]);
    unix_collect(); /* the last close need not have been the last of a socket */
    finish();
}
END_TEST

/* A chain of queues, a socket in each, the last with a pair of which one end can be reached. */
START_TEST(what_can_be_received_stays)
{
    struct file *outer[2], *inner[2], *got, *same;
    char c = 0;

    begin();
    pair(SOCK_STREAM_, O_NONBLOCK);
    memcpy(outer, end, sizeof(end));
    pair(SOCK_STREAM_, O_NONBLOCK);
    memcpy(inner, end, sizeof(end));
    CHECK_EQ(write_(inner[0], "!", 1), 1);
    CHECK_EQ(pass(inner[0], &inner[1], 1), 1); /* itself: a cycle, behind a byte */
    CHECK_EQ(pass(outer[0], &inner[1], 1), 1);
    close_(&inner[0]);
    close_(&inner[1]);
    unix_collect();
    CHECK_EQ(unix_flights(), 1);
    got = take(outer[1]);
    CHECK(got != NULL);
    CHECK_EQ(read_(got, &c, 1), 1);
    CHECK_EQ(c, '!');
    same = take(got);
    CHECK(same == got);
    close_(&same);
    close_(&got);
    unix_collect();
    close_(&outer[0]);
    close_(&outer[1]);
    finish();
}
END_TEST

/*
 * Each pair in the queue of the next: that a close takes no stack for each is what ASan would tell.
 */
START_TEST(a_long_chain_ends_at_once)
{
    struct file *last[2];

    begin();
    pair(SOCK_DGRAM_, O_NONBLOCK);
    for (int i = 0; i < 50000; i++) {
        memcpy(last, end, sizeof(end));
        pair(SOCK_DGRAM_, O_NONBLOCK);
        process.rlimits[RLIMIT_NOFILE].cur = UINT64_MAX;
        CHECK_EQ(pass(end[0], last, 2), 1);
        current()->dropping = &(struct list){ 0 }; /* no search at each step: that is quadratic */
        close_(&last[0]);
        close_(&last[1]);
        current()->dropping = NULL;
    }
    close_(&end[0]);
    close_(&end[1]);
    finish();
}
END_TEST

START_TEST(a_user_has_a_limited_number_under_way)
{
    struct file *many[10];

    begin();
    process.rlimits[RLIMIT_NOFILE].cur = 20;
    pair(SOCK_DGRAM_, O_NONBLOCK);
    for (u32 i = 0; i < 10; i++)
        many[i] = end[0];
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pass(end[0], many, 10), 1);
    CHECK_EQ(pass(end[0], many, 10), -ETOOMANYREFS);
    close_(&(struct file *){ take(end[1]) });
    CHECK_EQ(pass(end[0], many, 10), 1);
    close_(&end[0]);
    close_(&end[1]);
    finish();
}
END_TEST

UNIT_MAIN("unix", ONCE(signals_tell_what_can_be_done), ONCE(small_writes_share_memory),
          SEEDS(what_is_written_arrives_in_order, 8), SEEDS(who_waits_for_room_is_told, 3),
          SEEDS(lack_of_memory_loses_nothing, 3),
          SEEDS(nothing_is_left_of_sockets_in_queues, 40), ONCE(what_can_be_received_stays),
          ONCE(a_long_chain_ends_at_once), ONCE(a_user_has_a_limited_number_under_way))
