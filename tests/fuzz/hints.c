/* SPDX-License-Identifier: Apache-2.0 */
/* hints.def as a table. */
#include "fuzz.h"

#include <asm/prctl.h>
#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct hint {
    uint16_t nr;
    uint8_t arg;
    enum { HINT_ONE, HINT_SOME, HINT_SHAPE } how;
    enum shape shape;
    uint32_t n;
    const uint64_t *value;
};

#define VALUES(...) \
    sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t), (const uint64_t[]){ __VA_ARGS__ }
#define ONE(call, arg, ...) { SYS_##call, arg, HINT_ONE, 0, VALUES(__VA_ARGS__) },
#define SOME(call, arg, ...) { SYS_##call, arg, HINT_SOME, 0, VALUES(__VA_ARGS__) },
#define SHAPE(call, arg, shape) { SYS_##call, arg, HINT_SHAPE, shape, 0, NULL },
static const struct hint hints[] = {
#include "hints.def"
};

static const struct hint *table[SYSCALL_NR_MAX][6];

void hints_init(void)
{
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
        table[hints[i].nr][hints[i].arg] = &hints[i];
}

bool hinted(struct fuzzer *f, uint16_t nr, uint32_t arg, uint64_t *value)
{
    const struct hint *h = table[nr][arg];

    if (!h)
        return false;
    if (h->how == HINT_SHAPE) {
        *value = make_shape(f, h->shape);
        return true;
    }
    if (one_in(&f->rng, 16)) {
        *value = any_number(f);
        return true;
    }
    if (h->how == HINT_ONE) {
        *value = h->value[below(&f->rng, h->n)];
        return true;
    }
    *value = 0;
    for (uint32_t k = below(&f->rng, 4); k > 0; k--)
        *value |= h->value[below(&f->rng, h->n)];
    return true;
}
