/* SPDX-License-Identifier: MIT */
#include "client/device/core/conf_keys.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/util.h"

enum { NAME_MAX_LEN = 47 }; /* longer than any of ours */

static const char *const known[] = {
    /* identity, and what vendors' scripts keep with it */
    "did", "key", "mac", "model", "model_file", "vendor", "sn", "mjac_i2c", "mjac_gpio", "bootloader_ver", "wpa_intf",
    "hostapd_intf", "sc_type", "OOB", "ota_state", "partner_id", "bind_key", "auto_ota",
    /* options of the program */
    "access", "agent_user", "ble", "cloud", "command_grace", "command_timeout", "country", "helper", "hooks", "identity_pause",
    "join_pause", "join_tries", "lan", "lan_stamp_window", "local", "loglevel", "memory_limit", "mqtt_api", "os_release",
    "ot_host", "ot_interval", "ot_port", "ot_transport", "provisioning", "request_timeout", "tell_origin", "zone_dir",
    "zone_link",
    /* kept reports */
    "spool", "spool_max_age_s", "spool_max_bytes", "spool_max_reports",
    /* clouds */
    "ot_keepalive_ms", "ot_resend_ms", "ot_window", "gizwits_ack_wait", "gizwits_ask_apps", "gizwits_firmware_id",
    "gizwits_hard_version", "gizwits_heartbeat", "gizwits_keepalive", "gizwits_mcu_firmware_id", "gizwits_mcu_hard_version",
    "gizwits_mcu_soft_version", "gizwits_ota", "gizwits_product_key", "gizwits_request_topic", "gizwits_retry",
    "gizwits_retry_max", "gizwits_server", "gizwits_soft_version", "onenet_api_key", "onenet_auth_info", "onenet_clean_session",
    "onenet_device_id", "onenet_file_dir", "onenet_http", "onenet_keepalive", "onenet_names", "onenet_master_key",
    "onenet_ota_topic", "onenet_product_id", "onenet_qos", "onenet_server", "onenet_subscribe", "onenet_utc_offset",
    "onenet_will_payload", "onenet_will_qos", "onenet_will_retain", "onenet_will_topic", "ha_max_bytes", "ha_poll", "ha_prefix",
    "ha_properties", "ha_status", "mqtt_ca", "mqtt_cert", "mqtt_clean_session", "mqtt_client_id", "mqtt_command_qos",
    "mqtt_keepalive", "mqtt_key", "mqtt_password", "mqtt_prefix", "mqtt_qos", "mqtt_server", "mqtt_state", "mqtt_tls",
    "mqtt_user"};

/* Prefixes, followed by a method. */
static const char *const prefixes[] = {"route.", "spool."};

bool conf_key_is_known(const char *name)
{
    for (size_t i = 0; i < ag_array_size(known); i++) {
        if (strcmp(known[i], name) == 0)
            return true;
    }
    for (size_t i = 0; i < ag_array_size(prefixes); i++) {
        if (strncmp(prefixes[i], name, strlen(prefixes[i])) == 0 && name[strlen(prefixes[i])])
            return true;
    }
    return false;
}

static int letter(char c)
{
    return c == '-' || c == '.' ? '_' : tolower((unsigned char) c);
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    a = a < b ? a : b;
    return a < c ? a : c;
}

/* How many letters must be put in, taken out, changed, or swapped with their neighbour. Both at most NAME_MAX_LEN. */
static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][NAME_MAX_LEN + 1], *before = rows[0], *last = rows[1], *row = rows[2], *free_row;
    size_t n = strlen(b);

    for (unsigned j = 0; j <= n; j++)
        last[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        row[0] = i;
        for (unsigned j = 1; j <= n; j++) {
            row[j] = min3(row[j - 1] + 1, last[j] + 1, last[j - 1] + (letter(a[i - 1]) != letter(b[j - 1])));
            if (i > 1 && j > 1 && letter(a[i - 1]) == letter(b[j - 2]) && letter(a[i - 2]) == letter(b[j - 1]) &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[n];
}

const char *conf_key_nearest(const char *name)
{
    size_t len = strlen(name);
    unsigned best = (unsigned) len / 3 + 1; /* further off it is another word */
    const char *found = NULL;

    if (len > NAME_MAX_LEN)
        return NULL;
    for (size_t i = 0; i < ag_array_size(known); i++) {
        unsigned d = distance(name, known[i]);

        if (d < best) {
            best = d;
            found = known[i];
        }
    }
    return found;
}

bool conf_key_complaint(const char *name, char out[CONF_COMPLAINT_MAX])
{
    const char *nearest;

    if (conf_key_is_known(name))
        return false;
    nearest = conf_key_nearest(name);
    snprintf(out, CONF_COMPLAINT_MAX, "%.64s: nobody knows this name%s%s%s", name, nearest ? "; is " : "", nearest ? nearest : "",
             nearest ? " meant?" : "");
    return true;
}
