/* The life of a connection object, its settings, and small public helpers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/dispatch.h"
#include "libagent/loop.h"

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

AGENT_API agent_conn *agent_unref(agent_conn *conn)
{
    if (!conn || --conn->refs > conn->held)
        return NULL;
    conn->refs++; /* callbacks that agent_close() runs may use it, even keep it */
    agent_close(conn);
    if (--conn->refs > 0)
        return NULL; /* a callback is on the stack; it goes when that one has returned */
    ag_transport_deinit(&conn->transport);
    ag_conn_free(conn);
    return NULL;
}

AGENT_API void agent_unrefp(agent_conn **conn)
{
    *conn = agent_unref(*conn);
}

AGENT_API int agent_set_encoding(agent_conn *conn, enum agent_encoding encoding)
{
    if (!conn || (unsigned) encoding > AGENT_MSGPACK)
        return -EINVAL;
    if (conn->state != AGENT_CLOSED)
        return -EBUSY;
    conn->encoding = (uint8_t) encoding;
    return 0;
}

AGENT_API int agent_set_on_state(agent_conn *conn, agent_state_fn fn, void *user)
{
    if (!conn)
        return -EINVAL;
    conn->on_state = fn;
    conn->on_state_user = user;
    return 0;
}

AGENT_API int agent_set_log(agent_conn *conn, agent_log_fn fn, enum agent_log_level max_level, void *user)
{
    if (!conn || (unsigned) max_level > AGENT_LOG_DEBUG)
        return -EINVAL;
    conn->log = fn;
    conn->log_max = (uint8_t) max_level;
    conn->log_user = user;
    return 0;
}

AGENT_API int agent_set_reconnect(agent_conn *conn, unsigned first_ms, unsigned max_ms)
{
    if (!conn || first_ms == 0 || max_ms < first_ms)
        return -EINVAL;
    conn->first_pause_ms = conn->pause_ms = first_ms;
    conn->max_pause_ms = max_ms;
    return 0;
}

AGENT_API int agent_set_queue_limit(agent_conn *conn, size_t bytes)
{
    if (!conn || bytes == 0)
        return -EINVAL;
    conn->queue_limit = bytes;
    return 0;
}

AGENT_API int agent_open(agent_conn *conn, const char *address)
{
    struct ag_address_list places = {0};
    int r;

    if (!conn)
        return -EINVAL;
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
    return 0;
}

AGENT_API void agent_close(agent_conn *conn)
{
    if (!conn)
        return;
    ag_conn_enter(conn);
    if (conn->state != AGENT_CLOSED) {
        ag_loop_flush(conn);
        ag_conn_drop_socket(conn);
        conn->state = conn->told_state = AGENT_CLOSED;
    }
    ag_conn_end_calls(conn, &conn->calls, AGENT_E_CANCELED);
    ag_conn_end_calls(conn, &conn->unsent, AGENT_E_CANCELED);
    ag_conn_leave(conn);
}

AGENT_API enum agent_state agent_get_state(agent_conn *conn)
{
    return conn ? (enum agent_state) conn->state : AGENT_CLOSED;
}

AGENT_API int agent_error_code(const char *error)
{
    return ag_error_code(error);
}

AGENT_API const char *agent_strerror(int error)
{
    switch (error) {
    case AGENT_E_LOST:
        return "connection to the agent lost";
    case AGENT_E_TIMEOUT:
        return "no answer in time";
    case AGENT_E_CANCELED:
        return "call ended by closing";
    case AGENT_E_REMOTE:
        return "the other side answered with an error";
    case AGENT_E_PROTOCOL:
        return "not the agent's protocol";
    case AGENT_E_ANSWERED:
        return "request was answered before";
    case AGENT_E_JSON:
        return "not one JSON value in UTF-8";
    default:
        break;
    }
    if (error >= 0)
        return "success";
    return error > -4000 ? strerror(-error) : "unknown error";
}

AGENT_API const char *agent_version(void)
{
    return MIIO_VERSION;
}
