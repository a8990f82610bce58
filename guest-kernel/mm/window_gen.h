/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying from and to pages of file windows. The VMM replaces pages that a file has lost by zeros, after
 * it has counted up rv_shared.window_gen. So: begin, copy, and ask whether the copy is good; if not, what
 * was copied may be zeros, and the copy is to be done again. begin takes what was lost before out of all
 * page tables and VMOs, so the second try finds out.
 */
#ifndef MM_WINDOW_GEN_H
#define MM_WINDOW_GEN_H

#include "core/boot.h"

/* The generation up to which lost pages were handled; atomic. */
extern u32 window_handled;
/* Handle them; may park and takes VMOs' locks. Set by fs/window.c. */
extern void (*window_settle)(void);

static inline u32 window_gen_now(void)
{
    return __atomic_load_n(&boot.shared->window_gen, __ATOMIC_ACQUIRE);
}

static inline u32 window_gen_begin(void)
{
    u32 gen = window_gen_now();

    while (unlikely(gen != __atomic_load_n(&window_handled, __ATOMIC_ACQUIRE))) {
        window_settle();
        gen = window_gen_now();
    }
    return gen;
}

static inline bool window_gen_ok(u32 gen)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return likely(window_gen_now() == gen);
}

#endif
