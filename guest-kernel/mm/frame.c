/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame allocator: a buddy system for frames that were used before, and blocks of 2 MiB never used
 * since the host handed them out, which are known to be zero. Single frames pass through a small cache
 * of each vCPU.
 */
#include "mm/frame.h"

#include "arch/mmu.h"
#include "arch/page.h"
#include "arch/percpu.h"
#include "core/boot.h"
#include "core/hostcall.h"
#include "core/lock.h"
#include "core/print.h"
#include "core/refs.h"
#include "core/string.h"
#include "core/time.h"
#include "core/timer.h"
#include "mm/frame_impl.h"

#define MAX_ORDER 9u /* 2 MiB */
#define KERNEL_ORDER 6u /* 256 KiB */
#define CACHE_SIZE 32u
#define ZERO_SIZE 8u
#define RESERVE 8u
#define MAX_STEP (UINT64_C(256) << 20)
#define HUGE_STEP (UINT64_C(8) << 20)   /* the least to grow by for huge pages */
#define HUGE_ROOM (UINT64_C(64) << 20)  /* memory that must be left when huge pages are given away */
#define KEPT_BLOCKS 8u                  /* free blocks of 2 MiB that stay with the guest */
#define RELEASE_DELAY NSEC_PER_SEC
#define STRUCTS_PIECE (UINT64_C(256) << 10) /* for the structs of 64 MiB */
#define RELEASE_AT_ONCE 128u            /* blocks */
#define NIL 0u       /* frame 0 is never free: end of a list */

static struct {
    struct spinlock lock;           /* RANK_FRAME: all below */
    u32 list[MAX_ORDER + 1];        /* heads of doubly linked lists of free blocks */
    u64 fresh, fresh_end;           /* physical range never used, zero */
    u64 later, later_end;           /* a second such range, for when the first is used up */
    u32 kernel, kernel_end;         /* page frame numbers: a run for the kernel's frames */
    bool kernel_zero;
    u32 released;                   /* list of 2 MiB blocks that the host has back: zero */
    u32 blocks, low;                /* free blocks of 2 MiB; the fewest since the last look */
    u64 reserve[RESERVE];           /* frames for the tables that describe new memory */
    u32 reserved;
    u64 total;                      /* bytes handed out by the host */
    u64 free_frames;                /* in lists and fresh range, not in the caches */
} pool = { .lock = SPINLOCK_INIT(RANK_FRAME) };

static struct {
    u32 n;
    u32 pfn[CACHE_SIZE];
} cache[RV_MAX_VCPUS];

/* Freed frames that are zero. */
static struct {
    u32 n;
    u32 pfn[ZERO_SIZE];
} zeroed[RV_MAX_VCPUS];

static struct frame *frame_of(u32 pfn)
{
    return (struct frame *)FRAMES_BASE + pfn;
}

struct frame *frame_struct(u64 pa)
{
    return (struct frame *)FRAMES_BASE + (pa >> PAGE_SHIFT);
}

static void list_push(u32 pfn, u32 order)
{
    struct frame *f = frame_of(pfn);

    f->state = FRAME_FREE;
    f->order = (u8)order;
    f->prev = NIL;
    pool.blocks += order == MAX_ORDER;
    f->next = pool.list[order];
    if (f->next)
        frame_of(f->next)->prev = pfn;
    pool.list[order] = pfn;
}

static void list_unlink(u32 pfn)
{
    struct frame *f = frame_of(pfn);

    if (f->prev)
        frame_of(f->prev)->next = f->next;
    else
        pool.list[f->order] = f->next;
    if (f->next)
        frame_of(f->next)->prev = f->prev;
    f->state = FRAME_USED;
    if (f->order == MAX_ORDER && --pool.blocks < pool.low)
        pool.low = pool.blocks;
}

/* Return a block to the lists, joined with its free buddies. */
static void buddy_free(u32 pfn, u32 order)
{
    pool.free_frames += UINT64_C(1) << order;
    while (order < MAX_ORDER) {
        u32 buddy = pfn ^ (1u << order);
        struct frame *b = frame_of(buddy);

        /* The buddy's struct exists: all RAM comes in units of MAX_ORDER. */
        if (b->state != FRAME_FREE || b->order != order)
            break;
        list_unlink(buddy);
        pfn &= ~(1u << order);
        order++;
    }
    list_push(pfn, order);
}

static u32 buddy_alloc(u32 order)
{
    u32 o = order, pfn;

    while (o <= MAX_ORDER && !pool.list[o])
        o++;
    if (o > MAX_ORDER)
        return NIL;
    pfn = pool.list[o];
    list_unlink(pfn);
    while (o > order) {
        o--;
        list_push(pfn + (1u << o), o);
    }
    pool.free_frames -= UINT64_C(1) << order;
    return pfn;
}

