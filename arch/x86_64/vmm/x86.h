/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64 bits that the VMM's architecture part uses, and what its files share (Intel SDM vol. 3).
 */
#ifndef ARCH_X86_64_VMM_X86_H
#define ARCH_X86_64_VMM_X86_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#define CR0_PE (1u << 0)
#define CR0_MP (1u << 1)
#define CR0_ET (1u << 4)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_AM (1u << 18)
#define CR0_PG (1u << 31)

#define CR4_PAE        (1u << 5)
#define CR4_PGE        (1u << 7)
#define CR4_OSFXSR     (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP       (1u << 11)
#define CR4_FSGSBASE   (1u << 16)
#define CR4_OSXSAVE    (1u << 18)
#define CR4_SMEP       (1u << 20)
#define CR4_SMAP       (1u << 21)

#define EFER_SCE (1u << 0)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_NXE (1u << 11)

#define PTE_P    UINT64_C(0x001)
#define PTE_W    UINT64_C(0x002)
#define PTE_A    UINT64_C(0x020)
#define PTE_D    UINT64_C(0x040)
#define PTE_PS   UINT64_C(0x080)
#define PTE_G    UINT64_C(0x100)
#define PTE_NX   (UINT64_C(1) << 63)
#define PTE_ADDR UINT64_C(0x000ffffffffff000)

#define KERNEL_BASE UINT64_C(0xffffffff80000000)
#define DIRECT_BASE UINT64_C(0xffff800000000000)

/* State components: x87 and SSE; AVX; the three of AVX-512. */
#define XCR0_BASE   UINT64_C(0x03)
#define XCR0_AVX    UINT64_C(0x04)
#define XCR0_AVX512 UINT64_C(0xe0)

struct cpu_model {
    struct kvm_cpuid2 *cpuid; /* what guests see, but for the vCPU's index */
    uint64_t xcr0;            /* 0: no XSAVE */
    uint32_t cr4;             /* bits that the model allows */
    bool fault_cpuid;         /* ring 3 sees the host's processor: its cpuid must fault */
    uint32_t fpu_size;        /* ... or cannot be made to: bytes of its XSAVE state; else 0 */
    uint64_t fpu_features;    /* with fpu_size: the host's XCR0 */
    int64_t tsc_offset;       /* guest's TSC - host's */
    bool tsc_known;
};
extern struct cpu_model cpu_model;

struct vcpu;
struct vm;

/* cpuid.c */
struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *c, uint32_t leaf, uint32_t index);
int cpuid_set(struct vcpu *vcpu);

/* tsc.c: make the vCPU's TSC the host's, or learn the difference. */
void tsc_vcpu_init(struct vcpu *vcpu);

#endif
