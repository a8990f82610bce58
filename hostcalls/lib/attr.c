/* SPDX-License-Identifier: Apache-2.0 */
/* struct statx to struct rv_attr: see attr.h. */
#include "hostcalls/lib/attr.h"

#include <sys/syscall.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

const char attr_no_path[1] = "";

int attr_fstat(int fd, struct stat *st)
{
    return (int)syscall(SYS_fstat, fd, st);
}

/* Linux's new_encode_dev: 12 bits of major number around 20 bits of minor. */
static uint64_t encode_dev(uint32_t major, uint32_t minor)
{
    return (minor & 0xffu) | (uint64_t)(major & 0xfffu) << 8 | (uint64_t)(minor & ~0xffu) << 12;
}

/* Years beyond 2262 or before 1677 wrap: unsigned, so that a strange file system is no overflow. */
static uint64_t ns(const struct statx_timestamp *t)
{
    return (uint64_t)t->tv_sec * SECOND + t->tv_nsec;
}

void attr_fill(struct rv_attr *a, const struct statx *sx)
{
    *a = (struct rv_attr){
        .ino = sx->stx_ino,
        .dev = encode_dev(sx->stx_dev_major, sx->stx_dev_minor),
        .size = sx->stx_size,
        .blocks = sx->stx_blocks,
        .atime = ns(&sx->stx_atime),
        .mtime = ns(&sx->stx_mtime),
        .ctime = ns(&sx->stx_ctime),
        .btime = sx->stx_mask & STATX_BTIME ? ns(&sx->stx_btime) : 0,
        .rdev = encode_dev(sx->stx_rdev_major, sx->stx_rdev_minor),
        .mode = sx->stx_mode,
        .nlink = sx->stx_nlink,
        .uid = sx->stx_uid,
        .gid = sx->stx_gid,
    };
}
