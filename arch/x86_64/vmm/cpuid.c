/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processor that guests see: what KVM supports (KVM_GET_SUPPORTED_CPUID), less what the guest
 * kernel does not switch or must not offer (Intel SDM vol. 2, CPUID; AMD APM vol. 3, appendix E).
 */
#include <asm/prctl.h>
#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/x86_64/vmm/x86.h"
#include "vmm/arch.h"
#include "vmm/hostcall.h"
#include "vmm/vm.h"

#define ENTRIES_MAX 256u
#define BIT(n)      (UINT32_C(1) << (n))

struct cpu_model cpu_model;

struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *c, uint32_t leaf, uint32_t index)
{
    for (uint32_t i = 0; i < c->nent; i++)
        if (c->entries[i].function == leaf &&
            (!(c->entries[i].flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
             c->entries[i].index == index))
            return &c->entries[i];
    return NULL;
}

static void clear(struct kvm_cpuid_entry2 *e)
{
    e->eax = e->ebx = e->ecx = e->edx = 0;
}

static void filter_extended_state(struct kvm_cpuid2 *c, struct kvm_cpuid_entry2 *e)
{
    uint32_t end = 576; /* legacy area and header */

    if (e->index == 0) {
        for (uint32_t i = 2; i < 32; i++) {
            struct kvm_cpuid_entry2 *part = cpu_model.xcr0 & BIT(i) ? cpuid_find(c, 0xd, i) : NULL;

            if (part && part->ebx + part->eax > end)
                end = part->ebx + part->eax;
        }
        e->eax = (uint32_t)cpu_model.xcr0;
        e->edx = 0;
        e->ebx = e->ecx = cpu_model.xcr0 ? end : 0;
    } else if (e->index == 1) {
        e->eax &= BIT(0) | BIT(1) | BIT(2); /* XSAVEOPT, XSAVEC, XGETBV with ECX = 1; no XSAVES */
        e->ecx = e->edx = 0;
    } else if (e->index >= 32 || !(cpu_model.xcr0 & BIT(e->index))) {
        clear(e);
    }
}

static void filter(struct kvm_cpuid2 *c, struct kvm_cpuid_entry2 *e, uint32_t nvcpus)
{
    bool avx512 = (cpu_model.xcr0 & XCR0_AVX512) == XCR0_AVX512, avx = cpu_model.xcr0 & XCR0_AVX;

    switch (e->function) {
    case 1:
        /* DTES64, MONITOR, DS-CPL, VMX, SMX, EST, TM2, SDBG, PDCM, x2APIC, TSC deadline */
        e->ecx &= ~(BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(11) |
                    BIT(15) | BIT(21) | BIT(24) | BIT(27));
        if (!cpu_model.xcr0)
            e->ecx &= ~BIT(26);
        if (!avx)
            e->ecx &= ~(BIT(12) | BIT(28) | BIT(29));
        if (cpu_model.xcr0)
            e->ecx |= BIT(27); /* OSXSAVE, as CR4 has it from the start */
        /* DS, ACPI, TM, PBE */
        e->edx &= ~(BIT(21) | BIT(22) | BIT(28) | BIT(29) | BIT(31));
        if (nvcpus > 1)
            e->edx |= BIT(28);
        e->ebx = (e->ebx & 0xff00) | nvcpus << 16;
        break;
    case 4:
        if (e->eax & 31) /* one core a vCPU, nothing shared between threads of a core */
            e->eax = (e->eax & 0x3fff) | (nvcpus - 1) << 26;
        break;
    case 6:
        e->eax &= BIT(2); /* ARAT */
        e->ebx = e->ecx = e->edx = 0;
        break;
    case 7:
        if (e->index == 0) {
            /* SGX, HLE, PQM, RTM, MPX, PQE, PT */
            e->ebx &= ~(BIT(2) | BIT(4) | BIT(11) | BIT(12) | BIT(14) | BIT(15) | BIT(25));
            /* PKU, OSPKE, WAITPKG, SHSTK, TME, LA57, bus lock, ENQCMD, SGX_LC, PKS */
            e->ecx &= ~(BIT(3) | BIT(4) | BIT(5) | BIT(7) | BIT(13) | BIT(16) | BIT(24) | BIT(29) |
                        BIT(30) | BIT(31));
            /* UINTR, TSXLDTRK, PCONFIG, ARCH_LBR, IBT, AMX-BF16, AMX-TILE, AMX-INT8 */
            e->edx &=
                ~(BIT(5) | BIT(16) | BIT(18) | BIT(19) | BIT(20) | BIT(22) | BIT(24) | BIT(25));
            if (!avx512) {
                e->ebx &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) |
                            BIT(31));
                e->ecx &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
                e->edx &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(23));
            }
            if (!avx) {
                e->ebx &= ~BIT(5);
                e->ecx &= ~(BIT(9) | BIT(10));
            }
        } else if (e->index == 1) {
            e->eax &=
                (avx ? BIT(4) | BIT(23) : 0) | (avx512 ? BIT(5) : 0) | BIT(10) | BIT(11) | BIT(12);
            e->ebx = 0;
            e->ecx = 0;
            e->edx &= avx ? BIT(4) | BIT(5) | BIT(14) : BIT(14);
        } else {
            clear(e);
        }
        break;
    case 0xb:
    case 0x1f:
        /* Level 0: one thread a core; level 1: the cores. EDX is set for each vCPU. */
        if (e->index == 0) {
            e->eax = 0;
            e->ebx = 1;
            e->ecx = 1 << 8;
        } else if (e->index == 1) {
            e->eax = 6; /* APIC ids of RV_MAX_VCPUS fit in 6 bits */
            e->ebx = nvcpus;
            e->ecx = 2 << 8 | 1;
        } else {
            clear(e);
            e->ecx = e->index;
        }
        break;
    case 0xd:
        filter_extended_state(c, e);
        break;
    case 5:   /* MONITOR */
    case 0xa: /* performance counters */
    case 0xf:
    case 0x10: /* resource directors */
    case 0x12: /* SGX */
    case 0x14: /* PT */
    case 0x17:
    case 0x18:
    case 0x19:
    case 0x1b:
    case 0x1c:
    case 0x1d: /* AMX */
    case 0x1e:
        clear(e);
        break;
    case 0x80000001:
        /* SVM, extended APIC, OSVW, IBS, SKINIT, WDT, LWP, TOPOEXT, counters, MWAITX */
        e->ecx &= ~(BIT(2) | BIT(3) | BIT(9) | BIT(10) | BIT(12) | BIT(13) | BIT(15) | BIT(22) |
                    BIT(23) | BIT(24) | BIT(26) | BIT(28) | BIT(29));
        if (!avx)
            e->ecx &= ~(BIT(11) | BIT(16));
        break;
    case 0x80000008:
        e->ecx = nvcpus - 1;
        break;
    case 0x40000000: /* KVM's own devices: the guest kernel uses none */
    case 0x40000001:
    case 0x8000000a: /* SVM */
    case 0x8000001b: /* IBS */
    case 0x8000001c: /* LWP */
    case 0x8000001d:
    case 0x8000001e: /* topology extensions */
    case 0x8000001f: /* SEV */
    case 0x80000020:
    case 0x80000022:
        clear(e);
        break;
    default:
        break;
    }
}

