/* SPDX-License-Identifier: Apache-2.0 */
/* Loading the seccomp filters (seccomp(2)): see needs.h. */
#include "hostcalls/lib/needs.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostcalls/lib/attr.h"
#include "needs_filters.h"

#define FILTER_MAX 512

#define FILTER(kind) { #kind, needs_##kind, sizeof(needs_##kind) / sizeof(needs_##kind[0]) }
static const struct {
    const char *kind;
    const struct sock_filter *filter;
    size_t len;
} filters[] = { FILTER(vcpu), FILTER(event), FILTER(worker), FILTER(fs) };

_Static_assert(sizeof(needs_vcpu) <= FILTER_MAX * sizeof(struct sock_filter) &&
                   sizeof(needs_event) <= FILTER_MAX * sizeof(struct sock_filter) &&
                   sizeof(needs_worker) <= FILTER_MAX * sizeof(struct sock_filter) &&
                   sizeof(needs_fs) <= FILTER_MAX * sizeof(struct sock_filter),
               "room for each filter");

static int load(const struct sock_filter *filter, size_t len)
{
    struct sock_filter own[FILTER_MAX];
    struct sock_fprog prog = { .len = (unsigned short)len, .filter = own };

    memcpy(own, filter, len * sizeof(own[0]));
    for (size_t i = 0; i < len; i++) {
        if (own[i].k == NEEDS_OWN_PID)
            own[i].k = (uint32_t)getpid();
        else if (own[i].k == (uint32_t)NEEDS_NO_PATH)
            own[i].k = (uint32_t)(uintptr_t)attr_no_path;
        else if (own[i].k == (uint32_t)(NEEDS_NO_PATH >> 32))
            own[i].k = (uint32_t)((uint64_t)(uintptr_t)attr_no_path >> 32);
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

int needs_apply(const char *kind, struct error *err)
{
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        if (strcmp(filters[i].kind, kind))
            continue;
        if (load(filters[i].filter, filters[i].len) < 0)
            return error_set(err, errno, "cannot restrict a thread's system calls (seccomp, %s)",
                             kind);
        return 0;
    }
    return error_set(err, 0, "no kind of thread is called %s", kind);
}
