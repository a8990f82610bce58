/* SPDX-License-Identifier: Apache-2.0 */
/* Path resolution: path_resolution(7), openat2(2) RESOLVE_*. */
#include "core/refs.h"
#include "core/string.h"
#include "fs/inode.h"
#include "mm/slab.h"

#include <linux/openat2.h>

#define LINKS_MAX 40u

/* A walk in progress. text owns what links have put in front of the rest. */
struct walk {
    const struct lookup *l;
    struct path at;     /* a reference */
    struct path root;   /* a reference */
    char *text;         /* NULL: rest points into the caller's string */
    const char *rest;
    u32 links;
    u64 moves;          /* dentry_moves at its beginning, in a scope */
};

static const char *skip_slashes(const char *s)
{
    while (*s == '/')
        s++;
    return s;
}

static u32 component_length(const char *s)
{
    u32 n = 0;

    while (s[n] && s[n] != '/')
        n++;
    return n;
}

static void get_root(struct fs_context *fs, struct path *out)
{
    mutex_lock(&fs->lock);
    *out = fs->root;
    path_ref(out);
    mutex_unlock(&fs->lock);
}

/* --- scopes and steps --------------------------------------------------------------------------- */

/* Where a relative path begins. fs->lock held. */
static const struct path *base_of(const struct lookup *l)
{
    return l->base ? l->base : &l->fs->cwd;
}

int path_scope_begin(const struct lookup *l, struct lookup *own, struct lookup_scope *scope)
{
    *own = *l;
    *scope = (struct lookup_scope){ .moves = dentry_moves() };
    mutex_lock(&l->fs->lock);
    scope->root = *base_of(l);
    path_ref(&scope->root);
    mutex_unlock(&l->fs->lock);
    own->scope = scope;
    return inode_is_dir(scope->root.dentry->inode) ? 0 : -ENOTDIR;
}

void path_scope_end(struct lookup_scope *scope)
{
    if (scope->root.dentry)
        path_unref(&scope->root);
}

static int begin(struct walk *w, const struct lookup *l, const char *name)
{
    struct fs_context *fs = l->fs;
    int r = 0;

    if (!*name)
        return -ENOENT;
    *w = (struct walk){ .l = l, .rest = name,
                        .moves = l->scope              ? l->scope->moves
                                 : lookup_is_scoped(l) ? dentry_moves()
                                                       : 0 };
    if (*name == '/' && (l->resolve & RESOLVE_BENEATH))
        return -EXDEV;
    mutex_lock(&fs->lock);
    w->at = *base_of(l);
    if (lookup_is_scoped(l) && !inode_is_dir(w->at.dentry->inode))
        r = -ENOTDIR;
    w->root = l->scope ? l->scope->root : lookup_is_scoped(l) ? w->at : fs->root;
    if (*name == '/') {
        if (l->behind_link && (l->resolve & RESOLVE_NO_XDEV) && w->at.mnt != w->root.mnt)
            r = -EXDEV;
        w->at = w->root;
    }
    if (r == 0) {
        path_ref(&w->root);
        path_ref(&w->at);
    }
    mutex_unlock(&fs->lock);
    return r;
}

static void finish(struct walk *w)
{
    path_unref(&w->at);
    path_unref(&w->root);
    kfree(w->text);
}

static void move_to(struct walk *w, struct path to)
{
    path_unref(&w->at);
    w->at = to;
}

static bool same(const struct path *a, const struct path *b)
{
    return a->dentry == b->dentry && a->mnt == b->mnt;
}

/* Whether the step from one to the other is one into another file system that may not be taken. */
static bool crosses(const struct walk *w, const struct path *to)
{
    return w->at.mnt != to->mnt && (w->l->resolve & RESOLVE_NO_XDEV);
}

/* Up to the parent, out of mounts, but not out of the root of all. */
static void parent_of(struct path *p)
{
    struct dentry *parent;

    while (p->dentry == p->mnt->root) {
        struct path at = p->mnt->at;

        if (!at.dentry)
            return;
        path_ref(&at);
        path_unref(p);
        *p = at;
    }
    parent = dentry_parent(p->dentry);
    if (parent) {
        dentry_unref(p->dentry);
        p->dentry = parent;
    }
    path_enter_mounts(p);
}

