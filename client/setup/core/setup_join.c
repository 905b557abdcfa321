/* SPDX-License-Identifier: MIT */
/* A network comes and is joined with the platform's program: tries, pauses, and the way back to the access point. */
#include <errno.h>
#include <string.h>
#include "client/device/core/device_state.h"
#include "client/setup/core/setup_part.h"
#include "libagent/core/deadline.h"

void setup_forget_params(struct setup_machine *m)
{
    explicit_bzero(&m->params, sizeof m->params);
    m->params_are_old = false;
    m->save_ms = AG_NEVER;
}

void setup_set_provisioned(struct setup_machine *m, bool provisioned)
{
    m->provisioned = provisioned;
    setup_do(m, SETUP_DO_PROVISIONED, 0);
}

void setup_set_country(struct setup_machine *m, const char *country)
{
    char next[sizeof m->country] = "";

    memccpy(next, country, '\0', sizeof next - 1);
    memcpy(m->country, next, sizeof next);
    setup_do(m, SETUP_DO_COUNTRY, 0);
}

/* The owner's number, as long as this process runs also after his network failed. */
static uint64_t owner_uid(const struct setup_machine *m, const struct setup_facts *f)
{
    return f->uid ? f->uid : m->last_uid;
}

void setup_drop_network(struct setup_machine *m, const struct setup_facts *f)
{
    if (m->params.wifi.trial == WIFI_NEXT_TRIAL)
        m->last_uid = owner_uid(m, f);
    setup_do(m, SETUP_DO_DROP, 0);
    m->params_are_old = true;
    setup_set_country(m, "");
}

/* ---- a network comes ---- */

/* After enauth the owner's phone may still give a network, and a router that renews its password, who know
   the token: over the LAN, that is. */
static bool is_stranger(const struct setup_machine *m, const struct setup_facts *f, enum origin_kind from, uint64_t uid)
{
    uint64_t owner = owner_uid(m, f);

    if (!f->has_enauth)
        return false;
    if (from != ORIGIN_LAN || (!m->provisioned && owner == 0))
        return true;
    return uid != 0 && uid != owner;
}

/* A router that renews its password knows neither user nor country: the present ones stay. */
static void fill_up(const struct setup_machine *m, struct router_params *p, uint64_t owner)
{
    bool same_owner = m->provisioned && (p->wifi.uid == 0 || p->wifi.uid == owner);

    if (p->wifi.uid == 0)
        p->wifi.uid = owner;
    if (same_owner && !p->country[0])
        memcpy(p->country, m->country, sizeof m->country);
    p->wifi.trial = m->provisioned ? WIFI_NEXT_TRIAL : WIFI_FIRST_TRIAL;
}

void setup_network(struct setup_machine *m, const struct setup_facts *f, enum origin_kind from,
                   const struct router_params *params)
{
    uint64_t owner = owner_uid(m, f);
    int r = 0;

    if (m->settings.wired || is_stranger(m, f, from, params->wifi.uid))
        r = -EPERM;
    else if (!setup_state_knows(m->state, SETUP_EV_SAVED) || m->reboot != SETUP_NO_REBOOT)
        r = -EBUSY;
    else if (!params->has_uid && !m->provisioned && owner == 0)
        r = ROUTER_E_UID;
    if (r != 0) {
        setup_do(m, SETUP_DO_ANSWER, r);
        return;
    }
    m->params = *params;
    m->params_are_old = false;
    m->save_ms = AG_NEVER;
    fill_up(m, &m->params, owner);
    m->network_is_asked = true;
    setup_do(m, SETUP_DO_SAVE, 0);
}

void setup_join_saved(struct setup_machine *m, const struct setup_facts *f, int r)
{
    if (!m->network_is_asked) { /* stored after joining: without it the next start knows no network */
        m->save_ms = r < 0 ? f->now_ms + SETUP_AGAIN_MS : AG_NEVER;
        m->params_are_old = r == 0;
        return;
    }
    if (r == 0) {
        setup_step(m, f, SETUP_EV_SAVED);
        return;
    }
    m->network_is_asked = false;
    m->params_are_old = true;
    setup_do(m, SETUP_DO_ANSWER, r);
}

/* ---- joining ---- */

static void wait_for_try(struct setup_machine *m, uint64_t at_ms)
{
    m->at_ms = at_ms;
    setup_go(m, SETUP_WAITING);
}

static void begin_tries(struct setup_machine *m, const struct setup_facts *f)
{
    m->tries = 0;
    wait_for_try(m, f->now_ms + SETUP_GRACE_MS);
    setup_do(m, SETUP_DO_STATE, DEVICE_EV_JOINING);
}

void setup_join_begin(struct setup_machine *m, const struct setup_facts *f)
{
    if (m->settings.external) {
        setup_ask_join(m);
        return;
    }
    m->network_is_asked = false;
    if (m->params.zone[0])
        setup_zone_begin(m, f, m->params.zone, false);
    begin_tries(m, f);
    setup_do(m, SETUP_DO_ANSWER, 0);
}

