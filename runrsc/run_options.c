/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `runrsc run` and `runrsc do`: see run_options.h. Every value is checked here. */
#include "runrsc/run_options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostcalls/lib/cleanup.h"

#define HOSTNAME_MAX 64u
#define MEMORY_DEFAULT (UINT64_C(1) << 30)

enum {
    OPT_CWD = 256, OPT_MEMORY, OPT_CPUS, OPT_VOLUME, OPT_STRACE, OPT_STATS, OPT_DEBUG, OPT_KERNEL,
    OPT_HOSTNAME, OPT_READ_ONLY, OPT_TMPFS, OPT_WAIT, OPT_HELP,
};

static const struct option options[] = {
    { "tty", no_argument, NULL, 't' },
    { "env", required_argument, NULL, 'e' },
    { "user", required_argument, NULL, 'u' },
    { "cwd", required_argument, NULL, OPT_CWD },
    { "memory", required_argument, NULL, OPT_MEMORY },
    { "cpus", required_argument, NULL, OPT_CPUS },
    { "volume", required_argument, NULL, OPT_VOLUME },
    { "tmpfs", required_argument, NULL, OPT_TMPFS },
    { "strace", optional_argument, NULL, OPT_STRACE },
    { "stats", optional_argument, NULL, OPT_STATS },
    { "debug", no_argument, NULL, OPT_DEBUG },
    { "kernel", required_argument, NULL, OPT_KERNEL },
    { "hostname", required_argument, NULL, OPT_HOSTNAME },
    { "read-only", no_argument, NULL, OPT_READ_ONLY },
    { "wait", no_argument, NULL, OPT_WAIT },
    { "help", no_argument, NULL, OPT_HELP },
    { NULL, 0, NULL, 0 },
};

void run_options_help(void)
{
    puts("\n"
         "  -t, --tty              give the command a terminal; the default if stdin, stdout and\n"
         "                         stderr are one\n"
         "  -e, --env NAME=VALUE   set a variable (repeatable); NAME alone: the caller's value\n"
         "  -u, --user USER[:GROUP]  names or numbers\n"
         "      --cwd DIR          the command's working directory (/; do: the caller's)\n"
         "      --hostname NAME    the container's name (rvisor)\n"
         "      --memory SIZE      the most memory it may use; bytes, or with k, m, g (1g)\n"
         "      --cpus N           virtual CPUs (as many as runrsc may use)\n"
         "      --volume SRC:DST[:ro][:suid]  show the folder SRC at DST (repeatable); set-id bits\n"
         "                         of its files cannot be set and do not outlive changes without :suid\n"
         "      --tmpfs DIR        an empty folder in memory at DIR (repeatable)\n"
         "      --read-only        the root file system cannot be changed\n"
         "      --strace[=FILE]    trace system calls (to stderr)\n"
         "      --stats[=FILE]     write counters at the end, as JSON (to stderr)\n"
         "      --debug            show the log of the sandbox's kernel\n"
         "      --wait             return only when all processes of the sandbox are gone: for\n"
         "                         engines that remove its control group then (some 20 ms more)\n"
         "      --kernel FILE      another guest kernel");
}

/* --- environment --------------------------------------------------------------------------------- */

static int env_find(const struct env_list *env, const char *name, size_t len)
{
    for (size_t i = 0; i < env->n; i++)
        if (!strncmp(env->item[i], name, len) && env->item[i][len] == '=')
            return (int)i;
    return -1;
}

int env_set(struct env_list *env, const char *item, struct error *err)
{
    int i = env_find(env, item, strcspn(item, "="));
    char *copy = strdup(item), **grown;

    if (!copy)
        return error_set(err, errno, "cannot keep the environment");
    if (i >= 0) {
        free(env->item[i]);
        env->item[i] = copy;
        return 0;
    }
    grown = reallocarray(env->item, env->n + 1, sizeof(*grown));
    if (!grown) {
        free(copy);
        return error_set(err, errno, "cannot keep the environment");
    }
    env->item = grown;
    env->item[env->n++] = copy;
    return 0;
}

int env_default_item(struct env_list *env, const char *item, struct error *err)
{
    return env_find(env, item, strcspn(item, "=")) >= 0 ? 0 : env_set(env, item, err);
}

int env_default(struct env_list *env, const char *name, const char *value, struct error *err)
{
    cleanup_free char *item = NULL;

    if (asprintf(&item, "%s=%s", name, value) < 0) {
        item = NULL;
        return error_set(err, ENOMEM, "cannot keep the environment");
    }
    return env_default_item(env, item, err);
}

