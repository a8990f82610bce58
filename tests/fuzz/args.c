/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments by kind: the kernel's own table (linux/syscalls.def) says which call takes what. */
#include "fuzz.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/kinds.h"

#define A0() 0, { 0 }
#define A1(a) 1, { K_##a }
#define A2(a, b) 2, { K_##a, K_##b }
#define A3(a, b, c) 3, { K_##a, K_##b, K_##c }
#define A4(a, b, c, d) 4, { K_##a, K_##b, K_##c, K_##d }
#define A5(a, b, c, d, e) 5, { K_##a, K_##b, K_##c, K_##d, K_##e }
#define A6(a, b, c, d, e, f) 6, { K_##a, K_##b, K_##c, K_##d, K_##e, K_##f }
#define SYSCALL(nr, name, ret, args, status, note) { nr, args },
const struct call calls[] = {
#include "linux/syscalls.def"
};
#undef SYSCALL
const uint32_t ncalls = ARRAY_SIZE(calls);

#define SYSCALL(nr, name, ret, args, status, note) case nr: return #name;
const char *call_name(uint64_t nr)
{
    switch (nr) {
#include "linux/syscalls.def"
    default: return "?";
    }
}
#undef SYSCALL

#define PICK(f, array) ((array)[below(&(f)->rng, ARRAY_SIZE(array))])

uint64_t any_number(struct fuzzer *f)
{
    static const uint64_t odd[] = {
        0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x10000, INT_MAX, 0x80000000, UINT_MAX,
        0x100000000, INT64_MAX, 0x8000000000000000
    };

    switch (below(&f->rng, 8)) {
    case 0: return 0;
    case 1: return 1;
    case 2: return UINT64_MAX - below(&f->rng, 3);
    case 3: return PICK(f, odd) + below(&f->rng, 3) - 1;
    case 4: return rnd(&f->rng);
    case 5: return UINT64_C(1) << below(&f->rng, 64);
    default: return below(&f->rng, 32);
    }
}

uint64_t any_size(struct fuzzer *f)
{
    static const uint64_t big[] = { 1 << 20, 1 << 24, INT_MAX, UINT_MAX, UINT64_C(1) << 32,
                                    UINT64_C(1) << 40, UINT64_C(1) << 47, INT64_MAX, UINT64_MAX };

    switch (below(&f->rng, 10)) {
    case 0: return 0;
    case 1: return 1;
    case 2: return PAGE - 1 + below(&f->rng, 3);
    case 3: return 2 * PAGE - 1 + below(&f->rng, 3);
    case 4: return PAGE * below(&f->rng, 33);
    case 5: return one_in(&f->rng, 4) ? PICK(f, big) - below(&f->rng, 2) : below(&f->rng, 65536);
    default: return below(&f->rng, 300);
    }
}

uint64_t any_offset(struct fuzzer *f)
{
    static const uint64_t odd[] = {
        1 << 20, INT_MAX, UINT_MAX, UINT64_C(1) << 40, UINT64_C(1) << 43, INT64_MAX, INT64_MAX -
        4095, INT64_MIN, UINT64_MAX, -4096ul
    };

    switch (below(&f->rng, 6)) {
    case 0: return 0;
    case 1: return PAGE * below(&f->rng, 40);
    case 2: return PAGE * below(&f->rng, 40) + below(&f->rng, 3) - 1;
    case 3: return one_in(&f->rng, 3) ? PICK(f, odd) - below(&f->rng, 2) : below(&f->rng, 1 << 17);
    default: return below(&f->rng, 10000);
    }
}

