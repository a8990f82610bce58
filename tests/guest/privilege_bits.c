/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Set-ID bits and file capabilities (inode(7), capabilities(7)): who gets them, and who takes them away;
 * and names in sticky directories (proc_sys_fs(5), protected_*). In /tmp and in the root directory.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>

#define USER 1234u
#define GROUP 50u
#define OTHER 1235u

static const unsigned char caps[20] = { 1, 0, 0, 2, 0x80 };

static unsigned mode_of(const char *name)
{
    struct stat st;

    OK(lstat(name, &st));
    return st.st_mode & 07777;
}

static unsigned group_of(const char *name)
{
    struct stat st;

    OK(lstat(name, &st));
    return st.st_gid;
}

static void become(uid_t uid, gid_t gid)
{
    OK(setgroups(0, NULL));
    OK(setgid(gid));
    OK(setuid(uid));
}

static void make(const char *name, unsigned mode)
{
    int fd;

    unlink(name);
    fd = (int)OK(open(name, O_CREAT | O_WRONLY, 0644));
    CHECK_EQ(write(fd, "content", 7), 7);
    OK(close(fd));
    OK(chown(name, USER, USER));
    OK(chmod(name, mode));
}

/* --- changing the contents ------------------------------------------------------------------------ */

static int opened(void)
{
    return (int)OK(open("f", O_WRONLY));
}

static void by_write(void) { CHECK_EQ(write(opened(), "x", 1), 1); }
static void by_pwrite(void) { CHECK_EQ(pwrite(opened(), "x", 1, 3), 1); }
static void by_writev(void) { CHECK_EQ(writev(opened(), &(struct iovec){ "x", 1 }, 1), 1); }
static void by_pwritev2(void) { CHECK_EQ(pwritev2(opened(), &(struct iovec){ "x", 1 }, 1, -1, 0), 1); }
static void by_truncate(void) { OK(truncate("f", 2)); }
static void by_truncate_same(void) { OK(truncate("f", 7)); }
static void by_ftruncate(void) { OK(ftruncate(opened(), 20)); }
static void by_open(void) { OK(open("f", O_WRONLY | O_TRUNC)); }
static void by_allocate(void) { OK(fallocate(opened(), 0, 0, 100)); }
static void by_allocate_kept(void) { OK(fallocate(opened(), FALLOC_FL_KEEP_SIZE, 0, 100)); }

static void by_punch(void)
{
    OK(fallocate(opened(), FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 2));
}

static void by_zero(void)
{
    if (fallocate(opened(), FALLOC_FL_ZERO_RANGE, 0, 2)) { /* not everywhere */
        CHECK_EQ(errno, EOPNOTSUPP);
        by_write();
    }
}

static void by_copy(void)
{
    CHECK_EQ(copy_file_range((int)OK(open("src", O_RDONLY)), NULL, opened(), NULL, 2, 0), 2);
}

static void by_splice(void)
{
    int p[2];

    OK(pipe(p));
    CHECK_EQ(write(p[1], "x", 1), 1);
    CHECK_EQ(splice(p[0], NULL, opened(), NULL, 1, 0), 1);
}

static void by_sendfile(void)
{
    ssize_t sendfile(int, int, off_t *, size_t);

    CHECK_EQ(sendfile(opened(), (int)OK(open("src", O_RDONLY)), NULL, 2), 2);
}

static void by_chown(void) { OK(chown("f", (uid_t)-1, USER)); }
static void by_chown_none(void) { OK(chown("f", (uid_t)-1, (gid_t)-1)); }
static void by_fchown_none(void) { OK(fchown(opened(), (uid_t)-1, (gid_t)-1)); }

static const struct way {
    void (*change)(void);
    int owner; /* not the contents: also CAP_FSETID keeps nothing */
} ways[] = {
    { by_write, 0 }, { by_pwrite, 0 }, { by_writev, 0 }, { by_pwritev2, 0 }, { by_truncate, 0 },
    { by_truncate_same, 0 }, { by_ftruncate, 0 }, { by_open, 0 }, { by_allocate, 0 },
    { by_allocate_kept, 0 }, { by_punch, 0 }, { by_zero, 0 }, { by_copy, 0 }, { by_splice, 0 },
    { by_sendfile, 0 }, { by_chown, 1 }, { by_chown_none, 1 }, { by_fchown_none, 1 },
};

