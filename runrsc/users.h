/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users and groups as the container's own /etc/passwd and /etc/group name them. The files belong to
 * the image and are hostile: opened beneath the root, only if regular, and of a bounded size.
 */
#ifndef RUNRSC_USERS_H
#define RUNRSC_USERS_H

#include <stdint.h>

#include "hostcalls/lib/error.h"

#define USER_GROUPS_MAX 256u
#define USER_HOME_MAX   4096u

struct user {
    uint32_t uid, gid;
    uint32_t groups[USER_GROUPS_MAX]; /* supplementary */
    uint32_t ngroups;
    char home[USER_HOME_MAX];
};

/*
 * Find "USER[:GROUP]", names or numbers, in the root's files; NULL means user 0. A number need not
 * be in the files; a name must.
 */
int user_find(struct user *user, const char *rootfs, const char *text, struct error *err);

#endif
