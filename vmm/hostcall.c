/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dispatcher: a request is copied out of the vCPU's page once, checked against hostcalls.def,
 * and given to its handler. A pending call keeps its copy in its token's place until it completes.
 */
#include "vmm/hostcall.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "vmm/crash.h"
#include "vmm/vm.h"

enum hc_class { INSTANT, WORK, FILE };
enum hc_kind { NONE, U32, U64, VCPU, MASK, OFF, FD, FILE_ID, NODE, WIN, PLEN };

/* FILE names a class and a kind of argument; the table's column decides which is meant. */
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

struct hc_entry {
    const char *name;
    uint8_t class, kind[6];
    uint32_t in_max, out_max;
    int64_t (*handler)(struct hc_req *req);
};

#define HOSTCALL(nr, name, class, a0, a1, a2, a3, a4, a5, in_max, out_max, doc)                    \
    [nr] = {                                                                                       \
        #name,  class,   { KIND_##a0, KIND_##a1, KIND_##a2, KIND_##a3, KIND_##a4, KIND_##a5 },     \
        in_max, out_max, hc_##name                                                                 \
    },
static const struct hc_entry table[RV_HC_COUNT] = {
#include "hostcalls/hostcalls.def"
};
#undef HOSTCALL

static struct {
    _Atomic bool busy;
    struct hc_req req;
} tokens[RV_MAX_TOKENS];

static struct {
    pthread_mutex_t lock;
    uint32_t head; /* our own copy: the shared one is only ever written */
} ring = { PTHREAD_MUTEX_INITIALIZER, 0 };

const char *hc_name(uint32_t nr)
{
    return nr < RV_HC_COUNT ? table[nr].name : "?";
}

static bool page_multiple(uint64_t v)
{
    return v % RV_PAGE_SIZE == 0;
}

static bool in_window(uint64_t gpa)
{
    return gpa - RV_WINDOW_RO_GPA < RV_WINDOW_SIZE || gpa - RV_WINDOW_RW_GPA < RV_WINDOW_SIZE;
}

static bool arg_ok(const struct vm *vm, enum hc_kind kind, uint64_t v)
{
    switch (kind) {
    case NONE:
        return v == 0;
    case U32:
    case FILE_ID:
    case NODE:
        return v <= UINT32_MAX;
    case U64:
        return true;
    case VCPU:
        return v < vm->nvcpus;
    case MASK:
        return vm->nvcpus == 64 || v >> vm->nvcpus == 0;
    case OFF:
        return v <= INT64_MAX;
    case FD:
        return v <= 2;
    case WIN:
        return page_multiple(v) && in_window(v);
    case PLEN:
        return v && page_multiple(v) && v <= RV_WINDOW_SIZE;
    }
    return false;
}

/* Turn guest ranges into iovecs [first, first + n); the sum of their lengths, or -1. */
static int64_t resolve(struct hc_req *req, const struct rv_hostcall *call, uint32_t first,
                       uint32_t n, uint32_t max)
{
    uint64_t sum = 0;

    for (uint32_t i = first; i < first + n; i++) {
        /* One copy of each field, then only the copy. */
        uint64_t gpa = __atomic_load_n(&call->sg[i].gpa.v, __ATOMIC_RELAXED);
        uint32_t len = __atomic_load_n(&call->sg[i].len, __ATOMIC_RELAXED);
        void *at = ram_at(req->vm, (gpa_t) { gpa }, len);

        sum += len;
        if (!at || sum > max)
            return -1;
        req->iov[i] = (struct iovec){ at, len };
    }
    return (int64_t)sum;
}

/* Check the rest of a request whose number and token are good. 0 or -EINVAL. */
static int fill(struct hc_req *req, const struct hc_entry *e, const struct rv_hostcall *call)
{
    int64_t in, out;

    req->nin = __atomic_load_n(&call->nin, __ATOMIC_RELAXED);
    req->nout = __atomic_load_n(&call->nout, __ATOMIC_RELAXED);
    if (req->nin > RV_SG_MAX || req->nout > RV_SG_MAX - req->nin)
        return -EINVAL;
    for (uint32_t i = 0; i < 6; i++) {
        req->arg[i] = __atomic_load_n(&call->arg[i], __ATOMIC_RELAXED);
        if (!arg_ok(req->vm, e->kind[i], req->arg[i]))
            return -EINVAL;
    }
    in = resolve(req, call, 0, req->nin, e->in_max);
    out = resolve(req, call, req->nin, req->nout, e->out_max);
    if (in < 0 || out < 0)
        return -EINVAL;
    req->in_len = (size_t)in;
    req->out_len = (size_t)out;
    return 0;
}

