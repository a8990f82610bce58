/* SPDX-License-Identifier: Apache-2.0 */
/* Single instructions and processor features. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include "core/types.h"

static inline u64 cpu_tsc(void)
{
    u32 lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (u64)hi << 32 | lo;
}

static inline void cpu_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}

#ifndef RV_HOST_TEST
/* Sleep until the VMM sees a reason to go on (interrupts stay off; see abi.h, idle). */
static inline void cpu_halt(void)
{
    __asm__ volatile("hlt" ::: "memory");
}

/* Tell the VMM that a hostcall is in this vCPU's page. */
static inline void cpu_hostcall(void)
{
    __asm__ volatile("outl %0, %w1" : : "a"(0), "d"(0x510) : "memory");
}
#else
void cpu_halt(void);
void cpu_hostcall(void);
#endif

static inline u32 cpu_lowest_bit(u64 mask) /* mask != 0 */
{
    u64 r;

    __asm__("bsfq %1, %0" : "=r"(r) : "rm"(mask) : "cc");
    return (u32)r;
}

/* What this machine is; set once at boot. */
struct cpu_features {
    bool smap, smep, umip, xsave, fsgsbase, erms;
    bool soft_syscall;   /* ring 3's syscall arrives as a fetch fault (software KVM) */
    bool emulated;       /* ring 0 is emulated: instructions are dear, exits cheap */
    bool fpu_by_vmm;     /* ring 3 has XSAVE state that ring 0 cannot reach: hostcall fpu_switch */
    u32 xsave_size;      /* bytes of the XSAVE state, or 512 */
    u64 xfeatures;       /* XCR0, or 3 */
};
extern struct cpu_features cpu_features;

/* Make secondary vCPU `index` runnable: allocates its per-CPU data. 0 or -ENOMEM. */
int cpu_prepare(u32 index);

/* The CPUID leaf as ring 3 is to see it. */
void cpu_user_cpuid(u32 leaf, u32 subleaf, u32 out[4]);

#endif
