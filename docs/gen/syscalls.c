/* SPDX-License-Identifier: Apache-2.0 */
/* Host program: prints docs/syscalls.md from guest-kernel/linux/syscalls.def. Compile with -Iguest-kernel. */
#include <stdio.h>
#include <string.h>

struct row {
    int nr;
    const char *name, *args, *status, *note;
};

#define A0() ""
#define A1(a) #a
#define A2(a, b) #a ", " #b
#define A3(a, b, c) #a ", " #b ", " #c
#define A4(a, b, c, d) #a ", " #b ", " #c ", " #d
#define A5(a, b, c, d, e) #a ", " #b ", " #c ", " #d ", " #e
#define A6(a, b, c, d, e, f) #a ", " #b ", " #c ", " #d ", " #e ", " #f
#define SYSCALL(nr, name, ret, args, status, note) { nr, #name, args, #status, note },
static const struct row rows[] = {
#include "linux/syscalls.def"
};

#define PRIVILEGED(nr, name, cap) { #name, "CAP_" #cap },
static const struct {
    const char *name, *capability;
} privileged[] = {
#include "linux/privileged.def"
};

int main(void)
{
    size_t n = sizeof(rows) / sizeof(rows[0]), full = 0;

    for (size_t i = 0; i < n; i++)
        full += strcmp(rows[i].status, "FULL") == 0;
    printf("# System calls\n\n");
    printf("Generated from `guest-kernel/linux/syscalls.def`: do not edit. %zu calls of Linux on x86-64 "
           "are implemented, %zu of them as the man page says; of the others the last column says what "
           "is missing. All the rest answer ENOSYS. The kinds of arguments are those of `--strace`.\n\n",
           n, full);
    printf("| number | call | what is missing |\n|---|---|---|\n");
    for (size_t i = 0; i < n; i++)
        printf("| %d | `%s(%s)` | %s |\n", rows[i].nr, rows[i].name, rows[i].args, rows[i].note);
    printf("\nThese are not there either, but Linux asks for a capability first: without it they answer EPERM.\n\n"
           "| call | capability |\n|---|---|\n");
    for (size_t i = 0; i < sizeof(privileged) / sizeof(privileged[0]); i++)
        printf("| `%s` | %s |\n", privileged[i].name, privileged[i].capability);
    return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
