/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a set-user-ID program, or one with capabilities, gets its rights and when not (execve(2)), and what
 * it does not inherit. The programs are copies of this one, which write what they found.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <grp.h>

#define USER 1000
#define MIB (1ull << 20)

struct found {
    int euid, egid, secure, dumpable, death_signal, timer_runs;
    unsigned long persona;
    uint64_t permitted;
    rlim_t stack;
};

static int result[2]; /* a pipe */

static struct found look(void)
{
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2];
    struct found f = { .euid = (int)geteuid(), .egid = (int)getegid() };
    struct itimerval it;
    struct rlimit r;

    OK(syscall(SYS_capget, &h, d));
    f.permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
    f.secure = getauxval(AT_SECURE) != 0;
    f.dumpable = prctl(PR_GET_DUMPABLE);
    OK(prctl(PR_GET_PDEATHSIG, &f.death_signal));
    f.persona = (unsigned long)personality(0xffffffff);
    OK(getrlimit(RLIMIT_STACK, &r));
    f.stack = r.rlim_cur;
    OK(getitimer(ITIMER_REAL, &it));
    f.timer_runs = it.it_value.tv_sec || it.it_value.tv_usec;
    return f;
}

static void copy_to(int to)
{
    int from = (int)OK(open("/proc/self/exe", O_RDONLY));

    while (OK(sendfile(to, from, NULL, 1 << 20)) > 0)
        ;
    close(from);
}

static void make(const char *name, int uid, int gid, mode_t mode)
{
    int fd = (int)OK(open(name, O_CREAT | O_WRONLY, 0755));

    copy_to(fd);
    close(fd);
    OK(chown(name, uid, gid));
    OK(chmod(name, mode));
}

static void become_user(void)
{
    OK(setgroups(0, NULL));
    OK(setresgid(USER, USER, USER));
    OK(setresuid(USER, USER, USER));
}

static void run(const char *program)
{
    char fd[16];

    snprintf(fd, sizeof(fd), "%d", result[1]);
    execl(program, program, "look", fd, NULL);
    t_fail(__FILE__, __LINE__, program, errno);
}

static struct found answer(pid_t pid)
{
    struct found f;

    CHECK_EQ(read(result[0], &f, sizeof(f)), sizeof(f));
    t_join(pid);
    return f;
}

/* By an ordinary user, after `prepare`. */
static struct found by_user(const char *program, void (*prepare)(void))
{
    pid_t pid = t_fork();

    if (pid == 0) {
        become_user();
        if (prepare)
            prepare();
        run(program);
    }
    return answer(pid);
}

static void plain_ones(void)
{
    struct found f = by_user("./plain", NULL);

    CHECK_EQ(f.euid, USER);
    CHECK_EQ(f.secure, 0);
    CHECK_EQ(f.dumpable, 1);
    f = by_user("./setuid", NULL);
    CHECK_EQ(f.euid, 0);
    CHECK(f.permitted != 0);
    CHECK_EQ(f.secure, 1);
    CHECK_EQ(f.dumpable, 0);
    f = by_user("./setgid", NULL);
    CHECK_EQ(f.euid, USER);
    CHECK_EQ(f.egid, 50);
    CHECK_EQ(f.secure, 1);
    CHECK_EQ(f.dumpable, 0);
    /* Who cannot read a program must not get at its memory. */
    f = by_user("./unreadable", NULL);
    CHECK_EQ(f.euid, USER);
    CHECK_EQ(f.dumpable, 0);
}

