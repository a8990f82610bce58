/* SPDX-License-Identifier: Apache-2.0 */
/* Names of flags and errors for --strace. */
#include "linux/kinds.h"
#include "linux/strace.h"

#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/sched.h>

struct flag_name {
    u64 bits;
    const char *name;
};

/* Longer sets of bits before the ones they contain. */
#define F(x) { (u64)(x), #x }
static const struct flag_name open_flags[] = {
    F(O_WRONLY), F(O_RDWR), F(O_CREAT), F(O_EXCL), F(O_NOCTTY), F(O_TRUNC), F(O_APPEND),
    F(O_NONBLOCK), { 020200000, "O_TMPFILE" }, { 04010000, "O_SYNC" }, F(O_DSYNC), F(O_DIRECT),
    F(O_LARGEFILE), F(O_DIRECTORY), F(O_NOFOLLOW), F(O_NOATIME), F(O_CLOEXEC), F(O_PATH),
};
static const struct flag_name at_flags[] = {
    F(AT_SYMLINK_NOFOLLOW), F(AT_REMOVEDIR), F(AT_SYMLINK_FOLLOW), F(AT_NO_AUTOMOUNT),
    F(AT_EMPTY_PATH), F(AT_STATX_FORCE_SYNC), F(AT_STATX_DONT_SYNC),
};
static const struct flag_name prot_flags[] = {
    F(PROT_READ), F(PROT_WRITE), F(PROT_EXEC), F(PROT_GROWSDOWN), F(PROT_GROWSUP),
};
static const struct flag_name map_flags[] = {
    F(MAP_SHARED_VALIDATE), F(MAP_SHARED), F(MAP_PRIVATE), F(MAP_FIXED), F(MAP_ANONYMOUS),
    F(MAP_GROWSDOWN), F(MAP_DENYWRITE), F(MAP_EXECUTABLE), F(MAP_LOCKED), F(MAP_NORESERVE),
    F(MAP_POPULATE), F(MAP_NONBLOCK), F(MAP_STACK), F(MAP_HUGETLB), F(MAP_FIXED_NOREPLACE),
};
static const struct flag_name clone_flags[] = {
    F(CLONE_VM), F(CLONE_FS), F(CLONE_FILES), F(CLONE_SIGHAND), F(CLONE_PIDFD), F(CLONE_PTRACE),
    F(CLONE_VFORK), F(CLONE_PARENT), F(CLONE_THREAD), F(CLONE_NEWNS), F(CLONE_SYSVSEM),
    F(CLONE_SETTLS), F(CLONE_PARENT_SETTID), F(CLONE_CHILD_CLEARTID), F(CLONE_DETACHED),
    F(CLONE_UNTRACED), F(CLONE_CHILD_SETTID), F(CLONE_NEWCGROUP), F(CLONE_NEWUTS), F(CLONE_NEWIPC),
    F(CLONE_NEWUSER), F(CLONE_NEWPID), F(CLONE_NEWNET), F(CLONE_IO),
};
#undef F
static const struct flag_name message_flags[] = {
    { 1, "MSG_OOB" }, { 2, "MSG_PEEK" }, { 4, "MSG_DONTROUTE" }, { 0x20, "MSG_TRUNC" },
    { 0x40, "MSG_DONTWAIT" }, { 0x80, "MSG_EOR" }, { 0x100, "MSG_WAITALL" },
    { 0x2000, "MSG_ERRQUEUE" }, { 0x4000, "MSG_NOSIGNAL" }, { 0x8000, "MSG_MORE" },
    { 0x10000, "MSG_WAITFORONE" }, { 0x40000000, "MSG_CMSG_CLOEXEC" },
};
static const struct flag_name socket_flags[] = {
    { O_NONBLOCK, "SOCK_NONBLOCK" }, { O_CLOEXEC, "SOCK_CLOEXEC" },
};

static const char *const families[] = {
    "AF_UNSPEC", "AF_UNIX", "AF_INET", "AF_AX25", "AF_IPX", "AF_APPLETALK", "AF_NETROM",
    "AF_BRIDGE", "AF_ATMPVC", "AF_X25", "AF_INET6", "AF_ROSE", "AF_DECnet", "AF_NETBEUI",
    "AF_SECURITY", "AF_KEY", "AF_NETLINK", "AF_PACKET",
};
static const char *const socket_types[] = {
    "0", "SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET",
};
static const char *const signals[] = {
    "0", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE",
    "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT",
    "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU",
    "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
};
static const char *const futex_ops[] = {
    "FUTEX_WAIT", "FUTEX_WAKE", "FUTEX_FD", "FUTEX_REQUEUE", "FUTEX_CMP_REQUEUE", "FUTEX_WAKE_OP",
    "FUTEX_LOCK_PI", "FUTEX_UNLOCK_PI", "FUTEX_TRYLOCK_PI", "FUTEX_WAIT_BITSET",
    "FUTEX_WAKE_BITSET", "FUTEX_WAIT_REQUEUE_PI", "FUTEX_CMP_REQUEUE_PI", "FUTEX_LOCK_PI2",
};
static const char *const whences[] = {
    "SEEK_SET", "SEEK_CUR", "SEEK_END", "SEEK_DATA", "SEEK_HOLE",
};

