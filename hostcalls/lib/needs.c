/* SPDX-License-Identifier: Apache-2.0 */
/* hostneeds.def as seccomp filters: see needs.h. */
#include "hostcalls/lib/needs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Newer than some build machines' headers; the number is ABI. */
#ifndef KVM_PRE_FAULT_MEMORY
struct kvm_pre_fault_memory {
    __u64 gpa, size, flags, padding[5];
};
#define KVM_PRE_FAULT_MEMORY _IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#endif

#define TESTS_MAX 3
#define OWN_PID_VALUE UINT64_MAX /* stands for it in the table */

struct need {
    const char *kind, *name;
    int nr;
    int refuse; /* errno, or 0: allowed */
    struct scmp_arg_cmp test[TESTS_MAX + 1]; /* ended by op 0 */
};

#define ANY
#define EQ(arg, value)         { arg, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(value) },
#define BITS(arg, mask, value) { arg, SCMP_CMP_MASKED_EQ, mask, value },
#define OWN_PID(arg)           { arg, SCMP_CMP_MASKED_EQ, UINT32_MAX, OWN_PID_VALUE },
#define NEED(kind, call, tests, reason)   { #kind, #call, SCMP_SYS(call), 0, { tests { 0 } } },
#define REFUSE(kind, call, errnum, reason) { #kind, #call, SCMP_SYS(call), errnum, { { 0 } } },
static const struct need needs[] = {
#include "hostcalls/hostneeds.def"
};

static bool is_vmm(const char *kind)
{
    return !strcmp(kind, "vcpu") || !strcmp(kind, "event") || !strcmp(kind, "worker");
}

static bool concerns(const struct need *n, const char *kind)
{
    return !strcmp(n->kind, kind) || !strcmp(n->kind, "all") ||
           (!strcmp(n->kind, "vmm") && is_vmm(kind));
}

/* 0 or a negative errno. */
static int add(scmp_filter_ctx ctx, const struct need *n)
{
    struct scmp_arg_cmp test[TESTS_MAX + 1];
    uint32_t action = n->refuse ? SCMP_ACT_ERRNO((uint32_t)n->refuse) : SCMP_ACT_ALLOW;
    unsigned count = 0;

    for (; n->test[count].op; count++) {
        test[count] = n->test[count];
        if (test[count].datum_b == OWN_PID_VALUE)
            test[count].datum_b = (uint64_t)getpid();
    }
    return seccomp_rule_add_exact_array(ctx, action, n->nr, count, test);
}

/* 0 or a negative errno; *name: of the call that could not be added. */
static int build_and_load(scmp_filter_ctx ctx, const char *kind, const char **name)
{
    int r;

    if ((r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) ||
        (r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 0)))
        return r;
    /* The kernel remembers which calls are allowed whatever their arguments; this one is not. */
    seccomp_syscall_priority(ctx, SCMP_SYS(ioctl), 255);
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        if (!concerns(&needs[i], kind))
            continue;
        *name = needs[i].name;
        r = add(ctx, &needs[i]);
        if (r)
            return r;
    }
    *name = "the filter";
    return seccomp_load(ctx);
}

int needs_apply(const char *kind, struct error *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* libseccomp has global state */
    const char *name = "";
    scmp_filter_ctx ctx;
    int r = -ENOMEM;

    if (!is_vmm(kind) && strcmp(kind, "fs"))
        return error_set(err, 0, "no kind of thread is called %s", kind);
    pthread_mutex_lock(&lock);
    ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (ctx) {
        r = build_and_load(ctx, kind, &name);
        seccomp_release(ctx);
    }
    pthread_mutex_unlock(&lock);
    if (r)
        return error_set(err, -r, "cannot restrict a thread's system calls (seccomp, %s, %s)", kind,
                         name);
    return 0;
}
