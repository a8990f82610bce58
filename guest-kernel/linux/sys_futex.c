/* SPDX-License-Identifier: Apache-2.0 */
/* futex(2), robust lists, and the word that is cleared at a thread's end. */
#include "core/time.h"
#include "linux/abi_time.h"
#include "linux/credentials.h"
#include "linux/syscall.h"
#include "mm/usercopy.h"
#include "object/futex.h"
#include "object/process.h"

#include <linux/futex.h>

#define ROBUST_LIMIT 2048u /* entries walked; the list may be a loop */

/* Of a word at which nobody else is going to look: it must be there all the same. */
static int key_of(u64 addr, int op, enum futex_use use, struct futex_key *key)
{
    bool private = op & FUTEX_PRIVATE_FLAG;
    int r = futex_key(process_current()->aspace, addr, private, use, key);
    u32 word;

    return r || private ? r : user_load32(addr, &word);
}

/* The timeout of a wait: FUTEX_WAIT takes a relative one, FUTEX_WAIT_BITSET an absolute one. */
static s64 wait_deadline(int op, u64 timeout, u64 *deadline)
{
    u64 ns, now;
    int r;

    *deadline = DEADLINE_NEVER;
    if (!timeout)
        return 0;
    r = get_timespec_ns(timeout, &ns);
    if (r)
        return r;
    if ((op & FUTEX_CMD_MASK) == FUTEX_WAIT) {
        *deadline = restart_deadline(ns);
        return 0;
    }
    if (op & FUTEX_CLOCK_REALTIME) {
        now = time_real();
        *deadline = ns > now ? deadline_after(ns - now) : 1;
    } else {
        *deadline = MAX(ns, UINT64_C(1));
    }
    return 0;
}

static s64 do_wait(u64 addr, int op, u32 value, u64 timeout, u32 bitset)
{
    struct futex_key key;
    u64 deadline;
    s64 r;

    r = wait_deadline(op, timeout, &deadline);
    if (r == 0 && !bitset)
        r = -EINVAL;
    if (r == 0)
        r = futex_key(process_current()->aspace, addr, op & FUTEX_PRIVATE_FLAG, FUTEX_LOOK, &key);
    if (r == 0)
        r = futex_wait(&key, addr, value, bitset, deadline);
    if (r != -EINTR)
        return r;
    if ((op & FUTEX_CMD_MASK) == FUTEX_WAIT && deadline != DEADLINE_NEVER)
        return restart_later(deadline);
    return -ERESTART;
}

static s64 do_wake(u64 addr, int op, int n, u32 bitset)
{
    struct futex_key key;
    int r;

    if (!bitset)
        return -EINVAL;
    r = key_of(addr, op, FUTEX_LOOK, &key);
    return r ? r : futex_wake(&key, MAX(n, 1), bitset);
}

static s64 do_requeue(u64 addr, u64 addr2, int op, int n, int m, const u32 *value)
{
    struct futex_key from, to;
    u32 seen;
    int r, moved;

    if (n < 0 || m < 0)
        return -EINVAL;
    r = key_of(addr, op, FUTEX_LOOK, &from);
    if (r == 0)
        r = key_of(addr2, op, FUTEX_LOOK, &to);
    if (r == 0 && value) {
        r = user_load32(addr, &seen);
        if (r == 0 && seen != *value)
            r = -EAGAIN;
    }
    if (r)
        return r;
    r = futex_requeue(&from, &to, n, m, &moved);
    return r + moved;
}

/*
 * Change the second word as encoded in `code`, and tell whether its old value passes the
 * comparison.
 */
static int change_word(u64 addr, u32 code, bool *passes)
{
    u32 op = code >> 28 & 7, cmp = code >> 24 & 15, old, new, seen;
    s32 oparg = (s32)(code << 8) >> 20, cmparg = (s32)(code << 20) >> 20;
    int r;

    if (code >> 28 & FUTEX_OP_OPARG_SHIFT)
        oparg = (s32)(UINT32_C(1) << (oparg & 31));
    if (op > FUTEX_OP_XOR)
        return -ENOSYS;
    r = user_load32(addr, &old);
    for (;;) {
        if (r)
            return r;
        switch (op) {
        case FUTEX_OP_SET:
            new = (u32)oparg;
            break;
        case FUTEX_OP_ADD:
            new = old + (u32)oparg;
            break;
        case FUTEX_OP_OR:
            new = old | (u32)oparg;
            break;
        case FUTEX_OP_ANDN:
            new = old & ~(u32)oparg;
            break;
        default: /* FUTEX_OP_XOR */
            new = old ^ (u32)oparg;
            break;
        }
        r = user_cmpxchg32(addr, old, new, &seen);
        if (r == 0 && seen == old)
            break;
        old = seen;
    }
    switch (cmp) {
    case FUTEX_OP_CMP_EQ:
        *passes = (s32)old == cmparg;
        return 0;
    case FUTEX_OP_CMP_NE:
        *passes = (s32)old != cmparg;
        return 0;
    case FUTEX_OP_CMP_LT:
        *passes = (s32)old < cmparg;
        return 0;
    case FUTEX_OP_CMP_GE:
        *passes = (s32)old >= cmparg;
        return 0;
    case FUTEX_OP_CMP_LE:
        *passes = (s32)old <= cmparg;
        return 0;
    case FUTEX_OP_CMP_GT:
        *passes = (s32)old > cmparg;
        return 0;
    default:
        return -ENOSYS;
    }
}

