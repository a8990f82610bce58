/* SPDX-License-Identifier: Apache-2.0 */
/* Memory mappings. mmap of a file asks the file for its VMO (mmap_file.c). */
#include "fs/file.h"
#include "linux/files.h"
#include "linux/memory.h"
#include "linux/mmap_file.h"
#include "linux/syscall.h"
#include "mm/aspace.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"

#include <linux/falloc.h>
#include <linux/mman.h>

#define RLIMIT_DATA_ 2
#define RLIMIT_AS_ 9
#define MINCORE_CHUNK 4096u

static struct aspace *aspace(void)
{
    return process_current()->aspace;
}

/* RLIMIT_AS: -ENOMEM if `more` bytes would go beyond it. */
static int check_limit(u64 more)
{
    u64 limit = process_current()->rlimits[RLIMIT_AS_].cur;

    return limit != RLIMIT_UNLIMITED && more > limit - MIN(limit, aspace()->mapped) ? -ENOMEM : 0;
}

/* RLIMIT_DATA, also of private writable mappings: see setrlimit(2). */
static int check_data_limit(u64 more)
{
    u64 limit = process_current()->rlimits[RLIMIT_DATA_].cur;
    u64 now = limit == RLIMIT_UNLIMITED || !more ? 0 : aspace_data_bytes(aspace());

    return limit != RLIMIT_UNLIMITED && more > limit - MIN(limit, now) ? -ENOMEM : 0;
}

static s64 map_anonymous(struct map_args *args, bool shared)
{
    s64 r;

    if (shared) {
        args->vmo = vmo_create(args->len, NULL, NULL);
        if (!args->vmo)
            return -ENOMEM;
    }
    r = aspace_map(aspace(), args);
    if (args->vmo)
        vmo_unref(args->vmo);
    return r;
}

/* What MAP_SHARED_VALIDATE knows; anything else it refuses, where MAP_SHARED would not look (mmap(2)). */
#define FLAGS_KNOWN                                                                                \
    (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN | MAP_DENYWRITE |            \
     MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK |       \
     MAP_HUGETLB | MAP_HUGE_2MB | MAP_HUGE_1GB)
#define LOW_TOP (UINT64_C(1) << 31) /* end of what MAP_32BIT gives */

/* The type of a mapping, of a file or anonymous. */
static int check_type(u64 flags, bool is_file)
{
    switch (flags & MAP_TYPE) {
    case MAP_SHARED_VALIDATE:
        if (!is_file)
            return -EINVAL;
        return flags & ~(u64)FLAGS_KNOWN ? -EOPNOTSUPP : 0;
    case MAP_SHARED:
        return !is_file && (flags & MAP_GROWSDOWN) ? -EINVAL : 0;
    case MAP_PRIVATE:
        return 0;
    default:
        return -EINVAL;
    }
}

/* The address that is asked for. */
static int place(struct map_args *args, u64 addr, u64 flags)
{
    args->fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    args->noreplace = flags & MAP_FIXED_NOREPLACE;
    args->addr = addr;
    if (!args->fixed) {
        args->addr = ALIGN_DOWN(addr, PAGE_SIZE);
        args->below = flags & MAP_32BIT ? LOW_TOP : 0;
        return 0;
    }
    if (args->len > USER_TOP || addr > USER_TOP - args->len)
        return -ENOMEM;
    return addr % PAGE_SIZE ? -EINVAL : 0;
}

/* What the limits say of a mapping to come. */
static int check_limits(const struct map_args *args)
{
    int r = check_limit(args->len);

    if (r == 0 && (args->prot & VM_WRITE) && !(args->flags & (MAP_F_SHARED | MAP_F_STACK)))
        r = check_data_limit(args->len);
    if (r == 0 && (args->flags & MAP_F_LOCKED))
        r = memory_check_lock(args->len);
    return r;
}

static u32 mapping_flags(u64 flags)
{
    u32 f = READ_ONCE(aspace()->lock_new);

    if ((flags & MAP_TYPE) != MAP_PRIVATE)
        f |= MAP_F_SHARED;
    if (flags & MAP_GROWSDOWN)
        f |= MAP_F_STACK;
    if (flags & MAP_STACK)
        f |= MAP_F_NOHUGE; /* mostly untouched; Linux does so as well */
    if (flags & MAP_NORESERVE)
        f |= MAP_F_NORESERVE;
    if (flags & MAP_LOCKED)
        f |= MAP_F_LOCKED;
    return f;
}

