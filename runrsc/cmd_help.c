/* SPDX-License-Identifier: Apache-2.0 */
/* runrsc help [COMMAND], and runrsc --help. */
#include <stdio.h>

#include "runrsc/command.h"

static int overview(void)
{
    puts("usage: runrsc [--debug] COMMAND ...\n"
         "\n"
         "Runs containers on a kernel of their own.\n");
    for (const struct command *c = commands; c->name; c++)
        printf("  %-8s %-34s %s\n", c->name, c->arguments, c->summary);
    puts("\n"
         "  --debug     show the log of the sandbox's kernel\n"
         "  --version   show the version\n"
         "  --help      show this text\n"
         "\n"
         "Exit codes: the command's own; 128+N if signal N ended it; 125 runrsc failed;\n"
         "126 the command cannot be executed; 127 the command was not found.");
    return 0;
}

int cmd_help(const struct globals *globals, int argc, char **argv, struct error *err)
{
    const struct command *c;

    (void)globals;
    if (argc < 2)
        return overview();
    c = command_find(argv[1]);
    if (!c || argc > 2)
        return error_set(err, 0, "there is no command '%s' (see runrsc --help)",
                         argc > 2 ? argv[2] : argv[1]);
    printf("usage: runrsc %s %s\n%s\n", c->name, c->arguments, c->summary);
    if (c->help)
        c->help();
    return 0;
}
