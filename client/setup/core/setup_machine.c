/* SPDX-License-Identifier: MIT */
#include "client/setup/core/setup_machine.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include "client/device/core/device_conf.h"
#include "client/device/core/device_state.h"
#include "client/setup/core/setup_part.h"
#include "libagent/core/deadline.h"

/* What each state does at which event; what is not listed means nothing there. */
static const struct setup_row {
    enum setup_state state;
    enum setup_event event;
    setup_act *act;
} rows[] = {
    /* the start, or an external helper's word about it */
    {SETUP_STARTING, SETUP_EV_FRESH, setup_helper_fresh},
    {SETUP_STARTING, SETUP_EV_OWNED, setup_helper_owned},
    {SETUP_STARTING, SETUP_EV_RESUMED, setup_join_resume},
    {SETUP_ASKED, SETUP_EV_FRESH, setup_helper_fresh},
    {SETUP_ASKED, SETUP_EV_OWNED, setup_helper_owned},
    {SETUP_ASKED, SETUP_EV_RESUMED, setup_join_resume},

    /* a network comes and is joined, or not */
    {SETUP_STARTING, SETUP_EV_SAVED, setup_join_begin},
    {SETUP_AP, SETUP_EV_SAVED, setup_join_begin},
    {SETUP_JOINED, SETUP_EV_SAVED, setup_join_begin},
    {SETUP_WAITING, SETUP_EV_TIME, setup_join_try},
    {SETUP_JOINING, SETUP_EV_WELL, setup_join_done},
    {SETUP_JOINING, SETUP_EV_BADLY, setup_join_missed},
    {SETUP_AP_OPENING, SETUP_EV_TIME, setup_ap_run},
    {SETUP_AP_OPENING, SETUP_EV_WELL, setup_ap_open},
    {SETUP_AP_OPENING, SETUP_EV_BADLY, setup_ap_open}, /* as the contract of wifi_start.sh has it */

    /* the same with an external helper */
    {SETUP_ASKED, SETUP_EV_CONNECTED, setup_asked_joined},
    {SETUP_AP, SETUP_EV_CONNECTED, setup_asked_joined},
    {SETUP_JOINED, SETUP_EV_CONNECTED, setup_asked_joined},
    {SETUP_ASKED, SETUP_EV_NOT_JOINED, setup_asked_failed},
    {SETUP_ASKED, SETUP_EV_HELPER_AP, setup_asked_failed},
    {SETUP_ASKED, SETUP_EV_TIME, setup_asked_mute},
    {SETUP_JOINED, SETUP_EV_HELPER_AP, setup_was_reset},

    /* reset */
    {SETUP_AP, SETUP_EV_RESET, setup_reset_leave},
    {SETUP_AP_OPENING, SETUP_EV_RESET, setup_reset_leave},
    {SETUP_WAITING, SETUP_EV_RESET, setup_reset_leave},
    {SETUP_JOINING, SETUP_EV_RESET, setup_reset_leave},
    {SETUP_JOINED, SETUP_EV_RESET, setup_reset_leave},
    {SETUP_RESTORING, SETUP_EV_RESET, setup_reset_leave},
    {SETUP_LEAVING, SETUP_EV_TIME, setup_reset_go},
    {SETUP_RESTORING, SETUP_EV_TIME, setup_restore_run},
    {SETUP_RESTORING, SETUP_EV_WELL, setup_ap_go},
    {SETUP_RESTORING, SETUP_EV_BADLY, setup_ap_go},
};

static const struct setup_row *find_row(enum setup_state s, enum setup_event e)
{
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        if (rows[i].state == s && rows[i].event == e)
            return &rows[i];
    }
    return NULL;
}

bool setup_state_knows(enum setup_state s, enum setup_event e)
{
    return find_row(s, e) != NULL;
}

bool setup_step(struct setup_machine *m, const struct setup_facts *f, enum setup_event e)
{
    const struct setup_row *row = find_row(m->state, e);

    if (row)
        row->act(m, f);
    return row != NULL;
}

void setup_machine_init(struct setup_machine *m, const struct setup_settings *settings)
{
    *m = (struct setup_machine){.settings = *settings, .save_ms = AG_NEVER, .country_ms = AG_NEVER, .no_helper_ms = AG_NEVER};
}

