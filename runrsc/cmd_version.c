/* SPDX-License-Identifier: Apache-2.0 */
/* runrsc version, and runrsc --version. */
#include <stdio.h>

#include "hostcalls/abi.h"
#include "runrsc/command.h"
#include "vmm/control.h"

#ifndef RV_VERSION
#define RV_VERSION "0.1"
#endif

int cmd_version(const struct globals *globals, int argc, char **argv, struct error *err)
{
    (void)globals;
    if (argc > 1)
        return error_set(err, 0, "version: unexpected argument '%s'", argv[1]);
    printf("runrsc %s (guest ABI %u, control protocol %u)\n", RV_VERSION, RV_ABI_VERSION,
           RV_CONTROL_VERSION);
    return 0;
}