/* The order of the checks is Linux's. file: NULL for anonymous memory. */
static s64 map(u64 addr, u64 len, u64 prot, u64 flags, struct file *file, u64 off)
{
    struct map_args args = {
        .len = ALIGN_UP(len, PAGE_SIZE), .prot = (u32)prot & (VM_READ | VM_WRITE | VM_EXEC),
        .max_prot = VM_READ | VM_WRITE | VM_EXEC, .flags = mapping_flags(flags), .off = off,
    };
    s64 r;

    if (!len)
        return -EINVAL;
    if (len > USER_TOP)
        return -ENOMEM;
    if (off + args.len < off)
        return -EOVERFLOW;
    r = place(&args, addr, flags);
    if (r == 0 && (flags & MAP_LOCKED))
        r = memory_may_lock();
    if (r == 0)
        r = check_type(flags, file);
    if (r == 0)
        r = check_limits(&args);
    if (r)
        return r;
    r = file ? mmap_file(&args, file) : map_anonymous(&args, args.flags & MAP_F_SHARED);
    if (r > 0 && ((args.flags & MAP_F_LOCKED) ||
                  (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE))
        memory_fill((u64)r, args.len, 0); /* mmap(2): it does not fail if this does */
    return r;
}

s64 sys_mmap(u64 addr, u64 len, u64 prot, u64 flags, int fd, s64 off)
{
    struct file *f;
    s64 r;

    if (off % (s64)PAGE_SIZE)
        return -EINVAL;
    if (flags & MAP_ANONYMOUS) {
        if (flags & MAP_HUGETLB)
            return len ? -ENOMEM : -EINVAL; /* no page is in the pool of huge pages */
        return map(addr, len, prot, flags, NULL, 0);
    }
    r = fd_file(fd, 0, false, &f);
    if (r)
        return r == -EINVAL ? -ENODEV : r;
    r = flags & MAP_HUGETLB ? -EINVAL : map(addr, len, prot, flags, f, (u64)off);
    file_put(f);
    return r;
}

s64 sys_munmap(u64 addr, u64 len)
{
    if (addr % PAGE_SIZE || !len || addr > USER_TOP || len > USER_TOP - addr)
        return -EINVAL;
    return aspace_unmap(aspace(), addr, ALIGN_UP(len, PAGE_SIZE));
}

s64 sys_mprotect(u64 addr, u64 len, u64 prot)
{
    if (addr % PAGE_SIZE || prot & ~(u64)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM |
                                          PROT_GROWSDOWN | PROT_GROWSUP))
        return -EINVAL;
    if (!len)
        return 0;
    if (addr > USER_TOP || len > USER_TOP - addr)
        return -ENOMEM;
    len = ALIGN_UP(len, PAGE_SIZE);
    if ((prot & PROT_WRITE) && process_current()->rlimits[RLIMIT_DATA_].cur != RLIMIT_UNLIMITED &&
        check_data_limit(aspace_data_to_be(aspace(), addr, len)))
        return -ENOMEM;
    return aspace_protect(aspace(), addr, len,
                          (u32)prot & (VM_READ | VM_WRITE | VM_EXEC));
}

static bool is_locked(u64 addr)
{
    struct aspace *as = aspace();
    struct mapping *m;
    bool locked;

    mutex_lock(&as->lock);
    m = aspace_find(as, addr);
    locked = m && m->node.key <= addr && (m->flags & MAP_F_LOCKED);
    mutex_unlock(&as->lock);
    return locked;
}

s64 sys_mremap(u64 addr, u64 old_len, u64 new_len, int flags, u64 new_addr)
{
    u64 more = flags & MREMAP_DONTUNMAP ? new_len : new_len > old_len ? new_len - old_len : 0;
    bool locked = is_locked(addr);
    s64 r = check_limit(more);

    if (r == 0 && more && locked)
        r = memory_check_lock(more);
    if (r)
        return r;
    r = aspace_remap(aspace(), addr, old_len, new_len, (u32)flags, new_addr);
    if (r > 0 && locked)
        memory_fill((u64)r, ALIGN_UP(new_len, PAGE_SIZE), 0);
    return r;
}

s64 sys_brk(u64 brk)
{
    struct process *p = process_current();
    struct aspace *as = p->aspace;
    u64 old = as->brk, now;
    bool locked = READ_ONCE(as->lock_new);

    if (brk > old && (check_limit(brk - old) || check_data_limit(brk - old) ||
                      brk - as->brk_start > p->rlimits[RLIMIT_DATA_].cur ||
                      (locked && memory_check_lock(brk - old))))
        return (s64)old;
    now = aspace_set_brk(as, brk);
    if (locked && now > old)
        memory_fill(ALIGN_UP(old, PAGE_SIZE), ALIGN_UP(now, PAGE_SIZE) - ALIGN_UP(old, PAGE_SIZE), 0);
    return (s64)now;
}

/* A range as madvise(2) takes it, made whole pages. */
static int check_range(u64 addr, u64 *len)
{
    if (addr % PAGE_SIZE || *len > -PAGE_SIZE - addr)
        return -EINVAL;
    *len = ALIGN_UP(*len, PAGE_SIZE);
    return addr > USER_TOP || *len > USER_TOP - addr ? -ENOMEM : 0;
}

