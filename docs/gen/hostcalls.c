/* SPDX-License-Identifier: Apache-2.0 */
/* Host program: prints docs/hostcalls.md from hostcalls/hostcalls.def. Compile with -I. */
#include <stdio.h>
#include <string.h>

struct row {
    int nr;
    const char *name, *class, *kind[6], *doc;
    unsigned in_max, out_max;
};

#define HOSTCALL(nr, name, class, a0, a1, a2, a3, a4, a5, in_max, out_max, doc)                    \
    { nr, #name, #class, { #a0, #a1, #a2, #a3, #a4, #a5 }, doc, in_max, out_max },
static const struct row rows[] = {
#include "hostcalls/hostcalls.def"
};

static const char *const legend[][2] = {
    { "INSTANT", "answered on the vCPU's thread, never blocks" },
    { "WORK", "tried without blocking; what would block goes to a worker and completes by event" },
    { "FILE", "done by the file service; completes by event if it takes more than 50 us" },
};

static const char *const arguments[][2] = {
    { "U32", "a number below 2^32" },
    { "U64", "any number" },
    { "VCPU", "the index of a vCPU" },
    { "MASK", "a bit mask of existing vCPUs" },
    { "OFF", "0 ... 2^63 - 1" },
    { "FD", "0, 1 or 2" },
    { "FILE", "the id of an open file" },
    { "NODE", "the id of a directory of the file service" },
    { "WIN", "a page-aligned guest-physical address in a file window" },
    { "PLEN", "a page-aligned length, at least one page" },
};

static void max(unsigned bytes)
{
    if (bytes)
        printf(" | %u", bytes);
    else
        printf(" | -");
}

int main(void)
{
    size_t n = sizeof(rows) / sizeof(rows[0]);

    printf("# Hostcalls\n\n");
    printf("Generated from `hostcalls/hostcalls.def`: do not edit. These %zu calls are all that a "
           "guest can ask of the host. The VMM checks every argument against this table before "
           "anything is done; the layouts are in `hostcalls/abi.h`.\n\n", n);
    printf("Classes:\n\n");
    for (size_t i = 0; i < sizeof(legend) / sizeof(legend[0]); i++)
        printf("- `%s`: %s\n", legend[i][0], legend[i][1]);
    printf("\nArguments (unused ones must be 0):\n\n");
    for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
        printf("- `%s`: %s\n", arguments[i][0], arguments[i][1]);
    printf("\n| number | call | class | input, bytes | output, bytes | what it does |\n"
           "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];

        printf("| %d | `%s(", r->nr, r->name);
        for (int a = 0; a < 6 && strcmp(r->kind[a], "NONE"); a++)
            printf("%s%s", a ? ", " : "", r->kind[a]);
        printf(")` | %s", r->class);
        max(r->in_max);
        max(r->out_max);
        printf(" | %s |\n", r->doc);
    }
    return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
