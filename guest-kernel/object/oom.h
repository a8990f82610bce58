/* SPDX-License-Identifier: Apache-2.0 */
/* Who goes when memory ends: proc(5), oom_score and oom_score_adj. */
#ifndef OBJECT_OOM_H
#define OBJECT_OOM_H

#include "core/types.h"

struct process;

#define OOM_ADJ_MIN (-1000) /* never */
#define OOM_ADJ_MAX 1000

/*
 * Ring 3, or a copy from or to its memory, cannot go on for lack of memory. The process with the highest
 * score is killed, with a line in the log, and waited for, unless it is the current one. True: try again;
 * false: the current process is ending. No lock is held but mutexes.
 */
bool oom_kill(void);

/* oom_score. */
u32 oom_score(struct process *p);
/* Processes killed so far. */
u64 oom_kills(void);

#endif