static s64 populate(u64 addr, u64 len, u32 access)
{
    int r = check_range(addr, &len);

    if (r)
        return r;
    r = memory_fill(addr, len, access);
    switch (r) { /* madvise(2) */
    case FAULT_MAPERR:
        return -ENOMEM;
    case FAULT_ACCERR:
        return -EINVAL;
    case FAULT_BUS:
        return -EFAULT;
    default:
        return r;
    }
}

/*
 * MADV_REMOVE in one mapping, from `at` on: a hole in its file. Returns the address behind, or a negative errno.
 * The aspace's lock is not held, for the file's own come before it.
 */
static s64 remove_part(u64 at, u64 end)
{
    struct aspace *as = aspace();
    struct vmo *vmo = NULL;
    struct object *o = NULL;
    struct file *f = NULL;
    struct mapping *m;
    u64 off = 0;
    s64 r = 0;

    mutex_lock(&as->lock);
    m = aspace_find(as, at);
    if (!m || m->node.key > at) {
        r = -ENOMEM;
    } else if ((m->flags & MAP_F_LOCKED) || !m->vmo) {
        r = -EINVAL;
    } else if (!(m->flags & MAP_F_SHARED) || !(m->prot & VM_WRITE)) {
        r = -EACCES;
    } else {
        end = MIN(end, m->end);
        off = m->vmo_off + (at - m->node.key);
        vmo = m->vmo;
        vmo_ref(vmo);
        o = m->file;
        if (o)
            object_ref(o);
    }
    mutex_unlock(&as->lock);
    if (r)
        return r;
    f = o ? file_of(o) : NULL;
    if (f && f->ops->allocate) {
        r = f->ops->allocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, end - at);
    } else if (vmo->ops) {
        r = -EOPNOTSUPP;
    } else {
        mutex_lock(&vmo->lock);
        vmo_drop_pages(vmo, off >> PAGE_SHIFT, (off + (end - at)) >> PAGE_SHIFT);
        mutex_unlock(&vmo->lock);
    }
    if (o)
        object_unref(o);
    vmo_unref(vmo);
    return r ? r : (s64)end;
}

/* Where mapped memory goes on behind a gap, at `end` at the latest. */
static u64 next_mapped(u64 at, u64 end)
{
    struct aspace *as = aspace();
    struct mapping *m;

    mutex_lock(&as->lock);
    m = aspace_find(as, at);
    end = m ? MIN(MAX(m->node.key, at), end) : end;
    mutex_unlock(&as->lock);
    return end;
}

/* madvise(2): a gap is an error, but what is mapped around it is done. */
static s64 remove_range(u64 addr, u64 len)
{
    int range = check_range(addr, &len);
    u64 end = addr + len, at;
    bool gap = false;

    if (range)
        return range;
    for (at = addr; at < end;) {
        s64 r = remove_part(at, end);

        if (r == -ENOMEM) {
            gap = true;
            r = (s64)next_mapped(at, end);
        }
        if (r < 0)
            return r;
        at = (u64)r;
    }
    return gap ? -ENOMEM : 0;
}

s64 sys_madvise(u64 addr, u64 len, int advice)
{
    if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
        return populate(addr, len, advice == MADV_POPULATE_WRITE ? VM_WRITE : VM_READ);
    if (advice == MADV_REMOVE)
        return remove_range(addr, len);
    return aspace_advise(aspace(), addr, len, advice);
}

s64 sys_msync(u64 addr, u64 len, int flags)
{
    if (addr % PAGE_SIZE || (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) ||
        (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
        return -EINVAL;
    if (len > USER_TOP || addr > USER_TOP - len)
        return -ENOMEM;
    return len ? aspace_sync(aspace(), addr, ALIGN_UP(len, PAGE_SIZE), flags) : 0;
}

s64 sys_mincore(u64 addr, u64 len, u64 vec)
{
    u64 pages, done = 0;
    u8 *buf;
    int r = 0;

    if (addr % PAGE_SIZE)
        return -EINVAL;
    if (len > USER_TOP || addr > USER_TOP - len)
        return -ENOMEM;
    pages = (len + PAGE_SIZE - 1) >> PAGE_SHIFT;
    buf = kmalloc(MINCORE_CHUNK);
    if (!buf)
        return -EAGAIN;
    while (r == 0 && done < pages) {
        u64 n = MIN(pages - done, (u64)MINCORE_CHUNK);

        r = aspace_mincore(aspace(), addr + (done << PAGE_SHIFT), n << PAGE_SHIFT, buf);
        if (r == 0 && copy_to_user(vec + done, buf, n))
            r = -EFAULT;
        done += n;
    }
    kfree(buf);
    return r;
}
