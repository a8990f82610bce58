/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams and sequences of packets between unix sockets: messages that stay whole. */
#include "net/unix_impl.h"

#define OVERHEAD 32u /* a message may be this much shorter than the send buffer, as on Linux */

/*
 * The datagram socket to which u is connected is gone: u is without a connection from now on, and
 * what had come from it is lost.
 */
static void disconnect(struct unix_socket *u, struct unix_socket *gone)
{
    struct unix_socket *old = NULL;
    struct list lost;

    list_init(&lost);
    mutex_lock(&u->lock);
    if (u->peer == gone) {
        old = unix_change_peer(u, NULL);
        unix_take_queue(u, &lost);
    }
    mutex_unlock(&u->lock);
    unix_purge(u, &lost);
    socket_update(&u->sock, false);
    if (old)
        unix_unref(old);
}

/*
 * Put a message into the queue; takes it over on success. -EAGAIN: the queue is full. -ENODEV: the
 * receiver is gone.
 */
static int enqueue(struct unix_socket *u, struct unix_socket *to, struct unix_message *q,
                   struct passed **passed)
{
    bool full;
    int r = 0;

    mutex_lock(&to->lock);
    full = unix_is_full(to);
    if (unix_is_datagram(u) && to->peer && to->peer != u)
        r = -EPERM; /* connect(2): it receives from its peer only */
    else if (to->dead)
        r = -ENODEV;
    else if (to->shut & SHUT_RECEIVE)
        r = -EPIPE;
    else if (full && to->peer != u)
        r = -EAGAIN;
    if (r == 0) {
        q->from = u;
        if (unix_is_datagram(u))
            unix_ref(u);
        q->passed = *passed;
        *passed = NULL;
        list_add_tail(&to->queue, &q->node);
        to->bytes += q->len;
        WRITE_ONCE(to->queued, to->queued + 1);
        unix_room_changed(to, full);
    }
    mutex_unlock(&to->lock);
    if (r == 0)
        socket_update(&to->sock, true);
    return r;
}

/* Wait for a place in the receiver's queue. */
static int wait_room(struct unix_socket *to, bool nonblock, u64 deadline)
{
    return nonblock ? -EAGAIN : socket_wait(&to->room.obj, SIG_SIGNALED, deadline);
}

/* A message with what is to be sent, charged to u. */
static int make_message(struct unix_socket *u, struct unix_socket *to, struct socket_message *m,
                        struct unix_message **out)
{
    u32 n = (u32)m->data->left;
    struct unix_message *q = unix_message_create(n, true);

    if (!q)
        return -ENOBUFS;
    if (unix_message_fill(q, m->data, n) < n) {
        unix_message_free(q);
        return -EFAULT;
    }
    unix_message_creds(u, to, m, &q->creds);
    unix_charge(u, q->charge);
    *out = q;
    return 0;
}

/* To a receiver of which the caller has a reference, or that is the peer for good. */
static ssize_t send_to(struct unix_socket *u, struct unix_socket *to, struct socket_message *m)
{
    u64 deadline = READ_ONCE(u->sock.send_timeout) ? socket_deadline(u->sock.send_timeout)
                                                   : DEADLINE_NEVER;
    bool nonblock = m->flags & MSG_DONTWAIT_;
    struct unix_message *q;
    u32 n = (u32)m->data->left;
    int r;

    if (m->data->left > READ_ONCE(u->sock.send_buffer) - OVERHEAD)
        return -EMSGSIZE;
    r = unix_wait_budget(u, nonblock, deadline);
    if (r == 0)
        r = make_message(u, to, m, &q);
    if (r)
        return r;
    while ((r = enqueue(u, to, q, &m->passed)) == -EAGAIN) {
        r = wait_room(to, nonblock, deadline);
        if (r)
            break;
    }
    if (r == 0)
        return n;
    unix_uncharge(u, q->charge);
    unix_message_free(q);
    return r;
}

ssize_t unix_dgram_send(struct socket *s, struct socket_message *m)
{
    struct unix_socket *u = unix_of(s), *to;
    ssize_t r;

    if (m->flags & MSG_OOB_)
        return -EOPNOTSUPP;
    if (m->to) {
        r = unix_check_name(m->to);
        if (r == 0)
            r = unix_autobind_for_creds(u);
        if (r == 0)
            r = unix_find(m->to, s->type, &to);
        if (r)
            return r;
    } else {
        to = unix_get_peer(u);
        if (!to)
            return -ENOTCONN;
        r = unix_autobind_for_creds(u);
        if (r) {
            unix_unref(to);
            return r;
        }
    }
    r = send_to(u, to, m);
    if (r == -ENODEV) {
        if (!m->to)
            disconnect(u, to);
        r = -ECONNREFUSED;
    }
    unix_unref(to);
    return r;
}

