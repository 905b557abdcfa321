/* SPDX-License-Identifier: MIT */
/* Commands from clouds and phone, and what becomes of them and of reports, handed to those who keep the promises. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/world/app.h"
#include "tests/world/bridge.h"
#include "tests/world/firmware.h"
#include "tests/world/home.h"
#include "tests/world/rules/promises.h"
#include "tests/world/trouble/quiet.h"
#include "tests/world/scene.h"
#include "tests/world/trouble/trouble.h"

enum {
    COMMANDS = 1 << 17,
    REPORTS = 1 << 16,
    SETTLED_S = 60,
    QUIET_S = 700 /* a connection that only the device believes in is found out */,
    REST_ORDER_S = 300,
    LAST_WORDS_S = 10,
    LAST_BYTES_S = 60, /* as long as TCP may take behind a line that was down, which it was given before */
    COMES_BACK_S = 10  /* an application to an agent that has started */
};

static uint8_t *given_by; /* command: index of the cloud + 1; 0: the phone */
static int app_of_next;

/* What a cloud that is not the primary has of the reports: it gets them all, at its own speed. */
struct arrival {
    uint64_t id;
    bool arrived;
};
static struct arrival *arrivals[SIDES_MAX][APPS_MAX];
static uint64_t newest[SIDES_MAX][APPS_MAX];
static uint64_t forgiven_us;
static uint64_t made[APPS_MAX], told_of[APPS_MAX], of_last_owner[APPS_MAX], owner_gone_us;
static bool was_down[SIDES_MAX]; /* when the owner had gone */
static bool *promised[APPS_MAX]; /* told as acknowledged or kept */
static bool *is_due[APPS_MAX];   /* told as acknowledged or kept, while and after which nothing happened */

static char heard[APPS_MAX][32]; /* the last word of the state */

/* ---- commands ---- */

void traffic_given(struct side *s, uint64_t n)
{
    if (!given_by)
        given_by = calloc(COMMANDS, 1);
    if (n < COMMANDS)
        given_by[n] = s ? (uint8_t) (s->index + 1) : 0;
    command_given(n, s ? WAY_CLOUD : WAY_PHONE, app_of_next);
}

/* A command is answered to the cloud that gave it. */
void traffic_answered(struct side *s, uint64_t n, const char *text, bool repeat)
{
    if (n < COMMANDS && given_by && given_by[n] != s->index + 1) {
        broken("command %llu was answered to %s, which had not given it", (unsigned long long) n, side_name(s->kind));
        return;
    }
    firmware_answered(n, text);
    bridge_answered(n, text);
    trouble_answered(n, text);
    quiet_answered(n, text);
    command_answered(n, text, repeat || trouble_repeats(n));
}

/* A command's number from a phone's id. In a world with one phone it is the same. */
static uint64_t number_of(const struct phone *p, uint32_t id)
{
    return scene.plan->breadth.width < WIDTH_PHONES ? id : scene.n_of[p - scene.phones][id % PHONE_IDS];
}

/* Each answer has the id that its phone used; what it says of the number is the application's. */
static void on_phone_answer(void *user, uint32_t id, const char *text)
{
    const struct phone *p = user;

    home.phone_out = false; /* its token is the right one */
    trouble_answered(number_of(p, id), text);
    quiet_answered(number_of(p, id), text);
    command_answered(number_of(p, id), text, true);
}

static void on_phone_tired(void *user, uint32_t id)
{
    command_given_up(number_of(user, id));
}

void phones_take_token(const char token[16])
{
    for (unsigned i = 0; i < scene.shape.n_phones; i++)
        phone_take_token(&scene.phones[i], token);
}

/* Phones begin with 1, each of them, and begin again now and then. The command's number; 0: one is under way. */
static uint64_t ask_by_phone(struct phone *p, int app)
{
    static uint32_t last[PHONES_MAX];
    unsigned i = (unsigned) (p - scene.phones);
    uint64_t n = scene.next_command;
    uint32_t id = (uint32_t) n;
    char text[256];

    if (p->id)
        return 0;
    if (scene.plan->breadth.width >= WIDTH_PHONES) {
        if (rng_below(&scene.traffic, 40) == 0) {
            last[i] = 0;
            p->greeted = false; /* as a program that has just started */
        }
        id = ++last[i];
        scene.n_of[i][id % PHONE_IDS] = n;
    }
    app_of_next = app;
    snprintf(text, sizeof text, "{\"id\":%u,\"method\":\"app%d.do\",\"params\":[%llu]}", id, app, (unsigned long long) n);
    traffic_given(NULL, n);
    phone_command(p, id, text);
    scene.next_command++;
    quiet_given(n, app);
    return n;
}

