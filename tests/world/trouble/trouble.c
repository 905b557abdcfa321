/* SPDX-License-Identifier: MIT */
#include "tests/world/trouble/trouble.h"

#include <stdio.h>
#include <string.h>
#include "tests/world/app.h"
#include "tests/world/bridge.h"
#include "tests/world/firmware.h"
#include "tests/world/home.h"
#include "tests/world/kernel/calls.h"
#include "tests/world/scene.h"
#include "tests/world/trouble/channels.h"
#include "tests/world/trouble/part.h"
#include "tests/world/trouble/quiet.h"

enum { CALM_S = TROUBLE_CALM_S, ANSWER_WITHIN_S = 60, CUT_S = 5 };

struct rng trouble_rng;
struct troubles troubles;

/* A command whose answer is awaited although a line was cut, or a program ended, by us. */
struct watched {
    uint64_t n, at_us, boots;
    struct side *cut;          /* while it is executed; NULL: not, or it was */
    bool grace;                /* the agent is away for a moment */
    bool open, executed, good; /* good: the answer has to be the application's */
};

static struct watched watched;

/* Of the plan's. What we do ourselves is none. us may be before the beginning. */
bool no_fault_since(uint64_t us)
{
    return scene.n_planned == 0 && scene.planned_us < (us > W.now_us ? 1 : us);
}

/* Nor has the device been reset by its button, or rebooted: that ends the client and all that it was given. */
static bool undisturbed_since(const struct watched *w)
{
    return no_fault_since(w->at_us) && w->boots == home.boots;
}

/* ---- a command that must be answered all the same ---- */

static void look_for_answer(void *arg, uint64_t n)
{
    struct watched *w = &watched;

    (void) arg;
    if (w->n != n || !w->open)
        return;
    w->open = false;
    if (undisturbed_since(w) && (w->executed || w->good))
        broken("command %llu was %s, and is not answered", (unsigned long long) n, w->executed ? "executed" : "given");
}

bool trouble_watches(void)
{
    return watched.open;
}

void trouble_watch(uint64_t n, struct side *cut, bool good, bool grace)
{
    watched =
        (struct watched){.n = n, .at_us = W.now_us, .boots = home.boots, .cut = cut, .open = true, .good = good, .grace = grace};
    after(ANSWER_WITHIN_S * SECOND, look_for_answer, NULL, n);
}

void trouble_answered(uint64_t n, const char *text)
{
    struct watched *w = &watched;
    char good[40];

    if (!w->open || w->n != n)
        return;
    w->open = false;
    if (w->grace && undisturbed_since(w) && strstr(text, "no application connected"))
        broken("command %llu, while the agent was away for a moment, was answered %.200s", (unsigned long long) n, text);
    snprintf(good, sizeof good, "\"done\",%llu]", (unsigned long long) n);
    if (w->good && undisturbed_since(w) && !strstr(text, good))
        broken("command %llu to an application that was away for a moment was answered %.200s", (unsigned long long) n, text);
}

static void joined_again(void *arg, uint64_t unused)
{
    struct side *s = arg;

    (void) unused;
    s->link->refuses = false;
    scene_is_down(false);
}

/* And for a few seconds: the answer comes while there is no session. */
static void cut_now(void *arg, uint64_t unused)
{
    struct side *s = arg;

    (void) unused;
    say("%s is cut while a command is executed", side_name(s->kind));
    scene_is_down(true);
    s->link->refuses = true;
    net_cut(s->link);
    after(CUT_S * SECOND, joined_again, s, 0);
}

/* One that takes its time, if there is one. */
int slow_app(void)
{
    for (int a = (int) scene.shape.n_apps - 1; a > 0; a--)
        if ((scene.app_kinds[a] == APP_SLOW || scene.app_kinds[a] == APP_SILENT) && rng_below(&trouble_rng, 2))
            return a;
    return (int) rng_below(&trouble_rng, scene.shape.n_apps);
}

/* -1: there is none. */
static int really_slow_app(void)
{
    for (unsigned a = 0; a < scene.shape.n_apps; a++)
        if (scene.app_kinds[a] == APP_SLOW)
            return (int) a;
    return -1;
}

static void command_and_cut(struct side *s, int app)
{
    uint64_t n = traffic_gives(s, app);

    if (n)
        trouble_watch(n, s, false, false);
}

