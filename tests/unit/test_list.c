/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: core/list.h. */
#include "core/list.h"
#include "tests/unit/unit.h"

#define NODES 8

struct node {
    struct list link;
    int id;
};

static struct list head = LIST_INIT(head);
static struct node nodes[NODES];

static void make_nodes(void)
{
    for (int i = 0; i < NODES; i++) {
        list_init(&nodes[i].link);
        nodes[i].id = i;
    }
}

/* The list has these nodes, in both directions. */
static void expect(struct list *l, int n, const int *ids)
{
    struct list *p = l;
    struct node *it;
    int i = 0;

    list_for_each(it, l, link) {
        CHECK_OP(i, <, n);
        CHECK_EQ(it->id, ids[i]);
        i++;
    }
    CHECK_EQ(i, n);
    while ((p = p->prev) != l)
        CHECK_EQ(list_entry(p, struct node, link)->id, ids[--i]);
    CHECK_EQ(i, 0);
}

#define EXPECT(l, ...)                                                                             \
    do {                                                                                           \
        const int ids_[] = { __VA_ARGS__ };                                                        \
                                                                                                   \
        expect(l, (int)ARRAY_SIZE(ids_), ids_);                                                    \
    } while (0)

START_TEST(nodes_go_to_either_end)
{
    make_nodes();
    CHECK(list_empty(&head));
    list_add_tail(&head, &nodes[1].link);
    list_add_tail(&head, &nodes[2].link);
    list_add(&head, &nodes[0].link);
    EXPECT(&head, 0, 1, 2);
    CHECK(list_first(&head, struct node, link) == &nodes[0]);
}
END_TEST

START_TEST(a_removed_node_can_be_removed_again)
{
    make_nodes();
    for (int i = 0; i < 3; i++)
        list_add_tail(&head, &nodes[i].link);
    list_del(&nodes[1].link);
    EXPECT(&head, 0, 2);
    CHECK(list_empty(&nodes[1].link));
    list_del(&nodes[1].link);
    EXPECT(&head, 0, 2);
    list_del(&nodes[0].link);
    list_del(&nodes[2].link);
    CHECK(list_empty(&head));
}
END_TEST

START_TEST(splice_moves_all_to_the_end)
{
    struct list other = LIST_INIT(other);

    make_nodes();
    list_splice_tail(&head, &other);
    CHECK(list_empty(&head));
    list_add_tail(&head, &nodes[0].link);
    list_splice_tail(&head, &other);
    EXPECT(&head, 0);
    list_add_tail(&other, &nodes[1].link);
    list_add_tail(&other, &nodes[2].link);
    list_splice_tail(&head, &other);
    EXPECT(&head, 0, 1, 2);
    CHECK(list_empty(&other));
}
END_TEST

START_TEST(the_visited_node_may_be_removed_in_a_safe_loop)
{
    struct node *it, *tmp;

    make_nodes();
    for (int i = 0; i < NODES; i++)
        list_add_tail(&head, &nodes[i].link);
    list_for_each_safe(it, tmp, &head, link)
        if (it->id % 2)
            list_del(&it->link);
    EXPECT(&head, 0, 2, 4, 6);
}
END_TEST

UNIT_MAIN("list", ONCE(nodes_go_to_either_end), ONCE(a_removed_node_can_be_removed_again),
          ONCE(splice_moves_all_to_the_end), ONCE(the_visited_node_may_be_removed_in_a_safe_loop))
