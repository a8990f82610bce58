/* SPDX-License-Identifier: Apache-2.0 */
/* Mapping the segments of an ELF file (System V ABI, chapter 5). The file is hostile input. */
#include "core/random.h"
#include "core/string.h"
#include "fs/file.h"
#include "linux/exec.h"
#include "linux/files.h"
#include "mm/slab.h"

#include <linux/elf.h>

#define PHNUM_MAX 256u
#define PIE_BASE UINT64_C(0x555555554000) /* as on Linux, plus up to 2^40 bytes */
#define PIE_RANDOM_PAGES (UINT64_C(1) << 28)

struct loader {
    struct aspace *as;
    struct file *file;
    struct vmo *vmo;
    u64 vmo_off;
    Elf64_Ehdr eh;
    Elf64_Phdr *ph;
    u64 low, high, align; /* of the addresses in the file */
};

static int read_exactly(struct file *f, u64 off, void *to, u64 n)
{
    ssize_t r = file_read_at(f, off, to, n);

    return r < 0 ? (int)r : (u64)r == n ? 0 : -EIO;
}

static int read_headers(struct loader *l)
{
    const Elf64_Ehdr *e = &l->eh;
    int r = read_exactly(l->file, 0, &l->eh, sizeof(l->eh));

    if (r)
        return r == -EIO ? -ENOEXEC : r;
    if (memcmp(e->e_ident, ELFMAG, SELFMAG) || e->e_ident[EI_CLASS] != ELFCLASS64 ||
        e->e_ident[EI_DATA] != ELFDATA2LSB || e->e_machine != EM_X86_64 ||
        (e->e_type != ET_EXEC && e->e_type != ET_DYN) || e->e_phentsize != sizeof(Elf64_Phdr) ||
        !e->e_phnum || e->e_phnum > PHNUM_MAX)
        return -ENOEXEC;
    l->ph = kmalloc(e->e_phnum * sizeof(Elf64_Phdr));
    if (!l->ph)
        return -ENOMEM;
    r = read_exactly(l->file, e->e_phoff, l->ph, e->e_phnum * sizeof(Elf64_Phdr));
    return r == -EIO ? -ENOEXEC : r;
}

static int read_interp(struct loader *l, const Elf64_Phdr *p, struct exec_image *im)
{
    int r;

    if (p->p_filesz < 2 || p->p_filesz > sizeof(im->interp))
        return -ENOEXEC;
    r = read_exactly(l->file, p->p_offset, im->interp, p->p_filesz);
    if (r)
        return r;
    return im->interp[p->p_filesz - 1] ? -ENOEXEC : 0;
}

/* Look at all headers before anything is mapped. */
static int check_segments(struct loader *l, struct exec_image *im)
{
    int r;

    l->low = UINT64_MAX;
    l->align = PAGE_SIZE;
    im->exec_stack = false;
    for (u32 i = 0; i < l->eh.e_phnum; i++) {
        const Elf64_Phdr *p = &l->ph[i];

        if (p->p_type == PT_INTERP && !im->interp[0]) {
            r = read_interp(l, p, im);
            if (r)
                return r;
        } else if (p->p_type == PT_GNU_STACK) {
            im->exec_stack = p->p_flags & PF_X;
        } else if (p->p_type == PT_LOAD && p->p_memsz) {
            u64 end;

            if (p->p_filesz > p->p_memsz || p->p_vaddr > USER_TOP || p->p_memsz > USER_TOP ||
                p->p_offset > INT64_MAX - p->p_filesz ||
                (p->p_vaddr ^ p->p_offset) % PAGE_SIZE)
                return -EINVAL;
            end = p->p_vaddr + p->p_memsz;
            if (l->high > p->p_vaddr || end > USER_TOP)
                return -EINVAL; /* not ascending */
            l->low = MIN(l->low, ALIGN_DOWN(p->p_vaddr, PAGE_SIZE));
            l->high = end;
            if (p->p_align > l->align && !(p->p_align & (p->p_align - 1)) && p->p_align <= 1u << 30)
                l->align = p->p_align;
        }
    }
    return l->high ? 0 : -ENOEXEC;
}

