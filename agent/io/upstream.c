/* SPDX-License-Identifier: MIT */
#include "agent/io/upstream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "agent/core/state/text.h"
#include "agent/io/conn.h"
#include "agent/io/conns.h"
#include "libagent/io/access/cred.h"

enum {
    DELAY_MIN_MS = 100,
    DELAY_MAX_MS = 2000,
    CONNECT_MS = 5000, /* until it is connected, and accepted by somebody who is believed */
    LASTED_MS = 5000,  /* a connection that lasted this long was a good one */
    ASK_MIN_MS = 1,
    ASK_MAX_MS = 64
};

static void upstream_try(struct upstream *u);

static void upstream_on_timer(uv_timer_t *timer);

static void upstream_wait(struct upstream *u)
{
    u->state = UPSTREAM_WAITING;
    uv_timer_start(&u->timer, upstream_on_timer, ag_backoff_next(&u->backoff), 0);
}

static void poll_on_closed(uv_handle_t *handle)
{
    free(handle);
}

/* Stops watching the connecting socket; the socket itself stays open. */
static int upstream_release_fd(struct upstream *u)
{
    int fd = u->fd;

    if (u->poll)
        uv_close((uv_handle_t *) u->poll, poll_on_closed);
    u->poll = NULL;
    u->fd = -1;
    return fd;
}

static void upstream_give_up(struct upstream *u)
{
    int fd = upstream_release_fd(u);

    if (fd >= 0)
        close(fd);
    u->failures++;
    upstream_wait(u);
}

static void upstream_failed(struct upstream *u, const char *reason)
{
    char text[AG_ADDR_TEXT_MAX];
    bool said = u->failures > 0 && strncmp(u->said, reason, sizeof u->said - 1) == 0;

    conns_log(u->conns, said ? AG_LOG_DEBUG : AG_LOG_WARNING, "no connection to upstream %s: %s", ag_addr_format(&u->addr, text),
              reason);
    snprintf(u->said, sizeof u->said, "%s", reason);
    upstream_give_up(u);
}

/* Both ends the same: nobody listened and the kernel chose the wanted port for this end. */
static bool is_self(int fd)
{
    struct ag_addr here, there;

    return ag_addr_of_socket(fd, &here) == 0 && ag_addr_of_peer(fd, &there) == 0 && here.kind == AG_ADDR_INET &&
           ag_addr_equal(&here, &there);
}

static void upstream_open(struct upstream *u)
{
    char text[AG_ADDR_TEXT_MAX];
    int one = 1, fd = upstream_release_fd(u), r;

    uv_timer_stop(&u->timer);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    r = conn_open(u->conns, fd, PEER_UPSTREAM, false, &u->conn);
    if (r < 0) {
        upstream_failed(u, strerror(-r));
        return;
    }
    u->state = UPSTREAM_UP;
    u->up_since_ms = conns_now(u->conns);
    u->failures = 0;
    u->conns->router->stats.upstream_connects++;
    conns_log(u->conns, AG_LOG_INFO, "connected to upstream %s", ag_addr_format(&u->addr, text));
}

/* ---- whose is it? ---- */

static int upstream_owner(struct upstream *u, struct ag_cred *cred)
{
    if (u->addr.kind == AG_ADDR_INET)
        return ag_cred_of_tcp(&u->conns->asker, u->fd, cred);
    ag_cred_of_unix(u->fd, cred);
    return cred->known ? 0 : -ENOENT;
}

static bool is_believed(const struct upstream *u, const struct ag_cred *cred)
{
    return ag_access_is_owner(&u->conns->router->access, cred) || (u->user.set && cred->known && cred->uid == u->user.uid);
}

static void upstream_refuse(struct upstream *u, const struct ag_cred *cred, int r)
{
    char text[AG_ADDR_TEXT_MAX];

    u->conns->router->stats.upstream_refused++;
    ag_addr_format(&u->addr, text);
    if (cred->known)
        conns_log(u->conns, AG_LOG_ERROR,
                  "upstream %s is not believed: it belongs to uid %u, not to root, this user or upstream_user", text,
                  (unsigned) cred->uid);
    else
        conns_log(u->conns, AG_LOG_ERROR,
                  "upstream %s is not believed: its user is not known (%s); upstream_user = * believes anyone", text,
                  strerror(-r));
    upstream_give_up(u);
}

