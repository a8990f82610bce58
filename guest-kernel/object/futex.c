/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futex queues: see futex.h. Buckets are picked by a hash of the key; each has a lock of its
 * own.
 */
#include "object/futex.h"

#include "mm/aspace.h"
#include "mm/usercopy.h"
#include "object/wait.h"

#define BUCKET_BITS 8
#define BUCKETS (1u << BUCKET_BITS)

struct bucket {
    struct spinlock lock;
    struct list waiters;
};

struct waiter {
    struct list node;
    struct futex_key key;  /* guarded by bucket->lock, as all of this */
    struct bucket *bucket; /* changes by requeue, with both buckets locked */
    u32 bitset;
    bool woken;
    struct event ev;
};

static struct bucket buckets[BUCKETS];

void futex_init(void)
{
    for (u32 i = 0; i < BUCKETS; i++) {
        spin_init(&buckets[i].lock, RANK_FUTEX);
        list_init(&buckets[i].waiters);
    }
}

static struct bucket *bucket_of(const struct futex_key *key)
{
    u64 h = (key->space + (key->offset >> 2)) * UINT64_C(0x9e3779b97f4a7c15);

    return &buckets[h >> (64 - BUCKET_BITS)];
}

static bool same_key(const struct futex_key *a, const struct futex_key *b)
{
    return a->offset == b->offset && a->space == b->space;
}

int futex_key(struct aspace *as, u64 addr, bool private, enum futex_use use, struct futex_key *key)
{
    struct mapping *m;
    int r = 0;

    if (addr % 4)
        return -EINVAL;
    if (!user_range_ok(addr, 4))
        return -EFAULT;
    key->space = (u64)as;
    key->offset = addr;
    if (private)
        return 0;
    mutex_lock(&as->lock);
    m = aspace_find(as, addr);
    if (!m || m->node.key > addr)
        r = -EFAULT;
    else if (!(m->prot & VM_WRITE) && (use == FUTEX_CHANGE || !(m->prot & VM_READ) || !m->vmo))
        r = -EFAULT;
    else if ((m->flags & MAP_F_SHARED) && m->vmo) {
        key->space = (u64)m->vmo;
        key->offset = m->vmo_off + (addr - m->node.key);
    }
    mutex_unlock(&as->lock);
    return r;
}

/* Lock the bucket that the waiter is in now. */
static struct bucket *lock_waiter(struct waiter *w)
{
    struct bucket *b;

    for (;;) {
        b = READ_ONCE(w->bucket);
        spin_lock(&b->lock);
        if (b == READ_ONCE(w->bucket))
            return b;
        spin_unlock(&b->lock);
    }
}

int futex_wait(const struct futex_key *key, u64 addr, u32 value, u32 bitset, u64 deadline)
{
    struct waiter w = { .key = *key, .bitset = bitset };
    struct bucket *b = bucket_of(key);
    u32 seen;
    int r;

    event_init(&w.ev);
    w.bucket = b;
    spin_lock(&b->lock);
    list_add_tail(&b->waiters, &w.node);
    spin_unlock(&b->lock);
    r = user_load32(addr, &seen);
    if (r == 0 && seen != value)
        r = -EAGAIN;
    if (r == 0)
        r = object_wait(&w.ev.obj, SIG_SIGNALED, deadline, WAIT_INTERRUPTIBLE);
    /* Also where it was woken: the waker is done with w once it has let go of the lock. */
    b = lock_waiter(&w);
    if (w.woken)
        r = 0;
    else
        list_del(&w.node);
    spin_unlock(&b->lock);
    return r;
}

static void wake(struct waiter *w)
{
    list_del(&w->node);
    w->woken = true;
    event_set(&w->ev);
}

int futex_wake(const struct futex_key *key, int n, u32 bitset)
{
    struct bucket *b = bucket_of(key);
    struct waiter *w, *tmp;
    int woken = 0;

    /* The caller's store to the word comes before this look at the queue. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (list_empty(&b->waiters))
        return 0;
    spin_lock(&b->lock);
    list_for_each_safe(w, tmp, &b->waiters, node) {
        if (woken >= n)
            break;
        if (same_key(&w->key, key) && (w->bitset & bitset)) {
            wake(w);
            woken++;
        }
    }
    spin_unlock(&b->lock);
    return woken;
}

int futex_requeue(const struct futex_key *from, const struct futex_key *to, int n, int m,
                  int *moved)
{
    struct bucket *a = bucket_of(from), *b = bucket_of(to);
    struct waiter *w, *tmp;
    int woken = 0;

    *moved = 0;
    spin_lock(a < b ? &a->lock : &b->lock);
    if (a != b)
        spin_lock(a < b ? &b->lock : &a->lock);
    list_for_each_safe(w, tmp, &a->waiters, node) {
        if (!same_key(&w->key, from))
            continue;
        if (woken < n) {
            wake(w);
            woken++;
        } else if (*moved < m) {
            list_del(&w->node);
            w->key = *to;
            WRITE_ONCE(w->bucket, b);
            list_add_tail(&b->waiters, &w->node);
            ++*moved;
            /* a == b: the moved ones come by again at the end, under the new key. */
            if (a == b && same_key(from, to))
                break;
        } else {
            break;
        }
    }
    if (a != b)
        spin_unlock(&b->lock);
    spin_unlock(&a->lock);
    return woken;
}
