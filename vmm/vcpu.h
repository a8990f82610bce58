/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vCPU: its thread, its run loop, and how others get its attention. Every ioctl on the descriptor
 * is made by the vCPU's own thread, except those before it starts.
 */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hostcalls/abi.h"
#include "hostcalls/lib/error.h"

struct vm;

/* Where a vCPU's thread is; the kicker decides by it what a wake-up takes. */
enum vcpu_state {
    VCPU_OFF,   /* not started by the guest yet */
    VCPU_VMM,   /* outside KVM_RUN: looks at pending before it enters */
    VCPU_GUEST, /* in KVM_RUN or about to be: a signal gets it out */
    VCPU_PARKED /* idle, waits on `state` until it changes */
};

/* Why KVM_RUN returned, for --stats. */
enum vcpu_return {
    RETURN_HOSTCALL,
    RETURN_HLT,
    RETURN_KICK,   /* a signal of ours */
    RETURN_WINDOW, /* the interrupt window opened */
    RETURN_FAULT,  /* a file window lost a page */
    RETURN_OTHER,
    RETURN_KINDS
};

struct vcpu {
    struct vm *vm;             /* (i) */
    uint32_t index;            /* (i) */
    int fd;                    /* (i) KVM's */
    struct kvm_run *run;       /* (i) mapped; used by the own thread and its signal handler */
    struct rv_vcpu_page *page; /* (i) shared with the guest: hostile */
    _Atomic uint32_t state;    /* (a) enum vcpu_state; a futex word while VCPU_PARKED */
    _Atomic bool signalled;    /* (a) a kick signal is on its way and was not looked at yet */
    _Atomic bool started;      /* (a) the guest asked for it */
    pthread_t thread;          /* (i) */
    int tid;                   /* (i) set by the thread before it enters the guest */

    /* Used by the own thread only; --stats reads them racily. */
    uint64_t returns[RETURN_KINDS];
    uint64_t *hostcalls; /* RV_HC_COUNT counters */
    int stats_fd;        /* KVM_GET_STATS_FD or -1 */

    /* Used by the event thread's tick only. */
    uint32_t tick_seen; /* ticks for which the same thread ran while others waited */
    uint32_t switches;  /* the page's, at the last tick */
    uint32_t ticks[2];  /* found it in ring 3, in ring 0: rv_vcpu_page.ticks */
};

/* Start the thread of vCPU `index`, which takes its filter and waits for vcpu_begin. */
int vcpu_init(struct vm *vm, uint32_t index, struct error *err);

/* Create KVM's vCPU, with the registers of the kernel's entry. After vcpu_init, before vcpu_begin. */
int vcpu_create(struct vcpu *vcpu, struct error *err);

/*
 * Enter guest memory into the nested page tables before it is touched, where this KVM can (Linux 6.10):
 * each page first touched costs an exit else. Only a help: no error. Its own thread only.
 */
void vcpu_pre_fault(struct vcpu *vcpu, uint64_t gpa, uint64_t len);

/* The guest's vcpu_start: 0 or -EBUSY if it runs already. Any thread. */
int64_t vcpu_begin(struct vcpu *vcpu);

/*
 * Set RV_PEND_* bits in the vCPU's page and make it look at them: wakes it if it is parked, gets it
 * out of the guest if it runs there. Does nothing more if the bits were set already and not yet
 * taken. Any thread; not from signal handlers.
 */
void vcpu_kick(struct vcpu *vcpu, uint32_t bits);

/* The same for all vCPUs that were started; `except` may be NULL. */
void vcpu_kick_all(struct vm *vm, uint32_t bits, const struct vcpu *except);

/* Install the handler of the kick signal. Once, before any vCPU thread. */
void vcpu_kick_init(void);

#endif
