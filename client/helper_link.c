#include "client/helper_link.h"

#include <errno.h>
#include <sys/random.h>
#include "client/client.h"
#include "libagent/core/log.h"

enum {
    WARN_EVERY_MS = 5000,
    JOIN_LIMIT_MS =
        360000 /* five tries of a minute each, the pauses, the access point: the helper's word comes first */
};

static void on_send(void *user, unsigned peer, struct ag_span text)
{
    struct client *c = user;

    client_send_peer(c, peer, text);
}

static void on_identity(void *user, struct ag_span conf)
{
    struct client *c = user;
    struct device_conf_error err;
    struct device_conf fresh;

    if (c->helper.core.stage != HELPER_NEEDS_IDENTITY)
        return;
    if (device_conf_parse(&fresh, conf.p, conf.len, &err) < 0) {
        ag_log(AG_LOG_ERROR, "the helper's identity: %s", err.why);
        return;
    }
    identity_take(c, &fresh);
    device_conf_deinit(&fresh);
    c->helper.core.stage = HELPER_NEEDS_TOKEN;
    client_event(c, DEVICE_EV_IDENTITY);
}

static void on_token(void *user, struct ag_span text)
{
    struct client *c = user;
    char token[DEVICE_TOKEN_LEN + 1];

    if (!device_token_parse(token, text) || client_set_token(c, token) < 0) {
        explicit_bzero(token, sizeof token);
        ag_log(AG_LOG_ERROR, "the helper's token is not 16 printable characters");
        return;
    }
    explicit_bzero(token, sizeof token);
    if (c->helper.core.stage != HELPER_NEEDS_TOKEN)
        return;
    c->helper.core.stage = HELPER_NEEDS_WIFI;
    client_event(c, DEVICE_EV_TOKEN);
}

static void on_country(void *user, struct ag_span text)
{
    struct client *c = user;

    if (!device_country_parse(c->country, text))
        c->country[0] = '\0';
    client_use_country(c);
}

static void on_wifi_status(void *user, bool provisioned)
{
    struct client *c = user;

    if (c->helper.core.stage != HELPER_NEEDS_WIFI)
        return;
    c->helper.core.stage = HELPER_SETTLED;
    if (!provisioned)
        data_dir_remove(&c->options.dir, DATA_ENAUTH); /* made by the client, so no helper's business */
    client_set_provisioned(c, provisioned);
    helper_ask_info(&c->helper.core);
    client_event(c, provisioned ? DEVICE_EV_PROVISIONED : DEVICE_EV_AP);
    if (provisioned)
        client_go_online(c);
}

static void on_info(void *user, struct ag_span params)
{
    struct client *c = user;
    struct ag_json_view view;

    if (params.p && ag_json_parse(&params, 16, &view) == 0) {
        ag_buf_clear(&c->helper.info);
        ag_buf_append_span(&c->helper.info, params);
    }
}

static void on_wifi_connected(void *user)
{
    struct client *c = user;

    if (c->helper.core.stage != HELPER_SETTLED)
        return;
    c->helper.join_until_ms = UINT64_MAX;
    helper_ask_info(&c->helper.core);
    provision_joined(c);
}

static void on_wifi_failed(void *user)
{
    struct client *c = user;
    bool joining = c->helper.join_until_ms != UINT64_MAX;

    if (c->helper.core.stage != HELPER_SETTLED)
        return;
    c->helper.join_until_ms = UINT64_MAX;
    client_set_provisioned(c, false);
    cloud_link_stop(c, false); /* it would tell of retries from behind the access point */
    if (joining) {
        c->n_join_failed++;
        client_event(c, DEVICE_EV_JOIN_FAILED);
    } else {
        report_path_forget(&c->reports); /* the helper has reset the device */
    }
    client_event(c, DEVICE_EV_AP);
}

static const struct helper_sink sink = {on_send,   on_identity, on_token,         on_country,
                                        on_wifi_status, on_info,     on_wifi_connected, on_wifi_failed};

void helper_link_init(struct client *c)
{
    struct helper_link *l = &c->helper;
    uint8_t random[64];

    helper_init(&l->core, &sink, c, c->options.dir.path);
    l->join_until_ms = l->warn_at_ms = UINT64_MAX;
    if (!c->options.external_helper)
        return;
    l->warn_at_ms = uv_now(c->loop) + WARN_EVERY_MS;
    do {
        if (getrandom(random, sizeof random, 0) != (ssize_t) sizeof random)
            return;
    } while (!device_token_make(l->core.new_token, random, sizeof random));
}

void helper_link_deinit(struct client *c)
{
    helper_deinit(&c->helper.core);
    ag_buf_deinit(&c->helper.info);
}

void helper_link_text(struct client *c, unsigned peer, struct ag_span method, struct ag_span text,
                      const struct ag_json_view *view)
{
    if (ag_span_eq(method, "_internal.hello"))
        client_mark_internal(c, peer);
    if (!c->options.external_helper)
        return; /* nobody's business: the files are the client's own */
    if (!helper_text(&c->helper.core, peer, method, text, view, uv_now(c->loop)))
        ag_log(AG_LOG_DEBUG, "%.*s from local peer %u is not known", (int) method.len, method.p, peer);
    c->helper.warn_at_ms = UINT64_MAX;
}

int helper_link_join(struct client *c, const struct router_params *p)
{
    int r;

    if (c->helper.join_until_ms != UINT64_MAX)
        return -EBUSY;
    r = helper_ask_wifi_start(&c->helper.core, p);
    if (r < 0)
        return r;
    c->helper.join_until_ms = uv_now(c->loop) + JOIN_LIMIT_MS;
    client_event(c, DEVICE_EV_JOINING);
    return 0;
}

void helper_link_tick(struct client *c, uint64_t now_ms)
{
    if (now_ms >= c->helper.warn_at_ms) {
        ag_log(AG_LOG_WARNING, "no helper has come: is miio_client_helper.sh running?");
        c->helper.warn_at_ms = now_ms + WARN_EVERY_MS;
    }
    if (now_ms >= c->helper.join_until_ms) {
        ag_log(AG_LOG_WARNING, "the helper did not say how joining ended");
        on_wifi_failed(c);
    }
}

uint64_t helper_link_next_deadline(const struct client *c)
{
    return c->helper.warn_at_ms < c->helper.join_until_ms ? c->helper.warn_at_ms : c->helper.join_until_ms;
}
