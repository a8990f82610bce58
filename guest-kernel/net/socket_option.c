/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of SOL_SOCKET: socket(7). What needs a network is kept and shown, where Linux does no
 * more.
 */
#include "core/string.h"
#include "core/time.h"
#include "net/socket.h"
#include "object/process.h"

#include <asm/socket.h>

#define PRIORITY_FREE_MAX 6 /* above, CAP_NET_ADMIN is needed */
#define BIT(name) (UINT64_C(1) << (name))

/* Options that are on or off. */
#define SWITCHES                                                                                   \
    (BIT(SO_DEBUG) | BIT(SO_REUSEADDR) | BIT(SO_DONTROUTE) | BIT(SO_BROADCAST) |                   \
     BIT(SO_KEEPALIVE) | BIT(SO_OOBINLINE) | BIT(SO_NO_CHECK) | BIT(SO_PASSCRED) |                 \
     BIT(SO_PASSSEC) | BIT(SO_RXQ_OVFL))

struct linger_abi {
    s32 on, seconds;
};

struct timeval_abi {
    s64 sec, usec;
};

static bool is_switch(int name)
{
    return name > 0 && name < 64 && (SWITCHES >> name & 1);
}

static void turn(struct socket *s, int name, bool on)
{
    if (on)
        __atomic_fetch_or(&s->set, BIT(name), __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&s->set, ~BIT(name), __ATOMIC_RELAXED);
}

/* --- getting ---------------------------------------------------------------------------------- */

static int put(void *to, u32 *len, const void *value, u32 n)
{
    *len = MIN(*len, n);
    memcpy(to, value, *len);
    return 0;
}

static int put_int(void *to, u32 *len, s32 value)
{
    return put(to, len, &value, sizeof(value));
}

static int put_timeout(void *to, u32 *len, u64 ns)
{
    struct timeval_abi tv = { (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC / 1000) };

    return put(to, len, &tv, sizeof(tv));
}

int socket_get_option(struct socket *s, int name, void *to, u32 *len)
{
    struct linger_abi linger;

    if (is_switch(name))
        return put_int(to, len, socket_is_set(s, name));
    switch (name) {
    case SO_TYPE:
        return put_int(to, len, s->type);
    case SO_DOMAIN:
        return put_int(to, len, s->family);
    case SO_PROTOCOL:
        return put_int(to, len, (s32)s->protocol);
    case SO_ERROR: {
        int e = -socket_take_error(s);

        socket_update(s, false);
        return put_int(to, len, e);
    }
    case SO_SNDBUF:
        return put_int(to, len, (s32)READ_ONCE(s->send_buffer));
    case SO_RCVBUF:
        return put_int(to, len, (s32)READ_ONCE(s->receive_buffer));
    case SO_RCVLOWAT:
        return put_int(to, len, (s32)READ_ONCE(s->low_water));
    case SO_SNDLOWAT:
        return put_int(to, len, 1);
    case SO_PRIORITY:
        return put_int(to, len, (s32)READ_ONCE(s->priority));
    case SO_LINGER:
        linger = (struct linger_abi){ socket_is_set(s, SO_LINGER), (s32)READ_ONCE(s->linger) };
        return put(to, len, &linger, sizeof(linger));
    case SO_RCVTIMEO_OLD:
    case SO_RCVTIMEO_NEW:
        return put_timeout(to, len, READ_ONCE(s->receive_timeout));
    case SO_SNDTIMEO_OLD:
    case SO_SNDTIMEO_NEW:
        return put_timeout(to, len, READ_ONCE(s->send_timeout));
    case SO_COOKIE:
        if (*len != sizeof(u64))
            return -EINVAL;
        return put(to, len, &s->inode.ino, sizeof(u64));
    default:
        return s->ops->get_option ? s->ops->get_option(s, name, to, len) : -ENOPROTOOPT;
    }
}

/* --- setting ---------------------------------------------------------------------------------- */

