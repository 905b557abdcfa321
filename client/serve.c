/* SPDX-License-Identifier: MIT */
/* The methods that the client answers itself; forms and permissions are client/local/core/local_cmd's. */
#include "client/client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include "libagent/core/codes.h"
#include "libagent/core/log/log.h"
#include "libagent/core/reuse.h"

enum {
    CODE_NO_LOCAL_METHOD = -10000,
    CODE_PARAMS = -5005,
    CODE_CONFIG_FAILED = -33020, /* seen from the original for ble.config_router */
    WAKEUP_IDLE_S = 3600,        /* nothing to do at all: look again after an hour */
    METHOD_MAX = 256,
    METHOD_SHOWN = 64, /* in the log */
    SCRATCH_MAX = 8192
};

/* One request under way; everything is borrowed. */
struct ask {
    struct client *c;
    struct origin from;
    struct ag_span id, params; /* raw; p NULL when absent */
    struct ag_buf out;         /* the answer */
};

static void ask_end(struct ask *a, int r)
{
    bool query = a->from.kind == ORIGIN_LOCAL; /* a query without an id is answered too, as it always was */

    if (r == 0 && ag_buf_size(&a->out) > 0 && (a->id.p || query))
        client_answer_own(a->c, a->from, ag_buf_span(&a->out));
    ag_scratch_give(&a->c->scratch, &a->out, SCRATCH_MAX);
}

static int put_string(struct ask *a, const char *method, const char *value)
{
    char text[64];
    int n = snprintf(text, sizeof text, "\"%s\"", value);

    return local_cmd_put_reply(&a->out, a->id, method, (struct ag_span){text, (size_t) n});
}

static int put_number(struct ask *a, const char *method, uint64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRIu64, value);

    return local_cmd_put_reply(&a->out, a->id, method, (struct ag_span){text, (size_t) n});
}

static int put_ok(struct ask *a, bool ok)
{
    return local_cmd_put_result(&a->out, a->id, ok ? "[\"OK\"]" : "[\"ERROR\"]");
}

static int refuse(struct ask *a, int code, const char *why)
{
    return a->id.p ? local_cmd_put_error(&a->out, a->id, code, why) : 0;
}

/* Whatever buffer a text came in is ours, and will be written over: keys and tokens do not wait for that. */
static void wipe(struct ag_span params)
{
    if (params.p)
        explicit_bzero((void *) (uintptr_t) params.p, params.len);
}

/* ---- suspend ---- */

/* The seconds from now until a deadline, begun ones whole; UINT64_MAX is never. */
static unsigned seconds_until(const struct client *c, uint64_t at_ms)
{
    uint64_t now_ms = uv_now(c->loop), left_ms = at_ms > now_ms ? at_ms - now_ms : 0;

    return left_ms >= WAKEUP_IDLE_S * 1000 ? WAKEUP_IDLE_S : (unsigned) ((left_ms + 999) / 1000);
}

/* Until the next thing to do, also while the cloud is away: then that is the next try. 0: busy, ask again later. */
static unsigned wakeup_s(const struct client *c)
{
    uint64_t deadlines[] = {reports_next_deadline(&c->reports), setup_link_next_deadline(&c->setup)};
    unsigned s = WAKEUP_IDLE_S, next_s;

    if (c->commands.n_open > 0 || reports_is_busy(&c->reports) || setup_is_busy(&c->setup.machine))
        return 0;
    for (size_t i = 0; i < ag_array_size(deadlines); i++) {
        next_s = seconds_until(c, deadlines[i]);
        s = next_s < s ? next_s : s;
    }
    return cloud_links_wakeup_s(&c->clouds, s);
}

static int serve_suspend(struct ask *a)
{
    char text[40];
    int n = snprintf(text, sizeof text, "{\"wakeup_time\":%u}", wakeup_s(a->c));

    return local_cmd_put_reply(&a->out, a->id, "local.resp_suspend", (struct ag_span){text, (size_t) n});
}

/* ---- miIO.* ---- */

int client_device_info(struct client *c, struct ag_buf *out, bool with_token)
{
    struct device_info info = {.model = c->device.conf->model[0] ? c->device.conf->model : c->mcu.model,
                               .mac = c->device.conf->mac,
                               .token_hex = c->device.token_hex,
                               .hw_ver = "Linux",
                               .fw_ver = c->device.version,
                               .mcu_fw_ver = c->mcu.fw_ver,
                               .life_s = device_life_s(&c->device)};
    struct ag_span told = ag_buf_span(&c->setup.info);

    if (told.len > 0)
        return local_cmd_put_told_info(out, &info, told, with_token);
    net_info_get(c->net, &info);
    return local_cmd_put_info(out, &info, with_token);
}

