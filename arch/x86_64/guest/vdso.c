/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Showing the vDSO to programs: one VMO with the clock page, the page of vdso_data.h and the image, which
 * all processes map.
 */
#include "arch/vdso.h"

#include "../vdso/vdso_data.h"
#include "arch/cpu.h"
#include "core/boot.h"
#include "core/print.h"
#include "core/string.h"
#include "mm/aspace.h"
#include "mm/frame.h"
#include "mm/vmo.h"

#define DATA_PAGES 2u

extern const char vdso_image[], vdso_image_end[];

static struct vmo *vmo;

static u64 image_size(void)
{
    return ALIGN_UP((u64)(vdso_image_end - vdso_image), PAGE_SIZE);
}

/* A new page at the index, which begins with these bytes. */
static void add_page(u64 index, const void *data, size_t n)
{
    u64 pa = frame_alloc(FRAME_ZERO);

    if (!pa || vmo_set_page(vmo, index, pa))
        panic("no memory for the vDSO");
    memcpy(phys_to_virt(pa), data, n);
}

void arch_vdso_init(void)
{
    struct vdso_data data = { .getcpu = VDSO_GETCPU_LIMIT };
    u64 left = (u64)(vdso_image_end - vdso_image);

    if (boot.vcpus == 1)
        data.getcpu = VDSO_GETCPU_ONE;
    else if (cpu_features.soft_syscall)
        data.getcpu = VDSO_GETCPU_CALL; /* ring 3 runs with the host's descriptor table */
    vmo = vmo_create(DATA_PAGES * PAGE_SIZE + image_size(), NULL, NULL);
    if (!vmo)
        panic("no memory for the vDSO");
    frame_adopt(boot.clock_pa);
    if (vmo_set_page(vmo, 0, boot.clock_pa))
        panic("no memory for the vDSO");
    add_page(1, &data, sizeof(data));
    for (u64 at = 0; left; at += PAGE_SIZE) {
        u64 n = MIN(left, PAGE_SIZE);

        add_page(DATA_PAGES + at / PAGE_SIZE, vdso_image + at, n);
        left -= n;
    }
}

s64 arch_vdso_map(struct aspace *as)
{
    struct map_args m = {
        .len = DATA_PAGES * PAGE_SIZE + image_size(), .prot = VM_READ, .max_prot = VM_READ,
        .flags = MAP_F_KERNEL, .vmo = vmo,
    };
    s64 at = aspace_map(as, &m);

    if (at < 0)
        return at;
    m.addr = (u64)at + DATA_PAGES * PAGE_SIZE;
    m.off = DATA_PAGES * PAGE_SIZE;
    m.len = image_size();
    m.prot = m.max_prot = VM_READ | VM_EXEC;
    m.fixed = true;
    return aspace_map(as, &m);
}
