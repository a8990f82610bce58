/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of unix sockets, unix(7): paths, whose inode leads to the socket; abstract names, each type
 * of socket with its own; or none.
 */
#include "net/unix_impl.h"

#include "core/print.h"
#include "core/refs.h"
#include "core/string.h"
#include "fs/text.h"
#include "mm/slab.h"
#include "object/process.h"

#define AUTOBIND_NAMES (1u << 20)
#define AUTOBIND_LEN   6u /* a NUL and five digits */

/* Guards the three tables: abstract names, all sockets, and inode->socket of every inode. */
static struct spinlock names_lock = SPINLOCK_INIT(RANK_FILE + 2);
static struct tree abstract;
static struct tree all;

static bool is_abstract(const u8 *name)
{
    return !name[UNIX_PATH_AT];
}

static bool is_unnamed(const struct socket_address *a)
{
    return a->len == UNIX_PATH_AT && a->family == AF_UNIX_;
}

int unix_check_name(const struct socket_address *a)
{
    return a->len > UNIX_PATH_AT && a->len <= UNIX_NAME_MAX && a->family == AF_UNIX_ ? 0 : -EINVAL;
}

/* A path ends at its first NUL, or with the address; it is kept with a NUL. */
static struct unix_address *address_create(const struct socket_address *a)
{
    struct unix_address *n = kzalloc(sizeof(*n));

    if (!n)
        return NULL;
    n->refs = 1;
    n->len = a->len;
    memcpy(n->name, a->bytes, a->len);
    if (!is_abstract(n->name))
        n->len = UNIX_PATH_AT + (u32)strlen((const char *)n->name + UNIX_PATH_AT) + 1;
    return n;
}

void unix_address_unref(struct unix_address *a)
{
    if (refs_put(&a->refs))
        kfree(a);
}

void unix_get_name(const struct unix_socket *u, struct socket_address *out)
{
    const struct unix_address *a = __atomic_load_n(&u->address, __ATOMIC_ACQUIRE);

    out->len = 0;
    if (!a)
        return;
    out->len = a->len;
    memcpy(out->bytes, a->name, a->len);
}

int unix_name(struct socket *s, bool peer, struct socket_address *out)
{
    struct unix_socket *u = unix_of(s), *of = u;

    if (peer) {
        of = unix_get_peer(u);
        if (!of)
            return -ENOTCONN;
    }
    unix_get_name(of, out);
    if (peer)
        unix_unref(of);
    if (!out->len) {
        out->len = UNIX_PATH_AT;
        out->family = AF_UNIX_;
    }
    return 0;
}

/* --- abstract names --------------------------------------------------------------------------- */

static u64 hash_of(const u8 *name, u32 len, u32 type)
{
    return name_hash((const char *)name + UNIX_PATH_AT, len - UNIX_PATH_AT) ^ type;
}

/* names_lock held. */
static struct unix_socket *find_abstract(const u8 *name, u32 len, u32 type)
{
    u64 hash = hash_of(name, len, type);

    for (struct tree_node *n = tree_ge(&abstract, hash); n && n->key == hash; n = tree_next(n)) {
        struct unix_socket *u = container_of(n, struct unix_socket, name_node);

        if (u->sock.type == type && u->address->len == len && !memcmp(u->address->name, name, len))
            return u;
    }
    return NULL;
}

/* Publish a name; the address is taken over on success. bind_lock held. */
static int bind_abstract(struct unix_socket *u, struct unix_address *a)
{
    int r = -EADDRINUSE;

    spin_lock(&names_lock);
    if (!find_abstract(a->name, a->len, u->sock.type)) {
        u->name_node.key = hash_of(a->name, a->len, u->sock.type);
        __atomic_store_n(&u->address, a, __ATOMIC_RELEASE);
        tree_insert(&abstract, &u->name_node);
        u->listed = true;
        r = 0;
    }
    spin_unlock(&names_lock);
    return r;
}

int unix_autobind(struct unix_socket *u)
{
    static u32 next; /* atomic: where to look for a free one */
    struct socket_address a = { .len = UNIX_PATH_AT + AUTOBIND_LEN, .family = AF_UNIX_ };
    struct unix_address *n = NULL;
    int r = 0;

    mutex_lock(&u->bind_lock);
    if (!u->address) {
        n = address_create(&a);
        r = n ? -EADDRINUSE : -ENOMEM;
    }
    for (u32 tries = 0; r == -EADDRINUSE && tries < AUTOBIND_NAMES; tries++) {
        u32 number = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % AUTOBIND_NAMES;

        str_printf((char *)n->name + UNIX_PATH_AT + 1, AUTOBIND_LEN, "%05x", number);
        r = bind_abstract(u, n);
    }
    mutex_unlock(&u->bind_lock);
    if (r && n)
        unix_address_unref(n);
    return r == -EADDRINUSE ? -ENOSPC : r;
}

/* --- paths ------------------------------------------------------------------------------------ */

static void begin_lookup(struct lookup *l)
{
    struct process *p = process_current();

    *l = (struct lookup){ .fs = p->fs, .cred = p->cred, .flags = LOOKUP_FOLLOW };
}

