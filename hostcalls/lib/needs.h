/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp filters of the host programs' threads, made from hostcalls/hostneeds.def. */
#ifndef RV_LIB_NEEDS_H
#define RV_LIB_NEEDS_H

#include <stdint.h>

#include "hostcalls/lib/error.h"

/*
 * Stands in the filters as they are built for the number of the process that loads them. No argument
 * that a test compares has this value.
 */
#define NEEDS_OWN_PID 0x6f776e70u

/* In the same way, both halves, for the address of attr_no_path. */
#define NEEDS_NO_PATH UINT64_C(0x6f776e7170617468)

/*
 * Below it are the descriptors that the VMM inherits and those for its own reports (jail.h), above it what
 * the guest may cut and punch holes into.
 */
#define NEEDS_FIXED_FDS 16

/*
 * Allow the calling thread, and those it will create, only what this kind of thread needs; any
 * other system call ends the process with SIGSYS. kind: "vcpu", "event", "worker" or "fs". For
 * good; sets no_new_privs. Any thread.
 */
int needs_apply(const char *kind, struct error *err);

#endif
