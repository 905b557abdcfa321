/* SPDX-License-Identifier: MIT */
/* Between the connection's decisions and its socket: the turn of agent_process(), and how programs wait. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include "libagent/api/timer.h"
#include "libagent/conn/due.h"
#include "libagent/events.h"
#include "libagent/core/deadline.h"

enum { PACKETS_PER_TURN = 32 };

/* ---- connecting ---- */

static void log_refusal(struct agent_conn *c, int r)
{
    char where[128];

    ag_address_print(&c->places.at[c->place], where, sizeof where);
    ag_conn_logf(c, c->refused_before ? AGENT_LOG_DEBUG : AGENT_LOG_INFO, "%s: %s", where, agent_strerror(r));
}

static int came_up(struct agent_conn *c, uint64_t now_ms)
{
    return ag_conn_on_up(c, now_ms) < 0 ? ag_conn_give_up(c, now_ms) : 0;
}

static int dial(struct agent_conn *c, const struct ag_address *at)
{
    bool packets = at->kind == AG_ADDRESS_SEQPACKET;

    return c->seam ? ag_transport_adopt(&c->transport, c->seam->connect(packets, c->seam_user), packets)
                   : ag_transport_connect(&c->transport, at);
}

static int try_places(struct agent_conn *c, uint64_t now_ms)
{
    for (; c->place < c->places.n; c->place++) {
        int r = dial(c, &c->places.at[c->place]);

        if (r == 0)
            return came_up(c, now_ms);
        if (r == 1) {
            c->dialing = true;
            c->timer_ms = now_ms + AG_CONN_CONNECT_WAIT_MS;
            return 0;
        }
        log_refusal(c, r);
    }
    ag_conn_on_refused(c, now_ms);
    return 0;
}

static int connect_step(struct agent_conn *c, uint64_t now_ms)
{
    int r;

    if (!c->read_buf) {
        c->read_buf = malloc(AG_CONN_READ_MAX);
        if (!c->read_buf) {
            ag_conn_on_refused(c, now_ms);
            return 0;
        }
    }
    if (!c->dialing) {
        if (now_ms < c->timer_ms)
            return 0;
        c->place = 0;
        return try_places(c, now_ms);
    }
    r = ag_transport_connect_result(&c->transport);
    if (r == 1) {
        if (now_ms < c->timer_ms)
            return 0;
        ag_transport_close(&c->transport);
        r = -ETIMEDOUT;
    }
    c->dialing = false;
    if (r == 0)
        return came_up(c, now_ms);
    log_refusal(c, r);
    c->place++;
    return try_places(c, now_ms);
}

/* ---- the turn ---- */

/* One read. 1: there may be more, 0: not now or the socket is gone, -ENOMEM. */
static int read_once(struct agent_conn *c, uint64_t now_ms)
{
    uint64_t epoch = c->epoch;
    ssize_t n = ag_transport_recv(&c->transport, c->read_buf, AG_CONN_READ_MAX);
    int r;

    if (n == -EAGAIN || n == -EWOULDBLOCK) {
        c->overdue = 0;
        if (c->write_dead)
            ag_conn_on_down(c, now_ms);
        return 0;
    }
    if (n <= 0) {
        ag_conn_on_down(c, now_ms);
        return 0;
    }
    c->overdue -= (size_t) n < c->overdue ? (size_t) n : c->overdue;
    r = ag_conn_on_bytes(c, c->read_buf, (size_t) n);
    if (c->epoch != epoch)
        return 0;
    if (r == -ENOMEM)
        return ag_conn_give_up(c, now_ms);
    if (r < 0) {
        ag_conn_logf(c, AGENT_LOG_ERROR, "closing: %s", agent_strerror(r));
        ag_conn_on_down(c, now_ms);
        return 0;
    }
    return c->transport.packets || n == AG_CONN_READ_MAX;
}

static int read_step(struct agent_conn *c, uint64_t now_ms)
{
    unsigned turns = c->transport.packets ? PACKETS_PER_TURN : 1;
    int r = 1;

    while (r == 1 && turns-- > 0)
        r = read_once(c, now_ms);
    return r;
}

/*
 * What is found overdue is reported only when all that lay in the socket at that time has been read: the answer may be
 * there, and only we were slow. 1: reading has to go on first.
 */
static int time_step(struct agent_conn *c, uint64_t now_ms)
{
    struct ag_wait *a = ag_waits_first(&c->waits);

    if (c->overdue_ms == 0) {
        if (!a || a->deadline.at_ms > now_ms)
            return 0;
        c->overdue_ms = now_ms;
        c->overdue = ag_conn_is_up(c) ? ag_transport_pending(&c->transport) : 0;
    }
    if (c->overdue > 0 && ag_conn_is_up(c))
        return 1;
    now_ms = c->overdue_ms;
    c->overdue_ms = 0;
    ag_conn_on_time(c, now_ms);
    return 0;
}

