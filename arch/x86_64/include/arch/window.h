/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading file windows from ring 0. A page that the file lost reads as zeros and sets a flag, so:
 * begin, copy from the direct map, then ask whether the copy is good. If not, the dead ranges are in
 * rv_shared.dead[] and window_handle_dead() (fs/window.h) is due before a second try.
 * Not nested; nothing between begin and ok may park.
 */
#ifndef ARCH_WINDOW_H
#define ARCH_WINDOW_H

#include "arch/percpu.h"

static inline void arch_window_copy_begin(void)
{
    WRITE_ONCE(this_cpu()->page->window_fault, 0);
    __asm__ volatile("" ::: "memory");
}

static inline bool arch_window_copy_ok(void)
{
    __asm__ volatile("" ::: "memory");
    return READ_ONCE(this_cpu()->page->window_fault) == 0;
}

#endif
