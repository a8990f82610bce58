/* SPDX-License-Identifier: Apache-2.0 */
/* Four-level page tables: see arch/mmu.h. Tables are reached through the direct map. */
#include "arch/mmu.h"

#include "core/lock.h"
#include "core/print.h"
#include "core/string.h"
#include "hostcalls/abi.h"
#include "mm/aspace.h"
#include "mm/frame.h"
#include "mm/frame_impl.h"

#define PTE_P  UINT64_C(1)
#define PTE_W  UINT64_C(2)
#define PTE_U  UINT64_C(4)
#define PTE_A  UINT64_C(0x20)
#define PTE_D  UINT64_C(0x40)
#define PTE_PS UINT64_C(0x80)
#define PTE_G  UINT64_C(0x100)
#define PTE_NX (UINT64_C(1) << 63)
#define PTE_ADDR UINT64_C(0x000ffffffffff000)
#define TABLE_USER (PTE_P | PTE_W | PTE_U | PTE_A)
#define TABLE_KERNEL (PTE_P | PTE_W | PTE_A)

static u64 kernel_root;

static u64 *table(u64 entry)
{
    return phys_to_virt(entry & PTE_ADDR);
}

static u32 slot(u64 va, u32 level)
{
    return (va >> (12 + 9 * level)) & 511;
}

/* --- the frames of user tables --------------------------------------------------------------------
 * Each knows the range of its slots that were ever set, so that its end costs what was used. They are
 * cleared by stores of this kernel and kept apart, zero: a KVM that shadows page tables follows a table
 * by the stores it sees, and would keep entries that the VMM cleared (mem_clear) behind its back.
 */

#define SPARE_MAX 128u

static struct {
    struct spinlock lock;
    u32 first, count; /* page frame numbers, linked by struct frame.spare_next; 0 ends */
} spare = { .lock = SPINLOCK_INIT(RANK_LEAF) };

static u64 table_alloc(void)
{
    u64 pa = 0;

    spin_lock(&spare.lock);
    if (spare.first) {
        pa = (u64)spare.first << PAGE_SHIFT;
        spare.first = frame_struct(pa)->spare_next;
        spare.count--;
    }
    spin_unlock(&spare.lock);
    if (!pa)
        pa = frame_alloc(FRAME_ZERO | FRAME_KERNEL);
    if (pa) {
        frame_struct(pa)->slot_first = 512;
        frame_struct(pa)->slot_end = 0;
    }
    return pa;
}

/* A table whose slots are zero again. */
static void table_free(u64 pa)
{
    bool kept;

    spin_lock(&spare.lock);
    kept = spare.count < SPARE_MAX;
    if (kept) {
        frame_struct(pa)->spare_next = spare.first;
        spare.first = (u32)(pa >> PAGE_SHIFT);
        spare.count++;
    }
    spin_unlock(&spare.lock);
    if (!kept)
        frame_unref(pa);
}

static void note_slot(const u64 *t, u32 i)
{
    struct frame *f = frame_struct(virt_to_phys(t) & PAGE_MASK);

    if (i < f->slot_first)
        f->slot_first = (u16)i;
    if (i >= f->slot_end)
        f->slot_end = (u16)(i + 1);
}

/* The last-level entry of va, or NULL if a table is missing or a huge page is there. */
static u64 *find_entry(u64 root, u64 va)
{
    u64 *t = phys_to_virt(root);

    for (u32 level = 3; level > 0; level--) {
        u64 e = t[slot(va, level)];

        if (!(e & PTE_P) || (e & PTE_PS))
            return NULL;
        t = table(e);
    }
    return &t[slot(va, 0)];
}

/* The entry at level 1 (2 MiB), or NULL if a table is missing. */
static u64 *find_huge(u64 root, u64 va)
{
    u64 *t = phys_to_virt(root);

    for (u32 level = 3; level > 1; level--) {
        u64 e = t[slot(va, level)];

        if (!(e & PTE_P))
            return NULL;
        t = table(e);
    }
    return &t[slot(va, 1)];
}

