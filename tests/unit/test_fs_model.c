/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on files and names, in a file system in memory and in the writable layer over
 * an image, against a model: a tree of nodes that knows what each operation is to answer.
 */
#include "core/string.h"
#include "fs/inode.h"
#include "tests/unit/fake_fs.h"
#include "tests/unit/unit.h"

#include <linux/fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>

#define NAMES 7u
#define DIRS_MAX 60u
#define OPEN_MAX 6u
#define SIZE_MAX_ 3000000u

enum type { FREE, FILE_, DIR_, LINK_ };

struct mnode {
    enum type type;
    u32 nlink;       /* names; for directories 2 and one for each directory in it */
    u32 open;        /* files that are open */
    u8 *data;        /* contents, or the link's text with its NUL */
    u64 size;
    struct mnode *parent, *child[NAMES]; /* directories */
};

static const char *const names[NAMES] = {
    "a", "b", "c", "dir", "e.txt", "f", "long-name-of-a-file"
};

static struct mnode *root;
static struct fs_context *fs;
static struct cred *cred;
static struct lookup at; /* absolute paths, no link at the end followed */
static bool on_image;

static struct {
    struct file *f;
    struct mnode *n;
} opened[OPEN_MAX];

/* --- the model -------------------------------------------------------------------------------- */

static struct mnode *new_node(enum type type, const void *data, u64 size)
{
    struct mnode *n = calloc(1, sizeof(*n));

    n->type = type;
    n->nlink = type == DIR_ ? 2 : 1;
    n->size = size;
    if (type != DIR_) {
        n->data = calloc(1, size + 1);
        if (data)
            memcpy(n->data, data, size);
    }
    return n;
}

static void put_node(struct mnode *n)
{
    if (n->nlink || n->open)
        return;
    free(n->data);
    free(n);
}

static void add(struct mnode *dir, u32 name, struct mnode *n)
{
    dir->child[name] = n;
    if (n->type == DIR_) {
        n->parent = dir;
        dir->nlink++;
    }
}

static struct mnode *take(struct mnode *dir, u32 name)
{
    struct mnode *n = dir->child[name];

    dir->child[name] = NULL;
    if (n->type == DIR_)
        dir->nlink--;
    return n;
}

static void drop(struct mnode *dir, u32 name)
{
    struct mnode *n = take(dir, name);

    n->nlink = n->type == DIR_ ? 0 : n->nlink - 1;
    put_node(n);
}

static bool is_empty(const struct mnode *n)
{
    for (u32 i = 0; i < NAMES; i++)
        if (n->child[i])
            return false;
    return true;
}

static bool is_below(const struct mnode *n, const struct mnode *top)
{
    for (; n; n = n->parent)
        if (n == top)
            return true;
    return false;
}

static u32 name_of(const struct mnode *n)
{
    for (u32 i = 0; i < NAMES; i++)
        if (n->parent->child[i] == n)
            return i;
    ck_abort_msg("a node is not in its parent");
    return 0;
}

/* Directories in the tree, in some order. */
static u32 list_dirs(struct mnode *n, struct mnode **out, u32 count)
{
    out[count++] = n;
    for (u32 i = 0; i < NAMES; i++)
        if (n->child[i] && n->child[i]->type == DIR_)
            count = list_dirs(n->child[i], out, count);
    return count;
}

static struct mnode *random_dir(void)
{
    static struct mnode *dirs[DIRS_MAX + 100];

    return dirs[unit_below(list_dirs(root, dirs, 0))];
}

/* --- paths ------------------------------------------------------------------------------------ */

static void dir_path(const struct mnode *n, char *buf)
{
    if (n == root) {
        buf[0] = 0;
        return;
    }
    dir_path(n->parent, buf);
    strcat(buf, "/");
    strcat(buf, names[name_of(n)]);
}

/* The absolute path of a name in a directory; now and then with what changes nothing. */
static const char *path_of(const struct mnode *dir, u32 name, char *buf)
{
    dir_path(dir, buf);
    if (dir != root && unit_below(8) == 0) {
        strcat(buf, "/../");
        strcat(buf, names[name_of(dir)]);
    }
    strcat(buf, unit_below(8) ? "/" : "//./");
    strcat(buf, names[name]);
    return buf;
}

/* --- one operation, perhaps without memory ---------------------------------------------------- */

static int step_number;
static char last_op[1400];

#define SAY(...) snprintf(last_op, sizeof(last_op), __VA_ARGS__)

static void expect(s64 got, s64 want)
{
    if (got != want)
        ck_abort_msg("step %d: %s: %lld, not %lld%s", step_number, last_op, (long long)got,
                     (long long)want, fake_failed ? " (an allocation failed)" : "");
}

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
    if (!dir->child[name]) {
        struct mnode *dirs[DIRS_MAX + 100];

        if (list_dirs(root, dirs, 0) >= DIRS_MAX)
            return;
    }
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

