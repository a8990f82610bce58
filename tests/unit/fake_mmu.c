/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page tables as a hash of (root, page), and one TLB that keeps what it has seen until it is told
 * not to, so that a missing flush shows as an access to the old page.
 */
#include "arch/mmu.h"
#include "arch/percpu.h"
#include "core/print.h"
#include "core/string.h"
#include "mm/aspace.h"
#include "tests/unit/fake.h"

#define ENTRIES 65536u /* power of 2 */
#define TLB 4096u
#define TABLE_SPAN (UINT64_C(2) << 20) /* what one table of the lowest level covers */
#define PREPARED 1024u

struct entry {
    u64 root, va, pa; /* root 0: free; pa with bit 0 if present */
    u32 prot;
};

static struct entry table[ENTRIES], tlb[TLB];
static struct {
    u64 root, va;
} prepared[PREPARED];
static u32 nprepared, used;
static u64 last_root, loaded;

static struct entry *find(u64 root, u64 va, bool make)
{
    u64 h = (va >> PAGE_SHIFT) * UINT64_C(0x9e3779b97f4a7c15) + root * 77;

    for (u64 i = h >> 20;; i++) {
        struct entry *e = &table[i % ENTRIES];

        if (e->root == root && e->va == va)
            return e;
        if (!e->root) {
            if (!make)
                return NULL;
            if (++used > ENTRIES / 2)
                panic("the fake page table is full");
            *e = (struct entry){ .root = root, .va = va };
            return e;
        }
    }
}

static bool is_prepared(u64 root, u64 va)
{
    for (u32 i = 0; i < nprepared; i++)
        if (prepared[i].root == root && prepared[i].va == ALIGN_DOWN(va, TABLE_SPAN))
            return true;
    return false;
}

u64 mmu_create(void)
{
    return ++last_root << PAGE_SHIFT;
}

void mmu_destroy(u64 root)
{
    if (loaded == root)
        panic("a page table that is in use is destroyed");
    for (u32 i = 0; i < ENTRIES; i++)
        if (table[i].root == root)
            table[i].pa = 0;
}

int mmu_prepare(u64 root, u64 va)
{
    if (is_prepared(root, va))
        return 0;
    if (nprepared == PREPARED)
        panic("too many fake tables");
    prepared[nprepared].root = root;
    prepared[nprepared++].va = ALIGN_DOWN(va, TABLE_SPAN);
    return 0;
}

bool mmu_map(u64 root, u64 va, u64 pa, u32 prot)
{
    struct entry *e;

    if (!is_prepared(root, va))
        return false;
    e = find(root, va & PAGE_MASK, true);
    e->pa = prot ? pa | 1 : 0;
    e->prot = prot;
    return true;
}

bool mmu_map_ahead(u64 root, u64 va, u64 pa, u32 prot)
{
    struct entry *e;

    if (!is_prepared(root, va))
        return false;
    e = find(root, va & PAGE_MASK, true);
    if (!e->pa) {
        e->pa = prot ? pa | 1 : 0;
        e->prot = prot;
    }
    return true;
}

bool mmu_unmap(u64 root, u64 start, u64 end)
{
    bool any = false;

    for (u32 i = 0; i < ENTRIES; i++) {
        if (table[i].root == root && table[i].va >= start && table[i].va < end) {
            any |= table[i].pa != 0;
            table[i].pa = 0;
        }
    }
    return any;
}

bool mmu_restrict(u64 root, u64 start, u64 end, u32 prot)
{
    bool any = false;

    for (u32 i = 0; i < ENTRIES; i++) {
        struct entry *e = &table[i];

        if (e->root == root && e->va >= start && e->va < end && e->pa && (e->prot & ~prot)) {
            any = true;
            e->prot &= prot;
            if (!e->prot)
                e->pa = 0;
        }
    }
    return any;
}

u64 mmu_lookup(u64 root, u64 va, u32 *prot)
{
    struct entry *e = find(root, va & PAGE_MASK, false);

    if (!e || !e->pa)
        return 0;
    *prot = e->prot;
    return e->pa;
}

void mmu_flush_page(u64 va)
{
    for (u32 i = 0; i < TLB; i++)
        if (tlb[i].va == (va & PAGE_MASK))
            tlb[i].root = 0;
}

void mmu_flush_user(void)
{
    memset(tlb, 0, sizeof(tlb));
}

void mmu_load(u64 root)
{
    loaded = root;
    mmu_flush_user();
}

void mmu_load_kernel(void)
{
    loaded = 0;
    mmu_flush_user();
}

u64 fake_translate(u64 root, u64 va, u32 access)
{
    struct entry *t = &tlb[(va >> PAGE_SHIFT) % TLB];
    u64 page = va & PAGE_MASK, entry;
    u32 prot;

    if (loaded == root && t->root == root && t->va == page && (t->prot & access))
        return (t->pa & PAGE_MASK) + va % PAGE_SIZE;
    entry = mmu_lookup(root, page, &prot);
    if (!entry || !(prot & access))
        return 0;
    if (loaded == root)
        *t = (struct entry){ .root = root, .va = page, .pa = entry, .prot = prot };
    return (entry & PAGE_MASK) + va % PAGE_SIZE;
}
