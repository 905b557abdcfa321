/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/bus.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "agent/apps/web/pages.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/log/log.h"
#include "libagent/io/file.h"

enum { POLL_TIMEOUT_MS = 4000, COMM_MAX = 64 };

/* ---- what is monitored ---- */

static void on_monitored(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct web *w = user;

    (void) conn;
    (void) result;
    w->monitoring = status == 0;
    if (status == AGENT_E_REMOTE)
        ag_log(AG_LOG_WARNING, "the agent does not show its traffic: %s; run miio_web as root or the agent's own user", error);
}

void web_bus_monitor(struct web *w)
{
    bool all = web_pages_watch(w);

    if (agent_get_state(w->conn) != AGENT_READY)
        return;
    w->monitoring_all = all;
    agent_call(w->conn, NULL, "agent.monitor", all ? "{}" : "{\"keys\":[\"props\",\"prop.*\",\"properties_changed\"]}",
               POLL_TIMEOUT_MS, on_monitored, w);
}

static int on_event(agent_request *req, void *user)
{
    struct web *w = user;
    const char *text = agent_request_params(req);
    struct ag_span params = {text, strlen(text)};

    web_values_take(&w->values, uv_now(w->loop), web_event_text(params));
    web_pages_event(w, params);
    return 0;
}

/* ---- what is asked again and again while somebody looks ---- */

static int put_name(struct ag_buf *out, bool *first, struct ag_span pid)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf comm = AG_BUF_INIT;
    char path[48];
    uint64_t n;
    int r;

    if (!pid.p || !ag_span_uint(pid, INT32_MAX, &n))
        return 0;
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/comm", n);
    if (ag_file_read(path, COMM_MAX, &comm) < 0 || ag_buf_size(&comm) < 2)
        return 0;
    comm.len--; /* the line end */
    r = ag_buf_printf(out, "%s\"%" PRIu64 "\":", *first ? "" : ",", n);
    *first = false;
    return r == 0 ? ag_buf_append_json_str(out, ag_buf_head(&comm), ag_buf_size(&comm)) : r;
}

/* {"peers":[..],"names":{"PID":"NAME"}} */
static int put_peers(struct ag_buf *out, struct ag_span peers)
{
    struct ag_json_iter it = ag_json_iter_begin(peers);
    struct ag_span one;
    bool first = true;
    int r = ag_buf_append_str(out, "{\"peers\":");

    if (r == 0)
        r = ag_json_append_compact(out, peers);
    if (r == 0)
        r = ag_buf_append_str(out, ",\"names\":{");
    while (r == 0 && ag_json_iter_item(&it, &one))
        r = put_name(out, &first, ag_json_get(one, "pid"));
    return r == 0 ? ag_buf_append_str(out, "}}") : r;
}

static void on_peers(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct web *w = user;

    (void) conn;
    (void) error;
    w->asking_peers = false;
    ag_buf_clear(&w->peers);
    if (status == 0 && put_peers(&w->peers, (struct ag_span){result, strlen(result)}) < 0)
        ag_buf_clear(&w->peers);
    web_pages_send(w, "peers", ag_buf_size(&w->peers) ? ag_buf_span(&w->peers) : AG_SPAN("null"));
}

static void on_client_status(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct web *w = user;

    (void) conn;
    (void) error;
    w->asking_status = false;
    ag_buf_clear(&w->status);
    if (status == 0 && ag_json_append_compact(&w->status, (struct ag_span){result, strlen(result)}) < 0)
        ag_buf_clear(&w->status);
    web_pages_send(w, "status", ag_buf_size(&w->status) ? ag_buf_span(&w->status) : AG_SPAN("null"));
}

static void ask_status(struct web *w)
{
    if (!w->asking_status && agent_call(w->conn, NULL, "client.status", NULL, POLL_TIMEOUT_MS, on_client_status, w) >= 0)
        w->asking_status = true;
}

