/* SPDX-License-Identifier: Apache-2.0 */
/* epoll(7) in epoll: what the outer one sees of the inner one's files, circles, depth, width; EPOLLEXCLUSIVE. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>

static int new_epoll(void)
{
    return (int)OK(epoll_create1(0));
}

static int add(int e, int fd, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.fd = fd };

    return epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev);
}

static int ready(int e)
{
    struct epoll_event ev[4];

    return (int)OK(epoll_wait(e, ev, 4, 0));
}

static int polled(int fd)
{
    struct pollfd f = { .fd = fd, .events = POLLIN };
    struct timeval none = { 0, 0 };
    fd_set set;
    int n = (int)OK(poll(&f, 1, 0));

    FD_ZERO(&set);
    FD_SET(fd, &set);
    CHECK_EQ(select(fd + 1, &set, NULL, NULL, &none), n);
    CHECK_EQ(f.revents, n ? POLLIN : 0);
    return n;
}

static void take(int fd)
{
    char c;

    CHECK_EQ(read(fd, &c, 1), 1);
}

static void an_event_that_others_took_is_gone_at_each_level(void)
{
    int p[2], e[4];

    OK(pipe2(p, O_NONBLOCK));
    for (int i = 0; i < 4; i++)
        e[i] = new_epoll();
    OK(add(e[0], p[0], EPOLLIN));
    for (int i = 1; i < 4; i++)
        OK(add(e[i], e[i - 1], EPOLLIN));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++)
            CHECK(!polled(e[i]) && !ready(e[i]));
        CHECK_EQ(write(p[1], "x", 1), 1);
        for (int i = 3; i >= 0; i--)
            CHECK(polled(e[i]) && ready(e[i]) && ready(e[i]));
        take(p[0]);
    }
    OK(close(p[1]));
    CHECK_EQ(ready(e[3]), 1); /* the end goes up too */
    OK(close(p[0]));
    for (int i = 0; i < 4; i++) {
        CHECK(!ready(e[i]));
        OK(close(e[i]));
    }
}

static void each_event_is_an_edge_for_the_outer_one(void)
{
    int p[2], inner = new_epoll(), outer = new_epoll(), top = new_epoll();

    OK(pipe2(p, O_NONBLOCK));
    OK(add(inner, p[0], EPOLLIN));
    OK(add(outer, inner, EPOLLIN | EPOLLET));
    OK(add(top, outer, EPOLLIN | EPOLLET));
    CHECK_EQ(ready(outer), 0);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(write(p[1], "x", 1), 1);
        CHECK_EQ(ready(top), 1);
        CHECK_EQ(ready(top), 0);
        CHECK_EQ(ready(outer), 1);
        CHECK_EQ(ready(outer), 0);
        if (i == 2)
            CHECK_EQ(ready(inner), 1);
        if (i == 3)
            for (int k = 0; k < 4; k++)
                take(p[0]);
    }
    take(p[0]);
    CHECK_EQ(write(p[1], "x", 1), 1);
    take(p[0]);
    CHECK_EQ(ready(top), 0); /* taken before it was looked at */
    CHECK_EQ(write(p[1], "x", 1), 1);
    CHECK_EQ(ready(top), 1);
    OK(close(top));
    OK(close(outer));
    OK(close(inner));
    OK(close(p[0]));
    OK(close(p[1]));
}

static void a_one_shot_item_shows_once(void)
{
    int p[2], inner = new_epoll(), outer = new_epoll();
    struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };

    OK(pipe2(p, O_NONBLOCK));
    OK(add(inner, p[0], EPOLLIN | EPOLLONESHOT));
    OK(add(outer, inner, EPOLLIN));
    CHECK_EQ(write(p[1], "x", 1), 1);
    CHECK(ready(outer) && ready(outer)); /* looking from outside does not use it up */
    CHECK_EQ(ready(inner), 1);
    CHECK(!ready(inner) && !ready(outer) && !polled(inner));
    CHECK_EQ(write(p[1], "x", 1), 1);
    CHECK(!ready(outer) && !polled(inner));
    OK(epoll_ctl(inner, EPOLL_CTL_MOD, p[0], &ev));
    CHECK(ready(outer) && polled(inner) && ready(inner));
    CHECK(!ready(outer));
    OK(close(inner));
    CHECK_EQ(ready(outer), 0);
    OK(close(outer));
    OK(close(p[0]));
    OK(close(p[1]));
}

