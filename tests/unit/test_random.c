/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's generator: core/random.c. */
#include "core/random.h"
#include "core/string.h"
#include "tests/unit/unit.h"

static u8 seed[64];

START_TEST(the_key_stream_is_chacha20)
{
    /* RFC 8439, A.1, test vector 1: the key stream of key 0, nonce 0, counter 0. */
    static const u8 block0[64] = {
        0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53,
        0x86, 0xbd, 0x28, 0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36,
        0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7, 0xda, 0x41, 0x59, 0x7c, 0x51, 0x57, 0x48,
        0x8d, 0x77, 0x24, 0xe0, 0x3f, 0xb8, 0xd8, 0x4a, 0x37, 0x6a, 0x43, 0xb8, 0xf4,
        0x15, 0x18, 0xa1, 0x1c, 0xc3, 0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86,
    };
    /* Its first half is the key after the first read; a seed that gives that key goes on alike. */
    u8 other[64] = { 0 };
    u64 a, b;

    random_init(seed); /* key 0 */
    a = random_u64();
    memcpy(other, block0, 32);
    random_init(other);
    b = random_u64();
    CHECK_OP(a, !=, b);
    random_init(seed);
    CHECK_EQ(random_u64(), a);
    CHECK_EQ(random_u64(), b);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_bytes)
{
    u8 a[300], b[300];

    for (u32 i = 0; i < sizeof(seed); i++)
        seed[i] = (u8)(i * 7);
    random_init(seed);
    random_bytes(a, sizeof(a));
    random_init(seed);
    random_bytes(b, sizeof(b));
    CHECK(!memcmp(a, b, sizeof(a)));
    random_bytes(b, sizeof(b));
    CHECK(memcmp(a, b, sizeof(a)));
    seed[63] ^= 1;
    random_init(seed);
    random_bytes(b, sizeof(b));
    CHECK(memcmp(a, b, sizeof(a)));
}
END_TEST

START_TEST(exactly_the_bytes_asked_for_are_written)
{
    u8 buf[200];

    random_init(seed);
    for (u32 n = 0; n < 150; n++) {
        memset(buf, 0, sizeof(buf));
        random_bytes(buf + 8, n);
        for (u32 i = 0; i < 8; i++)
            CHECK_EQ(buf[i], 0);
        for (u32 i = 8 + n; i < sizeof(buf); i++)
            CHECK_EQ(buf[i], 0);
    }
}
END_TEST

START_TEST(bits_are_balanced)
{
    u32 ones[64] = { 0 };

    random_init(seed);
    for (u32 i = 0; i < 10000; i++) {
        u64 v = random_u64();

        for (u32 b = 0; b < 64; b++)
            ones[b] += v >> b & 1;
    }
    for (u32 b = 0; b < 64; b++) { /* 10 standard deviations */
        CHECK_OP(ones[b], >, 4500);
        CHECK_OP(ones[b], <, 5500);
    }
}
END_TEST

UNIT_MAIN("random", ONCE(the_key_stream_is_chacha20), ONCE(the_same_seed_gives_the_same_bytes),
          ONCE(exactly_the_bytes_asked_for_are_written), ONCE(bits_are_balanced))
