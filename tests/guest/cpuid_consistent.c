/* SPDX-License-Identifier: Apache-2.0 */
/* What cpuid promises works, and a library may rely on it: each extension is tried if announced. */
#include "t.h"

#include <cpuid.h>

static void try_avx(void *arg)
{
    (void)arg;
    __asm__ volatile(".byte 0xc5,0xfc,0x57,0xc0" ::: "xmm0"); /* vxorps ymm0 */
}

static void try_avx2(void *arg)
{
    (void)arg;
    __asm__ volatile(".byte 0xc5,0xfd,0xef,0xc0" ::: "xmm0"); /* vpxor ymm0 */
}

static void try_avx512(void *arg)
{
    (void)arg;
    __asm__ volatile(".byte 0x62,0xf1,0x7c,0x48,0x57,0xc0" ::: "xmm0"); /* vxorps zmm0 */
}

static void try_xgetbv(void *arg)
{
    unsigned lo, hi;

    (void)arg;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    CHECK_EQ(lo & 3, 3); /* x87 and SSE */
}

static void try_popcnt(void *arg)
{
    uint64_t n = 0xff;

    (void)arg;
    __asm__ volatile("popcnt %0, %0" : "+r"(n));
    CHECK_EQ(n, 8);
}

static void try_sse42(void *arg)
{
    uint32_t crc = 0;

    (void)arg;
    __asm__ volatile("crc32b %1, %0" : "+r"(crc) : "r"((uint8_t)'a'));
    CHECK_EQ(crc, 0x93ad1061);
}

static void try_aes(void *arg)
{
    (void)arg;
    __asm__ volatile("aesenc %%xmm1, %%xmm0" ::: "xmm0");
}

static void try_cx16(void *arg)
{
    static _Alignas(16) uint64_t v[2];
    (void)arg;
    __asm__ volatile("lock cmpxchg16b %0" : "+m"(v) : "a"(0), "d"(0), "b"(1), "c"(2) : "cc");
    CHECK_EQ(v[0], 1);
}

static void try_rdtscp(void *arg)
{
    unsigned a, d, c;

    (void)arg;
    __asm__ volatile("rdtscp" : "=a"(a), "=d"(d), "=c"(c));
}

static void try_rdrand(void *arg)
{
    uint64_t v;

    (void)arg;
    __asm__ volatile("rdrand %0" : "=r"(v) :: "cc");
}

static void try_fsgsbase(void *arg)
{
    uint64_t v;

    (void)arg;
    __asm__ volatile("rdfsbase %0" : "=r"(v));
    CHECK(v);
}

static unsigned leaf(unsigned nr, unsigned sub, int reg)
{
    unsigned r[4] = { 0 };

    __get_cpuid_count(nr, sub, &r[0], &r[1], &r[2], &r[3]);
    return r[reg];
}

enum { EAX, EBX, ECX, EDX };

int main(void)
{
    const struct {
        unsigned leaf;
        int reg, bit;
        void (*attempt)(void *);
        int needs_xsave;
    } list[] = {
        { 1, ECX, 27, try_xgetbv, 0 },   { 1, ECX, 23, try_popcnt, 0 }, { 1, ECX, 20, try_sse42, 0 },
        { 1, ECX, 25, try_aes, 0 },      { 1, ECX, 13, try_cx16, 0 },   { 1, ECX, 30, try_rdrand, 0 },
        { 0x80000001, EDX, 27, try_rdtscp, 0 }, { 1, ECX, 28, try_avx, 1 },
        { 7, EBX, 5, try_avx2, 1 },      { 7, EBX, 16, try_avx512, 1 },
    };
    int osxsave = leaf(1, 0, ECX) >> 27 & 1;

    CHECK(leaf(1, 0, EDX) >> 26 & 1); /* SSE2 */
    CHECK(leaf(0x80000001, 0, EDX) >> 29 & 1); /* long mode */
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (!(leaf(list[i].leaf, 0, list[i].reg) >> list[i].bit & 1))
            continue;
        if (list[i].needs_xsave && !osxsave) {
            CHECK(!t_in_sandbox()); /* an emulated processor may be so inconsistent */
            continue;
        }
        CHECK_EQ(t_signal_of(list[i].attempt, NULL), 0);
    }
    if (t_in_sandbox()) {
        CHECK(!(leaf(7, 0, EDX) >> 24 & 1)); /* AMX stays hidden */
        CHECK(!(leaf(7, 0, ECX) >> 3 & 1));  /* PKU too */
        CHECK(!(leaf(1, 0, ECX) >> 3 & 1));  /* MONITOR too */
    }
    /* The kernel says through HWCAP2 bit 1 that rdfsbase may be used. */
    if (leaf(7, 0, EBX) & 1 && t_in_sandbox())
        CHECK(t_signal_of(try_fsgsbase, NULL) == 0 || t_signal_of(try_fsgsbase, NULL) == SIGILL);
    return 0;
}
