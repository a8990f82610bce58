/* SPDX-License-Identifier: Apache-2.0 */
/* What the processor has (CPUID), and CPUID as ring 3 is to see it where the VMM makes it fault. */
#include "arch/cpu.h"
#include "core/boot.h"
#include "core/string.h"
#include "guest.h"
#include "mm/usercopy.h"

static u32 max_leaf, leaf1_edx;

void features_init(void)
{
    u32 r[4], cr4_lo;
    u64 cr4;

    __asm__("mov %%cr4, %0" : "=r"(cr4));
    cr4_lo = (u32)cr4;
    /* The VMM set what KVM has: the control register is the truth. */
    cpu_features.smep = cr4_lo & 1u << 20;
    cpu_features.smap = cr4_lo & 1u << 21;
    cpu_features.umip = cr4_lo & 1u << 11;
    cpu_features.fsgsbase = cr4_lo & 1u << 16;
    cpu_features.xsave = cr4_lo & 1u << 18;
    cpuid(1, 0, r);
    leaf1_edx = r[3];
    cpuid(0, 0, r);
    max_leaf = r[0];
    cpu_features.xsave_size = 512;
    cpu_features.xfeatures = 3;
    if (max_leaf >= 7) {
        cpuid(7, 0, r);
        cpu_features.erms = r[1] & 1u << 9;
    }
    if (boot.fpu_size && boot.fpu_size <= FPU_VMM_SIZE) {
        cpu_features.fpu_by_vmm = true;
        cpu_features.xsave_size = boot.fpu_size;
        cpu_features.xfeatures = boot.fpu_features;
    }
    if (cpu_features.xsave) {
        u32 lo, hi;

        __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
        cpu_features.xfeatures = (u64)hi << 32 | lo;
        cpuid(13, 0, r);
        cpu_features.xsave_size = r[1]; /* for what XCR0 enables */
    }
}

/* Bits that promise vector state which the kernel cannot switch without XSAVE. */
#define LEAF1_ECX_XSAVE_FAMILY (1u << 12 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 29)
#define LEAF7_EBX_AVX  (1u << 5 | 1u << 16 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 | \
                        1u << 30 | 1u << 31)
#define LEAF7_ECX_AVX  (1u << 1 | 1u << 3 | 1u << 4 | 1u << 6 | 1u << 9 | 1u << 10 | 1u << 11 |      \
                        1u << 12 | 1u << 14)
#define LEAF7_EDX_AVX  (1u << 2 | 1u << 3 | 1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25)
#define LEAF81_ECX_AVX (1u << 11 | 1u << 16) /* XOP, FMA4 */

void cpu_user_cpuid(u32 leaf, u32 sub, u32 out[4])
{
    cpuid(leaf, sub, out);
    if (cpu_features.xsave)
        return;
    switch (leaf) {
    case 1:
        out[2] &= ~LEAF1_ECX_XSAVE_FAMILY;
        break;
    case 7:
        if (sub == 0) {
            out[1] &= ~LEAF7_EBX_AVX;
            out[2] &= ~LEAF7_ECX_AVX;
            out[3] &= ~LEAF7_EDX_AVX;
        } else {
            memset(out, 0, 16);
        }
        break;
    case 13:
    case 0x14:
    case 0x1d:
    case 0x1e:
        memset(out, 0, 16);
        break;
    case 0x80000001:
        out[2] &= ~LEAF81_ECX_AVX;
        break;
    }
}

bool cpuid_emulate(struct trap_frame *regs)
{
    u8 insn[2];
    u32 r[4];

    if (regs->error || copy_from_user(insn, regs->rip, 2) || insn[0] != 0x0f || insn[1] != 0xa2)
        return false;
    cpu_user_cpuid((u32)regs->rax, (u32)regs->rcx, r);
    regs->rax = r[0];
    regs->rbx = r[1];
    regs->rcx = r[2];
    regs->rdx = r[3];
    regs->rip += 2;
    return true;
}

u64 arch_hwcap(void)
{
    return leaf1_edx;
}

u64 arch_hwcap2(void)
{
    return cpu_features.fsgsbase ? 2 : 0; /* HWCAP2_FSGSBASE */
}
