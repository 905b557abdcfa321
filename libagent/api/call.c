/* SPDX-License-Identifier: MIT */
/*
 * Calls: a text with an id goes out, and its slot waits for the answer. Without a connection the text waits in the
 * slot, within the call's own timeout.
 */
#include "libagent/api/call.h"

#include <errno.h>
#include <string.h>
#include "libagent/conn/due.h"
#include "libagent/conn/out.h"

static void unhook(struct agent_conn *c, struct agent_slot *slot)
{
    ag_wait_end(&slot->call.wait);
    c->unsent_bytes -= ag_buf_size(&slot->call.unsent);
    ag_buf_deinit(&slot->call.unsent);
}

static struct agent_slot *new_slot(struct agent_conn *c, void *user)
{
    struct agent_slot *slot = ag_slot_new(c, AG_SLOT_CALL, unhook, user);

    if (slot)
        ag_wait_init(&slot->call.wait, AG_WAIT_CALL);
    return slot;
}

void ag_call_end(struct agent_slot *slot, int status, const char *result, const char *error)
{
    struct agent_conn *c = slot->conn;

    ag_conn_enter(c);
    ag_slot_enter(slot);
    ag_slot_end(slot);
    if (slot->call.fn)
        slot->call.fn(c, status, result, error, slot->user);
    if (slot->call.report && status < 0)
        ag_conn_logf(c, AGENT_LOG_WARNING, "a report was given up: %s", agent_strerror(status));
    ag_slot_drop_floating(slot);
    ag_slot_leave(slot);
    ag_conn_leave(c);
}

static bool has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Nothing may overtake what waits already. */
static bool goes_at_once(struct agent_conn *c)
{
    if (!ag_list_empty(&c->unsent) && ag_conn_send_due(c) < 0)
        c->starved = true;
    return ag_conn_is_up(c) && !c->write_dead && ag_list_empty(&c->unsent);
}

static int keep_text(struct agent_conn *c, struct agent_slot *slot, struct ag_span text)
{
    int r = ag_conn_check_form(c, text);

    if (r == 0 && c->unsent_bytes + text.len > c->queue_limit)
        r = -ENOBUFS;
    if (r == 0)
        r = ag_buf_append_span(&slot->call.unsent, text);
    if (r < 0)
        return r;
    c->unsent_bytes += text.len;
    ag_list_append(&c->unsent, &slot->link);
    return 0;
}

/* Puts the text into the queue, or into the slot while there is no connection. */
static int start(struct agent_conn *c, struct agent_slot *slot, const struct ag_request_parts *parts, unsigned timeout_ms)
{
    bool at_once = goes_at_once(c);
    struct ag_request_parts m = *parts;
    struct ag_buf *text = ag_conn_scratch(c);
    int r;

    ag_waits_add(&c->waits, &slot->call.wait, ag_conn_now(c) + (timeout_ms ? timeout_ms : AGENT_CALL_TIMEOUT_MS));
    m.has_id = !slot->call.report;
    m.id = slot->call.wait.id;
    r = ag_encode_request(text, &m);
    if (r < 0 || !at_once)
        return r < 0 ? r : keep_text(c, slot, ag_buf_span(text));
    r = ag_conn_queue(c, ag_buf_span(text));
    if (r == -ENOTCONN) /* the socket failed while sending was tried */
        return keep_text(c, slot, ag_buf_span(text));
    if (r == 0)
        ag_list_append(&c->calls, &slot->link);
    return r;
}

static int start_slot(struct agent_conn *c, struct agent_slot **ret_slot, struct agent_slot *slot,
                      const struct ag_request_parts *m, unsigned timeout_ms)
{
    int r;

    if (!slot)
        return -ENOMEM;
    r = start(c, slot, m, timeout_ms);
    if (r < 0) {
        agent_slot_unref(slot);
        return r;
    }
    ag_slot_give(slot, ret_slot);
    ag_due_kick(c);
    return 0;
}

int ag_call_check(const struct agent_conn *c, const char *method)
{
    int r = ag_conn_admit(c);

    return r < 0 ? r : ag_encode_check_name(method);
}

int ag_call_start(struct agent_conn *c, struct agent_slot **ret_slot, const struct ag_request_parts *m, unsigned timeout_ms,
                  agent_call_fn fn, void *user)
{
    struct agent_slot *slot = new_slot(c, user);

    if (slot) {
        slot->call.fn = fn;
        slot->call.local = has_prefix(m->method, "local.") || has_prefix(m->method, "_internal.");
        slot->call.to_apps = m->to != 0;
    }
    return start_slot(c, ret_slot, slot, m, timeout_ms);
}

static int notify(struct agent_conn *c, const struct ag_request_parts *m)
{
    bool at_once = goes_at_once(c);
    struct ag_buf *text = ag_conn_scratch(c);
    int r = ag_encode_request(text, m);

    if (r == 0 && !at_once)
        r = ag_conn_is_up(c) && !c->write_dead ? -ENOBUFS : -ENOTCONN;
    if (r == 0)
        r = ag_conn_queue(c, ag_buf_span(text));
    if (r == 0)
        ag_due_kick(c);
    return r;
}

int ag_call_report(struct agent_conn *c, const struct ag_request_parts *m, agent_call_fn fn, void *user)
{
    struct agent_slot *slot;

    if (fn)
        return ag_call_start(c, NULL, m, 0, fn, user);
    if (c->report_wait_ms == 0 || goes_at_once(c))
        return notify(c, m);
    slot = new_slot(c, NULL);
    if (slot)
        slot->call.report = true;
    return start_slot(c, NULL, slot, m, c->report_wait_ms);
}

AGENT_API int agent_call(agent_conn *conn, agent_slot **ret_slot, const char *method, const char *params, unsigned timeout_ms,
                         agent_call_fn fn, void *user)
{
    struct ag_request_parts m = {.method = method, .params = {.text = params}};
    int r = fn ? ag_call_check(conn, method) : -EINVAL;

    return r < 0 ? r : ag_call_start(conn, ret_slot, &m, timeout_ms, fn, user);
}

AGENT_API int agent_notify(agent_conn *conn, const char *method, const char *params)
{
    struct ag_request_parts m = {.method = method, .params = {.text = params}};
    int r = ag_call_check(conn, method);

    return r < 0 ? r : notify(conn, &m);
}

AGENT_API int agent_send(agent_conn *conn, agent_slot **ret_slot, uint32_t to, const char *method, const char *params,
                         unsigned timeout_ms, agent_call_fn fn, void *user)
{
    struct ag_request_parts m = {.method = method, .params = {.text = params}, .to = to};
    int r = to && (fn || !ret_slot) ? ag_call_check(conn, method) : -EINVAL;

    if (r < 0)
        return r;
    return fn ? ag_call_start(conn, ret_slot, &m, timeout_ms, fn, user) : notify(conn, &m);
}
