/* SPDX-License-Identifier: Apache-2.0 */
/* prctl(2) and arch_prctl(2). */
#include "arch/context.h"
#include "core/string.h"
#include "linux/cred_change.h"
#include "linux/credentials.h"
#include "linux/syscall.h"
#include "mm/usercopy.h"
#include "object/process.h"

#include <asm/prctl.h>
#include <linux/prctl.h>
#include <linux/securebits.h>

#define CAP_LAST 40u
#define SLACK_DEFAULT 50000

static s64 drop_bounding(u64 cap)
{
    struct cred *n;

    if (cap > CAP_LAST)
        return -EINVAL;
    if (!cred_capable(CAP_SETPCAP_))
        return -EPERM;
    n = cred_copy(process_current()->cred, process_current()->cred->ngroups);
    if (!n)
        return -ENOMEM;
    n->cap_bounding &= ~(UINT64_C(1) << cap);
    cred_replace(n);
    return 0;
}

s64 sys_prctl(int option, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct thread *t = current();
    struct process *p = t->proc;
    char name[16];
    int value;

    switch (option) {
    case PR_SET_PDEATHSIG:
        if (a2 > SIG_COUNT)
            return -EINVAL;
        WRITE_ONCE(p->death_signal, (int)a2);
        return 0;
    case PR_GET_PDEATHSIG:
        value = p->death_signal;
        return copy_to_user(a2, &value, sizeof(value)) ? -EFAULT : 0;
    case PR_GET_DUMPABLE:
        return p->dumpable;
    case PR_SET_DUMPABLE:
        if (a2 > 1)
            return -EINVAL;
        spin_lock(&p->lock);
        p->dumpable = a2;
        spin_unlock(&p->lock);
        return 0;
    case PR_SET_NAME: {
        ssize_t n = copy_string_from_user(name, a2, sizeof(name));

        if (n < 0 && n != -ENAMETOOLONG)
            return n;
        name[sizeof(name) - 1] = 0;
        str_copy(t->name, name, sizeof(t->name));
        return 0;
    }
    case PR_GET_NAME:
        memset(name, 0, sizeof(name));
        str_copy(name, t->name, sizeof(name));
        return copy_to_user(a2, name, sizeof(name)) ? -EFAULT : 0;
    case PR_SET_NO_NEW_PRIVS:
        if (a2 != 1 || a3 || a4 || a5)
            return -EINVAL;
        p->no_new_privs = true;
        return 0;
    case PR_GET_NO_NEW_PRIVS:
        return a2 || a3 || a4 || a5 ? -EINVAL : p->no_new_privs;
    case PR_SET_CHILD_SUBREAPER:
        p->subreaper = a2 != 0;
        return 0;
    case PR_GET_CHILD_SUBREAPER:
        value = p->subreaper;
        return copy_to_user(a2, &value, sizeof(value)) ? -EFAULT : 0;
    case PR_GET_SECCOMP:
        return 0; /* disabled */
    case PR_CAPBSET_READ:
        return a2 > CAP_LAST ? -EINVAL : (s64)(p->cred->cap_bounding >> a2 & 1);
    case PR_CAPBSET_DROP:
        return drop_bounding(a2);
    case PR_SET_KEEPCAPS:
        if (a2 > 1)
            return -EINVAL;
        p->keep_caps = a2;
        return 0;
    case PR_GET_KEEPCAPS:
        return p->keep_caps;
    case PR_GET_SECUREBITS:
        return p->keep_caps ? SECBIT_KEEP_CAPS : 0;
    case PR_CAP_AMBIENT:
        if (a2 == PR_CAP_AMBIENT_CLEAR_ALL)
            return a3 || a4 || a5 ? -EINVAL : 0; /* the set is always empty */
        if (a2 == PR_CAP_AMBIENT_IS_SET)
            return a3 > CAP_LAST || a4 || a5 ? -EINVAL : 0;
        return a2 == PR_CAP_AMBIENT_RAISE ? -EPERM : -EINVAL;
    case PR_SET_TIMERSLACK:
        return 0;
    case PR_GET_TIMERSLACK:
        return SLACK_DEFAULT;
    case PR_GET_TIMING:
        return PR_TIMING_STATISTICAL;
    case PR_SET_TIMING:
        return a2 == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
    case PR_GET_TSC:
        value = PR_TSC_ENABLE;
        return copy_to_user(a2, &value, sizeof(value)) ? -EFAULT : 0;
    default:
        return -EINVAL;
    }
}

s64 sys_arch_prctl(u64 code, u64 addr)
{
    u64 value;

    switch (code) {
    case ARCH_SET_FS:
    case ARCH_SET_GS:
        if (!arch_user_address_ok(addr))
            return -EPERM;
        if (code == ARCH_SET_FS)
            arch_set_fs_base(addr);
        else
            arch_set_gs_base(addr);
        return 0;
    case ARCH_GET_FS:
    case ARCH_GET_GS:
        value = code == ARCH_GET_FS ? arch_get_fs_base() : arch_get_gs_base();
        return copy_to_user(addr, &value, sizeof(value)) ? -EFAULT : 0;
    case ARCH_GET_CPUID:
        return 1; /* enabled */
    case ARCH_SET_CPUID:
        return addr ? 0 : -ENODEV;
    default:
        return -EINVAL;
    }
}
