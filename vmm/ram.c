/* SPDX-License-Identifier: Apache-2.0 */
/* Guest RAM: see ram.h. */
#include "vmm/ram.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostcalls/lib/attr.h"
#include "vmm/vm.h"

/* Newer than some build machines' headers; the numbers are ABI. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* Cover [slotted, at least end) by slots; each doubles the whole. Under ram.lock. */
static int add_slots(struct vm *vm, uint64_t end)
{
    struct ram *ram = &vm->ram;

    while (ram->slotted < end) {
        uint64_t len = ram->slotted ? ram->slotted : end;
        int r;

        if (len > ram->limit - ram->slotted)
            len = ram->limit - ram->slotted;
        r = vm_add_slot(vm, (gpa_t) { ram->slotted }, len, ram->base + ram->slotted, 0);
        if (r)
            return r;
        ram->slotted += len;
    }
    return 0;
}

/* Map the memfd so that its huge pages can be ones of the mapping. NULL: not possible. */
static uint8_t *map_aligned(int fd, uint64_t len)
{
    uint8_t *at = mmap(NULL, len + RV_RAM_STEP, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint64_t before;

    if (at == MAP_FAILED)
        return NULL;
    before = -(uintptr_t)at & (RV_RAM_STEP - 1);
    if (before)
        munmap(at, before);
    munmap(at + before + len, RV_RAM_STEP - before);
    at = mmap(at + before, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd,
              0);
    return at == MAP_FAILED ? NULL : at;
}

int ram_init(struct vm *vm, uint64_t limit, struct error *err)
{
    struct ram *ram = &vm->ram;

    if (limit > RV_RAM_MAX)
        limit = RV_RAM_MAX;
    limit &= ~(RV_RAM_STEP - 1);
    if (limit < RAM_MIN_LIMIT)
        return error_set(err, 0,
                         "the memory limit is too small to boot: at least %llu MiB are needed",
                         (unsigned long long)(RAM_MIN_LIMIT >> 20));
    ram->limit = limit;
    pthread_mutex_init(&ram->lock, NULL);
    ram->fd = memfd_create("rvisor-ram", MFD_CLOEXEC);
    if (ram->fd < 0 || ftruncate(ram->fd, (off_t)limit) < 0)
        return error_set(err, errno, "cannot make the guest's memory");
    ram->base = map_aligned(ram->fd, limit);
    if (!ram->base)
        return error_set(err, errno, "cannot map the guest's memory (%llu MiB)",
                         (unsigned long long)(limit >> 20));
    madvise(ram->base, limit, MADV_DONTDUMP);
    ram_need(vm, RAM_FIRST);
    return 0;
}

void ram_need(struct vm *vm, uint64_t end)
{
    struct ram *ram = &vm->ram;

    if (end > ram->limit - RV_RAM_STEP)
        end = ram->limit;
    end = (end + RV_RAM_STEP - 1) & ~(RV_RAM_STEP - 1);
    if (end > atomic_load(&ram->size))
        atomic_store(&ram->size, end);
}

int ram_start(struct vm *vm, struct error *err)
{
    int r = add_slots(vm, atomic_load(&vm->ram.size));

    return r ? error_set(err, -r, "KVM refuses the guest's memory") : 0;
}

void *ram_at(const struct vm *vm, gpa_t gpa, uint64_t len)
{
    uint64_t size = atomic_load_explicit(&vm->ram.size, memory_order_acquire);

    if (len == 0 || gpa.v >= size || len > size - gpa.v)
        return NULL;
    return vm->ram.base + gpa.v;
}

bool ram_adopt(struct vm *vm, gpa_t gpa, void *pages, uint64_t len)
{
    void *at = ram_at(vm, gpa, len);

    return at && mprotect(pages, len, PROT_READ | PROT_WRITE) == 0 &&
           mremap(pages, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at;
}

/* 0, or a negative errno; a host without MADV_POPULATE_WRITE (Linux 5.14) leaves it to page faults. */
static int touch(uint8_t *at, uint64_t len)
{
    while (madvise(at, len, MADV_POPULATE_WRITE) < 0) {
        if (errno == EINVAL)
            return 0;
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
    }
    return 0;
}

/*
 * Make the pages of a range of whole steps exist, as zeros: each page first touched by the guest
 * would cost an exit. A huge page, where the host gives one (MADV_COLLAPSE, Linux 6.1, for a range
 * that is not all hole), costs one for all of it.
 */
static int populate(uint8_t *at, uint64_t len)
{
    int r = 0;

    for (uint64_t done = 0; done < len && !r; done += RV_RAM_STEP) {
        r = touch(at + done, RV_PAGE_SIZE);
        if (!r && madvise(at + done, RV_RAM_STEP, MADV_COLLAPSE) < 0)
            r = touch(at + done, RV_RAM_STEP);
    }
    return r;
}

int64_t ram_grow(struct vm *vm, uint64_t bytes)
{
    struct ram *ram = &vm->ram;
    uint64_t size, end;
    int64_t r;

    pthread_mutex_lock(&ram->lock);
    size = atomic_load(&ram->size);
    if (bytes == 0 || bytes > ram->limit - size) {
        r = -ENOMEM;
        goto out;
    }
    end = (size + bytes + RV_RAM_STEP - 1) & ~(RV_RAM_STEP - 1); /* limit is a multiple as well */
    r = populate(ram->base + size, end - size);
    if (!r)
        r = add_slots(vm, end);
    if (r) {
        r = -ENOMEM;
        goto out;
    }
    atomic_store_explicit(&ram->size, end, memory_order_release);
    r = (int64_t)end;
out:
    pthread_mutex_unlock(&ram->lock);
    return r;
}

int64_t ram_clear(struct vm *vm, gpa_t gpa, uint64_t len)
{
    void *at = ram_at(vm, gpa, len);

    if (!at || (gpa.v | len) % RV_PAGE_SIZE)
        return -EINVAL;
    if (!((gpa.v | len) & (RV_RAM_STEP - 1)) && !ram_release(vm, gpa, len))
        return populate(at, len);
    memset(at, 0, len);
    return 0;
}

int64_t ram_release(struct vm *vm, gpa_t gpa, uint64_t len)
{
    if ((gpa.v | len) & (RV_RAM_STEP - 1) || !ram_at(vm, gpa, len))
        return -EINVAL;
    ram_used_kb(vm); /* the peak before this */
    if (fallocate(vm->ram.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)gpa.v,
                  (off_t)len) < 0)
        return -errno;
    return 0;
}

uint64_t ram_used_kb(struct vm *vm)
{
    struct stat st;
    uint64_t kb;

    if (attr_fstat(vm->ram.fd, &st) < 0)
        return 0;
    kb = (uint64_t)st.st_blocks / 2;
    pthread_mutex_lock(&vm->ram.lock);
    if (kb > vm->ram.peak_kb)
        vm->ram.peak_kb = kb;
    pthread_mutex_unlock(&vm->ram.lock);
    return kb;
}
