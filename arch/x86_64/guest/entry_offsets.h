/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets and constants that entry.S uses; asserted against the C structures in trap.c. */
#ifndef ENTRY_OFFSETS_H
#define ENTRY_OFFSETS_H

#define CPU_CURRENT    8
#define CPU_KSTACK_TOP 16
#define CPU_USER_RSP   24
#define CPU_PAGE       32
#define ARCH_IST_DF    232 /* struct arch_cpu: lowest address of the stack for double faults */
#define FEATURES_SMAP  0   /* struct cpu_features */
#define PAGE_PENDING   0
#define PAGE_IN_KERNEL 40

#define FRAME_R11    (6 * 8)
#define FRAME_RCX    (11 * 8)
#define FRAME_VECTOR (15 * 8)
#define FRAME_RIP    (17 * 8)
#define FRAME_CS     (18 * 8)
#define FRAME_RFLAGS (19 * 8)
#define FRAME_RSP    (20 * 8)
#define FRAME_SIZE   (22 * 8)

#define USER_CS_SEL 0x33
#define USER_SS_SEL 0x2b
#define VECTOR_UD      6
#define VECTOR_SYSCALL 0x100
#define FLAGS_NOT_SYSRET 0x10100 /* RF, TF */
#define MSR_GS_BASE 0xc0000101

#define THREAD_WORK 0

#endif
