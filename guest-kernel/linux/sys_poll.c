/* SPDX-License-Identifier: Apache-2.0 */
/* poll and select: one object_wait_many over the objects behind the descriptors. */
#include "core/string.h"
#include "linux/abi_time.h"
#include "linux/files.h"
#include "linux/poll_bits.h"
#include "linux/syscall.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"
#include "object/wait.h"

#include <linux/resource.h>

#define POLL_FAST 4u
#define FD_SETSIZE_MAX 1024u * 64u

struct abi_pollfd {
    s32 fd;
    s16 events, revents;
};

/* --- poll ------------------------------------------------------------------------------------- */

/* Take references; a bad descriptor is an answer (POLLNVAL), counted by the return. */
static u32 poll_begin(struct abi_pollfd *p, struct wait_item *items, u32 n)
{
    u32 bad = 0;

    for (u32 i = 0; i < n; i++) {
        items[i].obj = NULL;
        items[i].mask = 0;
        items[i].observed = 0;
        p[i].revents = 0;
        if (p[i].fd < 0)
            continue;
        if (fd_get(p[i].fd, &items[i].obj)) {
            p[i].revents = P_NVAL;
            bad++;
            continue;
        }
        items[i].mask = poll_mask((u16)p[i].events);
    }
    return bad;
}

static u32 poll_end(struct abi_pollfd *p, struct wait_item *items, u32 n)
{
    u32 ready = 0;

    for (u32 i = 0; i < n; i++) {
        if (items[i].obj) {
            p[i].revents = (s16)poll_events(items[i].observed, (u16)p[i].events);
            object_unref(items[i].obj);
        }
        ready += p[i].revents != 0;
    }
    return ready;
}

/* Poll kernel copies of the descriptors. Number ready, or -EINTR. */
static s64 poll_many(struct abi_pollfd *p, struct wait_item *items, u32 n, u64 deadline)
{
    u32 bad = poll_begin(p, items, n), ready;
    int r = object_wait_many(items, n, bad ? 0 : deadline, WAIT_INTERRUPTIBLE);

    ready = poll_end(p, items, n);
    return ready ? (s64)ready : r == -EINTR ? -EINTR : 0;
}

static s64 do_poll(u64 ufds, u32 n, u64 deadline)
{
    struct {
        struct abi_pollfd p[POLL_FAST];
        struct wait_item items[POLL_FAST];
    } fast;
    struct abi_pollfd *p = fast.p;
    struct wait_item *items = fast.items;
    s64 r;

    if (n > process_current()->rlimits[RLIMIT_NOFILE].cur || n > KMALLOC_MAX / sizeof(*items))
        return -EINVAL;
    if (n > POLL_FAST) {
        p = kmalloc(n * sizeof(*p));
        items = kmalloc(n * sizeof(*items));
        if (!p || !items) {
            r = -ENOMEM;
            goto out;
        }
    }
    r = -EFAULT;
    if (copy_from_user(p, ufds, n * sizeof(*p)))
        goto out;
    r = poll_many(p, items, n, deadline);
    for (u32 i = 0; r >= 0 && i < n; i++)
        if (copy_to_user(ufds + i * sizeof(*p) + offsetof(struct abi_pollfd, revents),
                         &p[i].revents, sizeof(p[i].revents)))
            r = -EFAULT;
out:
    if (p != fast.p) {
        kfree(p);
        kfree(items);
    }
    return r;
}

s64 sys_poll(u64 ufds, u32 n, int timeout)
{
    u64 deadline = timeout < 0 ? DEADLINE_NEVER
                   : timeout ? restart_deadline((u64)timeout * 1000000) : 0;
    s64 r = do_poll(ufds, n, deadline);

    return r == -EINTR ? restart_later(deadline) : r;
}

/* A mask for the time of the wait. */
static s64 begin_mask(u64 umask, u64 size)
{
    u64 mask;

    if (!umask)
        return 0;
    if (size != sizeof(mask))
        return -EINVAL;
    if (copy_from_user(&mask, umask, sizeof(mask)))
        return -EFAULT;
    signal_set_mask_temporarily(mask);
    return 0;
}

static s64 timeout_deadline(u64 utimeout, u64 *deadline)
{
    u64 ns;
    s64 r;

    *deadline = DEADLINE_NEVER;
    if (!utimeout)
        return 0;
    r = get_timespec_ns(utimeout, &ns);
    if (r == 0)
        *deadline = ns ? deadline_after(ns) : 0;
    return r;
}

/* Linux writes the rest of the time back, and does not complain if it cannot. */
static void put_rest(u64 utimeout, u64 deadline)
{
    u64 now = time_mono();

    if (utimeout && deadline != DEADLINE_NEVER &&
        put_timespec(utimeout, deadline > now ? deadline - now : 0))
        return;
}

s64 sys_ppoll(u64 ufds, u32 n, u64 utimeout, u64 umask, u64 size)
{
    u64 deadline;
    s64 r = timeout_deadline(utimeout, &deadline);

    if (r == 0)
        r = begin_mask(umask, size);
    if (r)
        return r;
    r = do_poll(ufds, n, deadline);
    if (r == -EINTR)
        r = -ERESTART_NOHAND;
    put_rest(utimeout, deadline);
    if (umask)
        signal_end_temporary_mask(r);
    return r;
}

/* --- select ----------------------------------------------------------------------------------- */

