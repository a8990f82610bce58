/* SPDX-License-Identifier: Apache-2.0 */
/* brk, mremap, madvise, msync, mincore, and access to another process's memory. */
#include "arch/mmu.h"
#include "core/string.h"
#include "mm/aspace_impl.h"
#include "mm/frame.h"
#include "mm/tlb.h"
#include "mm/window_gen.h"

#include <linux/mman.h>

u64 aspace_set_brk(struct aspace *as, u64 brk)
{
    u64 old_end, new_end;
    struct mapping *m;

    mutex_lock(&as->lock);
    if (brk < as->brk_start || brk >= USER_TOP)
        goto out;
    old_end = ALIGN_UP(as->brk, PAGE_SIZE);
    new_end = ALIGN_UP(brk, PAGE_SIZE);
    if (new_end < old_end) {
        if (aspace_unmap_locked(as, new_end, old_end))
            goto out;
    } else if (new_end > old_end) {
        if (!aspace_range_free(as, old_end, new_end - old_end))
            goto out;
        m = mapping_of(old_end > as->brk_start ? tree_le(&as->maps, old_end - 1) : NULL);
        if (m && m->end == old_end && m->node.key >= ALIGN_DOWN(as->brk_start, PAGE_SIZE) &&
            !m->vmo && m->prot == (VM_READ | VM_WRITE) && m->flags == as->lock_new) {
            if (mapping_own_anon(m))
                goto out;
            mapping_set_end(as, m, new_end);
        } else {
            struct map_args a = { .addr = old_end, .len = new_end - old_end, .fixed = true,
                                  .prot = VM_READ | VM_WRITE, .flags = as->lock_new,
                                  .max_prot = VM_READ | VM_WRITE | VM_EXEC };

            if (aspace_map_locked(as, &a) < 0)
                goto out;
        }
    }
    as->brk = brk;
out:
    brk = as->brk;
    mutex_unlock(&as->lock);
    return brk;
}

/* The mapping stays where it is, but its pages have gone elsewhere: MREMAP_DONTUNMAP. */
static void leave_empty(struct aspace *as, struct mapping *m)
{
    struct vmo *anon = m->anon;

    if (m->vmo)
        mutex_lock(&m->vmo->lock);
    m->anon = NULL;
    if (m->vmo)
        mutex_unlock(&m->vmo->lock);
    if (anon)
        vmo_unref(anon);
    if (m->flags & MAP_F_LOCKED)
        as->locked -= m->end - m->node.key;
    m->flags &= ~MAP_F_LOCK_MASK;
}

/* Move [old, old + len) of one mapping to new, which is free; the pages go along. keep: a mapping stays. */
static int move(struct aspace *as, struct mapping *m, u64 old, u64 len, u64 new, u64 new_len, bool keep)
{
    struct mapping *p;
    int r = mapping_split(as, old);

    if (r == 0)
        r = mapping_split(as, old + len);
    if (r)
        return r;
    m = aspace_find(as, old);
    r = new_len > len ? mapping_own_anon(m) : 0;
    if (r)
        return r;
    p = mapping_piece(m, old, old + len);
    if (!p)
        return -ENOMEM;
    p->node.key = new;
    p->end = new + new_len;
    aspace_zap(as, old, old + len);
    if (keep)
        leave_empty(as, m);
    else
        mapping_free(as, m);
    mapping_insert(as, p);
    return 0;
}

static s64 remap_locked(struct aspace *as, u64 old, u64 old_len, u64 new_len, u32 flags,
                        u64 new_addr)
{
    struct mapping *m = aspace_find(as, old);
    u64 addr;
    s64 r;

    if (!m || m->node.key > old || old_len > m->end - old)
        return -EFAULT;
    if (m->flags & MAP_F_KERNEL)
        return -EINVAL;
    if (!old_len) {
        /* Old size 0 duplicates a shared mapping (mremap(2), BUGS). */
        struct map_args a = { .addr = new_addr, .len = new_len, .prot = m->prot,
                              .max_prot = m->max_prot, .flags = m->flags, .vmo = m->vmo,
                              .off = m->vmo_off + (old - m->node.key), .file = m->file,
                              .fixed = flags & MREMAP_FIXED };

        if (!(m->flags & MAP_F_SHARED))
            return -EINVAL;
        return flags & MREMAP_MAYMOVE ? aspace_map_locked(as, &a) : -EINVAL;
    }
    if ((flags & MREMAP_DONTUNMAP) && !(flags & MREMAP_FIXED)) {
        addr = aspace_find_gap(as, new_len, new_addr & PAGE_MASK);
        if (!addr || as->count >= MAP_COUNT_MAX)
            return -ENOMEM;
    } else if (!(flags & MREMAP_FIXED)) {
        if (new_len <= old_len) {
            r = new_len < old_len ? aspace_unmap_locked(as, old + new_len, old + old_len) : 0;
            return r ? r : (s64)old;
        }
        if (m->end == old + old_len && new_len <= USER_TOP - old &&
            aspace_range_free(as, m->end, new_len - old_len)) {
            if (mapping_own_anon(m))
                return -ENOMEM;
            mapping_set_end(as, m, old + new_len);
            return (s64)old;
        }
        if (!(flags & MREMAP_MAYMOVE))
            return -ENOMEM;
        addr = aspace_find_gap(as, new_len, 0);
        if (!addr)
            return -ENOMEM;
    } else {
        addr = new_addr;
        if (addr < old + old_len && old < addr + new_len)
            return -EINVAL;
        r = aspace_unmap_locked(as, addr, addr + new_len);
        if (r)
            return r;
        if (new_len < old_len) {
            r = aspace_unmap_locked(as, old + new_len, old + old_len);
            if (r)
                return r;
            old_len = new_len;
        }
        m = aspace_find(as, old);
    }
    r = move(as, m, old, old_len, addr, new_len, flags & MREMAP_DONTUNMAP);
    return r ? r : (s64)addr;
}

