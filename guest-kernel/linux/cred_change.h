/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replacing the current process's credentials. A struct cred never changes once the process has it:
 * threads of the process use it without a lock, so replaced ones are kept until the process has one
 * thread only. Other processes read p->cred under p->lock.
 */
#ifndef LINUX_CRED_CHANGE_H
#define LINUX_CRED_CHANGE_H

#include "fs/cred.h"
#include "fs/vfs.h"
#include "fs/xattr.h"
#include "linux/exec.h"

#define CAP_ALL UINT64_C(0x1ffffffffff) /* the capabilities of Linux 6.1: 0 ... 40 */

/* Give the current process these credentials; takes over the reference. */
void cred_replace(struct cred *c);
/* Drop p's replaced credentials: it has ended, or has only the calling thread. */
void cred_sweep(struct process *p);

/*
 * Credentials after execve of a file (set-id bits, capabilities; file NULL: it has none): NULL if
 * nothing changes. -EPERM, -ENOMEM.
 */
int cred_for_exec(const struct kstat *st, const struct file_caps *file, struct cred **out,
                  bool *secure);
void cred_exec_ids(const struct cred *c, bool secure, struct exec_ids *ids);

#endif
