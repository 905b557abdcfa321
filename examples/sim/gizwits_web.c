/*
 * GService of the Gizwits stand-in. libmicrohttpd without a thread of its own: its epoll descriptor hangs in
 * the loop. Bodies are key=value&key=value both ways.
 */
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "examples/sim/gizwits_sim.h"

enum { BODY_MAX = 4096 };

struct gzsim_web {
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    int n_closed;
};

struct request {
    struct ag_buf body;
    bool too_long;
};

struct answer {
    int status;
    struct ag_buf body;
    const struct gzsim_firmware *file;
};

static struct ag_span field(const struct request *q, const char *key)
{
    struct ag_span v = {NULL, 0};

    gizwits_http_get(ag_buf_span(&q->body), key, &v);
    return v;
}

static bool is_hex(struct ag_span s, size_t n)
{
    return s.p && s.len == n && strspn(s.p, "0123456789abcdef") >= n;
}

static int web_refuse(struct gzsim *s, struct answer *a, int status, const char *why)
{
    gzsim_refuse(s, "http", why);
    a->status = status;
    return ag_buf_printf(&a->body, "error=%s", why);
}

/* 201 and a new DID. The MAC and the product key have one form only. */
static int post_device(struct gzsim *s, struct request *q, struct answer *a)
{
    struct ag_span passcode = field(q, "passcode"), mac = field(q, "mac"), key = field(q, "product_key");
    char pass[GIZWITS_PASSCODE_MAX + 1], mac_text[13];
    struct gzsim_device *d;

    if (!passcode.p || passcode.len == 0 || passcode.len > GIZWITS_PASSCODE_MAX)
        return web_refuse(s, a, 400, "no usable passcode");
    if (!is_hex(mac, 12))
        return web_refuse(s, a, 400, "mac is not 12 lower-case hex digits");
    if (!key.p || !ag_span_is(key, s->product_key, strlen(s->product_key)))
        return web_refuse(s, a, 404, "unknown product_key");
    snprintf(pass, sizeof pass, "%.*s", (int) passcode.len, passcode.p);
    snprintf(mac_text, sizeof mac_text, "%.*s", (int) mac.len, mac.p);
    d = gzsim_device_add(s, pass, mac_text);
    if (!d)
        return -ENOMEM;
    gzsim_note("register", ",\"did\":\"%s\",\"mac\":\"%s\"", d->did, d->mac);
    a->status = 201;
    return ag_buf_printf(&a->body, "did=%s", d->did);
}

static struct gzsim_device *authorised(struct gzsim *s, struct request *q, struct ag_span did)
{
    struct ag_span passcode = field(q, "passcode");
    struct gzsim_device *d = did.p ? gzsim_device_find(s, did) : NULL;

    return d && passcode.p && ag_span_is(passcode, d->passcode, strlen(d->passcode)) ? d : NULL;
}

static int delete_device(struct gzsim *s, struct request *q, struct answer *a)
{
    struct gzsim_device *d = authorised(s, q, field(q, "did"));

    if (!d)
        return web_refuse(s, a, 404, "no such device, or wrong passcode");
    d->disabled = true;
    if (d->relay)
        gzsim_relay_drop(d->relay);
    if (s->current == d)
        s->current = NULL;
    gzsim_note("disable", ",\"did\":\"%s\"", d->did);
    a->status = 200;
    return 0;
}

static int get_provision(struct gzsim *s, const char *did, struct answer *a)
{
    if (!gzsim_device_find(s, (struct ag_span){did, strlen(did)})) {
        a->status = 404;
        gzsim_note("unknown_did", "%s", "");
        return 0;
    }
    gzsim_note("provision", ",\"did\":\"%s\"", did);
    a->status = 200;
    return ag_buf_printf(&a->body, "host=127.0.0.1&port=%u&server_ts=%lld&log_host=127.0.0.1&log_port=80\r\n",
                         s->mqtt_port, (long long) time(NULL));
}

static int fw_type(struct ag_span v)
{
    if (v.p && ag_span_eq(v, "1"))
        return 1;
    return v.p && ag_span_eq(v, "2") ? 2 : 0;
}

static int post_check_v41(struct gzsim *s, const char *did, struct request *q, struct answer *a)
{
    struct ag_span version = field(q, "soft_version");
    int type = fw_type(field(q, "type"));
    const struct gzsim_firmware *f = type ? &s->firmware[type - 1] : NULL;

    if (!authorised(s, q, (struct ag_span){did, strlen(did)}))
        return web_refuse(s, a, 404, "no such device, or wrong passcode");
    if (!f || !version.p || !field(q, "hard_version").p)
        return web_refuse(s, a, 400, "type, hard_version or soft_version is missing");
    gzsim_note("ota_check", ",\"api\":\"4.1\",\"type\":%d,\"soft_version\":\"%.*s\"", type, (int) version.len,
               version.p);
    if (!f->version[0]) {
        a->status = 204;
        return 0;
    }
    a->status = 200;
    return ag_buf_printf(&a->body, "soft_ver=%s&download_url=http://127.0.0.1:%u/firmware/%d?a=1&b=2",
                         f->version, s->http_port, type);
}

