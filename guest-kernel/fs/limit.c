/* SPDX-License-Identifier: Apache-2.0 */
/* RLIMIT_FSIZE of setrlimit(2): regular files only. */
#include "core/string.h"
#include "fs/inode.h"
#include "object/process.h"

#include <asm/resource.h>

static int too_large(void)
{
    signal_self(SIGXFSZ);
    return -EFBIG;
}

int fsize_limit_write(struct uio *u, u64 pos)
{
    struct process *p = process_current();
    u64 limit = p ? READ_ONCE(p->rlimits[RLIMIT_FSIZE].cur) : RLIMIT_UNLIMITED;

    if (likely(limit == RLIMIT_UNLIMITED) || !u->left)
        return 0;
    if (pos >= limit)
        return too_large();
    u->left = MIN(u->left, limit - pos);
    return 0;
}

int fsize_limit_resize(const struct inode *i, u64 size)
{
    struct process *p = process_current();
    u64 limit = p ? READ_ONCE(p->rlimits[RLIMIT_FSIZE].cur) : RLIMIT_UNLIMITED;

    if (size <= limit || size <= (i->vmo ? READ_ONCE(i->vmo->size) : i->size))
        return 0;
    return too_large();
}
