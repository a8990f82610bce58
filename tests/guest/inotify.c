/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify(7). inotify [DIR]: in that folder instead of one in /tmp. In a sandbox also in the image's
 * writable layer.
 */
#define _GNU_SOURCE
#include "t.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static int in; /* the instance */
static unsigned last_cookie;

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_mask(char *to, unsigned mask)
{
    static const char *const names[] = {
        "access", "modify", "attrib", "close-w", "close", "open", "from", "to", "create", "delete",
        "delete-self", "move-self", NULL, "unmount", "overflow", "ignored",
    };

    *to = 0;
    for (unsigned i = 0; i < 16; i++)
        if (mask & 1u << i)
            strcat(to, names[i]);
    if (mask & IN_ISDIR)
        strcat(to, "/");
    CHECK(!(mask & ~(0xffffu | IN_ISDIR)));
}

/*
 * What has happened, as "WD:EVENT:NAME ..." in the order of the alphabet, since kernels differ in that of
 * events of different watches.
 */
static const char *events(void)
{
    static char text[4096], lines[64][300];
    char buf[8192] __attribute__((aligned(8))), *sorted[64], mask[100];
    ssize_t n;
    int count = 0;

    while ((n = read(in, buf, sizeof(buf))) > 0) {
        for (char *p = buf; p < buf + n;) {
            struct inotify_event *e = (void *)p;

            CHECK(count < 64 && e->len % sizeof(*e) == 0);
            put_mask(mask, e->mask);
            snprintf(lines[count], sizeof(lines[0]), "%d:%s:%s", e->wd, mask, e->len ? e->name : "");
            sorted[count] = lines[count];
            count++;
            CHECK_EQ(!!e->cookie, !!(e->mask & IN_MOVE));
            if (e->mask & IN_MOVED_TO)
                CHECK_EQ(e->cookie, last_cookie); /* of the event before */
            last_cookie = e->cookie;
            p += sizeof(*e) + e->len;
        }
    }
    CHECK_EQ(errno, EAGAIN);
    qsort(sorted, (size_t)count, sizeof(sorted[0]), compare);
    text[0] = 0;
    for (int i = 0; i < count; i++)
        strcat(strcat(text, i ? " " : ""), sorted[i]);
    return text;
}

static void expect_at(int line, const char *wanted)
{
    const char *got = events();

    if (strcmp(got, wanted)) {
        fprintf(stderr, "line %d: \"%s\" instead of \"%s\"\n", line, got, wanted);
        t_end(1);
    }
}
#define expect(wanted) expect_at(__LINE__, wanted)

static void touch(const char *name)
{
    OK(close((int)OK(open(name, O_CREAT | O_WRONLY, 0600))));
}

static void begin(void)
{
    in = (int)OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    OK(mkdir("d", 0700));
    OK(mkdir("e", 0700));
    CHECK_EQ(inotify_add_watch(in, "d", IN_ALL_EVENTS), 1);
    CHECK_EQ(inotify_add_watch(in, "e", IN_ALL_EVENTS), 2);
}

static void end(void)
{
    OK(close(in));
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "e" : "d";
        struct dirent *entry;
        DIR *dir;

        OK(chdir(name));
        dir = opendir(".");
        CHECK(dir != NULL);
        while ((entry = readdir(dir)))
            unlink(entry->d_name);
        closedir(dir);
        OK(chdir(".."));
        OK(rmdir(name));
    }
}

