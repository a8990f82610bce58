/* SPDX-License-Identifier: Apache-2.0 */
/* /proc: the machine as a whole, and its processes. A count that nobody keeps is shown as 0. */
#include "arch/percpu.h"
#include "core/boot.h"
#include "core/print.h"
#include "core/string.h"
#include "core/time.h"
#include "fs/proc.h"
#include "mm/frame.h"
#include "object/oom.h"
#include "sched/sched.h"

#define TICK_NS UINT64_C(10000000) /* 1 / USER_HZ */

/* --- processors ------------------------------------------------------------------------------- */

/*
 * Idle threads count their time from the clock's zero, so the time before the machine's start is
 * idle time, and what is not idle time is work.
 */
void proc_cpu_time(u32 cpu, struct cpu_times *busy, u64 *idle)
{
    static struct spinlock lock = SPINLOCK_INIT(RANK_LEAF);
    static struct cpu_times shown[RV_MAX_VCPUS]; /* under lock */
    const struct percpu *c = percpu_table[cpu];
    const struct thread *t = c ? READ_ONCE(c->idle) : NULL;
    u64 now = time_mono(), ticks = t ? READ_ONCE(c->page->ticks) : 0;

    *idle = t ? MIN(thread_time(t), now) : now;
    spin_lock(&lock);
    cpu_times_split(&shown[cpu], now - *idle, (u64[]){ (u32)ticks, ticks >> 32 });
    *busy = shown[cpu];
    spin_unlock(&lock);
}

void proc_cpu_sum(struct cpu_times *busy, u64 *idle)
{
    struct cpu_times b;
    u64 id;

    *busy = (struct cpu_times){ 0, 0 };
    *idle = 0;
    for (u32 c = 0; c < sched_ncpus(); c++) {
        proc_cpu_time(c, &b, &id);
        busy->user += b.user;
        busy->system += b.system;
        *idle += id;
    }
}

void proc_count_threads(u32 *running, u32 *all, u32 *last)
{
    u64 newest = 0;
    u32 pid = 1;

    *running = *all = *last = 0;
    for (struct process *p; (p = process_next(&pid)); pid++) {
        struct thread *t;

        if (p->start_time >= newest) {
            newest = p->start_time;
            *last = p->pid;
        }
        spin_lock(&p->lock);
        list_for_each(t, &p->threads, proc_node) {
            u32 state = READ_ONCE(t->state);

            ++*all;
            *running += state == THREAD_RUNNING || state == THREAD_RUNNABLE;
        }
        spin_unlock(&p->lock);
        object_unref(&p->obj);
    }
}

static void put_cpu(struct text *t, const struct cpu_times *busy, u64 idle)
{
    text_printf(t, " %lu 0 %lu %lu 0 0 0 0 0 0\n", busy->user / TICK_NS, busy->system / TICK_NS,
                idle / TICK_NS);
}

static int show_stat(const struct proc_inode *i UNUSED, struct text *t)
{
    struct cpu_times busy;
    u64 idle, switches = 0, interrupts = 0;
    u32 running, all, last;

    for (u32 c = 0; c < sched_ncpus(); c++) {
        switches += percpu_table[c] ? READ_ONCE(percpu_table[c]->switches) : 0;
        interrupts += percpu_table[c] ? READ_ONCE(percpu_table[c]->interrupts) : 0;
    }
    text_puts(t, "cpu ");
    proc_cpu_sum(&busy, &idle);
    put_cpu(t, &busy, idle);
    for (u32 c = 0; c < sched_ncpus(); c++) {
        proc_cpu_time(c, &busy, &idle);
        text_printf(t, "cpu%u", c);
        put_cpu(t, &busy, idle);
    }
    proc_count_threads(&running, &all, &last);
    text_printf(t, "intr %lu\nctxt %lu\nbtime %lu\nprocesses %lu\nprocs_running %u\n"
                   "procs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
                interrupts, switches, (time_real() - time_boot()) / NSEC_PER_SEC, process_forks(),
                running);
    return 0;
}

static int show_uptime(const struct proc_inode *i UNUSED, struct text *t)
{
    u64 up = time_boot() / TICK_NS, idle = 0, id;
    struct cpu_times b;

    for (u32 c = 0; c < sched_ncpus(); c++) {
        proc_cpu_time(c, &b, &id);
        idle += id / TICK_NS;
    }
    text_printf(t, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100, idle % 100);
    return 0;
}