void setup_machine_deinit(struct setup_machine *m)
{
    setup_forget_params(m);
    explicit_bzero(m->token, sizeof m->token);
}

/* ---- the start ---- */

void setup_start(struct setup_machine *m, const struct setup_facts *f)
{
    if (m->settings.external) {
        m->no_helper_ms = f->now_ms + SETUP_HELPER_MISSED_MS;
        return;
    }
    if (f->did == 0)
        m->settings.wired = true;
    setup_do(m, m->settings.wired || f->has_wifi ? SETUP_DO_OWN_TOKEN : SETUP_DO_FRESH_TOKEN, 0);
}

/* The token is in force: on to the network. A device that had one before is on its way to the cloud even while it joins another,
   as it was when the last run was cut off. */
static void start_settled(struct setup_machine *m, const struct setup_facts *f, bool owned)
{
    bool resumed = owned && !m->settings.wired && f->has_trial, leaving = f->has_reset && (m->settings.wired || !f->has_wifi);

    if (!owned)
        setup_do(m, SETUP_DO_FORGET_REPORTS, 0);
    else if (f->country[0])
        setup_set_country(m, f->country);
    setup_set_provisioned(m, owned);
    if (!identity_is_missing(f->did)) {
        setup_do(m, SETUP_DO_STATE, DEVICE_EV_IDENTITY);
        setup_do(m, SETUP_DO_STATE, DEVICE_EV_TOKEN);
    }
    if (leaving)
        setup_reset_resume(m, f);
    else
        setup_step(m, f, resumed ? SETUP_EV_RESUMED : owned ? SETUP_EV_OWNED : SETUP_EV_FRESH);
    if (f->has_reset && !leaving) /* cut off before it had taken place */
        setup_do(m, SETUP_DO_END_RESET, 0);
}

void setup_reload(struct setup_machine *m, const struct setup_facts *f, unsigned tries, unsigned pause_ms)
{
    m->settings.join_tries = tries;
    m->settings.join_pause_ms = pause_ms;
    setup_set_country(m, m->settings.external ? m->country : f->country);
    setup_set_provisioned(m, m->provisioned);
}

/* ---- programs and time ---- */

static bool is_of_state(const struct setup_machine *m, enum setup_program p)
{
    return (p == SETUP_RUN_AP && m->state == SETUP_AP_OPENING) || (p == SETUP_RUN_JOIN && m->state == SETUP_JOINING) ||
           (p == SETUP_RUN_RESTORE && m->state == SETUP_RESTORING);
}

void setup_ended(struct setup_machine *m, const struct setup_facts *f, enum setup_program program, int status)
{
    if (program == SETUP_RUN_IDENTITY)
        setup_identity_ended(m, f, status);
    else if (program == SETUP_RUN_ZONE)
        m->zone_runs = false;
    else if (program == SETUP_RUN_REBOOT)
        m->reboot = SETUP_NO_REBOOT;
    else if (is_of_state(m, program))
        setup_step(m, f, status == 0 ? SETUP_EV_WELL : SETUP_EV_BADLY);
}

/* A try to join waits for the end of a program that has been asked to reboot. */
static uint64_t state_deadline(const struct setup_machine *m)
{
    if (m->state == SETUP_LEAVING || m->state == SETUP_ASKED)
        return m->at_ms;
    if ((m->state == SETUP_WAITING || m->wants_program) && !setup_place_is_taken(m))
        return m->at_ms;
    return AG_NEVER;
}

void setup_tick(struct setup_machine *m, const struct setup_facts *f)
{
    setup_reboot_tick(m, f);
    if (f->now_ms >= state_deadline(m))
        setup_step(m, f, SETUP_EV_TIME);
    if (f->now_ms >= m->save_ms)
        setup_do(m, SETUP_DO_SAVE, 0);
    if (f->now_ms >= m->country_ms)
        setup_do(m, SETUP_DO_COUNTRY, 0);
    setup_identity_tick(m, f);
    setup_helper_tick(m, f);
}