uint64_t traffic_gives(struct side *s, int app)
{
    uint64_t n = scene.next_command;
    char text[256];

    if (!s)
        return ask_by_phone(&scene.phones[0], app);
    app_of_next = app;
    snprintf(text, sizeof text, "{\"id\":%llu,\"method\":\"app%d.do\",\"params\":[%llu]}", (unsigned long long) n, app,
             (unsigned long long) n);
    if (!side_gives(s, n, text))
        return 0;
    scene.next_command++;
    quiet_given(n, app);
    return n;
}

static void next_command(void *arg, uint64_t unused)
{
    int app = (int) rng_below(&scene.traffic, scene.shape.n_apps);
    bool lan = rng_below(&scene.traffic, 3) == 0;
    unsigned side = scene.shape.n_sides > 1 ? (unsigned) rng_below(&scene.traffic, scene.shape.n_sides) : 0;
    unsigned phone = scene.shape.n_phones > 1 ? (unsigned) rng_below(&scene.traffic, scene.shape.n_phones) : 0;

    (void) arg;
    (void) unused;
    if (scene.over || scene.still)
        return;
    after(rng_between(&scene.traffic, 2, 80) * SECOND, next_command, NULL, 0);
    if (lan)
        ask_by_phone(&scene.phones[phone], app);
    else
        traffic_gives(&scene.sides[side], app);
    if (scene.shape.n_phones > 1 && rng_below(&scene.traffic, 3) == 0) /* the whole family at once */
        for (unsigned i = 0; i < scene.shape.n_phones; i++)
            ask_by_phone(&scene.phones[i], app);
}

void traffic_begin(void)
{
    for (unsigned i = 0; i < scene.shape.n_phones; i++) {
        scene.phones[i].on_answer = on_phone_answer;
        scene.phones[i].on_given_up = on_phone_tired;
        scene.phones[i].user = &scene.phones[i];
    }
    after(10 * SECOND, next_command, NULL, 0);
}

/* ---- reports ---- */

static void arrived_beside(struct side *s, int app, uint64_t n, uint64_t id)
{
    struct arrival *r;

    if (app < 0 || app >= (int) scene.shape.n_apps || n >= REPORTS) {
        broken("%s was given report %llu of app%d, which that never made", side_name(s->kind), (unsigned long long) n, app);
        return;
    }
    if (!arrivals[s->index][app])
        arrivals[s->index][app] = calloc(REPORTS, sizeof *r);
    r = &arrivals[s->index][app][n];
    say("%s has report %llu of app%d, id %llu", side_name(s->kind), (unsigned long long) n, app, (unsigned long long) id);
    if (r->arrived && r->id != id)
        broken("report %llu of app%d came to %s under two ids", (unsigned long long) n, app, side_name(s->kind));
    if (!r->arrived && n < newest[s->index][app] && (s->kind != SIDE_OT || scene.shape.tcp) &&
        scene.line_disturbed_us + REST_ORDER_S * SECOND < W.now_us)
        broken("report %llu of app%d came to %s behind its %llu", (unsigned long long) n, app, side_name(s->kind),
               (unsigned long long) newest[s->index][app]);
    if (n > newest[s->index][app])
        newest[s->index][app] = n;
    *r = (struct arrival){id, true};
}

void traffic_owner_gone(void)
{
    bool held = !runs(AGENT) || scene.procs[AGENT]->started_us + COMES_BACK_S * SECOND > W.now_us;

    owner_gone_us = W.now_us;
    memcpy(of_last_owner, held ? told_of : made, sizeof made); /* an application keeps for the agent what it asks for meanwhile */
    for (unsigned i = 0; i < scene.shape.n_sides; i++)
        was_down[i] = scene.sides[i].link->down;
    traffic_forgiven();
}

/* What was on its way has arrived by then. */
static void look_at_owner(const struct side *s, int app, uint64_t n)
{
    bool known = app >= 0 && app < APPS_MAX && n <= of_last_owner[app];
    bool in_tcp = known && was_down[s->index] && !(promised[app] && n < REPORTS && promised[app][n]);

    if (known && owner_gone_us + (in_tcp ? LAST_BYTES_S : LAST_WORDS_S) * SECOND < W.now_us)
        broken("report %llu of app%d, of the last owner, came to %s %llu s after the reset", (unsigned long long) n, app,
               side_name(s->kind), (unsigned long long) ((W.now_us - owner_gone_us) / SECOND));
}

