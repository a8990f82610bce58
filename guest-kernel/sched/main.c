/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's beginning on each vCPU, once arch/ has made it a place for C. */
#include "arch/cpu.h"
#include "arch/percpu.h"
#include "arch/upcall.h"
#include "core/boot.h"
#include "core/hostcall.h"
#include "core/print.h"
#include "core/random.h"
#include "core/string.h"
#include "sched/sched.h"

static void first_thread(void *arg UNUSED)
{
    linux_boot();
}

static void read_options(void)
{
    log_level = boot_cell(boot_node("options"), "debug", 0, 0);
}

/*
 * A vCPU that does not start is left out; the others do its work. They start late, when there is
 * something for them to do: a container that runs one short command never pays for them.
 */
static void start_others(void)
{
    u32 n = MIN(boot.vcpus, RV_MAX_VCPUS);

    for (u32 i = 1; i < n; i++) {
        if (cpu_prepare(i)) {
            log_error("no memory for vCPU %u: it stays off", i);
            return;
        }
        ncpus = i + 1;
        if (hostcall(RV_HC_vcpu_start, i, 0, 0, 0, 0, NULL) < 0) {
            log_error("vCPU %u does not start", i);
            ncpus = i;
            return;
        }
    }
}

void kernel_main(void)
{
    struct thread *t;

    read_options();
    random_init(boot.shared->seed);
    memset(boot.shared->seed, 0, sizeof(boot.shared->seed));
    sched_init_cpu();
    t = thread_create(NULL, "boot", first_thread, NULL);
    if (!t)
        panic("no memory for the first thread");
    thread_start(t);
    object_unref(&t->obj);
    start_others();
    sched_idle_loop();
}

void kernel_main_secondary(u32 cpu UNUSED)
{
    sched_init_cpu();
    sched_idle_loop();
}
