/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resources used: what getrusage(2), times(2), wait4(2) and /proc tell. CPU time is measured by the
 * clock at each switch of threads. How much of it was spent in ring 3 and how much in ring 0 is
 * sampled, as in a Linux that has no VIRT_CPU_ACCOUNTING: reading a clock at each system call would
 * cost more than many a call.
 */
#ifndef OBJECT_USAGE_H
#define OBJECT_USAGE_H

#include "core/types.h"

struct process;
struct thread;

struct cpu_times {
    u64 user, system; /* ns */
};

struct usage {
    u64 time;               /* CPU time, ns */
    u64 ticks[2];           /* thread_ticks */
    struct cpu_times cpu;   /* time, split by ticks; sums of raw usages have none */
    u64 minflt, majflt;
    u64 maxrss_kb;
    u64 nvcsw, nivcsw;
    u64 chars[2], calls[2]; /* of reads and of writes: proc(5), /proc/PID/io */
};

/*
 * Split time as the ticks say, all of it user time while there are none. *shown is what was told
 * last, by which neither part ever shrinks, and becomes what is told now; the caller locks it.
 */
void cpu_times_split(struct cpu_times *shown, u64 time, const u64 ticks[2]);

void usage_add(struct usage *sum, const struct usage *u);

/* Of a thread of a process; the process's lock is held. */
void thread_usage(struct thread *t, struct usage *u);

/* Of all threads of p, dead and alive, without those of children. Takes p's lock. */
void process_usage(struct process *p, struct usage *u);

#endif
