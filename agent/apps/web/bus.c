/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/bus.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "agent/apps/web/core/traffic.h"
#include "agent/apps/web/pages.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/json/json_out.h"
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
