/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets: socket(7). A socket is a file whose operations lead to those of its address family. Its
 * inode (S_IFSOCK, of a file system of its own without names) carries its references: the file has
 * one, and whatever in the family may use it when the file is closed already.
 *
 * Lock legend: (i) set at creation  (a) atomic  (s) signal_lock
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include "fs/inode.h"

#include <linux/socket.h>

struct passed;
struct text;

#define AF_UNSPEC_ 0u
#define AF_UNIX_   1u
#define AF_MAX_    46
#define SOCK_STREAM_    1
#define SOCK_DGRAM_     2
#define SOCK_RAW_       3
#define SOCK_SEQPACKET_ 5
#define SOCK_MAX_       11
#define SOL_SOCKET_ 1

/* Flags of send and receive calls, as in the ABI. */
#define MSG_OOB_          UINT32_C(0x1)
#define MSG_PEEK_         UINT32_C(0x2)
#define MSG_CTRUNC_       UINT32_C(0x8)
#define MSG_TRUNC_        UINT32_C(0x20)
#define MSG_DONTWAIT_     UINT32_C(0x40)
#define MSG_WAITALL_      UINT32_C(0x100)
#define MSG_NOSIGNAL_     UINT32_C(0x4000)
#define MSG_WAITFORONE_   UINT32_C(0x10000)
#define MSG_CMSG_CLOEXEC_ UINT32_C(0x40000000)

#define SHUT_RECEIVE 1u
#define SHUT_SEND    2u
#define SHUT_BOTH    3u

#define SOCKET_BUFFER      212992u /* {r,w}mem_default, and the limit of SO_SNDBUF and SO_RCVBUF ... */
#define SEND_BUFFER_MIN    4608u   /* ... before they are doubled (socket(7)) */
#define RECEIVE_BUFFER_MIN 2304u
#define SOMAXCONN_        4096u   /* /proc/sys/net/core/somaxconn */

#define ADDRESS_MAX 128u /* struct sockaddr_storage */
struct socket_address {
    u32 len; /* bytes in use, with the family; 0: none */
    union {
        u16 family;
        u8 bytes[ADDRESS_MAX];
    };
};

struct socket_creds {
    u32 pid, uid, gid; /* struct ucred */
};

/* One message, or one piece of a stream, for send and receive. */
struct socket_message {
    struct uio *data;
    u32 flags;                       /* MSG_* asked for; O_NONBLOCK is MSG_DONTWAIT */
    u32 result;                      /* receive: MSG_TRUNC */
    const struct socket_address *to; /* send: the destination, or NULL */
    struct socket_address *from;     /* receive: whom it is from; NULL: nobody asked */
    struct passed *passed;           /* files: send takes them (NULL then); receive gives them */
    bool has_creds;                  /* send: given; receive: the socket has SO_PASSCRED */
    struct socket_creds creds;
};

struct socket;

/* All may park but signals. A missing function answers EOPNOTSUPP. */
struct socket_ops {
    int (*bind)(struct socket *s, const struct socket_address *a);
    int (*connect)(struct socket *s, const struct socket_address *a, bool nonblock);
    int (*listen)(struct socket *s, u32 backlog);
    /* *out: with a reference, without a file. */
    int (*accept)(struct socket *s, bool nonblock, struct socket **out);
    int (*name)(struct socket *s, bool peer, struct socket_address *out);
    /* Bytes or -errno; -EPIPE sends no signal by itself. */
    ssize_t (*send)(struct socket *s, struct socket_message *m);
    ssize_t (*receive)(struct socket *s, struct socket_message *m);
    int (*shutdown)(struct socket *s, u32 how); /* SHUT_* */
    /* The signals that its file has now. signal_lock held. */
    u32 (*signals)(struct socket *s);
    /*
     * Options of SOL_SOCKET that are the family's: see socket_get_option. -ENOPROTOOPT: none of
     * them.
     */
    int (*get_option)(struct socket *s, int name, void *value, u32 *len);
    s64 (*ioctl)(struct socket *s, u32 cmd, u64 arg);
    /* The file is closed. */
    void (*release)(struct socket *s);
    void (*destroy)(struct socket *s); /* the last reference is gone: free it */
};

struct socket_family {
    int (*create)(int type, int protocol, struct socket **out);
    int (*pair)(struct socket *a, struct socket *b); /* NULL: EOPNOTSUPP */
};

struct socket {
    struct inode inode;
    const struct socket_ops *ops; /* (i) */
    u16 family, type;             /* (i) */
    u32 protocol;                 /* (i) */
    struct spinlock signal_lock;  /* RANK_FILE + 1 */
    struct file *file;            /* (s) no reference; NULL: not accepted yet, or closed */
    /* Options; read and written as single words. */
    u64 set;                      /* (a) bit SO_x: that option is on */
    u32 send_buffer, receive_buffer;
    u32 low_water;                /* SO_RCVLOWAT */
    u32 linger, priority;
    u64 send_timeout, receive_timeout; /* ns; 0: none */
    int error;                    /* (a) positive errno for the next call, or 0 */
};

/* Once, at boot. */
void net_init(void);

/* For families: the generic part of a zeroed socket, with one reference. */
void socket_init(struct socket *s, const struct socket_ops *ops, u32 family, int type,
                 int protocol);
static inline void socket_ref(struct socket *s)
{
    inode_ref(&s->inode);
}
static inline void socket_unref(struct socket *s)
{
    inode_unref(&s->inode);
}

/*
 * Bring the file's signals up to date after something that they tell of has changed (signal_lock
 * makes the last one who changed something the last one to look). arrived: data came; then watchers
 * of edges hear of it even if there was some before (epoll(7)).
 */
void socket_update(struct socket *s, bool arrived);

/* socket(2), socketpair(2), accept(2): files with a reference. flags: O_NONBLOCK. */
int socket_create(int family, int type, int protocol, u32 flags, struct file **out);
int socket_create_pair(int family, int type, int protocol, u32 flags, struct file *out[2]);
int socket_accept(struct socket *s, bool nonblock, u32 flags, struct file **out);

struct socket *socket_of(const struct file *f); /* NULL: not a socket */
/* Whether a write that fails with EPIPE brings SIGPIPE: not to sockets of messages. */
bool socket_raises_sigpipe(const struct file *f);

/*
 * Options of SOL_SOCKET. The value has *len bytes of room, of which those used are told; -ERANGE:
 * with the number that is needed.
 */
int socket_get_option(struct socket *s, int name, void *value, u32 *len);
int socket_set_option(struct socket *s, int name, const void *value, u32 len);
static inline bool socket_is_set(const struct socket *s, int name)
{
    return READ_ONCE(s->set) >> name & 1;
}

/* The pending error as a negative errno, which is cleared; 0: none. */
static inline int socket_take_error(struct socket *s)
{
    return likely(!READ_ONCE(s->error)) ? 0 : -__atomic_exchange_n(&s->error, 0, __ATOMIC_RELAXED);
}

/* Deadline of a call with this timeout option. */
u64 socket_deadline(u64 timeout);
/*
 * Wait for signals of the file, or of another object. 0; -EAGAIN: the deadline passed; -ERESTART,
 * or -EINTR where there is a deadline (signal(7)).
 */
int socket_wait(struct object *o, u32 mask, u64 deadline);

#endif
