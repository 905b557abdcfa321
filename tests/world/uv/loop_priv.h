/* SPDX-License-Identifier: MIT */
/* The inside of the simulated libuv: a loop of phases in libuv's order over the simulated machine. */
#ifndef WORLD_UV_PRIV_H
#define WORLD_UV_PRIV_H

#include <uv.h>
#include "tests/world/kernel/kernel.h"

enum {
    H_ACTIVE = 1,
    H_CLOSING = 2,
    H_CLOSED = 4,
    H_REF = 8,
    H_READING = 16,
    H_READ_PARTIAL = 32,
    H_READ_EOF = 64,
    H_CONNECTION = 128, /* a listening stream */
    H_BROKEN = 256      /* neither readable nor writable any more */
};

struct child;
struct work;

struct uloop {
    uv_loop_t *loop;
    struct proc *proc;
    uv_handle_t *timers; /* in the order in which they are due: next in heap_node[0] */
    uv__io_t *watchers[FDS_MAX];
    unsigned n_watchers;
    uv__io_t *pending[FDS_MAX]; /* fed: called back in the next pending phase */
    unsigned n_pending;
    uv_handle_t *closing; /* last closed first */
    uv_async_t *asyncs[128];
    unsigned n_asyncs;
    uv_signal_t *signals[32];
    unsigned n_signals;
    void *phases[3][64]; /* idle, prepare, check: last started first */
    unsigned n_phases[3];
    struct child *children;
    struct work *done, *done_last;
    unsigned n_work;
    int n_active; /* handles that are active and not unref'd */
    int n_reqs;
    bool stop;
};

static inline struct uloop *uloop_of(const uv_loop_t *l)
{
    return (struct uloop *) l->internal_fields;
}

void h_init(uv_loop_t *l, uv_handle_t *h, uv_handle_type type);
void h_start(uv_handle_t *h);
void h_stop(uv_handle_t *h);
bool h_is_closing(const uv_handle_t *h);

void io_init(uv__io_t *w, uv__io_cb cb, int fd);
void io_start(uv_loop_t *l, uv__io_t *w, unsigned events);
void io_stop(uv_loop_t *l, uv__io_t *w, unsigned events);
void io_close(uv_loop_t *l, uv__io_t *w);
void io_feed(uv_loop_t *l, uv__io_t *w);
bool io_active(const uv__io_t *w, unsigned events);

int pipe_join(uv_stream_t *s);
void stream_close(uv_stream_t *s);
void stream_finish(uv_stream_t *s);
void udp_close(uv_udp_t *u);
void udp_finish(uv_udp_t *u);

#endif
