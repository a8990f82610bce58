/* SPDX-License-Identifier: Apache-2.0 */
/* Ordered trees: core/tree.c, against a sorted array. */
#include "core/tree.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define NODES 512

static struct tree tree;
static struct tree_node pool[NODES];
static struct tree_node *sorted[NODES]; /* the model: what is in the tree, in order */
static int count;

/* Keys that are not less than k begin here. */
static int lower_bound(u64 k)
{
    int i = 0;

    while (i < count && sorted[i]->key < k)
        i++;
    return i;
}

static int upper_bound(u64 k)
{
    int i = 0;

    while (i < count && sorted[i]->key <= k)
        i++;
    return i;
}

static void insert(struct tree_node *n, u64 key)
{
    int at = upper_bound(key);

    n->key = key;
    tree_insert(&tree, n);
    memmove(sorted + at + 1, sorted + at, (size_t)(count - at) * sizeof(sorted[0]));
    sorted[at] = n;
    count++;
}

static struct tree_node *remove_at(int i)
{
    struct tree_node *n = sorted[i];

    tree_remove(&tree, n);
    count--;
    memmove(sorted + i, sorted + i + 1, (size_t)(count - i) * sizeof(sorted[0]));
    return n;
}

static struct tree_node *model(int i)
{
    return i >= 0 && i < count ? sorted[i] : NULL;
}

static int depth(const struct tree_node *n)
{
    int l, r;

    if (!n)
        return 0;
    CHECK(!n->left || n->left->parent == n);
    CHECK(!n->right || n->right->parent == n);
    l = depth(n->left);
    r = depth(n->right);
    return 1 + (l > r ? l : r);
}

static void check_all(void)
{
    struct tree_node *n = tree_first(&tree);

    for (int i = 0; i < count; i++) {
        CHECK(n == sorted[i]);
        CHECK(tree_prev(n) == model(i - 1));
        n = tree_next(n);
    }
    CHECK(!n);
    CHECK(tree_last(&tree) == model(count - 1));
}

static void check_searches(u64 k)
{
    CHECK(tree_ge(&tree, k) == model(lower_bound(k)));
    /* Of equal keys any may be found by le; it is the last one. */
    CHECK(tree_le(&tree, k) == model(upper_bound(k) - 1));
}

START_TEST(an_empty_tree_has_no_nodes)
{
    CHECK(!tree_first(&tree));
    CHECK(!tree_last(&tree));
    check_searches(0);
    check_searches(UINT64_MAX);
}
END_TEST

START_TEST(equal_keys_stay_in_the_order_of_insertion)
{
    for (int i = 0; i < 100; i++)
        insert(&pool[i], (u64)(i % 3));
    check_all();
    CHECK(tree_ge(&tree, 1) == &pool[1]);
    CHECK(tree_le(&tree, 1) == &pool[97]);
}
END_TEST

START_TEST(the_ends_of_the_range_are_keys_like_others)
{
    insert(&pool[0], UINT64_MAX);
    insert(&pool[1], 0);
    check_all();
    check_searches(0);
    check_searches(1);
    check_searches(UINT64_MAX);
}
END_TEST

START_TEST(ascending_keys_make_no_deep_tree)
{
    for (int i = 0; i < NODES; i++)
        insert(&pool[i], (u64)i);
    check_all();
    CHECK_OP(depth(tree.root), <, 48);
    while (count)
        remove_at(0);
    CHECK(!tree.root);
}
END_TEST

START_TEST(random_operations_match_the_model)
{
    struct tree_node *unused[NODES];
    int nunused = NODES;
    u32 range = 1u << unit_below(12);

    unit_seed((u64)_i);
    range = 1u << (1 + unit_below(12));
    for (int i = 0; i < NODES; i++)
        unused[i] = &pool[i];
    for (int step = 0; step < 3000; step++) {
        u32 what = unit_below(10);

        if (nunused && (what < 5 || !count))
            insert(unused[--nunused], unit_below(range));
        else if (count)
            unused[nunused++] = remove_at((int)unit_below((u32)count));
        check_searches(unit_below(range + 2));
        if (step % 100 == 0) {
            check_all();
            depth(tree.root);
        }
    }
    check_all();
}
END_TEST

UNIT_MAIN("tree", ONCE(an_empty_tree_has_no_nodes), ONCE(equal_keys_stay_in_the_order_of_insertion),
          ONCE(the_ends_of_the_range_are_keys_like_others), ONCE(ascending_keys_make_no_deep_tree),
          SEEDS(random_operations_match_the_model, 10))