/*
 * openat2(2): somebody who moves the directory in which the walk is out of its scope must not get the
 * walk out with it. Nothing that was moved before the walk began could.
 */
static int go_up(struct walk *w)
{
    struct path p = w->at;

    if (same(&p, &w->root))
        return w->l->resolve & RESOLVE_BENEATH ? -EXDEV : 0;
    path_ref(&p);
    parent_of(&p);
    if (crosses(w, &p) || (lookup_is_scoped(w->l) && dentry_moves() != w->moves)) {
        int r = crosses(w, &p) ? -EXDEV : -EAGAIN;

        path_unref(&p);
        return r;
    }
    move_to(w, p);
    return 0;
}

/* RESOLVE_CACHED: only what is known without asking. */
static int find_cached(struct dentry *dir, const char *name, u32 len, struct dentry **out)
{
    struct dentry *d = dentry_find(dir, name, len);

    if (d && dir->inode->ops->valid && !d->pinned) {
        dentry_unref(d);
        d = NULL;
    }
    *out = d;
    return d ? 0 : -EAGAIN;
}

int lookup_one(struct dentry *dir, const char *name, u32 len, const char *rest, struct dentry **out)
{
    struct inode *i = dir->inode;
    struct dentry *d = dentry_find(dir, name, len);
    int r = 0;

    if (d && (d->pinned || !i->ops->valid || i->ops->valid(d))) {
        *out = d;
        return 0;
    }
    if (d)
        dentry_unref(d);
    mutex_lock(&i->lock);
    d = dentry_find(dir, name, len);
    if (d && i->ops->valid && !d->pinned) {
        dentry_drop(d); /* it was found stale: ask again */
        dentry_unref(d);
        d = NULL;
    }
    if (d) {
        *out = d;
    } else if (i->ops->lookup) {
        r = i->ops->lookup(dir, name, len, rest, out);
    } else {
        *out = dentry_create(dir, name, len, NULL); /* not entered: memory names what exists */
        r = *out ? 0 : -ENOMEM;
    }
    mutex_unlock(&i->lock);
    return r;
}

int link_follow(const struct lookup *l, struct inode *link, const struct mount *from,
                struct path *out)
{
    int r;

    if (l->resolve & (RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS))
        return -ELOOP;
    if (l->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT))
        return -EXDEV;
    r = link->ops->follow(link, out);
    if (r == 0 && out->mnt != from && (l->resolve & RESOLVE_NO_XDEV)) {
        path_unref(out);
        r = -EXDEV;
    }
    return r;
}

/* Put the link's text in front of the rest, or go where it leads by itself. */
static int follow_link(struct walk *w, struct dentry *d)
{
    size_t rest = strlen(w->rest);
    char *buf;
    s64 n;

    if (w->l->resolve & RESOLVE_NO_SYMLINKS || ++w->links > LINKS_MAX)
        return -ELOOP;
    if (d->inode->ops->follow) {
        struct path p;
        int r = link_follow(w->l, d->inode, w->at.mnt, &p);

        if (r == 0)
            move_to(w, p);
        return r;
    }
    buf = kmalloc(PATH_MAX_ + 1 + rest + 1);
    if (!buf)
        return -ENOMEM;
    n = d->inode->ops->readlink(d->inode, buf, PATH_MAX_);
    if (n <= 0) {
        kfree(buf);
        return n ? (int)n : -ENOENT;
    }
    buf[n] = '/';
    memcpy(buf + n + (rest ? 1 : 0), w->rest, rest + 1);
    if (!rest)
        buf[n] = 0;
    kfree(w->text);
    w->text = buf;
    w->rest = skip_slashes(buf);
    if (*buf == '/') {
        struct path root = w->root;

        if ((w->l->resolve & RESOLVE_BENEATH) || crosses(w, &root))
            return -EXDEV;
        path_ref(&root);
        move_to(w, root);
    }
    return 0;
}

