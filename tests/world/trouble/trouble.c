/* SPDX-License-Identifier: MIT */
#include "tests/world/trouble/trouble.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/world/app.h"
#include "tests/world/trouble/channels.h"
#include "tests/world/kernel/calls.h"
#include "tests/world/kernel/files.h"
#include "tests/world/trouble/quiet.h"
#include "tests/world/scene.h"

enum {
    CALM_S = 240,
    COMMANDS = 1 << 17,
    ANSWER_WITHIN_S = 60,
    STORM_S = 120,
    SHUT_S = 240,
    REFUSE_S = 300,
    FORGOTTEN_S = 200,
    CUT_S = 5,
    AWAY_S = 420,
    BURST_MAX = 700,
    BURST_DATAGRAMS = 40,
    RESTARTS = COMMANDS + 1, /* first number of what the phone says that starts over */
    UPLINK_TRIES_A_MINUTE = 80
};

struct troubles troubles;

static const char ROUTE[] = "Iface\tDestination\tGateway\tFlags\nwlan0\t00000000\t0100000A\t0003\n";

/* A command whose answer is awaited although a line was cut, or a program ended, by us. */
struct watched {
    uint64_t n, at_us;
    struct side *cut;          /* while it is executed; NULL: not, or it was */
    bool open, executed, good; /* good: the answer has to be the application's */
};

static struct {
    struct rng r;
    struct watched watched;
    struct phone phone; /* starts over now and then, with the same port and the same ids */
    struct link *link;
    uint64_t restarts, executed;
    uint64_t clock_us;   /* when the clock was set last */
    uint64_t repeated;   /* a command that came twice */
    const char *subject; /* topic whose subscription is refused; its line in the log is awaited */
    unsigned n_uplinks;
    struct sleep {
        uint64_t from_us; /* since when no cloud can be reached; 0: they can */
        unsigned asked, may;
    } sleep;
} t;

/* Of the plan's. What we do ourselves is none. */
static bool no_fault_since(uint64_t us)
{
    return scene.n_planned == 0 && scene.planned_us < us;
}

/* ---- a command that must be answered all the same ---- */

static void look_for_answer(void *arg, uint64_t n)
{
    struct watched *w = &t.watched;

    (void) arg;
    if (w->n != n || !w->open)
        return;
    w->open = false;
    if (no_fault_since(w->at_us) && (w->executed || w->good))
        broken("command %llu was %s, and is not answered", (unsigned long long) n, w->executed ? "executed" : "given");
}

static void watch(uint64_t n, struct side *cut, bool good)
{
    t.watched = (struct watched){.n = n, .at_us = W.now_us, .cut = cut, .open = true, .good = good};
    after(ANSWER_WITHIN_S * SECOND, look_for_answer, NULL, n);
}

