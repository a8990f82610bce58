/* SPDX-License-Identifier: Apache-2.0 */
/* The guest kernel's ELF image: found, checked, loaded into RAM; its symbols for crash reports. */
#ifndef VMM_ELFLOAD_H
#define VMM_ELFLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "hostcalls/lib/error.h"

struct vm;

#define ELF_SEGMENTS_MAX 8u

struct elf_segment {
    uint64_t gpa;   /* page-aligned */
    uint64_t len;   /* page multiple */
    uint32_t flags; /* PF_R, PF_W, PF_X */
};

struct elf_image {
    const char *data; /* the file */
    size_t len;
    uint64_t end; /* GPA after the last segment, page-aligned */
    uint32_t nsegments;
    struct elf_segment segment[ELF_SEGMENTS_MAX];
    struct Elf *elf; /* libelf's, for the symbols */
};

/* Get the image from the path, or the one built in: sets vm->kernel. */
int elf_open(struct vm *vm, const char *path, struct error *err);

/* Load it into RAM; sets vm->entry. */
int elf_load(struct vm *vm, struct error *err);

/* Name of the function at gva and the offset in it; NULL: none. Slow, and may call malloc. */
const char *elf_symbol_at(const struct elf_image *img, uint64_t gva, uint64_t *offset);

#endif
