/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics (--stats). "exits" are what KVM itself counted (KVM_GET_STATS_FD), "vmm_returns" how
 * often KVM_RUN came back to us, "kvm" KVM's other counters, "memory_faults" the nested page
 * faults, which cost an exit without a return. A counter that this KVM does not have is null.
 */
#include "vmm/stats.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/hostcall.h"
#include "vmm/options.h"
#include "vmm/out.h"
#include "vmm/vm.h"

#define NAME_MAX_LEN 64u
#define COUNTERS_MAX 96u

/* KVM's cumulative counters of a vCPU, by name; the same list for all vCPUs. */
static struct {
    uint32_t n;
    struct {
        char name[NAME_MAX_LEN];
        uint64_t offset; /* in the statistics file */
    } c[COUNTERS_MAX];
} counters;

static void read_descriptors(int fd)
{
    struct kvm_stats_header h;
    char id[512];
    size_t size;

    if (pread(fd, &h, sizeof(h), 0) != sizeof(h) || h.name_size == 0 || h.name_size > 256)
        return;
    size = sizeof(struct kvm_stats_desc) + h.name_size;
    for (uint32_t i = 0; i < h.num_desc && counters.n < COUNTERS_MAX; i++) {
        struct kvm_stats_desc *d = (struct kvm_stats_desc *)id;

        if (size > sizeof(id) - 1 ||
            pread(fd, id, size, (off_t)(h.desc_offset + i * size)) != (ssize_t)size)
            return;
        id[size] = 0;
        if ((d->flags & KVM_STATS_TYPE_MASK) != KVM_STATS_TYPE_CUMULATIVE ||
            (d->flags & KVM_STATS_UNIT_MASK) != KVM_STATS_UNIT_NONE || d->size != 1)
            continue;
        snprintf(counters.c[counters.n].name, NAME_MAX_LEN, "%.63s", d->name);
        counters.c[counters.n].offset = h.data_offset + d->offset;
        counters.n++;
    }
}

void stats_init(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->nvcpus; i++) {
        vm->vcpu[i].stats_fd = -1;
        if (vm->has_stats_fd && vm->opt->stats_fd >= 0)
            vm->vcpu[i].stats_fd = ioctl(vm->vcpu[i].fd, KVM_GET_STATS_FD, NULL);
    }
    if (vm->vcpu[0].stats_fd >= 0)
        read_descriptors(vm->vcpu[0].stats_fd);
}

/* One vCPU's value, or the sum over all for vcpu == NULL. */
static uint64_t counter(const struct vm *vm, const struct vcpu *vcpu, uint32_t i)
{
    uint64_t sum = 0, v;

    for (uint32_t n = 0; n < vm->nvcpus; n++) {
        const struct vcpu *c = &vm->vcpu[n];

        if ((!vcpu || vcpu == c) && c->stats_fd >= 0 &&
            pread(c->stats_fd, &v, sizeof(v), (off_t)counters.c[i].offset) == sizeof(v))
            sum += v;
    }
    return sum;
}

static int find_counter(const char *name)
{
    for (uint32_t i = 0; i < counters.n; i++)
        if (!strcmp(counters.c[i].name, name))
            return (int)i;
    return -1;
}

static void put_counter(struct out *o, const char *key, const struct vm *vm,
                        const struct vcpu *vcpu, const char *name)
{
    int i = find_counter(name);

    if (i < 0)
        out_printf(o, "\"%s\":null", key);
    else
        out_printf(o, "\"%s\":%llu", key, (unsigned long long)counter(vm, vcpu, (uint32_t)i));
}

/*
 * Faults that KVM resolved: those it took (with shadow page tables, all of the guest's) but for those that
 * it handed to the guest.
 */
static void put_memory_faults(struct out *o, const struct vm *vm, const struct vcpu *vcpu)
{
    int taken = find_counter("pf_taken"), guest = find_counter("pf_guest");
    uint64_t n;

    if (taken < 0 || guest < 0) {
        put_counter(o, "memory_faults", vm, vcpu, "pf_fixed");
        return;
    }
    n = counter(vm, vcpu, (uint32_t)taken) - counter(vm, vcpu, (uint32_t)guest);
    out_printf(o, "\"memory_faults\":%llu", (unsigned long long)n);
}

/* KVM names a kind of exit "..._exits"; its other counters are of events that need not be exits. */
static bool is_exit_kind(const char *name)
{
    size_t n = strlen(name);

    return n > 6 && !strcmp(name + n - 6, "_exits");
}

