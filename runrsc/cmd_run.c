/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runrsc run and runrsc do: one command in a new sandbox, with the caller's standard descriptors. `do`
 * has the host's root below an in-memory layer, and the caller's user, working directory and environment.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostcalls/lib/cleanup.h"
#include "runrsc/checks.h"
#include "runrsc/command.h"
#include "runrsc/config.h"
#include "runrsc/run_options.h"
#include "runrsc/sandbox.h"
#include "runrsc/supervise.h"
#include "runrsc/terminal.h"
#include "runrsc/users.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

void cmd_run_help(void)
{
    run_options_help();
}

/* `do`: what the options did not set is as the caller has it. */
static int take_callers(struct run_options *opt, struct error *err)
{
    static char user[32], cwd[PATH_MAX];

    if (!opt->user) {
        snprintf(user, sizeof(user), "%u:%u", geteuid(), getegid());
        opt->user = user;
    }
    if (!opt->cwd) {
        if (!getcwd(cwd, sizeof(cwd)))
            return error_set(err, errno, "cannot find the working directory");
        opt->cwd = cwd;
    }
    for (char **e = environ; *e; e++)
        if (strchr(*e, '=') && env_default_item(&opt->env, *e, err))
            return -1;
    return 0;
}

/* What the options did not set. */
static int complete_env(struct run_options *opt, const struct user *user, struct error *err)
{
    const char *term = getenv("TERM");

    if (env_default(&opt->env, "PATH", DEFAULT_PATH, err) ||
        env_default(&opt->env, "HOME", user->home, err) ||
        env_default(&opt->env, "HOSTNAME", opt->hostname, err))
        return -1;
    if (opt->tty)
        return env_default(&opt->env, "TERM", term && *term ? term : "xterm", err);
    return 0;
}

static int prepare(struct run_options *opt, struct error *err)
{
    cleanup_free struct user *user = malloc(sizeof(*user));
    struct config config = { .opt = opt, .user = user, .env = &opt->env };

    if (!user)
        return error_set(err, 0, "out of memory");
    if (opt->host_root && take_callers(opt, err))
        return -1;
    if (!opt->cwd)
        opt->cwd = "/";
    if (check_root(opt, err) || check_volumes(opt, err) || check_kvm(err) ||
        user_find(user, opt->rootfs, opt->user, err) || complete_env(opt, user, err))
        return -1;
    config.terminal = opt->tty;
    if (opt->tty)
        terminal_size(&config.columns, &config.rows);
    return config_write(&config, err);
}

static int run(struct run_options *opt, struct error *err)
{
    struct sandbox box = SANDBOX_INIT;
    cleanup_fd int config = prepare(opt, err), signals = -1;
    int code;

    if (config < 0)
        return -1;
    signals = supervise_signals(err);
    if (signals < 0 || (opt->tty && terminal_raw(err)))
        return -1;
    code = sandbox_start(&box, opt, config, err);
    if (code == 0)
        code = supervise(&box, signals, opt->tty, err);
    if (opt->wait)
        sandbox_end(&box);
    terminal_restore();
    return code;
}

static int run_command(const struct globals *globals, int argc, char **argv, bool host_root,
                       struct error *err)
{
    struct run_options opt;
    int code = run_options_parse(&opt, argc, argv, host_root, err);

    opt.debug |= globals->debug;
    if (code == 1)
        code = cmd_help(globals, 2, (char *[]) { argv[0], argv[0], NULL }, err);
    else if (code == 0) {
        opt.tty |= terminal_is_stdio();
        code = run(&opt, err);
    }
    run_options_free(&opt);
    return code;
}

int cmd_run(const struct globals *globals, int argc, char **argv, struct error *err)
{
    return run_command(globals, argc, argv, false, err);
}

int cmd_do(const struct globals *globals, int argc, char **argv, struct error *err)
{
    return run_command(globals, argc, argv, true, err);
}
