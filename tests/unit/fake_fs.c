/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file service: answers the fs_* and window calls from a tree in memory. What a kernel must not
 * do (use an id that it gave back, store to the host's pages) ends the test.
 */
#include "tests/unit/fake_fs.h"

#include "core/boot.h"
#include "core/print.h"
#include "core/string.h"
#include "fs/inode.h"
#include "fs/window.h"
#include "mm/frame.h"
#include "tty/tty.h"

#include <stdlib.h>
#include <sys/mman.h>

#define IDS 4096u
#define FILES 1024u
#define RUNS 1024u
#define PART 4096u /* bytes of a listing in one answer */

static struct fake_node *nodes[IDS]; /* by id; NULL: not in use */
static struct fake_node *open_files[FILES];
static struct {
    u64 gpa, len;
} runs[RUNS];
static u64 last_ino = 1000;

/* --- the tree --------------------------------------------------------------------------------- */

static struct fake_node *new_node(u32 mode)
{
    struct fake_node *n = calloc(1, sizeof(*n));

    n->ino = ++last_ino;
    n->mode = mode;
    n->nlink = 1;
    return n;
}

static struct fake_node *enter(struct fake_node *dir, const char *name, struct fake_node *n)
{
    struct fake_name *e = calloc(1, sizeof(*e));

    str_copy(e->name, name, sizeof(e->name));
    e->node = n;
    if (dir->last)
        dir->last->next = e;
    else
        dir->first = e;
    dir->last = e;
    return n;
}

struct fake_node *fake_root(void)
{
    struct fake_node *n = new_node(S_IFDIR_ | 0755);

    n->nlink = 2;
    nodes[RV_ROOT_NODE(0)] = n;
    return n;
}

struct fake_node *fake_dir(struct fake_node *dir, const char *name)
{
    struct fake_node *n = enter(dir, name, new_node(S_IFDIR_ | 0755));

    n->nlink = 2;
    dir->nlink++;
    return n;
}

struct fake_node *fake_file(struct fake_node *dir, const char *name, const void *data, u64 size)
{
    struct fake_node *n = enter(dir, name, new_node(S_IFREG_ | 0644));

    n->data = malloc(size ? size : 1);
    memcpy(n->data, data, size);
    n->size = size;
    return n;
}

struct fake_node *fake_link(struct fake_node *dir, const char *name, const char *text)
{
    struct fake_node *n = enter(dir, name, new_node(S_IFLNK_ | 0777));

    n->data = (u8 *)strdup(text);
    n->size = strlen(text);
    return n;
}

void fake_name(struct fake_node *dir, const char *name, struct fake_node *n)
{
    n->nlink++;
    enter(dir, name, n);
}

u32 fake_ids_in_use(void)
{
    u32 n = 0;

    for (u32 i = 2; i < IDS; i++)
        n += nodes[i] != NULL;
    return n;
}

/* --- calls ------------------------------------------------------------------------------------ */

static void fill_attr(const struct fake_node *n, struct rv_attr *a)
{
    *a = (struct rv_attr){ .ino = n->ino, .dev = 5, .size = n->size, .mode = n->mode,
                           .nlink = n->nlink, .uid = n->uid, .gid = n->gid, .mtime = 1000 };
}

static struct fake_node *node_of(u64 id)
{
    if (id >= IDS || !nodes[id])
        panic("node %llu is used, which is not the kernel's", (unsigned long long)id);
    return nodes[id];
}

static struct fake_node *find(const struct fake_node *dir, const char *name, size_t len)
{
    for (const struct fake_name *e = dir->first; e; e = e->next)
        if (strlen(e->name) == len && !memcmp(e->name, name, len))
            return e->node;
    return NULL;
}

static s64 walk(struct fake_node *dir, u64 flags, const struct hc_io *io)
{
    char path[4096];
    size_t len = fake_io_get(io, 0, path, sizeof(path)), at = 0, out = 0;

    while (at < len) {
        struct rv_walk_entry e = { 0 };
        size_t n = 0, room;
        struct fake_node *child;
        u8 buf[sizeof(e) + 4096] = { 0 };

        while (at + n < len && path[at + n] != '/')
            n++;
        if (!n || n > 255 || (n == 1 && path[at] == '.') ||
            (n == 2 && !memcmp(path + at, "..", 2)))
            panic("a walk with a component that the host does not take");
        child = find(dir, path + at, n);
        at += n + 1;
        room = sizeof(e);
        if (!child) {
            e.status = -ENOENT;
        } else {
            fill_attr(child, &e.attr);
            if ((child->mode & S_IFMT_) == S_IFDIR_) {
                for (e.dir = 2; e.dir < IDS && nodes[e.dir]; e.dir++)
                    ;
                if (e.dir == IDS)
                    panic("the kernel gives no node back");
                nodes[e.dir] = child;
            } else if ((child->mode & S_IFMT_) == S_IFLNK_) {
                e.link_len = (u32)child->size;
                memcpy(buf + sizeof(e), child->data, child->size);
                room += ALIGN_UP(child->size, 8);
            }
        }
        memcpy(buf, &e, sizeof(e));
        if (fake_io_put(io, out, buf, room) != room)
            break;
        out += room;
        if (flags == RV_WALK_BESIDE)
            continue;
        if (!e.dir)
            break;
        dir = child;
    }
    return (s64)out;
}

static s64 readdir(struct fake_node *dir, u64 pos, const struct hc_io *io)
{
    u8 buf[PART + 512];
    size_t out = 0;
    u64 i = 0;

    for (struct fake_name *e = dir->first; e && out < PART; e = e->next, i++) {
        struct rv_dirent d = { .ino = e->node->ino, .name_len = (u16)strlen(e->name),
                               .type = (u8)((e->node->mode & S_IFMT_) >> 12) };

        if (i < pos)
            continue;
        memset(buf + out, 0, 512);
        memcpy(buf + out, &d, sizeof(d));
        memcpy(buf + out + sizeof(d), e->name, d.name_len);
        out += ALIGN_UP(sizeof(d) + d.name_len, 8);
    }
    if (!out)
        return 0;
    if (out < PART)
        i = RV_READDIR_END;
    memcpy(buf + out, &i, sizeof(i));
    return (s64)fake_io_put(io, 0, buf, out + sizeof(i));
}

static s64 open_file(struct fake_node *dir, const struct hc_io *io)
{
    struct rv_open_reply reply = { 0 };
    char name[256];
    size_t len = fake_io_get(io, 0, name, sizeof(name)), room = 0;
    struct fake_node *n = find(dir, name, len);
    u32 id = 1;

    if (!n)
        return -ENOENT;
    if ((n->mode & S_IFMT_) != S_IFREG_)
        return -ELOOP;
    fill_attr(n, &reply.attr);
    reply.no_xattrs = !n->attr;
    for (u32 i = 1; i < io->nout; i++)
        room += io->sg[io->nin + i].len;
    if (n->size && n->size <= room) {
        fake_io_put(io, sizeof(reply), n->data, n->size);
        reply.nread = n->size; /* and no file, which nobody needs */
    } else {
        while (id < FILES && open_files[id])
            id++;
        if (id == FILES)
            panic("the kernel closes no file");
        open_files[id] = n;
        reply.file = id;
    }
    fake_io_put(io, 0, &reply, sizeof(reply));
    return 0;
}

static struct fake_node *file_of_id(u64 id)
{
    if (id >= FILES || !open_files[id])
        panic("file %llu is used, which is not the kernel's", (unsigned long long)id);
    return open_files[id];
}

/* The host's pages are read-only here, so that a store to one is seen. */
static s64 map_window(struct fake_node *n, u64 off, u64 gpa, u64 len)
{
    u8 *at = phys_to_virt(gpa);
    u64 have = off < n->size ? MIN(len, n->size - off) : 0;
    u32 i = 0;

    if (gpa / RV_WINDOW_CHUNK != (gpa + len - 1) / RV_WINDOW_CHUNK || off % PAGE_SIZE ||
        gpa % PAGE_SIZE || gpa < RV_WINDOW_RO_GPA)
        return -EINVAL;
    while (i < RUNS && runs[i].len)
        i++;
    if (i == RUNS)
        panic("the kernel unmaps no window");
    for (u32 k = 0; k < RUNS; k++)
        if (runs[k].len && gpa < runs[k].gpa + runs[k].len && runs[k].gpa < gpa + len)
            panic("a window over another");
    runs[i].gpa = gpa;
    runs[i].len = len;
    if (mmap(at, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
        (void *)at)
        panic("no memory for a window");
    memcpy(at, n->data + off, have);
    mprotect(at, len, PROT_READ);
    return (s64)have;
}

static s64 unmap_window(u64 gpa, u64 len)
{
    for (u32 i = 0; i < RUNS; i++) {
        if (runs[i].len == len && runs[i].gpa == gpa) {
            runs[i].len = 0;
            mprotect(phys_to_virt(gpa), len, PROT_NONE);
            return 0;
        }
    }
    panic("a window is unmapped that is not there");
}

/* The file whose name the inputs start with, or the directory itself. */
static struct fake_node *attr_target(struct fake_node *dir, const char *name, u64 len)
{
    return len ? find(dir, name, len) : dir;
}

static s64 list_attrs(struct fake_node *dir, const struct hc_io *io)
{
    char name[256];
    struct fake_node *n = attr_target(dir, name, fake_io_get(io, 0, name, sizeof(name)));

    if (!n)
        return -ENOENT;
    return n->attr ? (s64)fake_io_put(io, 0, n->attr, strlen(n->attr) + 1) : 0;
}

static s64 get_attr(struct fake_node *dir, u64 name_len, const struct hc_io *io)
{
    char in[600];
    size_t len = fake_io_get(io, 0, in, sizeof(in));
    struct fake_node *n = attr_target(dir, in, name_len);

    if (!n)
        return -ENOENT;
    if (!n->attr || strlen(n->attr) != len - name_len ||
        memcmp(n->attr, in + name_len, len - name_len))
        return -ENODATA;
    return (s64)fake_io_put(io, 0, n->value, strlen(n->value));
}

static s64 serve(u32 nr, const u64 arg[5], const struct hc_io *io)
{
    struct rv_attr a;

    switch (nr) {
    case RV_HC_fs_walk:
        return walk(node_of(arg[0]), arg[1], io);
    case RV_HC_fs_readdir:
        return readdir(node_of(arg[0]), arg[1], io);
    case RV_HC_fs_open:
        if (arg[1])
            panic("an image's file is opened for writing");
        return open_file(node_of(arg[0]), io);
    case RV_HC_fs_setattr:
        if (arg[1])
            panic("an attribute of the image is changed");
        fill_attr(node_of(arg[0]), &a);
        fake_io_put(io, 0, &a, sizeof(a));
        return 0;
    case RV_HC_fs_listxattr:
        return list_attrs(node_of(arg[0]), io);
    case RV_HC_fs_getxattr:
        return get_attr(node_of(arg[0]), arg[1], io);
    case RV_HC_fs_forget:
        node_of(arg[0]);
        nodes[arg[0]] = NULL;
        return 0;
    case RV_HC_file_close:
        file_of_id(arg[0]);
        open_files[arg[0]] = NULL;
        return 0;
    case RV_HC_window_map:
        return map_window(file_of_id(arg[0]), arg[1], arg[2], arg[3]);
    case RV_HC_window_unmap:
        return unmap_window(arg[0], arg[1]);
    default:
        panic("hostcall %u for an image, which nobody changes", nr);
    }
}

/* --- a file system to work on ----------------------------------------------------------------- */

static struct fs_context context;

struct fs_context *fake_mount(bool image)
{
    struct superblock *sb;
    struct dentry *root;
    int r;

    fake_serve = serve;
    fake_ram(UINT64_C(16) << 20, UINT64_C(256) << 20);
    mutex_init(&rename_mutex);
    window_init();
    r = image ? hostfs_create(RV_ROOT_NODE(0), false, false, &sb, &root)
              : memfs_create(0755, 0x01021994, &sb, &root);
    if (r == 0)
        r = mount_at(sb, root, NULL, false);
    if (r)
        panic("no file system: %d", r);
    context.refs = 1;
    mutex_init(&context.lock);
    context.root = context.cwd = root_path;
    path_ref(&root_path);
    path_ref(&root_path);
    return &context;
}

/* --- what fs/ wants of tty/ and devfs --------------------------------------------------------- */

const struct file_ops *device_ops(u64 rdev UNUSED)
{
    return NULL;
}

bool tty_is_device(u64 rdev UNUSED)
{
    return false;
}

bool device_is_ready(u64 rdev UNUSED)
{
    return true;
}

int tty_open_device(struct file *f UNUSED, u32 flags UNUSED)
{
    return 0;
}
