/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/maps, smaps, smaps_rollup, and the sums for stat and status. A page of a mapping's own
 * counts as resident while it is there; a page of a file while the page table shows it.
 */
#include "arch/mmu.h"
#include "core/print.h"
#include "core/string.h"
#include "fs/proc.h"
#include "mm/aspace.h"
#include "mm/frame.h"
#include "mm/slab.h"

#define NAME_COLUMN 73u

/* Bytes of one mapping, or of several. */
struct use {
    u64 size, own, own_shared; /* own: pages of its own; shared with a relative since a fork */
    u64 file, shmem;           /* pages of a file, of shared anonymous memory */
    u64 file_shared;           /* of both: mapped in several places */
    u64 locked;
    u64 pss;                   /* each page divided by those who have it */
};

/* --- counting; with as->lock held ------------------------------------------------------------- */

static u64 index_in(u64 off)
{
    return off >> PAGE_SHIFT;
}

static u64 length(const struct mapping *m)
{
    return m->end - m->node.key;
}

static void count_own(struct mapping *m, struct use *u)
{
    u64 i = index_in(m->anon_off), last = index_in(m->anon_off + length(m)), word;

    mutex_lock(&m->anon->lock);
    for (; (word = radix_next(&m->anon->pages, &i)) && i < last; i++) {
        u32 users = word & VMO_PAGE_WINDOW ? 1 : MAX(frame_refs(word & VMO_PAGE_ADDR), 1u);

        u->own += PAGE_SIZE;
        u->own_shared += users > 1 ? PAGE_SIZE : 0;
        u->pss += PAGE_SIZE / users;
    }
    mutex_unlock(&m->anon->lock);
}

static void count_shown(struct mapping *m, struct use *u)
{
    u64 first = index_in(m->vmo_off), last = index_in(m->vmo_off + length(m)), word, n = 0;
    u32 users = 0;
    struct mapping *other;

    mutex_lock(&m->vmo->lock);
    list_for_each(other, &m->vmo->mappings, vmo_node)
        users += other->as != m->as;
    for (u64 i = first; (word = radix_next(&m->vmo->pages, &i)) && i < last; i++) {
        u32 prot;
        u64 entry;

        spin_lock(&m->as->pt_lock);
        entry = mmu_lookup(m->as->pt_root, m->node.key + ((i - first) << PAGE_SHIFT), &prot);
        spin_unlock(&m->as->pt_lock);
        n += entry && !((entry ^ word) & VMO_PAGE_ADDR);
    }
    mutex_unlock(&m->vmo->lock);
    *(m->vmo->ops ? &u->file : &u->shmem) += n * PAGE_SIZE;
    u->file_shared += users ? n * PAGE_SIZE : 0;
    u->pss += n * PAGE_SIZE / (users + 1);
}

static void count(struct mapping *m, struct use *u)
{
    u->size += length(m);
    u->locked += m->flags & MAP_F_LOCKED ? length(m) : 0;
    if (m->anon)
        count_own(m, u);
    if (m->vmo)
        count_shown(m, u);
}

/* A VMO that only this mapping uses has no other pages than the mapping's: they need no look. */
static u64 own_bytes(struct mapping *m)
{
    struct use u = { 0 };

    if (READ_ONCE(m->anon->refs) == 1)
        return READ_ONCE(m->anon->resident) << PAGE_SHIFT;
    count_own(m, &u);
    return u.own;
}

void proc_mem_sum(struct aspace *as, struct proc_mem *s)
{
    memset(s, 0, sizeof(*s));
    mutex_lock(&as->lock);
    s->size = as->mapped;
    s->peak = as->peak_mapped;
    s->code = ALIGN_UP(as->code_end, PAGE_SIZE) - ALIGN_DOWN(as->code_start, PAGE_SIZE);
    for (struct mapping *m = aspace_find(as, 0); m; m = aspace_next(m)) {
        struct use u = { 0 };

        if (m->flags & MAP_F_STACK)
            s->stack += length(m);
        else if ((m->prot & VM_WRITE) && !(m->flags & MAP_F_SHARED))
            s->data += length(m);
        else if (m->prot & VM_EXEC)
            s->exec += length(m);
        if (m->flags & MAP_F_LOCKED)
            s->locked += length(m);
        if (m->anon)
            s->anon += own_bytes(m);
        if (m->vmo)
            count_shown(m, &u);
        s->file += u.file;
        s->shmem += u.shmem;
    }
    mutex_unlock(&as->lock);
}

/* --- text ------------------------------------------------------------------------------------- */

u32 dev_major_of(u64 dev)
{
    return (u32)(dev >> 8 & 0xfff) | (u32)(dev >> 32 & ~UINT64_C(0xfff));
}

u32 dev_minor_of(u64 dev)
{
    return (u32)(dev & 0xff) | (u32)(dev >> 12 & ~UINT64_C(0xff));
}

static const char *special_name(const struct aspace *as, const struct mapping *m)
{
    if (m->flags & MAP_F_KERNEL)
        return m->prot & VM_EXEC ? "[vdso]" : "[vvar]";
    if (m->vmo)
        return NULL;
    if (m->node.key <= as->brk && m->end >= as->brk_start && as->brk > as->brk_start)
        return "[heap]";
    return m->node.key <= as->stack_start && m->end >= as->stack_start ? "[stack]" : NULL;
}

/* A line stays a line. */
static void put_path(struct text *t, const char *s, s64 n)
{
    const char *end;

    for (; n > 0 && (end = memchr(s, '\n', (size_t)n)); n -= end + 1 - s, s = end + 1) {
        text_put(t, s, (size_t)(end - s));
        text_puts(t, "\\012");
    }
    text_put(t, s, n > 0 ? (size_t)n : 0);
}

