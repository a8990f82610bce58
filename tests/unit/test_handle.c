/* SPDX-License-Identifier: Apache-2.0 */
/* Objects' references and signals (object/object.c), handles and rights (object/handle.c). */
#include "core/string.h"
#include "mm/slab.h"
#include "object/handle.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#define OBJECTS 20u
#define INDICES 300u

static u32 destroyed;

static void destroy(struct object *o)
{
    destroyed++;
    kfree(o);
}

static const struct object_ops ops = { .type = OBJ_EVENT, .destroy = destroy };

static struct object *new_object(void)
{
    struct object *o = kzalloc(sizeof(*o));

    object_init(o, &ops, 0);
    return o;
}

/* --- objects ---------------------------------------------------------------------------------- */

START_TEST(ids_are_never_used_again)
{
    u64 last = 0;

    for (int i = 0; i < 10; i++) {
        struct object *o = new_object();

        CHECK(o->koid > last);
        last = o->koid;
        object_unref(o);
    }
    CHECK_EQ(destroyed, 10);
}
END_TEST

START_TEST(what_ends_cannot_be_referenced_again)
{
    struct object *o = new_object();

    CHECK(object_tryref(o));
    object_unref(o);
    o->refs = 0;
    CHECK(!object_tryref(o));
    CHECK_EQ(o->refs, 0);
    o->refs = 1;
    object_unref(o);
}
END_TEST

struct watcher {
    struct observer ob;
    u32 fired, last;
};

static bool note(struct observer *ob, u32 signals, struct pulse **later UNUSED)
{
    struct watcher *w = container_of(ob, struct watcher, ob);

    w->fired++;
    w->last = signals;
    return true;
}

START_TEST(observers_are_told_of_what_was_not_set_before)
{
    struct object *o = new_object();
    struct watcher r = { .ob = { .mask = SIG_READABLE, .fire = note } };
    struct watcher rw = { .ob = { .mask = SIG_READABLE | SIG_WRITABLE, .fire = note } };

    object_signal(o, 0, SIG_WRITABLE);
    CHECK_EQ(object_observe(o, &r.ob), 0);
    CHECK_EQ(object_observe(o, &rw.ob), SIG_WRITABLE);
    object_signal(o, 0, SIG_WRITABLE);
    CHECK_EQ(rw.fired, 0);
    object_signal(o, 0, SIG_READABLE);
    CHECK(r.fired == 1 && r.last == SIG_READABLE);
    CHECK(rw.fired == 1 && rw.last == (SIG_READABLE | SIG_WRITABLE));
    object_signal(o, SIG_READABLE, SIG_HANGUP); /* what nobody watches */
    CHECK_EQ(object_signals(o), SIG_WRITABLE | SIG_HANGUP);
    CHECK(r.fired == 1 && rw.fired == 1);
    object_signal(o, SIG_READABLE, SIG_READABLE); /* set wins */
    CHECK(r.fired == 2 && rw.fired == 2);
    object_pulse(o, SIG_READABLE); /* an edge at the same level */
    CHECK(r.fired == 3 && rw.fired == 3);
    object_unobserve(&r.ob);
    object_pulse(o, SIG_READABLE);
    CHECK(r.fired == 3 && rw.fired == 4);
    object_unref(o);
    CHECK(rw.fired == 5 && rw.last == 0); /* its end */
    CHECK(list_empty(&rw.ob.node));
}
END_TEST

/* --- handles ---------------------------------------------------------------------------------- */