static void as_user(void (*f)(void))
{
    pid_t pid = t_fork();

    if (pid == 0) {
        become(USER, USER);
        f();
        t_end(0);
    }
    t_join(pid);
}

static void contents(void)
{
    struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
    struct stat st;

    make("src", 0644);
    for (const struct way *w = ways; w < ways + sizeof(ways) / sizeof(*ways); w++) {
        int number = (int)(w - ways);

        make("f", 06777);
        OK(utimensat(AT_FDCWD, "f", old, 0));
        as_user(w->change);
        if (mode_of("f") != 0777)
            fprintf(stderr, "way %d\n", number);
        CHECK_EQ(mode_of("f"), 0777);
        OK(stat("f", &st));
        if (!w->owner && w->change != by_truncate_same && w->change != by_allocate_kept &&
            st.st_mtim.tv_sec == 1000)
            CHECK_EQ(number, -1); /* its time of modification is the old one */
        make("f", 02767); /* the group may not execute it: no program, and the owner is a member */
        as_user(w->change);
        CHECK_EQ(mode_of("f"), 02767);
        make("f", 06777);
        w->change(); /* with CAP_FSETID */
        CHECK_EQ(mode_of("f"), w->owner ? 0777 : 06777);
        make("f", 0777);
        if (setxattr("f", "security.capability", caps, sizeof(caps), 0))
            continue; /* not everywhere */
        w->change();
        if (w->change != by_allocate_kept && w->change != by_allocate)
            CHECK_ERRNO(getxattr("f", "security.capability", NULL, 0), ENODATA);
    }
}

/* --- making --------------------------------------------------------------------------------------- */

static void make_all(unsigned bits)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "made/socket" };
    int s = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));

    umask(0);
    OK(close((int)OK(open("made/open", O_CREAT | O_EXCL | O_RDWR, bits | 0755))));
    OK(close((int)OK(open("made/group", O_CREAT | O_EXCL | O_RDWR, bits | 0745))));
    OK(mknod("made/node", S_IFREG | bits | 0755, 0));
    OK(mkfifo("made/fifo", bits | 0755));
    OK(fchmod(s, bits | 0755));
    OK(bind(s, (struct sockaddr *)&a, sizeof(a)));
    OK(mkdir("made/dir", bits | 0755));
    OK(symlink("x", "made/link"));
}

static void made_are(unsigned sgid)
{
    static const char *const names[] = { "open", "node", "fifo", "socket" };
    char path[40];

    for (unsigned i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "made/%s", names[i]);
        if (mode_of(path) != (sgid | 0755))
            fprintf(stderr, "%s\n", path);
        CHECK_EQ(mode_of(path), sgid | 0755);
        CHECK_EQ(group_of(path), GROUP);
        OK(unlink(path));
    }
    CHECK_EQ(mode_of("made/group"), 02745);
    CHECK_EQ(mode_of("made/dir"), 02755); /* what is made in it inherits, too */
    CHECK_EQ(group_of("made/dir"), GROUP);
    CHECK_EQ(group_of("made/link"), GROUP);
    OK(unlink("made/group"));
    OK(rmdir("made/dir"));
    OK(unlink("made/link"));
}

static void nameless(unsigned wanted)
{
    struct stat st;
    int fd = open("made", O_TMPFILE | O_RDWR, 02755);

    if (fd < 0)
        return; /* not everywhere */
    OK(fstat(fd, &st));
    CHECK_EQ(st.st_mode & 07777, wanted);
    CHECK_EQ(st.st_gid, GROUP);
    OK(close(fd));
}