static void errors(void)
{
    int p[2];

    CHECK_ERRNO(inotify_init1(1), EINVAL);
    CHECK_ERRNO(inotify_add_watch(in, "d", 0), EINVAL);
    CHECK_ERRNO(inotify_add_watch(in, "none", IN_OPEN), ENOENT);
    CHECK_ERRNO(inotify_add_watch(in, (char *)8, IN_OPEN), EFAULT);
    CHECK_ERRNO(inotify_add_watch(-1, "d", IN_OPEN), EBADF);
    CHECK_ERRNO(inotify_add_watch(in, "d", IN_MASK_ADD | IN_MASK_CREATE | IN_OPEN), EINVAL);
    CHECK_ERRNO(inotify_add_watch(in, "d", IN_MASK_CREATE | IN_OPEN), EEXIST);
    CHECK_ERRNO(inotify_rm_watch(in, 77), EINVAL);
    CHECK_ERRNO(inotify_rm_watch(in, -1), EINVAL);
    CHECK_ERRNO(inotify_rm_watch(-1, 1), EBADF);
    OK(pipe(p));
    CHECK_ERRNO(inotify_add_watch(p[0], "d", IN_OPEN), EINVAL);
    CHECK_ERRNO(inotify_rm_watch(p[0], 1), EINVAL);
    OK(close(p[0]));
    OK(close(p[1]));
    CHECK_ERRNO(write(in, "x", 1), EBADF);
    if (geteuid() == 0) {
        pid_t pid = t_fork();

        if (pid == 0) {
            OK(chmod(".", 0711));
            OK(mkdir("closed", 0700));
            OK(setresuid(1234, 1234, 1234));
            CHECK_ERRNO(inotify_add_watch(in, "closed", IN_OPEN), EACCES);
            t_end(0);
        }
        t_join(pid);
        OK(rmdir("closed"));
    }
    expect("");
}

static void files(void)
{
    char c;
    int f = (int)OK(open("d/f", O_CREAT | O_RDWR, 0600));

    expect("1:create:f 1:open:f");
    CHECK_EQ(write(f, "hi", 2), 2);
    expect("1:modify:f");
    CHECK_EQ(pread(f, &c, 1, 0), 1);
    expect("1:access:f");
    CHECK_EQ(pread(f, &c, 1, 10), 0); /* nothing came of it */
    expect("");
    OK(fchmod(f, 0640));
    expect("1:attrib:f");
    OK(ftruncate(f, 0));
    expect("1:modify:f");
    OK(futimens(f, NULL));
    expect("1:attrib:f");
    if (fsetxattr(f, "user.x", "y", 1, 0) == 0)
        expect("1:attrib:f");
    OK(close(f));
    expect("1:close-w:f");
    CHECK_EQ(inotify_add_watch(in, "d/f", IN_ALL_EVENTS), 3);
    f = (int)OK(open("d/f", O_RDONLY));
    expect("1:open:f 3:open:");
    OK(close((int)OK(openat(AT_FDCWD, "d/f", O_PATH))));
    expect("");
    OK(close(f));
    expect("1:close:f 3:close:");
    OK(close((int)OK(open("d/f", O_WRONLY | O_TRUNC))));
    expect("1:close-w:f 1:modify:f 1:open:f 3:close-w: 3:modify: 3:open:");
    CHECK_ERRNO(open("d/f", O_CREAT | O_EXCL, 0600), EEXIST);
    CHECK_ERRNO(open("d/none", O_RDONLY), ENOENT);
    expect("");
}

static void names(bool links)
{
    int f;

    if (links) {
        OK(link("d/f", "e/g"));
        expect("2:create:g 3:attrib:");
        OK(unlink("e/g"));
        expect("2:delete:g 3:attrib:");
    }
    OK(rename("d/f", "e/h"));
    expect("1:from:f 2:to:h 3:move-self:");
    OK(unlink("e/h"));
    expect("2:delete:h 3:attrib: 3:delete-self: 3:ignored:");
    CHECK_ERRNO(inotify_rm_watch(in, 3), EINVAL);

    f = (int)OK(open("d/k", O_CREAT | O_RDWR, 0600));
    CHECK_EQ(inotify_add_watch(in, "d/k", IN_ALL_EVENTS), 4);
    events();
    OK(unlink("d/k"));
    expect("1:delete:k 4:attrib:"); /* it is still there */
    CHECK_EQ(write(f, "x", 1), 1);
    expect("1:modify:k 4:modify:");
    OK(close(f));
    expect("1:close-w:k 4:close-w: 4:delete-self: 4:ignored:");

    OK(symlink("x", "d/l"));
    OK(mkdir("d/m", 0700));
    OK(mkfifo("d/p", 0600));
    expect("1:create/:m 1:create:l 1:create:p");
    CHECK_EQ(inotify_add_watch(in, "d/m", IN_ALL_EVENTS), 5);
    OK(rename("d/m", "d/mm"));
    expect("1:from/:m 1:to/:mm 5:move-self:");
    OK(rmdir("d/mm"));
    expect("1:delete/:mm 5:delete-self: 5:ignored:");

    touch("d/a");
    touch("d/b");
    events();
    CHECK_EQ(inotify_add_watch(in, "d/b", IN_ALL_EVENTS), 6);
    OK(rename("d/a", "d/b"));
    expect("1:from:a 1:to:b 6:attrib: 6:delete-self: 6:ignored:");
    touch("e/c");
    events();
    OK(renameat2(AT_FDCWD, "d/b", AT_FDCWD, "e/c", RENAME_EXCHANGE));
    expect("1:from:b 1:to:b 2:from:c 2:to:c");
    OK(rename("d/b", "d/b"));
    expect("");
}

