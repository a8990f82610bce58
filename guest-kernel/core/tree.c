/* SPDX-License-Identifier: Apache-2.0 */
/* Treap: see tree.h. */
#include "core/tree.h"

/* The heap priority of a node: any function of its address that keys do not depend on. */
static u64 priority(const struct tree_node *n)
{
    return ((u64)n >> 4) * UINT64_C(0x9e3779b97f4a7c15);
}

static void set_child(struct tree *t, struct tree_node *parent, struct tree_node *old,
                      struct tree_node *new)
{
    if (!parent)
        t->root = new;
    else if (parent->left == old)
        parent->left = new;
    else
        parent->right = new;
    if (new)
        new->parent = parent;
}

/* Lift n above its parent, keeping the order of keys. */
static void rotate_up(struct tree *t, struct tree_node *n)
{
    struct tree_node *p = n->parent, *inner;

    set_child(t, p->parent, p, n);
    if (p->left == n) {
        inner = n->right;
        p->left = inner;
        n->right = p;
    } else {
        inner = n->left;
        p->right = inner;
        n->left = p;
    }
    if (inner)
        inner->parent = p;
    p->parent = n;
}

void tree_insert(struct tree *t, struct tree_node *n)
{
    struct tree_node **link = &t->root, *parent = NULL;

    while (*link) {
        parent = *link;
        link = n->key < parent->key ? &parent->left : &parent->right;
    }
    n->left = n->right = NULL;
    n->parent = parent;
    *link = n;
    while (n->parent && priority(n) > priority(n->parent))
        rotate_up(t, n);
}

void tree_remove(struct tree *t, struct tree_node *n)
{
    while (n->left && n->right)
        rotate_up(t, priority(n->left) > priority(n->right) ? n->left : n->right);
    set_child(t, n->parent, n, n->left ? n->left : n->right);
}

struct tree_node *tree_first(const struct tree *t)
{
    struct tree_node *n = t->root;

    while (n && n->left)
        n = n->left;
    return n;
}

struct tree_node *tree_last(const struct tree *t)
{
    struct tree_node *n = t->root;

    while (n && n->right)
        n = n->right;
    return n;
}

struct tree_node *tree_next(const struct tree_node *n)
{
    if (n->right) {
        n = n->right;
        while (n->left)
            n = n->left;
        return (struct tree_node *)n;
    }
    while (n->parent && n->parent->right == n)
        n = n->parent;
    return n->parent;
}

struct tree_node *tree_prev(const struct tree_node *n)
{
    if (n->left) {
        n = n->left;
        while (n->right)
            n = n->right;
        return (struct tree_node *)n;
    }
    while (n->parent && n->parent->left == n)
        n = n->parent;
    return n->parent;
}

struct tree_node *tree_ge(const struct tree *t, u64 k)
{
    struct tree_node *n = t->root, *best = NULL;

    while (n) {
        if (n->key >= k) {
            best = n;
            n = n->left;
        } else {
            n = n->right;
        }
    }
    return best;
}

struct tree_node *tree_le(const struct tree *t, u64 k)
{
    struct tree_node *n = t->root, *best = NULL;

    while (n) {
        if (n->key <= k) {
            best = n;
            n = n->right;
        } else {
            n = n->left;
        }
    }
    return best;
}
