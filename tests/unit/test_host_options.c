/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines of host programs (vmm/options.c, runrsc/run_options.c), and the error object. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostcalls/lib/error.h"
#include "runrsc/run_options.h"
#include "tests/unit/unit.h"
#include "vmm/options.h"

#define ARGS(...)                                                                                  \
    static char *argv[] = { "program", ##__VA_ARGS__, NULL }; /* the options point into it */      \
    int argc = (int)(sizeof(argv) / sizeof(argv[0])) - 1

static struct error err;

/* --- rvisor-vmm ------------------------------------------------------------------------------- */

#define VMM(opt, ...)                                                                              \
    ({                                                                                             \
        ARGS(__VA_ARGS__);                                                                         \
        optind = 0;                                                                                \
        options_parse(opt, argc, argv, &err);                                                      \
    })

#define VMM_REFUSES(text, ...)                                                                     \
    do {                                                                                           \
        struct options o_;                                                                         \
                                                                                                   \
        CHECK_EQ(VMM(&o_, ##__VA_ARGS__), -1);                                                     \
        if (!strstr(err.msg, text))                                                                \
            ck_abort_msg("'%s' does not say '%s'", err.msg, text);                                 \
        CHECK_EQ(err.code, 125);                                                                   \
    } while (0)

START_TEST(vmm_options_have_defaults)
{
    struct options o;

    CHECK_EQ(VMM(&o, "--config-fd=0"), 0);
    CHECK_EQ(o.config_fd, 0);
    CHECK_EQ(o.control_fd, -1);
    CHECK_EQ(o.fs_fd, -1);
    CHECK_EQ(o.fs_ring_fd, -1);
    CHECK_EQ(o.log_fd, -1);
    CHECK_EQ(o.memory, 1u << 30);
    CHECK_EQ(o.cpus, 1);
    CHECK(!o.kernel);
}
END_TEST

START_TEST(vmm_options_are_taken)
{
    struct options o;
    static char fd[8] = "1";

    CHECK_EQ(VMM(&o, "--config-fd", "0", "--log-fd", fd, "--memory=18446744073709551615",
                 "--cpus=64", "--kernel=/k"),
             0);
    CHECK_EQ(o.log_fd, 1);
    CHECK_EQ(o.memory, UINT64_MAX);
    CHECK_EQ(o.cpus, 64);
    CHECK_STR(o.kernel, "/k");
}
END_TEST

START_TEST(vmm_options_out_of_range_are_refused)
{
    VMM_REFUSES("--config-fd is missing");
    VMM_REFUSES("--cpus", "--config-fd=0", "--cpus=0");
    VMM_REFUSES("--cpus", "--config-fd=0", "--cpus=65");
    VMM_REFUSES("--cpus", "--config-fd=0", "--cpus=x");
    VMM_REFUSES("--cpus", "--config-fd=0", "--cpus=");
    VMM_REFUSES("--cpus", "--config-fd=0", "--cpus=-1");
    VMM_REFUSES("--cpus", "--config-fd=0", "--cpus=1 ");
    VMM_REFUSES("--memory", "--config-fd=0", "--memory=18446744073709551616");
    VMM_REFUSES("--memory", "--config-fd=0", "--memory=12k");
    VMM_REFUSES("--config-fd", "--config-fd=9999"); /* not open */
    VMM_REFUSES("--config-fd", "--config-fd=4294967296");
    VMM_REFUSES("bad option '--nothing'", "--config-fd=0", "--nothing");
    VMM_REFUSES("bad option", "--config-fd=0", "-x");
    VMM_REFUSES("unexpected argument 'more'", "--config-fd=0", "more");
}
END_TEST

/* --- runrsc run ------------------------------------------------------------------------------- */

#define RUN(opt, ...)                                                                              \
    ({                                                                                             \
        ARGS(__VA_ARGS__);                                                                         \
        optind = 0;                                                                                \
        run_options_parse(opt, argc, argv, false, &err);                                           \
    })

#define RUN_REFUSES(text, ...)                                                                     \
    do {                                                                                           \
        struct run_options o_;                                                                     \
                                                                                                   \
        CHECK_EQ(RUN(&o_, ##__VA_ARGS__), -1);                                                     \
        if (!strstr(err.msg, text))                                                                \
            ck_abort_msg("'%s' does not say '%s'", err.msg, text);                                 \
        run_options_free(&o_);                                                                     \
    } while (0)

START_TEST(run_needs_a_root_and_a_command)
{
    struct run_options o;

    RUN_REFUSES("root file system is missing");
    RUN_REFUSES("command is missing", "/rootfs");
    RUN_REFUSES("path is empty", "", "ls");
    CHECK_EQ(RUN(&o, "/rootfs", "ls", "-l"), 0);
    CHECK_STR(o.rootfs, "/rootfs");
    CHECK_EQ(o.ncommand, 2);
    CHECK_STR(o.command[1], "-l"); /* the command's own option */
    CHECK(!o.command[2]);
    CHECK_EQ(o.memory, 1u << 30);
    CHECK_OP(o.cpus, >=, 1);
    CHECK(!o.cwd && !o.tty && !o.readonly && !o.strace && !o.stats && !o.kernel && !o.user);
    run_options_free(&o);
    CHECK_EQ(RUN(&o, "--help"), 1);
    run_options_free(&o);
}
END_TEST

static uint64_t memory(const char *text)
{
    struct run_options o;
    static char option[64];

    snprintf(option, sizeof(option), "--memory=%s", text);
    CHECK_EQ(RUN(&o, option, "/r", "c"), 0);
    run_options_free(&o);
    return o.memory;
}

START_TEST(the_hosts_root_is_not_named)
{
    char *argv[] = { "do", "--", "ls", "/", NULL }, *none[] = { "do", NULL };
    struct run_options o;

    optind = 0;
    CHECK_EQ(run_options_parse(&o, 4, argv, true, &err), 0);
    CHECK_STR(o.rootfs, "/");
    CHECK_EQ(o.ncommand, 2);
    CHECK_STR(o.command[0], "ls");
    optind = 0;
    CHECK_EQ(run_options_parse(&o, 1, none, true, &err), -1);
    CHECK(strstr(err.msg, "do: the command is missing"));
}
END_TEST

START_TEST(sizes_have_units)
{
    CHECK_EQ(memory("1"), 1);
    CHECK_EQ(memory("4096"), 4096);
    CHECK_EQ(memory("3b"), 3);
    CHECK_EQ(memory("2k"), 2048);
    CHECK_EQ(memory("2K"), 2048);
    CHECK_EQ(memory("2kb"), 2048);
    CHECK_EQ(memory("64m"), 64u << 20);
    CHECK_EQ(memory("64MB"), 64u << 20);
    CHECK_EQ(memory("3g"), UINT64_C(3) << 30);
    CHECK_EQ(memory("17179869183g"), UINT64_C(17179869183) << 30);
    RUN_REFUSES("--memory", "--memory=", "/r", "c");
    RUN_REFUSES("--memory", "--memory=0", "/r", "c");
    RUN_REFUSES("--memory", "--memory=-1", "/r", "c");
    RUN_REFUSES("--memory", "--memory= 1", "/r", "c");
    RUN_REFUSES("--memory", "--memory=1t", "/r", "c");
    RUN_REFUSES("--memory", "--memory=1kk", "/r", "c");
    RUN_REFUSES("--memory", "--memory=1kbb", "/r", "c");
    RUN_REFUSES("--memory", "--memory=1bb", "/r", "c");
    RUN_REFUSES("--memory", "--memory=17179869184g", "/r", "c");
    RUN_REFUSES("--memory", "--memory=18446744073709551616", "/r", "c");
    RUN_REFUSES("--memory", "--memory=1.5g", "/r", "c");
}
END_TEST

START_TEST(cpus_are_a_number_that_a_machine_can_have)
{
    struct run_options o;

    CHECK_EQ(RUN(&o, "--cpus", "64", "/r", "c"), 0);
    CHECK_EQ(o.cpus, 64);
    run_options_free(&o);
    RUN_REFUSES("--cpus", "--cpus=0", "/r", "c");
    RUN_REFUSES("--cpus", "--cpus=65", "/r", "c");
    RUN_REFUSES("--cpus", "--cpus=2x", "/r", "c");
    RUN_REFUSES("--cpus", "--cpus=-2", "/r", "c");
    RUN_REFUSES("--cpus", "--cpus=18446744073709551617", "/r", "c");
}
END_TEST

START_TEST(the_last_value_of_a_variable_counts)
{
    struct run_options o;

    setenv("UNIT_TEST_VARIABLE", "outside", 1);
    unsetenv("UNIT_TEST_NONE");
    CHECK_EQ(RUN(&o, "-e", "A=1", "--env=B=x=y", "-eA=2", "-e", "UNIT_TEST_VARIABLE", "-e",
                 "UNIT_TEST_NONE", "-e", "C=", "/r", "c"), 0);
    CHECK_EQ(o.env.n, 4);
    CHECK_STR(o.env.item[0], "A=2");
    CHECK_STR(o.env.item[1], "B=x=y");
    CHECK_STR(o.env.item[2], "UNIT_TEST_VARIABLE=outside");
    CHECK_STR(o.env.item[3], "C=");
    CHECK_EQ(env_default(&o.env, "A", "3", &err), 0);
    CHECK_EQ(env_default(&o.env, "AB", "3", &err), 0);
    CHECK_EQ(o.env.n, 5);
    CHECK_STR(o.env.item[0], "A=2");
    CHECK_STR(o.env.item[4], "AB=3");
    run_options_free(&o);
    RUN_REFUSES("--env", "-e", "", "/r", "c");
    RUN_REFUSES("--env", "-e", "=x", "/r", "c");
}
END_TEST

START_TEST(volumes_are_parsed)
{
    struct run_options o;

    CHECK_EQ(
        RUN(&o, "--volume", "/a:/b", "--volume=rel/dir:/c/d:ro", "--volume=/x:/y:rw",
            "--volume=/x:/z:suid", "/r", "c"),
        0);
    CHECK_EQ(o.nvolumes, 4);
    CHECK_STR(o.volume[0].src, "/a");
    CHECK_STR(o.volume[0].dst, "/b");
    CHECK(!o.volume[0].readonly);
    CHECK_STR(o.volume[1].src, "rel/dir");
    CHECK_STR(o.volume[1].dst, "/c/d");
    CHECK(o.volume[1].readonly);
    CHECK(!o.volume[2].readonly && !o.volume[2].setid);
    CHECK(!o.volume[3].readonly && o.volume[3].setid);
    run_options_free(&o);
    RUN_REFUSES("--volume", "--volume=/a", "/r", "c");
    RUN_REFUSES("--volume", "--volume=:/a", "/r", "c");
    RUN_REFUSES("--volume", "--volume=/a:b", "/r", "c");
    RUN_REFUSES("--volume", "--volume=/a:", "/r", "c");
    RUN_REFUSES("--volume", "--volume=/a:/", "/r", "c");
    RUN_REFUSES("--volume", "--volume=/a:/./", "/r", "c");
    RUN_REFUSES("--volume", "--volume=/a:/b/../c", "/r", "c");
    RUN_REFUSES("--volume", "--volume=/a:/b/..", "/r", "c");
    RUN_REFUSES("--volume", "--volume=/a:/b:rx", "/r", "c");
    RUN_REFUSES("--volume", "--volume=/a:/b:ro:x", "/r", "c");
    CHECK_EQ(RUN(&o, "--volume=/a:/b..c", "/r", "c"), 0);
    run_options_free(&o);
}
END_TEST

START_TEST(there_is_room_for_so_many_volumes)
{
    char *argv[RV_MAX_ROOTS + 4] = { "run" };
    struct run_options o;
    int n = 1;

    for (uint32_t i = 0; i < RV_MAX_ROOTS - 1; i++)
        argv[n++] = "--volume=/a:/b";
    argv[n] = "/r";
    argv[n + 1] = "c";
    optind = 0;
    CHECK_EQ(run_options_parse(&o, n + 2, argv, false, &err), 0);
    run_options_free(&o);
    argv[n] = "--volume=/a:/b";
    argv[n + 1] = "/r";
    argv[n + 2] = "c";
    optind = 0;
    CHECK_EQ(run_options_parse(&o, n + 3, argv, false, &err), -1);
    CHECK(strstr(err.msg, "--volume: at most 31"));
    run_options_free(&o);
}
END_TEST

START_TEST(names_and_folders_are_checked)
{
    static char option[100] = "--hostname=";
    struct run_options o;

    CHECK_EQ(RUN(&o, "--hostname=box-1.example", "--cwd=/tmp", "-u", "me:us", "-t", "--strace",
                 "--stats=out", "--debug", "--read-only", "/r", "c"), 0);
    CHECK_STR(o.hostname, "box-1.example");
    CHECK_STR(o.cwd, "/tmp");
    CHECK_STR(o.user, "me:us");
    CHECK(o.tty && o.strace && !o.strace_file && o.stats && o.debug && o.readonly);
    CHECK_STR(o.stats_file, "out");
    run_options_free(&o);
    RUN_REFUSES("--hostname", "--hostname=", "/r", "c");
    RUN_REFUSES("--hostname", "--hostname=a b", "/r", "c");
    RUN_REFUSES("--hostname", "--hostname=a\nb", "/r", "c");
    memset(option + 11, 'x', 64);
    CHECK_EQ(RUN(&o, option, "/r", "c"), 0);
    run_options_free(&o);
    memset(option + 11, 'x', 65);
    RUN_REFUSES("--hostname", option, "/r", "c");
    RUN_REFUSES("--cwd", "--cwd=tmp", "/r", "c");
    RUN_REFUSES("--cwd", "--cwd=", "/r", "c");
    RUN_REFUSES("'--cwd' needs a value", "--cwd");
    RUN_REFUSES("bad option '-x'", "-x", "/r", "c");
    RUN_REFUSES("bad option '--nothing'", "--nothing", "/r", "c");
    RUN_REFUSES("bad option", "--tty=yes", "/r", "c");
}
END_TEST

/* --- errors ----------------------------------------------------------------------------------- */

START_TEST(an_error_says_what_and_why)
{
    struct error e = ERROR_INIT;

    CHECK_EQ(error_set(&e, 0, "cannot do %s", "this"), -1);
    CHECK_STR(e.msg, "cannot do this");
    CHECK_EQ(e.code, 125);
    CHECK_EQ(e.sys_errno, 0);
    CHECK_EQ(error_set(&e, ENOENT, "%s", "/x"), -1);
    CHECK_STR(e.msg, "/x: No such file or directory");
    CHECK_EQ(e.sys_errno, ENOENT);
    CHECK_EQ(error_set_code(&e, 127, EACCES, "y"), -1);
    CHECK_EQ(e.code, 127);
    CHECK_EQ(error_prefix(&e, "volume %d", 3), -1);
    CHECK_STR(e.msg, "volume 3: y: Permission denied");
    CHECK_EQ(e.code, 127);
}
END_TEST

START_TEST(a_long_error_is_cut)
{
    static char text[5000];
    struct error e;

    memset(text, 'a', sizeof(text) - 1);
    error_set(&e, ENOENT, "%s", text);
    CHECK_EQ(strlen(e.msg), sizeof(e.msg) - 1);
    error_prefix(&e, "b");
    CHECK_EQ(strlen(e.msg), sizeof(e.msg) - 1);
    CHECK(!strncmp(e.msg, "b: aaa", 6));
    error_prefix(&e, "%s", text);
    CHECK_EQ(strlen(e.msg), sizeof(e.msg) - 1);
}
END_TEST

UNIT_MAIN("options", ONCE(vmm_options_have_defaults), ONCE(vmm_options_are_taken),
          ONCE(vmm_options_out_of_range_are_refused), ONCE(run_needs_a_root_and_a_command),
          ONCE(the_hosts_root_is_not_named), ONCE(sizes_have_units),
          ONCE(cpus_are_a_number_that_a_machine_can_have),
          ONCE(the_last_value_of_a_variable_counts), ONCE(volumes_are_parsed),
          ONCE(there_is_room_for_so_many_volumes), ONCE(names_and_folders_are_checked),
          ONCE(an_error_says_what_and_why), ONCE(a_long_error_is_cut))
