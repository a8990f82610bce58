/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the machine's part of the boot data with libfdt: see boot.h. */
#include "core/boot.h"

#include "core/print.h"
#include "mm/frame.h"

#include <libfdt.h>

struct boot_info boot;

static u64 number(const void *fdt, int node, const char *name, int size)
{
    int len;
    const void *p = fdt_getprop(fdt, node, name, &len);

    if (!p || len != size)
        panic("boot data: /machine/%s is missing or has a wrong size", name);
    return size == 8 ? fdt64_ld(p) : fdt32_ld(p);
}

void boot_read(const void *fdt)
{
    int node;

    if (fdt_check_header(fdt))
        panic("boot data: not a device tree");
    node = fdt_path_offset(fdt, "/machine");
    if (node < 0)
        panic("boot data: no /machine node");
    if (number(fdt, node, "abi-version", 4) != RV_ABI_VERSION)
        panic("boot data: the VMM speaks another version of the interface");
    boot.fdt = fdt;
    boot.ram_size = number(fdt, node, "ram-size", 8);
    boot.ram_limit = number(fdt, node, "ram-limit", 8);
    boot.free_start = number(fdt, node, "free-start", 8);
    boot.vcpus = (u32)number(fdt, node, "vcpus", 4);
    if (fdt_getprop(fdt, node, "fpu-size", NULL)) {
        boot.fpu_size = (u32)number(fdt, node, "fpu-size", 4);
        boot.fpu_features = number(fdt, node, "fpu-features", 8);
    }
    boot.vcpu_pages = phys_to_virt(number(fdt, node, "vcpu-pages", 8));
    boot.events = phys_to_virt(number(fdt, node, "event-ring", 8));
    boot.shared = phys_to_virt(number(fdt, node, "shared-page", 8));
    boot.clock_pa = number(fdt, node, "clock-page", 8);
    boot.clock = phys_to_virt(boot.clock_pa);
}
