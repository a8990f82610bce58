/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: page faults. One operation is the first touch of one page. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/bench.h"

#define PAGES 256u /* of one mapping */
#define PART  512u /* pages, 2 MiB */

/* Small pages everywhere: whether a huge one is taken depends on where the mapping lies. */
static volatile char *map_anon(uint64_t pages)
{
    char *p =
        mmap(NULL, pages * BENCH_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        bench_fail("mmap");
    madvise(p, pages * BENCH_PAGE, MADV_NOHUGEPAGE);
    return p;
}

static void unmap(volatile char *p, uint64_t pages)
{
    OK(munmap((void *)(uintptr_t)p, pages * BENCH_PAGE));
}

static uint64_t touch(volatile char *p, uint64_t pages)
{
    uint64_t i = 0;

    return BENCH_LOOP(pages, p[BENCH_PAGE * i++] = 1);
}

/* Nothing is given back, so each batch's frames were nobody's before (if the kernel was fresh). */
static uint64_t anon_fresh_run(uint64_t n)
{
    return touch(map_anon(n), n);
}

static uint64_t anon_recycled_run(uint64_t n)
{
    uint64_t sum = 0, pages;

    for (; n; n -= pages) {
        pages = n < PAGES ? n : PAGES;
        volatile char *p = map_anon(pages);

        sum += touch(p, pages);
        unmap(p, pages);
    }
    return sum;
}

static uint64_t map_touch_unmap_run(uint64_t n)
{
    return BENCH_LOOP(n, {
        volatile char *p = map_anon(1);

        *p = 1;
        unmap(p, 1);
    });
}

static uint64_t file_run(uint64_t n)
{
    static int fd;
    uint64_t sum = 0, pages;

    if (!fd)
        fd = (int)OK(open(BENCH_FILE, O_RDONLY));
    for (; n; n -= pages) {
        pages = n < PAGES ? n : PAGES;
        volatile char *p = mmap(NULL, pages * BENCH_PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
        uint64_t i = 0;

        if (p == MAP_FAILED)
            bench_fail("mmap");
        sum += BENCH_LOOP(pages, (void)p[BENCH_PAGE * i++]);
        unmap(p, pages);
    }
    return sum;
}

/* All of a part of 2 MiB, in which nobody of this sandbox has touched a page before. */
static uint64_t file_cold_run(uint64_t n)
{
    static int fd;
    static off_t part;
    uint64_t i = 0, ns;
    volatile char *p;

    if (!fd)
        fd = (int)OK(open(BENCH_MAPPED, O_RDONLY));
    p = mmap(NULL, n * BENCH_PAGE, PROT_READ, MAP_PRIVATE, fd, part++ * PART * BENCH_PAGE);
    if (p == MAP_FAILED)
        bench_fail("mmap");
    ns = BENCH_LOOP(n, (void)p[BENCH_PAGE * i++]);
    unmap(p, n);
    return ns;
}

const struct bench_case cases_memory[] = {
    { .name = "fault_anon_fresh",
      .what = "first touch of a page never used before",
      .run = anon_fresh_run,
      .max = PAGES,
      .once = 16 },
    { .name = "fault_anon_recycled",
      .what = "first touch of a page that was freed before",
      .run = anon_recycled_run },
    { .name = "fault_file",
      .what = "first touch of a page of a mapped, cached file",
      .run = file_run },
    { .name = "fault_file_cold",
      .what = "the same, first time in this sandbox",
      .run = file_cold_run,
      .max = PART,
      .once = BENCH_FILE_SIZE / BENCH_PAGE / PART },
    { .name = "map_touch_unmap",
      .what = "mmap a page, touch it, munmap it",
      .run = map_touch_unmap_run },
    { 0 },
};
