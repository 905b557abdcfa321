/* SPDX-License-Identifier: MIT */
#include "client/local/core/local_cmd.h"

#include <stdlib.h>
#include <cjson/cJSON.h>
#include "client/device/core/device_files.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/text/message.h"

#define FROM(kind) (1u << ORIGIN_##kind)
#define NAME(text)                                                                                                               \
    {                                                                                                                            \
        text, sizeof text - 1                                                                                                    \
    }

enum { ROUTER_DEPTH = 8 };

enum {
    FROM_ANY = FROM(CLOUD) | FROM(LAN) | FROM(LOCAL) | FROM(CLIENT),
    FROM_LOCAL = FROM(LOCAL) | FROM(CLIENT),
    FROM_BLE = FROM(BLE),
    FROM_LAN = FROM(LAN)
};

/* By enum local_cmd. */
static const struct {
    struct ag_span method;
    unsigned from;
} table[] = {
    [LOCAL_CMD_QUERY_TIME] = {NAME("local.query_time"), FROM_LOCAL},
    [LOCAL_CMD_QUERY_STATUS] = {NAME("local.query_status"), FROM_LOCAL},
    [LOCAL_CMD_QUERY_COUNTRY] = {NAME("local.query_country"), FROM_LOCAL},
    [LOCAL_CMD_QUERY_DID] = {NAME("local.query_did"), FROM_LOCAL},
    [LOCAL_CMD_MCU_INFO] = {NAME("local.mcu_info"), FROM_LOCAL},
    [LOCAL_CMD_PREP_SUSPEND] = {NAME("local.prep_suspend"), FROM_LOCAL},
    [LOCAL_CMD_BLE_CONFIG_ROUTER] = {NAME("local.ble.config_router"), FROM_BLE | FROM(LOCAL)},
    [LOCAL_CMD_CLIENT_STATUS] = {NAME("client.status"), FROM_LOCAL},
    [LOCAL_CMD_CLIENT_COUNTERS] = {NAME("client.counters"), FROM_LOCAL},
    [LOCAL_CMD_CLOUD_STATUS] = {NAME("cloud.status"), FROM_LOCAL},
    [LOCAL_CMD_CLIENT_LOG] = {NAME("client.log"), FROM_LOCAL},
    [LOCAL_CMD_INFO] = {NAME("miIO.info"), FROM_ANY},
    [LOCAL_CMD_CONFIG_ROUTER] = {NAME("miIO.config_router"), FROM_LAN},
    [LOCAL_CMD_CONFIG] = {NAME("miIO.config"), FROM_ANY},
    [LOCAL_CMD_CONFIG_TZ] = {NAME("miIO.config_tz"), FROM_ANY},
    [LOCAL_CMD_CONFIG_LOGLEVEL] = {NAME("miIO.config_loglevel"), FROM_ANY},
    [LOCAL_CMD_WIFI_ASSOC_STATE] = {NAME("miIO.wifi_assoc_state"), FROM_ANY},
    [LOCAL_CMD_STOP_DIAG_MODE] = {NAME("miIO.stop_diag_mode"), FROM_ANY},
    [LOCAL_CMD_REBOOT] = {NAME("miIO.reboot"), FROM_ANY},
    [LOCAL_CMD_RESTORE] = {NAME("miIO.restore"), FROM_ANY},
};

static bool starts_with(struct ag_span s, struct ag_span prefix)
{
    return s.len >= prefix.len && memcmp(s.p, prefix.p, prefix.len) == 0;
}

enum local_cmd local_cmd_find(struct ag_span method)
{
    for (size_t i = 0; i < ag_array_size(table); i++) {
        if (table[i].method.len == method.len && method.len > 0 && memcmp(table[i].method.p, method.p, method.len) == 0)
            return (enum local_cmd) i;
    }
    if (starts_with(method, AG_SPAN("local.")))
        return LOCAL_CMD_LOCAL_OTHER;
    if (starts_with(method, AG_SPAN("agent.")))
        return LOCAL_CMD_AGENT;
    return local_cmd_is_internal(method) ? LOCAL_CMD_INTERNAL : LOCAL_CMD_NONE;
}

bool local_cmd_permitted(enum local_cmd cmd, enum origin_kind from)
{
    if (cmd == LOCAL_CMD_LOCAL_OTHER || cmd == LOCAL_CMD_INTERNAL || cmd == LOCAL_CMD_AGENT)
        return from == ORIGIN_LOCAL;
    if ((size_t) cmd < ag_array_size(table) && table[cmd].method.p)
        return table[cmd].from & (1u << from);
    return from != ORIGIN_BLE;
}

/* ---- params ---- */

