/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one sandbox may use of the host beside its RAM and its vCPUs' time, whatever its kernel asks
 * for: all from --memory (bytes) and --cpus, in one place. Where a bound is reached the guest gets
 * the errno that is given here and goes on.
 */
#ifndef RV_LIB_BOUNDS_H
#define RV_LIB_BOUNDS_H

#include <stdint.h>

static inline uint64_t bounds_clamp(uint64_t n, uint64_t min, uint64_t max)
{
    return n < min ? min : n > max ? max : n;
}

/* Directories that the file service knows for the guest, some 150 to 400 bytes each. ENFILE. */
static inline uint32_t bounds_nodes(uint64_t memory)
{
    return (uint32_t)bounds_clamp(memory >> 13, 1u << 16, 1u << 20);
}

/* Host files that the guest has open. ENFILE. */
static inline uint32_t bounds_files(uint64_t memory)
{
    return (uint32_t)bounds_clamp(memory >> 14, 1u << 12, 1u << 16);
}

/*
 * Pieces of at most 2 MiB of files that each of the two windows shows; each takes at most a page of
 * page tables of the VMM and one of KVM. ENOMEM, and the guest takes others away. The most with a gap
 * or a lost tail beside each is fewer mappings than Linux allows a process.
 */
static inline uint32_t bounds_runs(uint64_t memory)
{
    return (uint32_t)bounds_clamp(memory >> 15, 1u << 11, 20000);
}

/*
 * Threads of the VMM that do what may block; requests wait for one. Sixteen can hang in the inherited
 * descriptors for as long as the other side likes (EAGAIN for more), so some are kept for files.
 */
#define BOUNDS_STUCK 16u

static inline uint32_t bounds_workers(uint32_t cpus)
{
    return (uint32_t)bounds_clamp(BOUNDS_STUCK + 2 * (uint64_t)cpus, 0, 64);
}

/* Threads of the file service; requests wait for one. At least 2: a slow disk holds up one. */
static inline uint32_t bounds_fs_threads(uint32_t cpus)
{
    return (uint32_t)bounds_clamp((uint64_t)cpus + 1, 2, 4);
}

/* --- the control group, in which all of it is together -------------------------------------------- */

/*
 * memory.max: the guest's RAM; a quarter of it for page tables, nodes and files; and 128 MiB for both
 * programs, their ring (17 MiB) and stacks. The page cache of the sandbox's files is counted too, but
 * gives way.
 */
static inline uint64_t bounds_memory(uint64_t memory)
{
    uint64_t part = memory / 4 + (UINT64_C(128) << 20);

    return memory > UINT64_MAX - part ? UINT64_MAX : memory + part;
}

/* cpu.max: us of processor time in each 100,000; a tenth of a processor for the VMM's event thread. */
#define BOUNDS_CPU_PERIOD 100000u

static inline uint64_t bounds_cpu_us(uint32_t cpus)
{
    return (uint64_t)cpus * BOUNDS_CPU_PERIOD + BOUNDS_CPU_PERIOD / 10;
}

/* pids.max: all threads of both programs, and a few that KVM makes for a machine. */
static inline uint32_t bounds_pids(uint32_t cpus)
{
    return cpus + bounds_workers(cpus) + bounds_fs_threads(cpus) + 16;
}

#endif