static void directories(void)
{
    char buf[4096];
    int f = (int)OK(open("d", O_RDONLY | O_DIRECTORY));

    CHECK(OK(getdents64(f, buf, sizeof(buf))) > 0);
    OK(close(f));
    expect("1:access/: 1:close/: 1:open/:");
    OK(chmod("d", 0711));
    expect("1:attrib/:");
}

static void kinds_of_watches(void)
{
    int wd = (int)OK(inotify_add_watch(in, "d/b", IN_ATTRIB | IN_ONESHOT)), f;
    char text[64], link[64];

    OK(chmod("d/b", 0600));
    OK(chmod("d/b", 0644));
    snprintf(text, sizeof(text), "1:attrib:b 1:attrib:b %d:attrib: %d:ignored:", wd, wd);
    expect(text);
    CHECK_EQ(inotify_add_watch(in, "d", IN_CREATE), 1);
    CHECK_EQ(inotify_add_watch(in, "d", IN_DELETE | IN_MASK_ADD), 1);
    touch("d/n");
    OK(unlink("d/n"));
    expect("1:create:n 1:delete:n");
    CHECK_EQ(inotify_add_watch(in, "d", IN_DELETE), 1);
    touch("d/n");
    OK(unlink("d/n"));
    expect("1:delete:n");

    CHECK_EQ(inotify_add_watch(in, "d", IN_MODIFY | IN_EXCL_UNLINK), 1);
    CHECK_EQ(inotify_add_watch(in, "e", IN_MODIFY), 2);
    f = (int)OK(open("d/u", O_CREAT | O_RDWR, 0600));
    CHECK_EQ(write(f, "x", 1), 1);
    OK(unlink("d/u"));
    CHECK_EQ(write(f, "x", 1), 1);
    OK(close(f));
    expect("1:modify:u");

    CHECK_ERRNO(inotify_add_watch(in, "d/b", IN_ONLYDIR | IN_OPEN), ENOTDIR);
    CHECK_ERRNO(inotify_add_watch(in, "d/l", IN_OPEN), ENOENT); /* the link leads nowhere */
    wd = (int)OK(inotify_add_watch(in, "d/l", IN_DONT_FOLLOW | IN_DELETE_SELF));
    OK(unlink("d/l"));
    snprintf(text, sizeof(text), "%d:delete-self: %d:ignored:", wd, wd);
    expect(text);
    OK(inotify_rm_watch(in, 1));
    expect("1:ignored:");
    touch("d/n");
    expect("");
    snprintf(link, sizeof(link), "/proc/self/fd/%d", in);
    text[OK(readlink(link, text, sizeof(text) - 1))] = 0;
    CHECK(!strcmp(text, "anon_inode:inotify"));
}

