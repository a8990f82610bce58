/* SPDX-License-Identifier: Apache-2.0 */
/* Handle tables: an array that doubles, and a bit map for the lowest free index. See handle.h. */
#include "object/handle.h"

#include "core/string.h"
#include "mm/slab.h"

#define FIRST_SIZE 64u
#define SIZE_MAX_ (u32)(KMALLOC_MAX / sizeof(struct handle))

static bool grow(struct handle_table *t, u32 size)
{
    struct handle *h = kmalloc(size * sizeof(*h));
    u64 *used = kmalloc(size / 8);

    if (!h || !used) {
        kfree(h);
        kfree(used);
        return false;
    }
    memcpy(h, t->handles, t->size * sizeof(*h));
    memset(h + t->size, 0, (size - t->size) * sizeof(*h));
    memcpy(used, t->used, t->size / 8);
    memset((u8 *)used + t->size / 8, 0, (size - t->size) / 8);
    kfree(t->handles);
    kfree(t->used);
    t->handles = h;
    t->used = used;
    t->size = size;
    return true;
}

static struct handle_table *create(u32 size)
{
    struct handle_table *t = kzalloc(sizeof(*t));

    if (!t)
        return NULL;
    t->refs = 1;
    spin_init(&t->lock, RANK_HANDLES);
    if (!grow(t, size)) {
        kfree(t);
        return NULL;
    }
    return t;
}

struct handle_table *handle_table_create(void)
{
    return create(FIRST_SIZE);
}

struct handle_table *handle_table_clone(struct handle_table *from)
{
    u32 size = READ_ONCE(from->size);
    struct handle_table *t;

    for (;;) {
        t = create(size);
        if (!t)
            return NULL;
        spin_lock(&from->lock);
        if (from->size <= t->size)
            break;
        size = from->size;
        spin_unlock(&from->lock);
        handle_table_unref(t);
    }
    memcpy(t->handles, from->handles, from->size * sizeof(*t->handles));
    memcpy(t->used, from->used, from->size / 8);
    for (u32 i = 0; i < from->size; i++)
        if (t->handles[i].obj)
            object_ref(t->handles[i].obj);
    spin_unlock(&from->lock);
    return t;
}

void handle_table_ref(struct handle_table *t)
{
    refs_get(&t->refs);
}

void handle_table_unref(struct handle_table *t)
{
    if (!refs_put(&t->refs))
        return;
    for (u32 w = 0; w < t->size / 64; w++)
        for (u64 bits = t->used[w]; bits; bits &= bits - 1)
            object_unref(t->handles[w * 64 + (u32)__builtin_ctzll(bits)].obj);
    kfree(t->handles);
    kfree(t->used);
    kfree(t);
}

static void put(struct handle_table *t, u32 i, struct object *obj, u32 rights, u32 flags)
{
    t->handles[i] = (struct handle){ obj, rights, flags };
    t->used[i / 64] |= UINT64_C(1) << (i % 64);
}

/* Lowest free index >= min; the table's size if all are in use. */
static u32 find_free(const struct handle_table *t, u32 min)
{
    for (u32 w = min / 64; w < t->size / 64; w++) {
        u64 free = ~t->used[w];

        if (w == min / 64)
            free &= ~UINT64_C(0) << (min % 64);
        if (free)
            return w * 64 + (u32)__builtin_ctzll(free);
    }
    return MAX(t->size, min);
}

/* Make room for index i. Lock held. */
static int make_room(struct handle_table *t, u32 i)
{
    u32 size = t->size;

    if (i >= SIZE_MAX_)
        return -EMFILE;
    while (size <= i)
        size *= 2;
    return size == t->size || grow(t, MIN(size, SIZE_MAX_)) ? 0 : -ENOMEM;
}

int handle_install(struct handle_table *t, struct object *obj, u32 rights, u32 flags, u32 min,
                   u64 limit)
{
    int r;
    u32 i;

    spin_lock(&t->lock);
    i = find_free(t, min);
    r = i >= limit ? -EMFILE : make_room(t, i);
    if (r == 0) {
        put(t, i, obj, rights, flags);
        r = (int)i;
    }
    spin_unlock(&t->lock);
    return r;
}

int handle_check_room(struct handle_table *t, u64 limit)
{
    bool full;

    spin_lock(&t->lock);
    full = find_free(t, 0) >= MIN(limit, (u64)SIZE_MAX_);
    spin_unlock(&t->lock);
    return full ? -EMFILE : 0;
}

int handle_install_at(struct handle_table *t, struct object *obj, u32 rights, u32 flags, u32 index)
{
    struct object *old = NULL;
    int r;

    spin_lock(&t->lock);
    r = make_room(t, index);
    if (r == 0) {
        old = t->handles[index].obj;
        put(t, index, obj, rights, flags);
    }
    spin_unlock(&t->lock);
    if (old)
        object_unref(old);
    return r == -EMFILE ? -EBADF : r;
}

int handle_get(struct handle_table *t, u32 index, u32 need, struct handle *out)
{
    int r = -EBADF;

    spin_lock(&t->lock);
    if (index < t->size && t->handles[index].obj && !(need & ~t->handles[index].rights)) {
        *out = t->handles[index];
        object_ref(out->obj);
        r = 0;
    }
    spin_unlock(&t->lock);
    return r;
}

int handle_set_flags(struct handle_table *t, u32 index, u32 flags)
{
    int r = -EBADF;

    spin_lock(&t->lock);
    if (index < t->size && t->handles[index].obj) {
        t->handles[index].flags = flags;
        r = 0;
    }
    spin_unlock(&t->lock);
    return r;
}

/* Take the handle out if `which` bits of its flags are set (0: always); the object, or NULL. */
static struct object *take(struct handle_table *t, u32 index, u32 which)
{
    struct object *obj = NULL;

    spin_lock(&t->lock);
    if (index < t->size && (t->handles[index].flags & which) == which) {
        obj = t->handles[index].obj;
        t->handles[index] = (struct handle){ 0 };
        t->used[index / 64] &= ~(UINT64_C(1) << (index % 64));
    }
    spin_unlock(&t->lock);
    return obj;
}

int handle_close(struct handle_table *t, u32 index)
{
    struct object *obj = take(t, index, 0);

    if (!obj)
        return -EBADF;
    object_unref(obj);
    return 0;
}

void handle_close_exec(struct handle_table *t)
{
    for (u32 i = 0; handle_next(t, &i); i++) {
        struct object *obj = take(t, i, HANDLE_CLOEXEC);

        if (obj)
            object_unref(obj);
    }
}

bool handle_next(struct handle_table *t, u32 *index)
{
    bool found = false;

    spin_lock(&t->lock);
    for (u32 i = *index; i < t->size; i++) {
        if (t->handles[i].obj) {
            *index = i;
            found = true;
            break;
        }
    }
    spin_unlock(&t->lock);
    return found;
}
