/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscalls SEED FIRST BATCHES CALLS SECONDS: process 1 of a sandbox. Runs BATCHES batches from
 * number FIRST on (0: until SECONDS are over), each thread of them making CALLS calls. Between two
 * batches the machine must be as it was: no process left, memory free, and working. Exit code 0 if so,
 * else 1.
 *
 * Executed as anything else than process 1 it makes a few calls and ends: batches do that.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHAKE_MIN  5       /* ms between the signals that wake each thread ... */
#define SHAKE_MAX  300     /* ... where ring 0 is emulated */
#define BATCH_MS   500     /* then, and after some more signals, the rest of a batch is killed */
#define DEATH_MS   30000   /* how long a killed process may take, where ring 0 is emulated */
#define SLACK      (6l << 20) /* of memory, for caches that are still filling */
#define SETTLED    12      /* batches after which the caches are warm */

struct shared *shared;
static uint64_t seed, batch;
static int null; /* /dev/null, while it is there */

_Noreturn static void bad(const char *what)
{
    printf("fuzz: seed %llu, batch %llu: %s (errno %d)\n", (unsigned long long)seed,
           (unsigned long long)batch, what, errno);
    fflush(stdout);
    _exit(1);
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void say_file(const char *path)
{
    char text[2048];
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

    if (n > 0)
        printf("%s:\n%.*s\n", path, (int)n, text);
    if (fd >= 0)
        close(fd);
}

static void say_notes(void)
{
    for (uint32_t i = 0; i < NOTES; i++) {
        const struct note *n = &shared->note[i];

        if (n->pid && n->nr < SYSCALL_NR_MAX)
            printf("%d/%d was in %s(0x%llx, 0x%llx, 0x%llx, 0x%llx, 0x%llx, 0x%llx)\n", n->pid,
                   n->tid, call_name(n->nr), (unsigned long long)n->arg[0],
                   (unsigned long long)n->arg[1], (unsigned long long)n->arg[2],
                   (unsigned long long)n->arg[3], (unsigned long long)n->arg[4],
                   (unsigned long long)n->arg[5]);
    }
}

/* Processes other than this one; says what they are if asked. */
static int others(bool say)
{
    DIR *d = opendir("/proc");
    struct dirent *e;
    int n = 0;

    if (!d)
        bad("no /proc");
    while ((e = readdir(d))) {
        char path[300];
        int pid = atoi(e->d_name);

        if (pid <= 1)
            continue;
        n++;
        if (say) {
            snprintf(path, sizeof(path), "/proc/%d/status", pid);
            say_file(path);
            snprintf(path, sizeof(path), "/proc/%d/wchan", pid);
            say_file(path);
        }
    }
    closedir(d);
    return n;
}

/* Wait for all children until the time; whether there are none any more. */
static bool reap(int64_t until)
{
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);

        if (pid < 0 && errno == ECHILD)
            return true;
        if (pid == 0) {
            if (now_ms() > until)
                return false;
            usleep(1000);
        }
    }
}

/* --- files ------------------------------------------------------------------------------------ */

static char *known[256]; /* the names that were there at the start */
static unsigned nknown;

static const char *const places[] = { "/", "/dev", "/tmp", "/dev/shm",
                                      "/vol" }; /* a file system each */

static void each_file(int (*fn)(const char *, const struct stat *, int, struct FTW *))
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        nftw(places[i], fn, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int know_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    if (nknown == sizeof(known) / sizeof(known[0]))
        bad("too many files");
    known[nknown++] = strdup(path);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    if (where->level == 0)
        return 0;
    for (unsigned i = 0; i < nknown; i++)
        if (strcmp(known[i], path) == 0)
            return 0;
    if ((kind == FTW_DP ? rmdir(path) : unlink(path)) && getenv("FUZZ_VERBOSE"))
        printf("%s: kind %d, mode 0%o, errno %d\n", path, kind, st->st_mode, errno);
    return 0;
}

static uint64_t free_memory(void)
{
    struct sysinfo si;

    return sysinfo(&si) ? 0 : si.freeram * si.mem_unit;
}

/* A pipe, a file, a process. */
static void check_works(void)
{
    static const char name[] = "/tmp/.works";
    char text[16] = "";
    int fd[2], status;
    pid_t pid;

    if (pipe(fd) || (pid = fork()) < 0)
        bad("no pipe or no fork any more");
    if (pid == 0) {
        int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

        if (write(file, "works", 5) != 5 || pread(file, text, 16, 0) != 5 || unlink(name))
            _exit(1);
        _exit(write(fd[1], text, 5) == 5 ? 7 : 2);
    }
    if (read(fd[0], text, 5) != 5 || memcmp(text, "works", 5))
        bad("a pipe does not work any more");
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
        bad("a process does not work any more");
    close(fd[0]);
    close(fd[1]);
}

