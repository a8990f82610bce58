/* SPDX-License-Identifier: Apache-2.0 */
/* Address spaces and accesses to them, for tests: see unit_aspace.h. */
#include "tests/unit/unit_aspace.h"

#include "mm/frame.h"
#include "tests/unit/unit.h"

#define MIB (UINT64_C(1) << 20)

struct aspace *space[SPACES];
static u64 first_used;

void spaces_start(void)
{
    fake_ram(16 * MIB, 1024 * MIB);
    first_used = fake_frames_used();
}

struct aspace *one_space(void)
{
    spaces_start();
    space[0] = aspace_create();
    CHECK(space[0]);
    return space[0];
}

void spaces_drop(void)
{
    for (u32 s = 0; s < SPACES; s++) {
        if (space[s])
            aspace_unref(space[s]);
        space[s] = NULL;
    }
}

void spaces_end(void)
{
    spaces_drop();
    CHECK_EQ(fake_blocks, 0);
    /* All came back but the structs of frames that growth has taken. */
    CHECK_OP(fake_frames_used(), <=, first_used + 4 * HUGE_PAGES);
}

u64 map_anon(struct aspace *as, u64 addr, u64 pages, u32 prot)
{
    struct map_args a = { .addr = addr, .len = pages * PAGE_SIZE, .prot = prot, .max_prot = 7,
                          .fixed = addr != 0 };
    s64 r = aspace_map(as, &a);

    CHECK_OP(r, >, 0);
    return (u64)r;
}

int mem_access(struct aspace *as, u64 va, u32 what, u64 *value)
{
    aspace_switch(as);
    for (int tries = 0; tries < 4; tries++) {
        u64 pa = fake_translate(as->pt_root, va, what);
        int r;

        if (pa) {
            u64 *p = phys_to_virt(pa);

            if (what == VM_WRITE)
                *p = *value;
            else
                *value = *p;
            return 0;
        }
        r = aspace_fault(as, va, what);
        if (r)
            return r;
    }
    ck_abort_msg("a fault at 0x%llx comes again and again", (unsigned long long)va);
    return -1;
}

void mem_put(struct aspace *as, u64 va, u64 value)
{
    CHECK_EQ(mem_access(as, va, VM_WRITE, &value), 0);
}

u64 mem_get(struct aspace *as, u64 va)
{
    u64 value = 0;

    CHECK_EQ(mem_access(as, va, VM_READ, &value), 0);
    return value;
}

int mem_fault(struct aspace *as, u64 va, u32 what)
{
    u64 value = 1;

    return mem_access(as, va, what, &value);
}
