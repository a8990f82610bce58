/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams between unix sockets. Small writes share a message where nothing tells them apart (files
 * that are passed, credentials): unlike datagrams, a stream has no boundaries.
 */
#include "net/unix_impl.h"

#define PAGES_AT_ONCE 8u /* of one message: the other side can begin before all is copied */

static bool same_creds(const struct socket_creds *a, const struct socket_creds *b)
{
    return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

/* The last message of the queue, if it can take more of the same. */
static struct unix_message *last_with_room(struct unix_socket *to, const struct socket_message *m,
                                           const struct socket_creds *creds)
{
    struct unix_message *last;

    if (list_empty(&to->queue) || m->passed)
        return NULL;
    last = list_entry(to->queue.prev, struct unix_message, node);
    return last->len < last->room && !last->passed && same_creds(&last->creds, creds) ? last : NULL;
}

/* An empty message, charged to u, for the next part of n bytes. to->lock held. */
static struct unix_message *new_message(struct unix_socket *u, struct unix_socket *to, u64 n)
{
    u32 limit = READ_ONCE(u->sock.send_buffer), used = READ_ONCE(u->charged);
    struct unix_message *m = to->spare;
    u64 pages;

    if (likely(m && n <= m->room)) {
        to->spare = NULL;
    } else {
        pages = MIN(PAGES_AT_ONCE, MAX((limit - MIN(used, limit)) >> PAGE_SHIFT, 1u));
        n = MIN(n, pages << PAGE_SHIFT);
        m = unix_message_create((u32)n, list_empty(&to->queue));
    }
    if (m)
        unix_charge(u, m->charge);
    return m;
}

/* Put one part into the queue: bytes, or -errno. to->lock held; there is budget. */
static ssize_t put(struct unix_socket *u, struct unix_socket *to, struct socket_message *m)
{
    struct socket_creds creds;
    struct unix_message *q;
    u32 n, did;
    bool fresh;

    unix_message_creds(u, to, m, &creds);
    q = last_with_room(to, m, &creds);
    fresh = !q;
    if (fresh) {
        q = new_message(u, to, m->data->left);
        if (!q)
            return -ENOBUFS;
        q->from = u;
        q->creds = creds;
        q->len = q->done = 0;
    }
    n = (u32)MIN(m->data->left, (u64)(q->room - q->len));
    did = unix_message_fill(q, m->data, n);
    to->bytes += did;
    if (fresh && !did) {
        unix_uncharge(u, q->charge);
        unix_message_free(q);
    } else if (fresh) {
        q->passed = m->passed;
        m->passed = NULL;
        list_add_tail(&to->queue, &q->node);
        WRITE_ONCE(to->queued, to->queued + 1);
    }
    return did ? (ssize_t)did : -EFAULT;
}

ssize_t unix_stream_send(struct socket *s, struct socket_message *m)
{
    struct unix_socket *u = unix_of(s), *to;
    u64 deadline = DEADLINE_NEVER;
    ssize_t done = 0, r;

    if (unlikely(m->flags & MSG_OOB_))
        return -EOPNOTSUPP;
    if (unlikely(m->to))
        return unix_state(u) == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    if (unlikely(unix_state(u) != UNIX_CONNECTED))
        return -ENOTCONN;
    if (unlikely(READ_ONCE(u->shut) & SHUT_SEND))
        return -EPIPE;
    to = u->peer;
    if (unlikely(READ_ONCE(s->send_timeout)))
        deadline = socket_deadline(s->send_timeout);
    while (m->data->left) {
        r = unix_wait_budget(u, m->flags & MSG_DONTWAIT_, deadline);
        if (unlikely(r))
            return done ? done : r;
        mutex_lock(&to->lock);
        r = likely(!(to->shut & SHUT_RECEIVE) && !to->dead) ? put(u, to, m) : -EPIPE;
        mutex_unlock(&to->lock);
        if (unlikely(r < 0))
            return done ? done : r;
        socket_update(&to->sock, true);
        done += r;
    }
    return done;
}

/* --- receiving -------------------------------------------------------------------------------- */

/* A message is received: it goes, or stays as the one for the next write. u->lock held. */
static void consume(struct unix_socket *u, struct unix_message *q)
{
    list_del(&q->node);
    WRITE_ONCE(u->queued, u->queued - 1);
    unix_uncharge(q->from, q->charge);
    if (!u->spare && !q->paged)
        u->spare = q;
    else
        unix_message_free(q);
}

/*
 * Take what is there, up to where the sender or the files that come with it change (unix(7)).
 * *first: nothing was taken in this call yet. Sets *over where no more may be added to it. u->lock
 * held.
 */
static ssize_t take(struct unix_socket *u, struct socket_message *m, bool *first, bool *over)
{
    bool peek = m->flags & MSG_PEEK_;
    struct unix_message *q, *next;
    ssize_t done = 0;

    list_for_each_safe(q, next, &u->queue, node) {
        u32 n = (u32)MIN(m->data->left, (u64)(q->len - q->done)), did;

        if (*first) {
            if (m->from)
                unix_get_name(q->from, m->from);
            unix_show_creds(u, &q->creds, m);
            *first = false;
        } else if (m->has_creds && !same_creds(&q->creds, &m->creds)) {
            *over = true;
            break;
        }
        did = unix_message_copy(q, q->done, m->data, n);
        done += did;
        if (unlikely(did < n)) {
            if (!done)
                done = -EFAULT;
            *over = true;
        }
        if (unlikely(q->passed)) {
            m->passed = q->passed;
            *over = true;
            if (peek)
                passed_ref(q->passed);
            else
                q->passed = NULL;
        }
        if (!peek) {
            q->done += did;
            u->bytes -= did;
            if (q->done == q->len)
                consume(u, q);
        }
        if (*over || !m->data->left)
            break;
    }
    *over |= peek;
    return done;
}

ssize_t unix_stream_receive(struct socket *s, struct socket_message *m)
{
    struct unix_socket *u = unix_of(s);
    u64 deadline = DEADLINE_NEVER, want = m->flags & MSG_WAITALL_ ? m->data->left
                                          : MIN(m->data->left, (u64)READ_ONCE(s->low_water));
    bool first = true, over = false, empty;
    ssize_t done = 0, r;

    if (unlikely(m->flags & MSG_OOB_))
        return -EOPNOTSUPP;
    if (unlikely(unix_state(u) != UNIX_CONNECTED))
        return -EINVAL;
    if (unlikely(READ_ONCE(s->receive_timeout)))
        deadline = socket_deadline(s->receive_timeout);
    for (;;) {
        mutex_lock(&u->lock);
        if (!list_empty(&u->queue)) {
            r = take(u, m, &first, &over);
            empty = list_empty(&u->queue);
        } else {
            r = socket_take_error(s);
            if (r == 0)
                r = u->shut & SHUT_RECEIVE ? 0 : -EAGAIN;
            empty = over = r != -EAGAIN;
        }
        mutex_unlock(&u->lock);
        if (empty)
            socket_update(s, false);
        if (r > 0)
            done += r;
        if (over || (u64)done >= MAX(want, UINT64_C(1)) || (!want && r >= 0))
            break;
        if (m->flags & MSG_DONTWAIT_) {
            r = -EAGAIN;
            break;
        }
        r = socket_wait(&s->file->obj, SIG_READABLE | SIG_ERROR | SIG_HANGUP, deadline);
        if (r)
            break;
    }
    return done ? done : r;
}