/* cJSON ends strings at NUL, so a text that says NUL is refused as a whole. NULL: malformed or no memory. */
static cJSON *parse_object(struct ag_span params)
{
    cJSON *o;

    if (!params.p || memmem(params.p, params.len, "\\u0000", 6))
        return NULL;
    o = cJSON_ParseWithLength(params.p, params.len);
    if (o && !cJSON_IsObject(o)) {
        cJSON_Delete(o);
        return NULL;
    }
    return o;
}

static void delete_object(cJSON **o)
{
    cJSON_Delete(*o);
}

static struct ag_span text_of(const cJSON *item)
{
    return (struct ag_span){item->valuestring, strlen(item->valuestring)};
}

static bool take_zone(char zone[64], const cJSON *item)
{
    if (!cJSON_IsString(item) || !device_zone_valid(text_of(item)))
        return false;
    memcpy(zone, item->valuestring, strlen(item->valuestring) + 1);
    return true;
}

/* A member's text in out, escapes resolved, with a NUL behind; nowhere else, as it may be a secret. -1: not a string, or too
   long. */
static long text_in(struct ag_span raw, char *out, size_t room)
{
    long n = raw.p && ag_json_type(raw) == AG_JSON_STRING ? ag_json_unescape(raw, out, room - 1) : -1;

    out[n < 0 ? 0 : n] = '\0';
    return n;
}

static bool is_none(struct ag_span raw)
{
    return !raw.p || ag_json_type(raw) == AG_JSON_NULL || ag_span_eq(raw, "\"\"");
}

/* 5.0 and 5e0 are 5, too, as some printers write it. Exact up to 2^53. */
static bool whole_number(uint64_t *out, struct ag_span raw)
{
    char text[32];
    double v;

    if (raw.len >= sizeof text)
        return false;
    memcpy(text, raw.p, raw.len);
    text[raw.len] = '\0';
    v = strtod(text, NULL);
    if (!(v >= 0 && v <= 9007199254740992.0))
        return false;
    *out = (uint64_t) v;
    return (double) *out == v;
}

/* A number or digits in a string; 0 or absent is "none". */
static bool take_uid(uint64_t *uid, struct ag_span raw)
{
    char digits[24];
    long n;

    if (is_none(raw))
        return true;
    if (ag_json_type(raw) == AG_JSON_NUMBER)
        return ag_span_uint(raw, UINT64_MAX, uid) || whole_number(uid, raw);
    n = text_in(raw, digits, sizeof digits);
    return n >= 0 && ag_span_uint((struct ag_span){digits, (size_t) n}, UINT64_MAX, uid);
}

static bool take_country(struct router_params *p, struct ag_span raw)
{
    char word[32];
    long n = text_in(raw, word, sizeof word);

    return is_none(raw) || (n >= 0 && device_country_parse(p->country, (struct ag_span){word, (size_t) n}));
}

static bool take_router_zone(struct router_params *p, struct ag_span raw)
{
    char zone[sizeof p->zone];
    long n = text_in(raw, zone, sizeof zone);

    if (is_none(raw))
        return true;
    if (n < 0 || !device_zone_valid((struct ag_span){zone, (size_t) n}))
        return false;
    memcpy(p->zone, zone, (size_t) n + 1);
    return true;
}

static int take_network(struct wifi_conf *w, struct ag_span params)
{
    long ssid = text_in(ag_json_get(params, "ssid"), w->ssid, sizeof w->ssid);
    long psk = text_in(ag_json_get(params, "passwd"), w->psk, sizeof w->psk);

    if (ssid < 0 || wifi_conf_check((struct ag_span){w->ssid, (size_t) ssid}, AG_SPAN("")) != 0)
        return ROUTER_E_SSID;
    return psk < 0 || wifi_conf_check(AG_SPAN("-"), (struct ag_span){w->psk, (size_t) psk}) != 0 ? ROUTER_E_PASSWD : 0;
}

static int take_router(struct router_params *p, struct ag_span params)
{
    struct ag_span uid = ag_json_get(params, "uid");
    int r = take_network(&p->wifi, params);

    if (r != 0)
        return r;
    if (!take_uid(&p->wifi.uid, uid))
        return ROUTER_E_UID;
    p->has_uid = uid.p != NULL;
    if (!take_country(p, ag_json_get(params, "country_domain")))
        return ROUTER_E_COUNTRY;
    return take_router_zone(p, ag_json_get(params, "tz")) ? 0 : ROUTER_E_ZONE;
}

