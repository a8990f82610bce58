/* SPDX-License-Identifier: Apache-2.0 */
/* A program whose entry is no address of ring 3 starts and ends by SIGSEGV, and nobody else does. */
#define _GNU_SOURCE
#include "t.h"

#include <elf.h>
#include <fcntl.h>

static struct {
    Elf64_Ehdr e;
    Elf64_Phdr p;
    char pad[4096];
} f;

static void start(void *arg)
{
    char *args[] = { "entry", NULL };

    (void)arg;
    execve(args[0], args, args + 1);
}

int main(void)
{
    static const uint64_t entries[] = { 0x8000000000000000, 0x800000000000, 0x7ffffffff000,
                                        0xffffffff80200000, 0xffff800000000000, UINT64_MAX, 1 };

    t_scratch();
    memcpy(f.e.e_ident, ELFMAG, SELFMAG);
    f.e.e_ident[EI_CLASS] = ELFCLASS64;
    f.e.e_ident[EI_DATA] = ELFDATA2LSB;
    f.e.e_ident[EI_VERSION] = EV_CURRENT;
    f.e.e_machine = EM_X86_64;
    f.e.e_version = EV_CURRENT;
    f.e.e_phoff = sizeof(f.e);
    f.e.e_ehsize = sizeof(f.e);
    f.e.e_phentsize = sizeof(f.p);
    f.e.e_phnum = 1;
    f.p = (Elf64_Phdr){ PT_LOAD, PF_R | PF_X, 0, 0x400000, 0x400000, sizeof(f), sizeof(f), 4096 };
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        int fd = (int)OK(open("entry", O_CREAT | O_TRUNC | O_WRONLY, 0755));

        f.e.e_type = ET_EXEC;
        f.e.e_entry = entries[i];
        CHECK_EQ(write(fd, &f, sizeof(f)), sizeof(f));
        OK(close(fd));
        CHECK_EQ(t_signal_of(start, NULL), SIGSEGV);
    }
    return 0;
}