static int serve_info(struct ask *a)
{
    int r = local_cmd_begin_ok(&a->out, a->id);

    /* a LAN peer has proved that it knows the token, the cloud is told it by _otc.info; applications are not */
    if (r == 0)
        r = client_device_info(a->c, &a->out, a->from.kind == ORIGIN_LAN || a->from.kind == ORIGIN_CLOUD);
    return r == 0 ? ag_buf_append_char(&a->out, '}') : r;
}

static int serve_mcu_info(struct ask *a)
{
    struct client *c = a->c;
    struct mcu_info fresh = {.model = ""};

    if (!local_cmd_mcu_info(&fresh, a->params))
        return refuse(a, -32602, "params must be {\"model\":NAME,\"mcu_fw_ver\":VERSION}");
    if (memcmp(&fresh, &c->mcu, sizeof fresh) != 0) {
        ag_log(AG_LOG_INFO, "MCU: model %s, version %s", fresh.model, fresh.fw_ver);
        if (fresh.model[0] && c->device.conf->model[0] && strcmp(fresh.model, c->device.conf->model) != 0)
            ag_log(AG_LOG_WARNING, "the MCU is of model %s, device.conf says %s", fresh.model, c->device.conf->model);
        c->mcu = fresh;
        cloud_links_info_changed(&c->clouds);
    }
    return put_ok(a, true);
}

static int serve_config(struct ask *a)
{
    bool ok = local_cmd_wants_enauth(a->params);

    return put_ok(a, ok && setup_link_trust_owner_only(&a->c->setup) == 0);
}

static int serve_loglevel(struct ask *a)
{
    int level;
    bool ok = local_cmd_loglevel(&level, a->params);

    if (ok)
        ag_log_set_level(level);
    return put_ok(a, ok);
}

static int serve_zone(struct ask *a)
{
    char zone[64];

    return put_ok(a, local_cmd_zone(zone, a->params) && setup_link_zone(&a->c->setup, zone) == 0);
}

static int serve_router(struct ask *a)
{
    struct router_params p;
    int r = local_cmd_router_params(&p, a->params);

    wipe(a->params);
    if (r == 0)
        r = setup_link_network(&a->c->setup, a->from.kind, &p);
    explicit_bzero(&p, sizeof p);
    if (r == 0)
        return local_cmd_put_result(&a->out, a->id, "[\"ok\"]");
    if (r > 0)
        return refuse(a, CODE_PARAMS, local_cmd_router_error(r));
    if (r == -EPERM)
        return refuse(a, AG_CODE_NOT_PERMITTED, "not permitted");
    ag_log(AG_LOG_ERROR, "config_router: %s", strerror(-r));
    return refuse(a, r == -EBUSY ? AG_CODE_BUSY : CODE_CONFIG_FAILED, r == -EBUSY ? "busy" : "cannot save");
}

static int run_device(struct client *c, unsigned cmd)
{
    return cmd == LOCAL_CMD_RESTORE ? setup_link_reset(&c->setup) : setup_link_reboot(&c->setup);
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

static int serve_device(struct ask *a, enum local_cmd cmd)
{
    return put_device(&a->out, a->id, run_device(a->c, cmd));
}

/* What the client says of itself. Without an id nobody asks. */
static int serve_own(struct ask *a, int (*put)(const struct client *c, struct ag_buf *out))
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    int r;

    if (!a->id.p)
        return 0;
    r = put(a->c, &b);
    return r == 0 && !ag_buf_cstr(&b) ? -ENOMEM : r < 0 ? r : local_cmd_put_result(&a->out, a->id, ag_buf_head(&b));
}

static int put_cloud_words(const struct client *c, struct ag_buf *out)
{
    return cloud_links_put_words(&c->clouds, out);
}

static int serve_log(struct ask *a)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    int r;

    if (!a->id.p)
        return 0;
    r = ag_log_ring_put(ag_log_kept(), local_cmd_log_from(a->params), &b);
    return r == 0 && !ag_buf_cstr(&b) ? -ENOMEM : r < 0 ? r : local_cmd_put_result(&a->out, a->id, ag_buf_head(&b));
}

