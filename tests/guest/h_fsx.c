/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the script: random operations on a few files, against a model in memory.
 *
 *   h_fsx make DIR             makes the files as an image would bring them
 *   h_fsx run DIR SEED OPS     starts with no files, or with those that `make` made
 *
 * Every file has up to two names and up to two descriptors (one of them O_APPEND), and perhaps one
 * shared mapping, all on the same inode; the model is its bytes and its length. What a call returns and
 * what is read must be the model's. A failure prints the seed, the operation's number and the last
 * operations: the same arguments on fresh files repeat it. An operation that a file system may refuse
 * (fallocate's modes, copy_file_range) is left out where it says so.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define FILES    4
#define PAGE     4096
#define SIZE_MAX_ (96 * PAGE) /* of a file */
#define IO_MAX   (20 * PAGE) /* of one operation; larger than what a sandbox reads with an open */
#define LOG      16

struct file {
    int fd; /* O_RDWR */
    int append; /* O_RDWR | O_APPEND, or -1 */
    unsigned char *map; /* shared, of map_len bytes from map_off; or NULL */
    off_t map_off;
    size_t map_len;
    int linked; /* it has its second name */
    off_t size;
    unsigned char data[SIZE_MAX_]; /* zero beyond size */
};

static struct file files[FILES];
static unsigned char buf[IO_MAX + PAGE];
static uint64_t state;
static unsigned long seed, op;
static char done[LOG][120];

static uint64_t random64(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}

/* 0 ... n - 1 */
static size_t below(size_t n)
{
    return n ? (random64() >> 16) % n : 0;
}

/* Often at the edge of a page, where mistakes live. */
static off_t random_offset(off_t limit)
{
    off_t off = (off_t)below((size_t)limit + 1);

    switch (below(4)) {
    case 0: off &= ~(off_t)(PAGE - 1); break;
    case 1: off = (off & ~(off_t)(PAGE - 1)) + (off_t)below(3) - 1; break;
    default: break;
    }
    return off < 0 ? 0 : off > limit ? limit : off;
}

static size_t random_length(size_t limit)
{
    size_t len = below(3) ? below(300) : below(IO_MAX);

    if (below(4) == 0)
        len = (len + PAGE - 1) & ~(size_t)(PAGE - 1);
    return len > limit ? limit : len;
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(done[op % LOG], sizeof(done[0]), format, ap);
    va_end(ap);
}

__attribute__((format(printf, 1, 2))) _Noreturn static void wrong(const char *format, ...)
{
    va_list ap;
    int saved = errno;

    fprintf(stderr, "seed %lu, operation %lu: ", seed, op);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fprintf(stderr, " (errno %d, %s)\nthe last operations:\n", saved, strerror(saved));
    for (unsigned long i = op < LOG ? 0 : op - LOG + 1; i <= op; i++)
        fprintf(stderr, "  %lu: %s\n", i, done[i % LOG]);
    t_end(1);
}

/* A mapping that the file covers must not fault. Not safe in a handler, but it is the end anyway. */
static void on_fault(int signo)
{
    wrong("signal %d", signo);
}

static int index_of(const struct file *f)
{
    return (int)(f - files);
}

static const char *name_of(int i, char which)
{
    static char names[4][8];
    static unsigned next;
    char *name = names[next++ % 4];

    snprintf(name, sizeof(names[0]), "%c%d", which, i);
    return name;
}

static const char *name(const struct file *f)
{
    return name_of(index_of(f), 'f');
}

/* What a file of the image has at this place. */
static unsigned char image_byte(int file, off_t off)
{
    uint64_t x = ((uint64_t)off / 8 + 1) * 0x9e3779b97f4a7c15ull + (uint64_t)file;

    return (unsigned char)(x >> (8 * (off % 8)));
}

static off_t image_size(int file)
{
    static const off_t sizes[FILES] = { 0, 5000, 16 * PAGE + 17, 90 * PAGE };

    return sizes[file];
}

static void same(const struct file *f, const unsigned char *got, off_t off, size_t len,
                 const char *what)
{
    if (!memcmp(got, f->data + off, len))
        return;
    for (size_t i = 0; i < len; i++) {
        if (got[i] != f->data[off + (off_t)i]) {
            size_t bad = 0;

            for (size_t j = i; j < len; j++)
                bad += got[j] != f->data[off + (off_t)j];
            wrong("file %d, %s: byte %lld (of %lld) is %02x, not %02x; %zu of %zu bytes differ",
                  index_of(f), what, (long long)off + (long long)i, (long long)f->size, got[i],
                  f->data[off + (off_t)i], bad, len);
        }
    }
}

static void returned(long long got, long long expected, const char *what)
{
    if (got != expected)
        wrong("%s returned %lld, not %lld", what, got, expected);
}

static void open_fds(struct file *f, int flags)
{
    f->fd = open(name(f), O_RDWR | flags, 0644);
    if (f->fd < 0)
        wrong("open of file %d", index_of(f));
    f->append = -1;
}

static void unmap(struct file *f)
{
    if (f->map)
        returned(munmap(f->map, f->map_len), 0, "munmap");
    f->map = NULL;
}

static void close_fds(struct file *f)
{
    returned(close(f->fd), 0, "close");
    if (f->append >= 0)
        returned(close(f->append), 0, "close");
}

static void resized(struct file *f, off_t size)
{
    if (size < f->size)
        memset(f->data + size, 0, (size_t)(f->size - size));
    f->size = size;
}

/* Fills buf and the model. */
static void fresh_bytes(struct file *f, off_t off, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t x = random64();

        memcpy(buf + i, &x, 8);
    }
    memcpy(f->data + off, buf, len);
    if (len && off + (off_t)len > f->size)
        f->size = off + (off_t)len;
}

