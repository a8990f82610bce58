/* SPDX-License-Identifier: Apache-2.0 */
/* The buffers of one read or write: the user's, in pieces, or the kernel's. */
#ifndef FS_UIO_H
#define FS_UIO_H

#include "core/types.h"

/* As struct iovec of the ABI. */
struct iovec_k {
    u64 base, len;
};

struct uio {
    const struct iovec_k *iov; /* the piece in use */
    u32 niov;                  /* pieces left, with that one */
    bool kernel;
    bool append;               /* a write goes to the file's end, as with O_APPEND */
    u64 skip;                  /* bytes of the piece that are done */
    u64 left;                  /* bytes of all */
    struct iovec_k own;        /* for kernel buffers */
};

/* One user buffer, checked by the caller to lie in the user half; `one` must stay. */
void uio_init_user(struct uio *u, struct iovec_k *one, u64 addr, u64 n);
/* Checked pieces with the sum of their lengths. */
void uio_init_vec(struct uio *u, const struct iovec_k *v, u32 n, u64 total);
void uio_init_kernel(struct uio *u, void *buf, u64 n);

/* Bytes left of the piece in use, after stepping over those that are done; 0: there is no more. */
static inline u64 uio_piece(struct uio *u)
{
    while (u->niov > 1 && u->skip == u->iov->len) {
        u->iov++;
        u->niov--;
        u->skip = 0;
    }
    return u->iov->len - u->skip;
}

/* Copy n bytes (at most u->left) into / out of the buffers; the bytes done, fewer at a bad address. */
size_t uio_to(struct uio *u, const void *src, size_t n);
size_t uio_from(struct uio *u, void *dst, size_t n);
size_t uio_zero(struct uio *u, size_t n);

#endif
