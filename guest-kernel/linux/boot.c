/* SPDX-License-Identifier: Apache-2.0 */
/* The container's first process, from the boot data (docs/boot-data.md, /process). */
#include "arch/upcall.h"
#include "arch/vdso.h"
#include "core/boot.h"
#include "core/hostcall.h"
#include "core/print.h"
#include "core/string.h"
#include "fs/proc.h"
#include "fs/vfs.h"
#include "linux/cred_change.h"
#include "linux/exec.h"
#include "linux/files.h"
#include "linux/locks.h"
#include "linux/syscall.h"
#include "linux/uts.h"
#include "mm/slab.h"
#include "net/socket.h"
#include "object/futex.h"
#include "object/process.h"
#include "object/reclock.h"
#include "sched/sched.h"
#include "tty/tty.h"

#include <asm/resource.h>
#include <linux/fcntl.h>

#define EXIT_FAILED 125         /* what runrsc ends with when it cannot do its part */
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* What docker and runc give a container by default; boot data has no list of its own. */
#define CAP_CONTAINER UINT64_C(0xa80425fb)
#define STACK_DEFAULT (UINT64_C(8) << 20)
#define SIGPENDING_DEFAULT 7823u

static const struct boot_node *node; /* /process */

/* --- reading ---------------------------------------------------------------------------------- */

static const char *get_env(const char *name)
{
    size_t n = strlen(name);

    for (const char *s = NULL; (s = boot_next_string(node, "env", s));)
        if (!strncmp(s, name, n) && s[n] == '=')
            return s + n + 1;
    return NULL;
}

/* --- parts of the process --------------------------------------------------------------------- */

static struct cred *make_cred(void)
{
    u32 len, n = boot_prop(node, "groups", &len) ? len / 4 : 0;
    struct cred *c = cred_create(n);

    if (!c)
        return NULL;
    c->uid = c->euid = c->suid = c->fsuid = boot_cell(node, "uid", 0, 0);
    c->gid = c->egid = c->sgid = c->fsgid = boot_cell(node, "gid", 0, 0);
    for (u32 i = 0; i < n; i++)
        c->groups[i] = boot_cell(node, "groups", i, 0);
    cred_sort_groups(c);
    c->cap_bounding = CAP_CONTAINER;
    c->cap_permitted = c->cap_effective = c->uid ? 0 : CAP_CONTAINER;
    return c;
}

static void set_limits(struct process *p)
{
    for (u32 i = 0; i < RLIMIT_COUNT; i++)
        p->rlimits[i] = (struct rlimit_value){ RLIMIT_UNLIMITED, RLIMIT_UNLIMITED };
    p->rlimits[RLIMIT_STACK].cur = STACK_DEFAULT;
    p->rlimits[RLIMIT_CORE].cur = 0;
    p->rlimits[RLIMIT_NICE] = p->rlimits[RLIMIT_RTPRIO] = (struct rlimit_value){ 0, 0 };
    p->rlimits[RLIMIT_SIGPENDING] = (struct rlimit_value){ SIGPENDING_DEFAULT, SIGPENDING_DEFAULT };
    p->rlimits[RLIMIT_MEMLOCK] = (struct rlimit_value){ 8u << 20, 8u << 20 };
    p->rlimits[RLIMIT_MSGQUEUE] = (struct rlimit_value){ 819200, 819200 };
    p->rlimits[RLIMIT_NOFILE] = (struct rlimit_value){ boot_cell64(node, "nofile", 0, 1024),
                                                       boot_cell64(node, "nofile", 1, 4096) };
}

static int open_stdio(struct process *p)
{
    for (int fd = 0; fd < 3; fd++) {
        struct file *f = stdio_open(fd);
        int r;

        if (!f)
            continue; /* closed outside: closed inside */
        r = handle_install_at(p->handles, &f->obj, fd_rights(f->flags), 0, (u32)fd);
        if (r < 0) {
            file_put(f);
            return r;
        }
    }
    return 0;
}

/* Hook of object/process.c: what a process holds of the layers above. */
static void release(struct process *p)
{
    struct fs_context *fs;
    struct object *exe;

    spin_lock(&p->lock);
    fs = p->fs;
    exe = p->exe;
    p->fs = NULL;
    p->exe = NULL;
    spin_unlock(&p->lock);
    reclock_release(NULL, p);
    if (fs)
        fs_context_leave(fs);
    if (exe)
        object_unref(exe);
    cred_sweep(p);
}

/* Hook of object/process.c: a zombie is still somebody's, so this stays until the very end. */
static void destroy_cred(struct process *p)
{
    cred_sweep(p);
    if (p->cred)
        cred_unref(p->cred);
}

/* --- starting --------------------------------------------------------------------------------- */

static void NORETURN give_up(int status)
{
    hostcall(RV_HC_exit, (u64)status << 8, 0, 0, 0, 0, NULL);
    panic("the VMM came back from exit");
}

static const char *reason(int err)
{
    switch (err) {
    case -ENOENT: return "no such file or directory";
    case -EACCES: return "permission denied";
    case -ENOEXEC: return "not an executable of this machine";
    case -EISDIR: return "is a directory";
    case -ELIBBAD: return "the interpreter is not an executable of this machine";
    case -ENOTDIR: return "a part of the path is not a directory";
    case -ELOOP: return "too many levels of links or interpreters";
    case -ENOMEM: return "not enough memory";
    case -E2BIG: return "arguments are too long";
    case -EIO: return "cannot be read";
    default: return "cannot be executed";
    }
}

