/* The boot order, from the identity to the network, and what each step hands to the other parts. */
#include "client/client.h"

#include <stdio.h>
#include "libagent/core/log.h"

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
   would keep the next owner's phone out. */
static int settle_files(struct client *c, char error[DATA_ERROR_MAX])
{
    struct data_dir *dir = &c->options.dir;
    char token[DEVICE_TOKEN_LEN + 1];
    bool provisioned = c->options.wired || data_dir_has(dir, DATA_WIFI);
    int r = 0;

    if (!provisioned) {
        static const char *const owned[] = {DATA_TOKEN, DATA_COUNTRY, DATA_UID, DATA_ENAUTH};

        for (size_t i = 0; i < ag_array_size(owned) && r == 0; i++)
            r = data_dir_remove(dir, owned[i]);
        report_path_forget(c);
    }
    if (r == 0)
        r = data_dir_settle_token(dir, token);
    if (r == 0)
        r = client_set_token(c, token);
    explicit_bzero(token, sizeof token);
    if (r < 0) {
        snprintf(error, DATA_ERROR_MAX, "%s%s: %s", dir->path, DATA_TOKEN, strerror(-r));
        return r;
    }
    data_dir_read_country(dir, c->country);
    if (!c->options.country && c->country[0])
        client_use_country(c);
    data_dir_read_version(c->version, c->options.os_release, c->conf->vendor);
    client_set_provisioned(c, provisioned);
    return 0;
}

void client_set_provisioned(struct client *c, bool provisioned)
{
    c->provisioned = provisioned;
    c->lan.reveal_token = !provisioned && !data_dir_has(&c->options.dir, DATA_ENAUTH);
}

/* An option beats what a phone brought. */
void client_use_country(struct client *c)
{
    const char *given = c->options.country;

    if (device_conf_set(c->conf, "country", given ? given : c->country) < 0)
        ag_log(AG_LOG_ERROR, "country: out of memory");
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

int client_boot(struct client *c, char error[DATA_ERROR_MAX])
{
    int r;

    if (c->options.external_helper)
        return 0; /* the helper's answers lead on */
    if (c->conf->did == 0)
        c->options.wired = true;
    r = settle_files(c, error);
    if (r < 0)
        return r;
    if (!identity_is_missing(c->conf->did)) {
        client_event(c, DEVICE_EV_IDENTITY);
        client_event(c, DEVICE_EV_TOKEN);
    }
    if (!c->provisioned) {
        client_event(c, DEVICE_EV_AP);
        return 0;
    }
    if (!identity_is_missing(c->conf->did))
        client_event(c, DEVICE_EV_PROVISIONED);
    client_go_online(c);
    return 0;
}
