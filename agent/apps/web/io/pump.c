/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/io/pump.h"

#include <errno.h>

static void on_timer(uv_timer_t *t);

static void schedule(struct web_pump *p)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (p->closing)
        return;
    if (MHD_get_timeout(p->mhd, &ms) == MHD_YES)
        uv_timer_start(&p->timer, on_timer, ms, 0);
    else
        uv_timer_stop(&p->timer);
}

static void run(struct web_pump *p)
{
    if (p->running || !p->mhd)
        return;
    p->running = true;
    MHD_run(p->mhd);
    p->running = false;
    schedule(p);
}

static void on_timer(uv_timer_t *t)
{
    struct web_pump *p = t->data;

    run(p);
    if (p->closing && p->open)
        p->on_closing(p->user);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void) status;
    (void) events;
    run(poll->data);
}

int web_pump_open(struct web_pump *p, uv_loop_t *loop, struct MHD_Daemon *mhd)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD);

    *p = (struct web_pump){.mhd = mhd};
    if (!info || uv_poll_init(loop, &p->poll, info->epoll_fd) < 0) {
        MHD_stop_daemon(mhd);
        p->mhd = NULL;
        return -EIO;
    }
    uv_timer_init(loop, &p->timer);
    p->poll.data = p->timer.data = p;
    p->open = true;
    uv_poll_start(&p->poll, UV_READABLE, on_poll);
    schedule(p);
    return 0;
}

void web_pump_kick(struct web_pump *p)
{
    if (!p->running && p->open)
        uv_timer_start(&p->timer, on_timer, 0, 0);
}

void web_pump_close(struct web_pump *p, void (*on_closing)(void *user), void *user)
{
    p->closing = true;
    p->on_closing = on_closing;
    p->user = user;
    web_pump_kick(p);
}

void web_pump_end(struct web_pump *p)
{
    p->open = false;
    MHD_run(p->mhd);
    MHD_stop_daemon(p->mhd);
    p->mhd = NULL;
    uv_close((uv_handle_t *) &p->poll, NULL);
    uv_close((uv_handle_t *) &p->timer, NULL);
}