static void set_group_directory(void)
{
    pid_t pid;

    OK(mkdir("made", 0777));
    OK(chown("made", 0, GROUP));
    OK(chmod("made", 02777));
    pid = t_fork();
    if (pid == 0) {
        become(USER, USER);
        make_all(02000);
        nameless(0755);
        t_end(0);
    }
    t_join(pid);
    made_are(0);
    pid = t_fork();
    if (pid == 0) {
        become(USER, GROUP); /* a member */
        make_all(02000);
        nameless(02755);
        t_end(0);
    }
    t_join(pid);
    made_are(02000);
    pid = t_fork();
    if (pid == 0) { /* no member, but CAP_FSETID */
        make_all(02000);
        nameless(02755);
        t_end(0);
    }
    t_join(pid);
    made_are(02000);
    /* An outsider fills a program of the group with contents of its own. */
    OK(rmdir("made"));
}

/* --- chmod and chown ------------------------------------------------------------------------------ */

static void change_modes(void)
{
    pid_t pid;
    int fd;

    make("f", 0777);
    OK(mkdir("d", 0777));
    OK(chown("d", USER, GROUP));
    OK(chown("f", USER, GROUP));
    make("others", 04777);
    OK(chown("others", OTHER, OTHER));
    OK(chmod("others", 04777));
    make("plain", 0777);
    OK(chown("plain", OTHER, OTHER));
    pid = t_fork();
    if (pid == 0) {
        become(USER, USER);
        /* Not of the group: the bit is dropped without a word, of folders too. */
        OK(chmod("f", 02777));
        CHECK_EQ(mode_of("f"), 0777);
        OK(chmod("d", 02775));
        CHECK_EQ(mode_of("d"), 0775);
        fd = (int)OK(open("d", O_RDONLY));
        OK(fchmod(fd, 03770));
        CHECK_EQ(mode_of("d"), 01770);
        OK(chown("d", (uid_t)-1, USER));
        OK(chmod("d", 02770));
        CHECK_EQ(mode_of("d"), 02770);
        OK(chown("d", (uid_t)-1, (gid_t)-1)); /* a folder's bits are no program's */
        CHECK_EQ(mode_of("d"), 02770);
        CHECK_ERRNO(chown("f", OTHER, (gid_t)-1), EPERM);
        CHECK_ERRNO(chown("f", (uid_t)-1, OTHER), EPERM);
        OK(chmod("f", 04777));
        CHECK_ERRNO(chown("f", OTHER, (gid_t)-1), EPERM);
        CHECK_EQ(mode_of("f"), 04777); /* what failed has changed nothing */
        OK(chown("plain", (uid_t)-1, (gid_t)-1)); /* nothing to change, nothing to forbid */
        CHECK_ERRNO(chown("others", (uid_t)-1, (gid_t)-1), EPERM);
        CHECK_EQ(mode_of("others"), 04777);
        t_end(0);
    }
    t_join(pid);
    OK(rmdir("d"));
}

/* --- sticky directories --------------------------------------------------------------------------- */

static int setting(const char *name)
{
    char path[64], text[8] = "";
    int fd;

    snprintf(path, sizeof(path), "/proc/sys/fs/protected_%s", name);
    fd = (int)OK(open(path, O_RDONLY));
    CHECK(read(fd, text, sizeof(text) - 1) > 0);
    OK(close(fd));
    return atoi(text);
}

/* The call fails with EACCES if the setting is at least `from`, else it does not. */
#define GUARDED(call, value, from)     \
    do {                               \
        if ((value) >= (from))         \
            CHECK_ERRNO(call, EACCES); \
        else                           \
            OK(call);                  \
    } while (0)

