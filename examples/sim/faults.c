/* SPDX-License-Identifier: MIT */
#include "examples/sim/faults.h"

#include <stdlib.h>
#include <string.h>

enum { REORDER_MS = 50 };

struct late {
    uv_timer_t timer;
    struct faults *faults;
    void *ref;
    void (*deliver)(void *ref, struct ag_span bytes);
    size_t len;
    char data[];
};

void faults_init(struct faults *f, uv_loop_t *loop, uint64_t seed)
{
    *f = (struct faults){.loop = loop, .random = seed * 2 + 1};
}

static unsigned throw(struct faults * f, unsigned sides)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return (unsigned) (f->random >> 33) % sides;
}

static void on_late_closed(uv_handle_t *h)
{
    free(h->data);
}

static void on_late(uv_timer_t *t)
{
    struct late *l = t->data;

    l->faults->n_waiting--;
    l->deliver(l->ref, (struct ag_span){l->data, l->len});
    uv_close((uv_handle_t *) t, on_late_closed);
}

static void deliver_late(struct faults *f, struct ag_span bytes, void *ref, void (*deliver)(void *ref, struct ag_span bytes),
                         unsigned ms)
{
    struct late *l = malloc(sizeof *l + bytes.len);

    if (!l || uv_timer_init(f->loop, &l->timer) < 0) {
        free(l); /* lost, as packets may be */
        return;
    }
    l->timer.data = l;
    l->faults = f;
    l->ref = ref;
    l->deliver = deliver;
    l->len = bytes.len;
    memcpy(l->data, bytes.p, bytes.len);
    f->n_waiting++;
    uv_timer_start(&l->timer, on_late, ms, 0);
}

void faults_pass(struct faults *f, struct ag_span bytes, void *ref, void (*deliver)(void *ref, struct ag_span bytes))
{
    unsigned copies = 1;

    if (throw(f, 100) < f->drop) {
        f->n_dropped++;
        return;
    }
    if (throw(f, 100) < f->dup)
        copies = 2;
    while (copies-- > 0) {
        unsigned ms = f->delay_ms + (throw(f, 100) < f->reorder ? 1 + throw(f, REORDER_MS) : 0);

        if (ms > 0)
            deliver_late(f, bytes, ref, deliver, ms);
        else
            deliver(ref, bytes);
    }
}

long faults_parse_percent(const char *text)
{
    char *end;
    long v = strtol(text, &end, 10);

    if (end == text || (*end && strcmp(end, "%") != 0) || v < 0 || v > 100)
        return -1;
    return v;
}

long faults_parse_ms(const char *text)
{
    char *end;
    long v = strtol(text, &end, 10);

    if (end == text || v < 0 || v > 1000000)
        return -1;
    if (strcmp(end, "s") == 0)
        return v * 1000;
    return *end && strcmp(end, "ms") != 0 ? -1 : v;
}
