/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver of the cases: chooses how many operations make a batch, repeats the batch, prints the
 * best. The best and not the mean, because all that disturbs a measurement only ever adds to it.
 */
#include "bench/bench.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REASON_MAX      160
#define CASE_TIMEOUT_MS 60000

/* Memory is first: its fresh frames must not have been another case's. */
static const struct bench_case *const families[] = {
    cases_memory, cases_basic, cases_files, cases_ipc, cases_process,
};
#define FAMILIES (sizeof(families) / sizeof(*families))

/* What the child that ran a case says. */
struct result {
    double best;             /* ns for one operation */
    uint64_t n;              /* operations of a batch */
    char reason[REASON_MAX]; /* not empty: there is no value */
};

static struct {
    const char *filter, *after, *env;
    uint64_t batch_ns, count;
    unsigned batches;
    const char *unit;
} opt = { .env = "here", .batch_ns = 20000000, .batches = 10, .unit = "ns" };

bool bench_json;
static int result_fd = -1;

uint64_t bench_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void send_result(const struct result *r)
{
    if (write(result_fd, r, sizeof(*r)) != sizeof(*r))
        _exit(1);
}

_Noreturn void bench_fail(const char *what)
{
    struct result r = { 0 };

    snprintf(r.reason, sizeof(r.reason), "%.100s: %.50s", what, strerror(errno));
    send_result(&r);
    _exit(0);
}

static void keep_best(struct result *r, uint64_t ns, uint64_t n)
{
    double each = (double)ns / (double)n;

    if (r->n == 0 || each < r->best) {
        r->best = each;
        r->n = n;
    }
}

/* As many operations as take about opt.batch_ns, not counting what only the first one does. */
static uint64_t calibrate(const struct bench_case *c)
{
    uint64_t n = 1, ns, max = c->max ? c->max : UINT64_C(1) << 30;

    c->run(1);
    for (;;) {
        ns = c->run(n);
        if (ns * 2 >= opt.batch_ns || n >= max)
            break;
        n = n * 2 < max ? n * 2 : max;
    }
    if (ns == 0)
        return n;
    n = (uint64_t)((double)n * (double)opt.batch_ns / (double)ns);
    return n == 0 ? 1 : n > max ? max : n;
}

static void measure(const struct bench_case *c, struct result *r)
{
    unsigned batches = c->once && c->once < opt.batches ? c->once : opt.batches;
    uint64_t n = c->once ? c->max : calibrate(c);

    for (unsigned i = 0; i < batches; i++)
        keep_best(r, c->run(n), n);
}

/* --count: so many operations after one, for whoever counts something else than time. */
static void just_run(const struct bench_case *c, struct result *r)
{
    uint64_t left = opt.count, n;

    if (!c->once)
        c->run(1);
    for (; left; left -= n) {
        n = c->max && c->max < left ? c->max : left;
        keep_best(r, c->run(n), n);
    }
}

_Noreturn static void child(const struct bench_case *c)
{
    struct result r = { 0 };

    setpgid(0, 0);
    if (opt.count)
        just_run(c, &r);
    else
        measure(c, &r);
    send_result(&r);
    _exit(0);
}

/* Runs a case in a child of its own. */
static void run_case(const struct bench_case *c, struct result *r)
{
    struct pollfd p = { .events = POLLIN };
    int fds[2], status = 0;
    pid_t pid;

    memset(r, 0, sizeof(*r));
    fflush(NULL);
    if (pipe(fds) < 0 || (pid = fork()) < 0) {
        snprintf(r->reason, REASON_MAX, "no child for the case: %s", strerror(errno));
        return;
    }
    if (pid == 0) {
        close(fds[0]);
        result_fd = fds[1];
        child(c);
    }
    close(fds[1]);
    p.fd = fds[0];
    if (poll(&p, 1, CASE_TIMEOUT_MS) == 0)
        snprintf(r->reason, REASON_MAX, "no result after %d s", CASE_TIMEOUT_MS / 1000);
    else if (read(fds[0], r, sizeof(*r)) != sizeof(*r))
        snprintf(r->reason, REASON_MAX, "ended without a result");
    close(fds[0]);
    kill(-pid, SIGKILL); /* what it may have left; and it itself if it hangs */
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        snprintf(r->reason, REASON_MAX, "killed by signal %d", WTERMSIG(status));
}

/* JSON's strings have no quotes, backslashes and control characters as they are. */
static void put_string(const char *s)
{
    putchar('"');
    for (; *s; s++)
        putchar(*s == '"' || *s == '\\' ? '\'' : (unsigned char)*s < ' ' ? ' ' : *s);
    putchar('"');
}

void bench_row(const char *name, const char *env, const char *unit, double value,
               const char *reason)
{
    FILE *human = bench_json ? stderr : stdout;

    if (value < 0)
        fprintf(human, "%-8s %-24s -  (%s)\n", env, name, reason);
    else
        fprintf(human, "%-8s %-24s %12.1f %s\n", env, name, value, unit);
    if (!bench_json)
        return;
    printf("{\"name\":\"%s\",\"env\":\"%s\",\"unit\":\"%s\",\"value\":", name, env, unit);
    if (value < 0) {
        printf("null,\"reason\":");
        put_string(reason);
    } else {
        printf("%.1f", value);
    }
    puts("}");
    fflush(stdout);
}

