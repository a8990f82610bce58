/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File windows: see window.h. A window's host memory is reserved address space, one piece a KVM
 * slot; the slots come with the use of the window and double it each time, because a KVM that
 * shadows page tables pays for every page of a slot when it is made. A piece is PROT_NONE where
 * nothing is mapped: an access there is the guest's mistake and ends in a crash report.
 *
 * A file that becomes shorter takes pages away from under the guest. Then:
 *  - Whatever access finds out first, the pages behind the file's end are taken from the run, put
 *    into rv_shared.dead[], and every vCPU gets RV_PEND_WINDOW and its window_fault flag, all of
 *    that before anything else is mapped in their place. So a copy that got a page which is not
 *    the file's sees the flag, or a window_gen that grew since before it, when it is done.
 *  - Then pages without a file take the place (read-only zeros; in the writable window the pages of
 *    one scratch file). A dead page faults once for each vCPU at most: the access that is tried
 *    again succeeds, also in ring 0 with interrupts off, where no interrupt can come first.
 *  - A vCPU in ring 3 takes the interrupt before it executes anything more, and the guest drops the
 *    page from its page tables. Only a vCPU that the kick has not reached yet may read zeros.
 *  - A vCPU that faults after another one has done all this finds nothing left to do: it knows by
 *    the generation, which grew since its own last fault.
 * A page that the host cannot read (a bad disk) is dead in the same way, alone.
 */
#include "hostcalls/lib/attr.h"
#include "hostcalls/lib/bounds.h"
#include "vmm/window.h"

#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vmm/cached.h"
#include "vmm/files.h"
#include "vmm/hostcall.h"
#include "vmm/options.h"
#include "vmm/vm.h"
#include "vmm/window_runs.h"
#include "vmm/worker.h"

/* Newer than some build machines' headers; the number is ABI. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

#define SLOT_FIRST (UINT64_C(32) << 20)
#define SLOTS_MAX  13 /* SLOT_FIRST doubled up to RV_WINDOW_SIZE */
RV_STATIC_ASSERT(SLOT_FIRST << (SLOTS_MAX - 1) == RV_WINDOW_SIZE);

/* Faults without a cause that are tried again before they count: see in_doubt(). */
#define DOUBTS_MAX 4
#define MAP_ARG_BYTES 5 /* of the request: the bytes that have pages, for a worker */

struct range {
    uint64_t base;      /* (i) GPA */
    bool writable;      /* (i) */
    uint64_t covered;   /* (l) bytes with slots */
    uint32_t nslots;    /* (l) */
    uint8_t *host[SLOTS_MAX]; /* (l) each slot's memory; never moves */
    struct runs runs;   /* (l) what is mapped */
};

struct window {
    pthread_mutex_t lock; /* guards (l) */
    struct range range[2];
    uint32_t gen;    /* (l) our own rv_shared.window_gen: the guest can write that one */
    uint64_t look;   /* (l) number of the look at the files' sizes */
    int scratch_fd;  /* (i) memfd of one chunk, for dead pages of the writable window */
    struct {
        uint32_t seen;     /* gen at this vCPU's last fault */
        uint32_t doubts;   /* faults without a cause since `progress` */
        uint64_t progress; /* exits that show that the guest went on */
    } vcpu[RV_MAX_VCPUS];  /* (l) */
};

int window_init(struct vm *vm, struct error *err)
{
    struct window *w = calloc(1, sizeof(*w));

    if (!w)
        return error_set(err, ENOMEM, "cannot start");
    pthread_mutex_init(&w->lock, NULL);
    w->range[0].base = RV_WINDOW_RO_GPA;
    w->range[1].base = RV_WINDOW_RW_GPA;
    w->range[1].writable = true;
    w->scratch_fd = memfd_create("rvisor-lost-pages", MFD_CLOEXEC);
    if (w->scratch_fd < 0 || ftruncate(w->scratch_fd, (off_t)RV_WINDOW_CHUNK) < 0)
        return error_set(err, errno, "cannot make the file windows");
    for (int i = 0; i < 2; i++)
        if (!runs_init(&w->range[i].runs, w->range[i].base, bounds_runs(vm->opt->memory)))
            return error_set(err, ENOMEM, "cannot make the file windows");
    vm->window = w;
    return 0;
}

/* --- places ----------------------------------------------------------------------------------- */

