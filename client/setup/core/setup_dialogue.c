/* SPDX-License-Identifier: MIT */
/*
 * What an external helper's words mean for the device. The client then leaves device.conf's identity, token, country
 * and wifi.conf to the helper, and uses the files only where the helper's script does not know a question.
 */
#include <string.h>
#include "client/device/core/device_state.h"
#include "client/setup/core/setup_part.h"
#include "libagent/core/deadline.h"

static void set_stage(struct setup_machine *m, enum helper_stage stage)
{
    m->stage = stage;
    setup_do(m, SETUP_DO_STAGE, stage);
}

void setup_helper_heard(struct setup_machine *m)
{
    m->no_helper_ms = AG_NEVER;
}

void setup_helper_tick(struct setup_machine *m, const struct setup_facts *f)
{
    if (f->now_ms < m->no_helper_ms)
        return;
    m->no_helper_ms = f->now_ms + SETUP_HELPER_MISSED_MS;
    setup_do(m, SETUP_DO_SAY, SETUP_SAY_NO_HELPER);
}

/* ---- identity, token, country ---- */

void setup_helper_identity(struct setup_machine *m, struct ag_span conf)
{
    if (m->stage != HELPER_NEEDS_IDENTITY)
        return;
    setup_do(m, SETUP_DO_TAKE_IDENTITY, 0);
    m->queue[m->n_queued - 1].text = conf;
}

static void identity_is_known(struct setup_machine *m)
{
    set_stage(m, HELPER_NEEDS_TOKEN);
    setup_do(m, SETUP_DO_STATE, DEVICE_EV_IDENTITY);
}

void setup_helper_token(struct setup_machine *m, struct ag_span token)
{
    if (device_token_parse(m->token, token))
        setup_do(m, SETUP_DO_SET_TOKEN, 0);
    else
        setup_do(m, SETUP_DO_SAY, SETUP_SAY_BAD_TOKEN);
}

static void token_is_set(struct setup_machine *m, int r)
{
    explicit_bzero(m->token, sizeof m->token);
    if (r < 0) {
        setup_do(m, SETUP_DO_SAY, SETUP_SAY_BAD_TOKEN);
    } else if (m->stage == HELPER_NEEDS_TOKEN) {
        set_stage(m, HELPER_NEEDS_WIFI);
        setup_do(m, SETUP_DO_STATE, DEVICE_EV_TOKEN);
    }
}

void setup_helper_country(struct setup_machine *m, struct ag_span country)
{
    char word[DEVICE_COUNTRY_MAX + 1];

    setup_set_country(m, device_country_parse(word, country) ? word : "");
}

/* What the script does when it is asked for the token: without wifi.conf the last owner's goes. */
void setup_helper_silent(struct setup_machine *m, const struct setup_facts *f)
{
    if (m->stage == HELPER_NEEDS_IDENTITY && f->has_model)
        identity_is_known(m);
    else if (m->stage == HELPER_NEEDS_TOKEN)
        setup_do(m, f->has_wifi ? SETUP_DO_OWN_TOKEN : SETUP_DO_FRESH_TOKEN, 0);
    else if (m->stage == HELPER_NEEDS_WIFI)
        setup_helper_wifi(m, f, f->has_wifi);
}

/* ---- the network ---- */

void setup_helper_fresh(struct setup_machine *m, const struct setup_facts *f)
{
    (void) f;
    if (m->state == SETUP_STARTING)
        setup_go(m, SETUP_AP);
    setup_do(m, SETUP_DO_STATE, DEVICE_EV_AP);
    if (!m->settings.external)
        setup_do(m, SETUP_DO_LOOK_AT_HOOKS, 0);
}

void setup_helper_owned(struct setup_machine *m, const struct setup_facts *f)
{
    if (m->state == SETUP_STARTING)
        setup_go(m, SETUP_JOINED);
    setup_do(m, SETUP_DO_STATE, DEVICE_EV_PROVISIONED);
    setup_online(m, f);
}

/* It is not repeated. What has just been removed is gone. */
static void joined_before(struct setup_machine *m, const struct setup_facts *f, bool has_wifi)
{
    struct setup_facts now = *f;

    now.has_wifi = has_wifi;
    setup_step(m, &now, SETUP_EV_CONNECTED);
}

void setup_helper_wifi(struct setup_machine *m, const struct setup_facts *f, bool provisioned)
{
    if (m->stage != HELPER_NEEDS_WIFI)
        return;
    set_stage(m, HELPER_SETTLED);
    if (!provisioned) {
        setup_do(m, SETUP_DO_REMOVE_ENAUTH, 0); /* made by the client, so the helper is not concerned */
        setup_do(m, SETUP_DO_REMOVE_WIFI, 0);
        setup_do(m, SETUP_DO_FORGET_REPORTS, 0);
    }
    setup_set_provisioned(m, provisioned);
    setup_do(m, SETUP_DO_ASK_INFO, 0);
    setup_step(m, f, !provisioned ? SETUP_EV_FRESH : f->has_trial ? SETUP_EV_RESUMED : SETUP_EV_OWNED);
    if (m->state == SETUP_ASKED && m->is_connected && !(provisioned && f->has_trial))
        joined_before(m, f, provisioned);
}

