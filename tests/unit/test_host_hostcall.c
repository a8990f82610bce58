/* SPDX-License-Identifier: Apache-2.0 */
/* The VMM's dispatcher (vmm/hostcall.c): what a hostile guest can put into a request. */
#include "vmm/hostcall.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "vmm/vm.h"

#define CPUS 3
#define RAM (UINT64_C(4) << 20)
#define MARK 77

enum kind { NONE, U32, U64, VCPU, MASK, OFF, FD, FILE_ID, NODE, WIN, PLEN };
enum class { INSTANT, WORK, FILE };
#define KIND_NONE NONE
#define KIND_U32  U32
#define KIND_U64  U64
#define KIND_VCPU VCPU
#define KIND_MASK MASK
#define KIND_OFF  OFF
#define KIND_FD   FD
#define KIND_FILE FILE_ID
#define KIND_NODE NODE
#define KIND_WIN  WIN
#define KIND_PLEN PLEN

#define HOSTCALL(nr, name, class, a0, a1, a2, a3, a4, a5, in_max, out_max, doc)                    \
    [nr] = { #name, class, { KIND_##a0, KIND_##a1, KIND_##a2, KIND_##a3, KIND_##a4, KIND_##a5 },   \
             in_max, out_max },
static const struct {
    const char *name;
    enum class class;
    enum kind kind[6];
    uint32_t in_max, out_max;
} calls[RV_HC_COUNT] = {
#include "hostcalls/hostcalls.def"
};
#undef HOSTCALL

static struct vcpu vcpus[CPUS];
static struct rv_vcpu_page page;
static struct rv_event_ring events;
static struct vm vm = { .nvcpus = CPUS, .vcpu = vcpus, .events = &events };
static struct rv_hostcall *const call = &page.call;

/* What the last handler saw. */
static struct hc_req seen, *seen_at;
static int handled;
static int64_t answer = MARK;

static int64_t handler(struct hc_req *req)
{
    handled++;
    seen = *req;
    seen_at = req;
    return answer;
}

#define HOSTCALL(number, name, ...)                                                                \
    int64_t hc_##name(struct hc_req *req)                                                          \
    {                                                                                              \
        CHECK_EQ(req->nr, number);                                                                 \
        return handler(req);                                                                       \
    }
#include "hostcalls/hostcalls.def"
#undef HOSTCALL

/* --- the rest of the VMM ---------------------------------------------------------------------- */

static int kicks[CPUS];

void vcpu_kick(struct vcpu *vcpu, uint32_t bits)
{
    CHECK_EQ(bits, RV_PEND_EVENTS);
    kicks[vcpu - vcpus]++;
}

uint64_t vm_now(void)
{
    return 1;
}

int vm_add_slot(struct vm *v, gpa_t gpa, uint64_t len, void *host, uint32_t flags)
{
    (void)v, (void)gpa, (void)len, (void)host, (void)flags;
    return 0;
}

void vm_fatal(struct vm *v, const char *fmt, ...)
{
    (void)v, (void)fmt;
    _exit(3); /* expected by the test */
}

static void start(void)
{
    for (uint32_t i = 0; i < CPUS; i++) {
        vcpus[i] = (struct vcpu){ .vm = &vm, .index = i, .page = &page };
        vcpus[i].hostcalls = calloc(RV_HC_COUNT, sizeof(uint64_t));
    }
    vm.ram.base = malloc(RAM); /* the sanitizer sees what is beyond */
    vm.ram.limit = RAM * 2;
    vm.ram.size = RAM;
    memset(vm.ram.base, 0, RAM);
}

static void end(void)
{
    for (uint32_t i = 0; i < CPUS; i++)
        free(vcpus[i].hostcalls);
    free(vm.ram.base);
}

/* A value that the kind allows. */
static uint64_t good(enum kind k)
{
    return k == WIN ? RV_WINDOW_RO_GPA : k == PLEN ? RV_PAGE_SIZE : 0;
}

static void prepare(uint32_t nr)
{
    memset(call, 0, sizeof(*call));
    call->nr = nr;
    for (int i = 0; i < 6; i++)
        call->arg[i] = nr < RV_HC_COUNT ? good(calls[nr].kind[i]) : 0;
}

