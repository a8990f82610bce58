/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files under way: counts, and unix sockets that nobody can reach any more.
 *
 * A socket that was sent into its own queue, or two that were sent into each other's, keep
 * themselves alive after all descriptors are closed. So whenever a unix socket is closed while some
 * are under way, those are found, as on Linux: a socket is suspected if all references of its file
 * are from messages. Of these, one that has more of them than messages in queues of suspected
 * sockets account for can still be received, and so can all in its queue, and so on. What remains
 * is garbage: files in its queues are dropped, and with them it ends.
 *
 * Why this is right while others go on: a suspected socket's queue can only grow (to receive needs
 * a descriptor), and what was added after it was looked at counts as held from outside. A message
 * that somebody has just received is in no queue, but its files stay counted until they have their
 * descriptors. Whoever takes such files without removing them (MSG_PEEK) does so under flight_lock
 * (passed_hold).
 */
#include "net/unix_impl.h"

#include "core/print.h"
#include "mm/slab.h"
#include "object/process.h"

#include <asm/resource.h>

/* Files that a user has under way. */
struct flight_user {
    struct tree_node node; /* key: uid */
    u32 count;
};

static struct mutex flight_lock; /* all below, and what unix_impl.h says */
static struct list flights;      /* unix_socket.flight_node: sockets under way */
static struct tree users;
static u32 nflights;             /* written under flight_lock */
static bool postponed;           /* (a) sockets ended while a thread was dropping files */

void unix_init(void)
{
    mutex_init(&flight_lock);
    list_init(&flights);
}

u32 unix_flights(void)
{
    return READ_ONCE(nflights);
}

static struct unix_socket *socket_in(const struct handle *h)
{
    struct file *f = file_of(h->obj);
    struct socket *s = f ? socket_of(f) : NULL;

    return s && s->family == AF_UNIX_ ? unix_of(s) : NULL;
}

/* --- counting --------------------------------------------------------------------------------- */

static struct flight_user *find_user(u32 uid)
{
    struct tree_node *n = tree_ge(&users, uid);

    return n && n->key == uid ? container_of(n, struct flight_user, node) : NULL;
}

/* unix(7), ETOOMANYREFS. */
static bool too_many(const struct flight_user *user)
{
    const struct process *p = process_current();

    return user && user->count > p->rlimits[RLIMIT_NOFILE].cur &&
           !cred_has(p->cred, CAP_SYS_RESOURCE_) && !cred_has(p->cred, CAP_SYS_ADMIN_);
}

/* flight_lock held. */
static int count(struct passed *p)
{
    struct flight_user *user = find_user(p->uid);

    if (too_many(user))
        return -ETOOMANYREFS;
    if (!user) {
        user = kzalloc(sizeof(*user));
        if (!user)
            return -ENOMEM;
        user->node.key = p->uid;
        tree_insert(&users, &user->node);
    }
    user->count += p->n;
    p->counted = true;
    for (u32 i = 0; i < p->n; i++) {
        struct unix_socket *u = socket_in(&p->h[i]);

        if (u && u->inflight++ == 0) {
            list_add_tail(&flights, &u->flight_node);
            nflights++;
        }
    }
    return 0;
}

int passed_send(struct passed *p)
{
    int r;

    p->uid = process_current()->cred->uid;
    mutex_lock(&flight_lock);
    r = count(p);
    mutex_unlock(&flight_lock);
    if (r != -ETOOMANYREFS || !unix_flights())
        return r;
    unix_collect(); /* what is lost need not count */
    mutex_lock(&flight_lock);
    r = count(p);
    mutex_unlock(&flight_lock);
    return r;
}