static bool is_admin(void)
{
    return cred_has(process_current()->cred, CAP_NET_ADMIN_);
}

/*
 * socket(7): twice the value is set, to make room for the kernel's own; never less than a minimum.
 */
static u32 buffer_size(s32 value, bool force, u32 min)
{
    u32 n = value < 0 && force ? 0 : (u32)value;

    if (!force)
        n = MIN(n, SOCKET_BUFFER);
    n = MIN(n, (u32)INT32_MAX / 2);
    return MAX(n * 2, min);
}

static int set_timeout(const void *value, u32 len, u64 *ns)
{
    struct timeval_abi tv;

    if (len < sizeof(tv))
        return -EINVAL;
    memcpy(&tv, value, sizeof(tv));
    if (tv.usec < 0 || tv.usec >= 1000000)
        return -EDOM;
    if (tv.sec < 0) /* as on Linux: such a call does not wait at all */
        *ns = 1;
    else if ((u64)tv.sec >= UINT64_MAX / NSEC_PER_SEC - 1)
        *ns = 0;
    else
        *ns = (u64)tv.sec * NSEC_PER_SEC + (u64)tv.usec * 1000;
    return 0;
}

static int set_linger(struct socket *s, const void *value, u32 len)
{
    struct linger_abi l;

    if (len < sizeof(l))
        return -EINVAL;
    memcpy(&l, value, sizeof(l));
    if (l.on)
        WRITE_ONCE(s->linger, (u32)l.seconds);
    turn(s, SO_LINGER, l.on);
    return 0;
}

static int set_int(struct socket *s, int name, s32 v)
{
    switch (name) {
    case SO_DEBUG:
        if (v && !is_admin())
            return -EACCES;
        turn(s, name, v);
        return 0;
    case SO_SNDBUFFORCE:
    case SO_SNDBUF:
        if (name == SO_SNDBUFFORCE && !is_admin())
            return -EPERM;
        WRITE_ONCE(s->send_buffer, buffer_size(v, name == SO_SNDBUFFORCE, SEND_BUFFER_MIN));
        socket_update(s, false);
        return 0;
    case SO_RCVBUFFORCE:
    case SO_RCVBUF:
        if (name == SO_RCVBUFFORCE && !is_admin())
            return -EPERM;
        WRITE_ONCE(s->receive_buffer,
                   buffer_size(v, name == SO_RCVBUFFORCE, RECEIVE_BUFFER_MIN));
        return 0;
    case SO_RCVLOWAT:
        WRITE_ONCE(s->low_water, v < 0 ? (u32)INT32_MAX : v ? (u32)v : 1);
        return 0;
    case SO_PRIORITY:
        if ((v < 0 || v > PRIORITY_FREE_MAX) && !is_admin())
            return -EPERM;
        WRITE_ONCE(s->priority, (u32)v);
        return 0;
    case SO_REUSEPORT: /* of Internet sockets only */
        return v ? -EOPNOTSUPP : 0;
    default:
        if (!is_switch(name))
            return -ENOPROTOOPT;
        turn(s, name, v);
        return 0;
    }
}

int socket_set_option(struct socket *s, int name, const void *value, u32 len)
{
    u64 ns;
    s32 v;
    int r;

    if (len < sizeof(v))
        return -EINVAL;
    switch (name) {
    case SO_LINGER:
        return set_linger(s, value, len);
    case SO_RCVTIMEO_OLD:
    case SO_RCVTIMEO_NEW:
        r = set_timeout(value, len, &ns);
        if (r == 0)
            WRITE_ONCE(s->receive_timeout, ns);
        return r;
    case SO_SNDTIMEO_OLD:
    case SO_SNDTIMEO_NEW:
        r = set_timeout(value, len, &ns);
        if (r == 0)
            WRITE_ONCE(s->send_timeout, ns);
        return r;
    default:
        memcpy(&v, value, sizeof(v));
        return set_int(s, name, v);
    }
}
