/* SPDX-License-Identifier: MIT */
/*
 * libuv's timers on a clock that only the test moves: what the rigs of this folder have in common. Its symbols stand in for
 * uv_now() and uv_timer_*() in the whole test program; uv_close() is each rig's own.
 */
#ifndef TEST_PLAYED_TIMERS_H
#define TEST_PLAYED_TIMERS_H

#include <stdbool.h>
#include <uv.h>

struct played_timer {
    uv_timer_t *handle; /* NULL: free */
    uv_timer_cb cb;
    uint64_t at_ms;
    bool active;
};

/* Forgets the timers of an earlier test. now_ms is the clock; fail ends the test, with its own words before why. */
void played_timers_begin(uint64_t *now_ms, void (*fail)(const char *why));

/* Fails the test for one that was not opened. */
struct played_timer *played_timer_of(const uv_timer_t *t);
void played_timer_drop(struct played_timer *t);
/* The one that goes off first; NULL: none. */
struct played_timer *played_timers_next(void);
/* None is open. */
bool played_timers_empty(void);

/* Time passes: timers go off in order, after_each (NULL: nothing) follows each. Fails when one goes off for ever. */
void played_timers_wait(uint64_t ms, void (*after_each)(void));

#endif
