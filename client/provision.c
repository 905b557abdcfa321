#include "client/provision.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include "client/client.h"
#include "client/device/io/zone.h"
#include "libagent/core/log.h"

enum {
    JOIN_LIMIT_MS = 60000, /* one try of wifi_start.sh */
    HOOK_LIMIT_MS = 30000,
    AFTER_GRACE_MS = 500,  /* an answer needs the network that is about to go */
    PATH_MAX_LEN = DATA_PATH_MAX + 64,
    N_ENV = 8,
    ENV_LEN = 640
};

#define WIFI_HOOK   "wifi_start.sh"
#define HELPER_HOOK "miio_client_helper.sh"

/* --hooks, and no other folder; without it the data directory, then where the programs are installed. */
static bool hook_path(const struct client *c, char out[PATH_MAX_LEN], const char *name)
{
    const char *told[] = {c->options.hooks, NULL}, *usual[] = {c->options.dir.path, MIIO_SHARE_DIR, NULL};

    return hook_find(out, PATH_MAX_LEN, c->options.hooks ? told : usual, name);
}

static bool hook_exists(const struct client *c, const char *name)
{
    char path[PATH_MAX_LEN];

    return hook_path(c, path, name);
}

/* What the platform's programs need to know; the names they must give to the access point and to DHCP among it. */
static void fill_env(const struct client *c, char text[N_ENV][ENV_LEN], const char *env[N_ENV + 1])
{
    char ssid[40], host[64];
    int n = 0;

    device_ap_ssid(ssid, sizeof ssid, c->conf->model, c->conf->mac);
    device_host_name(host, sizeof host, c->conf->model, c->conf->did);
    snprintf(text[n++], ENV_LEN, "MIIO_DATA_DIR=%s", c->options.dir.path);
    snprintf(text[n++], ENV_LEN, "MIIO_MODEL=%s", c->conf->model);
    snprintf(text[n++], ENV_LEN, "MIIO_MAC=%s", c->conf->mac);
    snprintf(text[n++], ENV_LEN, "MIIO_DID=%" PRIu64, c->conf->did);
    snprintf(text[n++], ENV_LEN, "MIIO_AP_SSID=%s", ssid);
    snprintf(text[n++], ENV_LEN, "MIIO_HOST_NAME=%s", host);
    for (int i = 0; i < n; i++)
        env[i] = text[i];
    env[n] = NULL;
}

static int run_hook(struct client *c, struct hook **slot, const char *name, const char *verb, const char *arg,
                    unsigned limit_ms, hook_fn done)
{
    char path[PATH_MAX_LEN], text[N_ENV][ENV_LEN];
    const char *env[N_ENV + 1], *args[] = {path, verb, arg, NULL};
    int r;

    hook_path(c, path, name);
    fill_env(c, text, env);
    r = hook_run(slot, c->loop, args, env, limit_ms, done, c);
    if (r < 0)
        ag_log(AG_LOG_ERROR, "%s: %s", path, strerror(-r));
    return r;
}

int provision_run_helper(struct client *c, struct hook **slot, const char *verb, unsigned limit_ms, hook_fn done)
{
    return run_hook(c, slot, HELPER_HOOK, verb, NULL, limit_ms, done);
}

void provision_init(struct client *c)
{
    join_init(&c->provision.join);
    c->provision.join.max_tries = c->options.join_tries;
    c->provision.join.pause_ms = c->options.join_pause_ms;
}

/* A function of its own: GCC 12 takes a pointer to the struct for one to its first member once both are at hand. */
static __attribute__((noinline)) void forget_params(struct client *c)
{
    explicit_bzero(&c->provision.params, sizeof c->provision.params);
}

void provision_deinit(struct client *c)
{
    hook_cancel(c->provision.hook);
    hook_cancel(c->provision.zone_hook);
    c->provision.hook = c->provision.zone_hook = NULL;
    join_cancel(&c->provision.join);
    c->provision.after = AFTER_NOTHING;
    forget_params(c);
}

unsigned provision_missing_hooks(const struct client *c, const char *out[2])
{
    static const char *const names[] = {WIFI_HOOK, HELPER_HOOK};
    unsigned n = 0;

    for (size_t i = 0; i < ag_array_size(names) && !c->options.external_helper; i++)
        if (!hook_exists(c, names[i]))
            out[n++] = names[i];
    return n;
}

void provision_check_hooks(const struct client *c)
{
    char path[PATH_MAX_LEN];

    if (c->options.external_helper)
        return;
    if (!hook_path(c, path, WIFI_HOOK))
        ag_log(AG_LOG_WARNING, "%s: %s: there is no access point, and no network can be joined", path, strerror(errno));
    if (!hook_path(c, path, HELPER_HOOK))
        ag_log(AG_LOG_INFO, "%s: %s: reboot and zone are left to applications", path, strerror(errno));
}