/* Make the node. The address is taken over on success. bind_lock held. */
static int bind_path(struct unix_socket *u, struct unix_address *a)
{
    struct lookup l;
    u32 mode;
    int r;

    begin_lookup(&l);
    /* What fchmod has made of the socket's own mode: all rights at first. */
    mode = (READ_ONCE(u->sock.inode.mode) & (S_IFMT_ | 07777)) & ~READ_ONCE(l.fs->umask);
    r = vfs_make_socket(&l, (const char *)a->name + UNIX_PATH_AT, mode, &u->at);
    if (r)
        return r == -EEXIST ? -EADDRINUSE : r;
    spin_lock(&names_lock);
    u->at.dentry->inode->socket = &u->sock;
    __atomic_store_n(&u->address, a, __ATOMIC_RELEASE);
    spin_unlock(&names_lock);
    return 0;
}

int unix_bind(struct socket *s, const struct socket_address *a)
{
    struct unix_socket *u = unix_of(s);
    struct unix_address *n;
    int r;

    if (is_unnamed(a))
        return unix_autobind(u);
    r = unix_check_name(a);
    if (r)
        return r;
    n = address_create(a);
    if (!n)
        return -ENOMEM;
    mutex_lock(&u->bind_lock);
    if (u->address)
        r = -EINVAL;
    else
        r = is_abstract(n->name) ? bind_abstract(u, n) : bind_path(u, n);
    mutex_unlock(&u->bind_lock);
    if (r)
        unix_address_unref(n);
    return r;
}

static int find_path(const struct socket_address *a, u32 type, struct unix_socket **out)
{
    struct unix_address *n = address_create(a); /* ends with a NUL */
    struct socket *s = NULL;
    struct lookup l;
    struct inode *i;
    struct path p;
    int r;

    if (!n)
        return -ENOMEM;
    begin_lookup(&l);
    r = path_lookup(&l, (const char *)n->name + UNIX_PATH_AT, &p);
    unix_address_unref(n);
    if (r)
        return r;
    i = p.dentry->inode;
    r = inode_permission(i, l.cred, 2);
    if (r == 0) {
        spin_lock(&names_lock);
        s = inode_type(i) == S_IFSOCK_ ? i->socket : NULL;
        if (s && s->type == type)
            socket_ref(s);
        else
            r = s ? -EPROTOTYPE : -ECONNREFUSED;
        spin_unlock(&names_lock);
    }
    path_unref(&p);
    if (r == 0)
        *out = unix_of(s);
    return r;
}

int unix_find(const struct socket_address *a, u32 type, struct unix_socket **out)
{
    if (!is_abstract(a->bytes))
        return find_path(a, type, out);
    spin_lock(&names_lock);
    *out = find_abstract(a->bytes, a->len, type);
    if (*out)
        unix_ref(*out);
    spin_unlock(&names_lock);
    return *out ? 0 : -ECONNREFUSED;
}

/* The name stays what it is for those who ask; nobody finds the socket by it any more. */
void unix_unbind(struct unix_socket *u)
{
    bool path = u->at.dentry;

    if (!u->address)
        return;
    spin_lock(&names_lock);
    if (path)
        u->at.dentry->inode->socket = NULL;
    else if (u->listed)
        tree_remove(&abstract, &u->name_node);
    spin_unlock(&names_lock);
    if (path)
        path_unref(&u->at);
}

/* --- all sockets ------------------------------------------------------------------------------ */

void unix_enter(struct unix_socket *u)
{
    u->all_node.key = u->sock.inode.ino;
    spin_lock(&names_lock);
    tree_insert(&all, &u->all_node);
    spin_unlock(&names_lock);
}

void unix_leave(struct unix_socket *u)
{
    spin_lock(&names_lock);
    tree_remove(&all, &u->all_node);
    spin_unlock(&names_lock);
}

/* The socket with the smallest number >= ino, with a reference. */
static struct unix_socket *next_socket(u64 ino)
{
    struct unix_socket *u = NULL;
    struct tree_node *n;

    spin_lock(&names_lock);
    n = tree_ge(&all, ino);
    if (n) {
        u = container_of(n, struct unix_socket, all_node);
        unix_ref(u);
    }
    spin_unlock(&names_lock);
    return u;
}

/* proc(5), /proc/net/unix: addresses of the kernel are shown as 0, NULs of a name as @. */
static void show(const struct unix_socket *u, struct text *t)
{
    u32 state = unix_state(u), refs = READ_ONCE(u->sock.inode.refs) - 1;
    bool accepted = READ_ONCE(u->sock.file);
    struct socket_address a;

    text_printf(t, "%016x: %08x %08x %08x %04x %02x %5lu", 0, refs, 0,
                state == UNIX_LISTENING ? 0x10000 : 0, u->sock.type,
                state == UNIX_CONNECTED ? (accepted ? 3 : 2) : accepted ? 1 : 4, u->sock.inode.ino);
    unix_get_name(u, &a);
    if (a.len) {
        u32 end = is_abstract(a.bytes) ? a.len : a.len - 1;

        text_puts(t, " ");
        for (u32 i = UNIX_PATH_AT; i < end; i++)
            text_put(t, a.bytes[i] ? (const char *)&a.bytes[i] : "@", 1);
    }
    text_puts(t, "\n");
}

void unix_show(struct text *t)
{
    struct unix_socket *u;

    for (u64 ino = 0; (u = next_socket(ino)); ino++) {
        ino = u->sock.inode.ino;
        show(u, t);
        unix_unref(u);
    }
}