void setup_ask_join(struct setup_machine *m)
{
    setup_do(m, SETUP_DO_ASK_JOIN, 0);
}

static void join_is_asked(struct setup_machine *m, const struct setup_facts *f, int r)
{
    bool requested = m->network_is_asked;

    m->network_is_asked = false;
    m->is_connected = false;
    if (r == 0) {
        m->at_ms = f->now_ms + SETUP_HELPER_JOIN_MS;
        setup_go(m, SETUP_ASKED);
        setup_do(m, SETUP_DO_STATE, DEVICE_EV_JOINING);
    } else {
        m->params_are_old = true;
        if (!requested)
            setup_step(m, f, SETUP_EV_OWNED); /* resumed: the network is what it was */
    }
    if (requested)
        setup_do(m, SETUP_DO_ANSWER, r);
}

/* Scripts that leave wifi.conf to the client may have removed the one that it wrote. */
static void keep_network(struct setup_machine *m, const struct setup_facts *f)
{
    if (!m->params.wifi.ssid[0])
        return;
    m->params.wifi.trial = WIFI_JOINED;
    setup_do(m, f->has_wifi ? SETUP_DO_END_TRIAL : SETUP_DO_SAVE, 0);
    memcpy(m->country, m->params.country, sizeof m->country);
}

void setup_asked_joined(struct setup_machine *m, const struct setup_facts *f)
{
    keep_network(m, f);
    setup_do(m, SETUP_DO_ASK_INFO, 0);
    setup_joined(m, f);
}

static void back_at_ap(struct setup_machine *m)
{
    setup_set_provisioned(m, false);
    setup_go(m, SETUP_AP);
    setup_do(m, SETUP_DO_STATE, DEVICE_EV_AP);
}

void setup_asked_failed(struct setup_machine *m, const struct setup_facts *f)
{
    m->n_failed++;
    setup_do(m, SETUP_DO_CLOUD_STOP, 0); /* it would tell of retries from behind the access point */
    setup_do(m, SETUP_DO_STATE, DEVICE_EV_JOIN_FAILED);
    setup_drop_network(m, f);
    back_at_ap(m);
}

void setup_asked_mute(struct setup_machine *m, const struct setup_facts *f)
{
    setup_do(m, SETUP_DO_SAY, SETUP_SAY_HELPER_MUTE);
    setup_asked_failed(m, f);
}

/* Back at the access point although nobody gave a network: the helper has reset the device. */
void setup_was_reset(struct setup_machine *m, const struct setup_facts *f)
{
    setup_do(m, SETUP_DO_CLOUD_STOP, 0);
    setup_do(m, SETUP_DO_SAY, SETUP_SAY_HELPER_RESET);
    setup_drop_network(m, f);
    setup_do(m, SETUP_DO_REMOVE_ENAUTH, 0);
    m->last_uid = 0;
    setup_do(m, SETUP_DO_FORGET_REPORTS, 0);
    back_at_ap(m);
}

void setup_helper_connected(struct setup_machine *m, const struct setup_facts *f)
{
    m->is_connected = m->stage != HELPER_SETTLED;
    if (m->stage == HELPER_SETTLED)
        setup_step(m, f, SETUP_EV_CONNECTED);
}

/* A network that was lost for a while, or something known repeated: not in the table. */
void setup_helper_failed(struct setup_machine *m, const struct setup_facts *f, enum helper_failure how)
{
    m->is_connected = false;
    if (m->stage == HELPER_SETTLED)
        setup_step(m, f, how == HELPER_AP_MODE ? SETUP_EV_HELPER_AP : SETUP_EV_NOT_JOINED);
}

void setup_helper_carried(struct setup_machine *m, const struct setup_facts *f, enum setup_do what, int r)
{
    switch (what) {
    case SETUP_DO_TAKE_IDENTITY:
        if (r == 0)
            identity_is_known(m);
        break;
    case SETUP_DO_SET_TOKEN:
        token_is_set(m, r);
        break;
    case SETUP_DO_FRESH_TOKEN:
    case SETUP_DO_OWN_TOKEN:
        if (r == 0)
            token_is_set(m, 0);
        break;
    case SETUP_DO_ASK_JOIN:
        join_is_asked(m, f, r);
        break;
    default:
        break;
    }
}
