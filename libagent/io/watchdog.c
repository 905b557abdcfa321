/* SPDX-License-Identifier: MIT */
#include "libagent/io/watchdog.h"

#include "libagent/io/daemon.h"

static void on_time(uv_timer_t *timer)
{
    (void) timer;
    ag_daemon_notify("WATCHDOG=1");
}

void ag_watchdog_start(struct ag_watchdog *w, uv_loop_t *loop)
{
    uint64_t period_ms = ag_daemon_watchdog_ms();

    if (period_ms == 0 || w->running)
        return;
    uv_timer_init(loop, &w->timer);
    uv_timer_start(&w->timer, on_time, period_ms, period_ms);
    uv_unref((uv_handle_t *) &w->timer);
    w->running = true;
}

void ag_watchdog_stop(struct ag_watchdog *w)
{
    if (w->running)
        uv_close((uv_handle_t *) &w->timer, NULL);
    w->running = false;
}
