/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The object: what everything an application can name begins with. It has a type, a reference count,
 * a kernel id (unique, never reused), a word of signals and the observers that watch them.
 *
 * Lock legend: (i) set at creation   (a) atomic   (l) guarded by lock
 */
#ifndef OBJECT_OBJECT_H
#define OBJECT_OBJECT_H

#include "core/list.h"
#include "core/lock.h"
#include "core/refs.h"

enum object_type {
    OBJ_NONE, OBJ_JOB, OBJ_PROCESS, OBJ_THREAD, OBJ_EVENT, OBJ_PORT, OBJ_TIMER, OBJ_FILE, OBJ_SOCKET
};

/* Signals: levels, true as long as the state lasts. */
#define SIG_READABLE    UINT32_C(0x001) /* a read would not block */
#define SIG_WRITABLE    UINT32_C(0x002)
#define SIG_PRIORITY    UINT32_C(0x004) /* urgent data (POLLPRI) */
#define SIG_ERROR       UINT32_C(0x008) /* POLLERR */
#define SIG_HANGUP      UINT32_C(0x010) /* both directions are over (POLLHUP) */
#define SIG_READ_CLOSED UINT32_C(0x020) /* the peer will write no more (POLLRDHUP) */
#define SIG_SIGNALED    UINT32_C(0x040) /* events, timers, completions */
#define SIG_TERMINATED  UINT32_C(0x080) /* process, thread */
#define SIG_CHILD       UINT32_C(0x100) /* process: a child changed state; look with wait */
/* Never changes: what is true of the object now has to be worked out, by its ops (object_ready). */
#define SIG_ASK         UINT32_C(0x80000000)

struct object;

struct object_ops {
    enum object_type type;
    /* The last reference is gone: free the object. Called without locks held; may park. */
    void (*destroy)(struct object *o);
    /* With SIG_ASK: the signals as they are now, for the running thread. No lock held; may park. */
    u32 (*signals)(struct object *o);
};

struct object {
    const struct object_ops *ops; /* (i) */
    u32 refs;                     /* (a) */
    u32 signals;                  /* (l) for writing; may be read without it as a hint */
    u64 koid;                     /* (i) */
    struct spinlock lock;         /* RANK_OBJECT */
    struct list observers;        /* (l) struct observer.node */
};

/*
 * An object that is to be pulsed because something else was: never from within the other's fire, where
 * the depth would be the program's choice, but by the outermost caller, from a list. An object that
 * is on a list already is not put on another: what happened meanwhile is seen when its turn comes.
 */
struct pulse {
    struct pulse *next;
    struct object *obj;
    u32 signals;
    u32 queued; /* (a) on a list */
    u32 busy;   /* (a) on a list, or being done: obj must stay */
};

/* To be called from fire, with the list that it was given. */
void pulse_later(struct pulse *p, struct pulse **later);
/* Work the list off, with what is put on it meanwhile. No object's lock is held. */
void pulse_all(struct pulse *list);

/*
 * Somebody who wants to know when some of the signals in mask become (or are) set. fire runs with the
 * object's lock held: it may unpark a thread or take locks of higher rank, no more. It returns
 * whether somebody will look after it: of the exclusive observers only the first that says so is told
 * that there is something to read, or room (all are told of errors and ends).
 */
struct observer {
    struct list node;
    struct object *obj;
    u32 mask;
    bool exclusive;
    bool (*fire)(struct observer *ob, u32 signals, struct pulse **later);
};

void object_init(struct object *o, const struct object_ops *ops, u32 signals);

static inline void object_ref(struct object *o)
{
    refs_get(&o->refs);
}

/* Take a reference unless the count is 0 already (an object found in a table while it dies). */
bool object_tryref(struct object *o);

void object_destroy(struct object *o);

static inline void object_unref(struct object *o)
{
    if (refs_put(&o->refs))
        object_destroy(o);
}

static inline u32 object_signals(const struct object *o)
{
    return READ_ONCE(o->signals);
}

/* The signals that are set now, worked out where that is needed: then no lock may be held. */
static inline u32 object_ready(struct object *o)
{
    u32 signals = READ_ONCE(o->signals);

    return unlikely(signals & SIG_ASK) ? o->ops->signals(o) : signals;
}

/* Whether anybody observes: a hint for who is about to pulse. */
static inline bool object_watched(const struct object *o)
{
    return READ_ONCE(o->observers.next) != &o->observers;
}

/*
 * Clear and set signals and fire the observers whose mask has one of those that were not set before.
 * Cheap when nothing changes.
 */
void object_signal(struct object *o, u32 clear, u32 set);
/* The same by a thread that is about to wait itself: whom it wakes stays on this vCPU (park.h). */
void object_signal_sync(struct object *o, u32 clear, u32 set);

/* Fire observers even if the level was set already: for edges (new data on a readable object). */
void object_pulse(struct object *o, u32 set);
/* The same from within a fire, for an object whose observers are threads; signals is left alone. */
void object_fire(struct object *o, u32 set, struct pulse **later);

/*
 * Start or stop observing. object_observe returns the signals of mask that are set now (SIG_ASK: look
 * with object_ready, afterwards); at each later change fire is called. object_unobserve returns only when
 * fire cannot run any more.
 */
u32 object_observe(struct object *o, struct observer *ob);
void object_unobserve(struct observer *ob);

#endif