static int run(const char *path)
{
    struct exec_args args;
    int r = exec_args_init(&args);
    const char *s;

    for (s = NULL; r == 0 && (s = boot_next_string(node, "args", s));) {
        r = exec_args_add(&args, s);
        args.argc++;
    }
    for (s = NULL; r == 0 && (s = boot_next_string(node, "env", s));) {
        r = exec_args_add(&args, s);
        args.envc++;
    }
    if (r == 0)
        r = exec_program(AT_FDCWD, path, 0, &args);
    exec_args_free(&args);
    return r;
}

/* execvp: the first directory in which it can be executed. The most telling error otherwise. */
static int run_in_path(const char *name)
{
    const char *path = get_env("PATH"), *end;
    char *full = kmalloc(EXEC_PATH_MAX);
    int result = -ENOENT, r = -ENOENT;

    if (!full)
        return -ENOMEM;
    for (path = path ? path : DEFAULT_PATH;; path = end + 1) {
        int n;

        end = strchr(path, ':');
        n = (int)(end ? (size_t)(end - path) : strlen(path));
        if (str_printf(full, EXEC_PATH_MAX, "%.*s%s%s", n, path, n ? "/" : "", name) <
            (int)EXEC_PATH_MAX) {
            r = run(full);
            if (r == 0)
                break;
            if (r != -ENOENT && r != -ENOTDIR && (result == -ENOENT || r != -EACCES))
                result = r;
        }
        if (!end)
            break;
    }
    kfree(full);
    return r == 0 ? 0 : result;
}

/* The working directory, as seen with the process's own rights. */
static int enter_cwd(struct process *p)
{
    const char *cwd = boot_string(node, "cwd", "/");
    struct lookup l;
    struct path path;
    int r = lookup_begin(&l, AT_FDCWD, cwd, LOOKUP_FOLLOW);

    if (r)
        return r;
    r = path_lookup(&l, cwd, &path);
    lookup_end(&l);
    if (r == 0) {
        r = vfs_chdir(&path, p->cred, p->fs, false);
        path_unref(&path);
    }
    if (r)
        user_error("%s: cannot be the working directory: %s", cwd, reason(r));
    return r;
}

static bool exists(const char *name)
{
    struct lookup l;
    struct path path;
    int r = lookup_begin(&l, AT_FDCWD, name, LOOKUP_FOLLOW);

    if (r)
        return false;
    r = path_lookup(&l, name, &path);
    lookup_end(&l);
    if (r == 0)
        path_unref(&path);
    return r == 0;
}

static void init_entry(void *arg UNUSED)
{
    struct process *p = process_current();
    const char *name = boot_next_string(node, "args", NULL);
    int r;

    if (!name || !*name) {
        user_error("no command given");
        give_up(EXIT_NOT_FOUND);
    }
    if (enter_cwd(p))
        give_up(EXIT_NOT_EXECUTABLE);
    r = strchr(name, '/') ? run(name) : run_in_path(name);
    if (r == -ENOENT) {
        if (strchr(name, '/'))
            user_error("%s: %s", name, exists(name) ? "its interpreter does not exist" : reason(r));
        else
            user_error("%s: command not found in PATH", name);
        give_up(EXIT_NOT_FOUND);
    }
    if (r) {
        user_error("%s: %s", name, reason(r));
        give_up(EXIT_NOT_EXECUTABLE);
    }
    arch_enter_user(current()->regs);
}

/* Hook of fs/: the names of uname(2). */
static void get_names(char names[6][UTS_LEN])
{
    struct uts u;

    STATIC_ASSERT(sizeof(u) == 6 * UTS_LEN);
    uts_get(&u);
    memcpy(names, &u, sizeof(u));
}

/* From the event ring: what comes from outside the container. */
static void on_event(const struct rv_event *ev)
{
    if (ev->kind == RV_EVENT_SIGNAL)
        process_external_signal((int)ev->ret);
    else if (ev->kind == RV_EVENT_WINSIZE)
        tty_resized((u32)ev->ret >> 16 & 0xffff, (u32)ev->ret & 0xffff);
}

void linux_boot(void)
{
    struct process *p;
    struct thread *t;
    const char *hostname;

    node = boot_node("process");
    if (!node)
        panic("boot data: no /process node");
    strace_enabled = boot_flag(boot_node("options"), "strace");
    arch_vdso_init();
    futex_init();
    process_hooks.release = release;
    process_hooks.destroy = destroy_cred;
    process_hooks.session_end = tty_session_ended;
    sched_hooks.event = on_event;
    file_ended = locks_on_release;
    proc_uts = get_names;
    net_init();
    hostname = boot_string(node, "hostname", "localhost");
    uts_set_hostname(hostname, strlen(hostname));

    p = process_create(NULL);
    if (!p)
        panic("no memory for the first process");
    set_limits(p);
    p->cred = make_cred();
    p->handles = handle_table_create();
    p->actions = sigactions_create(NULL);
    if (!p->cred || !p->handles || !p->actions)
        panic("no memory for the first process");
    p->uid = p->cred->uid;
    if (fs_boot(&p->fs)) {
        user_error("the container's file tree cannot be made");
        give_up(EXIT_FAILED);
    }
    p->fs->umask = boot_cell(node, "umask", 0, 022);
    if (open_stdio(p))
        panic("no memory for the inherited descriptors");
    t = thread_create(p, "init", init_entry, NULL);
    if (!t || arch_clone_state(t))
        panic("no memory for the first thread");
    sigstate_init(&t->sig);
    if (process_publish(p, t, false))
        panic("no number for the first process");
    thread_start(t);
    object_unref(&t->obj);
    object_unref(&p->obj);
}