int local_cmd_router_params(struct router_params *out, struct ag_span params)
{
    struct router_params p = {.has_uid = false};
    int r = ROUTER_E_PARAMS;

    if (params.p && ag_json_check(&params, ROUTER_DEPTH) == 0 && ag_json_type(params) == AG_JSON_OBJECT &&
        !memmem(params.p, params.len, "\\u0000", 6))
        r = take_router(&p, params);
    if (r == 0)
        memcpy(out, &p, sizeof p);
    explicit_bzero(&p, sizeof p);
    return r;
}

const char *local_cmd_router_error(int e)
{
    static const char *const texts[] = {[ROUTER_E_PARAMS] = "params must be an object",
                                        [ROUTER_E_SSID] = "ssid must have 1 to 32 bytes",
                                        [ROUTER_E_PASSWD] = "passwd must be empty or have 8 to 63 bytes",
                                        [ROUTER_E_UID] = "uid must be an unsigned number",
                                        [ROUTER_E_COUNTRY] = "country_domain must be one short word",
                                        [ROUTER_E_ZONE] = "tz must be a zone name"};

    return e > 0 && (size_t) e < ag_array_size(texts) ? texts[e] : "params error";
}

bool local_cmd_wants_enauth(struct ag_span params)
{
    ag_cleanup(delete_object) cJSON *o = parse_object(params);
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, "enauth");

    return cJSON_IsTrue(v) || (cJSON_IsNumber(v) && v->valuedouble == 1);
}

uint64_t local_cmd_log_from(struct ag_span params)
{
    struct ag_span raw =
        params.p && ag_json_type(params) == AG_JSON_OBJECT ? ag_json_get(params, "from") : (struct ag_span){NULL, 0};
    uint64_t n = 0;

    return raw.p && ag_span_uint(raw, UINT64_MAX, &n) ? n : 0;
}

bool local_cmd_zone(char zone[64], struct ag_span params)
{
    ag_cleanup(delete_object) cJSON *o = parse_object(params);

    return take_zone(zone, cJSON_GetObjectItemCaseSensitive(o, "tz"));
}

bool local_cmd_loglevel(int *level_out, struct ag_span params)
{
    ag_cleanup(delete_object) cJSON *o = parse_object(params);
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, "loglevel");

    if (!cJSON_IsNumber(v) || v->valuedouble < 0 || v->valuedouble > 4 || v->valuedouble != (int) v->valuedouble)
        return false;
    *level_out = (int) v->valuedouble;
    return true;
}

/* An absent one says nothing. */
static bool take_name(char *out, size_t room, const cJSON *v)
{
    out[0] = '\0';
    if (!v)
        return true;
    if (!cJSON_IsString(v) || strlen(v->valuestring) >= room)
        return false;
    for (const char *p = v->valuestring; *p; p++)
        if (*p <= ' ' || *p > '~' || *p == '"' || *p == '\\')
            return false;
    strcpy(out, v->valuestring);
    return true;
}

bool local_cmd_mcu_info(struct mcu_info *out, struct ag_span params)
{
    ag_cleanup(delete_object) cJSON *o = parse_object(params);
    struct mcu_info info = {.model = ""};

    if (!o || !take_name(info.model, sizeof info.model, cJSON_GetObjectItemCaseSensitive(o, "model")) ||
        !take_name(info.fw_ver, sizeof info.fw_ver, cJSON_GetObjectItemCaseSensitive(o, "mcu_fw_ver")))
        return false;
    *out = info;
    return true;
}

/* ---- answers ---- */

/* Appends a literal's bytes. r carries on what failed before. */
#define PUT(r, out, text)   ((r) == 0 ? ag_buf_append((out), (text), sizeof(text) - 1) : (r))
#define PUT_STR(r, out, s)  ((r) == 0 ? ag_buf_append_str((out), (s)) : (r))
#define PUT_SPAN(r, out, s) ((r) == 0 ? ag_buf_append_span((out), (s)) : (r))

static int put_head(struct ag_buf *out, struct ag_span id)
{
    int r;

    if (!id.p)
        return ag_buf_append_char(out, '{');
    r = PUT(0, out, "{\"id\":");
    r = PUT_SPAN(r, out, id);
    return PUT(r, out, ",");
}

int local_cmd_put_reply(struct ag_buf *out, struct ag_span id, const char *method, struct ag_span params)
{
    int r = put_head(out, id);

    r = PUT(r, out, "\"method\":\"");
    r = PUT_STR(r, out, method);
    r = PUT(r, out, "\",\"params\":");
    r = PUT_SPAN(r, out, params);
    return PUT(r, out, "}");
}

int local_cmd_put_result(struct ag_buf *out, struct ag_span id, const char *result)
{
    int r = put_head(out, id);

    r = PUT(r, out, "\"result\":");
    r = PUT_STR(r, out, result);
    return PUT(r, out, "}");
}

