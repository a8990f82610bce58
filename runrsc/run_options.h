/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `runrsc run` and `runrsc do`. Strings point into argv or the environment unless said. */
#ifndef RUNRSC_RUN_OPTIONS_H
#define RUNRSC_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hostcalls/abi.h"
#include "hostcalls/lib/error.h"

struct volume {
    char *src; /* owned: folder on the host */
    char *dst; /* owned: absolute path in the container */
    bool readonly;
    bool setid;     /* files may have set-id bits, which count on the host too */
    uint32_t order; /* on the command line, among volumes and tmpfs */
};

struct tmpfs {
    const char *path; /* absolute, in the container */
    uint32_t order;
};

/* A list of "NAME=VALUE", each name once; the strings are owned. */
struct env_list {
    char **item;
    size_t n;
};

struct run_options {
    const char *rootfs;
    bool host_root; /* do: the root is the host's */
    char **command; /* ends with NULL */
    int ncommand;
    bool tty; /* asked for; run may turn it on by itself */
    bool readonly, debug, strace, stats;
    bool wait; /* for the end of all processes */
    const char *strace_file, *stats_file; /* NULL: stderr */
    struct env_list env;                  /* those of -e */
    const char *user, *cwd, *hostname;
    const char *kernel; /* NULL: the VMM's own */
    uint64_t memory;    /* bytes */
    uint32_t cpus;
    struct volume volume[RV_MAX_ROOTS - 1];
    uint32_t nvolumes;
    struct tmpfs tmpfs[RV_MAX_ROOTS];
    uint32_t ntmpfs;
};

/*
 * argv[0] is the command's name; host_root: the line names no root, it is the host's. 0; 1 if only
 * help was asked for; -1.
 */
int run_options_parse(struct run_options *opt, int argc, char **argv, bool host_root,
                      struct error *err);
void run_options_free(struct run_options *opt);
void run_options_help(void);

/* Add "NAME=VALUE"; a name that is there keeps its place and gets the new value. */
int env_set(struct env_list *env, const char *item, struct error *err);
/* The same, but an entry that exists stays; for "NAME=VALUE", and for NAME and VALUE. */
int env_default_item(struct env_list *env, const char *item, struct error *err);
int env_default(struct env_list *env, const char *name, const char *value, struct error *err);

#endif
