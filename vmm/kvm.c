/* SPDX-License-Identifier: Apache-2.0 */
/* /dev/kvm: presence, rights, version, capabilities (Documentation/virt/kvm/api.rst). */
#include "vmm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "vmm/vm.h"

/* Newer than some build machines' headers; the numbers are ABI. */
#ifndef KVM_CAP_PRE_FAULT_MEMORY
#define KVM_CAP_PRE_FAULT_MEMORY 236
#endif

#define STACK_SIZE ((size_t)64 << 10)

static const struct {
    int cap;
    const char *name, *what_for;
} required[] = {
    { KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY", "guest memory" },
    { KVM_CAP_DESTROY_MEMORY_REGION_WORKS, "KVM_CAP_DESTROY_MEMORY_REGION_WORKS", "memory slots" },
    { KVM_CAP_SYNC_MMU, "KVM_CAP_SYNC_MMU", "mapping files into the guest" },
    { KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID", "processor features" },
    { KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT", "interrupting a vCPU (Linux 4.13)" },
    { KVM_CAP_READONLY_MEM, "KVM_CAP_READONLY_MEM", "read-only file windows" },
};

int kvm_open(struct vm *vm, struct error *err)
{
    int version, slots;

    vm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (vm->kvm_fd < 0) {
        switch (errno) {
        case ENOENT:
        case ENXIO:
        case ENODEV:
            return error_set(
                err, errno,
                "/dev/kvm is not there: load the kernel module kvm_intel or kvm_amd, and "
                "enable virtualisation in the firmware or the machine's host");
        case EACCES:
        case EPERM:
            return error_set(
                err, errno,
                "no rights to /dev/kvm: join its group (often 'kvm') or, in a container, "
                "pass the device in");
        default:
            return error_set(err, errno, "cannot open /dev/kvm");
        }
    }
    version = ioctl(vm->kvm_fd, KVM_GET_API_VERSION, 0);
    if (version < 0)
        return error_set(err, errno, "/dev/kvm is not KVM's device");
    if (version != KVM_API_VERSION)
        return error_set(err, 0, "/dev/kvm speaks API version %d, needed is %d", version,
                         KVM_API_VERSION);
    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
        if (ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, required[i].cap) <= 0)
            return error_set(err, 0, "this kernel's KVM lacks %s, needed for %s", required[i].name,
                             required[i].what_for);
    vm->has_readonly_mem = true;
    vm->has_pre_fault = ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_PRE_FAULT_MEMORY) > 0;
    vm->has_stats_fd = ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_BINARY_STATS_FD) > 0;
    slots = ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);
    vm->max_slots = slots > 0 ? (uint32_t)slots : 32;
    return 0;
}

static struct {
    pthread_t thread;
    int error; /* errno of KVM_CREATE_VM */
} creator;

static void *create(void *arg)
{
    struct vm *vm = arg;

    do
        vm->vm_fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, 0);
    while (vm->vm_fd < 0 && errno == EINTR);
    creator.error = errno;
    return NULL;
}

int kvm_create_begin(struct vm *vm, struct error *err)
{
    pthread_attr_t attr;
    int r;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    r = pthread_create(&creator.thread, &attr, create, vm);
    pthread_attr_destroy(&attr);
    return r ? error_set(err, r, "cannot start a thread") : 0;
}

int kvm_create_end(struct vm *vm, struct error *err)
{
    pthread_join(creator.thread, NULL);
    if (vm->vm_fd < 0)
        return error_set(err, creator.error, "KVM cannot create a virtual machine");
    if (ioctl(vm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_PRE_FAULT_MEMORY) > 0)
        vm->has_pre_fault = true;
    return 0;
}
