/* SPDX-License-Identifier: Apache-2.0 */
/* The machine: vCPUs' data, RAM in the direct map, hostcalls, the log and its end. */
#include "arch/context.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/page.h"
#include "arch/percpu.h"
#include "core/boot.h"
#include "core/print.h"
#include "core/string.h"
#include "mm/frame.h"
#include "mm/frame_impl.h"
#include "mm/usercopy.h"
#include "tests/unit/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIRECT UINT64_C(0x200000000000) /* where the direct map is in this process */
#define FRAMES_LEN (UINT64_C(64) << 20)

u64 fake_clears;
u64 fake_calls[RV_HC_COUNT];
s64 (*fake_serve)(u32 nr, const u64 arg[5], const struct hc_io *io);

struct boot_info boot;
struct cpu_features cpu_features;
struct percpu *percpu_table[RV_MAX_VCPUS];
u32 ncpus = FAKE_CPUS;

static struct rv_vcpu_page pages[FAKE_CPUS];
static struct rv_shared shared;
static struct percpu cpus[FAKE_CPUS];
static u32 cpu;
static u64 ram_size; /* 0: there is none */
static u64 mapped_structs;

static __attribute__((constructor)) void set_up(void)
{
    for (u32 i = 0; i < FAKE_CPUS; i++) {
        cpus[i] = (struct percpu){ .self = &cpus[i], .index = i, .page = &pages[i] };
        pages[i].deadline = RV_NO_DEADLINE;
        percpu_table[i] = &cpus[i];
    }
    boot.vcpus = FAKE_CPUS;
    boot.shared = &shared;
}

void fake_cpu(u32 index)
{
    cpu = index;
}

