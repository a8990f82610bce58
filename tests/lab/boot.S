/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot.S: the first 12 KiB of the Intel machine's disk; kernel and initramfs follow, from whole
 * sectors on. It has the BIOS read both into memory and enters the kernel in 64-bit mode (Linux:
 * Documentation/arch/x86/boot.rst). The kernel is not compressed: unpacking it would take longer
 * than the rest of its boot. From outside: KERNEL_SECTORS, INITRD_SECTORS, INITRD_BYTES, and the
 * command line as file "line".
 */
#define BOOT_SECTORS  24
#define BOOT_PARAMS   0x9000
#define LINE          0xa000
#define BUFFER        0x10000
#define STEP          64         /* sectors at a time: 32 KiB */
#define TABLES        0x70000    /* three pages, below what the BIOS keeps */
#define KERNEL        0x1000000
#define INITRD        0x8000000

#define CODE64        0x10       /* Linux: __BOOT_CS, __BOOT_DS */
#define DATA          0x18

    .code16
    .globl _start
_start:
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $_start, %sp
    cld
    movb %dl, drive
    movw $BOOT_SECTORS - 1, packet_count
    movw $0x7e00, packet_offset
    movl $1, packet_lba
    call read
    jmp second

/* What the packet says. */
read:
    movw $packet, %si
    movb drive, %dl
    movb $0x42, %ah
    int $0x13
    movb $'D', %al
    jc fail
    ret

/* One letter on the serial line says what failed. */
fail:
    movw $0x3f8, %dx
    outb %al, %dx
1:  hlt
    jmp 1b

    .balign 4
packet:
    .byte 16, 0
packet_count:
    .word 0
packet_offset:
    .word 0
packet_segment:
    .word 0
packet_lba:
    .quad 0
drive:
    .byte 0

    .org 510
    .word 0xaa55

second:
    inb $0x92, %al
    orb $2, %al
    outb %al, $0x92 /* A20 */

    movl $BOOT_SECTORS, packet_lba
    movl $KERNEL_SECTORS, %ebx
    movl $KERNEL, %edi
    call load
    movl $INITRD_SECTORS, %ebx
    movl $INITRD, %edi
    call load

    /* The memory map, 20 bytes an entry. */
    xorl %ebx, %ebx
    movw $BOOT_PARAMS + 0x2d0, %di
1:  movl $0xe820, %eax
    movl $20, %ecx
    movl $0x534d4150, %edx
    int $0x15
    movb $'M', %al
    jc fail
    addw $20, %di
    incb BOOT_PARAMS + 0x1e8
    testl %ebx, %ebx
    jnz 1b

    /* The first GiB at its own addresses, in 2 MiB pages. */
    cli
    movw $TABLES >> 4, %ax
    movw %ax, %es
    xorw %di, %di
    xorl %eax, %eax
    movw $0x2000 / 4, %cx
    rep stosl
    movl $TABLES + 0x1003, %es:0
    movl $TABLES + 0x2003, %es:0x1000
    movl $0x83, %eax
1:  stosl
    movl $0, %es:(%di)
    addw $4, %di
    addl $0x200000, %eax
    cmpl $0x40000083, %eax
    jb 1b

    lgdtl gdt_pointer
    movl $0x20, %eax /* PAE */
    movl %eax, %cr4
    movl $TABLES, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    movl $0x100, %eax /* EFER: LME */
    xorl %edx, %edx
    wrmsr
    movl $0x80000001, %eax /* PG, PE */
    movl %eax, %cr0
    ljmpl $CODE64, $enter

/* EBX sectors from the packet's place on, to EDI. Both go on. */
load:
    movl $STEP, %ecx
    cmpl %ecx, %ebx
    jae 1f
    movl %ebx, %ecx
1:  movw %cx, packet_count
    movw $0, packet_offset
    movw $BUFFER >> 4, packet_segment
    pushal
    call read
    popal
    addl %ecx, packet_lba
    subl %ecx, %ebx
    /* A segment loaded in protected mode keeps its limit of 4 GiB in real mode. */
    cli
    lgdtl gdt_pointer
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    movw $DATA, %dx
    movw %dx, %ds
    movw %dx, %es
    andb $0xfe, %al
    movl %eax, %cr0
    xorw %dx, %dx
    movw %dx, %ds
    movw %dx, %es
    shll $7, %ecx
    movl $BUFFER, %esi
    addr32 rep movsl
    sti
    testl %ebx, %ebx
    jnz load
    ret

    .balign 8
gdt:
    .quad 0, 0
    .quad 0x00af9b000000ffff
    .quad 0x00cf93000000ffff
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long gdt

    .code64
enter:
    movw $DATA, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $BOOT_PARAMS, %esi
    movl $KERNEL, %eax
    jmp *%rax

/* struct boot_params; the setup header is at 0x1f1. */
    .macro field offset
    .org BOOT_PARAMS - 0x7c00 + \offset
    .endm
    field 0x1fe
    .word 0xaa55
    field 0x202
    .ascii "HdrS"
    .word 0x20f
    field 0x210
    .byte 0xff, 1
    field 0x218
    .long INITRD, INITRD_BYTES
    field 0x228
    .long LINE
    field 0x230
    .long KERNEL /* its alignment */
    field 0x238
    .long 2047
    .org LINE - 0x7c00
    .incbin "line"
    .byte 0
    .org BOOT_SECTORS * 512
