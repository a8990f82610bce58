/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox may use beside its RAM (hostcalls/lib/bounds.h), and who keeps to it. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "hostcalls/abi.h"
#include "hostcalls/fs/nodes.h"
#include "hostcalls/fs/ring.h"
#include "hostcalls/lib/bounds.h"
#include "tests/unit/unit.h"

#define MIB UINT64_C(1048576)

START_TEST(bounds_grow_with_memory_within_limits)
{
    CHECK_EQ(bounds_nodes(1), 65536);
    CHECK_EQ(bounds_nodes(1024 * MIB), 131072);
    CHECK_EQ(bounds_nodes(UINT64_MAX), FS_NODES_MAX);
    CHECK_EQ(bounds_files(1), 4096);
    CHECK_EQ(bounds_files(1024 * MIB), 65536);
    CHECK_EQ(bounds_files(UINT64_MAX), 65536);
    CHECK_EQ(bounds_runs(1), 2048);
    CHECK_EQ(bounds_runs(256 * MIB), 8192);
    CHECK_EQ(bounds_runs(UINT64_MAX), 20000);
    CHECK_EQ(bounds_memory(1024 * MIB), (1024 + 256 + 128) * MIB);
    CHECK_EQ(bounds_memory(UINT64_MAX), UINT64_MAX);
}
END_TEST

/* All that the bounds allow at once has room in what the control group allows beside RAM. */
START_TEST(the_parts_fit_into_the_whole)
{
    for (uint64_t memory = 32 * MIB; memory <= 1024 * 1024 * MIB; memory *= 2) {
        uint64_t parts = sizeof(struct fs_ring) + bounds_nodes(memory) * UINT64_C(400) +
                         bounds_files(memory) * UINT64_C(1024) + memory / 256;

        CHECK_OP(memory + parts, <=, bounds_memory(memory));
    }
}
END_TEST

START_TEST(threads_go_with_cpus)
{
    CHECK_EQ(bounds_fs_threads(1), 2);
    CHECK_EQ(bounds_fs_threads(RV_MAX_VCPUS), 4);
    CHECK_EQ(bounds_workers(1), 18);
    CHECK_EQ(bounds_workers(RV_MAX_VCPUS), 64);
    CHECK_EQ(bounds_cpu_us(1), 110000);
    CHECK_EQ(bounds_cpu_us(RV_MAX_VCPUS), RV_MAX_VCPUS * 100000 + 10000);
    for (uint32_t n = 1; n <= RV_MAX_VCPUS; n++) {
        CHECK_OP(bounds_workers(n), >, BOUNDS_STUCK);
        CHECK_OP(bounds_pids(n), >, n + bounds_workers(n) + bounds_fs_threads(n) + 2);
    }
}
END_TEST

/* Each look-up makes a node, as long as there is room; a forgotten one makes room again. */
START_TEST(the_table_of_nodes_ends_with_enfile)
{
    struct node *root, *n;

    nodes_init(4);
    CHECK_EQ(nodes_add_root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), NODES_READONLY), 0);
    CHECK_EQ(node_get(RV_ROOT_NODE(0), &root), 0);
    for (uint32_t i = 2; i < 4; i++) {
        CHECK_EQ(node_add(root, "tmp", dup(node_fd(root)), node_dev(root), i, &n), 0);
        CHECK_EQ(node_id(n), i);
        node_put(n);
    }
    CHECK_EQ(node_add(root, "tmp", dup(node_fd(root)), node_dev(root), 4, &n), -ENFILE);
    node_forget(3);
    CHECK_EQ(node_add(root, "tmp", dup(node_fd(root)), node_dev(root), 4, &n), 0);
    node_put(n);
    node_put(root);
}
END_TEST

UNIT_MAIN("bounds", ONCE(bounds_grow_with_memory_within_limits), ONCE(the_parts_fit_into_the_whole),
          ONCE(threads_go_with_cpus), ONCE(the_table_of_nodes_ends_with_enfile))