struct percpu *this_cpu(void)
{
    return &cpus[cpu];
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Not by mmap(), for which the address sanitizer writes as much as an eighth of the length. */
static void map(u64 at, u64 len)
{
    long r = syscall(SYS_mmap, at, len, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

    if ((u64)r != at)
        panic("no memory at 0x%llx", (unsigned long long)at);
}

void fake_ram(u64 size, u64 limit)
{
    map(DIRECT, size);
    map(FRAMES_BASE, FRAMES_LEN);
    boot.ram_size = ram_size = size;
    boot.ram_limit = limit;
    boot.free_start = RV_KERNEL_GPA + (UINT64_C(1) << 20);
    frame_init();
}

u64 fake_frames_used(void)
{
    struct frame_stats s;

    frame_get_stats(&s);
    return (s.total - s.free) >> PAGE_SHIFT;
}

void *phys_to_virt(u64 pa)
{
    return (void *)(DIRECT + pa);
}

/* Also for memory from malloc: phys_to_virt turns it back. */
u64 virt_to_phys(const void *va)
{
    return (u64)va - DIRECT;
}

void page_clear(u64 pa)
{
    fake_clears++;
    memset(phys_to_virt(pa), 0, PAGE_SIZE);
}

void page_clear_run(u64 pa, u64 len)
{
    fake_clears += len >> PAGE_SHIFT;
    memset(phys_to_virt(pa), 0, len);
}

void page_copy(u64 dst, u64 src)
{
    memcpy(phys_to_virt(dst), phys_to_virt(src), PAGE_SIZE);
}

/* The table of frames is there from the beginning: only what the kernel has asked for counts. */
u64 mmu_kernel_pa(u64 va)
{
    return va < mapped_structs ? 1 : 0;
}

int mmu_map_kernel(u64 va, u64 pa UNUSED, bool writable UNUSED, u64 (*alloc)(void) UNUSED)
{
    if (va < FRAMES_BASE || va >= FRAMES_BASE + FRAMES_LEN)
        panic("mapping of 0x%llx", (unsigned long long)va);
    mapped_structs = MAX(mapped_structs, va + PAGE_SIZE);
    return 0;
}

int mmu_map_direct(u64 pa UNUSED, u64 len UNUSED, bool writable UNUSED, u64 (*alloc)(void) UNUSED)
{
    return 0;
}

/* --- user memory: the addresses are this process's -------------------------------------------- */

size_t copy_to_user_partial(u64 dst, const void *src, size_t n)
{
    memcpy((void *)dst, src, n);
    return 0;
}

size_t copy_from_user_partial(void *dst, u64 src, size_t n)
{
    memcpy(dst, (const void *)src, n);
    return 0;
}

int copy_to_user(u64 dst, const void *src, size_t n)
{
    return (int)copy_to_user_partial(dst, src, n);
}

int copy_from_user(void *dst, u64 src, size_t n)
{
    return (int)copy_from_user_partial(dst, src, n);
}

int clear_user(u64 dst, size_t n)
{
    memset((void *)dst, 0, n);
    return 0;
}

int user_load32(u64 addr, u32 *value)
{
    *value = *(volatile u32 *)addr;
    return 0;
}

/* --- hostcalls -------------------------------------------------------------------------------- */

static void add(struct hc_io *io, u32 *count, u64 pa, size_t len)
{
    u32 i = io->nin + io->nout;

    if (i >= RV_SG_MAX)
        panic("hostcall with too many pieces");
    if (!len || len > UINT32_MAX)
        panic("hostcall with a piece of %zu bytes", len);
    io->sg[i] = (struct rv_sg){ { pa }, (u32)len, 0 };
    (*count)++;
}

void hc_in(struct hc_io *io, const void *p, size_t len)
{
    if (io->nout)
        panic("hostcall with an input after an output");
    add(io, &io->nin, virt_to_phys(p), len);
}

void hc_out(struct hc_io *io, void *p, size_t len)
{
    add(io, &io->nout, virt_to_phys(p), len);
}

void hc_in_pa(struct hc_io *io, u64 pa, u32 len)
{
    add(io, &io->nin, pa, len);
}

void hc_out_pa(struct hc_io *io, u64 pa, u32 len)
{
    add(io, &io->nout, pa, len);
}

static size_t transfer(const struct rv_sg *sg, u32 n, size_t skip, u8 *buf, size_t len, bool get)
{
    size_t done = 0;

    for (u32 i = 0; i < n && done < len; i++) {
        u8 *at = phys_to_virt(sg[i].gpa.v);
        size_t k;

        if (skip >= sg[i].len) {
            skip -= sg[i].len;
            continue;
        }
        k = MIN(sg[i].len - skip, len - done);
        if (get)
            memcpy(buf + done, at + skip, k);
        else
            memcpy(at + skip, buf + done, k);
        done += k;
        skip = 0;
    }
    return done;
}

size_t fake_io_get(const struct hc_io *io, size_t skip, void *buf, size_t n)
{
    return transfer(io->sg, io->nin, skip, buf, n, true);
}

size_t fake_io_put(const struct hc_io *io, size_t skip, const void *buf, size_t n)
{
    return transfer(io->sg + io->nin, io->nout, skip, (u8 *)buf, n, false);
}

static u64 sum(const struct rv_sg *sg, u32 n)
{
    u64 bytes = 0;

    for (u32 i = 0; i < n; i++)
        bytes += sg[i].len;
    return bytes;
}

/* What the VMM would refuse is a mistake of the kernel's. */
static void check_sizes(u32 nr, const struct hc_io *io)
{
#define HOSTCALL(nr, name, class, a0, a1, a2, a3, a4, a5, in_max, out_max, doc) { in_max, out_max },
    static const struct {
        u64 in, out;
    } max[] = {
#include "hostcalls/hostcalls.def"
    };
#undef HOSTCALL

    if (io && (sum(io->sg, io->nin) > max[nr].in || sum(io->sg + io->nin, io->nout) > max[nr].out))
        panic("hostcall %u with too many bytes", nr);
}

static s64 grow(u64 bytes)
{
    u64 now = ALIGN_UP(ram_size + bytes, RV_RAM_STEP);

    if (!bytes || now > boot.ram_limit)
        return -ENOMEM;
    map(DIRECT + ram_size, now - ram_size);
    ram_size = now;
    return (s64)now;
}

s64 hostcall(u32 nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, const struct hc_io *io)
{
    const u64 arg[5] = { a0, a1, a2, a3, a4 };

    fake_calls[nr]++;
    check_sizes(nr, io);
    switch (nr) {
    case RV_HC_yield:
        panic("a spinlock is waited for, and there is one thread only");
    case RV_HC_kick:
        return 0;
    case RV_HC_mem_grow:
        return grow(a0);
    case RV_HC_mem_release:
        if ((a0 | a1) % RV_RAM_STEP || !a1 || a0 >= ram_size || a1 > ram_size - a0)
            return -EINVAL;
        map(DIRECT + a0, a1);
        return 0;
    case RV_HC_mem_clear:
        if ((a0 | a1) % PAGE_SIZE || !a1 || a0 >= ram_size || a1 > ram_size - a0)
            return -EINVAL;
        memset(phys_to_virt(a0), 0, a1);
        return 0;
    default:
        return fake_serve ? fake_serve(nr, arg, io) : -ENOSYS;
    }
}

u64 fake_calls_all(void)
{
    u64 n = 0;

    for (u32 i = 0; i < RV_HC_COUNT; i++)
        n += fake_calls[i];
    return n;
}

/* --- the log ---------------------------------------------------------------------------------- */

void panic(const char *fmt, ...)
{
    va_list ap;

    fputs("kernel panic: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}

void log_line(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}