/* Memory that is there, more often than not. */
uint64_t any_pointer(struct fuzzer *f)
{
    static const uint64_t bad[] = {
        0, 8, 4095, 0x1000, 0x7fffffffe000, 0x7ffffffff000, 0x7ffffffffff8, 0x800000000000,
        0xdeadbeef0000, 0x4141414141414141, 0xffff7fffffffffff, 0xffff800000000000,
        0xffff800000001000, 0xffffffff80000000, 0xffffffff80200000, 0xffffffffff600000, -4096ul,
        -8ul, -1ul
    };

    switch (below(&f->rng, 16)) {
    case 0: return PICK(f, bad);
    case 1: return (uint64_t)edge - below(&f->rng, 65);
    case 2: return (uint64_t)edge - PAGE + below(&f->rng, PAGE);
    case 3:
    case 4: return (uint64_t)play + PAGE * below(&f->rng, PLAY_PAGES) + 8 * below(&f->rng, 512);
    case 5:
    case 6:
        return (uint64_t)pages[below(&f->rng, npages)] +
               (one_in(&f->rng, 2) ? 0 : below(&f->rng, PAGE));
    case 7:
        return (uint64_t)f->arena + below(&f->rng, ARENA); /* over structures of the same call */
    default: {
        uint8_t *p = arena(f, 4 * PAGE); /* the rest of it belongs to whoever comes after */

        f->arena_used -= 4 * PAGE - 256;
        return (uint64_t)p + (one_in(&f->rng, 16) ? below(&f->rng, 8) : 0);
    }
    }
}

uint64_t any_path(struct fuzzer *f)
{
    static const char *const path[] = {
        "a", "b", "c", "a/b", "a/../b", "d", "d/e", "d/e/f", "d/../../d", "./a", "a/", "d/", "d/.",
        "d/..", "..", ".", "", "/", "link", "loop", "loop/a", "dangling", "linkdir/e", "linkdir",
        "fifo", "sock", "missing", "missing/x", "a/x", "image", "/fuzz/file", "/fuzz/big",
        "/fuzz/dir", "/fuzz/dir/one", "/fuzz/link", "/fuzz", "/tmp/x", "/tmp/d", "/tmp/d/x", "/tmp",
        "/dev/shm/x", "/vol/x", "/vol/y", "/vol/d", "/vol/d/x", "/vol", "/dev/null", "/dev/zero",
        "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/urandom", "/dev/pts/0", "/dev/pts", "/dev",
        "/dev/fd/3", "/proc", "/proc/self", "/proc/self/fd", "/proc/self/fd/3", "/proc/self/fd/5",
        "/proc/self/fd/7", "/proc/self/maps", "/proc/self/smaps", "/proc/self/mem",
        "/proc/self/exe", "/proc/self/cwd", "/proc/self/root", "/proc/self/status",
        "/proc/self/stat", "/proc/self/cmdline", "/proc/self/environ", "/proc/self/comm",
        "/proc/self/oom_score_adj", "/proc/self/task", "/proc/self/fdinfo", "/proc/self/fdinfo/3",
        "/proc/self/limits", "/proc/self/mounts", "/proc/self/mountinfo", "/proc/self/auxv",
        "/proc/thread-self", "/proc/thread-self/children", "/proc/meminfo", "/proc/stat",
        "/proc/cpuinfo", "/proc/sys", "/proc/sys/kernel/hostname", "/proc/sys/kernel/pid_max",
        "/proc/sys/fs/file-max", "/proc/1/status", "/sys", "/sys/devices/system/cpu",
        "/sys/devices/system/cpu/online", "/sys/fs/cgroup", "/fuzz/program", "/fuzz/script",
        "/fuzz/text", "user.x", "user.name"
    };
    uint32_t how = below(&f->rng, 24);
    char *p;

    if (how == 0)
        return any_pointer(f);
    if (how == 1) { /* long: a component or a path that is just as long as may be, or longer */
        size_t n = one_in(&f->rng, 2) ? 254 + below(&f->rng, 3) : 4094 + below(&f->rng, 3);

        p = arena(f, 4 * PAGE);
        memset(p, n < 1000 ? 'n' : '/', n);
        p[n] = 0;
        f->arena_used -= 2 * PAGE;
        return (uint64_t)p;
    }
    if (how == 2) { /* no end before unmapped memory */
        memset(edge - 16, 'p', 16);
        return (uint64_t)edge - 1 - below(&f->rng, 16);
    }
    p = arena(f, 128);
    strcpy(p, PICK(f, path));
    if (how == 3 && strlen(p) < 60) {
        strcat(p, "/");
        strcat(p, PICK(f, path));
        p[127] = 0;
    }
    if (how == 4)
        p[below(&f->rng, 16)] = (char)rnd(&f->rng);
    return (uint64_t)p;
}