s64 aspace_remap(struct aspace *as, u64 old, u64 old_len, u64 new_len, u32 flags, u64 new_addr)
{
    s64 r;

    old_len = ALIGN_UP(old_len, PAGE_SIZE);
    new_len = ALIGN_UP(new_len, PAGE_SIZE);
    if (old % PAGE_SIZE || !new_len ||
        (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)))
        return -EINVAL;
    if ((flags & MREMAP_DONTUNMAP) && old_len != new_len)
        return -EINVAL;
    if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) &&
        (!(flags & MREMAP_MAYMOVE) || new_addr % PAGE_SIZE || new_addr > USER_TOP ||
         new_len > USER_TOP - new_addr))
        return -EINVAL;
    if (old > USER_TOP || old_len > USER_TOP - old || new_len > USER_TOP)
        return -EINVAL;
    if ((flags & MREMAP_FIXED) && new_addr < USER_MIN)
        return -EPERM;
    mutex_lock(&as->lock);
    r = remap_locked(as, old, old_len, new_len, flags, new_addr);
    mutex_unlock(&as->lock);
    return r;
}

static int advise_one(struct aspace *as, struct mapping *m, u64 start, u64 end, int advice)
{
    switch (advice) {
    case MADV_DONTNEED:
    case MADV_FREE: /* freeing at once is allowed: the contents are undefined until then */
        if (m->flags & MAP_F_LOCKED)
            return -EINVAL;
        if (advice == MADV_FREE && (m->vmo || (m->flags & MAP_F_SHARED)))
            return -EINVAL;
        aspace_zap(as, start, end);
        mapping_drop_anon(m, start, end);
        return 0;
    case MADV_COLD:
    case MADV_PAGEOUT:
        return m->flags & MAP_F_LOCKED ? -EINVAL : 0;
    case MADV_NOHUGEPAGE:
        m->flags |= MAP_F_NOHUGE;
        return 0;
    case MADV_HUGEPAGE:
        m->flags &= ~MAP_F_NOHUGE;
        return 0;
    case MADV_DONTFORK:
        m->flags |= MAP_F_DONTFORK;
        return 0;
    case MADV_DOFORK:
        m->flags &= ~MAP_F_DONTFORK;
        return 0;
    case MADV_WIPEONFORK:
        if (m->vmo)
            return -EINVAL;
        m->flags |= MAP_F_WIPEFORK;
        return 0;
    case MADV_KEEPONFORK:
        m->flags &= ~MAP_F_WIPEFORK;
        return 0;
    default:
        return 0;
    }
}

