/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChaCha20 generator (RFC 8439 block function) with fast key erasure: each read takes a fresh key from
 * the head of its own key stream, so what was given out cannot be found from the state left behind.
 */
#include "core/random.h"

#include "core/lock.h"
#include "core/string.h"

static struct {
    struct spinlock lock;
    u32 key[8];
} rng = { SPINLOCK_INIT(RANK_LEAF), { 0 } };

#define ROTL(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define QUARTER(a, b, c, d)                                                                        \
    do {                                                                                           \
        a += b; d = ROTL(d ^ a, 16);                                                               \
        c += d; b = ROTL(b ^ c, 12);                                                               \
        a += b; d = ROTL(d ^ a, 8);                                                                \
        c += d; b = ROTL(b ^ c, 7);                                                                \
    } while (0)

static void block(const u32 key[8], u32 counter, u32 out[16])
{
    u32 in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };

    memcpy(in + 4, key, 32);
    in[12] = counter;
    memcpy(out, in, sizeof(in));
    for (int i = 0; i < 10; i++) {
        QUARTER(out[0], out[4], out[8], out[12]);
        QUARTER(out[1], out[5], out[9], out[13]);
        QUARTER(out[2], out[6], out[10], out[14]);
        QUARTER(out[3], out[7], out[11], out[15]);
        QUARTER(out[0], out[5], out[10], out[15]);
        QUARTER(out[1], out[6], out[11], out[12]);
        QUARTER(out[2], out[7], out[8], out[13]);
        QUARTER(out[3], out[4], out[9], out[14]);
    }
    for (int i = 0; i < 16; i++)
        out[i] += in[i];
}

void random_init(const u8 seed[64])
{
    u32 words[16];

    memcpy(words, seed, 64);
    for (int i = 0; i < 8; i++)
        rng.key[i] = words[i] ^ words[i + 8];
}

void random_bytes(void *buf, size_t n)
{
    u32 key[8], out[16];
    u8 *p = buf;
    u32 counter = 1;
    size_t k;

    spin_lock(&rng.lock);
    block(rng.key, 0, out);
    memcpy(rng.key, out, 32);
    memcpy(key, out + 8, 32);
    spin_unlock(&rng.lock);
    if (n <= sizeof(key)) { /* the other half of the block is as good as what it would be a key for */
        memcpy(buf, key, n);
        n = 0;
    }
    for (; n; n -= k, p += k) {
        block(key, counter++, out);
        k = MIN(n, sizeof(out));
        memcpy(p, out, k);
    }
    memset(key, 0, sizeof(key));
    memset(out, 0, sizeof(out));
}

u64 random_u64(void)
{
    u64 v;

    random_bytes(&v, sizeof(v));
    return v;
}
