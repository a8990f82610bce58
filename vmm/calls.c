/* SPDX-License-Identifier: Apache-2.0 */
/* The instant hostcalls about the machine itself: console, end, vCPUs, RAM, clocks. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/crash.h"
#include "vmm/hostcall.h"
#include "vmm/options.h"
#include "vmm/out.h"
#include "vmm/ration.h"
#include "vmm/vm.h"

/*
 * What the guest may write into the caller's logs. The kernel's log is a few lines a second; a trace
 * of a program that does little else than system calls is some MB a second.
 */
static struct ration console_ration = RATION(64u << 10, 1u << 20);
static struct ration trace_ration = RATION(16u << 20, 64u << 20);

static void say_lost(int fd, uint64_t lost)
{
    struct out o;

    if (!lost)
        return;
    out_init(&o, fd);
    out_printf(&o, "runrsc: %llu lines lost here: the sandbox wrote too fast\n",
               (unsigned long long)lost);
    out_flush(&o);
}

static void rationed_line(struct ration *ration, int fd, const char *prefix, const char *text,
                          size_t n)
{
    uint64_t lost;

    if (!ration_take(ration, vm_now(), strlen(prefix) + n + 1, &lost))
        return;
    say_lost(fd, lost);
    out_guest_line(fd, prefix, text, n);
}

static int log_or_stderr(int fd)
{
    return fd >= 0 ? fd : STDERR_FILENO;
}

void calls_end(struct vm *vm)
{
    say_lost(log_or_stderr(vm->opt->log_fd), ration_lost(&console_ration));
    say_lost(log_or_stderr(vm->opt->trace_fd), ration_lost(&trace_ration));
}

int64_t hc_console(struct hc_req *req)
{
    char line[1024];
    size_t n = hc_copy_in(req, 0, line, sizeof(line));

    if (req->arg[0] == 1)
        rationed_line(&console_ration, STDERR_FILENO, "runrsc: ", line, n);
    else
        rationed_line(&console_ration, log_or_stderr(req->vm->opt->log_fd), "kernel: ", line, n);
    return 0;
}

int64_t hc_exit(struct hc_req *req)
{
    vm_claim_end();
    vm_end(req->vm, (int)(req->arg[0] & 0xffff));
}

int64_t hc_crash(struct hc_req *req)
{
    char reason[1025];
    size_t n = hc_copy_in(req, 0, reason, sizeof(reason) - 1);

    reason[n] = 0;
    crash_guest(req->vcpu, req->arg[0], "%s", n ? reason : "no reason given");
}

int64_t hc_vcpu_start(struct hc_req *req)
{
    return vcpu_begin(&req->vm->vcpu[req->arg[0]]);
}

int64_t hc_kick(struct hc_req *req)
{
    struct vm *vm = req->vm;

    for (uint32_t i = 0; i < vm->nvcpus; i++)
        if (req->arg[0] >> i & 1 && atomic_load(&vm->vcpu[i].started))
            vcpu_kick(&vm->vcpu[i], RV_PEND_KICK);
    return 0;
}

int64_t hc_yield(struct hc_req *req)
{
    (void)req;
    sched_yield();
    return 0;
}

int64_t hc_mem_grow(struct hc_req *req)
{
    return ram_grow(req->vm, req->arg[0]);
}

int64_t hc_mem_release(struct hc_req *req)
{
    return ram_release(req->vm, (gpa_t) { req->arg[0] }, req->arg[1]);
}

int64_t hc_mem_clear(struct hc_req *req)
{
    return ram_clear(req->vm, (gpa_t) { req->arg[0] }, req->arg[1]);
}

int64_t hc_mem_copy(struct hc_req *req)
{
    const struct iovec *in = hc_in(req), *out = hc_out(req);
    size_t si = 0, so = 0, left = req->in_len;

    if (req->in_len != req->out_len)
        return -EINVAL;
    while (left) {
        size_t n = in->iov_len - si;

        if (n > out->iov_len - so)
            n = out->iov_len - so;
        memmove((char *)out->iov_base + so, (const char *)in->iov_base + si, n);
        left -= n;
        if ((si += n) == in->iov_len) {
            in++;
            si = 0;
        }
        if ((so += n) == out->iov_len) {
            out++;
            so = 0;
        }
    }
    return 0;
}

int64_t hc_clock_read(struct hc_req *req)
{
    struct timespec ts;

    if (req->arg[0] != CLOCK_REALTIME && req->arg[0] != CLOCK_MONOTONIC &&
        req->arg[0] != CLOCK_BOOTTIME)
        return -EINVAL;
    if (clock_gettime((clockid_t)req->arg[0], &ts) < 0)
        return -errno;
    return (int64_t)ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

int64_t hc_trace(struct hc_req *req)
{
    char line[4000];
    size_t n = hc_copy_in(req, 0, line, sizeof(line));

    rationed_line(&trace_ration, log_or_stderr(req->vm->opt->trace_fd), "", line, n);
    return 0;
}
