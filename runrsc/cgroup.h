/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox's control group (cgroups(7), version 2), a folder rvisor-PID beneath the caller's own
 * group or, if that has no limits, beside it: there no limit of the caller's is left behind. Its
 * limits are those of hostcalls/lib/bounds.h.
 */
#ifndef RUNRSC_CGROUP_H
#define RUNRSC_CGROUP_H

#include <stdint.h>
#include <sys/types.h>

struct cgroup {
    int above; /* the folder that it is made in; -1: there is no group */
    int dir;
    char name[32];
    pid_t keeper; /* our child, 0: none */
};

#define CGROUP_INIT { .above = -1, .dir = -1 }

/*
 * Make it, as far as the host lets the caller. Returns NULL, or what of a sandbox is then not bounded,
 * and why, in a few words (a static buffer).
 */
const char *cgroup_make(struct cgroup *g, uint64_t memory, uint32_t cpus);

/*
 * Have it removed when both processes, whose pidfds these are, have ended, also after we are killed:
 * that is the duty of a child of ours, which holds nothing else.
 */
void cgroup_keep(struct cgroup *g, int vmm, int fs);

/* Both have ended, or nothing was started: when it returns the group is removed. */
void cgroup_end(struct cgroup *g);

#endif
