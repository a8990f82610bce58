/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration tree, written front to back with libfdt: see config.h. */
#include "runrsc/config.h"

#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostcalls/lib/cleanup.h"

#define TREE_MAX   ((size_t)4 << 20) /* as much as the VMM takes */
#define TREE_FIRST ((size_t)64 << 10)
#define NOFILE_MAX (UINT64_C(1) << 20)
#define UMASK 022u

/* The first error sticks; the rest is then left out. */
struct writer {
    void *tree;
    int bad;
};

static void put(struct writer *w, const char *name, const void *data, size_t len)
{
    if (!w->bad)
        w->bad = len > TREE_MAX ? -FDT_ERR_NOSPACE : fdt_property(w->tree, name, data, (int)len);
}

static void put_flag(struct writer *w, const char *name, bool on)
{
    if (on)
        put(w, name, "", 0);
}

static void put_u32s(struct writer *w, const char *name, const uint32_t *value, size_t n)
{
    fdt32_t cell[USER_GROUPS_MAX];

    for (size_t i = 0; i < n; i++)
        cell[i] = cpu_to_fdt32(value[i]);
    put(w, name, cell, n * sizeof(cell[0]));
}

static void put_string(struct writer *w, const char *name, const char *text)
{
    put(w, name, text, strlen(text) + 1);
}

static void put_strings(struct writer *w, const char *name, char *const *list, size_t n)
{
    size_t len = 0;
    void *data;
    char *p;

    for (size_t i = 0; i < n; i++)
        len += strlen(list[i]) + 1;
    if (!w->bad && len > TREE_MAX)
        w->bad = -FDT_ERR_NOSPACE;
    if (!w->bad)
        w->bad = fdt_property_placeholder(w->tree, name, (int)len, &data);
    if (w->bad)
        return;
    p = data;
    for (size_t i = 0; i < n; i++)
        p = stpcpy(p, list[i]) + 1;
}

static void begin(struct writer *w, const char *name)
{
    if (!w->bad)
        w->bad = fdt_begin_node(w->tree, name);
}

static void end(struct writer *w)
{
    if (!w->bad)
        w->bad = fdt_end_node(w->tree);
}

/* st_mode of the standard descriptors; one that is closed has a close-on-exec placeholder. */
static void put_stdio(struct writer *w)
{
    uint32_t mode[3] = { 0 };

    for (int fd = 0; fd < 3; fd++) {
        struct stat st;
        int flags = fcntl(fd, F_GETFD);

        if (flags >= 0 && !(flags & FD_CLOEXEC) && fstat(fd, &st) == 0)
            mode[fd] = st.st_mode;
    }
    put_u32s(w, "stdio-mode", mode, 3);
}

static void put_nofile(struct writer *w)
{
    struct rlimit lim;
    fdt64_t cell[2];

    if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
        return;
    cell[0] = cpu_to_fdt64(lim.rlim_cur < NOFILE_MAX ? lim.rlim_cur : NOFILE_MAX);
    cell[1] = cpu_to_fdt64(lim.rlim_max < NOFILE_MAX ? lim.rlim_max : NOFILE_MAX);
    put(w, "nofile", cell, sizeof(cell));
}

static void put_process(struct writer *w, const struct config *c)
{
    begin(w, "process");
    put_strings(w, "args", c->opt->command, (size_t)c->opt->ncommand);
    put_strings(w, "env", c->env->item, c->env->n);
    put_string(w, "cwd", c->opt->cwd);
    put_u32s(w, "uid", &c->user->uid, 1);
    put_u32s(w, "gid", &c->user->gid, 1);
    if (c->user->ngroups)
        put_u32s(w, "groups", c->user->groups, c->user->ngroups);
    put_u32s(w, "umask", (const uint32_t[]) { UMASK }, 1);
    put_flag(w, "terminal", c->terminal);
    if (c->terminal)
        put_u32s(w, "winsize", (const uint32_t[]) { c->columns, c->rows }, 2);
    put_stdio(w);
    put_string(w, "hostname", c->opt->hostname);
    put_nofile(w);
    end(w);
}

/* A volume or tmpfs, to be sorted. */
struct place {
    uint32_t depth; /* components of its path */
    uint32_t order; /* on the command line */
    uint32_t index; /* in its own array */
    bool is_volume;
};