/* Serve the request; its answer. */
static int64_t serve(void)
{
    handled = 0;
    call->ret = 12345;
    hc_dispatch(&vcpus[0]);
    CHECK_EQ(handled, call->ret == answer);
    return call->ret;
}

static bool allows(enum kind k, uint64_t v)
{
    switch (k) {
    case NONE: return v == 0;
    case U32: case FILE_ID: case NODE: return v <= UINT32_MAX;
    case U64: return true;
    case VCPU: return v < CPUS;
    case MASK: return v < 1u << CPUS;
    case OFF: return v <= INT64_MAX;
    case FD: return v <= 2;
    case WIN:
        return v % RV_PAGE_SIZE == 0 &&
               ((v >= RV_WINDOW_RO_GPA && v < RV_WINDOW_RO_GPA + RV_WINDOW_SIZE) ||
                (v >= RV_WINDOW_RW_GPA && v < RV_WINDOW_RW_GPA + RV_WINDOW_SIZE));
    case PLEN: return v && v % RV_PAGE_SIZE == 0 && v <= RV_WINDOW_SIZE;
    }
    return false;
}

START_TEST(each_argument_is_held_to_its_kind)
{
    static const uint64_t values[] = {
        0, 1, 2, 3, 7, 8, 63, 64, 255, 4095, 4096, 4097, 8192, UINT32_MAX, UINT32_MAX + UINT64_C(1),
        RV_WINDOW_RO_GPA - 4096, RV_WINDOW_RO_GPA, RV_WINDOW_RO_GPA + 1, RV_WINDOW_SIZE,
        RV_WINDOW_SIZE + 4096, RV_WINDOW_RO_GPA + RV_WINDOW_SIZE - 4096, RV_WINDOW_RW_GPA,
        RV_WINDOW_RW_GPA + RV_WINDOW_SIZE - 4096, RV_WINDOW_RW_GPA + RV_WINDOW_SIZE, INT64_MAX,
        INT64_MAX + UINT64_C(1), UINT64_MAX - 4095, UINT64_MAX,
    };

    start();
    for (uint32_t nr = 0; nr < RV_HC_COUNT; nr++) {
        for (int i = 0; i < 6; i++) {
            for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
                prepare(nr);
                call->arg[i] = values[v];
                if (allows(calls[nr].kind[i], values[v])) {
                    CHECK_EQ(serve(), MARK);
                    CHECK_EQ(seen.arg[i], values[v]);
                } else {
                    CHECK_EQ(serve(), -EINVAL);
                }
            }
        }
        CHECK_STR(hc_name(nr), calls[nr].name);
    }
    end();
}
END_TEST

START_TEST(all_cpus_of_a_full_machine_can_be_named)
{
    start();
    vm.nvcpus = 64;
    prepare(RV_HC_kick);
    call->arg[0] = UINT64_MAX;
    CHECK_EQ(serve(), MARK);
    end();
}
END_TEST

START_TEST(unknown_numbers_are_refused)
{
    static const uint32_t numbers[] = { RV_HC_COUNT, RV_HC_COUNT + 1, 0x7fffffff, 0x80000000,
                                        UINT32_MAX };

    start();
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        prepare(numbers[i]);
        CHECK_EQ(serve(), -ENOSYS);
        CHECK_STR(hc_name(numbers[i]), "?");
    }
    end();
}
END_TEST

START_TEST(pieces_beyond_the_table_of_pieces_are_refused)
{
    static const struct {
        uint32_t nin, nout;
    } counts[] = {
        { RV_SG_MAX + 1, 0 }, { 0, RV_SG_MAX + 1 }, { RV_SG_MAX, 1 }, { 1, RV_SG_MAX },
        { UINT32_MAX, 0 },    { 0, UINT32_MAX },    { UINT32_MAX, 2 }, { 2, UINT32_MAX },
        { 0x80000000, 0x80000000 },
    };

    start();
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        prepare(RV_HC_mem_copy);
        for (uint32_t k = 0; k < RV_SG_MAX; k++)
            call->sg[k].len = 1;
        call->nin = counts[i].nin;
        call->nout = counts[i].nout;
        CHECK_EQ(serve(), -EINVAL);
    }
    prepare(RV_HC_mem_copy);
    for (uint32_t k = 0; k < RV_SG_MAX; k++) {
        call->sg[k].len = 1;
        call->sg[k].gpa.v = k * 2;
    }
    call->nin = call->nout = RV_SG_MAX / 2;
    CHECK_EQ(serve(), MARK);
    CHECK_EQ(seen.in_len, RV_SG_MAX / 2);
    CHECK_EQ(seen.out_len, RV_SG_MAX / 2);
    for (uint32_t k = 0; k < RV_SG_MAX; k++)
        CHECK(seen.iov[k].iov_base == vm.ram.base + k * 2 && seen.iov[k].iov_len == 1);
    end();
}
END_TEST

