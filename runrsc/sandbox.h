/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two processes of a sandbox, the file service and the VMM, and what joins them: sockets, the
 * request ring, event descriptors. Both are our children, die with us (PR_SET_PDEATHSIG, and their
 * sockets end), and get no descriptor that is not theirs.
 */
#ifndef RUNRSC_SANDBOX_H
#define RUNRSC_SANDBOX_H

#include <sys/types.h>

#include "runrsc/cgroup.h"
#include "runrsc/run_options.h"

struct child {
    pid_t pid; /* ours to wait for while pidfd >= 0 */
    int pidfd; /* -1: there is none */
};

struct sandbox {
    struct child vmm, fs;
    struct cgroup cgroup;
    int control; /* our end of the control socket, -1 before the start */
};

#define SANDBOX_INIT                                                                               \
    { .vmm = { 0, -1 }, .fs = { 0, -1 }, .cgroup = CGROUP_INIT, .control = -1 }

/*
 * Start both; config is the descriptor of the configuration. The signals that the caller has blocked
 * stay blocked in them: those that the terminal sends to the whole process group must reach the
 * container only through us (the VMM and the service stay in our group, for a process outside of the
 * foreground group could not read the terminal). On -1 what was started is ended again.
 */
int sandbox_start(struct sandbox *box, const struct run_options *opt, int config,
                  struct error *err);

/* Send a signal to a child that was not waited for yet. */
void child_signal(const struct child *child, int sig);

/* Wait for a child that has ended or is about to; its wait status. */
int child_wait(struct child *child);

/* Kill and wait for what is left of both. */
void sandbox_end(struct sandbox *box);

#endif