static void upstream_ask(struct upstream *u)
{
    struct ag_cred cred = {0};
    int r;

    if (u->user.any) {
        upstream_open(u);
        return;
    }
    r = upstream_owner(u, &cred);
    if (r == -EAGAIN && conns_now(u->conns) < u->until_ms) {
        u->state = UPSTREAM_ASKING;
        uv_timer_start(&u->timer, upstream_on_timer, ag_backoff_next(&u->asks), 0);
    } else if (r == -EAGAIN) {
        upstream_failed(u, "nobody accepts");
    } else if (r == -ENOTCONN) { /* it was there, and has gone */
        u->conns->router->stats.upstream_connects++;
        u->conns->router->stats.upstream_losses++;
        upstream_failed(u, "closed at once");
    } else if (is_believed(u, &cred)) {
        upstream_open(u);
    } else {
        upstream_refuse(u, &cred, r);
    }
    free(cred.gids);
}

static void upstream_connected(struct upstream *u)
{
    if (is_self(u->fd)) {
        u->conns->router->stats.upstream_self_connects++;
        upstream_failed(u, "reached itself, nobody listens");
        return;
    }
    if (u->poll)
        uv_close((uv_handle_t *) u->poll, poll_on_closed);
    u->poll = NULL;
    ag_backoff_init_steady(&u->asks, ASK_MIN_MS, ASK_MAX_MS);
    upstream_ask(u);
}

static void upstream_on_poll(uv_poll_t *poll, int status, int events)
{
    struct upstream *u = poll->data;
    socklen_t len = sizeof(int);
    int error = 0;

    (void) events;
    if (getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (error == 0 && status < 0)
        error = -status;
    if (error)
        upstream_failed(u, strerror(error));
    else
        upstream_connected(u);
}

static int upstream_watch(struct upstream *u)
{
    int r;

    u->poll = calloc(1, sizeof *u->poll);
    if (!u->poll)
        return -ENOMEM;
    r = uv_poll_init(u->conns->loop, u->poll, u->fd);
    if (r < 0) {
        free(u->poll);
        u->poll = NULL;
        return r;
    }
    u->poll->data = u;
    return uv_poll_start(u->poll, UV_WRITABLE, upstream_on_poll);
}

static void upstream_try(struct upstream *u)
{
    const struct ag_addr *a = &u->addr;
    int r;

    u->state = UPSTREAM_CONNECTING;
    u->fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (u->fd < 0) {
        upstream_failed(u, strerror(errno));
        return;
    }
    r = connect(u->fd, (const struct sockaddr *) &a->sa, a->len) < 0 ? errno : 0;
    if (r != 0 && r != EINPROGRESS && r != EAGAIN) {
        upstream_failed(u, strerror(r));
        return;
    }
    r = r == EAGAIN ? -EAGAIN : upstream_watch(u); /* a unix socket whose queue is full */
    if (r < 0) {
        upstream_failed(u, strerror(-r));
        return;
    }
    u->until_ms = conns_now(u->conns) + CONNECT_MS;
    uv_timer_start(&u->timer, upstream_on_timer, CONNECT_MS, 0);
}

static void upstream_on_timer(uv_timer_t *timer)
{
    struct upstream *u = timer->data;

    if (u->state == UPSTREAM_WAITING)
        upstream_try(u);
    else if (u->state == UPSTREAM_ASKING)
        upstream_ask(u);
    else if (u->state == UPSTREAM_CONNECTING)
        upstream_failed(u, "no answer");
    u->conns->turn(u->conns->user);
}

void upstream_init(struct upstream *u, struct conns *s, const struct ag_addr *addr, const struct upstream_user *user)
{
    uint32_t seed = 0;

    *u = (struct upstream){.conns = s, .addr = *addr, .user = *user, .fd = -1};
    uv_timer_init(s->loop, &u->timer);
    u->timer.data = u;
    uv_random(NULL, NULL, &seed, sizeof seed, 0, NULL);
    ag_backoff_init(&u->backoff, DELAY_MIN_MS, 0, DELAY_MAX_MS, seed);
}

void upstream_start(struct upstream *u)
{
    upstream_try(u);
}

void upstream_stop(struct upstream *u)
{
    int fd = upstream_release_fd(u);

    if (fd >= 0)
        close(fd);
    uv_timer_stop(&u->timer);
    u->state = UPSTREAM_OFF;
}

void upstream_close(struct upstream *u)
{
    upstream_stop(u);
    uv_close((uv_handle_t *) &u->timer, NULL);
}

void upstream_lost(struct upstream *u)
{
    u->conn = NULL;
    if (u->state != UPSTREAM_UP)
        return;
    if (conns_now(u->conns) - u->up_since_ms >= LASTED_MS)
        ag_backoff_reset(&u->backoff);
    u->conns->router->stats.upstream_losses++;
    conns_log(u->conns, AG_LOG_WARNING, "connection to upstream lost");
    upstream_wait(u);
}