static void no_new_privs(void)
{
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static void under_no_new_privs(void)
{
    struct found f = by_user("./setuid", no_new_privs);

    CHECK_EQ(f.euid, USER);
    CHECK_EQ(f.permitted, 0);
    f = by_user("./setgid", no_new_privs);
    CHECK_EQ(f.egid, USER);
    f = by_user("./caps", no_new_privs);
    CHECK_EQ(f.permitted, 0);
}

/* Another process has the same working directory, root and umask. */
static int hold(void *arg)
{
    int *end = arg;
    char c;

    close(end[1]);
    while (read(end[0], &c, 1) < 0)
        ;
    _exit(0);
}

static int end[2];
static char stack[16384] __attribute__((aligned(16)));

static void share(void)
{
    OK(pipe(end));
    fcntl(end[1], F_SETFD, FD_CLOEXEC);
    OK(clone(hold, stack + sizeof(stack), CLONE_FS | SIGCHLD, end));
    close(end[0]);
    fcntl(end[1], F_SETFD, 0); /* until the program has ended */
}

static void unshare_again(void)
{
    share();
    OK(unshare(CLONE_FS));
}

static void *wait_for_ever(void *arg)
{
    pause();
    return arg;
}

static void with_threads(void)
{
    pthread_t t;

    CHECK_EQ(pthread_create(&t, NULL, wait_for_ever, NULL), 0);
    CHECK_EQ(pthread_create(&t, NULL, wait_for_ever, NULL), 0);
}

/* Whoever it is shared with has left it. */
static void was_shared(void)
{
    pid_t pid = (pid_t)OK(clone(hold, stack + sizeof(stack), CLONE_FS | SIGCHLD,
                                (int[2]){ open("/dev/null", O_RDONLY), -1 }));

    t_join(pid);
}

static void with_a_shared_working_directory(void)
{
    struct found f = by_user("./setuid", share);

    CHECK_EQ(f.euid, USER);
    CHECK_EQ(f.permitted, 0);
    CHECK_EQ(f.secure, 1);
    f = by_user("./setgid", share);
    CHECK_EQ(f.egid, USER);
    f = by_user("./caps", share);
    CHECK_EQ(f.permitted, 0);
    CHECK_EQ(by_user("./plain", share).euid, USER);
    CHECK_EQ(by_user("./setuid", unshare_again).euid, 0);
    CHECK_EQ(by_user("./setuid", with_threads).euid, 0);
    CHECK_EQ(by_user("./setuid", was_shared).euid, 0);
    CHECK_EQ(by_user("./caps", NULL).permitted, 1u << CAP_NET_BIND_SERVICE);
}

/* The administrator's own file in memory, given to a user. */
static void from_memory(void)
{
    int fd = (int)OK(memfd_create("m", 0));
    char name[32];

    copy_to(fd);
    OK(fchmod(fd, 04755));
    pid_t pid = t_fork();
    if (pid == 0) {
        become_user();
        snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
        run(name);
    }
    CHECK_EQ(answer(pid).euid, USER);
    close(fd);
}

static void set_up(void)
{
    struct itimerval it = { .it_value = { 1000, 0 } };
    struct rlimit r;

    OK(getrlimit(RLIMIT_STACK, &r));
    r.rlim_cur = r.rlim_max < 64 * MIB ? r.rlim_max : 64 * MIB;
    OK(setrlimit(RLIMIT_STACK, &r));
    OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
    CHECK(personality(ADDR_NO_RANDOMIZE) != -1);
    OK(setitimer(ITIMER_REAL, &it, NULL));
}

static void what_is_not_inherited(void)
{
    struct found f = by_user("./plain", set_up);

    CHECK_EQ(f.stack, 64 * MIB);
    CHECK_EQ(f.death_signal, SIGUSR1);
    CHECK_EQ(f.persona, ADDR_NO_RANDOMIZE);
    CHECK_EQ(f.timer_runs, 1);
    f = by_user("./setuid", set_up);
    CHECK_EQ(f.euid, 0);
    CHECK_EQ(f.stack, 8 * MIB);
    CHECK_EQ(f.death_signal, 0);
    CHECK_EQ(f.persona, 0);
    CHECK_EQ(f.timer_runs, 1);
    f = by_user("./caps", set_up);
    CHECK_EQ(f.stack, 8 * MIB);
    CHECK_EQ(f.death_signal, 0);
    CHECK_EQ(f.persona, 0);
}

/* prctl(2): PR_SET_DUMPABLE, PR_SET_PDEATHSIG: other effective or file system ids end both. */
static void changed_ids(void)
{
    static int (*const change[])(uid_t) = { seteuid, (int (*)(uid_t))setegid,
                                            (int (*)(uid_t))setfsuid, (int (*)(uid_t))setfsgid };

    for (int i = 0; i < 4; i++) {
        pid_t pid = t_fork();
        int sig;

        if (pid == 0) {
            OK(prctl(PR_SET_DUMPABLE, 1));
            OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
            change[i](USER);
            CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
            OK(prctl(PR_GET_PDEATHSIG, &sig));
            CHECK_EQ(sig, 0);
            t_end(0);
        }
        t_join(pid);
    }
}

int main(int argc, char **argv)
{
    struct vfs_cap_data cap = { .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
                                .data[0].permitted = 1u << CAP_NET_BIND_SERVICE };
    struct found f;

    if (argc > 2) {
        f = look();
        return write(atoi(argv[2]), &f, sizeof(f)) != sizeof(f);
    }
    if (getuid() != 0)
        t_skip("the administrator makes the programs");
    t_scratch();
    umask(022);
    OK(chmod(".", 0755));
    OK(pipe(result));
    make("plain", 0, 0, 0755);
    make("setuid", 0, 0, 04755);
    make("setgid", 0, 50, 02755);
    make("unreadable", 0, 0, 0711);
    make("caps", 0, 0, 0755);
    OK(setxattr("caps", "security.capability", &cap, sizeof(cap), 0));
    plain_ones();
    under_no_new_privs();
    with_a_shared_working_directory();
    from_memory();
    what_is_not_inherited();
    changed_ids();
    t_end(0);
}