START_TEST(pieces_outside_of_the_ram_handed_out_are_refused)
{
    static const struct {
        uint64_t gpa;
        uint32_t len;
        bool ok;
    } pieces[] = {
        { 0, 1, true },
        { 0, 0, false },
        { 4096, 0, false },
        { RAM - 1, 1, true },
        { RAM - 1, 2, false },
        { RAM, 1, false },
        { RAM - 4096, 4096, true },
        { RAM - 4096, 4097, false },
        { RAM + 4096, 1, false },
        { UINT64_MAX, 1, false },
        { UINT64_MAX, 2, false },
        { UINT64_MAX - 4095, 4096, false },
        { RV_WINDOW_RO_GPA, 1, false },
        { RV_WINDOW_RW_GPA, 4096, false },
        { RAM / 2, UINT32_MAX, false },
    };

    start();
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        for (int out = 0; out < 2; out++) {
            prepare(out ? RV_HC_file_read : RV_HC_file_write);
            call->nin = !out;
            call->nout = out;
            call->sg[0].gpa.v = pieces[i].gpa;
            call->sg[0].len = pieces[i].len;
            CHECK_EQ(serve(), pieces[i].ok ? MARK : -EINVAL);
        }
    }
    /* A bad one after a good one. */
    prepare(RV_HC_file_write);
    call->nin = 2;
    call->sg[0].len = 10;
    call->sg[1].gpa.v = RAM;
    call->sg[1].len = 1;
    CHECK_EQ(serve(), -EINVAL);
    end();
}
END_TEST

/* One direction of one call filled up to `bytes`; as many pieces as it takes. */
static void fill(bool out, uint64_t bytes)
{
    uint32_t n = 0;

    do {
        uint64_t k = bytes > RAM ? RAM : bytes;

        call->sg[n].gpa.v = 0;
        call->sg[n++].len = (uint32_t)k;
        bytes -= k;
    } while (bytes);
    call->nin = out ? 0 : n;
    call->nout = out ? n : 0;
}

START_TEST(the_sums_of_inputs_and_outputs_are_held_to_their_maxima)
{
    start();
    for (uint32_t nr = 0; nr < RV_HC_COUNT; nr++) {
        for (int out = 0; out < 2; out++) {
            uint32_t max = out ? calls[nr].out_max : calls[nr].in_max;

            prepare(nr);
            fill(out, max + UINT64_C(1));
            CHECK_EQ(serve(), -EINVAL);
            if (!max)
                continue;
            prepare(nr);
            fill(out, max);
            CHECK_EQ(serve(), MARK);
            CHECK_EQ(out ? seen.out_len : seen.in_len, max);
            /* The same bytes in several pieces, and one more. */
            if (max < 2)
                continue;
            prepare(nr);
            fill(out, max - 1);
            call->sg[1].len = 1;
            call->nin += !out;
            call->nout += out;
            CHECK_EQ(serve(), MARK);
            call->sg[1].len = 2;
            CHECK_EQ(serve(), -EINVAL);
        }
    }
    /* Sums that would wrap at 32 bits. */
    prepare(RV_HC_file_write);
    call->nin = RV_SG_MAX;
    for (uint32_t i = 0; i < RV_SG_MAX; i++)
        call->sg[i].len = RAM;
    CHECK_EQ(serve(), -EINVAL);
    end();
}
END_TEST

