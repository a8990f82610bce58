/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports: see port.h. An item is on the ready list if its object may have something: put there by the
 * object, taken off by whoever looks and finds that it has not. So whether a port is ready is worked
 * out from its items when somebody asks, and what another thread has used up meanwhile is not shown.
 */
#include "object/port_impl.h"

#include "core/park.h"
#include "mm/slab.h"
#include "object/wait.h"

#define BREATHE 64u /* items that have nothing between two breaths */

struct item {
    struct tree_node node;
    struct observer ob;
    struct port *port;       /* (i) */
    struct link *link;       /* (i) NULL: what it watches is no port */
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

/*
 * With the watched object's lock held. Those who wait for the port hear of an item that is on the list
 * already too: for an edge-triggered one it is news.
 */
static bool item_fire(struct observer *ob, u32 signals, struct pulse **later)
{
    struct item *it = container_of(ob, struct item, ob);
    struct port *port = it->port;
    bool taken;

    spin_lock(&port->lock);
    if (!signals || it->silent) {
        if (!signals) {
            list_del(&it->ready_node);
            WRITE_ONCE(it->obj, NULL);
        }
        spin_unlock(&port->lock);
        return false;
    }
    if (list_empty(&it->ready_node))
        list_add_tail(&port->ready, &it->ready_node);
    taken = port->sleepers != 0;
    port->sleepers = 0;
    port->wakes++;
    spin_unlock(&port->lock);
    if (!object_watched(&port->obj))
        return taken;
    if (unlikely(port_is_nested(port)))
        pulse_later(&port->pulse, later);
    else
        object_fire(&port->obj, SIG_READABLE, later);
    return taken;
}

struct port *port_create(void)
{
    struct port *port = kzalloc(sizeof(*port));

