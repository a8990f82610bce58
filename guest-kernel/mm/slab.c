/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel memory: see slab.h. A slab is one page of equal objects; the free ones form a list of offsets
 * inside the page, the page's counters live in its struct frame. Each vCPU keeps a few free objects of
 * every class, so that the common case takes no lock.
 */
#include "mm/slab.h"

#include "arch/percpu.h"
#include "core/lock.h"
#include "core/print.h"
#include "core/string.h"
#include "mm/frame.h"
#include "mm/frame_impl.h"

static const u16 class_size[] = { 16, 32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048 };
#define CLASSES ARRAY_SIZE(class_size)
#define MAX_SMALL 2048u
#define SLAB_FULL 0xffffu
#define CACHE 12u
#define LOOK_FOR_EMPTY 8u

static struct {
    struct spinlock lock; /* RANK_SLAB */
    u32 partial;          /* pfn of the first slab with free objects, 0: none */
} class_pool[CLASSES];

static struct {
    u8 n[CLASSES];
    void *obj[CLASSES][CACHE];
} cache[RV_MAX_VCPUS];

/* Class of a size, by units of 16 bytes up to 2048. */
static u8 class_of[MAX_SMALL / 16 + 1];

static struct frame *page_frame(u32 pfn)
{
    return frame_struct((u64)pfn << PAGE_SHIFT);
}

/*
 * DEBUG builds fill free objects and look whether they are still as they were when they are used
 * again: what is written into freed memory, or freed twice, is found. The first word is the list's.
 */
#ifdef RV_DEBUG
/* What a free word holds: nothing that a program could have put there. */
static u64 poison(const u64 *word)
{
    return (u64)word ^ UINT64_C(0x5a5af4ee5a5af4ee);
}

static void fill(u32 class, void *p)
{
    u64 *word = p;

    for (u32 i = 1; i < class_size[class] / 8u; i++)
        word[i] = poison(&word[i]);
}

static void debug_free(u32 class, void *p)
{
    u64 *word = p;
    bool was_free = true;

    for (u32 i = 1; was_free && i < class_size[class] / 8u; i++)
        was_free = word[i] == poison(&word[i]);
    if (was_free)
        panic("%u bytes at %p are freed twice", class_size[class], p);
    fill(class, p);
}

static void debug_alloc(u32 class, void *p)
{
    u64 *word = p;

    for (u32 i = 1; i < class_size[class] / 8u; i++)
        if (word[i] != poison(&word[i]))
            panic("%u bytes at %p were changed while free: 0x%lx at %u", class_size[class], p,
                  word[i], i * 8);
    word[1] = 0; /* so that what nobody wrote into is not taken for free */
}
#else
#define fill(class, p) ((void)0)
#define debug_free(class, p) ((void)0)
#define debug_alloc(class, p) ((void)0)
#endif

static void *take_object(u32 class)
{
    u32 pfn = class_pool[class].partial;
    struct frame *f;
    char *page;
    u16 off;

    if (!pfn) {
        u64 pa = frame_alloc(FRAME_KERNEL);
        u16 size = class_size[class];
        u32 count = PAGE_SIZE / size;

        if (!pa)
            return NULL;
        pfn = (u32)(pa >> PAGE_SHIFT);
        page = phys_to_virt(pa);
        for (u32 i = 0; i < count; i++)
            *(u16 *)(page + i * size) = i + 1 < count ? (u16)((i + 1) * size) : SLAB_FULL;
        for (u32 i = 0; i < count; i++)
            fill(class, page + i * size);
        f = page_frame(pfn);
        f->state = FRAME_SLAB;
        f->slab_class = (u16)class;
        f->slab_used = 0;
        f->slab_free = 0;
        f->slab_next = 0;
        class_pool[class].partial = pfn;
    }
    f = page_frame(pfn);
    page = phys_to_virt((u64)pfn << PAGE_SHIFT);
    off = f->slab_free;
    f->slab_free = *(u16 *)(page + off);
    f->slab_used++;
    if (f->slab_free == SLAB_FULL)
        class_pool[class].partial = f->slab_next;
    return page + off;
}

/*
 * Take an empty page out of the list unless it is the only one. It is looked for among the first few:
 * pages come to the front with their first free object, and what was allocated together goes together.
 */
