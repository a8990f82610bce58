/* SPDX-License-Identifier: Apache-2.0 */
/* The TSC: made equal to the host's where KVM can do that, so that one clock page serves all vCPUs.
 */
#include <sys/ioctl.h>
#include <x86intrin.h>

#include "arch/x86_64/vmm/x86.h"
#include "vmm/arch.h"
#include "vmm/vm.h"

/* Newer than some build machines' headers; the numbers are ABI. */
#ifndef KVM_VCPU_TSC_CTRL
#define KVM_VCPU_TSC_CTRL   0
#define KVM_VCPU_TSC_OFFSET 0
#endif

#define MSR_TSC 0x10

uint64_t arch_tsc_khz(struct vm *vm)
{
    int khz = ioctl(vm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_GET_TSC_KHZ) > 0 && vm->vcpu[0].fd > 0
                  ? ioctl(vm->vcpu[0].fd, KVM_GET_TSC_KHZ, 0)
                  : 0;

    return khz > 0 ? (uint64_t)khz : 0;
}

uint64_t arch_guest_tsc(const struct vm *vm)
{
    unsigned aux;

    (void)vm;
    (void)aux;
    _mm_lfence();
    return __rdtsc() + (uint64_t)cpu_model.tsc_offset;
}

/* Guest's TSC - host's, as the MSR shows it: the read with the least time around it. */
static bool measure_offset(int fd, int64_t *offset)
{
    uint64_t width = UINT64_MAX;
    bool ok = false;

    for (int i = 0; i < 8; i++) {
        struct {
            struct kvm_msrs head;
            struct kvm_msr_entry entry;
        } m = { .head.nmsrs = 1, .entry.index = MSR_TSC };
        uint64_t before = __rdtsc(), after;

        if (ioctl(fd, KVM_GET_MSRS, &m) != 1)
            return ok;
        after = __rdtsc();
        if (after - before < width) {
            width = after - before;
            *offset = (int64_t)(m.entry.data - (before + (after - before) / 2));
            ok = true;
        }
    }
    return ok;
}

void tsc_vcpu_init(struct vcpu *vcpu)
{
    uint64_t zero = 0;
    struct kvm_device_attr attr = { .group = KVM_VCPU_TSC_CTRL,
                                    .attr = KVM_VCPU_TSC_OFFSET,
                                    .addr = (uintptr_t)&zero };
    int64_t offset = 0;

    if (ioctl(vcpu->fd, KVM_SET_DEVICE_ATTR, &attr) == 0)
        return;
    /*
     * One offset serves all: vCPUs created together have the same TSC (KVM synchronises them). Some
     * thousand ticks are the measurement's noise: such a guest has the host's TSC.
     */
    if (vcpu->index == 0 && measure_offset(vcpu->fd, &offset) &&
        (offset > 100000 || offset < -100000))
        cpu_model.tsc_offset = offset;
}
