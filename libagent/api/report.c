/* SPDX-License-Identifier: MIT */
/* Reports: calls under the names that the clouds know, whose params are put together here. */
#include <errno.h>
#include <string.h>
#include "libagent/api/call.h"

static int send_report(agent_conn *conn, const char *method, const struct ag_value *params, agent_call_fn fn, void *user)
{
    int r = ag_call_check(conn, method);

    return r < 0 ? r : ag_call_report(conn, &(struct ag_request_parts){.method = method, .params = *params}, fn, user);
}

/* params are in the buffer. */
static int send_built(agent_conn *conn, const char *method, struct ag_buf *params, agent_call_fn fn, void *user)
{
    const char *text = ag_buf_cstr(params);

    return text ? send_report(conn, method, &(struct ag_value){.text = text}, fn, user) : -ENOMEM;
}

/* "prop." and a name. 0, -EINVAL, -ENAMETOOLONG. */
static int join(char *out, size_t n, const char *prefix, const char *name)
{
    size_t a = strlen(prefix), b = name ? strlen(name) : 0;

    if (b == 0)
        return -EINVAL;
    if (a + b >= n)
        return -ENAMETOOLONG;
    memcpy(out, prefix, a);
    memcpy(out + a, name, b + 1);
    return 0;
}

AGENT_API int agent_report_props(agent_conn *conn, const char *object, agent_call_fn fn, void *user)
{
    struct ag_value params = {.text = object, .type = AG_JSON_OBJECT};

    return object ? send_report(conn, "props", &params, fn, user) : -EINVAL;
}

AGENT_API int agent_report_prop(agent_conn *conn, const char *name, const char *value, agent_call_fn fn, void *user)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf params = AG_BUF_INIT;
    char method[AGENT_METHOD_MAX + 1];
    int r = conn && value ? join(method, sizeof method, "prop.", name) : -EINVAL;

    if (r == 0)
        r = ag_encode_check_value(value, AG_JSON_NONE);
    if (r == 0)
        r = ag_buf_printf(&params, "[%s]", value);
    return r < 0 ? r : send_built(conn, method, &params, fn, user);
}

AGENT_API int agent_report_event(agent_conn *conn, const char *name, const char *params, agent_call_fn fn, void *user)
{
    char method[AGENT_METHOD_MAX + 1];
    struct ag_value value = {.text = params, .type = AG_JSON_ARRAY};
    int r = conn ? join(method, sizeof method, "event.", name) : -EINVAL;

    return r < 0 ? r : send_report(conn, method, &value, fn, user);
}

static int append_did(struct ag_buf *out, const char *did)
{
    int r = did ? ag_buf_append_str(out, "\"did\":") : 0;

    if (r == 0 && did)
        r = ag_buf_append_json_str(out, did, strlen(did));
    return r == 0 && did ? ag_buf_append_char(out, ',') : r;
}

/* The two MIoT reports differ in their second id, the last member's name and kind, and the array around them. */
struct miot {
    const char *method, *open, *id_name, *value_name, *close;
    enum ag_json_type type;
};

static int report_miot(agent_conn *conn, const struct miot *m, const char *did, unsigned siid, unsigned id, const char *value,
                       agent_call_fn fn, void *user)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf params = AG_BUF_INIT;
    int r = conn && value ? ag_encode_check_value(value, m->type) : -EINVAL;

    if (r == 0)
        r = ag_buf_append_str(&params, m->open);
    if (r == 0)
        r = append_did(&params, did);
    if (r == 0)
        r = ag_buf_printf(&params, "\"siid\":%u,\"%s\":%u,\"%s\":%s%s", siid, m->id_name, id, m->value_name, value, m->close);
    return r < 0 ? r : send_built(conn, m->method, &params, fn, user);
}

AGENT_API int agent_report_property(agent_conn *conn, const char *did, unsigned siid, unsigned piid, const char *value,
                                    agent_call_fn fn, void *user)
{
    static const struct miot form = {"properties_changed", "[{", "piid", "value", "}]", AG_JSON_NONE};

    return report_miot(conn, &form, did, siid, piid, value, fn, user);
}

AGENT_API int agent_report_miot_event(agent_conn *conn, const char *did, unsigned siid, unsigned eiid, const char *arguments,
                                      agent_call_fn fn, void *user)
{
    static const struct miot form = {"event_occured", "{", "eiid", "arguments", "}", AG_JSON_ARRAY};

    return report_miot(conn, &form, did, siid, eiid, arguments ? arguments : "[]", fn, user);
}

AGENT_API int agent_reportf(agent_conn *conn, const char *method, agent_call_fn fn, void *user, const char *format, ...)
{
    struct ag_value params = {.format = format};
    va_list ap;
    int r;

    if (!format)
        return -EINVAL;
    va_start(ap, format);
    params.ap = &ap;
    r = send_report(conn, method, &params, fn, user);
    va_end(ap);
    return r;
}

AGENT_API int agent_set_report_wait(agent_conn *conn, unsigned max_ms)
{
    int r = ag_conn_check(conn);

    if (r == 0)
        conn->report_wait_ms = max_ms;
    return r;
}
