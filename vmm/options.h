/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of rvisor-vmm. It is written by runrsc, not by people: see options.c for the
 * list. */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include <stdint.h>

#include "hostcalls/lib/error.h"

/* Descriptors are -1 if not given. */
struct options {
    int config_fd, control_fd;
    int fs_fd, fs_ring_fd, fs_wake_fd, fs_done_fd;
    int stats_fd, trace_fd, log_fd;
    uint64_t memory;    /* bytes */
    uint32_t cpus;      /* 1 ... RV_MAX_VCPUS */
    const char *kernel; /* path of the guest kernel's ELF, NULL: the one built in */
};

int options_parse(struct options *opt, int argc, char **argv, struct error *err);

#endif
