/* SPDX-License-Identifier: MIT */
/* What provisioning does with files. */
#include <inttypes.h>
#include <stdio.h>
#include "client/device/io/zone.h"
#include "client/setup/setup_priv.h"

/* What a network changes: all of it or nothing. */
struct network_files {
    struct ag_file_stage token, country, uid, wifi;
};

static int stage_token(const struct data_dir *dir, struct network_files *f, const char *token)
{
    return token ? data_dir_stage(dir, DATA_TOKEN, (struct ag_span){token, DEVICE_TOKEN_LEN}, &f->token) : 0;
}

static int stage_uid(const struct data_dir *dir, struct network_files *f, uint64_t uid)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRIu64 "\n", uid);

    return uid == 0 ? 0 : data_dir_stage(dir, DATA_UID, (struct ag_span){text, (size_t) n}, &f->uid);
}

static int stage_country(const struct data_dir *dir, struct network_files *f, const char *country)
{
    char text[20];
    int n = snprintf(text, sizeof text, "%s\n", country);

    return country[0] ? data_dir_stage(dir, DATA_COUNTRY, (struct ag_span){text, (size_t) n}, &f->country) : 0;
}

static int stage_wifi(const struct data_dir *dir, struct network_files *f, const struct wifi_conf *w)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_SECRET_INIT;
    int r = wifi_conf_build(&text, w);

    return r == 0 ? data_dir_stage(dir, DATA_WIFI, ag_buf_span(&text), &f->wifi) : r;
}

/* wifi.conf comes last: its existence says that all is there. */
static int commit(const struct data_dir *dir, struct network_files *f)
{
    int r = f->token.path ? ag_file_stage_commit(&f->token) : 0;

    if (r == 0)
        r = f->country.path ? ag_file_stage_commit(&f->country) : data_dir_remove(dir, DATA_COUNTRY);
    if (r == 0 && f->uid.path)
        r = ag_file_stage_commit(&f->uid);
    return r == 0 ? ag_file_stage_commit(&f->wifi) : r;
}

int setup_files_save(const struct data_dir *dir, const struct router_params *p, const char *token)
{
    struct network_files f = {AG_FILE_STAGE_INIT, AG_FILE_STAGE_INIT, AG_FILE_STAGE_INIT, AG_FILE_STAGE_INIT};
    int r = stage_wifi(dir, &f, &p->wifi);

    if (r == 0)
        r = stage_token(dir, &f, token);
    if (r == 0)
        r = stage_uid(dir, &f, p->wifi.uid);
    if (r == 0)
        r = stage_country(dir, &f, p->country);
    if (r == 0)
        r = commit(dir, &f);
    ag_file_stage_drop(&f.token);
    ag_file_stage_drop(&f.country);
    ag_file_stage_drop(&f.uid);
    ag_file_stage_drop(&f.wifi);
    return r;
}

void setup_files_drop(const struct data_dir *dir)
{
    static const char *const names[] = {DATA_WIFI, DATA_UID, DATA_COUNTRY};

    for (size_t i = 0; i < ag_array_size(names); i++)
        data_dir_remove(dir, names[i]);
    data_dir_sweep(dir);
}

/* What cannot be removed is logged; the token is the new one anyway: a disk that takes nothing keeps nobody
   from talking to the device. */
int setup_files_fresh_token(const struct data_dir *dir, char token_out[DEVICE_TOKEN_LEN + 1])
{
    int r = data_dir_draw_token(token_out);

    if (r == 0)
        data_dir_forget_owner(dir, token_out);
    return r;
}

bool setup_files_wants_zone_link(const struct device_conf *conf)
{
    const char *link = device_conf_get(conf, "zone_link");

    return link && link[0];
}

int setup_files_link_zone(const struct device_conf *conf, const char *zone)
{
    const char *dir = device_conf_get(conf, "zone_dir");

    return zone_link(dir && dir[0] ? dir : "/usr/share/zoneinfo", zone, device_conf_get(conf, "zone_link"));
}

void setup_files_take_identity(struct device_conf *conf, const struct device_conf *fresh)
{
    conf->did = fresh->did;
    memcpy(conf->key, fresh->key, sizeof conf->key);
    memcpy(conf->mac, fresh->mac, sizeof conf->mac);
    memcpy(conf->model, fresh->model, sizeof conf->model);
    memcpy(conf->vendor, fresh->vendor, sizeof conf->vendor);
}
