/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole contract between the guest kernel and the VMM: the guest-physical address map, the page
 * that each vCPU shares with its thread, the hostcall request, the event ring and the clock page.
 * Included by both worlds; it includes nothing of either. hostcalls.def lists the calls.
 *
 * Everything in these structures that the guest can write is hostile to the VMM: it copies a field
 * once, checks the copy and never looks at the original again.
 *
 * Legend:  (g) written by the guest only   (h) written by the VMM only
 *          (a) atomic, written by both     (i) set before the first run, then constant
 */
#ifndef RV_HOSTCALLS_ABI_H
#define RV_HOSTCALLS_ABI_H

#include <stdint.h>

#define RV_ABI_VERSION 1u

/* A guest-physical address, in bytes. A type of its own, so that neither side dereferences one. */
typedef struct {
    uint64_t v;
} gpa_t;

/* --- guest-physical address map (all within 39 bits, the least that x86-64 hosts offer) --------- */

/* RAM starts at 0 and is one memfd: a GPA below the RAM's size is the offset in it. */
#define RV_RAM_MAX       (UINT64_C(128) << 30)
#define RV_RAM_STEP      (UINT64_C(2) << 20)  /* RAM is handed to the guest in such steps */
#define RV_KERNEL_GPA    (UINT64_C(2) << 20)  /* where the guest kernel's image is loaded */
/* File windows: pages of host files. The guest chooses addresses in them, the VMM adds slots. */
#define RV_WINDOW_RO_GPA (UINT64_C(128) << 30)
#define RV_WINDOW_RW_GPA (UINT64_C(256) << 30)
#define RV_WINDOW_SIZE   (UINT64_C(128) << 30)
#define RV_WINDOW_CHUNK  (UINT64_C(2) << 20)  /* a window mapping lies within one aligned chunk */

#define RV_PAGE_SIZE  4096u
#define RV_MAX_VCPUS  64u
#define RV_HOSTCALL_PORT 0x510u /* one 32-bit write; the value is the vCPU's index and is ignored */
#define RV_KICK_VECTOR 0x20u    /* the one external interrupt the VMM injects */

/* --- boot ---------------------------------------------------------------------------------------
 * Each vCPU starts at the ELF entry in 64-bit mode with paging on (CR3 made by the VMM, see
 * arch/x86_64/vmm/), interrupts off, RDI = GPA of the boot data (a flattened device tree, see
 * docs/boot-data.md), RSI = the vCPU's index. vCPU 0 starts at once, the others at vcpu_start.
 */

/* --- the vCPU page ------------------------------------------------------------------------------ */

/* Bits of rv_vcpu_page.pending: set by the VMM, taken by the guest with one exchange. */
#define RV_PEND_EVENTS UINT32_C(1) /* the event ring has entries */
#define RV_PEND_KICK   UINT32_C(2) /* another vCPU asked for attention (hostcall kick) */
#define RV_PEND_TICK   UINT32_C(4) /* the deadline passed, or a runnable thread has waited a slice */
#define RV_PEND_WINDOW UINT32_C(8) /* a window lost pages: see rv_shared.window_gen */

#define RV_NO_DEADLINE UINT64_MAX

/* One piece of guest RAM for a hostcall's input or output. */
struct rv_sg {
    gpa_t gpa;    /* (g) need not be aligned; the range must lie in RAM handed out so far */
    uint32_t len; /* (g) bytes, at least 1 */
    uint32_t zero;
};

#define RV_SG_MAX 64u
#define RV_MAX_TOKENS 256u
/* Answer of a call that completes later, by an event with the request's token. */
#define RV_PENDING (-4096)

struct rv_hostcall {
    uint32_t nr;     /* (g) enum rv_hostcall_nr */
    uint32_t token;  /* (g) below RV_MAX_TOKENS, not in flight; for calls of class WORK and FILE */
    uint64_t arg[6]; /* (g) unused ones are 0 */
    uint32_t nin;    /* (g) sg[0 .. nin) are inputs */
    uint32_t nout;   /* (g) sg[nin .. nin + nout) are outputs; left alone until completion */
    int64_t ret;     /* (h) >= 0, a negative Linux errno, or RV_PENDING */
    struct rv_sg sg[RV_SG_MAX];
};

