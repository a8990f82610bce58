/* SPDX-License-Identifier: Apache-2.0 */
/* Signal handlers: what they are told, masks, restart, alternate stack, one-shot, queues. */
#define _GNU_SOURCE
#include "t.h"

#include <sys/mman.h>
#include <ucontext.h>

static volatile sig_atomic_t count, last, nested, in_handler;
static volatile siginfo_t info; /* libc declares sigqueue a leaf: it would not be read again */
static char *stack;

static void install(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
    struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

    OK(sigaction(sig, &sa, NULL));
}

static void note(int sig, siginfo_t *si, void *uc)
{
    (void)uc;
    count++;
    last = sig;
    info = *si;
}

static void siginfo(void)
{
    union sigval v = { .sival_int = 4711 };

    install(SIGUSR1, note, 0);
    OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(count, 1);
    CHECK_EQ(info.si_signo, SIGUSR1);
    CHECK_EQ(info.si_code, SI_USER);
    CHECK_EQ(info.si_pid, getpid());
    CHECK_EQ(info.si_uid, getuid());
    install(SIGRTMIN, note, 0);
    OK(sigqueue(getpid(), SIGRTMIN, v));
    CHECK_EQ(info.si_code, SI_QUEUE);
    CHECK_EQ(info.si_value.sival_int, 4711);
    raise(SIGUSR1);
    CHECK_EQ(info.si_code, SI_TKILL);
}

static void masks(void)
{
    sigset_t set, old, pending;
    struct timespec zero = { 0, 0 };
    siginfo_t si;

    count = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    OK(sigprocmask(SIG_BLOCK, &set, &old));
    raise(SIGUSR1);
    raise(SIGUSR1);
    for (int i = 0; i < 3; i++)
        OK(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i }));
    CHECK_EQ(count, 0);
    OK(sigpending(&pending));
    CHECK(sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGRTMIN));
    OK(sigprocmask(SIG_SETMASK, &old, NULL));
    CHECK_EQ(count, 4); /* the plain one once, the queued one three times */

    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_ERRNO(sigtimedwait(&set, &si, &zero), EAGAIN);
    raise(SIGUSR1);
    CHECK_EQ(sigtimedwait(&set, &si, &zero), SIGUSR1);
    raise(SIGUSR1);
    CHECK_ERRNO(sigsuspend(&old), EINTR);
    CHECK_EQ(count, 5);
    OK(sigprocmask(SIG_SETMASK, &old, NULL));
    sigfillset(&set);
    OK(sigprocmask(SIG_SETMASK, &set, NULL));
    OK(sigprocmask(SIG_SETMASK, &old, &set));
    CHECK(!sigismember(&set, SIGKILL) && !sigismember(&set, SIGSTOP));
}

static void again(int sig, siginfo_t *si, void *uc)
{
    (void)si;
    (void)uc;
    count++;
    if (count == 1) {
        in_handler = 1;
        raise(sig);
        nested = count > 1;
        in_handler = 0;
    }
}

static void flags(void)
{
    struct sigaction sa;

    count = nested = 0;
    install(SIGUSR2, again, 0);
    raise(SIGUSR2);
    CHECK_EQ(count, 2);
    CHECK_EQ(nested, 0); /* held back while its handler ran */
    count = nested = 0;
    install(SIGUSR2, again, SA_NODEFER);
    raise(SIGUSR2);
    CHECK_EQ(nested, 1);
    install(SIGUSR2, note, (int)SA_RESETHAND);
    raise(SIGUSR2);
    OK(sigaction(SIGUSR2, NULL, &sa));
    CHECK(sa.sa_handler == SIG_DFL);
    CHECK_ERRNO(sigaction(SIGKILL, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL), EINVAL);
    CHECK_ERRNO(sigaction(65, NULL, &sa), EINVAL);
}

static void on_stack(int sig, siginfo_t *si, void *uc)
{
    char here;
    stack_t now;

    (void)sig;
    (void)si;
    (void)uc;
    CHECK(&here >= stack && &here < stack + 65536);
    OK(sigaltstack(NULL, &now));
    CHECK(now.ss_flags & SS_ONSTACK);
    count = 100;
}

static void alternate_stack(void)
{
    stack_t ss;

    stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED);
    ss = (stack_t) { .ss_sp = stack, .ss_size = 65536 };
    OK(sigaltstack(&ss, NULL));
    install(SIGUSR2, on_stack, SA_ONSTACK);
    raise(SIGUSR2);
    CHECK_EQ(count, 100);
    OK(sigaltstack(NULL, &ss));
    CHECK_EQ(ss.ss_flags, 0);
}

/* A child that sends the signal to its parent in a while. */
static pid_t send_later(int sig, int then_write)
{
    pid_t pid = t_fork();

    if (pid)
        return pid;
    t_sleep_ms(40);
    OK(kill(getppid(), sig));
    if (then_write >= 0) {
        t_sleep_ms(40);
        CHECK_EQ(write(then_write, "x", 1), 1);
    }
    t_end(0);
}

static void restart(void)
{
    int p[2];
    char c;
    pid_t pid;
    struct timespec ts = { 5, 0 }, left;

    OK(pipe(p));
    count = 0;
    install(SIGUSR1, note, 0);
    pid = send_later(SIGUSR1, -1);
    CHECK_ERRNO(read(p[0], &c, 1), EINTR);
    t_join(pid);
    install(SIGUSR1, note, SA_RESTART);
    pid = send_later(SIGUSR1, p[1]);
    CHECK_EQ(read(p[0], &c, 1), 1);
    t_join(pid);
    CHECK_EQ(count, 2);
    pid = send_later(SIGUSR1, -1);
    CHECK_ERRNO(nanosleep(&ts, &left), EINTR); /* a handler ends it, SA_RESTART or not */
    CHECK(left.tv_sec == 4);
    t_join(pid);
    /* A signal that is ignored interrupts nothing. */
    signal(SIGUSR1, SIG_IGN);
    pid = send_later(SIGUSR1, p[1]);
    CHECK_EQ(read(p[0], &c, 1), 1);
    t_join(pid);
}

static void fault_info(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;

    CHECK_EQ(sig, SIGFPE);
    CHECK_EQ(si->si_code, FPE_INTDIV);
    CHECK(si->si_addr == (void *)uc->uc_mcontext.gregs[REG_RIP]);
    uc->uc_mcontext.gregs[REG_RIP] += 2; /* over the division, "div %ecx" */
    count++;
}

static void resume_elsewhere(void)
{
    count = 0;
    install(SIGFPE, fault_info, 0);
    __asm__ volatile("xor %%edx, %%edx; xor %%ecx, %%ecx; div %%ecx"
                     ::: "eax", "ecx", "edx", "cc");
    CHECK_EQ(count, 1);
}

int main(void)
{
    siginfo();
    masks();
    flags();
    alternate_stack();
    restart();
    resume_elsewhere();
    return 0;
}
