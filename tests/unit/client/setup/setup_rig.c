/* SPDX-License-Identifier: MIT */
#include "tests/unit/client/setup/setup_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const does[] = {"answer",     "state",         "provisioned",   "country",        "online",
                                   "cloud_stop", "cloud_forget",  "fresh_token",   "own_token",      "set_token",
                                   "save",       "end_trial",     "drop",          "forget",         "end_reset",
                                   "new_token",  "remove_enauth", "remove_wifi",   "forget_reports", "run",
                                   "kill",       "link_zone",     "ask_zone",      "ask_join",       "ask_info",
                                   "stage",      "read_identity", "take_identity", "look_at_hooks",  "say"};
static const char *const states[] = {"identity", "ask_identity_0", "ask_identity_1", "token",      "provisioned",
                                     "ap",       "joining",        "joined",         "join_failed"};
static const char *const programs[] = {"ap", "join", "restore", "reboot", "zone", "identity"};
static const char *const says[] = {"resumed",     "join_failed", "reset",       "reset_resumed", "helper_reset",  "no_helper",
                                   "helper_mute", "bad_token",   "identity_is", "no_identity",   "identity_later"};

static const char *const machine_states[] = {
    [SETUP_STARTING] = "starting", [SETUP_AP] = "ap",           [SETUP_AP_OPENING] = "ap_opening",
    [SETUP_WAITING] = "waiting",   [SETUP_JOINING] = "joining", [SETUP_ASKED] = "asked",
    [SETUP_JOINED] = "joined",     [SETUP_LEAVING] = "leaving", [SETUP_RESTORING] = "restoring"};

_Static_assert(ag_array_size(machine_states) == SETUP_RIG_STATES, "each state has a name");

void setup_rig_open(struct setup_rig *r, const char *mode)
{
    const struct setup_settings settings = {
        .external = strcmp(mode, "external") == 0, .wired = strcmp(mode, "wired") == 0, .join_tries = 3, .join_pause_ms = 3000};

    *r = (struct setup_rig){.failing = -1, .world = {.now_ms = 1000000, .did = 7, .has_model = true, .has_program = true}};
    setup_machine_init(&r->m, &settings);
}

void setup_rig_close(struct setup_rig *r)
{
    static const struct router_params nothing;

    setup_machine_deinit(&r->m);
    assert_memory_equal(&r->m.params, &nothing, sizeof nothing);
}

const char *setup_rig_state(const struct setup_rig *r)
{
    return machine_states[r->m.state];
}

/* ---- what decisions change ---- */

static void files_go(struct setup_facts *w)
{
    w->has_wifi = false;
    w->uid = 0;
    w->country[0] = '\0';
    w->has_trial = false;
}

static void save(struct setup_rig *r)
{
    const struct router_params *p = &r->m.params;

    assert_true(p->wifi.ssid[0] != '\0');
    r->world.has_wifi = true;
    r->world.has_trial = p->wifi.trial != WIFI_JOINED;
    r->world.trial = p->wifi;
    if (p->wifi.uid)
        r->world.uid = p->wifi.uid;
    memcpy(r->world.country, p->country, sizeof r->world.country);
}

static void start_program(struct setup_rig *r, enum setup_program p)
{
    assert_false(r->running[p]);
    r->running[p] = true;
    if (p < SETUP_RUN_ZONE)
        assert_int_equal(++r->n_place, 1);
}

static void kill_program(struct setup_rig *r)
{
    assert_int_equal(r->n_place, 1);
    r->n_place = 0;
    for (unsigned i = 0; i < SETUP_RUN_ZONE; i++)
        r->running[i] = false;
}

static void change(struct setup_rig *r, const struct setup_decision *d)
{
    switch (d->what) {
    case SETUP_DO_SAVE:
        save(r);
        break;
    case SETUP_DO_END_TRIAL:
        r->world.has_trial = false;
        break;
    case SETUP_DO_END_RESET:
        r->world.has_reset = false;
        break;
    case SETUP_DO_FORGET:
        r->world.has_reset = true;
        r->world.has_enauth = false;
        files_go(&r->world);
        break;
    case SETUP_DO_FRESH_TOKEN:
        r->world.has_enauth = false;
        files_go(&r->world);
        break;
    case SETUP_DO_DROP:
        files_go(&r->world);
        break;
    case SETUP_DO_REMOVE_ENAUTH:
        r->world.has_enauth = false;
        break;
    case SETUP_DO_REMOVE_WIFI:
        r->world.has_wifi = r->world.has_trial = false;
        break;
    case SETUP_DO_RUN:
        start_program(r, (enum setup_program) d->n);
        break;
    case SETUP_DO_KILL:
        kill_program(r);
        break;
    case SETUP_DO_READ_IDENTITY:
    case SETUP_DO_TAKE_IDENTITY:
        r->world.did = 7;
        break;
    default:
        break;
    }
}

