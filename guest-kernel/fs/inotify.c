/* SPDX-License-Identifier: Apache-2.0 */
/* inotify(7): the instances, as files from which events are read. */
#include "core/string.h"
#include "fs/notify_impl.h"
#include "fs/text.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"
#include "object/wait.h"

#include <asm/ioctls.h>

static struct list users = LIST_INIT(users); /* struct notify_user.node; each stays */
static const struct file_ops inotify_ops;

/* --- users ---------------------------------------------------------------------------------------- */

static struct notify_user *find_user(u32 uid)
{
    struct notify_user *u;

    list_for_each(u, &users, node)
        if (u->uid == uid)
            return u;
    return NULL;
}

/* One instance more of the current user: 0, -EMFILE, -ENOMEM. */
static int charge(struct notify_user **out)
{
    struct notify_user *spare = kzalloc(sizeof(*spare)), *u;
    u32 uid = process_current()->uid;
    int r = 0;

    spin_lock(&notify_lock);
    u = find_user(uid);
    if (!u && spare) {
        u = spare;
        spare = NULL;
        u->uid = uid;
        list_add_tail(&users, &u->node);
    }
    if (!u)
        r = -ENOMEM;
    else if (u->instances >= INOTIFY_MAX_INSTANCES)
        r = -EMFILE;
    else
        u->instances++;
    spin_unlock(&notify_lock);
    kfree(spare);
    *out = u;
    return r;
}

static void uncharge(struct notify_user *u)
{
    spin_lock(&notify_lock);
    u->instances--;
    spin_unlock(&notify_lock);
}

/* --- reading -------------------------------------------------------------------------------------- */

/* The next event if it fits into n bytes: 0; -EAGAIN: there is none; -EINVAL: it does not. */
static int take(struct notify_group *g, u64 n, struct notify_event **out)
{
    struct notify_event *e;
    int r = 0;

    spin_lock(&notify_lock);
    e = list_empty(&g->events) ? NULL : list_first(&g->events, struct notify_event, node);
    if (!e) {
        r = -EAGAIN;
    } else if (notify_event_size(e) > n) {
        r = -EINVAL;
    } else {
        list_del(&e->node);
        g->nevents--;
        g->bytes -= notify_event_size(e);
        if (list_empty(&g->events))
            object_signal(&g->file->obj, SIG_READABLE, 0);
        *out = e;
    }
    spin_unlock(&notify_lock);
    return r;
}

static bool put_event(struct uio *u, const struct notify_event *e)
{
    u32 size = notify_event_size(e), pad = size - EVENT_HEAD - e->len;
    u32 head[4] = { (u32)e->wd, e->mask, e->cookie, size - EVENT_HEAD };

    return uio_to(u, head, sizeof(head)) == sizeof(head) &&
           (!e->len || (uio_to(u, e->name, e->len) == e->len && uio_zero(u, pad) == pad));
}

static ssize_t inotify_read(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    struct notify_group *g = f->priv;
    struct notify_event *e;
    ssize_t done = 0;
    bool ok;
    int r;

    for (;;) {
        r = take(g, u->left, &e);
        if (r == 0) {
            u32 size = notify_event_size(e);

            ok = put_event(u, e);
            if (e != &g->overflow)
                kfree(e);
            if (!ok)
                return done ? done : -EFAULT;
            done += size;
        } else if (done || r != -EAGAIN || (f->flags & O_NONBLOCK)) {
            return done ? done : r;
        } else if (object_wait(&f->obj, SIG_READABLE, DEADLINE_NEVER, WAIT_INTERRUPTIBLE)) {
            return -ERESTART;
        }
    }
}

static s64 inotify_ioctl(struct file *f, u32 cmd, u64 arg)
{
    struct notify_group *g = f->priv;
    s32 n;

    if (cmd != FIONREAD)
        return -ENOTTY;
    spin_lock(&notify_lock);
    n = (s32)g->bytes;
    spin_unlock(&notify_lock);
    return copy_to_user(arg, &n, sizeof(n)) ? -EFAULT : 0;
}

static void inotify_fdinfo(struct file *f, struct text *t)
{
    struct notify_group *g = f->priv;
    u64 wd = 0;

    for (;;) {
        struct tree_node *n;
        u64 ino = 0, dev = 0;
        u32 mask = 0;

        spin_lock(&notify_lock);
        n = tree_ge(&g->watches, wd);
        if (n) {
            struct watch *w = container_of(n, struct watch, wd_node);

            wd = n->key;
            ino = w->inode->ino;
            dev = w->inode->sb->dev;
            mask = w->mask & IN_ALL_EVENTS_;
        }
        spin_unlock(&notify_lock);
        if (!n)
            return;
        text_printf(t, "inotify wd:%lx ino:%lx sdev:%lx mask:%x ignored_mask:0\n", wd, ino, dev, mask);
        wd++;
    }
}

