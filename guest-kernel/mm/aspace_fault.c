/* SPDX-License-Identifier: Apache-2.0 */
/* Page faults: finding the page that a mapping shows at an address, and entering it. */
#include "arch/mmu.h"
#include "arch/page.h"
#include "arch/percpu.h"
#include "mm/aspace_impl.h"
#include "mm/frame.h"
#include "mm/tlb.h"

#define AROUND 32u /* pages of a file mapped with one fault, aligned; within one last-level table */

/* Whether the page may be entered writable: nobody else sees the frame. */
static bool exclusive(u64 word)
{
    return !(word & VMO_PAGE_WINDOW) && frame_refs(word & VMO_PAGE_ADDR) == 1;
}

static int enter(struct aspace *as, u64 va, u64 word, u32 prot)
{
    bool ok;
    int r;

    for (;;) {
        spin_lock(&as->pt_lock);
        /* What can be written or executed can be read: an entry has no bit against it. */
        ok = mmu_map(as->pt_root, va, word & VMO_PAGE_ADDR, prot | VM_READ);
        spin_unlock(&as->pt_lock);
        if (ok)
            return 0;
        r = mmu_prepare(as->pt_root, va);
        if (r)
            return r;
    }
}

/* Word `index` of a VMO's pages; *run is kept between calls with growing indices. */
static u64 next_word(const struct vmo *v, u64 index, const u64 **run, bool first)
{
    if (first || index % RADIX_RUN == 0)
        *run = radix_run(&v->pages, index);
    return *run ? *(*run)++ : 0;
}

/* The pages around a file's faulting page that are resident: entered read-only if nothing is there. */
static void enter_around(struct aspace *as, struct mapping *m, u64 va)
{
    u64 start = MAX(ALIGN_DOWN(va, AROUND * PAGE_SIZE), m->node.key);
    u64 end = MIN(ALIGN_DOWN(va, AROUND * PAGE_SIZE) + AROUND * PAGE_SIZE, m->end);
    u64 index = vmo_index(m, start), anon = anon_index(m, start), words[AROUND];
    u64 n = (end - start) >> PAGE_SHIFT, pages = (m->vmo->size + PAGE_SIZE - 1) >> PAGE_SHIFT;
    const u64 *run = NULL, *anon_run = NULL;

    if (index >= pages)
        return;
    n = MIN(n, pages - index);
    for (u64 i = 0; i < n; i++) {
        words[i] = next_word(m->vmo, index + i, &run, i == 0);
        if (m->anon && next_word(m->anon, anon + i, &anon_run, i == 0))
            words[i] = 0; /* the file's page is not what is to be seen */
    }
    spin_lock(&as->pt_lock);
    mmu_map_ahead(as->pt_root, start, words, n, m->prot & ~VM_WRITE);
    spin_unlock(&as->pt_lock);
}

/* Before a page is replaced by a copy: no vCPU may go on reading the old frame. */
static void forget_entry(struct aspace *as, u64 va)
{
    aspace_zap(as, va, va + PAGE_SIZE);
}

/*
 * Anonymous memory of which nothing was touched yet for 2 MiB around the fault, all of them in the
 * mapping: one huge page. False: it is to be done page by page.
 */
static bool fault_huge(struct aspace *as, struct mapping *m, u64 va)
{
    u64 start = ALIGN_DOWN(va, HUGE_SIZE), index, first, pa;
    bool ok;

    if (start < m->node.key || m->end - start < HUGE_SIZE || !(m->prot & VM_WRITE) ||
        (m->flags & (MAP_F_STACK | MAP_F_NOHUGE)))
        return false;
    first = index = anon_index(m, start);
    if (radix_next(&m->anon->pages, &index) && index < first + HUGE_PAGES)
        return false;
    if (!mmu_huge_free(as->pt_root, start) || mmu_prepare_huge(as->pt_root, start))
        return false;
    pa = frame_alloc_huge();
    if (!pa)
        return false;
    if (vmo_fill_huge(m->anon, first, pa)) {
        frame_free_huge(pa);
        return false;
    }
    spin_lock(&as->pt_lock);
    ok = mmu_map_huge(as->pt_root, start, pa, m->prot);
    spin_unlock(&as->pt_lock);
    return ok;
}

/* A page of the mapping's own: anonymous memory, or changed before. */
static int fault_anon(struct aspace *as, struct mapping *m, u64 va, bool write)
{
    u64 index = anon_index(m, va), word;
    int r;

    if (!m->anon) {
        m->anon = vmo_create(VMO_UNBOUNDED, NULL, NULL);
        if (!m->anon)
            return -ENOMEM;
    }
    mutex_lock(&m->anon->lock);
    word = vmo_resident_page(m->anon, index);
    if (!word && !m->vmo && fault_huge(as, m, va)) {
        mutex_unlock(&m->anon->lock);
        return 0;
    }
    if (write && word && !exclusive(word))
        forget_entry(as, va);
    r = vmo_get_page(m->anon, index, write, &word);
    if (r == 0)
        r = enter(as, va, word, exclusive(word) ? m->prot : m->prot & ~VM_WRITE);
    mutex_unlock(&m->anon->lock);
    return r;
}

/*
 * The first store to a page of a private file mapping: copy it into the layer above. The file's VMO is locked
 * until the copy is there: a truncation comes before, or finds it.
 */
