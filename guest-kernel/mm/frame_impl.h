/* SPDX-License-Identifier: Apache-2.0 */
/* struct frame, for mm/ and the page tables only: one for each page of RAM, at FRAMES_BASE + 16 * page frame number. */
#ifndef MM_FRAME_IMPL_H
#define MM_FRAME_IMPL_H

#include "core/types.h"

enum frame_state { FRAME_RESERVED, FRAME_USED, FRAME_FREE, FRAME_CACHED, FRAME_SLAB };

struct frame {
    u32 refs;       /* atomic */
    u8 state;
    u8 order;       /* of the run or free block that begins here */
    u16 slab_class; /* FRAME_SLAB */
    union {
        struct {
            u32 next, prev; /* FRAME_FREE: page frame numbers, 0 ends */
        };
        struct {
            union {
                u32 spare_next;       /* a page table kept for reuse: as next */
                u32 shown;            /* the root of one in use: pages that it shows */
            };
            u16 slot_first, slot_end; /* a page table: range of slots that were ever set */
        };
        struct {
            u16 slab_used;  /* FRAME_SLAB: objects in use */
            u16 slab_free;  /* offset of the first free object in the page, or SLAB_FULL */
            u32 slab_next;  /* next page of the class with free objects; see slab.c */
        };
    };
};
STATIC_ASSERT(sizeof(struct frame) == 16);

struct frame *frame_struct(u64 pa);
void frame_init(void);

#endif
