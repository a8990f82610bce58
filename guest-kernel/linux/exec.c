/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execve. The whole new image is built beside the old one, so that every error up to the last
 * leaves the caller as it was; then the other threads end, and the process changes over.
 */
#include "linux/exec.h"

#include "arch/context.h"
#include "arch/vdso.h"
#include "core/print.h"
#include "core/random.h"
#include "core/string.h"
#include "fs/vfs.h"
#include "linux/cred_change.h"
#include "linux/credentials.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include "mm/slab.h"
#include "object/posix_timer.h"
#include "object/process.h"

#include <linux/fcntl.h>
#include <linux/personality.h>
#include <linux/resource.h>

#define ARGS_LEAST (UINT64_C(128) << 10) /* room for arguments whatever the stack limit is */
#define SCRIPT_DEPTH 5u
#define SCRIPT_LINE 256u
#define STACK_RANDOM_PAGES (UINT64_C(1) << 22)
#define MMAP_RANDOM_PAGES (UINT64_C(1) << 28)
#define BRK_RANDOM_PAGES (UINT64_C(1) << 13)
#define STACK_GAP_MIN (UINT64_C(128) << 20)
#define STACK_GAP_MAX (USER_TOP / 6 * 5)
#define SECURE_STACK (UINT64_C(8) << 20) /* at most, for a program that gets rights: execve(2) */

struct exec {
    struct exec_args *args;
    struct file *file;        /* the program in the end: the ELF file */
    bool readable;            /* and all on the way to it */
    struct exec_image *image; /* two: the program, its interpreter */
    struct aspace *as;
    struct exec_cred cred;
    struct fs_context *fs_held; /* see exec_may_raise_begin */
    u64 stack_limit;
    u64 persona;
    bool randomize;
    struct handle_table *handles; /* NULL: not shared */
    struct sigactions *actions;
    u64 entry, sp;
};

static int open_program(struct exec *e, int dfd, const char *path, int flags, struct file **out)
{
    struct lookup l;
    int r;

    r = lookup_begin(&l, dfd, path, 0);
    if (r)
        return r;
    r = vfs_open_exec(&l, path, flags, out);
    lookup_end(&l);
    if (r == 0 && vfs_access(&(*out)->path, process_current()->cred, 4))
        e->readable = false; /* ptrace(2): who could not read it must not get at its memory */
    return r;
}

/* --- #! --------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/*
 * Split the first line into interpreter and the rest as one argument. -ENOEXEC: cut off or
 * empty.
 */
static int parse_script(char *line, ssize_t n, char **interp, char **arg)
{
    char *end = memchr(line, '\n', (size_t)n), *p;

    if (!end) {
        /* Without a line end in sight, the interpreter's name must at least be whole. */
        if (n == SCRIPT_LINE) {
            for (p = line + 2; p < line + n && is_blank(*p); p++)
                ;
            while (p < line + n && !is_blank(*p) && *p)
                p++;
            if (p == line + n)
                return -ENOEXEC;
        }
        end = line + MIN(n, (ssize_t)SCRIPT_LINE - 1);
    }
    while (end > line + 2 && is_blank(end[-1]))
        end--;
    *end = 0;
    for (p = line + 2; is_blank(*p); p++)
        ;
    if (!*p)
        return -ENOEXEC;
    *interp = p;
    while (*p && !is_blank(*p))
        p++;
    *arg = NULL;
    if (*p) {
        *p++ = 0;
        while (is_blank(*p))
            p++;
        if (*p)
            *arg = p;
    }
    return 0;
}

/* Follow scripts until e->file is something else. */
static int resolve_scripts(struct exec *e, const char *path)
{
    char *line = kmalloc(SCRIPT_LINE + 1), *interp, *arg;
    char *script = kstrdup(path);
    int r = line && script ? 0 : -ENOMEM;

    for (u32 depth = 0; r == 0; depth++) {
        ssize_t n = file_read_at(e->file, 0, line, SCRIPT_LINE);

        if (n < 0)
            r = (int)n;
        if (n < 2 || line[0] != '#' || line[1] != '!')
            break;
        r = depth == SCRIPT_DEPTH ? -ELOOP : parse_script(line, n, &interp, &arg);
        if (r == 0)
            r = exec_args_script(e->args, interp, arg, script);
        if (r)
            break;
        kfree(script);
        script = kstrdup(interp);
        file_put(e->file);
        e->file = NULL;
        r = script ? open_program(e, AT_FDCWD, interp, 0, &e->file) : -ENOMEM;
    }
    kfree(script);
    kfree(line);
    return r;
}