static void put_mapping(struct text *t, const struct aspace *as, const struct mapping *m, char *buf)
{
    struct file *f = m->file ? file_of(m->file) : NULL;
    u64 dev = f && f->inode ? f->inode->sb->dev : 0, from = t->len;
    const char *name = f ? NULL : special_name(as, m);
    s64 n = 0;

    text_printf(t, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", m->node.key, m->end,
                m->prot & VM_READ ? 'r' : '-', m->prot & VM_WRITE ? 'w' : '-',
                m->prot & VM_EXEC ? 'x' : '-', m->flags & MAP_F_SHARED ? 's' : 'p',
                f ? m->vmo_off : UINT64_C(0), dev_major_of(dev), dev_minor_of(dev),
                f && f->inode ? f->inode->ino : UINT64_C(0));
    if (f && f->path.dentry) {
        n = proc_path_text(&f->path, buf, PATH_MAX_);
        name = buf;
    } else if (!f && m->vmo && !name) {
        name = "/dev/zero (deleted)"; /* what Linux calls shared anonymous memory */
    }
    if (name) {
        text_pad(t, from, NAME_COLUMN);
        if (name == buf)
            put_path(t, buf, n);
        else
            text_puts(t, name);
    }
    text_puts(t, "\n");
}

static void put_kb(struct text *t, const char *name, u64 bytes)
{
    u64 from = t->len;

    text_printf(t, "%s:", name);
    text_pad(t, from, 16);
    text_printf(t, "%8lu kB\n", bytes >> 10);
}

static void put_use(struct text *t, const struct use *u)
{
    u64 shared_dirty = u->own_shared, private_dirty = u->own - u->own_shared;
    u64 shown = u->file + u->shmem;

    put_kb(t, "Rss", u->own + shown);
    put_kb(t, "Pss", u->pss);
    put_kb(t, "Shared_Clean", u->file_shared);
    put_kb(t, "Shared_Dirty", shared_dirty);
    put_kb(t, "Private_Clean", shown - u->file_shared);
    put_kb(t, "Private_Dirty", private_dirty);
    put_kb(t, "Referenced", u->own + shown);
    put_kb(t, "Anonymous", u->own);
    put_kb(t, "LazyFree", 0);
    put_kb(t, "AnonHugePages", 0);
    put_kb(t, "ShmemPmdMapped", 0);
    put_kb(t, "FilePmdMapped", 0);
    put_kb(t, "Shared_Hugetlb", 0);
    put_kb(t, "Private_Hugetlb", 0);
    put_kb(t, "Swap", 0);
    put_kb(t, "SwapPss", 0);
    put_kb(t, "Locked", u->locked);
}

static void put_flags(struct text *t, const struct mapping *m)
{
    text_puts(t, "VmFlags:");
    text_puts(t, m->prot & VM_READ ? " rd" : "");
    text_puts(t, m->prot & VM_WRITE ? " wr" : "");
    text_puts(t, m->prot & VM_EXEC ? " ex" : "");
    text_puts(t, m->flags & MAP_F_SHARED ? " sh" : "");
    text_puts(t, m->max_prot & VM_READ ? " mr" : "");
    text_puts(t, m->max_prot & VM_WRITE ? " mw" : "");
    text_puts(t, m->max_prot & VM_EXEC ? " me" : "");
    text_puts(t, m->flags & MAP_F_STACK ? " gd" : "");
    text_puts(t, m->flags & MAP_F_LOCKED ? " lo" : "");
    text_puts(t, m->flags & MAP_F_DONTFORK ? " dc" : "");
    text_puts(t, m->flags & MAP_F_NORESERVE ? " nr" : "");
    text_puts(t, m->flags & MAP_F_WIPEFORK ? " wf" : "");
    text_puts(t, " \n");
}

/* One entry of smaps behind its line of maps. */
static void put_smaps(struct text *t, struct mapping *m)
{
    struct use u = { 0 };

    count(m, &u);
    put_kb(t, "Size", u.size);
    put_kb(t, "KernelPageSize", PAGE_SIZE);
    put_kb(t, "MMUPageSize", PAGE_SIZE);
    put_use(t, &u);
    text_puts(t, "THPeligible:    0\n");
    put_flags(t, m);
}

static void put_rollup(struct text *t, struct aspace *as)
{
    struct mapping *first = aspace_find(as, 0), *m;
    struct use u = { 0 };
    u64 end = 0, from = t->len;

    for (m = first; m; m = aspace_next(m)) {
        count(m, &u);
        end = m->end;
    }
    text_printf(t, "%08lx-%08lx ---p 00000000 00:00 0 ", first ? first->node.key : 0, end);
    text_pad(t, from, NAME_COLUMN);
    text_puts(t, "[rollup]\n");
    put_use(t, &u);
}

int proc_show_maps(const struct proc_inode *i, struct text *t)
{
    struct aspace *as;
    int r = proc_aspace(i->proc, PROC_READ, &as);
    char *buf = kmalloc(PATH_MAX_);

    if (as && buf) {
        mutex_lock(&as->lock);
        if (i->entry->arg == 2) {
            put_rollup(t, as);
        } else {
            for (struct mapping *m = aspace_find(as, 0); m && !t->err; m = aspace_next(m)) {
                put_mapping(t, as, m, buf);
                if (i->entry->arg == 1)
                    put_smaps(t, m);
            }
        }
        mutex_unlock(&as->lock);
    }
    kfree(buf);
    if (as)
        aspace_unref(as);
    if (!buf)
        return -ENOMEM;
    return r == -ESRCH ? 0 : r; /* a zombie has no mappings */
}
