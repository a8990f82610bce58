/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmark program: a table of cases (case_*.c) and a driver (bench.c). It is one static
 * program that needs nothing but the files which bench/inside puts beside it into /bench, so that
 * the very same bytes run natively and in every kind of container.
 *
 * Each case runs in a child of its own: whatever it leaves open, mapped or broken ends with it, and
 * it may keep its set-up in static variables that are made at the first call.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_DIR        "/bench"               /* on the root file system */
#define BENCH_FILE       BENCH_DIR "/data/warm" /* 8 MiB of the image */
#define BENCH_COLD       BENCH_DIR "/data/cold" /* BENCH_COLD_FILES of them: cold0, cold1, ... */
#define BENCH_COLD_FILES 4u
#define BENCH_MAPPED     BENCH_DIR "/data/mapped" /* as large; mapped only */
#define BENCH_TRUE       BENCH_DIR "/true"
#define BENCH_FILE_SIZE  (8u << 20)
#define BENCH_PAGE       4096u

struct bench_case {
    const char *name; /* letters, digits and '_'; NULL ends a table */
    const char *what; /* one line: what one operation is */

    /* Does n operations and returns how many ns they took, without set-up and clean-up. */
    uint64_t (*run)(uint64_t n);

    uint64_t max; /* most operations of a batch; 0: any number */

    /*
     * For a case whose operation uses up something that only exists once: that many batches of max
     * operations are all there is, and the first counts. 0: any number of batches, after a warm-up.
     */
    unsigned once;
};

extern const struct bench_case cases_memory[], cases_basic[], cases_files[], cases_ipc[],
    cases_process[];

/* Monotonic, in ns. With the lab's --icount this is the number of instructions. */
uint64_t bench_now(void);

/* Ends the case: its result is null, the reason "WHAT: strerror(errno)". */
_Noreturn void bench_fail(const char *what);

/* The call's value, which must not be negative. */
static inline long bench_ok(long value, const char *what)
{
    if (value < 0)
        bench_fail(what);
    return value;
}
#define OK(call) bench_ok((long)(call), #call)

/* n times a statement; how many ns that took. */
#define BENCH_LOOP(n, statement)                                                                   \
    ({                                                                                             \
        uint64_t start_ = bench_now();                                                             \
        for (uint64_t i_ = 0; i_ < (n); i_++) {                                                    \
            statement;                                                                             \
        }                                                                                          \
        bench_now() - start_;                                                                      \
    })

/*
 * outside.c: a whole command seen from outside. Print one row for each value; 0, or 1 if there is
 * no value. argv ends with NULL; env is the row's environment.
 */
int outside_startup(const char *env, unsigned runs, char **argv);
int outside_idle(const char *env, char **argv);

/* One row of results; a value below 0 is null with the reason. */
void bench_row(const char *name, const char *env, const char *unit, double value,
               const char *reason);

/* The option --json: rows are JSON on stdout, and progress is on stderr. */
extern bool bench_json;

#endif
