/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /sys: what runtimes ask to learn the size of the machine; and /sys/fs/cgroup, the container as
 * the one cgroup that it sees (docs of Linux: cgroup-v2), with its real limits.
 */
#include "core/boot.h"
#include "core/string.h"
#include "fs/proc.h"
#include "mm/frame.h"
#include "sched/sched.h"

static u64 mask_of(u32 n)
{
    return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

static u32 possible(void)
{
    return MAX(MIN(boot.vcpus, RV_MAX_VCPUS), 1u);
}

/* --- processors ------------------------------------------------------------------------------- */

/* arg: 0 all that are online, 1 all there can be, 2 this one; + 16: as a mask. */
static int show_cpus(const struct proc_inode *i, struct text *t)
{
    u32 arg = i->entry->arg & 15, n = possible();
    u64 mask = arg == 0 ? mask_of(sched_ncpus()) : arg == 1 ? mask_of(n) : UINT64_C(1) << i->nr;

    if (i->entry->arg & 16)
        text_put_mask(t, mask, n);
    else
        text_put_list(t, mask, n);
    text_puts(t, "\n");
    return 0;
}

static int show_number(const struct proc_inode *i, struct text *t)
{
    text_printf(t, "%u\n", i->nr);
    return 0;
}

static const struct proc_entry topology_entries[] = {
    PROC_FILE("core_cpus_list", 0444, .show = show_cpus, .arg = 2),
    PROC_FILE("core_id", 0444, .show = show_number),
    PROC_FILE("core_siblings", 0444, .show = show_cpus, .arg = 17),
    PROC_FILE("core_siblings_list", 0444, .show = show_cpus, .arg = 1),
    PROC_FILE("package_cpus_list", 0444, .show = show_cpus, .arg = 1),
    PROC_FILE("physical_package_id", 0444, .text = "0\n"),
    PROC_FILE("thread_siblings", 0444, .show = show_cpus, .arg = 18),
    PROC_FILE("thread_siblings_list", 0444, .show = show_cpus, .arg = 2),
};
static const struct proc_dir topology_dir = { PROC_ENTRIES(topology_entries) };
static const struct proc_entry one_cpu_entries[] = {
    PROC_DIR("topology", &topology_dir),
};
static const struct proc_dir one_cpu_dir = { PROC_ENTRIES(one_cpu_entries) };

static bool next_cpu(const struct proc_inode *dir UNUSED, u32 *nr)
{
    return *nr < possible();
}

static int init_cpu(struct proc_inode *i)
{
    return i->nr < possible() ? 0 : -ENOENT;
}

static const struct proc_entry one_cpu = {
    .mode = S_IFDIR_ | 0555, .dir = &one_cpu_dir, .init = init_cpu,
};
static const struct proc_entry cpu_entries[] = {
    PROC_FILE("isolated", 0444, .text = "\n"),
    PROC_FILE("kernel_max", 0444, .text = "63\n"),
    PROC_FILE("offline", 0444, .text = "\n"),
    PROC_FILE("online", 0444, .show = show_cpus, .arg = 0),
    PROC_FILE("possible", 0444, .show = show_cpus, .arg = 1),
    PROC_FILE("present", 0444, .show = show_cpus, .arg = 1),
};
static const struct proc_dir cpu_dir = {
    PROC_ENTRIES(cpu_entries), .next = next_cpu, .prefix = "cpu", .each = &one_cpu,
};

/* --- memory ----------------------------------------------------------------------------------- */

static u64 used_bytes(void)
{
    struct frame_stats m;

    frame_get_stats(&m);
    return m.total - m.free;
}

static int show_node_meminfo(const struct proc_inode *i UNUSED, struct text *t)
{
    struct frame_stats m;
    u64 used;

    frame_get_stats(&m);
    used = m.total - m.free;
    text_printf(t, "Node 0 MemTotal:       %8lu kB\nNode 0 MemFree:        %8lu kB\n"
                   "Node 0 MemUsed:        %8lu kB\n",
                m.limit >> 10, (m.limit - used) >> 10, used >> 10);
    return 0;
}

static const struct proc_entry node0_entries[] = {
    PROC_FILE("cpulist", 0444, .show = show_cpus, .arg = 0),
    PROC_FILE("cpumap", 0444, .show = show_cpus, .arg = 16),
    PROC_FILE("distance", 0444, .text = "10\n"),
    PROC_FILE("meminfo", 0444, .show = show_node_meminfo),
};
static const struct proc_dir node0_dir = { PROC_ENTRIES(node0_entries) };
static const struct proc_entry node_entries[] = {
    PROC_FILE("has_cpu", 0444, .text = "0\n"),
    PROC_FILE("has_memory", 0444, .text = "0\n"),
    PROC_FILE("has_normal_memory", 0444, .text = "0\n"),
    PROC_DIR("node0", &node0_dir),
    PROC_FILE("online", 0444, .text = "0\n"),
    PROC_FILE("possible", 0444, .text = "0\n"),
};
static const struct proc_dir node_dir = { PROC_ENTRIES(node_entries) };

static const struct proc_entry thp_entries[] = {
    PROC_FILE("defrag", 0444, .text = "always defer defer+madvise madvise [never]\n"),
    PROC_FILE("enabled", 0444, .text = "always madvise [never]\n"),
    PROC_FILE("hpage_pmd_size", 0444, .text = "2097152\n"),
};
static const struct proc_dir thp_dir = { PROC_ENTRIES(thp_entries) };

/* --- the tree --------------------------------------------------------------------------------- */

static const struct proc_dir empty_dir = { .count = 0 };

static const struct proc_entry system_entries[] = {
    PROC_DIR("cpu", &cpu_dir),
    PROC_DIR("node", &node_dir),
};
static const struct proc_dir system_dir = { PROC_ENTRIES(system_entries) };
static const struct proc_entry devices_entries[] = {
    PROC_DIR("system", &system_dir),
};
static const struct proc_dir devices_dir = { PROC_ENTRIES(devices_entries) };
static const struct proc_entry fs_entries[] = {
    PROC_DIR("cgroup", &empty_dir),
};
static const struct proc_dir fs_dir = { PROC_ENTRIES(fs_entries) };
static const struct proc_entry mm_entries[] = {
    PROC_DIR("transparent_hugepage", &thp_dir),
};
static const struct proc_dir mm_dir = { PROC_ENTRIES(mm_entries) };
static const struct proc_entry kernel_entries[] = {
    PROC_DIR("mm", &mm_dir),
};
static const struct proc_dir kernel_dir = { PROC_ENTRIES(kernel_entries) };

static const struct proc_entry entries[] = {
    PROC_DIR("block", &empty_dir),
    PROC_DIR("bus", &empty_dir),
    PROC_DIR("class", &empty_dir),
    PROC_DIR("devices", &devices_dir),
    PROC_DIR("fs", &fs_dir),
    PROC_DIR("kernel", &kernel_dir),
    PROC_DIR("module", &empty_dir),
};
static const struct proc_dir root_dir = { PROC_ENTRIES(entries) };
static const struct proc_entry root = PROC_DIR("", &root_dir);

int sysfs_create(struct superblock **sb, struct dentry **out)
{
    return proc_create(&root, SYSFS_MAGIC, sb, out);
}

/* --- the cgroup ------------------------------------------------------------------------------- */

static int show_memory_max(const struct proc_inode *i UNUSED, struct text *t)
{
    struct frame_stats m;

    frame_get_stats(&m);
    text_printf(t, "%lu\n", m.limit);
    return 0;
}

static int show_memory_current(const struct proc_inode *i UNUSED, struct text *t)
{
    text_printf(t, "%lu\n", used_bytes());
    return 0;
}

static int show_cpu_stat(const struct proc_inode *i UNUSED, struct text *t)
{
    struct cpu_times busy;
    u64 idle;

    proc_cpu_sum(&busy, &idle);
    text_printf(t, "usage_usec %lu\nuser_usec %lu\nsystem_usec %lu\n",
                (busy.user + busy.system) / 1000, busy.user / 1000, busy.system / 1000);
    return 0;
}

static int show_procs(const struct proc_inode *i UNUSED, struct text *t)
{
    u32 pid = 1;

    for (struct process *p; (p = process_next(&pid)); pid++) {
        text_printf(t, "%u\n", pid);
        object_unref(&p->obj);
    }
    return 0;
}

static int show_pids(const struct proc_inode *i UNUSED, struct text *t)
{
    u32 running, all, last;

    proc_count_threads(&running, &all, &last);
    text_printf(t, "%u\n", all);
    return 0;
}

static const struct proc_entry cgroup_entries[] = {
    PROC_FILE("cgroup.controllers", 0444, .text = "cpu memory pids\n"),
    PROC_FILE("cgroup.procs", 0444, .show = show_procs),
    PROC_FILE("cgroup.subtree_control", 0444, .text = "\n"),
    PROC_FILE("cgroup.type", 0444, .text = "domain\n"),
    PROC_FILE("cpu.max", 0444, .text = "max 100000\n"), /* the number of vCPUs is the limit */
    PROC_FILE("cpu.stat", 0444, .show = show_cpu_stat),
    PROC_FILE("memory.current", 0444, .show = show_memory_current),
    PROC_FILE("memory.high", 0444, .text = "max\n"),
    PROC_FILE("memory.low", 0444, .text = "0\n"),
    PROC_FILE("memory.max", 0444, .show = show_memory_max),
    PROC_FILE("memory.min", 0444, .text = "0\n"),
    PROC_FILE("memory.swap.current", 0444, .text = "0\n"),
    PROC_FILE("memory.swap.max", 0444, .text = "0\n"),
    PROC_FILE("pids.current", 0444, .show = show_pids),
    PROC_FILE("pids.max", 0444, .text = "max\n"),
};
static const struct proc_dir cgroup_dir = { PROC_ENTRIES(cgroup_entries) };
static const struct proc_entry cgroup_root = PROC_DIR("", &cgroup_dir);

int cgroupfs_create(struct superblock **sb, struct dentry **out)
{
    return proc_create(&cgroup_root, CGROUP2_MAGIC, sb, out);
}