/* As the stories call it, whatever words the libc has. */
static const char *word_of(int error)
{
    return error == EBUSY ? "Device or resource busy" : error == EIO ? "Input/output error" : strerror(error);
}

/* ---- decisions as text ---- */

static void print(struct setup_rig *r, const struct setup_decision *d, bool failed)
{
    size_t len = strlen(r->out), n = sizeof r->out - len;
    const char *arg = d->what == SETUP_DO_STATE ? states[d->n]
                      : d->what == SETUP_DO_RUN ? programs[d->n]
                      : d->what == SETUP_DO_SAY ? says[d->n]
                                                : NULL;

    if (arg)
        snprintf(r->out + len, n, "%s %s", d->what == SETUP_DO_STATE ? "is" : does[d->what], arg);
    else if (d->what == SETUP_DO_ANSWER)
        snprintf(r->out + len, n, "answer %s", d->n == 0 ? "ok" : d->n > 0 ? "bad" : word_of(-d->n));
    else if (d->what == SETUP_DO_STAGE)
        snprintf(r->out + len, n, "stage %d", d->n);
    else if (d->what == SETUP_DO_PROVISIONED)
        snprintf(r->out + len, n, "%s", r->m.provisioned ? "owned" : "nobodys");
    else if (d->what == SETUP_DO_COUNTRY)
        snprintf(r->out + len, n, "country %s", r->m.country[0] ? r->m.country : "-");
    else
        snprintf(r->out + len, n, "%s", does[d->what]);
    strcat(r->out, failed ? "!; " : "; ");
}

static int failure_of(const struct setup_rig *r, enum setup_do what)
{
    if (r->short_of_memory)
        return -ENOMEM;
    return what == SETUP_DO_READ_IDENTITY ? -EAGAIN : -EIO;
}

static void drain(struct setup_rig *r, const struct setup_facts *f)
{
    struct setup_decision d;

    while (setup_next(&r->m, &d)) {
        bool fails = (int) d.what == r->failing;

        r->n_answers += d.what == SETUP_DO_ANSWER;
        print(r, &d, fails);
        if (fails)
            r->failing = -1;
        else
            change(r, &d);
        setup_carried(&r->m, f, &d, fails ? failure_of(r, d.what) : 0);
    }
}

/* ---- lines ---- */

static int number_of(const char *const names[], size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], word) == 0)
            return (int) i;
    }
    fail_msg("no such word: %s", word);
    return -1;
}

static void network(struct setup_rig *r, const struct setup_facts *f, char w[5][40])
{
    enum origin_kind from = w[1][1] == 'a' ? ORIGIN_LAN : w[1][0] == 'b' ? ORIGIN_BLE : ORIGIN_LOCAL;
    struct router_params p = {.has_uid = w[2][0] != '-', .wifi = {.ssid = "home", .psk = "secret-key"}};

    p.wifi.uid = strtoull(w[2][0] == '-' ? "0" : w[2], NULL, 10);
    if (w[3][0] != '-')
        memccpy(p.country, w[3], '\0', sizeof p.country - 1);
    memccpy(p.zone, w[4], '\0', sizeof p.zone - 1);
    setup_network(&r->m, f, from, &p);
}

static bool fact(struct setup_facts *w, char word[5][40])
{
    uint64_t n = strtoull(word[1], NULL, 10);

    if (strcmp(word[0], "did") == 0)
        w->did = n;
    else if (strcmp(word[0], "model") == 0)
        w->has_model = n;
    else if (strcmp(word[0], "wifi") == 0)
        w->has_wifi = n;
    else if (strcmp(word[0], "enauth") == 0)
        w->has_enauth = n;
    else if (strcmp(word[0], "reset_mark") == 0)
        w->has_reset = n;
    else if (strcmp(word[0], "program") == 0)
        w->has_program = n;
    else if (strcmp(word[0], "link") == 0)
        w->has_zone_link = n;
    else if (strcmp(word[0], "uid") == 0)
        w->uid = n;
    else if (strcmp(word[0], "country") == 0)
        snprintf(w->country, sizeof w->country, "%.15s", word[1]);
    else
        return false;
    return true;
}

static void set_trial(struct setup_facts *w, const char *word)
{
    w->has_trial = word[0] != 'n' || word[1] == 'e';
    w->trial = (struct wifi_conf){.ssid = "cut-off", .uid = 5, .trial = word[0] == 'f' ? WIFI_FIRST_TRIAL : WIFI_NEXT_TRIAL};
}