static int turn(struct agent_conn *c)
{
    uint64_t now_ms = ag_conn_now(c);
    int r = 0, more;

    ag_conn_tell_log(c);
    ag_conn_tell_state(c);
    ag_conn_run_posts(c);
    if (c->state == AGENT_CONNECTING)
        r = connect_step(c, now_ms);
    if (ag_conn_is_up(c))
        r = read_step(c, now_ms);
    more = time_step(c, now_ms);
    ag_timers_run(c, now_ms);
    ag_conn_tell_ending(c);
    ag_conn_check_ready(c);
    ag_due_flush(c);
    if (c->starved && ag_conn_is_up(c))
        r = ag_conn_give_up(c, now_ms);
    ag_conn_tell_state(c);
    ag_conn_tell_log(c);
    return r < 0 ? r : r | more;
}

AGENT_API int agent_process(agent_conn *conn)
{
    int r = ag_conn_check(conn);

    if (r < 0)
        return r;
    if (ag_conn_in_callback(conn))
        return 0;
    ag_conn_hold(conn);
    conn->processing = true;
    if (ag_transport_take_wake(&conn->transport))
        conn->turn = AG_TURN_DUE;
    else if (conn->turn == AG_TURN_TOLD)
        conn->turn = AG_TURN_NONE;
    r = turn(conn);
    conn->processing = false;
    ag_conn_release(conn);
    return r;
}

AGENT_API int agent_get_fd(agent_conn *conn)
{
    int r = ag_conn_check(conn);

    return r < 0 ? r : conn->transport.epoll_fd;
}

AGENT_API int agent_get_events(agent_conn *conn)
{
    int r = ag_conn_check(conn);

    return r < 0 ? r : 0x001 /* POLLIN: the epoll descriptor itself is only ever readable */;
}

/* Is there something to do that no descriptor shows? */
static bool is_due(const struct agent_conn *c)
{
    return c->told_state != c->state || ag_conn_is_settled(c) || !ag_list_empty(&c->ending) || !ag_lines_empty(&c->lines) ||
           (c->starved && ag_conn_is_up(c));
}

static int own_timeout_ms(const struct agent_conn *c)
{
    uint64_t at, left_ms;

    if (is_due(c))
        return 0;
    at = ag_conn_deadline(c);
    if (at == AG_NEVER)
        return -1;
    left_ms = ag_ms_until(at, ag_conn_now(c));
    return left_ms > INT_MAX ? INT_MAX : (int) left_ms;
}

AGENT_API int agent_get_timeout_ms(agent_conn *conn)
{
    int r = ag_conn_check(conn);

    if (r < 0)
        return r;
    if (conn->turn == AG_TURN_NONE)
        return own_timeout_ms(conn);
    conn->turn = AG_TURN_TOLD; /* agent_process() took a wake-up: its caller gets one more turn */
    return 0;
}

static int sleep_for(struct agent_conn *c, int timeout_ms)
{
    int r;

    if (!c->seam)
        return ag_transport_wait(&c->transport, timeout_ms);
    r = ag_transport_wait(&c->transport, 0);
    return r != 0 ? r : c->seam->wait(timeout_ms, c->seam_user);
}

AGENT_API int agent_wait(agent_conn *conn, int timeout_ms)
{
    int own, r = ag_conn_check(conn);

    if (r < 0)
        return r;
    if (conn->turn != AG_TURN_NONE) {
        conn->turn = AG_TURN_NONE;
        return 1;
    }
    own = own_timeout_ms(conn);
    if (own < 0 || (timeout_ms >= 0 && timeout_ms < own))
        return sleep_for(conn, timeout_ms);
    r = sleep_for(conn, own);
    return r == 0 ? 1 : r; /* a timer is due: that is something to process */
}

AGENT_API void agent_wake(agent_conn *conn)
{
    if (ag_conn_check(conn) == 0)
        ag_transport_wake(&conn->transport);
}

AGENT_API int agent_post(agent_conn *conn, agent_post_fn fn, void *user)
{
    int r = fn ? ag_conn_check(conn) : -EINVAL;

    if (r == 0 && conn->dying)
        r = -ESHUTDOWN;
    if (r == 0 && !ag_posts_put(&conn->posts, fn, user))
        r = -ENOBUFS;
    if (r == 0)
        ag_transport_wake(&conn->transport);
    return r;
}

AGENT_API void agent_stop(agent_conn *conn, int status)
{
    if (ag_conn_check(conn) < 0)
        return;
    atomic_store(&conn->stop_status, status);
    atomic_store(&conn->stopping, true);
    ag_transport_wake(&conn->transport);
}

AGENT_API int agent_run(agent_conn *conn)
{
    int r = ag_conn_check(conn);

    if (r < 0)
        return r;
    if (ag_conn_in_callback(conn))
        return -EDEADLK;
    ag_conn_hold(conn);
    for (;;) {
        r = agent_process(conn); /* short of memory it has dropped the connection, and tries again later */
        if (atomic_exchange(&conn->stopping, false)) {
            r = atomic_load(&conn->stop_status);
            break;
        }
        if (conn->dying) {
            r = AGENT_E_CANCELED;
            break;
        }
        if (r > 0)
            continue;
        r = agent_wait(conn, -1);
        if (r < 0 && r != -EINTR)
            break;
    }
    ag_conn_release(conn);
    return r;
}
