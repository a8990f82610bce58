/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address space: the mappings of one process (or several, CLONE_VM) and the page table made from them
 * by faults.
 *
 * A mapping shows a VMO from an offset. A private one has a second, anonymous VMO above it, made at the
 * first write, that holds the pages it changed; private anonymous memory has only that one.
 *
 * Locks: as->lock (mutex) guards the tree of mappings, brk and the statistics.
 */
#ifndef MM_ASPACE_H
#define MM_ASPACE_H

#include "core/list.h"
#include "core/mutex.h"
#include "core/tree.h"
#include "mm/vmo.h"

#define USER_MIN UINT64_C(0x10000)          /* lowest mappable address (vm.mmap_min_addr) */
#define USER_TOP UINT64_C(0x7ffffffff000)   /* end of the user half, one page short of canonical */

/* Protection, the bits of PROT_* in mmap(2). */
#define VM_READ  1u
#define VM_WRITE 2u
#define VM_EXEC  4u

#define MAP_F_SHARED   1u  /* stores reach the VMO */
#define MAP_F_STACK    2u  /* grows down by faults, within as->stack_limit */
#define MAP_F_DONTFORK 4u
#define MAP_F_WIPEFORK 8u
#define MAP_F_NORESERVE 16u
#define MAP_F_LOCKED   32u /* mlock(2) */
#define MAP_F_KERNEL   64u /* vDSO and the like: user cannot change it */
#define MAP_F_NOHUGE   128u /* no huge pages: MADV_NOHUGEPAGE, thread stacks */
#define MAP_F_ONFAULT  256u /* with MAP_F_LOCKED: not filled ahead, MLOCK_ONFAULT */
#define MAP_F_LOCK_MASK (MAP_F_LOCKED | MAP_F_ONFAULT)

struct mapping {
    struct tree_node node;   /* key = start */
    u64 end;
    struct aspace *as;
    u32 prot, max_prot;      /* VM_* now, and the most that mprotect may give */
    u32 flags;               /* MAP_F_* */
    struct vmo *vmo;         /* NULL: private anonymous */
    u64 vmo_off;             /* bytes, page-aligned: offset of start */
    struct list vmo_node;    /* in vmo->mappings, guarded by vmo->lock */
    struct vmo *anon;        /* changed pages of a private mapping, or NULL; changed with vmo->lock held,
                                if there is a vmo. Its own lock comes after that one */
    u64 anon_off;
    struct object *file;     /* the file it came from, for /proc/PID/maps; or NULL. One reference */
};

struct aspace {
    u32 refs;                /* atomic */
    struct mutex lock;
    struct tree maps;
    u64 pt_root;             /* physical address of the page table's root */
    struct spinlock pt_lock; /* RANK_PAGETABLE: entries of the page table */
    u64 cpus;                /* atomic: mask of vCPUs that have this page table loaded */
    u64 tlb_gen;             /* atomic: grows with each shootdown */
    u64 brk_start, brk;      /* program break */
    u64 mmap_top;            /* automatic addresses are searched downwards from here */
    u64 mmap_hint;           /* nothing is known to be free between here and mmap_top */
    u64 count;               /* mappings */
    u64 stack_limit;         /* bytes a MAP_F_STACK mapping may grow to */
    u64 size_limit;          /* ... as long as all mappings do not exceed this (RLIMIT_AS) */
    u64 mapped, peak_mapped; /* bytes */
    u64 locked;              /* bytes, of mappings with MAP_F_LOCKED */
    u32 lock_new;            /* MAP_F_LOCK_MASK bits of mappings to come: mlockall(2), MCL_FUTURE */
    u32 membarrier;          /* atomic: bits of the commands registered for, membarrier(2) */
    u64 peak_pages;          /* under pt_lock: see aspace_peak_pages */
    u64 arg_start, arg_end, env_start, env_end; /* for /proc/PID/cmdline */
    u64 code_start, code_end, stack_start;
};

struct aspace *aspace_create(void);                 /* NULL: no memory */
struct aspace *aspace_fork(struct aspace *src);     /* copy on write; NULL: no memory */
void aspace_ref(struct aspace *as);
void aspace_unref(struct aspace *as);

/*
 * Map len bytes (page-aligned) of vmo from off. addr is exact with fixed (old mappings are removed
 * first), else a hint. vmo NULL: anonymous (shared anonymous memory passes a VMO of its own). Takes its
 * own references on vmo and file. Returns the address or -EINVAL, -ENOMEM, -EEXIST (fixed_noreplace),
 * -EPERM (below USER_MIN).
 */
