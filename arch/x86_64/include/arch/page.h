/* SPDX-License-Identifier: Apache-2.0 */
/* Clearing and copying frames: in place, or by a hostcall where ring 0 is emulated. By physical address. */
#ifndef ARCH_PAGE_H
#define ARCH_PAGE_H

#include "core/types.h"

void page_clear(u64 pa);
void page_clear_run(u64 pa, u64 len); /* len: bytes, of whole pages */
void page_copy(u64 dst_pa, u64 src_pa); /* src may be a window page: see mm/window_gen.h */

#endif
