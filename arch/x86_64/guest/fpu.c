/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FPU state of ring 3. The kernel uses no vector registers, so the state stays in the processor until
 * another thread is switched to. Signal frames carry it in the layout of Linux (asm/sigcontext.h).
 *
 * Where ring 0 is emulated it can only FXSAVE, and if ring 3 cannot be kept from using more than that, the
 * VMM saves and loads the state (fpu_by_vmm). That is an exit for each switch: such a KVM does not heed
 * CR0.TS in ring 3, so it cannot be put off until a thread uses the FPU.
 */
#include "arch/cpu.h"
#include "core/hostcall.h"
#include "core/print.h"
#include "core/string.h"
#include "guest.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/thread.h"

#define FP_XSTATE_MAGIC1 0x46505853u
#define FP_XSTATE_MAGIC2 0x46505845u
#define MXCSR_DEFAULT 0x1f80u
#define SW_RESERVED 464u /* in the FXSAVE image: struct _fpx_sw_bytes */

static u8 *initial;      /* state of a new program */
static u32 mxcsr_mask = 0xffbf;

static bool extended(void)
{
    return cpu_features.xsave || cpu_features.fpu_by_vmm;
}

/* Bytes of a save area; what the VMM fills is larger than the state. */
static u32 area_size(void)
{
    return cpu_features.fpu_by_vmm ? FPU_VMM_SIZE : cpu_features.xsave_size;
}

/* Areas are 64-aligned inside a block with room; the block's address is in the word before. */
static void *area_alloc(void)
{
    u8 *block = kmalloc(area_size() + 64 + 8), *p;

    if (!block)
        return NULL;
    p = (u8 *)ALIGN_UP((u64)block + 8, 64);
    ((void **)p)[-1] = block;
    return p;
}

static void area_free(void *p)
{
    if (p)
        kfree(((void **)p)[-1]);
}

/* Save the registers to one area and load them from another; either may be NULL. */
static void exchange(void *out, const void *in)
{
    if (cpu_features.fpu_by_vmm) {
        struct hc_io io;

        hc_io_init(&io);
        if (in)
            hc_in(&io, in, FPU_VMM_SIZE);
        if (out)
            hc_out(&io, out, FPU_VMM_SIZE);
        if (hostcall(RV_HC_fpu_switch, 0, 0, 0, 0, 0, &io))
            panic("the VMM cannot switch the FPU state");
    } else if (cpu_features.xsave) {
        if (out)
            __asm__ volatile("xsave64 (%0)" : : "r"(out), "a"(-1), "d"(-1) : "memory");
        if (in)
            __asm__ volatile("xrstor64 (%0)" : : "r"(in), "a"(-1), "d"(-1) : "memory");
    } else {
        if (out)
            __asm__ volatile("fxsave64 (%0)" : : "r"(out) : "memory");
        if (in)
            __asm__ volatile("fxrstor64 (%0)" : : "r"(in) : "memory");
    }
}

static void save(void *area)
{
    exchange(area, NULL);
}

static void restore(const void *area)
{
    exchange(NULL, area);
}

void fpu_init(void)
{
    initial = area_alloc();
    if (!initial)
        panic("no memory for the FPU state");
    memset(initial, 0, area_size());
    save(initial);
    if (*(u32 *)(initial + 28))
        mxcsr_mask = *(u32 *)(initial + 28);
    memset(initial, 0, area_size());
    *(u16 *)initial = 0x37f;                  /* FCW */
    *(u32 *)(initial + 24) = MXCSR_DEFAULT;
    if (extended())
        *(u64 *)(initial + 512) = 3;
}

static int ensure_area(struct thread *t)
{
    if (!t->ctx.fpu)
        t->ctx.fpu = area_alloc();
    return t->ctx.fpu ? 0 : -ENOMEM;
}

/* The registers hold t's state, here and nowhere else: an older vCPU may still name t as its owner. */
static void own(struct thread *t)
{
    WRITE_ONCE(this_cpu()->fpu_owner, t);
    t->ctx.fpu_cpu = this_cpu()->index;
}

/*
 * This vCPU goes from one thread to another. A kernel thread leaves the registers as they are, so whoever
 * owned them may find them again.
 */
