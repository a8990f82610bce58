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
#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostcalls/lib/cleanup.h"
#include "vmm/arch.h"
#include "vmm/vm.h"

#define RV_KERNEL_SPAN (UINT64_C(14) << 20)
#define IMAGE_MAX      ((size_t)64 << 20)

/* The image as the build put it into this program: one LZ4 frame. */
extern const uint8_t rv_kernel_blob[], rv_kernel_blob_end[];

static int unpack_builtin(char **data, size_t *len, struct error *err)
{
    const uint8_t *src = rv_kernel_blob;
    size_t left = (size_t)(rv_kernel_blob_end - rv_kernel_blob), cap = 1 << 20, hint = 1;
    LZ4F_dctx *ctx;
    char *buf = NULL;
    size_t n = 0;
    int ret = -1;

    if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)))
        return error_set(err, ENOMEM, "cannot unpack the guest kernel");
    buf = malloc(cap);
    while (buf && hint) {
        size_t room = cap - n, taken = left;

        hint = LZ4F_decompress(ctx, buf + n, &room, src, &taken, NULL);
        if (LZ4F_isError(hint) || (hint && !room && !taken)) {
            error_set(err, 0, "the guest kernel built into this program is damaged");
            goto out;
        }
        n += room;
        src += taken;
        left -= taken;
        if (hint && n == cap) {
            char *more = cap < IMAGE_MAX ? realloc(buf, cap * 2) : NULL;

            if (!more)
                break;
            buf = more;
            cap *= 2;
        }
    }
    if (!buf || hint) {
        error_set(err, ENOMEM, "cannot unpack the guest kernel");
        goto out;
    }
    *data = buf;
    *len = n;
    buf = NULL;
    ret = 0;
out:
    LZ4F_freeDecompressionContext(ctx);
    free(buf);
    return ret;
}

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

static int load_segments(struct vm *vm, struct elf_image *img, Elf *elf, const char *data,
                         size_t len, struct error *err)
{
    size_t n;

    if (elf_getphdrnum(elf, &n))
        return error_set(err, 0, "guest kernel: %s", elf_errmsg(-1));
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr ph;
        struct elf_segment *seg = &img->segment[img->nsegments];
        uint64_t gpa, end;
        uint8_t *mem;

        if (!gelf_getphdr(elf, (int)i, &ph))
            return error_set(err, 0, "guest kernel: %s", elf_errmsg(-1));
        if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
            continue;
        if (img->nsegments == ELF_SEGMENTS_MAX)
            return error_set(err, 0, "guest kernel: more than %u segments", ELF_SEGMENTS_MAX);
        gpa = ph.p_vaddr - arch_kernel_base;
        if (gpa < RV_KERNEL_GPA || gpa > RV_KERNEL_GPA + RV_KERNEL_SPAN ||
            ph.p_memsz > RV_KERNEL_GPA + RV_KERNEL_SPAN - gpa || gpa % RV_PAGE_SIZE ||
            ph.p_filesz > ph.p_memsz || ph.p_offset > len || ph.p_filesz > len - ph.p_offset)
            return error_set(err, 0, "guest kernel: segment %zu lies outside the kernel's range",
                             i);
        if ((ph.p_flags & (PF_W | PF_X)) == (PF_W | PF_X))
            return error_set(err, 0, "guest kernel: segment %zu is writable and executable", i);
        end = (gpa + ph.p_memsz + RV_PAGE_SIZE - 1) & ~(uint64_t)(RV_PAGE_SIZE - 1);
        if (gpa < img->end)
            return error_set(err, 0, "guest kernel: segments overlap or are not in order");
        mem = ram_at(vm, (gpa_t) { gpa }, end - gpa);
        if (!mem)
            return error_set(err, 0, "the memory limit is too small for the guest kernel");
        memcpy(mem, data + ph.p_offset, ph.p_filesz);
        *seg = (struct elf_segment) { gpa, end - gpa, ph.p_flags };
        img->nsegments++;
        img->end = end;
    }
    if (!img->nsegments)
        return error_set(err, 0, "guest kernel: nothing to load");
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    const struct elf_symbol *x = a, *y = b;

    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Keep the functions' names. A kernel without symbols is fine: then crash reports have numbers
 * only. */
