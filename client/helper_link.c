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

/* At most five a minute: a script may come back at once. */
static bool may_warn(struct client *c, unsigned *held_out)
{
    return ag_log_gate_pass(&c->helper.gate, uv_now(c->loop), held_out);
}

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
    unsigned held;

    if (c->helper.core.stage != HELPER_NEEDS_IDENTITY)
        return;
    if (device_conf_parse(&fresh, conf.p, conf.len, &err) < 0) {
        if (may_warn(c, &held))
            ag_log(AG_LOG_ERROR, "the helper's identity: %s (%u more not shown)", err.why, held);
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
    unsigned held;

    if (!device_token_parse(token, text) || client_set_token(c, token) < 0) {
        explicit_bzero(token, sizeof token);
        if (may_warn(c, &held))
            ag_log(AG_LOG_ERROR, "the helper's token is neither 16 printable characters nor 32 hex digits (%u more not "
                   "shown)", held);
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

static int ask_to_join(struct client *c, const struct router_params *p)
{
    int r = helper_ask_wifi_start(&c->helper.core, p);

    if (r < 0)
        return r;
    c->provision.params = *p;
    c->helper.join_until_ms = uv_now(c->loop) + JOIN_LIMIT_MS;
    client_event(c, DEVICE_EV_JOINING);
    return 0;
}

/* The last run was cut off while the helper joined a network: it is asked again. */
static bool resume_join(struct client *c)
{
    struct data_dir *dir = &c->options.dir;
    struct router_params p = {.has_uid = true};
    bool resumed = data_dir_read_wifi(dir, &p.wifi) == 0 && p.wifi.trial != WIFI_JOINED;

    if (resumed) {
        data_dir_read_country(dir, p.country);
        resumed = ask_to_join(c, &p) == 0;
    }
    explicit_bzero(&p, sizeof p);
    return resumed;
}

static void on_wifi_status(void *user, bool provisioned)
{
    struct client *c = user;

    if (c->helper.core.stage != HELPER_NEEDS_WIFI)
        return;
    c->helper.core.stage = HELPER_SETTLED;
    if (!provisioned) {
        data_dir_remove(&c->options.dir, DATA_ENAUTH); /* made by the client, so no helper's business */
        data_dir_remove(&c->options.dir, DATA_WIFI);
        report_path_forget(&c->reports);
    }
    client_set_provisioned(c, provisioned);
    helper_ask_info(&c->helper.core);
    if (provisioned && resume_join(c))
        return;
    client_event(c, provisioned ? DEVICE_EV_PROVISIONED : DEVICE_EV_AP);
    if (provisioned)
        client_go_online(c);
}

/* What the script does when it is asked for the token: without wifi.conf the last owner's goes. */
static void settle_token(struct client *c)
{
    struct data_dir *dir = &c->options.dir;
    char token[DEVICE_TOKEN_LEN + 1];
    int r;

    if (data_dir_has(dir, DATA_WIFI)) {
        r = data_dir_settle_token(dir, token);
    } else {
        r = data_dir_draw_token(token);
        if (r == 0)
            data_dir_forget_owner(dir, token);
    }
    if (r == 0)
        on_token(c, (struct ag_span){token, DEVICE_TOKEN_LEN});
    explicit_bzero(token, sizeof token);
}

/* A script that does not know a question: the files that it would have looked at say it as well. */
static void on_silent(void *user, const char *question)
{
    struct client *c = user;
    struct helper *h = &c->helper.core;

    ag_log(AG_LOG_WARNING, "the helper does not answer %s: going by the files in %s", question, c->options.dir.path);
    if (h->stage == HELPER_NEEDS_IDENTITY && c->conf->model[0]) {
        h->stage = HELPER_NEEDS_TOKEN;
        client_event(c, DEVICE_EV_IDENTITY);
    } else if (h->stage == HELPER_NEEDS_TOKEN) {
        settle_token(c);
    } else if (h->stage == HELPER_NEEDS_WIFI) {
        on_wifi_status(c, data_dir_has(&c->options.dir, DATA_WIFI));
    }
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

/* Scripts that leave wifi.conf to the client may have removed the one that it wrote. */
static void keep_network(struct client *c)
{
    struct router_params *p = &c->provision.params;
    int r;

    if (!p->wifi.ssid[0])
        return;
    p->wifi.trial = WIFI_JOINED;
    r = data_dir_has(&c->options.dir, DATA_WIFI) ? data_dir_end_trial(&c->options.dir) : provision_save_files(c, p);
    if (r < 0)
        ag_log(AG_LOG_ERROR, "%s%s: %s", c->options.dir.path, DATA_WIFI, strerror(-r));
    memcpy(c->country, p->country, sizeof c->country);
}

static void on_wifi_connected(void *user)
{
    struct client *c = user;

    if (c->helper.core.stage != HELPER_SETTLED)
        return;
    c->helper.join_until_ms = UINT64_MAX;
    keep_network(c);
    helper_ask_info(&c->helper.core);
    provision_joined(c);
}

/* Back at the access point although nobody gave a network: the helper has reset the device. */
static void was_reset(struct client *c)
{
    ag_log(AG_LOG_WARNING, "the helper is in AP mode: the device has been reset");
    provision_drop_network(c);
    data_dir_remove(&c->options.dir, DATA_ENAUTH);
    c->provision.last_uid = 0;
    report_path_forget(&c->reports);
}

static void on_wifi_failed(void *user, enum helper_failure how)
{
    struct client *c = user;
    bool joining = c->helper.join_until_ms != UINT64_MAX;

    if (c->helper.core.stage != HELPER_SETTLED)
        return;
    if (!joining && (how == HELPER_NOT_JOINED || !c->provisioned))
        return; /* it lost its network for a while, or says once more what is known */
    c->helper.join_until_ms = UINT64_MAX;
    cloud_link_stop(c, false); /* it would tell of retries from behind the access point */
    if (joining) {
        c->n_join_failed++;
        client_event(c, DEVICE_EV_JOIN_FAILED);
        provision_drop_network(c);
    } else {
        was_reset(c);
    }
    client_set_provisioned(c, false);
    client_event(c, DEVICE_EV_AP);
}

static const struct helper_sink sink = {on_send,   on_identity,       on_token,       on_country, on_wifi_status,
                                        on_info,   on_wifi_connected, on_wifi_failed, on_silent};

void helper_link_init(struct client *c)
{
    struct helper_link *l = &c->helper;
    uint8_t random[64];

    helper_init(&l->core, &sink, c, c->options.dir.path);
    l->join_until_ms = l->warn_at_ms = UINT64_MAX;
    l->gate = (struct ag_log_gate){.burst = 5, .period_ms = 60000};
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

static void warn_of_text(struct client *c, unsigned peer, struct ag_span method, const char *why)
{
    unsigned held;

    if (may_warn(c, &held))
        ag_log(AG_LOG_WARNING, "%.*s from local peer %u: %s (%u more not shown)",
               method.len < 64 ? (int) method.len : 64, method.p, peer, why, held);
}

bool helper_link_text(struct client *c, unsigned peer, struct ag_span method, struct ag_span text,
                      const struct ag_json_view *view)
{
    enum helper_taken taken;

    if (!c->options.external_helper) {
        warn_of_text(c, peer, method, "left alone: this client keeps the files itself (helper=builtin)");
        return false;
    }
    if (ag_span_eq(method, "_internal.hello"))
        client_mark_internal(c, peer);
    taken = helper_text(&c->helper.core, peer, method, text, view, uv_now(c->loop));
    if (taken == HELPER_UNKNOWN)
        warn_of_text(c, peer, method, "not known");
    else if (taken == HELPER_BAD)
        warn_of_text(c, peer, method, "its params do not fit");
    else if (taken == HELPER_NOT_FOR_US)
        ag_log(AG_LOG_DEBUG, "%.*s from local peer %u: nothing to do", (int) method.len, method.p, peer);
    c->helper.warn_at_ms = UINT64_MAX;
    return taken != HELPER_UNKNOWN;
}

int helper_link_join(struct client *c, const struct router_params *p)
{
    int r;

    if (c->helper.join_until_ms != UINT64_MAX)
        return -EBUSY;
    r = provision_save_files(c, p);
    return r == 0 ? ask_to_join(c, p) : r;
}

void helper_link_tick(struct client *c, uint64_t now_ms)
{
    if (now_ms >= c->helper.warn_at_ms) {
        ag_log(AG_LOG_WARNING, "no helper has come: is miio_client_helper.sh running?");
        c->helper.warn_at_ms = now_ms + WARN_EVERY_MS;
    }
    if (now_ms >= c->helper.join_until_ms) {
        ag_log(AG_LOG_WARNING, "the helper did not say how joining ended");
        on_wifi_failed(c, HELPER_NOT_JOINED);
    }
    helper_tick(&c->helper.core, now_ms);
}

uint64_t helper_link_next_deadline(const struct client *c)
{
    uint64_t at = helper_next_deadline(&c->helper.core);

    at = c->helper.warn_at_ms < at ? c->helper.warn_at_ms : at;
    return c->helper.join_until_ms < at ? c->helper.join_until_ms : at;
}
