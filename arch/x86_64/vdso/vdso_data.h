/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest kernel tells the vDSO: the page between the clock page and the vDSO's image. */
#ifndef VDSO_DATA_H
#define VDSO_DATA_H

/* How getcpu finds its vCPU. */
#define VDSO_GETCPU_CALL  0u /* by a system call */
#define VDSO_GETCPU_ONE   1u /* there is only one */
#define VDSO_GETCPU_LIMIT 2u /* it is the limit of the segment below, one for each vCPU */

#define VDSO_GETCPU_SELECTOR 0x7bu /* GDT entry 15, as Linux has it */

/* Constant once the first program runs. */
struct vdso_data {
    unsigned getcpu; /* VDSO_GETCPU_* */
};

#endif
