/* SPDX-License-Identifier: Apache-2.0 */
/* Names of unix sockets: paths and their rights, abstract names, autobind; and what shows them. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define PATH_AT ((socklen_t)offsetof(struct sockaddr_un, sun_path))

static struct sockaddr_un at(const char *path)
{
    struct sockaddr_un a = { AF_UNIX, "" };

    memcpy(a.sun_path, path, strnlen(path, sizeof(a.sun_path)));
    return a;
}

static int try_bind(int s, const char *path)
{
    struct sockaddr_un a = at(path);

    return bind(s, (void *)&a, sizeof(a));
}

static int try_connect(int s, const char *path)
{
    struct sockaddr_un a = at(path);

    return connect(s, (void *)&a, sizeof(a));
}

static int stream(void)
{
    return (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
}

static void paths(void)
{
    int l = stream(), c = stream(), s;
    struct sockaddr_un a;
    socklen_t n = sizeof(a);
    struct stat st;
    char buf[4];

    umask(027);
    OK(try_bind(l, "sock"));
    OK(stat("sock", &st));
    CHECK_EQ(st.st_mode, S_IFSOCK | 0750);
    CHECK_EQ(st.st_uid, geteuid());
    OK(getsockname(l, (void *)&a, &n));
    CHECK_EQ(n, PATH_AT + 5);
    CHECK(!strcmp(a.sun_path, "sock"));
    CHECK_ERRNO(try_bind(l, "other"), EINVAL);
    CHECK_ERRNO(try_bind(c, "sock"), EADDRINUSE);
    CHECK_ERRNO(access("other", F_OK), ENOENT);
    CHECK_ERRNO(open("sock", O_RDWR), ENXIO);
    CHECK_ERRNO(try_connect(c, "sock"), ECONNREFUSED); /* does not listen yet */
    OK(listen(l, 5));
    /* By another name, by a link, through another folder. */
    OK(link("sock", "hard"));
    OK(symlink("sock", "soft"));
    OK(mkdir("d", 0700));
    OK(rename("sock", "d/moved"));
    OK(try_connect(c, "hard"));
    s = (int)OK(accept(l, NULL, NULL));
    CHECK_EQ(write(c, "x", 1), 1);
    CHECK_EQ(read(s, buf, 4), 1);
    OK(close(s));
    OK(close(c));
    c = stream();
    CHECK_ERRNO(try_connect(c, "soft"), ENOENT);
    OK(unlink("soft"));
    OK(symlink("d/moved", "soft"));
    OK(try_connect(c, "soft"));
    n = sizeof(a);
    OK(getpeername(c, (void *)&a, &n));
    CHECK(!strcmp(a.sun_path, "sock")); /* as it was bound */
    OK(close(c));
    /* Removed: those who have it go on, nobody else finds it; the name can be used anew. */
    OK(unlink("hard"));
    OK(unlink("d/moved"));
    c = stream();
    CHECK_ERRNO(try_connect(c, "d/moved"), ENOENT);
    s = stream();
    OK(try_bind(s, "d/moved"));
    OK(listen(s, 1));
    OK(try_connect(c, "d/moved"));
    OK(close(c));
    OK(close(s));
    OK(close(l));
    /* The node stays when the socket is closed. */
    c = stream();
    CHECK_ERRNO(try_connect(c, "d/moved"), ECONNREFUSED);
    CHECK_ERRNO(try_bind(c, "d/moved"), EADDRINUSE);
    OK(close(c));
    OK(unlink("d/moved"));
    OK(unlink("soft"));
    OK(rmdir("d"));
}

