/* SPDX-License-Identifier: Apache-2.0 */
/* The table of nodes: see nodes.h. One lock for all of it; no file is opened under the lock. */
#include "hostcalls/fs/nodes.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hostcalls/fs/beneath.h"
#include "hostcalls/fs/ring.h"

/* Open directories keep their inodes in the host's memory: few are enough, reopening is fast. */
#define OPEN_MAX_NODES 2048u
#define TRIM_EVERY     8192u /* forgotten nodes, before their memory goes back to the host */

struct node {
    struct node *parent;      /* NULL: a root */
    char *name;               /* in the parent */
    uint64_t dev, ino;
    struct node *prev, *next; /* in the list of unused: open, users == 0, not a root */
    uint32_t id, root;
    uint32_t refs;  /* children, and one for the guest */
    uint32_t users; /* between node_get and node_put */
    int fd;         /* -1: closed for now */
    bool forgotten;
    bool hollow;
    unsigned flags; /* NODES_* */
};

/* A place of the table: a node, or, odd, the next free id. */
union place {
    struct node *node;
    uintptr_t next_free;
};

static struct {
    pthread_mutex_t lock;
    union place *place;
    uint32_t max;        /* ids are below this */
    uint32_t size;       /* places that are allocated */
    uint32_t used;       /* places that were ever used; 0 never is */
    uint32_t first_free; /* 0: none */
    uint32_t nroots;
    uint32_t open, open_max;
    uint32_t forgotten; /* ever */
    struct node unused; /* head of the list: next is the one used last, prev the one to close */
} table = { .lock = PTHREAD_MUTEX_INITIALIZER,
            .used = 1,
            .max = FS_NODES_MAX,
            .unused = { .prev = &table.unused, .next = &table.unused } };

/* --- under the lock --------------------------------------------------------------------------- */

static void unlist(struct node *n)
{
    if (!n->next)
        return;
    n->next->prev = n->prev;
    n->prev->next = n->next;
    n->next = n->prev = NULL;
}

static void close_node(struct node *n)
{
    unlist(n);
    if (n->fd < 0)
        return;
    close(n->fd);
    n->fd = -1;
    table.open--;
}

static void close_oldest(void)
{
    while (table.open > table.open_max && table.unused.prev != &table.unused)
        close_node(table.unused.prev);
}

static int place_get(struct node *n)
{
    if (table.first_free) {
        n->id = table.first_free;
        table.first_free = (uint32_t)(table.place[n->id].next_free >> 1);
    } else {
        if (table.used >= table.max)
            return -ENFILE;
        if (table.used >= table.size) {
            uint32_t size = table.size ? table.size * 2 : 256;
            union place *p = realloc(table.place, size * sizeof(*p));

            if (!p)
                return -ENOMEM;
            table.place = p;
            table.size = size;
        }
        n->id = table.used++;
    }
    table.place[n->id].node = n;
    return 0;
}

static struct node *find(uint32_t id)
{
    if (id == 0 || id >= table.used || (table.place[id].next_free & 1))
        return NULL;
    return table.place[id].node;
}

/* End the node if nothing holds it, and then perhaps its parents. */
static void release(struct node *n)
{
    while (n && !n->refs && !n->users) {
        struct node *parent = n->parent;

        close_node(n);
        table.place[n->id].next_free = (uintptr_t)table.first_free << 1 | 1;
        table.first_free = n->id;
        free(n->name);
        free(n);
        if (parent)
            parent->refs--;
        n = parent;
    }
}

static void put(struct node *n)
{
    if (--n->users)
        return;
    if (!n->refs) {
        release(n);
        return;
    }
    if (n->fd >= 0 && n->parent) {
        n->next = table.unused.next;
        n->prev = &table.unused;
        n->next->prev = n;
        table.unused.next = n;
        close_oldest();
    }
}

static void use(struct node *n)
{
    n->users++;
    unlist(n);
}

/*
 * The path of a closed node beneath the nearest open one above it, at the end of buf. NULL if it is
 * longer than a path may be.
 */
static char *path_up(struct node *n, char buf[PATH_MAX], struct node **above)
{
    char *at = buf + PATH_MAX;

    for (; n->fd < 0; n = n->parent) { /* roots are open */
        size_t len = strlen(n->name) + 1;

        if ((size_t)(at - buf) < len)
            return NULL;
        at -= len;
        memcpy(at, n->name, len);
        at[len - 1] = '/';
    }
    buf[PATH_MAX - 1] = 0;
    *above = n;
    return at;
}

/* --- opening again ---------------------------------------------------------------------------- */

/* Open a closed node that is in use. The lock is held, but not meanwhile. */
static int reopen_node(struct node *n)
{
    char buf[PATH_MAX], *path;
    struct node *above;
    struct rv_attr a;
    int fd, r = 0;

    path = path_up(n, buf, &above);
    if (!path)
        return -ESTALE;
    use(above);
    pthread_mutex_unlock(&table.lock);
    fd = beneath_again(above->fd, path);
    if (fd < 0)
        r = fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? -ESTALE : fd;
    else if (beneath_attr(fd, &a) || a.dev != n->dev || a.ino != n->ino)
        r = -ESTALE; /* another one of that name */
    pthread_mutex_lock(&table.lock);
    put(above);
    if (r || n->fd >= 0) {
        if (fd >= 0)
            close(fd);
        return n->fd >= 0 ? 0 : r;
    }
    n->fd = fd;
    table.open++;
    close_oldest();
    return 0;
}