static const char *argument(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, name);
}

static int get_check_v40(struct gzsim *s, struct MHD_Connection *c, struct answer *a)
{
    static const char *const needed[] = {"did",          "product_key",  "type",
                                         "hard_version", "soft_version", "current_fid"};
    const char *did = argument(c, "did"), *type_text = argument(c, "type");
    int type = type_text ? fw_type((struct ag_span){type_text, strlen(type_text)}) : 0;

    for (size_t i = 0; i < ag_array_size(needed); i++)
        if (!argument(c, needed[i]))
            return web_refuse(s, a, 400, "an argument is missing");
    if (!type || !gzsim_device_find(s, (struct ag_span){did, strlen(did)}))
        return web_refuse(s, a, 404, "no such device or type");
    gzsim_note("ota_check", ",\"api\":\"4.0\",\"type\":%d,\"current_fid\":\"%s\"", type,
               argument(c, "current_fid"));
    if (!s->firmware[type - 1].version[0]) {
        a->status = 204;
        return 0;
    }
    a->status = 200;
    return ag_buf_printf(&a->body, "target_fid=%u&download_url=http://127.0.0.1:%u/firmware/%d",
                         s->firmware[type - 1].fid, s->http_port, type);
}

static int get_firmware(struct gzsim *s, const char *name, struct answer *a)
{
    int type = fw_type((struct ag_span){name, strlen(name)});

    if (!type || !s->firmware[type - 1].version[0]) {
        a->status = 404;
        return 0;
    }
    a->status = 200;
    a->file = &s->firmware[type - 1];
    gzsim_note("download", ",\"type\":%d", type);
    return 0;
}

static int serve(struct gzsim *s, struct MHD_Connection *c, const char *url, const char *method,
                 struct request *q, struct answer *a)
{
    bool get = strcmp(method, "GET") == 0, post = strcmp(method, "POST") == 0,
         del = strcmp(method, "DELETE") == 0;
    static const char v41[] = "/dev/ota/v4.1/update_and_check/";

    if (s->down) {
        a->status = 503;
        return 0;
    }
    if (q->too_long)
        return web_refuse(s, a, 413, "body over 4096 bytes");
    if (strcmp(url, "/dev/devices") == 0 && post)
        return post_device(s, q, a);
    if (strcmp(url, "/dev/devices") == 0 && del)
        return delete_device(s, q, a);
    if (strncmp(url, "/dev/devices/", 13) == 0 && get)
        return get_provision(s, url + 13, a);
    if (strncmp(url, v41, sizeof v41 - 1) == 0 && post)
        return post_check_v41(s, url + sizeof v41 - 1, q, a);
    if (strcmp(url, "/dev/ota/target_fid") == 0 && get)
        return get_check_v40(s, c, a);
    if (strncmp(url, "/firmware/", 10) == 0 && get)
        return get_firmware(s, url + 10, a);
    return web_refuse(s, a, 404, "no such resource");
}

static enum MHD_Result respond(struct MHD_Connection *c, const struct answer *a)
{
    const struct ag_buf *body = a->file ? &a->file->bytes : &a->body;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        ag_buf_size(body), (void *) ag_buf_span(body).p, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result r;

    if (!response)
        return MHD_NO;
    if (a->file) {
        MHD_add_response_header(response, "Soft-Version", a->file->version);
        if (a->file->md5[0])
            MHD_add_response_header(response, "Firmware-MD5", a->file->md5);
    }
    r = MHD_queue_response(c, (unsigned) a->status, response);
    MHD_destroy_response(response);
    return r;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_len, void **con_cls)
{
    struct request *q = *con_cls;
    struct answer a = {.status = 500, .body = AG_BUF_INIT};
    enum MHD_Result r = MHD_NO;

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
    if (serve(cls, c, url, method, q, &a) == 0)
        r = respond(c, &a);
    ag_buf_deinit(&a.body);
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

/* ---- in the loop ---- */

static void on_timer(uv_timer_t *t);

static void web_run(struct gzsim_web *w)
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
    web_run(t->data);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    (void) status;
    (void) events;
    web_run(p->data);
}

int gzsim_web_start(struct gzsim *s, uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct gzsim_web *w = calloc(1, sizeof *w);
    const union MHD_DaemonInfo *info;

    if (!w)
        return -ENOMEM;
    w->daemon = MHD_start_daemon(MHD_USE_EPOLL, port, NULL, NULL, on_request, s, MHD_OPTION_SOCK_ADDR, &a,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                                 MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_END);
    if (!w->daemon) {
        free(w);
        return -EADDRINUSE;
    }
    info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_BIND_PORT);
    s->http_port = info ? info->port : port;
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
    struct gzsim_web *w = h->data;

    if (++w->n_closed == 2)
        free(w);
}

void gzsim_web_stop(struct gzsim *s)
{
    if (!s->web)
        return;
    uv_poll_stop(&s->web->poll);
    MHD_stop_daemon(s->web->daemon);
    uv_close((uv_handle_t *) &s->web->poll, on_closed);
    uv_close((uv_handle_t *) &s->web->timer, on_closed);
    s->web = NULL;
}
