/* SPDX-License-Identifier: Apache-2.0 */
/* runrsc: runs containers in rVisor sandboxes. Global options, the command table, nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runrsc/command.h"

const struct command commands[] = {
    { "run", cmd_run, "[OPTION]... ROOTFS CMD [ARG]...", "run a command in a new sandbox",
      cmd_run_help },
    { "do", cmd_do, "[OPTION]... CMD [ARG]...", "run a command over the host's own root", cmd_run_help },
    { "help", cmd_help, "[COMMAND]", "show the options of a command", NULL },
    { "version", cmd_version, "", "show the version", NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

const struct command *command_find(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

/*
 * A standard descriptor that is closed stays closed for the container, but its number must not be
 * taken by a file of ours: a close-on-exec placeholder holds it.
 */
static int hold_standard_fds(struct error *err)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0)
            return error_set(err, errno, "cannot open /dev/null");
    } while (fd <= STDERR_FILENO);
    close(fd);
    return 0;
}

static int dispatch(int argc, char **argv, struct error *err)
{
    static const struct option options[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        { "debug", no_argument, NULL, 'd' },
        { NULL, 0, NULL, 0 },
    };
    struct globals globals = { 0 };
    const struct command *command;
    int c, first;

    opterr = 0;
    while ((c = getopt_long(argc, argv, "+:hv", options, NULL)) != -1) {
        if (c == 'h')
            return cmd_help(&globals, 1, argv, err);
        if (c == 'v')
            return cmd_version(&globals, 1, argv, err);
        if (c != 'd')
            return error_set(err, 0, "bad option '%s' (see runrsc --help)", argv[optind - 1]);
        globals.debug = true;
    }
    if (optind == argc)
        return error_set(err, 0, "a command is missing (see runrsc --help)");
    first = optind;
    command = command_find(argv[first]);
    if (!command)
        return error_set(err, 0, "there is no command '%s' (see runrsc --help)", argv[first]);
    optind = 0; /* the command parses its own part anew */
    return command->run(&globals, argc - first, argv + first, err);
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    int code = hold_standard_fds(&err) ? -1 : dispatch(argc, argv, &err);

    return code < 0 ? error_report("runrsc", &err) : code;
}
