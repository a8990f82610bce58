/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the script, which runs it natively and in a sandbox and compares what it says and what is in the
 * file then: h_stdio WHAT, with a regular file as stdin (rdonly) or stdout (rdwr), says on stderr.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <sys/stat.h>

static void say(const char *what, long long value)
{
    fprintf(stderr, "%s %lld%s%s\n", what, value, value < 0 ? " " : "",
            value < 0 ? strerrorname_np(errno) : "");
}

static void put(int fd, const char *text)
{
    say(text, write(fd, text, strlen(text)));
}

static void places(void)
{
    int a, b;

    put(1, "first ");
    say("a", (a = open("/proc/self/fd/1", O_WRONLY)) >= 0);
    put(a, "OWN");
    say("place", lseek(a, 0, SEEK_CUR));
    say("inherited", lseek(1, 0, SEEK_CUR));
    say("end", lseek(a, 0, SEEK_END));
    say("b", (b = open("/dev/stdout", O_WRONLY | O_APPEND)) >= 0);
    put(b, "appended ");
    say("place", lseek(b, 0, SEEK_CUR));
    put(1, "second");
    say("pwrite", pwrite(1, "x", 1, 20));
    say("inherited", lseek(1, 0, SEEK_CUR));
    say("negative", lseek(1, -100, SEEK_CUR));
    say("whence", lseek(1, 0, 77));
}

static void sizes(void)
{
    struct stat st;

    put(1, "0123456789");
    OK(fstat(1, &st));
    say("size", st.st_size);
    say("regular", S_ISREG(st.st_mode));
    OK(stat("/dev/stdout", &st));
    say("size", st.st_size);
    say("truncate", ftruncate(1, 4));
    OK(fstat(1, &st));
    say("size", st.st_size);
    say("place", lseek(1, 2, SEEK_SET));
    put(1, "ab");
    say("sync", fsync(1));
}

static void cuts(void)
{
    int a;

    put(1, "what is cut away");
    say("a", (a = open("/dev/stdout", O_WRONLY | O_TRUNC | O_CREAT, 0600)) >= 0);
    say("end", lseek(1, 0, SEEK_END));
    put(a, "new");
    say("place", lseek(1, 0, SEEK_CUR));
}

static void reads(void)
{
    char buf[8] = "";
    int a;

    say("read", read(0, buf, 3));
    say("a", (a = open("/dev/stdin", O_RDONLY)) >= 0);
    say("read", read(a, buf + 3, 2));
    say("pread", pread(0, buf + 5, 2, 4));
    fprintf(stderr, "%s\n", buf);
    say("place", lseek(0, 0, SEEK_CUR));
    say("end", lseek(a, 0, SEEK_END));
    say("read", read(a, buf, 1));
    say("write", write(0, "x", 1));
    say("truncate", ftruncate(0, 1));
    say("seek", lseek(0, 1, SEEK_SET)); /* the caller goes on there */
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    if (!strcmp(argv[1], "places"))
        places();
    else if (!strcmp(argv[1], "sizes"))
        sizes();
    else if (!strcmp(argv[1], "cuts"))
        cuts();
    else
        reads();
    return 0;
}
