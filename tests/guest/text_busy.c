/* SPDX-License-Identifier: Apache-2.0 */
/* ETXTBSY: a program that runs is not written to, and one that is being written is not run (execve(2)). */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* A copy of this program, as `name`. */
static void copy_self(const char *name)
{
    static char buf[65536];
    int from = (int)OK(open("/proc/self/exe", O_RDONLY));
    int to = (int)OK(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755));
    ssize_t n;

    while ((n = OK(read(from, buf, sizeof(buf)))) > 0)
        CHECK_EQ(write(to, buf, (size_t)n), n);
    OK(close(from));
    OK(close(to));
}

/* A process that runs `name`; it waits until the descriptor that comes back is closed. */
static pid_t runs(const char *name, int *release)
{
    int started[2], wait[2];
    char c;
    pid_t pid;

    OK(pipe(started));
    OK(pipe(wait));
    pid = t_fork();
    if (pid == 0) {
        OK(dup2(started[1], 1));
        OK(dup2(wait[0], 0));
        OK(close(wait[1]));
        execl(name, name, "waits", NULL);
        t_end(1);
    }
    OK(close(started[1]));
    OK(close(wait[0]));
    CHECK_EQ(read(started[0], &c, 1), 1);
    OK(close(started[0]));
    *release = wait[1];
    return pid;
}

static int runs_to_end(const char *name)
{
    int code;
    pid_t pid = t_fork();

    if (pid == 0) {
        execl(name, name, "ends", NULL);
        _exit(errno);
    }
    code = t_wait(pid);
    CHECK(WIFEXITED(code));
    return WEXITSTATUS(code);
}

static void not_writable(const char *name)
{
    CHECK_ERRNO(open(name, O_WRONLY), ETXTBSY);
    CHECK_ERRNO(open(name, O_RDWR | O_APPEND), ETXTBSY);
    CHECK_ERRNO(open(name, O_RDWR | O_CREAT, 0700), ETXTBSY);
    CHECK_ERRNO(open(name, O_RDONLY | O_TRUNC), ETXTBSY);
    CHECK_ERRNO(truncate(name, 0), ETXTBSY);
}

static void running_programs(void)
{
    struct stat st;
    int release, fd;
    pid_t pid;

    not_writable("/proc/self/exe");
    copy_self("prog");
    OK(link("prog", "other_name"));
    pid = runs("./prog", &release);
    not_writable("prog");
    not_writable("other_name");
    OK(stat("prog", &st));
    CHECK(st.st_size > 0);
    OK(close((int)OK(open("prog", O_RDONLY))));
    OK(close((int)OK(open("prog", O_WRONLY | O_PATH))));
    OK(chmod("prog", 0700)); /* all but its contents can be changed */
    OK(rename("prog", "elsewhere"));
    not_writable("elsewhere");
    OK(unlink("elsewhere"));
    copy_self("prog"); /* another file */
    CHECK_EQ(runs_to_end("./prog"), 0);
    OK(close(release));
    t_join(pid);
    fd = (int)OK(open("other_name", O_RDWR)); /* nobody runs it any more */
    OK(close(fd));
    OK(truncate("other_name", 100));
    OK(unlink("other_name"));
}

/* A child goes on running the program when its parent has gone. */
static void until_the_last(void)
{
    int p[2], wait[2], fd;
    pid_t pid;
    char c;

    copy_self("prog");
    OK(pipe(p));
    OK(pipe(wait));
    pid = t_fork();
    if (pid == 0) {
        OK(close(p[0]));
        OK(close(wait[1]));
        OK(dup2(p[1], 1));
        OK(dup2(wait[0], 0));
        execl("./prog", "./prog", "forks", NULL);
        t_end(1);
    }
    OK(close(p[1]));
    CHECK_EQ(read(p[0], &c, 1), 1);
    t_join(pid); /* its child is there still */
    not_writable("prog");
    OK(close(wait[0]));
    OK(close(wait[1]));
    CHECK_EQ(read(p[0], &c, 1), 0);
    EVENTUALLY((fd = open("prog", O_WRONLY)) >= 0);
    OK(close(fd));
}

static void written_programs(void)
{
    int fd;

    copy_self("prog");
    fd = (int)OK(open("prog", O_WRONLY | O_APPEND));
    CHECK_EQ(runs_to_end("./prog"), ETXTBSY);
    OK(close(fd));
    CHECK_EQ(runs_to_end("./prog"), 0);
    fd = (int)OK(open("script", O_WRONLY | O_CREAT, 0700));
    CHECK_EQ(write(fd, "#!./prog ends\n", 14), 14);
    CHECK_EQ(runs_to_end("./script"), ETXTBSY);
    OK(close(fd));
    CHECK_EQ(runs_to_end("./script"), 0);
    fd = (int)OK(open("script", O_RDONLY));
    CHECK_EQ(runs_to_end("./script"), 0);
    OK(close(fd));
}

/* What memfd_create made is run although it can be written to, as long as nobody opened it for that. */
static void memfd(void)
{
    static char buf[65536];
    int from = (int)OK(open("/proc/self/exe", O_RDONLY)), fd = (int)OK(memfd_create("m", MFD_CLOEXEC)), status;
    char *argv[] = { "m", "ends", NULL }, *envp[] = { NULL }, path[64];
    ssize_t n;
    pid_t pid;

    while ((n = OK(read(from, buf, sizeof(buf)))) > 0)
        CHECK_EQ(write(fd, buf, (size_t)n), n);
    for (int again = 0; again < 2; again++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        from = again ? (int)OK(open(path, O_RDWR)) : -1;
        pid = t_fork();
        if (pid == 0) {
            fexecve(fd, argv, envp);
            _exit(errno);
        }
        status = t_wait(pid);
        CHECK_EQ(WEXITSTATUS(status), again ? ETXTBSY : 0);
    }
}

int main(int argc, char **argv)
{
    char c;

    if (argc > 1 && !strcmp(argv[1], "ends"))
        return 0;
    if (argc > 1 && !strcmp(argv[1], "waits")) {
        OK(write(1, "x", 1));
        CHECK_EQ(read(0, &c, 1), 0);
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "forks")) {
        if (fork() == 0)
            _exit(read(0, &c, 1) != 0);
        OK(write(1, "x", 1));
        _exit(0);
    }
    t_scratch();
    running_programs();
    until_the_last();
    written_programs();
    memfd();
    return 0;
}
