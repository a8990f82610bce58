/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvmcheck.c: the smallest use of /dev/kvm, for the lab's own test (static). Makes a virtual
 * machine with one page, runs `mov $42, %al; out %al, $16; hlt` in real mode, and prints "kvm
 * works" when the VMM saw that byte and then the halt. Exit code 0, or 1 with one line that names
 * the first step that failed.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

static const unsigned char program[] = {0xb0, 42, 0xe6, 16, 0xf4};

static int check(int result, const char *step)
{
    if (result < 0) {
        perror(step);
        exit(1);
    }
    return result;
}

int main(void)
{
    int kvm = check(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    int version = check(ioctl(kvm, KVM_GET_API_VERSION, 0), "KVM_GET_API_VERSION");
    int vm = check(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(page == MAP_FAILED ? -1 : 0, "mmap");
    memcpy(page, program, sizeof program);
    struct kvm_userspace_memory_region region = {.guest_phys_addr = 0x1000,
                                                 .memory_size = 4096,
                                                 .userspace_addr = (uintptr_t)page};
    check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");

    int vcpu = check(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    size_t size = (size_t)check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
    struct kvm_run *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    check(run == MAP_FAILED ? -1 : 0, "mmap of the vCPU");
    struct kvm_sregs sregs;
    check(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    check(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
    struct kvm_regs regs = {.rip = 0x1000, .rflags = 2};
    check(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");

    check(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
    const char *byte = (const char *)run + run->io.data_offset;
    if (version != 12 || run->exit_reason != KVM_EXIT_IO || run->io.port != 16 || *byte != 42) {
        fprintf(stderr, "first exit: reason %u\n", run->exit_reason);
        return 1;
    }
    check(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
    if (run->exit_reason != KVM_EXIT_HLT) {
        fprintf(stderr, "second exit: reason %u\n", run->exit_reason);
        return 1;
    }
    puts("kvm works");
    return 0;
}