/* Cut an aligned block from the fresh range; what is skipped for alignment goes to the lists. */
static u32 fresh_alloc(u32 order)
{
    u64 size = PAGE_SIZE << order, start = ALIGN_UP(pool.fresh, size);

    if (start + size > pool.fresh_end)
        return NIL;
    while (pool.fresh < start) {
        pool.free_frames--;
        buddy_free((u32)(pool.fresh >> PAGE_SHIFT), 0);
        pool.fresh += PAGE_SIZE;
    }
    pool.fresh += size;
    pool.free_frames -= UINT64_C(1) << order;
    return (u32)(start >> PAGE_SHIFT);
}

static void set_fresh(u64 start, u64 end)
{
    /* What is left of the old range stays usable as ordinary free frames. */
    while (pool.fresh < pool.fresh_end) {
        pool.free_frames--;
        buddy_free((u32)(pool.fresh >> PAGE_SHIFT), 0);
        pool.fresh += PAGE_SIZE;
    }
    pool.fresh = start;
    pool.fresh_end = end;
    pool.free_frames += (end - start) >> PAGE_SHIFT;
}

/* Tables for new memory must not come from the allocator, whose lock is held. */
static u64 from_reserve(void)
{
    return pool.reserved ? pool.reserve[--pool.reserved] : 0;
}

static void fill_reserve(void)
{
    u32 pfn;

    while (pool.reserved < RESERVE && (pfn = fresh_alloc(0)))
        pool.reserve[pool.reserved++] = (u64)pfn << PAGE_SHIFT;
}

/* Zeroed memory for the structs of frames, used front to back. */
static u64 structs_at, structs_end;

/* Make the structs of frames [pa, pa + len) exist; there is memory for them. */
static void map_structs(u64 pa, u64 len, u64 (*table)(void))
{
    u64 va = FRAMES_BASE + (pa >> PAGE_SHIFT) * sizeof(struct frame);
    u64 end = FRAMES_BASE + ((pa + len) >> PAGE_SHIFT) * sizeof(struct frame);

    for (va = ALIGN_DOWN(va, PAGE_SIZE); va < end; va += PAGE_SIZE) {
        if (mmu_kernel_pa(va))
            continue;
        if (mmu_map_kernel(va, structs_at, true, table))
            panic("no memory for the table of frames");
        structs_at += PAGE_SIZE;
    }
}

/*
 * Memory for the structs of new RAM [old, end): what is left from before, or a piece off its end, larger
 * than needed so that few blocks of 2 MiB lose one. Returns where the new RAM ends for others.
 */
static u64 find_structs(u64 old, u64 end)
{
    u64 need = ALIGN_UP(((end - old) >> PAGE_SHIFT) * sizeof(struct frame), PAGE_SIZE);

    if (structs_end - structs_at >= need)
        return end;
    structs_end = end;
    structs_at = end - MAX(need, MIN(STRUCTS_PIECE, (end - old) / 2));
    return structs_at;
}

/* Ask the host for more; with pool.lock held (the hostcall is answered at once). */
static bool grow(u32 order)
{
    u64 least = order == MAX_ORDER ? HUGE_STEP : RV_RAM_STEP;
    u64 step = ALIGN_UP(MIN(MAX(least, pool.total / 16), MAX_STEP), RV_RAM_STEP);
    u64 old = pool.total, end;
    s64 now;

    if (old >= boot.ram_limit)
        return false;
    now = hostcall(RV_HC_mem_grow, MIN(step, boot.ram_limit - old), 0, 0, 0, 0, NULL);
    if (now < 0 || (u64)now <= old)
        return false;
    if (mmu_map_direct(old, (u64)now - old, true, from_reserve))
        return false;
    end = find_structs(old, (u64)now);
    map_structs(old, (u64)now - old, from_reserve);
    set_fresh(old, end);
    pool.total = (u64)now;
    fill_reserve();
    return true;
}

/* Use a block again that the host has: it gets its memory in one go, as zeros. */
static bool take_back(void)
{
    u64 pa = (u64)pool.released << PAGE_SHIFT;

    if (hostcall(RV_HC_mem_clear, pa, HUGE_SIZE, 0, 0, 0, NULL))
        return false;
    pool.free_frames -= HUGE_PAGES; /* set_fresh counts them */
    pool.released = frame_of(pool.released)->next;
    set_fresh(pa, pa + HUGE_SIZE);
    return true;
}

