/* SPDX-License-Identifier: Apache-2.0 */
/* The guest kernel's ELF image: found, checked, loaded into RAM; its symbols for crash reports. */
#ifndef VMM_ELFLOAD_H
#define VMM_ELFLOAD_H

#include <stdint.h>

#include "hostcalls/lib/error.h"

struct vm;

#define ELF_SEGMENTS_MAX 8u

struct elf_segment {
    uint64_t gpa;   /* page-aligned */
    uint64_t len;   /* page multiple */
    uint32_t flags; /* PF_R, PF_W, PF_X */
};

struct elf_symbol {
    uint32_t offset; /* from the kernel's base */
    uint32_t name;   /* in names */
};

struct elf_image {
    uint64_t entry; /* GVA */
    uint64_t end;   /* GPA after the last segment, page-aligned */
    uint32_t nsegments;
    struct elf_segment segment[ELF_SEGMENTS_MAX];
    uint32_t nsymbols;
    struct elf_symbol *symbol; /* functions, ascending */
    char *names;
};

/* Load the image from the path, or the one built in, into RAM; sets vm->kernel and vm->entry. */
int elf_load(struct vm *vm, const char *path, struct error *err);

/* Name of the function at gva and the offset in it; NULL: none. */
const char *elf_symbol_at(const struct elf_image *img, uint64_t gva, uint64_t *offset);

#endif
