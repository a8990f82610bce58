/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of names: see inode.h. */
#include "core/print.h"
#include "core/refs.h"
#include "core/string.h"
#include "fs/notify.h"
#include "mm/frame.h"
#include "mm/slab.h"

struct mutex rename_mutex;
struct spinlock tree_lock = SPINLOCK_INIT(RANK_FS + 1);
struct path root_path;
struct list all_mounts = LIST_INIT(all_mounts);

/*
 * Names that may be given back: all of volumes, and what the image was found not to have. (What it
 * has is bounded by the image, and its inodes carry what was changed.) One such name for each
 * BYTES_FOR_NAME of the container's memory is kept, and never so many that the VMM runs out of
 * descriptors for the files of volumes.
 */
#define BYTES_FOR_NAME (UINT64_C(16) << 10)
#define NAMES_MIN 1024u
#define NAMES_MAX 32768u
#define PRUNE_LOOKS 16u /* at so many names with each new one: more than come in */
#define HARD_MAX 2u     /* times the number: from there on it does not count that it was found */

static struct {
    struct spinlock lock; /* RANK_FS + 2 */
    struct list list;     /* dentry.lru, the next one to be looked at first */
    u32 count, max;       /* max 0: not computed yet */
} names = { .lock = SPINLOCK_INIT(RANK_FS + 2), .list = LIST_INIT(names.list) };

u64 name_hash(const char *name, u32 len)
{
    u64 h = UINT64_C(0xcbf29ce484222325); /* FNV-1a, 64 bits */

    for (u32 i = 0; i < len; i++)
        h = (h ^ (u8)name[i]) * UINT64_C(0x100000001b3);
    return h;
}

struct dentry *dentry_create(struct dentry *parent, const char *name, u32 len, struct inode *inode)
{
    struct dentry *d = kzalloc(sizeof(*d));

    if (!d)
        return NULL;
    d->name = kstrndup(name, len);
    if (!d->name) {
        kfree(d);
        return NULL;
    }
    d->refs = 1;
    d->len = len;
    d->inode = inode;
    spin_init(&d->lock, RANK_FS);
    list_init(&d->ordered);
    list_init(&d->sibling);
    list_init(&d->lru);
    d->node.key = name_hash(name, len);
    if (parent) {
        dentry_ref(parent);
        d->parent = parent;
    }
    return d;
}

void dentry_ref(struct dentry *d)
{
    refs_get(&d->refs);
}

/* Neither made here nor in the way of anything; users are another matter. */
static bool may_give_back(const struct dentry *parent, const struct dentry *d)
{
    const struct superblock *sb = parent->inode->sb;

    return (sb->asks || (sb->overlay && !d->inode)) && !d->pinned && !d->upper && !d->covers &&
           !d->mounted;
}

static void names_add(struct dentry *d)
{
    spin_lock(&names.lock);
    list_add_tail(&names.list, &d->lru);
    names.count++;
    spin_unlock(&names.lock);
    d->listed = true;
}

static void names_remove(struct dentry *d)
{
    spin_lock(&names.lock);
    list_del(&d->lru);
    names.count--;
    spin_unlock(&names.lock);
    d->listed = false;
}

static void unhash(struct dentry *parent, struct dentry *d)
{
    tree_remove(&parent->children, &d->node);
    list_del(&d->sibling);
    d->hashed = false;
    if (d->listed)
        names_remove(d);
}

/*
 * The table holds a reference of its own on each entry, so what was looked up once stays until it
 * is pruned. An entry that was dropped goes with its last user.
 */
void dentry_unref(struct dentry *d)
{
    while (d && refs_put(&d->refs)) {
        struct dentry *parent = d->parent;

        if (d->inode) {
            if (unlikely(READ_ONCE(d->inode->watched)) && !d->inode->nlink)
                notify_self(d->inode, NOTIFY_DELETE_SELF);
            inode_unref(d->inode);
        }
        kfree(d->name);
        kfree(d);
        d = parent;
    }
}

static struct dentry *find_locked(struct dentry *parent, const char *name, u32 len, u64 hash)
{
    for (struct tree_node *n = tree_ge(&parent->children, hash); n && n->key == hash;
         n = tree_next(n)) {
        struct dentry *d = container_of(n, struct dentry, node);

        if (d->len == len && !memcmp(d->name, name, len))
            return d;
    }
    return NULL;
}

