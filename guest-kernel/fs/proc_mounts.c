/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/mounts and mountinfo: what is mounted, as seen from the reader's root. */
#include "core/string.h"
#include "fs/proc.h"
#include "mm/slab.h"

#define TMPFS_MAGIC UINT64_C(0x01021994)

/* A file system's type, and what stands for its device. */
static const char *type_name(const struct mount *m)
{
    switch (m->sb->magic) {
    case TMPFS_MAGIC: return "tmpfs";
    case PROC_MAGIC: return "proc";
    case SYSFS_MAGIC: return "sysfs";
    case CGROUP2_MAGIC: return "cgroup2";
    case 0x1cd1: return "devpts";
    case 0x19800202: return "mqueue";
    default: return m->at.dentry ? "hostfs" : "overlay"; /* a volume; the image below a layer */
    }
}

static const char *access(bool readonly)
{
    return readonly ? "ro" : "rw";
}

static void put_mount(struct text *t, const struct mount *m, const char *at, size_t n, bool info)
{
    const char *type = type_name(m);

    if (info) {
        const struct mount *parent = m->at.mnt;

        text_printf(t, "%u %u %u:%u / ", m->id, parent ? parent->id : 0, dev_major_of(m->sb->dev),
                    dev_minor_of(m->sb->dev));
        text_put_escaped(t, at, n, "#");
        text_printf(t, " %s,noatime - %s %s %s\n", access(m->readonly), type, type,
                    access(m->sb->readonly));
    } else {
        text_printf(t, "%s ", type);
        text_put_escaped(t, at, n, "#");
        text_printf(t, " %s %s,noatime 0 0\n", type, access(m->readonly));
    }
}

int proc_show_mounts(const struct proc_inode *i, struct text *t)
{
    char *buf = kmalloc(PATH_MAX_);
    struct mount *m;

    if (!buf)
        return -ENOMEM;
    list_for_each(m, &all_mounts, node) {
        struct path p = { m, m->root };
        s64 n = path_text(process_current()->fs, &p, buf, PATH_MAX_);

        if (n > 0)
            put_mount(t, m, buf, (size_t)n, i->entry->arg == 1);
    }
    kfree(buf);
    return 0;
}
