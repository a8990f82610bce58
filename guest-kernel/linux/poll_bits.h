/* SPDX-License-Identifier: Apache-2.0 */
/* poll's and epoll's event bits (the same numbers) and the signals of objects. */
#ifndef LINUX_POLL_BITS_H
#define LINUX_POLL_BITS_H

#include "object/object.h"

#define P_IN     0x001u
#define P_PRI    0x002u
#define P_OUT    0x004u
#define P_ERR    0x008u
#define P_HUP    0x010u
#define P_NVAL   0x020u
#define P_RDNORM 0x040u
#define P_RDBAND 0x080u
#define P_WRNORM 0x100u
#define P_WRBAND 0x200u
#define P_RDHUP  0x2000u

/* The signals to wait for; errors and hang-ups are always among them. */
static inline u32 poll_mask(u32 events)
{
    u32 m = SIG_ERROR | SIG_HANGUP;

    if (events & (P_IN | P_RDNORM))
        m |= SIG_READABLE;
    if (events & (P_OUT | P_WRNORM | P_WRBAND))
        m |= SIG_WRITABLE;
    if (events & P_PRI)
        m |= SIG_PRIORITY;
    if (events & P_RDHUP)
        m |= SIG_READ_CLOSED;
    return m;
}

/* The events, of those asked for, that these signals mean. */
static inline u32 poll_events(u32 signals, u32 events)
{
    u32 r = 0;

    if (signals & SIG_READABLE)
        r |= P_IN | P_RDNORM;
    if (signals & SIG_WRITABLE)
        r |= P_OUT | P_WRNORM;
    if (signals & SIG_PRIORITY)
        r |= P_PRI;
    if (signals & SIG_ERROR)
        r |= P_ERR;
    if (signals & SIG_HANGUP)
        r |= P_HUP;
    if (signals & SIG_READ_CLOSED)
        r |= P_RDHUP;
    return r & (events | P_ERR | P_HUP);
}

#endif