static size_t readable(const struct file *f, off_t off, size_t len)
{
    if (off >= f->size)
        return 0;
    return len < (size_t)(f->size - off) ? len : (size_t)(f->size - off);
}

static void do_read(struct file *f)
{
    off_t off = random_offset(SIZE_MAX_);
    size_t len = random_length(IO_MAX), n = readable(f, off, len), cut = below(len + 1);
    struct iovec iov[2] = { { buf, cut }, { buf + cut, len - cut } };
    int how = (int)below(3);

    note("read%d file %d: %lld, %zu", how, index_of(f), (long long)off, len);
    if (how == 0) {
        returned(pread(f->fd, buf, len, off), (long long)n, "pread");
    } else if (how == 1) {
        returned(lseek(f->fd, off, SEEK_SET), off, "lseek");
        returned(read(f->fd, buf, len), (long long)n, "read");
        returned(lseek(f->fd, 0, SEEK_CUR), off + (off_t)n, "lseek");
    } else {
        returned(preadv(f->fd, iov, 2, off), (long long)n, "preadv");
    }
    same(f, buf, off, n, "read");
}

static void do_write(struct file *f)
{
    off_t off = random_offset(SIZE_MAX_ - 1);
    size_t len = random_length((size_t)(SIZE_MAX_ - off)), cut = below(len + 1);
    struct iovec iov[2] = { { buf, cut }, { buf + cut, len - cut } };
    int how = (int)below(3);

    if (off > f->size && below(3)) /* a hole now and then */
        off = f->size;
    note("write%d file %d: %lld, %zu", how, index_of(f), (long long)off, len);
    fresh_bytes(f, off, len);
    if (how == 0) {
        returned(pwrite(f->fd, buf, len, off), (long long)len, "pwrite");
    } else if (how == 1) {
        returned(lseek(f->fd, off, SEEK_SET), off, "lseek");
        returned(write(f->fd, buf, len), (long long)len, "write");
    } else {
        returned(pwritev(f->fd, iov, 2, off), (long long)len, "pwritev");
    }
}

static void do_append(struct file *f)
{
    size_t len = random_length((size_t)(SIZE_MAX_ - f->size));

    note("append file %d: %zu", index_of(f), len);
    if (f->append < 0) {
        f->append = open(name(f), O_RDWR | O_APPEND);
        if (f->append < 0)
            wrong("open to append");
    }
    fresh_bytes(f, f->size, len);
    returned(write(f->append, buf, len), (long long)len, "write at the end");
}

static void do_truncate(struct file *f)
{
    off_t size = random_offset(below(2) ? SIZE_MAX_ : f->size);
    int how = (int)below(2);

    note("truncate%d file %d: from %lld to %lld", how, index_of(f), (long long)f->size,
         (long long)size);
    returned(how ? truncate(name(f), size) : ftruncate(f->fd, size), 0, "truncate");
    resized(f, size);
}

