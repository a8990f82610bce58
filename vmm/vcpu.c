/* SPDX-License-Identifier: Apache-2.0 */
/* A vCPU's thread: the run loop and what each exit leads to. */
#include "vmm/vcpu.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/arch.h"
#include "vmm/crash.h"
#include "vmm/event.h"
#include "vmm/hostcall.h"
#include "vmm/jail.h"
#include "vmm/kick.h"
#include "vmm/vm.h"
#include "vmm/window.h"

/* Newer than some build machines' headers; the numbers and layouts are ABI. */
#ifndef KVM_PRE_FAULT_MEMORY
struct kvm_pre_fault_memory {
    __u64 gpa, size, flags, padding[5];
};
#define KVM_PRE_FAULT_MEMORY _IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#endif
#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif

#define STACK_SIZE ((size_t)128 << 10)

int vcpu_create(struct vcpu *vcpu, struct error *err)
{
    int size = ioctl(vcpu->vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

    vcpu->fd = ioctl(vcpu->vm->vm_fd, KVM_CREATE_VCPU, (unsigned long)vcpu->index);
    if (vcpu->fd < 0)
        return error_set(err, errno, "KVM cannot create vCPU %u", vcpu->index);
    if (size < (int)sizeof(struct kvm_run))
        return error_set(err, 0, "KVM's vCPU area has a wrong size");
    vcpu->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
    if (vcpu->run == MAP_FAILED)
        return error_set(err, errno, "cannot map KVM's vCPU area");
    return arch_vcpu_init(vcpu, err);
}

void vcpu_pre_fault(struct vcpu *vcpu, uint64_t gpa, uint64_t len)
{
    struct kvm_pre_fault_memory range = { .gpa = gpa, .size = len };

    while (vcpu->vm->has_pre_fault && range.size)
        if (ioctl(vcpu->fd, KVM_PRE_FAULT_MEMORY, &range) < 0)
            return; /* a kick ends it as well */
}

static void handle_io(struct vcpu *vcpu)
{
    const struct kvm_run *run = vcpu->run;

    if (run->io.port != RV_HOSTCALL_PORT || run->io.direction != KVM_EXIT_IO_OUT ||
        run->io.size != 4 || run->io.count != 1)
        crash_guest(vcpu, 0, "unexpected port access: port 0x%x, size %u, count %u", run->io.port,
                    run->io.size, run->io.count);
    vcpu->returns[RETURN_HOSTCALL]++;
    hc_dispatch(vcpu);
}

static void handle_mmio(struct vcpu *vcpu)
{
    struct kvm_run *run = vcpu->run;

    if (!window_fault(vcpu->vm, vcpu, true, run->mmio.phys_addr))
        crash_guest(vcpu, 0, "%s address 0x%llx, where no memory is",
                    run->mmio.is_write ? "write to" : "read from",
                    (unsigned long long)run->mmio.phys_addr);
    memset(run->mmio.data, 0, sizeof(run->mmio.data));
    vcpu->returns[RETURN_FAULT]++;
}

/* KVM_RUN failed. */
static void handle_error(struct vcpu *vcpu, int error)
{
    uint64_t gpa = UINT64_MAX;

    switch (error) {
    case EINTR:
    case EAGAIN:
        vcpu->returns[RETURN_KICK]++;
        return;
    case EFAULT:
    case EHWPOISON:
        if (vcpu->run->exit_reason == KVM_EXIT_MEMORY_FAULT)
            memcpy(&gpa, (const char *)&vcpu->run->hw + 8, sizeof(gpa)); /* memory_fault.gpa */
        if (!window_fault(vcpu->vm, vcpu, false, gpa))
            crash_guest(vcpu, 0, "access to memory that the host cannot provide");
        vcpu->returns[RETURN_FAULT]++;
        return;
    default:
        crash_guest(vcpu, 0, "KVM_RUN failed: %s", strerror(error));
    }
}

static void handle_exit(struct vcpu *vcpu)
{
    const struct kvm_run *run = vcpu->run;

    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        handle_io(vcpu);
        break;
    case KVM_EXIT_HLT:
        vcpu->returns[RETURN_HLT]++;
        vcpu_idle(vcpu);
        break;
    case KVM_EXIT_IRQ_WINDOW_OPEN:
        vcpu->returns[RETURN_WINDOW]++;
        break;
    case KVM_EXIT_INTR:
        vcpu->returns[RETURN_KICK]++;
        break;
    case KVM_EXIT_MMIO:
        handle_mmio(vcpu);
        break;
    case KVM_EXIT_SHUTDOWN:
        crash_guest(vcpu, 0, "triple fault");
    case KVM_EXIT_FAIL_ENTRY:
        crash_guest(vcpu, 0, "the processor refuses to enter the guest, reason 0x%llx",
                    (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
    case KVM_EXIT_INTERNAL_ERROR:
        crash_guest(vcpu, 0, "KVM cannot go on (internal error %u%s)", run->internal.suberror,
                    run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION
                        ? ", an instruction it cannot emulate"
                        : "");
    default:
        crash_guest(vcpu, 0, "unexpected exit %u", run->exit_reason);
    }
}

static void *vcpu_main(void *arg)
{
    struct vcpu *vcpu = arg;
    struct vm *vm = vcpu->vm;
    char name[16];

    vcpu->tid = (int)syscall(SYS_gettid);
    snprintf(name, sizeof(name), "vcpu %u", vcpu->index);
    prctl(PR_SET_NAME, name); /* for top and gdb */
    jail_thread(vm, "vcpu");
    vcpu_wait_start(vcpu);
    kick_thread_init(vcpu);
    if (vcpu->index == 0) /* the kernel and what it is given: nearly all of it is used at once */
        vcpu_pre_fault(vcpu, RV_KERNEL_GPA, vm->boot_data_gpa - RV_KERNEL_GPA);
    for (;;) {
        int r;

        vcpu_before_run(vcpu);
        r = ioctl(vcpu->fd, KVM_RUN, 0) < 0 ? errno : 0;
        vcpu_after_run(vcpu);
        if (r)
            handle_error(vcpu, r);
        else
            handle_exit(vcpu);
    }
    return NULL;
}

int vcpu_init(struct vm *vm, uint32_t index, struct error *err)
{
    struct vcpu *vcpu = &vm->vcpu[index];
    pthread_attr_t attr;
    int r;

    vcpu->vm = vm;
    vcpu->index = index;
    atomic_store(&vcpu->state, VCPU_OFF);
    vcpu->hostcalls = calloc(RV_HC_COUNT, sizeof(*vcpu->hostcalls));
    if (!vcpu->hostcalls)
        return error_set(err, ENOMEM, "cannot create vCPU %u", index);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    r = pthread_create(&vcpu->thread, &attr, vcpu_main, vcpu);
    pthread_attr_destroy(&attr);
    return r ? error_set(err, r, "cannot start the thread of vCPU %u", index) : 0;
}
