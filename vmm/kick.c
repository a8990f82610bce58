/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting a vCPU's attention. Whoever has something for a vCPU sets bits in its pending word and
 * then reads its state; the vCPU sets its state and then reads pending. Both orders are
 * sequentially consistent, so at least one of them sees the other:
 *
 *   VCPU_VMM      the thread will look at pending before it enters the guest: nothing to do
 *
 *   VCPU_GUEST    a signal interrupts KVM_RUN; its handler sets immediate_exit, so a signal that
 *                 comes between the look at pending and KVM_RUN is not lost either
 *
 *   VCPU_PARKED   the state word is a futex: set it to VCPU_VMM and wake
 *
 * One signal at a time is enough: `signalled` is cleared when the thread has left the guest, before
 * it looks at pending again.
 */
#include "vmm/kick.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "vmm/event.h"
#include "vmm/vm.h"

#define KICK_SIGNAL SIGRTMIN

static __thread struct kvm_run *this_run;

static void on_kick(int sig)
{
    (void)sig;
    if (this_run)
        __atomic_store_n(&this_run->immediate_exit, 1, __ATOMIC_RELAXED);
}

void vcpu_kick_init(void)
{
    struct sigaction sa = { .sa_handler = on_kick };

    sigemptyset(&sa.sa_mask);
    sigaction(KICK_SIGNAL, &sa, NULL);
}

void kick_thread_init(struct vcpu *vcpu)
{
    sigset_t set;

    this_run = vcpu->run;
    sigemptyset(&set);
    sigaddset(&set, KICK_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void vcpu_kick(struct vcpu *vcpu, uint32_t bits)
{
    uint32_t old = __atomic_fetch_or(&vcpu->page->pending, bits, __ATOMIC_SEQ_CST);
    uint32_t state = VCPU_PARKED;

    if ((old & bits) == bits)
        return; /* whoever set them first does the rest */
    if (atomic_compare_exchange_strong(&vcpu->state, &state, VCPU_VMM)) {
        futex_wake(&vcpu->state);
        return;
    }
    if (state == VCPU_GUEST && !atomic_exchange(&vcpu->signalled, true))
        syscall(SYS_tgkill, getpid(), vcpu->tid, KICK_SIGNAL);
}

void vcpu_kick_all(struct vm *vm, uint32_t bits, const struct vcpu *except)
{
    for (uint32_t i = 0; i < vm->nvcpus; i++)
        if (&vm->vcpu[i] != except && atomic_load(&vm->vcpu[i].started))
            vcpu_kick(&vm->vcpu[i], bits);
}

int64_t vcpu_begin(struct vcpu *vcpu)
{
    if (atomic_exchange(&vcpu->started, true))
        return -EBUSY;
    event_vcpu_active(vcpu->vm);
    atomic_store(&vcpu->state, VCPU_VMM);
    futex_wake(&vcpu->state);
    return 0;
}

void vcpu_wait_start(struct vcpu *vcpu)
{
    while (atomic_load(&vcpu->state) == VCPU_OFF)
        syscall(SYS_futex, &vcpu->state, FUTEX_WAIT_PRIVATE, VCPU_OFF, NULL, NULL, 0);
}

void vcpu_before_run(struct vcpu *vcpu)
{
    struct kvm_run *run = vcpu->run;
    struct kvm_interrupt irq = { .irq = RV_KICK_VECTOR };

    atomic_store(&vcpu->state, VCPU_GUEST);
    run->request_interrupt_window = 0;
    if (!__atomic_load_n(&vcpu->page->pending, __ATOMIC_SEQ_CST))
        return;
    /* A guest that marked itself idle looks at pending without being told to (abi.h). */
    if (__atomic_load_n(&vcpu->page->idle, __ATOMIC_RELAXED) == 1)
        return;
    if (!run->ready_for_interrupt_injection || !run->if_flag ||
        ioctl(vcpu->fd, KVM_INTERRUPT, &irq) < 0)
        run->request_interrupt_window = 1;
}

void vcpu_after_run(struct vcpu *vcpu)
{
    atomic_store(&vcpu->state, VCPU_VMM);
    /* In this order: a signal between the two costs one early return from the next KVM_RUN. */
    __atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_RELAXED);
    atomic_store(&vcpu->signalled, false);
}

void vcpu_idle(struct vcpu *vcpu)
{
    uint32_t *pending = &vcpu->page->pending, parked = VCPU_PARKED;
    uint64_t deadline;
    struct timespec until;

    if (__atomic_load_n(pending, __ATOMIC_SEQ_CST))
        return;
    deadline = __atomic_load_n(&vcpu->page->deadline, __ATOMIC_RELAXED);
    if (deadline != RV_NO_DEADLINE && deadline <= vm_now()) {
        __atomic_fetch_or(pending, RV_PEND_TICK, __ATOMIC_SEQ_CST);
        return;
    }
    until.tv_sec = (time_t)(deadline / UINT64_C(1000000000));
    until.tv_nsec = (long)(deadline % UINT64_C(1000000000));
    atomic_store(&vcpu->state, VCPU_PARKED);
    if (__atomic_load_n(pending, __ATOMIC_SEQ_CST)) {
        atomic_store(&vcpu->state, VCPU_VMM);
        return;
    }
    event_vcpu_parked(vcpu->vm);
    while (atomic_load(&vcpu->state) == VCPU_PARKED) {
        long r = syscall(SYS_futex, &vcpu->state, FUTEX_WAIT_BITSET_PRIVATE, VCPU_PARKED,
                         deadline == RV_NO_DEADLINE ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);

        if (r < 0 && errno == ETIMEDOUT) {
            __atomic_fetch_or(pending, RV_PEND_TICK, __ATOMIC_SEQ_CST);
            atomic_compare_exchange_strong(&vcpu->state, &parked, VCPU_VMM);
            break;
        }
    }
    event_vcpu_active(vcpu->vm);
}
