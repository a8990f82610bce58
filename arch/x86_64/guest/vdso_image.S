/* SPDX-License-Identifier: Apache-2.0 */
/* The vDSO's image, as the build made it (see the Makefile). */
        .section .rodata
        .globl vdso_image, vdso_image_end
        .balign 8
vdso_image:
        .incbin "vdso.so"
vdso_image_end:

        .section .note.GNU-stack, "", @progbits