static u64 make_entry(u64 pa, u32 prot)
{
    /* Accessed and dirty are set at once, so that the processor need not write them. */
    u64 e = pa | PTE_P | PTE_U | PTE_A;

    if (prot & VM_WRITE)
        e |= PTE_W | PTE_D;
    if (!(prot & VM_EXEC))
        e |= PTE_NX;
    return e;
}

/* All that the kernel's half has at the top level; each part is below 512 GiB. */
#define TOP_SLOT(va) (((va) >> 39) & 511)
static const u16 kernel_slots[] = { TOP_SLOT(DIRECT_BASE), TOP_SLOT(KSTACK_BASE),
                                    TOP_SLOT(FRAMES_BASE), TOP_SLOT(KERNEL_BASE) };
STATIC_ASSERT(RV_WINDOW_RW_GPA + RV_WINDOW_SIZE <= UINT64_C(1) << 39);

u64 mmu_create(void)
{
    u64 root = table_alloc();

    if (root)
        frame_struct(root)->shown = 0;
    for (u32 i = 0; root && i < ARRAY_SIZE(kernel_slots); i++)
        ((u64 *)phys_to_virt(root))[kernel_slots[i]] =
            ((u64 *)phys_to_virt(kernel_root))[kernel_slots[i]];
    return root;
}

static void free_tables(u64 pa, u32 level)
{
    struct frame *f = frame_struct(pa);
    u64 *t = phys_to_virt(pa);

    for (u32 i = f->slot_first; i < f->slot_end; i++) {
        if (!t[i])
            continue;
        if (level > 0 && !(t[i] & PTE_PS))
            free_tables(t[i] & PTE_ADDR, level - 1);
        WRITE_ONCE(t[i], 0);
    }
    if (level < 3)
        table_free(pa);
}

void mmu_destroy(u64 root)
{
    free_tables(root, 3);
    for (u32 i = 0; i < ARRAY_SIZE(kernel_slots); i++)
        WRITE_ONCE(((u64 *)phys_to_virt(root))[kernel_slots[i]], 0);
    table_free(root);
}

