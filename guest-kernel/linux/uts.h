/* SPDX-License-Identifier: Apache-2.0 */
/* What uname(2) says, also for /proc/sys/kernel and /proc/version. */
#ifndef LINUX_UTS_H
#define LINUX_UTS_H

#include "core/types.h"

#define UTS_LEN 65

/* The Linux whose interface this is close to; programs compare it with what they need. */
#define RV_LINUX_RELEASE "6.1.0-rvisor"
#define RV_LINUX_VERSION "#1 SMP rVisor"

struct uts {
    char sysname[UTS_LEN], nodename[UTS_LEN], release[UTS_LEN], version[UTS_LEN], machine[UTS_LEN];
    char domainname[UTS_LEN];
};

void uts_get(struct uts *out);
void uts_set_hostname(const char *name, size_t len);

#endif