ssize_t unix_packet_send(struct socket *s, struct socket_message *m)
{
    struct unix_socket *u = unix_of(s);
    int e = socket_take_error(s);
    ssize_t r;

    if (e) {
        socket_update(s, false);
        return e;
    }
    if (m->flags & MSG_OOB_)
        return -EOPNOTSUPP;
    if (unix_state(u) != UNIX_CONNECTED)
        return -ENOTCONN;
    r = send_to(u, u->peer, m); /* a destination is ignored, as on Linux */
    return r == -ENODEV ? -EPIPE : r;
}

/* --- receiving -------------------------------------------------------------------------------- */

struct taken {
    struct unix_message *message; /* out of the queue; NULL: it stays there (MSG_PEEK) */
    u32 len, copied;              /* of it; to the buffers, if it stays */
    u32 shut;
};

/* Take the first message, or copy it where it is. -EAGAIN: there is none. */
static int take(struct unix_socket *u, struct socket_message *m, struct taken *t)
{
    struct unix_message *q;
    bool full;
    int r;

    mutex_lock(&u->lock);
    t->shut = u->shut;
    r = socket_take_error(&u->sock);
    if (r == 0 && list_empty(&u->queue))
        r = -EAGAIN;
    if (r == 0) {
        q = list_first(&u->queue, struct unix_message, node);
        t->len = q->len;
        m->passed = q->passed;
        unix_show_creds(u, &q->creds, m);
        if (m->from)
            unix_get_name(q->from, m->from);
        if (m->flags & MSG_PEEK_) {
            t->message = NULL;
            t->copied = unix_message_copy(q, 0, m->data, (u32)MIN(m->data->left, (u64)q->len));
            if (q->passed)
                passed_ref(q->passed);
        } else {
            t->message = q;
            full = unix_is_full(u);
            list_del(&q->node);
            u->bytes -= q->len;
            WRITE_ONCE(u->queued, u->queued - 1);
            unix_room_changed(u, full);
        }
    }
    mutex_unlock(&u->lock);
    if (r != -EAGAIN)
        socket_update(&u->sock, false);
    return r;
}

static ssize_t receive(struct unix_socket *u, struct socket_message *m)
{
    u64 deadline = READ_ONCE(u->sock.receive_timeout) ? socket_deadline(u->sock.receive_timeout)
                                                      : DEADLINE_NEVER;
    u64 asked = m->data->left;
    struct taken t = { 0 };
    int r;

    if (m->flags & MSG_OOB_)
        return -EOPNOTSUPP;
    while ((r = take(u, m, &t)) == -EAGAIN) {
        bool shut = t.shut & SHUT_RECEIVE;

        /* As on Linux: without waiting, only a sequence of packets has an end. */
        if (m->flags & MSG_DONTWAIT_)
            return shut && !unix_is_datagram(u) ? 0 : -EAGAIN;
        if (shut)
            return 0;
        r = socket_wait(&u->sock.file->obj, SIG_READABLE | SIG_ERROR | SIG_HANGUP, deadline);
        if (r)
            return r;
    }
    if (r)
        return r;
    if (t.message) {
        struct unix_message *q = t.message;

        t.copied = unix_message_copy(q, 0, m->data, (u32)MIN(asked, (u64)q->len));
        unix_uncharge(q->from, q->charge);
        if (unix_is_datagram(u))
            unix_unref(q->from);
        unix_message_free(q);
    }
    if (t.copied < MIN(asked, (u64)t.len))
        return -EFAULT;
    if (t.len > asked)
        m->result |= MSG_TRUNC_;
    return m->flags & MSG_TRUNC_ ? t.len : t.copied;
}

ssize_t unix_dgram_receive(struct socket *s, struct socket_message *m)
{
    return receive(unix_of(s), m);
}

ssize_t unix_packet_receive(struct socket *s, struct socket_message *m)
{
    return unix_state(unix_of(s)) == UNIX_CONNECTED ? receive(unix_of(s), m) : -ENOTCONN;
}
