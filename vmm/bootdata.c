/* SPDX-License-Identifier: Apache-2.0 */
/* Boot data: runrsc's tree is checked, copied and gets the /machine node. */
#include "vmm/bootdata.h"

#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostcalls/lib/cleanup.h"
#include "vmm/arch.h"
#include "vmm/elfload.h"
#include "vmm/options.h"
#include "vmm/vm.h"

/* Arguments and environment may be long, as for execve; nothing else in the tree is. */
#define CONFIG_MAX  ((off_t)4 << 20)
#define MACHINE_MAX 1024
/* The guest needs some pages of its own before it can ask for more. */
#define GUEST_ROOM (UINT64_C(1) << 20)
/* The page tables that we build, at most. */
#define TABLES_ROOM (UINT64_C(256) << 10)

static int read_config(int fd, char **tree, size_t *len, struct error *err)
{
    cleanup_free char *buf = NULL;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return error_set(err, errno, "cannot read the configuration");
    if (st.st_size < (off_t)sizeof(struct fdt_header) || st.st_size > CONFIG_MAX)
        return error_set(err, 0,
                         "the configuration has a wrong size (arguments and environment may "
                         "have %d MiB)",
                         (int)(CONFIG_MAX >> 20));
    buf = malloc((size_t)st.st_size + MACHINE_MAX);
    if (!buf)
        return error_set(err, ENOMEM, "cannot read the configuration");
    if (pread(fd, buf, (size_t)st.st_size, 0) != st.st_size)
        return error_set(err, errno, "cannot read the configuration");
    if (fdt_check_full(buf, (size_t)st.st_size))
        return error_set(err, 0, "the configuration is not a device tree");
    if (fdt_path_offset(buf, "/process") < 0 || fdt_path_offset(buf, "/mounts") < 0)
        return error_set(err, 0, "the configuration lacks /process or /mounts");
    if (fdt_path_offset(buf, "/machine") >= 0)
        return error_set(err, 0, "the configuration has a /machine node, which is the VMM's");
    *len = fdt_totalsize(buf) + MACHINE_MAX;
    if (fdt_open_into(buf, buf, (int)*len))
        return error_set(err, 0, "cannot copy the configuration");
    *tree = buf;
    buf = NULL;
    return 0;
}

/* Take n zeroed pages at *free. NULL: the RAM handed out ends before. */
static void *take(struct vm *vm, uint64_t *free, uint64_t n, uint64_t *gpa)
{
    void *at = ram_at(vm, (gpa_t) { *free }, n * RV_PAGE_SIZE);

    *gpa = *free;
    *free += n * RV_PAGE_SIZE;
    return at;
}

int bootdata_build(struct vm *vm, struct error *err)
{
    cleanup_free char *tree = NULL;
    uint64_t free = vm->kernel->end, vcpus, events, shared, clock, at;
    uint64_t pages;
    size_t len = 0;
    int node, bad = 0;
    void *p;

    if (read_config(vm->opt->config_fd, &tree, &len, err))
        return -1;
    pages = (len + RV_PAGE_SIZE - 1) / RV_PAGE_SIZE;
    ram_need(vm, free + (vm->nvcpus + 5 + pages) * RV_PAGE_SIZE + TABLES_ROOM + GUEST_ROOM);
    p = take(vm, &free, vm->nvcpus, &vcpus);
    for (uint32_t i = 0; p && i < vm->nvcpus; i++) {
        vm->vcpu[i].page = (struct rv_vcpu_page *)p + i;
        vm->vcpu[i].page->deadline = RV_NO_DEADLINE;
    }
    vm->events = take(vm, &free, 3, &events);
    vm->shared = take(vm, &free, 1, &shared);
    vm->clock = take(vm, &free, 1, &clock);
    if (!p || !vm->events || !vm->shared || !vm->clock)
        return error_set(err, 0, "the memory limit is too small to boot");
    vm->shared->abi_version = RV_ABI_VERSION;
    vm->shared->nvcpus = vm->nvcpus;
    vm->shared->ram_limit = vm->ram.limit;
    if (getrandom(vm->shared->seed, sizeof(vm->shared->seed), 0) != sizeof(vm->shared->seed))
        return error_set(err, errno, "cannot get random bytes");
    if (arch_build_tables(vm, vm->kernel, &free, err))
        return -1;

    p = take(vm, &free, pages, &at);
    if (!p || !ram_at(vm, (gpa_t) { free }, GUEST_ROOM))
        return error_set(err, 0, "the memory limit is too small to boot");
    node = fdt_add_subnode(tree, 0, "machine");
    if (node < 0)
        return error_set(err, 0, "cannot make the boot data: %s", fdt_strerror(node));
    bad |= fdt_setprop_u32(tree, node, "abi-version", RV_ABI_VERSION);
    bad |= fdt_setprop_u64(tree, node, "ram-size", atomic_load(&vm->ram.size));
    bad |= fdt_setprop_u64(tree, node, "ram-limit", vm->ram.limit);
    bad |= fdt_setprop_u64(tree, node, "free-start", free);
    bad |= fdt_setprop_u32(tree, node, "vcpus", vm->nvcpus);
    bad |= fdt_setprop_u64(tree, node, "vcpu-pages", vcpus);
    bad |= fdt_setprop_u64(tree, node, "event-ring", events);
    bad |= fdt_setprop_u64(tree, node, "shared-page", shared);
    bad |= fdt_setprop_u64(tree, node, "clock-page", clock);
    if (arch_fpu_size()) {
        bad |= fdt_setprop_u32(tree, node, "fpu-size", arch_fpu_size());
        bad |= fdt_setprop_u64(tree, node, "fpu-features", arch_fpu_features());
    }
    if (bad)
        return error_set(err, 0, "cannot make the boot data");
    fdt_pack(tree);
    memcpy(p, tree, fdt_totalsize(tree));
    vm->boot_data_gpa = at;
    return 0;
}
