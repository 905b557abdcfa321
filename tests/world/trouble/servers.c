/* SPDX-License-Identifier: MIT */
/* Servers that give much at once, end sessions, refuse subscriptions, or are away; and guests beside the applications. */
#include <stdio.h>
#include <string.h>
#include "tests/world/app.h"
#include "tests/world/scene.h"
#include "tests/world/trouble/channels.h"
#include "tests/world/trouble/part.h"
#include "tests/world/trouble/quiet.h"
#include "tests/world/trouble/trouble.h"

enum {
    SHUT_S = 240,
    SHUT_CONNECTS = 30,
    SHUT_CONNECTS_STEPS = 14, /* pauses of 10 s, 20 s, 30 s ... */
    REFUSE_S = 300,
    AWAY_S = 420,
    STORM_S = 120,
    UPLINK_TRIES_A_MINUTE = 80,
    BURST_MAX = 700,
    HALVES = 4, /* cuts, with so many commands each, so far from each other */
    HALVED = 30,
    HALVE_S = 20,
    BURST_DATAGRAMS = 40
};

static struct {
    int repeated_app;
    uint64_t repeated;   /* a command that came twice */
    const char *subject; /* topic whose subscription is refused; its line in the log is awaited */
    unsigned n_uplinks;
    uint64_t storm_us;
    uint64_t connects;   /* before the server began to end them */
    uint64_t greeted_us; /* a guest has said what only a helper says; 0: the client has told its log */
    struct sleep {
        uint64_t from_us; /* since when no cloud can be reached; 0: they can */
        unsigned asked, may;
    } sleep;
} t;

/* ---- bursts ---- */

static void burst(void *arg, uint64_t n)
{
    struct side *s = arg;

    say("%s gives %llu commands at once", side_name(s->kind), (unsigned long long) n);
    quiet_ends_for(90 * SECOND);
    for (; n > 0 && traffic_gives(s, (int) rng_below(&trouble_rng, scene.shape.n_apps)); n--) {
    }
}

static void quick_again(void *arg, uint64_t latency_us)
{
    struct side *s = arg;

    s->link->latency_us = latency_us;
}

static void acks_come(void *arg, uint64_t unused)
{
    struct side *s = arg;

    (void) unused;
    broker_acks(&s->broker);
}

/* The broker takes its time with acknowledgements: the window fills with answers. */
static void bursts_without_acks(struct side *s)
{
    s->broker.faults.late_acks = true;
    for (int i = 0; i < 3; i++)
        after((uint64_t) i * SECOND, burst, s, BURST_MAX);
    after(9 * SECOND, acks_come, s, 0);
}

/* Two of them over a line on which acknowledgements take seconds: windows fill. */
void servers_burst(struct side *s)
{
    bool far = s->kind == SIDE_GIZWITS && rng_below(&trouble_rng, 3) == 0;
    uint64_t most = s->kind == SIDE_OT && !scene.shape.tcp ? BURST_DATAGRAMS : BURST_MAX, n;

    if ((s->kind == SIDE_MQTT || s->kind == SIDE_ONENET) && s->link->latency_us < 25 * MS && rng_below(&trouble_rng, 2)) {
        bursts_without_acks(s);
        return;
    }
    if (s->kind == SIDE_MQTT || s->kind == SIDE_ONENET) /* a broker has twenty under way at a time */
        most = 20 * 15 * SECOND / (4 * s->link->latency_us);
    n = rng_between(&trouble_rng, 2, most < BURST_MAX ? most : BURST_MAX);

    if (far) {
        after(60 * SECOND, quick_again, s, s->link->latency_us);
        s->link->latency_us = 3 * SECOND;
        after(500 * MS, burst, s, BURST_MAX);
        n = BURST_MAX;
    }
    burst(s, n);
}

/* ---- commands of QoS 2 whose connection ends between their halves ---- */

static void halve(void *arg, uint64_t n)
{
    struct side *s = arg;

    if (n == 0) {
        s->broker.faults.cut_at_rec = 0;
        scene_is_down(false);
        return;
    }
    s->broker.faults.cut_at_rec = 1 + (unsigned) rng_below(&trouble_rng, 20);
    s->broker.faults.cut_rec_is_lost = rng_below(&trouble_rng, 2);
    burst(s, HALVED);
    after(HALVE_S * SECOND, halve, s, n - 1);
}

