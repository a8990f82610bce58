/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches and their events: see notify.h. A watch holds its inode, so that a new file in its memory is never
 * taken for it; and on a volume a name too, without which the inode would be forgotten and made anew.
 *
 * One lock guards all watches and queues. It is taken only for events of inodes that are watched, or whose
 * directory is; what a watch held is dropped after it.
 */
#include "fs/notify.h"

#include "core/string.h"
#include "fs/notify_impl.h"
#include "mm/slab.h"

struct spinlock notify_lock = SPINLOCK_INIT(RANK_FILE);
u32 notify_watches;

static struct tree by_inode; /* struct watch.inode_node */
static u32 last_cookie;

#define list_watch(n) container_of(n, struct watch, inode_node)

static struct watch *first_watch(const struct inode *i)
{
    struct tree_node *n = tree_ge(&by_inode, (u64)i);

    return n && n->key == (u64)i ? list_watch(n) : NULL;
}

static struct watch *next_watch(struct watch *w)
{
    struct tree_node *n = tree_next(&w->inode_node);

    return n && n->key == w->inode_node.key ? list_watch(n) : NULL;
}

/* --- queues --------------------------------------------------------------------------------------- */

static void append(struct notify_group *g, struct notify_event *e)
{
    list_add_tail(&g->events, &e->node);
    g->nevents++;
    g->bytes += notify_event_size(e);
    object_signal(&g->file->obj, 0, SIG_READABLE);
}

/* inotify(7): an event like the last one that nobody has read yet is not told twice. */
static bool is_repeated(struct notify_group *g, int wd, u32 mask, const char *name, u32 len)
{
    struct notify_event *last;

    if (list_empty(&g->events) || (mask & IN_IGNORED_))
        return false;
    last = container_of(g->events.prev, struct notify_event, node);
    return last->wd == wd && last->mask == mask && last->len == len &&
           !memcmp(last->name, name, len);
}

static void enqueue(struct notify_group *g, int wd, u32 mask, u32 cookie, const char *name, u32 len)
{
    struct notify_event *e;

    if (is_repeated(g, wd, mask, name, len))
        return;
    e = g->nevents < INOTIFY_MAX_EVENTS ? kmalloc(sizeof(*e) + len) : NULL;
    if (!e) { /* too many, or no memory: once, until it is read */
        if (list_empty(&g->overflow.node))
            append(g, &g->overflow);
        return;
    }
    *e = (struct notify_event){ .wd = wd, .mask = mask, .cookie = cookie, .len = len };
    memcpy(e->name, name, len);
    append(g, e);
}

/* --- watches -------------------------------------------------------------------------------------- */

void watch_enter(struct watch *w)
{
    w->inode_node.key = (u64)w->inode;
    tree_insert(&by_inode, &w->inode_node);
    tree_insert(&w->group->watches, &w->wd_node);
    WRITE_ONCE(w->inode->watched, true);
    WRITE_ONCE(notify_watches, notify_watches + 1);
    w->group->user->watches++;
}

void watch_take_out(struct watch *w, bool tell, struct list *gone)
{
    tree_remove(&by_inode, &w->inode_node);
    tree_remove(&w->group->watches, &w->wd_node);
    if (!first_watch(w->inode))
        WRITE_ONCE(w->inode->watched, false);
    WRITE_ONCE(notify_watches, notify_watches - 1);
    w->group->user->watches--;
    if (tell)
        enqueue(w->group, (int)w->wd_node.key, IN_IGNORED_, 0, "", 0);
    list_add_tail(gone, &w->gone);
}

struct watch *watch_find(const struct notify_group *g, const struct inode *i)
{
    struct watch *w;

    for (w = first_watch(i); w && w->group != g; w = next_watch(w))
        ;
    return w;
}

void watches_free(struct list *gone)
{
    while (!list_empty(gone)) {
        struct watch *w = list_first(gone, struct watch, gone);

        list_del(&w->gone);
        if (w->pinned)
            dentry_unref(w->pinned);
        inode_unref(w->inode);
        kfree(w);
    }
}

/* --- events --------------------------------------------------------------------------------------- */

/*
 * Tell those who watch i. name: in the directory i; "": of i itself. unlinked: the name is gone already. With
 * the lock held.
 */
static void tell(struct inode *i, u32 mask, u32 cookie, const char *name, u32 len, bool unlinked,
                 struct list *gone)
{
    u32 event = mask & ~IN_ISDIR_;
    struct watch *w, *next;