/*
 * One step: the component of `len` bytes at w->rest. `last`: it is the last one and a link there is to
 * be followed only if `follow`.
 */
static int step(struct walk *w, u32 len, bool last, bool follow)
{
    const char *name = w->rest;
    struct inode *dir = w->at.dentry->inode;
    struct dentry *d;
    struct path p;
    int r;

    if (!inode_is_dir(dir))
        return -ENOTDIR;
    r = inode_permission(dir, w->l->cred, 1);
    if (r)
        return r;
    if (len > NAME_MAX_)
        return -ENAMETOOLONG;
    w->rest = skip_slashes(name + len);
    if (len == 1 && name[0] == '.')
        return 0;
    if (len == 2 && name[0] == '.' && name[1] == '.')
        return go_up(w);
    r = w->l->resolve & RESOLVE_CACHED ? find_cached(w->at.dentry, name, len, &d)
                                       : lookup_one(w->at.dentry, name, len, w->rest, &d);
    if (r)
        return r;
    if (!d->inode) {
        dentry_unref(d);
        return -ENOENT;
    }
    if (inode_type(d->inode) == S_IFLNK_ && (!last || follow)) {
        r = last ? protected_follow(dir, d->inode, w->l->cred) : 0;
        if (r == 0)
            r = follow_link(w, d);
        dentry_unref(d);
        return r;
    }
    p = (struct path){ w->at.mnt, d };
    path_enter_mounts(&p);
    if (crosses(w, &p)) {
        path_unref(&p);
        return -EXDEV;
    }
    move_to(w, p);
    return 0;
}

int path_lookup(const struct lookup *l, const char *name, struct path *out)
{
    bool must_be_dir = l->flags & LOOKUP_DIRECTORY;
    struct walk w;
    int r = begin(&w, l, name);

    if (r)
        return r;
    w.rest = skip_slashes(w.rest);
    while (r == 0 && *w.rest) {
        u32 len = component_length(w.rest);
        bool slash = w.rest[len] == '/';
        bool last = !*skip_slashes(w.rest + len);

        /* A slash after the last component follows a link and wants a directory. */
        if (last && slash)
            must_be_dir = true;
        r = step(&w, len, last, (l->flags & LOOKUP_FOLLOW) || slash);
    }
    if (r == 0 && must_be_dir && !inode_is_dir(w.at.dentry->inode))
        r = -ENOTDIR;
    if (r == 0) {
        *out = w.at;
        path_ref(out);
    }
    finish(&w);
    return r;
}

/* The last component stays in w->rest. */
static int walk_to_parent(struct walk *w, u32 *len)
{
    int r = 0;

    w->rest = skip_slashes(w->rest);
    for (;;) {
        *len = component_length(w->rest);
        if (!*skip_slashes(w->rest + *len))
            return 0;
        r = step(w, *len, false, true);
        if (r)
            return r;
    }
}

int path_lookup_parent(const struct lookup *l, const char *name, struct last_name *out)
{
    struct walk w;
    int r = begin(&w, l, name);
    u32 len;

    if (r)
        return r;
    r = walk_to_parent(&w, &len);
    if (r == 0 && !inode_is_dir(w.at.dentry->inode))
        r = -ENOTDIR;
    if (r == 0)
        r = inode_permission(w.at.dentry->inode, l->cred, 1);
    if (r == 0 && len > NAME_MAX_)
        r = -ENAMETOOLONG;
    if (r == 0) {
        out->dir = w.at;
        path_ref(&w.at);
        out->len = len;
        out->trailing = w.rest[len] == '/';
        out->special = len == 0 || (len == 1 && w.rest[0] == '.') ||
                       (len == 2 && w.rest[0] == '.' && w.rest[1] == '.');
        memcpy(out->name, w.rest, len);
        out->name[len] = 0;
    }
    finish(&w);
    return r;
}

/* Whether the name is still (or may be) in its directory. tree_lock held. */
static bool is_there(const struct path *p)
{
    return p->dentry->parent && (p->dentry->hashed || p->mnt->sb->uncached);
}

