/* SPDX-License-Identifier: MIT */
/*
 * The HTTP side: disable, register, provision, and the checks for firmware. A firmware notice has no checksum, only the
 * download has one in a header: it is read before applications are told about the firmware.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/gizwits/gizwits_priv.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/json/json_out.h"

enum { ANSWER_MS = 5000, BODY_MAX = 4096, PEEK_REDIRECTS = 3, MD5_LEN = 32 };

static const char *const form_headers[] = {"Content-Type: application/x-www-form-urlencoded", "Accept:", NULL};

static int web_send(struct gizwits *g, enum ag_http_method method, const char *path, const struct ag_buf *body,
                    void (*on_done)(void *user, const struct ag_http_result *r), void *user, struct ag_http_call **out)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf url = AG_BUF_INIT;
    bool v6 = strchr(g->conf.server.host, ':');
    struct ag_http_request req = {
        .method = method,
        .headers = form_headers,
        .connect_timeout_ms = ANSWER_MS,
        .timeout_ms = 2 * ANSWER_MS,
        .max_body = BODY_MAX,
        .on_done = on_done,
        .user = user,
    };
    int r =
        ag_buf_printf(&url, "http://%s%s%s:%u%s", v6 ? "[" : "", g->conf.server.host, v6 ? "]" : "", g->conf.server.port, path);

    req.url = r == 0 ? ag_buf_cstr(&url) : NULL;
    if (body)
        req.body = ag_buf_span(body);
    return req.url ? ag_http_send(g->http, &req, out) : -ENOMEM;
}

static const char *reason(const struct ag_http_result *r, char *tmp, size_t n)
{
    if (r->end != AG_HTTP_OK)
        return r->why;
    snprintf(tmp, n, "status %d", r->status);
    return tmp;
}

static void log_failure(const struct gizwits *g, const char *what, const struct ag_http_result *r)
{
    char tmp[32];

    ag_log(AG_LOG_WARNING, "gizwits: %s: %s (%s port %u)", what, reason(r, tmp, sizeof tmp), g->conf.server.host,
           g->conf.server.port);
}

/* ---- identity and address ---- */

/* Without this step there is no session. */
static void step_failed(struct gizwits *g, const char *what, const struct ag_http_result *r)
{
    char tmp[32], why[CLOUD_WHY_MAX];

    snprintf(why, sizeof why, "%s: %s", what, reason(r, tmp, sizeof tmp));
    cloud_past_note(&g->past, r->end == AG_HTTP_OK ? CLOUD_LOSS_REGISTER : CLOUD_LOSS_UNREACHABLE, why, uv_now(g->env->loop));
    log_failure(g, what, r);
}

static void on_disabled(void *user, const struct ag_http_result *r)
{
    struct gizwits *g = user;
    bool done = r->end == AG_HTTP_OK && (r->status == 200 || r->status == 404); /* 404: it was gone already */

    g->web = NULL;
    if (!done)
        step_failed(g, "old identity not disabled", r);
    gizwits_do(g, gizwits_session_on_disabled(&g->session, done, uv_now(g->env->loop)));
}

int gizwits_disable(struct gizwits *g)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf body = AG_BUF_INIT;
    int r = gizwits_http_form(&body, (const char *[]){"did", g->store.old_did, "passcode", g->store.old_passcode, NULL});

    return r < 0 ? r : web_send(g, AG_HTTP_DELETE, "/dev/devices", &body, on_disabled, g, &g->web);
}

static void on_registered(void *user, const struct ag_http_result *r)
{
    char did[GIZWITS_DID_MAX + 1];
    struct gizwits *g = user;
    bool ok = r->end == AG_HTTP_OK && r->status == 201 && gizwits_http_parse_did(r->body, did) == 0;

    g->web = NULL;
    if (!ok)
        step_failed(g, "not registered", r);
    gizwits_do(g, gizwits_session_on_registered(&g->session, ok ? did : NULL, uv_now(g->env->loop)));
}

int gizwits_register(struct gizwits *g)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf body = AG_BUF_INIT;
    const char *const form[] = {"passcode", g->store.passcode, "mac", g->conf.mac, "product_key", g->conf.product_key, NULL};
    int r = gizwits_http_form(&body, form);

    return r < 0 ? r : web_send(g, AG_HTTP_POST, "/dev/devices", &body, on_registered, g, &g->web);
}

