/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: making, naming, connecting, options. Messages are sys_socket_msg.c's. */
#include "linux/sockets.h"

#include "core/string.h"
#include "linux/syscall.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"

#include <linux/fcntl.h>
#include <linux/resource.h>

#define TYPE_MASK    0xf
#define TYPE_FLAGS   (O_CLOEXEC | O_NONBLOCK) /* SOCK_CLOEXEC, SOCK_NONBLOCK */
#define OPTION_SMALL 128u
#define OPTION_MAX   (UINT32_C(256) << 10) /* of groups, SO_PEERGROUPS */

int fd_socket(int fd, struct file **f, struct socket **s)
{
    int r = fd_file(fd, 0, false, f);

    if (r)
        return r == -EINVAL ? -ENOTSOCK : r;
    *s = socket_of(*f);
    if (*s)
        return 0;
    file_put(*f);
    return -ENOTSOCK;
}

/* --- addresses -------------------------------------------------------------------------------- */

int address_from_user(u64 from, s32 len, struct socket_address *a)
{
    if (len < 0 || (u32)len > ADDRESS_MAX)
        return -EINVAL;
    a->family = AF_UNSPEC_;
    a->len = (u32)len;
    return copy_from_user(a->bytes, from, (u32)len) ? -EFAULT : 0;
}

/* As much as fits; the length told is the real one (accept(2)). */
int address_to_user(const struct socket_address *a, u64 to, u64 to_len)
{
    s32 room;

    if (copy_from_user(&room, to_len, sizeof(room)))
        return -EFAULT;
    if (room < 0)
        return -EINVAL;
    if (copy_to_user(to, a->bytes, MIN((u32)room, a->len)) ||
        copy_to_user(to_len, &a->len, sizeof(a->len)))
        return -EFAULT;
    return 0;
}

/* --- making ----------------------------------------------------------------------------------- */

s64 sys_socket(int family, int type, int protocol)
{
    int flags = type & ~TYPE_MASK;
    struct file *f;
    int r;

    if (flags & ~TYPE_FLAGS)
        return -EINVAL;
    r = socket_create(family, type & TYPE_MASK, protocol, (u32)flags & O_NONBLOCK, &f);
    return r ? r : fd_install(&f->obj, fd_rights(O_RDWR), flags & O_CLOEXEC, 0);
}

s64 sys_socketpair(int family, int type, int protocol, u64 to)
{
    const u32 rights[2] = { fd_rights(O_RDWR), fd_rights(O_RDWR) };
    int flags = type & ~TYPE_MASK, r;
    struct file *f[2];

    if (flags & ~TYPE_FLAGS)
        return -EINVAL;
    r = socket_create_pair(family, type & TYPE_MASK, protocol, (u32)flags & O_NONBLOCK, f);
    return r ? r : fd_install_pair(f, rights, flags & O_CLOEXEC, to);
}

/* --- connecting ------------------------------------------------------------------------------- */

/* A socket, with a reference on its file, and an address from the caller. */
static int fd_and_address(int fd, u64 addr, int len, struct file **f, struct socket **s,
                          struct socket_address *a)
{
    int r = fd_socket(fd, f, s);

    if (r)
        return r;
    r = address_from_user(addr, len, a);
    if (r)
        file_put(*f);
    return r;
}

s64 sys_bind(int fd, u64 addr, int len)
{
    struct socket_address a;
    struct socket *s;
    struct file *f;
    int r = fd_and_address(fd, addr, len, &f, &s, &a);

    if (r)
        return r;
    r = s->ops->bind ? s->ops->bind(s, &a) : -EOPNOTSUPP;
    file_put(f);
    return r;
}

s64 sys_connect(int fd, u64 addr, int len)
{
    struct socket_address a;
    struct socket *s;
    struct file *f;
    int r = fd_and_address(fd, addr, len, &f, &s, &a);

    if (r)
        return r;
    r = s->ops->connect ? s->ops->connect(s, &a, f->flags & O_NONBLOCK) : -EOPNOTSUPP;
    file_put(f);
    return r;
}

s64 sys_listen(int fd, int backlog)
{
    struct socket *s;
    struct file *f;
    int r = fd_socket(fd, &f, &s);

    if (r)
        return r;
    r = s->ops->listen ? s->ops->listen(s, (u32)backlog) : -EOPNOTSUPP;
    file_put(f);
    return r;
}

