/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/bus.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "libagent/core/json/json_iter.h"
#include "libagent/core/json/json_out.h"
#include "libagent/core/log/log.h"
#include "libagent/io/file.h"

enum { POLL_TIMEOUT_MS = 4000, COMM_MAX = 64 };

bool web_bus_is_ready(const struct web_bus *b)
{
    return agent_get_state(b->conn) == AGENT_READY;
}

/* ---- what is monitored ---- */

static void on_monitored(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct web_bus *b = user;

    (void) conn;
    (void) result;
    b->monitoring = status == 0;
    if (status == AGENT_E_REMOTE)
        ag_log(AG_LOG_WARNING, "the agent does not show its traffic: %s; run miio_web as root or the agent's own user", error);
}

static void monitor(struct web_bus *b)
{
    if (!web_bus_is_ready(b))
        return;
    b->monitoring_all = b->wanted_all;
    agent_call(b->conn, NULL, "agent.monitor",
               b->monitoring_all ? "{}" : "{\"keys\":[\"props\",\"prop.*\",\"properties_changed\"]}", POLL_TIMEOUT_MS,
               on_monitored, b);
}

void web_bus_follow(struct web_bus *b, bool polled, bool all)
{
    b->polled = polled;
    b->wanted_all = all;
    if (all != b->monitoring_all)
        monitor(b);
}

static int on_event(agent_request *req, void *user)
{
    struct web_bus *b = user;
    const char *text = agent_request_params(req);

    b->sink->on_event((struct ag_span){text, strlen(text)}, b->user);
    return 0;
}

/* ---- what is asked again and again while somebody watches ---- */

static void put_name(struct ag_json_out *o, struct ag_span pid)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf comm = AG_BUF_INIT;
    char path[48], name[24];
    uint64_t n;

    if (!pid.p || !ag_span_uint(pid, INT32_MAX, &n))
        return;
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/comm", n);
    if (ag_file_read(path, COMM_MAX, &comm) < 0 || ag_buf_size(&comm) < 2)
        return;
    comm.len--; /* the line end */
    snprintf(name, sizeof name, "%" PRIu64, n);
    ag_json_out_name(o, name);
    ag_json_out_text(o, ag_buf_span(&comm));
}

/* {"peers":[..],"names":{"PID":"NAME"}} */
static int put_peers(struct ag_buf *out, struct ag_span peers)
{
    struct ag_json_out o = ag_json_out_begin(out);
    struct ag_json_iter it = ag_json_iter_begin(peers);
    struct ag_span one;

    ag_json_out_open(&o, '{');
    ag_json_out_name(&o, "peers");
    ag_json_out_value(&o);
    ag_json_out_done(&o, ag_json_append_compact(out, peers));
    ag_json_out_name(&o, "names");
    ag_json_out_open(&o, '{');
    while (ag_json_iter_item(&it, &one))
        put_name(&o, ag_json_get(one, "pid"));
    ag_json_out_close(&o, '}');
    ag_json_out_close(&o, '}');
    return ag_json_out_end(&o);
}

/* Null while it is not known. */
static void tell(struct web_bus *b, const char *name, const struct ag_buf *text)
{
    b->sink->on_news(name, ag_buf_size(text) ? ag_buf_span(text) : AG_SPAN("null"), b->user);
}

static void on_peers(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct web_bus *b = user;

    (void) conn;
    (void) error;
    b->asking_peers = false;
    ag_buf_clear(&b->peers);
    if (status == 0 && put_peers(&b->peers, (struct ag_span){result, strlen(result)}) < 0)
        ag_buf_clear(&b->peers);
    tell(b, "peers", &b->peers);
}

static void on_client_status(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct web_bus *b = user;

    (void) conn;
    (void) error;
    b->asking_status = false;
    ag_buf_clear(&b->status);
    if (status == 0 && ag_json_append_compact(&b->status, (struct ag_span){result, strlen(result)}) < 0)
        ag_buf_clear(&b->status);
    tell(b, "status", &b->status);
}

static void ask_status(struct web_bus *b)
{
    if (!b->asking_status && agent_call(b->conn, NULL, "client.status", NULL, POLL_TIMEOUT_MS, on_client_status, b) >= 0)
        b->asking_status = true;
}

void web_bus_poll(struct web_bus *b)
{
    if (!web_bus_is_ready(b))
        return;
    ask_status(b);
    if (!b->asking_peers && agent_call(b->conn, NULL, "agent.peers", NULL, POLL_TIMEOUT_MS, on_peers, b) >= 0)
        b->asking_peers = true;
}

/* ---- the connection ---- */

