/* SPDX-License-Identifier: Apache-2.0 */
/* The model of a file system: its tree and its paths. See model_fs.h. */
#include "tests/unit/model_fs.h"

#include "core/string.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

const char *const names[NAMES] = { "a", "b", "c", "dir", "e.txt", "f", "long-name-of-a-file" };

struct mnode *root;
int step_number;
char last_op[1400];

void expect(s64 got, s64 want)
{
    if (got != want)
        ck_abort_msg("step %d: %s: %lld, not %lld%s", step_number, last_op, (long long)got,
                     (long long)want, fake_failed ? " (an allocation failed)" : "");
}

struct mnode *new_node(enum type type, const void *data, u64 size)
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

void put_node(struct mnode *n)
{
    if (n->nlink || n->open)
        return;
    free(n->data);
    free(n);
}

void add(struct mnode *dir, u32 name, struct mnode *n)
{
    dir->child[name] = n;
    if (n->type == DIR_) {
        n->parent = dir;
        dir->nlink++;
    }
}

struct mnode *take(struct mnode *dir, u32 name)
{
    struct mnode *n = dir->child[name];

    dir->child[name] = NULL;
    if (n->type == DIR_)
        dir->nlink--;
    return n;
}

void drop(struct mnode *dir, u32 name)
{
    struct mnode *n = take(dir, name);

    n->nlink = n->type == DIR_ ? 0 : n->nlink - 1;
    put_node(n);
}

bool is_empty(const struct mnode *n)
{
    for (u32 i = 0; i < NAMES; i++)
        if (n->child[i])
            return false;
    return true;
}

bool is_below(const struct mnode *n, const struct mnode *top)
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

u32 count_dirs(void)
{
    struct mnode *dirs[DIRS_MAX + 100];

    return list_dirs(root, dirs, 0);
}

struct mnode *random_dir(void)
{
    static struct mnode *dirs[DIRS_MAX + 100];

    return dirs[unit_below(list_dirs(root, dirs, 0))];
}

void dir_path(const struct mnode *n, char *buf)
{
    if (n == root) {
        buf[0] = 0;
        return;
    }
    dir_path(n->parent, buf);
    strcat(buf, "/");
    strcat(buf, names[name_of(n)]);
}

const char *path_of(const struct mnode *dir, u32 name, char *buf)
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
