/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying to and from ring 3's memory. A fault on one of these instructions that mm/ cannot resolve
 * continues at the address that .fixup_table names beside it, with the registers as they were.
 */
.macro FIXUP insn, to
        .pushsection .fixup_table, "a"
        .quad \insn, \to
        .popsection
.endm

        .text
/* rdi dst, rsi src, rdx n; returns the bytes not copied. Words first (see core/string.c). */
        .globl user_copy_raw
user_copy_raw:
        mov %rdx, %rcx
        shr $3, %rcx
        jz 2f
1:      rep movsq
2:      mov %edx, %ecx
        and $7, %ecx
3:      rep movsb
        xor %eax, %eax
        ret
4:      and $7, %edx                    /* rcx words and the tail are left: each byte that can be */
        lea (%rdx, %rcx, 8), %rcx
        jmp 3b
5:      mov %rcx, %rax
        ret
        FIXUP 1b, 4b
        FIXUP 3b, 5b

/* rdi dst, rsi n; returns the bytes not cleared. */
        .globl user_clear_raw
user_clear_raw:
        mov %rsi, %rcx
        shr $3, %rcx
        xor %eax, %eax
1:      rep stosq
        mov %esi, %ecx
        and $7, %ecx
3:      rep stosb
        ret
4:      and $7, %esi
        lea (%rsi, %rcx, 8), %rcx
        jmp 3b
5:      mov %rcx, %rax
        ret
        FIXUP 1b, 4b
        FIXUP 3b, 5b

/* rdi dst, rsi user string, rdx size > 0; returns the length, size if there is no NUL, or -1: fault. */
        .globl user_string_raw
user_string_raw:
        xor %eax, %eax
1:      movzbl (%rsi, %rax), %ecx
        mov %cl, (%rdi, %rax)
        test %cl, %cl
        jz 2f
        inc %rax
        cmp %rdx, %rax
        jb 1b
2:      ret
3:      mov $-1, %rax
        ret
        FIXUP 1b, 3b

/* rdi user address, rsi where to put the value; returns 0 or -1. */
        .globl user_load32_raw
user_load32_raw:
        xor %eax, %eax
1:      mov (%rdi), %ecx
        mov %ecx, (%rsi)
        ret
3:      mov $-1, %eax
        ret
        FIXUP 1b, 3b

/* rdi user address, esi old, edx new, rcx where to put the value seen; returns 0 or -1. */
        .globl user_cmpxchg32_raw
user_cmpxchg32_raw:
        mov %esi, %eax
1:      lock cmpxchg %edx, (%rdi)
        mov %eax, (%rcx)
        xor %eax, %eax
        ret
3:      mov $-1, %eax
        ret
        FIXUP 1b, 3b

        .section .note.GNU-stack, "", @progbits
