/* SPDX-License-Identifier: Apache-2.0 */
/* Ports: see port.h. */
#include "object/port.h"

#include "core/mutex.h"
#include "core/tree.h"
#include "mm/slab.h"
#include "object/wait.h"

#define DEPTH_MAX 5

struct port {
    struct object obj;
    struct mutex mutex;    /* guards items */
    struct tree items;     /* struct item.node, by key */
    struct spinlock lock;  /* RANK_PORT: the ready list, and what items say */
    struct list ready;     /* struct item.ready_node */
};

struct item {
    struct tree_node node;
    struct observer ob;
    struct port *port;
    struct list ready_node;  /* guarded by port->lock, as all below */
    struct object *obj;      /* NULL: it is gone */
    u32 mask, events;
    unsigned flags;
    bool silent;
    u64 data;
};

static const struct object_ops port_ops;

struct object *port_object(struct port *port)
{
    return &port->obj;
}

struct port *port_of(struct object *o)
{
    return o->ops == &port_ops ? container_of(o, struct port, obj) : NULL;
}

/* With the watched object's lock held. */
static void item_fire(struct observer *ob, u32 signals)
{
    struct item *it = container_of(ob, struct item, ob);
    struct port *port = it->port;
    bool tell = false;

    spin_lock(&port->lock);
    if (!signals) {
        list_del(&it->ready_node);
        WRITE_ONCE(it->obj, NULL);
    } else if (!it->silent && list_empty(&it->ready_node)) {
        list_add_tail(&port->ready, &it->ready_node);
        tell = true;
    }
    spin_unlock(&port->lock);
    if (tell)
        object_pulse(&port->obj, SIG_READABLE);
}

struct port *port_create(void)
{
    struct port *port = kzalloc(sizeof(*port));

    if (!port)
        return NULL;
    object_init(&port->obj, &port_ops, 0);
    mutex_init(&port->mutex);
    spin_init(&port->lock, RANK_PORT);
    list_init(&port->ready);
    return port;
}

/*
 * Stop watching; the object may be ending at this moment. port->mutex held, or the port's last
 * moment.
 */
static void item_free(struct item *it)
{
    struct port *port = it->port;
    struct object *obj;
    bool alive;
    u32 spins = 0;

    for (;;) {
        spin_lock(&port->lock);
        obj = it->obj;
        alive = obj && object_tryref(obj);
        spin_unlock(&port->lock);
        if (!obj || alive)
            break;
        spin_wait(&spins); /* its destruction is about to take it->obj away */
    }
    if (alive) {
        object_unobserve(&it->ob);
        object_unref(obj);
    }
    spin_lock(&port->lock);
    list_del(&it->ready_node);
    spin_unlock(&port->lock);
    tree_remove(&port->items, &it->node);
    kfree(it);
}

static void port_destroy(struct object *o)
{
    struct port *port = container_of(o, struct port, obj);
    struct tree_node *n;

    while ((n = tree_first(&port->items)))
        item_free(container_of(n, struct item, node));
    kfree(port);
}

static const struct object_ops port_ops = { .type = OBJ_PORT, .destroy = port_destroy };

/* The item of (key, obj). Items of objects that are gone are swept on the way. */
static struct item *find(struct port *port, u32 key, struct object *obj)
{
    struct tree_node *n, *next;

    for (n = tree_ge(&port->items, key); n && n->key == key; n = next) {
        struct item *it = container_of(n, struct item, node);

        next = tree_next(n);
        if (READ_ONCE(it->obj) == obj)
            return it;
        if (!READ_ONCE(it->obj))
            item_free(it);
    }
    return NULL;
}

