/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the boot data with libfdt: see boot.h. */
#include "core/boot.h"

#include "core/print.h"
#include "core/string.h"
#include "mm/frame.h"

#include <libfdt.h>

#define NODES_MAX (8u + 2 * RV_MAX_ROOTS)
#define PROPS_MAX 192u

struct boot_prop {
    const char *name;
    const void *data;
    u32 len;
};

struct boot_node {
    const char *name;
    u32 first, end; /* of its properties */
};

struct boot_info boot;

static struct boot_node nodes[NODES_MAX];
static struct boot_prop props[PROPS_MAX];
static u32 nnodes, nprops;

static void read_properties(const void *fdt, int offset)
{
    int p;

    fdt_for_each_property_offset(p, fdt, offset) {
        struct boot_prop *to = &props[nprops];
        int len;

        if (nprops == PROPS_MAX)
            panic("boot data: too many properties");
        to->data = fdt_getprop_by_offset(fdt, p, &to->name, &len);
        if (!to->data)
            panic("boot data: a damaged property");
        to->len = (u32)len;
        nprops++;
    }
}

const struct boot_node *boot_next(const struct boot_node *after, const char *prefix)
{
    for (const struct boot_node *n = after ? after + 1 : nodes; n < nodes + nnodes; n++)
        if (!strncmp(n->name, prefix, strlen(prefix)))
            return n;
    return NULL;
}

const struct boot_node *boot_node(const char *name)
{
    for (const struct boot_node *n = nodes; n < nodes + nnodes; n++)
        if (!strcmp(n->name, name))
            return n;
    return NULL;
}

const void *boot_prop(const struct boot_node *n, const char *name, u32 *len)
{
    for (u32 i = n ? n->first : 0; n && i < n->end; i++) {
        if (!strcmp(props[i].name, name)) {
            *len = props[i].len;
            return props[i].data;
        }
    }
    return NULL;
}

bool boot_flag(const struct boot_node *n, const char *name)
{
    u32 len;

    return boot_prop(n, name, &len) != NULL;
}

u32 boot_cell(const struct boot_node *n, const char *name, u32 i, u32 otherwise)
{
    u32 len;
    const fdt32_t *p = boot_prop(n, name, &len);

    return p && len / 4 > i ? fdt32_ld(p + i) : otherwise;
}

u64 boot_cell64(const struct boot_node *n, const char *name, u32 i, u64 otherwise)
{
    u32 len;
    const fdt64_t *p = boot_prop(n, name, &len);

    return p && len / 8 > i ? fdt64_ld(p + i) : otherwise;
}

const char *boot_string(const struct boot_node *n, const char *name, const char *otherwise)
{
    u32 len;
    const char *p = boot_prop(n, name, &len);

    return p && len && !p[len - 1] ? p : otherwise;
}

const char *boot_next_string(const struct boot_node *n, const char *name, const char *after)
{
    u32 len, at;
    const char *p = boot_prop(n, name, &len);

    if (!p || !len || p[len - 1])
        return NULL;
    at = after ? (u32)(after - p) + (u32)strlen(after) + 1 : 0;
    return at < len ? p + at : NULL;
}

static u64 number(const struct boot_node *n, const char *name, u32 size)
{
    u32 len;
    const void *p = boot_prop(n, name, &len);

    if (!p || len != size)
        panic("boot data: /machine/%s is missing or has a wrong size", name);
    return size == 8 ? fdt64_ld(p) : fdt32_ld(p);
}

static void read_machine(void)
{
    const struct boot_node *n = boot_node("machine");

    if (!n)
        panic("boot data: no /machine node");
    if (number(n, "abi-version", 4) != RV_ABI_VERSION)
        panic("boot data: the VMM speaks another version of the interface");
    boot.ram_size = number(n, "ram-size", 8);
    boot.ram_limit = number(n, "ram-limit", 8);
    boot.free_start = number(n, "free-start", 8);
    boot.vcpus = (u32)number(n, "vcpus", 4);
    boot.vcpu_pages = phys_to_virt(number(n, "vcpu-pages", 8));
    boot.events = phys_to_virt(number(n, "event-ring", 8));
    boot.shared = phys_to_virt(number(n, "shared-page", 8));
    boot.clock_pa = number(n, "clock-page", 8);
    boot.clock = phys_to_virt(boot.clock_pa);
    if (boot_flag(n, "fpu-size")) {
        boot.fpu_size = (u32)number(n, "fpu-size", 4);
        boot.fpu_features = number(n, "fpu-features", 8);
    }
}

void boot_read(const void *fdt)
{
    if (fdt_check_header(fdt))
        panic("boot data: not a device tree");
    for (int at = 0, depth = 0; at >= 0 && depth >= 0; at = fdt_next_node(fdt, at, &depth)) {
        struct boot_node *n = &nodes[nnodes];

        if (nnodes == NODES_MAX)
            panic("boot data: too many nodes");
        n->name = fdt_get_name(fdt, at, NULL);
        if (!n->name)
            panic("boot data: a damaged node");
        n->first = nprops;
        read_properties(fdt, at);
        n->end = nprops;
        nnodes++;
    }
    read_machine();
}
