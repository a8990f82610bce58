/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rvisor-vmm: runs one sandbox. Started by runrsc, which passes every descriptor that is needed.
 * The order matters: what needs a path is opened first, then the process jails itself, then the
 * virtual machine and all around it is made, each thread under its own filter before the guest runs.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
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

/* All that has a path. */
static int open_files(struct vm *vm, struct error *err)
{
    clock_find();
    return kvm_open(vm, err) || elf_open(vm, vm->opt->kernel, err) ? -1 : 0;
}

static int take_options(struct vm *vm, struct error *err)
{
    const struct options *opt = vm->opt;

    vm->nvcpus = opt->cpus;
    vm->fs_fd = opt->fs_fd;
    vm->fs_ring_fd = opt->fs_ring_fd;
    vm->fs_wake_fd = opt->fs_wake_fd;
    vm->fs_done_fd = opt->fs_done_fd;
    pthread_mutex_init(&vm->slot_lock, NULL);
    vm->vcpu = calloc(vm->nvcpus, sizeof(*vm->vcpu));
    return vm->vcpu ? 0 : error_set(err, ENOMEM, "cannot start");
}

/* What needs no virtual machine, while that is being made. */
static int set_up(struct vm *vm, struct error *err)
{
    if (event_init(vm, err) || kvm_create_begin(vm, err) || arch_model_init(vm, err) ||
        ram_init(vm, vm->opt->memory, err) || elf_load(vm, err) || bootdata_build(vm, err) ||
        files_init(vm, err) || window_init(vm, err) || fsclient_init(vm, err) || pool_init(vm, err))
        return -1;
    vcpu_kick_init();
    for (uint32_t i = 0; i < vm->nvcpus; i++)
        if (vcpu_init(vm, i, err))
            return -1;
    return 0;
}

static int set_up_machine(struct vm *vm, struct error *err)
{
    if (kvm_create_end(vm, err))
        return -1;
    vm->shared->window_ready = vm->has_pre_fault;
    arch_vm_init(vm);
    if (ram_start(vm, err))
        return -1;
    for (uint32_t i = 0; i < vm->nvcpus; i++)
        if (vcpu_create(&vm->vcpu[i], err))
            return -1;
    clock_init(vm);
    stats_init(vm);
    jail_close_fixed(vm->opt->config_fd);
    jail_close_fixed(vm->opt->fs_ring_fd);
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
    if (jail_fix_fds(&opt, &err) || take_options(&vm, &err) || open_files(&vm, &err) ||
        jail_process(&vm, &err) || set_up(&vm, &err) || set_up_machine(&vm, &err))
        return error_report("rvisor-vmm", &err);
    jail_thread(&vm, "event");
    vcpu_begin(&vm.vcpu[0]);
    event_loop(&vm);
}
