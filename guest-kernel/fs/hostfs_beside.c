/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostfs: names of an image's directory that are looked up together. A program that has listed a directory
 * and asks for one of its names will often ask for the others, in the order of the listing (ls -l, find,
 * tar, du). So the names that follow are asked for in the same call, more of them each time: a directory
 * of a hundred files costs four exits then instead of a hundred.
 */
#include "core/string.h"
#include "fs/hostfs.h"
#include "mm/slab.h"

#define TEXT_MAX 4096u   /* as fs_walk's input allows */
#define REPLY_MAX 16384u /* ... and its output */
#define BESIDE_GROWTH 4u
#define BESIDE_MAX 128u /* answers that fit, if they are not long links */

static bool is_known(struct dentry *parent, const struct rv_dirent *e)
{
    struct dentry *d = dentry_find(parent, (const char *)(e + 1), e->name_len);

    if (d)
        dentry_unref(d);
    return d;
}

/* The names of up to max entries from e on, joined by slashes. The first is e's own. */
static u32 names_text(struct dentry *parent, const struct listing *l, const struct rv_dirent *e,
                      u32 max, char *buf)
{
    u32 n = 0, looks = 2 * max; /* at so many, most of which may be known already */

    for (u32 i = 0; e && i < max && looks--; e = listing_next(l, e)) {
        if (n && is_known(parent, e))
            continue;
        if (n + 1 + e->name_len > TEXT_MAX)
            break;
        if (n)
            buf[n++] = '/';
        memcpy(buf + n, e + 1, e->name_len);
        n += e->name_len;
        i++;
    }
    return n;
}

/* Enter what the host tells; the first name's dentry is *out. What it does not tell stays unasked. */
static int enter_all(struct dentry *parent, const char *text, u32 text_len, const u8 *reply, u64 len,
                     struct dentry **out)
{
    u64 pos = 0, next;
    u32 t = 0, n;

    for (; pos + sizeof(struct rv_walk_entry) <= len && t < text_len; pos = next, t += n + 1) {
        const struct rv_walk_entry *e = (const void *)(reply + pos);
        struct dentry *d, *own;

        for (n = 0; t + n < text_len && text[t + n] != '/'; n++)
            ;
        next = pos + sizeof(*e) + ALIGN_UP(e->link_len, 8u);
        if (next > len)
            break;
        if (e->status)
            continue;
        d = hostfs_enter(parent, text + t, n, e, &own);
        if (!d) {
            hostfs_forget_rest(reply, next, len);
            return *out ? 0 : -ENOMEM;
        }
        if (t)
            dentry_unref(d);
        else
            *out = d;
    }
    hostfs_forget_rest(reply, pos, len);
    return 0;
}

int hostfs_lookup_beside(struct dentry *parent, const struct rv_dirent *e, struct dentry **out)
{
    struct hostfs_inode *h = hostfs_of(parent->inode);
    u32 max = h->beside, n;
    struct hc_io io;
    char *buf;
    s64 r;

    *out = NULL;
    h->beside = MIN(max * BESIDE_GROWTH, BESIDE_MAX);
    if (max == 1)
        return 0; /* one look-up says nothing yet */
    buf = kmalloc(TEXT_MAX + REPLY_MAX);
    if (!buf)
        return -ENOMEM;
    n = names_text(parent, h->listing, e, max, buf);
    hc_io_init(&io);
    hc_in(&io, buf, n);
    hc_out(&io, buf + TEXT_MAX, REPLY_MAX);
    r = hostcall(RV_HC_fs_walk, h->node, RV_WALK_BESIDE, 0, 0, 0, &io);
    if (r >= 0)
        r = enter_all(parent, buf, n, (u8 *)buf + TEXT_MAX, MIN((u64)r, REPLY_MAX), out);
    kfree(buf);
    return (int)r;
}