void web_bus_poll(struct web *w)
{
    if (agent_get_state(w->conn) != AGENT_READY)
        return;
    ask_status(w);
    if (!w->asking_peers && agent_call(w->conn, NULL, "agent.peers", NULL, POLL_TIMEOUT_MS, on_peers, w) >= 0)
        w->asking_peers = true;
}

/* ---- the connection ---- */

static void on_info(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct web *w = user;
    struct ag_span you = status == 0 ? ag_json_get((struct ag_span){result, strlen(result)}, "you") : (struct ag_span){NULL, 0};

    (void) conn;
    (void) error;
    if (!you.p || !ag_span_uint(you, UINT64_MAX, &w->you))
        w->you = 0;
}

static void on_state(agent_conn *conn, enum agent_state state, void *user)
{
    struct web *w = user;

    if (state == AGENT_READY) {
        agent_call(conn, NULL, "agent.info", NULL, POLL_TIMEOUT_MS, on_info, w);
        web_bus_monitor(w);
        if (!ag_list_empty(&w->pages))
            web_bus_poll(w);
    } else if (state == AGENT_CONNECTING) {
        ag_buf_clear(&w->status);
        ag_buf_clear(&w->peers);
    }
    web_pages_send(w, "agent", state == AGENT_READY ? AG_SPAN("true") : AG_SPAN("false"));
}

static void on_status(agent_conn *conn, const char *status, void *user)
{
    struct web *w = user;

    (void) conn;
    snprintf(w->local_status, sizeof w->local_status, "%s", status);
    if (!ag_list_empty(&w->pages) && agent_get_state(w->conn) == AGENT_READY)
        ask_status(w);
}

static void on_log(enum agent_log_level level, const char *text, void *user)
{
    static const enum ag_log_level levels[] = {AG_LOG_ERROR, AG_LOG_WARNING, AG_LOG_INFO, AG_LOG_DEBUG};

    (void) user;
    ag_log(levels[level], "agent: %s", text);
}

int web_bus_open(struct web *w)
{
    int r = agent_new(&w->conn);

    if (r >= 0)
        r = agent_set_log(w->conn, on_log, AGENT_LOG_INFO, w);
    if (r >= 0)
        r = agent_set_on_state(w->conn, on_state, w);
    /* events come because of agent.monitor; the key is where the library looks for a handler */
    if (r >= 0)
        r = agent_subscribe(w->conn, NULL, "agent.event", on_event, w);
    if (r >= 0)
        r = agent_follow_status(w->conn, NULL, on_status, w);
    if (r >= 0)
        r = agent_uv_start(&w->adapter, w->loop, w->conn);
    if (r >= 0) {
        w->adapted = true;
        r = agent_open(w->conn, w->options->agent);
    }
    return r < 0 ? r : 0;
}

void web_bus_close(struct web *w)
{
    if (!w->conn)
        return;
    agent_close(w->conn);
    if (w->adapted)
        agent_uv_close(&w->adapter, NULL);
    w->conn = agent_unref(w->conn);
}

/* ---- a page's own requests ---- */

static int put_failure(struct ag_buf *out, int status)
{
    int code = status == AGENT_E_TIMEOUT ? AGENT_CODE_ACK_TIMEOUT : AGENT_CODE_NOT_CONNECTED;
    const char *text = agent_strerror(status);
    int r = ag_buf_printf(out, "{\"error\":{\"code\":%d,\"message\":", code);

    if (r == 0)
        r = ag_buf_append_json_str(out, text, strlen(text));
    return r == 0 ? ag_buf_append_str(out, "}}") : r;
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

void web_bus_ask(struct web *w, struct web_request *req, const char *method, const char *params, unsigned timeout_ms)
{
    int r = w->stopping ? -ESHUTDOWN : agent_get_state(w->conn) == AGENT_READY ? 0 : -ENOTCONN;

    if (r == 0)
        r = agent_call(w->conn, NULL, method, params, timeout_ms, on_answer, req);
    if (r >= 0) {
        web_request_wait(req);
        return;
    }
    if (put_failure(&req->answer, r) < 0)
        web_answer_error(req, 503, "out of memory");
    else
        web_answer(req, 200);
}
