/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/io/server.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "agent/apps/web/core/ask.h"
#include "agent/apps/web/io/respond.h"
#include "libagent/core/log/log.h"

enum { REAP_MS = 1000 };

/* ---- connections ---- */

/* libmicrohttpd has no call for this, but notices the end of the stream. */
static void conn_kick(struct web_conn *c)
{
    if (c->kicked)
        return;
    c->kicked = true;
    shutdown(c->fd, SHUT_RDWR);
}

static void on_reap(uv_timer_t *t)
{
    struct web_server *s = t->data;
    uint64_t now = uv_now(s->loop);

    if (ag_list_empty(&s->conns)) {
        uv_timer_stop(t);
        return;
    }
    ag_list_for_each (it, &s->conns) {
        struct web_conn *c = ag_list_entry(it, struct web_conn, all);

        if (!c->busy && now - c->since_ms >= WEB_REQUEST_MS)
            conn_kick(c);
    }
}

static void make_room(struct web_server *s)
{
    ag_list_for_each (it, &s->conns) {
        struct web_conn *c = ag_list_entry(it, struct web_conn, all);

        if (!c->busy && !c->kicked) {
            conn_kick(c);
            return;
        }
    }
}

static void conn_open(struct web_server *s, struct MHD_Connection *mhd, void **context)
{
    struct web_conn *c = calloc(1, sizeof *c);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ag_cred cred = {.known = false};

    *context = c;
    if (!c)
        return; /* its requests are refused */
    c->mhd = mhd;
    c->fd = info->connect_fd;
    c->since_ms = uv_now(s->loop);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* events are small, and delays are noticed */
    if (ag_cred_of_tcp(&s->asker, c->fd, &cred) == 0 && cred.known) {
        c->uid_known = true;
        c->uid = cred.uid;
    }
    free(cred.gids);
    if (s->n_conns >= WEB_CONNECTIONS)
        make_room(s);
    ag_list_append(&s->conns, &c->all);
    s->n_conns++;
    if (!uv_is_active((uv_handle_t *) &s->reaper))
        uv_timer_start(&s->reaper, on_reap, REAP_MS, REAP_MS);
}

static void on_connection(void *user, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
    struct web_server *s = user;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        conn_open(s, mhd, context);
    } else if (*context) {
        struct web_conn *c = *context;

        ag_list_del(&c->all);
        s->n_conns--;
        free(c);
        *context = NULL;
    }
}

/* ---- requests ---- */

static void *on_target(void *user, const char *target, struct MHD_Connection *mhd)
{
    struct web_server *s = user;
    struct web_request *req = calloc(1, sizeof *req);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    if (!req)
        return NULL;
    req->pump = &s->pump;
    req->tls = s->tls;
    req->user = s->user;
    req->conn = info->socket_context;
    req->target = strdup(target);
    ag_list_append(&s->requests, &req->all);
    return req;
}

static struct ag_span header(struct MHD_Connection *mhd, const char *name)
{
    const char *text = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name);

    return (struct ag_span){text, text ? strlen(text) : 0};
}

static bool declares_too_much(struct MHD_Connection *mhd)
{
    const char *text = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Content-Length");

    return text && (strlen(text) > 6 || strtoul(text, NULL, 10) > WEB_BODY_MAX);
}