static void path_errors(void)
{
    char long_path[109];
    struct sockaddr_un a = at("");
    int s = stream(), d = (int)OK(socket(AF_UNIX, SOCK_DGRAM, 0)), fd;

    CHECK_ERRNO(try_bind(s, "no/such"), ENOENT);
    CHECK_ERRNO(try_connect(s, "no"), ENOENT);
    fd = (int)OK(open("file", O_CREAT | O_WRONLY, 0600));
    CHECK_ERRNO(try_bind(s, "file"), EADDRINUSE);
    CHECK_ERRNO(try_bind(s, "file/x"), ENOTDIR);
    CHECK_ERRNO(try_connect(s, "file"), ECONNREFUSED);
    CHECK_ERRNO(try_connect(s, "file/x"), ENOTDIR);
    OK(close(fd));
    OK(unlink("file"));
    CHECK_ERRNO(bind(s, (void *)&a, PATH_AT - 1), EINVAL);
    CHECK_ERRNO(bind(s, (void *)&a, sizeof(a) + 1), EINVAL);
    CHECK_ERRNO(connect(s, (void *)&a, PATH_AT), EINVAL);
    CHECK_ERRNO(bind(s, (void *)8, sizeof(a)), EFAULT);
    a.sun_family = AF_INET;
    CHECK_ERRNO(bind(s, (void *)&a, sizeof(a)), EINVAL);
    CHECK_ERRNO(connect(s, (void *)&a, sizeof(a)), EINVAL);
    /* All of sun_path, without a NUL. */
    memset(long_path, 'p', 108);
    long_path[108] = 0;
    OK(try_bind(s, long_path));
    OK(access(long_path, F_OK));
    CHECK_ERRNO(try_connect(d, long_path), EPROTOTYPE);
    OK(unlink(long_path));
    CHECK_ERRNO(listen(d, 1), EOPNOTSUPP);
    OK(close(s));
    OK(close(d));
    s = stream();
    CHECK_ERRNO(listen(s, 1), EINVAL); /* it has no name */
    OK(close(s));
}

static void rights(void)
{
    struct stat st;
    pid_t pid;
    int l;

    if (geteuid() != 0)
        return;
    umask(0);
    OK(chmod(".", 0755));
    l = stream();
    OK(try_bind(l, "s"));
    OK(listen(l, 5));
    OK(mkdir("closed", 0700));
    OK(link("s", "closed/s"));
    OK(chmod("s", 0755));
    pid = t_fork();
    if (pid == 0) {
        int c = stream();

        OK(setgid(1000));
        OK(setuid(1000));
        CHECK_ERRNO(try_connect(c, "s"), EACCES);
        CHECK_ERRNO(try_connect(c, "closed/s"), EACCES);
        CHECK_ERRNO(try_bind(c, "mine"), EACCES);
        t_end(0);
    }
    t_join(pid);
    OK(chmod("s", 0722));
    OK(chown("s", 5, 6));
    OK(stat("s", &st));
    CHECK(st.st_mode == (S_IFSOCK | 0722) && st.st_uid == 5);
    pid = t_fork();
    if (pid == 0) {
        struct ucred u;
        socklen_t n = sizeof(u);
        int c = stream();

        OK(setgid(1001));
        OK(setuid(1000));
        OK(try_connect(c, "s"));
        OK(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &n));
        CHECK(u.pid == getppid() && u.uid == 0);
        t_end(0);
    }
    {
        struct ucred u;
        socklen_t n = sizeof(u);
        int s = (int)OK(accept(l, NULL, NULL));

        OK(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &u, &n));
        CHECK(u.pid == pid && u.uid == 1000 && u.gid == 1001);
        OK(close(s));
    }
    t_join(pid);
    OK(close(l));
    OK(unlink("closed/s"));
    OK(rmdir("closed"));
    OK(unlink("s"));
}

/*
 * An abstract name is all its bytes; each type of socket has names of its own; it ends with the
 * socket.
 */
static void abstract(void)
{
    struct sockaddr_un a = { AF_UNIX, "" }, b;
    socklen_t n, len = PATH_AT + 20;
    int s = stream(), t = stream(), d = (int)OK(socket(AF_UNIX, SOCK_DGRAM, 0));

    snprintf(a.sun_path + 1, 19, "rvt.%d", getpid());
    a.sun_path[15] = 'x'; /* behind a NUL */
    OK(bind(s, (void *)&a, len));
    CHECK_ERRNO(bind(t, (void *)&a, len), EADDRINUSE);
    CHECK_ERRNO(connect(t, (void *)&a, len - 1), ECONNREFUSED);
    OK(bind(d, (void *)&a, len));
    n = sizeof(b);
    OK(getsockname(s, (void *)&b, &n));
    CHECK(n == len && !memcmp(&a, &b, len));
    n = 5; /* less room: as much as fits, and the real length */
    memset(&b, 'z', sizeof(b));
    OK(getsockname(s, (void *)&b, &n));
    CHECK(n == len && !memcmp(&a, &b, 5) && b.sun_path[3] == 'z');
    n = (socklen_t)-1;
    CHECK_ERRNO(getsockname(s, (void *)&b, &n), EINVAL);
    OK(listen(s, 1));
    OK(connect(t, (void *)&a, len));
    OK(close(t));
    OK(close(s));
    t = stream();
    CHECK_ERRNO(connect(t, (void *)&a, len), ECONNREFUSED);
    OK(bind(t, (void *)&a, len));
    OK(close(t));
    OK(close(d));
}

