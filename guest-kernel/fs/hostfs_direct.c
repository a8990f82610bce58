/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostfs: contents that go from the host's file straight into the user's memory, without a buffer and a
 * copy. The address space stays locked meanwhile, as in a page fault, so that memory remains what it is;
 * therefore the host must not wait for a disk in such a call (RV_READ_NOW).
 */
#include "fs/hostfs.h"
#include "mm/aspace.h"
#include "object/process.h"

/* One more piece of memory, joined to the last one if it follows it. False: no room for it. */
static bool add_piece(void *arg, u64 pa, u32 len)
{
    struct hc_io *io = arg;
    struct rv_sg *last = io->nout ? &io->sg[io->nout - 1] : NULL;

    if (last && last->gpa.v + last->len == pa)
        last->len += len;
    else if (io->nout == RV_SG_MAX - 1)
        return false;
    else
        hc_out_pa(io, pa, len);
    return true;
}

u64 hostfs_direct_begin(struct uio *u, u64 n, struct hc_io *io)
{
    struct aspace *as = process_current()->aspace;

    if (u->kernel)
        return 0;
    n = MIN(MIN(n, HOSTFS_DIRECT_MAX), uio_piece(u));
    if (n < PAGE_SIZE) /* a copy is cheaper than finding the memory */
        return 0;
    mutex_lock(&as->lock);
    n = aspace_own_pages(as, u->iov->base + u->skip, n, add_piece, io);
    if (!n)
        mutex_unlock(&as->lock);
    return n;
}

void hostfs_direct_end(struct uio *u, u64 did)
{
    mutex_unlock(&process_current()->aspace->lock);
    u->skip += did;
    u->left -= did;
}
