/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking for the page cache: see cached.h. mincore tells only of files that one could write or owns, and
 * claims all pages for others: a read that must not wait shows the first. Some file systems (tmpfs,
 * overlayfs of many kernels) know no such read: there, only the owner gets a yes.
 */
#include "vmm/cached.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hostcalls/lib/attr.h"
#include "hostcalls/abi.h"
#include "vmm/files.h"

#define CHUNK_PAGES (RV_WINDOW_CHUNK / RV_PAGE_SIZE)
#define SAMPLE      64 /* pages of a file come and go in runs: one of so many is asked for */
#define COUNT_BITS  10 /* of host_file.known: the pages of a chunk, 0 to CHUNK_PAGES */
RV_STATIC_ASSERT(CHUNK_PAGES < 1 << COUNT_BITS);

static uid_t uid; /* (i) */

void cached_init(void)
{
    uid = geteuid();
}

/* How many of the pages at `at` are in memory as far as mincore tells, from the first on. */
static size_t pages_at(const uint8_t *at, size_t pages)
{
    unsigned char in[CHUNK_PAGES];
    size_t n = 0;

    if (mincore((void *)(uintptr_t)at, pages * RV_PAGE_SIZE, in) < 0)
        return 0;
    while (n < pages && (in[n] & 1))
        n++;
    return n;
}

/* The same by samples, in multiples of SAMPLE. */
static size_t samples_at(const uint8_t *at, size_t pages)
{
    size_t n = 0;

    while (n < pages && pages_at(at + n * RV_PAGE_SIZE, 1))
        n += SAMPLE;
    return n;
}

/* Whether mincore's answer for a file, with the page at off, is to be believed. */
static bool believe(const struct host_file *f, uint64_t off)
{
    char c;
    struct iovec v = { &c, 1 };
    struct stat st;

    if (preadv2(f->fd, &v, 1, (off_t)off, RWF_NOWAIT) == 1)
        return true;
    return errno == EOPNOTSUPP && (f->writable || (attr_fstat(f->fd, &st) == 0 && st.st_uid == uid));
}

bool is_cached_at(const struct host_file *f, uint64_t off, const uint8_t *at, size_t len)
{
    return pages_at(at, len / RV_PAGE_SIZE) == len / RV_PAGE_SIZE && believe(f, off);
}

/* The same of a chunk that is not mapped: how many pages from its start on; all, if the file ends. */
static size_t ask_chunk(struct host_file *f, uint64_t chunk)
{
    off_t off = (off_t)(chunk * RV_WINDOW_CHUNK);
    size_t pages = CHUNK_PAGES, n;
    struct stat st;
    uint8_t *at;

    if (attr_fstat(f->fd, &st) < 0 || st.st_size <= off)
        return 0;
    if ((uint64_t)(st.st_size - off) < RV_WINDOW_CHUNK)
        pages = ((size_t)(st.st_size - off) + RV_PAGE_SIZE - 1) / RV_PAGE_SIZE;
    at = mmap(NULL, RV_WINDOW_CHUNK, PROT_READ, MAP_SHARED, f->fd, off);
    if (at == MAP_FAILED)
        return 0;
    n = samples_at(at, pages);
    munmap(at, RV_WINDOW_CHUNK);
    if (!n || !believe(f, (uint64_t)off))
        return 0;
    return n >= pages ? CHUNK_PAGES : n;
}

bool is_cached(struct host_file *f, uint64_t off, uint64_t len)
{
    uint64_t end = off + len;

    while (off < end) {
        uint64_t chunk = off / RV_WINDOW_CHUNK, known = atomic_load(&f->known);
        uint64_t stop = (chunk + 1) * RV_WINDOW_CHUNK, need;

        stop = end < stop ? end : stop;
        need = (stop - chunk * RV_WINDOW_CHUNK + RV_PAGE_SIZE - 1) / RV_PAGE_SIZE;
        if (known >> COUNT_BITS != chunk || (known & ((1 << COUNT_BITS) - 1)) < need) {
            known = chunk << COUNT_BITS | ask_chunk(f, chunk);
            atomic_store(&f->known, known);
        }
        if ((known & ((1 << COUNT_BITS) - 1)) < need)
            return false;
        off = stop;
    }
    return true;
}
