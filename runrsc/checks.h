/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be found wrong before anything is started, so that the user gets one clear line: the
 * root, the volumes, /dev/kvm. The parts that use them check again, with their own eyes.
 */
#ifndef RUNRSC_CHECKS_H
#define RUNRSC_CHECKS_H

#include "hostcalls/lib/error.h"
#include "runrsc/run_options.h"

int check_root(const struct run_options *opt, struct error *err);
int check_volumes(const struct run_options *opt, struct error *err);
int check_kvm(struct error *err);

#endif