void trouble_answered(uint64_t n, const char *text)
{
    struct watched *w = &t.watched;
    char good[40];

    if (!w->open || w->n != n)
        return;
    w->open = false;
    snprintf(good, sizeof good, "\"done\",%llu]", (unsigned long long) n);
    if (w->good && no_fault_since(w->at_us) && !strstr(text, good))
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
static int slow_app(void)
{
    for (int a = (int) scene.shape.n_apps - 1; a > 0; a--)
        if ((scene.app_kinds[a] == APP_SLOW || scene.app_kinds[a] == APP_SILENT) && rng_below(&t.r, 2))
            return a;
    return (int) rng_below(&t.r, scene.shape.n_apps);
}

static void command_and_cut(struct side *s, int app)
{
    uint64_t n = traffic_gives(s, app);

    if (n)
        watch(n, s, false);
}

/* ---- bursts ---- */

static void burst(void *arg, uint64_t n)
{
    struct side *s = arg;

    say("%s gives %llu commands at once", side_name(s->kind), (unsigned long long) n);
    quiet_ends_for(90 * SECOND);
    for (; n > 0 && traffic_gives(s, (int) rng_below(&t.r, scene.shape.n_apps)); n--) {
    }
}

static void quick_again(void *arg, uint64_t latency_us)
{
    struct side *s = arg;

    s->link->latency_us = latency_us;
}

/* Two of them over a line on which acknowledgements take seconds: windows fill. */
static void bursts(struct side *s)
{
    bool far = s->kind == SIDE_GIZWITS && rng_below(&t.r, 3) == 0;
    uint64_t most = s->kind == SIDE_OT && !scene.shape.tcp ? BURST_DATAGRAMS : BURST_MAX, n;

    if (s->kind == SIDE_MQTT || s->kind == SIDE_ONENET) /* a broker has twenty under way at a time */
        most = 20 * 15 * SECOND / (4 * s->link->latency_us);
    n = rng_between(&t.r, 2, most < BURST_MAX ? most : BURST_MAX);

    if (far) {
        after(60 * SECOND, quick_again, s, s->link->latency_us);
        s->link->latency_us = 3 * SECOND;
        after(500 * MS, burst, s, BURST_MAX);
        n = BURST_MAX;
    }
    burst(s, n);
}

/* ---- a clock that is set ---- */

static void set_clock(void *arg, uint64_t unused)
{
    int64_t s = (int64_t) rng_between(&t.r, 30, 80000) * (rng_below(&t.r, 2) ? 1 : -1);

    (void) arg;
    (void) unused;
    say("the clock is set by %lld s", (long long) s);
    W.wall_us += s * 1000000;
    quiet_clock_set();
    t.clock_us = W.now_us;
    if (wall_now_us() < 0)
        W.wall_us = -(int64_t) W.now_us;
}

void trouble_clock_set(void)
{
    t.clock_us = W.now_us;
}

static void phone_asks(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    traffic_gives(NULL, 0);
}

/* ---- a phone that starts over: the same port, the same id, the same text ---- */

static void on_restarted_answer(void *user, uint32_t id, const char *text)
{
    (void) user;
    (void) id;
    (void) text;
}

static void on_restarted_tired(void *user, uint32_t id)
{
    (void) user;
    (void) id;
}

static void look_whether_executed(void *arg, uint64_t before)
{
    const struct proc *app = scene.procs[FIRST_APP];

    (void) arg;
    if (t.executed == before && quiet_for(CALM_S) && runs(FIRST_APP) && app->started_us + 60 * SECOND < W.now_us)
        broken("a phone that has started over asks with the same id, and is answered what was answered before");
}

static void phone_starts_over(void *arg, uint64_t again)
{
    char text[80];

    (void) arg;
    t.phone.id = 0;
    t.phone.greeted = false;
    phone_take_token(&t.phone, scene.phones[0].token);
    snprintf(text, sizeof text, "{\"id\":1,\"method\":\"app0.do\",\"params\":[%d]}", RESTARTS);
    after(15 * SECOND, look_whether_executed, NULL, t.executed);
    phone_command(&t.phone, 1, text);
    if (!again)
        after(16 * SECOND, phone_starts_over, NULL, 1);
}

bool trouble_executed(int app, uint64_t n)
{
    struct watched *w = &t.watched;

    if (n >= RESTARTS) {
        say("app%d executes what the phone says that starts over", app);
        t.executed++;
        return true;
    }
    if (w->open && w->n == n) {
        w->executed = true;
        if (w->cut)
            after(rng_below(&t.r, 60) * MS, cut_now, w->cut, 0);
        w->cut = NULL;
    }
    return false;
}

/* ---- an application that is back within the second ---- */

static void give_meanwhile(void *arg, uint64_t i)
{
    uint64_t n = runs((unsigned) i) ? 0 : traffic_gives(arg, (int) i - FIRST_APP);

    if (n)
        watch(n, NULL, true);
}

static void app_hiccups(struct side *s)
{
    if (!runs(FIRST_APP) || scene.procs[FIRST_APP]->started_us + 60 * SECOND > W.now_us)
        return;
    say("app0 starts again");
    proc_kill(scene.procs[FIRST_APP]);
    after(1 * MS, give_meanwhile, s, FIRST_APP);
    after(500 * MS, scene_start, NULL, FIRST_APP);
}

static void ask_at_once(void *arg, uint64_t unused)
{
    uint64_t n = traffic_gives(NULL, 0);

    (void) arg;
    (void) unused;
    if (n)
        watch(n, NULL, true);
}

static void still_disturbed(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    scene_disturbed("start");
    scene_line_disturbed();
}

/* The client has just begun: who asks finds no agent yet. */
static void client_hiccups(void)
{
    if (t.clock_us + FORGOTTEN_S * SECOND > W.now_us) /* with the process goes what it knows of the clock before */
        return;
    if (scene.shape.wifi || !runs(CLIENT) || !runs(AGENT) || !runs(FIRST_APP))
        return;
    say("the client starts again");
    proc_kill(scene.procs[CLIENT]);
    scene_start(NULL, CLIENT);
    after(20 * MS, ask_at_once, NULL, 0); /* no cloud can ask as soon */
    after(2 * SECOND, still_disturbed, NULL, 0);
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
    snprintf(text, sizeof text, "{\"id\":%llu,\"method\":\"app0.do\",\"params\":[%llu]}", (unsigned long long) n,
             (unsigned long long) n);
    gizwits_give(s->gizwits, text, (uint32_t) n);
}

static void app_repeats(struct side *s)
{
    if (scene.next_command % 2 == 0)
        scene.next_command++; /* odd ones are of the form that is acknowledged */
    t.repeated = traffic_gives(s, 0);
    if (t.repeated)
        after(rng_between(&t.r, 1, 9000) * MS, give_again, s, t.repeated);
}

/* ---- servers that take sessions and end them, or refuse a subscription ---- */

static void opens_again(void *arg, uint64_t unused)
{
    struct side *s = arg;

    (void) unused;
    s->broker.faults.close_at_once = s->ot.shuts = false;
    scene_is_down(false);
}

/* The pauses have to grow: looked at each minute in world.c. */
static void shuts(struct side *s)
{
    say("%s ends each session that it has taken", side_name(s->kind));
    s->broker.faults.close_at_once = s->ot.shuts = true;
    scene_is_down(true);
    net_cut(s->link);
    after(SHUT_S * SECOND, opens_again, s, 0);
}

static void takes_again(void *arg, uint64_t unused)
{
    struct side *s = arg;

    (void) unused;
    s->broker.faults.refuse_sub_above = 3;
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

static void refuses_subs(struct side *s)
{
    bool all = rng_below(&t.r, 2);
    int qos = all ? -1 : (int) rng_below(&t.r, 2);

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
}

/* ---- what is between agent and client ---- */

static void storm_ends(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    if (t.n_uplinks > STORM_S / 60 * UPLINK_TRIES_A_MINUTE)
        broken("the agent has tried its upstream %u times in %d s: its pauses do not grow", t.n_uplinks, STORM_S);
    troubles.storm = false;
    scene_is_down(false);
}

static void storm(void)
{
    say("what is between agent and client closes at once");
    troubles.storm = true;
    t.n_uplinks = 0;
    scene_is_down(true);
    after(STORM_S * SECOND, storm_ends, NULL, 0);
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

static void clouds_go(void)
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
    if (!quiet_for(CALM_S) || scene.sides[0].kind == SIDE_GIZWITS || t.watched.open || W.now_us > scene.rest_us)
        return false;
    say("clouds acknowledge nothing for a while");
    set_acks(false);
    scene_is_down(true);
    after(30 * SECOND, acks_again, NULL, 0);
    return true;
}

void guest_refused(const char *how)
{
    if (no_fault_since(W.now_us - 100 * SECOND) && runs(AGENT) && scene.procs[AGENT]->started_us + 60 * SECOND < W.now_us)
        broken("an application that comes while gone ones wait for answers is %s", how);
}

/* ---- now and then ---- */

static void happens(void)
{
    struct side *s = &scene.sides[rng_below(&t.r, scene.shape.n_sides)];
    bool waits = s->kind == SIDE_MQTT || s->kind == SIDE_ONENET; /* for answers, over a loss */

    switch (rng_below(&t.r, 12)) {
    case 0:
        bursts(s);
        break;
    case 1:
    case 2:
        if (waits)
            command_and_cut(s, slow_app());
        break;
    case 3:
        phone_asks(NULL, 0);
        after(4 * SECOND, set_clock, NULL, 0);
        after(rng_between(&t.r, 5, 90) * SECOND, phone_asks, NULL, 0);
        break;
    case 4:
        if (!scene.helper)
            phone_starts_over(NULL, 0);
        break;
    case 5:
        app_hiccups(s);
        break;
    case 6:
        client_hiccups();
        break;
    case 7:
        if (s->kind == SIDE_GIZWITS)
            app_repeats(s);
        else if (s->kind == SIDE_MQTT)
            refuses_subs(s);
        break;
    case 8:
        if (troubles.between)
            storm();
        break;
    case 9:
        if (troubles.asleep)
            clouds_go();
        break;
    default:
        shuts(s);
        break;
    }
}

static void next(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    if (scene.over || W.now_us > scene.rest_us)
        return;
    after(rng_between(&t.r, 20, 200) * SECOND, next, NULL, 0);
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
    t.r.s = seed ^ 0xbad;
    if (scene.plan->breadth.width < WIDTH_TROUBLES)
        return;
    troubles.between = rng_below(&t.r, 3) == 0;
    troubles.deaf = !scene.shape.external && rng_below(&t.r, 3) == 0;
    troubles.half = rng_below(&t.r, 3) == 0;
    troubles.twice = rng_below(&t.r, 3) == 0;
    troubles.channels = !scene.shape.wifi && rng_below(&t.r, 3) == 0;
    troubles.retained = rng_below(&t.r, 2);
    troubles.odd_name = rng_below(&t.r, 2);
    troubles.house = (int) rng_below(&t.r, 3);
    troubles.asleep = rng_below(&t.r, 3) == 0;
}

void trouble_open(void)
{
    if (scene.plan->breadth.width < WIDTH_TROUBLES)
        return;
    scene.phones[0].wants_zero = scene.phones[0].relies = true;
    if (rng_below(&t.r, 2))
        scene.phones[0].device_ip = DEVICE_SECOND_IP;
    if (troubles.odd_name) {
        essid = "caf\xe9 \"\xff";
        disk_put_dir("/proc");
        disk_put_dir("/proc/net");
        disk_put("/proc/net/route", ROUTE, sizeof ROUTE - 1);
    }
    channels_open();
    t.link = net_host(IP(10, 0, 0, 79), "phone2", 3 * MS);
    t.phone.may_be_old = true;
    t.phone.on_answer = on_restarted_answer;
    t.phone.on_given_up = on_restarted_tired;
    phone_open(&t.phone, IP(10, 0, 0, 79), 40000, t.link, DID, scene.phones[0].token);
    after(300 * SECOND, next, NULL, 0);
    if (troubles.twice)
        after(10 * SECOND, double_datagrams, NULL, 0);
}
