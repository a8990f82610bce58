/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the script: two sandboxes and the host take turns on the files of one folder. h_share DIR reads
 * lines from stdin, does what each says, and answers with a line each: "ok", or what it found.
 *
 *   write NAME OFF TEXT     append NAME TEXT       read NAME OFF N       size NAME
 *   rename OLD NEW          unlink NAME            list                  exists NAME
 *   map NAME                store OFF TEXT         load OFF N            (one shared mapping, a page)
 *   keep NAME               kept OFF N             (a descriptor that stays open)
 *   sync NAME               truncate NAME SIZE     mkdir NAME              hello
 */
#define _GNU_SOURCE
#include "t.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static char *map;
static int kept = -1;

static void answer(long long r)
{
    if (r < 0)
        printf("error %s\n", strerrorname_np(errno));
    else
        printf("ok\n");
}

static void show(int fd, off_t off, size_t n)
{
    char buf[512];
    ssize_t r = pread(fd, buf, n < sizeof(buf) ? n : sizeof(buf), off);

    if (r < 0)
        answer(r);
    else
        printf("%.*s\n", (int)r, buf);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(void)
{
    char *names[64];
    int n = 0;
    struct dirent *e;
    DIR *d = opendir(".");

    CHECK(d != NULL);
    while ((e = readdir(d)))
        if (e->d_name[0] != '.' && n < 64)
            names[n++] = strdup(e->d_name);
    closedir(d);
    qsort(names, (size_t)n, sizeof(names[0]), compare);
    for (int i = 0; i < n; i++)
        printf("%s%s", i ? " " : "", names[i]);
    printf("\n");
}

static void put(const char *name, int flags, off_t off, const char *text)
{
    int fd = open(name, flags | O_WRONLY | O_CREAT, 0644);
    size_t n = strlen(text);

    if (fd < 0) {
        answer(fd);
        return;
    }
    if (flags & O_APPEND)
        CHECK_EQ(write(fd, text, n), n);
    else
        CHECK_EQ(pwrite(fd, text, n, off), n);
    OK(close(fd));
    answer(0);
}

static void with_open(const char *what, const char *name, long a, long b)
{
    int fd = open(name, *what == 'm' ? O_RDWR : O_RDONLY), keep = *what == 'k';

    if (fd < 0) {
        answer(fd);
        return;
    }
    if (*what == 'r') {
        show(fd, a, (size_t)b);
    } else if (*what == 's') {
        answer(fsync(fd));
    } else if (*what == 'm') {
        map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        CHECK(map != MAP_FAILED);
        answer(0);
    } else {
        kept = fd;
        answer(0);
    }
    if (!keep)
        OK(close(fd));
}

static void one(char *line)
{
    char what[16] = "", name[64] = "", text[256] = "";
    struct stat st;
    long a = 0, b = 0;

    sscanf(line, "%15s %63s %255s", what, name, text);
    if (!strcmp(what, "write") && sscanf(line, "%*s %*s %ld %255s", &a, text) == 2)
        put(name, 0, a, text);
    else if (!strcmp(what, "append"))
        put(name, O_APPEND, 0, text);
    else if (!strcmp(what, "read") && sscanf(line, "%*s %*s %ld %ld", &a, &b) == 2)
        with_open(what, name, a, b);
    else if (!strcmp(what, "sync") || !strcmp(what, "map") || !strcmp(what, "keep"))
        with_open(what, name, 0, 0);
    else if (!strcmp(what, "size") || !strcmp(what, "exists"))
        stat(name, &st) ? answer(-1) : (void)printf("%lld\n", *what == 's' ? (long long)st.st_size : 1);
    else if (!strcmp(what, "rename"))
        answer(rename(name, text));
    else if (!strcmp(what, "unlink"))
        answer(unlink(name));
    else if (!strcmp(what, "mkdir"))
        answer(mkdir(name, 0755));
    else if (!strcmp(what, "truncate"))
        answer(truncate(name, strtol(text, NULL, 10)));
    else if (!strcmp(what, "list"))
        list();
    else if (!strcmp(what, "store"))
        memcpy(map + strtol(name, NULL, 10), text, strlen(text)), answer(0);
    else if (!strcmp(what, "load"))
        printf("%.*s\n", (int)strtol(text, NULL, 10), map + strtol(name, NULL, 10));
    else if (!strcmp(what, "kept"))
        show(kept, strtol(name, NULL, 10), (size_t)strtol(text, NULL, 10));
    else if (!strcmp(what, "hello"))
        printf("ready\n");
    else
        printf("what?\n");
}

int main(int argc, char **argv)
{
    char line[512];

    CHECK_EQ(argc, 2);
    OK(chdir(argv[1]));
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin))
        one(line);
    return 0;
}