/* The range with all of [gpa, gpa + len), or NULL. */
static struct range *range_of(struct window *w, uint64_t gpa, uint64_t len)
{
    for (int i = 0; i < 2; i++) {
        uint64_t off = gpa - w->range[i].base;

        if (off < RV_WINDOW_SIZE && len <= RV_WINDOW_SIZE - off)
            return &w->range[i];
    }
    return NULL;
}

/* Host address of a covered GPA; *left: the bytes from there to the end of its slot. */
static uint8_t *host_at(const struct range *r, uint64_t gpa, uint64_t *left)
{
    uint64_t off = gpa - r->base, start = 0, len = SLOT_FIRST;
    unsigned i = 0;

    while (off - start >= len) {
        start += len;
        if (i++)
            len *= 2; /* the first two are of one size */
    }
    *left = len - (off - start);
    return r->host[i] + (off - start);
}

/* Slots up to [.., end), an offset in the range. 0 or a negative errno. */
static int cover(struct vm *vm, struct range *r, uint64_t end)
{
    while (r->covered < end) {
        uint64_t len = r->covered ? r->covered : SLOT_FIRST;
        gpa_t gpa = { r->base + r->covered };
        uint8_t *at;
        int e;

        /* Aligned as the guest's addresses are, so that huge pages can be huge for it too. */
        at = mmap(NULL, len + RV_WINDOW_CHUNK, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at == MAP_FAILED)
            return -errno;
        r->host[r->nslots] = at + (-(uintptr_t)at & (RV_WINDOW_CHUNK - 1));
        e = vm_add_slot(vm, gpa, len, r->host[r->nslots],
                        r->writable || !vm->has_readonly_mem ? 0 : KVM_MEM_READONLY);
        if (e) {
            munmap(at, len + RV_WINDOW_CHUNK);
            return e;
        }
        r->nslots++;
        r->covered += len;
    }
    return 0;
}

/* --- mapping ---------------------------------------------------------------------------------- */

static uint64_t size_of(const struct host_file *f)
{
    struct stat st;

    return attr_fstat(f->fd, &st) < 0 || st.st_size < 0 ? 0 : (uint64_t)st.st_size;
}

/* How much of [off, off + len) has pages if the file has `size` bytes; page-aligned. */
static uint64_t with_pages(uint64_t size, uint64_t off, uint64_t len)
{
    uint64_t end = (size + RV_PAGE_SIZE - 1) & ~(uint64_t)(RV_PAGE_SIZE - 1);

    if (end <= off)
        return 0;
    return end - off < len ? end - off : len;
}

/* Map and record a run; the file's reference is taken. Bytes with pages, or a negative errno. */
static int64_t map_run(struct vm *vm, struct range *r, uint64_t gpa, uint64_t len,
                       struct host_file *f, uint64_t off)
{
    struct run *run, *spare;
    uint64_t left;
    void *at;
    int e = cover(vm, r, gpa - r->base + len);

    if (e)
        return e;
    run = run_new(&r->runs);
    spare = run_new(&r->runs);
    if (!run || !spare) {
        e = -ENOMEM;
        goto fail;
    }
    /* All of it, also what lies behind the file's end now: the file may grow. */
    at = mmap(host_at(r, gpa, &left), len, r->writable ? PROT_READ | PROT_WRITE : PROT_READ,
              MAP_SHARED | MAP_FIXED, f->fd, (off_t)off);
    if (at == MAP_FAILED) {
        e = -errno;
        goto fail;
    }
    runs_cut(vm, &r->runs, gpa, len, &spare);
    run_free(&r->runs, spare);
    files_ref(f);
    *run = (struct run){ .gpa = gpa, .len = len, .off = off, .file = f };
    run->alive = with_pages(size_of(f), off, len);
    runs_add(&r->runs, run);
    return (int64_t)run->alive;
fail:
    run_free(&r->runs, run);
    run_free(&r->runs, spare);
    return e;
}

/* Read the pages in and enter them into our page table. Without that, each costs a fault later. */
static void populate(uint8_t *at, size_t len)
{
    while (madvise(at, len, MADV_POPULATE_READ) < 0) {
        if (errno == EINTR || errno == EAGAIN)
            continue;
        if (errno == EINVAL) /* Linux before 5.14 */
            madvise(at, len, MADV_WILLNEED);
        return;
    }
}

static int64_t populate_blocking(struct hc_req *req)
{
    struct window *w = req->vm->window;
    uint64_t gpa = req->arg[2], len = req->arg[MAP_ARG_BYTES], left;
    uint8_t *at;

    pthread_mutex_lock(&w->lock);
    at = host_at(range_of(w, gpa, len), gpa, &left);
    pthread_mutex_unlock(&w->lock);
    populate(at, len);
    return (int64_t)len;
}