START_TEST(a_token_is_taken_until_its_call_completes)
{
    start();
    answer = RV_PENDING;
    prepare(RV_HC_file_read);
    call->token = 5;
    CHECK_EQ(serve(), RV_PENDING);
    CHECK_EQ(seen.token, 5);
    answer = MARK;
    CHECK_EQ(serve(), -EINVAL); /* in flight */
    prepare(RV_HC_stdio_read);
    call->token = 5;
    CHECK_EQ(serve(), -EINVAL); /* whatever the call */
    prepare(RV_HC_yield);
    call->token = 5;
    CHECK_EQ(serve(), MARK); /* which instant ones do not use */
    call->token = UINT32_MAX;
    CHECK_EQ(serve(), MARK);
    prepare(RV_HC_file_read);
    call->token = 6;
    CHECK_EQ(serve(), MARK);
    CHECK_EQ(serve(), MARK); /* answered at once: free again */

    hc_complete(&vm, 5, 42);
    CHECK_EQ(events.head, 1);
    CHECK_EQ(events.ev[0].kind, RV_EVENT_DONE);
    CHECK_EQ(events.ev[0].token, 5);
    CHECK_EQ(events.ev[0].ret, 42);
    CHECK_EQ(kicks[0], 1);
    call->token = 5;
    CHECK_EQ(serve(), MARK);
    end();
}
END_TEST

START_TEST(tokens_beyond_the_last_are_refused)
{
    static const uint32_t bad[] = { RV_MAX_TOKENS, RV_MAX_TOKENS + 1, 0x80000000, UINT32_MAX };

    start();
    for (uint32_t nr = 0; nr < RV_HC_COUNT; nr++) {
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            prepare(nr);
            call->token = bad[i];
            CHECK_EQ(serve(), calls[nr].class == INSTANT ? MARK : -EINVAL);
        }
        prepare(nr);
        call->token = RV_MAX_TOKENS - 1;
        CHECK_EQ(serve(), MARK);
    }
    end();
}
END_TEST

START_TEST(a_refused_request_gives_its_token_back)
{
    start();
    prepare(RV_HC_file_read);
    call->arg[1] = UINT64_MAX;
    CHECK_EQ(serve(), -EINVAL);
    call->arg[1] = 0;
    CHECK_EQ(serve(), MARK);
    end();
}
END_TEST

START_TEST(a_pending_request_is_a_copy_that_the_guest_cannot_change)
{
    struct hc_req *first;

    start();
    answer = RV_PENDING;
    prepare(RV_HC_file_read);
    call->arg[0] = 11;
    call->nout = 1;
    call->sg[0].len = 100;
    CHECK_EQ(serve(), RV_PENDING);
    first = seen_at;
    memset(call, 0xff, sizeof(*call));
    CHECK_EQ(first->arg[0], 11);
    CHECK_EQ(first->nout, 1);
    CHECK_EQ(first->out_len, 100);
    prepare(RV_HC_file_read);
    call->token = 1;
    CHECK_EQ(serve(), RV_PENDING);
    CHECK(seen_at != first);
    CHECK_EQ(first->arg[0], 11);
    hc_complete(&vm, 0, 0);
    hc_complete(&vm, 1, 0);
    end();
}
END_TEST

START_TEST(all_tokens_can_be_in_flight_and_complete)
{
    start();
    answer = RV_PENDING;
    for (uint32_t t = 0; t < RV_MAX_TOKENS; t++) {
        prepare(RV_HC_stdio_poll);
        call->token = t;
        CHECK_EQ(serve(), RV_PENDING);
    }
    /* Other events leave room for the completions. */
    for (uint32_t i = 0; i < RV_EVENTS - RV_MAX_TOKENS; i++)
        CHECK(hc_post(&vm, RV_EVENT_SIGNAL, 15));
    CHECK(!hc_post(&vm, RV_EVENT_SIGNAL, 15));
    for (uint32_t t = 0; t < RV_MAX_TOKENS; t++)
        hc_complete(&vm, t, t);
    CHECK_EQ(events.head, RV_EVENTS);
    for (uint32_t t = 0; t < RV_MAX_TOKENS; t++)
        CHECK_EQ(events.ev[RV_EVENTS - RV_MAX_TOKENS + t].ret, t);
    end();
}
END_TEST

START_TEST(a_damaged_event_ring_ends_the_machine)
{
    start();
    events.tail = 12345; /* ahead of what was posted: more than a ring full is in it */
    CHECK(!hc_post(&vm, RV_EVENT_SIGNAL, 1));
    hc_complete(&vm, 0, 0);
    ck_abort_msg("vm_fatal was not called");
}
END_TEST