/* ---- files ---- */

/* What a network changes: all of it or nothing. */
struct router_files {
    struct ag_file_stage country, uid, wifi;
};

static int stage_uid(struct client *c, struct router_files *f, uint64_t uid)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRIu64 "\n", uid);

    return uid == 0 ? 0 : data_dir_stage(&c->options.dir, DATA_UID, (struct ag_span){text, (size_t) n}, &f->uid);
}

static int stage_country(struct client *c, struct router_files *f, const char *country)
{
    char text[20];
    int n = snprintf(text, sizeof text, "%s\n", country);

    return country[0] ? data_dir_stage(&c->options.dir, DATA_COUNTRY, (struct ag_span){text, (size_t) n}, &f->country)
                      : 0;
}

static int stage_wifi(struct client *c, struct router_files *f, const struct wifi_conf *w)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_SECRET_INIT;
    int r = wifi_conf_build(&text, w);

    return r == 0 ? data_dir_stage(&c->options.dir, DATA_WIFI, ag_buf_span(&text), &f->wifi) : r;
}

/* wifi.conf comes last: its existence says that all is there. */
static int commit_files(struct client *c, struct router_files *f)
{
    int r = f->country.path ? ag_file_stage_commit(&f->country) : data_dir_remove(&c->options.dir, DATA_COUNTRY);

    if (r == 0 && f->uid.path)
        r = ag_file_stage_commit(&f->uid);
    return r == 0 ? ag_file_stage_commit(&f->wifi) : r;
}

int provision_save_files(struct client *c, const struct router_params *p)
{
    struct router_files f = {AG_FILE_STAGE_INIT, AG_FILE_STAGE_INIT, AG_FILE_STAGE_INIT};
    int r = stage_wifi(c, &f, &p->wifi);

    if (r == 0)
        r = stage_uid(c, &f, p->wifi.uid);
    if (r == 0)
        r = stage_country(c, &f, p->country);
    if (r == 0)
        r = commit_files(c, &f);
    ag_file_stage_drop(&f.country);
    ag_file_stage_drop(&f.uid);
    ag_file_stage_drop(&f.wifi);
    return r;
}

/* The owner's number, as long as this process runs also after his network failed. */
static uint64_t owner_uid(const struct client *c)
{
    uint64_t uid = data_dir_read_uid(&c->options.dir);

    return uid ? uid : c->provision.last_uid;
}

void provision_drop_network(struct client *c)
{
    static const char *const names[] = {DATA_WIFI, DATA_UID, DATA_COUNTRY};

    if (c->provision.params.wifi.trial == WIFI_NEXT_TRIAL)
        c->provision.last_uid = owner_uid(c);
    for (size_t i = 0; i < ag_array_size(names); i++)
        data_dir_remove(&c->options.dir, names[i]);
    data_dir_sweep(&c->options.dir);
    forget_params(c);
    c->country[0] = '\0';
    client_use_country(c);
}

/* ---- joining ---- */

static void on_ap_hook(void *user, int status)
{
    struct client *c = user;

    (void) status; /* as the contract of wifi_start.sh has it */
    c->provision.hook = NULL;
    client_event(c, DEVICE_EV_AP);
    client_rearm(c);
}

/* Without wifi.conf the program opens the access point. Told when it has ended, as phones look for it then. A
   device whose network needs no phone has none to open: it goes on with what it has. */
static void go_ap(struct client *c)
{
    if (c->options.wired) {
        client_event(c, DEVICE_EV_PROVISIONED);
        client_go_online(c);
        return;
    }
    client_set_provisioned(c, false);
    if (run_hook(c, &c->provision.hook, WIFI_HOOK, NULL, NULL, JOIN_LIMIT_MS, on_ap_hook) < 0)
        client_event(c, DEVICE_EV_AP);
}

void provision_joined(struct client *c)
{
    struct data_dir *dir = &c->options.dir;
    int r = c->options.external_helper ? 0 : data_dir_end_trial(dir);

    if (r < 0)
        ag_log(AG_LOG_WARNING, "%s%s: %s: the next start joins anew", dir->path, DATA_WIFI, strerror(-r));
    forget_params(c);
    c->provision.last_uid = 0;
    c->n_joined++;
    client_set_provisioned(c, true);
    if (!c->options.external_helper)
        data_dir_read_country(dir, c->country);
    client_use_country(c);
    client_event(c, DEVICE_EV_JOINED);
    client_go_online(c);
}

