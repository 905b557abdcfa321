/* SPDX-License-Identifier: MIT */
/* What of libuv is not a timer, random numbers, and how the device is on the network. */
#include "tests/unit/client/client_rig_priv.h"

#include <string.h>
#include <sys/random.h>
#include <uv.h>
#include "client/device/io/net_info.h"
#include "tests/unit/client/played_timers.h"

static uv_prepare_t *prepare;
static uv_prepare_cb on_prepare; /* what each turn of the loop ends with */

enum { CLOSING = 4 };

static struct {
    uv_handle_t *handle;
    uv_close_cb cb;
} closing[CLOSING];
static unsigned n_closing, n_ids;

int uv_gettimeofday(uv_timeval64_t *tv)
{
    *tv = (uv_timeval64_t){.tv_sec = RIG_UNIX + (int64_t) (rig_now_ms() / 1000)};
    return 0;
}

int uv_prepare_init(uv_loop_t *loop, uv_prepare_t *p)
{
    memset(p, 0, sizeof *p);
    p->loop = loop;
    assert_null(prepare);
    prepare = p;
    return 0;
}

int uv_prepare_start(uv_prepare_t *p, uv_prepare_cb cb)
{
    (void) p;
    on_prepare = cb;
    return 0;
}

void rig_turn_end(void)
{
    if (prepare)
        on_prepare(prepare);
}

void uv_close(uv_handle_t *h, uv_close_cb cb)
{
    if (h == (uv_handle_t *) prepare)
        prepare = NULL;
    else
        played_timer_drop(played_timer_of((uv_timer_t *) h));
    assert_true(n_closing < CLOSING);
    closing[n_closing].handle = h;
    closing[n_closing++].cb = cb;
}

/* Ids and tokens that a script can name: numbers of four bytes first begin with 100, then with 500. */
ssize_t getrandom(void *buf, size_t n, unsigned flags)
{
    uint32_t first = n_ids++ == 0 ? 99 : 499;

    (void) flags;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *) buf)[i] = (uint8_t) (17 * i + n_ids);
    if (n == sizeof first)
        memcpy(buf, &first, n);
    return (ssize_t) n;
}

void rig_turn_begin(void)
{
    prepare = NULL;
    n_closing = n_ids = 0;
}

void rig_turn_close(void)
{
    while (n_closing > 0) {
        n_closing--;
        closing[n_closing].cb(closing[n_closing].handle);
    }
}

/* ---- the network's facts: none ---- */

struct net_info {
    void (*closed)(void *user);
    void *user;
};

static struct net_info net;

int net_info_open(struct net_info **out, uv_loop_t *loop, void (*closed)(void *user), void *user)
{
    (void) loop;
    net = (struct net_info){closed, user};
    *out = &net;
    return 0;
}

void net_info_close(struct net_info *n)
{
    if (n)
        n->closed(n->user);
}

void net_info_get(struct net_info *n, struct device_info *out)
{
    (void) n;
    (void) out;
}
