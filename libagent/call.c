/*
 * Calls: a text with an id goes out, and its slot waits for the answer. Without a connection the text waits in the
 * slot, within the call's own timeout.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/encode.h"
#include "libagent/slot.h"

static bool has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Puts the text into the queue, or into the slot while there is no connection. */
static int dispatch_text(struct agent_conn *c, struct agent_slot *slot, struct ag_span text)
{
    int r;

    if (ag_conn_is_up(c) && ag_list_empty(&c->unsent)) {
        r = ag_conn_queue(c, text);
        if (r == 0)
            ag_list_append(&c->calls, &slot->link);
        return r;
    }
    if (c->unsent_bytes + text.len > c->queue_limit)
        return -ENOBUFS;
    r = ag_buf_append_span(&slot->call.unsent, text);
    if (r < 0)
        return r;
    c->unsent_bytes += text.len;
    ag_list_append(&c->unsent, &slot->link);
    return 0;
}

static int start(struct agent_conn *c, struct agent_slot *slot, const struct ag_request_parts *parts,
                 unsigned timeout_ms)
{
    struct ag_request_parts m = *parts;
    struct ag_buf *text = ag_conn_scratch(c);
    int r;

    ag_waits_add(&c->waits, &slot->call.wait, c->now_ms() + (timeout_ms ? timeout_ms : AGENT_CALL_TIMEOUT_MS));
    m.has_id = true;
    m.id = slot->call.wait.id;
    r = ag_encode_request(text, &m);
    if (r == 0)
        r = dispatch_text(c, slot, ag_buf_span(text));
    return r;
}

static int call_with(struct agent_conn *c, struct agent_slot **ret_slot, const struct ag_request_parts *m,
                     unsigned timeout_ms, agent_call_fn fn, void *user)
{
    struct agent_slot *slot = ag_slot_new(c, AG_SLOT_CALL, user);
    int r;

    if (!slot)
        return -ENOMEM;
    slot->call.fn = fn;
    slot->call.local = has_prefix(m->method, "local.") || has_prefix(m->method, "_internal.");
    slot->call.to_apps = m->to != 0;
    r = start(c, slot, m, timeout_ms);
    if (r < 0) {
        agent_slot_unref(slot);
        return r;
    }
    ag_slot_give(slot, ret_slot);
    ag_loop_kick(c);
    return 0;
}

static int notify_with(struct agent_conn *c, const struct ag_request_parts *m)
{
    struct ag_buf *text = ag_conn_scratch(c);
    int r = ag_conn_is_up(c) ? ag_encode_request(text, m) : -ENOTCONN;

    if (r == 0)
        r = ag_conn_queue(c, ag_buf_span(text));
    if (r == 0)
        ag_loop_kick(c);
    return r;
}

static int check_method(agent_conn *conn, const char *method)
{
    if (!conn || !method || !method[0])
        return -EINVAL;
    return strlen(method) > AGENT_METHOD_MAX ? -ENAMETOOLONG : 0;
}

AGENT_API int agent_call(agent_conn *conn, agent_slot **ret_slot, const char *method, const char *params,
                         unsigned timeout_ms, agent_call_fn fn, void *user)
{
    int r = check_method(conn, method);

    if (r < 0)
        return r;
    return call_with(conn, ret_slot, &(struct ag_request_parts){.method = method, .params = params}, timeout_ms, fn,
                     user);
}

AGENT_API int agent_notify(agent_conn *conn, const char *method, const char *params)
{
    int r = check_method(conn, method);

    return r < 0 ? r : notify_with(conn, &(struct ag_request_parts){.method = method, .params = params});
}

AGENT_API int agent_send(agent_conn *conn, agent_slot **ret_slot, uint32_t to, const char *method, const char *params,
                         unsigned timeout_ms, agent_call_fn fn, void *user)
{
    struct ag_request_parts m = {.method = method, .params = params, .to = to};
    int r = to ? check_method(conn, method) : -EINVAL;

    if (r < 0)
        return r;
    if (fn)
        return call_with(conn, ret_slot, &m, timeout_ms, fn, user);
    return ret_slot ? -EINVAL : notify_with(conn, &m);
}

AGENT_API int agent_bind(agent_conn *conn, uint32_t address, agent_request_fn fn, void *user)
{
    int r = 0;

    if (!conn || (address && !fn) || (address & (address - 1)))
        return -EINVAL;
    if (ag_conn_is_up(conn) && (address || conn->address))
        r = ag_conn_queue_bind(conn, address);
    if (r < 0)
        return r;
    conn->address = address;
    conn->on_message = address ? fn : NULL;
    conn->on_message_user = user;
    ag_loop_kick(conn);
    return 0;
}

AGENT_API int agent_set_on_bound(agent_conn *conn, agent_bound_fn fn, void *user)
{
    if (!conn)
        return -EINVAL;
    conn->on_bound = fn;
    conn->on_bound_user = user;
    return 0;
}

/* ---- blocking ---- */

struct sync {
    bool done;
    int status;
    char *text;
};

static void sync_done(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct sync *s = user;
    const char *text = result ? result : error;

    (void) conn;
    s->done = true;
    s->status = status;
    if (text) {
        s->text = strdup(text);
        if (!s->text)
            s->status = -ENOMEM;
    }
}

AGENT_API int agent_call_sync(agent_conn *conn, const char *method, const char *params, unsigned timeout_ms,
                              char **ret_result)
{
    struct sync s = {0};
    agent_slot *slot = NULL;
    int r = check_method(conn, method);

    if (r < 0)
        return r;
    if (conn->processing)
        return -EDEADLK;
    if (conn->state == AGENT_CLOSED)
        return -ENOTCONN;
    r = agent_call(conn, &slot, method, params, timeout_ms, sync_done, &s);
    if (r < 0)
        return r;
    agent_ref(conn);
    while (!s.done) {
        if (ag_conn_is_up(conn) && !conn->dialing) /* the answer cannot be there yet: sleep first */
            agent_wait(conn, -1);
        agent_process(conn);
    }
    agent_slot_unref(slot);
    agent_unref(conn);
    if ((s.status == 0 || s.status == AGENT_E_REMOTE) && ret_result)
        *ret_result = s.text;
    else
        free(s.text);
    return s.status;
}
