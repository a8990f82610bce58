/* SPDX-License-Identifier: Apache-2.0 */
/* ITIMER_REAL: see alarm.h. */
#include "object/alarm.h"

#include "core/time.h"
#include "object/process.h"

static void fire(struct timer *timer)
{
    struct process *p = container_of(timer, struct process, alarm.timer);
    struct alarm *a = &p->alarm;
    struct sig_info info;

    spin_lock(&p->lock);
    /* It may have been set anew since the timer left its tree. */
    if (a->deadline && !a->waits && a->deadline <= time_mono()) {
        a->waits = a->interval != 0;
        if (!a->waits)
            a->deadline = 0;
        sig_info_kernel(&info, SIGALRM);
        signal_send_locked(p, NULL, &info, 0);
    }
    spin_unlock(&p->lock);
}

void alarm_init(struct alarm *a)
{
    timer_init(&a->timer, fire);
}

void alarm_end(struct process *p)
{
    spin_lock(&p->lock);
    p->alarm.deadline = 0;
    p->alarm.waits = false;
    spin_unlock(&p->lock);
    timer_cancel(&p->alarm.timer);
}

void alarm_get(const struct process *p, u64 *left, u64 *interval)
{
    const struct alarm *a = &p->alarm;
    u64 now = time_mono();

    *interval = a->interval;
    if (!a->deadline || a->waits)
        *left = 0;
    else
        *left = a->deadline > now ? a->deadline - now : 1;
}

void alarm_set(struct process *p, u64 ns, u64 interval)
{
    struct alarm *a = &p->alarm;

    a->interval = interval;
    a->waits = false;
    a->deadline = ns ? time_mono() + ns : 0;
    if (ns)
        timer_arm(&a->timer, a->deadline);
    else
        timer_disarm(&a->timer);
}

void alarm_taken(struct process *p)
{
    struct alarm *a = &p->alarm;
    u64 now;

    if (!a->waits)
        return;
    now = time_mono();
    a->waits = false;
    a->deadline += ((now - a->deadline) / a->interval + 1) * a->interval;
    timer_arm(&a->timer, a->deadline);
}
