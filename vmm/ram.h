/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest RAM: one memfd, mapped once for its whole limit, of which a growing front part belongs to
 * the guest ("handed out"). KVM slots are only added, never resized or removed. A guest-physical
 * address becomes a host pointer in ram_at() alone.
 */
#ifndef VMM_RAM_H
#define VMM_RAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <pthread.h>

#include "hostcalls/abi.h"
#include "hostcalls/lib/error.h"

struct vm;

struct ram {
    int fd;                /* (i) the memfd */
    uint8_t *base;         /* (i) mapping of [0, limit), read-write, never executable */
    uint64_t limit;        /* (i) bytes, multiple of RV_RAM_STEP */
    _Atomic uint64_t size; /* (a) bytes handed out, multiple of RV_RAM_STEP; only grows */
    uint64_t slotted;      /* (l) bytes covered by KVM slots, >= size */
    uint64_t peak_kb;      /* (l) the most memory found in the memfd */
    pthread_mutex_t lock;  /* guards (l) */
};

/* The least limit that a guest boots with. */
#define RAM_MIN_LIMIT (UINT64_C(8) << 20)

/*
 * What is handed out at first, if no more is needed to boot. It is not made of huge pages, since a
 * small container touches few of its pages; what the guest asks for later is.
 */
#define RAM_FIRST (UINT64_C(4) << 20)

/* Make and map the memfd. limit: bytes, rounded down to RV_RAM_STEP, at most RV_RAM_MAX. */
int ram_init(struct vm *vm, uint64_t limit, struct error *err);

/* Hand out at least [0, end) at first, if the limit allows that. Before ram_start. */
void ram_need(struct vm *vm, uint64_t end);

/* Give what is handed out at first to the VM, once there is one. */
int ram_start(struct vm *vm, struct error *err);

/*
 * Host address of [gpa, gpa + len) if len is at least 1 and the whole range is handed out, else
 * NULL. The memory stays mapped for good; its contents are the guest's to change at any time. Any
 * thread.
 */
void *ram_at(const struct vm *vm, gpa_t gpa, uint64_t len);

/* Hand out more, at least `bytes`. Returns the new size, or -ENOMEM. Any thread. */
int64_t ram_grow(struct vm *vm, uint64_t bytes);

/*
 * Move pages of this process to be the RAM at gpa, in place of what is there; they are copied when
 * written. All page-aligned. False: not possible, nothing changed. Before ram_start.
 */
bool ram_adopt(struct vm *vm, gpa_t gpa, void *pages, uint64_t len);

/* Make pages zero and keep them in memory. 0, -EINVAL, or the host's error. */
int64_t ram_clear(struct vm *vm, gpa_t gpa, uint64_t len);

/* Give pages back to the host: they read as zero after. 0, -EINVAL, or the host's error. */
int64_t ram_release(struct vm *vm, gpa_t gpa, uint64_t len);

/* Memory that the memfd holds now, in KiB; also remembers the peak. */
uint64_t ram_used_kb(struct vm *vm);

#endif