/* --- life ----------------------------------------------------------------------------------------- */

static void inotify_release(struct file *f)
{
    struct notify_group *g = f->priv;
    struct tree_node *n;
    struct list gone;

    list_init(&gone);
    spin_lock(&notify_lock);
    while ((n = tree_first(&g->watches)))
        watch_take_out(container_of(n, struct watch, wd_node), false, &gone);
    spin_unlock(&notify_lock);
    watches_free(&gone);
    /* Without watches nobody adds to it. */
    while (!list_empty(&g->events)) {
        struct notify_event *e = list_first(&g->events, struct notify_event, node);

        list_del(&e->node);
        if (e != &g->overflow)
            kfree(e);
    }
    uncharge(g->user);
    kfree(g);
}

static const struct file_ops inotify_ops = {
    .name = "inotify", .read = inotify_read, .ioctl = inotify_ioctl, .fdinfo = inotify_fdinfo,
    .release = inotify_release,
};

bool file_is_inotify(const struct file *f)
{
    return f->ops == &inotify_ops;
}

int inotify_create(u32 flags, struct file **out)
{
    struct notify_group *g = kzalloc(sizeof(*g));
    struct notify_user *u = NULL;
    struct file *f;
    int r = g ? charge(&u) : -ENOMEM;

    if (r) {
        kfree(g);
        return r;
    }
    f = file_create(&inotify_ops, flags, 0, g);
    if (!f) {
        uncharge(u);
        kfree(g);
        return -ENOMEM;
    }
    g->file = f;
    g->user = u;
    list_init(&g->events);
    list_init(&g->overflow.node);
    g->overflow.wd = -1;
    g->overflow.mask = IN_Q_OVERFLOW_;
    *out = f;
    return 0;
}

/* --- watches -------------------------------------------------------------------------------------- */

/* The number of a new watch: not one that was there lately, whose events may still be unread. */
static int new_wd(struct notify_group *g)
{
    struct tree_node *n;

    do {
        g->last_wd = g->last_wd == INT32_MAX ? 1 : g->last_wd + 1;
        n = tree_ge(&g->watches, (u64)g->last_wd);
    } while (n && n->key == (u64)g->last_wd);
    return g->last_wd;
}

int inotify_watch(struct file *f, const struct path *p, u32 mask)
{
    struct notify_group *g = f->priv;
    struct inode *i = p->dentry->inode;
    struct watch *spare = kzalloc(sizeof(*spare)), *w;
    int r;

    spin_lock(&notify_lock);
    w = watch_find(g, i);
    if (w) {
        r = mask & IN_MASK_CREATE_ ? -EEXIST : (int)w->wd_node.key;
        if (r > 0)
            w->mask = (mask & IN_KEPT) | (mask & IN_MASK_ADD_ ? w->mask : 0);
    } else if (!spare) {
        r = -ENOMEM;
    } else if (g->user->watches >= INOTIFY_MAX_WATCHES) {
        r = -ENOSPC;
    } else {
        w = spare;
        spare = NULL;
        r = new_wd(g);
        w->wd_node.key = (u64)r;
        w->group = g;
        w->mask = mask & IN_KEPT;
        list_init(&w->gone);
        inode_ref(i);
        w->inode = i;
        if (i->sb->asks) {
            dentry_ref(p->dentry);
            w->pinned = p->dentry;
        }
        watch_enter(w);
        /* Removed meanwhile: then notify_removed sees the watch, or we that no link is left. */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (w->pinned && !READ_ONCE(i->nlink)) {
            w->pinned = NULL;
            dentry_unref(p->dentry); /* not the last one: the caller has the path */
        }
    }
    spin_unlock(&notify_lock);
    kfree(spare);
    return r;
}

int inotify_unwatch(struct file *f, int wd)
{
    struct notify_group *g = f->priv;
    struct tree_node *n;
    struct list gone;
    bool found;

    list_init(&gone);
    spin_lock(&notify_lock);
    n = wd > 0 ? tree_ge(&g->watches, (u64)wd) : NULL;
    found = n && n->key == (u64)wd;
    if (found)
        watch_take_out(container_of(n, struct watch, wd_node), true, &gone);
    spin_unlock(&notify_lock);
    watches_free(&gone);
    return found ? 0 : -EINVAL;
}
