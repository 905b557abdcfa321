/* SPDX-License-Identifier: MIT */
/* The life of a connection object, its settings, and small public helpers. */
#include <errno.h>
#include <stdlib.h>
#include "libagent/events.h"

AGENT_API int agent_new(agent_conn **ret_conn)
{
    struct agent_conn *c;
    int r;

    if (!ret_conn)
        return -EINVAL;
    c = ag_conn_new(ag_transport_random(), ag_transport_now_ms, ag_conn_end);
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
        ag_conn_close(conn);
}

AGENT_API enum agent_state agent_get_state(agent_conn *conn)
{
    return ag_conn_check(conn) == 0 ? (enum agent_state) conn->state : AGENT_CLOSED;
}

AGENT_API const char *agent_version(void)
{
    return MIIO_VERSION;
}