static int64_t serve(struct vcpu *vcpu, const struct rv_hostcall *call)
{
    uint32_t nr = __atomic_load_n(&call->nr, __ATOMIC_RELAXED);
    uint32_t token = __atomic_load_n(&call->token, __ATOMIC_RELAXED);
    struct vm *vm = vcpu->vm;
    const struct hc_entry *e;
    struct hc_req own, *req = &own;
    int64_t ret;

    if (nr >= RV_HC_COUNT)
        return -ENOSYS;
    e = &table[nr];
    vcpu->hostcalls[nr]++;
    if (nr == RV_HC_fs_open && !atomic_load_explicit(&vm->booted_ns, memory_order_relaxed))
        atomic_store(&vm->booted_ns, vm_now());
    if (e->class != INSTANT) {
        if (token >= RV_MAX_TOKENS || atomic_exchange(&tokens[token].busy, true))
            return -EINVAL;
        req = &tokens[token].req;
    }
    req->vm = vm;
    req->vcpu = vcpu;
    req->nr = nr;
    req->token = token;
    ret = fill(req, e, call);
    if (!ret)
        ret = e->handler(req);
    if (e->class != INSTANT && ret != RV_PENDING)
        atomic_store(&tokens[token].busy, false);
    return ret;
}

void hc_dispatch(struct vcpu *vcpu)
{
    struct rv_hostcall *call = &vcpu->page->call;
    int64_t ret = serve(vcpu, call);

    __atomic_store_n(&call->ret, ret, __ATOMIC_RELEASE);
}

/* The vCPU that is told of an event: one that does nothing, if there is one. */
static struct vcpu *receiver(struct vm *vm, struct vcpu *preferred)
{
    if (atomic_load(&preferred->state) == VCPU_PARKED)
        return preferred;
    for (uint32_t i = 0; i < vm->nvcpus; i++)
        if (atomic_load(&vm->vcpu[i].state) == VCPU_PARKED)
            return &vm->vcpu[i];
    return preferred;
}

/* Put an event on the ring unless fewer than `keep` entries would stay free. */
static bool post(struct vm *vm, const struct rv_event *ev, uint32_t keep)
{
    struct rv_event_ring *r = vm->events;
    uint32_t used;
    bool ok = false;

    pthread_mutex_lock(&ring.lock);
    used = ring.head - __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE); /* the guest's word: anything */
    if (used < RV_EVENTS - keep) {
        r->ev[ring.head % RV_EVENTS] = *ev;
        __atomic_store_n(&r->head, ++ring.head, __ATOMIC_RELEASE);
        ok = true;
    }
    pthread_mutex_unlock(&ring.lock);
    return ok;
}

void hc_complete(struct vm *vm, uint32_t token, int64_t ret)
{
    struct rv_event ev = { RV_EVENT_DONE, token, ret };
    struct vcpu *caller = tokens[token].req.vcpu;

    /* Free before the guest can know: it may use the token again at once. */
    atomic_store(&tokens[token].busy, false);
    if (!post(vm, &ev, 0))
        vm_fatal(vm, "the guest kernel damaged its event ring");
    vcpu_kick(receiver(vm, caller), RV_PEND_EVENTS);
}

bool hc_post(struct vm *vm, enum rv_event_kind kind, int64_t arg)
{
    struct rv_event ev = { kind, 0, arg };

    if (!post(vm, &ev, RV_MAX_TOKENS))
        return false;
    vcpu_kick(receiver(vm, &vm->vcpu[0]), RV_PEND_EVENTS);
    return true;
}

enum direction { FROM_GUEST, TO_GUEST };

/* The guest's side is n iovecs from byte `skip` on. buf is only read when it goes to the guest. */
static size_t copy(enum direction way, const struct iovec *v, uint32_t n, size_t skip, void *buf,
                   size_t len)
{
    size_t done = 0;

    for (; n && done < len; v++, n--) {
        char *at, *ours = (char *)buf + done;
        size_t part;

        if (skip >= v->iov_len) {
            skip -= v->iov_len;
            continue;
        }
        at = (char *)v->iov_base + skip;
        part = v->iov_len - skip;
        if (part > len - done)
            part = len - done;
        if (way == TO_GUEST)
            memcpy(at, ours, part);
        else
            memcpy(ours, at, part);
        done += part;
        skip = 0;
    }
    return done;
}

size_t hc_copy_in(const struct hc_req *req, size_t skip, void *buf, size_t len)
{
    return copy(FROM_GUEST, hc_in(req), req->nin, skip, buf, len);
}

size_t hc_copy_out(const struct hc_req *req, size_t skip, const void *buf, size_t len)
{
    return copy(TO_GUEST, hc_out(req), req->nout, skip, (void *)buf, len);
}
