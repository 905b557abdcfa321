/* SPDX-License-Identifier: MIT */
/* Checks values against each other, and the files that they name; the table says what each may be by itself. */
#include "client/options/options_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "client/report/core/report_policy.h"
#include "client/report/core/report_route.h"
#include "libagent/core/log/log.h"
#include "libagent/core/util.h"
#include "libagent/io/access/access_file.h"
#include "libagent/io/exit_code.h"
#include "libagent/io/file.h"
#include "libagent/io/inifile.h"
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
        ag_log_refusal("miio_client", "--%s %s: %s", option_infos[name].row.name, v->text, reason);
    else if (v->source == FROM_CONFIG_FILE)
        ag_log_refusal("miio_client", "%s:%d: %s: %s", o->config_file, v->line, option_infos[name].row.name, reason);
    else
        ag_log_refusal("miio_client", "%s%s:%d: %s: %s", o->client.dir.path, DATA_CONF, v->line, option_infos[name].row.key,
                       reason);
    return v->source == FROM_COMMAND_LINE ? AG_EXIT_USAGE : AG_EXIT_CONFIG;
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

static int check_access(const struct options *o)
{
    char error[AG_INI_ERROR_MAX];
    struct ag_access rules;
    int r = 0;

    ag_access_init(&rules, geteuid());
    if (o->client.access_file)
        r = ag_access_read(&rules, o->client.access_file, error);
    ag_access_deinit(&rules);
    if (r >= 0)
        return 0;
    ag_log_refusal("miio_client", "%s", error);
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
    ag_log_refusal("miio_client", "%s%s%s: %s", o->client.dir.path, DATA_CONF, at, why);
    return AG_EXIT_CONFIG;
}

static int check_one_cloud(const struct options *o, const struct cloud_ops *ops)
{
    char why[160] = "";

    if (identity_is_missing(o->conf.did))
        return 0; /* checked when the identity has come */
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
        ag_log_refusal("miio_client", "cloud ot is not built in; choose another with --cloud");
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

/* The defaults. */
static void set_defaults(struct options *o)
{
    o->log_level = 2;
    o->client.command_timeout_ms = 4000;
    o->client.command_grace_ms = 1000;
    o->client.request_timeout_ms = 30000;
    o->client.memory_limit = (size_t) 16 << 20;
    o->client.lan_stamp_window_s = 86400;
    o->client.join_tries = 5;
    o->client.join_pause_ms = 3000;
    ag_addr_parse("127.0.0.1:54322", &o->client.local, NULL);
    ag_addr_parse("0.0.0.0:54321", &o->client.lan, NULL);
    ag_addr_parse("127.0.0.1:54323", &o->client.ble, NULL);
}

/* Each by itself; the table says what it may be. */
static int check_values(struct options *o)
{
    char reason[REASON_MAX];

    for (int i = 0; i < N_OPTIONS; i++) {
        if (options_set(o, i, reason, sizeof reason) < 0)
            return complain(o, i, "%s", reason);
    }
    return 0;
}

int options_check(struct options *o)
{
    struct device_conf_error err;
    struct report_limits limits;
    int code;

    set_defaults(o);
    code = check_values(o);
    if (code == 0 && report_policy_check(&o->conf, &limits, &err) < 0)
        code = options_complain_conf(o, err.line, err.why);
    if (code == 0)
        code = check_access(o);
    if (code == 0)
        code = check_model(o);
    if (code == 0 && o->values[OPT_HOST].source == FROM_COMMAND_LINE && o->values[OPT_COUNTRY].source == FROM_COMMAND_LINE)
        code = complain(o, OPT_COUNTRY, "cannot be combined with --host");
    if (code == 0)
        code = check_cloud(o);
    /* other clouds have no provisioning by a phone: a device that uses them counts as being on the network */
    if (code == 0 && !o->values[OPT_PROVISIONING].text)
        o->client.wired = o->clouds.n > 0 && !has_cloud(o, "ot");
    return code;
}