static void join_failed(struct client *c)
{
    c->n_join_failed++;
    ag_log(AG_LOG_WARNING, "joining \"%s\" failed %u times, back to the access point", c->provision.params.wifi.ssid,
           c->provision.join.tries);
    cloud_link_stop(
        c, false); /* a device that was on another network: no more retries from behind the access point */
    client_event(c, DEVICE_EV_JOIN_FAILED);
    provision_drop_network(c);
    go_ap(c);
}

static void on_join_hook(void *user, int status)
{
    struct client *c = user;

    c->provision.hook = NULL;
    if (status != 0)
        ag_log(AG_LOG_WARNING, WIFI_HOOK " ended with %d, try %u", status, c->provision.join.tries);
    switch (join_ended(&c->provision.join, status == 0, uv_now(c->loop))) {
    case JOIN_SUCCESS:
        provision_joined(c);
        break;
    case JOIN_FAILED:
        join_failed(c);
        break;
    case JOIN_WAIT:
    case JOIN_RUN:
        break;
    }
    client_rearm(c);
}

static void run_try(struct client *c)
{
    if (run_hook(c, &c->provision.hook, WIFI_HOOK, NULL, NULL, JOIN_LIMIT_MS, on_join_hook) < 0)
        on_join_hook(c, 127);
}

/* After enauth the owner's phone may still give a network, and a router that renews its password, who know the token:
   over the LAN, that is. */
static bool is_stranger(const struct client *c, enum origin_kind from, const struct router_params *p, uint64_t owner)
{
    if (!data_dir_has(&c->options.dir, DATA_ENAUTH))
        return false;
    if (from != ORIGIN_LAN || (!c->provisioned && owner == 0))
        return true;
    return p->wifi.uid != 0 && p->wifi.uid != owner;
}

/* A router that renews its password knows neither user nor country: those of before stay. */
static void fill_up(struct client *c, struct router_params *p, uint64_t owner)
{
    bool same_owner = c->provisioned && (p->wifi.uid == 0 || p->wifi.uid == owner);

    if (p->wifi.uid == 0)
        p->wifi.uid = owner;
    if (same_owner && !p->country[0])
        memcpy(p->country, c->country, sizeof p->country);
    p->wifi.trial = c->provisioned ? WIFI_NEXT_TRIAL : WIFI_FIRST_TRIAL;
}

static int begin_join(struct client *c, const struct router_params *params)
{
    struct provision *p = &c->provision;
    int r = provision_save_files(c, params);

    if (r < 0)
        return r;
    p->params = *params;
    if (params->zone[0])
        provision_set_zone(c, params->zone);
    join_begin(&p->join, uv_now(c->loop));
    client_event(c, DEVICE_EV_JOINING);
    return 0;
}

int provision_begin(struct client *c, enum origin_kind from, const struct router_params *params)
{
    struct provision *p = &c->provision;
    uint64_t owner = owner_uid(c);
    struct router_params full = *params;
    int r;

    if (c->options.wired || is_stranger(c, from, params, owner)) {
        explicit_bzero(&full, sizeof full);
        return -EPERM;
    }
    fill_up(c, &full, owner);
    if (p->join.active || p->hook || p->after != AFTER_NOTHING)
        r = -EBUSY;
    else if (!params->has_uid && !c->provisioned && owner == 0)
        r = ROUTER_E_UID;
    else
        r = c->options.external_helper ? helper_link_join(c, &full) : begin_join(c, &full);
    explicit_bzero(&full, sizeof full);
    return r;
}

void provision_resume(struct client *c, const struct wifi_conf *w)
{
    ag_log(AG_LOG_INFO, "the last run ended while it joined \"%s\": going on", w->ssid);
    c->provision.params.wifi = *w;
    join_begin(&c->provision.join, uv_now(c->loop));
    client_event(c, DEVICE_EV_JOINING);
}

/* ---- zone ---- */

static void on_zone_hook(void *user, int status)
{
    struct client *c = user;

    c->provision.zone_hook = NULL;
    if (status != 0)
        ag_log(AG_LOG_WARNING, HELPER_HOOK " zone ended with %d", status);
}

bool provision_set_zone(struct client *c, const char *zone)
{
    const char *link = device_conf_get(c->conf, "zone_link"), *dir = device_conf_get(c->conf, "zone_dir");
    bool ok = false;

    if (c->options.external_helper)
        return helper_ask_zone(&c->helper.core, zone) == 0;
    if (link && link[0]) {
        int r = zone_link(dir && dir[0] ? dir : "/usr/share/zoneinfo", zone, link);

        if (r < 0)
            ag_log(AG_LOG_WARNING, "zone %s: %s", zone, strerror(-r));
        ok = r == 0;
    }
    if (!c->provision.zone_hook && hook_exists(c, HELPER_HOOK))
        ok = run_hook(c, &c->provision.zone_hook, HELPER_HOOK, "zone", zone, HOOK_LIMIT_MS, on_zone_hook) == 0 || ok;
    return ok;
}