struct rv_vcpu_page {
    uint32_t pending;      /* (a) RV_PEND_* */
    uint32_t idle;         /* (g) 1 from before the last look at pending until after hlt */
    uint64_t deadline;     /* (g) host CLOCK_MONOTONIC ns at which this vCPU wants a tick */
    uint32_t waiters;      /* (g) runnable threads that wait for this vCPU; 0: no slice to enforce */
    uint32_t switches;     /* (g) grows with each switch of threads: no slice is over where it does */
    uint64_t syscalls;     /* (g) statistics, shown by --stats */
    uint64_t page_faults;  /* (g) */
    uint32_t in_kernel;    /* (g) 0: in ring 3 */
    uint32_t pad0;
    /*
     * (h) How often the VMM's tick found this vCPU running; by that the guest tells user from system
     * time. The low 32 bits: in ring 3. The high ones: in ring 0.
     */
    uint64_t ticks;
    uint64_t reserved[25];
    struct rv_hostcall call; /* at 256 */
    uint8_t pad[RV_PAGE_SIZE - 256 - sizeof(struct rv_hostcall)];
};

/* --- the event ring: VMM to guest --------------------------------------------------------------- */

enum rv_event_kind {
    RV_EVENT_NONE,
    RV_EVENT_DONE,   /* token, ret: a pending hostcall is complete, its outputs are written */
    RV_EVENT_SIGNAL, /* arg = signal number for the container's first process */
    RV_EVENT_WINSIZE /* arg = columns << 16 | rows of the terminal */
};

struct rv_event {
    uint32_t kind;
    uint32_t token;
    int64_t ret; /* DONE: as rv_hostcall.ret; others: the argument */
};

/* More than RV_MAX_TOKENS, so that completions always fit; the VMM coalesces the other kinds. */
#define RV_EVENTS 512u

struct rv_event_ring {
    uint32_t head; /* (h) next entry the VMM fills; entries head - tail, modulo 2^32 */
    uint32_t pad0[15];
    uint32_t tail; /* (g) next entry the guest takes */
    uint32_t pad1[15];
    struct rv_event ev[RV_EVENTS];
};

/* --- clocks: a page of its own, which the guest may show to ring 3 ------------------------------- */

/*
 * now = base_ns + (((tsc - tsc_base) * mult) >> shift), the product taken in 128 bits. A reader takes
 * seq (even), the fields, then seq again. usable == 0: ask with the hostcall clock_read instead.
 */
struct rv_clock_page {
    uint32_t seq;      /* (h) odd while the VMM writes */
    uint32_t usable;   /* (h) 1: the TSC is the host's clock source */
    uint64_t tsc_base; /* (h) in the guest's TSC */
    uint32_t mult;     /* (h) */
    uint32_t shift;    /* (h) */
    uint64_t mono_ns;  /* (h) CLOCK_MONOTONIC of the host at tsc_base */
    uint64_t real_ns;  /* (h) CLOCK_REALTIME at tsc_base */
    uint64_t boot_ns;  /* (h) CLOCK_BOOTTIME at tsc_base */
    uint64_t tsc_khz;  /* (i) */
    uint8_t pad[RV_PAGE_SIZE - 56];
};

/* --- the shared page of the whole VM -------------------------------------------------------------- */

#define RV_DEAD_MAX 64u

struct rv_shared {
    uint32_t abi_version;   /* (i) */
    uint32_t nvcpus;        /* (i) */
    uint64_t ram_limit;     /* (i) bytes the RAM may grow to */
    /*
     * (h) Grows by one for each entry put into dead[], before the VMM replaces the lost pages by zeros:
     * a copy from a window is good if this is the same before and after it.
     */
    uint32_t window_gen;
    /* (i) 1: what is mapped into a window costs the guest no nested page faults at its first touch */
    uint32_t window_ready;
    /*
     * (h) The last window ranges that lost their file pages: entry window_gen % RV_DEAD_MAX is
     * written before window_gen grows. A guest that is behind by more treats every window as lost.
     */
    struct {
        gpa_t gpa;
        uint64_t len;
    } dead[RV_DEAD_MAX];
    uint8_t seed[64];       /* (i) random bytes for the guest's generator; the guest clears them */
};

/* --- what the file calls exchange ----------------------------------------------------------------- */

struct rv_attr {
    uint64_t ino, dev;   /* the host's, for the guest to map */
    uint64_t size, blocks; /* bytes; units of 512 bytes */
    uint64_t atime, mtime, ctime, btime; /* ns since the epoch, signed */
    uint64_t rdev;       /* Linux's 64-bit encoding (new_encode_dev); 0 unless a device */
    uint32_t mode, nlink, uid, gid;
};

