/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rvisor-vmm: runs one sandbox. Started by runrsc, which passes every descriptor that is needed.
 * The order matters: everything is opened and set up first, then the process jails itself, then the
 * threads start, each under its own filter.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "vmm/arch.h"
#include "vmm/bootdata.h"
#include "vmm/clock.h"
#include "vmm/elfload.h"
#include "vmm/event.h"
#include "vmm/files.h"
#include "vmm/fsclient.h"
#include "vmm/hostcall.h"
#include "vmm/jail.h"
#include "vmm/kvm.h"
#include "vmm/options.h"
#include "vmm/pool.h"
#include "vmm/stats.h"
#include "vmm/stdfds.h"
#include "vmm/vm.h"
#include "vmm/window.h"

static int set_up(struct vm *vm, struct error *err)
{
    const struct options *opt = vm->opt;

    vm->nvcpus = opt->cpus;
    vm->fs_fd = opt->fs_fd;
    vm->fs_ring_fd = opt->fs_ring_fd;
    vm->fs_wake_fd = opt->fs_wake_fd;
    vm->fs_done_fd = opt->fs_done_fd;
    pthread_mutex_init(&vm->slot_lock, NULL);
    vm->vcpu = calloc(vm->nvcpus, sizeof(*vm->vcpu));
    if (!vm->vcpu)
        return error_set(err, ENOMEM, "cannot start");
    if (event_init(vm, err) || kvm_open(vm, err) || arch_vm_init(vm, err) ||
        ram_init(vm, opt->memory, err) || elf_load(vm, opt->kernel, err) || bootdata_build(vm, err))
        return -1;
    for (uint32_t i = 0; i < vm->nvcpus; i++)
        if (vcpu_init(vm, i, err))
            return -1;
    clock_init(vm);
    stats_init(vm);
    if (files_init(vm, err) || window_init(vm, err) || fsclient_init(vm, err))
        return -1;
    close(opt->config_fd);
    close(vm->kvm_fd);
    vm->kvm_fd = -1;
    return 0;
}

int main(int argc, char **argv)
{
    static struct options opt;
    static struct vm vm;
    struct error err = ERROR_INIT;

    vm.start_ns = vm_now();
    stdfds_init();
    /* One heap: an arena of its own for each thread costs memory and is never needed. */
    mallopt(M_ARENA_MAX, 1);
    vm.opt = &opt;
    if (options_parse(&opt, argc, argv, &err))
        return error_report("rvisor-vmm", &err);
    jail_close_others(&opt);
    if (set_up(&vm, &err) || jail_process(&vm, &err))
        return error_report("rvisor-vmm", &err);
    malloc_trim(0);
    vcpu_kick_init();
    if (pool_init(&vm, &err))
        return error_report("rvisor-vmm", &err);
    for (uint32_t i = 0; i < vm.nvcpus; i++)
        if (vcpu_start_thread(&vm.vcpu[i], &err))
            return error_report("rvisor-vmm", &err);
    jail_thread(&vm, "event");
    vcpu_begin(&vm.vcpu[0]);
    event_loop(&vm);
}
