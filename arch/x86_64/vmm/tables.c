/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page tables of the first instruction (Intel SDM vol. 3, 4.5): the kernel's image at KERNEL_BASE
 * with the rights of its segments, and the RAM at DIRECT_BASE, writable except where it is the
 * image's read-only part: no page is writable through one address and executable through another.
 */
#include <elf.h>

#include "arch/x86_64/vmm/x86.h"
#include "vmm/arch.h"
#include "vmm/elfload.h"
#include "vmm/vm.h"

#define BLOCK (UINT64_C(2) << 20)

const uint64_t arch_kernel_base = KERNEL_BASE;

bool arch_elf_machine_ok(unsigned machine)
{
    return machine == EM_X86_64;
}

struct builder {
    struct vm *vm;
    uint64_t *free;
    bool full;
};

/* A zeroed table; its GPA. */
static uint64_t new_table(struct builder *b)
{
    uint64_t gpa = *b->free;

    if (b->full || !ram_at(b->vm, (gpa_t) { gpa }, RV_PAGE_SIZE)) {
        b->full = true;
        return 0;
    }
    *b->free += RV_PAGE_SIZE;
    return gpa;
}

static uint64_t *entry_at(struct builder *b, uint64_t table, uint64_t va, unsigned level)
{
    return (uint64_t *)ram_at(b->vm, (gpa_t) { table }, RV_PAGE_SIZE) +
           (va >> (12 + 9 * level) & 511);
}

/* Set the entry for va at the level (0: 4 KiB, 1: 2 MiB), making tables on the way. */
static void map(struct builder *b, uint64_t root, uint64_t va, unsigned level, uint64_t entry)
{
    uint64_t table = root;

    for (unsigned l = 3; l > level; l--) {
        uint64_t *e = entry_at(b, table, va, l);

        if (!*e) {
            uint64_t t = new_table(b);

            if (b->full)
                return;
            *e = t | PTE_P | PTE_W | PTE_A;
        }
        table = *e & PTE_ADDR;
    }
    *entry_at(b, table, va, level) = entry;
}

static uint64_t rights(uint32_t flags)
{
    return PTE_P | PTE_A | PTE_G | (flags & PF_W ? PTE_W | PTE_D : 0) | (flags & PF_X ? 0 : PTE_NX);
}

/* Rights of a page of RAM in the direct map. */
static uint64_t direct_rights(const struct elf_image *img, uint64_t gpa)
{
    for (uint32_t i = 0; i < img->nsegments; i++) {
        const struct elf_segment *s = &img->segment[i];

        if (gpa - s->gpa < s->len && !(s->flags & PF_W))
            return rights(PF_R);
    }
    return rights(PF_R | PF_W);
}

static bool block_has_readonly(const struct elf_image *img, uint64_t gpa)
{
    for (uint32_t i = 0; i < img->nsegments; i++) {
        const struct elf_segment *s = &img->segment[i];

        if (s->gpa < gpa + BLOCK && gpa < s->gpa + s->len && !(s->flags & PF_W))
            return true;
    }
    return false;
}

int arch_build_tables(struct vm *vm, const struct elf_image *img, uint64_t *free, struct error *err)
{
    struct builder b = { vm, free, false };
    uint64_t root = new_table(&b), size = atomic_load(&vm->ram.size);

    for (uint32_t i = 0; i < img->nsegments && !b.full; i++) {
        const struct elf_segment *s = &img->segment[i];

        for (uint64_t p = s->gpa; p < s->gpa + s->len && !b.full; p += RV_PAGE_SIZE)
            map(&b, root, KERNEL_BASE + p, 0, p | rights(s->flags));
    }
    for (uint64_t gpa = 0; gpa < size && !b.full; gpa += BLOCK) {
        if (!block_has_readonly(img, gpa)) {
            map(&b, root, DIRECT_BASE + gpa, 1, gpa | PTE_PS | rights(PF_R | PF_W));
            continue;
        }
        for (uint64_t p = gpa; p < gpa + BLOCK && !b.full; p += RV_PAGE_SIZE)
            map(&b, root, DIRECT_BASE + p, 0, p | direct_rights(img, p));
    }
    if (b.full)
        return error_set(err, 0, "the memory limit is too small to boot");
    vm->root_table_gpa = root;
    return 0;
}
