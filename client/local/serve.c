/* SPDX-License-Identifier: MIT */
#include "client/local/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include "libagent/core/codes.h"
#include "libagent/core/deadline.h"

enum {
    CODE_PARAMS = -5005,
    CODE_CONFIG_FAILED = -33020, /* seen from the original for ble.config_router */
    WAKEUP_IDLE_S = 3600,        /* nothing to do at all: look again after an hour */
    METHOD_MAX = 256,
    METHOD_SHOWN = 64 /* in the log */
};

/* One request under way; everything is borrowed. */
struct serving {
    struct serve *s;
    struct origin from;
    struct ag_span id, params; /* raw; p NULL when absent */
    struct ag_buf *out;        /* the answer */
};

/* Half an answer is no answer; a query without an id is answered, too, as it always was. */
static void serving_end(const struct serving *a, int r)
{
    if (r < 0 || (!a->id.p && a->from.kind != ORIGIN_LOCAL))
        ag_buf_clear(a->out);
}

static int put_string(struct serving *a, const char *method, const char *value)
{
    char text[64];
    int n = snprintf(text, sizeof text, "\"%s\"", value);

    return local_cmd_put_reply(a->out, a->id, method, (struct ag_span){text, (size_t) n});
}

static int put_number(struct serving *a, const char *method, uint64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRIu64, value);

    return local_cmd_put_reply(a->out, a->id, method, (struct ag_span){text, (size_t) n});
}

static int put_ok(struct serving *a, bool ok)
{
    return local_cmd_put_result(a->out, a->id, ok ? "[\"OK\"]" : "[\"ERROR\"]");
}

static int refuse(struct serving *a, int code, const char *why)
{
    return a->id.p ? local_cmd_put_error(a->out, a->id, code, why) : 0;
}

/* The buffer that the text came in is ours and will be reused: keys and tokens are wiped now. */
static void wipe(struct ag_span params)
{
    if (params.p)
        explicit_bzero((void *) (uintptr_t) params.p, params.len);
}

/* ---- suspend ---- */

static unsigned seconds_until(const struct serve *s, uint64_t at_ms)
{
    unsigned left_s = ag_ceil_s(ag_ms_until(at_ms, uv_now(s->env.loop)));

    return left_s < WAKEUP_IDLE_S ? left_s : WAKEUP_IDLE_S;
}

/* Until there is something to do; while the cloud is away that is the next try. 0: busy, ask again later. */
static unsigned wakeup_s(const struct serve *s)
{
    struct serve_work work;

    s->env.host->work(s->env.user, &work);
    return work.busy ? 0 : s->env.host->cloud_wakeup_s(s->env.user, seconds_until(s, work.next_ms));
}

static int serve_suspend(struct serving *a)
{
    char text[40];
    int n = snprintf(text, sizeof text, "{\"wakeup_time\":%u}", wakeup_s(a->s));

    return local_cmd_put_reply(a->out, a->id, "local.resp_suspend", (struct ag_span){text, (size_t) n});
}

/* ---- miIO.* ---- */

const char *serve_model(const struct serve *s)
{
    const char *model = s->env.device->conf->model;

    return model[0] ? model : s->mcu.model;
}

int serve_put_info(struct serve *s, struct ag_buf *out, bool with_token)
{
    const struct device *d = s->env.device;
    struct device_info info = {.model = serve_model(s),
                               .mac = d->conf->mac,
                               .token_hex = d->token_hex,
                               .hw_ver = "Linux",
                               .fw_ver = d->version,
                               .mcu_fw_ver = s->mcu.fw_ver,
                               .life_s = device_life_s(d)};
    struct ag_span told = s->env.host->told_info(s->env.user);

    if (told.len > 0)
        return local_cmd_put_told_info(out, &info, told, with_token);
    net_info_get(s->net, &info);
    return local_cmd_put_info(out, &info, with_token);
}

static int serve_info(struct serving *a)
{
    int r = local_cmd_begin_ok(a->out, a->id);

    /* a LAN peer has proved that it knows the token, the cloud is told it by _otc.info; applications are not */
    if (r == 0)
        r = serve_put_info(a->s, a->out, a->from.kind == ORIGIN_LAN || a->from.kind == ORIGIN_CLOUD);
    return r == 0 ? ag_buf_append_char(a->out, '}') : r;
}

static void take_mcu(struct serve *s, const struct mcu_info *fresh)
{
    const char *model = s->env.device->conf->model;
    bool other = fresh->model[0] && model[0] && strcmp(fresh->model, model) != 0;

    ag_log_gated(s->env.log, uv_now(s->env.loop), AG_LOG_INFO, "MCU: model %s, version %s", fresh->model, fresh->fw_ver);
    if (other)
        ag_log_gated(s->env.log, uv_now(s->env.loop), AG_LOG_WARNING, "the MCU's model is %s, device.conf says %s", fresh->model,
                     model);
    s->mcu = *fresh;
    s->env.host->info_changed(s->env.user);
}