/* ---- reboot and reset ---- */

bool provision_reboot(struct client *c)
{
    if (c->provision.after != AFTER_NOTHING || c->options.external_helper || !hook_exists(c, HELPER_HOOK))
        return false;
    c->provision.after = AFTER_REBOOT;
    c->provision.after_at_ms = uv_now(c->loop) + AFTER_GRACE_MS;
    return true;
}

int provision_reset(struct client *c)
{
    struct provision *p = &c->provision;
    char token[DEVICE_TOKEN_LEN + 1];
    int r;

    if (c->options.external_helper)
        return -ENOSYS;
    if (p->after != AFTER_NOTHING)
        return p->after == AFTER_RESET ? 0 : -EBUSY; /* asked once more: it is on the disk already */
    r = data_dir_draw_token(token);
    if (r == 0)
        r = report_path_forget(&c->reports);
    if (r == 0)
        r = data_dir_forget_owner(&c->options.dir, token);
    if (r == 0) {
        memcpy(p->new_token, token, sizeof p->new_token);
        join_cancel(&p->join);
        hook_cancel(p->hook);
        p->hook = NULL;
        p->after = AFTER_RESET;
        p->after_at_ms = uv_now(c->loop) + AFTER_GRACE_MS;
    }
    explicit_bzero(token, sizeof token);
    if (r < 0)
        ag_log(AG_LOG_ERROR, "reset: %s: refused", strerror(-r));
    return r;
}

static void on_plain_hook(void *user, int status)
{
    struct client *c = user;

    c->provision.hook = NULL;
    if (status != 0)
        ag_log(AG_LOG_WARNING, HELPER_HOOK " ended with %d", status);
    client_rearm(c);
}

static void on_restore_hook(void *user, int status)
{
    struct client *c = user;

    on_plain_hook(c, status);
    go_ap(c);
}

/* What is in memory goes. The files have gone before the asker was told. */
static void forget_owner(struct client *c)
{
    struct provision *p = &c->provision;
    int r = client_set_token(c, p->new_token);

    if (r < 0)
        ag_log(AG_LOG_ERROR, "no new token: %s", strerror(-r));
    explicit_bzero(p->new_token, sizeof p->new_token);
    explicit_bzero(&p->params, sizeof p->params);
    p->last_uid = 0;
    lan_expire(&c->lan, UINT64_MAX); /* what was answered to phones */
    if (data_dir_has(&c->options.dir, DATA_ENAUTH)) /* the last thing that the owner said */
        data_dir_remove(&c->options.dir, DATA_ENAUTH);
    c->country[0] = '\0';
    client_use_country(c);
}

/* The order of section 10: the device forgets its owner, a new token is in force, the access point opens. */
static void reset(struct client *c)
{
    ag_log(AG_LOG_WARNING, "reset: the device forgets its network and its owner");
    if (c->link.cloud && c->link.ops->forget)
        c->link.ops->forget(c->link.cloud);
    cloud_link_stop(c, false);
    report_path_forget(&c->reports);
    forget_owner(c);
    if (!hook_exists(c, HELPER_HOOK) ||
        run_hook(c, &c->provision.hook, HELPER_HOOK, "restore", NULL, HOOK_LIMIT_MS, on_restore_hook) < 0)
        go_ap(c);
}

/* A reset ends the program that runs; a reboot, as a try to join, waits for its end: they share the one slot. */
static bool after_may_run(const struct provision *p)
{
    return p->after == AFTER_RESET || (p->after == AFTER_REBOOT && !p->hook);
}

static void run_after(struct client *c)
{
    enum provision_after after = c->provision.after;

    c->provision.after = AFTER_NOTHING;
    if (after == AFTER_RESET)
        reset(c);
    else
        run_hook(c, &c->provision.hook, HELPER_HOOK, "reboot", NULL, HOOK_LIMIT_MS, on_plain_hook);
}

void provision_tick(struct client *c, uint64_t now_ms)
{
    struct provision *p = &c->provision;

    if (after_may_run(p) && now_ms >= p->after_at_ms)
        run_after(c);
    if (!p->hook && join_tick(&p->join, now_ms) == JOIN_RUN)
        run_try(c);
}

uint64_t provision_next_deadline(const struct client *c)
{
    const struct provision *p = &c->provision;
    uint64_t at = p->hook ? UINT64_MAX : join_next_deadline(&p->join);

    if (after_may_run(p) && p->after_at_ms < at)
        at = p->after_at_ms;
    return at;
}

bool provision_busy(const struct client *c)
{
    return c->provision.join.active || c->provision.hook || c->provision.after != AFTER_NOTHING ||
           c->identity.hook || c->helper.join_until_ms != UINT64_MAX;
}
