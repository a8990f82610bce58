/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mapped in a file window: runs of pages, each within one RV_WINDOW_CHUNK, none over
 * another. Kept by chunk, in order; a chunk has at most 512. All under the window's lock.
 */
#ifndef VMM_WINDOW_RUNS_H
#define VMM_WINDOW_RUNS_H

#include <stdbool.h>
#include <stdint.h>

#include "hostcalls/abi.h"

struct vm;
struct host_file;

struct run {
    struct run *next;  /* in the chunk, by gpa */
    uint64_t gpa, len; /* page-aligned */
    uint64_t alive;    /* bytes from the start that have had pages of the file; <= len */
    uint64_t off;      /* of gpa, in the file */
    struct host_file *file; /* the run holds a reference */
};

struct runs {
    uint64_t base;      /* GPA of the window */
    struct run **chunk; /* RV_WINDOW_SIZE / RV_WINDOW_CHUNK lists */
    uint64_t top;       /* chunks from here on are empty */
    uint32_t count;     /* runs allocated */
    uint32_t max;       /* runs that may be */
};

bool runs_init(struct runs *s, uint64_t base, uint32_t max);

/* A run to be filled in; NULL: no memory, or as many as may be exist. Free takes NULL as well. */
struct run *run_new(struct runs *s);
void run_free(struct runs *s, struct run *run);

/* Insert a run where nothing is. */
void runs_add(struct runs *s, struct run *run);

/*
 * Take [gpa, gpa + len) out of the runs. A run that this divides needs *spare for its second part
 * (set to NULL then); spare may be NULL if the range reaches to the end of every run it touches.
 */
void runs_cut(struct vm *vm, struct runs *s, uint64_t gpa, uint64_t len, struct run **spare);

/* The run with gpa, or NULL. */
struct run *runs_at(const struct runs *s, uint64_t gpa);

/* All runs in order: the first, that after a run, the first with an address >= gpa; NULL: none. */
struct run *runs_first(const struct runs *s);
struct run *runs_next(const struct runs *s, const struct run *run);
struct run *runs_after(const struct runs *s, uint64_t gpa);

#endif
