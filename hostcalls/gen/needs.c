/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host program: prints hostcalls/hostneeds.def as seccomp filters, a C array for each kind of
 * thread (build/gen/needs_filters.h, for hostcalls/lib/needs.c). Compile with -I., link libseccomp.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostcalls/lib/needs.h"

/* Newer than some build machines' headers; the number is ABI. */
#ifndef KVM_PRE_FAULT_MEMORY
struct kvm_pre_fault_memory {
    __u64 gpa, size, flags, padding[5];
};
#define KVM_PRE_FAULT_MEMORY _IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#endif

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define TESTS_MAX 3

struct need {
    const char *kind, *name;
    int nr;
    int refuse; /* errno, or 0: allowed */
    struct scmp_arg_cmp test[TESTS_MAX + 1]; /* ended by op 0 */
};

#define ANY
#define EQ(arg, value)         { arg, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(value) },
#define BITS(arg, mask, value) { arg, SCMP_CMP_MASKED_EQ, mask, value },
#define BELOW(arg, value)      { arg, SCMP_CMP_LT, value, 0 },
#define ABOVE(arg, value)      { arg, SCMP_CMP_GT, value, 0 },
#define NO_PATH(arg)           { arg, SCMP_CMP_EQ, NEEDS_NO_PATH, 0 },
#define FUTEX_DOES(op)           BITS(1, ~(uint32_t)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME), op)
#define OWN_PID(arg)           EQ(arg, NEEDS_OWN_PID)
#define NEED(kind, call, tests, reason)    { #kind, #call, SCMP_SYS(call), 0, { tests { 0 } } },
#define REFUSE(kind, call, errnum, reason) { #kind, #call, SCMP_SYS(call), errnum, { { 0 } } },
static const struct need needs[] = {
#include "hostcalls/hostneeds.def"
};

static const char *const kinds[] = { "vcpu", "event", "worker", "fs" };

static bool concerns(const struct need *n, const char *kind)
{
    return !strcmp(n->kind, kind) || !strcmp(n->kind, "all") ||
           (!strcmp(n->kind, "vmm") && strcmp(kind, "fs"));
}

/* 0 or a negative errno. */
static int add(scmp_filter_ctx ctx, const struct need *n)
{
    uint32_t action = n->refuse ? SCMP_ACT_ERRNO((uint32_t)n->refuse) : SCMP_ACT_ALLOW;
    unsigned count = 0;

    while (n->test[count].op)
        count++;
    return seccomp_rule_add_exact_array(ctx, action, n->nr, count, n->test);
}

static void check(int r, const char *kind, const char *what)
{
    if (!r)
        return;
    fprintf(stderr, "needs: %s, %s: %s\n", kind, what, strerror(-r));
    exit(1);
}

static scmp_filter_ctx build(const char *kind)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);

    check(ctx ? 0 : -ENOMEM, kind, "seccomp_init");
    check(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), kind, "attribute");
    /*
     * A tree of comparisons, not a list: when a filter is loaded, Linux runs it for every system
     * call there is, to remember which are allowed whatever their arguments.
     */
    check(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), kind, "attribute");
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
        if (concerns(&needs[i], kind))
            check(add(ctx, &needs[i]), kind, needs[i].name);
    return ctx;
}

static void print(const char *kind, const struct sock_filter *f, size_t n)
{
    size_t own = 0;

    printf("static const struct sock_filter needs_%s[] = {\n", kind);
    for (size_t i = 0; i < n; i++) {
        printf("    { 0x%02x, %u, %u, 0x%08x },\n", f[i].code, f[i].jt, f[i].jf, f[i].k);
        own += f[i].k == NEEDS_OWN_PID;
    }
    printf("};\n");
    check(own == 1 ? 0 : -EINVAL, kind, "the own process's number, compared at one place");
}

int main(void)
{
    printf("/* Made by hostcalls/gen/needs.c from hostcalls/hostneeds.def. */\n");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        scmp_filter_ctx ctx = build(kinds[i]);
        struct sock_filter f[BPF_MAXINSNS];
        int fd = memfd_create("filter", MFD_CLOEXEC);
        ssize_t n;

        check(fd < 0 ? -errno : 0, kinds[i], "memfd_create");
        check(seccomp_export_bpf(ctx, fd), kinds[i], "seccomp_export_bpf");
        n = pread(fd, f, sizeof(f), 0);
        check(n > 0 ? 0 : -EIO, kinds[i], "read");
        print(kinds[i], f, (size_t)n / sizeof(f[0]));
        close(fd);
        seccomp_release(ctx);
    }
    return fflush(stdout) ? 1 : 0;
}
