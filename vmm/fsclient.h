/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VMM's side of the file service: the hostcalls fs_*, by way of the ring (hostcalls/fs/ring.h).
 * The service is not trusted with the VMM: lengths are checked, and of what it sends only a regular
 * file that was asked for is kept.
 */
#ifndef VMM_FSCLIENT_H
#define VMM_FSCLIENT_H

#include "hostcalls/lib/error.h"

struct vm;

/* Map the ring and close its descriptor. Without a file service, the calls fail with ENODEV. */
int fsclient_init(struct vm *vm, struct error *err);

/* Complete the calls whose answers came late. The event thread, after it read fs_done_fd. */
void fsclient_done(struct vm *vm);

#endif
