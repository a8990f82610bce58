/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring between the VMM and the file service: one memfd, mapped by both, of FS_RING_SIZE bytes
 * (each side sets that size; a new memfd is zero, which is the ring's first state).
 *
 * The slot of a request is its hostcall token. The VMM fills the slot and its data (the inputs),
 * sets its bit in submitted[] and writes to the wake eventfd. A thread of the service clears the
 * bit, which makes the slot its own, copies it, serves it, writes data (the outputs) and answer,
 * and exchanges the state with FS_DONE. The old state says who waits: FS_WAITED, a thread of the
 * VMM, on the state as a futex (not private); FS_LEFT, nobody: the service sets the bit in done[]
 * and writes to the done eventfd. A file's descriptor is sent over the socket, with struct
 * fs_fd_msg, before the state becomes FS_DONE.
 *
 * Neither side trusts the other: each copies a field once and checks the copy, and keeps its own
 * books on who owns a slot.
 *
 * Legend:  (v) written by the VMM only   (s) written by the service only   (a) atomic, by both
 */
#ifndef RV_FS_RING_H
#define RV_FS_RING_H

#include <stdint.h>

#include "hostcalls/abi.h"

#define FS_SLOTS     RV_MAX_TOKENS
#define FS_IN_MAX    66048u /* the most bytes that the inputs of one request have */
#define FS_DATA_SIZE 69632u /* the most bytes that its outputs have */
#define FS_NODES_MAX (1u << 20) /* node ids are below this */

enum fs_state { FS_IDLE, FS_WAITED, FS_LEFT, FS_DONE };

struct fs_slot {
    uint32_t state;    /* (a) enum fs_state */
    uint32_t nr;       /* (v) enum rv_hostcall_nr */
    uint32_t seq;      /* (v) grows with each request in this slot */
    uint32_t in_len;   /* (v) bytes of inputs in data */
    uint32_t out_max;  /* (v) room that the guest has for outputs */
    uint32_t out_used; /* (s) bytes of outputs in data */
    uint32_t has_fd;   /* (s) 1: a descriptor was sent */
    uint32_t pad0;
    uint64_t arg[6]; /* (v) */
    int64_t ret;     /* (s) >= 0 or a negative errno */
    uint8_t pad1[40];
};

struct fs_ring {
    uint64_t submitted[FS_SLOTS / 64]; /* (a) bit: the slot holds a request nobody has taken */
    uint8_t pad0[32];
    uint64_t done[FS_SLOTS / 64]; /* (a) bit: the slot's answer has nobody who waits */
    uint8_t pad1[32];
    /*
     * (a) Node ids that the guest forgot: a bit each, with two levels of summaries. The VMM sets
     * bits from the bottom up, the service clears them from the top down, so none is missed.
     */
    uint64_t forget_top[FS_NODES_MAX >> 18];
    uint64_t forget_mid[FS_NODES_MAX >> 12];
    uint8_t pad2[1888];
    struct fs_slot slot[FS_SLOTS];
    uint64_t forget[FS_NODES_MAX >> 6];
    uint8_t data[FS_SLOTS][FS_DATA_SIZE];
};

#define FS_RING_SIZE sizeof(struct fs_ring)

/* What comes with a descriptor: for which request it is. */
struct fs_fd_msg {
    uint32_t slot, seq;
};

RV_STATIC_ASSERT(FS_NODES_MAX >> 18 == 4);
RV_STATIC_ASSERT(sizeof(struct fs_slot) == 128);
RV_STATIC_ASSERT(__builtin_offsetof(struct fs_ring, slot) == RV_PAGE_SIZE);
RV_STATIC_ASSERT(__builtin_offsetof(struct fs_ring, data) % RV_PAGE_SIZE == 0);
RV_STATIC_ASSERT(FS_DATA_SIZE % RV_PAGE_SIZE == 0 && FS_IN_MAX <= FS_DATA_SIZE);

#endif