/* The last run was cut off while it joined a network: this one goes on with it. */
void setup_join_resume(struct setup_machine *m, const struct setup_facts *f)
{
    setup_forget_params(m);
    m->params.wifi = f->trial;
    m->params.has_uid = true;
    if (m->settings.external) {
        memcpy(m->params.country, f->country, sizeof f->country);
        setup_ask_join(m);
        return;
    }
    setup_set_provisioned(m, f->trial.trial == WIFI_NEXT_TRIAL);
    setup_do(m, SETUP_DO_SAY, SETUP_SAY_RESUMED);
    begin_tries(m, f);
    if (m->provisioned) {
        setup_do(m, SETUP_DO_STATE, DEVICE_EV_PROVISIONED);
        setup_online(m, f);
    } else {
        setup_do(m, SETUP_DO_LOOK_AT_HOOKS, 0);
    }
}

void setup_join_try(struct setup_machine *m, const struct setup_facts *f)
{
    (void) f;
    m->tries++;
    setup_go(m, SETUP_JOINING);
    setup_do(m, SETUP_DO_RUN, SETUP_RUN_JOIN);
}

void setup_joined(struct setup_machine *m, const struct setup_facts *f)
{
    setup_go(m, SETUP_JOINED);
    m->params_are_old = true;
    m->last_uid = 0;
    m->n_joined++;
    setup_set_provisioned(m, true);
    setup_set_country(m, m->settings.external ? m->country : f->country);
    setup_do(m, SETUP_DO_STATE, DEVICE_EV_JOINED);
    setup_online(m, f);
}

void setup_join_done(struct setup_machine *m, const struct setup_facts *f)
{
    setup_do(m, SETUP_DO_END_TRIAL, 0);
    setup_joined(m, f);
}

static void give_up(struct setup_machine *m, const struct setup_facts *f)
{
    m->n_failed++;
    setup_do(m, SETUP_DO_SAY, SETUP_SAY_JOIN_FAILED);
    setup_do(m, SETUP_DO_CLOUD_STOP, 0); /* it was on another network: no retries from behind the access point */
    setup_do(m, SETUP_DO_STATE, DEVICE_EV_JOIN_FAILED);
    setup_drop_network(m, f);
    setup_ap_go(m, f);
}

void setup_join_missed(struct setup_machine *m, const struct setup_facts *f)
{
    if (m->tries >= m->settings.join_tries)
        give_up(m, f);
    else
        wait_for_try(m, f->now_ms + m->settings.join_pause_ms);
}

/* ---- the access point ---- */

static void end_reset(struct setup_machine *m, const struct setup_facts *f)
{
    if (f->has_reset)
        setup_do(m, SETUP_DO_END_RESET, 0);
}

/* Without wifi.conf the program opens it. Reported once it has ended, as phones look for it then. A device whose network needs no
   phone has no access point and goes on with what it has. */
void setup_ap_go(struct setup_machine *m, const struct setup_facts *f)
{
    if (m->settings.wired) {
        end_reset(m, f);
        setup_go(m, SETUP_JOINED);
        setup_do(m, SETUP_DO_STATE, DEVICE_EV_PROVISIONED);
        setup_online(m, f);
        return;
    }
    setup_set_provisioned(m, false);
    setup_ap_run(m, f);
}

void setup_ap_run(struct setup_machine *m, const struct setup_facts *f)
{
    (void) f;
    setup_go(m, SETUP_AP_OPENING);
    setup_do(m, SETUP_DO_RUN, SETUP_RUN_AP);
}

void setup_ap_open(struct setup_machine *m, const struct setup_facts *f)
{
    setup_go(m, SETUP_AP);
    setup_do(m, SETUP_DO_STATE, DEVICE_EV_AP);
    end_reset(m, f);
}

/* ---- zone ---- */

static void zone_end(struct setup_machine *m)
{
    if (m->zone_is_asked)
        setup_do(m, SETUP_DO_ANSWER, m->zone_is_set ? 0 : -ENOENT);
    m->zone_is_asked = false;
}

static void zone_program(struct setup_machine *m, const struct setup_facts *f)
{
    if (m->zone_runs || !f->has_program) {
        zone_end(m);
        return;
    }
    m->zone_runs = true;
    setup_do(m, SETUP_DO_RUN, SETUP_RUN_ZONE);
}

void setup_zone_begin(struct setup_machine *m, const struct setup_facts *f, const char *zone, bool asked)
{
    char next[sizeof m->zone] = "";

    memccpy(next, zone, '\0', sizeof next - 1);
    memcpy(m->zone, next, sizeof next);
    m->zone_is_asked = asked;
    m->zone_is_set = false;
    if (m->settings.external)
        setup_do(m, SETUP_DO_ASK_ZONE, 0);
    else if (f->has_zone_link)
        setup_do(m, SETUP_DO_LINK_ZONE, 0);
    else
        zone_program(m, f);
}

void setup_zone_carried(struct setup_machine *m, const struct setup_facts *f, enum setup_do what, int r)
{
    if (r == 0)
        m->zone_is_set = true;
    if (what == SETUP_DO_RUN && r < 0)
        m->zone_runs = false;
    if (what == SETUP_DO_LINK_ZONE)
        zone_program(m, f);
    else
        zone_end(m);
}

void setup_zone(struct setup_machine *m, const struct setup_facts *f, const char *zone)
{
    setup_zone_begin(m, f, zone, true);
}