int local_cmd_begin_ok(struct ag_buf *out, struct ag_span id)
{
    int r = put_head(out, id);

    return PUT(r, out, "\"code\":0,\"message\":\"ok\",\"result\":");
}

int local_cmd_put_assoc(struct ag_buf *out, struct ag_span id, bool online, unsigned joined, unsigned failed)
{
    int r = local_cmd_begin_ok(out, id);

    r = PUT(r, out, "{\"state\":\"");
    r = PUT_STR(r, out, online ? "ONLINE" : "CONNECTING");
    r = PUT(r, out, "\",\"auth_fail_count\":0,\"conn_success_count\":");
    r = r == 0 ? ag_buf_append_u64(out, joined) : r;
    r = PUT(r, out, ",\"conn_fail_count\":");
    r = r == 0 ? ag_buf_append_u64(out, failed) : r;
    return PUT(r, out, ",\"dhcp_fail_count\":0}}");
}

int local_cmd_put_error(struct ag_buf *out, struct ag_span id, int code, const char *message)
{
    return ag_msg_error(out, id.p ? id : AG_SPAN("null"), code, message, NULL);
}

static int put_str(int r, struct ag_buf *out, const char *value)
{
    return r == 0 ? ag_buf_append_json_str(out, value, strlen(value)) : r;
}

static int put_u64(int r, struct ag_buf *out, uint64_t value)
{
    return r == 0 ? ag_buf_append_u64(out, value) : r;
}

static int put_ap(struct ag_buf *out, const struct device_info *i)
{
    int r = PUT(0, out, ",\"ap\":{\"ssid\":");

    r = put_str(r, out, i->ssid);
    r = PUT(r, out, ",\"bssid\":");
    r = put_str(r, out, i->bssid);
    if (r == 0 && i->rssi != 0)
        r = ag_buf_printf(out, ",\"rssi\":%ld", i->rssi);
    if (r == 0 && i->freq != 0)
        r = ag_buf_printf(out, ",\"freq\":%u", i->freq);
    return PUT(r, out, "}");
}

static int put_identity(struct ag_buf *out, const struct device_info *i, bool with_token)
{
    int r = PUT(0, out, "{\"model\":");

    r = put_str(r, out, i->model);
    r = PUT(r, out, ",\"mac\":");
    r = put_str(r, out, i->mac);
    if (with_token) {
        r = PUT(r, out, ",\"token\":\"");
        r = PUT_STR(r, out, i->token_hex);
        r = PUT(r, out, "\"");
    }
    if (i->mcu_fw_ver && i->mcu_fw_ver[0]) {
        r = PUT(r, out, ",\"mcu_fw_ver\":\"");
        r = PUT_STR(r, out, i->mcu_fw_ver);
        r = PUT(r, out, "\"");
    }
    r = PUT(r, out, ",\"life\":");
    r = put_u64(r, out, i->life_s);
    return PUT(r, out, ",");
}

int local_cmd_put_told_info(struct ag_buf *out, const struct device_info *info, struct ag_span told, bool with_token)
{
    int r = put_identity(out, info, with_token);

    while (told.len > 1 && strchr(" \t\r\n", told.p[1]))
        told = (struct ag_span){told.p + 1, told.len - 1};
    if (r == 0 && told.p[1] == '}')
        out->len--; /* nothing came: no comma */
    return r == 0 ? ag_buf_append(out, told.p + 1, told.len - 1) : r;
}

static int put_netif(struct ag_buf *out, const struct device_info *i)
{
    int r = PUT(0, out, ",\"netif\":{\"localIp\":\"");

    r = PUT_STR(r, out, i->local_ip);
    r = PUT(r, out, "\",\"mask\":\"");
    r = PUT_STR(r, out, i->mask);
    r = PUT(r, out, "\",\"gw\":\"");
    r = PUT_STR(r, out, i->gw);
    return PUT(r, out, "\"}");
}

int local_cmd_put_info(struct ag_buf *out, const struct device_info *i, bool with_token)
{
    int r = put_identity(out, i, with_token);

    r = PUT(r, out, "\"hw_ver\":");
    r = put_str(r, out, i->hw_ver);
    r = PUT(r, out, ",\"fw_ver\":");
    r = put_str(r, out, i->fw_ver);
    if (r == 0)
        r = put_ap(out, i);
    if (r == 0)
        r = put_netif(out, i);
    if (i->extra) {
        r = PUT(r, out, ",");
        r = PUT_STR(r, out, i->extra);
    }
    return PUT(r, out, "}");
}
