/*
 * The HTTP side of the OneNET stand-in: commands, topics, pushes. libmicrohttpd without a thread of its own: its epoll
 * descriptor hangs in the loop. HTTP status is 200 even for errors; errno in the body tells.
 */
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include "client/core/json_iter.h"
#include "examples/sim/onenet_sim.h"

enum { BODY_MAX = 65536, TIMEOUT_MAX_S = 2678400 };
enum { ERRNO_OK = 0, ERRNO_AUTH = 3, ERRNO_ARGUMENT = 4, ERRNO_OFFLINE = 10, ERRNO_UNKNOWN = 6 };

struct onsim_web {
    struct onsim *s;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    int n_handles;
};

struct request {
    struct ag_buf body;
    bool too_long;
};

static int answer_error(struct ag_buf *out, int code, const char *text)
{
    int r = ag_buf_printf(out, "{\"errno\":%d,\"error\":", code);

    if (r == 0)
        r = ag_buf_append_json_str(out, text, strlen(text));
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}

static const char *argument(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, name);
}

/* A decimal argument; max + 1 when it is none. */
static unsigned number(struct MHD_Connection *c, const char *name, unsigned fallback, unsigned max)
{
    const char *text = argument(c, name);
    uint64_t v;

    if (!text)
        return fallback;
    return ag_span_uint((struct ag_span){text, strlen(text)}, max, &v) ? (unsigned) v : max + 1;
}

static int post_command(struct onsim *s, struct MHD_Connection *c, struct request *q, struct ag_buf *out)
{
    const char *id = argument(c, "device_id"), *uuid;
    struct onsim_device *d = id ? onsim_device_find(s, (struct ag_span){id, strlen(id)}) : NULL;
    unsigned qos = number(c, "qos", 0, 1), timeout = number(c, "timeout", 0, TIMEOUT_MAX_S);
    int r;

    if (!d)
        return answer_error(out, ERRNO_UNKNOWN, "no such device");
    if (qos > 1 || timeout > TIMEOUT_MAX_S)
        return answer_error(out, ERRNO_ARGUMENT, "qos or timeout out of range");
    if (q->too_long || ag_buf_size(&q->body) >= BODY_MAX)
        return answer_error(out, ERRNO_ARGUMENT, "command must be shorter than 64 KiB");
    r = onsim_command_add(s, d, ag_buf_span(&q->body), qos == 1, timeout, &uuid);
    if (r == -ENOTCONN)
        return ag_buf_printf(out, "{\"errno\":%d,\"error\":\"device not online: %s\"}", ERRNO_OFFLINE, d->id);
    return r < 0
               ? r
               : ag_buf_printf(out, "{\"errno\":0,\"error\":\"succ\",\"data\":{\"cmd_uuid\":\"%s\"}}", uuid);
}

static int get_command(struct onsim *s, const char *path, struct ag_buf *out)
{
    const char *slash = strchr(path, '/');
    struct ag_span uuid = {path, slash ? (size_t) (slash - path) : strlen(path)};
    struct onsim_command *c = onsim_command_find(s, uuid);

    if (!c)
        return answer_error(out, ERRNO_UNKNOWN, "no such command");
    if (slash && strcmp(slash, "/resp") == 0)
        return ag_buf_append_span(out, ag_buf_span(&c->answer));
    return ag_buf_printf(out, "{\"errno\":0,\"error\":\"succ\",\"data\":{\"status\":%d}}", (int) c->status);
}

static int post_topic(struct onsim *s, struct request *q, struct ag_buf *out)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf name = AG_BUF_INIT;
    struct ag_span body = ag_buf_span(&q->body);
    struct ag_json_view view;
    const char *why;

    if (q->too_long || ag_json_parse(&body, 8, &view) != 0 ||
        json_append_text(&name, json_get(body, "name")) != 0)
        return answer_error(out, ERRNO_ARGUMENT, "body must be {\"name\":...}");
    why = onsim_topic_create(s, ag_buf_span(&name));
    if (why)
        onsim_refuse(s, "http", why);
    return answer_error(out, why ? ERRNO_ARGUMENT : ERRNO_OK, why ? why : "succ");
}

