/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The open host files that the guest knows by id: regular files that the file service handed over.
 * An id is good until file_close; the file itself lives on while a worker or a window uses it.
 */
#ifndef VMM_FILES_H
#define VMM_FILES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hostcalls/lib/error.h"

struct vm;

struct host_file {
    int fd;                /* (i) */
    bool writable;         /* (i) opened for writing too */
    bool append_only;      /* (i) an inherited one: what the caller has in it is not cut */
    _Atomic uint32_t refs; /* (a) one of them is the id's */

    /* Used by window.c only, under its lock: the size found by its look number `look`. */
    uint64_t look, look_size;
    _Atomic uint64_t known; /* (a) used by cached.c only */
    atomic_bool waits;      /* (a) its file system cannot read without waiting */
};

/* Also raises the soft limit of open descriptors as far as this process may. Before the jail. */
int files_init(struct vm *vm, struct error *err);

/*
 * Give the descriptor an id, which is at least 1. Takes fd over in any case: it is closed on
 * failure. -ENFILE: too many files are open, -ENOMEM. Any thread.
 */
int files_add(struct vm *vm, int fd, bool writable);

/* The file with this id, with a reference for the caller; NULL: there is none. Any thread. */
struct host_file *files_get(struct vm *vm, uint64_t id);
void files_ref(struct host_file *f);
void files_put(struct vm *vm, struct host_file *f);

#endif