static void sticky(void)
{
    int links = setting("hardlinks"), symlinks = setting("symlinks"), fifos = setting("fifos");
    int regular = setting("regular");
    pid_t pid;

    if (t_in_sandbox()) { /* as Debian has them */
        CHECK_EQ(links, 1);
        CHECK_EQ(symlinks, 1);
        CHECK_EQ(fifos, 1);
        CHECK_EQ(regular, 2);
    }
    OK(mkdir("s", 01777));
    OK(chmod("s", 01777));
    make("target", 0666);
    make("s/file", 0666);
    OK(mkfifo("s/fifo", 0666));
    OK(chmod("s/fifo", 0666));
    OK(chown("s/fifo", USER, USER));
    OK(symlink("../target", "s/link"));
    OK(lchown("s/link", USER, USER));
    OK(symlink("..", "s/dir"));
    OK(lchown("s/dir", USER, USER));
    OK(symlink("../target", "s/roots")); /* of the directory's owner */
    /* Privileges make no difference. */
    GUARDED(open("s/link", O_RDONLY), symlinks, 1);
    GUARDED(open("s/link", O_RDONLY | O_CREAT, 0644), symlinks, 1);
    GUARDED(truncate("s/link", 1), symlinks, 1);
    OK(open("s/dir/target", O_RDONLY)); /* only the last name counts */
    OK(open("s/roots", O_RDONLY));
    CHECK_ERRNO(open("s/link", O_RDONLY | O_NOFOLLOW), ELOOP);
    GUARDED(open("s/file", O_RDWR | O_CREAT, 0644), regular, 1);
    CHECK_ERRNO(open("s/file", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
    OK(open("s/file", O_RDWR));
    GUARDED(open("s/fifo", O_RDWR | O_CREAT, 0644), fifos, 1);
    OK(open("s/fifo", O_RDWR));
    pid = t_fork();
    if (pid == 0) {
        become(USER, USER); /* whose they are */
        OK(open("s/link", O_RDONLY));
        OK(open("s/file", O_RDWR | O_CREAT, 0644));
        OK(open("s/fifo", O_RDWR | O_CREAT, 0644));
        t_end(0);
    }
    t_join(pid);
    OK(chmod("s", 01775)); /* only a group may write */
    OK(open("s/link", O_RDONLY));
    GUARDED(open("s/file", O_RDWR | O_CREAT, 0644), regular, 2);
    GUARDED(open("s/fifo", O_RDWR | O_CREAT, 0644), fifos, 2);
    OK(chmod("s", 0777));
    OK(open("s/link", O_RDONLY));
    OK(open("s/file", O_RDWR | O_CREAT, 0644));
}

static void hard_links(void)
{
    static const unsigned harmful[] = { 04666, 02676, 0644, 0600 };
    pid_t pid;

    if (!setting("hardlinks"))
        return;
    OK(mkfifo("pipe", 0666));
    OK(chmod("pipe", 0666));
    for (unsigned i = 0; i < 4; i++) {
        make("f", harmful[i]);
        pid = t_fork();
        if (pid == 0) {
            become(OTHER, OTHER);
            CHECK_ERRNO(link("f", "more"), EPERM);
            CHECK_ERRNO(link("f", "pipe"), EEXIST);
            CHECK_ERRNO(link("pipe", "more"), EPERM);
            t_end(0);
        }
        t_join(pid);
    }
    make("f", 02666); /* readable, writable, no program */
    pid = t_fork();
    if (pid == 0) {
        become(OTHER, OTHER);
        OK(link("f", "more"));
        OK(unlink("more"));
        t_end(0);
    }
    t_join(pid);
    make("f", 04600); /* one's own */
    pid = t_fork();
    if (pid == 0) {
        become(USER, USER);
        OK(link("f", "more"));
        OK(unlink("more"));
        t_end(0);
    }
    t_join(pid);
    OK(link("f", "more")); /* CAP_FOWNER */
}

static void all(void)
{
    OK(chmod(".", 0777));
    umask(022);
    contents();
    set_group_directory();
    change_modes();
    sticky();
    hard_links();
}

int main(void)
{
    char dir[] = "/rvt.XXXXXX";
    pid_t pid;

    if (geteuid())
        t_skip("not root");
    pid = t_fork();
    if (pid == 0) {
        t_scratch();
        all();
        t_end(0);
    }
    t_join(pid);
    if (t_in_sandbox()) {
        CHECK(mkdtemp(dir) != NULL);
        OK(chdir(dir));
        all();
    }
    return 0;
}