START_TEST(the_lowest_free_index_is_given)
{
    struct handle_table *t = handle_table_create();
    struct handle h;

    for (int i = 0; i < 100; i++)
        CHECK_EQ(handle_install(t, new_object(), RIGHTS_ALL, 0, 0, 1024), i);
    CHECK_EQ(handle_close(t, 70), 0);
    CHECK_EQ(handle_close(t, 7), 0);
    CHECK_EQ(handle_close(t, 7), -EBADF);
    CHECK_EQ(handle_install(t, new_object(), RIGHTS_ALL, 0, 8, 1024), 70);
    CHECK_EQ(handle_install(t, new_object(), RIGHTS_ALL, 0, 0, 1024), 7);
    CHECK_EQ(handle_install(t, new_object(), RIGHTS_ALL, 0, 500, 1024), 500);
    CHECK_EQ(handle_install(t, new_object(), RIGHTS_ALL, 0, 0, 1024), 100);
    CHECK_EQ(handle_get(t, 499, 0, &h), -EBADF);
    CHECK_EQ(handle_get(t, UINT32_MAX, 0, &h), -EBADF);
    CHECK_EQ(handle_close(t, UINT32_MAX), -EBADF);
    CHECK_EQ(handle_set_flags(t, 12345, 0), -EBADF);
    handle_table_unref(t);
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

START_TEST(a_limit_and_the_largest_table_are_kept)
{
    struct handle_table *t = handle_table_create();
    struct object *o = new_object();
    struct handle h;

    CHECK_EQ(handle_install(t, o, 0, 0, 0, 0), -EMFILE);
    CHECK_EQ(handle_install(t, o, 0, 0, 10, 10), -EMFILE);
    CHECK_EQ(handle_install(t, o, 0, 0, 10, 11), 10);
    object_ref(o);
    CHECK_EQ(handle_install(t, o, 0, 0, 10, 11), -EMFILE);
    CHECK_EQ(handle_install_at(t, o, 0, 0, UINT32_MAX), -EBADF);
    CHECK_EQ(handle_install(t, o, 0, 0, UINT32_MAX, UINT64_MAX), -EMFILE);
    CHECK_EQ(handle_install_at(t, o, 0, 0, 131071), 0); /* 2 MiB of handles */
    CHECK_EQ(handle_get(t, 131071, 0, &h), 0);
    object_unref(h.obj);
    handle_table_unref(t);
    CHECK_EQ(destroyed, 1);
}
END_TEST

START_TEST(a_right_that_is_missing_hides_the_object)
{
    struct handle_table *t = handle_table_create();
    struct handle h;

    handle_install(t, new_object(), RIGHT_READ | RIGHT_DUP, HANDLE_CLOEXEC, 0, 10);
    CHECK_EQ(handle_get(t, 0, 0, &h), 0);
    CHECK_EQ(h.rights, RIGHT_READ | RIGHT_DUP);
    CHECK_EQ(h.flags, HANDLE_CLOEXEC);
    object_unref(h.obj);
    CHECK_EQ(handle_get(t, 0, RIGHT_READ, &h), 0);
    object_unref(h.obj);
    CHECK_EQ(handle_get(t, 0, RIGHT_WRITE, &h), -EBADF);
    CHECK_EQ(handle_get(t, 0, RIGHT_READ | RIGHT_WRITE, &h), -EBADF);
    handle_table_unref(t);
    CHECK_EQ(destroyed, 1);
}
END_TEST

START_TEST(a_handle_over_another_closes_that)
{
    struct handle_table *t = handle_table_create();
    struct handle h;
    struct object *o;

    handle_install(t, new_object(), RIGHTS_ALL, HANDLE_CLOEXEC, 0, 10);
    CHECK_EQ(handle_install_at(t, o = new_object(), RIGHT_READ, 0, 0), 0);
    CHECK_EQ(destroyed, 1);
    CHECK_EQ(handle_get(t, 0, 0, &h), 0);
    CHECK(h.obj == o && h.rights == RIGHT_READ && h.flags == 0);
    object_unref(h.obj);
    handle_table_unref(t);
}
END_TEST

START_TEST(exec_closes_what_is_marked)
{
    struct handle_table *t = handle_table_create();
    u32 i = 0, n = 0;

    for (u32 k = 0; k < 100; k++)
        handle_install(t, new_object(), RIGHTS_ALL, k % 3 ? HANDLE_CLOEXEC : 0, 0, 1024);
    handle_set_flags(t, 1, 0);
    handle_set_flags(t, 3, HANDLE_CLOEXEC);
    handle_close_exec(t);
    for (; handle_next(t, &i); i++, n++)
        CHECK((i % 3 == 0 && i != 3) || i == 1);
    CHECK_EQ(n, 34);
    handle_table_unref(t);
    CHECK_EQ(destroyed, 100);
}
END_TEST

START_TEST(a_shared_table_closes_with_its_last_user)
{
    struct handle_table *t = handle_table_create();

    handle_install(t, new_object(), RIGHTS_ALL, 0, 0, 10);
    CHECK(!handle_table_shared(t));
    handle_table_ref(t);
    CHECK(handle_table_shared(t));
    handle_table_unref(t);
    CHECK_EQ(destroyed, 0);
    handle_table_unref(t);
    CHECK_EQ(destroyed, 1);
}
END_TEST

static struct object *objects[OBJECTS];
static struct {
    int obj; /* -1: free */
    u32 rights, flags;
} model[INDICES];

/* References: ours, and one for each handle in so many tables. */
static void check_refs(u32 tables)
{
    u32 refs[OBJECTS] = { 0 };

    for (u32 i = 0; i < INDICES; i++)
        if (model[i].obj >= 0)
            refs[model[i].obj] += tables;
    for (u32 i = 0; i < OBJECTS; i++)
        CHECK_EQ(objects[i]->refs, refs[i] + 1);
}

static void set_model(u32 i, int obj, u32 rights, u32 flags)
{
    model[i].obj = obj;
    model[i].rights = rights;
    model[i].flags = flags;
}

START_TEST(random_operations_match_the_model)
{
    struct handle_table *t = handle_table_create();

    unit_seed((u64)_i);
    for (u32 i = 0; i < OBJECTS; i++)
        objects[i] = new_object();
    for (u32 i = 0; i < INDICES; i++)
        model[i].obj = -1;
    for (int step = 0; step < 5000; step++) {
        u32 i = unit_below(INDICES), o = unit_below(OBJECTS), rights = unit_below(64);
        u32 flags = unit_below(2), least = unit_below(3) ? 0 : i;
        struct handle_table *c;
        struct handle h;
        int r;

        fake_failed = false;
        fake_fail_after = unit_below(10) ? 0 : 1 + unit_below(2);
        switch (unit_below(6)) {
        case 0: case 1:
            object_ref(objects[o]);
            r = handle_install(t, objects[o], rights, flags, least, INDICES);
            for (i = least; i < INDICES && model[i].obj >= 0; i++)
                ;
            if (r == -ENOMEM && fake_failed) {
                object_unref(objects[o]);
            } else if (i == INDICES) {
                CHECK_EQ(r, -EMFILE);
                object_unref(objects[o]);
            } else {
                CHECK_EQ(r, i);
                set_model(i, (int)o, rights, flags);
            }
            break;
        case 2:
            object_ref(objects[o]);
            r = handle_install_at(t, objects[o], rights, flags, i);
            if (r == -ENOMEM && fake_failed) {
                object_unref(objects[o]);
            } else {
                CHECK_EQ(r, 0);
                set_model(i, (int)o, rights, flags);
            }
            break;
        case 3:
            CHECK_EQ(handle_close(t, i), model[i].obj < 0 ? -EBADF : 0);
            model[i].obj = -1;
            break;
        case 4:
            r = handle_get(t, i, rights, &h);
            if (model[i].obj < 0 || (rights & ~model[i].rights)) {
                CHECK_EQ(r, -EBADF);
            } else {
                CHECK_EQ(r, 0);
                CHECK(h.obj == objects[model[i].obj] && h.rights == model[i].rights &&
                      h.flags == model[i].flags);
                object_unref(h.obj);
            }
            break;
        default:
            if (unit_below(20))
                break;
            c = handle_table_clone(t);
            if (!c) {
                CHECK(fake_failed);
                break;
            }
            fake_fail_after = 0;
            check_refs(2);
            handle_table_unref(t);
            t = c;
            break;
        }
        fake_fail_after = 0;
        if (step % 50 == 0)
            check_refs(1);
    }
    handle_table_unref(t);
    for (u32 i = 0; i < OBJECTS; i++) {
        CHECK_EQ(objects[i]->refs, 1);
        object_unref(objects[i]);
    }
    CHECK_EQ(fake_blocks, 0);
}
END_TEST

UNIT_MAIN("handle", ONCE(ids_are_never_used_again), ONCE(what_ends_cannot_be_referenced_again),
          ONCE(observers_are_told_of_what_was_not_set_before), ONCE(the_lowest_free_index_is_given),
          ONCE(a_limit_and_the_largest_table_are_kept),
          ONCE(a_right_that_is_missing_hides_the_object), ONCE(a_handle_over_another_closes_that),
          ONCE(exec_closes_what_is_marked), ONCE(a_shared_table_closes_with_its_last_user),
          SEEDS(random_operations_match_the_model, 5))
