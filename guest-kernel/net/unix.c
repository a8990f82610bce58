/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets: life, signals, shutdown, options. See unix_impl.h. */
#include "net/unix_impl.h"

#include "core/string.h"
#include "mm/slab.h"
#include "object/process.h"

#include <asm/socket.h>

/* --- life ------------------------------------------------------------------------------------- */

static const struct socket_ops *const ops_of[SOCK_MAX_] = {
    [SOCK_STREAM_] = &unix_stream_ops,
    [SOCK_DGRAM_] = &unix_dgram_ops,
    [SOCK_SEQPACKET_] = &unix_packet_ops,
};

struct unix_socket *unix_create(int type, int protocol)
{
    struct unix_socket *u = kzalloc(sizeof(*u));

    if (!u)
        return NULL;
    socket_init(&u->sock, ops_of[type], AF_UNIX_, type, protocol);
    mutex_init(&u->lock);
    mutex_init(&u->bind_lock);
    list_init(&u->queue);
    list_init(&u->accepting);
    list_init(&u->accept_node);
    list_init(&u->clients);
    list_init(&u->client_node);
    list_init(&u->flight_node);
    list_init(&u->work_node);
    spin_init(&u->clients_lock, RANK_FILE);
    event_init(&u->room);
    event_set(&u->room);
    u->backlog = DGRAM_BACKLOG;
    unix_enter(u);
    return u;
}

static int create(int type, int protocol, struct socket **out)
{
    struct unix_socket *u;

    if (protocol && protocol != (int)AF_UNIX_)
        return -EPROTONOSUPPORT;
    if (type == SOCK_RAW_) /* as on Linux, for old BSD programs */
        type = SOCK_DGRAM_;
    if (!ops_of[type])
        return -ESOCKTNOSUPPORT;
    u = unix_create(type, protocol);
    if (!u)
        return -ENOMEM;
    *out = &u->sock;
    return 0;
}

const struct socket_family unix_family = { .create = create, .pair = unix_pair };

static void destroy(struct socket *s)
{
    struct unix_socket *u = unix_of(s);

    if (u->address)
        unix_address_unref(u->address);
    if (u->peer_cred)
        cred_unref(u->peer_cred);
    if (u->spare)
        unix_message_free(u->spare);
    kfree(u);
}

/*
 * The other side of a connection learns of its end; what u had not read is lost, which is an error.
 */
static void tell_peer(struct unix_socket *peer, bool lost)
{
    mutex_lock(&peer->lock);
    WRITE_ONCE(peer->shut, SHUT_BOTH);
    if (lost)
        __atomic_store_n(&peer->sock.error, ECONNRESET, __ATOMIC_RELAXED);
    mutex_unlock(&peer->lock);
    socket_update(&peer->sock, false);
}

void unix_end(struct unix_socket *u, bool was_queued)
{
    struct list messages, waiting;
    struct unix_socket *peer;
    bool lost;

    unix_unbind(u);
    unix_leave(u);
    list_init(&messages);
    list_init(&waiting);
    mutex_lock(&u->lock);
    u->dead = true;
    WRITE_ONCE(u->shut, SHUT_BOTH);
    list_splice_tail(&waiting, &u->accepting);
    unix_take_queue(u, &messages);
    if (unix_is_datagram(u)) {
        peer = unix_change_peer(u, NULL);
    } else {
        spin_lock(&u->sock.signal_lock);
        peer = u->peer;
        u->peer = NULL;
        spin_unlock(&u->sock.signal_lock);
    }
    mutex_unlock(&u->lock);
    lost = was_queued || !list_empty(&messages);
    if (peer && !unix_is_datagram(u))
        tell_peer(peer, lost);
    unix_purge(u, &messages);
    while (!list_empty(&waiting)) {
        struct unix_socket *w = list_first(&waiting, struct unix_socket, accept_node);

        list_del(&w->accept_node);
        unix_end(w, true);
        unix_unref(w);
    }
    if (peer)
        unix_unref(peer); /* last: it was the sender of a connection's messages */
}

static void release(struct socket *s)
{
    unix_end(unix_of(s), false);
    if (unix_flights())
        unix_collect();
}

/* --- peers ------------------------------------------------------------------------------------ */

struct unix_socket *unix_get_peer(struct unix_socket *u)
{
    struct unix_socket *peer;

    spin_lock(&u->sock.signal_lock);
    peer = u->peer;
    if (peer)
        unix_ref(peer);
    spin_unlock(&u->sock.signal_lock);
    return peer;
}

struct unix_socket *unix_change_peer(struct unix_socket *u, struct unix_socket *peer)
{
    struct unix_socket *old = u->peer;

    if (old) {
        spin_lock(&old->clients_lock);
        list_del(&u->client_node);
        spin_unlock(&old->clients_lock);
    }
    if (peer) {
        spin_lock(&peer->clients_lock);
        list_add_tail(&peer->clients, &u->client_node);
        spin_unlock(&peer->clients_lock);
    }
    spin_lock(&u->sock.signal_lock);
    WRITE_ONCE(u->peer, peer);
    spin_unlock(&u->sock.signal_lock);
    WRITE_ONCE(u->state, peer ? UNIX_CONNECTED : UNIX_IDLE);
    return old;
}

void unix_room_changed(struct unix_socket *u, bool was_full)
{
    bool closed = u->shut & SHUT_RECEIVE, full = unix_is_full(u) && !closed;
    struct unix_socket *c;

    if (full == was_full && !closed)
        return;
    if (full)
        event_clear(&u->room);
    else
        event_set(&u->room);
    spin_lock(&u->clients_lock);
    list_for_each(c, &u->clients, client_node)
        socket_update(&c->sock, false);
    spin_unlock(&u->clients_lock);
}