void fpu_switch(struct thread *from, struct thread *to)
{
    struct percpu *cpu = this_cpu();
    void *out = from->proc && cpu->fpu_owner == from ? from->ctx.fpu : NULL, *in = NULL;

    if (to->proc && to->ctx.fpu && !(cpu->fpu_owner == to && to->ctx.fpu_cpu == cpu->index)) {
        in = to->ctx.fpu;
        own(to);
    }
    if (out || in)
        exchange(out, in);
}

void arch_exec_reset(void)
{
    struct thread *t = current();

    if (ensure_area(t))
        panic("no memory for the FPU state"); /* ensured at creation */
    arch_set_selectors(0);
    arch_set_fs_base(0);
    arch_set_gs_base(0);
    arch_fpu_reset();
}

void arch_fpu_reset(void)
{
    memcpy(current()->ctx.fpu, initial, area_size());
    restore(initial);
    own(current());
}

int arch_clone_state(struct thread *child)
{
    struct thread *t = current();

    if (ensure_area(child))
        return -ENOMEM;
    if (t->ctx.fpu && this_cpu()->fpu_owner == t)
        save(t->ctx.fpu);
    memcpy(child->ctx.fpu, t->ctx.fpu ? t->ctx.fpu : initial, area_size());
    child->ctx.fs_base = arch_get_fs_base();
    child->ctx.gs_base = arch_get_gs_base();
    child->ctx.selectors = arch_get_selectors();
    return 0;
}

void arch_thread_free(struct thread *t)
{
    /* Other vCPUs go on switching: only one that names t still, who no longer runs, may be changed. */
    for (u32 i = 0; i < ncpus; i++) {
        struct thread *owner = t;

        if (percpu_table[i])
            __atomic_compare_exchange_n(&percpu_table[i]->fpu_owner, &owner, NULL, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
    area_free(t->ctx.fpu);
    t->ctx.fpu = NULL;
}

/* --- signal frames -------------------------------------------------------------------------------- */

size_t arch_fpu_frame_size(void)
{
    return extended() ? cpu_features.xsave_size + 4 : 512;
}

int arch_fpu_save_user(u64 addr)
{
    struct thread *t = current();
    u8 *area = t->ctx.fpu;
    u32 magic2 = FP_XSTATE_MAGIC2;
    struct {
        u32 magic1, extended_size;
        u64 features;
        u32 size, padding[7];
    } sw = { FP_XSTATE_MAGIC1, cpu_features.xsave_size + 4, cpu_features.xfeatures,
             cpu_features.xsave_size, { 0 } };

    STATIC_ASSERT(sizeof(sw) == 48);
    if (this_cpu()->fpu_owner == t)
        save(area);
    if (!extended())
        memset(&sw, 0, sizeof(sw));
    memcpy(area + SW_RESERVED, &sw, sizeof(sw));
    if (copy_to_user(addr, area, cpu_features.xsave_size))
        return -EFAULT;
    if (extended() && copy_to_user(addr + cpu_features.xsave_size, &magic2, 4))
        return -EFAULT;
    return 0;
}

int arch_fpu_restore_user(u64 addr)
{
    struct thread *t = current();
    u8 *area = t->ctx.fpu, *tmp;
    bool whole;
    int r = 0;

    if (!addr) {
        arch_fpu_reset();
        return 0;
    }
    tmp = area_alloc();
    if (!tmp)
        return -ENOMEM;
    memset(tmp, 0, area_size());
    if (copy_from_user(tmp, addr, 512)) {
        r = -EFAULT;
        goto out;
    }
    whole = extended() && *(u32 *)(tmp + SW_RESERVED) == FP_XSTATE_MAGIC1 &&
            *(u32 *)(tmp + SW_RESERVED + 16) == cpu_features.xsave_size;
    if (whole && copy_from_user(tmp + 512, addr + 512, cpu_features.xsave_size - 512)) {
        r = -EFAULT;
        goto out;
    }
    /* Reserved bits would make the restore fault in ring 0: they are cleared, as Linux does. */
    *(u32 *)(tmp + 24) &= mxcsr_mask;
    if (extended()) {
        u64 *header = (u64 *)(tmp + 512);

        if (!whole)
            header[0] = 3;
        header[0] &= cpu_features.xfeatures;
        memset(header + 1, 0, 56);
    }
    memcpy(area, tmp, area_size());
    restore(area);
    own(t);
out:
    area_free(tmp);
    return r;
}