/* --- the new address space -------------------------------------------------------------------- */

/* Choose where the stack ends and where mmap begins to look. */
static u64 lay_out(struct exec *e)
{
    u64 limit = e->stack_limit, gap, top = USER_TOP;

    gap = MIN(MAX(limit, STACK_GAP_MIN), STACK_GAP_MAX) + (STACK_RANDOM_PAGES << PAGE_SHIFT);
    e->as->stack_limit = limit;
    e->as->size_limit = process_current()->rlimits[RLIMIT_AS].cur;
    e->as->mmap_top = ALIGN_DOWN(USER_TOP - gap, PAGE_SIZE);
    if (e->randomize) {
        top -= (random_u64() % STACK_RANDOM_PAGES) << PAGE_SHIFT;
        e->as->mmap_top -= (random_u64() % MMAP_RANDOM_PAGES) << PAGE_SHIFT;
    }
    e->as->mmap_hint = e->as->mmap_top;
    return top;
}

static int load_interpreter(struct exec *e, u64 *base)
{
    struct file *f;
    int r = open_program(e, AT_FDCWD, e->image[0].interp, 0, &f);

    if (r)
        return r;
    r = exec_load_elf(e->as, f, true, e->randomize, &e->image[1]);
    file_unclaim(f); /* as on Linux, only the program itself stays protected */
    file_put(f);
    e->entry = e->image[1].entry;
    *base = e->image[1].base;
    return r;
}

static int build(struct exec *e, const char *path)
{
    u64 top, interp_base = 0;
    struct exec_ids ids;
    s64 vdso;
    int r;

    e->as = aspace_create();
    if (!e->as)
        return -ENOMEM;
    e->randomize = !(e->persona & ADDR_NO_RANDOMIZE);
    top = lay_out(e);
    r = exec_load_elf(e->as, e->file, false, e->randomize, &e->image[0]);
    if (r)
        return r;
    e->entry = e->image[0].entry;
    if (e->image[0].interp[0]) {
        r = load_interpreter(e, &interp_base);
        if (r)
            return r;
    }
    vdso = arch_vdso_map(e->as);
    if (vdso < 0)
        return (int)vdso;
    e->image[0].vdso = (u64)vdso;
    e->as->brk_start = ALIGN_UP(e->image[0].end, PAGE_SIZE) +
                       (e->randomize ? (random_u64() % BRK_RANDOM_PAGES) << PAGE_SHIFT : 0);
    e->as->brk = e->as->brk_start;
    e->as->code_start = e->image[0].code_start;
    e->as->code_end = e->image[0].code_end;
    cred_exec_ids(e->cred.cred ? e->cred.cred : process_current()->cred, e->cred.secure, &ids);
    return exec_make_stack(e->as, top, e->args, path, &e->image[0], interp_base, &ids, &e->sp);
}

/* --- changing over ---------------------------------------------------------------------------- */

/* Set-id bits and capabilities of the program's file, and what a raised program must not inherit. */
static int prepare_cred(struct exec *e)
{
    struct process *p = process_current();
    struct exec_file f = { .mounted = e->file->path.mnt->id != 0, .readable = e->readable };
    struct file_caps caps;
    int r = vfs_fstat(e->file, &f.st);

    if (r == 0)
        r = vfs_file_caps(&e->file->path, &caps);
    if (r < 0)
        return r;
    f.caps = r ? &caps : NULL;
    r = cred_for_exec(&f, exec_may_raise_begin(&e->fs_held), &e->cred);
    if (r)
        return r;
    e->persona = p->personality & ~(e->cred.clear_persona ? (u64)PER_CLEAR_ON_SETID : 0);
    e->stack_limit = p->rlimits[RLIMIT_STACK].cur;
    if (e->cred.secure)
        e->stack_limit = MIN(e->stack_limit, SECURE_STACK);
    return 0;
}

/* Own copies of what the process shares with others, while it can still fail. */
static int prepare_own(struct exec *e)
{
    struct process *p = process_current();

    if (handle_table_shared(p->handles)) {
        e->handles = handle_table_clone(p->handles);
        if (!e->handles)
            return -ENOMEM;
    }
    if (READ_ONCE(p->actions->refs) > 1) {
        spin_lock(&p->actions->lock);
        e->actions = sigactions_create(p->actions);
        spin_unlock(&p->actions->lock);
        if (!e->actions)
            return -ENOMEM;
    }
    return 0;
}

static void take_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    str_copy(current()->name, slash ? slash + 1 : path, sizeof(current()->name));
}