struct map_args {
    u64 addr, len;
    u64 below;  /* not fixed: the mapping must end at or below this address; 0: anywhere */
    u32 prot, max_prot, flags;
    bool fixed, noreplace;
    struct vmo *vmo;
    u64 off;
    struct object *file;
};
s64 aspace_map(struct aspace *as, const struct map_args *args);
int aspace_unmap(struct aspace *as, u64 addr, u64 len);
int aspace_protect(struct aspace *as, u64 addr, u64 len, u32 prot);  /* -ENOMEM: a gap; -EACCES */
/* mremap(2) with its flags. Returns the new address or -errno. */
s64 aspace_remap(struct aspace *as, u64 old, u64 old_len, u64 new_len, u32 flags, u64 new_addr);
u64 aspace_set_brk(struct aspace *as, u64 brk); /* the break after the call, as brk(2) of Linux */
/*
 * madvise(2): DONTNEED, FREE, WILLNEED, (NO)HUGEPAGE, DONTFORK, WIPEONFORK and the like. Not REMOVE, which is
 * the file's business, and not POPULATE_*: aspace_fill.
 */
int aspace_advise(struct aspace *as, u64 addr, u64 len, int advice);
int aspace_sync(struct aspace *as, u64 addr, u64 len, int flags);   /* msync(2) */
int aspace_mincore(struct aspace *as, u64 addr, u64 len, u8 *vec);  /* vec: kernel memory */

/* Fault codes besides 0 and -ENOMEM, from which linux/ makes the signal: */
#define FAULT_MAPERR (-EFAULT) /* SIGSEGV SEGV_MAPERR */
#define FAULT_ACCERR (-EACCES) /* SIGSEGV SEGV_ACCERR */
#define FAULT_BUS    (-EIO)    /* SIGBUS BUS_ADRERR */
/* Resolve a fault at addr; access is one of VM_READ, VM_WRITE, VM_EXEC. May park. */
int aspace_fault(struct aspace *as, u64 addr, u32 access);

/*
 * The memory of [addr, addr + len), piece after piece, for somebody else to write to: as far as it is
 * private, may be written, and no other address space has a part in it. What was never touched is made
 * first. Returns the bytes, which end at what is not so, or where `add` answers false. as->lock is held
 * before, and until the writing is over: fork and munmap wait for it.
 */
typedef bool aspace_add_piece(void *arg, u64 pa, u32 len);
u64 aspace_own_pages(struct aspace *as, u64 addr, u64 len, aspace_add_piece *add, void *arg);

/*
 * mlock(2) and its kin. Guest memory is never paged out, so to lock is to fill ahead and to count; that
 * is here only the flags and the count. lock: MAP_F_LOCK_MASK bits, 0: unlock; the range is made of
 * whole pages. -ENOMEM: a gap in it, or it would lock more than `limit` bytes in all.
 */
int aspace_lock(struct aspace *as, u64 addr, u64 len, u32 lock, u64 limit);
/* All there are (`now`), and those to come. -ENOMEM: there are more than limit bytes. */
int aspace_lock_all(struct aspace *as, bool now, u32 lock, u32 lock_new, u64 limit);
/*
 * Touch the pages of a range ahead of their use: with access VM_READ or VM_WRITE; or with 0 as mlock
 * does, by a store where it stays private, and nothing where MAP_F_ONFAULT is set. 0, -ENOMEM (no
 * memory), or the first FAULT_*: FAULT_MAPERR for a gap, FAULT_ACCERR, FAULT_BUS. Holds as->lock all the
 * time: callers go in steps.
 */
int aspace_fill(struct aspace *as, u64 addr, u64 len, u32 access);

/*
 * What RLIMIT_DATA counts: bytes of private writable mappings that are no stack, in all, or those that
 * mprotect would add in [addr, addr + len).
 */
u64 aspace_data_bytes(struct aspace *as);
u64 aspace_data_to_be(struct aspace *as, u64 addr, u64 len);

/* Look at mappings, in order of address: the first that ends above addr. With as->lock held. */
struct mapping *aspace_find(struct aspace *as, u64 addr);
struct mapping *aspace_next(struct mapping *m);

/*
 * Make the page table of `as` current on this vCPU (NULL: none is needed, the old may stay loaded until
 * it is freed).
 */
void aspace_switch(struct aspace *as);

/* Pages of the resident set, and the most that they have ever been (ru_maxrss, VmHWM). */
u64 aspace_pages(struct aspace *as);
u64 aspace_peak_pages(struct aspace *as);
/* Before entries are taken away, with pt_lock held. */
void aspace_note_peak(struct aspace *as);

/* Memory of another process (ptrace, /proc/PID/mem, process_vm_readv). Bytes or -EFAULT. */
ssize_t aspace_read(struct aspace *as, u64 addr, void *buf, size_t n);
ssize_t aspace_write(struct aspace *as, u64 addr, const void *buf, size_t n);

#endif