static void on_info(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct web_bus *b = user;
    struct ag_span you = status == 0 ? ag_json_get((struct ag_span){result, strlen(result)}, "you") : (struct ag_span){NULL, 0};

    (void) conn;
    (void) error;
    if (!you.p || !ag_span_uint(you, UINT64_MAX, &b->you))
        b->you = 0;
}

static void on_state(agent_conn *conn, enum agent_state state, void *user)
{
    struct web_bus *b = user;

    if (state == AGENT_READY) {
        agent_call(conn, NULL, "agent.info", NULL, POLL_TIMEOUT_MS, on_info, b);
        monitor(b);
        if (b->polled)
            web_bus_poll(b);
    } else if (state == AGENT_CONNECTING) {
        ag_buf_clear(&b->status);
        ag_buf_clear(&b->peers);
    }
    b->sink->on_news("agent", state == AGENT_READY ? AG_SPAN("true") : AG_SPAN("false"), b->user);
}

static void on_status(agent_conn *conn, const char *status, void *user)
{
    struct web_bus *b = user;

    (void) conn;
    (void) status;
    if (b->polled && web_bus_is_ready(b))
        ask_status(b);
}

static void on_log(enum agent_log_level level, const char *text, void *user)
{
    static const enum ag_log_level levels[] = {AG_LOG_ERROR, AG_LOG_WARNING, AG_LOG_INFO, AG_LOG_DEBUG};

    (void) user;
    ag_log(levels[level], "agent: %s", text);
}

int web_bus_open(struct web_bus *b, uv_loop_t *loop, const char *address, const struct web_bus_sink *sink, void *user)
{
    int r;

    *b = (struct web_bus){.loop = loop, .sink = sink, .user = user};
    r = agent_new(&b->conn);

    if (r >= 0)
        r = agent_set_log(b->conn, on_log, AGENT_LOG_INFO, b);
    if (r >= 0)
        r = agent_set_on_state(b->conn, on_state, b);
    /* events come because of agent.monitor; the key is where the library looks for a handler */
    if (r >= 0)
        r = agent_subscribe(b->conn, NULL, "agent.event", on_event, b);
    if (r >= 0)
        r = agent_follow_status(b->conn, NULL, on_status, b);
    if (r >= 0)
        r = agent_uv_start(&b->adapter, b->loop, b->conn);
    if (r >= 0) {
        b->adapted = true;
        r = agent_open(b->conn, address);
    }
    return r < 0 ? r : 0;
}

void web_bus_close(struct web_bus *b)
{
    b->closed = true;
    if (!b->conn)
        return;
    agent_close(b->conn);
    if (b->adapted)
        agent_uv_close(&b->adapter, NULL);
    b->conn = agent_unref(b->conn);
}

void web_bus_deinit(struct web_bus *b)
{
    ag_buf_deinit(&b->status);
    ag_buf_deinit(&b->peers);
}

/* ---- a page's own requests ---- */

static int put_failure(struct ag_buf *out, int status)
{
    struct ag_json_out o = ag_json_out_begin(out);

    ag_json_out_open(&o, '{');
    ag_json_out_name(&o, "error");
    ag_json_out_open(&o, '{');
    ag_json_out_name(&o, "code");
    ag_json_out_printf(&o, "%d", status == AGENT_E_TIMEOUT ? AGENT_CODE_ACK_TIMEOUT : AGENT_CODE_NOT_CONNECTED);
    ag_json_out_name(&o, "message");
    ag_json_out_str(&o, agent_strerror(status));
    ag_json_out_close(&o, '}');
    ag_json_out_close(&o, '}');
    return ag_json_out_end(&o);
}

static void on_answer(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct web_request *req = user;
    const char *value = status == 0 ? result : error;
    int r;

    (void) conn;
    if (status == 0 || status == AGENT_E_REMOTE) {
        r = ag_buf_printf(&req->answer, "{\"%s\":", status == 0 ? "result" : "error");
        if (r == 0)
            r = ag_buf_append_str(&req->answer, value);
        if (r == 0)
            r = ag_buf_append_char(&req->answer, '}');
    } else {
        r = put_failure(&req->answer, status);
    }
    if (r < 0)
        web_answer_error(req, 503, "out of memory");
    else
        web_answer(req, 200);
}

void web_bus_ask(struct web_bus *b, struct web_request *req, const char *method, const char *params, unsigned timeout_ms)
{
    int r = b->closed ? -ESHUTDOWN : web_bus_is_ready(b) ? 0 : -ENOTCONN;

    if (r == 0)
        r = agent_call(b->conn, NULL, method, params, timeout_ms, on_answer, req);
    if (r >= 0) {
        web_request_wait(req);
        return;
    }
    if (put_failure(&req->answer, r) < 0)
        web_answer_error(req, 503, "out of memory");
    else
        web_answer(req, 200);
}
