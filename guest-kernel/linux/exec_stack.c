/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first stack of a program, from the top down: the path, the strings, the platform's name, 16
 * random bytes, the auxiliary vector, the pointers to the environment and the arguments, argc.
 */
#include "arch/context.h"
#include "core/random.h"
#include "core/string.h"
#include "linux/exec.h"
#include "mm/slab.h"

#include <linux/auxvec.h>

#define STACK_INITIAL (UINT64_C(132) << 10) /* mapped at first besides what the strings need */
#define CLOCK_TICKS 100
#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

struct builder {
    struct aspace *as;
    u64 at;  /* everything above it is in use */
    int err; /* the first error; later steps do nothing */
};

static u64 push(struct builder *b, const void *p, u64 n)
{
    b->at -= n;
    if (!b->err && aspace_write(b->as, b->at, p, n) != (ssize_t)n)
        b->err = -ENOMEM;
    return b->at;
}

static u64 push_string(struct builder *b, const char *s)
{
    return push(b, s, strlen(s) + 1);
}

/* The words of the lowest part, collected here and written at once. */
struct words {
    u64 *w;
    u64 n;
};

static void word(struct words *v, u64 x)
{
    v->w[v->n++] = x;
}

static void aux(struct words *v, u64 type, u64 value)
{
    word(v, type);
    word(v, value);
}

static void add_auxv(struct words *v, const struct exec_image *program, u64 interp_base,
                     const struct exec_ids *ids, u64 random, u64 path, u64 platform)
{
    aux(v, AT_SYSINFO_EHDR, program->vdso);
    aux(v, AT_HWCAP, arch_hwcap());
    aux(v, AT_PAGESZ, PAGE_SIZE);
    aux(v, AT_CLKTCK, CLOCK_TICKS);
    aux(v, AT_PHDR, program->phdr);
    aux(v, AT_PHENT, 56);
    aux(v, AT_PHNUM, program->phnum);
    aux(v, AT_BASE, interp_base);
    aux(v, AT_FLAGS, 0);
    aux(v, AT_ENTRY, program->entry);
    aux(v, AT_UID, ids->uid);
    aux(v, AT_EUID, ids->euid);
    aux(v, AT_GID, ids->gid);
    aux(v, AT_EGID, ids->egid);
    aux(v, AT_SECURE, ids->secure);
    aux(v, AT_RANDOM, random);
    aux(v, AT_HWCAP2, arch_hwcap2());
    aux(v, AT_EXECFN, path);
    aux(v, AT_PLATFORM, platform);
    /* Red zone, frame and alignment besides the FPU state. */
    aux(v, AT_MINSIGSTKSZ, ALIGN_UP(arch_fpu_frame_size() + 440 + 64 + 16, 16));
    aux(v, AT_NULL, 0);
}

int exec_make_stack(struct aspace *as, u64 stack_top, const struct exec_args *a, const char *path,
                    const struct exec_image *program, u64 interp_base, const struct exec_ids *ids,
                    u64 *sp)
{
    struct builder b = { .as = as };
    u64 strings = a->used - a->skip, pointers = (a->argc + a->envc + 3 + 48) * 8;
    struct map_args stack = {
        .prot = VM_READ | VM_WRITE | (program->exec_stack ? VM_EXEC : 0),
        .max_prot = VM_READ | VM_WRITE | VM_EXEC, .flags = MAP_F_STACK, .fixed = true,
    };
    u64 front[EXEC_FRONT_MAX], off, path_at, platform, random, zero = 0;
    struct words v = { 0 };
    u8 bytes[16];
    s64 r;

    stack.len = ALIGN_UP(strings + pointers + STACK_INITIAL, PAGE_SIZE);
    stack.addr = stack_top - stack.len;
    r = aspace_map(as, &stack);
    if (r < 0)
        return (int)r;
    b.at = stack_top;
    push(&b, &zero, sizeof(zero));
    path_at = push_string(&b, path);
    b.at -= strings;
    if (exec_args_copy(a, a->skip, strings, as, b.at))
        b.err = -ENOMEM;
    off = b.at;
    for (u32 i = a->nfront; i-- > 0;)
        front[i] = push_string(&b, a->front[i]);
    as->arg_start = b.at;
    as->env_end = off + strings;
    platform = push_string(&b, "x86_64");
    random_bytes(bytes, sizeof(bytes));
    b.at = ALIGN_DOWN(b.at, 16);
    random = push(&b, bytes, sizeof(bytes));

    v.w = kmalloc(pointers);
    if (!v.w)
        return -ENOMEM;
    word(&v, a->argc);
    for (u32 i = 0; i < a->nfront; i++)
        word(&v, front[i]);
    for (u32 i = a->nfront; i < a->argc + a->envc; i++) {
        if (i == a->argc) {
            word(&v, 0);
            as->arg_end = as->env_start = off;
        }
        word(&v, off);
        off += exec_args_strlen(a, a->used - (as->env_end - off)) + 1;
    }
    if (!a->envc) {
        word(&v, 0);
        as->arg_end = as->env_start = off;
    }
    word(&v, 0);
    add_auxv(&v, program, interp_base, ids, random, path_at, platform);
    b.at = ALIGN_DOWN(b.at - v.n * 8, 16) + v.n * 8;
    *sp = push(&b, v.w, v.n * 8);
    kfree(v.w);
    as->stack_start = *sp;
    return b.err;
}
