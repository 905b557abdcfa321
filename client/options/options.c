/* SPDX-License-Identifier: MIT */
#include "client/options/options_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "client/device/core/conf_keys.h"
#include "libagent/core/log/log.h"
#include "libagent/io/exit_code.h"
#include "libagent/io/inifile.h"

/* ---- collecting ---- */

int options_take_value(struct options *o, int name, const char *text, enum option_source source, int line)
{
    struct option_value *v = &o->values[name];
    char *copy;

    if (v->text && v->source > source)
        return 0;
    copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    free(v->text);
    *v = (struct option_value){copy, source, line};
    return 0;
}

static int on_config_item(void *user, const struct ag_ini_item *item, char *reason, size_t n)
{
    struct options *o = user;

    if (item->section[0]) {
        snprintf(reason, n, "sections are not used here");
        return -EINVAL;
    }
    for (int i = 0; i < N_OPTIONS; i++) {
        if (strcmp(option_infos[i].row.name, item->name) == 0)
            return options_take_value(o, i, item->value, FROM_CONFIG_FILE, item->line);
    }
    return -EINVAL;
}

static int take_device_conf(struct options *o)
{
    for (int i = 0; i < N_OPTIONS; i++) {
        const char *value = option_infos[i].row.key ? device_conf_get(&o->conf, option_infos[i].row.key) : NULL;

        if (value &&
            options_take_value(o, i, value, FROM_DEVICE_CONF, (int) device_conf_line(&o->conf, option_infos[i].row.key)) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* The clouds read device.conf only: what was given elsewhere is put there. */
static int give_device_conf(struct options *o)
{
    for (int i = 0; i < N_OPTIONS; i++) {
        const struct option_value *v = &o->values[i];

        if (option_infos[i].row.key && v->text && (v->source > FROM_DEVICE_CONF || i == OPT_MODEL /* absolute by now */) &&
            device_conf_set(&o->conf, option_infos[i].row.key, v->text) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* ---- reading ---- */

/* A daemon changes its directory, so paths are made absolute before that. */
static int make_absolute(char **path)
{
    char cwd[PATH_MAX], *absolute;

    if (!*path || (*path)[0] == '/')
        return 0;
    if (!getcwd(cwd, sizeof cwd) || asprintf(&absolute, "%s/%s", cwd, *path) < 0)
        return -ENOMEM;
    free(*path);
    *path = absolute;
    return 0;
}

static int make_paths_absolute(struct options *o)
{
    static const int names[] = {OPT_LOGFILE, OPT_HOOKS, OPT_OS_RELEASE, OPT_ACCESS, OPT_MODEL};

    for (size_t i = 0; i < ag_array_size(names); i++) {
        if (make_absolute(&o->values[names[i]].text) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int read_files(struct options *o)
{
    char error[DATA_ERROR_MAX];
    const char *dir;
    int r;

    if (o->config_file && ag_ini_parse_file(o->config_file, on_config_item, o, error) < 0) {
        ag_log_refusal("miio_client", "%s", error);
        return AG_EXIT_CONFIG;
    }
    dir = o->values[OPT_DATADIR].text ? o->values[OPT_DATADIR].text : "/etc/miio";
    r = data_dir_init(&o->client.dir, dir);
    if (r < 0) {
        ag_log_refusal("miio_client", "%s: %s", dir, strerror(-r));
        return AG_EXIT_CONFIG;
    }
    r = data_dir_load_conf(&o->client.dir, &o->conf, error);
    if (r == -ENOENT && o->values[OPT_HELPER].text && strcmp(o->values[OPT_HELPER].text, "external") == 0)
        r = 0; /* the helper will tell */
    if (r < 0) {
        ag_log_refusal("miio_client", "%s", error);
        return AG_EXIT_CONFIG;
    }
    return take_device_conf(o) < 0 || make_paths_absolute(o) < 0 || give_device_conf(o) < 0 ? EXIT_FAILURE : 0;
}

/* For --check-config; the daemon has them in its log. */
static void tell_unknown_keys(const struct options *o)
{
    char why[CONF_COMPLAINT_MAX];
    const char *name, *value;

    for (size_t i = 0; i < o->conf.n_entries; i++) {
        device_conf_nth(&o->conf, i, &name, &value);
        if (conf_key_complaint(name, why) || cloud_list_complaint(&o->clouds, name, why))
            options_complain_conf(o, device_conf_line(&o->conf, name), why);
    }
}

bool options_read(struct options *o, int argc, char **argv, int *code_out)
{
    int code;

    *o = (struct options){0};
    code = options_read_command_line(o, argc, argv);
    if (code < 0) {
        code = read_files(o);
        if (code == 0)
            code = options_check(o);
        if (code == 0 && !o->check_only)
            return true;
        if (code == 0) {
            tell_unknown_keys(o);
            puts("configuration is good");
        }
    }
    options_deinit(o);
    *code_out = code;
    return false;
}

void options_deinit(struct options *o)
{
    for (int i = 0; i < N_OPTIONS; i++)
        free(o->values[i].text);
    free(o->config_file);
    device_conf_deinit(&o->conf);
}