static void load_symbols(struct elf_image *img, Elf *elf)
{
    Elf_Scn *scn = NULL;
    GElf_Shdr sh;
    Elf_Data *d;
    size_t n, cap = 0, used = 0;

    while ((scn = elf_nextscn(elf, scn)))
        if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB && sh.sh_entsize)
            break;
    d = scn ? elf_getdata(scn, NULL) : NULL;
    if (!d)
        return;
    n = sh.sh_size / sh.sh_entsize;
    img->symbol = calloc(n + 1, sizeof(*img->symbol));
    for (size_t i = 0; img->symbol && i < n; i++) {
        GElf_Sym sym;
        const char *name;
        size_t l;

        if (!gelf_getsym(d, (int)i, &sym) || sym.st_value < arch_kernel_base + RV_KERNEL_GPA ||
            sym.st_value - arch_kernel_base > img->end)
            continue;
        if (GELF_ST_TYPE(sym.st_info) != STT_FUNC && GELF_ST_TYPE(sym.st_info) != STT_NOTYPE)
            continue;
        name = elf_strptr(elf, sh.sh_link, sym.st_name);
        if (!name || !*name)
            continue;
        l = strlen(name) + 1;
        if (used + l > cap) {
            char *more = realloc(img->names, cap = (cap + l) * 2);

            if (!more)
                break;
            img->names = more;
        }
        memcpy(img->names + used, name, l);
        img->symbol[img->nsymbols++] =
            (struct elf_symbol) { (uint32_t)(sym.st_value - arch_kernel_base), (uint32_t)used };
        used += l;
    }
    if (img->symbol)
        qsort(img->symbol, img->nsymbols, sizeof(*img->symbol), by_offset);
}

const char *elf_symbol_at(const struct elf_image *img, uint64_t gva, uint64_t *offset)
{
    uint64_t at = gva - arch_kernel_base;
    uint32_t lo = 0, hi;

    if (!img || gva < arch_kernel_base + RV_KERNEL_GPA || at >= img->end)
        return NULL;
    hi = img->nsymbols;
    while (lo < hi) { /* first symbol above at */
        uint32_t mid = lo + (hi - lo) / 2;

        if (img->symbol[mid].offset <= at)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (!lo)
        return NULL;
    *offset = at - img->symbol[lo - 1].offset;
    return img->names + img->symbol[lo - 1].name;
}

int elf_load(struct vm *vm, const char *path, struct error *err)
{
    struct elf_image *img = calloc(1, sizeof(*img));
    cleanup_free char *data = NULL;
    size_t len = 0;
    GElf_Ehdr eh;
    Elf *elf;
    int r;

    if (!img)
        return error_set(err, ENOMEM, "cannot load the guest kernel");
    vm->kernel = img;
    if (path ? read_file(path, &data, &len, err) : unpack_builtin(&data, &len, err))
        return -1;
    elf_version(EV_CURRENT);
    elf = elf_memory(data, len);
    if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh)) {
        if (elf)
            elf_end(elf);
        return error_set(err, 0, "the guest kernel is not an ELF file");
    }
    if (gelf_getclass(elf) != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
        eh.e_type != ET_EXEC || !arch_elf_machine_ok(eh.e_machine))
        r = error_set(err, 0, "the guest kernel is not an executable for this machine");
    else
        r = load_segments(vm, img, elf, data, len, err);
    if (!r) {
        img->entry = eh.e_entry;
        vm->entry = eh.e_entry;
        load_symbols(img, elf);
    }
    elf_end(elf);
    return r;
}
