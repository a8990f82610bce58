/* SPDX-License-Identifier: Apache-2.0 */
/* Whether parts of a host file are in the page cache, so that using them does not wait for a disk. */
#ifndef VMM_CACHED_H
#define VMM_CACHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_file;

/* Remember whom the host's kernel takes this process for. Before the jail. */
void cached_init(void);

/* Of [off, off + len), at most RV_WINDOW_CHUNK, which is mapped at `at`. Page-aligned. */
bool is_cached_at(const struct host_file *f, uint64_t off, const uint8_t *at, size_t len);

/*
 * Of any bytes. An answer is kept for the file's last chunk that was asked about: pages may have been
 * given up since. For a read that cannot be told not to wait, which then waits after all.
 */
bool is_cached(struct host_file *f, uint64_t off, uint64_t len);

#endif
