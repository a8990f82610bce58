/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers of reads and writes: see uio.h. */
#include "fs/uio.h"

#include "core/string.h"
#include "mm/usercopy.h"

void uio_init_vec(struct uio *u, const struct iovec_k *v, u32 n, u64 total)
{
    u->iov = v;
    u->niov = n;
    u->kernel = false;
    u->append = false;
    u->skip = 0;
    u->left = total;
}

void uio_init_user(struct uio *u, struct iovec_k *one, u64 addr, u64 n)
{
    *one = (struct iovec_k){ addr, n };
    uio_init_vec(u, one, 1, n);
}

void uio_init_kernel(struct uio *u, void *buf, u64 n)
{
    u->own = (struct iovec_k){ (u64)buf, n };
    uio_init_vec(u, &u->own, 1, n);
    u->kernel = true;
}

enum direction { TO, FROM, ZERO };

static inline __attribute__((always_inline)) size_t piece(struct uio *u, enum direction d, u8 *k, u64 at, size_t n)
{
    if (u->kernel) {
        if (d == TO)
            memcpy((void *)at, k, n);
        else if (d == FROM)
            memcpy(k, (void *)at, n);
        else
            memset((void *)at, 0, n);
        return n;
    }
    if (d == TO)
        return n - copy_to_user_partial(at, k, n);
    if (d == FROM)
        return n - copy_from_user_partial(k, at, n);
    return clear_user(at, n) ? 0 : n;
}

static inline __attribute__((always_inline)) size_t move(struct uio *u, enum direction d, u8 *k,
                                                         size_t n)
{
    size_t done = 0;

    n = MIN(n, u->left);
    if (likely(n && n <= u->iov->len - u->skip)) { /* all in one piece */
        done = piece(u, d, k, u->iov->base + u->skip, n);
        u->skip += done;
        u->left -= done;
        return done;
    }
    while (done < n) {
        size_t part = MIN(n - done, uio_piece(u)), did;

        did = piece(u, d, k ? k + done : NULL, u->iov->base + u->skip, part);
        done += did;
        u->skip += did;
        u->left -= did;
        if (did < part)
            break;
    }
    return done;
}

size_t uio_to(struct uio *u, const void *src, size_t n)
{
    return move(u, TO, (u8 *)src, n);
}

size_t uio_from(struct uio *u, void *dst, size_t n)
{
    return move(u, FROM, dst, n);
}

size_t uio_zero(struct uio *u, size_t n)
{
    return move(u, ZERO, NULL, n);
}