START_TEST(an_idle_cpu_is_told_of_an_event)
{
    start();
    vcpus[2].state = VCPU_PARKED;
    CHECK(hc_post(&vm, RV_EVENT_SIGNAL, 1));
    CHECK_EQ(kicks[2], 1);
    vcpus[0].state = VCPU_PARKED; /* the preferred one */
    CHECK(hc_post(&vm, RV_EVENT_SIGNAL, 1));
    CHECK_EQ(kicks[0], 1);
    end();
}
END_TEST

START_TEST(buffers_are_copied_over_the_borders_of_pieces)
{
    struct hc_req req = { .vm = &vm, .nin = 3, .nout = 2 };
    char in[3][4] = { "abc", "def", "ghi" }, out[2][4] = { "...", "..." }, buf[16];

    for (int i = 0; i < 3; i++)
        req.iov[i] = (struct iovec){ in[i], 3 };
    for (int i = 0; i < 2; i++)
        req.iov[3 + i] = (struct iovec){ out[i], 3 };
    memset(buf, 0, sizeof(buf));
    CHECK_EQ(hc_copy_in(&req, 0, buf, sizeof(buf)), 9);
    CHECK_STR(buf, "abcdefghi");
    memset(buf, 0, sizeof(buf));
    CHECK_EQ(hc_copy_in(&req, 2, buf, 5), 5);
    CHECK_STR(buf, "cdefg");
    CHECK_EQ(hc_copy_in(&req, 3, buf, 1), 1);
    CHECK_EQ(buf[0], 'd');
    CHECK_EQ(hc_copy_in(&req, 9, buf, 5), 0);
    CHECK_EQ(hc_copy_in(&req, 100, buf, 5), 0);
    CHECK_EQ(hc_copy_out(&req, 1, "12345678", 8), 5);
    CHECK_STR(out[0], ".12");
    CHECK_STR(out[1], "345");
    CHECK_EQ(hc_copy_out(&req, 6, "x", 1), 0);
}
END_TEST

START_TEST(random_requests_never_reach_beyond_the_ram)
{
    unit_seed((uint64_t)_i);
    start();
    for (int step = 0; step < 20000; step++) {
        uint64_t sum[2] = { 0, 0 };
        uint32_t nr = unit_below(RV_HC_COUNT + 1);

        prepare(nr);
        call->token = unit_below(300);
        call->nin = unit_below(4);
        call->nout = unit_below(4);
        for (int i = 0; i < 8; i++) {
            call->sg[i].gpa.v =
                unit_below(2) ? unit_below(RAM + 4096) : unit_random() >> unit_below(64);
            call->sg[i].len = (uint32_t)(unit_random() >> (32 + unit_below(32)));
        }
        if (!unit_below(3))
            call->arg[unit_below(6)] = unit_random() >> unit_below(64);
        if (serve() != MARK)
            continue;
        for (uint32_t i = 0; i < seen.nin + seen.nout; i++) {
            uint8_t *at = seen.iov[i].iov_base;

            CHECK(at >= vm.ram.base && at + seen.iov[i].iov_len <= vm.ram.base + RAM);
            sum[i >= seen.nin] += seen.iov[i].iov_len;
        }
        CHECK(sum[0] == seen.in_len && sum[1] == seen.out_len);
        CHECK_OP(sum[0], <=, calls[nr].in_max);
        CHECK_OP(sum[1], <=, calls[nr].out_max);
    }
    end();
}
END_TEST

UNIT_MAIN("hostcall", ONCE(each_argument_is_held_to_its_kind),
          ONCE(all_cpus_of_a_full_machine_can_be_named), ONCE(unknown_numbers_are_refused),
          ONCE(pieces_beyond_the_table_of_pieces_are_refused),
          ONCE(pieces_outside_of_the_ram_handed_out_are_refused),
          ONCE(the_sums_of_inputs_and_outputs_are_held_to_their_maxima),
          ONCE(a_token_is_taken_until_its_call_completes), ONCE(tokens_beyond_the_last_are_refused),
          ONCE(a_refused_request_gives_its_token_back),
          ONCE(a_pending_request_is_a_copy_that_the_guest_cannot_change),
          ONCE(all_tokens_can_be_in_flight_and_complete),
          EXITS(a_damaged_event_ring_ends_the_machine, 3), ONCE(an_idle_cpu_is_told_of_an_event),
          ONCE(buffers_are_copied_over_the_borders_of_pieces),
          SEEDS(random_requests_never_reach_beyond_the_ram, 4))