int any_fd(struct fuzzer *f)
{
    static const int bad[] = { -1, INT_MAX, INT_MIN, 1023, 1024, 65536, AT_FDCWD };

    switch (below(&f->rng, 16)) {
    case 0: return PICK(f, bad);
    case 1:
    case 2: return (int)below(&f->rng, 64);
    case 3:
    case 4:
    case 5: return f->recent_fd[below(&f->rng, RECENT)];
    default: return pool_fd[below(&f->rng, npool)];
    }
}

int any_pid(struct fuzzer *f)
{
    static const int odd[] = { 0, 99999, INT_MAX, INT_MIN, -2, 32767 };

    switch (below(&f->rng, 8)) {
    case 0: return PICK(f, odd);
    case 1: return f->tid;
    case 2: return (int)raw(SYS_getpid, 0, 0, 0, 0, 0);
    case 3: {
        int group = (int)raw(SYS_getpgid, 0, 0, 0, 0, 0);

        return one_in(&f->rng, 2) ? -group : group;
    }
    case 4: return shared->note[below(&f->rng, NOTES)].tid;
    default: return f->recent_pid[below(&f->rng, RECENT)];
    }
}

int any_signal(struct fuzzer *f)
{
    int signal = (int)below(&f->rng, 67) - 1;
    bool ends = signal == SIGKILL || signal == SIGSTOP || (signal >= SIGTSTP && signal <= SIGTTOU);

    return ends && !one_in(&f->rng, 8) ? SIGUSR1 : signal;
}

/* Mostly few of the bits, now and then any. */
static uint64_t bits(struct fuzzer *f, const uint64_t *bit, uint32_t n)
{
    uint64_t v = 0;

    if (one_in(&f->rng, 16))
        return rnd(&f->rng) & rnd(&f->rng);
    for (uint32_t k = below(&f->rng, 4); k > 0; k--)
        v |= bit[below(&f->rng, n)];
    return v;
}
#define BITS_OF(f, ...) \
    bits(f, (const uint64_t[]){ __VA_ARGS__ }, ARRAY_SIZE(((const uint64_t[]){ __VA_ARGS__ })))