static int change_over(struct exec *e, const char *path)
{
    struct thread *t = current();
    struct process *p = t->proc;
    struct aspace *old_as = p->aspace;
    struct handle_table *old_handles = NULL;
    struct sigactions *old_actions = NULL;
    struct object *old_exe;
    struct cred *old_cred = NULL;
    int r = process_become_single();

    if (r)
        return r;
    if (old_as) {
        futex_exit_robust();
        futex_clear_child_tid();
    }
    spin_lock(&p->lock); /* memory, credentials and dumpable in one step: fs/proc_access.c */
    p->aspace = e->as;
    e->as = NULL;
    if (e->cred.cred) {
        old_cred = p->cred;
        p->cred = e->cred.cred;
        p->uid = p->cred->uid;
        e->cred.cred = NULL;
    }
    old_exe = p->exe;
    p->exe = &e->file->obj;
    e->file = NULL;
    if (e->handles) {
        old_handles = p->handles;
        p->handles = e->handles;
        e->handles = NULL;
    }
    if (e->actions) {
        old_actions = p->actions;
        p->actions = e->actions;
        e->actions = NULL;
    }
    p->dumpable = e->cred.dumpable;
    if (!e->cred.keep_death_signal)
        p->death_signal = 0;
    p->personality = e->persona;
    if (e->cred.secure)
        p->rlimits[RLIMIT_STACK].cur = MIN(p->rlimits[RLIMIT_STACK].cur, SECURE_STACK);
    spin_unlock(&p->lock);
    aspace_switch(p->aspace);
    if (old_as)
        aspace_unref(old_as);
    if (old_handles)
        handle_table_unref(old_handles);
    sigactions_unref(old_actions);
    if (old_exe)
        object_unref(old_exe);
    if (old_cred)
        cred_unref(old_cred); /* no other thread of ours is left to use it */
    cred_sweep(p);
    process_vfork_release(p);
    posix_timers_end(p);
    handle_close_exec(p->handles);
    sigactions_reset(p->actions);
    t->sig.alt = (struct sig_altstack){ .flags = 2 };
    t->sig.restart_deadline = 0;
    p->exit_signal = SIGCHLD;
    p->did_exec = true;
    p->keep_caps = false;
    take_name(path);
    arch_exec_reset();
    arch_regs_exec(t->regs, e->entry, e->sp);
    return 0;
}

int exec_program(int dfd, const char *path, int flags, struct exec_args *args)
{
    struct exec e = { .args = args, .readable = true };
    int r;

    if (process_current()->nproc_exceeded && cred_nproc_exceeded(0))
        return -EAGAIN;
    process_current()->nproc_exceeded = false;
    if (args->used > MAX(process_current()->rlimits[RLIMIT_STACK].cur / 4, ARGS_LEAST))
        return -E2BIG;
    e.image = kmalloc(2 * sizeof(*e.image));
    if (!e.image)
        return -ENOMEM;
    r = open_program(&e, dfd, path, flags, &e.file);
    if (r == 0)
        r = resolve_scripts(&e, path);
    if (r == 0)
        r = prepare_cred(&e);
    if (r == 0)
        r = build(&e, path);
    if (r == 0)
        r = prepare_own(&e);
    if (r == 0)
        r = change_over(&e, path);
    if (e.as)
        aspace_unref(e.as);
    if (e.file)
        file_put(e.file);
    if (e.cred.cred)
        cred_unref(e.cred.cred);
    exec_may_raise_end(e.fs_held);
    if (e.handles)
        handle_table_unref(e.handles);
    sigactions_unref(e.actions);
    kfree(e.image);
    return r;
}

static s64 do_execve(int dfd, u64 upath, u64 argv, u64 envp, int flags)
{
    struct exec_args args;
    char *path;
    int r = path_from_user(upath, &path);

    if (r)
        return r;
    r = exec_args_init(&args);
    if (r == 0)
        r = exec_args_add_user(&args, argv, &args.argc);
    if (r == 0 && !args.argc) { /* as Linux from 5.18 on: programs count on argv[0] */
        r = exec_args_add(&args, "");
        args.argc = 1;
    }
    if (r == 0)
        r = exec_args_add_user(&args, envp, &args.envc);
    if (r == 0)
        r = exec_program(dfd, path, flags, &args);
    exec_args_free(&args);
    path_free(path);
    return r;
}

s64 sys_execve(u64 path, u64 argv, u64 envp)
{
    return do_execve(AT_FDCWD, path, argv, envp, 0);
}

s64 sys_execveat(int dfd, u64 path, u64 argv, u64 envp, int flags)
{
    if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    return do_execve(dfd, path, argv, envp, flags);
}
