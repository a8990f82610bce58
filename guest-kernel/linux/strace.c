/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --strace: one line a call, when it is done (or when it begins, if it may not come back):
 *     [12] openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3
 * Arguments are shown as they were at the entry, what comes out as it is at the end.
 */
#include "linux/strace.h"

#include "arch/context.h"
#include "core/hostcall.h"
#include "core/print.h"
#include "core/string.h"
#include "linux/abi_time.h"
#include "linux/syscall.h"
#include "mm/slab.h"
#include "object/thread.h"

#define SHOWN_BYTES 32u
#define SHOWN_PATH 256u

bool strace_enabled;

struct description {
    const char *name;
    u8 ret, kind[6];
};

#define A0() {0}
#define A1(a) {K_##a}
#define A2(a, b) {K_##a, K_##b}
#define A3(a, b, c) {K_##a, K_##b, K_##c}
#define A4(a, b, c, d) {K_##a, K_##b, K_##c, K_##d}
#define A5(a, b, c, d, e) {K_##a, K_##b, K_##c, K_##d, K_##e}
#define A6(a, b, c, d, e, f) {K_##a, K_##b, K_##c, K_##d, K_##e, K_##f}
#define SYSCALL(nr, name, ret, args, status, note) [nr] = { #name, K_##ret, args },
static const struct description calls[SYSCALL_MAX] = {
#include "linux/syscalls.def"
#undef SYSCALL
#define PRIVILEGED(nr, name, cap) [nr] = { #name, K_INT, { K_HEX, K_HEX, K_HEX } },
#include "linux/privileged.def"
};
#undef SYSCALL

void trace_put(struct trace_line *l, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = str_vprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
    va_end(ap);
    if (n > 0)
        l->len = MIN(l->len + (u32)n, (u32)sizeof(l->text) - 1);
}

static void put_bytes(struct trace_line *l, const u8 *p, size_t n, bool more)
{
    trace_put(l, "\"");
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n')
            trace_put(l, "\\n");
        else if (p[i] == '\t')
            trace_put(l, "\\t");
        else if (p[i] == '"' || p[i] == '\\')
            trace_put(l, "\\%c", p[i]);
        else if (p[i] < 32 || p[i] > 126)
            trace_put(l, "\\%o", p[i]);
        else
            trace_put(l, "%c", p[i]);
    }
    trace_put(l, more ? "\"..." : "\"");
}

static void put_memory(struct trace_line *l, u64 addr, u64 n)
{
    u8 buf[SHOWN_BYTES];
    size_t shown = MIN(n, (u64)SHOWN_BYTES);

    if (!addr)
        trace_put(l, "NULL");
    else if (copy_from_user(buf, addr, shown))
        trace_put(l, "0x%lx", addr);
    else
        put_bytes(l, buf, shown, n > shown);
}

static void put_path(struct trace_line *l, u64 addr)
{
    char buf[SHOWN_PATH];
    ssize_t n = addr ? copy_string_from_user(buf, addr, sizeof(buf)) : -EFAULT;

    if (n >= 0)
        put_bytes(l, (u8 *)buf, (size_t)n, false);
    else if (n == -ENAMETOOLONG)
        put_bytes(l, (u8 *)buf, sizeof(buf), true);
    else if (addr)
        trace_put(l, "0x%lx", addr);
    else
        trace_put(l, "NULL");
}

static void put_time(struct trace_line *l, u64 addr)
{
    struct abi_timespec ts;

    if (!addr)
        trace_put(l, "NULL");
    else if (copy_from_user(&ts, addr, sizeof(ts)))
        trace_put(l, "0x%lx", addr);
    else
        trace_put(l, "{%ld, %ld}", ts.sec, ts.nsec);
}

/* {AF_UNIX, "/run/x"}, {AF_UNIX, @"abstract"}. */
static void put_address(struct trace_line *l, u64 addr, u64 len)
{
    u8 buf[2 + SHOWN_PATH];
    u64 n = MIN((u32)len, (u32)sizeof(buf));
    u16 family;

    if (!addr || n < sizeof(family) || copy_from_user(buf, addr, n)) {
        trace_put(l, addr ? "0x%lx" : "NULL", addr);
        return;
    }
    memcpy(&family, buf, sizeof(family));
    trace_put(l, "{");
    trace_flags(l, K_AF, family);
    if (family == 1 && n > 2) {
        bool abstract = !buf[2];
        u64 from = abstract ? 3 : 2;

        trace_put(l, abstract ? ", @" : ", ");
        put_bytes(l, buf + from, abstract ? n - from : strnlen((char *)buf + from, n - from), false);
    }
    trace_put(l, "}");
}

