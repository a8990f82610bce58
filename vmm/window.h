/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file windows: two guest-physical ranges that show pages of host files, one read-only and one
 * writable (hostcalls/abi.h). The VMM maps and unmaps there and never touches the memory itself.
 */
#ifndef VMM_WINDOW_H
#define VMM_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "hostcalls/lib/error.h"

struct vm;
struct vcpu;

/* After ram_init. Costs nothing that grows with the windows: their slots come with their use. */
int window_init(struct vm *vm, struct error *err);

/*
 * KVM could not do a vCPU's access. gpa: where, or UINT64_MAX if it does not say; mmio: it came as
 * an MMIO exit (vcpu->run->mmio), which the caller completes with zeros. True: a page that its file
 * lost can explain it, everything is prepared, go on running. False: the guest is to blame. On the
 * vCPU's own thread.
 */
bool window_fault(struct vm *vm, struct vcpu *vcpu, bool mmio, uint64_t gpa);

#endif
