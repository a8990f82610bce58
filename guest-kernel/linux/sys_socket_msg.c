/* SPDX-License-Identifier: Apache-2.0 */
/* Sending and receiving by sockets, with struct msghdr and its ancillary data: cmsg(3), unix(7). */
#include "core/string.h"
#include "linux/abi_time.h"
#include "linux/sockets.h"
#include "linux/syscall.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "net/passed.h"
#include "object/process.h"

#include <linux/fcntl.h>

#define RW_MAX UINT64_C(0x7ffff000)
#define MESSAGES_MAX 1024u /* of one call, and pieces of one message */
#define CONTROL_MAX (UINT64_C(64) << 10)
#define SCM_RIGHTS_ 1
#define SCM_CREDENTIALS_ 2

struct abi_msghdr {
    u64 name;
    s32 namelen, pad;
    u64 iov, iovlen, control, controllen;
    u32 flags, pad2;
};
STATIC_ASSERT(sizeof(struct abi_msghdr) == 56);

struct abi_mmsghdr {
    struct abi_msghdr hdr;
    u32 len, pad;
};
STATIC_ASSERT(sizeof(struct abi_mmsghdr) == 64);

struct abi_cmsghdr {
    u64 len; /* with this head */
    s32 level, type;
};

/* --- ancillary data going in ------------------------------------------------------------------ */

/* The head at *off of n bytes; 1, 0: there are no more, -EINVAL. *off moves to the next one. */
static int next_control(const u8 *buf, u64 n, u64 *off, struct abi_cmsghdr *h, const u8 **data)
{
    u64 at = *off;

    if (at > n || n - at < sizeof(*h))
        return 0;
    memcpy(h, buf + at, sizeof(*h));
    if (h->len < sizeof(*h) || h->len > n - at)
        return -EINVAL;
    *data = buf + at + sizeof(*h);
    *off = at + ALIGN_UP(h->len, UINT64_C(8));
    return 1;
}

static int count_files(const u8 *buf, u64 n, u32 *files)
{
    struct abi_cmsghdr h;
    const u8 *data;
    u64 off = 0;
    int r;

    *files = 0;
    while ((r = next_control(buf, n, &off, &h, &data)) > 0) {
        if (h.level != SOL_SOCKET_)
            continue;
        if (h.type == SCM_CREDENTIALS_) {
            if (h.len != sizeof(h) + sizeof(struct socket_creds))
                return -EINVAL;
        } else if (h.type == SCM_RIGHTS_) {
            *files += (u32)((h.len - sizeof(h)) / sizeof(s32));
            if (*files > PASSED_MAX)
                return -EINVAL;
        } else {
            return -EINVAL;
        }
    }
    return r;
}

/* unix(7): only the privileged may say that they are somebody else. */
static int check_creds(const struct socket_creds *c)
{
    const struct process *p = process_current();
    const struct cred *me = p->cred;
    struct process *other;

    if ((c->pid != p->pid && !cred_has(me, CAP_SYS_ADMIN_)) ||
        (c->uid != me->uid && c->uid != me->euid && c->uid != me->suid &&
         !cred_has(me, CAP_SETUID_)) ||
        (c->gid != me->gid && c->gid != me->egid && c->gid != me->sgid &&
         !cred_has(me, CAP_SETGID_)))
        return -EPERM;
    if (c->pid == p->pid)
        return 0;
    other = process_find(c->pid);
    if (!other)
        return -ESRCH;
    object_unref(&other->obj);
    return 0;
}

static int take_files(const u8 *data, u64 n, struct passed *p)
{
    for (u64 i = 0; i + sizeof(s32) <= n; i += sizeof(s32)) {
        s32 fd;
        int r;

        memcpy(&fd, data + i, sizeof(fd));
        r = fd < 0 ? -EBADF
                   : handle_get(process_current()->handles, (u32)fd, 0, &p->h[p->n]);
        if (r)
            return r;
        p->n++;
    }
    return 0;
}