bool trouble_executed(int app, uint64_t n)
{
    struct watched *w = &watched;

    if (starts_executed(app, n))
        return true;
    if (w->open && w->n == n) {
        w->executed = true;
        if (w->cut)
            after(rng_below(&trouble_rng, 60) * MS, cut_now, w->cut, 0);
        w->cut = NULL;
    }
    return false;
}

/* ---- now and then ---- */

static void happens(void)
{
    struct side *s = &scene.sides[rng_below(&trouble_rng, scene.shape.n_sides)];
    bool waits = s->kind == SIDE_MQTT || s->kind == SIDE_ONENET; /* for answers, over a loss */

    switch (rng_below(&trouble_rng, scene.plan->breadth.width < WIDTH_ENDS ? 14 : 20)) {
    case 0:
        servers_burst(s);
        break;
    case 1:
    case 2:
        if (waits)
            command_and_cut(s, slow_app());
        else if (s->kind == SIDE_GIZWITS && scene.plan->breadth.width >= WIDTH_ENDS && really_slow_app() >= 0)
            command_and_cut(s, really_slow_app()); /* what is written is not repeated: it must not have been */
        break;
    case 3:
        starts_clock();
        break;
    case 4:
        if (!scene.helper)
            starts_phone();
        break;
    case 5:
        starts_app(s);
        break;
    case 6:
        starts_client();
        break;
    case 7:
        if (s->kind == SIDE_GIZWITS)
            servers_repeat(s);
        else if (s->kind == SIDE_MQTT && scene.plan->breadth.width >= WIDTH_HALVES && s->link->latency_us < 25 * MS &&
                 rng_below(&trouble_rng,
                           2)) /* over a slow line each cut for a held copy leaves new halves, as long as commands come */
            servers_halve(s);
        else if (s->kind == SIDE_MQTT)
            servers_refuse(s);
        break;
    case 8:
        if (troubles.between)
            servers_storm();
        break;
    case 9:
        if (troubles.asleep)
            servers_go();
        break;
    case 10:
        starts_agent();
        break;
    case 11:
        starts_without_names();
        break;
    case 18:
    case 19:
        starts_client_at_report();
        break;
    case 14:
    case 15:
        bridge_ends();
        break;
    case 16:
    case 17:
        firmware_dies();
        break;
    default:
        servers_shut(s);
        break;
    }
}

static void next(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    if (scene.over || W.now_us > scene.rest_us)
        return;
    after(rng_between(&trouble_rng, 20, 200) * SECOND, next, NULL, 0);
    if (quiet_for(CALM_S))
        happens();
}

static void double_datagrams(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    if (scene.over)
        return;
    for (unsigned i = 0; i < scene.shape.n_sides; i++)
        scene.sides[i].link->dup_ppm = 150000;
    scene.lan->dup_ppm = 150000;
    after(10 * SECOND, double_datagrams, NULL, 0);
}

void trouble_draw(uint64_t seed)
{
    trouble_rng.s = seed ^ 0xbad;
    if (scene.plan->breadth.width < WIDTH_TROUBLES)
        return;
    troubles.between = rng_below(&trouble_rng, 3) == 0;
    troubles.deaf = !scene.shape.external && rng_below(&trouble_rng, 3) == 0;
    troubles.half = rng_below(&trouble_rng, 3) == 0;
    troubles.twice = rng_below(&trouble_rng, 3) == 0;
    troubles.channels = !scene.shape.wifi && rng_below(&trouble_rng, 3) == 0;
    troubles.retained = rng_below(&trouble_rng, 2);
    troubles.odd_name = rng_below(&trouble_rng, 2);
    troubles.house = (int) rng_below(&trouble_rng, 3);
    troubles.asleep = rng_below(&trouble_rng, 3) == 0;
}

void trouble_open(void)
{
    if (scene.plan->breadth.width < WIDTH_TROUBLES)
        return;
    scene.phones[0].wants_zero = scene.phones[0].relies = true;
    if (rng_below(&trouble_rng, 2))
        scene.phones[0].device_ip = DEVICE_SECOND_IP;
    if (troubles.odd_name)
        essid = "caf\xe9 \"\xff";
    channels_open();
    starts_open();
    after(300 * SECOND, next, NULL, 0);
    if (troubles.twice)
        after(10 * SECOND, double_datagrams, NULL, 0);
}
