/* SPDX-License-Identifier: Apache-2.0 */
/* execve: arguments, environment, auxiliary vector, close-on-exec, signals, scripts, errors. */
#define _GNU_SOURCE
#include "t.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static char *self;

/* --- what the new program finds ------------------------------------------------------------------- */

static void handler(int sig)
{
    (void)sig;
}

static void as_new_program(int argc, char **argv, char **envp)
{
    const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
    struct sigaction sa;
    sigset_t set;
    int sum = 0;

    CHECK_EQ(argc, 5);
    CHECK(!strcmp(argv[2], "") && !strcmp(argv[3], "two words") && !argv[5]);
    CHECK(!strcmp(envp[0], "ONE=1") && !strcmp(envp[1], "EMPTY=") && !envp[2]);
    CHECK_EQ(getauxval(AT_PAGESZ), 4096);
    CHECK(getauxval(AT_PHDR) && getauxval(AT_ENTRY));
    CHECK_EQ(getauxval(AT_PHENT), sizeof(Elf64_Phdr));
    CHECK_EQ(getauxval(AT_UID), getuid());
    CHECK_EQ(getauxval(AT_EGID), getegid());
    CHECK_EQ(getauxval(AT_SECURE), 0);
    CHECK(getauxval(AT_CLKTCK) == 100);
    CHECK(random != NULL);
    for (int i = 0; i < 16; i++)
        sum |= random[i];
    CHECK(sum);
    CHECK(getauxval(AT_EXECFN) && !strcmp((char *)getauxval(AT_EXECFN), argv[0]));
    /* Descriptor 50 was close-on-exec, 51 not. */
    CHECK_ERRNO(fcntl(50, F_GETFD), EBADF);
    CHECK_EQ(fcntl(51, F_GETFD), 0);
    /* Handlers are gone, ignored signals stay ignored, the mask stays. */
    OK(sigaction(SIGUSR1, NULL, &sa));
    CHECK(sa.sa_handler == SIG_DFL);
    OK(sigaction(SIGUSR2, NULL, &sa));
    CHECK(sa.sa_handler == SIG_IGN);
    OK(sigprocmask(SIG_BLOCK, NULL, &set));
    CHECK(sigismember(&set, SIGHUP) && !sigismember(&set, SIGTERM));
    CHECK_EQ((uintptr_t)__builtin_frame_address(0) >> 47, 0);
    t_end(21);
}

static void successful(void)
{
    char *argv[] = { self, "--child", "", "two words", "last", NULL };
    char *envp[] = { "ONE=1", "EMPTY=", NULL };
    int null = OK(open("/dev/null", O_RDONLY));
    sigset_t set;
    pid_t pid;

    argv[2] = "";
    pid = t_fork();
    if (pid == 0) {
        OK(dup3(null, 50, O_CLOEXEC));
        OK(dup2(null, 51));
        signal(SIGUSR1, handler);
        signal(SIGUSR2, SIG_IGN);
        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        OK(sigprocmask(SIG_SETMASK, &set, NULL));
        OK(execve(self, argv, envp));
    }
    CHECK_EQ(WEXITSTATUS(t_wait(pid)), 21);
    OK(close(null));
}

/* --- errors ----------------------------------------------------------------------------------------- */

static void put_file(const char *name, const char *text, size_t len, mode_t mode)
{
    int fd = OK(open(name, O_CREAT | O_TRUNC | O_WRONLY, 0700));

    CHECK_EQ(write(fd, text, len), (ssize_t)len);
    OK(fchmod(fd, mode));
    OK(close(fd));
}