static int parse_control(const u8 *buf, u64 n, struct socket_message *m)
{
    struct abi_cmsghdr h;
    const u8 *data;
    u64 off = 0;
    u32 files;
    int r = count_files(buf, n, &files);

    if (r)
        return r;
    if (files) {
        m->passed = passed_create(files);
        if (!m->passed)
            return -ENOMEM;
    }
    while (r == 0 && next_control(buf, n, &off, &h, &data) > 0) {
        if (h.level != SOL_SOCKET_)
            continue;
        if (h.type == SCM_CREDENTIALS_) {
            memcpy(&m->creds, data, sizeof(m->creds));
            m->has_creds = true;
            r = check_creds(&m->creds);
        } else {
            r = take_files(data, h.len - sizeof(h), m->passed);
        }
    }
    if (r == 0 && m->passed)
        r = passed_send(m->passed);
    return r;
}

/* What is made of it is in m->passed also when it fails. */
static int control_from_user(const struct abi_msghdr *h, struct socket_message *m)
{
    u8 *buf;
    int r;

    if (!h->control || !h->controllen)
        return 0;
    if (h->controllen > CONTROL_MAX)
        return -ENOBUFS;
    buf = kmalloc(h->controllen);
    if (!buf)
        return -ENOBUFS;
    r = copy_from_user(buf, h->control, h->controllen) ? -EFAULT
                                                      : parse_control(buf, h->controllen, m);
    kfree(buf);
    return r;
}

/* --- ancillary data going out ----------------------------------------------------------------- */

struct control_out {
    u64 at, left;
    u32 flags; /* MSG_CTRUNC */
};

static void put_head(struct control_out *c, s32 type, u64 len)
{
    struct abi_cmsghdr h = { len, SOL_SOCKET_, type };
    u64 space = MIN(ALIGN_UP(len, UINT64_C(8)), c->left);

    if (copy_to_user(c->at, &h, sizeof(h)))
        return; /* as on Linux: the data are received, what cannot be told of them is not told */
    c->at += space;
    c->left -= space;
}

static void put_creds(struct control_out *c, const struct socket_creds *creds)
{
    u64 len = sizeof(struct abi_cmsghdr) + sizeof(*creds);

    if (c->left < sizeof(struct abi_cmsghdr)) {
        c->flags |= MSG_CTRUNC_;
        return;
    }
    if (c->left < len) {
        c->flags |= MSG_CTRUNC_;
        len = c->left;
    }
    if (copy_to_user(c->at + sizeof(struct abi_cmsghdr), creds, len - sizeof(struct abi_cmsghdr)))
        return;
    put_head(c, SCM_CREDENTIALS_, len);
}

/* A descriptor for one file, told at `to`; the reference is taken over. */
static bool give(const struct handle *h, bool cloexec, u64 to)
{
    s32 fd = fd_install(h->obj, h->rights, cloexec, 0);

    if (fd < 0)
        return false;
    if (copy_to_user(to, &fd, sizeof(fd)) == 0)
        return true;
    handle_close(process_current()->handles, (u32)fd);
    return false;
}

/* Descriptors for as many of the files as there is room for; the others are closed (unix(7)). */
static void put_files(struct control_out *c, struct passed *p, bool cloexec)
{
    u64 to = c->at + sizeof(struct abi_cmsghdr), room = 0;
    u32 told = 0, i;

    if (c->left > sizeof(struct abi_cmsghdr))
        room = MIN((c->left - sizeof(struct abi_cmsghdr)) / sizeof(s32), (u64)p->n);
    passed_hold(p);
    for (i = 0; i < room && told == i; i++)
        told += give(&p->h[i], cloexec, to + i * sizeof(s32));
    for (; i < p->n; i++)
        object_unref(p->h[i].obj);
    if (told)
        put_head(c, SCM_RIGHTS_, sizeof(struct abi_cmsghdr) + told * sizeof(s32));
    if (told < p->n)
        c->flags |= MSG_CTRUNC_;
}

/* --- one message ------------------------------------------------------------------------------ */

/* Send m to s, whose data and flags are set. What it carries is dropped if it did not go. */
static s64 send_one(struct file *f, struct socket *s, struct socket_message *m)
{
    s64 r;

    if (READ_ONCE(f->flags) & O_NONBLOCK)
        m->flags |= MSG_DONTWAIT_;
    r = s->ops->send(s, m);
    if (unlikely(r == -EPIPE) && !(m->flags & MSG_NOSIGNAL_) && socket_raises_sigpipe(f))
        signal_self(SIGPIPE);
    return r;
}

static s64 receive_one(struct file *f, struct socket *s, struct socket_message *m)
{
    if (READ_ONCE(f->flags) & O_NONBLOCK)
        m->flags |= MSG_DONTWAIT_;
    return s->ops->receive(s, m);
}

