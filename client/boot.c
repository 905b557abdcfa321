/* The boot order, from the identity to the network, and what each step hands to the other parts. */
#include "client/client.h"

#include <stdio.h>
#include "client/device/core/conf_keys.h"
#include "libagent/core/log.h"
#include "libagent/io/trust.h"

int client_set_token(struct client *c, const char token[DEVICE_TOKEN_LEN + 1])
{
    int r = lan_set_token(&c->lan, token);

    if (r < 0)
        return r;
    memcpy(c->token, token, sizeof c->token);
    device_token_hex(c->token_hex, token);
    return 0;
}

/* A device without wifi.conf belongs to nobody: the token that its last owner knew goes, and the flag that
   would keep the next owner's phone out. A disk that takes nothing keeps nobody from talking to the device. */
static int settle_files(struct client *c, char error[DATA_ERROR_MAX])
{
    struct data_dir *dir = &c->options.dir;
    char token[DEVICE_TOKEN_LEN + 1];
    bool owned = c->options.wired || data_dir_has(dir, DATA_WIFI);
    int r = 0;

    data_dir_look_at_modes(dir);
    if (!owned) {
        r = data_dir_draw_token(token);
        if (r == 0)
            data_dir_forget_owner(dir, token); /* what cannot be removed is told; the token is the new one anyway */
        report_path_forget(&c->reports);
    } else {
        data_dir_sweep(dir);
        r = data_dir_settle_token(dir, token);
    }
    if (r == 0)
        r = client_set_token(c, token);
    explicit_bzero(token, sizeof token);
    if (r < 0) {
        snprintf(error, DATA_ERROR_MAX, "%s%s: %s", dir->path, DATA_TOKEN, strerror(-r));
        return r;
    }
    if (owned)
        data_dir_read_country(dir, c->country);
    if (!c->options.country && c->country[0])
        client_use_country(c);
    data_dir_read_version(c->version, c->options.os_release, c->conf->vendor);
    client_set_provisioned(c, owned);
    return 0;
}

/* The last run was cut off while it joined a network: this one goes on with it. A device that had one before is on its
   way to the cloud all the same, as it was then. */
static void resume_join(struct client *c)
{
    struct wifi_conf w = {0};

    if (!c->options.wired && data_dir_read_wifi(&c->options.dir, &w) >= 0 && w.trial != WIFI_JOINED) {
        client_set_provisioned(c, w.trial == WIFI_NEXT_TRIAL);
        provision_resume(c, &w);
    }
    explicit_bzero(&w, sizeof w);
}

void client_set_provisioned(struct client *c, bool provisioned)
{
    c->provisioned = provisioned;
    c->lan.reveal_token = !provisioned && !data_dir_has(&c->options.dir, DATA_ENAUTH);
}

const char *client_country(const struct client *c)
{
    const char *in_use = device_conf_get(c->conf, "country");

    return in_use ? in_use : "";
}

/* An option beats what a phone brought. */
void client_use_country(struct client *c)
{
    const char *next = c->options.country ? c->options.country : c->country;

    if (strcmp(next, client_country(c)) == 0)
        return;
    if (device_conf_set(c->conf, "country", next) < 0) {
        ag_log(AG_LOG_ERROR, "country: out of memory");
        return;
    }
    ag_log(AG_LOG_INFO, "country %s", next[0] ? next : "not given: mainland");
    if (c->link.cloud && !c->link.stopping && c->link.ops->kick)
        c->link.ops->kick(c->link.cloud); /* it may mean another server */
}

static bool cloud_is_configured(struct client *c)
{
    char why[160] = "";

    if (!c->link.ops || !c->link.ops->check || c->link.ops->check(c->conf, why, sizeof why) == 0)
        return true;
    ag_log(AG_LOG_ERROR, "cloud %s: %s", c->link.ops->name, why);
    return false;
}

void client_go_online(struct client *c)
{
    if (identity_is_missing(c->conf->did)) {
        identity_ask(c);
        return;
    }
    if (!cloud_is_configured(c))
        return;
    if (c->link.cloud && c->link.stopping) {
        c->link.restart = true;
    } else if (c->link.cloud && c->link.ops->kick) {
        client_event(c, DEVICE_EV_CLOUD_START);
        c->link.ops->kick(c->link.cloud);
    } else {
        cloud_link_start(c);
    }
}

/* did 1: the phone has given a network, now the device gets to know who it is; did 0: the network was there before. */
void client_identity_known(struct client *c)
{
    client_event(c, DEVICE_EV_IDENTITY);
    client_event(c, DEVICE_EV_TOKEN);
    client_event(c, DEVICE_EV_PROVISIONED);
    client_go_online(c);
}

/* The one file with a secret that device.conf names. */
static void look_at_mqtt_key(const struct client *c)
{
    const char *path = device_conf_get(c->conf, "mqtt_key");
    char why[AG_TRUST_WHY_MAX];

    if (path && path[0] && ag_trust_file(path, AG_TRUST_SECRET, why) > 0)
        ag_log(AG_LOG_WARNING, "%s: %s", path, why);
}

static void tell_unknown_keys(const struct client *c)
{
    char why[CONF_COMPLAINT_MAX];
    const char *name, *value;

    for (size_t i = 0; i < c->conf->n_entries; i++) {
        device_conf_nth(c->conf, i, &name, &value);
        if (conf_key_complaint(name, why))
            ag_log(AG_LOG_WARNING, "%s" DATA_CONF ":%u: %s", c->options.dir.path, device_conf_line(c->conf, name), why);
    }
}

int client_boot(struct client *c, char error[DATA_ERROR_MAX])
{
    int r;

    tell_unknown_keys(c);
    look_at_mqtt_key(c);
    if (c->options.external_helper) {
        data_dir_look_at_modes(&c->options.dir);
        return 0; /* the helper's answers lead on */
    }
    if (c->conf->did == 0)
        c->options.wired = true;
    r = settle_files(c, error);
    if (r < 0)
        return r;
    if (!identity_is_missing(c->conf->did)) {
        client_event(c, DEVICE_EV_IDENTITY);
        client_event(c, DEVICE_EV_TOKEN);
    }
    resume_join(c);
    if (!c->provisioned) {
        if (!c->provision.join.active)
            client_event(c, DEVICE_EV_AP);
        provision_check_hooks(c);
        return 0;
    }
    if (!identity_is_missing(c->conf->did))
        client_event(c, DEVICE_EV_PROVISIONED);
    client_go_online(c);
    return 0;
}