static void one_batch(uint32_t ncalls_each)
{
    pid_t pid;

    memset(shared->note, 0, sizeof(shared->note));
    shared->next_note = 0;
    pid = fork();
    if (pid < 0)
        bad("no fork any more");
    if (pid == 0) {
        int oom = open("/proc/self/oom_score_adj", O_WRONLY);

        /* The memory of a batch goes first when there is no more. */
        if (oom < 0 || write(oom, "1000", 4) != 4 || mkdir("/run/batch", 0777) ||
            chdir("/run/batch"))
            bad("a batch cannot begin");
        close(oom);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        batch_run(seed, batch, ncalls_each);
    }
    if (reap(now_ms() + BATCH_MS + 6 * shared->shake_ms))
        return;
    if (getenv("FUZZ_VERBOSE") && *getenv("FUZZ_VERBOSE")) {
        printf("batch %llu is killed\n", (unsigned long long)batch);
        say_notes();
    }
    kill(-1, SIGKILL);
    if (!reap(now_ms() + DEATH_MS)) {
        say_notes();
        others(true);
        bad("a process that was killed does not go away");
    }
}

static void summary(uint64_t batches, uint64_t least)
{
    unsigned called = 0;

    for (uint32_t i = 0; i < ncalls; i++)
        called += shared->per_call[calls[i].nr] > 0;
    printf("seed %llu, %llu batches: %llu calls, %llu successful, of %u kinds out of %u; %llu KiB "
           "free; errors:",
           (unsigned long long)seed, (unsigned long long)batches, (unsigned long long)shared->calls,
           (unsigned long long)shared->successes, called, ncalls, (unsigned long long)least >> 10);
    for (int e = 1; e < ERRNO_MAX; e++)
        if (shared->errors[e])
            printf(" %s=%llu", strerrorname_np(e) ? strerrorname_np(e) : "?",
                   (unsigned long long)shared->errors[e]);
    printf("\n");
    fflush(stdout);
}

/* How often threads are woken goes with the speed of this machine: what a process takes. */
static void measure(void)
{
    int64_t start = now_ms(), ms;

    for (int i = 0; i < 5; i++)
        check_works();
    ms = now_ms() - start;
    shared->shake_ms = (uint32_t)(ms < SHAKE_MIN ? SHAKE_MIN : ms > SHAKE_MAX ? SHAKE_MAX : ms);
}

static void run(uint64_t first, uint64_t batches, uint32_t ncalls_each, int64_t seconds)
{
    int64_t start = now_ms(), told = start;
    uint64_t warm = 0, n = 0, free;

    measure();
    each_file(know_one);
    for (batch = first; batches ? n < batches : now_ms() < start + seconds * 1000; batch++) {
        one_batch(ncalls_each);
        if (others(false) > 0) {
            others(true);
            bad("processes are there that nobody waits for");
        }
        each_file(remove_one);
        check_works();
        free = free_memory();
        if (++n == SETTLED)
            warm = free;
        if (n > SETTLED && free + SLACK + n * 8192 < warm) {
            printf("%llu KiB were free, now %llu\n", (unsigned long long)warm >> 10,
                   (unsigned long long)free >> 10);
            bad("memory is lost");
        }
        if (now_ms() > told + 10000) {
            told = now_ms();
            printf("batch %llu, %llu calls, %llu KiB free\n", (unsigned long long)batch,
                   (unsigned long long)shared->calls, (unsigned long long)free >> 10);
            fflush(stdout);
        }
    }
    summary(n, free_memory());
}

/* What all processes count in. Nothing lies beside it from where a buffer could run into it. */
struct shared *shared_map(void)
{
    const size_t guard = 64 * PAGE, n = (sizeof(struct shared) + PAGE - 1) & -PAGE;
    uint8_t *all = mmap(NULL, n + 2 * guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (all == MAP_FAILED || mmap(all + guard, n, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        _exit(4);
    return (struct shared *)(all + guard);
}

int main(int argc, char **argv)
{
    struct rlimit no_core = { 0, 0 };

    setvbuf(stdout, NULL, _IOLBF, 0);
    hints_init();
    if (!getenv("RV_SANDBOX") && getpid() == 1)
        return 2;
    if (getpid() != 1) {
        if (argc == 6) {
            fprintf(stderr, "syscalls: only as process 1 of a sandbox\n");
            return 2;
        }
        exec_run((uint64_t)argc);
    }
    if (argc != 6)
        return 2;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    seed = strtoull(argv[1], NULL, 0);
    setrlimit(RLIMIT_CORE, &no_core);
    for (int s = 1; s < 32; s++)
        signal(s, s == SIGCHLD ? SIG_DFL : SIG_IGN);
    shared = shared_map();
    run(strtoull(argv[2], NULL, 0), strtoull(argv[3], NULL, 0), (uint32_t)strtoul(argv[4], NULL, 0),
        atoll(argv[5]));
    return 0;
}