static bool unlink_empty(u32 class, u32 pfn)
{
    u32 *link = &class_pool[class].partial;

    if (!page_frame(*link)->slab_next)
        return false;
    for (u32 i = 0; i < LOOK_FOR_EMPTY && *link; i++) {
        if (*link == pfn) {
            *link = page_frame(pfn)->slab_next;
            return true;
        }
        link = &page_frame(*link)->slab_next;
    }
    return false;
}

static void put_object(u32 class, void *p)
{
    u64 pa = virt_to_phys(p) & PAGE_MASK;
    struct frame *f = frame_struct(pa);
    bool was_full = f->slab_free == SLAB_FULL;

    *(u16 *)p = f->slab_free;
    f->slab_free = (u16)((u64)p % PAGE_SIZE);
    f->slab_used--;
    if (was_full) {
        f->slab_next = class_pool[class].partial;
        class_pool[class].partial = (u32)(pa >> PAGE_SHIFT);
    } else if (f->slab_used == 0 && unlink_empty(class, (u32)(pa >> PAGE_SHIFT))) {
        f->state = FRAME_USED;
        frame_unref(pa);
    }
}

static void refill(u32 class, u32 cpu)
{
    spin_lock(&class_pool[class].lock);
    while (cache[cpu].n[class] < CACHE / 2) {
        void *p = take_object(class);

        if (!p)
            break;
        cache[cpu].obj[class][cache[cpu].n[class]++] = p;
    }
    spin_unlock(&class_pool[class].lock);
}

static void *alloc_run(size_t size)
{
    unsigned order = 0;
    u64 pa;

    if (size > KMALLOC_MAX)
        return NULL;
    while ((PAGE_SIZE << order) < size)
        order++;
    pa = frame_alloc_run(order, FRAME_KERNEL);
    if (!pa)
        return NULL;
    frame_struct(pa)->order = (u8)order;
    return phys_to_virt(pa);
}

void *kmalloc(size_t size)
{
    u32 cpu, class;

    if (unlikely(size > MAX_SMALL))
        return alloc_run(size);
    class = class_of[(size + 15) / 16];
    cpu = this_cpu()->index;
    if (!cache[cpu].n[class]) {
        refill(class, cpu);
        if (!cache[cpu].n[class])
            return NULL;
    }
    debug_alloc(class, cache[cpu].obj[class][cache[cpu].n[class] - 1]);
    return cache[cpu].obj[class][--cache[cpu].n[class]];
}

void *kzalloc(size_t size)
{
    void *p = kmalloc(size);

    if (p)
        memset(p, 0, size);
    return p;
}

void kfree(void *p)
{
    struct frame *f;
    u32 cpu, class;

    if (!p)
        return;
    f = frame_struct(virt_to_phys(p));
    if (f->state != FRAME_SLAB) {
        ASSERT((u64)p % PAGE_SIZE == 0 && f->state == FRAME_USED);
        if (f->order)
            frame_free_run(virt_to_phys(p), f->order);
        else
            frame_unref(virt_to_phys(p));
        return;
    }
    class = f->slab_class;
    debug_free(class, p);
    cpu = this_cpu()->index;
    if (cache[cpu].n[class] == CACHE) {
        spin_lock(&class_pool[class].lock);
        while (cache[cpu].n[class] > CACHE / 2)
            put_object(class, cache[cpu].obj[class][--cache[cpu].n[class]]);
        spin_unlock(&class_pool[class].lock);
    }
    cache[cpu].obj[class][cache[cpu].n[class]++] = p;
}

char *kstrndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *p = kmalloc(len + 1);

    if (p) {
        memcpy(p, s, len);
        p[len] = 0;
    }
    return p;
}

char *kstrdup(const char *s)
{
    return kstrndup(s, SIZE_MAX);
}

void slab_init(void)
{
    u32 class = 0;

    for (u32 c = 0; c < CLASSES; c++)
        spin_init(&class_pool[c].lock, RANK_SLAB);
    for (u32 i = 0; i < ARRAY_SIZE(class_of); i++) {
        while (class_size[class] < i * 16)
            class++;
        class_of[i] = (u8)class;
    }
}
