/* SPDX-License-Identifier: Apache-2.0 */
/* Threads as objects: creation and end. How they run is in sched/. */
#include "object/thread.h"

#include "arch/switch.h"
#include "core/print.h"
#include "core/string.h"
#include "mm/kstack.h"
#include "mm/slab.h"
#include "object/process.h"

/*
 * For one that has run this never parks: its FPU state went at its own end, and all that a process may
 * have to wait for when it lets it go went with its last thread (process_leave).
 */
static void thread_destroy(struct object *o)
{
    struct thread *t = container_of(o, struct thread, obj);

    if (t->state == THREAD_NEW)
        arch_thread_free(t);
    if (t->proc)
        object_unref(&t->proc->obj);
    kstack_free(t->kstack);
    kfree(t);
}

static const struct object_ops thread_ops = { .type = OBJ_THREAD, .destroy = thread_destroy };

struct thread *thread_create(struct process *proc, const char *name, void (*entry)(void *), void *arg)
{
    struct thread *t = kzalloc(sizeof(*t));

    if (!t)
        return NULL;
    INIT_ONCE(t->kstack, kstack_alloc());
    if (!t->kstack) {
        kfree(t);
        return NULL;
    }
    thread_setup(t, name);
    if (proc) {
        object_ref(&proc->obj);
        INIT_ONCE(t->proc, proc);
    }
    arch_thread_prepare(t, entry, arg);
    return t;
}

void thread_setup(struct thread *t, const char *name)
{
    object_init(&t->obj, &thread_ops, 0);
    str_copy(t->name, name, sizeof(t->name));
    t->state = THREAD_NEW;
    t->affinity = UINT64_MAX;
    list_init(&t->run_node);
    list_init(&t->proc_node);
    sched_thread_init(t);
    t->orig_rax = UINT64_MAX;
}

void thread_exit(void)
{
    struct thread *t = current();

    arch_thread_free(t);
    object_signal(&t->obj, 0, SIG_TERMINATED);
    sched_end_thread();
}

void thread_interrupt(struct thread *t)
{
    __atomic_store_n(&t->interrupted, 1, __ATOMIC_SEQ_CST);
    thread_unpark(t);
}