uint64_t setup_next_deadline(const struct setup_machine *m)
{
    uint64_t at = state_deadline(m);

    if (m->reboot == SETUP_REBOOT_DUE && !setup_place_is_taken(m))
        at = ag_earlier(at, m->reboot_at_ms);
    if (m->wants_identity && !m->identity_runs)
        at = ag_earlier(at, m->identity_at_ms);
    at = ag_earlier(at, ag_earlier(m->save_ms, m->country_ms));
    return ag_earlier(at, m->no_helper_ms);
}

bool setup_is_joining(const struct setup_machine *m)
{
    return m->state == SETUP_WAITING || m->state == SETUP_JOINING || m->state == SETUP_ASKED;
}

bool setup_is_busy(const struct setup_machine *m)
{
    return setup_is_joining(m) || setup_place_is_taken(m) || m->state == SETUP_LEAVING || m->reboot != SETUP_NO_REBOOT ||
           m->identity_runs;
}

/* ---- decisions ---- */

void setup_do(struct setup_machine *m, enum setup_do what, int n)
{
    assert(m->n_queued < SETUP_DECISIONS_MAX);
    m->queue[m->n_queued++] = (struct setup_decision){.what = what, .n = n};
}

bool setup_next(struct setup_machine *m, struct setup_decision *out)
{
    if (m->n_taken == m->n_queued) {
        m->n_taken = m->n_queued = 0;
        if (m->params_are_old)
            setup_forget_params(m);
        return false;
    }
    *out = m->queue[m->n_taken++];
    return true;
}

static bool may_pass(int r)
{
    return r == -ENOMEM || r == -EAGAIN || r == -EMFILE || r == -ENFILE;
}

/* Without its program a device would stay unreachable for phones, keep the last owner's files, or not reboot although it said so.
   Tries to join are counted separately. */
static bool start_later(struct setup_machine *m, const struct setup_facts *f, enum setup_program program)
{
    if (program == SETUP_RUN_REBOOT) {
        m->reboot = SETUP_REBOOT_DUE;
        m->reboot_at_ms = f->now_ms + SETUP_AGAIN_MS;
        return true;
    }
    if (program != SETUP_RUN_AP && program != SETUP_RUN_RESTORE)
        return false;
    m->wants_program = true;
    m->at_ms = f->now_ms + SETUP_AGAIN_MS;
    return true;
}

static void run_carried(struct setup_machine *m, const struct setup_facts *f, enum setup_program program, int r)
{
    if (may_pass(r) && start_later(m, f, program))
        return;
    if (program == SETUP_RUN_ZONE)
        setup_zone_carried(m, f, SETUP_DO_RUN, r);
    else if (r < 0 && program == SETUP_RUN_IDENTITY)
        m->identity_runs = false; /* the next try has its time already */
    else if (r < 0)
        setup_ended(m, f, program, r);
}

void setup_carried(struct setup_machine *m, const struct setup_facts *f, const struct setup_decision *d, int r)
{
    switch (d->what) {
    case SETUP_DO_SAVE:
        setup_join_saved(m, f, r);
        break;
    case SETUP_DO_FORGET:
        if (r == 0)
            setup_step(m, f, SETUP_EV_RESET);
        setup_do(m, SETUP_DO_ANSWER, r);
        break;
    case SETUP_DO_RUN:
        run_carried(m, f, (enum setup_program) d->n, r);
        break;
    case SETUP_DO_COUNTRY: /* else clouds would go to another country's servers until the next start */
        m->country_ms = r < 0 ? f->now_ms + SETUP_AGAIN_MS : AG_NEVER;
        break;
    case SETUP_DO_LINK_ZONE:
    case SETUP_DO_ASK_ZONE:
        setup_zone_carried(m, f, d->what, r);
        break;
    case SETUP_DO_FRESH_TOKEN:
    case SETUP_DO_OWN_TOKEN:
        if (m->settings.external)
            setup_helper_carried(m, f, d->what, r);
        else if (r == 0)
            start_settled(m, f, d->what == SETUP_DO_OWN_TOKEN);
        break;
    case SETUP_DO_READ_IDENTITY:
        setup_identity_read(m, r);
        break;
    default:
        setup_helper_carried(m, f, d->what, r);
    }
}
