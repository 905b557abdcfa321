/* SPDX-License-Identifier: MIT */
#include "tests/unit/client/played_timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

enum { TIMERS = 8, AT_ONCE = 8 };

static struct played_timer timers[TIMERS];
static uint64_t *clock_ms;
static void (*failed)(const char *why);

void played_timers_begin(uint64_t *now_ms, void (*fail)(const char *why))
{
    memset(timers, 0, sizeof timers);
    clock_ms = now_ms;
    failed = fail;
}

struct played_timer *played_timer_of(const uv_timer_t *t)
{
    for (unsigned i = 0; i < TIMERS; i++) {
        if (timers[i].handle == t)
            return &timers[i];
    }
    failed("a timer that was not opened");
    return NULL;
}

void played_timer_drop(struct played_timer *t)
{
    *t = (struct played_timer){.handle = NULL};
}

struct played_timer *played_timers_next(void)
{
    struct played_timer *next = NULL;

    for (unsigned i = 0; i < TIMERS; i++) {
        if (timers[i].handle && timers[i].active && (!next || timers[i].at_ms < next->at_ms))
            next = &timers[i];
    }
    return next;
}

bool played_timers_empty(void)
{
    for (unsigned i = 0; i < TIMERS; i++) {
        if (timers[i].handle)
            return false;
    }
    return true;
}

void played_timers_wait(uint64_t ms, void (*after_each)(void))
{
    uint64_t until = *clock_ms + ms, last_ms = UINT64_MAX;
    struct played_timer *t;
    unsigned n_at_once = 0;

    while ((t = played_timers_next()) && t->at_ms <= until) {
        if (t->at_ms > *clock_ms)
            *clock_ms = t->at_ms;
        n_at_once = *clock_ms == last_ms ? n_at_once + 1 : 0;
        last_ms = *clock_ms;
        if (n_at_once > AT_ONCE)
            failed("a timer goes off for ever");
        t->active = false;
        t->cb(t->handle);
        if (after_each)
            after_each();
    }
    *clock_ms = until;
}

/* ---- libuv's ---- */

uint64_t uv_now(const uv_loop_t *loop)
{
    (void) loop;
    return *clock_ms;
}

int uv_timer_init(uv_loop_t *loop, uv_timer_t *t)
{
    memset(t, 0, sizeof *t);
    t->loop = loop;
    for (unsigned i = 0; i < TIMERS; i++) {
        if (timers[i].handle)
            continue;
        timers[i] = (struct played_timer){.handle = t};
        return 0;
    }
    failed("too many timers");
    return 0;
}

int uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t ms, uint64_t repeat)
{
    struct played_timer *mine = played_timer_of(t);

    assert_int_equal(repeat, 0);
    mine->cb = cb;
    mine->at_ms = *clock_ms + ms;
    mine->active = true;
    return 0;
}

int uv_timer_stop(uv_timer_t *t)
{
    played_timer_of(t)->active = false;
    return 0;
}

uint64_t uv_timer_get_due_in(const uv_timer_t *t)
{
    const struct played_timer *mine = played_timer_of(t);

    return mine->active && mine->at_ms > *clock_ms ? mine->at_ms - *clock_ms : 0;
}