static int serve_internal(struct ask *a, struct ag_span method, struct ag_span text, const struct ag_json_view *view)
{
    bool known;

    if (ag_span_eq(method, "_internal.accepted")) /* miio_send_line: has my socket been looked at? */
        return a->id.p ? local_cmd_put_result(&a->out, a->id, "[\"ok\"]") : 0;
    known = setup_link_helper_text(&a->c->setup, (unsigned) a->from.token, method, text, view);
    wipe(a->params);
    return known ? 0 : refuse(a, AG_CODE_NOT_FOUND, "Method not found.");
}

static int serve_assoc_state(struct ask *a)
{
    const struct client *c = a->c;

    return local_cmd_put_assoc(&a->out, a->id, device_is_online(&c->device), c->setup.machine.n_joined,
                               c->setup.machine.n_failed);
}

/* ---- dispatch ---- */

static int serve(struct ask *a, enum local_cmd cmd, struct ag_span method, struct ag_span text, const struct ag_json_view *view)
{
    struct client *c = a->c;

    switch (cmd) {
    case LOCAL_CMD_QUERY_TIME:
        return put_number(a, "local.time", device_best_time(&c->device));
    case LOCAL_CMD_QUERY_STATUS:
        return put_string(a, "local.status", device_state_word(&c->device));
    case LOCAL_CMD_QUERY_COUNTRY:
        return put_string(a, "local.country", device_country(&c->device)[0] ? device_country(&c->device) : "prc");
    case LOCAL_CMD_QUERY_DID:
        return put_number(a, "local.did", c->device.conf->did);
    case LOCAL_CMD_PREP_SUSPEND:
        return serve_suspend(a);
    case LOCAL_CMD_MCU_INFO:
        return serve_mcu_info(a);
    case LOCAL_CMD_CLIENT_STATUS:
        return serve_own(a, client_put_status);
    case LOCAL_CMD_CLIENT_COUNTERS:
        return serve_own(a, client_put_counters);
    case LOCAL_CMD_CLIENT_LOG:
        return serve_log(a);
    case LOCAL_CMD_CLOUD_STATUS:
        return serve_own(a, put_cloud_words);
    case LOCAL_CMD_LOCAL_OTHER:
        if (c->options.external_helper && ag_span_eq(method, "local.status") &&
            setup_link_helper_text(&c->setup, (unsigned) a->from.token, method, text, view))
            return 0;
        return refuse(a, CODE_NO_LOCAL_METHOD, "no such local method");
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
        return local_cmd_put_result(&a->out, a->id, "[\"ok\"]");
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

static void log_not_permitted(struct client *c, struct ag_span method)
{
    int shown = method.len < METHOD_SHOWN ? (int) method.len : METHOD_SHOWN;
    char left_out[AG_LOG_HELD_MAX];
    unsigned held;

    c->stats.not_permitted++;
    if (ag_log_gate_pass(&c->log, uv_now(c->loop), &held))
        ag_log(AG_LOG_WARNING, "%.*s is not permitted from there%s", shown, method.p, ag_log_held(held, left_out));
}

bool client_serve(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view, unsigned *tag_out)
{
    struct ask a = {.c = c,
                    .out = ag_scratch_take(&c->scratch),
                    .from = from,
                    .id = ag_view_raw(view, text.p, AG_M_ID),
                    .params = ag_view_raw(view, text.p, AG_M_PARAMS)};
    char name[METHOD_MAX];
    struct ag_span method;
    enum local_cmd cmd;

    if (!ag_view_str(view, text.p, AG_M_METHOD, name, sizeof name, &method)) {
        c->stats.bad_form++;
        ask_end(&a, refuse(&a, -32600, "method is no usable name"));
        return true;
    }
    cmd = local_cmd_find(method);
    if (!local_cmd_permitted(cmd, from.kind)) {
        log_not_permitted(c, method);
        ask_end(&a, refuse(&a, AG_CODE_NOT_PERMITTED, "not permitted"));
        return true;
    }
    if (is_for_applications(cmd, from.kind)) {
        ag_scratch_give(&c->scratch, &a.out, SCRATCH_MAX);
        *tag_out = cmd;
        return false;
    }
    ask_end(&a, serve(&a, cmd, method, text, view));
    return true;
}

bool client_serve_fallback(struct client *c, struct origin to, unsigned tag)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
    int r;

    if (tag != LOCAL_CMD_REBOOT && tag != LOCAL_CMD_RESTORE)
        return false;
    r = run_device(c, tag);
    if (r == -ENOSYS)
        return false;
    if (put_device(&out, AG_SPAN("0"), r) == 0)
        client_answer(c, to, ag_buf_span(&out)); /* under the asker's own id */
    return true;
}