static s64 do_wake_op(u64 addr, u64 addr2, int op, int n, int n2, u32 code)
{
    struct futex_key key, key2;
    bool passes = false;
    int r, woken;

    r = key_of(addr, op, FUTEX_LOOK, &key);
    if (r == 0)
        r = key_of(addr2, op, FUTEX_CHANGE, &key2);
    if (r == 0)
        r = change_word(addr2, code, &passes);
    if (r)
        return r;
    woken = futex_wake(&key, MAX(n, 1), FUTEX_ANY);
    if (passes)
        woken += futex_wake(&key2, MAX(n2, 1), FUTEX_ANY);
    return woken;
}

s64 sys_futex(u64 addr, int op, u32 value, u64 timeout, u64 addr2, u32 value3)
{
    int cmd = op & FUTEX_CMD_MASK;

    if ((op & FUTEX_CLOCK_REALTIME) && cmd != FUTEX_WAIT_BITSET)
        return -ENOSYS;
    switch (cmd) {
    case FUTEX_WAIT:
        return do_wait(addr, op, value, timeout, FUTEX_ANY);
    case FUTEX_WAIT_BITSET:
        return do_wait(addr, op, value, timeout, value3);
    case FUTEX_WAKE:
        return do_wake(addr, op, (int)value, FUTEX_ANY);
    case FUTEX_WAKE_BITSET:
        return do_wake(addr, op, (int)value, value3);
    case FUTEX_REQUEUE:
        return do_requeue(addr, addr2, op, (int)value, (int)timeout, NULL);
    case FUTEX_CMP_REQUEUE:
        return do_requeue(addr, addr2, op, (int)value, (int)timeout, &value3);
    case FUTEX_WAKE_OP:
        return do_wake_op(addr, addr2, op, (int)value, (int)timeout, value3);
    default:
        return -ENOSYS; /* priority inheritance */
    }
}

/* --- at a thread's end ------------------------------------------------------------------------ */

/* A lock word whose owner dies: mark it and wake one waiter. */
static int release_lock(u64 addr, u32 tid)
{
    struct futex_key key;
    u32 word, seen;

    if (addr % 4)
        return -EINVAL;
    if (user_load32(addr, &word))
        return -EFAULT;
    for (;;) {
        if ((word & FUTEX_TID_MASK) != tid)
            return 0;
        if (user_cmpxchg32(addr, word, (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &seen))
            return -EFAULT;
        if (seen == word)
            break;
        word = seen;
    }
    if ((word & FUTEX_WAITERS) && futex_key(process_current()->aspace, addr, false, FUTEX_LOOK, &key) == 0)
        futex_wake(&key, 1, FUTEX_ANY);
    return 0;
}

void futex_exit_robust(void)
{
    struct thread *t = current();
    struct {
        u64 next;
        s64 offset;
        u64 pending;
    } head;
    u64 at, list = t->robust_list;

    t->robust_list = 0;
    if (!list || copy_from_user(&head, list, sizeof(head)))
        return;
    at = head.next;
    for (u32 i = 0; i < ROBUST_LIMIT && (at & ~UINT64_C(1)) != list; i++) {
        u64 entry = at & ~UINT64_C(1);

        /* The next one first: once released, the entry may be gone. */
        if (copy_from_user(&at, entry, sizeof(at)))
            return;
        if (entry != (head.pending & ~UINT64_C(1)) &&
            release_lock(entry + (u64)head.offset, t->tid))
            return;
    }
    if (head.pending)
        (void)release_lock((head.pending & ~UINT64_C(1)) + (u64)head.offset, t->tid);
}

void futex_clear_child_tid(void)
{
    struct thread *t = current();
    u64 addr = t->clear_child_tid;
    struct futex_key key;
    u32 zero = 0;

    t->clear_child_tid = 0;
    if (!addr || copy_to_user(addr, &zero, sizeof(zero)))
        return;
    /* Joiners wait on the shared kind (pthread_join of glibc) or the private one (musl). */
    if (futex_key(t->proc->aspace, addr, false, FUTEX_LOOK, &key) == 0)
        futex_wake(&key, 1, FUTEX_ANY);
}

s64 sys_set_tid_address(u64 addr)
{
    current()->clear_child_tid = addr;
    return current()->tid;
}

s64 sys_set_robust_list(u64 head, u64 size)
{
    if (size != 24)
        return -EINVAL;
    current()->robust_list = head;
    return 0;
}

s64 sys_get_robust_list(int pid, u64 head_to, u64 size_to)
{
    struct thread *t = current();
    u64 size = 24, head;

    if (pid) {
        t = thread_find((u32)pid);
        if (!t)
            return -ESRCH;
    } else {
        object_ref(&t->obj);
    }
    if (t->proc != process_current() && !cred_may_change(t->proc, CAP_SYS_PTRACE_)) {
        object_unref(&t->obj);
        return -EPERM;
    }
    head = READ_ONCE(t->robust_list);
    object_unref(&t->obj);
    return copy_to_user(size_to, &size, 8) || copy_to_user(head_to, &head, 8) ? -EFAULT : 0;
}