/* Install a table where there is none; a racing install wins and ours is freed. */
static bool add_table(u64 *e, u64 flags, u64 (*alloc)(void), void (*free)(u64))
{
    u64 pa = alloc(), none = 0;

    if (!pa)
        return false;
    if (!__atomic_compare_exchange_n(e, &none, pa | flags, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        free(pa);
    return true;
}

/* Tables of user memory from the top down to `last`; a huge page at level 1 is split. */
static int prepare(u64 root, u64 va, u32 last)
{
    u64 *t = phys_to_virt(root);

    for (u32 level = 3; level > last; level--) {
        u32 i = slot(va, level);
        u64 e = READ_ONCE(t[i]);

        if (e & PTE_PS) {
            u64 pa = table_alloc();

            if (!pa)
                return -ENOMEM;
            for (u32 k = 0; k < 512; k++)
                ((u64 *)phys_to_virt(pa))[k] = (e & ~PTE_PS) + k * PAGE_SIZE;
            frame_struct(pa)->slot_first = 0;
            frame_struct(pa)->slot_end = 512;
            if (!__atomic_compare_exchange_n(&t[i], &e, pa | TABLE_USER, false, __ATOMIC_ACQ_REL,
                                             __ATOMIC_ACQUIRE)) {
                memset(phys_to_virt(pa), 0, PAGE_SIZE);
                table_free(pa);
            }
            level++; /* look again */
            continue;
        }
        if (!(e & PTE_P) && !add_table(&t[i], TABLE_USER, table_alloc, table_free))
            return -ENOMEM;
        note_slot(t, i);
        t = table(t[i]);
    }
    return 0;
}

int mmu_prepare(u64 root, u64 va)
{
    return prepare(root, va, 0);
}

int mmu_prepare_huge(u64 root, u64 va)
{
    return prepare(root, va, 1);
}

u64 mmu_shown(u64 root)
{
    return READ_ONCE(frame_struct(root)->shown);
}

static u64 pages_of(u64 entry)
{
    return !(entry & PTE_P) ? 0 : entry & PTE_PS ? HUGE_PAGES : 1;
}

static void set_entry(u64 *e, u64 value)
{
    WRITE_ONCE(*e, value);
    note_slot((u64 *)((u64)e & PAGE_MASK), ((u64)e & ~PAGE_MASK) / 8);
}

bool mmu_map(u64 root, u64 va, u64 pa, u32 prot)
{
    u64 *e = find_entry(root, va);

    if (!e)
        return false;
    if (unlikely(!prot)) {
        frame_struct(root)->shown -= (u32)pages_of(*e);
        set_entry(e, 0);
        return true;
    }
    if (!(*e & PTE_P))
        frame_struct(root)->shown++;
    set_entry(e, make_entry(pa, prot));
    return true;
}

void mmu_map_ahead(u64 root, u64 va, const u64 *words, u64 n, u32 prot)
{
    u64 *e = find_entry(root, va), flags = make_entry(0, prot);
    u32 shown = 0;

    if (!e || !prot)
        return;
    note_slot((u64 *)((u64)e & PAGE_MASK), slot(va, 0));
    note_slot((u64 *)((u64)e & PAGE_MASK), slot(va, 0) + (u32)n - 1);
    for (u64 i = 0; i < n; i++) {
        if (words[i] && !e[i]) {
            WRITE_ONCE(e[i], (words[i] & PTE_ADDR) | flags);
            shown++;
        }
    }
    frame_struct(root)->shown += shown;
}

bool mmu_huge_free(u64 root, u64 va)
{
    u64 *e = find_huge(root, va);

    return !e || !*e;
}

bool mmu_map_huge(u64 root, u64 va, u64 pa, u32 prot)
{
    u64 *e = find_huge(root, va);

    if (!e || *e)
        return false;
    frame_struct(root)->shown += HUGE_PAGES;
    set_entry(e, make_entry(pa, prot) | PTE_PS);
    return true;
}

/* Edits return whether they changed the entry. */
typedef bool edit_fn(u64 *e, u32 prot, u32 *gone);

static bool edit_clear(u64 *e, u32 prot, u32 *gone)
{
    (void)prot;
    *gone += (u32)pages_of(*e);
    WRITE_ONCE(*e, 0);
    return true;
}

static bool edit_restrict(u64 *e, u32 prot, u32 *gone)
{
    u64 old = *e, new = old;

    if (!(prot & VM_WRITE))
        new &= ~(PTE_W | PTE_D);
    if (!(prot & VM_EXEC))
        new |= PTE_NX;
    if (!prot) {
        new = 0;
        *gone += (u32)pages_of(old);
    }
    if (new == old)
        return false;
    WRITE_ONCE(*e, new);
    return true;
}

/* Entries of one last-level table for [va, end), of its 2 MiB. */
static bool edit_table(u64 *t, u64 va, u64 end, edit_fn *edit, u32 prot, u32 *gone)
{
    const struct frame *f = frame_struct(virt_to_phys(t));
    u32 first = MAX(slot(va, 0), f->slot_first), last = MIN(slot(end - 1, 0) + 1, f->slot_end);
    bool changed = false;

    for (u32 i = first; i < last; i++)
        if (t[i] & PTE_P)
            changed |= edit(&t[i], prot, gone);
    return changed;
}

/* Call edit on each present entry of [*start, *end); skips missing tables whole. */
static bool walk(u64 root, u64 *start, u64 *end, edit_fn *edit, u32 prot)
{
    u64 from = *start, to = *end;
    bool changed = false;
    u32 gone = 0;

    for (u64 va = from, next; va < to; va = next) {
        u64 *t = phys_to_virt(root), huge = ALIGN_DOWN(va, HUGE_SIZE);
        u32 level = 3;

        while (level > 0 && (t[slot(va, level)] & PTE_P) && !(t[slot(va, level)] & PTE_PS))
            t = table(t[slot(va, level--)]);
        next = ALIGN_DOWN(va, UINT64_C(1) << (12 + 9 * MAX(level, 1u))) +
               (UINT64_C(1) << (12 + 9 * MAX(level, 1u)));
        if (level == 0) {
            changed |= edit_table(t, va, MIN(next, to), edit, prot, &gone);
        } else if (t[slot(va, level)] & PTE_P) {
            if (va == huge && to - va >= HUGE_SIZE) {
                changed |= edit(&t[slot(va, level)], prot, &gone);
            } else {
                edit_clear(&t[slot(va, level)], 0, &gone);
                *start = MIN(*start, huge);
                *end = MAX(*end, huge + HUGE_SIZE);
                changed = true;
            }
        }
    }
    frame_struct(root)->shown -= gone;
    return changed;
}

bool mmu_unmap(u64 root, u64 *start, u64 *end)
{
    return walk(root, start, end, edit_clear, 0);
}

bool mmu_restrict(u64 root, u64 *start, u64 *end, u32 prot)
{
    return walk(root, start, end, edit_restrict, prot);
}

u64 mmu_lookup(u64 root, u64 va, u32 *prot)
{
    u64 *e = find_huge(root, va), inside = 0;

    if (e && (*e & PTE_PS))
        inside = ALIGN_DOWN(va, PAGE_SIZE) % HUGE_SIZE;
    else
        e = find_entry(root, va);
    if (!e || !(*e & PTE_P))
        return 0;
    *prot = VM_READ | (*e & PTE_W ? VM_WRITE : 0) | (*e & PTE_NX ? 0 : VM_EXEC);
    return ((*e & PTE_ADDR) + inside) | 1;
}

/* --- kernel half --------------------------------------------------------------------------------- */

int mmu_map_kernel(u64 va, u64 pa, bool writable, u64 (*alloc)(void))
{
    u64 *t = phys_to_virt(kernel_root);

    for (u32 level = 3; level > 0; level--) {
        u64 *e = &t[slot(va, level)];

        if (!(*e & PTE_P) && !add_table(e, TABLE_KERNEL, alloc, frame_unref))
            return -ENOMEM;
        t = table(*e);
    }
    WRITE_ONCE(t[slot(va, 0)],
               pa | PTE_P | PTE_A | PTE_G | PTE_NX | (writable ? PTE_W | PTE_D : 0));
    return 0;
}

void mmu_unmap_kernel(u64 va)
{
    u64 *e = find_entry(kernel_root, va);

    if (e)
        WRITE_ONCE(*e, 0);
    mmu_flush_page(va);
}

u64 mmu_kernel_pa(u64 va)
{
    u64 *e = find_entry(kernel_root, va);

    return e && (*e & PTE_P) ? (*e & PTE_ADDR) | (va % PAGE_SIZE) : 0;
}

int mmu_map_direct(u64 pa, u64 len, bool writable, u64 (*alloc)(void))
{
    u64 flags = PTE_P | PTE_A | PTE_G | PTE_PS | PTE_NX | (writable ? PTE_W | PTE_D : 0);

    for (u64 at = pa; at < pa + len; at += UINT64_C(2) << 20) {
        u64 va = DIRECT_BASE + at, *t = phys_to_virt(kernel_root);

        for (u32 level = 3; level > 1; level--) {
            u64 *e = &t[slot(va, level)];

            if (!(*e & PTE_P) && !add_table(e, TABLE_KERNEL, alloc, frame_unref))
                return -ENOMEM;
            t = table(*e);
        }
        WRITE_ONCE(t[slot(va, 1)], at | flags);
    }
    return 0;
}

void mmu_load(u64 root)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory");
}

void mmu_load_kernel(void)
{
    mmu_load(kernel_root);
}

void mmu_flush_page(u64 va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

void mmu_flush_user(void)
{
    u64 cr3;

    /* Kernel entries are global and stay. */
    __asm__ volatile("mov %%cr3, %0\n\tmov %0, %%cr3" : "=r"(cr3) : : "memory");
}

void mmu_init(void)
{
    __asm__("mov %%cr3, %0" : "=r"(kernel_root));
    kernel_root &= PTE_ADDR;
}
