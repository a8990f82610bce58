/* SPDX-License-Identifier: Apache-2.0 */
/* Clearing and copying of frames: see arch/page.h. */
#include "arch/page.h"

#include "arch/cpu.h"
#include "core/hostcall.h"
#include "core/string.h"
#include "mm/frame.h"

void page_clear_run(u64 pa, u64 len)
{
    if (cpu_features.emulated)
        hostcall(RV_HC_mem_clear, pa, len, 0, 0, 0, NULL);
    else
        memset(phys_to_virt(pa), 0, len);
}

void page_clear(u64 pa)
{
    page_clear_run(pa, PAGE_SIZE);
}

void page_copy(u64 dst_pa, u64 src_pa)
{
    struct hc_io io;

    /* The VMM never touches window memory, so a window page is copied here everywhere. */
    if (!cpu_features.emulated || src_pa >= RV_WINDOW_RO_GPA) {
        memcpy(phys_to_virt(dst_pa), phys_to_virt(src_pa), PAGE_SIZE);
        return;
    }
    hc_io_init(&io);
    hc_in_pa(&io, src_pa, PAGE_SIZE);
    hc_out_pa(&io, dst_pa, PAGE_SIZE);
    hostcall(RV_HC_mem_copy, 0, 0, 0, 0, 0, &io);
}
