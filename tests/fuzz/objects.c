/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor of each kind of object, and mappings of each kind of memory, for a batch. */
#include "fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

int pool_fd[NFDS];
uint32_t npool;
uint8_t *play, *edge, *pages[12];
uint32_t npages;

static void keep(long fd)
{
    if (fd >= 0 && npool < NFDS)
        pool_fd[npool++] = (int)fd;
}

static long opened(const char *path, int flags)
{
    return raw(SYS_openat, (uint64_t)AT_FDCWD, (uint64_t)path, (uint64_t)flags, 0600, 0);
}

static void keep_pair(long err, const int fd[2])
{
    if (!err) {
        keep(fd[0]);
        keep(fd[1]);
    }
}

/* In the working directory, which is empty. */
static void make_names(void)
{
    static const char *const link[][2] = { { "a", "link" },
                                           { "loop", "loop" },
                                           { "none", "dangling" },
                                           { "d", "linkdir" },
                                           { "/fuzz/file", "image" } };

    raw(SYS_mkdir, (uint64_t)"d", 0755, 0, 0, 0);
    raw(SYS_mkdir, (uint64_t)"d/e", 0777, 0, 0, 0);
    raw(SYS_mknod, (uint64_t)"fifo", S_IFIFO | 0666, 0, 0, 0);
    for (int i = 0; i < 5; i++)
        raw(SYS_symlink, (uint64_t)link[i][0], (uint64_t)link[i][1], 0, 0, 0);
}

static void open_files(void)
{
    static const struct {
        const char *path;
        int flags;
    } file[] = {
        { "a", O_RDWR | O_CREAT },
        { "b", O_RDWR | O_CREAT | O_APPEND },
        { ".", O_RDONLY | O_DIRECTORY },
        { "d", O_PATH },
        { "a", O_PATH },
        { "/fuzz/file", O_RDWR },
        { "/fuzz/big", O_RDWR },
        { "/fuzz/dir", O_RDONLY },
        { "/tmp/x", O_RDWR | O_CREAT },
        { "/tmp", O_RDONLY },
        { "/dev/shm/x", O_RDWR | O_CREAT },
        { "/vol/x", O_RDWR | O_CREAT },
        { "/vol/y", O_WRONLY | O_CREAT | O_APPEND },
        { "/vol", O_RDONLY },
        { "/dev/null", O_RDWR },
        { "/dev/zero", O_RDWR },
        { "/dev/urandom", O_RDWR },
        { "/dev/full", O_RDWR },
        { "/dev/ptmx", O_RDWR | O_NOCTTY },
        { "/proc/self/maps", O_RDONLY },
        { "/proc/self/mem", O_RDWR },
        { "/proc/self/fd", O_RDONLY },
        { "/proc/self/fdinfo", O_RDONLY },
        { "/proc", O_RDONLY },
        { "/proc/meminfo", O_RDONLY },
        { "/proc/self/status", O_RDONLY },
        { "/proc/self/environ", O_RDONLY },
        { "/proc/sys/kernel/hostname", O_RDWR },
        { "/sys/devices/system/cpu", O_RDONLY },
        { "fifo", O_RDWR | O_NONBLOCK },
        { ".", O_TMPFILE | O_RDWR },
    };

    for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++) {
        /* Another batch may have put a FIFO into its place. */
        long fd = opened(file[i].path, file[i].flags | O_NONBLOCK);

        raw(SYS_fcntl, (uint64_t)fd, F_SETFL, (uint64_t)file[i].flags, 0, 0);
        keep(fd);
        if (fd >= 0 && file[i].flags & O_NOCTTY) { /* the other side of the terminal */
            int zero = 0;

            raw(SYS_ioctl, (uint64_t)fd, 0x40045431 /* TIOCSPTLCK */, (uint64_t)&zero, 0, 0);
            keep(raw(SYS_ioctl, (uint64_t)fd, 0x5441 /* TIOCGPTPEER */, O_RDWR | O_NOCTTY, 0, 0));
        }
    }
}

