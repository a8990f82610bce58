/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of unix sockets: memory, the send buffer, credentials, and how much is there (SIOCINQ).
 */
#include "net/unix_impl.h"

#include "core/string.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"

#include <asm/ioctls.h>
#include <asm/socket.h>

#define SMALL     256u  /* blocks of kmalloc, with the message's head */
#define LARGE     2048u
#define HEAD      offsetof(struct unix_message, bytes)
#define PAGE_HEAD 256u /* charged for the head of one with pages */

/* Two sizes of small ones, so that streams of small writes find room in the last message. */
static struct unix_message *create_small(u32 block)
{
    struct unix_message *m = kmalloc(block);

    if (!m)
        return NULL;
    memset(m, 0, HEAD);
    m->room = block - (u32)HEAD;
    m->charge = block;
    return m;
}

struct unix_message *unix_message_create(u32 n, bool exact)
{
    u32 pages = (u32)ALIGN_UP((u64)n, PAGE_SIZE) >> PAGE_SHIFT;
    struct unix_message *m;

    if (n <= SMALL - HEAD && exact)
        return create_small(SMALL);
    if (n <= LARGE - HEAD)
        return create_small(LARGE);
    m = kzalloc(HEAD + pages * sizeof(m->page[0]));
    if (!m)
        return NULL;
    m->paged = true;
    m->charge = PAGE_HEAD + pages * (u32)PAGE_SIZE;
    for (u32 i = 0; i < pages; i++) {
        m->page[i] = kmalloc(PAGE_SIZE);
        if (!m->page[i]) {
            unix_message_free(m);
            return NULL;
        }
        m->room += PAGE_SIZE;
    }
    return m;
}

void unix_message_free(struct unix_message *m)
{
    for (u32 i = 0; m->paged && i < m->room >> PAGE_SHIFT; i++)
        kfree(m->page[i]);
    kfree(m);
}

u32 unix_message_fill(struct unix_message *m, struct uio *u, u32 n)
{
    u32 done = 0;

    if (likely(!m->paged)) {
        done = (u32)uio_from(u, m->bytes + m->len, n);
        m->len += done;
        return done;
    }
    while (done < n) {
        u32 in = m->len % PAGE_SIZE, part = MIN(n - done, (u32)PAGE_SIZE - in);
        u32 did = (u32)uio_from(u, m->page[m->len >> PAGE_SHIFT] + in, part);

        m->len += did;
        done += did;
        if (did < part)
            break;
    }
    return done;
}

u32 unix_message_copy(const struct unix_message *m, u32 at, struct uio *u, u32 n)
{
    u32 done = 0;

    if (likely(!m->paged))
        return (u32)uio_to(u, m->bytes + at, n);
    while (done < n) {
        u32 in = (at + done) % PAGE_SIZE, part = MIN(n - done, (u32)PAGE_SIZE - in);
        u32 did = (u32)uio_to(u, m->page[(at + done) >> PAGE_SHIFT] + in, part);

        done += did;
        if (did < part)
            break;
    }
    return done;
}

/* --- the send buffer -------------------------------------------------------------------------- */

/* Signals tell whether more than a quarter is in use: they change only when that is crossed. */
void unix_charge(struct unix_socket *u, u32 n)
{
    u32 now = __atomic_add_fetch(&u->charged, n, __ATOMIC_RELAXED);
    u32 quarter = READ_ONCE(u->sock.send_buffer) / 4;

    if (now > quarter && now - n <= quarter)
        socket_update(&u->sock, false);
}

void unix_uncharge(struct unix_socket *u, u32 n)
{
    u32 now = __atomic_sub_fetch(&u->charged, n, __ATOMIC_RELAXED);
    u32 quarter = READ_ONCE(u->sock.send_buffer) / 4;

    if (now <= quarter && now + n > quarter)
        socket_update(&u->sock, false);
}

int unix_wait_budget(struct unix_socket *u, bool nonblock, u64 deadline)
{
    for (;;) {
        struct file *f = u->sock.file;
        int r = socket_take_error(&u->sock);

        if (r)
            return r;
        if (READ_ONCE(u->shut) & SHUT_SEND)
            return -EPIPE;
        if (READ_ONCE(u->charged) < READ_ONCE(u->sock.send_buffer))
            return 0;
        if (nonblock)
            return -EAGAIN;
        /* The end of the other side is a signal of its own: a wait for the budget would miss it. */
        r = socket_wait(&f->obj, SIG_BUDGET | SIG_ERROR | SIG_HANGUP, deadline);
        if (r)
            return r;
    }
}

void unix_purge(struct unix_socket *u, struct list *messages)
{
    while (!list_empty(messages)) {
        struct unix_message *m = list_first(messages, struct unix_message, node);

        list_del(&m->node);
        unix_uncharge(m->from, m->charge);
        if (unix_is_datagram(u))
            unix_unref(m->from);
        if (m->passed)
            passed_unref(m->passed);
        unix_message_free(m);
    }
}

/* --- credentials ------------------------------------------------------------------------------ */

/*
 * unix(7): those that the sender gave; else its own, if one of the two sides wants to see any (a
 * socket that nobody has accepted yet may come to want it).
 */
void unix_message_creds(const struct unix_socket *u, const struct unix_socket *to,
                        const struct socket_message *m, struct socket_creds *out)
{
    struct process *p = process_current();

    if (unlikely(m->has_creds))
        *out = m->creds;
    else if (unlikely(socket_is_set(&u->sock, SO_PASSCRED) ||
                      socket_is_set(&to->sock, SO_PASSCRED) || !READ_ONCE(to->sock.file)))
        *out = (struct socket_creds){ p->pid, p->cred->uid, p->cred->gid };
    else
        *out = (struct socket_creds){ 0, NOBODY, NOBODY };
}

void unix_show_creds(const struct unix_socket *u, const struct socket_creds *c,
                     struct socket_message *m)
{
    m->has_creds = socket_is_set(&u->sock, SO_PASSCRED);
    if (m->has_creds)
        m->creds = *c;
}

/* --- ioctl ------------------------------------------------------------------------------------ */

/* unix(7), SIOCINQ; socket(7), SIOCOUTQ. They are FIONREAD and TIOCOUTQ. */
s64 unix_ioctl(struct socket *s, u32 cmd, u64 arg)
{
    struct unix_socket *u = unix_of(s);
    u64 n;
    s32 v;

    switch (cmd) {
    case FIONREAD:
        if (unix_state(u) == UNIX_LISTENING)
            return -EINVAL;
        mutex_lock(&u->lock);
        n = u->bytes;
        if (unix_is_datagram(u))
            n = list_empty(&u->queue) ? 0 : list_first(&u->queue, struct unix_message, node)->len;
        mutex_unlock(&u->lock);
        break;
    case TIOCOUTQ:
        n = READ_ONCE(u->charged);
        break;
    default:
        return -ENOTTY;
    }
    v = (s32)MIN(n, (u64)INT32_MAX);
    return copy_to_user(arg, &v, sizeof(v)) ? -EFAULT : 0;
}
