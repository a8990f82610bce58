/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp filters of the host programs' threads, made from hostcalls/hostneeds.def. */
#ifndef RV_LIB_NEEDS_H
#define RV_LIB_NEEDS_H

#include "hostcalls/lib/error.h"

/*
 * Allow the calling thread, and those it will create, only what this kind of thread needs; any
 * other system call ends the process with SIGSYS. kind: "vcpu", "event", "worker" or "fs". For
 * good; sets no_new_privs. Takes about a tenth of a millisecond. Any thread.
 */
int needs_apply(const char *kind, struct error *err);

#endif