void unix_take_queue(struct unix_socket *u, struct list *messages)
{
    bool full = unix_is_full(u);

    list_splice_tail(messages, &u->queue);
    u->bytes = 0;
    WRITE_ONCE(u->queued, 0);
    unix_room_changed(u, full);
}

void unix_set_peer_cred(struct unix_socket *u)
{
    struct process *p = process_current();

    if (u->peer_cred)
        cred_unref(u->peer_cred);
    u->peer_pid = p->pid;
    u->peer_cred = p->cred;
    cred_ref(u->peer_cred);
}

void unix_copy_peer_cred(struct unix_socket *u, const struct unix_socket *from)
{
    u->peer_pid = from->peer_pid;
    u->peer_cred = from->peer_cred;
    if (u->peer_cred)
        cred_ref(u->peer_cred);
}

/* --- signals ---------------------------------------------------------------------------------- */

/* Whether what u sends to its peer would have to wait for the peer. */
static bool peer_is_full(const struct unix_socket *u)
{
    const struct unix_socket *peer = u->peer;

    return peer && READ_ONCE(peer->peer) != u && unix_is_full(peer) &&
           !(READ_ONCE(peer->shut) & SHUT_RECEIVE);
}

static u32 signals(struct socket *s)
{
    struct unix_socket *u = unix_of(s);
    u32 shut = READ_ONCE(u->shut), state = unix_state(u), now = 0;
    bool budget = READ_ONCE(u->charged) <= READ_ONCE(s->send_buffer) / 4;

    if (READ_ONCE(u->queued))
        now |= SIG_READABLE;
    if (shut & SHUT_RECEIVE)
        now |= SIG_READABLE | SIG_READ_CLOSED;
    if (shut == SHUT_BOTH || (!unix_is_datagram(u) && state < UNIX_CONNECTED))
        now |= SIG_HANGUP;
    if (READ_ONCE(s->error))
        now |= SIG_ERROR;
    if (budget || (shut & SHUT_SEND))
        now |= SIG_BUDGET;
    if (budget && state != UNIX_LISTENING && !(unix_is_datagram(u) && peer_is_full(u)))
        now |= SIG_WRITABLE;
    return now;
}

/* --- shutdown --------------------------------------------------------------------------------- */

static void shut(struct unix_socket *u, u32 how)
{
    mutex_lock(&u->lock);
    WRITE_ONCE(u->shut, u->shut | how);
    if (how & SHUT_RECEIVE) /* who waits for room need not wait any more */
        unix_room_changed(u, unix_is_full(u));
    mutex_unlock(&u->lock);
    socket_update(&u->sock, false);
}

/*
 * shutdown(2): also without a connection, as on Linux; the peer of a connection sees the other
 * half.
 */
static int unix_shutdown(struct socket *s, u32 how)
{
    struct unix_socket *u = unix_of(s), *peer;

    shut(u, how);
    peer = unix_is_datagram(u) ? NULL : unix_get_peer(u);
    if (peer) {
        shut(peer, (how & SHUT_SEND ? SHUT_RECEIVE : 0) | (how & SHUT_RECEIVE ? SHUT_SEND : 0));
        unix_unref(peer);
    }
    return 0;
}

/* --- options ---------------------------------------------------------------------------------- */

static int put_groups(const struct cred *c, u32 *to, u32 *len)
{
    u32 need = c->ngroups * (u32)sizeof(u32);
    bool fits = need <= *len;

    *len = need;
    if (!fits)
        return -ERANGE;
    memcpy(to, c->groups, need);
    return 0;
}

static int get_option(struct socket *s, int name, void *to, u32 *len)
{
    struct unix_socket *u = unix_of(s);
    struct socket_creds creds = { 0, UINT32_MAX, UINT32_MAX };
    s32 listening = unix_state(u) == UNIX_LISTENING;
    bool known = unix_state(u) >= UNIX_CONNECTED && u->peer_cred;

    switch (name) {
    case SO_ACCEPTCONN:
        *len = MIN(*len, (u32)sizeof(listening));
        memcpy(to, &listening, *len);
        return 0;
    case SO_PEERCRED:
        if (known)
            creds = (struct socket_creds){ u->peer_pid, u->peer_cred->euid, u->peer_cred->egid };
        *len = MIN(*len, (u32)sizeof(creds));
        memcpy(to, &creds, *len);
        return 0;
    case SO_PEERGROUPS:
        return known ? put_groups(u->peer_cred, to, len) : -ENODATA;
    default:
        return -ENOPROTOOPT;
    }
}

#define COMMON                                                                                     \
    .bind = unix_bind, .name = unix_name, .shutdown = unix_shutdown, .signals = signals,           \
    .get_option = get_option, .ioctl = unix_ioctl, .release = release, .destroy = destroy
#define CONNECTIONS .connect = unix_connect, .listen = unix_listen, .accept = unix_accept

const struct socket_ops unix_stream_ops = {
    COMMON, CONNECTIONS, .send = unix_stream_send, .receive = unix_stream_receive,
};
const struct socket_ops unix_packet_ops = {
    COMMON, CONNECTIONS, .send = unix_packet_send, .receive = unix_packet_receive,
};
const struct socket_ops unix_dgram_ops = {
    COMMON, .connect = unix_connect_dgram, .send = unix_dgram_send, .receive = unix_dgram_receive,
};
