/* SPDX-License-Identifier: MIT */
/* The life of a connection object, its settings, and small public helpers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/dispatch.h"
#include "libagent/loop.h"

enum {
    ERRNO_KNOWN = EHWPOISON
}; /* the last of the kernel's (133, 168 on MIPS); for others strerror() may print into memory that threads share */

AGENT_API int agent_new(agent_conn **ret_conn)
{
    struct agent_conn *c;
    int r;

    if (!ret_conn)
        return -EINVAL;
    c = ag_conn_new(ag_transport_random(), ag_transport_now_ms);
    if (!c)
        return -ENOMEM;
    r = ag_transport_init(&c->transport);
    if (r < 0) {
        ag_conn_free(c);
        return r;
    }
    *ret_conn = c;
    return 0;
}

AGENT_API agent_conn *agent_ref(agent_conn *conn)
{
    if (conn)
        conn->refs++;
    return conn;
}

static void close_now(struct agent_conn *c)
{
    ag_conn_hold(c);
    c->closing++;
    if (c->state != AGENT_CLOSED) {
        ag_loop_flush(c);
        ag_conn_drop_socket(c);
        c->state = AGENT_CLOSED;
    }
    c->resting = true;
    c->status_told = false;
    c->status_word[0] = '\0';
    c->overdue_ms = 0;
    ag_conn_end_calls(c, &c->calls, AGENT_E_CANCELED);
    ag_conn_end_calls(c, &c->unsent, AGENT_E_CANCELED);
    ag_conn_run_posts(c);
    ag_conn_tell_state(c);
    ag_conn_tell_log(c);
    c->closing--;
    ag_conn_release(c);
}

AGENT_API agent_conn *agent_unref(agent_conn *conn)
{
    if (!conn || --conn->refs > conn->held)
        return NULL;
    if (!conn->dying) {
        conn->dying = true;
        conn->refs++; /* what runs now may still use it */
        conn->held++;
        if (ag_conn_check(conn) == 0)
            close_now(conn);
        ag_conn_disband(conn);
        conn->held--;
        conn->refs--;
    }
    if (conn->refs > 0)
        return NULL; /* a callback is on the stack, or has taken a reference; it goes with that */
    ag_transport_deinit(&conn->transport);
    if (conn->hooks)
        conn->hooks->gone(conn->clock_user);
    ag_conn_free(conn);
    return NULL;
}

AGENT_API void agent_unrefp(agent_conn **conn)
{
    if (conn)
        *conn = agent_unref(*conn);
}

AGENT_API int agent_set_encoding(agent_conn *conn, enum agent_encoding encoding)
{
    int r = ag_conn_check(conn);

    if (r < 0 || (unsigned) encoding > AGENT_MSGPACK)
        return r < 0 ? r : -EINVAL;
    if (conn->state != AGENT_CLOSED)
        return -EBUSY;
    conn->encoding = (uint8_t) encoding;
    return 0;
}

AGENT_API int agent_set_on_state(agent_conn *conn, agent_state_fn fn, void *user)
{
    int r = ag_conn_check(conn);

    if (r < 0)
        return r;
    conn->on_state = fn;
    conn->on_state_user = user;
    return 0;
}

AGENT_API int agent_set_log(agent_conn *conn, agent_log_fn fn, enum agent_log_level max_level, void *user)
{
    int r = ag_conn_check(conn);

    if (r < 0 || (unsigned) max_level > AGENT_LOG_DEBUG)
        return r < 0 ? r : -EINVAL;
    conn->log = fn;
    conn->log_max = (uint8_t) max_level;
    conn->log_user = user;
    return 0;
}

AGENT_API int agent_set_reconnect(agent_conn *conn, unsigned first_ms, unsigned max_ms)
{
    int r = ag_conn_check(conn);

    if (r < 0 || first_ms == 0 || max_ms < first_ms)
        return r < 0 ? r : -EINVAL;
    conn->first_pause_ms = conn->pause_ms = first_ms;
    conn->max_pause_ms = max_ms;
    return 0;
}

AGENT_API int agent_set_queue_limit(agent_conn *conn, size_t bytes)
{
    int r = ag_conn_check(conn);

    if (r < 0 || bytes == 0)
        return r < 0 ? r : -EINVAL;
    conn->queue_limit = bytes;
    return 0;
}

AGENT_API int agent_open(agent_conn *conn, const char *address)
{
    struct ag_address_list places = {0};
    int r = ag_conn_admit(conn);

    if (r < 0)
        return r;
    if (conn->state != AGENT_CLOSED)
        return -EBUSY;
    r = ag_address_list_fill(&places, address, getenv("MIIO_AGENT"));
    for (unsigned i = 0; r == 0 && i < places.n; i++)
        r = ag_transport_check_address(&places.at[i]);
    if (r < 0)
        return r;
    conn->places = places;
    conn->place = 0;
    conn->state = AGENT_CONNECTING;
    conn->pause_ms = conn->first_pause_ms;
    conn->timer_ms = 0;
    conn->resting = conn->refused_before = conn->answers_claims = false;
    return 0;
}

AGENT_API void agent_close(agent_conn *conn)
{
    if (ag_conn_check(conn) == 0 && conn->closing < AG_CONN_CLOSE_DEPTH)
        close_now(conn);
}

AGENT_API enum agent_state agent_get_state(agent_conn *conn)
{
    return ag_conn_check(conn) == 0 ? (enum agent_state) conn->state : AGENT_CLOSED;
}

AGENT_API int agent_error_code(const char *error)
{
    return ag_error_code(error);
}

AGENT_API const char *agent_strerror(int error)
{
    static const struct {
        int error;
        const char *words;
    } known[] = {
        {AGENT_E_LOST, "connection to the agent lost"},
        {AGENT_E_TIMEOUT, "no answer in time"},
        {AGENT_E_CANCELED, "call ended by closing"},
        {AGENT_E_REMOTE, "the other side answered with an error"},
        {AGENT_E_PROTOCOL, "not the agent's protocol"},
        {AGENT_E_ANSWERED, "request was answered before"},
        {AGENT_E_JSON, "not one JSON value in UTF-8"},
        {AGENT_CODE_METHOD_NOT_FOUND, "nobody serves the method"},
        {AGENT_CODE_INVALID_PARAMS, "params are not as the method wants them"},
        {AGENT_CODE_BUSY, "a queue on the way is full"},
        {AGENT_CODE_NOT_PERMITTED, "refused by access rules"},
        {AGENT_CODE_NOT_CONNECTED, "no upstream connection"},
        {AGENT_CODE_SHUTTING_DOWN, "shutting down"},
        {AGENT_CODE_KEY_TAKEN, "key or address has an owner"},
        {AGENT_CODE_NO_ACK, "upstream did not answer in time"},
        {AGENT_CODE_ACK_TIMEOUT, "application did not answer in time"},
    };

    if (error >= 0)
        return "success";
    for (size_t i = 0; i < ag_array_size(known); i++) {
        if (known[i].error == error)
            return known[i].words;
    }
    return error >= -ERRNO_KNOWN ? strerror(-error) : "unknown error";
}

AGENT_API const char *agent_version(void)
{
    return MIIO_VERSION;
}
