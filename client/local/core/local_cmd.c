#include "client/local/core/local_cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <cjson/cJSON.h>
#include "client/device/core/device_files.h"
#include "libagent/core/json_iter.h"
#include "libagent/core/message.h"

#define FROM(kind) (1u << ORIGIN_##kind)

enum { ROUTER_DEPTH = 8 };

enum {
    FROM_ANY = FROM(CLOUD) | FROM(LAN) | FROM(LOCAL) | FROM(CLIENT),
    FROM_LOCAL = FROM(LOCAL) | FROM(CLIENT),
    FROM_BLE = FROM(BLE),
    FROM_LAN = FROM(LAN)
};

static const struct {
    const char *method;
    enum local_cmd cmd;
    unsigned from;
} table[] = {
    {"local.query_time", LOCAL_CMD_QUERY_TIME, FROM_LOCAL},
    {"local.query_status", LOCAL_CMD_QUERY_STATUS, FROM_LOCAL},
    {"local.query_country", LOCAL_CMD_QUERY_COUNTRY, FROM_LOCAL},
    {"local.query_did", LOCAL_CMD_QUERY_DID, FROM_LOCAL},
    {"local.mcu_info", LOCAL_CMD_MCU_INFO, FROM_LOCAL},
    {"local.prep_suspend", LOCAL_CMD_PREP_SUSPEND, FROM_LOCAL},
    {"local.ble.config_router", LOCAL_CMD_BLE_CONFIG_ROUTER, FROM_BLE | FROM(LOCAL)},
    {"client.status", LOCAL_CMD_CLIENT_STATUS, FROM_LOCAL},
    {"client.counters", LOCAL_CMD_CLIENT_COUNTERS, FROM_LOCAL},
    {"cloud.status", LOCAL_CMD_CLOUD_STATUS, FROM_LOCAL},
    {"client.log", LOCAL_CMD_CLIENT_LOG, FROM_LOCAL},
    {"miIO.info", LOCAL_CMD_INFO, FROM_ANY},
    {"miIO.config_router", LOCAL_CMD_CONFIG_ROUTER, FROM_LAN},
    {"miIO.config", LOCAL_CMD_CONFIG, FROM_ANY},
    {"miIO.config_tz", LOCAL_CMD_CONFIG_TZ, FROM_ANY},
    {"miIO.config_loglevel", LOCAL_CMD_CONFIG_LOGLEVEL, FROM_ANY},
    {"miIO.wifi_assoc_state", LOCAL_CMD_WIFI_ASSOC_STATE, FROM_ANY},
    {"miIO.stop_diag_mode", LOCAL_CMD_STOP_DIAG_MODE, FROM_ANY},
    {"miIO.reboot", LOCAL_CMD_REBOOT, FROM_ANY},
    {"miIO.restore", LOCAL_CMD_RESTORE, FROM_ANY},
};

static bool starts_with(struct ag_span s, const char *prefix)
{
    size_t n = strlen(prefix);

    return s.len >= n && memcmp(s.p, prefix, n) == 0;
}

enum local_cmd local_cmd_find(struct ag_span method)
{
    for (size_t i = 0; i < ag_array_size(table); i++) {
        if (ag_span_is(method, table[i].method, strlen(table[i].method)))
            return table[i].cmd;
    }
    if (starts_with(method, "local."))
        return LOCAL_CMD_LOCAL_OTHER;
    return starts_with(method, "_internal.") ? LOCAL_CMD_INTERNAL : LOCAL_CMD_NONE;
}