static void put_argument(struct trace_line *l, u32 kind, u64 v, u64 next, s64 ret)
{
    switch (kind) {
    case K_INT:
    case K_FD:
    case K_PID:
        trace_put(l, "%d", (int)v);
        break;
    case K_DFD:
        if ((int)v == -100)
            trace_put(l, "AT_FDCWD");
        else
            trace_put(l, "%d", (int)v);
        break;
    case K_UINT:
        trace_put(l, "%u", (u32)v);
        break;
    case K_SIZE:
        trace_put(l, "%lu", v);
        break;
    case K_OFF:
        trace_put(l, "%ld", (s64)v);
        break;
    case K_MODE:
        trace_put(l, "0%o", (u32)v);
        break;
    case K_PATH:
        put_path(l, v);
        break;
    case K_STR:
        put_memory(l, v, next);
        break;
    case K_BUF:
        if (ret > 0)
            put_memory(l, v, (u64)ret);
        else
            trace_put(l, "0x%lx", v);
        break;
    case K_ADDR:
        put_address(l, v, next);
        break;
    case K_TS:
        put_time(l, v);
        break;
    case K_PTR:
        if (!v) {
            trace_put(l, "NULL");
            break;
        }
        /* fall through */
    case K_HEX:
        trace_put(l, v < 10 ? "%lu" : "0x%lx", v);
        break;
    default:
        trace_flags(l, kind, v);
        break;
    }
}

static void put_arguments(struct trace_line *l, const struct description *d, const u64 *a, u32 from,
                          u32 to, s64 ret)
{
    for (u32 i = from; i < to; i++) {
        if (i)
            trace_put(l, ", ");
        put_argument(l, d->kind[i], a[i], i < 5 ? a[i + 1] : 0, ret);
    }
}

static void put_result(struct trace_line *l, u32 kind, s64 ret)
{
    const char *name;

    if (IS_RESTART(ret))
        trace_put(l, " = ? (interrupted)");
    else if (ret >= 0 || ret < -4095)
        trace_put(l, kind == K_HEX ? " = 0x%lx" : " = %ld", ret);
    else if ((name = trace_errno((int)-ret)))
        trace_put(l, " = -1 %s", name);
    else
        trace_put(l, " = -1 errno %ld", -ret);
}

static void send(struct trace_line *l)
{
    struct hc_io io;

    hc_io_init(&io);
    hc_in(&io, l->text, l->len);
    hostcall(RV_HC_trace, 0, 0, 0, 0, 0, &io);
}

static u32 count_arguments(const struct description *d)
{
    u32 n = 0;

    while (n < 6 && d->kind[n])
        n++;
    return n;
}

s64 strace_call(struct trap_frame *regs, s64 (*handler)(struct trap_frame *))
{
    u64 a[6] = { regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9 };
    static const struct description unknown = { .kind = { K_HEX, K_HEX, K_HEX } };
    u32 nr = (u32)regs->error, n, now;
    const struct description *d = nr < SYSCALL_MAX && calls[nr].name ? &calls[nr] : &unknown;
    struct trace_line *l = kmalloc(sizeof(*l));
    s64 ret;

    if (!l)
        return handler(regs);
    l->len = 0;
    trace_put(l, "[%u] ", current()->tid);
    if (d->name)
        trace_put(l, "%s(", d->name);
    else
        trace_put(l, "syscall_%u(", nr);
    n = count_arguments(d);
    for (now = 0; now < n && d->kind[now] != K_BUF; now++)
        ;
    put_arguments(l, d, a, 0, now, 0);
    if (d->ret == K_NONE) {
        trace_put(l, ") = ?");
        send(l);
        kfree(l);
        return handler(regs);
    }
    ret = handler(regs);
    put_arguments(l, d, a, now, n, ret);
    trace_put(l, ")");
    put_result(l, d->ret, ret);
    send(l);
    kfree(l);
    return ret;
}
