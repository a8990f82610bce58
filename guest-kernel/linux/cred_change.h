/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replacing the current process's credentials. A struct cred never changes once the process has it:
 * threads of the process use it without a lock, so replaced ones are kept until the process has one
 * thread only. Other processes read p->cred under p->lock.
 */
#ifndef LINUX_CRED_CHANGE_H
#define LINUX_CRED_CHANGE_H

#include "fs/cred.h"
#include "fs/path.h"
#include "fs/vfs.h"
#include "fs/xattr.h"
#include "linux/exec.h"

#define CAP_ALL UINT64_C(0x1ffffffffff) /* the capabilities of Linux 6.1: 0 ... 40 */

/*
 * Give the current process these credentials; takes over the reference. With other effective or file
 * system ids, or more capabilities, it is no longer dumpable and has no parent-death signal (prctl(2)).
 */
void cred_replace(struct cred *c);
/* Whether it changes like that from old to new. */
bool cred_grants_more(const struct cred *old, const struct cred *new);
/* Drop p's replaced credentials: it has ended, or has only the calling thread. */
void cred_sweep(struct process *p);

/*
 * Whether a program that the current process executes may get more rights than it has. Until _end, which
 * is due in any case, what was found out stays true.
 */
bool exec_may_raise_begin(struct fs_context **held);
void exec_may_raise_end(struct fs_context *held);

/* What execve(2) looks at of the program's file. */
struct exec_file {
    struct kstat st;
    const struct file_caps *caps; /* NULL: none */
    bool mounted;  /* it is in a file system that is mounted: set-id bits and capabilities count */
    bool readable; /* by the caller, as all scripts and interpreters on the way to it */
};

/* What becomes of the process. */
struct exec_cred {
    struct cred *cred;      /* NULL: nothing changes */
    bool secure;            /* AT_SECURE: getauxval(3) */
    bool dumpable;          /* prctl(2), PR_SET_DUMPABLE */
    bool keep_death_signal; /* PR_SET_PDEATHSIG */
    bool clear_persona;     /* personality(2): set-id programs choose their own layout of memory */
};

/* 0, -EPERM, -ENOMEM. */
int cred_for_exec(const struct exec_file *f, bool may_raise, struct exec_cred *out);
void cred_exec_ids(const struct cred *c, bool secure, struct exec_ids *ids);

#endif