/* --- the interface ---------------------------------------------------------------------------- */

static void set_open_max(void)
{
    struct rlimit lim;

    table.open_max = OPEN_MAX_NODES;
    if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur / 2 < table.open_max)
        table.open_max = (uint32_t)(lim.rlim_cur / 2);
}

void nodes_init(uint32_t max)
{
    table.max = max < FS_NODES_MAX ? max : FS_NODES_MAX;
}

int nodes_add_root(int fd, unsigned flags)
{
    struct node *n = calloc(1, sizeof(*n));
    struct rv_attr a;

    if (!n || beneath_attr(fd, &a) || place_get(n)) {
        free(n);
        close(fd);
        return -ENOMEM;
    }
    set_open_max();
    n->fd = fd;
    n->dev = a.dev;
    n->ino = a.ino;
    n->flags = flags;
    n->root = table.nroots++;
    n->refs = 1;
    return 0;
}

int node_get(uint32_t id, struct node **out)
{
    struct node *n;
    int r = 0;

    pthread_mutex_lock(&table.lock);
    n = find(id);
    if (!n || n->forgotten) {
        r = -ESTALE;
    } else {
        use(n);
        if (n->fd < 0)
            r = reopen_node(n);
        if (r)
            put(n);
    }
    pthread_mutex_unlock(&table.lock);
    *out = n;
    return r;
}

void node_put(struct node *n)
{
    pthread_mutex_lock(&table.lock);
    put(n);
    pthread_mutex_unlock(&table.lock);
}

int node_fd(const struct node *n)
{
    return n->fd;
}

uint32_t node_id(const struct node *n)
{
    return n->id;
}

bool node_readonly(const struct node *n)
{
    return n->flags & NODES_READONLY;
}

bool node_keeps_setid(const struct node *n)
{
    return n->flags & NODES_SETID;
}

uint64_t node_dev(const struct node *n)
{
    return n->dev;
}

bool node_hollow(const struct node *n)
{
    return n->hollow;
}

int node_add(struct node *parent, const char *name, int fd, uint64_t dev, uint64_t ino,
             struct node **out)
{
    struct node *n = calloc(1, sizeof(*n));
    char *copy = strdup(name);
    int r = -ENOMEM;

    if (!n || !copy)
        goto fail;
    n->parent = parent;
    n->name = copy;
    n->root = parent->root;
    n->flags = parent->flags;
    /* Beneath one mount all is of one kind. */
    n->hollow = dev != parent->dev && beneath_is_state(fd);
    n->dev = dev;
    n->ino = ino;
    n->fd = fd;
    n->refs = 1;
    n->users = 1;
    pthread_mutex_lock(&table.lock);
    r = place_get(n);
    if (!r) {
        parent->refs++;
        table.open++;
        close_oldest();
    }
    pthread_mutex_unlock(&table.lock);
    if (r)
        goto fail;
    *out = n;
    return 0;
fail:
    free(n);
    free(copy);
    close(fd);
    return r;
}

void node_forget(uint32_t id)
{
    struct node *n;

    pthread_mutex_lock(&table.lock);
    n = find(id);
    if (n && n->parent && !n->forgotten) {
        n->forgotten = true;
        n->refs--;
        release(n);
        if (++table.forgotten % TRIM_EVERY == 0)
            malloc_trim(0); /* they were small, and lay anywhere in the heap */
    }
    pthread_mutex_unlock(&table.lock);
}

/* --- renames ---------------------------------------------------------------------------------- */

/* Whether n was found as `name` in this directory, which may be known by several ids. */
static bool lies_in(const struct node *n, const struct node *dir, const char *name)
{
    const struct node *p = n->parent;

    return p && p->root == dir->root && p->ino == dir->ino && p->dev == dir->dev &&
           !strcmp(n->name, name);
}

/* Without memory the node keeps its old place: it is stale once it is closed. */
static void move(struct node *n, struct node *dir, const char *name)
{
    char *copy = strdup(name);
    struct node *old = n->parent;

    for (const struct node *p = dir; p; p = p->parent)
        if (p == n)
            return; /* the host's tree changes meanwhile; ours must stay a tree */
    if (!copy)
        return;
    free(n->name);
    n->name = copy;
    n->parent = dir;
    dir->refs++;
    old->refs--;
    release(old);
}

void nodes_moved(struct node *from, const char *old, struct node *to, const char *new,
                 bool exchange)
{
    pthread_mutex_lock(&table.lock);
    for (uint32_t id = 1; id < table.used; id++) {
        struct node *n = find(id);

        if (!n)
            continue;
        if (lies_in(n, from, old))
            move(n, to, new);
        else if (exchange && lies_in(n, to, new))
            move(n, from, old);
    }
    pthread_mutex_unlock(&table.lock);
}
