/* SPDX-License-Identifier: Apache-2.0 */
/* Host program: prints docs/hostneeds.md from hostcalls/hostneeds.def. Compile with -I. */
#include <stdio.h>
#include <string.h>

struct row {
    const char *kind, *call, *tests, *reason;
};

/* One after the other; the first two characters are left out. */
#define ANY                    ""
#define EQ(arg, value)         ", argument " #arg " = " #value
#define BITS(arg, mask, value) ", argument " #arg " & (" #mask ") = " #value
#define BELOW(arg, value)      ", argument " #arg " < " #value
#define ABOVE(arg, value)      ", argument " #arg " > " #value
#define NO_PATH(arg)           ", argument " #arg " = the constant empty path"
#define FUTEX_DOES(op)           ", operation " #op
#define OWN_PID(arg)           ", argument " #arg " = the own process"
#define NEED(kind, call, tests, reason)    { #kind, #call, tests, reason },
#define REFUSE(kind, call, errnum, reason) { #kind, #call, ", fails with " #errnum, reason },
static const struct row rows[] = {
#include "hostcalls/hostneeds.def"
};

static const struct {
    const char *kind, *title;
} kinds[] = {
    { "all", "Every thread of the VMM and of the file service" },
    { "vmm", "Every thread of the VMM, besides" },
    { "vcpu", "A vCPU's thread, besides" },
    { "event", "The event thread, besides" },
    { "worker", "Workers, besides" },
    { "fs", "Every thread of the file service, besides" },
};

/* A bar would end the table's cell. */
static void cell(const char *s)
{
    for (; *s; s++)
        printf(*s == '|' ? "\\|" : "%c", *s);
}

int main(void)
{
    size_t n = sizeof(rows) / sizeof(rows[0]);

    printf("# Host calls that each thread may make\n\n");
    printf("Generated from `hostcalls/hostneeds.def`: do not edit. After its set-up each thread "
           "has a seccomp filter made from the same table: the calls below and no others; any "
           "other ends the process. Arguments are counted from 0. A filter sees numbers only: "
           "neither which file a descriptor means nor what a pointer points to.\n");
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        printf("\n## %s\n\n| call | only if | why |\n|---|---|---|\n", kinds[k].title);
        for (size_t i = 0; i < n; i++) {
            if (strcmp(rows[i].kind, kinds[k].kind))
                continue;
            printf("| `%s` | ", rows[i].call);
            cell(*rows[i].tests ? rows[i].tests + 2 : "");
            printf(" | ");
            cell(rows[i].reason);
            printf(" |\n");
        }
    }
    return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