bool local_cmd_permitted(enum local_cmd cmd, enum origin_kind from)
{
    if (cmd == LOCAL_CMD_LOCAL_OTHER || cmd == LOCAL_CMD_INTERNAL)
        return from == ORIGIN_LOCAL;
    for (size_t i = 0; i < ag_array_size(table); i++) {
        if (table[i].cmd == cmd)
            return table[i].from & (1u << from);
    }
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

/* 5.0 and 5e0 are 5 too, as some printers write it. Exact up to 2^53. */
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
    struct ag_span raw = params.p && ag_json_type(params) == AG_JSON_OBJECT ? ag_json_get(params, "from") : (struct ag_span){NULL, 0};
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

static int put_head(struct ag_buf *out, struct ag_span id)
{
    int r = ag_buf_append_char(out, '{');

    if (r == 0 && id.p)
        r = ag_buf_printf(out, "\"id\":%.*s,", (int) id.len, id.p);
    return r;
}

int local_cmd_put_reply(struct ag_buf *out, struct ag_span id, const char *method, struct ag_span params)
{
    int r = put_head(out, id);

    return r == 0 ? ag_buf_printf(out, "\"method\":\"%s\",\"params\":%.*s}", method, (int) params.len, params.p) : r;
}

int local_cmd_put_result(struct ag_buf *out, struct ag_span id, const char *result)
{
    int r = put_head(out, id);

    return r == 0 ? ag_buf_printf(out, "\"result\":%s}", result) : r;
}

int local_cmd_put_result_ok(struct ag_buf *out, struct ag_span id, struct ag_span result)
{
    int r = put_head(out, id);

    return r == 0 ? ag_buf_printf(out, "\"code\":0,\"message\":\"ok\",\"result\":%.*s}", (int) result.len, result.p)
                  : r;
}

int local_cmd_put_error(struct ag_buf *out, struct ag_span id, int code, const char *message)
{
    return ag_msg_error(out, id.p ? id : AG_SPAN("null"), code, message, NULL);
}

static int put_str(struct ag_buf *out, const char *name, const char *value)
{
    int r = ag_buf_printf(out, "\"%s\":", name);

    return r == 0 ? ag_buf_append_json_str(out, value, strlen(value)) : r;
}

static int put_ap(struct ag_buf *out, const struct device_info *i)
{
    int r = ag_buf_append_str(out, ",\"ap\":{");

    if (r == 0)
        r = put_str(out, "ssid", i->ssid);
    if (r == 0)
        r = ag_buf_append_char(out, ',');
    if (r == 0)
        r = put_str(out, "bssid", i->bssid);
    if (r == 0 && i->rssi != 0)
        r = ag_buf_printf(out, ",\"rssi\":%ld", i->rssi);
    if (r == 0 && i->freq != 0)
        r = ag_buf_printf(out, ",\"freq\":%u", i->freq);
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}

static int put_identity(struct ag_buf *out, const struct device_info *i, bool with_token)
{
    int r = ag_buf_append_char(out, '{');

    if (r == 0)
        r = put_str(out, "model", i->model);
    if (r == 0)
        r = ag_buf_append_char(out, ',');
    if (r == 0)
        r = put_str(out, "mac", i->mac);
    if (r == 0 && with_token)
        r = ag_buf_printf(out, ",\"token\":\"%s\"", i->token_hex);
    if (r == 0 && i->mcu_fw_ver && i->mcu_fw_ver[0])
        r = ag_buf_printf(out, ",\"mcu_fw_ver\":\"%s\"", i->mcu_fw_ver);
    return r == 0 ? ag_buf_printf(out, ",\"life\":%" PRIu64 ",", i->life_s) : r;
}

int local_cmd_put_told_info(struct ag_buf *out, const struct device_info *info, struct ag_span told, bool with_token)
{
    int r = put_identity(out, info, with_token);

    while (told.len > 1 && strchr(" \t\r\n", told.p[1]))
        told = (struct ag_span){told.p + 1, told.len - 1};
    if (r == 0 && told.p[1] == '}')
        out->len--; /* nothing told: no comma */
    return r == 0 ? ag_buf_append(out, told.p + 1, told.len - 1) : r;
}

int local_cmd_put_info(struct ag_buf *out, const struct device_info *i, bool with_token)
{
    int r = put_identity(out, i, with_token);

    if (r == 0)
        r = put_str(out, "hw_ver", i->hw_ver);
    if (r == 0)
        r = ag_buf_append_char(out, ',');
    if (r == 0)
        r = put_str(out, "fw_ver", i->fw_ver);
    if (r == 0)
        r = put_ap(out, i);
    if (r == 0)
        r = ag_buf_printf(out, ",\"netif\":{\"localIp\":\"%s\",\"mask\":\"%s\",\"gw\":\"%s\"}", i->local_ip, i->mask,
                          i->gw);
    if (r == 0 && i->extra)
        r = ag_buf_printf(out, ",%s", i->extra);
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}