/* --- load ------------------------------------------------------------------------------------- */

#define FSHIFT 11u /* bits behind the point, as in Linux */
#define FIXED_1 (UINT64_C(1) << FSHIFT)
#define LOAD_PERIOD (5 * NSEC_PER_SEC)

static struct {
    bool there;
    struct spinlock lock;
    u64 at, busy; /* when last brought up to date, and the work done until then */
    u64 load[3];
} loads = { .lock = SPINLOCK_INIT(RANK_LEAF) };

static u64 fixed_power(u64 x, u64 n)
{
    u64 r = FIXED_1;

    for (; n; n >>= 1) {
        if (n & 1)
            r = (r * x + FIXED_1 / 2) >> FSHIFT;
        x = (x * x + FIXED_1 / 2) >> FSHIFT;
    }
    return r;
}

/*
 * Nothing ticks when all are idle, so the averages are brought up to date by those who look: the
 * work done since the last look gives the mean number of threads that ran. Threads that waited for
 * a vCPU are not in it.
 */
static void update_loads(u64 out[3])
{
    static const u64 decay[3] = { 1884, 2014, 2037 }; /* exp(-5 s / 1, 5, 15 min) in fixed point */
    u64 busy, idle, now = time_mono(), n, mean;
    struct cpu_times times;

    proc_cpu_sum(&times, &idle);
    busy = times.user + times.system;
    spin_lock(&loads.lock);
    n = (now - loads.at) / LOAD_PERIOD;
    if (!loads.there) {
        loads.there = true;
        loads.at = now;
        loads.busy = busy;
    } else if (n) {
        mean = busy > loads.busy
                   ? (busy - loads.busy) / 1000 * FIXED_1 / ((now - loads.at) / 1000)
                   : 0;
        for (u32 k = 0; k < 3; k++) {
            u64 keep = fixed_power(decay[k], n);

            loads.load[k] = (loads.load[k] * keep + mean * (FIXED_1 - keep)) >> FSHIFT;
        }
        loads.at = now;
        loads.busy = busy;
    }
    memcpy(out, loads.load, sizeof(loads.load));
    spin_unlock(&loads.lock);
}

static int show_loadavg(const struct proc_inode *i UNUSED, struct text *t)
{
    u32 running, all, last;
    u64 load[3];

    update_loads(load);
    proc_count_threads(&running, &all, &last);
    for (u32 k = 0; k < 3; k++) {
        u64 v = load[k] + FIXED_1 / 200; /* rounded */

        text_printf(t, "%lu.%02lu ", v >> FSHIFT, ((v & (FIXED_1 - 1)) * 100) >> FSHIFT);
    }
    text_printf(t, "%u/%u %u\n", running, all, last);
    return 0;
}

/* --- memory ----------------------------------------------------------------------------------- */

static void put_kb(struct text *t, const char *name, u64 bytes)
{
    u64 from = t->len;

    text_printf(t, "%s:", name);
    text_pad(t, from, 16);
    text_printf(t, "%8lu kB\n", bytes >> 10);
}

static int show_meminfo(const struct proc_inode *i UNUSED, struct text *t)
{
    static const char *const zeros[] = {
        "Buffers", "Cached", "SwapCached", "Active", "Inactive", "Active(anon)", "Inactive(anon)",
        "Active(file)", "Inactive(file)", "Unevictable", "Mlocked", "SwapTotal", "SwapFree",
        "Dirty", "Writeback", "AnonPages", "Mapped", "Shmem", "KReclaimable", "Slab",
        "SReclaimable", "SUnreclaim", "KernelStack", "PageTables", "NFS_Unstable", "Bounce",
        "WritebackTmp",
    };
    struct frame_stats m;
    u64 free;

    frame_get_stats(&m);
    free = m.limit - (m.total - m.free);
    put_kb(t, "MemTotal", m.limit);
    put_kb(t, "MemFree", free);
    put_kb(t, "MemAvailable", free);
    for (u32 k = 0; k < ARRAY_SIZE(zeros); k++)
        put_kb(t, zeros[k], 0);
    put_kb(t, "CommitLimit", m.limit);
    put_kb(t, "Committed_AS", m.total - m.free);
    put_kb(t, "VmallocTotal", UINT64_C(1) << 45);
    put_kb(t, "VmallocUsed", 0);
    put_kb(t, "VmallocChunk", 0);
    put_kb(t, "AnonHugePages", 0);
    text_puts(t, "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\n"
                 "HugePages_Surp:        0\n");
    put_kb(t, "Hugepagesize", UINT64_C(2) << 20);
    put_kb(t, "Hugetlb", 0);
    return 0;
}

