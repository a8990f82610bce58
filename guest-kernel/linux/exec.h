/* SPDX-License-Identifier: Apache-2.0 */
/* execve in parts: the arguments, the ELF image, the first stack. */
#ifndef LINUX_EXEC_H
#define LINUX_EXEC_H

#include "mm/aspace.h"

struct file;
struct process;

#define EXEC_ARGS_MAX  (UINT64_C(2) << 20)   /* bytes of all strings and pointers */
#define EXEC_STRING_MAX (UINT64_C(128) << 10) /* one string */
#define EXEC_FRONT_MAX 12u                    /* strings that scripts put before the arguments */
#define EXEC_PATH_MAX  4096u

/*
 * argv and envp, collected before the old image goes. Strings lie one after the other with their
 * NULs.
 */
struct exec_args {
    u8 **pages;        /* PAGE_SIZE each */
    u32 npages;
    u64 used;          /* bytes */
    u32 argc, envc;    /* strings: argc first, then envc */
    u64 skip;          /* bytes of argv[0], once scripts have replaced it */
    char *front[EXEC_FRONT_MAX]; /* in order; count them to argc */
    u32 nfront;
};

int exec_args_init(struct exec_args *a); /* 0 or -ENOMEM */
void exec_args_free(struct exec_args *a);
/* Append strings: kernel's, or the user's array of pointers (0: none). -E2BIG, -EFAULT, -ENOMEM. */
int exec_args_add(struct exec_args *a, const char *s);
int exec_args_add_user(struct exec_args *a, u64 array, u32 *count);
/* Replace argv[0] by the given strings (copied): interpreter, optional argument, script. */
int exec_args_script(struct exec_args *a, const char *interp, const char *arg, const char *script);
/* Copy n bytes at the offset of the strings to `as`. 0 or -ENOMEM. */
int exec_args_copy(const struct exec_args *a, u64 off, u64 n, struct aspace *as, u64 to);
/* Length of the string at the offset, without its NUL. */
u64 exec_args_strlen(const struct exec_args *a, u64 off);

/* What the loader found out about an ELF file. */
struct exec_image {
    u64 entry;        /* where the file's own code begins */
    u64 base;         /* what was added to its addresses */
    u64 phdr;         /* address of the program headers in memory, 0: not loaded */
    u32 phnum;
    u64 code_start, code_end, end; /* of its segments */
    bool exec_stack;
    u64 vdso;         /* address of the vDSO's ELF header; set by the caller */
    char interp[EXEC_PATH_MAX]; /* "" if it has none */
};

/*
 * Map an ELF file into `as`. interpreter: it is one itself (its place is chosen like mmap's).
 * -ENOEXEC: not an ELF of this machine; -EINVAL, -EIO, -ELIBBAD: a broken one; -ENOMEM.
 */
int exec_load_elf(struct aspace *as, struct file *f, bool interpreter, bool randomize,
                  struct exec_image *im);

/* Credentials as the auxiliary vector tells them. */
struct exec_ids {
    u32 uid, euid, gid, egid;
    bool secure;
};

/*
 * Make the first stack: strings, auxiliary vector, pointers. *sp is the stack pointer to begin
 * with; the fields of `as` for /proc are set. -E2BIG, -ENOMEM.
 */
int exec_make_stack(struct aspace *as, u64 stack_top, const struct exec_args *a, const char *path,
                    const struct exec_image *program, u64 interp_base, const struct exec_ids *ids,
                    u64 *sp);

/*
 * Run the program at path (looked up from directory descriptor dfd with AT_* flags) in the current
 * process. 0: ring 3's registers are those of the new program; or an error with nothing changed.
 * args is used up in neither case.
 */
int exec_program(int dfd, const char *path, int flags, struct exec_args *args);

#endif