static void put_set(struct trace_line *l, const struct flag_name *f, size_t n, u64 v, bool first)
{
    for (size_t i = 0; i < n; i++) {
        if ((v & f[i].bits) != f[i].bits)
            continue;
        trace_put(l, first ? "%s" : "|%s", f[i].name);
        v &= ~f[i].bits;
        first = false;
    }
    if (v || first)
        trace_put(l, first ? (v ? "0x%lx" : "%lu") : "|0x%lx", v);
}

static void put_name(struct trace_line *l, const char *const *names, size_t n, u64 v)
{
    if (v < n)
        trace_put(l, "%s", names[v]);
    else
        trace_put(l, "%lu", v);
}

void trace_flags(struct trace_line *l, u32 kind, u64 v)
{
    switch (kind) {
    case K_OPENF:
        if ((v & 3) == 0)
            trace_put(l, "O_RDONLY");
        if ((v & 3) || (u32)v)
            put_set(l, open_flags, ARRAY_SIZE(open_flags), (u32)v, v & 3);
        break;
    case K_ATF:
        put_set(l, at_flags, ARRAY_SIZE(at_flags), (u32)v, true);
        break;
    case K_PROT:
        if (!v)
            trace_put(l, "PROT_NONE");
        else
            put_set(l, prot_flags, ARRAY_SIZE(prot_flags), v, true);
        break;
    case K_MAPF:
        put_set(l, map_flags, ARRAY_SIZE(map_flags), v, true);
        break;
    case K_CLONEF:
        if (v & ~UINT64_C(0xff))
            put_set(l, clone_flags, ARRAY_SIZE(clone_flags), v & ~UINT64_C(0xff), true);
        if (v & 0xff) {
            if (v & ~UINT64_C(0xff))
                trace_put(l, "|");
            put_name(l, signals, ARRAY_SIZE(signals), v & 0xff);
        }
        break;
    case K_FUTEXOP:
        put_name(l, futex_ops, ARRAY_SIZE(futex_ops), v & FUTEX_CMD_MASK);
        if (v & FUTEX_PRIVATE_FLAG)
            trace_put(l, "|FUTEX_PRIVATE_FLAG");
        if (v & FUTEX_CLOCK_REALTIME)
            trace_put(l, "|FUTEX_CLOCK_REALTIME");
        break;
    case K_WHENCE:
        put_name(l, whences, ARRAY_SIZE(whences), (u32)v);
        break;
    case K_AF:
        put_name(l, families, ARRAY_SIZE(families), (u32)v);
        break;
    case K_SOCKT: /* accept4 has the flags without a type */
        if (v & 0xf)
            put_name(l, socket_types, ARRAY_SIZE(socket_types), v & 0xf);
        if (!(v & 0xf) || (u32)v & ~0xfu)
            put_set(l, socket_flags, ARRAY_SIZE(socket_flags), (u32)v & ~0xfu, !(v & 0xf));
        break;
    case K_MSGF:
        put_set(l, message_flags, ARRAY_SIZE(message_flags), (u32)v, true);
        break;
    case K_SIG:
        put_name(l, signals, ARRAY_SIZE(signals), (u32)v);
        break;
    default:
        trace_put(l, "0x%lx", v);
        break;
    }
}

#define E(x) [x] = #x
static const char *const errors[] = {
    E(EPERM), E(ENOENT), E(ESRCH), E(EINTR), E(EIO), E(ENXIO), E(E2BIG), E(ENOEXEC), E(EBADF),
    E(ECHILD), E(EAGAIN), E(ENOMEM), E(EACCES), E(EFAULT), E(ENOTBLK), E(EBUSY), E(EEXIST),
    E(EXDEV), E(ENODEV), E(ENOTDIR), E(EISDIR), E(EINVAL), E(ENFILE), E(EMFILE), E(ENOTTY),
    E(ETXTBSY), E(EFBIG), E(ENOSPC), E(ESPIPE), E(EROFS), E(EMLINK), E(EPIPE), E(EDOM), E(ERANGE),
    E(EDEADLK), E(ENAMETOOLONG), E(ENOLCK), E(ENOSYS), E(ENOTEMPTY), E(ELOOP), E(ENODATA), E(ETIME),
    E(EOVERFLOW), E(EBADFD), E(ELIBBAD), E(EILSEQ), E(ENOTSOCK), E(EDESTADDRREQ), E(EMSGSIZE),
    E(EPROTOTYPE), E(ENOPROTOOPT), E(EPROTONOSUPPORT), E(ESOCKTNOSUPPORT), E(EOPNOTSUPP),
    E(EPFNOSUPPORT), E(EAFNOSUPPORT), E(EADDRINUSE), E(EADDRNOTAVAIL), E(ENETDOWN), E(ENETUNREACH),
    E(ECONNABORTED), E(ECONNRESET), E(ENOBUFS), E(EISCONN), E(ENOTCONN), E(ETIMEDOUT),
    E(ECONNREFUSED), E(EHOSTUNREACH), E(EALREADY), E(EINPROGRESS), E(ESTALE), E(EDQUOT),
    E(ECANCELED), E(EOWNERDEAD), E(ENOTRECOVERABLE),
};

const char *trace_errno(int e)
{
    return e > 0 && (size_t)e < ARRAY_SIZE(errors) ? errors[e] : NULL;
}
