/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside unix sockets. Each has a queue of what it has yet to receive, guarded by its lock; whoever
 * sends puts messages into the receiver's queue at once. What a message takes of memory is charged
 * to its sender until it is received (SO_SNDBUF, socket(7)): that bounds a queue, together with the
 * number of messages that may wait from senders without a connection
 * (/proc/sys/net/unix/max_dgram_qlen).
 *
 * A connected stream or sequence of packets keeps its peer for as long as its file is open: what
 * holds the file may use the peer without a lock. Datagram sockets change theirs under their lock
 * and signal_lock.
 *
 * Locks, in this order: bind_lock; flight_lock (unix_flight.c); a socket's lock (of two only a
 * listener's, then that of a socket in its queue); then the spinlocks: clients_lock, signal_lock,
 * names_lock.
 *
 * Lock legend: (i) set at creation  (a) atomic  (l) lock, for writing  (f) flight_lock
 *              (n) names_lock  (b) bind_lock
 *              (s) signal_lock besides lock, for writing; either for reading
 */
#ifndef NET_UNIX_IMPL_H
#define NET_UNIX_IMPL_H

#include "net/passed.h"
#include "net/unix.h"
#include "object/wait.h"

#include <linux/un.h>

#define UNIX_NAME_MAX ((u32)sizeof(struct sockaddr_un))
#define UNIX_PATH_AT  2u   /* where sun_path begins */
#define DGRAM_BACKLOG 10u  /* max_dgram_qlen: one more may wait */
#define NOBODY        65534u

/*
 * Of a file's signals: less than a quarter of the send buffer is in use (SIG_WRITABLE says more).
 */
#define SIG_BUDGET SIG_SIGNALED

enum unix_state { UNIX_IDLE, UNIX_CONNECTING, UNIX_CONNECTED, UNIX_LISTENING };

struct unix_socket;

struct unix_address {
    u32 refs; /* (a) */
    u32 len;  /* bytes of name, with the family */
    u8 name[UNIX_NAME_MAX + 1];
};

struct unix_message {
    struct list node;
    struct unix_socket *from; /* its sender; a reference if it is a datagram (else: the peer) */
    struct passed *passed;    /* or NULL */
    struct socket_creds creds; /* pid 0: nobody asked for them */
    u32 len, done;            /* bytes in it, and those that were received */
    u32 room;                 /* bytes that fit */
    u32 charge;
    bool paged;
    union {
        u8 bytes[1];          /* ... of room */
        u8 *page[1];          /* ... of PAGE_SIZE each */
    };
};

struct unix_socket {
    struct socket sock;
    struct mutex lock;
    u32 state;                /* (a) enum unix_state */
    u32 shut;                 /* (l) SHUT_* */
    bool dead;                /* (l) its file is closed */
    struct unix_socket *peer; /* (s) a reference, or NULL */
    struct list queue;        /* (l) struct unix_message.node */
    u32 queued;               /* (l) messages; a listener: connections */
    u64 bytes;                /* (l) in the queue */
    struct unix_message *spare; /* (l) of a stream: an empty one for the next write, not charged */
    struct list accepting;    /* (l) of a listener: unix_socket.accept_node, a reference each */
    struct list accept_node;  /* (l of the listener) */
    u32 backlog;              /* (l) */
    u32 charged;              /* (a) bytes of memory of what it has sent and nobody received */
    struct event room;        /* set unless its queue is full; once it receives no more, for good */
    struct spinlock clients_lock; /* RANK_FILE */
    struct list clients;      /* (clients_lock) datagram sockets connected to it: client_node */
    struct list client_node;
    u32 peer_pid;             /* SO_PEERCRED: constant once it is connected or listens */
    struct cred *peer_cred;   /* a reference, or NULL */

    /* names */
    struct mutex bind_lock;
    struct unix_address *address; /* (b) once; a reference */
    struct path at;           /* (b) once: of a path's node */
    struct tree_node name_node; /* (n) abstract names ... */
    bool listed;              /* (n) ... if it is one: an accepted socket only shows the name */
    struct tree_node all_node;  /* (n) all sockets, by inode number */

    /* unix_flight.c */
    u32 inflight;             /* (f) references of files under way */
    u32 seen;                 /* (f) */
    bool candidate;           /* (f) */
    struct list flight_node;  /* (f) */
    struct list work_node;    /* (f) */
};

static inline struct unix_socket *unix_of(struct socket *s)
{
    return container_of(s, struct unix_socket, sock);
}

static inline void unix_ref(struct unix_socket *u)
{
    socket_ref(&u->sock);
}

static inline void unix_unref(struct unix_socket *u)
{
    socket_unref(&u->sock);
}

static inline bool unix_is_datagram(const struct unix_socket *u)
{
    return u->sock.type == SOCK_DGRAM_;
}

static inline u32 unix_state(const struct unix_socket *u)
{
    return __atomic_load_n(&u->state, __ATOMIC_ACQUIRE);
}

static inline bool unix_is_full(const struct unix_socket *u)
{
    return READ_ONCE(u->queued) > READ_ONCE(u->backlog);
}

extern const struct socket_ops unix_stream_ops, unix_packet_ops, unix_dgram_ops;