static u32 take(u32 order, bool *zero)
{
    u32 pfn;

    *zero = false;
    for (;;) {
        pfn = buddy_alloc(order);
        if (pfn)
            return pfn;
        pfn = fresh_alloc(order);
        if (pfn) {
            *zero = true;
            return pfn;
        }
        if (pool.later) {
            set_fresh(pool.later, pool.later_end);
            pool.later = 0;
        } else if (!(pool.released ? take_back() : grow(order))) {
            return NIL;
        }
    }
}

/*
 * The kernel's own frames come in runs, unless a freed one is at hand: they live longer than others, and
 * one of them in each block of 2 MiB would keep all of those from the host.
 */
static u32 take_kernel(bool *zero)
{
    u32 pfn;

    if (pool.kernel == pool.kernel_end) {
        pfn = take(KERNEL_ORDER, &pool.kernel_zero);
        if (!pfn)
            return take(0, zero);
        pool.kernel = pfn;
        pool.kernel_end = pfn + (1u << KERNEL_ORDER);
        pool.free_frames += UINT64_C(1) << KERNEL_ORDER; /* until they are handed out */
    }
    pool.free_frames--;
    *zero = pool.kernel_zero;
    return pool.kernel++;
}

u64 frame_alloc(unsigned flags)
{
    u32 cpu = this_cpu()->index, *n = &cache[cpu].n, pfn;
    bool zero = false;
    u64 pa;

    if ((flags & FRAME_ZERO) && zeroed[cpu].n) {
        pfn = zeroed[cpu].pfn[--zeroed[cpu].n];
        zero = true;
    } else if (*n) {
        pfn = cache[cpu].pfn[--*n];
    } else {
        spin_lock(&pool.lock);
        pfn = flags & FRAME_KERNEL ? take_kernel(&zero) : take(0, &zero);
        spin_unlock(&pool.lock);
        if (!pfn)
            return 0;
    }
    frame_of(pfn)->state = FRAME_USED;
    frame_of(pfn)->refs = 1;
    pa = (u64)pfn << PAGE_SHIFT;
    if ((flags & FRAME_ZERO) && !zero)
        page_clear(pa);
    return pa;
}

u64 frame_alloc_run(unsigned order, unsigned flags)
{
    bool zero;
    u64 pa;
    u32 pfn;

    if (order == 0)
        return frame_alloc(flags);
    spin_lock(&pool.lock);
    pfn = take(order, &zero);
    spin_unlock(&pool.lock);
    if (!pfn)
        return 0;
    frame_of(pfn)->state = FRAME_USED;
    frame_of(pfn)->order = (u8)order;
    frame_of(pfn)->refs = 1;
    pa = (u64)pfn << PAGE_SHIFT;
    if ((flags & FRAME_ZERO) && !zero)
        for (u64 i = 0; i < 1u << order; i++)
            page_clear(pa + i * PAGE_SIZE);
    return pa;
}

/* --- giving memory back to the host --------------------------------------------------------------
 * Blocks of 2 MiB that stayed free for a while. Looked at by a timer, which is armed only while there
 * are more than those to be kept.
 */

static void release_blocks(struct timer *t);
static struct timer release_timer = { .fire = release_blocks };
static u32 release_armed; /* atomic */

static void look_later(u64 delay)
{
    if (!__atomic_exchange_n(&release_armed, 1, __ATOMIC_ACQ_REL))
        timer_arm(&release_timer, time_mono() + delay);
}

static bool release_one(void)
{
    u32 pfn;
    s64 r;

    spin_lock(&pool.lock);
    pfn = pool.list[MAX_ORDER];
    if (pfn)
        list_unlink(pfn);
    spin_unlock(&pool.lock);
    if (!pfn)
        return false;
    r = hostcall(RV_HC_mem_release, (u64)pfn << PAGE_SHIFT, HUGE_SIZE, 0, 0, 0, NULL);
    spin_lock(&pool.lock);
    if (r) {
        list_push(pfn, MAX_ORDER);
    } else {
        frame_of(pfn)->next = pool.released;
        pool.released = pfn;
    }
    spin_unlock(&pool.lock);
    return r == 0;
}

static void release_blocks(struct timer *t UNUSED)
{
    u32 low = READ_ONCE(pool.low), n = low > KEPT_BLOCKS ? low - KEPT_BLOCKS : 0;

    n = MIN(n, RELEASE_AT_ONCE);
    for (u32 i = 0; i < n && release_one(); i++)
        ;
    spin_lock(&pool.lock);
    pool.low = pool.blocks;
    __atomic_store_n(&release_armed, 0, __ATOMIC_RELEASE);
    spin_unlock(&pool.lock);
    if (READ_ONCE(pool.blocks) > KEPT_BLOCKS)
        look_later(n == RELEASE_AT_ONCE ? RELEASE_DELAY / 20 : RELEASE_DELAY);
}

