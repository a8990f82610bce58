/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/sys: what programs ask for and is true here; nothing of it can be changed. /proc/net:
 * tables of Linux's shape.
 */
#include "core/print.h"
#include "core/random.h"
#include "core/string.h"
#include "fs/proc.h"
#include "mm/frame.h"

/* --- kernel ----------------------------------------------------------------------------------- */

/* arg: which of uname's names. */
static int show_uts(const struct proc_inode *i, struct text *t)
{
    char names[6][65] = { 0 };

    if (proc_uts)
        proc_uts(names);
    text_printf(t, "%s\n", names[i->entry->arg]);
    return 0;
}

static void put_uuid(struct text *t, const u8 b[16])
{
    for (u32 i = 0; i < 16; i++) {
        u32 v = i == 6 ? (b[i] & 0x0fu) | 0x40 : i == 8 ? (b[i] & 0x3fu) | 0x80 : b[i];

        text_printf(t, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", v);
    }
    text_puts(t, "\n");
}

static int show_uuid(const struct proc_inode *i UNUSED, struct text *t)
{
    u8 b[16];

    random_bytes(b, sizeof(b));
    put_uuid(t, b);
    return 0;
}

static int show_boot_id(const struct proc_inode *i UNUSED, struct text *t)
{
    static struct spinlock lock = SPINLOCK_INIT(RANK_LEAF);
    static u8 id[16]; /* made when first asked for */
    static bool made;
    u8 b[16];

    random_bytes(b, sizeof(b));
    spin_lock(&lock);
    if (!made)
        memcpy(id, b, sizeof(id));
    made = true;
    memcpy(b, id, sizeof(b));
    spin_unlock(&lock);
    put_uuid(t, b);
    return 0;
}

STATIC_ASSERT(PID_MAX == 32768); /* the texts below */

static const struct proc_entry random_entries[] = {
    PROC_FILE("boot_id", 0444, .show = show_boot_id),
    PROC_FILE("entropy_avail", 0444, .text = "256\n"),
    PROC_FILE("poolsize", 0444, .text = "256\n"),
    PROC_FILE("uuid", 0444, .show = show_uuid),
};
static const struct proc_dir random_dir = { PROC_ENTRIES(random_entries) };

static const struct proc_entry kernel_entries[] = {
    PROC_FILE("cap_last_cap", 0444, .text = "40\n"),
    PROC_FILE("domainname", 0444, .show = show_uts, .arg = 5),
    PROC_FILE("hostname", 0444, .show = show_uts, .arg = 1),
    PROC_FILE("msgmax", 0444, .text = "8192\n"),
    PROC_FILE("msgmnb", 0444, .text = "16384\n"),
    PROC_FILE("msgmni", 0444, .text = "32000\n"),
    PROC_FILE("ngroups_max", 0444, .text = "65536\n"),
    PROC_FILE("osrelease", 0444, .show = show_uts, .arg = 2),
    PROC_FILE("ostype", 0444, .show = show_uts, .arg = 0),
    PROC_FILE("overflowgid", 0444, .text = "65534\n"),
    PROC_FILE("overflowuid", 0444, .text = "65534\n"),
    PROC_FILE("pid_max", 0444, .text = "32768\n"),
    PROC_DIR("random", &random_dir),
    PROC_FILE("randomize_va_space", 0444, .text = "2\n"),
    PROC_FILE("sem", 0444, .text = "32000\t1024000000\t500\t32000\n"),
    PROC_FILE("shmall", 0444, .text = "18446744073692774399\n"),
    PROC_FILE("shmmax", 0444, .text = "18446744073692774399\n"),
    PROC_FILE("shmmni", 0444, .text = "4096\n"),
    PROC_FILE("threads-max", 0444, .text = "32767\n"),
    PROC_FILE("version", 0444, .show = show_uts, .arg = 3),
};
static const struct proc_dir kernel_dir = { PROC_ENTRIES(kernel_entries) };

/* --- vm, fs, net ------------------------------------------------------------------------------ */

static const struct proc_entry vm_entries[] = {
    PROC_FILE("max_map_count", 0444, .text = "65530\n"), /* mm/aspace_impl.h */
    PROC_FILE("mmap_min_addr", 0444, .text = "65536\n"), /* mm/aspace.h, USER_MIN */
    PROC_FILE("nr_hugepages", 0444, .text = "0\n"),
    PROC_FILE("overcommit_memory", 0444, .text = "1\n"), /* given out at the first touch */
};
static const struct proc_dir vm_dir = { PROC_ENTRIES(vm_entries) };

static const struct proc_entry inotify_entries[] = { /* fs/notify.h, INOTIFY_MAX_* */
    PROC_FILE("max_queued_events", 0444, .text = "16384\n"),
    PROC_FILE("max_user_instances", 0444, .text = "128\n"),
    PROC_FILE("max_user_watches", 0444, .text = "65536\n"),
};
static const struct proc_dir inotify_dir = { PROC_ENTRIES(inotify_entries) };

static const struct proc_entry fs_entries[] = {
    PROC_FILE("file-max", 0444, .text = "9223372036854775807\n"),
    PROC_DIR("inotify", &inotify_dir),
    PROC_FILE("nr_open", 0444, .text = "1048576\n"),
    PROC_FILE("pipe-max-size", 0444, .text = "1048576\n"), /* fs/pipe.c, PAGES_MAX */
    PROC_FILE("protected_fifos", 0400, .text = "1\n"), /* fs/protected.c */
    PROC_FILE("protected_hardlinks", 0400, .text = "1\n"),
    PROC_FILE("protected_regular", 0400, .text = "2\n"),
    PROC_FILE("protected_symlinks", 0400, .text = "1\n"),
};
static const struct proc_dir fs_dir = { PROC_ENTRIES(fs_entries) };

static const struct proc_entry net_core_entries[] = {
    PROC_FILE("rmem_default", 0444, .text = "212992\n"), /* net/socket.h, SOCKET_BUFFER */
    PROC_FILE("rmem_max", 0444, .text = "212992\n"),
    PROC_FILE("somaxconn", 0444, .text = "4096\n"),      /* net/socket.h, SOMAXCONN_ */
    PROC_FILE("wmem_default", 0444, .text = "212992\n"),
    PROC_FILE("wmem_max", 0444, .text = "212992\n"),
};
static const struct proc_dir net_core_dir = { PROC_ENTRIES(net_core_entries) };
static const struct proc_entry net_unix_entries[] = {
    PROC_FILE("max_dgram_qlen", 0444, .text = "10\n"), /* net/unix_impl.h, DGRAM_BACKLOG */
};
static const struct proc_dir net_unix_dir = { PROC_ENTRIES(net_unix_entries) };
static const struct proc_entry sys_net_entries[] = {
    PROC_DIR("core", &net_core_dir),
    PROC_DIR("unix", &net_unix_dir),
};
static const struct proc_dir sys_net_dir = { PROC_ENTRIES(sys_net_entries) };

static const struct proc_entry sys_entries[] = {
    PROC_DIR("fs", &fs_dir),
    PROC_DIR("kernel", &kernel_dir),
    PROC_DIR("net", &sys_net_dir),
    PROC_DIR("vm", &vm_dir),
};
const struct proc_dir proc_sys_dir = { PROC_ENTRIES(sys_entries) };

/* --- /proc/net -------------------------------------------------------------------------------- */

#define SOCKET_COLUMNS "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
#define TCP_HEAD  "  sl  local_address rem_address   " SOCKET_COLUMNS "\n"
#define UDP_HEAD  "  sl  local_address rem_address   " SOCKET_COLUMNS " ref pointer drops\n"
#define TCP6_HEAD                                                                                  \
    "  sl  local_address                         remote_address                        "           \
    SOCKET_COLUMNS "\n"
#define UDP6_HEAD                                                                                  \
    "  sl  local_address                         remote_address                        "           \
    SOCKET_COLUMNS " ref pointer drops\n"
#define UNIX_HEAD "Num       RefCount Protocol Flags    Type St Inode Path\n"
#define ROUTE_HEAD                                                                                 \
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
#define DEV_HEAD                                                                                   \
    "Inter-|   Receive                                                |  Transmit\n"               \
    " face |bytes    packets errs drop fifo frame compressed multicast"                            \
    "|bytes    packets errs drop fifo colls carrier compressed\n"
#define DEV_LO                                                                                     \
    "    lo:       0       0    0    0    0     0          0         0"                            \
    "        0       0    0    0    0     0       0          0\n"
#define ARP_HEAD "IP address       HW type     Flags       HW address            Mask     Device\n"

void (*proc_net_unix)(struct text *t);

static int show_unix(const struct proc_inode *i UNUSED, struct text *t)
{
    text_puts(t, UNIX_HEAD);
    if (proc_net_unix)
        proc_net_unix(t);
    return 0;
}

static const struct proc_entry net_entries[] = {
    PROC_FILE("arp", 0444, .text = ARP_HEAD),
    PROC_FILE("dev", 0444, .text = DEV_HEAD DEV_LO),
    PROC_FILE("if_inet6", 0444, .text = ""),
    PROC_FILE("raw", 0444, .text = UDP_HEAD),
    PROC_FILE("route", 0444, .text = ROUTE_HEAD),
    PROC_FILE("tcp", 0444, .text = TCP_HEAD),
    PROC_FILE("tcp6", 0444, .text = TCP6_HEAD),
    PROC_FILE("udp", 0444, .text = UDP_HEAD),
    PROC_FILE("udp6", 0444, .text = UDP6_HEAD),
    PROC_FILE("unix", 0444, .show = show_unix),
};
const struct proc_dir proc_net_dir = { PROC_ENTRIES(net_entries) };