void servers_halve(struct side *s)
{
    scene_is_down(true);
    halve(s, HALVES);
}

/* ---- the same frame twice ---- */

bool trouble_repeats(uint64_t n)
{
    return n == t.repeated;
}

static void give_again(void *arg, uint64_t n)
{
    struct side *s = arg;
    char text[128];

    if (!gizwits_is_in(s->gizwits))
        return;
    say("the App says command %llu once more", (unsigned long long) n);
    snprintf(text, sizeof text, "{\"id\":%llu,\"method\":\"app%d.do\",\"params\":[%llu]}", (unsigned long long) n, t.repeated_app,
             (unsigned long long) n);
    gizwits_give(s->gizwits, text, (uint32_t) n);
}

void servers_repeat(struct side *s)
{
    if (scene.next_command % 2 == 0)
        scene.next_command++; /* odd ones are of the form that is acknowledged */
    t.repeated_app = slow_app();
    t.repeated = traffic_gives(s, t.repeated_app);
    if (t.repeated)
        after(rng_between(&trouble_rng, 1, rng_below(&trouble_rng, 2) ? 400 : 9000) * MS, give_again, s, t.repeated);
}

/* ---- servers that take sessions and end them, or refuse a subscription ---- */

static void opens_again(void *arg, uint64_t unused)
{
    struct side *s = arg;

    (void) unused;
    s->broker.faults.close_at_once = s->ot.shuts = false;
    if (side_connects(s) - t.connects > (s->kind == SIDE_GIZWITS ? SHUT_CONNECTS_STEPS : SHUT_CONNECTS))
        broken("%s ended each session for %d s, and got %llu: the pauses do not grow", side_name(s->kind), SHUT_S,
               (unsigned long long) (side_connects(s) - t.connects));
    scene_is_down(false);
}

/* The pauses have to grow: also looked at each minute in world.c. */
void servers_shut(struct side *s)
{
    say("%s ends each session that it has taken", side_name(s->kind));
    s->broker.faults.close_at_once = s->ot.shuts = true;
    t.connects = side_connects(s);
    scene_is_down(true);
    net_cut(s->link);
    after(SHUT_S * SECOND, opens_again, s, 0);
}

static void takes_again(void *arg, uint64_t unused)
{
    struct side *s = arg;

    (void) unused;
    s->broker.faults.refuse_sub_above = 3;
    net_cut(s->link); /* else the device asks again after its pause: ten minutes */
    scene_disturbed("subscriptions");
    scene_line_disturbed();
    scene_is_down(false);
}

static void look_whether_served(void *arg, uint64_t qos)
{
    struct side *s = arg;

    if (!broker_is_in(&s->broker, "miio-10000") || scene.n_down != 1 || !no_fault_since(W.now_us - REFUSE_S * SECOND))
        return;
    if (qos < 3 && !broker_serves(&s->broker, "miio/10000/command"))
        broken("the broker grants QoS %llu, and the device is in and has not subscribed", (unsigned long long) qos);
    if (qos == 9 && t.subject)
        broken("the broker refuses the subscription to %s, and nobody says so", t.subject);
}

void servers_refuse(struct side *s)
{
    bool all = rng_below(&trouble_rng, 2);
    int qos = all ? -1 : (int) rng_below(&trouble_rng, 2);

    say("%s refuses subscriptions above QoS %d", side_name(s->kind), qos);
    s->broker.faults.refuse_sub_above = qos;
    channels_forgiven();
    t.subject = all ? "miio/10000/command" : NULL;
    scene_is_down(true);
    broker_restart(&s->broker, true);
    after(200 * SECOND, look_whether_served, s, all ? 9 : (uint64_t) qos);
    after(REFUSE_S * SECOND, takes_again, s, 0);
}

void trouble_line(const struct proc *p, const char *line)
{
    if (t.subject && p == scene.procs[CLIENT] && strstr(line, t.subject) && strstr(line, "refuse"))
        t.subject = NULL;
    if (p == scene.procs[CLIENT] && strstr(line, "_internal.hello from local peer"))
        t.greeted_us = 0;
}

/* ---- what is between agent and client ---- */

/* The agent is back, and the state has changed while it was away: whoever follows it has heard by now. */
static void look_at_words(void *arg, uint64_t since_us)
{
    (void) arg;
    if (no_fault_since(since_us) && runs(AGENT) && runs(CLIENT) && scene.procs[AGENT]->started_us < since_us &&
        scene.procs[CLIENT]->started_us < since_us)
        traffic_words(20);
}

