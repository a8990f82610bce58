/* SPDX-License-Identifier: Apache-2.0 */
/* Crash reports: see crash.h. The text may come from the guest: control characters are replaced. */
#include "vmm/crash.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/arch.h"
#include "vmm/out.h"
#include "vmm/vm.h"

void crash_guest(struct vcpu *vcpu, uint64_t frame_gva, const char *fmt, ...)
{
    char text[1200];
    struct out out;
    va_list ap;

    vm_claim_end();
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    out_guest_line(STDERR_FILENO, "rvisor-vmm: the guest kernel crashed: ", text, strlen(text));
    out_init(&out, STDERR_FILENO);
    out_printf(&out, "vCPU %u of %u, RAM %llu of %llu MiB\n", vcpu->index, vcpu->vm->nvcpus,
               (unsigned long long)(atomic_load(&vcpu->vm->ram.size) >> 20),
               (unsigned long long)(vcpu->vm->ram.limit >> 20));
    arch_report(vcpu, frame_gva, &out);
    out_flush(&out);
    vm_end(vcpu->vm, VM_FAILED);
}
