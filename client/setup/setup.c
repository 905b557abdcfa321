/* SPDX-License-Identifier: MIT */
#include "client/setup/setup_priv.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "libagent/core/deadline.h"

#define HELPER_HOOK "miio_client_helper.sh"

/* ---- looking ---- */

void setup_link_look_at_trial(const struct setup *s, struct setup_facts *f)
{
    struct wifi_conf w = {0};
    int r = data_dir_read_wifi(s->env.dir, &w);

    f->has_trial = (s->machine.settings.external ? r == 0 : r >= 0) && w.trial != WIFI_JOINED;
    if (f->has_trial)
        f->trial = w;
    explicit_bzero(&w, sizeof w);
}

void setup_link_look(const struct setup *s, struct setup_facts *f)
{
    const struct data_dir *dir = s->env.dir;

    *f = (struct setup_facts){.now_ms = uv_now(s->env.loop),
                              .did = s->env.conf->did,
                              .has_model = s->env.conf->model[0] != '\0',
                              .has_wifi = data_dir_has(dir, DATA_WIFI),
                              .has_enauth = data_dir_has(dir, DATA_ENAUTH),
                              .has_reset = data_dir_has(dir, DATA_RESET),
                              .has_program = setup_program_is_there(s, HELPER_HOOK),
                              .has_zone_link = setup_files_wants_zone_link(s->env.conf),
                              .uid = data_dir_read_uid(dir)};
    data_dir_read_country(dir, f->country);
}

/* One at a time: what another part causes in between comes after what is there. */
void setup_link_drain(struct setup *s, struct setup_facts *f)
{
    struct setup_decision d;

    while (!s->draining && setup_next(&s->machine, &d)) {
        int r;

        s->draining = true;
        r = setup_link_carry_out(s, &d);
        setup_carried(&s->machine, f, &d, r);
        s->draining = false;
    }
    explicit_bzero(&f->trial, sizeof f->trial);
}

/* ---- events ---- */

int setup_link_network(struct setup *s, enum origin_kind from, const struct router_params *params)
{
    struct setup_facts f;

    setup_link_look(s, &f);
    setup_network(&s->machine, &f, from, params);
    setup_link_drain(s, &f);
    return s->answer;
}

int setup_link_zone(struct setup *s, const char *zone)
{
    struct setup_facts f;

    setup_link_look(s, &f);
    setup_zone(&s->machine, &f, zone);
    setup_link_drain(s, &f);
    return s->answer;
}

int setup_link_reset(struct setup *s)
{
    struct setup_facts f;

    setup_link_look(s, &f);
    setup_reset(&s->machine, &f);
    setup_link_drain(s, &f);
    return s->answer;
}

int setup_link_reboot(struct setup *s)
{
    struct setup_facts f;

    setup_link_look(s, &f);
    setup_reboot(&s->machine, &f);
    setup_link_drain(s, &f);
    return s->answer;
}

int setup_link_trust_owner_only(struct setup *s)
{
    int r = data_dir_write(s->env.dir, DATA_ENAUTH, (struct ag_span){"", 0});

    if (r < 0)
        ag_log(AG_LOG_ERROR, "%s: %s", DATA_ENAUTH, strerror(-r));
    s->env.host->provisioned(s->env.user);
    return r;
}

void setup_link_ended(struct setup *s, enum setup_program program, int status)
{
    struct setup_facts f;

    *setup_program_place(s, program) = NULL;
    s->last_status = status;
    setup_link_look(s, &f);
    setup_ended(&s->machine, &f, program, status);
    setup_link_drain(s, &f);
}

void setup_link_reload(struct setup *s, unsigned join_tries, unsigned join_pause_ms)
{
    struct setup_facts f;

    setup_link_look(s, &f);
    setup_reload(&s->machine, &f, join_tries, join_pause_ms);
    setup_link_drain(s, &f);
}

void setup_link_tick(struct setup *s, uint64_t now_ms)
{
    struct setup_facts f;

    if (now_ms >= setup_next_deadline(&s->machine)) {
        setup_link_look(s, &f);
        setup_tick(&s->machine, &f);
        setup_link_drain(s, &f);
    }
    helper_tick(&s->helper, now_ms);
}

uint64_t setup_link_next_deadline(const struct setup *s)
{
    return ag_earlier(setup_next_deadline(&s->machine), helper_next_deadline(&s->helper));
}

/* ---- start and end ---- */

static void offer_token(struct helper *h)
{
    uint8_t random[64];

    do {
        if (getrandom(random, sizeof random, 0) != (ssize_t) sizeof random)
            return;
    } while (!device_token_make(h->new_token, random, sizeof random));
}

void setup_link_init(struct setup *s, const struct setup_env *env, const struct setup_settings *settings)
{
    *s = (struct setup){.env = *env, .gate = {.burst = 5, .period_ms = 60000}};
    setup_machine_init(&s->machine, settings);
    helper_init(&s->helper, &setup_helper_sink, s, env->dir->path);
    if (settings->external)
        offer_token(&s->helper);
}

int setup_link_open(struct setup *s, char error[DATA_ERROR_MAX])
{
    struct setup_facts f;

    data_dir_look_at_modes(s->env.dir);
    setup_link_look(s, &f);
    setup_link_look_at_trial(s, &f);
    setup_start(&s->machine, &f);
    setup_link_drain(s, &f);
    if (s->start_result < 0)
        snprintf(error, DATA_ERROR_MAX, "%s%s: %s", s->env.dir->path, DATA_TOKEN, strerror(-s->start_result));
    return s->start_result;
}

void setup_link_close(struct setup *s)
{
    hook_cancel(s->place);
    hook_cancel(s->zone);
    hook_cancel(s->identity);
    s->place = s->zone = s->identity = NULL;
}

void setup_link_deinit(struct setup *s)
{
    setup_machine_deinit(&s->machine);
    helper_deinit(&s->helper);
    ag_buf_deinit(&s->info);
    explicit_bzero(s->new_token, sizeof s->new_token);
    explicit_bzero(s->unstored, sizeof s->unstored);
}

bool setup_link_reveals_token(const struct setup *s)
{
    return !s->machine.provisioned && !data_dir_has(s->env.dir, DATA_ENAUTH);
}

bool setup_link_has_helper(const struct setup *s)
{
    return !s->machine.settings.external || s->helper.last_hello_ms > 0;
}