/* What is added to the file's addresses, modulo 2^64. */
static int choose_base(struct loader *l, bool interpreter, bool randomize, u64 *base)
{
    u64 span = ALIGN_UP(l->high, PAGE_SIZE) - l->low, at;
    struct map_args reserve = { .len = span + l->align, .prot = 0, .max_prot = 7 };
    s64 r;

    *base = 0;
    if (l->eh.e_type == ET_EXEC)
        return 0;
    if (!interpreter) {
        at = PIE_BASE + (randomize ? (random_u64() % PIE_RANDOM_PAGES) << PAGE_SHIFT : 0);
        *base = ALIGN_UP(at, l->align) - l->low;
        return 0;
    }
    /* Where mmap would put it. */
    r = aspace_map(l->as, &reserve);
    if (r < 0)
        return (int)r;
    at = ALIGN_UP((u64)r, l->align);
    aspace_unmap(l->as, (u64)r, reserve.len);
    *base = at - l->low;
    return 0;
}

static int zero(struct aspace *as, u64 addr, u64 n)
{
    static const u8 zeros[256];

    while (n) {
        u64 part = MIN(n, sizeof(zeros));

        if (aspace_write(as, addr, zeros, part) != (ssize_t)part)
            return -EFAULT;
        addr += part;
        n -= part;
    }
    return 0;
}

static int map_segment(struct loader *l, const Elf64_Phdr *p, u64 base)
{
    u64 start = ALIGN_DOWN(base + p->p_vaddr, PAGE_SIZE);
    u64 file_end = base + p->p_vaddr + p->p_filesz;
    u64 mem_end = ALIGN_UP(base + p->p_vaddr + p->p_memsz, PAGE_SIZE);
    struct map_args m = {
        .addr = start, .len = ALIGN_UP(file_end, PAGE_SIZE) - start, .fixed = true,
        .prot = (p->p_flags & PF_R ? VM_READ : 0) | (p->p_flags & PF_W ? VM_WRITE : 0) |
                (p->p_flags & PF_X ? VM_EXEC : 0),
        .max_prot = VM_READ | VM_WRITE | VM_EXEC, .vmo = l->vmo, .file = &l->file->obj,
        .off = l->vmo_off + p->p_offset - (base + p->p_vaddr - start),
    };
    s64 r;

    if (p->p_filesz) {
        r = aspace_map(l->as, &m);
        if (r < 0)
            return (int)r;
        /*
         * The rest of the file's last page is zeros: bss, and beyond it too, since the dynamic
         * loader of glibc allocates its first memory there.
         */
        if (p->p_memsz > p->p_filesz && (p->p_flags & PF_W) && file_end % PAGE_SIZE &&
            zero(l->as, file_end, ALIGN_UP(file_end, PAGE_SIZE) - file_end))
            return -EIO;
        start = ALIGN_UP(file_end, PAGE_SIZE);
    }
    if (mem_end <= start)
        return 0;
    m.addr = start;
    m.len = mem_end - start;
    m.vmo = NULL;
    m.file = NULL;
    m.off = 0;
    r = aspace_map(l->as, &m);
    return r < 0 ? (int)r : 0;
}

static int map_all(struct loader *l, struct exec_image *im)
{
    const u64 base = im->base, phoff = l->eh.e_phoff;

    im->code_start = UINT64_MAX;
    for (u32 i = 0; i < l->eh.e_phnum; i++) {
        const Elf64_Phdr *p = &l->ph[i];
        int r;

        if (p->p_type != PT_LOAD || !p->p_memsz)
            continue;
        r = map_segment(l, p, base);
        if (r)
            return r;
        if (phoff >= p->p_offset && phoff < p->p_offset + p->p_filesz)
            im->phdr = base + p->p_vaddr + (phoff - p->p_offset);
        if (p->p_flags & PF_X) {
            im->code_start = MIN(im->code_start, base + p->p_vaddr);
            im->code_end = base + p->p_vaddr + p->p_filesz;
        }
    }
    if (im->code_start == UINT64_MAX)
        im->code_start = im->code_end = 0;
    im->end = base + l->high;
    im->entry = base + l->eh.e_entry;
    im->phnum = l->eh.e_phnum;
    return 0;
}

int exec_load_elf(struct aspace *as, struct file *f, bool interpreter, bool randomize,
                  struct exec_image *im)
{
    struct loader l = { .as = as, .file = f };
    int r;

    im->interp[0] = 0;
    im->phdr = 0;
    r = read_headers(&l);
    if (r == 0)
        r = check_segments(&l, im);
    if (r == 0)
        r = file_vmo(f, VM_READ | VM_EXEC, false, 0, &l.vmo, &l.vmo_off);
    if (r == 0)
        r = choose_base(&l, interpreter, randomize, &im->base);
    if (r == 0)
        r = im->base + l.high > USER_TOP ? -ENOMEM : map_all(&l, im);
    if (l.vmo)
        vmo_unref(l.vmo);
    kfree(l.ph);
    return interpreter && (r == -ENOEXEC || r == -EINVAL) ? -ELIBBAD : r;
}
