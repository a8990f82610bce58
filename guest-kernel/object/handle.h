/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles: how a process holds objects. A Linux file descriptor is the index of a handle in the
 * process's table. A table may be shared by processes (CLONE_FILES) and counts references.
 */
#ifndef OBJECT_HANDLE_H
#define OBJECT_HANDLE_H

#include "core/radix.h"
#include "object/object.h"

#define RIGHT_READ  UINT32_C(1)
#define RIGHT_WRITE UINT32_C(2)
#define RIGHT_MAP   UINT32_C(4)
#define RIGHT_EXEC  UINT32_C(8)
#define RIGHT_DUP   UINT32_C(16)
#define RIGHT_WAIT  UINT32_C(32)
#define RIGHTS_ALL  UINT32_C(63)

#define HANDLE_CLOEXEC UINT32_C(1)

struct handle {
    struct object *obj; /* one reference */
    u32 rights;
    u32 flags;          /* HANDLE_* */
};

/* Private, but for the inline functions below. */
struct handle_table {
    u32 refs;             /* atomic */
    struct spinlock lock; /* RANK_HANDLES: all below */
    u32 size;             /* entries; a multiple of 64 */
    struct handle *handles;
    u64 *used;            /* a bit for each */
};

struct handle_table *handle_table_create(void);            /* NULL: no memory */
struct handle_table *handle_table_clone(struct handle_table *t); /* fork: same handles */
void handle_table_ref(struct handle_table *t);
void handle_table_unref(struct handle_table *t);           /* closes all with the last one */
static inline bool handle_table_shared(const struct handle_table *t)
{
    return READ_ONCE(t->refs) > 1;
}

/*
 * Put a handle at the lowest free index >= min and < limit. Takes over the caller's reference on
 * success only. Returns the index, -EMFILE or -ENOMEM.
 */
int handle_install(struct handle_table *t, struct object *obj, u32 rights, u32 flags, u32 min,
                   u64 limit);
/* Whether an index < limit is free (others may take it meanwhile): 0 or -EMFILE. */
int handle_check_room(struct handle_table *t, u64 limit);
/* Put a handle at exactly this index, closing what was there (dup2). Same reference rule. */
int handle_install_at(struct handle_table *t, struct object *obj, u32 rights, u32 flags, u32 index);

/*
 * Look up: on 0 *out is a copy whose obj carries a reference of the caller's own. -EBADF if the index
 * is free or, with need != 0, if a right is missing.
 */
int handle_get(struct handle_table *t, u32 index, u32 need, struct handle *out);
/* The object without a reference, or NULL as above; for a table that nobody else can change meanwhile. */
static inline struct object *handle_peek(const struct handle_table *t, u32 index, u32 need)
{
    const struct handle *h = t->handles + index;

    return index < t->size && !(need & ~h->rights) ? h->obj : NULL;
}
int handle_set_flags(struct handle_table *t, u32 index, u32 flags);

/* Remove the handle and drop its reference: 0 or -EBADF. */
int handle_close(struct handle_table *t, u32 index);
/* execve: close all that have HANDLE_CLOEXEC. */
void handle_close_exec(struct handle_table *t);
/* Next index >= *index in use (for /proc/self/fd, close_range); false at the end. */
bool handle_next(struct handle_table *t, u32 *index);

#endif
