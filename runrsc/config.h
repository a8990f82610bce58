/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox's configuration: the part of the boot data that runrsc writes (docs/boot-data.md). */
#ifndef RUNRSC_CONFIG_H
#define RUNRSC_CONFIG_H

#include "runrsc/run_options.h"
#include "runrsc/users.h"

struct config {
    const struct run_options *opt;
    const struct user *user;
    const struct env_list *env; /* complete */
    bool terminal;
    uint32_t columns, rows; /* with terminal */
};

/* Write the tree into a sealed memfd. Returns it (close-on-exec) or -1. */
int config_write(const struct config *config, struct error *err);

#endif