    for (w = first_watch(i); w; w = next) {
        next = next_watch(w);
        if ((w->mask & event) && !(unlinked && (w->mask & IN_EXCL_UNLINK_))) {
            enqueue(w->group, (int)w->wd_node.key, mask, cookie, name, len);
            if (w->mask & IN_ONESHOT_) {
                watch_take_out(w, true, gone);
                continue;
            }
        }
        if (event == NOTIFY_DELETE_SELF)
            watch_take_out(w, true, gone);
    }
}

static void tell_one(struct inode *i, u32 mask, u32 cookie, const char *name, u32 len, bool unlinked)
{
    struct list gone;

    list_init(&gone);
    spin_lock(&notify_lock);
    tell(i, mask, cookie, name, len, unlinked, &gone);
    spin_unlock(&notify_lock);
    watches_free(&gone);
}

static u32 dir_bit(const struct inode *i)
{
    return i && inode_is_dir(i) ? IN_ISDIR_ : 0;
}

/* The directory's watches first, as on Linux. */
static void tell_both(struct dentry *d, struct inode *i, u32 event)
{
    u32 mask = event | dir_bit(i), len = 0;
    struct dentry *parent;
    char name[NAME_MAX_ + 1];
    bool unlinked = false;

    spin_lock(&tree_lock);
    parent = d->parent && d->parent->inode && READ_ONCE(d->parent->inode->watched) ? d->parent : NULL;
    if (parent) {
        dentry_ref(parent);
        len = MIN(d->len, NAME_MAX_);
        memcpy(name, d->name, len);
        unlinked = !d->hashed && !i->sb->uncached;
    }
    spin_unlock(&tree_lock);
    if (parent) {
        tell_one(parent->inode, mask, 0, name, len, unlinked);
        dentry_unref(parent);
    }
    if (READ_ONCE(i->watched))
        tell_one(i, mask, 0, "", 0, false);
}

void notify_file_slow(struct file *f, u32 event)
{
    if (f->path.dentry && f->inode && !(f->flags & O_PATH))
        tell_both(f->path.dentry, f->inode, event);
}

void notify_dentry_slow(struct dentry *d, u32 event)
{
    struct inode *i = d->inode;

    if (i)
        tell_both(d, i, event);
}

/* inotify(7) does not say of a file itself whether it is a directory. */
void notify_self_slow(struct inode *i, u32 event)
{
    tell_one(i, event, 0, "", 0, false);
}

void notify_created_slow(struct inode *dir, struct dentry *d)
{
    if (READ_ONCE(dir->watched))
        tell_one(dir, NOTIFY_CREATE | dir_bit(d->inode), 0, d->name, d->len, false);
}

/* What kept the name for a watch must not keep the file from ending. */
static void unpin(struct inode *i)
{
    struct dentry *d;
    struct watch *w;

    do {
        spin_lock(&notify_lock);
        for (w = first_watch(i); w && !w->pinned; w = next_watch(w))
            ;
        d = w ? w->pinned : NULL;
        if (w)
            w->pinned = NULL;
        spin_unlock(&notify_lock);
        dentry_unref(d);
    } while (d);
}

void notify_removed_slow(struct inode *dir, struct dentry *d, bool replaced)
{
    struct inode *i = d->inode;
    u32 mask = NOTIFY_DELETE | dir_bit(i);

    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* nlink is written before: see inotify_watch */
    if (READ_ONCE(i->watched)) {
        if (!(mask & IN_ISDIR_))
            notify_self_slow(i, NOTIFY_ATTRIB); /* it has one link less */
        if (!i->nlink)
            unpin(i);
    }
    if (!replaced && READ_ONCE(dir->watched))
        tell_one(dir, mask, 0, d->name, d->len, false);
}

void notify_moved_slow(struct inode *from, const char *name, u32 len, struct inode *to, struct dentry *d)
{
    u32 cookie = __atomic_add_fetch(&last_cookie, 1, __ATOMIC_RELAXED), dir = dir_bit(d->inode);

    if (READ_ONCE(from->watched))
        tell_one(from, NOTIFY_MOVED_FROM | dir, cookie, name, len, false);
    if (READ_ONCE(to->watched))
        tell_one(to, NOTIFY_MOVED_TO | dir, cookie, d->name, d->len, false);
    notify_self(d->inode, NOTIFY_MOVE_SELF);
}
