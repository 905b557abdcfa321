/* SPDX-License-Identifier: MIT */
/* What the values may be, and the client's options made of them. */
#include "client/options/options_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "client/report/core/report_policy.h"
#include "client/report/core/report_route.h"
#include "libagent/core/util.h"
#include "libagent/io/access/access_file.h"
#include "libagent/io/exit_code.h"
#include "libagent/io/file.h"
#include "libagent/io/inifile.h"
#include "libagent/io/option.h"
#include "libagent/model/core/spec.h"

enum { REASON_MAX = 256 };

static int ag_printf_like(3, 4) complain(const struct options *o, int name, const char *fmt, ...)
{
    const struct option_value *v = &o->values[name];
    char reason[REASON_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    if (v->source == FROM_COMMAND_LINE)
        fprintf(stderr, "miio_client: --%s %s: %s\n", option_infos[name].name, v->text, reason);
    else if (v->source == FROM_CONFIG_FILE)
        fprintf(stderr, "miio_client: %s:%d: %s: %s\n", o->config_file, v->line, option_infos[name].name, reason);
    else
        fprintf(stderr, "miio_client: %s%s:%d: %s: %s\n", o->client.dir.path, DATA_CONF, v->line, option_infos[name].key, reason);
    return v->source == FROM_COMMAND_LINE ? AG_EXIT_USAGE : AG_EXIT_CONFIG;
}

/* 0: *out is as it was when nobody has given one. */
static int take_number(const struct options *o, int name, uint64_t least, uint64_t most, uint64_t *out)
{
    const char *text = o->values[name].text;
    char reason[REASON_MAX];

    if (!text || ag_option_number(text, least, most, out, reason, sizeof reason) == 0)
        return 0;
    return complain(o, name, "%s", reason);
}

static int take_addr(const struct options *o, int name, const char *fallback, bool none_allowed, struct ag_addr *out)
{
    const char *text = o->values[name].text, *reason;

    if (ag_addr_parse(text ? text : fallback, out, &reason) < 0)
        return complain(o, name, "%s", reason);
    if (out->kind != AG_ADDR_INET && !(none_allowed && out->kind == AG_ADDR_NONE))
        return complain(o, name, none_allowed ? "must be ADDR:PORT or none" : "must be ADDR:PORT");
    return 0;
}

/* One of two words: *second_out tells whether it is the second one. */
static int take_word(const struct options *o, int name, const char *first, const char *second, bool *second_out)
{
    const char *text = o->values[name].text;

    *second_out = text && strcmp(text, second) == 0;
    if (text && !*second_out && strcmp(text, first) != 0)
        return complain(o, name, "must be %s or %s", first, second);
    return 0;
}

/* The broker of the MQTT API; port 0 is none. */
static int take_mqtt_api(struct options *o)
{
    const char *text = o->values[OPT_MQTT_API].text, *why;

    if (!text || strcmp(text, "none") == 0)
        return 0;
    if (endpoint_parse(text, 1883, &o->client.mqtt_api, &why) == 0)
        return 0;
    return complain(o, OPT_MQTT_API, "%s", why);
}

static int check_model(const struct options *o)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    const char *file = o->values[OPT_MODEL].text;
    struct model_error error;
    struct model m;
    int r = file && *file ? ag_file_read(file, MODEL_TEXT_MAX, &text) : 1;

    if (r == 1)
        return 0;
    if (r < 0)
        return complain(o, OPT_MODEL, "%s", strerror(-r));
    r = ag_model_parse(&m, ag_buf_span(&text), &error);
    if (r < 0)
        return r == -ENOMEM ? complain(o, OPT_MODEL, "out of memory")
                            : complain(o, OPT_MODEL, "line %u: %s", error.line, error.why);
    ag_model_deinit(&m);
    return 0;
}

static int check_access(struct options *o)
{
    const char *file = o->values[OPT_ACCESS].text, *user = o->values[OPT_AGENT_USER].text;
    char error[AG_INI_ERROR_MAX];
    struct ag_access rules;
    int r = 0;

    if (user && ag_access_user(user, &o->client.agent_uid) < 0)
        return complain(o, OPT_AGENT_USER, "no such user");
    o->client.has_agent_user = user != NULL;
    o->client.access_file = file;
    ag_access_init(&rules, geteuid());
    if (file)
        r = ag_access_read(&rules, file, error);
    ag_access_deinit(&rules);
    if (r >= 0)
        return 0;
    fprintf(stderr, "miio_client: %s\n", error);
    return AG_EXIT_CONFIG;
}

