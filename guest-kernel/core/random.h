/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's random generator: ChaCha20 keyed from the boot data's seed, rekeyed after each read. */
#ifndef CORE_RANDOM_H
#define CORE_RANDOM_H

#include "core/types.h"

void random_init(const u8 seed[64]);
void random_bytes(void *buf, size_t n);
u64 random_u64(void);

#endif
