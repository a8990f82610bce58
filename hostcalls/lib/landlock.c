/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the wall, by the kernel's level: see landlock.h. */
#include "hostcalls/lib/landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostcalls/lib/cleanup.h"

/* Newer than some build machines' headers; the numbers are ABI. */
#define FS_TRUNCATE   (UINT64_C(1) << 14) /* level 3 */
#define FS_IOCTL_DEV  (UINT64_C(1) << 15) /* level 5 */
#define NET_BIND_TCP  (UINT64_C(1) << 0)  /* level 4 */
#define NET_CONNECT   (UINT64_C(1) << 1)  /* level 4 */
#define SCOPE_ALL     UINT64_C(3)         /* level 6: abstract unix sockets, signals */
#define LEVEL_REFER   2 /* renames between folders can be allowed */

/* All of level 1, in the order of the manual. */
#define FS_LEVEL1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_CHANGE                                                                                  \
    (FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | LANDLOCK_ACCESS_FS_REFER |            \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                              \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |    \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* struct landlock_ruleset_attr as of level 6; an older kernel takes what it does not know as 0. */
struct ruleset {
    uint64_t fs, net, scoped;
};

static struct ruleset everything(int level)
{
    struct ruleset r = { .fs = FS_LEVEL1 };

    if (level >= LEVEL_REFER)
        r.fs |= LANDLOCK_ACCESS_FS_REFER;
    if (level >= 3)
        r.fs |= FS_TRUNCATE;
    if (level >= 4)
        r.net = NET_BIND_TCP | NET_CONNECT;
    if (level >= 5)
        r.fs |= FS_IOCTL_DEV;
    if (level >= 6)
        r.scoped = SCOPE_ALL;
    return r;
}

static bool can_be_kept(int level, const struct landlock_tree *tree, size_t ntrees)
{
    if (level < 1)
        return false; /* not built in, not turned on, or hidden by a filter around us */
    for (size_t i = 0; i < ntrees; i++)
        if (!tree[i].readonly && level < LEVEL_REFER)
            return false;
    return true;
}

int landlock_enter(const struct landlock_tree *tree, size_t ntrees, struct error *err)
{
    int level = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct ruleset rules = everything(level);
    cleanup_fd int fd = -1;

    if (!can_be_kept(level, tree, ntrees))
        return 0;
    fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
    if (fd < 0)
        return error_set(err, errno, "cannot make a Landlock ruleset");
    for (size_t i = 0; i < ntrees; i++) {
        struct landlock_path_beneath_attr beneath = {
            .allowed_access = rules.fs & (tree[i].readonly ? FS_READ : FS_CHANGE),
            .parent_fd = tree[i].fd,
        };

        if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0)
            return error_set(err, errno, "cannot make a Landlock rule");
    }
    if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
        return error_set(err, errno, "cannot enter the Landlock ruleset");
    return level;
}