struct dentry *dentry_find(struct dentry *parent, const char *name, u32 len)
{
    u64 hash = name_hash(name, len);
    struct dentry *d;

    spin_lock(&parent->lock);
    d = find_locked(parent, name, len, hash);
    if (d) {
        d->used = true;
        dentry_ref(d);
    }
    spin_unlock(&parent->lock);
    return d;
}

static void hash_locked(struct dentry *parent, struct dentry *d)
{
    d->seq = ++parent->next_seq;
    tree_insert(&parent->children, &d->node);
    list_add_tail(&parent->ordered, &d->sibling);
    d->hashed = true;
    if (may_give_back(parent, d))
        names_add(d);
}

/* The name whose turn it is, with a reference; it goes to the end. */
static struct dentry *names_next(void)
{
    struct dentry *d = NULL;

    spin_lock(&names.lock);
    if (!list_empty(&names.list)) {
        d = list_first(&names.list, struct dentry, lru);
        list_del(&d->lru);
        list_add_tail(&names.list, &d->lru);
        dentry_ref(d); /* the table's is there: what is listed is hashed */
    }
    spin_unlock(&names.lock);
    return d;
}

/*
 * Drop it if nobody but the table and the caller has it. A new user comes by the table only, whose
 * lock is held, so the count is sure.
 */
static bool drop_unused(struct dentry *d)
{
    bool keep_used = READ_ONCE(names.count) <= HARD_MAX * READ_ONCE(names.max);
    struct dentry *parent = dentry_parent(d);
    bool drop = false;

    if (!parent)
        return false;
    spin_lock(&parent->lock);
    if (d->listed && d->parent == parent) {
        if (!may_give_back(parent, d)) {
            names_remove(d); /* it has become something that stays */
        } else if (d->used && keep_used) {
            d->used = false;
        } else if (__atomic_load_n(&d->refs, __ATOMIC_ACQUIRE) == 2) {
            unhash(parent, d);
            drop = true;
        }
    }
    spin_unlock(&parent->lock);
    if (drop)
        dentry_unref(d); /* the table's */
    dentry_unref(parent);
    return drop;
}

static bool prune(u32 looks, u32 want)
{
    u32 dropped = 0;

    while (looks-- && dropped < want) {
        struct dentry *d = names_next();

        if (!d)
            break;
        dropped += drop_unused(d);
        dentry_unref(d);
    }
    return dropped;
}

bool dentry_prune(u32 n)
{
    return prune(2 * READ_ONCE(names.count), n); /* the first time round takes the marks away */
}

static u32 names_max(void)
{
    struct frame_stats s;

    if (!READ_ONCE(names.max)) {
        frame_get_stats(&s);
        WRITE_ONCE(names.max, (u32)MIN(MAX(s.limit / BYTES_FOR_NAME, NAMES_MIN), NAMES_MAX));
    }
    return READ_ONCE(names.max);
}

struct dentry *dentry_enter(struct dentry *d)
{
    struct dentry *parent = d->parent, *there;

    spin_lock(&parent->lock);
    there = find_locked(parent, d->name, d->len, d->node.key);
    if (there) {
        dentry_ref(there);
    } else {
        hash_locked(parent, d);
        dentry_ref(d); /* the table's */
    }
    spin_unlock(&parent->lock);
    if (unlikely(READ_ONCE(names.count) > names_max()))
        prune(PRUNE_LOOKS, 2);
    if (!there)
        return d;
    dentry_unref(d);
    return there;
}

void dentry_drop(struct dentry *d)
{
    struct dentry *parent = d->parent;
    bool was;

    if (!parent)
        return;
    spin_lock(&parent->lock);
    was = d->hashed;
    if (was)
        unhash(parent, d);
    spin_unlock(&parent->lock);
    if (was)
        dentry_unref(d);
}

void dentry_drop_children(struct dentry *d)
{
    struct dentry *c;

    do {
        spin_lock(&d->lock);
        c = list_empty(&d->ordered) ? NULL : list_first(&d->ordered, struct dentry, sibling);
        if (c)
            unhash(d, c);
        spin_unlock(&d->lock);
        dentry_unref(c);
    } while (c);
}

void dentry_set_inode(struct dentry *d, struct inode *inode)
{
    struct inode *old = d->inode;

    __atomic_store_n(&d->inode, inode, __ATOMIC_RELEASE);
    if (old)
        inode_unref(old);
}