static void on_provisioned(void *user, const struct ag_http_result *r)
{
    struct gizwits *g = user;
    struct gizwits_m2m m2m;
    enum gizwits_provision how = GIZWITS_PROVISION_FAILED;

    g->web = NULL;
    if (r->end == AG_HTTP_OK && r->status == 200 && gizwits_http_parse_provision(r->body, &m2m) == 0)
        how = GIZWITS_PROVISION_OK;
    else if (r->end == AG_HTTP_OK && r->status == 404)
        how = GIZWITS_PROVISION_UNKNOWN;
    if (how != GIZWITS_PROVISION_OK)
        step_failed(g, "no address of the M2M server", r);
    else if (m2m.server_ts > 0 && g->env->events->time_known)
        g->env->events->time_known(g->env->user, m2m.server_ts);
    gizwits_do(g, gizwits_session_on_provision(&g->session, how, &m2m, uv_now(g->env->loop)));
}

int gizwits_provision(struct gizwits *g)
{
    char path[64];

    snprintf(path, sizeof path, "/dev/devices/%s", g->store.did);
    return web_send(g, AG_HTTP_GET, path, NULL, on_provisioned, g, &g->web);
}

/* ---- firmware ---- */

struct fw_call {
    struct ag_list link;
    struct gizwits *g;
    int type;
    struct gizwits_target target;
    struct ag_http_call *call;
    char md5[MD5_LEN + 1];
};

static struct fw_call *fw_call_new(struct gizwits *g, int type)
{
    struct fw_call *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->g = g;
    c->type = type;
    ag_list_append(&g->fw_calls, &c->link);
    return c;
}

static void fw_call_free(struct fw_call *c)
{
    ag_list_del(&c->link);
    free(c);
}

void gizwits_web_closed(struct gizwits *g)
{
    ag_list_for_each_safe (it, &g->fw_calls)
        fw_call_free(ag_list_entry(it, struct fw_call, link));
}

static void offer(struct gizwits *g, const struct fw_call *c)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct ag_json_out o = ag_json_out_begin(&text);

    ag_json_out_open(&o, '{');
    ag_json_out_name_str(&o, "method", "miIO.ota");
    ag_json_out_name_open(&o, "params", '{');
    ag_json_out_name_str(&o, "app_url", c->target.url);
    ag_json_out_name_str(&o, "file_md5", c->md5);
    ag_json_out_name_str(&o, "proc", "dnld install");
    ag_json_out_name_str(&o, "mode", "normal");
    ag_json_out_name_u64(&o, "gizwits_type", (unsigned) c->type);
    ag_json_out_close(&o, '}');
    ag_json_out_close(&o, '}');
    if (ag_json_out_end(&o) < 0)
        return;
    g->target[c->type - 1] = c->target;
    g->offered = c->type;
    gizwits_send_log(g, GIZWITS_LOG_INFO, "ota", "new firmware");
    g->env->events->command(g->env->user, 0, ag_buf_span(&text), false);
}

/* Only the headers are wanted: another application downloads it. */
static int on_peek_begin(void *user, uint64_t offset, uint64_t total)
{
    struct fw_call *c = user;
    const char *md5 = ag_http_header(c->call, "Firmware-MD5");

    (void) offset;
    (void) total;
    if (md5 && strlen(md5) == MD5_LEN && strspn(md5, "0123456789abcdefABCDEF") == MD5_LEN)
        memcpy(c->md5, md5, MD5_LEN + 1);
    return -ECANCELED;
}

static int on_peek_data(void *user, const void *p, size_t n)
{
    (void) user;
    (void) p;
    (void) n;
    return -ECANCELED;
}

static void on_peeked(void *user, const struct ag_http_result *r)
{
    struct fw_call *c = user;
    struct gizwits *g = c->g;

    if (c->md5[0])
        offer(g, c);
    else if (r->end == AG_HTTP_E_ABORTED)
        ag_log(AG_LOG_WARNING, "gizwits: firmware without Firmware-MD5 is not installed");
    else
        log_failure(g, "firmware is not available", r);
    fw_call_free(c);
}

static void peek(struct gizwits *g, int type, const struct gizwits_target *target)
{
    struct fw_call *c = fw_call_new(g, type);
    struct ag_http_request req = {
        .url = target->url,
        .max_redirects = PEEK_REDIRECTS,
        .on_begin = on_peek_begin,
        .on_data = on_peek_data,
        .on_done = on_peeked,
        .user = c,
    };

    if (!c)
        return;
    c->target = *target;
    if (ag_http_send(g->http, &req, &c->call) < 0) {
        ag_log(AG_LOG_WARNING, "gizwits: cannot ask for firmware");
        fw_call_free(c);
    }
}

static const char *installed_version(const struct gizwits *g, int type)
{
    if (g->conf.soft_version[type - 1])
        return g->conf.soft_version[type - 1];
    if (type == GIZWITS_FW_WIFI && g->soft_version[0])
        return g->soft_version;
    return g->store.version[type - 1];
}

/* The one installed through this cloud, or else the factory's. */
static uint32_t installed_fid(const struct gizwits *g, int type)
{
    return g->store.fid[type - 1] ? g->store.fid[type - 1] : g->conf.factory_fid[type - 1];
}