/* Vector, address and ancillary data of a message going out, and off it goes. */
static s64 send_message(struct file *f, struct socket *s, const struct abi_msghdr *h, u32 flags)
{
    struct iovec_k fast[IOV_FAST], *v;
    struct socket_message m = { .flags = flags };
    struct socket_address to;
    struct uio u;
    u64 total;
    s64 r;

    if (h->iovlen > MESSAGES_MAX)
        return -EMSGSIZE;
    if (h->name && h->namelen) {
        if (h->namelen < 0)
            return -EINVAL;
        r = address_from_user(h->name, MIN(h->namelen, (s32)ADDRESS_MAX), &to);
        if (r)
            return r;
        m.to = &to;
    }
    r = get_vector(h->iov, (int)h->iovlen, fast, &v, &total);
    if (r)
        return r;
    uio_init_vec(&u, v, (u32)h->iovlen, total);
    m.data = &u;
    r = control_from_user(h, &m);
    if (r == 0)
        r = send_one(f, s, &m);
    if (m.passed)
        passed_unref(m.passed);
    if (v != fast)
        kfree(v);
    return r;
}

/* What goes with a received message into the msghdr at `uh`, which the call was given as *h. */
static s64 message_to_user(struct socket_message *m, const struct abi_msghdr *h, u64 uh)
{
    struct control_out c = { h->control, h->control ? h->controllen : 0, 0 };
    u32 flags;
    u64 used;

    if (m->has_creds)
        put_creds(&c, &m->creds);
    if (m->passed)
        put_files(&c, m->passed, m->flags & MSG_CMSG_CLOEXEC_);
    flags = m->result | c.flags | (m->flags & MSG_CMSG_CLOEXEC_);
    used = c.at - h->control;
    if (m->from && address_to_user(m->from, h->name, uh + offsetof(struct abi_msghdr, namelen)))
        return -EFAULT;
    if (copy_to_user(uh + offsetof(struct abi_msghdr, flags), &flags, sizeof(flags)) ||
        copy_to_user(uh + offsetof(struct abi_msghdr, controllen), &used, sizeof(used)))
        return -EFAULT;
    return 0;
}

static s64 receive_message(struct file *f, struct socket *s, u64 uh, u32 flags)
{
    struct iovec_k fast[IOV_FAST], *v;
    struct socket_message m = { .flags = flags };
    struct socket_address from = { .len = 0 };
    struct abi_msghdr h;
    struct uio u;
    u64 total;
    s64 r, e;

    if (copy_from_user(&h, uh, sizeof(h)))
        return -EFAULT;
    if (h.name && h.namelen < 0)
        return -EINVAL;
    if (h.iovlen > MESSAGES_MAX)
        return -EMSGSIZE;
    r = get_vector(h.iov, (int)h.iovlen, fast, &v, &total);
    if (r)
        return r;
    uio_init_vec(&u, v, (u32)h.iovlen, total);
    m.data = &u;
    m.from = h.name ? &from : NULL;
    r = receive_one(f, s, &m);
    if (r >= 0) {
        e = message_to_user(&m, &h, uh);
        if (e)
            r = e;
    }
    if (m.passed)
        passed_unref(m.passed);
    if (v != fast)
        kfree(v);
    return r;
}

/* --- the calls -------------------------------------------------------------------------------- */

s64 sys_sendto(int fd, u64 buf, u64 n, u32 flags, u64 addr, int addrlen)
{
    struct socket_message m = { .flags = flags };
    struct socket_address to;
    struct iovec_k one;
    struct socket *s;
    struct file *f;
    struct uio u;
    s64 r = fd_socket(fd, &f, &s);

    if (r)
        return r;
    n = MIN(n, RW_MAX);
    if (!user_range_ok(buf, n))
        r = -EFAULT;
    if (r == 0 && addr) {
        r = address_from_user(addr, addrlen, &to);
        m.to = &to;
    }
    if (r == 0) {
        uio_init_user(&u, &one, buf, n);
        m.data = &u;
        r = send_one(f, s, &m);
    }
    file_put(f);
    return r;
}

