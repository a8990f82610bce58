/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of unix sockets: listen, connect, accept, socketpair. */
#include "net/unix_impl.h"

#include "object/process.h"

#include <asm/socket.h>

#define INHERITED ((UINT64_C(1) << SO_PASSCRED) | (UINT64_C(1) << SO_PASSSEC))

/*
 * Take it out of UNIX_IDLE into UNIX_CONNECTING: one of several threads succeeds. *was: what it
 * was.
 */
static bool claim(struct unix_socket *u, u32 *was)
{
    *was = UNIX_IDLE;
    return __atomic_compare_exchange_n(&u->state, was, UNIX_CONNECTING, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* --- listen, accept --------------------------------------------------------------------------- */

int unix_listen(struct socket *s, u32 backlog)
{
    struct unix_socket *u = unix_of(s);
    bool full;
    int r = 0;
    u32 was;

    if (!__atomic_load_n(&u->address, __ATOMIC_ACQUIRE))
        return -EINVAL;
    mutex_lock(&u->lock);
    if (claim(u, &was)) {
        unix_set_peer_cred(u); /* what those who connect see; before any of them can */
        __atomic_store_n(&u->state, UNIX_LISTENING, __ATOMIC_RELEASE);
    } else if (was != UNIX_LISTENING) {
        r = -EINVAL;
    }
    if (r == 0) {
        full = unix_is_full(u);
        WRITE_ONCE(u->backlog, MIN(backlog, SOMAXCONN_));
        unix_room_changed(u, full);
    }
    mutex_unlock(&u->lock);
    socket_update(s, false);
    return r;
}

static struct unix_socket *first_waiting(struct unix_socket *u)
{
    struct unix_socket *w = NULL;
    bool full = unix_is_full(u);

    if (!list_empty(&u->accepting)) {
        w = list_first(&u->accepting, struct unix_socket, accept_node);
        list_del(&w->accept_node);
        WRITE_ONCE(u->queued, u->queued - 1);
        unix_room_changed(u, full);
    }
    return w;
}

int unix_accept(struct socket *s, bool nonblock, struct socket **out)
{
    struct unix_socket *u = unix_of(s), *w;
    u64 deadline = socket_deadline(READ_ONCE(s->receive_timeout));
    u32 shut;
    int r;

    for (;;) {
        if (unix_state(u) != UNIX_LISTENING)
            return -EINVAL;
        mutex_lock(&u->lock);
        w = first_waiting(u);
        shut = u->shut;
        mutex_unlock(&u->lock);
        if (w)
            break;
        if (nonblock)
            return -EAGAIN;
        if (shut & SHUT_RECEIVE)
            return -EINVAL;
        r = socket_wait(&s->file->obj, SIG_READABLE | SIG_HANGUP, deadline);
        if (r)
            return r;
    }
    socket_update(s, false);
    *out = &w->sock;
    return 0;
}

/* --- connect ---------------------------------------------------------------------------------- */

/* Make two sockets each other's peers; nobody else can reach `b` yet. */
static void join(struct unix_socket *a, struct unix_socket *b)
{
    unix_ref(a);
    unix_ref(b);
    b->peer = a;
    spin_lock(&a->sock.signal_lock);
    a->peer = b;
    spin_unlock(&a->sock.signal_lock);
    __atomic_store_n(&b->state, UNIX_CONNECTED, __ATOMIC_RELEASE);
    __atomic_store_n(&a->state, UNIX_CONNECTED, __ATOMIC_RELEASE);
}

/*
 * Connect u to a listener by way of w, the socket that will be accepted. -EAGAIN: the queue is
 * full.
 */
static int enter_queue(struct unix_socket *u, struct unix_socket *listener, struct unix_socket *w)
{
    bool full;
    int r = 0;
    u32 was;

    mutex_lock(&listener->lock);
    full = unix_is_full(listener);
    if (unix_state(listener) != UNIX_LISTENING || listener->dead ||
        (listener->shut & SHUT_RECEIVE))
        r = -ECONNREFUSED;
    else if (full)
        r = -EAGAIN;
    else if (!claim(u, &was))
        r = was == UNIX_CONNECTED ? -EISCONN : -EINVAL;
    if (r == 0) {
        w->address = listener->address;
        refs_get(&w->address->refs);
        w->sock.set = listener->sock.set & INHERITED;
        unix_copy_peer_cred(u, listener);
        unix_set_peer_cred(w);
        join(u, w);
        unix_ref(w); /* the queue's */
        list_add_tail(&listener->accepting, &w->accept_node);
        WRITE_ONCE(listener->queued, listener->queued + 1);
        unix_room_changed(listener, full);
    }
    mutex_unlock(&listener->lock);
    return r;
}

static int connect_once(struct unix_socket *u, const struct socket_address *a, bool nonblock,
                        u64 deadline, struct unix_socket *w)
{
    struct unix_socket *listener;
    int r = unix_find(a, u->sock.type, &listener);

    if (r)
        return r;
    r = enter_queue(u, listener, w);
    if (r == 0) {
        socket_update(&u->sock, false);
        socket_update(&listener->sock, true);
    } else if (r == -EAGAIN && !nonblock) {
        r = socket_wait(&listener->room.obj, SIG_SIGNALED, deadline);
        if (r == 0)
            r = -EALREADY; /* again: by its name, which may be another's now */
    }
    unix_unref(listener);
    return r;
}

int unix_connect(struct socket *s, const struct socket_address *a, bool nonblock)
{
    struct unix_socket *u = unix_of(s), *w;
    u64 deadline = socket_deadline(READ_ONCE(s->send_timeout));
    int r = unix_check_name(a);

    if (r == 0)
        r = unix_autobind_for_creds(u);
    if (r)
        return r;
    w = unix_create(s->type, (int)s->protocol);
    if (!w)
        return -ENOMEM;
    do {
        r = connect_once(u, a, nonblock, deadline, w);
    } while (r == -EALREADY);
    if (r)
        unix_end(w, false);
    unix_unref(w);
    return r;
}

int unix_connect_dgram(struct socket *s, const struct socket_address *a, bool nonblock UNUSED)
{
    struct unix_socket *u = unix_of(s), *peer = NULL, *old;
    struct list lost;
    int r;

    if (a->len < sizeof(a->family))
        return -EINVAL;
    list_init(&lost);
    if (a->family != AF_UNSPEC_) {
        r = unix_check_name(a);
        if (r == 0)
            r = unix_autobind_for_creds(u);
        if (r == 0)
            r = unix_find(a, s->type, &peer);
        if (r)
            return r;
        if (peer != u) {
            struct unix_socket *its = unix_get_peer(peer);

            if (its)
                unix_unref(its);
            r = its && its != u ? -EPERM : READ_ONCE(peer->dead) ? -ECONNREFUSED : 0;
        }
        if (r) {
            unix_unref(peer);
            return r;
        }
    }
    mutex_lock(&u->lock);
    old = unix_change_peer(u, peer);
    if (old && old != peer)
        unix_take_queue(u, &lost);
    if (peer)
        socket_update(&peer->sock, false); /* for each other's peers a queue is never full ... */
    mutex_unlock(&u->lock);
    if (old)
        socket_update(&old->sock, false); /* ... and now it may be again */
    /* What came from the old peer is lost, and a peer that is connected to us must hear of it. */
    if (!list_empty(&lost) && !READ_ONCE(old->dead) && READ_ONCE(old->peer) == u) {
        __atomic_store_n(&old->sock.error, ECONNRESET, __ATOMIC_RELAXED);
        socket_update(&old->sock, false);
    }
    unix_purge(u, &lost);
    if (old)
        unix_unref(old);
    socket_update(s, false);
    return 0;
}

/* --- socketpair ------------------------------------------------------------------------------- */

int unix_pair(struct socket *sa, struct socket *sb)
{
    struct unix_socket *a = unix_of(sa), *b = unix_of(sb);

    unix_set_peer_cred(a);
    unix_set_peer_cred(b);
    if (unix_is_datagram(a)) {
        unix_ref(a);
        unix_ref(b);
        unix_change_peer(a, b);
        unix_change_peer(b, a);
    } else {
        join(a, b);
    }
    socket_update(sa, false);
    socket_update(sb, false);
    return 0;
}