static uint32_t depth_of(const char *path)
{
    uint32_t n = 0;

    while (*(path += strspn(path, "/"))) {
        size_t len = strcspn(path, "/");

        n += len != 1 || *path != '.';
        path += len;
    }
    return n;
}

static int by_depth(const void *a, const void *b)
{
    const struct place *p = a, *q = b;

    if (p->depth != q->depth)
        return p->depth < q->depth ? -1 : 1;
    return p->order < q->order ? -1 : 1;
}

/* What lies in another one comes after it, so that it is seen in whatever order they were asked for. */
static size_t sort_places(const struct run_options *opt, struct place *at)
{
    size_t n = 0;

    for (uint32_t i = 0; i < opt->nvolumes; i++)
        at[n++] = (struct place){ depth_of(opt->volume[i].dst), opt->volume[i].order, i, true };
    for (uint32_t i = 0; i < opt->ntmpfs; i++)
        at[n++] = (struct place){ depth_of(opt->tmpfs[i].path), opt->tmpfs[i].order, i, false };
    qsort(at, n, sizeof(*at), by_depth);
    return n;
}

static void put_mounts(struct writer *w, const struct config *c)
{
    struct place at[sizeof(c->opt->volume) / sizeof(c->opt->volume[0]) +
                    sizeof(c->opt->tmpfs) / sizeof(c->opt->tmpfs[0])];
    size_t n = sort_places(c->opt, at);
    char name[32];

    begin(w, "mounts");
    begin(w, "root");
    put_flag(w, "readonly", c->opt->readonly);
    put_flag(w, "own-tmp", c->opt->host_root);
    end(w);
    for (size_t i = 0; i < n; i++) {
        const struct volume *v = &c->opt->volume[at[i].index];

        snprintf(name, sizeof(name), "%s@%u", at[i].is_volume ? "volume" : "tmpfs",
                 at[i].index + at[i].is_volume);
        begin(w, name);
        if (at[i].is_volume)
            put_u32s(w, "root", (const uint32_t[]) { RV_ROOT_NODE(at[i].index + 1) }, 1);
        put_string(w, "path", at[i].is_volume ? v->dst : c->opt->tmpfs[at[i].index].path);
        put_flag(w, "readonly", at[i].is_volume && v->readonly);
        end(w);
    }
    end(w);
}

static int build(void *tree, size_t size, const struct config *c)
{
    struct writer w = { .tree = tree };

    w.bad = fdt_create(tree, (int)size);
    if (!w.bad)
        w.bad = fdt_finish_reservemap(tree);
    begin(&w, "");
    put_process(&w, c);
    put_mounts(&w, c);
    begin(&w, "options");
    put_flag(&w, "strace", c->opt->strace);
    put_u32s(&w, "debug", (const uint32_t[]) { c->opt->debug ? 2 : 0 }, 1);
    end(&w);
    end(&w);
    return w.bad ? w.bad : fdt_finish(tree);
}

/* In the smallest buffer of a few sizes that has room: fdt_create clears all of it. */
static int build_in(void **tree, const struct config *c, struct error *err)
{
    int bad = -FDT_ERR_NOSPACE;

    for (size_t size = TREE_FIRST; bad == -FDT_ERR_NOSPACE && size <= TREE_MAX; size *= 4) {
        free(*tree);
        *tree = malloc(size);
        if (!*tree)
            return error_set(err, ENOMEM, "cannot make the configuration");
        bad = build(*tree, size, c);
    }
    if (bad == -FDT_ERR_NOSPACE)
        return error_set_code(err, 126, 0, "arguments and environment are too long (%zu MiB at most)",
                              TREE_MAX >> 20);
    return bad ? error_set(err, 0, "cannot make the configuration: %s", fdt_strerror(bad)) : 0;
}

int config_write(const struct config *config, struct error *err)
{
    cleanup_fd int fd = memfd_create("rvisor-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    cleanup_free void *tree = NULL;
    ssize_t len;

    if (fd < 0)
        return error_set(err, errno, "cannot make the configuration");
    if (build_in(&tree, config, err))
        return -1;
    len = (ssize_t)fdt_totalsize(tree);
    if (write(fd, tree, (size_t)len) != len)
        return error_set(err, errno, "cannot make the configuration");
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return error_set(err, errno, "cannot seal the configuration");
    return take_fd(&fd);
}