static void ended(struct setup_rig *r, const struct setup_facts *f, const char *program, int status)
{
    int p = number_of(programs, 6, program);

    assert_true(r->running[p]);
    r->running[p] = false;
    r->n_place -= p < SETUP_RUN_ZONE;
    setup_ended(&r->m, f, (enum setup_program) p, status);
}

/* The timer goes off when it is due, not before. */
static void wait_ms(struct setup_rig *r, uint64_t ms)
{
    uint64_t until = r->world.now_ms + ms, last_ms = 0;
    unsigned n_at_once = 0;

    while (setup_next_deadline(&r->m) <= until) {
        struct setup_facts f;

        if (setup_next_deadline(&r->m) > r->world.now_ms)
            r->world.now_ms = setup_next_deadline(&r->m);
        f = r->world;
        setup_tick(&r->m, &f);
        drain(r, &f);
        n_at_once = r->world.now_ms == last_ms ? n_at_once + 1 : 0;
        last_ms = r->world.now_ms;
        assert_true(n_at_once < 3); /* nothing is due for ever */
    }
    r->world.now_ms = until;
}

static void print_due(struct setup_rig *r)
{
    uint64_t at = setup_next_deadline(&r->m);

    if (at == UINT64_MAX)
        snprintf(r->out, sizeof r->out, "never");
    else
        snprintf(r->out, sizeof r->out, "%lu", at > r->world.now_ms ? (unsigned long) (at - r->world.now_ms) : 0);
}

static struct ag_span span(const char *text)
{
    return (struct ag_span){text, strlen(text)};
}

static void event(struct setup_rig *r, const struct setup_facts *f, char w[5][40])
{
    const char *e = w[0];

    if (strcmp(e, "start") == 0)
        setup_start(&r->m, f);
    else if (strcmp(e, "network") == 0)
        network(r, f, w);
    else if (strcmp(e, "zone") == 0)
        setup_zone(&r->m, f, w[1]);
    else if (strcmp(e, "reset") == 0)
        setup_reset(&r->m, f);
    else if (strcmp(e, "reboot") == 0)
        setup_reboot(&r->m, f);
    else if (strcmp(e, "reload") == 0)
        setup_reload(&r->m, f, (unsigned) atoi(w[1]), (unsigned) atoi(w[2]));
    else if (strcmp(e, "ended") == 0)
        ended(r, f, w[1], atoi(w[2]));
    else if (strcmp(e, "heard") == 0)
        setup_helper_heard(&r->m);
    else if (strcmp(e, "identity") == 0)
        setup_helper_identity(&r->m, AG_SPAN("did=7\n"));
    else if (strcmp(e, "token") == 0)
        setup_helper_token(&r->m, span(w[1]));
    else if (strcmp(e, "country_said") == 0)
        setup_helper_country(&r->m, span(w[1]));
    else if (strcmp(e, "wifi_said") == 0)
        setup_helper_wifi(&r->m, f, w[1][0] == '1');
    else if (strcmp(e, "connected") == 0)
        setup_helper_connected(&r->m, f);
    else if (strcmp(e, "failed") == 0 || strcmp(e, "ap") == 0)
        setup_helper_failed(&r->m, f, e[0] == 'a' ? HELPER_AP_MODE : HELPER_NOT_JOINED);
    else if (strcmp(e, "silent") == 0)
        setup_helper_silent(&r->m, f);
    else
        fail_msg("no such line: %s", e);
}

void setup_rig_do(struct setup_rig *r, const char *line)
{
    struct setup_facts f = r->world;
    char w[5][40] = {"", "", "", "", ""};

    r->out[0] = '\0';
    r->n_answers = 0;
    sscanf(line, "%39s %39s %39s %39s %39s", w[0], w[1], w[2], w[3], w[4]);
    if (strcmp(w[0], "fail") == 0 || strcmp(w[0], "short") == 0) {
        r->failing = number_of(does, ag_array_size(does), w[1]);
        r->short_of_memory = w[0][0] == 's';
    } else if (strcmp(w[0], "trial") == 0)
        set_trial(&r->world, w[1]);
    else if (strcmp(w[0], "state") == 0)
        strcat(r->out, setup_rig_state(r));
    else if (strcmp(w[0], "due") == 0)
        print_due(r);
    else if (strcmp(w[0], "wait") == 0)
        wait_ms(r, strtoull(w[1], NULL, 10));
    else if (!((strcmp(w[0], "country") != 0 || w[1][0]) && fact(&r->world, w)))
        event(r, &f, w);
    drain(r, &f);
}
