/* SPDX-License-Identifier: MIT */
/* What the rest of the client does for setup: the state's word, the token, the cloud, reports and the
 * helper's socket. */
#include "client/client.h"

#include <stdio.h>
#include "client/device/core/conf_keys.h"
#include "libagent/core/log/log.h"
#include "libagent/io/access/trust.h"

static void state(void *user, enum device_event ev)
{
    struct client *c = user;

    device_event(&c->device, ev);
}

static int set_token(void *user, const char token[DEVICE_TOKEN_LEN + 1])
{
    struct client *c = user;
    int r = lan_set_token(&c->phones.lan, token);

    if (r < 0)
        return r;
    device_set_token(&c->device, token);
    return 0;
}

static void owner_gone(void *user)
{
    struct client *c = user;

    lan_expire(&c->phones.lan, UINT64_MAX);
}

static void provisioned(void *user)
{
    struct client *c = user;

    c->phones.lan.reveal_token = setup_link_reveals_token(&c->setup);
}

static void identity(void *user)
{
    struct client *c = user;

    c->phones.lan.did = c->device.conf->did;
    device_read_version(&c->device);
}

static void country(void *user)
{
    struct client *c = user;

    cloud_links_kick(&c->clouds); /* it may mean another server */
}

static void online(void *user)
{
    struct client *c = user;

    cloud_links_go_online(&c->clouds);
}

static void cloud_stop(void *user)
{
    struct client *c = user;

    cloud_links_stop(&c->clouds);
}

static void cloud_forget(void *user)
{
    struct client *c = user;

    cloud_links_forget(&c->clouds);
}

static int forget_reports(void *user)
{
    struct client *c = user;

    return reports_forget(&c->reports);
}

static void send_helper(void *user, unsigned peer, struct ag_span text)
{
    client_send_peer(user, peer, text);
}

static void is_helper(void *user, unsigned peer)
{
    struct client *c = user;

    local_gate_is_helper(&c->gate, peer, uv_now(c->loop));
}

static const struct setup_host host = {.state = state,
                                       .set_token = set_token,
                                       .owner_gone = owner_gone,
                                       .provisioned = provisioned,
                                       .identity = identity,
                                       .country = country,
                                       .online = online,
                                       .cloud_stop = cloud_stop,
                                       .cloud_forget = cloud_forget,
                                       .forget_reports = forget_reports,
                                       .send = send_helper,
                                       .is_helper = is_helper};

/* The one file with a secret that device.conf names. */
static void look_at_mqtt_key(const struct client *c)
{
    const char *path = device_conf_get(c->device.conf, "mqtt_key");
    char why[AG_TRUST_WHY_MAX];

    if (path && path[0] && ag_trust_file(path, AG_TRUST_SECRET, why) > 0)
        ag_log(AG_LOG_WARNING, "%s: %s", path, why);
}

static void tell_unknown_keys(const struct client *c)
{
    char why[CONF_COMPLAINT_MAX];
    const char *name, *value;
    struct cloud_list list;

    cloud_links_list(&c->clouds, &list);
    for (size_t i = 0; i < c->device.conf->n_entries; i++) {
        device_conf_nth(c->device.conf, i, &name, &value);
        if (conf_key_complaint(name, why) || cloud_list_complaint(&list, name, why))
            ag_log(AG_LOG_WARNING, "%s" DATA_CONF ":%u: %s", c->options.dir.path, device_conf_line(c->device.conf, name), why);
    }
}

void client_init_setup(struct client *c)
{
    const struct client_options *o = &c->options;
    const struct setup_settings settings = {.external = o->external_helper,
                                            .wired = o->wired,
                                            .join_tries = o->join_tries,
                                            .join_pause_ms = o->join_pause_ms,
                                            .identity_pause_ms = o->identity_pause_ms};
    const struct setup_env env = {.loop = c->loop,
                                  .dir = &c->options.dir,
                                  .conf = c->device.conf,
                                  .hooks = o->hooks,
                                  .country = o->country,
                                  .host = &host,
                                  .user = c};

    setup_link_init(&c->setup, &env, &settings);
}

int client_boot(struct client *c, char error[DATA_ERROR_MAX])
{
    tell_unknown_keys(c);
    look_at_mqtt_key(c);
    if (!c->options.external_helper) /* else told with the identity */
        device_read_version(&c->device);
    return setup_link_open(&c->setup, error);
}
