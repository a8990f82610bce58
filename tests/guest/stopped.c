/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopped processes, signal(7): nothing but SIGKILL and SIGCONT reaches them; all threads stop and go
 * on together; what the parent hears of it, wait(2); and whose child a child is, __WNOTHREAD.
 */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static pid_t sleeper(void (*prepare)(void))
{
    int ready[2];
    pid_t pid;
    char c;

    OK(pipe(ready));
    pid = t_fork();
    if (pid == 0) {
        struct rlimit none = { 0, 0 };

        OK(setrlimit(RLIMIT_CORE, &none));
        if (prepare)
            prepare();
        CHECK_EQ(write(ready[1], "r", 1), 1);
        for (;;)
            pause();
    }
    OK(close(ready[1]));
    CHECK_EQ(read(ready[0], &c, 1), 1);
    OK(close(ready[0]));
    return pid;
}

static void stop(pid_t pid)
{
    int status;

    OK(kill(pid, SIGSTOP));
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK_EQ(status, SIGSTOP << 8 | 0x7f);
}

static char state(const char *fmt, pid_t pid, pid_t tid)
{
    char name[64], text[512], *p;
    ssize_t n;
    int fd;

    snprintf(name, sizeof(name), fmt, pid, tid);
    fd = (int)OK(open(name, O_RDONLY));
    n = OK(read(fd, text, sizeof(text) - 1));
    OK(close(fd));
    text[n] = 0;
    p = strrchr(text, ')');
    CHECK(p != NULL);
    return p[2];
}

static void signals_wait_for_sigcont(void)
{
    static const int fatal[] = { SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE,
                                 SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT,
                                 SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSYS, 34, 64 };

    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
        pid_t pid = sleeper(NULL);
        int pidfd = (int)OK(syscall(SYS_pidfd_open, pid, 0)), status;
        union sigval value = { .sival_int = 1 };

        stop(pid);
        switch (i % 4) {
        case 0: OK(kill(pid, fatal[i])); break;
        case 1: OK(syscall(SYS_tgkill, pid, pid, fatal[i])); break;
        case 2: OK(sigqueue(pid, fatal[i], value)); break;
        default: OK(syscall(SYS_pidfd_send_signal, pidfd, fatal[i], NULL, 0)); break;
        }
        t_sleep_ms(2);
        CHECK_EQ(waitpid(pid, &status, WNOHANG | WUNTRACED), 0);
        CHECK_EQ(state("/proc/%d/stat", pid, 0), 'T');
        OK(kill(pid, SIGCONT));
        CHECK_EQ(WTERMSIG(t_wait(pid)), fatal[i]);
        OK(close(pidfd));
    }
}

static void sigkill_does_not_wait(void)
{
    pid_t pid = sleeper(NULL);

    stop(pid);
    OK(kill(pid, SIGTERM));
    OK(kill(pid, SIGKILL));
    CHECK_EQ(t_wait(pid), SIGKILL);
}

static void set_alarm(void)
{
    alarm(1);
}

static void a_timer_does_not_end_a_stopped_one(void)
{
    pid_t pid = sleeper(set_alarm);
    int status;

    stop(pid);
    t_sleep_ms(1200);
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    OK(kill(pid, SIGCONT));
    CHECK_EQ(t_wait(pid), SIGALRM);
}

static void block_cont(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    sigaddset(&set, SIGTSTP);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
}

static void sigcont_goes_on_even_if_blocked_and_drops_stops(void)
{
    pid_t pid = sleeper(block_cont);
    int status;

    OK(setpgid(pid, pid));
    stop(pid);
    OK(kill(pid, SIGCONT));
    CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
    CHECK_EQ(status, 0xffff);
    /* A pending SIGTSTP goes with SIGCONT, a pending SIGCONT with SIGTSTP. */
    OK(kill(pid, SIGTSTP));
    OK(kill(pid, SIGCONT));
    OK(kill(pid, SIGKILL));
    CHECK_EQ(t_wait(pid), SIGKILL);
}

/* A SIGCONT is seen at once: the stop before it cannot be waited for any more. */
static void sigcont_undoes_the_news_of_a_stop(void)
{
    pid_t pid = sleeper(NULL);
    siginfo_t si;
    int status;

    OK(kill(pid, SIGSTOP));
    OK(waitid(P_PID, (id_t)pid, &si, WSTOPPED | WNOWAIT));
    CHECK_EQ(si.si_code, CLD_STOPPED);
    OK(kill(pid, SIGCONT));
    CHECK_EQ(waitpid(pid, &status, WUNTRACED | WNOHANG), 0);
    OK(waitid(P_PID, (id_t)pid, &si, WCONTINUED | WNOWAIT));
    CHECK_EQ(si.si_code, CLD_CONTINUED);
    OK(kill(pid, SIGSTOP));
    OK(waitid(P_PID, (id_t)pid, &si, WSTOPPED | WNOWAIT));
    si.si_pid = 1;
    OK(waitid(P_PID, (id_t)pid, &si, WCONTINUED | WNOHANG));
    CHECK_EQ(si.si_pid, 0);
    OK(kill(pid, SIGKILL));
    CHECK_EQ(t_wait(pid), SIGKILL);
}

static volatile unsigned long *counts;

static void *count(void *arg)
{
    for (;;)
        counts[(long)arg]++;
    return NULL;
}

static void start_threads(void)
{
    pthread_t t;

    for (long i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&t, NULL, count, (void *)i), 0);
}

