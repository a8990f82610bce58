/* SPDX-License-Identifier: Apache-2.0 */
/* Opening /dev/kvm and making the virtual machine, with a clear message for whatever is missing. */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include "hostcalls/lib/error.h"

struct vm;

/* Open /dev/kvm, check it, create the VM: sets kvm_fd, vm_fd and the capability fields of vm. */
int kvm_open(struct vm *vm, struct error *err);

#endif
