/* SPDX-License-Identifier: Apache-2.0 */
/* The strings of argv and envp on their way from the old image to the new one. */
#include "core/string.h"
#include "linux/exec.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

int exec_args_init(struct exec_args *a)
{
    memset(a, 0, sizeof(*a));
    a->pages = kzalloc(EXEC_ARGS_MAX / PAGE_SIZE * sizeof(u8 *));
    return a->pages ? 0 : -ENOMEM;
}

void exec_args_free(struct exec_args *a)
{
    for (u32 i = 0; i < a->npages; i++)
        kfree(a->pages[i]);
    for (u32 i = 0; i < a->nfront; i++)
        kfree(a->front[i]);
    kfree(a->pages);
    memset(a, 0, sizeof(*a));
}

/* Bytes that the strings so far need on the stack, with their pointers. */
static u64 needed(const struct exec_args *a)
{
    return a->used + 8 * (u64)(a->argc + a->envc + 3);
}

/* Room in the page that `used` is in. */
static int room(struct exec_args *a, u8 **at, u64 *n)
{
    u64 page = a->used / PAGE_SIZE, off = a->used % PAGE_SIZE;

    if (needed(a) >= EXEC_ARGS_MAX)
        return -E2BIG;
    if (page == a->npages) {
        a->pages[page] = kmalloc(PAGE_SIZE);
        if (!a->pages[page])
            return -ENOMEM;
        a->npages++;
    }
    *at = a->pages[page] + off;
    *n = PAGE_SIZE - off;
    return 0;
}

static int add_bytes(struct exec_args *a, const char *s, u64 len)
{
    while (len) {
        u64 n;
        u8 *at;
        int r = room(a, &at, &n);

        if (r)
            return r;
        n = MIN(n, len);
        memcpy(at, s, n);
        a->used += n;
        s += n;
        len -= n;
    }
    return 0;
}

int exec_args_add(struct exec_args *a, const char *s)
{
    return add_bytes(a, s, strlen(s) + 1);
}

static int add_user_string(struct exec_args *a, u64 addr)
{
    u64 len = 0;

    for (;;) {
        u64 n;
        u8 *at;
        ssize_t got;
        int r = room(a, &at, &n);

        if (r)
            return r;
        got = copy_string_from_user((char *)at, addr + len, n);
        if (got == -EFAULT)
            return -EFAULT;
        if (got >= 0) {
            a->used += (u64)got + 1;
            return len + (u64)got >= EXEC_STRING_MAX ? -E2BIG : 0;
        }
        a->used += n;
        len += n;
        if (len >= EXEC_STRING_MAX)
            return -E2BIG;
    }
}

int exec_args_add_user(struct exec_args *a, u64 array, u32 *count)
{
    u64 p;
    int r;

    if (!array)
        return 0;
    for (;; array += 8) {
        if (copy_from_user(&p, array, sizeof(p)))
            return -EFAULT;
        if (!p)
            return 0;
        r = add_user_string(a, p);
        if (r)
            return r;
        ++*count;
        if (needed(a) >= EXEC_ARGS_MAX)
            return -E2BIG;
    }
}

int exec_args_script(struct exec_args *a, const char *interp, const char *arg, const char *script)
{
    const char *add[3] = { interp, arg, script };
    u32 n = arg ? 3 : 2, drop = a->nfront ? 1 : 0;
    char *copies[3];

    if (!arg)
        add[1] = script;
    if (a->nfront - drop + n > EXEC_FRONT_MAX)
        return -ELOOP;
    for (u32 i = 0; i < n; i++) {
        copies[i] = kstrdup(add[i]);
        if (!copies[i]) {
            while (i--)
                kfree(copies[i]);
            return -ENOMEM;
        }
    }
    if (drop) {
        kfree(a->front[0]); /* argv[0] of an interpreter that is a script itself */
        memmove(a->front, a->front + 1, (a->nfront - 1) * sizeof(a->front[0]));
        a->nfront--;
        a->argc--;
    } else if (a->argc) {
        a->skip = exec_args_strlen(a, 0) + 1;
        a->argc--;
    }
    memmove(a->front + n, a->front, a->nfront * sizeof(a->front[0]));
    memcpy(a->front, copies, n * sizeof(copies[0]));
    a->nfront += n;
    a->argc += n;
    return 0;
}

u64 exec_args_strlen(const struct exec_args *a, u64 off)
{
    u64 start = off;

    while (off < a->used) {
        u64 in_page = off % PAGE_SIZE, n = MIN(PAGE_SIZE - in_page, a->used - off);
        u8 *p = a->pages[off / PAGE_SIZE] + in_page, *end = memchr(p, 0, n);

        if (end)
            return off + (u64)(end - p) - start;
        off += n;
    }
    return off - start;
}

int exec_args_copy(const struct exec_args *a, u64 off, u64 n, struct aspace *as, u64 to)
{
    while (n) {
        u64 in_page = off % PAGE_SIZE, part = MIN(PAGE_SIZE - in_page, n);

        if (aspace_write(as, to, a->pages[off / PAGE_SIZE] + in_page, part) != (ssize_t)part)
            return -ENOMEM;
        off += part;
        to += part;
        n -= part;
    }
    return 0;
}