void passed_landed(struct passed *p)
{
    struct flight_user *user;

    if (!p->counted)
        return;
    mutex_lock(&flight_lock);
    user = find_user(p->uid);
    user->count -= p->n;
    if (!user->count) {
        tree_remove(&users, &user->node);
        kfree(user);
    }
    for (u32 i = 0; i < p->n; i++) {
        struct unix_socket *u = socket_in(&p->h[i]);

        if (u && --u->inflight == 0) {
            list_del(&u->flight_node);
            nflights--;
        }
    }
    mutex_unlock(&flight_lock);
}

void passed_hold(struct passed *p)
{
    mutex_lock(&flight_lock);
    for (u32 i = 0; i < p->n; i++)
        object_ref(p->h[i].obj);
    mutex_unlock(&flight_lock);
}

/* --- looking for the unreachable -------------------------------------------------------------- */

typedef void visit(struct passed **p, void *arg);

static void for_queue(struct unix_socket *u, visit *fn, void *arg)
{
    struct unix_message *m;

    mutex_lock(&u->lock);
    list_for_each(m, &u->queue, node)
        if (m->passed)
            fn(&m->passed, arg);
    mutex_unlock(&u->lock);
}

/*
 * All files in u's queue, and in those of the connections that it has yet to accept. flight_lock
 * held.
 */
static void for_each_passed(struct unix_socket *u, visit *fn, void *arg)
{
    struct unix_socket *w;

    for_queue(u, fn, arg);
    mutex_lock(&u->lock);
    list_for_each(w, &u->accepting, accept_node)
        for_queue(w, fn, arg);
    mutex_unlock(&u->lock);
}

static void account(struct passed **p, void *arg UNUSED)
{
    for (u32 i = 0; i < (*p)->n; i++) {
        struct unix_socket *u = socket_in(&(*p)->h[i]);

        if (u && u->candidate)
            u->seen++;
    }
}

static void clear(struct passed **p, void *work)
{
    for (u32 i = 0; i < (*p)->n; i++) {
        struct unix_socket *u = socket_in(&(*p)->h[i]);

        if (u && u->candidate) {
            u->candidate = false;
            list_add_tail(work, &u->work_node);
        }
    }
}

/* Nobody looks at it (MSG_PEEK): that would need a descriptor of the socket. */
static void take_away(struct passed **p, void *garbage)
{
    ASSERT((*p)->refs == 1);
    list_add_tail(garbage, &(*p)->node);
    *p = NULL;
}

/* Whether nothing but messages refers to it. */
static bool is_suspect(const struct unix_socket *u)
{
    return READ_ONCE(u->sock.file->obj.refs) == u->inflight;
}

/* Put files that nobody can receive on the list. */
static void find_garbage(struct list *garbage)
{
    struct unix_socket *u;
    struct list work;

    list_init(&work);
    mutex_lock(&flight_lock);
    list_for_each(u, &flights, flight_node) {
        u->seen = 0;
        u->candidate = is_suspect(u);
    }
    list_for_each(u, &flights, flight_node)
        if (u->candidate)
            for_each_passed(u, account, NULL);
    list_for_each(u, &flights, flight_node)
        if (u->candidate && u->seen < u->inflight)
            list_add_tail(&work, &u->work_node);
    list_for_each(u, &work, work_node)
        u->candidate = false;
    while (!list_empty(&work)) {
        u = list_first(&work, struct unix_socket, work_node);
        list_del(&u->work_node);
        for_each_passed(u, clear, &work);
    }
    list_for_each(u, &flights, flight_node)
        if (u->candidate)
            for_each_passed(u, take_away, garbage);
    mutex_unlock(&flight_lock);
}

void unix_collect(void)
{
    struct list garbage;

    if (current()->dropping) {
        WRITE_ONCE(postponed, true);
        return;
    }
    list_init(&garbage);
    do {
        WRITE_ONCE(postponed, false);
        find_garbage(&garbage);
        if (list_empty(&garbage))
            return;
        passed_drop_all(&garbage);
    } while (unix_flights());
}

void unix_collect_postponed(void)
{
    if (unlikely(READ_ONCE(postponed)))
        unix_collect();
}