static void reading(void)
{
    struct pollfd p = { .fd = in, .events = POLLIN };
    char buf[64], info[64], text[512];
    ssize_t len;
    int n = 0, f;

    CHECK_EQ(inotify_add_watch(in, "e", IN_CREATE), 2);
    CHECK_EQ(poll(&p, 1, 0), 0);
    CHECK_ERRNO(read(in, buf, 64), EAGAIN);
    touch("e/q");
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_ERRNO(read(in, buf, 31), EINVAL);
    OK(ioctl(in, FIONREAD, &n));
    CHECK_EQ(n, 32);
    touch("e/a name of 16 byt");
    OK(ioctl(in, FIONREAD, &n));
    CHECK_EQ(n, 32 + 48);
    CHECK_EQ(read(in, buf, 64), 32); /* as many as fit */
    CHECK_EQ(read(in, buf, 48), 48);
    CHECK(!strcmp(buf + 16, "a name of 16 byt"));
    snprintf(info, sizeof(info), "/proc/self/fdinfo/%d", in);
    f = (int)OK(open(info, O_RDONLY));
    len = OK(read(f, text, sizeof(text) - 1));
    text[len] = 0;
    CHECK(strstr(text, "\ninotify wd:2 ino:") && strstr(text, " mask:100 ignored_mask:0"));
    OK(close(f));
    /* The same again is not told twice, something between makes it another. */
    CHECK_EQ(inotify_add_watch(in, "e", IN_ATTRIB), 2);
    for (int i = 0; i < 5; i++)
        OK(chmod("e/q", 0600));
    OK(chmod("e", 0700));
    OK(chmod("e/q", 0600));
    expect("2:attrib/: 2:attrib:q 2:attrib:q");

    OK(fcntl(in, F_SETFL, 0));
    f = t_fork();
    if (f == 0) {
        t_sleep_ms(30);
        OK(chmod("e", 0700));
        t_end(0);
    }
    CHECK_EQ(read(in, buf, 64), 16);
    t_join(f);
    OK(fcntl(in, F_SETFL, O_NONBLOCK));
}

static void overflow(void)
{
    char buf[1 << 16] __attribute__((aligned(8)));
    struct inotify_event *e = NULL;
    int count = 0, max = 0, f;
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    ssize_t n;

    CHECK(file && fscanf(file, "%d", &max) == 1);
    fclose(file);
    if (max > 20000)
        return;
    f = (int)OK(open("e/q", O_WRONLY));
    CHECK_EQ(inotify_add_watch(in, "e", IN_MODIFY), 2);
    OK(inotify_add_watch(in, "e/q", IN_MODIFY));
    for (int i = 0; i < max / 2 + 10; i++) /* two events each */
        CHECK_EQ(pwrite(f, "x", 1, 0), 1);
    while ((n = read(in, buf, sizeof(buf))) > 0)
        for (char *p = buf; p < buf + n; p += sizeof(*e) + e->len, count++)
            e = (void *)p;
    CHECK_EQ(count, max + 1);
    CHECK(e && e->wd == -1 && e->mask == IN_Q_OVERFLOW && !e->len);
    OK(close(f));
    touch("e/n");
    OK(truncate("e/n", 0));
    expect("2:modify:n");
}

static void *change(void *arg)
{
    (void)arg;
    for (int i = 0; i < 40; i++) {
        touch("e/t1");
        OK(rename("e/t1", "e/t2"));
        OK(unlink("e/t2"));
    }
    return NULL;
}

static void *watch(void *arg)
{
    (void)arg;
    for (int i = 0; i < 40; i++) {
        int fd = (int)OK(inotify_init1(IN_NONBLOCK)), wd;

        OK(inotify_add_watch(fd, "e", IN_ALL_EVENTS | IN_ONESHOT));
        inotify_add_watch(fd, "e/t1", IN_ALL_EVENTS);
        wd = inotify_add_watch(fd, "e/t2", IN_ALL_EVENTS);
        if (wd > 0 && i % 2)
            inotify_rm_watch(fd, wd);
        OK(close(fd));
    }
    return NULL;
}

/* Watches come and go while what they watch does. */
static void many_at_once(void)
{
    pthread_t t[4];

    CHECK_EQ(pthread_create(&t[0], NULL, change, NULL), 0);
    for (int i = 1; i < 4; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, watch, NULL), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
}

static void all(bool in_memory, bool long_too)
{
    begin();
    errors();
    files();
    names(in_memory);
    directories();
    kinds_of_watches();
    reading();
    if (in_memory)
        many_at_once();
    events();
    if (long_too)
        overflow();
    end();
}

int main(int argc, char **argv)
{
    if (argc > 1) { /* a volume: of a file with several names each is watched by itself */
        OK(chdir(argv[1]));
        all(false, false);
        return 0;
    }
    t_scratch();
    all(true, true);
    if (t_in_sandbox()) {
        OK(mkdir("/inotify", 0700));
        OK(chdir("/inotify"));
        all(true, false);
    }
    return 0;
}
