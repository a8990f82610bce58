/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in for the machine and the host under the guest kernel's code (fake_*.c). */
#ifndef TESTS_UNIT_FAKE_H
#define TESTS_UNIT_FAKE_H

#include "core/hostcall.h"
#include "core/types.h"

#define FAKE_CPUS 4u

struct thread;

/* --- the machine (fake_machine.c) ------------------------------------------------------------- */

/* The vCPU that the code runs on from now on. */
void fake_cpu(u32 index);

/*
 * RAM of `size` bytes that may grow to `limit`, and the frame allocator over it. Each frame that is
 * handed out for the first time is zero; with check_zero, page_clear counts in fake_clears.
 */
void fake_ram(u64 size, u64 limit);
extern u64 fake_clears;
/* Frames in use: what was handed out less what is free. */
u64 fake_frames_used(void);

/* Each call is counted; serve answers those that the machine itself does not. */
extern u64 fake_calls[RV_HC_COUNT];
u64 fake_calls_all(void);
extern s64 (*fake_serve)(u32 nr, const u64 arg[5], const struct hc_io *io);
/* Copy between a buffer and a call's inputs or outputs, from byte skip on. Bytes copied. */
size_t fake_io_get(const struct hc_io *io, size_t skip, void *buf, size_t n);
size_t fake_io_put(const struct hc_io *io, size_t skip, const void *buf, size_t n);

/* --- kernel memory (fake_slab.c): malloc, so that the sanitizer watches it -------------------- */

/* The n-th kmalloc from now fails, once; 0: none does. */
extern u64 fake_fail_after;
/* Whether it has failed since fake_fail_after was set. */
extern bool fake_failed;
extern s64 fake_blocks; /* allocated and not freed */

/* --- page tables and a TLB (fake_mmu.c) ------------------------------------------------------- */

/* An access as the processor would do it: by the TLB, or by the table. 0: it faults. */
u64 fake_translate(u64 root, u64 va, u32 access);

/* --- threads and time (fake_park.c) ----------------------------------------------------------- */

/*
 * Threads run one at a time and change at parks and yields only. The clock stands while one can
 * run; when all wait, it goes on to the next deadline. All asleep for good is a failure.
 */
extern u64 fake_clock; /* ns */
void fake_threads(u64 seed); /* 0: first come, first run; else in an order of that seed */
struct thread *fake_spawn(void (*fn)(void *arg), void *arg);
/* Until all others have ended. */
void fake_join(void);

#endif