static void do_fallocate(struct file *f)
{
    static const int modes[] = {
        0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
        FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
    };
    int mode = modes[below(6)];
    off_t off = random_offset(SIZE_MAX_ - 1), end;
    size_t len = 1 + random_length((size_t)(SIZE_MAX_ - off) - 1);

    note("fallocate file %d: mode %x, %lld, %zu", index_of(f), (unsigned)mode, (long long)off, len);
    if (fallocate(f->fd, mode, off, (off_t)len) < 0) {
        if (errno != EOPNOTSUPP)
            wrong("fallocate");
        return;
    }
    end = off + (off_t)len;
    if (!(mode & FALLOC_FL_KEEP_SIZE) && end > f->size)
        f->size = end;
    if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
        memset(f->data + off, 0, len);
}

/* A shared mapping stays: it must show what later happens to the file, and carry stores into it. */
static void do_map(struct file *f)
{
    off_t off = random_offset(SIZE_MAX_ - 1) & ~(off_t)(PAGE - 1);

    unmap(f);
    f->map_off = off;
    f->map_len = (1 + below((size_t)(SIZE_MAX_ - off) / PAGE)) * PAGE;
    note("map file %d: %lld, %zu", index_of(f), (long long)off, f->map_len);
    f->map = mmap(NULL, f->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, off);
    if (f->map == MAP_FAILED) {
        f->map = NULL;
        wrong("mmap");
    }
}

/* A place in the mapping that the file covers; its length, perhaps 0. */
static size_t mapped_place(const struct file *f, off_t *off)
{
    size_t n = readable(f, f->map_off, f->map_len), start;

    if (!n)
        return 0;
    start = (size_t)random_offset((off_t)n - 1);
    *off = f->map_off + (off_t)start;
    return random_length(n - start);
}

static void do_map_read(struct file *f)
{
    off_t off = 0;
    size_t len, tail;

    if (!f->map)
        do_map(f);
    len = mapped_place(f, &off);
    note("load file %d: %lld, %zu", index_of(f), (long long)off, len);
    if (!len)
        return;
    memcpy(buf, f->map + (off - f->map_off), len);
    same(f, buf, off, len, "mapped");
    /* What the last page has after the file's end is zero, as nothing here stores there. */
    tail = (size_t)(f->size & (PAGE - 1));
    if (tail && f->size >= f->map_off && f->size < f->map_off + (off_t)f->map_len) {
        const unsigned char *p = f->map + (f->size - f->map_off);

        for (size_t i = 0; i < PAGE - tail; i++)
            if (p[i])
                wrong("file %d, mapped: byte %zu after the end is %02x", index_of(f), i, p[i]);
    }
}

static void do_map_write(struct file *f)
{
    off_t off = 0;
    size_t len;

    if (!f->map)
        do_map(f);
    len = mapped_place(f, &off);
    note("store file %d: %lld, %zu", index_of(f), (long long)off, len);
    if (!len)
        return;
    fresh_bytes(f, off, len);
    memcpy(f->map + (off - f->map_off), buf, len);
    if (below(4) == 0)
        returned(msync(f->map, f->map_len, below(2) ? MS_SYNC : MS_ASYNC), 0, "msync");
}

/* A private mapping: stores into it stay away from the file, and the file's bytes show in it. */
static void do_private(struct file *f)
{
    size_t len = (size_t)f->size, at, n;
    unsigned char *p;

    note("private map file %d", index_of(f));
    if (!len)
        return;
    p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, f->fd, 0);
    if (p == MAP_FAILED)
        wrong("mmap, private");
    at = (size_t)random_offset((off_t)len - 1);
    n = random_length(len - at);
    memset(p + at, 0x5a, n);
    same(f, p, 0, at, "private before");
    same(f, p + at + n, (off_t)(at + n), len - at - n, "private after");
    for (size_t i = at; i < at + n; i++)
        if (p[i] != 0x5a)
            wrong("a private store at %zu is gone", i);
    n = n > IO_MAX ? IO_MAX : n;
    returned(pread(f->fd, buf, n, (off_t)at), (long long)n, "pread");
    same(f, buf, (off_t)at, n, "the file below a private store");
    returned(munmap(p, len), 0, "munmap");
}

static void do_reopen(struct file *f)
{
    note("reopen file %d", index_of(f));
    if (below(2)) /* a mapping outlives its descriptor */
        unmap(f);
    close_fds(f);
    open_fds(f, 0);
}

