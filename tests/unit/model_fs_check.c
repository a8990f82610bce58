/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file system is what the model says: see model_fs.h. */
#include "tests/unit/model_fs.h"

#include "core/string.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_fs.h"

#include <linux/fcntl.h>
#include <stdlib.h>

void check_contents(struct file *f, const struct mnode *n, u64 off, u64 len)
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
    static const u8 types[] = { [FILE_] = 8, [DIR_] = 4, [LINK_] = 10 }; /* DT_* */
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

void check_tree(const struct mnode *n, const char *path)
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