void traffic_reported(struct side *s, const char *text, uint64_t id)
{
    const char *n = strstr(text, "\"n\":"), *app = strstr(text, "\"app\":"), *list;
    uint64_t number = 0;
    int from = -1;

    if (n && app) {
        from = atoi(app + 6);
        number = strtoull(n + 4, NULL, 10);
    } else if (strstr(text, "event.pressed") && (list = strstr(text, "\"params\":["))) {
        char *end;

        from = (int) strtol(list + 10, &end, 10);
        number = strtoull(end + 1, NULL, 10);
    } else {
        return;
    }
    look_at_owner(s, from, number);
    if (s->index == 0)
        report_arrived(from, number, id);
    else
        arrived_beside(s, from, number, id);
}

struct told {
    int app;
    uint64_t n, at_us;
};

/* Gizwits takes reports at QoS 0: what is written is acknowledged, and a line that ends loses it. */
static bool is_sure(const struct side *s)
{
    return s->kind != SIDE_GIZWITS;
}

/* What a cloud beside the primary is given is promised to no application, so only quiet times count. */
static void settled(void *arg, uint64_t unused)
{
    struct told *t = arg;

    (void) unused;
    if (scene.disturbed_us + QUIET_S * SECOND < t->at_us && forgiven_us < t->at_us && t->n < REPORTS) {
        if (!is_due[t->app])
            is_due[t->app] = calloc(REPORTS, sizeof(bool));
        is_due[t->app][t->n] = true;
    }
    free(t);
}

void traffic_forgiven(void)
{
    forgiven_us = W.now_us;
    reports_forgiven();
    for (unsigned a = 0; a < scene.shape.n_apps; a++)
        if (is_due[a])
            memset(is_due[a], 0, REPORTS * sizeof(bool));
}

/* Each application that follows the state has heard its last word. */
void traffic_words(uint64_t settled_s)
{
    for (unsigned a = 0; a < scene.shape.n_apps; a++) {
        const struct proc *p = scene.procs[FIRST_APP + a];

        if (scene.app_kinds[a] >= APP_OLD || !runs(FIRST_APP + a) || p->started_us + settled_s * SECOND > W.now_us ||
            scene.word_us + settled_s * SECOND > W.now_us || !scene.word[0])
            continue;
        if (strcmp(heard[a], scene.word) != 0)
            broken("app%u follows the state and has last heard %s: it is %s", a, heard[a], scene.word);
    }
}

void traffic_at_rest(void)
{
    traffic_words(SETTLED_S);
    for (unsigned i = 1; i < scene.shape.n_sides; i++)
        for (unsigned a = 0; a < scene.shape.n_apps && is_sure(&scene.sides[i]); a++)
            for (uint64_t n = 1; is_due[a] && n < REPORTS; n++)
                if (is_due[a][n] && (!arrivals[i][a] || !arrivals[i][a][n].arrived))
                    broken("report %llu of app%u was told as kept or acknowledged, and never came to %s", (unsigned long long) n,
                           a, side_name(scene.sides[i].kind));
}

/* ---- what applications call ---- */

void app_executed(int app, unsigned long n)
{
    if (!trouble_executed(app, n))
        command_executed(app, n);
}

void app_replied(int app, unsigned long n, int r)
{
    (void) app;
    (void) n;
    (void) r;
}

unsigned long app_next_report(int app)
{
    made[app]++;
    return report_next(app);
}

void app_reported(int app, unsigned long n, int r)
{
    say("app%d reports %lu: %d", app, n, r);
    if (r >= 0)
        quiet_reported(app, n);
    if (r >= 0)
        trouble_reported(app, n);
}

void app_reports_much(int app, unsigned long n)
{
    quiet_may_be_refused(app, n);
}

static void note_told(int app, uint64_t n, int error)
{
    if (n > told_of[app])
        told_of[app] = n;
    if (!promised[app])
        promised[app] = calloc(REPORTS, sizeof(bool));
    if (n < REPORTS)
        promised[app][n] = error >= 0;
}

void app_told(int app, unsigned long n, int error, const char *result)
{
    trouble_told(app, n);
    quiet_told(app, n, error, result && strstr(result, "queued"));
    note_told(app, n, error);
    if (is_sure(&scene.sides[0]))
        report_told(app, n, error, result);
    else
        say("app%d is told of report %lu: %d", app, n, error);
    if (error >= 0 && scene.shape.n_sides > 1) {
        struct told *t = malloc(sizeof *t);

        *t = (struct told){app, n, W.now_us};
        after(SETTLED_S * SECOND, settled, t, 0);
    }
}

void app_status(int app, const char *status)
{
    snprintf(heard[app], sizeof heard[app], "%s", status);
    say("app%d hears %s", app, status);
}

unsigned app_chance(unsigned n)
{
    return (unsigned) rng_below(&W.rng, n);
}
