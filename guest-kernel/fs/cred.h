/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials: credentials(7), capabilities(7). Counted; never changed once a process has them, so they
 * are read without a lock.
 */
#ifndef FS_CRED_H
#define FS_CRED_H

#include "core/types.h"

#define CAP_CHOWN_           0
#define CAP_DAC_OVERRIDE_    1
#define CAP_DAC_READ_SEARCH_ 2
#define CAP_FOWNER_          3
#define CAP_FSETID_          4
#define CAP_KILL_            5
#define CAP_SETGID_          6
#define CAP_SETUID_          7
#define CAP_SETPCAP_         8
#define CAP_NET_ADMIN_       12
#define CAP_IPC_LOCK_        14
#define CAP_SYS_MODULE_      16
#define CAP_SYS_RAWIO_       17
#define CAP_SYS_CHROOT_      18
#define CAP_SYS_PTRACE_      19
#define CAP_SYS_PACCT_       20
#define CAP_SYS_ADMIN_       21
#define CAP_SYS_BOOT_        22
#define CAP_SYS_NICE_        23
#define CAP_SYS_RESOURCE_    24
#define CAP_SYS_TTY_CONFIG_  26
#define CAP_MKNOD_           27
#define CAP_WAKE_ALARM_      35
#define CAP_CHECKPOINT_RESTORE_ 40

struct cred {
    u32 refs; /* atomic */
    u32 uid, euid, suid, fsuid;
    u32 gid, egid, sgid, fsgid;
    u64 cap_permitted, cap_effective, cap_bounding; /* bit n: capability n */
    u32 ngroups;
    u32 groups[]; /* ascending */
};

/* Zeroed, with room for n groups; NULL: no memory. */
struct cred *cred_create(u32 ngroups);
/* A copy with room for n groups, of which as many as fit are copied. */
struct cred *cred_copy(const struct cred *c, u32 ngroups);
void cred_ref(struct cred *c);
void cred_unref(struct cred *c);
void cred_sort_groups(struct cred *c);
/* Whether fsgid or a supplementary group is gid. */
bool cred_in_group(const struct cred *c, u32 gid);

static inline bool cred_has(const struct cred *c, int capability)
{
    return c->cap_effective >> capability & 1;
}

/* Whether c may make a file of the group set-group-ID: chmod(2), for its members. */
static inline bool cred_may_set_gid(const struct cred *c, u32 gid)
{
    return cred_in_group(c, gid) || cred_has(c, CAP_FSETID_);
}

#endif