static int fault_copy(struct aspace *as, struct mapping *m, u64 va)
{
    u64 word, pa;
    int r;

    if (!m->anon) {
        m->anon = vmo_create(VMO_UNBOUNDED, NULL, NULL);
        if (!m->anon)
            return -ENOMEM;
    }
    pa = frame_alloc(0);
    if (!pa)
        return -ENOMEM;
    r = vmo_get_page(m->vmo, vmo_index(m, va), false, &word);
    if (r) {
        frame_unref(pa);
        return r;
    }
    page_copy(pa, word & VMO_PAGE_ADDR);
    forget_entry(as, va);
    mutex_lock(&m->anon->lock);
    r = vmo_set_page(m->anon, anon_index(m, va), pa);
    if (r)
        frame_unref(pa);
    else
        r = enter(as, va, pa, m->prot);
    mutex_unlock(&m->anon->lock);
    return r;
}

/* A page of the VMO itself, which is locked. */
static int fault_vmo(struct aspace *as, struct mapping *m, u64 va, bool write)
{
    bool shared = m->flags & MAP_F_SHARED;
    u32 prot = m->prot;
    u64 word;
    int r;

    /* Shared anonymous memory is entered writable at once; files want to know of the first store. */
    if (shared && !m->vmo->ops && (prot & VM_WRITE))
        write = true;
    r = vmo_get_page(m->vmo, vmo_index(m, va), write && shared, &word);
    if (r == 0) {
        if (!(write && shared))
            prot &= ~VM_WRITE;
        r = enter(as, va, word, prot);
        if (r == 0 && m->vmo->ops)
            enter_around(as, m, va);
    }
    return r;
}

static int fault_file(struct aspace *as, struct mapping *m, u64 va, bool write)
{
    int r;

    mutex_lock(&m->vmo->lock);
    if (m->flags & MAP_F_SHARED)
        r = fault_vmo(as, m, va, write);
    else if (m->anon && vmo_resident_page(m->anon, anon_index(m, va)))
        r = fault_anon(as, m, va, write);
    else if (write)
        r = fault_copy(as, m, va);
    else
        r = fault_vmo(as, m, va, false);
    mutex_unlock(&m->vmo->lock);
    return r;
}

/* The mapping of addr, growing a stack down to it if that is allowed. */
static struct mapping *find_or_grow(struct aspace *as, u64 addr)
{
    struct mapping *m = aspace_find(as, addr), *below;
    u64 start = addr & PAGE_MASK;

    if (!m || m->node.key <= addr)
        return m;
    if (!(m->flags & MAP_F_STACK) || m->end - start > as->stack_limit ||
        m->end - start > STACK_ANON_BASE || as->mapped + (m->node.key - start) > as->size_limit)
        return NULL;
    /* Keep Linux's distance (stack_guard_gap, 256 pages) to what lies below. */
    below = mapping_of(tree_prev(&m->node));
    if (below && below->prot && start - below->end < 256 * PAGE_SIZE)
        return NULL;
    if (mapping_own_anon(m))
        return NULL;
    mapping_set_start(as, m, start);
    return m;
}

int aspace_resolve(struct aspace *as, u64 addr, u32 access)
{
    struct mapping *m = find_or_grow(as, addr);
    u64 va = addr & PAGE_MASK;
    bool write = access == VM_WRITE;
    int r;

    if (!m) {
        r = FAULT_MAPERR;
    } else if (access == VM_READ ? !m->prot : !(m->prot & access)) {
        r = FAULT_ACCERR;
    } else if (m->vmo) {
        r = fault_file(as, m, va, write);
    } else {
        r = fault_anon(as, m, va, true);
    }
    return r == -ENXIO ? FAULT_BUS : r;
}

int aspace_fault(struct aspace *as, u64 addr, u32 access)
{
    int r;

    if (addr >= USER_TOP)
        return FAULT_MAPERR;
    this_cpu()->page->page_faults++;
    mutex_lock(&as->lock);
    r = aspace_resolve(as, addr, access);
    mutex_unlock(&as->lock);
    return r;
}

/* The mapping of addr if stores to it stay in this address space, or NULL. */
static struct mapping *find_own(struct aspace *as, u64 addr)
{
    struct mapping *m = aspace_find(as, addr);

    return m && m->node.key <= addr && !(m->flags & MAP_F_SHARED) && (m->prot & VM_WRITE) && m->anon
               ? m
               : NULL;
}

u64 aspace_own_pages(struct aspace *as, u64 addr, u64 len, aspace_add_piece *add, void *arg)
{
    struct mapping *m = NULL;
    const u64 *run = NULL;
    bool tried = false;
    u64 at = addr, end = MIN(addr + len, USER_TOP), next, word;

    while (at < end) {
        bool first = !m || at >= m->end;

        if (first)
            m = find_own(as, at);
        word = m ? next_word(m->anon, anon_index(m, at & PAGE_MASK), &run, first) : 0;
        if (!word || !exclusive(word)) {
            if (tried || aspace_resolve(as, at, VM_WRITE))
                break;
            tried = true;
            m = NULL;
            continue;
        }
        tried = false;
        next = MIN(ALIGN_DOWN(at, PAGE_SIZE) + PAGE_SIZE, end);
        if (!add(arg, (word & VMO_PAGE_ADDR) + at % PAGE_SIZE, (u32)(next - at)))
            break;
        at = next;
    }
    return at - addr;
}
