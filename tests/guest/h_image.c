/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the script: the image has a FIFO, devices and links that try to leave it, in /tricks. Opening
 * them has no effect on the host, never blocks and never leaves the image.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <sys/stat.h>

static int exists(const char *name)
{
    struct stat st;

    return lstat(name, &st) == 0;
}

static void fifo(void)
{
    struct stat st;
    char c;
    int fd;

    OK(stat("/tricks/fifo", &st));
    CHECK(S_ISFIFO(st.st_mode));
    CHECK_ERRNO(open("/tricks/fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    fd = OK(open("/tricks/fifo", O_RDONLY | O_NONBLOCK));
    CHECK_EQ(read(fd, &c, 1), 0); /* nobody writes, also not the host, which does just now */
    OK(close(fd));
}

static void device(const char *name, int err)
{
    int fd;

    if (!exists(name))
        return; /* the script had no right to make it */
    fd = open(name, O_RDWR);
    CHECK(fd == -1 ? errno == err || errno == EACCES : err == 0);
    if (fd >= 0)
        close(fd);
}

static void text_is(const char *name, const char *text)
{
    char buf[64] = { 0 };
    int fd = open(name, O_RDONLY);

    if (fd < 0) {
        fprintf(stderr, "%s: %s\n", name, strerror(errno));
        t_end(1);
    }
    OK(read(fd, buf, sizeof(buf) - 1));
    CHECK(!strcmp(buf, text));
    OK(close(fd));
}

int main(void)
{
    fifo();
    device("/tricks/null", 0);
    device("/tricks/mem", ENXIO);
    device("/tricks/kvm", ENXIO);
    device("/tricks/disk", ENXIO);
    CHECK(open("/tricks/socket", O_RDWR) == -1);
    text_is("/tricks/absolute", "of the image\n");
    text_is("/tricks/dotdot", "of the image\n");
    text_is("/tricks/chain", "of the image\n");
    text_is("/../../../marker", "of the image\n");
    CHECK_ERRNO(open("/tricks/outside", O_RDONLY), ENOENT); /* the absolute name on the host */
    CHECK(open("/tricks/magic", O_RDONLY) == -1 || exists("/proc/self/root"));
    CHECK_ERRNO(open("/tricks/loop", O_RDONLY), ELOOP);
    return 0;
}