/* After frames were freed, without pool.lock. */
static inline void freed(void)
{
    if (unlikely(READ_ONCE(pool.blocks) > KEPT_BLOCKS && !READ_ONCE(release_armed)))
        look_later(RELEASE_DELAY);
}

void frame_free_run(u64 pa, unsigned order)
{
    u32 pfn = (u32)(pa >> PAGE_SHIFT);

    frame_of(pfn)->refs = 0;
    spin_lock(&pool.lock);
    buddy_free(pfn, order);
    spin_unlock(&pool.lock);
    freed();
}

u64 frame_alloc_huge(void)
{
    bool zero;
    u64 pa;
    u32 pfn = NIL;

    spin_lock(&pool.lock);
    if (boot.ram_limit - pool.total + (pool.free_frames << PAGE_SHIFT) > HUGE_ROOM)
        pfn = take(MAX_ORDER, &zero);
    spin_unlock(&pool.lock);
    if (!pfn)
        return 0;
    for (u32 i = 0; i < HUGE_PAGES; i++) {
        frame_of(pfn + i)->state = FRAME_USED;
        frame_of(pfn + i)->refs = 1;
    }
    pa = (u64)pfn << PAGE_SHIFT;
    if (!zero)
        page_clear_run(pa, HUGE_SIZE);
    return pa;
}

void frame_free_huge(u64 pa)
{
    u32 pfn = (u32)(pa >> PAGE_SHIFT);

    for (u32 i = 0; i < HUGE_PAGES; i++)
        frame_of(pfn + i)->refs = 0;
    spin_lock(&pool.lock);
    buddy_free(pfn, MAX_ORDER);
    spin_unlock(&pool.lock);
    freed();
}

void frame_adopt(u64 pa)
{
    frame_struct(pa)->refs = 1;
}

void frame_ref(u64 pa)
{
    refs_get(&frame_struct(pa)->refs);
}

void frame_unref_used(u64 pa, u64 used)
{
    struct frame *f = frame_struct(pa);
    u32 *n = &zeroed[this_cpu()->index].n;

    if (*n == ZERO_SIZE || frame_refs(pa) != 1) {
        frame_unref(pa);
        return;
    }
    memset(phys_to_virt(pa), 0, used);
    f->refs = 0;
    f->state = FRAME_CACHED;
    zeroed[this_cpu()->index].pfn[(*n)++] = (u32)(pa >> PAGE_SHIFT);
}

void frame_unref(u64 pa)
{
    struct frame *f = frame_struct(pa);
    u32 *n;

    if (!refs_put(&f->refs))
        return;
    f->state = FRAME_CACHED;
    n = &cache[this_cpu()->index].n;
    if (*n == CACHE_SIZE) {
        spin_lock(&pool.lock);
        while (*n > CACHE_SIZE / 2)
            buddy_free(cache[this_cpu()->index].pfn[--*n], 0);
        spin_unlock(&pool.lock);
        freed();
    }
    cache[this_cpu()->index].pfn[(*n)++] = (u32)(pa >> PAGE_SHIFT);
}

u32 frame_refs(u64 pa)
{
    return __atomic_load_n(&frame_struct(pa)->refs, __ATOMIC_ACQUIRE);
}

bool frame_owns_huge(u64 pa)
{
    const struct frame *f = frame_struct(pa);

    for (u32 i = 0; i < HUGE_PAGES; i++)
        if (__atomic_load_n(&f[i].refs, __ATOMIC_ACQUIRE) != 1)
            return false;
    return true;
}

void frame_get_stats(struct frame_stats *s)
{
    spin_lock(&pool.lock);
    s->total = pool.total;
    s->free = (pool.free_frames << PAGE_SHIFT) + (pool.later ? pool.later_end - pool.later : 0);
    s->limit = boot.ram_limit;
    spin_unlock(&pool.lock);
    for (u32 i = 0; i < ncpus; i++)
        s->free += (u64)(READ_ONCE(cache[i].n) + READ_ONCE(zeroed[i].n)) << PAGE_SHIFT;
}

/* Before the allocator works, tables come from the start of the free memory. */
static u64 early_at;

static u64 early_table(void)
{
    u64 pa = early_at;

    early_at += PAGE_SIZE;
    return pa;
}

void frame_init(void)
{
    /* The tables lie behind the structs, whose number is known. */
    u64 structs = ALIGN_UP((boot.ram_size >> PAGE_SHIFT) * sizeof(struct frame), PAGE_SIZE);

    structs_at = boot.free_start;
    structs_end = early_at = boot.free_start + structs;
    map_structs(0, boot.ram_size, early_table);
    pool.total = boot.ram_size;
    pool.later = early_at;
    pool.later_end = boot.ram_size;
    set_fresh(PAGE_SIZE, RV_KERNEL_GPA);
    fill_reserve();
}