s64 sys_recvfrom(int fd, u64 buf, u64 n, u32 flags, u64 addr, u64 addrlen)
{
    struct socket_message m = { .flags = flags };
    struct socket_address from = { .len = 0 };
    struct iovec_k one;
    struct socket *s;
    struct file *f;
    struct uio u;
    s64 r = fd_socket(fd, &f, &s), e;

    if (r)
        return r;
    n = MIN(n, RW_MAX);
    if (!user_range_ok(buf, n)) {
        r = -EFAULT;
    } else {
        uio_init_user(&u, &one, buf, n);
        m.data = &u;
        m.from = addr ? &from : NULL;
        r = receive_one(f, s, &m);
    }
    if (m.passed)
        passed_unref(m.passed); /* there is nowhere to tell of them */
    if (r >= 0 && addr) {
        e = address_to_user(&from, addr, addrlen);
        if (e)
            r = e;
    }
    file_put(f);
    return r;
}

s64 sys_sendmsg(int fd, u64 uh, u32 flags)
{
    struct abi_msghdr h;
    struct socket *s;
    struct file *f;
    s64 r = fd_socket(fd, &f, &s);

    if (r)
        return r;
    r = copy_from_user(&h, uh, sizeof(h)) ? -EFAULT : send_message(f, s, &h, flags);
    file_put(f);
    return r;
}

s64 sys_recvmsg(int fd, u64 uh, u32 flags)
{
    struct socket *s;
    struct file *f;
    s64 r = fd_socket(fd, &f, &s);

    if (r)
        return r;
    r = receive_message(f, s, uh, flags);
    file_put(f);
    return r;
}

/* sendmmsg(2): the number of messages sent; an error only if there was none before it. */
s64 sys_sendmmsg(int fd, u64 uv, u32 n, u32 flags)
{
    struct abi_mmsghdr h;
    struct socket *s;
    struct file *f;
    u32 done = 0, len;
    s64 r = fd_socket(fd, &f, &s);

    if (r)
        return r;
    n = MIN(n, MESSAGES_MAX);
    while (done < n && r >= 0) {
        u64 at = uv + done * sizeof(h);

        r = copy_from_user(&h, at, sizeof(h)) ? -EFAULT : send_message(f, s, &h.hdr, flags);
        len = (u32)r;
        if (r >= 0 && copy_to_user(at + offsetof(struct abi_mmsghdr, len), &len, sizeof(len)))
            r = -EFAULT;
        if (r >= 0)
            done++;
    }
    file_put(f);
    return done ? (s64)done : r;
}

/*
 * The messages of recvmmsg; its deadline is looked at after each of them, as recvmmsg(2) says
 * (BUGS).
 */
static s64 receive_many(struct file *f, struct socket *s, u64 uv, u32 n, u32 flags, u64 deadline)
{
    u32 done = 0, len;
    s64 r = socket_take_error(s);

    if (r)
        return r;
    while (done < n) {
        u64 at = uv + done * sizeof(struct abi_mmsghdr);

        r = receive_message(f, s, at, flags & ~MSG_WAITFORONE_);
        len = (u32)r;
        if (r >= 0 && copy_to_user(at + offsetof(struct abi_mmsghdr, len), &len, sizeof(len)))
            r = -EFAULT;
        if (r < 0)
            break;
        done++;
        if (flags & MSG_WAITFORONE_)
            flags |= MSG_DONTWAIT_;
        if (deadline != DEADLINE_NEVER && time_mono() >= deadline)
            break;
    }
    /* An error after the first message is for the next call. */
    if (done && r < 0 && r != -EAGAIN && !IS_RESTART(r))
        __atomic_store_n(&s->error, (int)-r, __ATOMIC_RELAXED);
    return done ? (s64)done : r;
}

s64 sys_recvmmsg(int fd, u64 uv, u32 n, u32 flags, u64 utimeout)
{
    u64 deadline = DEADLINE_NEVER, ns, now;
    struct socket *s;
    struct file *f;
    s64 r;

    if (utimeout) {
        r = get_timespec_ns(utimeout, &ns);
        if (r)
            return r;
        deadline = deadline_after(ns);
    }
    r = fd_socket(fd, &f, &s);
    if (r)
        return r;
    r = receive_many(f, s, uv, MIN(n, MESSAGES_MAX), flags, deadline);
    file_put(f);
    now = time_mono();
    if (r > 0 && utimeout && put_timespec(utimeout, deadline > now ? deadline - now : 0))
        return -EFAULT;
    return r;
}
