/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ordered intrusive tree keyed by u64 (a treap: a binary search tree on the keys that is a heap on
 * priorities hashed from the node's address, so its depth is logarithmic whatever the keys are).
 * Equal keys are allowed and stay in insertion order. The caller locks.
 */
#ifndef CORE_TREE_H
#define CORE_TREE_H

#include "core/types.h"

struct tree_node {
    struct tree_node *left, *right, *parent;
    u64 key;
};

struct tree {
    struct tree_node *root;
};

void tree_insert(struct tree *t, struct tree_node *n); /* n->key is set */
void tree_remove(struct tree *t, struct tree_node *n);
struct tree_node *tree_first(const struct tree *t);
struct tree_node *tree_last(const struct tree *t);
struct tree_node *tree_next(const struct tree_node *n);
struct tree_node *tree_prev(const struct tree_node *n);
/* First node with key >= k; last node with key <= k; NULL if there is none. */
struct tree_node *tree_ge(const struct tree *t, u64 k);
struct tree_node *tree_le(const struct tree *t, u64 k);

#endif
