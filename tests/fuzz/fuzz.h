/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random system calls against the guest kernel (README.md). The driver (driver.c) is process 1 of a
 * sandbox. It starts one batch of processes after the other; each makes random calls (child.c) with
 * arguments by kind (args.c), structures (shapes.c) and descriptors of all sorts (objects.c).
 *
 * What runs in a batch uses no thread-local storage and next to nothing of libc, since the calls
 * may change anything: FS base, handlers, mappings, descriptors.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE 4096ul
#define ERRNO_MAX 135
#define SYSCALL_NR_MAX 512

/* --- random numbers --------------------------------------------------------------------------- */

struct rng {
    uint64_t state; /* never 0 */
};

static inline uint64_t rnd(struct rng *r)
{
    uint64_t x = r->state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    r->state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0 ... n-1 */
static inline uint32_t below(struct rng *r, uint32_t n)
{
    return (uint32_t)((rnd(r) >> 32) * n >> 32);
}

/* True once in n times. */
static inline bool one_in(struct rng *r, uint32_t n)
{
    return below(r, n) == 0;
}

/* A generator of its own for each of the things that a seed makes. */
static inline void rnd_init(struct rng *r, uint64_t seed, uint64_t which)
{
    r->state =
        (seed * UINT64_C(0x9e3779b97f4a7c15)) ^ ((which + 1) * UINT64_C(0xd1342543de82ef95)) ^ 1;
    if (!r->state)
        r->state = 1;
    for (int i = 0; i < 8; i++)
        rnd(r);
}

/* --- threads that make calls ------------------------------------------------------------------ */

#define ARENA (16 * PAGE)
#define RECENT 8u

/*
 * One for each thread and for each process that a call made. They lie in the memory of the process,
 * and so does the stack, for those that do not have one already.
 */
struct fuzzer {
    struct rng rng;
    uint32_t calls;        /* still to be made */
    uint32_t depth;        /* processes between this one and the batch's */
    int tid;
    uint32_t nfavourites;  /* swarm testing: few calls find other things than all */
    uint16_t favourite[24];
    int recent_fd[RECENT];
    int recent_pid[RECENT];
    uint32_t nrecent_fd, nrecent_pid;
    size_t arena_used;
    struct note *note;
    uint8_t arena[ARENA];  /* structures of the present call */
    uint8_t stack[8 * PAGE] __attribute__((aligned(16)));
};

/* What a thread does, for the report about one that hangs. Shared by all processes. */
struct note {
    int pid, tid;
    uint64_t nr, arg[6];
};

#define NOTES 256u
struct shared {
    uint64_t calls, successes, errors[ERRNO_MAX];
    uint64_t per_call[SYSCALL_NR_MAX];
    uint32_t next_note;
    uint32_t shake_ms; /* between the signals that wake a thread */
    struct note note[NOTES];
};
extern struct shared *shared;
struct shared *shared_map(void);

struct call {
    uint16_t nr;
    uint8_t nargs;
    uint8_t kind[6];
};
extern const struct call calls[];
extern const uint32_t ncalls;
const char *call_name(uint64_t nr);

/* child.c: a batch begins. Does not return; the process ends when all calls are made. */
_Noreturn void batch_run(uint64_t seed, uint64_t batch, uint32_t ncalls_each);
/* What an execve of this program does. */
_Noreturn void exec_run(uint64_t seed);

/* args.c */
void args_init(void);
void args_make(struct fuzzer *f, const struct call *c, uint64_t arg[6]);
uint64_t any_number(struct fuzzer *f);
uint64_t any_pointer(struct fuzzer *f);
uint64_t any_size(struct fuzzer *f);
uint64_t any_offset(struct fuzzer *f);
uint64_t any_path(struct fuzzer *f);
int any_fd(struct fuzzer *f);
int any_pid(struct fuzzer *f);
int any_signal(struct fuzzer *f);

/* hints.c: what some arguments want beyond their kind. Whether it had something for this one. */
void hints_init(void);
bool hinted(struct fuzzer *f, uint16_t nr, uint32_t arg, uint64_t *value);

/* shapes.c */
enum shape {
    ADDR_PLAY, /* an address in the pages that calls map and unmap */
    IOVEC, MSGHDR, MMSGHDR, POLLFDS, FDSET, TIMESPEC, TIMESPECS, TIMEVAL, TIMEVALS, ITIMERSPEC,
    ITIMERVAL, SIGSET, SIGSET_ARG, SIGACTION, SIGINFO, SIGEVENT, SIGSTACK, EPOLL_EVENT, SOCKADDR,
    RLIMIT, CAP_HEADER, CAP_DATA, OPEN_HOW, CLONE_ARGS, WORD, LONGWORD, STRINGS, NAME, FUTEX_WORD,
    ROBUST, IDS, IOCTL_ARG, FCNTL_ARG, CLONE_STACK, CPUSET, SOCKOPT, A_PATH, AN_FD, A_PID, A_SIZE,
    AN_OFFSET, PRCTL_ARG, A_NUMBER
};
uint64_t make_shape(struct fuzzer *f, enum shape shape);
/* n bytes of the arena, 8-aligned, or of its start when it is used up. */
void *arena(struct fuzzer *f, size_t n);

/* objects.c: the descriptors that a batch has, and the memory that calls may change. */
#define PLAY_PAGES 64ul
#define NFDS 64u
extern int pool_fd[NFDS];
extern uint32_t npool;
extern uint8_t *play;       /* PLAY_PAGES that are mapped, unmapped and protected all the time */
extern uint8_t *edge;       /* the end of a page that none follows */
extern uint8_t *pages[12];  /* read-only, no access, shared, of files, ... */
extern uint32_t npages;
void objects_open(void);
void objects_map(void);

/* Raw calls: the result, or -errno. */
long raw_call(uint64_t nr, const uint64_t arg[6]);
/* For those after which two come back: the new one calls fuzzer_child(f) and stays there. */
long raw_clone(uint64_t nr, const uint64_t arg[6], struct fuzzer *f);
struct fuzzer *fuzzer_new(struct fuzzer *parent);
void fuzzer_child(struct fuzzer *f);

static inline long raw(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    const uint64_t arg[6] = { a, b, c, d, e, 0 };

    return raw_call(nr, arg);
}

#endif