static void all_threads_stop_and_go_on(void)
{
    unsigned long before[3];
    pid_t pid;

    counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(counts != MAP_FAILED);
    pid = sleeper(start_threads);
    for (int round = 0; round < 20; round++) {
        stop(pid);
        for (int i = 0; i < 3; i++)
            before[i] = counts[i];
        t_sleep_ms(2);
        for (int i = 0; i < 3; i++)
            CHECK_EQ(counts[i], before[i]);
        /* Going on and stopping again at once is a stop of all of them again. */
        OK(kill(pid, SIGCONT));
        if (round % 2)
            EVENTUALLY(counts[0] != before[0] && counts[1] != before[1] && counts[2] != before[2]);
    }
    OK(kill(pid, SIGKILL));
    CHECK_EQ(t_wait(pid), SIGKILL);
}

static void *outlive(void *arg)
{
    (void)arg;
    for (;;)
        pause();
    return NULL;
}

static void *end_first_thread(void *arg)
{
    (void)arg;
    syscall(SYS_exit, 3);
    return NULL;
}

static void a_process_without_its_first_thread(void)
{
    siginfo_t si;
    pid_t pid = t_fork();
    int status;

    if (pid == 0) {
        pthread_t t;

        CHECK_EQ(pthread_create(&t, NULL, outlive, NULL), 0);
        end_first_thread(NULL);
    }
    EVENTUALLY(state("/proc/%d/stat", pid, 0) == 'Z');
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    OK(kill(pid, 0));
    stop(pid);
    OK(kill(pid, SIGTERM));
    t_sleep_ms(2);
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    OK(kill(pid, SIGCONT));
    OK(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT));
    CHECK_EQ(si.si_code, CLD_KILLED);
    CHECK_EQ(si.si_status, SIGTERM);
    OK(kill(pid, SIGKILL)); /* a zombie can be signalled */
    CHECK_EQ(t_wait(pid), SIGTERM);
    CHECK_ERRNO(kill(pid, 0), ESRCH);
}

static volatile sig_atomic_t child_signals, child_code;

static void on_child(int sig, siginfo_t *si, void *uc)
{
    (void)sig;
    (void)uc;
    child_signals++;
    child_code = si->si_code;
}

static void a_parent_that_ignores_children_still_sees_stops(void)
{
    struct sigaction sa = { .sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_NOCLDWAIT };
    sigset_t set, old;
    pid_t pid;
    int status;

    signal(SIGCHLD, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    OK(sigprocmask(SIG_BLOCK, &set, &old));
    pid = sleeper(NULL);
    stop(pid);
    OK(kill(pid, SIGCONT));
    CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
    OK(sigpending(&set));
    CHECK(!sigismember(&set, SIGCHLD));
    OK(kill(pid, SIGKILL));
    CHECK_ERRNO(waitpid(pid, &status, 0), ECHILD);
    /* SA_NOCLDWAIT: the signal comes, but no zombie stays. */
    OK(sigaction(SIGCHLD, &sa, NULL));
    OK(sigprocmask(SIG_SETMASK, &old, NULL));
    pid = sleeper(NULL);
    OK(kill(pid, SIGKILL));
    EVENTUALLY(child_signals == 1);
    CHECK_EQ(child_code, CLD_KILLED);
    CHECK_ERRNO(waitpid(pid, &status, WNOHANG), ECHILD);
    signal(SIGCHLD, SIG_DFL);
}

/* --- whose child ---------------------------------------------------------------------------------- */

static pid_t of_thread;

static void *forker(void *arg)
{
    int status;

    (void)arg;
    of_thread = sleeper(NULL);
    CHECK_ERRNO(waitpid(getpid(), &status, WNOHANG | __WNOTHREAD), ECHILD);
    CHECK_EQ(waitpid(of_thread, &status, WNOHANG | __WNOTHREAD), 0);
    return NULL;
}

static void *stranger(void *arg)
{
    int status;

    (void)arg;
    CHECK_ERRNO(waitpid(-1, &status, WNOHANG | __WNOTHREAD), ECHILD);
    CHECK_EQ(waitpid(-1, &status, WNOHANG), 0);
    return NULL;
}

static void a_thread_may_wait_for_its_own_only(void)
{
    pthread_t t;
    int status;

    CHECK_EQ(pthread_create(&t, NULL, forker, NULL), 0);
    CHECK_EQ(pthread_join(t, NULL), 0);
    CHECK_EQ(pthread_create(&t, NULL, stranger, NULL), 0);
    CHECK_EQ(pthread_join(t, NULL), 0);
    /* Those of a thread that has ended are the first one's. */
    EVENTUALLY(waitpid(of_thread, &status, WNOHANG | __WNOTHREAD) == 0);
    OK(kill(of_thread, SIGKILL));
    CHECK_EQ(waitpid(of_thread, &status, __WNOTHREAD), of_thread);
}

static void want_death_signal(void)
{
    OK(prctl(PR_SET_PDEATHSIG, SIGUSR2));
}

static void *forker_of_dependent(void *arg)
{
    (void)arg;
    of_thread = sleeper(want_death_signal);
    return NULL;
}

static void the_end_of_the_forking_thread_is_a_parents_death(void)
{
    pthread_t t;

    CHECK_EQ(pthread_create(&t, NULL, forker_of_dependent, NULL), 0);
    CHECK_EQ(pthread_join(t, NULL), 0);
    CHECK_EQ(t_wait(of_thread), SIGUSR2);
}

int main(void)
{
    signals_wait_for_sigcont();
    sigkill_does_not_wait();
    a_timer_does_not_end_a_stopped_one();
    sigcont_goes_on_even_if_blocked_and_drops_stops();
    sigcont_undoes_the_news_of_a_stop();
    all_threads_stop_and_go_on();
    a_process_without_its_first_thread();
    a_parent_that_ignores_children_still_sees_stops();
    a_thread_may_wait_for_its_own_only();
    the_end_of_the_forking_thread_is_a_parents_death();
    return 0;
}