static int serve_mcu_info(struct serving *a)
{
    struct mcu_info fresh = {.model = ""};

    if (!local_cmd_mcu_info(&fresh, a->params))
        return refuse(a, AG_CODE_INVALID_PARAMS, "params must be {\"model\":NAME,\"mcu_fw_ver\":VERSION}");
    if (memcmp(&fresh, &a->s->mcu, sizeof fresh) != 0)
        take_mcu(a->s, &fresh);
    return put_ok(a, true);
}

static int serve_config(struct serving *a)
{
    bool ok = local_cmd_wants_enauth(a->params);

    return put_ok(a, ok && a->s->env.host->trust_owner_only(a->s->env.user) == 0);
}

static int serve_loglevel(struct serving *a)
{
    int level;
    bool ok = local_cmd_loglevel(&level, a->params);

    if (ok)
        ag_log_set_level(level);
    return put_ok(a, ok);
}

static int serve_zone(struct serving *a)
{
    char zone[64];

    return put_ok(a, local_cmd_zone(zone, a->params) && a->s->env.host->set_zone(a->s->env.user, zone) == 0);
}

static int serve_router(struct serving *a)
{
    struct router_params p;
    int r = local_cmd_router_params(&p, a->params);

    wipe(a->params);
    if (r == 0)
        r = a->s->env.host->set_network(a->s->env.user, a->from.kind, &p);
    explicit_bzero(&p, sizeof p);
    if (r == 0)
        return local_cmd_put_result(a->out, a->id, "[\"ok\"]");
    if (r > 0)
        return refuse(a, CODE_PARAMS, local_cmd_router_error(r));
    if (r == -EPERM)
        return refuse(a, AG_CODE_NOT_PERMITTED, "not permitted");
    ag_log_gated(a->s->env.log, uv_now(a->s->env.loop), AG_LOG_ERROR, "config_router: %s", strerror(-r));
    return refuse(a, r == -EBUSY ? AG_CODE_BUSY : CODE_CONFIG_FAILED, r == -EBUSY ? "busy" : "cannot save");
}

static int run_device(struct serve *s, unsigned cmd)
{
    const struct serve_host *host = s->env.host;

    return cmd == LOCAL_CMD_RESTORE ? host->reset(s->env.user) : host->reboot(s->env.user);
}

/* r: what became of a reboot or a reset; id with p NULL: none. */
static int put_device(struct ag_buf *out, struct ag_span id, int r)
{
    if (r == 0)
        return local_cmd_put_result(out, id, "[\"ok\"]");
    if (r == -ENOSYS)
        return local_cmd_put_error(out, id, AG_CODE_NOT_FOUND, "Method not found.");
    if (r == -EBUSY)
        return local_cmd_put_error(out, id, AG_CODE_BUSY, "busy");
    return local_cmd_put_error(out, id, CODE_CONFIG_FAILED, "the owner's files cannot be removed");
}

static int serve_device(struct serving *a, enum local_cmd cmd)
{
    return put_device(a->out, a->id, run_device(a->s, cmd));
}

/* What the client says about itself. Without an id nobody asks. */
static int serve_own(struct serving *a, int (*put)(void *user, struct ag_buf *out))
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    int r;

    if (!a->id.p)
        return 0;
    r = put(a->s->env.user, &b);
    return r == 0 && !ag_buf_cstr(&b) ? -ENOMEM : r < 0 ? r : local_cmd_put_result(a->out, a->id, ag_buf_head(&b));
}

static int serve_log(struct serving *a)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    int r;

    if (!a->id.p)
        return 0;
    r = ag_log_ring_put(ag_log_kept(), local_cmd_log_from(a->params), &b);
    return r == 0 && !ag_buf_cstr(&b) ? -ENOMEM : r < 0 ? r : local_cmd_put_result(a->out, a->id, ag_buf_head(&b));
}

static bool is_helpers(const struct serving *a, struct ag_span method, struct ag_span text, const struct ag_json_view *view)
{
    return a->s->env.host->helper_text(a->s->env.user, (unsigned) a->from.token, method, text, view);
}

static int serve_internal(struct serving *a, struct ag_span method, struct ag_span text, const struct ag_json_view *view)
{
    bool known;

    if (ag_span_eq(method, "_internal.accepted")) /* miio_send_line: has my socket been looked at? */
        return a->id.p ? local_cmd_put_result(a->out, a->id, "[\"ok\"]") : 0;
    known = is_helpers(a, method, text, view);
    wipe(a->params);
    return known ? 0 : refuse(a, AG_CODE_NOT_FOUND, "Method not found.");
}

static int serve_assoc_state(struct serving *a)
{
    unsigned joined, failed;

    a->s->env.host->joins(a->s->env.user, &joined, &failed);
    return local_cmd_put_assoc(a->out, a->id, device_is_online(a->s->env.device), joined, failed);
}

/* ---- dispatch ---- */