static s64 accept_on(struct file *f, struct socket *s, u64 addr, u64 len, int flags)
{
    struct process *p = process_current();
    struct socket_address a;
    struct file *new;
    int r;

    /* Else a connection would be taken that no descriptor can be given to. */
    r = handle_check_room(p->handles, p->rlimits[RLIMIT_NOFILE].cur);
    if (r == 0)
        r = socket_accept(s, READ_ONCE(f->flags) & O_NONBLOCK, (u32)flags & O_NONBLOCK, &new);
    if (r)
        return r;
    if (addr) {
        struct socket *n = socket_of(new);

        r = n->ops->name(n, true, &a) ? -ECONNABORTED : address_to_user(&a, addr, len);
    }
    if (r) {
        file_put(new);
        return r;
    }
    return fd_install(&new->obj, fd_rights(O_RDWR), flags & O_CLOEXEC, 0);
}

s64 sys_accept4(int fd, u64 addr, u64 len, int flags)
{
    struct socket *s;
    struct file *f;
    s64 r;

    if (flags & ~TYPE_FLAGS)
        return -EINVAL;
    r = fd_socket(fd, &f, &s);
    if (r)
        return r;
    r = accept_on(f, s, addr, len, flags);
    file_put(f);
    return r;
}

s64 sys_accept(int fd, u64 addr, u64 len)
{
    return sys_accept4(fd, addr, len, 0);
}

static s64 get_name(int fd, bool peer, u64 addr, u64 len)
{
    struct socket_address a;
    struct socket *s;
    struct file *f;
    int r = fd_socket(fd, &f, &s);

    if (r)
        return r;
    r = s->ops->name(s, peer, &a);
    if (r == 0)
        r = address_to_user(&a, addr, len);
    file_put(f);
    return r;
}

s64 sys_getsockname(int fd, u64 addr, u64 len)
{
    return get_name(fd, false, addr, len);
}

s64 sys_getpeername(int fd, u64 addr, u64 len)
{
    return get_name(fd, true, addr, len);
}

s64 sys_shutdown(int fd, int how)
{
    struct socket *s;
    struct file *f;
    int r = fd_socket(fd, &f, &s);

    if (r)
        return r;
    if (how < 0 || how > 2) /* SHUT_RD, SHUT_WR, SHUT_RDWR */
        r = -EINVAL;
    else
        r = s->ops->shutdown ? s->ops->shutdown(s, (u32)how + 1) : -EOPNOTSUPP;
    file_put(f);
    return r;
}

/* --- options ---------------------------------------------------------------------------------- */

s64 sys_setsockopt(int fd, int level, int name, u64 value, int len)
{
    u8 buf[OPTION_SMALL];
    struct socket *s;
    struct file *f;
    u32 n = MIN((u32)len, OPTION_SMALL);
    int r;

    if (len < 0)
        return -EINVAL;
    r = fd_socket(fd, &f, &s);
    if (r)
        return r;
    if (level != SOL_SOCKET_)
        r = -EOPNOTSUPP; /* no family here has options of its own level */
    else
        r = copy_from_user(buf, value, n) ? -EFAULT : socket_set_option(s, name, buf, n);
    file_put(f);
    return r;
}

static int get_option(struct socket *s, int name, u64 to, u64 to_len)
{
    u8 small[OPTION_SMALL], *buf = small;
    u32 room, n;
    s32 len;
    int r;

    if (copy_from_user(&len, to_len, sizeof(len)))
        return -EFAULT;
    if (len < 0)
        return -EINVAL;
    room = n = MIN((u32)len, OPTION_MAX);
    if (room > sizeof(small)) {
        buf = kmalloc(room);
        if (!buf)
            return -ENOMEM;
    }
    r = socket_get_option(s, name, buf, &n);
    if ((r == 0 && copy_to_user(to, buf, n)) ||
        ((r == 0 || r == -ERANGE) && copy_to_user(to_len, &n, sizeof(n))))
        r = -EFAULT;
    if (buf != small)
        kfree(buf);
    return r;
}

s64 sys_getsockopt(int fd, int level, int name, u64 value, u64 len)
{
    struct socket *s;
    struct file *f;
    int r = fd_socket(fd, &f, &s);

    if (r)
        return r;
    r = level == SOL_SOCKET_ ? get_option(s, name, value, len) : -EOPNOTSUPP;
    file_put(f);
    return r;
}