static void reachable_again(void *arg, uint64_t unused)
{
    struct side *s = arg;

    (void) unused;
    s->link->refuses = s->link->down = false;
    scene_is_down(false);
}

static void storm_ends(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    if (t.n_uplinks > STORM_S / 60 * UPLINK_TRIES_A_MINUTE)
        broken("the agent has tried its upstream %u times in %d s: its pauses do not grow", t.n_uplinks, STORM_S);
    troubles.storm = false;
    after(30 * SECOND, look_at_words, NULL, t.storm_us);
    after(70 * SECOND, reachable_again, &scene.sides[0], 0);
    scene_is_down(false);
}

void servers_storm(void)
{
    struct side *s = &scene.sides[0];

    say("what is between agent and client closes at once");
    troubles.storm = true;
    t.n_uplinks = 0;
    t.storm_us = W.now_us;
    scene_is_down(true);
    scene_is_down(true);
    s->link->refuses = true;
    s->link->down = s->kind == SIDE_OT;
    net_cut(s->link);
    after(STORM_S * SECOND, storm_ends, NULL, 0);
}

bool between_storms(void)
{
    return troubles.storm;
}

bool between_closes(void)
{
    t.n_uplinks += troubles.storm;
    return troubles.storm;
}

/* ---- no cloud for long, and a device that would like to sleep ---- */

static void clouds_are_back(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    for (unsigned i = 0; i < scene.shape.n_sides; i++)
        scene.sides[i].link->refuses = scene.sides[i].link->down = false;
    scene_is_down(false);
    if (t.sleep.asked >= 8 && t.sleep.may == 0 && no_fault_since(t.sleep.from_us) && runs(CLIENT))
        broken("no cloud for %d s, and a device on battery may never sleep", AWAY_S);
    t.sleep.from_us = 0;
}

void servers_go(void)
{
    say("no cloud can be reached");
    for (unsigned i = 0; i < scene.shape.n_sides; i++) {
        scene.sides[i].link->refuses = true;
        scene.sides[i].link->down = scene.sides[i].kind == SIDE_OT;
        net_cut(scene.sides[i].link);
    }
    scene_is_down(true);
    t.sleep = (struct sleep){.from_us = W.now_us};
    after(AWAY_S * SECOND, clouds_are_back, NULL, 0);
}

void guest_may_sleep(unsigned s)
{
    if (!t.sleep.from_us || t.sleep.from_us + 100 * SECOND > W.now_us)
        return;
    t.sleep.asked++;
    t.sleep.may += s > 0;
}

/* ---- guests ---- */

static void set_acks(bool on)
{
    for (unsigned i = 0; i < scene.shape.n_sides; i++)
        scene.sides[i].broker.faults.no_acks = scene.sides[i].ot.no_acks = !on;
}

static void acks_again(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    set_acks(true);
    scene_is_down(false);
}

bool guest_hushes(void)
{
    if (!quiet_for(TROUBLE_CALM_S) || scene.sides[0].kind == SIDE_GIZWITS || trouble_watches() || W.now_us > scene.rest_us)
        return false;
    say("clouds acknowledge nothing for a while");
    set_acks(false);
    scene_is_down(true);
    after(30 * SECOND, acks_again, NULL, 0);
    return true;
}

static void look_for_word(void *arg, uint64_t pid)
{
    (void) arg;
    if (t.greeted_us && no_fault_since(t.greeted_us) && runs(CLIENT) && (uint64_t) scene.procs[CLIENT]->pid == pid &&
        !scene.procs[CLIENT]->term_at_us)
        broken("a program took the client for one that needs a helper, and the client says nothing of it");
}

bool guest_greets(void)
{
    if (scene.plan->breadth.width < WIDTH_ENDS || !runs(CLIENT) || !no_fault_since(W.now_us))
        return false;
    t.greeted_us = W.now_us;
    after(5 * SECOND, look_for_word, NULL, (uint64_t) scene.procs[CLIENT]->pid);
    return true;
}

void guest_refused(const char *how)
{
    if (no_fault_since(W.now_us - 100 * SECOND) && runs(AGENT) && scene.procs[AGENT]->started_us + 60 * SECOND < W.now_us)
        broken("an application that comes while gone ones wait for answers is %s", how);
}