/* Whether --filter (a part of the name, or =NAME for exactly this one) selects the case. */
static bool wanted(const struct bench_case *c)
{
    if (!opt.filter)
        return true;
    if (opt.filter[0] == '=')
        return !strcmp(opt.filter + 1, c->name);
    return strstr(c->name, opt.filter) != NULL;
}

static void run_all(void)
{
    bool on = !opt.after;

    for (size_t f = 0; f < FAMILIES; f++)
        for (const struct bench_case *c = families[f]; c->name; c++) {
            struct result r;

            if (on && wanted(c)) {
                run_case(c, &r);
                bench_row(c->name, opt.env, opt.unit, r.reason[0] ? -1 : r.best, r.reason);
            }
            if (opt.after && !strcmp(c->name, opt.after))
                on = true;
        }
}

static void list(void)
{
    for (size_t f = 0; f < FAMILIES; f++)
        for (const struct bench_case *c = families[f]; c->name; c++)
            printf("%-24s %s\n", c->name, c->what);
}

/* What the idle-memory measurement runs in a container: asleep until stdin ends. */
static int sleep_on_stdin(void)
{
    char c;

    if (write(STDOUT_FILENO, "ready\n", 6) != 6)
        return 1;
    while (read(STDIN_FILENO, &c, 1) > 0)
        ;
    return 0;
}

static const char usage[] =
    "usage: bench [OPTION]... [-- CMD ARG...]\n"
    "  --list           name the cases\n"
    "  --filter X       only cases with X in their name; =X: only X\n"
    "  --after NAME     only the cases after that one\n"
    "  --json           rows as JSON on stdout, progress on stderr\n"
    "  --env NAME       the environment's name in the rows (here)\n"
    "  --batch-ms N     length of a batch in ms (20)\n"
    "  --batches N      so many of them (10)\n"
    "  --icount         the clock counts instructions: short batches\n"
    "  --count N        N operations of each case, however long they take\n"
    "  --startup N      instead: how long CMD takes, N times\n"
    "  --idle           instead: the memory of CMD and all it starts, once it says ready\n"
    "  --sleep          instead: say ready, sleep until stdin ends\n"
    "  --nothing        instead: end at once\n";

enum {
    OPT_LIST = 256,
    OPT_FILTER,
    OPT_AFTER,
    OPT_JSON,
    OPT_ENV,
    OPT_BATCH_MS,
    OPT_BATCHES,
    OPT_ICOUNT,
    OPT_COUNT,
    OPT_STARTUP,
    OPT_IDLE,
    OPT_SLEEP,
    OPT_NOTHING,
    OPT_HELP,
};

static const struct option options[] = {
    { "list", no_argument, NULL, OPT_LIST },
    { "filter", required_argument, NULL, OPT_FILTER },
    { "after", required_argument, NULL, OPT_AFTER },
    { "json", no_argument, NULL, OPT_JSON },
    { "env", required_argument, NULL, OPT_ENV },
    { "batch-ms", required_argument, NULL, OPT_BATCH_MS },
    { "batches", required_argument, NULL, OPT_BATCHES },
    { "icount", no_argument, NULL, OPT_ICOUNT },
    { "count", required_argument, NULL, OPT_COUNT },
    { "startup", required_argument, NULL, OPT_STARTUP },
    { "idle", no_argument, NULL, OPT_IDLE },
    { "sleep", no_argument, NULL, OPT_SLEEP },
    { "nothing", no_argument, NULL, OPT_NOTHING },
    { "help", no_argument, NULL, OPT_HELP },
    { NULL, 0, NULL, 0 },
};

static uint64_t number(const char *text)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || v == 0 || v > 100000000) {
        fprintf(stderr, "bench: '%s' is not a number from 1 to 100000000\n", text);
        exit(2);
    }
    return v;
}

int main(int argc, char **argv)
{
    uint64_t startup = 0;
    bool idle = false;
    int c;

    while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1)
        switch (c) {
        case OPT_LIST:
            list();
            return 0;
        case OPT_FILTER:
            opt.filter = optarg;
            break;
        case OPT_AFTER:
            opt.after = optarg;
            break;
        case OPT_JSON:
            bench_json = true;
            break;
        case OPT_ENV:
            opt.env = optarg;
            break;
        case OPT_BATCH_MS:
            opt.batch_ns = number(optarg) * 1000000;
            break;
        case OPT_BATCHES:
            opt.batches = (unsigned)number(optarg);
            break;
        case OPT_ICOUNT:
            opt.unit = "instructions";
            opt.batch_ns = 1000000; /* most batches see no timer tick */
            opt.batches = 6;
            break;
        case OPT_COUNT:
            opt.count = number(optarg);
            break;
        case OPT_STARTUP:
            startup = number(optarg);
            break;
        case OPT_IDLE:
            idle = true;
            break;
        case OPT_SLEEP:
            return sleep_on_stdin();
        case OPT_NOTHING:
            return 0;
        case OPT_HELP:
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 2;
        }
    if ((startup || idle) != (optind < argc)) {
        fputs(usage, stderr);
        return 2;
    }
    if (startup)
        return outside_startup(opt.env, (unsigned)startup, argv + optind);
    if (idle)
        return outside_idle(opt.env, argv + optind);
    run_all();
    return 0;
}