/* removed: it is shown as well if it was removed. */
static s64 text_of(struct fs_context *fs, const struct path *path, bool removed, char *buf,
                   size_t size)
{
    static const char mark[] = " (deleted)";
    struct path p = *path, root;
    size_t at = size;
    s64 r = 0;

    if (removed && p.dentry != p.mnt->root) {
        spin_lock(&tree_lock);
        removed = !is_there(&p);
        spin_unlock(&tree_lock);
        if (removed && size < sizeof(mark))
            return -ERANGE;
        if (removed)
            memcpy(buf + (at -= sizeof(mark) - 1), mark, sizeof(mark) - 1);
    } else {
        removed = false;
    }

    get_root(fs, &root);
    path_ref(&p);
    while (!same(&p, &root)) {
        struct dentry *parent;

        if (p.dentry == p.mnt->root) {
            struct path up = p.mnt->at;

            if (!up.dentry)
                break; /* outside of the root: shown from the root of all */
            path_ref(&up);
            path_unref(&p);
            p = up;
            continue;
        }
        spin_lock(&tree_lock);
        parent = p.dentry->parent;
        if (!parent || (!is_there(&p) && !removed)) {
            r = -ENOENT;
        } else if (at < p.dentry->len + 2u) {
            r = -ERANGE;
        } else {
            at -= p.dentry->len;
            memcpy(buf + at, p.dentry->name, p.dentry->len);
            buf[--at] = '/';
            dentry_ref(parent);
        }
        spin_unlock(&tree_lock);
        if (r)
            break;
        dentry_unref(p.dentry);
        p.dentry = parent;
    }
    path_unref(&p);
    path_unref(&root);
    if (r)
        return r;
    if (at == size)
        buf[--at] = '/';
    memmove(buf, buf + at, size - at);
    if (size - at == size)
        return -ERANGE;
    buf[size - at] = 0;
    return (s64)(size - at);
}

s64 path_text(struct fs_context *fs, const struct path *path, char *buf, size_t size)
{
    return text_of(fs, path, false, buf, size);
}

s64 path_text_removed(struct fs_context *fs, const struct path *path, char *buf, size_t size)
{
    return text_of(fs, path, true, buf, size);
}

/* --- contexts ------------------------------------------------------------------------------------ */

struct fs_context *fs_context_copy(struct fs_context *from)
{
    struct fs_context *fs = kzalloc(sizeof(*fs));

    if (!fs)
        return NULL;
    fs->refs = 1;
    mutex_init(&fs->lock);
    mutex_lock(&from->lock);
    fs->root = from->root;
    fs->cwd = from->cwd;
    path_ref(&fs->root);
    path_ref(&fs->cwd);
    mutex_unlock(&from->lock);
    fs->umask = READ_ONCE(from->umask);
    fs->users = 1;
    return fs;
}

int fs_context_share(struct fs_context *fs)
{
    int r;

    mutex_lock(&fs->lock);
    r = fs->execs ? -EAGAIN : 0;
    if (r == 0) {
        fs->users++;
        fs_context_ref(fs);
    }
    mutex_unlock(&fs->lock);
    return r;
}

void fs_context_leave(struct fs_context *fs)
{
    mutex_lock(&fs->lock);
    fs->users--;
    mutex_unlock(&fs->lock);
    fs_context_unref(fs);
}

bool fs_context_exec_begin(struct fs_context *fs)
{
    bool alone;

    mutex_lock(&fs->lock);
    alone = fs->users == 1;
    fs->execs += alone;
    mutex_unlock(&fs->lock);
    return alone;
}

void fs_context_exec_end(struct fs_context *fs)
{
    mutex_lock(&fs->lock);
    fs->execs--;
    mutex_unlock(&fs->lock);
}

void fs_context_ref(struct fs_context *fs)
{
    refs_get(&fs->refs);
}

void fs_context_unref(struct fs_context *fs)
{
    if (!refs_put(&fs->refs))
        return;
    path_unref(&fs->root);
    path_unref(&fs->cwd);
    kfree(fs);
}