/* The line of the key that a cloud's complaint begins with; 0: it names none that is in the file. */
static unsigned line_of_complaint(const struct options *o, const char *why)
{
    char key[64];

    snprintf(key, sizeof key, "%.*s", (int) strcspn(why, " :="), why);
    return device_conf_line(&o->conf, key);
}

int options_complain_conf(const struct options *o, unsigned line, const char *why)
{
    char at[16] = "";

    if (line > 0)
        snprintf(at, sizeof at, ":%u", line);
    fprintf(stderr, "miio_client: %s%s%s: %s\n", o->client.dir.path, DATA_CONF, at, why);
    return AG_EXIT_CONFIG;
}

static int check_one_cloud(const struct options *o, const struct cloud_ops *ops)
{
    char why[160] = "";

    if (identity_is_missing(o->conf.did))
        return 0; /* looked at when the identity has come */
    if (ops->check && ops->check(&o->conf, why, sizeof why) < 0)
        return options_complain_conf(o, line_of_complaint(o, why), why);
    return 0;
}

static int check_routes(const struct options *o)
{
    struct route_cloud clouds[CLOUDS_MAX];
    struct device_conf_error err;
    struct route_table t;
    int r;

    for (unsigned i = 0; i < o->clouds.n; i++)
        clouds[i] = (struct route_cloud){o->clouds.ops[i]->name, o->clouds.ops[i]->place};
    r = route_table_make(&t, clouds, o->clouds.n, &o->conf, &err);
    if (r < 0)
        return options_complain_conf(o, err.line, r == -ENOMEM ? "out of memory" : err.why);
    route_table_deinit(&t);
    return 0;
}

static int check_cloud(struct options *o)
{
    const char *list = o->values[OPT_CLOUD].text ? o->values[OPT_CLOUD].text : "ot";
    char why[96];
    int code = 0;

    o->client.cloud = list;
    if (cloud_list_parse(list, &o->clouds, why, sizeof why) < 0) {
        if (o->values[OPT_CLOUD].text)
            return complain(o, OPT_CLOUD, "%s", why);
        fprintf(stderr, "miio_client: cloud ot is not built in; choose another with --cloud\n");
        return AG_EXIT_CONFIG;
    }
    for (unsigned i = 0; code == 0 && i < o->clouds.n; i++)
        code = check_one_cloud(o, o->clouds.ops[i]);
    return code == 0 ? check_routes(o) : code;
}

static bool has_cloud(const struct options *o, const char *name)
{
    for (unsigned i = 0; i < o->clouds.n; i++) {
        if (strcmp(o->clouds.ops[i]->name, name) == 0)
            return true;
    }
    return false;
}

/* Clouds of others know no provisioning by a phone, so a device that uses them is taken as being on the network. */
static int check_provisioning(struct options *o)
{
    bool none;
    int code = take_word(o, OPT_PROVISIONING, "wifi", "none", &none);

    if (!o->values[OPT_PROVISIONING].text)
        none = o->clouds.n > 0 && !has_cloud(o, "ot");
    o->client.wired = none;
    return code;
}