int64_t hc_window_map(struct hc_req *req)
{
    struct vcpu *vcpu = req->vcpu;
    struct vm *vm = req->vm;
    struct window *w = vm->window;
    uint64_t off = req->arg[1], gpa = req->arg[2], len = req->arg[3], left;
    struct range *r = range_of(w, gpa, len);
    struct host_file *f;
    uint8_t *at = NULL;
    int64_t n;
    bool cached;

    if (!r || gpa % RV_WINDOW_CHUNK + len > RV_WINDOW_CHUNK || off % RV_PAGE_SIZE ||
        off > (uint64_t)INT64_MAX - len || req->arg[4] > 1)
        return -EINVAL;
    f = files_get(vm, req->arg[0]);
    if (!f)
        return -EBADF;
    if (r->writable && !f->writable) {
        files_put(vm, f);
        return -EACCES;
    }
    pthread_mutex_lock(&w->lock);
    n = map_run(vm, r, gpa, len, f, off);
    if (n > 0)
        at = host_at(r, gpa, &left);
    pthread_mutex_unlock(&w->lock);
    if (n <= 0 || !req->arg[4]) {
        files_put(vm, f);
        return n;
    }
    cached = is_cached_at(f, off, at, (size_t)n);
    files_put(vm, f);
    if (!cached) {
        req->arg[MAP_ARG_BYTES] = (uint64_t)n;
        n = worker_call(req, populate_blocking);
    }
    if (n != RV_PENDING)
        vcpu_pre_fault(vcpu, gpa, (uint64_t)n);
    return n;
}

int64_t hc_window_unmap(struct hc_req *req)
{
    struct vm *vm = req->vm;
    struct window *w = vm->window;
    uint64_t gpa = req->arg[0], len = req->arg[1];
    struct range *r = range_of(w, gpa, len);
    struct run *spare;
    int64_t ret = 0;

    if (!r)
        return -EINVAL;
    pthread_mutex_lock(&w->lock);
    if (gpa - r->base >= r->covered)
        len = 0;
    else if (len > r->covered - (gpa - r->base))
        len = r->covered - (gpa - r->base);
    spare = run_new(&r->runs);
    if (!spare)
        ret = -ENOMEM;
    while (len && !ret) {
        uint64_t n;
        uint8_t *at = host_at(r, gpa, &n);

        if (n > len)
            n = len;
        if (mmap(at, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
                 0) == MAP_FAILED) {
            ret = -errno;
            break;
        }
        runs_cut(vm, &r->runs, gpa, n, &spare);
        gpa += n;
        len -= n;
    }
    run_free(&r->runs, spare);
    pthread_mutex_unlock(&w->lock);
    return ret;
}

/* --- lost pages ------------------------------------------------------------------------------- */

/* Tell the guest, all of it, that [gpa, gpa + len) has lost its file. With the lock held. */
static void publish(struct vm *vm, uint64_t gpa, uint64_t len)
{
    struct window *w = vm->window;
    struct rv_shared *sh = vm->shared;

    sh->dead[w->gen % RV_DEAD_MAX].gpa.v = gpa;
    sh->dead[w->gen % RV_DEAD_MAX].len = len;
    __atomic_store_n(&sh->window_gen, ++w->gen, __ATOMIC_SEQ_CST);
    vcpu_kick_all(vm, RV_PEND_WINDOW, NULL);
}

/* [gpa, gpa + len), within one chunk, loses its file's pages. Its run no longer has them. */
static void lose(struct vm *vm, const struct range *r, uint64_t gpa, uint64_t len)
{
    const struct window *w = vm->window;
    uint64_t left;
    uint8_t *at = host_at(r, gpa, &left);
    void *new;

    publish(vm, gpa, len);
    if (r->writable)
        new = mmap(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, w->scratch_fd,
                   (off_t)(gpa % RV_WINDOW_CHUNK));
    else
        new = mmap(at, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
                   0);
    if (new == MAP_FAILED)
        vm_fatal(vm, "cannot replace lost pages of a file: %s", strerror(errno));
}

/* The file's size in this look: one fstat for all its runs. */
static uint64_t size_in_look(const struct window *w, struct host_file *f)
{
    if (f->look != w->look) {
        f->look = w->look;
        f->look_size = size_of(f);
    }
    return f->look_size;
}

/*
 * Find runs that reach behind their file's end. What never had pages is spared at first, so that a
 * file that grows finds it in place; `all`: no longer, a guest has touched such a page.
 */