/* Whole files by sendfile or copy_file_range, from one into another or to another place of itself. */
static void do_copy(struct file *f)
{
    struct file *to = &files[below(FILES)];
    off_t in = random_offset(f->size), out = random_offset(SIZE_MAX_ - 1), in0 = in, out0 = out;
    size_t len = random_length((size_t)(SIZE_MAX_ - out)), n;
    int how = (int)below(2);
    ssize_t got;

    n = readable(f, in, len);
    if (to == f) /* else it may go on with what it has just written */
        len = n;
    if (to == f && in < out + (off_t)len && out < in + (off_t)len)
        return; /* ranges that overlap are refused by the one and undefined by the other */
    note("copy%d file %d: %lld, %zu to file %d: %lld", how, index_of(f), (long long)in, len,
         index_of(to), (long long)out);
    if (how) {
        got = copy_file_range(f->fd, &in, to->fd, &out, len, 0);
        if (got < 0 && (errno == EXDEV || errno == EOPNOTSUPP || errno == ENOSYS))
            return;
    } else {
        returned(lseek(to->fd, out, SEEK_SET), out, "lseek");
        got = sendfile(to->fd, f->fd, &in, len);
        out += got > 0 ? got : 0;
    }
    /* Either may copy less than asked, but not nothing, and it must say so. */
    if (got < 0 || (size_t)got > n || (n && !got))
        wrong("copy returned %zd of %zu", got, n);
    returned(in, in0 + got, "the offset of the source");
    returned(out, out0 + got, "the offset of the copy");
    memmove(to->data + out0, f->data + in0, (size_t)got);
    if (got && out0 + got > to->size)
        to->size = out0 + got;
}

static void do_seek(struct file *f)
{
    off_t off, data, hole;

    if (!f->size)
        return;
    off = random_offset(f->size - 1);
    note("seek file %d: %lld", index_of(f), (long long)off);
    data = lseek(f->fd, off, SEEK_DATA);
    hole = lseek(f->fd, off, SEEK_HOLE);
    if (hole < off || hole > f->size)
        wrong("SEEK_HOLE from %lld: %lld of %lld", (long long)off, (long long)hole,
              (long long)f->size);
    if (data < 0 ? errno != 0 && hole != off : data < off || data >= f->size)
        wrong("SEEK_DATA from %lld: %lld of %lld", (long long)off, (long long)data,
              (long long)f->size);
    for (off_t i = off; i < (data < 0 ? f->size : data); i++)
        if (f->data[i])
            wrong("SEEK_DATA from %lld skips data at %lld", (long long)off, (long long)i);
    returned(lseek(f->fd, 0, SEEK_END), f->size, "SEEK_END");
}

static void do_stat(struct file *f)
{
    struct stat by_fd, by_name;

    note("stat file %d", index_of(f));
    returned(fstat(f->fd, &by_fd), 0, "fstat");
    returned(stat(name(f), &by_name), 0, "stat");
    returned(by_fd.st_size, f->size, "fstat: size");
    returned(by_name.st_size, f->size, "stat: size");
    returned((long long)by_name.st_ino, (long long)by_fd.st_ino, "inode numbers");
    returned((long long)by_fd.st_nlink, 1 + f->linked, "links");
}

static void do_rename(struct file *f)
{
    int i = index_of(f);

    note("rename file %d", i);
    returned(rename(name(f), "other"), 0, "rename");
    CHECK_ERRNO(access(name(f), F_OK), ENOENT);
    if (below(2)) /* over a file that is there */
        returned(close(open(name(f), O_CREAT | O_WRONLY, 0600)), 0, "open");
    returned(rename("other", name(f)), 0, "rename back");
    CHECK_ERRNO(access("other", F_OK), ENOENT);
}

static void do_link(struct file *f)
{
    int i = index_of(f);

    note("link file %d", i);
    if (f->linked) {
        /* The other name goes or stays; the file is the same by either. */
        if (below(2))
            returned(unlink(name(f)), 0, "unlink"), returned(rename(name_of(i, 'l'), name(f)), 0,
                                                             "rename");
        else
            returned(unlink(name_of(i, 'l')), 0, "unlink");
        f->linked = 0;
    } else {
        returned(link(name(f), name_of(i, 'l')), 0, "link");
        f->linked = 1;
    }
}

/* All of the file, by a descriptor of its own. */
static void verify(struct file *f)
{
    int fd = open(f->linked && below(2) ? name_of(index_of(f), 'l') : name(f), O_RDONLY);
    off_t off = 0;

    if (fd < 0)
        wrong("open to verify file %d", index_of(f));
    while (off < f->size) {
        size_t len = readable(f, off, IO_MAX);

        returned(read(fd, buf, IO_MAX), (long long)len, "read to verify");
        same(f, buf, off, len, "verified");
        off += (off_t)len;
    }
    returned(read(fd, buf, 1), 0, "read at the end");
    returned(close(fd), 0, "close");
}