/* Whether the host itself runs with XSAVE: what ring 3 would use if KVM did not stand between. */
static bool host_has_xsave(void)
{
    uint32_t a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && c & BIT(27);
}

/* Whether the host's processor can make cpuid fault in ring 3 (arch_prctl(2), ARCH_SET_CPUID). */
static bool host_can_fault_cpuid(void)
{
    return syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1) == 0;
}

/*
 * This KVM lets ring 3 run with the host's vector state, which ring 0, being emulated, cannot switch.
 * Either programs are told that there is none, or the VMM switches it.
 */
static void plan_host_fpu(void)
{
    uint32_t a, size = 0, c, d, lo, hi;

    if (!host_has_xsave())
        return;
    if (host_can_fault_cpuid()) {
        cpu_model.fault_cpuid = true;
        return;
    }
    __get_cpuid_count(0xd, 0, &a, &size, &c, &d);
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    cpu_model.fpu_size = size;
    cpu_model.fpu_features = (uint64_t)hi << 32 | lo;
}

uint32_t arch_fpu_size(void)
{
    return cpu_model.fpu_size;
}

uint64_t arch_fpu_features(void)
{
    return cpu_model.fpu_features;
}

int64_t hc_fpu_switch(struct hc_req *req)
{
    struct kvm_xsave state;

    if ((req->out_len && req->out_len != sizeof(state)) ||
        (req->in_len && req->in_len != sizeof(state)))
        return -EINVAL;
    if (req->out_len) {
        if (ioctl(req->vcpu->fd, KVM_GET_XSAVE, &state) < 0)
            return -errno;
        hc_copy_out(req, 0, &state, sizeof(state));
    }
    if (req->in_len) {
        hc_copy_in(req, 0, &state, sizeof(state));
        if (ioctl(req->vcpu->fd, KVM_SET_XSAVE, &state) < 0)
            return -errno;
    }
    return 0;
}

