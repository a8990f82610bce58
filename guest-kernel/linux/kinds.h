/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of system-call arguments (syscalls.def): number for the decoder, and C type. */
#ifndef LINUX_KINDS_H
#define LINUX_KINDS_H

#include "core/types.h"

#define SYSCALL_KINDS(X)                                                                           \
    X(INT, int) X(UINT, u32) X(HEX, u64) X(FD, int) X(DFD, int) X(PID, int) X(SIG, int)            \
    X(SIZE, u64) X(OFF, s64) X(MODE, u32) X(PATH, u64) X(PTR, u64) X(STR, u64) X(BUF, u64)         \
    X(TS, u64) X(OPENF, int) X(ATF, int) X(PROT, u64) X(MAPF, u64) X(CLONEF, u64)                  \
    X(FUTEXOP, int) X(WHENCE, int) X(ADDR, u64) X(AF, int) X(SOCKT, int) X(MSGF, u32)

enum syscall_kind {
    K_END,
#define X(kind, type) K_##kind,
    SYSCALL_KINDS(X)
#undef X
    K_NONE /* result of a call that does not return */
};

#define X(kind, type) typedef type arg_##kind;
SYSCALL_KINDS(X)
#undef X

#endif