static u64 moves; /* tree_lock, for writing */

/* tree_lock held, and before any parent changes: whoever sees the new one sees the new count. */
static void count_move(void)
{
    __atomic_store_n(&moves, moves + 1, __ATOMIC_RELEASE);
}

u64 dentry_moves(void)
{
    return __atomic_load_n(&moves, __ATOMIC_ACQUIRE);
}

void dentry_move(struct dentry *d, struct dentry *to, char *name, u32 len)
{
    struct dentry *from = d->parent, *there;
    char *old;

    spin_lock(&from->lock);
    if (d->hashed)
        unhash(from, d);
    else
        dentry_ref(d); /* the table's, again */
    spin_unlock(&from->lock);
    spin_lock(&tree_lock);
    count_move();
    old = d->name;
    d->name = name;
    d->len = len;
    d->node.key = name_hash(name, len);
    dentry_ref(to);
    d->parent = to;
    spin_unlock(&tree_lock);
    kfree(old);
    spin_lock(&to->lock);
    there = find_locked(to, name, len, d->node.key);
    if (there)
        unhash(to, there);
    hash_locked(to, d);
    spin_unlock(&to->lock);
    if (there)
        dentry_unref(there);
    dentry_unref(from);
}

static void take_out(struct dentry *d)
{
    spin_lock(&d->parent->lock);
    unhash(d->parent, d);
    spin_unlock(&d->parent->lock);
}

static void put_in(struct dentry *d)
{
    spin_lock(&d->parent->lock);
    hash_locked(d->parent, d);
    spin_unlock(&d->parent->lock);
}

/* The references of the tables, and those on the parents, change hands with the places. */
void dentry_exchange(struct dentry *a, struct dentry *b)
{
    struct dentry *parent = a->parent;
    u64 key = a->node.key;
    char *name = a->name;
    u32 len = a->len;

    take_out(a);
    take_out(b);
    spin_lock(&tree_lock);
    count_move();
    a->name = b->name;
    a->len = b->len;
    a->node.key = b->node.key;
    a->parent = b->parent;
    b->name = name;
    b->len = len;
    b->node.key = key;
    b->parent = parent;
    spin_unlock(&tree_lock);
    put_in(a);
    put_in(b);
}

struct dentry *dentry_parent(struct dentry *d)
{
    struct dentry *p;

    spin_lock(&tree_lock);
    p = d->parent;
    if (p)
        dentry_ref(p);
    spin_unlock(&tree_lock);
    return p;
}

struct dentry *dentry_next_child(struct dentry *d, u64 *seq, bool only_upper)
{
    struct dentry *c, *found = NULL;

    spin_lock(&d->lock);
    list_for_each(c, &d->ordered, sibling) {
        if (c->seq >= *seq && c->inode && (c->upper || !only_upper)) {
            found = c;
            *seq = c->seq;
            dentry_ref(c);
            break;
        }
    }
    spin_unlock(&d->lock);
    return found;
}

/* --- mounts ---------------------------------------------------------------------------------- */

int mount_at(struct superblock *sb, struct dentry *root, const struct path *at, bool readonly)
{
    struct mount *m = kzalloc(sizeof(*m));

    if (!m)
        return -ENOMEM;
    m->sb = sb;
    m->root = root;
    m->readonly = readonly || sb->readonly;
    m->id = list_empty(&all_mounts) ? 1 : list_entry(all_mounts.prev, struct mount, node)->id + 1;
    list_add_tail(&all_mounts, &m->node);
    if (at) {
        m->at = *at;
        path_ref(at);
        __atomic_store_n(&at->dentry->mounted, m, __ATOMIC_RELEASE);
    } else {
        root_path = (struct path){ m, root };
    }
    return 0;
}

void path_enter_mounts(struct path *p)
{
    struct mount *m;

    while ((m = __atomic_load_n(&p->dentry->mounted, __ATOMIC_ACQUIRE))) {
        struct dentry *root = m->root;

        dentry_ref(root);
        dentry_unref(p->dentry);
        *p = (struct path){ m, root };
    }
}

/* Mounts last as long as the machine: only the dentry is counted. */
void path_ref(const struct path *p)
{
    dentry_ref(p->dentry);
}

void path_unref(const struct path *p)
{
    dentry_unref(p->dentry);
}