/* --- unix.c --- */

/* A socket with one reference; NULL: no memory. */
struct unix_socket *unix_create(int type, int protocol);
/*
 * Take s out of its file's, and everybody's, reach: what release does. was_queued: nobody accepted
 * it.
 */
void unix_end(struct unix_socket *u, bool was_queued);
/*
 * After the number of messages in u's queue has changed, or it receives no more: was_full tells how
 * it was. u->lock held.
 */
void unix_room_changed(struct unix_socket *u, bool was_full);
/* Move all messages to a list, for unix_purge. u->lock held. */
void unix_take_queue(struct unix_socket *u, struct list *messages);
/* Make the current process, or what `from` has, what SO_PEERCRED of u shows. */
void unix_set_peer_cred(struct unix_socket *u);
void unix_copy_peer_cred(struct unix_socket *u, const struct unix_socket *from);
/* The peer with a reference, or NULL. */
struct unix_socket *unix_get_peer(struct unix_socket *u);
/*
 * A datagram socket's new peer (NULL: none), a reference of which is taken over; u->lock held. The
 * old one.
 */
struct unix_socket *unix_change_peer(struct unix_socket *u, struct unix_socket *peer);

/* --- unix_name.c --- */

/* A name that is a path or abstract; -EINVAL. */
int unix_check_name(const struct socket_address *a);
int unix_bind(struct socket *s, const struct socket_address *a);
int unix_autobind(struct unix_socket *u);
/* SO_PASSCRED: a sender without a name gets one, so that it can be answered. */
static inline int unix_autobind_for_creds(struct unix_socket *u)
{
    return unlikely(socket_is_set(&u->sock, 16 /* SO_PASSCRED */)) &&
                   !__atomic_load_n(&u->address, __ATOMIC_ACQUIRE)
               ? unix_autobind(u)
               : 0;
}
/*
 * Who has a checked name, with a reference. -ECONNREFUSED, -EPROTOTYPE, and what look-ups answer.
 */
int unix_find(const struct socket_address *a, u32 type, struct unix_socket **out);
void unix_unbind(struct unix_socket *u);
int unix_name(struct socket *s, bool peer, struct socket_address *out);
/* u's name; out->len 0 if it has none. */
void unix_get_name(const struct unix_socket *u, struct socket_address *out);
void unix_address_unref(struct unix_address *a);
/* The table of all sockets. */
void unix_enter(struct unix_socket *u);
void unix_leave(struct unix_socket *u);

/* --- unix_connect.c --- */

int unix_connect(struct socket *s, const struct socket_address *a, bool nonblock);
int unix_connect_dgram(struct socket *s, const struct socket_address *a, bool nonblock);
int unix_listen(struct socket *s, u32 backlog);
int unix_accept(struct socket *s, bool nonblock, struct socket **out);
int unix_pair(struct socket *a, struct socket *b);

/* --- unix_message.c --- */

/* An empty message with room for n bytes, charged to nobody yet. NULL: no memory. */
struct unix_message *unix_message_create(u32 n, bool exact);
void unix_message_free(struct unix_message *m);
/* Append, or copy out from byte `at` on: bytes done, fewer at a bad address. */
u32 unix_message_fill(struct unix_message *m, struct uio *u, u32 n);
u32 unix_message_copy(const struct unix_message *m, u32 at, struct uio *u, u32 n);
/* To u's send buffer, and back. */
void unix_charge(struct unix_socket *u, u32 n);
void unix_uncharge(struct unix_socket *u, u32 n);
/* Wait until u may send. 0; -EAGAIN, -EPIPE, an error of the socket, or an interruption. */
int unix_wait_budget(struct unix_socket *u, bool nonblock, u64 deadline);
/* Drop a list of messages of u's queue, which u no longer has. */
void unix_purge(struct unix_socket *u, struct list *messages);
/* Credentials that a message from u to `to` carries. */
void unix_message_creds(const struct unix_socket *u, const struct unix_socket *to,
                        const struct socket_message *m, struct socket_creds *out);
/* ... and as the receiver sees them. */
void unix_show_creds(const struct unix_socket *u, const struct socket_creds *c,
                     struct socket_message *m);
s64 unix_ioctl(struct socket *s, u32 cmd, u64 arg);

/* --- unix_stream.c, unix_packet.c --- */

ssize_t unix_stream_send(struct socket *s, struct socket_message *m);
ssize_t unix_stream_receive(struct socket *s, struct socket_message *m);
ssize_t unix_dgram_send(struct socket *s, struct socket_message *m);
ssize_t unix_dgram_receive(struct socket *s, struct socket_message *m);
ssize_t unix_packet_send(struct socket *s, struct socket_message *m);
ssize_t unix_packet_receive(struct socket *s, struct socket_message *m);

/* --- unix_flight.c --- */

/* The files are not under way any more. */
void passed_landed(struct passed *p);
/* What passed_unref does in the end: all that is on the list. */
void passed_drop_all(struct list *all);
/* Look for sockets that nobody can reach any more, and empty them. */
void unix_collect(void);
/* The same if it was asked for while this or another thread was dropping files. */
void unix_collect_postponed(void);
u32 unix_flights(void); /* sockets under way */

#endif