static void open_others(void)
{
    static const char abstract[] = "\1\0\0abstract"; /* AF_UNIX */
    struct timespec soon[2] = { { 0, 5000000 }, { 0, 5000000 } };
    uint64_t set = UINT64_C(1) << (SIGUSR1 - 1);
    int fd[2];
    long one;

    keep_pair(raw(SYS_pipe2, (uint64_t)fd, 0, 0, 0, 0), fd);
    keep_pair(raw(SYS_pipe2, (uint64_t)fd, O_NONBLOCK, 0, 0, 0), fd);
    for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++)
        if (type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_SEQPACKET)
            keep_pair(raw(SYS_socketpair, AF_UNIX, (uint64_t)type, 0, (uint64_t)fd, 0), fd);
    one = raw(SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0, 0);
    raw(SYS_bind, (uint64_t)one, (uint64_t)abstract, 11, 0, 0);
    raw(SYS_listen, (uint64_t)one, 3, 0, 0, 0);
    keep(one);
    keep(raw(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, 0, 0));
    keep(raw(SYS_socket, AF_UNIX, SOCK_DGRAM, 0, 0, 0));
    keep(raw(SYS_epoll_create1, 0, 0, 0, 0, 0));
    keep(raw(SYS_epoll_create1, 0, 0, 0, 0, 0));
    keep(raw(SYS_eventfd2, 1, 0, 0, 0, 0));
    keep(raw(SYS_eventfd2, 3, 1 | O_NONBLOCK, 0, 0, 0));
    one = raw(SYS_timerfd_create, CLOCK_MONOTONIC, 0, 0, 0, 0);
    raw(SYS_timerfd_settime, (uint64_t)one, 0, (uint64_t)soon, 0, 0);
    keep(one);
    keep(raw(SYS_signalfd4, -1ul, (uint64_t)&set, 8, O_NONBLOCK, 0));
    one = raw(SYS_inotify_init1, O_NONBLOCK, 0, 0, 0, 0);
    raw(SYS_inotify_add_watch, (uint64_t)one, (uint64_t)".", 0xfff, 0, 0);
    raw(SYS_inotify_add_watch, (uint64_t)one, (uint64_t)"/tmp", 0xfff, 0, 0);
    keep(one);
    one = raw(SYS_memfd_create, (uint64_t)"m", 2 /* sealing */, 0, 0, 0);
    raw(SYS_ftruncate, (uint64_t)one, 5 * PAGE + 17, 0, 0, 0);
    keep(one);
    keep(raw(SYS_pidfd_open, (uint64_t)raw(SYS_getpid, 0, 0, 0, 0, 0), 0, 0, 0, 0));
}

void objects_open(void)
{
    npool = 0;
    make_names();
    open_files();
    open_others();
    if (!npool)
        pool_fd[npool++] = 0;
}

static uint8_t *map(size_t n, int prot, int flags, long fd)
{
    const uint64_t arg[6] = { 0, n, (uint64_t)prot, (uint64_t)flags, (uint64_t)fd, 0 };
    long p = raw_call(SYS_mmap, arg);

    return p < 0 && p > -4096 ? NULL : (uint8_t *)p;
}

static void keep_pages(uint8_t *p)
{
    if (p && npages < 12)
        pages[npages++] = p;
}

/* Files of less than a page, so that their second page is beyond the end. */
static void map_file(const char *path, int open_flags, int prot, int flags)
{
    long fd = opened(path, open_flags | O_NONBLOCK);

    if (fd < 0)
        return;
    raw(SYS_write, (uint64_t)fd, (uint64_t)"some text", 9, 0, 0);
    keep_pages(map(3 * PAGE, prot, flags, fd));
    raw(SYS_close, (uint64_t)fd, 0, 0, 0, 0);
}

void objects_map(void)
{
    const int anon = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
    uint8_t *last = map(2 * PAGE, rw, anon, -1);

    play = map(PLAY_PAGES * PAGE, rw, anon, -1);
    raw(SYS_munmap, (uint64_t)last + PAGE, PAGE, 0, 0, 0);
    edge = last + PAGE;
    npages = 0;
    keep_pages(map(PAGE, rw, MAP_SHARED | MAP_ANONYMOUS, -1)); /* first: futexes lie there */
    keep_pages(map(2 * PAGE, rw, anon, -1));
    keep_pages(map(PAGE, PROT_READ, anon, -1));
    keep_pages(map(PAGE, PROT_NONE, anon, -1));
    keep_pages(map(PAGE, PROT_READ | PROT_EXEC, anon, -1));
    map_file("/tmp/mapped", O_RDWR | O_CREAT, rw, MAP_SHARED);
    map_file("mapped", O_RDWR | O_CREAT, rw, MAP_PRIVATE);
    map_file("/vol/mapped", O_RDWR | O_CREAT, rw, MAP_SHARED);
    map_file("/fuzz/file", O_RDONLY, PROT_READ, MAP_SHARED);
}