/* The old file lives on as long as something is open, and the new one is another. */
static void do_unlink(struct file *f)
{
    size_t len = f->size > IO_MAX ? IO_MAX : (size_t)f->size;
    int old = f->fd, i = index_of(f);

    note("unlink and make file %d", i);
    returned(unlink(name(f)), 0, "unlink");
    if (f->linked)
        returned(unlink(name_of(i, 'l')), 0, "unlink");
    f->linked = 0;
    CHECK_ERRNO(open(name(f), O_RDWR), ENOENT);
    if (f->append >= 0)
        returned(close(f->append), 0, "close");
    open_fds(f, O_CREAT | O_EXCL);
    returned(pread(old, buf, len, 0), (long long)len, "pread of an unlinked file");
    same(f, buf, 0, len, "unlinked");
    unmap(f);
    returned(close(old), 0, "close");
    resized(f, 0);
}

static void do_sync(struct file *f)
{
    note("sync file %d", index_of(f));
    returned(below(2) ? fsync(f->fd) : fdatasync(f->fd), 0, "fsync");
}

/* Another process sees the same. */
static void do_fork(struct file *f)
{
    pid_t pid;

    note("fork, file %d", index_of(f));
    pid = t_fork();
    if (pid == 0) {
        verify(f);
        if (f->map)
            do_map_read(f);
        t_end(0);
    }
    if (t_wait(pid) != 0)
        wrong("the child failed");
}

static const struct {
    void (*fn)(struct file *f);
    unsigned weight;
} operations[] = {
    { do_read, 20 },    { do_write, 20 },    { do_append, 5 },   { do_truncate, 8 },
    { do_fallocate, 8 }, { do_map, 3 },      { do_map_read, 12 }, { do_map_write, 12 },
    { do_private, 3 },  { do_reopen, 4 },    { do_copy, 6 },     { do_seek, 3 },
    { do_stat, 6 },     { do_rename, 3 },    { do_link, 3 },     { verify, 2 },
    { do_unlink, 1 },   { do_sync, 2 },
};

static void one(void)
{
    struct file *f = &files[below(FILES)];
    unsigned n = (unsigned)sizeof(operations) / sizeof(operations[0]), total = 0;
    size_t pick;

    if (op % 1000 == 999) { /* dear, and enough */
        do_fork(f);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        total += operations[i].weight;
    pick = below(total);
    note("verify file %d", index_of(f)); /* the only one without a line of its own */
    for (unsigned i = 0; i < n; i++) {
        if (pick < operations[i].weight) {
            operations[i].fn(f);
            return;
        }
        pick -= operations[i].weight;
    }
}

static void make_image(void)
{
    for (int i = 0; i < FILES; i++) {
        int fd = OK(open(name_of(i, 'f'), O_WRONLY | O_CREAT | O_TRUNC, 0644));

        for (off_t off = 0; off < image_size(i); off++)
            files[i].data[off] = image_byte(i, off);
        CHECK_EQ(write(fd, files[i].data, (size_t)image_size(i)), image_size(i));
        OK(close(fd));
    }
}

/* A file of the image is taken as it is, without reading it. */
static void start(struct file *f)
{
    if (access(name(f), F_OK) == 0) {
        f->size = image_size(index_of(f));
        for (off_t off = 0; off < f->size; off++)
            f->data[off] = image_byte(index_of(f), off);
    }
    open_fds(f, O_CREAT);
}

int main(int argc, char **argv)
{
    unsigned long ops;

    CHECK(argc >= 3);
    CHECK(signal(SIGBUS, on_fault) != SIG_ERR && signal(SIGSEGV, on_fault) != SIG_ERR);
    OK(chdir(argv[2]));
    if (!strcmp(argv[1], "make")) {
        make_image();
        return 0;
    }
    CHECK_EQ(argc, 5);
    seed = strtoul(argv[3], NULL, 10);
    ops = strtoul(argv[4], NULL, 10);
    state = seed * 0x9e3779b97f4a7c15ull + 1;
    for (int i = 0; i < FILES; i++)
        start(&files[i]);
    for (op = 0; op < ops; op++)
        one();
    for (int i = 0; i < FILES; i++) {
        verify(&files[i]);
        unmap(&files[i]);
        close_fds(&files[i]);
        unlink(name_of(i, 'l'));
        returned(unlink(name(&files[i])), 0, "unlink");
    }
    return 0;
}