static void autobind(void)
{
    struct sockaddr_un a = { AF_UNIX, "" }, b = { AF_UNIX, "" };
    int s = stream(), t = stream(), d = (int)OK(socket(AF_UNIX, SOCK_DGRAM, 0)), on = 1;
    socklen_t n = sizeof(a);
    sa_family_t family = AF_UNIX;
    int p[2];

    OK(bind(s, (void *)&family, sizeof(family)));
    OK(getsockname(s, (void *)&a, &n));
    CHECK_EQ(n, PATH_AT + 6);
    CHECK_EQ(a.sun_path[0], 0);
    CHECK_EQ(strspn(a.sun_path + 1, "0123456789abcdef"), 5);
    OK(bind(t, (void *)&family, sizeof(family)));
    OK(getsockname(t, (void *)&b, &n));
    CHECK(memcmp(&a, &b, n));
    OK(listen(s, 1));
    OK(close(t));
    t = stream();
    OK(connect(t, (void *)&a, n));
    /* unix(7): SO_PASSCRED gives a name when it is connected or sends. */
    OK(setsockopt(d, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    n = sizeof(b);
    OK(getsockname(d, (void *)&b, &n));
    CHECK_EQ(n, sizeof(sa_family_t));
    CHECK_ERRNO(sendto(d, "x", 1, 0, (void *)&a, PATH_AT + 6), ECONNREFUSED);
    n = sizeof(b);
    OK(getsockname(d, (void *)&b, &n));
    CHECK_EQ(n, PATH_AT + 6);
    OK(close(s));
    OK(close(t));
    OK(close(d));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    n = sizeof(b);
    OK(getsockname(p[0], (void *)&b, &n));
    CHECK_EQ(n, sizeof(sa_family_t));
    OK(close(p[0]));
    OK(close(p[1]));
}

static void proc(void)
{
    char link[64], text[64], line[256], want[32];
    struct stat st;
    int s = stream(), found = 0;
    ssize_t n;
    FILE *f;

    OK(try_bind(s, "shown"));
    OK(listen(s, 1));
    OK(fstat(s, &st));
    snprintf(link, sizeof(link), "/proc/self/fd/%d", s);
    n = OK(readlink(link, text, sizeof(text) - 1));
    text[n] = 0;
    snprintf(want, sizeof(want), "socket:[%lu]", (unsigned long)st.st_ino);
    CHECK(!strcmp(text, want));
    CHECK_ERRNO(open(link, O_RDWR), ENXIO);
    OK(stat(link, &st));
    CHECK(S_ISSOCK(st.st_mode));
    f = fopen("/proc/net/unix", "r");
    CHECK(f != NULL);
    while (fgets(line, sizeof(line), f)) {
        unsigned refs, proto, flags, type, state;
        unsigned long ino;
        char path[128] = "";

        if (sscanf(line, "%*[^:]: %x %x %x %x %x %lu %127s", &refs, &proto, &flags, &type, &state,
                   &ino, path) >= 6 && ino == st.st_ino) {
            CHECK(flags == 0x10000 && type == 1 && state == 1 && !strcmp(path, "shown"));
            found = 1;
        }
    }
    CHECK(found);
    fclose(f);
    OK(close(s));
    OK(unlink("shown"));
}

int main(void)
{
    t_scratch();
    paths();
    path_errors();
    rights();
    abstract();
    autobind();
    proc();
    return 0;
}
