/* SPDX-License-Identifier: Apache-2.0 */
/* What the VMM knows of the page cache (vmm/cached.c), by files of a tmpfs: a hole is not in memory. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostcalls/abi.h"
#include "tests/unit/unit.h"
#include "vmm/cached.h"
#include "vmm/files.h"

#define CHUNK RV_WINDOW_CHUNK
#define PAGE  RV_PAGE_SIZE

static struct host_file file;

static void put(uint64_t off, uint64_t len)
{
    static char zeros[PAGE];

    for (uint64_t at = off; at < off + len; at += PAGE)
        ck_assert_int_eq(pwrite(file.fd, zeros, PAGE, (off_t)at), PAGE);
}

static void start(uint64_t size)
{
    cached_init();
    file.fd = memfd_create("test", MFD_CLOEXEC);
    ck_assert_int_ge(file.fd, 0);
    ck_assert_int_eq(ftruncate(file.fd, (off_t)size), 0);
}

START_TEST(what_was_written_is_in_memory)
{
    start(3 * CHUNK);
    put(0, 2 * CHUNK);
    ck_assert(is_cached(&file, 0, PAGE));
    ck_assert(is_cached(&file, 0, CHUNK));
    ck_assert(is_cached(&file, CHUNK - 1, 2));
    ck_assert(is_cached(&file, CHUNK / 2, CHUNK));
    ck_assert(is_cached(&file, 12345, 2 * CHUNK - 12345));
    close(file.fd);
}
END_TEST

START_TEST(a_hole_is_not)
{
    start(3 * CHUNK);
    put(0, CHUNK + CHUNK / 2);
    ck_assert(!is_cached(&file, 2 * CHUNK, 1));
    ck_assert(is_cached(&file, CHUNK, CHUNK / 2));
    ck_assert(!is_cached(&file, CHUNK, CHUNK / 2 + 1));
    ck_assert(!is_cached(&file, 0, 2 * CHUNK));
    put(CHUNK + CHUNK / 2, CHUNK / 2);
    ck_assert(is_cached(&file, 0, 2 * CHUNK)); /* asked for again */
    close(file.fd);
}
END_TEST

START_TEST(behind_the_end_there_is_nothing_to_wait_for)
{
    start(CHUNK + 5000);
    put(CHUNK, 2 * PAGE);
    ck_assert_int_eq(ftruncate(file.fd, CHUNK + 5000), 0);
    ck_assert(is_cached(&file, CHUNK + 4000, 1 << 20));
    ck_assert(!is_cached(&file, 2 * CHUNK, 1)); /* who reads there finds out what is there */
    close(file.fd);
}
END_TEST

START_TEST(of_mapped_pages_each_counts)
{
    uint8_t *at;

    start(CHUNK);
    put(0, CHUNK / 2);
    at = mmap(NULL, CHUNK, PROT_READ, MAP_SHARED, file.fd, 0);
    ck_assert(at != MAP_FAILED);
    ck_assert(is_cached_at(&file, 0, at, CHUNK / 2));
    ck_assert(!is_cached_at(&file, 0, at, CHUNK / 2 + PAGE));
    munmap(at, CHUNK);
    close(file.fd);
}
END_TEST

START_TEST(other_users_files_are_in_doubt)
{
    start(CHUNK);
    put(0, CHUNK);
    if (geteuid() == 0) {
        ck_assert_int_eq(fchown(file.fd, 1234, 1234), 0);
        ck_assert(!is_cached(&file, 0, PAGE)); /* tmpfs cannot read without waiting */
        file.writable = true;
        ck_assert(is_cached(&file, 0, PAGE));
    }
    close(file.fd);
}
END_TEST

UNIT_MAIN("cached", ONCE(what_was_written_is_in_memory), ONCE(a_hole_is_not),
          ONCE(behind_the_end_there_is_nothing_to_wait_for), ONCE(of_mapped_pages_each_counts),
          ONCE(other_users_files_are_in_doubt))