static int env_option(struct env_list *env, const char *arg, struct error *err)
{
    const char *value;

    if (!*arg || *arg == '=')
        return error_set(err, 0, "--env: '%s' has no name", arg);
    if (strchr(arg, '='))
        return env_set(env, arg, err);
    value = getenv(arg);
    return value ? env_default(env, arg, value, err) : 0;
}

/* --- numbers ------------------------------------------------------------------------------------- */

static int parse_size(const char *text, uint64_t *size, struct error *err)
{
    static const char units[] = "kmg";
    unsigned long long n;
    const char *unit;
    unsigned shift = 0;
    char *end;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || errno)
        goto bad;
    if (*end) {
        unit = strchr(units, tolower((unsigned char)*end));
        if (!unit)
            unit = *end == 'b' && !end[1] ? units - 1 : NULL;
        if (!unit || (end[1] && (tolower((unsigned char)end[1]) != 'b' || end[2])))
            goto bad;
        shift = 10 * (unsigned)(unit - units + 1);
    }
    if (n > (UINT64_MAX >> shift) || n == 0)
        goto bad;
    *size = (uint64_t)n << shift;
    return 0;
bad:
    return error_set(err, 0, "--memory: '%s' is not a size (a number of bytes, or with k, m or g)",
                     text);
}

static int parse_cpus(const char *text, uint32_t *cpus, struct error *err)
{
    unsigned long n;
    char *end;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || errno || *end || n < 1 || n > RV_MAX_VCPUS)
        return error_set(err, 0, "--cpus: '%s' is not a number from 1 to %u", text, RV_MAX_VCPUS);
    *cpus = (uint32_t)n;
    return 0;
}

static uint32_t default_cpus(void)
{
    cpu_set_t set;
    int n;

    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return RV_MAX_VCPUS; /* more CPUs than the set has room for */
    n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > (int)RV_MAX_VCPUS ? RV_MAX_VCPUS : (uint32_t)n;
}

/* --- paths --------------------------------------------------------------------------------------- */

/* Whether the absolute path has a ".." component: it could be meant in several ways. */
static bool has_dotdot(const char *path)
{
    for (const char *p = path; (p = strstr(p, "/..")); p += 3)
        if (p[3] == '/' || !p[3])
            return true;
    return false;
}

/* A place in the container for something to be mounted on. */
static int check_place(const char *option, const char *path, struct error *err)
{
    if (path[0] != '/')
        return error_set(err, 0, "--%s: '%s', the place in the container, must begin with /", option,
                         path);
    if (has_dotdot(path) || strspn(path, "/.") == strlen(path) || strlen(path) >= PATH_MAX)
        return error_set(err, 0, "--%s: '%.100s' cannot be mounted on", option, path);
    return 0;
}

static int parse_volume(struct run_options *opt, const char *arg, struct error *err)
{
    struct volume *v;
    static const char form[] = "SRC:DST, with :ro, :rw or :suid behind it";
    const char *dst = strchr(arg, ':'), *mode;
    size_t len;

    if (opt->nvolumes == RV_MAX_ROOTS - 1)
        return error_set(err, 0, "--volume: at most %u are possible", RV_MAX_ROOTS - 1);
    if (!dst || dst == arg)
        return error_set(err, 0, "--volume: '%s' is not %s", arg, form);
    mode = strchr(dst + 1, ':');
    len = mode ? (size_t)(mode - dst - 1) : strlen(dst + 1);
    if (mode && strcmp(mode, ":ro") && strcmp(mode, ":rw") && strcmp(mode, ":suid") &&
        strcmp(mode, ":rw:suid") && strcmp(mode, ":ro:suid"))
        return error_set(err, 0, "--volume: '%s' is not %s", arg, form);
    v = &opt->volume[opt->nvolumes];
    v->order = opt->nvolumes + opt->ntmpfs;
    opt->nvolumes++;
    v->src = strndup(arg, (size_t)(dst - arg));
    v->dst = strndup(dst + 1, len);
    v->readonly = mode && !strncmp(mode, ":ro", 3);
    v->setid = mode && strstr(mode, ":suid");
    if (!v->src || !v->dst)
        return error_set(err, ENOMEM, "cannot keep the volumes");
    return check_place("volume", v->dst, err);
}

