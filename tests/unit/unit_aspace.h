/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of address spaces: the spaces, and accesses as the processor makes them. */
#ifndef TESTS_UNIT_UNIT_ASPACE_H
#define TESTS_UNIT_UNIT_ASPACE_H

#include "arch/mmu.h"
#include "mm/aspace_impl.h"
#include "tests/unit/fake.h"

#define SPACES 4u
#define RW (VM_READ | VM_WRITE)

/* Those that are not NULL go with spaces_drop. */
extern struct aspace *space[SPACES];

/* First: the memory that all of it is made of. */
void spaces_start(void);
/* The same, and an empty space[0], which is returned. */
struct aspace *one_space(void);
void spaces_drop(void);
/* Last: drop the spaces and see that nothing stays behind. */
void spaces_end(void);

/* Private anonymous memory at addr, or anywhere if that is 0; where it is. */
u64 map_anon(struct aspace *as, u64 addr, u64 pages, u32 prot);

/* The word at va by a load or a store (what: one VM_*). 0, or the fault's code. */
int mem_access(struct aspace *as, u64 va, u32 what, u64 *value);
/* The same where it must not fault ... */
void mem_put(struct aspace *as, u64 va, u64 value);
u64 mem_get(struct aspace *as, u64 va);
/* ... and where only the fault is of interest. */
int mem_fault(struct aspace *as, u64 va, u32 what);

#endif
