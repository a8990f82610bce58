/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest kernel's ELF image (ELF-64 object file format; libelf's gelf interface). The image must
 * be linked at arch_kernel_base + GPA and lie in the first RV_KERNEL_SPAN bytes after
 * RV_KERNEL_GPA.
 */
#include "vmm/elfload.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostcalls/lib/cleanup.h"
#include "vmm/arch.h"
#include "vmm/vm.h"

#define RV_KERNEL_SPAN (UINT64_C(14) << 20)
#define IMAGE_MAX      ((size_t)64 << 20)

/*
 * The image as the build put it into this program, page-aligned, with its symbols. Of what only crash
 * reports use, no page is touched before.
 */
extern const char rv_kernel_image[], rv_kernel_image_end[];

static int read_file(const char *path, char **data, size_t *len, struct error *err)
{
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    cleanup_free char *buf = NULL;
    struct stat st;
    size_t n = 0;

    if (fd < 0 || fstat(fd, &st) < 0)
        return error_set(err, errno, "cannot open the guest kernel %s", path);
    if (!S_ISREG(st.st_mode) || st.st_size < 1 || (uint64_t)st.st_size > IMAGE_MAX)
        return error_set(err, 0, "the guest kernel %s is not a file of a sensible size", path);
    buf = malloc((size_t)st.st_size);
    if (!buf)
        return error_set(err, ENOMEM, "cannot read the guest kernel");
    while (n < (size_t)st.st_size) {
        ssize_t r = read(fd, buf + n, (size_t)st.st_size - n);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return error_set(err, r ? errno : EIO, "cannot read the guest kernel %s", path);
        n += (size_t)r;
    }
    *data = buf;
    *len = n;
    buf = NULL;
    return 0;
}

/*
 * Put a segment into RAM. What is never written of the image in this program stays the host's page
 * cache, which is faster and shared by all sandboxes.
 */
static void place(struct vm *vm, const struct elf_image *img, const GElf_Phdr *ph, gpa_t gpa,
                  uint8_t *mem)
{
    uint64_t len = (ph->p_filesz + RV_PAGE_SIZE - 1) & ~(uint64_t)(RV_PAGE_SIZE - 1);
    char *from = (char *)(uintptr_t)img->data + ph->p_offset;

    if (img->data != rv_kernel_image || ph->p_flags & PF_W || ph->p_filesz != ph->p_memsz ||
        ph->p_offset % RV_PAGE_SIZE || !ram_adopt(vm, gpa, from, len))
        memcpy(mem, from, ph->p_filesz);
}

static int load_segments(struct vm *vm, struct elf_image *img, struct error *err)
{
    size_t n;

    if (elf_getphdrnum(img->elf, &n))
        return error_set(err, 0, "guest kernel: %s", elf_errmsg(-1));
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr ph;
        struct elf_segment *seg = &img->segment[img->nsegments];
        uint64_t gpa, end;
        uint8_t *mem;

        if (!gelf_getphdr(img->elf, (int)i, &ph))
            return error_set(err, 0, "guest kernel: %s", elf_errmsg(-1));
        if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
            continue;
        if (img->nsegments == ELF_SEGMENTS_MAX)
            return error_set(err, 0, "guest kernel: more than %u segments", ELF_SEGMENTS_MAX);
        gpa = ph.p_vaddr - arch_kernel_base;
        if (gpa < RV_KERNEL_GPA || gpa > RV_KERNEL_GPA + RV_KERNEL_SPAN ||
            ph.p_memsz > RV_KERNEL_GPA + RV_KERNEL_SPAN - gpa || gpa % RV_PAGE_SIZE ||
            ph.p_filesz > ph.p_memsz || ph.p_offset > img->len ||
            ph.p_filesz > img->len - ph.p_offset)
            return error_set(err, 0, "guest kernel: segment %zu lies outside the kernel's range",
                             i);
        if ((ph.p_flags & (PF_W | PF_X)) == (PF_W | PF_X))
            return error_set(err, 0, "guest kernel: segment %zu is writable and executable", i);
        end = (gpa + ph.p_memsz + RV_PAGE_SIZE - 1) & ~(uint64_t)(RV_PAGE_SIZE - 1);
        if (gpa < img->end)
            return error_set(err, 0, "guest kernel: segments overlap or are not in order");
        ram_need(vm, end);
        mem = ram_at(vm, (gpa_t) { gpa }, end - gpa);
        if (!mem)
            return error_set(err, 0, "the memory limit is too small for the guest kernel");
        place(vm, img, &ph, (gpa_t) { gpa }, mem);
        *seg = (struct elf_segment){ gpa, end - gpa, ph.p_flags };
        img->nsegments++;
        img->end = end;
    }
    if (!img->nsegments)
        return error_set(err, 0, "guest kernel: nothing to load");
    return 0;
}

/* The section of symbols and its data; NULL: the image has none. */
static Elf_Data *find_symbols(Elf *elf, GElf_Shdr *sh)
{
    Elf_Scn *scn = NULL;

    while ((scn = elf_nextscn(elf, scn)))
        if (gelf_getshdr(scn, sh) && sh->sh_type == SHT_SYMTAB && sh->sh_entsize)
            return elf_getdata(scn, NULL);
    return NULL;
}

const char *elf_symbol_at(const struct elf_image *img, uint64_t gva, uint64_t *offset)
{
    GElf_Sym sym, best = { .st_value = arch_kernel_base };
    GElf_Shdr sh;
    Elf_Data *d;

    if (!img || !img->elf || gva < arch_kernel_base + RV_KERNEL_GPA ||
        gva - arch_kernel_base >= img->end)
        return NULL;
    d = find_symbols(img->elf, &sh);
    for (size_t i = 0; d && i < sh.sh_size / sh.sh_entsize; i++) {
        if (!gelf_getsym(d, (int)i, &sym) || sym.st_value > gva || sym.st_value < best.st_value)
            continue;
        if (GELF_ST_TYPE(sym.st_info) == STT_FUNC || GELF_ST_TYPE(sym.st_info) == STT_NOTYPE)
            best = sym;
    }
    if (!best.st_name)
        return NULL;
    *offset = gva - best.st_value;
    return elf_strptr(img->elf, sh.sh_link, best.st_name);
}

int elf_open(struct vm *vm, const char *path, struct error *err)
{
    struct elf_image *img = calloc(1, sizeof(*img));
    char *file = NULL;

    if (!img)
        return error_set(err, ENOMEM, "cannot load the guest kernel");
    vm->kernel = img;
    img->data = rv_kernel_image;
    img->len = (size_t)(rv_kernel_image_end - rv_kernel_image);
    if (path) {
        if (read_file(path, &file, &img->len, err))
            return -1;
        img->data = file;
    }
    return 0;
}

int elf_load(struct vm *vm, struct error *err)
{
    struct elf_image *img = vm->kernel;
    GElf_Ehdr eh;

    elf_version(EV_CURRENT);
    img->elf = elf_memory((char *)(uintptr_t)img->data, img->len); /* which only reads */
    if (!img->elf || elf_kind(img->elf) != ELF_K_ELF || !gelf_getehdr(img->elf, &eh))
        return error_set(err, 0, "the guest kernel is not an ELF file");
    if (gelf_getclass(img->elf) != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
        eh.e_type != ET_EXEC || !arch_elf_machine_ok(eh.e_machine))
        return error_set(err, 0, "the guest kernel is not an executable for this machine");
    vm->entry = eh.e_entry;
    return load_segments(vm, img, err);
}