/* QoS 0, to devices that are online now. */
static int post_push(struct onsim *s, struct MHD_Connection *c, struct request *q, struct ag_buf *out)
{
    const char *topic = argument(c, "topic");
    struct ag_span name = {topic, topic ? strlen(topic) : 0};
    int e = onenet_topic_check(name, false);

    if (e != 0)
        return answer_error(out, ERRNO_ARGUMENT, onenet_topic_strerror(e));
    if (q->too_long || ag_buf_size(&q->body) >= BODY_MAX)
        return answer_error(out, ERRNO_ARGUMENT, "body must be shorter than 64 KiB");
    ag_list_for_each (it, &s->devices) {
        struct onsim_device *d = ag_list_entry(it, struct onsim_device, link);

        if (d->relay && onsim_topic_find(&d->subs, name))
            onsim_relay_inject(d->relay, name, ag_buf_span(&q->body));
    }
    onsim_note(s, "push", ",\"topic\":\"%s\",\"bytes\":%zu", topic, ag_buf_size(&q->body));
    return answer_error(out, ERRNO_OK, "succ");
}

static int serve(struct onsim *s, struct MHD_Connection *c, const char *url, const char *method,
                 struct request *q, struct ag_buf *out)
{
    const char *key = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "api-key");
    bool post = strcmp(method, "POST") == 0;

    if (!key || strcmp(key, s->api_key) != 0) {
        onsim_refuse(s, "http", "wrong or missing api-key");
        return answer_error(out, ERRNO_AUTH, "auth failed");
    }
    if (post && strcmp(url, "/cmds") == 0)
        return post_command(s, c, q, out);
    if (!post && strncmp(url, "/cmds/", 6) == 0)
        return get_command(s, url + 6, out);
    if (post && strcmp(url, "/mqtt/topic") == 0)
        return post_topic(s, q, out);
    if (post && strcmp(url, "/mqtt") == 0)
        return post_push(s, c, q, out);
    return answer_error(out, ERRNO_UNKNOWN, "no such resource");
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_len, void **con_cls)
{
    struct onsim *s = cls;
    struct request *q = *con_cls;
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
    struct MHD_Response *response;
    enum MHD_Result r;

    (void) version;
    if (!q) {
        *con_cls = q = calloc(1, sizeof *q);
        return q ? MHD_YES : MHD_NO;
    }
    if (*data_len > 0) {
        q->too_long = q->too_long || ag_buf_size(&q->body) + *data_len > BODY_MAX;
        if (!q->too_long && ag_buf_append(&q->body, data, *data_len) < 0)
            return MHD_NO;
        *data_len = 0;
        return MHD_YES;
    }
    if (serve(s, c, url, method, q, &out) < 0)
        return MHD_NO;
    response = MHD_create_response_from_buffer(ag_buf_size(&out), out.data, MHD_RESPMEM_MUST_COPY);
    r = response ? MHD_queue_response(c, MHD_HTTP_OK, response) : MHD_NO;
    if (response)
        MHD_destroy_response(response);
    return r;
}

static void on_completed(void *cls, struct MHD_Connection *c, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    struct request *q = *con_cls;

    (void) cls;
    (void) c;
    (void) code;
    if (q)
        ag_buf_deinit(&q->body);
    free(q);
}

static void on_timer(uv_timer_t *t);

static void run(struct onsim_web *w)
{
    MHD_UNSIGNED_LONG_LONG ms;

    MHD_run(w->daemon);
    if (MHD_get_timeout(w->daemon, &ms) == MHD_YES)
        uv_timer_start(&w->timer, on_timer, ms, 0);
    else
        uv_timer_stop(&w->timer);
}

static void on_timer(uv_timer_t *t)
{
    run(t->data);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    (void) status;
    (void) events;
    run(p->data);
}

int onsim_web_start(struct onsim *s, uint16_t port, uint16_t *port_out)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct onsim_web *w = calloc(1, sizeof *w);
    const union MHD_DaemonInfo *info;

    if (!w)
        return -ENOMEM;
    w->s = s;
    w->daemon = MHD_start_daemon(MHD_USE_EPOLL, port, NULL, NULL, on_request, s, MHD_OPTION_SOCK_ADDR, &a,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                                 MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_END);
    if (!w->daemon) {
        free(w);
        return -EADDRINUSE;
    }
    info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_BIND_PORT);
    *port_out = info ? info->port : port;
    info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_init(&s->loop, &w->poll, info->epoll_fd);
    uv_timer_init(&s->loop, &w->timer);
    w->poll.data = w->timer.data = w;
    uv_poll_start(&w->poll, UV_READABLE, on_poll);
    s->web = w;
    return 0;
}

static void on_closed(uv_handle_t *h)
{
    struct onsim_web *w = h->data;

    if (++w->n_handles == 2)
        free(w);
}

void onsim_web_stop(struct onsim *s)
{
    if (!s->web)
        return;
    uv_poll_stop(&s->web->poll);
    MHD_stop_daemon(s->web->daemon);
    uv_close((uv_handle_t *) &s->web->poll, on_closed);
    uv_close((uv_handle_t *) &s->web->timer, on_closed);
    s->web = NULL;
}
