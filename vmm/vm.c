/* SPDX-License-Identifier: Apache-2.0 */
/* Memory slots, and the ways in which this process ends: see vm.h. */
#include "vmm/vm.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vmm/control.h"
#include "vmm/hostcall.h"
#include "vmm/options.h"
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
    vm_end(vm, VM_FAILED);
}

/* Whether runrsc was told; then it leaves, which ends us (PR_SET_PDEATHSIG). */
static bool report_end(const struct vm *vm, int wait_status)
{
    struct rv_control_msg msg = { .version = RV_CONTROL_VERSION,
                                  .kind = RV_CONTROL_EXIT,
                                  .arg = { (uint32_t)wait_status } };

    return write(vm->opt->control_fd, &msg, sizeof(msg)) == sizeof(msg);
}

void vm_end(struct vm *vm, int wait_status)
{
    const struct options *opt = vm->opt;
    const int callers[] = { STDIN_FILENO,  STDOUT_FILENO,  STDERR_FILENO,
                            opt->stats_fd, opt->trace_fd, opt->log_fd };

    calls_end(vm);
    stats_write(vm);
    /* Whoever reads to the end of a pipe need not wait for us either. */
    for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++)
        close(callers[i]);
    /*
     * Ending now would keep a processor busy that runrsc may need; it is gone long before the time
     * is over.
     */
    if (report_end(vm, wait_status))
        poll(NULL, 0, 1000);
    _exit(WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
}
