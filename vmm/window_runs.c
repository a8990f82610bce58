/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of a file window: see window_runs.h. */
#include "vmm/window_runs.h"

#include <stdlib.h>

#include "vmm/files.h"

#define CHUNKS (RV_WINDOW_SIZE / RV_WINDOW_CHUNK)

bool runs_init(struct runs *s, uint64_t base, uint32_t max)
{
    s->base = base;
    s->max = max;
    s->chunk = calloc(CHUNKS, sizeof(struct run *)); /* so large that only used parts get memory */
    return s->chunk;
}

struct run *run_new(struct runs *s)
{
    struct run *run = s->count < s->max ? calloc(1, sizeof(*run)) : NULL;

    if (run)
        s->count++;
    return run;
}

void run_free(struct runs *s, struct run *run)
{
    if (!run)
        return;
    free(run);
    s->count--;
}

static uint64_t chunk_of(const struct runs *s, uint64_t gpa)
{
    return (gpa - s->base) / RV_WINDOW_CHUNK;
}

void runs_add(struct runs *s, struct run *run)
{
    uint64_t c = chunk_of(s, run->gpa);
    struct run **p = &s->chunk[c];

    while (*p && (*p)->gpa < run->gpa)
        p = &(*p)->next;
    run->next = *p;
    *p = run;
    if (c >= s->top)
        s->top = c + 1;
}

static void set_len(struct run *run, uint64_t len)
{
    run->len = len;
    if (run->alive > len)
        run->alive = len;
}

/* Let the run begin n bytes later. */
static void advance(struct run *run, uint64_t n)
{
    run->gpa += n;
    run->off += n;
    run->len -= n;
    run->alive = run->alive > n ? run->alive - n : 0;
}

static void cut_chunk(struct vm *vm, struct runs *s, struct run **p, uint64_t gpa, uint64_t end,
                      struct run **spare)
{
    struct run *run;

    while ((run = *p) && run->gpa < end) {
        uint64_t run_end = run->gpa + run->len;

        if (run_end <= gpa) {
            p = &run->next;
        } else if (run->gpa >= gpa && run_end <= end) {
            *p = run->next;
            files_put(vm, run->file);
            run_free(s, run);
        } else if (run->gpa >= gpa) {
            advance(run, end - run->gpa);
        } else {
            if (run_end > end) {
                struct run *second = *spare;

                *spare = NULL;
                *second = *run;
                advance(second, end - run->gpa);
                files_ref(run->file);
                run->next = second;
            }
            set_len(run, gpa - run->gpa);
            p = &run->next;
        }
    }
}

void runs_cut(struct vm *vm, struct runs *s, uint64_t gpa, uint64_t len, struct run **spare)
{
    uint64_t last = chunk_of(s, gpa + len - 1);

    for (uint64_t c = chunk_of(s, gpa); c <= last && c < s->top; c++)
        cut_chunk(vm, s, &s->chunk[c], gpa, gpa + len, spare);
}

struct run *runs_at(const struct runs *s, uint64_t gpa)
{
    struct run *run = s->chunk[chunk_of(s, gpa)];

    while (run && gpa - run->gpa >= run->len)
        run = run->next;
    return run;
}

static struct run *first_from(const struct runs *s, uint64_t c)
{
    for (; c < s->top; c++)
        if (s->chunk[c])
            return s->chunk[c];
    return NULL;
}

struct run *runs_first(const struct runs *s)
{
    return first_from(s, 0);
}

struct run *runs_next(const struct runs *s, const struct run *run)
{
    return run->next ? run->next : first_from(s, chunk_of(s, run->gpa) + 1);
}

struct run *runs_after(const struct runs *s, uint64_t gpa)
{
    uint64_t c = chunk_of(s, gpa);
    struct run *run = c < s->top ? s->chunk[c] : NULL;

    while (run && run->gpa < gpa)
        run = run->next;
    return run ? run : first_from(s, c + 1);
}
