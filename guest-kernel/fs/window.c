/* SPDX-License-Identifier: Apache-2.0 */
/* Room in the file windows, and what happens when a file becomes shorter: see window.h. */
#include "fs/window.h"

#include "arch/mmu.h"
#include "core/boot.h"
#include "core/hostcall.h"
#include "core/mutex.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "mm/window_gen.h"

/*
 * Runs shorter than a chunk are packed one after the other; whole chunks come from a list of freed ones
 * first. Freed short runs are not used again: a chunk of guest-physical addresses is all they cost.
 */
struct space {
    u64 base;
    u64 next;          /* first chunk never used */
    u64 packed, end;   /* room left in the chunk for short runs */
    u64 *free;         /* freed whole chunks */
    u32 nfree, room;
};

static struct mutex lock; /* guards all below */
static struct space spaces[2] = { { .base = RV_WINDOW_RO_GPA, .next = RV_WINDOW_RO_GPA },
                                  { .base = RV_WINDOW_RW_GPA, .next = RV_WINDOW_RW_GPA } };
static struct tree runs; /* struct window_run.node */

u32 window_handled;
void (*window_settle)(void);

static u64 zeroed_frame(void)
{
    return frame_alloc(FRAME_ZERO | FRAME_KERNEL);
}

/* A chunk's address, in the direct map; 0: none left, or no memory. */
static u64 take_chunk(struct space *s, bool writable)
{
    u64 gpa;

    if (s->nfree)
        return s->free[--s->nfree];
    gpa = s->next;
    if (gpa >= s->base + RV_WINDOW_SIZE ||
        mmu_map_direct(gpa, RV_WINDOW_CHUNK, writable, zeroed_frame))
        return 0;
    s->next += RV_WINDOW_CHUNK;
    return gpa;
}

static u64 take_room(struct space *s, u64 len, bool writable)
{
    u64 gpa;

    if (len > RV_WINDOW_CHUNK / 2)
        return take_chunk(s, writable);
    if (s->end - s->packed < len) {
        s->packed = take_chunk(s, writable);
        if (!s->packed) {
            s->end = 0;
            return 0;
        }
        s->end = s->packed + RV_WINDOW_CHUNK;
    }
    gpa = s->packed;
    s->packed += len;
    return gpa;
}

static void give_room(struct space *s, u64 gpa, u64 len)
{
    if (len <= RV_WINDOW_CHUNK / 2)
        return;
    if (s->nfree == s->room) {
        u32 room = s->room ? s->room * 2 : 64;
        u64 *free = kmalloc(room * sizeof(*free));

        if (!free)
            return; /* the chunk's addresses stay unused */
        for (u32 i = 0; i < s->nfree; i++)
            free[i] = s->free[i];
        kfree(s->free);
        s->free = free;
        s->room = room;
    }
    s->free[s->nfree++] = gpa;
}

struct window_run *window_map(struct vmo *vmo, u32 file, u64 off, u64 len, bool writable,
                              u64 *pages, int *err)
{
    struct window_run *run = kzalloc(sizeof(*run));
    struct space *s = &spaces[writable];
    s64 r;

    *err = -ENOMEM;
    if (!run)
        return NULL;
    mutex_lock(&lock);
    run->node.key = take_room(s, len, writable);
    mutex_unlock(&lock);
    if (!run->node.key) {
        kfree(run);
        return NULL;
    }
    r = hostcall(RV_HC_window_map, file, off, run->node.key, len, 1, NULL);
    mutex_lock(&lock);
    if (r < 0) {
        give_room(s, run->node.key, len);
        mutex_unlock(&lock);
        kfree(run);
        *err = (int)r;
        return NULL;
    }
    list_init(&run->dead_node);
    run->len = len;
    run->good = (u64)r;
    run->vmo = vmo;
    run->first = off >> PAGE_SHIFT;
    run->writable = writable;
    tree_insert(&runs, &run->node);
    mutex_unlock(&lock);
    *pages = ((u64)r + PAGE_SIZE - 1) >> PAGE_SHIFT;
    return run;
}

void window_unmap(struct window_run *run)
{
    struct vmo *vmo = NULL;

    mutex_lock(&lock);
    tree_remove(&runs, &run->node);
    if (!list_empty(&run->dead_node)) {
        list_del(&run->dead_node);
        vmo = run->vmo;
    }
    hostcall(RV_HC_window_unmap, run->node.key, run->len, 0, 0, 0, NULL);
    give_room(&spaces[run->writable], run->node.key, run->len);
    mutex_unlock(&lock);
    kfree(run);
    if (vmo)
        vmo_unref(vmo); /* note_lost's; never the last, for the caller has one */
}

/*
 * Note what the runs lost, with a reference on each VMO. Their locks are taken later, without ours: who
 * holds a VMO's lock maps windows.
 */
static void note_lost(u64 gpa, u64 len, struct list *lost)
{
    struct tree_node *n = tree_le(&runs, gpa);

    for (n = n ? n : tree_ge(&runs, gpa); n && n->key < gpa + len; n = tree_next(n)) {
        struct window_run *run = container_of(n, struct window_run, node);
        u64 from = MAX(gpa, n->key) - n->key, to = MIN(gpa + len, n->key + run->len) - n->key;

        if (gpa + len <= n->key || n->key + run->len <= gpa)
            continue;
        WRITE_ONCE(run->good, MIN(run->good, from));
        if (!list_empty(&run->dead_node)) {
            run->dead_from = MIN(run->dead_from, from);
            run->dead_to = MAX(run->dead_to, to);
        } else if (vmo_tryref(run->vmo)) {
            run->dead_from = from;
            run->dead_to = to;
            list_add(lost, &run->dead_node);
        }
    }
}

/* One handler at a time: who sees the generation handled may rely on the pages being gone. */
static struct mutex handling;

void window_handle_dead(void)
{
    struct rv_shared *sh = boot.shared;
    struct list lost;
    u32 from, to;

    list_init(&lost);
    mutex_lock(&handling);
    from = window_handled;
    to = __atomic_load_n(&sh->window_gen, __ATOMIC_ACQUIRE);
    mutex_lock(&lock);
    if (to - from >= RV_DEAD_MAX) { /* some entries were overwritten: everything is suspect */
        note_lost(RV_WINDOW_RO_GPA, RV_WINDOW_SIZE, &lost);
        note_lost(RV_WINDOW_RW_GPA, RV_WINDOW_SIZE, &lost);
    } else {
        for (u32 i = from; i != to; i++)
            note_lost(READ_ONCE(sh->dead[i % RV_DEAD_MAX].gpa.v),
                      READ_ONCE(sh->dead[i % RV_DEAD_MAX].len), &lost);
    }
    while (!list_empty(&lost)) {
        struct window_run *run = list_first(&lost, struct window_run, dead_node);
        u64 first = run->first + (run->dead_from >> PAGE_SHIFT);
        u64 last = run->first + (run->dead_to >> PAGE_SHIFT);
        struct vmo *vmo = run->vmo;

        list_del(&run->dead_node);
        mutex_unlock(&lock);
        mutex_lock(&vmo->lock);
        vmo_drop_window_pages(vmo, first, last);
        mutex_unlock(&vmo->lock);
        vmo_unref(vmo);
        mutex_lock(&lock);
    }
    mutex_unlock(&lock);
    __atomic_store_n(&window_handled, to, __ATOMIC_RELEASE);
    mutex_unlock(&handling);
}

void window_init(void)
{
    mutex_init(&lock);
    mutex_init(&handling);
    window_settle = window_handle_dead;
}
