/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes: the directories that the guest knows by an id. Each look-up makes a new node, each forget
 * ends one. A node has an O_PATH descriptor; of nodes that nobody uses only the most recent keep
 * it, the others are opened again by their name beneath the parent. So a guest may know many more
 * directories than there are descriptors. The price: a directory that somebody else on the host
 * moved while its descriptor was closed is stale (-ESTALE). Moves by the guest are followed.
 *
 * All functions may be called by any thread.
 */
#ifndef RV_FS_NODES_H
#define RV_FS_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node;

/* At most so many nodes, and never FS_NODES_MAX (the default). Before any other. */
void nodes_init(uint32_t max);

/* What holds for a root and all nodes below. */
enum {
    NODES_READONLY = 1, /* nothing is changed */
    NODES_SETID = 2,    /* files may get set-id bits and keep those that they have */
};

/* A root: an O_PATH descriptor, owned by the table from then on. Ids as RV_ROOT_NODE() says. */
int nodes_add_root(int fd, unsigned flags);

/*
 * The node with this id, for use until node_put: its descriptor stays open. 0, -ESTALE (no such
 * node, or the directory is gone) or another errno.
 */
int node_get(uint32_t id, struct node **out);
void node_put(struct node *n);

/* Of a node in use. */
int node_fd(const struct node *n);
uint32_t node_id(const struct node *n);
bool node_readonly(const struct node *n);
bool node_keeps_setid(const struct node *n);
/* The device that it lies on, as in struct rv_attr. */
uint64_t node_dev(const struct node *n);
/*
 * A place where a file system that shows the kernel's state (beneath_is_state) is mounted: known by
 * its attributes, but empty for the guest, which mounts its own ones there.
 */
bool node_hollow(const struct node *n);

/*
 * A new node for the directory fd, which was just found as `name` in `parent` (in use). Takes fd
 * over in any case. *out is in use. 0, -ENFILE (too many nodes), -ENOMEM.
 */
int node_add(struct node *parent, const char *name, int fd, uint64_t dev, uint64_t ino,
             struct node **out);

/* The guest forgot the id. Unknown ids and roots are left alone. */
void node_forget(uint32_t id);

/* A directory was renamed; exchange: the other name, a directory or not, went the other way. */
void nodes_moved(struct node *from, const char *old, struct node *to, const char *new,
                 bool exchange);

#endif
