/* SPDX-License-Identifier: Apache-2.0 */
/* File locks between the calls and their table (object/reclock.h). */
#ifndef LINUX_LOCKS_H
#define LINUX_LOCKS_H

#include "core/types.h"

struct file;
struct object;

/* F_GETLK, F_SETLK, F_SETLKW and the F_OFD_ ones. */
s64 fcntl_lock(struct file *f, int cmd, u64 arg);
/* The current process closes a descriptor of this object: its record locks on the file go. */
void locks_on_close(struct object *o);
/* The file itself ends: its open-file-description locks go. */
void locks_on_release(struct file *f);

#endif
