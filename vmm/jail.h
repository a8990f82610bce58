/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up rights once everything is opened: see jail.c. */
#ifndef VMM_JAIL_H
#define VMM_JAIL_H

#include "hostcalls/lib/error.h"

struct vm;
struct options;

/* Close all descriptors but 0, 1, 2 and those of the command line. First, before any is opened. */
void jail_close_others(const struct options *opt);

/*
 * Have the descriptors for reports (statistics, trace, log) below NEEDS_FIXED_FDS, and everything that is
 * opened from then on above: the filters let the guest cut and punch holes into those only.
 */
int jail_fix_fds(struct options *opt, struct error *err);

/* Close one below, whose number stays taken. */
void jail_close_fixed(int fd);

/* The whole process, while it has one thread: empty root, no capabilities, nothing to gain by exec.
 */
int jail_process(struct vm *vm, struct error *err);

/* The calling thread: its seccomp filter (hostneeds.def). Ends the process if that fails. */
void jail_thread(struct vm *vm, const char *kind);

#endif
