/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways into the kernel: the first instruction of a vCPU, system calls, exceptions and the kick
 * interrupt; and the ways back to ring 3. The kernel always runs with interrupts off.
 *
 * Every entry leaves a struct trap_frame (arch/context.h) on the stack. GS is the per-CPU data in ring
 * 0; the vectors that can hit between an entry and its swapgs (#DB, #DF, #MC, NMI) run on stacks of
 * their own, at whose top the per-CPU pointer lies.
 */
#include "entry_offsets.h"

        .code64
        .section .text.entry, "ax"

/* rdi: GPA of the boot data, rsi: index of this vCPU. */
        .globl kernel_entry
kernel_entry:
        test %esi, %esi
        jnz 1f
        lea boot_stack_top(%rip), %rsp
        xor %ebp, %ebp
        call arch_boot
        ud2
1:      mov ap_stacks(, %rsi, 8), %rsp
        xor %ebp, %ebp
        mov %esi, %edi
        call arch_boot_secondary
        ud2

        .text

/*
 * After an entry by a gate: ring 3 may have set AC, which turns SMAP off in ring 0 (SDM vol. 3, 4.6.1) and
 * which only syscall clears, by SFMASK. Changes flags.
 */
.macro FORBID_USER_MEMORY
        cmpb $0, cpu_features + FEATURES_SMAP(%rip)
        je 9f
        clac
9:
.endm

.macro PUSH_REGS
        push %rdi
        push %rsi
        push %rdx
        push %rcx
        push %rax
        push %r8
        push %r9
        push %r10
        push %r11
        push %rbx
        push %rbp
        push %r12
        push %r13
        push %r14
        push %r15
.endm

.macro POP_REGS_BUT_RSP
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        pop %r11
        pop %r10
        pop %r9
        pop %r8
        pop %rax
        pop %rcx
        pop %rdx
        pop %rsi
        pop %rdi
.endm

/* --- system calls --------------------------------------------------------------------------------- */

/* From ring 3's stack and GS to the thread's own stack with a frame, which rdi gets. */
.macro FRAME_OF_SYSCALL error, vector
        swapgs
        mov %rsp, %gs:CPU_USER_RSP
        mov %gs:CPU_KSTACK_TOP, %rsp
        push $USER_SS_SEL
        push %gs:CPU_USER_RSP
        push %r11
        push $USER_CS_SEL
        push %rcx
        push \error
        push $\vector
        PUSH_REGS
        mov %rsp, %rdi
        xor %ebp, %ebp
.endm

        .globl syscall_entry
        .balign 64
syscall_entry:
        FRAME_OF_SYSCALL %rax, VECTOR_SYSCALL /* error: the call's number */
        call linux_syscall

        mov %gs:CPU_CURRENT, %rax
        mov %gs:CPU_PAGE, %rcx
        mov THREAD_WORK(%rax), %eax
        movl $0, PAGE_IN_KERNEL(%rcx)   /* trap_return_work sets it again */
        or PAGE_PENDING(%rcx), %eax
        jnz return_work

/*
 * sysretq takes rip and flags from rcx and r11 and faults in ring 0 on a non-canonical rip (Intel), so
 * it is for frames that ring 3 could have made by a system call itself; all else goes by iretq.
 */
return_syscall:
        mov FRAME_RIP(%rsp), %rcx
        mov FRAME_RFLAGS(%rsp), %r11
        cmp FRAME_RCX(%rsp), %rcx
        jne return_iret
        cmp FRAME_R11(%rsp), %r11
        jne return_iret
        mov %rcx, %rax
        shr $47, %rax
        jnz return_iret
        test $FLAGS_NOT_SYSRET, %r11d
        jnz return_iret
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        add $8, %rsp
        pop %r10
        pop %r9
        pop %r8
        pop %rax
        add $8, %rsp
        pop %rdx
        pop %rsi
        pop %rdi
        mov FRAME_RSP - FRAME_VECTOR(%rsp), %rsp
        swapgs
        sysretq

return_work:
        mov %rsp, %rdi
        call trap_return_work
        /* fall through: registers may have changed, but return_iret is always right */

/*
 * iretq to a rip that is not canonical faults in ring 0: trap_return_work makes a signal of it. Should
 * iretq fault for another reason, exception_common does (iret_failed).
 */
        .globl return_iret
return_iret:
        mov FRAME_RIP(%rsp), %rax
        shr $47, %rax
        jnz return_work
        POP_REGS_BUT_RSP
        add $16, %rsp
        swapgs
        .globl iret_to_user
iret_to_user:
        iretq

/*
 * AMD: `syscall` in compatibility mode arrives at CSTAR, in 64-bit ring 0 like at LSTAR, with ring 3's stack
 * and GS (APM vol. 2, 6.1.1). Ring 3 has no 32-bit code segment; should it come here all the same, it has
 * executed an invalid instruction, and what goes on is 64-bit code again.
 */
        .globl compat_syscall_entry
        .balign 64
compat_syscall_entry:
        FRAME_OF_SYSCALL $0, VECTOR_UD
        call trap_user
        jmp return_work

/* rdi: a frame to begin ring 3 with; the stack is the thread's own, empty but for it. */
        .globl arch_enter_user
arch_enter_user:
        mov %gs:CPU_KSTACK_TOP, %rsp
        mov $(FRAME_SIZE / 8), %ecx
        mov %rdi, %rsi
        sub $FRAME_SIZE, %rsp
        mov %rsp, %rdi
        rep movsq
        jmp return_work

/* Where a new thread's first switch arrives: rbx = entry, r12 = argument. */
        .globl thread_first
thread_first:
        call sched_finish_switch
        mov %r12, %rdi
        xor %ebp, %ebp
        call *%rbx
        call thread_exit
        ud2

/* rdi: where to save the stack pointer, rsi: the stack pointer to go on with. */
        .globl arch_switch_stack
arch_switch_stack:
        push %rbx
        push %rbp
        push %r12
        push %r13
        push %r14
        push %r15
        mov %rsp, (%rdi)
        mov %rsi, %rsp
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        ret

/* --- exceptions ----------------------------------------------------------------------------------- */

/* Vectors with an error code of the processor's own. */
.macro VECTOR n, has_error
        .balign 16
        .if \has_error == 0
        push $0
        .endif
        push $\n
        jmp exception_common
.endm

        .balign 16
        .globl vectors
vectors:
        VECTOR 0, 0
        .balign 16
        push $0
        push $1
        jmp exception_ist
        .balign 16
        push $0
        push $2
        jmp exception_ist
        VECTOR 3, 0
        VECTOR 4, 0
        VECTOR 5, 0
        VECTOR 6, 0
        VECTOR 7, 0
        .balign 16
        push $8
        jmp exception_ist
        VECTOR 9, 0
        VECTOR 10, 1
        VECTOR 11, 1
        VECTOR 12, 1
        VECTOR 13, 1
        VECTOR 14, 1
        VECTOR 15, 0
        VECTOR 16, 0
        VECTOR 17, 1
        .balign 16
        push $0
        push $18
        jmp exception_ist
        VECTOR 19, 0
        VECTOR 20, 0
        VECTOR 21, 1
        VECTOR 22, 0
        VECTOR 23, 0
        VECTOR 24, 0
        VECTOR 25, 0
        VECTOR 26, 0
        VECTOR 27, 0
        VECTOR 28, 0
        VECTOR 29, 1
        VECTOR 30, 1
        VECTOR 31, 0
        VECTOR 32, 0                    /* RV_KICK_VECTOR */

exception_common:
        PUSH_REGS
        cld
        FORBID_USER_MEMORY
        testb $3, FRAME_CS(%rsp)
        jz 1f
        swapgs
        mov %rsp, %rdi
        xor %ebp, %ebp
        call trap_user
        mov %gs:CPU_CURRENT, %rax
        mov %gs:CPU_PAGE, %rcx
        mov THREAD_WORK(%rax), %eax
        movl $0, PAGE_IN_KERNEL(%rcx)   /* trap_return_work sets it again */
        or PAGE_PENDING(%rcx), %eax
        jnz return_work
        jmp return_iret
1:      mov FRAME_RIP(%rsp), %rax
        cmp $iret_to_user, %rax
        je iret_failed
        /* Outside the kernel's text neither GS nor the stack need be the kernel's own. */
        cmp $text_start, %rax
        jb rogue
        cmp $text_end, %rax
        jae rogue
        mov %rsp, %rdi
        call trap_kernel
        POP_REGS_BUT_RSP
        add $16, %rsp
        iretq

/*
 * The iretq to ring 3 faulted: GS is ring 3's, and so are the registers but for those that iretq was to load,
 * which lie at the top of the thread's stack still.
 */
iret_failed:
        swapgs
        mov %rsp, %rdi
        xor %ebp, %ebp
        call trap_iret_failed           /* returns the frame, put together */
        mov %rax, %rsp
        jmp return_work

/*
 * Ring 0 ran what is not the kernel: report it with this vCPU's own data, which its descriptor table is a
 * part of, on the stack of double faults.
 */
rogue:
        mov %rsp, %rdi
        sub $16, %rsp
        sgdt (%rsp)
        mov 2(%rsp), %rax
        mov ARCH_IST_DF(%rax), %rsp
        add $(4096 - 16), %rsp
        jmp fatal_on_ist

/*
 * On a stack of the vector's own. From ring 3: go on as usual on the thread's stack. From ring 0: GS is
 * not to be trusted; #DB is ignored (ring 3 can make one hit the first instruction of an entry), all
 * else ends the machine.
 */
exception_ist:
        PUSH_REGS
        cld
        FORBID_USER_MEMORY
        testb $3, FRAME_CS(%rsp)
        jz 1f
        swapgs
        mov %rsp, %rsi
        mov %gs:CPU_KSTACK_TOP, %rsp
        sub $FRAME_SIZE, %rsp
        mov %rsp, %rdi
        mov $(FRAME_SIZE / 8), %ecx
        rep movsq
        mov %rsp, %rdi
        xor %ebp, %ebp
        call trap_user
        jmp return_work
1:      cmpq $1, FRAME_VECTOR(%rsp)
        je 2f
        mov %rsp, %rdi
/* rdi: the frame. The per-CPU pointer is in the last word of the page-aligned exception stack. */
fatal_on_ist:
        mov %rsp, %rax
        or $0xfff, %rax
        mov -7(%rax), %rax
        mov $MSR_GS_BASE, %ecx
        mov %rax, %rdx
        shr $32, %rdx
        wrmsr
        xor %ebp, %ebp
        call trap_fatal
        ud2
2:      POP_REGS_BUT_RSP
        add $16, %rsp
        iretq

/* Ring 0's arrival address for the self-test of the system-call instruction (boot.c). */
        .globl selftest_entry
        .balign 16
selftest_entry:
        swapgs
        jmp selftest_resume

/* rdi: ring-3 rip to try `syscall` at; returns once the test has arrived in ring 0 again. */
        .globl selftest_run
selftest_run:
        push %rbx
        push %rbp
        push %r12
        push %r13
        push %r14
        push %r15
        mov %rsp, selftest_rsp(%rip)
        push $USER_SS_SEL
        push $0
        push $2
        push $USER_CS_SEL
        push %rdi
        swapgs
        iretq
        .globl selftest_resume
selftest_resume:
        mov selftest_rsp(%rip), %rsp
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        ret

        .bss
        .balign 16
        .skip 16384
boot_stack_top:
        .globl selftest_rsp
selftest_rsp: .skip 8

        .section .note.GNU-stack, "", @progbits
