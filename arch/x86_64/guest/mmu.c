/* SPDX-License-Identifier: Apache-2.0 */
/* Four-level page tables: see arch/mmu.h. Tables are reached through the direct map. */
#include "arch/mmu.h"

#include "core/print.h"
#include "core/string.h"
#include "hostcalls/abi.h"
#include "mm/aspace.h"
#include "mm/frame.h"

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

/* The last-level entry of va, or NULL if a table is missing. */
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

u64 mmu_create(void)
{
    u64 root = frame_alloc(FRAME_ZERO | FRAME_KERNEL);

    if (root)
        memcpy((u64 *)phys_to_virt(root) + 256, (u64 *)phys_to_virt(kernel_root) + 256, 256 * 8);
    return root;
}

static void free_tables(u64 pa, u32 level, u32 entries)
{
    u64 *t = phys_to_virt(pa);

    if (level > 0)
        for (u32 i = 0; i < entries; i++)
            if (t[i] & PTE_P)
                free_tables(t[i] & PTE_ADDR, level - 1, 512);
    frame_unref(pa);
}

void mmu_destroy(u64 root)
{
    free_tables(root, 3, 256);
}

/* Install a table where there is none; a racing install wins and ours is freed. */
static bool add_table(u64 *e, u64 flags, u64 (*alloc)(void))
{
    u64 pa = alloc(), none = 0;

    if (!pa)
        return false;
    if (!__atomic_compare_exchange_n(e, &none, pa | flags, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        frame_unref(pa);
    return true;
}

static u64 user_table(void)
{
    return frame_alloc(FRAME_ZERO);
}

int mmu_prepare(u64 root, u64 va)
{
    u64 *t = phys_to_virt(root);

    for (u32 level = 3; level > 0; level--) {
        u64 *e = &t[slot(va, level)];

        if (!(*e & PTE_P) && !add_table(e, TABLE_USER, user_table))
            return -ENOMEM;
        t = table(*e);
    }
    return 0;
}

bool mmu_map(u64 root, u64 va, u64 pa, u32 prot)
{
    u64 *e = find_entry(root, va);

    if (!e)
        return false;
    WRITE_ONCE(*e, prot ? make_entry(pa, prot) : 0);
    return true;
}

bool mmu_map_ahead(u64 root, u64 va, u64 pa, u32 prot)
{
    u64 *e = find_entry(root, va);

    if (!e)
        return false;
    if (!*e && prot)
        WRITE_ONCE(*e, make_entry(pa, prot));
    return true;
}

/* Call edit on each present last-level entry of [start, end); skips missing tables whole. */
static bool walk(u64 root, u64 start, u64 end, bool (*edit)(u64 *e, u32 prot), u32 prot)
{
    bool changed = false;

    for (u64 va = start; va < end;) {
        u64 *t = phys_to_virt(root), step = 0;

        for (u32 level = 3; level > 0; level--) {
            u64 e = t[slot(va, level)];

            if (!(e & PTE_P)) {
                step = UINT64_C(1) << (12 + 9 * level);
                break;
            }
            t = table(e);
        }
        if (step) {
            va = ALIGN_DOWN(va, step) + step;
            continue;
        }
        /* All entries of this table. */
        do {
            u64 *e = &t[slot(va, 0)];

            if (*e & PTE_P)
                changed |= edit(e, prot);
            va += PAGE_SIZE;
        } while (va < end && slot(va, 0));
    }
    return changed;
}

static bool edit_clear(u64 *e, u32 prot)
{
    (void)prot;
    WRITE_ONCE(*e, 0);
    return true;
}

bool mmu_unmap(u64 root, u64 start, u64 end)
{
    return walk(root, start, end, edit_clear, 0);
}

static bool edit_restrict(u64 *e, u32 prot)
{
    u64 old = *e, new = old;

    if (!prot)
        new = 0;
    if (!(prot & VM_WRITE))
        new &= ~(PTE_W | PTE_D);
    if (!(prot & VM_EXEC))
        new |= PTE_NX;
    if (!prot)
        new = 0;
    if (new == old)
        return false;
    WRITE_ONCE(*e, new);
    return true;
}

bool mmu_restrict(u64 root, u64 start, u64 end, u32 prot)
{
    return walk(root, start, end, edit_restrict, prot);
}

u64 mmu_lookup(u64 root, u64 va, u32 *prot)
{
    u64 *e = find_entry(root, va);

    if (!e || !(*e & PTE_P))
        return 0;
    *prot = VM_READ | (*e & PTE_W ? VM_WRITE : 0) | (*e & PTE_NX ? 0 : VM_EXEC);
    return (*e & PTE_ADDR) | 1;
}

/* --- kernel half --------------------------------------------------------------------------------- */

int mmu_map_kernel(u64 va, u64 pa, bool writable, u64 (*alloc)(void))
{
    u64 *t = phys_to_virt(kernel_root);

    for (u32 level = 3; level > 0; level--) {
        u64 *e = &t[slot(va, level)];

        if (!(*e & PTE_P) && !add_table(e, TABLE_KERNEL, alloc))
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

            if (!(*e & PTE_P) && !add_table(e, TABLE_KERNEL, alloc))
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