/* What was installed through this cloud is remembered too: its name there need not be the one the device goes
 * by. */
static bool is_new(const struct gizwits *g, int type, const struct gizwits_target *t)
{
    if (t->version[0])
        return strcmp(t->version, installed_version(g, type)) != 0 && strcmp(t->version, g->store.version[type - 1]) != 0;
    return t->id != installed_fid(g, type);
}

static void on_checked(void *user, const struct ag_http_result *r)
{
    struct fw_call *c = user;
    struct gizwits *g = c->g;
    bool v41 = g->conf.ota == GIZWITS_OTA_V41;

    if (r->end != AG_HTTP_OK)
        log_failure(g, "no answer about firmware", r);
    else if (r->status == 200 && gizwits_http_parse_target(r->body, v41, &c->target) < 0)
        ag_log(AG_LOG_WARNING, "gizwits: answer about firmware not understood");
    else if (r->status == 200 && is_new(g, c->type, &c->target))
        peek(g, c->type, &c->target);
    fw_call_free(c);
}

static int check_v41(struct gizwits *g, struct fw_call *c)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf body = AG_BUF_INIT;
    char path[96], type[2] = {(char) ('0' + c->type), '\0'};
    const char *const form[] = {"passcode",
                                g->store.passcode,
                                "type",
                                type,
                                "hard_version",
                                g->conf.hard_version[c->type - 1],
                                "soft_version",
                                installed_version(g, c->type),
                                NULL};
    int r = gizwits_http_form(&body, form);

    snprintf(path, sizeof path, "/dev/ota/v4.1/update_and_check/%s", g->store.did);
    return r < 0 ? r : web_send(g, AG_HTTP_POST, path, &body, on_checked, c, &c->call);
}

static int check_v40(struct gizwits *g, struct fw_call *c)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf query = AG_BUF_INIT, path = AG_BUF_INIT;
    char type[2] = {(char) ('0' + c->type), '\0'}, fid[16];
    const char *const form[] = {"did",
                                g->store.did,
                                "product_key",
                                g->conf.product_key,
                                "type",
                                type,
                                "hard_version",
                                g->conf.hard_version[c->type - 1],
                                "soft_version",
                                installed_version(g, c->type),
                                "current_fid",
                                fid,
                                NULL};
    int r;

    snprintf(fid, sizeof fid, "%u", installed_fid(g, c->type));
    r = gizwits_http_form(&query, form);
    if (r == 0)
        r = ag_buf_printf(&path, "/dev/ota/target_fid?%.*s", (int) ag_buf_size(&query), ag_buf_head(&query));
    if (r == 0 && !ag_buf_cstr(&path))
        r = -ENOMEM;
    return r < 0 ? r : web_send(g, AG_HTTP_GET, ag_buf_head(&path), NULL, on_checked, c, &c->call);
}

void gizwits_check_firmware(struct gizwits *g, int type)
{
    struct fw_call *c;
    int r;

    if (g->conf.ota == GIZWITS_OTA_OFF || !g->store.did[0])
        return;
    c = fw_call_new(g, type);
    if (!c)
        return;
    r = g->conf.ota == GIZWITS_OTA_V41 ? check_v41(g, c) : check_v40(g, c);
    if (r < 0) {
        ag_log(AG_LOG_WARNING, "gizwits: cannot ask for firmware: %s", strerror(-r));
        fw_call_free(c);
    }
}

void gizwits_on_firmware_v40(struct gizwits *g, const struct gizwits_frame *f)
{
    struct gizwits_target t = {.id = f->fw_id};

    if (g->conf.ota == GIZWITS_OTA_OFF || !is_new(g, f->fw_type, &t))
        return;
    if (!gizwits_url_ok(f->url) || f->url.len > GIZWITS_DOWNLOAD_MAX) {
        g->count.dropped[GIZWITS_E_VALUE]++;
        gizwits_log_dropped(g, "firmware notice", "its address is not http or https");
        return;
    }
    memcpy(t.url, f->url.p, f->url.len);
    peek(g, f->fw_type, &t);
}

void gizwits_watch_report(struct gizwits *g, struct ag_span text)
{
    struct ag_span params, state;
    struct gizwits_target *t;

    if (!g->offered)
        return;
    params = ag_json_get(text, "params");
    state = params.p ? ag_json_get(params, "ota_state") : params;
    if (!state.p || !ag_span_eq(state, "\"installed\""))
        return;
    t = &g->target[g->offered - 1];
    if (t->version[0])
        memcpy(g->store.version[g->offered - 1], t->version, sizeof t->version);
    else
        g->store.fid[g->offered - 1] = t->id;
    g->offered = 0;
    gizwits_save(g);
}