/*
 * Answer of fs_walk: one entry for each component walked, packed one after the other, each at a
 * multiple of 8. The last one may have status != 0 (-ENOENT, -ENOTDIR, -EACCES ...) and then no
 * valid attr. The walk ends at the first component that is not a directory. With RV_WALK_BESIDE it ends
 * only where the names do, or the room for answers: each entry may have a status.
 */
struct rv_walk_entry {
    int32_t status;
    uint32_t dir;       /* node id if a directory, else 0 */
    uint32_t link_len;  /* bytes of link text that follow this struct (not ended by a NUL) */
    uint32_t zero;
    struct rv_attr attr;
};

/* Flag of fs_walk: see there. */
#define RV_WALK_BESIDE 1u

/* Answer of fs_readdir: entries packed at multiples of 8; names without NUL. */
struct rv_dirent {
    uint64_t ino;
    uint16_t name_len;
    uint8_t type;       /* DT_* */
    uint8_t zero[5];
    /* name follows */
};

/* Position behind a directory's last entry. */
#define RV_READDIR_END UINT64_MAX

/* Answer of fs_open and fs_create, in the first output. */
struct rv_open_reply {
    struct rv_attr attr;
    uint32_t file;     /* id for the file_* calls; valid until file_close */
    uint16_t writable; /* the descriptor was opened for writing too */
    uint16_t no_xattrs; /* 1: fs_listxattr would tell of none; 0: perhaps */
    uint64_t nread;    /* bytes of the file's start put into the further outputs */
};

/* Flag of file_read: see there. */
#define RV_READ_NOW 1u

/*
 * The open file (class FILE) that stands for an inherited descriptor, 0 to 2, if that is a regular
 * file: the same contents, at offsets of one's own.
 */
#define RV_STDIO_FILE(fd) ((fd) + 1u)

/* fs_statfs. */
struct rv_statfs {
    uint64_t type, bsize, blocks, bfree, bavail, files, ffree, namelen, frsize, flags;
};

/* Bits of fs_setattr's mask; the values are in struct rv_attr given as the first input. */
#define RV_SET_MODE  1u
#define RV_SET_UID   2u
#define RV_SET_GID   4u
#define RV_SET_SIZE  8u
#define RV_SET_ATIME 16u
#define RV_SET_MTIME 32u

/* Flags of fs_setxattr; the first two are those of setxattr(2). */
#define RV_XATTR_CREATE  1u
#define RV_XATTR_REPLACE 2u
#define RV_XATTR_REMOVE  4u /* there is no value */

/* Node ids of the roots: root 0 is the image, 1 ... n the volumes in the order of the boot data. */
#define RV_ROOT_NODE(i) ((uint32_t)(i) + 1u)
#define RV_MAX_ROOTS 32u

#define RV_STATIC_ASSERT(c) _Static_assert(c, #c)
RV_STATIC_ASSERT(__builtin_offsetof(struct rv_vcpu_page, call) == 256);
RV_STATIC_ASSERT(sizeof(struct rv_vcpu_page) == RV_PAGE_SIZE);
RV_STATIC_ASSERT(sizeof(struct rv_clock_page) == RV_PAGE_SIZE);
RV_STATIC_ASSERT(sizeof(struct rv_shared) <= RV_PAGE_SIZE);
RV_STATIC_ASSERT(sizeof(struct rv_event) == 16);
RV_STATIC_ASSERT(sizeof(struct rv_event_ring) <= 3 * RV_PAGE_SIZE);
RV_STATIC_ASSERT(sizeof(struct rv_attr) == 88);
RV_STATIC_ASSERT(sizeof(struct rv_walk_entry) == 104);
RV_STATIC_ASSERT(sizeof(struct rv_dirent) == 16);
RV_STATIC_ASSERT(sizeof(struct rv_open_reply) == 104);

/* Numbers of the hostcalls, from the one table. */
#define HOSTCALL(nr, name, class, a0, a1, a2, a3, a4, a5, in_max, out_max, doc) RV_HC_##name = nr,
enum rv_hostcall_nr {
#include "hostcalls/hostcalls.def"
    RV_HC_COUNT
};
#undef HOSTCALL

#endif
