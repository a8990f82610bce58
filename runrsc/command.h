/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of runrsc: one file each (cmd_NAME.c), listed in main.c's table. Options before the
 * command's name are global and parsed by main; a command gets the rest.
 */
#ifndef RUNRSC_COMMAND_H
#define RUNRSC_COMMAND_H

#include <stdbool.h>

#include "hostcalls/lib/error.h"

/* What stood before the command's name. */
struct globals {
    bool debug;
};

/* argv[0] is the command's name. Returns the exit code, or -1 with err filled. */
typedef int command_fn(const struct globals *globals, int argc, char **argv, struct error *err);

struct command {
    const char *name;
    command_fn *run;
    const char *arguments;
    const char *summary;
    void (*help)(void); /* prints the options; NULL: there are none */
};

extern const struct command commands[]; /* ends with a NULL name */

/* NULL if there is none of that name. */
const struct command *command_find(const char *name);

command_fn cmd_run, cmd_do, cmd_help, cmd_version;
void cmd_run_help(void);

#endif