static int show_vmstat(const struct proc_inode *i UNUSED, struct text *t)
{
    struct frame_stats m;
    u64 faults = 0, major = 0;

    frame_get_stats(&m);
    for (u32 c = 0; c < sched_ncpus(); c++) {
        faults += percpu_table[c] ? READ_ONCE(percpu_table[c]->page->page_faults) : 0;
        major += percpu_table[c] ? READ_ONCE(percpu_table[c]->major_faults) : 0;
    }
    text_printf(t, "nr_free_pages %lu\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault %lu\n"
                   "pgmajfault %lu\noom_kill %lu\n",
                (m.limit - (m.total - m.free)) >> PAGE_SHIFT, faults, major, oom_kills());
    return 0;
}

/* --- the rest --------------------------------------------------------------------------------- */

static int show_version(const struct proc_inode *i UNUSED, struct text *t)
{
    char names[6][65] = { 0 };

    if (proc_uts)
        proc_uts(names);
    text_printf(t, "%s version %s (rvisor) %s\n", names[0], names[2], names[3]);
    return 0;
}

static s64 put_link(char *buf, size_t size, u32 pid, u32 tid)
{
    char s[48];
    size_t n = (size_t)(tid ? str_printf(s, sizeof(s), "%u/task/%u", pid, tid)
                            : str_printf(s, sizeof(s), "%u", pid));

    n = MIN(n, size);
    memcpy(buf, s, n);
    return (s64)n;
}

static s64 read_self(const struct proc_inode *i UNUSED, char *buf, size_t size)
{
    return put_link(buf, size, process_current()->pid, 0);
}

static s64 read_thread_self(const struct proc_inode *i UNUSED, char *buf, size_t size)
{
    return put_link(buf, size, process_current()->pid, current()->tid);
}

static s64 read_text(const struct proc_inode *i, char *buf, size_t size)
{
    size_t n = MIN(strlen(i->entry->text), size);

    memcpy(buf, i->entry->text, n);
    return (s64)n;
}

static bool next_process(const struct proc_inode *dir UNUSED, u32 *nr)
{
    struct process *p = process_next(nr);

    if (!p)
        return false;
    object_unref(&p->obj);
    return true;
}

#define FILESYSTEMS "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup2\nnodev\toverlay\n" \
                    "nodev\thostfs\n"
#define DEVICES "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n136 pts\n\n"   \
                "Block devices:\n"
#define SWAPS "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"

static const struct proc_entry entries[] = {
    PROC_FILE("cmdline", 0444, .text = "\n"),
    PROC_FILE("cpuinfo", 0444, .show = proc_show_cpuinfo),
    PROC_FILE("devices", 0444, .text = DEVICES),
    PROC_FILE("diskstats", 0444, .text = ""),
    PROC_FILE("filesystems", 0444, .text = FILESYSTEMS),
    PROC_FILE("loadavg", 0444, .show = show_loadavg),
    PROC_FILE("meminfo", 0444, .show = show_meminfo),
    PROC_LINK("mounts", .readlink = read_text, .text = "self/mounts"),
    PROC_LINK("net", .readlink = read_text, .text = "self/net"),
    PROC_FILE("partitions", 0444, .text = "major minor  #blocks  name\n\n"),
    PROC_LINK("self", .readlink = read_self),
    PROC_FILE("stat", 0444, .show = show_stat),
    PROC_FILE("swaps", 0444, .text = SWAPS),
    PROC_DIR("sys", &proc_sys_dir),
    PROC_LINK("thread-self", .readlink = read_thread_self),
    PROC_FILE("uptime", 0444, .show = show_uptime),
    PROC_FILE("version", 0444, .show = show_version),
    PROC_FILE("vmstat", 0444, .show = show_vmstat),
};

static const struct proc_dir root_dir = {
    PROC_ENTRIES(entries), .next = next_process, .each = &proc_pid_entry,
};
static const struct proc_entry root = PROC_DIR("", &root_dir);

int procfs_create(struct superblock **sb, struct dentry **out)
{
    return proc_create(&root, PROC_MAGIC, sb, out);
}