static int check_numbers(struct options *o)
{
    uint64_t level = 2, command = 4000, grace = 1000, request = 30000, memory = 16, window = 86400, tries = 5, pause = 3000;
    uint64_t identity = 0, ignored;
    const struct {
        int name;
        uint64_t least, most, *out;
    } numbers[] = {{OPT_LOGLEVEL, 0, 4, &level},
                   {OPT_COMMAND_TIMEOUT, 100, 600000, &command},
                   {OPT_COMMAND_GRACE, 0, 60000, &grace},
                   {OPT_REQUEST_TIMEOUT, 100, 3600000, &request},
                   {OPT_MEMORY_LIMIT, 4, 1024, &memory},
                   {OPT_LAN_STAMP_WINDOW, 0, 1000000000, &window},
                   {OPT_JOIN_TRIES, 1, 100, &tries},
                   {OPT_JOIN_PAUSE, 0, 600000, &pause},
                   {OPT_IDENTITY_PAUSE, 100, 86400000, &identity},
                   {OPT_PORT, 1, 65535, &ignored},
                   {OPT_INTERVAL, 1000, 86400000, &ignored}};

    for (size_t i = 0; i < ag_array_size(numbers); i++) {
        int code = take_number(o, numbers[i].name, numbers[i].least, numbers[i].most, numbers[i].out);

        if (code != 0)
            return code;
    }
    o->log_level = (int) level;
    o->client.command_timeout_ms = (unsigned) command;
    o->client.command_grace_ms = (unsigned) grace;
    o->client.request_timeout_ms = (unsigned) request;
    o->client.memory_limit = (size_t) memory << 20;
    o->client.lan_stamp_window_s = (unsigned) window;
    o->client.join_tries = (unsigned) tries;
    o->client.join_pause_ms = (unsigned) pause;
    o->client.identity_pause_ms = (unsigned) identity;
    return 0;
}

static int check_country(const struct options *o)
{
    const char *text = o->values[OPT_COUNTRY].text;
    char word[DEVICE_COUNTRY_MAX + 1];

    if (!text || !*text)
        return 0;
    if (strpbrk(text, " \t\r\n") || !device_country_parse(word, (struct ag_span){text, strlen(text)}))
        return complain(o, OPT_COUNTRY, "must be one word of letters and digits, at most %d", DEVICE_COUNTRY_MAX);
    return 0;
}

static int check_hooks(const struct options *o)
{
    const char *dir = o->values[OPT_HOOKS].text;

    if (!dir || access(dir, X_OK) == 0)
        return 0;
    return complain(o, OPT_HOOKS, "%s", strerror(errno));
}

int options_check(struct options *o)
{
    struct device_conf_error err;
    struct report_limits limits;
    bool tcp;
    int code = check_numbers(o);

    if (code == 0 && report_policy_check(&o->conf, &limits, &err) < 0) {
        fprintf(stderr, "miio_client: %s%s:%u: %s\n", o->client.dir.path, DATA_CONF, err.line, err.why);
        code = AG_EXIT_CONFIG;
    }
    if (code == 0)
        code = take_addr(o, OPT_LOCAL, "127.0.0.1:54322", false, &o->client.local);
    if (code == 0)
        code = take_addr(o, OPT_LAN, "0.0.0.0:54321", true, &o->client.lan);
    if (code == 0)
        code = take_addr(o, OPT_BLE, "127.0.0.1:54323", true, &o->client.ble);
    if (code == 0 && o->client.ble.kind == AG_ADDR_INET && !ag_addr_is_local(&o->client.ble))
        code = complain(o, OPT_BLE, "must be on loopback: its texts are not encrypted");
    if (code == 0)
        code = take_mqtt_api(o);
    if (code == 0)
        code = check_access(o);
    if (code == 0)
        code = check_model(o);
    if (code == 0)
        code = take_word(o, OPT_HELPER, "builtin", "external", &o->client.external_helper);
    if (code == 0)
        code = take_word(o, OPT_TELL_ORIGIN, "off", "on", &o->client.tells_origin);
    if (code == 0)
        code = take_word(o, OPT_TRANSPORT, "udp", "tcp", &tcp);
    if (code == 0 && o->values[OPT_HOST].source == FROM_COMMAND_LINE && o->values[OPT_COUNTRY].source == FROM_COMMAND_LINE)
        code = complain(o, OPT_COUNTRY, "cannot be combined with --host");
    if (code == 0)
        code = check_country(o);
    if (code == 0)
        code = check_hooks(o);
    if (code == 0)
        code = check_cloud(o);
    if (code == 0)
        code = check_provisioning(o);
    o->client.os_release = o->values[OPT_OS_RELEASE].text;
    o->client.hooks = o->values[OPT_HOOKS].text;
    o->client.country = o->values[OPT_COUNTRY].text;
    o->log_file = o->values[OPT_LOGFILE].text;
    return code;
}
