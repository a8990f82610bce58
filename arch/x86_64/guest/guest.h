/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the guest side share: registers, descriptor tables, entry points of entry.S. */
#ifndef ARCH_GUEST_H
#define ARCH_GUEST_H

#include "arch/context.h"
#include "arch/percpu.h"

#define MSR_SYSENTER_CS    0x174u
#define MSR_SYSENTER_ESP   0x175u
#define MSR_SYSENTER_EIP   0x176u
#define MSR_EFER           0xc0000080u
#define MSR_STAR           0xc0000081u
#define MSR_LSTAR          0xc0000082u
#define MSR_CSTAR          0xc0000083u
#define MSR_SFMASK         0xc0000084u
#define MSR_FS_BASE        0xc0000100u
#define MSR_GS_BASE_NR     0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u

#define KERNEL_CS 0x10u
#define KERNEL_SS 0x18u
#define TSS_SEL   0x40u
#define GDT_CPU   15u /* limit: the vCPU's index, for the vDSO */

#define IST_STACK 4096ul

/* Debug kernel only: trap.c, inject_bad_return. */
#define INJECT_BAD_RETURN UINT64_C(0x6e72757465726221)

struct PACKED tss {
    u32 reserved0;
    u64 rsp[3];
    u64 reserved1;
    u64 ist[7];
    u64 reserved2;
    u16 reserved3;
    u16 iomap; /* beyond the limit: no port is open to ring 3 */
};
STATIC_ASSERT(sizeof(struct tss) == 104);

enum { IST_DF = 1, IST_DB, IST_MC, IST_NMI, IST_COUNT = 4 };

struct arch_cpu {
    u64 gdt[16];
    struct tss tss;
    u64 ist[IST_COUNT]; /* lowest address of each exception stack, a page each */
};

static inline u64 msr_read(u32 msr)
{
    u32 lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (u64)hi << 32 | lo;
}

static inline void msr_write(u32 msr, u64 v)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

static inline void cpuid(u32 leaf, u32 sub, u32 out[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "a"(leaf), "c"(sub));
}

extern char syscall_entry[], compat_syscall_entry[], selftest_entry[], vectors[];
/* DS, ES, FS, GS of ring 3, which ring 0 leaves alone: 16 bits each. Setting changes the base of FS. */
u64 arch_get_selectors(void);
void arch_set_selectors(u64 selectors);
void thread_first(void);
void arch_switch_stack(u64 *save, u64 load);
void selftest_run(u64 user_rip);
void selftest_resume(void) NORETURN;
extern bool selftest_running;

void features_init(void); /* fills cpu_features but for soft_syscall */
extern u8 kernel_tls[64]; /* FS base until a thread has a program's */
#define FPU_VMM_SIZE 4096u /* struct kvm_xsave */
void fpu_init(void);
void fpu_switch(struct thread *from, struct thread *to);
/* Ring 3 executed cpuid and faulted: answer it. False: it was something else. */
bool cpuid_emulate(struct trap_frame *regs);

#endif