int aspace_advise(struct aspace *as, u64 addr, u64 len, int advice)
{
    struct mapping *m;
    u64 end, at;
    int r = 0;
    bool gap = false;

    switch (advice) {
    case MADV_NORMAL: case MADV_RANDOM: case MADV_SEQUENTIAL: case MADV_WILLNEED:
    case MADV_DONTNEED: case MADV_FREE: case MADV_DONTFORK: case MADV_DOFORK:
    case MADV_HUGEPAGE: case MADV_NOHUGEPAGE: case MADV_DONTDUMP: case MADV_DODUMP:
    case MADV_WIPEONFORK: case MADV_KEEPONFORK: case MADV_COLD: case MADV_PAGEOUT:
        break;
    default:
        return -EINVAL;
    }
    if (addr % PAGE_SIZE || len > -PAGE_SIZE - addr)
        return -EINVAL;
    len = ALIGN_UP(len, PAGE_SIZE);
    if (!len)
        return 0;
    if (addr > USER_TOP || len > USER_TOP - addr)
        return -ENOMEM;
    end = addr + len;
    mutex_lock(&as->lock);
    if (advice == MADV_DONTFORK || advice == MADV_DOFORK || advice == MADV_WIPEONFORK ||
        advice == MADV_KEEPONFORK || advice == MADV_HUGEPAGE || advice == MADV_NOHUGEPAGE) {
        r = mapping_split(as, addr);
        if (r == 0)
            r = mapping_split(as, end);
    }
    at = addr;
    for (m = aspace_find(as, addr); r == 0 && m && m->node.key < end; m = aspace_next(m)) {
        gap |= m->node.key > at;
        r = advise_one(as, m, MAX(m->node.key, addr), MIN(m->end, end), advice);
        at = m->end;
    }
    mutex_unlock(&as->lock);
    return r ? r : gap || at < end ? -ENOMEM : 0;
}

int aspace_sync(struct aspace *as, u64 addr, u64 len, int flags)
{
    struct mapping *m;
    u64 at = addr;

    /* Stores to shared file pages are in the host's page cache already; fsync makes them durable. */
    len = ALIGN_UP(len, PAGE_SIZE);
    if (addr % PAGE_SIZE || (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) ||
        ((flags & MS_ASYNC) && (flags & MS_SYNC)))
        return -EINVAL;
    if (addr > USER_TOP || len > USER_TOP - addr)
        return -ENOMEM;
    mutex_lock(&as->lock);
    for (m = aspace_find(as, addr); m && m->node.key <= at && at < addr + len; m = aspace_next(m))
        at = m->end;
    mutex_unlock(&as->lock);
    return at < addr + len ? -ENOMEM : 0;
}

int aspace_mincore(struct aspace *as, u64 addr, u64 len, u8 *vec)
{
    int r = 0;

    mutex_lock(&as->lock);
    for (u64 at = addr; at < addr + len; at += PAGE_SIZE, vec++) {
        struct mapping *m = aspace_find(as, at);

        if (!m || m->node.key > at) {
            r = -ENOMEM;
            break;
        }
        *vec = (m->anon && vmo_resident_page(m->anon, anon_index(m, at))) ||
               (m->vmo && vmo_resident_page(m->vmo, vmo_index(m, at)));
    }
    mutex_unlock(&as->lock);
    return r;
}

/*
 * Copy within one page of `as`, with as->lock held: so the page stays what it is, also if it is one of a
 * window, or one of a file that is being sealed. -EAGAIN: the entry that is needed is not there.
 */
static int other_page(struct aspace *as, u64 at, void *buf, size_t n, bool write)
{
    u32 gen = window_gen_begin(), prot;
    u64 entry;
    void *page;
    int r = 0;

    mutex_lock(&as->lock);
    spin_lock(&as->pt_lock);
    entry = mmu_lookup(as->pt_root, at, &prot);
    spin_unlock(&as->pt_lock);
    page = (char *)phys_to_virt(entry & PAGE_MASK) + at % PAGE_SIZE;
    if (!entry || (write && !(prot & VM_WRITE))) {
        r = -EAGAIN;
    } else if ((entry & PAGE_MASK) < RV_WINDOW_RO_GPA) {
        if (write)
            memcpy(page, buf, n);
        else
            memcpy(buf, page, n);
    } else if (write) {
        r = -EFAULT; /* stores into a volume's file are made by ring 3 and by hostcalls only */
    } else {
        memcpy(buf, page, n);
        r = window_gen_ok(gen) ? 0 : -EAGAIN;
    }
    mutex_unlock(&as->lock);
    return r;
}

static ssize_t other_memory(struct aspace *as, u64 addr, void *buf, size_t n, bool write)
{
    size_t done = 0;
    int r = 0;

    if (addr > USER_TOP)
        return -EFAULT;
    while (r == 0 && done < n) {
        u64 at = addr + done;
        size_t k = MIN(n - done, PAGE_SIZE - at % PAGE_SIZE);

        r = at < USER_TOP ? other_page(as, at, (char *)buf + done, k, write) : -EFAULT;
        if (r == 0)
            done += k;
        else if (r == -EAGAIN)
            r = aspace_fault(as, at, write ? VM_WRITE : VM_READ);
    }
    return done ? (ssize_t)done : r ? -EFAULT : 0;
}

ssize_t aspace_read(struct aspace *as, u64 addr, void *buf, size_t n)
{
    return other_memory(as, addr, buf, n, false);
}

ssize_t aspace_write(struct aspace *as, u64 addr, const void *buf, size_t n)
{
    return other_memory(as, addr, (void *)buf, n, true);
}