static void errors(void)
{
    char *argv[] = { "x", NULL }, *envp[] = { NULL };
    char *volatile bad = (char *)8, *many[] = { "x", NULL, NULL };
    Elf64_Ehdr elf = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
                       .e_type = ET_EXEC, .e_machine = EM_AARCH64, .e_version = EV_CURRENT,
                       .e_phentsize = sizeof(Elf64_Phdr), .e_ehsize = sizeof(Elf64_Ehdr) };

    CHECK_ERRNO(execve("none", argv, envp), ENOENT);
    CHECK_ERRNO(execve("/tmp", argv, envp), EACCES);
    put_file("plain", "text", 4, 0644);
    CHECK_ERRNO(execve("plain", argv, envp), EACCES);
    CHECK_ERRNO(execve("plain/x", argv, envp), ENOTDIR);
    put_file("text", "text", 4, 0755);
    CHECK_ERRNO(execve("text", argv, envp), ENOEXEC);
    put_file("empty", "", 0, 0755);
    CHECK_ERRNO(execve("empty", argv, envp), ENOEXEC);
    put_file("arm", (char *)&elf, sizeof(elf), 0755);
    CHECK_ERRNO(execve("arm", argv, envp), ENOEXEC);
    put_file("short", (char *)&elf, 20, 0755);
    CHECK_ERRNO(execve("short", argv, envp), ENOEXEC);
    elf.e_machine = EM_X86_64;
    elf.e_phnum = 1;
    elf.e_phoff = 1 << 20;
    put_file("nophdr", (char *)&elf, sizeof(elf), 0755);
    CHECK(execve("nophdr", argv, envp) == -1);
    CHECK_ERRNO(execve(bad, argv, envp), EFAULT);
    many[1] = malloc(200000);
    memset(many[1], 'x', 199999);
    many[1][199999] = 0;
    CHECK_ERRNO(execve(self, many, envp), E2BIG); /* one argument of more than 128 KiB */
    put_file("busy", "#!/none/interpreter\n", 20, 0755);
    CHECK_ERRNO(execve("busy", argv, envp), ENOENT);
}

/* --- scripts ---------------------------------------------------------------------------------------- */

static void script(void)
{
    char text[512], *argv[] = { "zeroth", "arg", NULL }, *envp[] = { NULL };
    pid_t pid;

    snprintf(text, sizeof(text), "#! %s  --script an option \nrest\n", self);
    put_file("script", text, strlen(text), 0755);
    put_file("loop", "#!./loop\n", 9, 0755);
    pid = t_fork();
    if (pid == 0)
        OK(execve("./script", argv, envp));
    CHECK_EQ(WEXITSTATUS(t_wait(pid)), 22);
    CHECK_ERRNO(execve("./loop", argv, envp), ELOOP);
}

/* argv: interpreter, its one argument with the inner spaces, the script, what followed argv[0]. */
static void as_interpreter(int argc, char **argv)
{
    CHECK_EQ(argc, 4);
    CHECK(!strcmp(argv[2], "./script") && !strcmp(argv[3], "arg"));
    t_end(22);
}

/* No arguments at all, not even NULL for their list: one empty one, execve(2). */
static void no_arguments(void)
{
    char *none[] = { NULL }, *env[] = { "RV_NO_ARGUMENTS=1", NULL };

    for (int i = 0; i < 2; i++) {
        pid_t pid = t_fork();

        if (pid == 0)
            OK(syscall(SYS_execve, self, i ? none : NULL, env));
        t_join(pid);
    }
}

static void without_arguments(int argc, char **argv, char **envp)
{
    CHECK_EQ(argc, 1);
    CHECK(!*argv[0] && !argv[1]);
    CHECK(envp[0] && !strcmp(envp[0], "RV_NO_ARGUMENTS=1") && !envp[1]);
    t_end(0);
}

int main(int argc, char **argv, char **envp)
{
    if (getenv("RV_NO_ARGUMENTS"))
        without_arguments(argc, argv, envp);
    if (argc > 1 && !strcmp(argv[1], "--child"))
        as_new_program(argc, argv, envp);
    if (argc > 1 && !strcmp(argv[1], "--script an option"))
        as_interpreter(argc, argv);
    self = realpath(argv[0], NULL);
    CHECK(self != NULL);
    t_scratch();
    successful();
    errors();
    script();
    no_arguments();
    return 0;
}