/* Whether `to` can be reached from obj over ports, or the way is too long. */
static bool would_loop(struct object *obj, struct port *to, int depth)
{
    struct port *port = port_of(obj);
    bool loop = false;

    if (!port)
        return false;
    if (port == to || depth >= DEPTH_MAX)
        return true;
    mutex_lock(&port->mutex);
    for (struct tree_node *n = tree_first(&port->items); n && !loop; n = tree_next(n)) {
        struct item *it = container_of(n, struct item, node);
        struct object *o;
        bool alive;

        spin_lock(&port->lock);
        o = it->obj;
        alive = o && object_tryref(o);
        spin_unlock(&port->lock);
        if (alive) {
            loop = would_loop(o, to, depth + 1);
            object_unref(o);
        }
    }
    mutex_unlock(&port->mutex);
    return loop;
}

/* Begin to watch; puts the item on the ready list if something is there already. */
static void watch(struct item *it, struct object *obj)
{
    it->ob.mask = it->mask;
    it->ob.fire = item_fire;
    it->ob.obj = obj;
    if (object_observe(obj, &it->ob))
        item_fire(&it->ob, it->mask);
}

int port_add(struct port *port, u32 key, struct object *obj, u32 mask, unsigned flags, u32 events,
             u64 data)
{
    struct item *it;

    if (would_loop(obj, port, 0))
        return -ELOOP;
    it = kzalloc(sizeof(*it));
    if (!it)
        return -ENOMEM;
    list_init(&it->ready_node);
    it->port = port;
    it->obj = obj;
    it->mask = mask;
    it->flags = flags;
    it->events = events;
    it->data = data;
    it->node.key = key;
    mutex_lock(&port->mutex);
    if (find(port, key, obj)) {
        mutex_unlock(&port->mutex);
        kfree(it);
        return -EEXIST;
    }
    tree_insert(&port->items, &it->node);
    watch(it, obj);
    mutex_unlock(&port->mutex);
    return 0;
}

int port_modify(struct port *port, u32 key, struct object *obj, u32 mask, unsigned flags,
                u32 events, u64 data)
{
    struct item *it;
    int r = 0;

    mutex_lock(&port->mutex);
    it = find(port, key, obj);
    if (!it) {
        r = -ENOENT;
    } else if (it->flags & PORT_FIXED) {
        r = -EINVAL;
    } else {
        object_unobserve(&it->ob);
        spin_lock(&port->lock);
        it->mask = mask;
        it->flags = flags;
        it->events = events;
        it->data = data;
        it->silent = false;
        spin_unlock(&port->lock);
        watch(it, obj);
    }
    mutex_unlock(&port->mutex);
    return r;
}

int port_remove(struct port *port, u32 key, struct object *obj)
{
    struct item *it;

    mutex_lock(&port->mutex);
    it = find(port, key, obj);
    if (it)
        item_free(it);
    mutex_unlock(&port->mutex);
    return it ? 0 : -ENOENT;
}

/* Take events off the ready list; level-triggered items stay on it, behind the others. */
static int collect(struct port *port, struct port_event *events, int max)
{
    struct list again;
    bool more;
    int n = 0;

    list_init(&again);
    object_signal(&port->obj, SIG_READABLE, 0);
    spin_lock(&port->lock);
    while (n < max && !list_empty(&port->ready)) {
        struct item *it = list_first(&port->ready, struct item, ready_node);
        u32 now = object_signals(it->obj) & it->mask;

        list_del(&it->ready_node);
        if (!now || it->silent)
            continue;
        events[n++] = (struct port_event){ .signals = now, .events = it->events, .data = it->data };
        if (it->flags & PORT_ONE_SHOT)
            it->silent = true;
        else if (!(it->flags & PORT_EDGE))
            list_add_tail(&again, &it->ready_node);
    }
    list_splice_tail(&port->ready, &again);
    more = !list_empty(&port->ready);
    spin_unlock(&port->lock);
    if (more)
        object_signal(&port->obj, 0, SIG_READABLE);
    return n;
}

int port_wait(struct port *port, struct port_event *events, int max, u64 deadline)
{
    int n, r;

    for (;;) {
        n = collect(port, events, max);
        if (n || !deadline)
            return n;
        r = object_wait(&port->obj, SIG_READABLE, deadline, WAIT_INTERRUPTIBLE);
        if (r)
            return r == -ETIMEDOUT ? 0 : r;
    }
}