static int parse_tmpfs(struct run_options *opt, const char *path, struct error *err)
{
    if (opt->ntmpfs == sizeof(opt->tmpfs) / sizeof(opt->tmpfs[0]))
        return error_set(err, 0, "--tmpfs: at most %u are possible", opt->ntmpfs);
    opt->tmpfs[opt->ntmpfs] = (struct tmpfs){ path, opt->nvolumes + opt->ntmpfs };
    opt->ntmpfs++;
    return check_place("tmpfs", path, err);
}

static int parse_hostname(struct run_options *opt, const char *name, struct error *err)
{
    size_t len = strlen(name);

    if (len == 0 || len > HOSTNAME_MAX)
        return error_set(err, 0, "--hostname: 1 to %u characters are possible", HOSTNAME_MAX);
    for (size_t i = 0; i < len; i++)
        if (!isgraph((unsigned char)name[i]))
            return error_set(err, 0, "--hostname: '%s' has a character that names cannot have",
                             name);
    opt->hostname = name;
    return 0;
}

static int parse_cwd(struct run_options *opt, const char *dir, struct error *err)
{
    if (dir[0] != '/' || strlen(dir) >= PATH_MAX)
        return error_set(err, 0, "--cwd: '%.100s' is not an absolute path", dir);
    opt->cwd = dir;
    return 0;
}

/* --- the whole line ------------------------------------------------------------------------------ */

static int parse_one(struct run_options *opt, int c, char **argv, struct error *err)
{
    switch (c) {
    case 't': opt->tty = true; return 0;
    case 'e': return env_option(&opt->env, optarg, err);
    case 'u': opt->user = optarg; return 0;
    case OPT_CWD: return parse_cwd(opt, optarg, err);
    case OPT_MEMORY: return parse_size(optarg, &opt->memory, err);
    case OPT_CPUS: return parse_cpus(optarg, &opt->cpus, err);
    case OPT_VOLUME: return parse_volume(opt, optarg, err);
    case OPT_TMPFS: return parse_tmpfs(opt, optarg, err);
    case OPT_STRACE: opt->strace = true; opt->strace_file = optarg; return 0;
    case OPT_STATS: opt->stats = true; opt->stats_file = optarg; return 0;
    case OPT_WAIT: opt->wait = true; return 0;
    case OPT_DEBUG: opt->debug = true; return 0;
    case OPT_KERNEL: opt->kernel = optarg; return 0;
    case OPT_HOSTNAME: return parse_hostname(opt, optarg, err);
    case OPT_READ_ONLY: opt->readonly = true; return 0;
    case ':': return error_set(err, 0, "%s: '%s' needs a value", argv[0], argv[optind - 1]);
    default:
        if (optopt && optopt < 256) /* a letter, perhaps one of several in a word */
            return error_set(err, 0, "%s: bad option '-%c' (see runrsc help %s)", argv[0], optopt,
                             argv[0]);
        return error_set(err, 0, "%s: bad option '%s' (see runrsc help %s)", argv[0],
                         argv[optind - 1], argv[0]);
    }
}

/* What stands after the options: the root, unless it is the host's, and the command. */
static int parse_words(struct run_options *opt, int argc, char **argv, struct error *err)
{
    if (opt->host_root)
        opt->rootfs = "/";
    else if (optind == argc)
        return error_set(err, 0, "%s: the root file system is missing (see runrsc help %s)", argv[0],
                         argv[0]);
    else
        opt->rootfs = argv[optind++];
    if (optind == argc)
        return error_set(err, 0, "%s: the command is missing (see runrsc help %s)", argv[0],
                         argv[0]);
    opt->command = argv + optind;
    opt->ncommand = argc - optind;
    if (!*opt->rootfs)
        return error_set(err, 0, "%s: the root file system's path is empty", argv[0]);
    return 0;
}

int run_options_parse(struct run_options *opt, int argc, char **argv, bool host_root,
                      struct error *err)
{
    int c;

    *opt = (struct run_options){
        .memory = MEMORY_DEFAULT, .cpus = default_cpus(), .hostname = "rvisor",
        .host_root = host_root,
    };
    opterr = 0;
    while ((c = getopt_long(argc, argv, "+:te:u:", options, NULL)) != -1) {
        if (c == OPT_HELP)
            return 1;
        if (parse_one(opt, c, argv, err))
            return -1;
    }
    return parse_words(opt, argc, argv, err);
}

void run_options_free(struct run_options *opt)
{
    for (size_t i = 0; i < opt->env.n; i++)
        free(opt->env.item[i]);
    free(opt->env.item);
    for (uint32_t i = 0; i < opt->nvolumes; i++) {
        free(opt->volume[i].src);
        free(opt->volume[i].dst);
    }
}