/* The first call for a request: its head has come. */
static void read_head(struct web_request *req, struct MHD_Connection *mhd, const char *method)
{
    req->seen = true;
    req->conn->mhd = mhd;
    req->headers = (struct web_headers){.host = header(mhd, "Host"),
                                        .origin = header(mhd, "Origin"),
                                        .fetch_site = header(mhd, "Sec-Fetch-Site"),
                                        .content_type = header(mhd, "Content-Type")};
    req->cookie = header(mhd, "Cookie");
    web_route_find(&req->route, (struct ag_span){method, strlen(method)}, (struct ag_span){req->target, strlen(req->target)});
    req->secret = req->route.action == WEB_LOGIN || req->route.action == WEB_SETUP;
    req->body.secret = req->secret;
    req->too_large = declares_too_much(mhd);
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *data, size_t *n, void **context)
{
    struct web_server *s = user;
    struct web_request *req = *context;

    (void) url;
    (void) version;
    if (!req || !req->conn || !req->target)
        return MHD_NO;
    if (!req->seen) {
        read_head(req, mhd, method);
        if (req->too_large) {
            web_answer_error(req, 413, "the body is too large");
            return web_respond(req);
        }
        return MHD_YES;
    }
    if (*n > 0) {
        if (ag_buf_size(&req->body) + *n > WEB_BODY_MAX)
            req->too_large = true;
        else if (!req->too_large && ag_buf_append(&req->body, data, *n) < 0)
            return MHD_NO;
        *n = 0;
        return MHD_YES;
    }
    if (req->answered || req->made)
        return web_respond(req);
    req->conn->busy = true;
    if (req->too_large)
        web_answer_error(req, 413, "the body is too large");
    else
        s->handler(req, s->user);
    return req->suspended ? MHD_YES : web_respond(req);
}

static void on_completed(void *user, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
    struct web_server *s = user;
    struct web_request *req = *context;

    (void) mhd;
    (void) code;
    if (!req)
        return;
    if (req->conn) {
        req->conn->busy = false;
        req->conn->since_ms = uv_now(s->loop);
    }
    ag_list_del(&req->all);
    ag_buf_deinit(&req->body);
    if (req->secret)
        ag_buf_wipe(&req->answer);
    ag_buf_deinit(&req->answer);
    free(req->target);
    free(req);
    *context = NULL;
}

/* ---- the whole ---- */

static void on_mhd_log(void *user, const char *format, va_list args)
{
    char text[400];

    (void) user;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    ag_log(AG_LOG_DEBUG, "http: %s", text);
}

static struct MHD_Daemon *start(struct web_server *s, const struct web_server_options *o)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *) (uintptr_t) o->cert_pem},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *) (uintptr_t) o->key_pem},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

    if (o->cert_pem)
        flags |= MHD_USE_TLS;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL,
                            MHD_OPTION_LISTEN_SOCKET, o->listen_fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned) WEB_CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) WEB_STALL_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t) WEB_POOL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_NOTIFY_COMPLETED,
                            on_completed, s, MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_ARRAY,
                            o->cert_pem ? tls : none, MHD_OPTION_END);
}

int web_server_open(struct web_server *s, uv_loop_t *loop, const struct web_server_options *o)
{
    struct MHD_Daemon *mhd;
    int r;

    *s = (struct web_server){
        .loop = loop, .handler = o->handler, .user = o->user, .asker = AG_CRED_ASKER_INIT, .tls = o->cert_pem};
    ag_list_init(&s->conns);
    ag_list_init(&s->requests);
    ag_list_init(&s->streams.all);
    if (o->cert_pem && MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return -ENOTSUP;
    mhd = start(s, o);
    r = mhd ? web_pump_open(&s->pump, loop, mhd) : -EIO;
    if (r < 0)
        return r;
    uv_timer_init(loop, &s->reaper);
    s->reaper.data = s;
    return 0;
}

static bool is_awaited(const struct web_server *s)
{
    ag_list_for_each (it, &s->requests)
        if (ag_list_entry(it, struct web_request, all)->suspended)
            return true;
    return false;
}

static void on_closing(void *user)
{
    struct web_server *s = user;

    if (is_awaited(s))
        return;
    web_streams_end(&s->streams);
    web_pump_end(&s->pump);
    ag_cred_asker_close(&s->asker);
    uv_close((uv_handle_t *) &s->reaper, NULL);
}

void web_server_close(struct web_server *s)
{
    if (s->pump.open && !s->pump.closing)
        web_pump_close(&s->pump, on_closing, s);
}
