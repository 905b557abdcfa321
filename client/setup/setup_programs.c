/* SPDX-License-Identifier: MIT */
/* The platform's programs: where they are, what they are told, and which place they run in. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "client/setup/setup_priv.h"

enum {
    JOIN_LIMIT_MS = 60000, /* one try of wifi_start.sh */
    HELPER_LIMIT_MS = 30000,
    IDENTITY_LIMIT_MS = 120000,
    PATH_MAX_LEN = DATA_PATH_MAX + 64,
    N_ENV = 8,
    ENV_LEN = 640
};

#define WIFI_HOOK   "wifi_start.sh"
#define HELPER_HOOK "miio_client_helper.sh"

static void on_ap(void *user, int status)
{
    setup_link_ended(user, SETUP_RUN_AP, status);
}

static void on_join(void *user, int status)
{
    struct setup *s = user;

    if (status != 0)
        ag_log(AG_LOG_WARNING, WIFI_HOOK " ended with %d, try %u", status, s->machine.tries);
    setup_link_ended(s, SETUP_RUN_JOIN, status);
}

static void tell_status(int status, const char *verb)
{
    if (status != 0)
        ag_log(AG_LOG_WARNING, HELPER_HOOK "%s ended with %d", verb, status);
}

static void on_restore(void *user, int status)
{
    tell_status(status, "");
    setup_link_ended(user, SETUP_RUN_RESTORE, status);
}

static void on_reboot(void *user, int status)
{
    tell_status(status, "");
    setup_link_ended(user, SETUP_RUN_REBOOT, status);
}

static void on_zone(void *user, int status)
{
    tell_status(status, " zone");
    setup_link_ended(user, SETUP_RUN_ZONE, status);
}

static void on_identity(void *user, int status)
{
    setup_link_ended(user, SETUP_RUN_IDENTITY, status);
}

static const struct program {
    const char *name, *verb;
    unsigned limit_ms;
    hook_fn done;
} programs[] = {
    [SETUP_RUN_AP] = {WIFI_HOOK, NULL, JOIN_LIMIT_MS, on_ap},
    [SETUP_RUN_JOIN] = {WIFI_HOOK, NULL, JOIN_LIMIT_MS, on_join},
    [SETUP_RUN_RESTORE] = {HELPER_HOOK, "restore", HELPER_LIMIT_MS, on_restore},
    [SETUP_RUN_REBOOT] = {HELPER_HOOK, "reboot", HELPER_LIMIT_MS, on_reboot},
    [SETUP_RUN_ZONE] = {HELPER_HOOK, "zone", HELPER_LIMIT_MS, on_zone},
    [SETUP_RUN_IDENTITY] = {HELPER_HOOK, "identity", IDENTITY_LIMIT_MS, on_identity},
};

/* --hooks, and no other folder; without it the data directory, then where the programs are installed. */
static bool find(const struct setup *s, char out[PATH_MAX_LEN], const char *name)
{
    const char *told[] = {s->env.hooks, NULL}, *usual[] = {s->env.dir->path, MIIO_SHARE_DIR, NULL};

    return hook_find(out, PATH_MAX_LEN, s->env.hooks ? told : usual, name);
}

bool setup_program_is_there(const struct setup *s, const char *name)
{
    char path[PATH_MAX_LEN];

    return find(s, path, name);
}

/* What the programs need to know; the names they must give to the access point and to DHCP among it. */
static void fill_env(const struct setup *s, char text[N_ENV][ENV_LEN], const char *env[N_ENV + 1])
{
    const struct device_conf *conf = s->env.conf;
    char ssid[40], host[64];
    int n = 0;

    device_ap_ssid(ssid, sizeof ssid, conf->model, conf->mac);
    device_host_name(host, sizeof host, conf->model, conf->did);
    snprintf(text[n++], ENV_LEN, "MIIO_DATA_DIR=%s", s->env.dir->path);
    snprintf(text[n++], ENV_LEN, "MIIO_MODEL=%s", conf->model);
    snprintf(text[n++], ENV_LEN, "MIIO_MAC=%s", conf->mac);
    snprintf(text[n++], ENV_LEN, "MIIO_DID=%" PRIu64, conf->did);
    snprintf(text[n++], ENV_LEN, "MIIO_AP_SSID=%s", ssid);
    snprintf(text[n++], ENV_LEN, "MIIO_HOST_NAME=%s", host);
    for (int i = 0; i < n; i++)
        env[i] = text[i];
    env[n] = NULL;
}

struct hook **setup_program_place(struct setup *s, enum setup_program program)
{
    return program == SETUP_RUN_ZONE ? &s->zone : program == SETUP_RUN_IDENTITY ? &s->identity : &s->place;
}

/* With wifi.conf wifi_start.sh joins that network instead, and nobody at the access point would know. */
static bool network_is_left(const struct setup *s)
{
    if (!data_dir_has(s->env.dir, DATA_WIFI))
        return false;
    if (data_dir_remove(s->env.dir, DATA_WIFI) < 0)
        return true;
    setup_files_drop(s->env.dir); /* the rest may have been kept, too */
    return false;
}

int setup_program_run(struct setup *s, enum setup_program program)
{
    const struct program *p = &programs[program];
    char path[PATH_MAX_LEN], text[N_ENV][ENV_LEN];
    const char *env[N_ENV + 1], *args[] = {path, p->verb, program == SETUP_RUN_ZONE ? s->machine.zone : NULL, NULL};
    int r;

    if (program == SETUP_RUN_AP && network_is_left(s))
        return -EAGAIN;
    find(s, path, p->name);
    fill_env(s, text, env);
    r = hook_run(setup_program_place(s, program), s->env.loop, args, env, p->limit_ms, p->done, s);
    if (r < 0)
        ag_log(AG_LOG_ERROR, "%s: %s", path, strerror(-r));
    if (r < 0 && program == SETUP_RUN_JOIN)
        ag_log(AG_LOG_WARNING, WIFI_HOOK " did not start, try %u", s->machine.tries);
    return r;
}

unsigned setup_link_missing_programs(const struct setup *s, const char *out[2])
{
    static const char *const names[] = {WIFI_HOOK, HELPER_HOOK};
    unsigned n = 0;

    for (size_t i = 0; i < ag_array_size(names) && !s->machine.settings.external; i++)
        if (!setup_program_is_there(s, names[i]))
            out[n++] = names[i];
    return n;
}

void setup_programs_look(const struct setup *s)
{
    char path[PATH_MAX_LEN];

    if (!find(s, path, WIFI_HOOK))
        ag_log(AG_LOG_WARNING, "%s: %s: there is no access point, and no network can be joined", path, strerror(errno));
    if (!find(s, path, HELPER_HOOK))
        ag_log(AG_LOG_INFO, "%s: %s: reboot and zone are left to applications", path, strerror(errno));
}
