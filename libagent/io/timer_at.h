/* SPDX-License-Identifier: MIT */
/* A timer that follows a deadline. */
#ifndef AG_TIMER_AT_H
#define AG_TIMER_AT_H

#include <uv.h>
#include "libagent/core/deadline.h"

/* fn once at at_ms of the loop's clock, instead of what was set before; AG_NEVER: not at all. */
static inline void ag_timer_at(uv_timer_t *timer, uv_timer_cb fn, uint64_t at_ms)
{
    if (at_ms == AG_NEVER)
        uv_timer_stop(timer);
    else
        uv_timer_start(timer, fn, ag_ms_until(at_ms, uv_now(timer->loop)), 0);
}

#endif
