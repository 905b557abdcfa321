/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/io/server.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/apps/web/core/ask.h"
#include "agent/apps/web/io/respond.h"
#include "libagent/core/log/log.h"

enum { REAP_MS = 1000 };

/* ---- the loop ---- */

static void schedule(struct web_server *s);

static void pump(struct web_server *s)
{
    if (s->pumping || !s->mhd)
        return;
    s->pumping = true;
    MHD_run(s->mhd);
    s->pumping = false;
    schedule(s);
}

static void finish(struct web_server *s);

static void on_timer(uv_timer_t *t)
{
    struct web_server *s = t->data;

    pump(s);
    if (s->closing)
        finish(s);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    (void) status;
    (void) events;
    pump(p->data);
}

static void schedule(struct web_server *s)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (s->closing)
        return;
    if (MHD_get_timeout(s->mhd, &ms) == MHD_YES)
        uv_timer_start(&s->timer, on_timer, ms, 0);
    else
        uv_timer_stop(&s->timer);
}

/* Something has been resumed: libmicrohttpd goes on in the next turn. */
static void kick(struct web_server *s)
{
    if (!s->pumping && s->open)
        uv_timer_start(&s->timer, on_timer, 0, 0);
}

/* ---- connections ---- */

/* libmicrohttpd has no call for it, but reads the end of the stream. */
static void conn_kick(struct web_server *s, struct web_conn *c)
{
    if (c->kicked)
        return;
    c->kicked = true;
    s->refused++;
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
            conn_kick(s, c);
    }
}

static void make_room(struct web_server *s)
{
    ag_list_for_each (it, &s->conns) {
        struct web_conn *c = ag_list_entry(it, struct web_conn, all);

        if (!c->busy && !c->kicked) {
            conn_kick(s, c);
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
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* events are small and late ones are felt */
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
    req->server = s;
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
    if (req->answered || req->stream)
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

void web_request_wait(struct web_request *req)
{
    req->suspended = true;
    MHD_suspend_connection(req->conn->mhd);
}

void web_answer(struct web_request *req, unsigned status)
{
    req->status = status;
    req->answered = true;
    if (req->suspended) {
        req->suspended = false;
        MHD_resume_connection(req->conn->mhd);
        kick(req->server);
    }
}

void web_answer_error(struct web_request *req, unsigned status, const char *text)
{
    ag_buf_clear(&req->answer);
    if (ag_buf_append_str(&req->answer, "{\"error\":") < 0 || ag_buf_append_json_str(&req->answer, text, strlen(text)) < 0 ||
        ag_buf_append_char(&req->answer, '}') < 0)
        ag_buf_clear(&req->answer);
    req->fixed = NULL;
    req->disposition = NULL;
    req->type = "application/json";
    web_answer(req, status);
}

void web_request_key(const struct web_request *req, unsigned char key[WEB_LIMITER_KEY])
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(req->conn->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *sa = info ? info->client_addr : NULL;

    memset(key, 0, WEB_LIMITER_KEY);
    if (sa && sa->sa_family == AF_INET) {
        memcpy(key, &((const struct sockaddr_in *) (const void *) sa)->sin_addr, 4);
    } else if (sa && sa->sa_family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *) (const void *) sa)->sin6_addr;

        if (IN6_IS_ADDR_V4MAPPED(a))
            memcpy(key, a->s6_addr + 12, 4);
        else
            memcpy(key, a->s6_addr, WEB_LIMITER_KEY);
    }
}

/* ---- streams ---- */

void web_stream_wake(struct web_stream *stream)
{
    if (!stream->suspended)
        return;
    stream->suspended = false;
    MHD_resume_connection(stream->mhd);
    kick(stream->server);
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
    const union MHD_DaemonInfo *info;

    *s = (struct web_server){
        .loop = loop, .handler = o->handler, .user = o->user, .asker = AG_CRED_ASKER_INIT, .tls = o->cert_pem};
    ag_list_init(&s->conns);
    ag_list_init(&s->requests);
    ag_list_init(&s->streams);
    if (o->cert_pem && MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return -ENOTSUP;
    s->mhd = start(s, o);
    if (!s->mhd)
        return -EIO;
    info = MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info || uv_poll_init(loop, &s->poll, info->epoll_fd) < 0) {
        MHD_stop_daemon(s->mhd);
        s->mhd = NULL;
        return -EIO;
    }
    uv_timer_init(loop, &s->timer);
    uv_timer_init(loop, &s->reaper);
    s->poll.data = s->timer.data = s->reaper.data = s;
    s->open = true;
    uv_poll_start(&s->poll, UV_READABLE, on_poll);
    schedule(s);
    return 0;
}

static bool is_awaited(const struct web_server *s)
{
    ag_list_for_each (it, &s->requests)
        if (ag_list_entry(it, struct web_request, all)->suspended)
            return true;
    return false;
}

/* libmicrohttpd cannot stop while a connection is suspended. */
static void finish(struct web_server *s)
{
    if (!s->open || is_awaited(s))
        return;
    s->open = false;
    ag_list_for_each (it, &s->streams)
        web_stream_end(ag_list_entry(it, struct web_stream, all));
    MHD_run(s->mhd); /* what was resumed says its last word */
    MHD_stop_daemon(s->mhd);
    s->mhd = NULL;
    ag_cred_asker_close(&s->asker);
    uv_close((uv_handle_t *) &s->poll, NULL);
    uv_close((uv_handle_t *) &s->timer, NULL);
    uv_close((uv_handle_t *) &s->reaper, NULL);
}

void web_server_close(struct web_server *s)
{
    if (!s->open || s->closing)
        return;
    s->closing = true;
    kick(s);
}
