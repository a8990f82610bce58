/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations on files and names, each perhaps without memory: see model_fs.h. */
#include "tests/unit/model_fs.h"

#include "core/string.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_fs.h"

#include <linux/fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>

#define OPEN_MAX 6u

static struct {
    struct file *f;
    struct mnode *n;
} opened[OPEN_MAX];

/* Now and then, one of the next allocations fails. */
static void maybe_starve(void)
{
    fake_failed = false;
    fake_fail_after = unit_below(5) == 0 ? 1 + unit_below(12) : 0;
}

/* Whether the operation failed for want of memory, and so has changed nothing. */
static bool starved(s64 r)
{
    fake_fail_after = 0;
    return fake_failed && r == -ENOMEM;
}

static void op_mkdir(void)
{
    struct mnode *dir = random_dir();
    u32 name = unit_below(NAMES);
    char path[600];
    int r;

    SAY("mkdir %s", path_of(dir, name, path));
    if (!dir->child[name] && count_dirs() >= DIRS_MAX)
        return;
    maybe_starve();
    r = vfs_mkdir(&at, path, 0755);
    if (starved(r))
        return;
    expect(r, dir->child[name] ? -EEXIST : 0);
    if (r == 0)
        add(dir, name, new_node(DIR_, NULL, 0));
}

static void op_symlink(void)
{
    struct mnode *dir = random_dir();
    u32 name = unit_below(NAMES);
    char path[600], text[600];
    int r;

    dir_path(random_dir(), text);
    strcat(text, "/");
    SAY("symlink %s", path_of(dir, name, path));
    maybe_starve();
    r = vfs_symlink(text, &at, path);
    if (starved(r))
        return;
    expect(r, dir->child[name] ? -EEXIST : 0);
    if (r == 0)
        add(dir, name, new_node(LINK_, text, strlen(text)));
}

/* Open or create; keeps the file open in a place of its own. */
static void op_open(void)
{
    static const u32 modes[] = { O_CREAT | O_RDWR,  O_CREAT | O_EXCL | O_RDWR,  O_RDWR,
                                 O_RDONLY,          O_CREAT | O_TRUNC | O_RDWR, O_RDWR | O_APPEND,
                                 O_TRUNC | O_WRONLY };
    u32 flags = modes[unit_below(ARRAY_SIZE(modes))] | O_NOFOLLOW, name = unit_below(NAMES);
    u32 slot = unit_below(OPEN_MAX);
    struct mnode *dir = random_dir(), *n = dir->child[name];
    struct file *f = NULL;
    char path[600];
    int r, want = 0;

    if (opened[slot].f)
        return;
    SAY("open %s flags 0%o", path_of(dir, name, path), flags);
    if (!n)
        want = flags & O_CREAT ? 0 : -ENOENT;
    else if (flags & O_EXCL)
        want = -EEXIST;
    else if (n->type == LINK_)
        want = -ELOOP;
    else if (n->type == DIR_)
        want = (flags & O_ACCMODE) || (flags & (O_CREAT | O_TRUNC)) ? -EISDIR : 0;
    if (flags & O_TRUNC)
        fake_failed = false; /* half done is allowed: truncated, and then not opened */
    else
        maybe_starve();
    r = vfs_open(&at, path, flags, 0644, &f);
    if (starved(r)) {
        /* Created, but not opened, is allowed too. */
        if (!n && want == 0) {
            struct path p;

            if (path_lookup(&at, path, &p) == 0) {
                add(dir, name, new_node(FILE_, NULL, 0));
                path_unref(&p);
            }
        }
        return;
    }
    expect(r, want);
    if (r)
        return;
    if (!n) {
        n = new_node(FILE_, NULL, 0);
        add(dir, name, n);
    }
    if (n->type == DIR_) {
        object_unref(&f->obj);
        return;
    }
    if (flags & O_TRUNC)
        n->size = 0;
    opened[slot].f = f;
    opened[slot].n = n;
    n->open++;
}

static void close_slot(u32 slot)
{
    if (!opened[slot].f)
        return;
    object_unref(&opened[slot].f->obj);
    opened[slot].n->open--;
    put_node(opened[slot].n);
    opened[slot].f = NULL;
}

static void grow_model(struct mnode *n, u64 size)
{
    if (size <= n->size)
        return;
    n->data = realloc(n->data, size + 1);
    memset(n->data + n->size, 0, size - n->size + 1);
    n->size = size;
}

/* Lengths and places around the borders of pages and of what a file has. */
static u64 random_place(const struct mnode *n)
{
    switch (unit_below(5)) {
    case 0: return unit_below(100);
    case 1: return unit_below((u32)n->size + 1);
    case 2: return ALIGN_DOWN(unit_below((u32)n->size + 10000), PAGE_SIZE);
    case 3: return n->size;
    default: return unit_below(200000);
    }
}

static void op_write(void)
{
    u32 slot = unit_below(OPEN_MAX), len = 1 + unit_below(unit_below(2) ? 20 : 20000);
    struct file *f = opened[slot].f;
    struct mnode *n = opened[slot].n;
    static u8 buf[20000];
    struct uio u;
    u64 off, pos;
    ssize_t r;

    if (!f || (f->flags & O_ACCMODE) == O_RDONLY)
        return;
    off = pos = random_place(n);
    if (f->flags & O_APPEND)
        off = n->size;
    for (u32 i = 0; i < len; i++)
        buf[i] = (u8)unit_random();
    SAY("write %u at %llu", len, (unsigned long long)off);
    uio_init_kernel(&u, buf, len);
    r = f->ops->write(f, &u, &pos);
    expect(r, len);
    expect((s64)pos, (s64)(off + len));
    grow_model(n, off + len);
    memcpy(n->data + off, buf, len);
}