void arch_vm_init(struct vm *vm)
{
    uint64_t identity = RV_WINDOW_RW_GPA + RV_WINDOW_SIZE;

    /* Old Intel processors: keep KVM's own helper page away from the guest's RAM. */
    ioctl(vm->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
}

int arch_model_init(struct vm *vm, struct error *err)
{
    struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + ENTRIES_MAX * sizeof(c->entries[0]));
    struct kvm_cpuid_entry2 *e;
    uint32_t cr4 = 0;

    if (!c)
        return error_set(err, ENOMEM, "cannot start");
    c->nent = ENTRIES_MAX;
    if (ioctl(vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, c) < 0)
        return error_set(err, errno, "KVM does not tell the processor's features");
    cpu_model.cpuid = c;

    e = cpuid_find(c, 0x80000001, 0);
    if (!e || !(e->edx & BIT(29)) || !(e->edx & BIT(20)))
        return error_set(err, 0, "this KVM offers no 64-bit mode with NX");
    e = cpuid_find(c, 1, 0);
    if (!e || !(e->edx & BIT(24)) || !(e->edx & BIT(26)))
        return error_set(err, 0, "this KVM offers no FXSAVE or SSE2");
    if (e->ecx & BIT(26)) {
        const struct kvm_cpuid_entry2 *x = cpuid_find(c, 0xd, 0);

        cpu_model.xcr0 = XCR0_BASE | (x ? x->eax & XCR0_AVX : 0);
        if (x && cpu_model.xcr0 & XCR0_AVX && (x->eax & XCR0_AVX512) == XCR0_AVX512)
            cpu_model.xcr0 |= XCR0_AVX512;
        cr4 |= CR4_OSXSAVE;
    } else {
        plan_host_fpu();
    }
    e = cpuid_find(c, 7, 0);
    if (e) {
        cr4 |= e->ebx & BIT(0) ? CR4_FSGSBASE : 0;
        cr4 |= e->ebx & BIT(7) ? CR4_SMEP : 0;
        cr4 |= e->ebx & BIT(20) ? CR4_SMAP : 0;
        cr4 |= e->ecx & BIT(2) ? CR4_UMIP : 0;
    }
    cpu_model.cr4 = cr4;
    for (uint32_t i = 0; i < c->nent; i++)
        filter(c, &c->entries[i], vm->nvcpus);
    return 0;
}

int cpuid_set(struct vcpu *vcpu)
{
    struct kvm_cpuid2 *c = cpu_model.cpuid;

    for (uint32_t i = 0; i < c->nent; i++) {
        struct kvm_cpuid_entry2 *e = &c->entries[i];

        if (e->function == 1)
            e->ebx = (e->ebx & 0xffffff) | vcpu->index << 24;
        else if (e->function == 0xb || e->function == 0x1f)
            e->edx = vcpu->index;
        else if (e->function == 0x8000001e)
            e->eax = vcpu->index;
    }
    return ioctl(vcpu->fd, KVM_SET_CPUID2, c);
}