static uint64_t by_kind(struct fuzzer *f, uint32_t kind)
{
    switch (kind) {
    case K_FD: return (uint64_t)any_fd(f);
    case K_DFD: return (uint64_t)(one_in(&f->rng, 2) ? AT_FDCWD : any_fd(f));
    case K_PID: return (uint64_t)any_pid(f);
    case K_SIG: return (uint64_t)any_signal(f);
    case K_SIZE: return any_size(f);
    case K_OFF: return any_offset(f);
    case K_MODE: return one_in(&f->rng, 16) ? rnd(&f->rng) : below(&f->rng, 010000);
    case K_PATH: return any_path(f);
    case K_PTR:
    case K_STR:
    case K_BUF: return any_pointer(f);
    case K_TS: return make_shape(f, TIMESPEC);
    case K_ADDR: return make_shape(f, SOCKADDR);
    case K_OPENF:
        return below(&f->rng, 3) | BITS_OF(f, O_CREAT, O_EXCL, O_NOCTTY, O_TRUNC, O_APPEND,
                                           O_NONBLOCK, O_DSYNC, O_SYNC, O_DIRECT, O_LARGEFILE,
                                           O_DIRECTORY, O_NOFOLLOW, O_NOATIME, O_CLOEXEC, O_PATH,
                                           O_TMPFILE);
    case K_ATF:
        return BITS_OF(f, AT_SYMLINK_NOFOLLOW, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, AT_NO_AUTOMOUNT,
                       AT_EMPTY_PATH, AT_EACCESS);
    case K_PROT: return one_in(&f->rng, 8) ? rnd(&f->rng) & 0xff : below(&f->rng, 8);
    case K_MAPF:
        return 1 + below(&f->rng, 2) + (one_in(&f->rng, 2) ? MAP_ANONYMOUS : 0) +
               BITS_OF(f, MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_GROWSDOWN, MAP_DENYWRITE,
                       MAP_LOCKED, MAP_NORESERVE, MAP_POPULATE, MAP_NONBLOCK, MAP_STACK,
                       MAP_HUGETLB, MAP_SYNC, 3);
    case K_CLONEF:
        return below(&f->rng, 66) |
               BITS_OF(f, CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_PIDFD, CLONE_PTRACE,
                       CLONE_VFORK, CLONE_PARENT, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM,
                       CLONE_NEWNS, CLONE_SYSVSEM, CLONE_SETTLS, CLONE_PARENT_SETTID,
                       CLONE_CHILD_CLEARTID, CLONE_DETACHED, CLONE_UNTRACED, CLONE_CHILD_SETTID,
                       CLONE_NEWUTS, CLONE_NEWPID, CLONE_IO);
    case K_FUTEXOP:
        return below(&f->rng, 14) +
               BITS_OF(f, FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME, FUTEX_PRIVATE_FLAG);
    case K_WHENCE: return below(&f->rng, 6);
    case K_AF: return one_in(&f->rng, 6) ? below(&f->rng, 46) : AF_UNIX;
    case K_SOCKT:
        return 1 + below(&f->rng, 5) + BITS_OF(f, SOCK_NONBLOCK, SOCK_CLOEXEC);
    case K_MSGF:
        return BITS_OF(f, MSG_OOB, MSG_PEEK, MSG_DONTROUTE, MSG_CTRUNC, MSG_TRUNC, MSG_DONTWAIT,
                       MSG_DONTWAIT, MSG_EOR, MSG_WAITALL, MSG_NOSIGNAL, MSG_NOSIGNAL, MSG_MORE,
                       MSG_WAITFORONE, MSG_CMSG_CLOEXEC);
    case K_HEX:
        return one_in(&f->rng, 3) ? any_pointer(f) : any_number(f);
    default: return any_number(f);
    }
}

/* What would only end the run, or a file that grows without end on the host. */
static void tame(struct fuzzer *f, const struct call *c, uint64_t arg[6])
{
    switch (c->nr) {
    case SYS_kill:
    case SYS_rt_sigqueueinfo:
        if ((int)arg[0] == -1 && !one_in(&f->rng, 16))
            arg[0] = 0;
        break;
    case SYS_prlimit64: /* whatever a program does to process 1 it may; then the driver would end */
    case SYS_process_vm_writev:
    case SYS_pidfd_open:
    case SYS_sched_setaffinity:
        if ((int)arg[0] == 1)
            arg[0] = 0;
        break;
    case SYS_close_range:
        arg[0] = below(&f->rng, 70);
        if (!one_in(&f->rng, 16))
            arg[1] = arg[0] + below(&f->rng, 4);
        break;
    case SYS_munmap: /* at no more than the program's end */
        if (arg[1] > PLAY_PAGES * PAGE && arg[1] < UINT64_C(1) << 47 && !one_in(&f->rng, 32))
            arg[1] = PAGE;
        break;
    default: break;
    }
}

void args_make(struct fuzzer *f, const struct call *c, uint64_t arg[6])
{
    f->arena_used = 0;
    for (uint32_t i = 0; i < 6; i++) {
        arg[i] = 0;
        if (i < c->nargs && !hinted(f, c->nr, i, &arg[i]))
            arg[i] = by_kind(f, c->kind[i]);
    }
    tame(f, c, arg);
}