static void op_read(void)
{
    u32 slot = unit_below(OPEN_MAX);

    if (opened[slot].f && (opened[slot].f->flags & O_ACCMODE) != O_WRONLY)
        check_contents(opened[slot].f, opened[slot].n, random_place(opened[slot].n),
                       1 + unit_below(30000));
}

static void op_truncate(void)
{
    struct mnode *dir = random_dir(), *n;
    u32 name = unit_below(NAMES), slot = unit_below(OPEN_MAX);
    char path[600] = "by descriptor";
    struct path p;
    u64 size;
    int r;

    if (unit_below(2) && opened[slot].f && (opened[slot].f->flags & O_ACCMODE) != O_RDONLY) {
        n = opened[slot].n;
        size = random_place(n);
        r = vfs_ftruncate(opened[slot].f, size);
    } else {
        n = dir->child[name];
        if (!n || n->type != FILE_)
            return;
        size = random_place(n);
        expect(path_lookup(&at, path_of(dir, name, path), &p), 0);
        r = vfs_truncate(&p, admin, size);
        path_unref(&p);
    }
    SAY("truncate %s to %llu", path, (unsigned long long)size);
    expect(r, 0);
    grow_model(n, size);
    memset(n->data + size, 0, n->size - size);
    n->size = size;
}

static void op_unlink(void)
{
    struct mnode *dir = random_dir();
    u32 name = unit_below(NAMES);
    bool rmdir = unit_below(2);
    struct mnode *n = dir->child[name];
    char path[600];
    int r, want = 0;

    SAY("%s %s", rmdir ? "rmdir" : "unlink", path_of(dir, name, path));
    if (!n)
        want = -ENOENT;
    else if (rmdir)
        want = n->type != DIR_ ? -ENOTDIR : is_empty(n) ? 0 : -ENOTEMPTY;
    else
        want = n->type == DIR_ ? -EISDIR : 0;
    maybe_starve();
    r = rmdir ? vfs_rmdir(&at, path) : vfs_unlink(&at, path);
    if (starved(r))
        return;
    expect(r, want);
    if (r == 0)
        drop(dir, name);
}

static void op_link(void)
{
    struct mnode *from = random_dir(), *to = random_dir(), *n;
    u32 a = unit_below(NAMES), b = unit_below(NAMES);
    char path[600], new[600];
    struct path p;
    int r;

    n = from->child[a];
    if (!n)
        return;
    expect(path_lookup(&at, path_of(from, a, path), &p), 0);
    SAY("link %s %s", path, path_of(to, b, new));
    maybe_starve();
    r = vfs_link(&p, &at, new);
    path_unref(&p);
    if (starved(r))
        return;
    expect(r, to->child[b] ? -EEXIST : n->type == DIR_ ? -EPERM : 0);
    if (r == 0) {
        n->nlink++;
        add(to, b, n);
    }
}

static int rename_answer(struct mnode *from, struct mnode *src, struct mnode *to, struct mnode *dst,
                         u32 flags)
{
    bool exchange = flags & RENAME_EXCHANGE;

    if (!src)
        return -ENOENT;
    if (dst && (flags & RENAME_NOREPLACE))
        return -EEXIST;
    if (!dst && exchange)
        return -ENOENT;
    if (src->type == DIR_ && is_below(to, src))
        return -EINVAL;
    if (dst && dst->type == DIR_ && is_below(from, dst))
        return exchange ? -EINVAL : -ENOTEMPTY;
    if (src == dst)
        return 0;
    if (dst && !exchange) {
        if (src->type == DIR_ && dst->type != DIR_)
            return -ENOTDIR;
        if (src->type != DIR_ && dst->type == DIR_)
            return -EISDIR;
        if (dst->type == DIR_ && !is_empty(dst))
            return -ENOTEMPTY;
    }
    return 0;
}

static void op_rename(void)
{
    static const u32 all_flags[] = { 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE };
    struct mnode *from = random_dir(), *to = unit_below(3) ? random_dir() : from;
    u32 a = unit_below(NAMES), b = unit_below(NAMES);
    u32 flags = all_flags[unit_below(ARRAY_SIZE(all_flags))];
    struct mnode *src = from->child[a], *dst = to->child[b];
    char old[600], new[600];
    int r;

    SAY("rename %s %s flags %u", path_of(from, a, old), path_of(to, b, new), flags);
    maybe_starve();
    r = vfs_rename(&at, old, &at, new, flags);
    if (starved(r))
        return;
    expect(r, rename_answer(from, src, to, dst, flags));
    if (r || src == dst)
        return;
    take(from, a);
    if (dst) {
        if (flags & RENAME_EXCHANGE) {
            take(to, b);
            add(from, a, dst);
        } else {
            drop(to, b);
        }
    }
    add(to, b, src);
}

void random_op(void)
{
    static void (*const ops[])(void) = {
        op_mkdir,  op_mkdir,  op_symlink, op_open,   op_open,     op_open,
        op_write,  op_write,  op_write,   op_read,   op_truncate, op_unlink,
        op_unlink, op_unlink, op_link,    op_rename, op_rename,   op_rename,
    };

    step_number++;
    if (unit_below(12) == 0)
        close_slot(unit_below(OPEN_MAX));
    ops[unit_below(ARRAY_SIZE(ops))]();
}

void close_all(void)
{
    for (u32 i = 0; i < OPEN_MAX; i++)
        close_slot(i);
}
