/* SPDX-License-Identifier: Apache-2.0 */
/* Opening /dev/kvm and making the virtual machine, with a clear message for whatever is missing. */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include "hostcalls/lib/error.h"

struct vm;

/* Open /dev/kvm and check it: sets kvm_fd and the capability fields of vm. */
int kvm_open(struct vm *vm, struct error *err);

/*
 * Create the VM, on a thread of its own until kvm_create_end: KVM waits for the rest of the host's
 * kernel (a grace period of RCU, where a thread of KVM's own joins the caller's control groups),
 * which takes some 10 ms and no processor. kvm_create_end sets vm_fd.
 */
int kvm_create_begin(struct vm *vm, struct error *err);
int kvm_create_end(struct vm *vm, struct error *err);

#endif