static int serve(struct serving *a, enum local_cmd cmd, struct ag_span method, struct ag_span text,
                 const struct ag_json_view *view)
{
    const struct device *d = a->s->env.device;
    const struct serve_host *host = a->s->env.host;

    switch (cmd) {
    case LOCAL_CMD_QUERY_TIME:
        return put_number(a, "local.time", device_best_time(d));
    case LOCAL_CMD_QUERY_STATUS:
        return put_string(a, "local.status", device_state_word(d));
    case LOCAL_CMD_QUERY_COUNTRY:
        return put_string(a, "local.country", device_country(d)[0] ? device_country(d) : "prc");
    case LOCAL_CMD_QUERY_DID:
        return put_number(a, "local.did", d->conf->did);
    case LOCAL_CMD_PREP_SUSPEND:
        return serve_suspend(a);
    case LOCAL_CMD_MCU_INFO:
        return serve_mcu_info(a);
    case LOCAL_CMD_CLIENT_STATUS:
        return serve_own(a, host->put_status);
    case LOCAL_CMD_CLIENT_COUNTERS:
        return serve_own(a, host->put_counters);
    case LOCAL_CMD_CLIENT_LOG:
        return serve_log(a);
    case LOCAL_CMD_CLOUD_STATUS:
        return serve_own(a, host->put_cloud_words);
    case LOCAL_CMD_LOCAL_OTHER:
        if (a->s->env.external_helper && ag_span_eq(method, "local.status") && is_helpers(a, method, text, view))
            return 0;
        return refuse(a, AG_CODE_NOT_MINE, "no such local method");
    case LOCAL_CMD_INTERNAL:
        return serve_internal(a, method, text, view);
    case LOCAL_CMD_INFO:
        return serve_info(a);
    case LOCAL_CMD_CONFIG:
        return serve_config(a);
    case LOCAL_CMD_CONFIG_LOGLEVEL:
        return serve_loglevel(a);
    case LOCAL_CMD_WIFI_ASSOC_STATE:
        return serve_assoc_state(a);
    case LOCAL_CMD_STOP_DIAG_MODE:
        return local_cmd_put_result(a->out, a->id, "[\"ok\"]");
    case LOCAL_CMD_CONFIG_TZ:
        return serve_zone(a);
    case LOCAL_CMD_CONFIG_ROUTER:
    case LOCAL_CMD_BLE_CONFIG_ROUTER:
        return serve_router(a);
    case LOCAL_CMD_REBOOT:
    case LOCAL_CMD_RESTORE:
        return serve_device(a, cmd);
    case LOCAL_CMD_AGENT:
    case LOCAL_CMD_NONE:
        break;
    }
    return refuse(a, AG_CODE_NOT_FOUND, "Method not found.");
}

static bool is_for_applications(enum local_cmd cmd, enum origin_kind from)
{
    return cmd == LOCAL_CMD_NONE || cmd == LOCAL_CMD_AGENT ||
           ((cmd == LOCAL_CMD_REBOOT || cmd == LOCAL_CMD_RESTORE) && from != ORIGIN_LOCAL);
}

static void log_not_permitted(struct serve *s, struct ag_span method)
{
    int shown = method.len < METHOD_SHOWN ? (int) method.len : METHOD_SHOWN;

    s->n_not_permitted++;
    ag_log_gated(s->env.log, uv_now(s->env.loop), AG_LOG_WARNING, "%.*s is not permitted from there", shown, method.p);
}

void serve_init(struct serve *s, const struct serve_env *env)
{
    *s = (struct serve){.env = *env};
}

bool serve_method(struct serve *s, struct origin from, struct ag_span text, const struct ag_json_view *view, struct ag_buf *out,
                  unsigned *tag_out)
{
    struct serving a = {.s = s,
                        .out = out,
                        .from = from,
                        .id = ag_view_raw(view, text.p, AG_M_ID),
                        .params = ag_view_raw(view, text.p, AG_M_PARAMS)};
    char name[METHOD_MAX];
    struct ag_span method;
    enum local_cmd cmd;

    if (!ag_view_str(view, text.p, AG_M_METHOD, name, sizeof name, &method)) {
        s->n_bad_form++;
        serving_end(&a, refuse(&a, AG_CODE_INVALID_REQUEST, "method is not a usable name"));
        return true;
    }
    cmd = local_cmd_find(method);
    if (!local_cmd_permitted(cmd, from.kind)) {
        log_not_permitted(s, method);
        serving_end(&a, refuse(&a, AG_CODE_NOT_PERMITTED, "not permitted"));
        return true;
    }
    if (is_for_applications(cmd, from.kind)) {
        *tag_out = cmd;
        return false;
    }
    serving_end(&a, serve(&a, cmd, method, text, view));
    return true;
}

bool serve_fallback(struct serve *s, unsigned tag, struct ag_buf *out)
{
    int r;

    if (tag != LOCAL_CMD_REBOOT && tag != LOCAL_CMD_RESTORE)
        return false;
    r = run_device(s, tag);
    if (r == -ENOSYS)
        return false;
    if (put_device(out, AG_SPAN("0"), r) < 0)
        ag_buf_clear(out);
    return true;
}
