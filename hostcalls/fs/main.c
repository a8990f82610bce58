/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rvisor-fs: the file service of one sandbox. Started by runrsc, which passes every descriptor that
 * is needed. Options, jail, filter, threads; then it serves the ring until the VMM is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "hostcalls/abi.h"
#include "hostcalls/fs/jail.h"
#include "hostcalls/fs/nodes.h"
#include "hostcalls/fs/server.h"
#include "hostcalls/lib/bounds.h"
#include "hostcalls/lib/needs.h"

enum { OPT_SOCK, OPT_RING, OPT_WAKE, OPT_DONE, NFDS, OPT_ROOT = NFDS, OPT_VOLUME,
       OPT_MEMORY, OPT_CPUS };

static const struct option longopts[] = {
    { "sock-fd", required_argument, NULL, OPT_SOCK },
    { "ring-fd", required_argument, NULL, OPT_RING },
    { "wake-fd", required_argument, NULL, OPT_WAKE },
    { "done-fd", required_argument, NULL, OPT_DONE },
    { "root", required_argument, NULL, OPT_ROOT },
    { "volume", required_argument, NULL, OPT_VOLUME },
    { "memory", required_argument, NULL, OPT_MEMORY },
    { "cpus", required_argument, NULL, OPT_CPUS },
    { NULL, 0, NULL, 0 },
};

struct options {
    int fd[NFDS];
    struct tree tree[RV_MAX_ROOTS]; /* the image first */
    size_t ntrees;
    uint64_t memory, cpus; /* of the sandbox, for bounds.h */
};

static int parse_number(int option, const char *text, uint64_t *n, struct error *err)
{
    char *end;

    errno = 0;
    *n = strtoull(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || !*n)
        return error_set(err, 0, "--%s: '%s' is not a number", longopts[option].name, text);
    return 0;
}

static int parse_fd(int option, const char *text, int *fd, struct error *err)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || n > 1 << 20)
        return error_set(err, 0, "--%s: '%s' is not a descriptor", longopts[option].name, text);
    *fd = (int)n;
    if (fcntl(*fd, F_SETFD, FD_CLOEXEC) < 0)
        return error_set(err, errno, "--%s: descriptor %d", longopts[option].name, *fd);
    return 0;
}

/* DIR:ro, DIR:rw or DIR:suid; the last colon and what follows is cut off in place. */
static int add_volume(struct options *opt, char *text, struct error *err)
{
    char *mode = strrchr(text, ':');
    struct tree *t;

    if (opt->ntrees == RV_MAX_ROOTS)
        return error_set(err, 0, "--volume: at most %u are possible", RV_MAX_ROOTS - 1);
    if (!mode)
        return error_set(err, 0, "--volume: '%s' has no mode", text);
    t = &opt->tree[opt->ntrees++];
    t->path = text;
    *mode++ = 0;
    t->readonly = !strcmp(mode, "ro");
    t->setid = !strcmp(mode, "suid");
    return 0;
}

static int parse(struct options *opt, int argc, char **argv, struct error *err)
{
    int c, r;

    *opt = (struct options){ .fd = { -1, -1, -1, -1 }, .ntrees = 1,
                              .memory = UINT64_C(1) << 30, .cpus = 1 };
    opt->tree[0].is_image = opt->tree[0].readonly = true;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
        r = 0;
        if (c == OPT_ROOT)
            opt->tree[0].path = optarg;
        else if (c == OPT_VOLUME)
            r = add_volume(opt, optarg, err);
        else if (c == OPT_MEMORY)
            r = parse_number(c, optarg, &opt->memory, err);
        else if (c == OPT_CPUS)
            r = parse_number(c, optarg, &opt->cpus, err);
        else if (c >= 0 && c < NFDS)
            r = parse_fd(c, optarg, &opt->fd[c], err);
        else
            return error_set(err, 0, "bad option '%s' (this program is started by runrsc)",
                             argv[optind - 1]);
        if (r)
            return -1;
    }
    if (optind != argc)
        return error_set(err, 0, "unexpected argument '%s'", argv[optind]);
    for (int i = 0; i < NFDS; i++)
        if (opt->fd[i] < 0)
            return error_set(err, 0, "--%s is missing (this program is started by runrsc)",
                             longopts[i].name);
    if (!opt->tree[0].path)
        return error_set(err, 0, "--root is missing (this program is started by runrsc)");
    return 0;
}

/* All the descriptors that we may have; nodes.c uses a part of them. */
static void raise_limit(void)
{
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
        lim.rlim_cur = lim.rlim_max;
        setrlimit(RLIMIT_NOFILE, &lim);
    }
}

static int set_up(struct options *opt, struct error *err)
{
    if (server_init(opt->fd[OPT_SOCK], opt->fd[OPT_RING], opt->fd[OPT_WAKE], opt->fd[OPT_DONE],
                    err) ||
        jail_enter(opt->tree, opt->ntrees, err))
        return -1;
    nodes_init(bounds_nodes(opt->memory));
    for (size_t i = 0; i < opt->ntrees; i++)
        if (nodes_add_root(opt->tree[i].fd, (opt->tree[i].readonly ? NODES_READONLY : 0) |
                                                (opt->tree[i].setid ? NODES_SETID : 0)))
            return error_set(err, ENOMEM, "cannot keep the roots");
    malloc_trim(0);
    return needs_apply("fs", err);
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    struct options opt;

    /* One heap: an arena of its own for each thread costs memory and is never needed. */
    mallopt(M_ARENA_MAX, 1);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit of the caller's is the guest's EFBIG */
    umask(0);                 /* modes are the guest's */
    raise_limit();
    if (parse(&opt, argc, argv, &err) || set_up(&opt, &err) ||
        server_start(bounds_fs_threads(opt.cpus < RV_MAX_VCPUS ? (uint32_t)opt.cpus : RV_MAX_VCPUS), &err))
        return error_report("rvisor-fs", &err);
    server_loop();
}
