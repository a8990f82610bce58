/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual machine: what the parts of the VMM share. One per process.
 *
 * Legend: (i) set before the first vCPU runs, then constant   (a) atomic   (l) under the lock named
 */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <pthread.h>

#include "hostcalls/abi.h"
#include "hostcalls/lib/error.h"
#include "vmm/ram.h"
#include "vmm/vcpu.h"

struct options;
struct fsclient; /* vmm/fsclient.c */
struct files;    /* vmm/files.c */
struct window;   /* vmm/window.c */
struct elf_image;

struct vm {
    const struct options *opt; /* (i) */
    int kvm_fd, vm_fd;         /* (i) */
    struct ram ram;
    uint32_t nvcpus;   /* (i) */
    struct vcpu *vcpu; /* (i) array of nvcpus */

    /* Pages shared with the guest, in RAM (hostile). (i) */
    struct rv_shared *shared;
    struct rv_event_ring *events;
    struct rv_clock_page *clock;

    /* Capabilities of this KVM. (i) */
    bool has_pre_fault;    /* KVM_PRE_FAULT_MEMORY */
    bool has_readonly_mem; /* KVM_MEM_READONLY slots */
    bool has_stats_fd;
    uint32_t max_slots;

    pthread_mutex_t slot_lock; /* guards next_slot and the ioctl */
    uint32_t next_slot;

    /* Descriptors inherited from runrsc, -1 if not given. (i) */
    int fs_fd;                  /* SOCK_SEQPACKET to the file service */
    int fs_ring_fd;             /* memfd of the request ring; the owner of fsclient may close it */
    int fs_wake_fd, fs_done_fd; /* eventfds */

    /* Owned by the files of the same name. (i) */
    struct fsclient *fsclient;
    struct files *files;
    struct window *window;

    struct elf_image *kernel;   /* (i) symbols for crash reports */
    uint64_t boot_data_gpa;     /* (i) */
    uint64_t root_table_gpa;    /* (i) CR3 of the first instruction */
    uint64_t entry;             /* (i) GVA */
    uint64_t start_ns;          /* (i) CLOCK_MONOTONIC at main() */
    _Atomic uint64_t booted_ns; /* (a) CLOCK_MONOTONIC of the first fs_open, 0 before */
};

/*
 * main() sets up the parts in this order, on the only thread and before the jail:
 *     files_init(vm, err), window_init(vm, err), fsclient_init(vm, err)
 * each `int (struct vm *, struct error *)`. The event thread watches fs_done_fd (and calls
 * fsclient_done(vm) after reading it) and the end of fs_fd. The vCPU threads call
 * window_fault(vm, vcpu, mmio, gpa) for an access that KVM could not do.
 */

/*
 * Add a KVM memory slot: host memory [host, host + len) at gpa; page-aligned. flags: KVM_MEM_*.
 * Slots are never removed. 0 or a negative errno (-ENOSPC: no slot numbers left). Any thread.
 */
int vm_add_slot(struct vm *vm, gpa_t gpa, uint64_t len, void *host, uint32_t flags);

/* End with a failure of the VMM's own: one line on stderr, statistics, exit code 125. Any thread.
 */
_Noreturn void vm_fatal(struct vm *vm, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Become the thread that ends the process: the first caller returns, others stop here for good.
 * Between this and vm_end there must be nothing that can hang.
 */
void vm_claim_end(void);

/*
 * After vm_claim_end: write the statistics, close the caller's descriptors, tell runrsc the wait
 * status, and end.
 */
_Noreturn void vm_end(struct vm *vm, int wait_status);

/* The wait status of a failure of our own. */
#define VM_FAILED (125 << 8)

/* CLOCK_MONOTONIC in ns. */
uint64_t vm_now(void);

#endif
