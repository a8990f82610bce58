/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the VMM asks of its architecture part (arch/ARCH/vmm/): the state in which a vCPU starts,
 * the page tables of the first instruction, the TSC, and reading a crashed vCPU.
 */
#ifndef VMM_ARCH_H
#define VMM_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "hostcalls/abi.h"
#include "hostcalls/lib/error.h"

struct vm;
struct vcpu;
struct elf_image;
struct out;

/* Features of this KVM: what it supports, less what rVisor hides. Needs /dev/kvm open, no VM. */
int arch_model_init(struct vm *vm, struct error *err);

/* Settings of the VM that must come before its first vCPU. */
void arch_vm_init(struct vm *vm);

/* Whether the kernel image is for this machine (ELF machine number). */
bool arch_elf_machine_ok(unsigned machine);

/* GVA of the kernel image's GPA 0. */
extern const uint64_t arch_kernel_base;

/*
 * Build the boot page tables at *free (page-aligned GPA), advance it, and set vm->root_table_gpa.
 * The image's segments are mapped with their rights; RAM handed out so far is mapped writable.
 */
int arch_build_tables(struct vm *vm, const struct elf_image *img, uint64_t *free,
                      struct error *err);

/*
 * FPU state that ring 0 cannot switch, so that the guest asks the VMM to (hostcall fpu_switch): bytes as
 * ring 3 sees it, and the state components. 0: the guest does it.
 */
uint32_t arch_fpu_size(void);
uint64_t arch_fpu_features(void);

/* Set the registers and features of a vCPU at the kernel's entry. */
int arch_vcpu_init(struct vcpu *vcpu, struct error *err);

/* The cycle counter that the clock page is about: frequency (0: unknown) and value as guests see
 * it. */
uint64_t arch_tsc_khz(struct vm *vm);
uint64_t arch_guest_tsc(const struct vm *vm);

/* Crash reports; on the vCPU's own thread. frame_gva: the guest's trap frame, or 0. */
void arch_report(struct vcpu *vcpu, uint64_t frame_gva, struct out *out);

#endif