/* An object of the counters that are not 0: the kinds of exits, or all the others. */
static void put_counters(struct out *o, const char *key, const struct vm *vm,
                         const struct vcpu *vcpu, bool exits)
{
    const char *sep = "";

    if (!counters.n) {
        out_printf(o, "\"%s\":null", key);
        return;
    }
    out_printf(o, "\"%s\":{", key);
    for (uint32_t i = 0; i < counters.n; i++) {
        const char *name = counters.c[i].name;
        uint64_t v = counter(vm, vcpu, i);

        if (v && strcmp(name, "exits") && is_exit_kind(name) == exits) {
            out_printf(o, "%s\"%s\":%llu", sep, name, (unsigned long long)v);
            sep = ",";
        }
    }
    out_printf(o, "}");
}

static const char *const return_names[RETURN_KINDS] = {
    [RETURN_HOSTCALL] = "hostcall", [RETURN_HLT] = "hlt",     [RETURN_KICK] = "kick",
    [RETURN_WINDOW] = "irq_window", [RETURN_FAULT] = "fault", [RETURN_OTHER] = "other",
};

/* The members that exist for each vCPU and for the sum. */
static void put_common(struct out *o, const struct vm *vm, const struct vcpu *vcpu)
{
    uint64_t sum[RETURN_KINDS] = { 0 }, total = 0, syscalls = 0, faults = 0;
    const char *sep;

    for (uint32_t n = 0; n < vm->nvcpus; n++) {
        const struct vcpu *c = &vm->vcpu[n];

        if (vcpu && vcpu != c)
            continue;
        for (uint32_t k = 0; k < RETURN_KINDS; k++)
            sum[k] += c->returns[k];
        syscalls += __atomic_load_n(&c->page->syscalls, __ATOMIC_RELAXED);
        faults += __atomic_load_n(&c->page->page_faults, __ATOMIC_RELAXED);
    }
    put_counter(o, "exits_total", vm, vcpu, "exits");
    out_printf(o, ",");
    put_counters(o, "exits", vm, vcpu, true);
    out_printf(o, ",");
    put_counters(o, "kvm", vm, vcpu, false);
    out_printf(o, ",");
    put_memory_faults(o, vm, vcpu);
    for (uint32_t k = 0; k < RETURN_KINDS; k++)
        total += sum[k];
    out_printf(o, ",\"vmm_returns\":%llu,\"vmm_returns_by_reason\":{", (unsigned long long)total);
    for (uint32_t k = 0; k < RETURN_KINDS; k++)
        out_printf(o, "%s\"%s\":%llu", k ? "," : "", return_names[k], (unsigned long long)sum[k]);
    out_printf(o, "},\"syscalls_total\":%llu,\"page_faults\":%llu,\"hostcalls\":{",
               (unsigned long long)syscalls, (unsigned long long)faults);
    sep = "";
    for (uint32_t nr = 0; nr < RV_HC_COUNT; nr++) {
        uint64_t v = 0;

        for (uint32_t n = 0; n < vm->nvcpus; n++)
            if (!vcpu || vcpu == &vm->vcpu[n])
                v += vm->vcpu[n].hostcalls[nr];
        if (v) {
            out_printf(o, "%s\"%s\":%llu", sep, hc_name(nr), (unsigned long long)v);
            sep = ",";
        }
    }
    out_printf(o, "}");
}

void stats_write(struct vm *vm)
{
    uint64_t booted = atomic_load(&vm->booted_ns);
    struct out o;

    if (vm->opt->stats_fd < 0 || !vm->vcpu || !vm->vcpu[0].page)
        return;
    out_init(&o, vm->opt->stats_fd);
    out_printf(&o, "{");
    put_common(&o, vm, NULL);
    if (booted)
        out_printf(&o, ",\"boot_us\":%llu", (unsigned long long)((booted - vm->start_ns) / 1000));
    else
        out_printf(&o, ",\"boot_us\":null");
    ram_used_kb(vm);
    out_printf(&o, ",\"peak_memory_kb\":%llu,\"vcpus\":[", (unsigned long long)vm->ram.peak_kb);
    for (uint32_t n = 0; n < vm->nvcpus; n++) {
        out_printf(&o, "%s{\"index\":%u,", n ? "," : "", n);
        put_common(&o, vm, &vm->vcpu[n]);
        out_printf(&o, "}");
    }
    out_printf(&o, "]}\n");
    out_flush(&o);
}