/* POLL bits of select's three sets (select(2), "Correspondence between select() and poll()"). */
static const u32 set_asks[3] = { P_IN | P_RDNORM, P_OUT | P_WRNORM, P_PRI };
static const u32 set_takes[3] = {
    P_IN | P_RDNORM | P_HUP | P_ERR, P_OUT | P_WRNORM | P_ERR, P_PRI,
};

struct select {
    u32 nfds, words;
    u64 *sets[3];  /* in; then out. NULL: not asked for */
    u64 usets[3];
    u32 n;         /* descriptors in any set */
    struct abi_pollfd *p;
    struct wait_item *items;
};

static int select_read(struct select *s)
{
    u32 total = 0;

    for (u32 i = 0; i < 3; i++) {
        if (!s->usets[i])
            continue;
        s->sets[i] = kzalloc(s->words * 8 + 8);
        if (!s->sets[i])
            return -ENOMEM;
        if (copy_from_user(s->sets[i], s->usets[i], s->words * 8))
            return -EFAULT;
    }
    for (u32 fd = 0; fd < s->nfds; fd++)
        for (u32 i = 0; i < 3; i++)
            if (s->sets[i] && s->sets[i][fd / 64] >> fd % 64 & 1) {
                total++;
                break;
            }
    s->p = kmalloc((total + 1) * sizeof(*s->p));
    s->items = kmalloc((total + 1) * sizeof(*s->items));
    if (!s->p || !s->items)
        return -ENOMEM;
    for (u32 fd = 0; fd < s->nfds; fd++) {
        u32 events = 0;

        for (u32 i = 0; i < 3; i++)
            if (s->sets[i] && s->sets[i][fd / 64] >> fd % 64 & 1)
                events |= set_asks[i];
        if (events)
            s->p[s->n++] = (struct abi_pollfd){ .fd = (s32)fd, .events = (s16)events };
    }
    return 0;
}

static s64 select_write(struct select *s)
{
    s64 count = 0;

    for (u32 i = 0; i < 3; i++)
        if (s->sets[i])
            memset(s->sets[i], 0, s->words * 8);
    for (u32 k = 0; k < s->n; k++) {
        u32 fd = (u32)s->p[k].fd;

        for (u32 i = 0; i < 3; i++)
            if (s->sets[i] && ((u16)s->p[k].events & set_asks[i]) &&
                ((u16)s->p[k].revents & set_takes[i])) {
                s->sets[i][fd / 64] |= UINT64_C(1) << fd % 64;
                count++;
            }
    }
    for (u32 i = 0; i < 3; i++)
        if (s->sets[i] && copy_to_user(s->usets[i], s->sets[i], s->words * 8))
            return -EFAULT;
    return count;
}

static s64 do_select(int nfds, u64 in, u64 out, u64 except, u64 deadline)
{
    struct select s = { .usets = { in, out, except } };
    s64 r;

    if (nfds < 0)
        return -EINVAL;
    s.nfds = MIN((u32)nfds, FD_SETSIZE_MAX);
    s.words = (s.nfds + 63) / 64;
    r = select_read(&s);
    if (r == 0)
        r = poll_many(s.p, s.items, s.n, deadline);
    for (u32 k = 0; r > 0 && k < s.n; k++)
        if ((u16)s.p[k].revents & P_NVAL)
            r = -EBADF;
    if (r >= 0)
        r = select_write(&s);
    for (u32 i = 0; i < 3; i++)
        kfree(s.sets[i]);
    kfree(s.p);
    kfree(s.items);
    return r == -EINTR ? -ERESTART_NOHAND : r;
}

s64 sys_select(int nfds, u64 in, u64 out, u64 except, u64 utimeout)
{
    struct abi_timeval tv;
    u64 deadline = DEADLINE_NEVER, sec, ns, now;
    s64 r;

    if (utimeout) {
        if (copy_from_user(&tv, utimeout, sizeof(tv)))
            return -EFAULT;
        if (tv.sec < 0 || tv.usec < 0)
            return -EINVAL;
        sec = (u64)tv.sec + (u64)tv.usec / 1000000;
        ns = sec >= NS_MAX / NSEC_PER_SEC ? NS_MAX
                                          : sec * NSEC_PER_SEC + (u64)tv.usec % 1000000 * 1000;
        deadline = ns ? deadline_after(ns) : 0;
    }
    r = do_select(nfds, in, out, except, deadline);
    if (utimeout) {
        now = time_mono();
        tv = ns_to_timeval(deadline > now ? deadline - now : 0);
        if (deadline != DEADLINE_NEVER && copy_to_user(utimeout, &tv, sizeof(tv)))
            return r;
    }
    return r;
}

s64 sys_pselect6(int nfds, u64 in, u64 out, u64 except, u64 utimeout, u64 umask)
{
    u64 mask[2] = { 0, 0 }; /* address and size of the set */
    u64 deadline;
    s64 r = timeout_deadline(utimeout, &deadline);

    if (r)
        return r;
    if (umask && copy_from_user(mask, umask, sizeof(mask)))
        return -EFAULT;
    r = begin_mask(mask[0], mask[1]);
    if (r)
        return r;
    r = do_select(nfds, in, out, except, deadline);
    put_rest(utimeout, deadline);
    if (mask[0])
        signal_end_temporary_mask(r);
    return r;
}
