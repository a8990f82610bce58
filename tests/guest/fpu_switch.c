/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vector registers belong to their thread: threads and processes with different contents, more of
 * them than CPUs, switched by the clock, by blocking and by signals, never see another's.
 */
#define _GNU_SOURCE
#include "t.h"

#include <cpuid.h>
#include <pthread.h>
#include <sched.h>
#include <sys/time.h>

#define THREADS 4
#define ROUNDS 30

static int has_avx;

static int avx_usable(void)
{
    unsigned a, b, c, d, lo, hi;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
        return 0;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (lo & 6) == 6;
}

/* Fill the registers from seed, spend some time, compare. 0 if all is well. */
static int sse_round(uint8_t seed, unsigned spin)
{
    _Alignas(16) uint8_t in[16], out[16][16];

    memset(in, seed, sizeof(in));
    __asm__ volatile(
        "movaps (%1), %%xmm0; movaps %%xmm0, %%xmm1; movaps %%xmm0, %%xmm2; movaps %%xmm0, %%xmm7;"
        "movaps %%xmm0, %%xmm8; movaps %%xmm0, %%xmm15;"
        "1: dec %0; jnz 1b;"
        "movaps %%xmm0, (%2); movaps %%xmm1, 16(%2); movaps %%xmm2, 32(%2); movaps %%xmm7, 48(%2);"
        "movaps %%xmm8, 64(%2); movaps %%xmm15, 80(%2)"
        : "+r"(spin)
        : "r"(in), "r"(out)
        : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm7", "xmm8", "xmm15");
    for (int r = 0; r < 6; r++)
        if (memcmp(out[r], in, 16))
            return 1;
    return 0;
}

__attribute__((target("avx"))) static int avx_round(uint8_t seed, unsigned spin)
{
    _Alignas(32) uint8_t in[32], out[2][32];

    memset(in, seed, sizeof(in));
    __asm__ volatile("vmovaps (%1), %%ymm3; vmovaps %%ymm3, %%ymm14;"
                     "1: dec %0; jnz 1b;"
                     "vmovaps %%ymm3, (%2); vmovaps %%ymm14, 32(%2); vzeroupper"
                     : "+r"(spin)
                     : "r"(in), "r"(out)
                     : "memory", "cc", "xmm3", "xmm14");
    return memcmp(out[0], in, 32) || memcmp(out[1], in, 32);
}

static int x87_round(int seed)
{
    double in = seed + 0.5, out;

    __asm__ volatile("fldl %0" :: "m"(in));
    sched_yield();
    __asm__ volatile("fstpl %0" : "=m"(out));
    return in != out;
}

/* A system call with registers loaded: a switch to another thread inside the kernel. */
static int yield_round(uint8_t seed)
{
    _Alignas(16) uint8_t in[16], out[16];

    memset(in, seed, sizeof(in));
    __asm__ volatile("movaps (%0), %%xmm5; mov $24, %%eax; syscall; movaps %%xmm5, (%1)"
                     :: "r"(in), "r"(out)
                     : "rax", "rcx", "r11", "memory", "xmm5");
    return memcmp(in, out, 16);
}

static void *work(void *arg)
{
    uint8_t seed = (uint8_t)(uintptr_t)arg;

    for (unsigned i = 0; i < ROUNDS; i++) {
        CHECK_EQ(sse_round((uint8_t)(seed + i), 200000), 0);
        if (has_avx)
            CHECK_EQ(avx_round((uint8_t)(seed + i), 200000), 0);
        CHECK_EQ(yield_round((uint8_t)(seed ^ i)), 0);
        CHECK_EQ(x87_round(seed), 0);
    }
    return NULL;
}

static void on_alarm(int sig)
{
    (void)sig;
    (void)sse_round(0xee, 1);
    if (has_avx)
        (void)avx_round(0xdd, 1);
}

int main(void)
{
    struct itimerval it = { { 0, 7000 }, { 0, 7000 } };
    struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    pthread_t t[THREADS];
    pid_t pid;

    has_avx = avx_usable();
    OK(sigaction(SIGALRM, &sa, NULL));
    pid = t_fork();
    OK(setitimer(ITIMER_REAL, &it, NULL));
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, work, (void *)(i * 50 + (pid ? 0 : 25))), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
    it = (struct itimerval){ { 0, 0 }, { 0, 0 } };
    OK(setitimer(ITIMER_REAL, &it, NULL));
    if (pid == 0)
        t_end(0);
    t_join(pid);
    return 0;
}
