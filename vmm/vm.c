/* SPDX-License-Identifier: Apache-2.0 */
/* Memory slots, and the ways in which this process ends: see vm.h. */
#include "vmm/vm.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vmm/out.h"
#include "vmm/stats.h"

int vm_add_slot(struct vm *vm, gpa_t gpa, uint64_t len, void *host, uint32_t flags)
{
    struct kvm_userspace_memory_region region = {
        .flags = flags,
        .guest_phys_addr = gpa.v,
        .memory_size = len,
        .userspace_addr = (uintptr_t)host,
    };
    int r = 0;

    pthread_mutex_lock(&vm->slot_lock);
    if (vm->next_slot >= vm->max_slots) {
        r = -ENOSPC;
    } else {
        region.slot = vm->next_slot;
        if (ioctl(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
            r = -errno;
        else
            vm->next_slot++;
    }
    pthread_mutex_unlock(&vm->slot_lock);
    return r;
}

uint64_t vm_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

/* The first thread that comes here ends the process; the others wait for that. */
void vm_claim_end(void)
{
    static atomic_flag ending = ATOMIC_FLAG_INIT;

    if (atomic_flag_test_and_set(&ending))
        for (;;)
            pause();
}

void vm_fatal(struct vm *vm, const char *fmt, ...)
{
    char text[512];
    struct out out;
    va_list ap;

    vm_claim_end();
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    out_init(&out, STDERR_FILENO);
    out_printf(&out, "rvisor-vmm: %s\n", text);
    out_flush(&out);
    stats_write(vm);
    _exit(125);
}

void vm_exit(struct vm *vm, int wait_status)
{
    vm_claim_end();
    stats_write(vm);
    if (WIFSIGNALED(wait_status)) {
        int sig = WTERMSIG(wait_status);
        sigset_t set;

        signal(sig, SIG_DFL);
        sigemptyset(&set);
        sigaddset(&set, sig);
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        raise(sig);
        _exit(128 + sig); /* a signal whose default is not to end the process */
    }
    _exit(WEXITSTATUS(wait_status));
}