static void *wait_long(void *arg)
{
    struct epoll_event ev;

    return (void *)(intptr_t)epoll_wait(*(int *)arg, &ev, 1, 20000);
}

static void a_sleeper_at_the_top_is_woken(void)
{
    int p[2], inner = new_epoll(), outer = new_epoll(), top = new_epoll();
    pthread_t t;
    void *r;

    OK(pipe2(p, O_NONBLOCK));
    OK(add(top, outer, EPOLLIN));
    OK(add(outer, inner, EPOLLIN));
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(pthread_create(&t, NULL, wait_long, &top), 0);
        t_sleep_ms(20);
        if (!i)
            OK(add(inner, p[0], EPOLLIN));
        CHECK_EQ(write(p[1], "x", 1), 1);
        CHECK_EQ(pthread_join(t, &r), 0);
        CHECK_EQ((intptr_t)r, 1);
        take(p[0]);
    }
    OK(close(top));
    OK(close(outer));
    OK(close(inner));
    OK(close(p[0]));
    OK(close(p[1]));
}

/* However it is built, a chain has five epolls at most here; old kernels look down only. */
static void a_chain_ends(void)
{
    int e[12], down = 0, up = 0, event = (int)OK(eventfd(0, 0));
    uint64_t one = 1;

    for (int i = 0; i < 12; i++)
        e[i] = new_epoll();
    OK(add(e[0], event, EPOLLIN));
    while (up < 11 && add(e[up + 1], e[up], EPOLLIN) == 0)
        up++;
    CHECK_EQ(errno, ELOOP);
    CHECK(up >= 4 && up < 8);
    CHECK_EQ(write(event, &one, 8), 8);
    CHECK_EQ(ready(e[4]), 1);
    for (int i = 0; i < 12; i++) {
        OK(close(e[i]));
        e[i] = new_epoll();
    }
    while (down < 11 && add(e[down], e[down + 1], EPOLLIN) == 0)
        down++;
    if (t_in_sandbox()) {
        CHECK_EQ(up, 4);
        CHECK_EQ(down, 4);
        CHECK_ERRNO(add(e[8], e[0], EPOLLIN), ELOOP);
        OK(add(e[5], e[6], EPOLLIN)); /* two halves that are too long together */
        OK(add(e[6], e[7], EPOLLIN));
        CHECK_ERRNO(add(e[2], e[5], EPOLLIN), ELOOP);
        OK(add(e[1], e[5], EPOLLIN));
        OK(epoll_ctl(e[1], EPOLL_CTL_DEL, e[2], NULL)); /* what is gone counts no more */
        OK(close(e[1]));
        OK(add(e[2], e[5], EPOLLIN));
        e[1] = new_epoll();
    }
    for (int i = 0; i < 12; i++)
        OK(close(e[i]));
    OK(close(event));
}

static void circles_are_refused(void)
{
    int a = new_epoll(), b = new_epoll(), c = new_epoll();

    CHECK_ERRNO(add(a, a, EPOLLIN), EINVAL);
    OK(add(a, b, EPOLLIN));
    CHECK_ERRNO(add(a, b, EPOLLIN), EEXIST);
    CHECK_ERRNO(add(b, a, EPOLLIN), ELOOP);
    OK(add(b, c, EPOLLIN));
    CHECK_ERRNO(add(c, a, EPOLLIN), ELOOP);
    OK(epoll_ctl(a, EPOLL_CTL_DEL, b, NULL));
    OK(add(c, a, EPOLLIN));
    CHECK_ERRNO(add(a, b, EPOLLIN), ELOOP);
    OK(close(c));
    OK(add(a, b, EPOLLIN));
    OK(close(a));
    OK(close(b));
}

static volatile int round_nr, finished, both[2];

