/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the script: h_unprivileged HOW PROGRAM ARG... runs a program as an ordinary user (65534) who may use
 * /dev/kvm, on a host that is said to be like this. HOW: free; no_namespaces: unshare(2) fails; no_rights:
 * it works, but the new user namespace gives no rights for mounts, as with Ubuntu's
 * kernel.apparmor_restrict_unprivileged_userns; no_landlock: the kernel has no Landlock. 77: that cannot
 * be set up here.
 */
#define _GNU_SOURCE
#include "t.h"

#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define USER 65534

static void must(int r, const char *what)
{
    if (r == 0)
        return;
    printf("skipped: %s: %s\n", what, strerror(errno));
    t_end(T_SKIP);
}

/* A node of our own, in a mount namespace of our own, in its place. */
static void open_kvm_to_all(void)
{
    struct stat st;

    must(stat("/dev/kvm", &st), "/dev/kvm");
    must(unshare(CLONE_NEWNS), "unshare");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount");
    must(mount("none", "/mnt", "tmpfs", 0, NULL), "mount of /mnt");
    must(mknod("/mnt/kvm", S_IFCHR | 0666, st.st_rdev), "mknod");
    must(chmod("/mnt/kvm", 0666), "chmod");
    must(mount("/mnt/kvm", "/dev/kvm", NULL, MS_BIND, NULL), "mount over /dev/kvm");
    must(umount2("/mnt", MNT_DETACH), "umount");
}

/* Two calls answer EPERM. */
static void forbid(int a, int b)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)a, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)b, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), "seccomp");
}

int main(int argc, char **argv)
{
    CHECK(argc > 2);
    open_kvm_to_all();
    must(setgroups(0, NULL), "setgroups");
    must(setgid(USER), "setgid");
    must(setuid(USER), "setuid");
    if (!strcmp(argv[1], "no_namespaces"))
        forbid(SYS_unshare, SYS_unshare);
    else if (!strcmp(argv[1], "no_rights"))
        forbid(SYS_mount, SYS_open_tree);
    else if (!strcmp(argv[1], "no_landlock"))
        forbid(SYS_landlock_create_ruleset, SYS_landlock_create_ruleset);
    execv(argv[2], argv + 2);
    t_fail(__FILE__, __LINE__, argv[2], errno);
}
