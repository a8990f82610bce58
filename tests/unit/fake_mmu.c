/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page tables in pieces of 2 MiB, and one TLB that keeps what it has seen until it is told not to,
 * so that a missing flush shows as an access to the old page.
 */
#include "arch/mmu.h"
#include "arch/percpu.h"
#include "core/print.h"
#include "core/string.h"
#include "mm/aspace.h"
#include "tests/unit/fake.h"

#include <stdlib.h>

#define SPANS 1024u
#define TLB 4096u
#define P UINT64_C(1) /* present, in an address */

struct entry {
    u64 pa;
    u32 prot;
};

/* What is at one slot of level 1: nothing, a table or a huge page. */
struct span {
    u64 root, va;
    struct entry *table; /* of 512 */
    struct entry huge;
};

static struct span spans[SPANS];
static u32 nspans;
static struct {
    u64 root, va;
    struct entry e;
} tlb[TLB];
static u64 last_root, loaded;

static struct span *find(u64 root, u64 va)
{
    for (u32 i = 0; i < nspans; i++)
        if (spans[i].root == root && spans[i].va == ALIGN_DOWN(va, HUGE_SIZE))
            return &spans[i];
    return NULL;
}

static struct entry *find_entry(u64 root, u64 va)
{
    struct span *s = find(root, va);

    return s && s->table ? &s->table[(va >> PAGE_SHIFT) % HUGE_PAGES] : NULL;
}

u64 mmu_create(void)
{
    return ++last_root << PAGE_SHIFT;
}

void mmu_destroy(u64 root)
{
    if (loaded == root)
        panic("a page table that is in use is destroyed");
    for (u32 i = 0; i < nspans; i++) {
        if (spans[i].root == root) {
            free(spans[i].table);
            spans[i--] = spans[--nspans];
        }
    }
}

int mmu_prepare_huge(u64 root, u64 va)
{
    if (find(root, va))
        return 0;
    if (nspans == SPANS)
        panic("too many fake tables");
    spans[nspans++] = (struct span){ .root = root, .va = ALIGN_DOWN(va, HUGE_SIZE) };
    return 0;
}

int mmu_prepare(u64 root, u64 va)
{
    struct span *s;

    mmu_prepare_huge(root, va);
    s = find(root, va);
    if (s->table)
        return 0;
    s->table = calloc(HUGE_PAGES, sizeof(*s->table));
    for (u64 i = 0; s->huge.pa && i < HUGE_PAGES; i++)
        s->table[i] = (struct entry){ s->huge.pa + i * PAGE_SIZE, s->huge.prot };
    s->huge = (struct entry){ 0 };
    return 0;
}

bool mmu_map(u64 root, u64 va, u64 pa, u32 prot)
{
    struct entry *e = find_entry(root, va);

    if (!e)
        return false;
    *e = (struct entry){ prot ? pa | P : 0, prot };
    return true;
}

void mmu_map_ahead(u64 root, u64 va, const u64 *words, u64 n, u32 prot)
{
    struct entry *e = find_entry(root, va);

    if (!n || va / HUGE_SIZE != (va + (n - 1) * PAGE_SIZE) / HUGE_SIZE)
        panic("%llu entries at 0x%llx are not in one table", (unsigned long long)n,
              (unsigned long long)va);
    for (u64 i = 0; e && prot && i < n; i++)
        if (words[i] && !e[i].pa)
            e[i] = (struct entry){ (words[i] & PAGE_MASK) | P, prot };
}

bool mmu_huge_free(u64 root, u64 va)
{
    struct span *s = find(root, va);

    return !s || (!s->table && !s->huge.pa);
}

bool mmu_map_huge(u64 root, u64 va, u64 pa, u32 prot)
{
    struct span *s = find(root, va);

    if (va % HUGE_SIZE || pa % HUGE_SIZE)
        panic("a huge page at 0x%llx", (unsigned long long)va);
    if (!s || !mmu_huge_free(root, va))
        return false;
    s->huge = (struct entry){ pa | P, prot };
    return true;
}

static bool restrict_entry(struct entry *e, u32 prot)
{
    if (!e->pa || (prot && !(e->prot & ~(prot | VM_READ)))) /* what is there can be read */
        return false;
    e->prot &= prot | VM_READ;
    if (!prot)
        e->pa = 0;
    return true;
}

bool mmu_restrict(u64 root, u64 *start, u64 *end, u32 prot)
{
    u64 from = *start, to = *end;
    bool any = false;

    for (u32 i = 0; i < nspans; i++) {
        struct span *s = &spans[i];

        if (s->root != root || s->va >= to || s->va + HUGE_SIZE <= from)
            continue;
        for (u64 k = 0; s->table && k < HUGE_PAGES; k++)
            if (s->va + k * PAGE_SIZE >= from && s->va + k * PAGE_SIZE < to)
                any |= restrict_entry(&s->table[k], prot);
        if (s->huge.pa && from <= s->va && to >= s->va + HUGE_SIZE) {
            any |= restrict_entry(&s->huge, prot);
        } else if (s->huge.pa) {
            s->huge.pa = 0;
            *start = MIN(*start, s->va);
            *end = MAX(*end, s->va + HUGE_SIZE);
            any = true;
        }
    }
    return any;
}

bool mmu_unmap(u64 root, u64 *start, u64 *end)
{
    return mmu_restrict(root, start, end, 0);
}

u64 mmu_shown(u64 root)
{
    u64 n = 0;

    for (u32 i = 0; i < nspans; i++) {
        if (spans[i].root != root)
            continue;
        n += spans[i].huge.pa ? HUGE_PAGES : 0;
        for (u64 k = 0; spans[i].table && k < HUGE_PAGES; k++)
            n += spans[i].table[k].pa != 0;
    }
    return n;
}

u64 mmu_lookup(u64 root, u64 va, u32 *prot)
{
    struct span *s = find(root, va);
    struct entry *e = find_entry(root, va);
    u64 inside = 0;

    if (s && s->huge.pa) {
        e = &s->huge;
        inside = va % HUGE_SIZE & PAGE_MASK;
    }
    if (!e || !e->pa)
        return 0;
    *prot = e->prot | VM_READ;
    return e->pa + inside;
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
    mmu_load(0);
}

u64 fake_translate(u64 root, u64 va, u32 access)
{
    u32 i = (va >> PAGE_SHIFT) % TLB, prot;
    u64 page = va & PAGE_MASK, entry;

    if (loaded == root && tlb[i].root == root && tlb[i].va == page && (tlb[i].e.prot & access))
        return (tlb[i].e.pa & PAGE_MASK) + va % PAGE_SIZE;
    entry = mmu_lookup(root, page, &prot);
    if (!entry || !(prot & access))
        return 0;
    if (loaded == root) {
        tlb[i].root = root;
        tlb[i].va = page;
        tlb[i].e = (struct entry){ entry, prot };
    }
    return (entry & PAGE_MASK) + va % PAGE_SIZE;
}
