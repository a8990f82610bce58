/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker pool. Jobs are queued in FIFO order; as many threads as there are tokens are never
 * needed. Threads are made by one manager thread, because a vCPU's thread may not (its seccomp
 * filter, which a new thread would inherit).
 */
#include "vmm/worker.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hostcalls/lib/bounds.h"
#include "vmm/jail.h"
#include "vmm/pool.h"
#include "vmm/vm.h"

#define IDLE_SECONDS 3
#define STACK_SIZE   ((size_t)64 << 10)

enum job_state { JOB_WAITED, JOB_LEFT, JOB_DONE };

/* One place for each token; a call has at most one job at a time. */
struct job {
    struct job *next;
    struct hc_req *req;
    int64_t (*fn)(struct hc_req *req);
    int64_t ret;
    _Atomic uint32_t state; /* enum job_state; futex of the waiting vCPU's thread */
};

static struct job jobs[RV_MAX_TOKENS];

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work, want; /* for workers, for the manager */
    struct job *first, **last;
    uint32_t queued, idle, threads;
    uint32_t threads_max; /* set by pool_init */
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER, .last = &pool.first };

static void run_job(struct vm *vm, struct job *job)
{
    uint32_t token = job->req->token;
    int64_t ret = job->fn(job->req);

    /*
     * Once the state is JOB_DONE the waiting thread goes on, and the place may be used for the
     * token's next call: nothing but the futex word's address is used after that.
     */
    job->ret = ret;
    if (atomic_exchange(&job->state, JOB_DONE) == JOB_WAITED)
        syscall(SYS_futex, &job->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    else if (ret != RV_PENDING)
        hc_complete(vm, token, ret);
}

static void *worker_main(void *arg)
{
    struct vm *vm = arg;

    /* The filter is the manager's, inherited. */
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        struct job *job = pool.first;
        struct timespec until;
        int r = 0;

        if (job) {
            pool.first = job->next;
            if (!pool.first)
                pool.last = &pool.first;
            pool.queued--;
            pthread_mutex_unlock(&pool.lock);
            run_job(vm, job);
            pthread_mutex_lock(&pool.lock);
            continue;
        }
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += IDLE_SECONDS;
        pool.idle++;
        while (!pool.first && !r)
            r = pthread_cond_timedwait(&pool.work, &pool.lock, &until);
        pool.idle--;
        if (!pool.first)
            break;
    }
    pool.threads--;
    pthread_mutex_unlock(&pool.lock);
    return NULL;
}

static bool too_few(void)
{
    return pool.queued > pool.idle && pool.threads < pool.threads_max;
}

static void *manager_main(void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    prctl(PR_SET_NAME, "worker"); /* the threads it makes inherit it */
    jail_thread(arg, "worker");
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        bool failed = false;

        while (too_few() && !failed) {
            pool.threads++;
            pthread_mutex_unlock(&pool.lock);
            failed = pthread_create(&thread, &attr, worker_main, arg) != 0;
            pthread_mutex_lock(&pool.lock);
            if (failed)
                pool.threads--;
        }
        if (failed && !pool.threads)
            vm_fatal(arg, "cannot start a thread: the limit of processes is reached");
        pthread_cond_wait(&pool.want, &pool.lock);
    }
    return NULL;
}

int pool_init(struct vm *vm, struct error *err)
{
    pthread_condattr_t mono;
    pthread_attr_t attr;
    pthread_t thread;
    int r;

    pool.threads_max = bounds_workers(vm->nvcpus);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&pool.work, &mono);
    pthread_cond_init(&pool.want, NULL);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    r = pthread_create(&thread, &attr, manager_main, vm);
    pthread_attr_destroy(&attr);
    return r ? error_set(err, r, "cannot start a thread") : 0;
}

static struct job *enqueue(struct hc_req *req, int64_t (*fn)(struct hc_req *req),
                           enum job_state state)
{
    struct job *job = &jobs[req->token];

    job->next = NULL;
    job->req = req;
    job->fn = fn;
    atomic_store(&job->state, state);
    pthread_mutex_lock(&pool.lock);
    *pool.last = job;
    pool.last = &job->next;
    pool.queued++;
    if (pool.queued <= pool.idle)
        pthread_cond_signal(&pool.work);
    else if (too_few())
        pthread_cond_signal(&pool.want);
    pthread_mutex_unlock(&pool.lock);
    return job;
}

int64_t worker_queue(struct hc_req *req, int64_t (*fn)(struct hc_req *req))
{
    enqueue(req, fn, JOB_LEFT);
    return RV_PENDING;
}

int64_t worker_call(struct hc_req *req, int64_t (*fn)(struct hc_req *req))
{
    struct job *job = enqueue(req, fn, JOB_WAITED);
    struct timespec until;
    uint32_t waited = JOB_WAITED;
    uint64_t end = vm_now() + HC_WAIT_NS;

    until.tv_sec = (time_t)(end / UINT64_C(1000000000));
    until.tv_nsec = (long)(end % UINT64_C(1000000000));
    while (atomic_load(&job->state) == JOB_WAITED) {
        long r = syscall(SYS_futex, &job->state, FUTEX_WAIT_BITSET_PRIVATE, JOB_WAITED, &until,
                         NULL, FUTEX_BITSET_MATCH_ANY);

        if (r < 0 && errno == ETIMEDOUT &&
            atomic_compare_exchange_strong(&job->state, &waited, JOB_LEFT))
            return RV_PENDING;
    }
    return job->ret;
}