static void check_contents(struct file *f, const struct mnode *n, u64 off, u64 len)
{
    u8 *buf = malloc(len);
    u64 want = off >= n->size ? 0 : MIN(len, n->size - off), pos = off;
    struct uio u;
    ssize_t r;

    uio_init_kernel(&u, buf, len);
    r = f->ops->read(f, &u, &pos);
    if (r != (ssize_t)want)
        ck_abort_msg("step %d, after %s: read of %llu bytes at %llu of %llu: %lld", step_number,
                     last_op, (unsigned long long)len, (unsigned long long)off,
                     (unsigned long long)n->size, (long long)r);
    for (u64 i = 0; i < want; i++)
        if (buf[i] != n->data[off + i])
            ck_abort_msg("step %d, after %s: byte %llu is %d, not %d", step_number, last_op,
                         (unsigned long long)(off + i), buf[i], n->data[off + i]);
    free(buf);
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
        r = vfs_truncate(&p, cred, size);
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

/* --- the whole tree --------------------------------------------------------------------------- */

struct seen {
    u32 count[NAMES];
    u8 type[NAMES];
    u32 dots, left; /* left: entries before the buffer is full */
    bool full;
};

static int see(void *arg, const char *name, u32 len, u64 ino UNUSED, u8 type, u64 next UNUSED)
{
    struct seen *s = arg;

    if (!s->left) {
        s->full = true;
        return 1;
    }
    s->left--;
    if ((len == 1 && name[0] == '.') || (len == 2 && !memcmp(name, "..", 2))) {
        s->dots++;
        return 0;
    }
    for (u32 i = 0; i < NAMES; i++) {
        if (strlen(names[i]) == len && !memcmp(names[i], name, len)) {
            s->count[i]++;
            s->type[i] = type;
            return 0;
        }
    }
    ck_abort_msg("a name that nobody made: %.*s", (int)len, name);
    return 1;
}

static void check_listing(const struct mnode *n, const char *path)
{
    static const u8 types[] = { 0, 8, 4, 10 }; /* DT_* */
    struct seen s = { .dots = 0 };
    struct file *f;

    expect(vfs_open(&at, path, O_RDONLY | O_DIRECTORY, 0, &f), 0);
    do { /* in parts */
        s.full = false;
        s.left = 1 + unit_below(4);
        expect(f->ops->readdir(f, see, &s), 0);
    } while (s.full);
    CHECK_EQ(s.dots, 2);
    for (u32 i = 0; i < NAMES; i++) {
        u32 want = n->child[i] ? 1 : 0;

        if (s.count[i] != want)
            ck_abort_msg("step %d, after %s: %s has %u times %s, not %u", step_number, last_op,
                         path, s.count[i], names[i], want);
        if (want)
            CHECK_EQ(s.type[i], types[n->child[i]->type]);
    }
    object_unref(&f->obj);
}

static void check_tree(const struct mnode *n, const char *path);

static void check_name(const struct mnode *n, const char *path)
{
    struct kstat st;
    struct path p;
    char buf[600];
    int r = path_lookup(&at, path, &p);

    if (!n) {
        if (r != -ENOENT)
            ck_abort_msg("step %d, after %s: %s: %d, not -ENOENT", step_number, last_op, path, r);
        return;
    }
    if (r)
        ck_abort_msg("step %d, after %s: %s: %d", step_number, last_op, path, r);
    CHECK_EQ(vfs_stat(&p, &st), 0);
    if (st.nlink != n->nlink || (n->type != DIR_ && st.size != n->size))
        ck_abort_msg("step %d, after %s: %s: %u links and %llu bytes, not %u and %llu", step_number,
                     last_op, path, st.nlink, (unsigned long long)st.size, n->nlink,
                     (unsigned long long)n->size);
    if (n->type == LINK_) {
        CHECK_EQ(st.mode & S_IFMT_, S_IFLNK_);
        CHECK_EQ(vfs_readlink(&p, buf, sizeof(buf)), n->size);
        CHECK(!memcmp(buf, n->data, n->size));
    } else if (n->type == FILE_) {
        struct file *f;

        CHECK_EQ(st.mode & S_IFMT_, S_IFREG_);
        CHECK_EQ(inode_open(&p, O_RDONLY, &f), 0);
        check_contents(f, n, 0, n->size + 10);
        object_unref(&f->obj);
    } else {
        CHECK_EQ(st.mode & S_IFMT_, S_IFDIR_);
        check_tree(n, path);
    }
    CHECK_EQ(path_text(fs, &p, buf, sizeof(buf)), strlen(path));
    CHECK_STR(buf, path);
    path_unref(&p);
}

static void check_tree(const struct mnode *n, const char *path)
{
    if (unit_below(2))
        check_listing(n, *path ? path : "/");
    for (u32 i = 0; i < NAMES; i++) {
        char name[600];

        snprintf(name, sizeof(name), "%s/%s", path, names[i]);
        check_name(n->child[i], name);
    }
    check_listing(n, *path ? path : "/");
}

/* --- the image -------------------------------------------------------------------------------- */

static void fill_image(struct mnode *n, struct fake_node *h, u32 depth)
{
    static const u32 sizes[] = { 0, 10, 4095, 4096, 5000, 65535, 65536, 65537, 150000, 2200000 };

    for (u32 i = 0; i < NAMES; i++) {
        switch (unit_below(5)) {
        case 0:
            if (depth < 3) {
                add(n, i, new_node(DIR_, NULL, 0));
                fill_image(n->child[i], fake_dir(h, names[i]), depth + 1);
            }
            break;
        case 1: case 2: {
            u32 size = sizes[unit_below(ARRAY_SIZE(sizes) - (depth ? 1 : 0))];
            u8 *data = malloc(size + 1);

            for (u32 k = 0; k < size; k++)
                data[k] = (u8)(k * 7 + (k >> 12) + i);
            add(n, i, new_node(FILE_, data, size));
            {
                struct fake_node *f = fake_file(h, names[i], data, size);

                if (!unit_below(4) && i + 1 < NAMES) { /* with a second name beside it */
                    i++;
                    fake_name(h, names[i], f);
                    n->child[i - 1]->nlink++;
                    n->child[i] = n->child[i - 1];
                }
            }
            free(data);
            break;
        }
        case 3:
            if (!unit_below(3)) {
                add(n, i, new_node(LINK_, "/nowhere", 8));
                fake_link(h, names[i], "/nowhere");
            }
            break;
        default:
            break;
        }
    }
}

static void free_tree(struct mnode *n)
{
    for (u32 i = 0; i < NAMES; i++) {
        if (!n->child[i])
            continue;
        if (n->child[i]->type == DIR_)
            free_tree(n->child[i]);
        drop(n, i);
    }
}

static void start(u64 seed, bool image)
{
    unit_seed(seed);
    on_image = image;
    root = new_node(DIR_, NULL, 0);
    if (image)
        fill_image(root, fake_root(), 0);
    fs = fake_mount(image);
    cred = cred_create(0);
    cred->cap_effective = UINT64_MAX;
    at = (struct lookup){ .fs = fs, .cred = cred };
}

static void run(u32 steps)
{
    void (*const ops[])(void) = {
        op_mkdir,  op_mkdir,  op_symlink, op_open,   op_open,     op_open,
        op_write,  op_write,  op_write,   op_read,   op_truncate, op_unlink,
        op_unlink, op_unlink, op_link,    op_rename, op_rename,   op_rename,
    };

    for (u32 i = 0; i < steps; i++) {
        step_number++;
        if (unit_below(12) == 0)
            close_slot(unit_below(OPEN_MAX));
        ops[unit_below(ARRAY_SIZE(ops))]();
        if (i % 100 == 99)
            check_tree(root, "");
    }
    check_tree(root, "");
    for (u32 i = 0; i < OPEN_MAX; i++)
        close_slot(i);
}

/* Remove all there is, by name. */
static void remove_all(const struct mnode *n, const char *path)
{
    for (u32 i = 0; i < NAMES; i++) {
        char name[600];

        if (!n->child[i])
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, names[i]);
        if (n->child[i]->type == DIR_)
            remove_all(n->child[i], name);
        SAY("remove %s", name);
        expect(n->child[i]->type == DIR_ ? vfs_rmdir(&at, name) : vfs_unlink(&at, name), 0);
    }
}

START_TEST(a_file_system_in_memory_matches_the_model)
{
    s64 blocks;
    u64 frames;

    start((u64)_i, false);
    blocks = fake_blocks;
    frames = fake_frames_used();
    run(1500);
    remove_all(root, "");
    free_tree(root);
    check_tree(root, "");
    CHECK_EQ(fake_blocks, blocks); /* and nothing stays behind */
    CHECK_OP(fake_frames_used(), <=, frames + 600); /* but what growth took for structs */
    put_node((root->nlink = 0, root));
    cred_unref(cred);
}
END_TEST

START_TEST(the_writable_layer_of_an_image_matches_the_model)
{
    start(1000 + (u64)_i, true);
    run(1500);
    remove_all(root, "");
    free_tree(root);
    check_tree(root, "");
    CHECK_EQ(fake_ids_in_use(), 0);
    put_node((root->nlink = 0, root));
    cred_unref(cred);
}
END_TEST

UNIT_MAIN("fs_model", SEEDS(a_file_system_in_memory_matches_the_model, 8),
          SEEDS(the_writable_layer_of_an_image_matches_the_model, 16))