    if (!port)
        return NULL;
    object_init(&port->obj, &port_ops, SIG_ASK);
    port->pulse.obj = &port->obj;
    port->pulse.signals = SIG_READABLE;
    mutex_init(&port->mutex);
    spin_init(&port->lock, RANK_PORT);
    list_init(&port->ready);
    list_init(&port->above);
    list_init(&port->below);
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
    if (it->link) {
        port_unnest(it->link);
        kfree(it->link);
    }
    kfree(it);
}

static void port_destroy(struct object *o)
{
    struct port *port = container_of(o, struct port, obj);
    struct tree_node *n;
    u32 spins = 0, freed = 0;

    port_unnest_all(port);
    while ((n = tree_first(&port->items))) {
        item_free(container_of(n, struct item, node));
        if (++freed % BREATHE == 0)
            thread_breathe();
    }
    while (__atomic_load_n(&port->pulse.busy, __ATOMIC_ACQUIRE))
        spin_wait(&spins); /* another vCPU is at it, and parks nowhere */
    kfree(port);
}

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

/* --- looking -------------------------------------------------------------------------------------- */

/*
 * What the item's object has now. With port->mutex and port->lock held; the lock is given away
 * meanwhile if the object has to be asked, and the item is on no list then but by a new event.
 */
static u32 look(struct item *it)
{
    struct port *port = it->port;
    struct object *o = it->obj;
    u32 now;

    if (it->silent)
        return 0;
    now = object_signals(o);
    if (likely(!(now & SIG_ASK)))
        return now & it->mask;
    if (!object_tryref(o))
        return 0;
    spin_unlock(&port->lock);
    now = object_ready(o);
    object_unref(o);
    spin_lock(&port->lock);
    return it->obj ? now & it->mask : 0;
}

/* Nothing is ready, and nobody has anything in his hands. */
static bool is_quiet(struct port *port)
{
    bool quiet;

    spin_lock(&port->lock);
    quiet = list_empty(&port->ready) && !port->scanning;
    spin_unlock(&port->lock);
    return quiet;
}

/* Between the two the ready list is the caller's to go through. Both with port->lock held at the end. */
static void scan_begin(struct port *port)
{
    mutex_lock(&port->mutex);
    spin_lock(&port->lock);
    port->scanning = true;
}

/* The next item of the ready list that has something, off the list; what it has. NULL: none. */
static struct item *scan_next(struct port *port, u32 *now)
{
    for (u32 n = 1; !list_empty(&port->ready); n++) {
        struct item *it = list_first(&port->ready, struct item, ready_node);

        list_del(&it->ready_node);
        *now = look(it);
        if (*now)
            return it;
        if (n % BREATHE == 0) {
            spin_unlock(&port->lock);
            thread_breathe();
            spin_lock(&port->lock);
        }
    }
    return NULL;
}

static void scan_end(struct port *port)
{
    port->scanning = false;
    spin_unlock(&port->lock);
    mutex_unlock(&port->mutex);
}

static u32 port_signals(struct object *o)
{
    struct port *port = container_of(o, struct port, obj);
    struct item *it;
    u32 now;

    if (is_quiet(port))
        return 0;
    scan_begin(port);
    it = scan_next(port, &now);
    if (it && list_empty(&it->ready_node))
        list_add(&port->ready, &it->ready_node);
    scan_end(port);
    return it ? SIG_READABLE : 0;
}

static const struct object_ops port_ops = {
    .type = OBJ_PORT, .destroy = port_destroy, .signals = port_signals,
};

/* Take events off the ready list; level-triggered items stay on it, behind the others. */
static int collect(struct port *port, struct port_event *events, int max)
{
    struct list again;
    int n = 0;

    if (is_quiet(port))
        return 0;
    list_init(&again);
    scan_begin(port);
    while (n < max) {
        u32 now;
        struct item *it = scan_next(port, &now);

        if (!it)
            break;
        events[n++] = (struct port_event){ .signals = now, .events = it->events, .data = it->data };
        if (it->flags & PORT_ONE_SHOT) {
            it->silent = true;
            list_del(&it->ready_node);
        } else if (!(it->flags & PORT_EDGE) && list_empty(&it->ready_node)) {
            list_add_tail(&again, &it->ready_node);
        }
    }
    list_splice_tail(&port->ready, &again);
    scan_end(port);
    return n;
}

/* --- items ---------------------------------------------------------------------------------------- */

/* Begin to watch; puts the item on the ready list if something is there already. Mutex held. */
static void watch(struct item *it, struct object *obj)
{
    struct pulse *later = NULL;
    u32 now;

    it->ob.mask = it->mask;
    it->ob.exclusive = it->flags & PORT_EXCLUSIVE;
    it->ob.fire = item_fire;
    it->ob.obj = obj;
    now = object_observe(obj, &it->ob);
    if (now & SIG_ASK)
        now = object_ready(obj) & it->mask;
    if (now)
        item_fire(&it->ob, now, &later);
    pulse_all(later);
}

int port_add(struct port *port, u32 key, struct object *obj, u32 mask, unsigned flags, u32 events,
             u64 data)
{
    struct port *lower = port_of(obj);
    struct item *it = kzalloc(sizeof(*it));
    int r;

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
    if (lower) {
        it->link = kzalloc(sizeof(*it->link));
        if (!it->link) {
            kfree(it);
            return -ENOMEM;
        }
    }
    mutex_lock(&port->mutex);
    r = find(port, key, obj) ? -EEXIST : lower ? port_nest(it->link, port, lower) : 0;
    if (r == 0) {
        tree_insert(&port->items, &it->node);
        port->exclusive |= (flags & PORT_EXCLUSIVE) != 0;
        watch(it, obj);
    }
    mutex_unlock(&port->mutex);
    if (r) {
        kfree(it->link);
        kfree(it);
    }
    return r;
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
    } else if (it->flags & PORT_EXCLUSIVE) {
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

/* --- waiting -------------------------------------------------------------------------------------- */

/* Sleep until something may be there. Meanwhile an exclusive item may say that somebody sees to it. */
static int sleep(struct port *port, u64 deadline)
{
    u32 wakes;
    int r;

    if (likely(!READ_ONCE(port->exclusive)))
        return object_wait(&port->obj, SIG_READABLE, deadline, WAIT_INTERRUPTIBLE);
    spin_lock(&port->lock);
    port->sleepers++;
    wakes = port->wakes;
    spin_unlock(&port->lock);
    r = object_wait(&port->obj, SIG_READABLE, deadline, WAIT_INTERRUPTIBLE);
    spin_lock(&port->lock);
    if (port->wakes == wakes)
        port->sleepers--;
    spin_unlock(&port->lock);
    return r;
}

int port_wait(struct port *port, struct port_event *events, int max, u64 deadline)
{
    int n, r;

    for (;;) {
        n = collect(port, events, max);
        if (n || !deadline)
            return n;
        r = sleep(port, deadline);
        if (r)
            return r == -ETIMEDOUT ? 0 : r;
    }
}
