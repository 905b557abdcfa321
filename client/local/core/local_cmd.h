/* SPDX-License-Identifier: MIT */
/*
 * The methods that the client serves itself: who may call which, what their params must look like, and the texts of
 * the answers. Values come from the caller; nothing is done here. Source: Xiaomi Linux client document, sections 4.4, 6,
 * 12, 15, and what its LAN peers expect (docs/protocol.md).
 */
#ifndef CLIENT_LOCAL_CMD_H
#define CLIENT_LOCAL_CMD_H

#include <string.h>
#include "client/local/core/origin.h"
#include "client/device/core/device_info.h"
#include "client/device/core/wifi_conf.h"

enum local_cmd {
    LOCAL_CMD_NONE, /* not ours: an application's or the cloud's */
    LOCAL_CMD_QUERY_TIME,
    LOCAL_CMD_QUERY_STATUS,
    LOCAL_CMD_QUERY_COUNTRY,
    LOCAL_CMD_QUERY_DID,
    LOCAL_CMD_PREP_SUSPEND,
    LOCAL_CMD_MCU_INFO,
    LOCAL_CMD_BLE_CONFIG_ROUTER,
    LOCAL_CMD_CLIENT_STATUS,
    LOCAL_CMD_CLIENT_COUNTERS,
    LOCAL_CMD_CLOUD_STATUS,
    LOCAL_CMD_CLIENT_LOG,
    LOCAL_CMD_LOCAL_OTHER, /* another local.* */
    LOCAL_CMD_INTERNAL,    /* _internal.*: the helper's */
    LOCAL_CMD_AGENT,       /* agent.*: the agent's own, for programs on this machine */
    LOCAL_CMD_INFO,
    LOCAL_CMD_CONFIG_ROUTER,
    LOCAL_CMD_CONFIG,
    LOCAL_CMD_CONFIG_TZ,
    LOCAL_CMD_CONFIG_LOGLEVEL,
    LOCAL_CMD_WIFI_ASSOC_STATE,
    LOCAL_CMD_STOP_DIAG_MODE,
    LOCAL_CMD_REBOOT, /* applications first; the helper when nobody takes it */
    LOCAL_CMD_RESTORE /* the same */
};

enum local_cmd local_cmd_find(struct ag_span method);

static inline bool local_cmd_is_internal(struct ag_span method)
{
    return method.len >= 10 && memcmp(method.p, "_internal.", 10) == 0;
}

/* Whether that origin may call it at all. */
bool local_cmd_permitted(enum local_cmd cmd, enum origin_kind from);

/* ---- params ---- */

/* What miIO.config_router and local.ble.config_router carry. */
struct router_params {
    struct wifi_conf wifi;
    bool has_uid;     /* uid 0 counts: some phones send it */
    char country[16]; /* empty: mainland */
    char zone[64];    /* empty: not given */
};

/* Named conditions of config_router's params. */
enum {
    ROUTER_E_PARAMS = 1, /* not an object, or members of a wrong type */
    ROUTER_E_SSID,
    ROUTER_E_PASSWD,
    ROUTER_E_UID,
    ROUTER_E_COUNTRY,
    ROUTER_E_ZONE
};

/* params: the raw JSON value. 0 or ROUTER_E_* (out is untouched). The key is copied to out and nowhere else. */
int local_cmd_router_params(struct router_params *out, struct ag_span params);
const char *local_cmd_router_error(int e);

/* {"enauth":1}: true. */
bool local_cmd_wants_enauth(struct ag_span params);
/* {"from":N}: N, else 0. */
uint64_t local_cmd_log_from(struct ag_span params);
/* {"tz":"..."}: true and the zone when it is a safe one. */
bool local_cmd_zone(char zone[64], struct ag_span params);
/* {"loglevel":0..4}: true. */
bool local_cmd_loglevel(int *level_out, struct ag_span params);

enum { LOCAL_CMD_MODEL_MAX = 23, LOCAL_CMD_MCU_VERSION_MAX = 31 };

/* What a microcontroller says about itself: local.mcu_info {"model"?,"mcu_fw_ver"?}. */
struct mcu_info {
    char model[LOCAL_CMD_MODEL_MAX + 1], fw_ver[LOCAL_CMD_MCU_VERSION_MAX + 1]; /* "": not said */
};

/* false (out untouched): not an object of such strings, or one with other bytes than printable ASCII, '"' and '\\'. */
bool local_cmd_mcu_info(struct mcu_info *out, struct ag_span params);

/* ---- answers; id is the raw id of the request, p NULL when it has none. 0 or -ENOMEM ---- */

/* {"id":N,"method":METHOD,"params":PARAMS}, params being JSON text */
int local_cmd_put_reply(struct ag_buf *out, struct ag_span id, const char *method, struct ag_span params);
int local_cmd_put_result(struct ag_buf *out, struct ag_span id, const char *result);
/* The same with "code":0,"message":"ok", as the original client answers its own methods. */
int local_cmd_begin_ok(struct ag_buf *out, struct ag_span id); /* the result and a '}' are still to come */
/* The whole answer to miIO.wifi_assoc_state. */
int local_cmd_put_assoc(struct ag_buf *out, struct ag_span id, bool online, unsigned joined, unsigned failed);
int local_cmd_put_error(struct ag_buf *out, struct ag_span id, int code, const char *message);

/* The object of miIO.info and the params of _otc.info. with_token false leaves the token out. */
int local_cmd_put_info(struct ag_buf *out, const struct device_info *info, bool with_token);

/* The same with what an external helper reported: model, mac, token and life in front of the members of its object. */
int local_cmd_put_told_info(struct ag_buf *out, const struct device_info *info, struct ag_span told, bool with_token);

#endif
