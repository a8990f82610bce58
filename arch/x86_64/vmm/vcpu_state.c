/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vCPU's state at the kernel's entry: 64-bit mode, paging on, flat segments with the selectors of
 * the guest's own descriptor table, interrupts off (Intel SDM vol. 3, 27.3 for what VMX insists
 * on).
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "arch/x86_64/vmm/x86.h"
#include "vmm/arch.h"
#include "vmm/vm.h"

#define MSR_PLATFORM_INFO         0xceu  /* bit 31: CPUID can be made to fault */
#define MSR_MISC_FEATURES_ENABLES 0x140u /* bit 0: it does, in ring 3 */

static const struct kvm_segment code = {
    .limit = 0xffffffff, .selector = 0x10, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1
};
static const struct kvm_segment data = {
    .limit = 0xffffffff, .selector = 0x18, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1
};

static int set_registers(struct vcpu *vcpu, struct error *err)
{
    const struct vm *vm = vcpu->vm;
    struct kvm_sregs s;
    struct kvm_regs r = {
        .rip = vm->entry, .rflags = 2, .rdi = vm->boot_data_gpa, .rsi = vcpu->index
    };

    if (ioctl(vcpu->fd, KVM_GET_SREGS, &s) < 0)
        return error_set(err, errno, "KVM_GET_SREGS");
    s.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
    s.cr3 = vm->root_table_gpa;
    s.cr4 = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | cpu_model.cr4;
    s.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    s.cs = code;
    s.ss = s.ds = s.es = s.fs = s.gs = data;
    s.tr = (struct kvm_segment){ .limit = 0x67, .type = 11, .present = 1 };
    s.ldt = (struct kvm_segment){ .type = 2, .unusable = 1 };
    memset(&s.gdt, 0, sizeof(s.gdt));
    memset(&s.idt, 0, sizeof(s.idt));
    if (ioctl(vcpu->fd, KVM_SET_SREGS, &s) < 0)
        return error_set(err, errno, "KVM refuses the vCPU's start state (KVM_SET_SREGS)");
    if (ioctl(vcpu->fd, KVM_SET_REGS, &r) < 0)
        return error_set(err, errno, "KVM refuses the vCPU's start state (KVM_SET_REGS)");
    return 0;
}

/* Enable the vector state. A KVM that runs ring 3 natively ignores it; then there is no XSAVE
 * either. */
static int set_xcr0(struct vcpu *vcpu, struct error *err)
{
    struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs = { { .xcr = 0, .value = cpu_model.xcr0 } } };

    if (cpu_model.xcr0 && ioctl(vcpu->fd, KVM_SET_XCRS, &x) < 0)
        return error_set(err, errno, "KVM refuses the vector state 0x%llx (KVM_SET_XCRS)",
                         (unsigned long long)cpu_model.xcr0);
    return 0;
}

/*
 * Where KVM offers no XSAVE but the host has it, ring 3 may see the real processor's CPUID and
 * would use vector state that the guest kernel cannot switch: let its cpuid fault, and the kernel
 * answers it. KVM accepts these registers even on a processor without that feature (AMD), where
 * they change nothing for a ring 3 that runs natively.
 */
static void set_cpuid_faulting(struct vcpu *vcpu)
{
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entry[2];
    } m = { .head.nmsrs = 2,
            .entry = { { .index = MSR_PLATFORM_INFO, .data = UINT64_C(1) << 31 },
                       { .index = MSR_MISC_FEATURES_ENABLES, .data = 1 } } };

    if (cpu_model.fault_cpuid)
        ioctl(vcpu->fd, KVM_SET_MSRS, &m);
}

/*
 * KVM's paravirtual registers and hypercalls (clock, steal time, asynchronous page faults) are closed
 * with the CPUID leaves that announce them; an older KVM than Linux 5.10 leaves them open to ring 0.
 */
static int close_paravirtual(struct vcpu *vcpu, struct error *err)
{
    struct kvm_enable_cap cap = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } };

    if (ioctl(vcpu->vm->vm_fd, KVM_CHECK_EXTENSION, cap.cap) > 0 &&
        ioctl(vcpu->fd, KVM_ENABLE_CAP, &cap) < 0)
        return error_set(err, errno, "KVM does not close its paravirtual devices");
    return 0;
}

int arch_vcpu_init(struct vcpu *vcpu, struct error *err)
{
    if (cpuid_set(vcpu) < 0)
        return error_set(err, errno, "KVM refuses the processor model (KVM_SET_CPUID2)");
    if (close_paravirtual(vcpu, err) || set_registers(vcpu, err) || set_xcr0(vcpu, err))
        return -1;
    set_cpuid_faulting(vcpu);
    tsc_vcpu_init(vcpu);
    return 0;
}