static void lose_tails(struct vm *vm, bool all)
{
    struct window *w = vm->window;

    w->look++;
    for (int i = 0; i < 2; i++) {
        struct range *r = &w->range[i];
        struct run *run, *next;

        for (run = runs_first(&r->runs); run; run = next) {
            uint64_t n = with_pages(size_in_look(w, run->file), run->off, run->len);
            uint64_t gpa = run->gpa + n, len = run->len - n;

            next = runs_next(&r->runs, run);
            if (n >= (all ? run->len : run->alive)) {
                run->alive = n > run->alive ? n : run->alive;
                continue;
            }
            runs_cut(vm, &r->runs, gpa, len, NULL);
            lose(vm, r, gpa, len);
        }
    }
}

/* Lose the page at gpa if the host cannot provide it. */
static void probe_page(struct vm *vm, struct range *r, uint64_t gpa)
{
    uint64_t left;
    uint8_t *at = host_at(r, gpa, &left);
    struct run *spare;

    while (madvise(at, RV_PAGE_SIZE, MADV_POPULATE_READ) < 0) {
        if (errno == EINTR || errno == EAGAIN)
            continue;
        if (errno == EFAULT || errno == EHWPOISON) {
            spare = run_new(&r->runs);
            if (!spare)
                vm_fatal(vm, "cannot replace lost pages of a file: out of memory");
            runs_cut(vm, &r->runs, gpa, RV_PAGE_SIZE, &spare);
            run_free(&r->runs, spare);
            lose(vm, r, gpa, RV_PAGE_SIZE);
        }
        return;
    }
}

/*
 * Try every page that is mapped, a run at a time and the pages of those that fail. This can read
 * whole files: it is for faults that nothing else explains.
 */
static void probe_all(struct vm *vm)
{
    struct window *w = vm->window;

    for (int i = 0; i < 2; i++) {
        struct range *r = &w->range[i];
        struct run *run = runs_first(&r->runs);

        while (run) {
            uint64_t gpa = run->gpa, alive_end = gpa + run->alive, end = gpa + run->len, left;
            uint8_t *at = host_at(r, gpa, &left);

            if (run->alive && madvise(at, run->alive, MADV_POPULATE_READ) < 0)
                for (; gpa < alive_end; gpa += RV_PAGE_SIZE)
                    probe_page(vm, r, gpa);
            run = runs_after(&r->runs, end); /* this one may be in pieces or gone */
        }
    }
}

/*
 * A file that became shorter and longer again leaves nothing to be found: let such an access be
 * tried again, a few times if the guest does not get on meanwhile.
 */
static bool in_doubt(struct vm *vm, const struct vcpu *vcpu)
{
    struct window *w = vm->window;
    uint64_t progress = vcpu->returns[RETURN_HOSTCALL] + vcpu->returns[RETURN_HLT];

    if (w->vcpu[vcpu->index].progress != progress) {
        w->vcpu[vcpu->index].progress = progress;
        w->vcpu[vcpu->index].doubts = 0;
    }
    return ++w->vcpu[vcpu->index].doubts < DOUBTS_MAX;
}

/* Look for what can explain a fault, the cheapest first. With the lock held. */
static bool explain(struct vm *vm, struct vcpu *vcpu, uint64_t gpa)
{
    struct window *w = vm->window;
    uint32_t seen = w->vcpu[vcpu->index].seen;
    struct range *r = range_of(w, gpa, 1);
    bool known = gpa != UINT64_MAX;

    lose_tails(vm, false);
    if (w->gen != seen)
        return true;
    if (known && !runs_at(&r->runs, gpa))
        return false;
    lose_tails(vm, true);
    if (w->gen == seen && known)
        probe_page(vm, r, gpa & ~(uint64_t)(RV_PAGE_SIZE - 1));
    if (w->gen != seen || in_doubt(vm, vcpu))
        return true;
    if (!known)
        probe_all(vm);
    return w->gen != seen;
}

bool window_fault(struct vm *vm, struct vcpu *vcpu, bool mmio, uint64_t gpa)
{
    struct window *w = vm->window;
    struct range *r = range_of(w, gpa, 1);
    bool explained;

    if (gpa != UINT64_MAX && (!r || (mmio && vcpu->run->mmio.is_write && !r->writable)))
        return false;
    pthread_mutex_lock(&w->lock);
    explained = explain(vm, vcpu, gpa);
    w->vcpu[vcpu->index].seen = w->gen;
    pthread_mutex_unlock(&w->lock);
    return explained;
}
