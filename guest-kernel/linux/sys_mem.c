/* SPDX-License-Identifier: Apache-2.0 */
/* Memory mappings. mmap of a file asks the file for its VMO (mmap_file.c). */
#include "linux/memory.h"
#include "linux/mmap_file.h"
#include "linux/syscall.h"
#include "mm/aspace.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"

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

s64 sys_mmap(u64 addr, u64 len, u64 prot, u64 flags, int fd, s64 off)
{
    struct map_args args = { .max_prot = VM_READ | VM_WRITE | VM_EXEC };
    u32 type = flags & MAP_TYPE;
    s64 r;

    if (!len || off % (s64)PAGE_SIZE)
        return -EINVAL;
    if (len > USER_TOP)
        return -ENOMEM;
    len = ALIGN_UP(len, PAGE_SIZE);
    if ((u64)off + len < len || prot & ~(u64)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
        return (u64)off + len < len ? -EOVERFLOW : -EINVAL;
    if (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE)
        return -EINVAL;
    if (flags & MAP_HUGETLB)
        return -ENOMEM; /* no page is in the pool of huge pages */
    args.fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    args.noreplace = flags & MAP_FIXED_NOREPLACE;
    if (args.fixed && addr % PAGE_SIZE)
        return -EINVAL;
    r = check_limit(len);
    if (r == 0 && type == MAP_PRIVATE && (prot & PROT_WRITE) && !(flags & MAP_GROWSDOWN))
        r = check_data_limit(len);
    if (r)
        return r;
    args.addr = ALIGN_DOWN(addr, PAGE_SIZE);
    args.len = len;
    args.prot = (u32)prot & (VM_READ | VM_WRITE | VM_EXEC);
    if (type != MAP_PRIVATE)
        args.flags |= MAP_F_SHARED;
    if (flags & MAP_GROWSDOWN)
        args.flags |= MAP_F_STACK;
    if (flags & MAP_STACK)
        args.flags |= MAP_F_NOHUGE; /* mostly untouched; Linux does so as well */
    if (flags & MAP_NORESERVE)
        args.flags |= MAP_F_NORESERVE;
    args.flags |= READ_ONCE(aspace()->lock_new);
    if (flags & MAP_LOCKED) {
        r = memory_may_lock();
        if (r)
            return r;
        args.flags |= MAP_F_LOCKED;
    }
    if (args.flags & MAP_F_LOCKED) {
        r = memory_check_lock(len);
        if (r)
            return r;
    }
    if (flags & MAP_ANONYMOUS) {
        r = map_anonymous(&args, type != MAP_PRIVATE);
    } else {
        args.off = (u64)off;
        r = mmap_file(&args, fd);
    }
    if (r > 0 && ((args.flags & MAP_F_LOCKED) ||
                  (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE))
        memory_fill((u64)r, len, 0); /* mmap(2): it does not fail if this does */
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
    u64 more = new_len > old_len ? new_len - old_len : 0;
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

static s64 populate(u64 addr, u64 len, u32 access)
{
    int r;

    if (addr % PAGE_SIZE || len > -PAGE_SIZE - addr)
        return -EINVAL;
    len = ALIGN_UP(len, PAGE_SIZE);
    if (addr > USER_TOP || len > USER_TOP - addr)
        return -ENOMEM;
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

s64 sys_madvise(u64 addr, u64 len, int advice)
{
    if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
        return populate(addr, len, advice == MADV_POPULATE_WRITE ? VM_WRITE : VM_READ);
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