static void *other_way(void *arg)
{
    (void)arg;
    for (int i = 1; i <= 200; i++) {
        while (__atomic_load_n(&round_nr, __ATOMIC_ACQUIRE) != i)
            sched_yield();
        add(both[1], both[0], EPOLLIN);
        __atomic_store_n(&finished, i, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* Two threads that would close a circle from both sides at once. */
static void a_circle_by_two_threads_is_refused(void)
{
    int event = (int)OK(eventfd(0, 0));
    uint64_t one = 1;
    pthread_t t;

    CHECK_EQ(pthread_create(&t, NULL, other_way, NULL), 0);
    for (int i = 1; i <= 200; i++) {
        both[0] = new_epoll();
        both[1] = new_epoll();
        __atomic_store_n(&round_nr, i, __ATOMIC_RELEASE);
        add(both[0], both[1], EPOLLIN);
        while (__atomic_load_n(&finished, __ATOMIC_ACQUIRE) != i)
            sched_yield();
        OK(add(both[0], event, EPOLLIN));
        CHECK_EQ(write(event, &one, 8), 8); /* in a circle it would go round for ever */
        CHECK_EQ(ready(both[0]), 1);
        CHECK_EQ(read(event, &one, 8), 8);
        OK(close(both[0]));
        OK(close(both[1]));
    }
    CHECK_EQ(pthread_join(t, NULL), 0);
    OK(close(event));
}

/* Each of five watches the next by many descriptors: 80^4 ways from the top to the bottom. */
static void wide_nests_are_searched_by_epolls_not_by_paths(void)
{
    enum { WIDTH = 80 };
    int e[5], top = new_epoll(), event = (int)OK(eventfd(0, 0));
    uint64_t one = 1;

    for (int i = 0; i < 5; i++)
        e[i] = new_epoll();
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < WIDTH; k++)
            OK(add(e[i], (int)OK(dup(e[i + 1])), EPOLLIN));
    if (t_in_sandbox())
        CHECK_ERRNO(add(top, e[0], EPOLLIN), ELOOP);
    if (add(e[4], event, EPOLLIN) < 0) { /* Linux limits the number of ways to a file */
        CHECK_EQ(errno, EINVAL);
        return;
    }
    CHECK_EQ(ready(e[0]), 0);
    CHECK_EQ(write(event, &one, 8), 8);
    CHECK_EQ(ready(e[0]), 4);
    CHECK_EQ(read(event, &one, 8), 8);
    CHECK_EQ(ready(e[0]), 0);
}

/* --- EPOLLEXCLUSIVE ------------------------------------------------------------------------------- */

#define EIGHT 8

static int woken, shared_pipe[2];

static void *wait_and_count(void *arg)
{
    struct epoll_event ev;

    if (epoll_wait(*(int *)arg, &ev, 1, 20000) == 1)
        __atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void one_of_the_exclusive_ones_wakes(void)
{
    int e[EIGHT], plain = new_epoll();
    pthread_t t[EIGHT];

    OK(pipe2(shared_pipe, O_NONBLOCK));
    for (int i = 0; i < EIGHT; i++) {
        e[i] = new_epoll();
        OK(add(e[i], shared_pipe[0], EPOLLIN | EPOLLEXCLUSIVE));
        CHECK_EQ(pthread_create(&t[i], NULL, wait_and_count, &e[i]), 0);
    }
    OK(add(plain, shared_pipe[0], EPOLLIN));
    t_sleep_ms(300); /* all sleep */
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ(write(shared_pipe[1], "x", 1), 1);
        EVENTUALLY(__atomic_load_n(&woken, __ATOMIC_SEQ_CST) == i);
        t_sleep_ms(50);
        CHECK_EQ(__atomic_load_n(&woken, __ATOMIC_SEQ_CST), i);
        CHECK_EQ(ready(plain), 1); /* who is not exclusive is told of all */
    }
    OK(close(shared_pipe[1])); /* an end is for all */
    for (int i = 0; i < EIGHT; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
    CHECK_EQ(woken, EIGHT);
}

/* Nobody waits: then all are told, and none has to rely on another. */
static void without_a_waiter_all_exclusive_ones_are_told(void)
{
    int e[3], p[2];

    OK(pipe2(p, O_NONBLOCK));
    for (int i = 0; i < 3; i++) {
        e[i] = new_epoll();
        OK(add(e[i], p[0], EPOLLIN | EPOLLEXCLUSIVE));
    }
    CHECK_EQ(write(p[1], "x", 1), 1);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(ready(e[i]), 1);
}

int main(void)
{
    an_event_that_others_took_is_gone_at_each_level();
    each_event_is_an_edge_for_the_outer_one();
    a_one_shot_item_shows_once();
    a_sleeper_at_the_top_is_woken();
    circles_are_refused();
    a_chain_ends();
    a_circle_by_two_threads_is_refused();
    without_a_waiter_all_exclusive_ones_are_told();
    one_of_the_exclusive_ones_wakes();
    wide_nests_are_searched_by_epolls_not_by_paths();
    return 0;
}
