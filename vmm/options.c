/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: one table of the options that take a number, each checked for its range. */
#include "vmm/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>

#include "hostcalls/abi.h"

static const struct {
    const char *name;
    size_t offset;
} fd_options[] = {
    { "config-fd", offsetof(struct options, config_fd) },
    { "control-fd", offsetof(struct options, control_fd) },
    { "fs-fd", offsetof(struct options, fs_fd) },
    { "fs-ring-fd", offsetof(struct options, fs_ring_fd) },
    { "fs-wake-fd", offsetof(struct options, fs_wake_fd) },
    { "fs-done-fd", offsetof(struct options, fs_done_fd) },
    { "stats-fd", offsetof(struct options, stats_fd) },
    { "trace-fd", offsetof(struct options, trace_fd) },
    { "log-fd", offsetof(struct options, log_fd) },
};
#define NFD_OPTIONS (sizeof(fd_options) / sizeof(fd_options[0]))

enum { OPT_MEMORY = NFD_OPTIONS, OPT_CPUS, OPT_KERNEL, NOPTIONS };

static int number(const char *name, const char *text, uint64_t max, uint64_t *out,
                  struct error *err)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || *out > max)
        return error_set(err, 0, "--%s: '%s' is not a number up to %llu", name, text,
                         (unsigned long long)max);
    return 0;
}

int options_parse(struct options *opt, int argc, char **argv, struct error *err)
{
    struct option longopts[NOPTIONS + 1] = { { 0 } };
    uint64_t n;
    int c;

    *opt = (struct options){ .memory = UINT64_C(1) << 30, .cpus = 1 };
    for (size_t i = 0; i < NFD_OPTIONS; i++) {
        *(int *)((char *)opt + fd_options[i].offset) = -1;
        longopts[i] = (struct option){ fd_options[i].name, required_argument, NULL, (int)i };
    }
    longopts[OPT_MEMORY] = (struct option){ "memory", required_argument, NULL, OPT_MEMORY };
    longopts[OPT_CPUS] = (struct option){ "cpus", required_argument, NULL, OPT_CPUS };
    longopts[OPT_KERNEL] = (struct option){ "kernel", required_argument, NULL, OPT_KERNEL };

    opterr = 0;
    while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
        if (c == OPT_MEMORY) {
            if (number("memory", optarg, UINT64_MAX, &opt->memory, err))
                return -1;
        } else if (c == OPT_CPUS) {
            if (number("cpus", optarg, RV_MAX_VCPUS, &n, err))
                return -1;
            if (n == 0)
                return error_set(err, 0, "--cpus: at least 1 is needed");
            opt->cpus = (uint32_t)n;
        } else if (c == OPT_KERNEL) {
            opt->kernel = optarg;
        } else if (c >= 0 && c < (int)NFD_OPTIONS) {
            if (number(fd_options[c].name, optarg, 1 << 20, &n, err))
                return -1;
            if (fcntl((int)n, F_GETFD) < 0)
                return error_set(err, errno, "--%s: descriptor %d", fd_options[c].name, (int)n);
            *(int *)((char *)opt + fd_options[c].offset) = (int)n;
        } else {
            return error_set(err, 0, "bad option '%s' (this program is started by runrsc)",
                             argv[optind - 1]);
        }
    }
    if (optind != argc)
        return error_set(err, 0, "unexpected argument '%s'", argv[optind]);
    if (opt->config_fd < 0)
        return error_set(err, 0, "--config-fd is missing (this program is started by runrsc)");
    return 0;
}
