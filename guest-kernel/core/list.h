/* SPDX-License-Identifier: Apache-2.0 */
/* Doubly linked circular list, intrusive. The head is a node too; an unlinked node points to itself. */
#ifndef CORE_LIST_H
#define CORE_LIST_H

#include "core/types.h"

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(name) { &(name), &(name) }

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_insert(struct list *n, struct list *prev, struct list *next)
{
    next->prev = n;
    n->next = next;
    n->prev = prev;
    prev->next = n;
}

static inline void list_add(struct list *head, struct list *n)
{
    list_insert(n, head, head->next);
}

static inline void list_add_tail(struct list *head, struct list *n)
{
    list_insert(n, head->prev, head);
}

/* Unlink n and leave it pointing to itself; harmless if it is not linked. */
static inline void list_del(struct list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

/* Move everything from src to the end of dst. */
static inline void list_splice_tail(struct list *dst, struct list *src)
{
    if (list_empty(src))
        return;
    src->next->prev = dst->prev;
    dst->prev->next = src->next;
    src->prev->next = dst;
    dst->prev = src->prev;
    list_init(src);
}

#define list_entry(p, type, member) container_of(p, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_for_each(it, head, member)                                                            \
    for (it = list_entry((head)->next, __typeof__(*it), member); &it->member != (head);            \
         it = list_entry(it->member.next, __typeof__(*it), member))
#define list_for_each_safe(it, tmp, head, member)                                                  \
    for (it = list_entry((head)->next, __typeof__(*it), member),                                   \
        tmp = list_entry(it->member.next, __typeof__(*it), member);                                \
         &it->member != (head); it = tmp, tmp = list_entry(it->member.next, __typeof__(*it), member))

#endif
