/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a vCPU's thread that have to do with waiting and being interrupted: see kick.c. */
#ifndef VMM_KICK_H
#define VMM_KICK_H

struct vcpu;

/* All on the vCPU's own thread. */
void kick_thread_init(struct vcpu *vcpu); /* receive kick signals from now on */
void vcpu_wait_start(struct vcpu *vcpu);  /* until the guest (or main) starts this vCPU */
void vcpu_before_run(struct vcpu *vcpu);  /* look at pending; inject, or ask for the window */
void vcpu_after_run(struct vcpu *vcpu);
void vcpu_idle(struct vcpu *vcpu); /* the guest executed hlt */

#endif
