/* SPDX-License-Identifier: MIT */
/* Things that begin anew: clocks, phones, applications, the client, the agent. */
#include <stdio.h>
#include <string.h>
#include "tests/world/app.h"
#include "tests/world/kernel/calls.h"
#include "tests/world/scene.h"
#include "tests/world/trouble/channels.h"
#include "tests/world/trouble/part.h"
#include "tests/world/trouble/quiet.h"
#include "tests/world/trouble/trouble.h"

enum { RESTARTS = TROUBLE_COMMANDS + 1 /* what the phone says that starts over */, FORGOTTEN_S = 200 };

static struct {
    struct phone phone; /* starts over now and then, with the same port and the same ids */
    struct link *link;
    uint64_t executed;
    uint64_t clock_us; /* when the clock was set last */
} t;

/* ---- a clock that is set ---- */

static void set_clock(void *arg, uint64_t unused)
{
    int64_t s = (int64_t) rng_between(&trouble_rng, 30, 80000) * (rng_below(&trouble_rng, 2) ? 1 : -1);

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
    if (t.executed == before && quiet_for(TROUBLE_CALM_S) && runs(FIRST_APP) && app->started_us + 60 * SECOND < W.now_us)
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

bool starts_executed(int app, uint64_t n)
{
    if (n < RESTARTS)
        return false;
    say("app%d executes what the phone says that starts over", app);
    t.executed++;
    return true;
}

/* ---- an application that is back within the second ---- */

static void give_meanwhile(void *arg, uint64_t i)
{
    uint64_t n = runs((unsigned) i) ? 0 : traffic_gives(arg, (int) i - FIRST_APP);

    if (n)
        trouble_watch(n, NULL, true, false);
}

void starts_app(struct side *s)
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
        trouble_watch(n, NULL, true, false);
}

static void still_disturbed(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    scene_disturbed("start");
    scene_line_disturbed();
}

static void ask_for_agent(void *arg, uint64_t unused)
{
    uint64_t n = traffic_gives(NULL, 0);

    (void) arg;
    (void) unused;
    if (n)
        trouble_watch(n, NULL, false, true);
}

/* The client has just begun: who asks finds no agent yet. */
void starts_client(void)
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

/* ---- the client, or the primary cloud's line, ends while a report is on its way ---- */

enum { ON_ITS_WAY_MS = 3, TOLD_WITHIN_MS = 2000, WAITS_S = 150 };

static struct {
    bool is_due, waits, cuts;
    int app, pid;
    uint64_t n, at_us;
} way;

static void look_whether_told(void *arg, uint64_t agent_pid)
{
    (void) arg;
    if (way.waits && no_fault_since(way.at_us) && runs(AGENT) && (uint64_t) scene.procs[AGENT]->pid == agent_pid &&
        runs((unsigned) (FIRST_APP + way.app)) && scene.procs[FIRST_APP + way.app]->pid == way.pid)
        broken("report %llu of app%d was on its way when %s, and app%d has been told nothing for %d ms",
               (unsigned long long) way.n, way.app, way.cuts ? "the cloud's line was cut" : "the client ended", way.app,
               TOLD_WITHIN_MS);
    way.waits = false;
}

static void end_at_report(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    if (!way.waits || !no_fault_since(way.at_us) || !runs(CLIENT) || !runs(AGENT))
        return;
    say("%s ends while a report is on its way", way.cuts ? "the primary cloud's line" : "the client");
    if (way.cuts) {
        net_cut(scene.sides[0].link);
        still_disturbed(NULL, 0);
    } else {
        proc_kill(scene.procs[CLIENT]);
        scene_start(NULL, CLIENT);
    }
    after(TOLD_WITHIN_MS * MS, look_whether_told, NULL, (uint64_t) scene.procs[AGENT]->pid);
    after(2 * SECOND, still_disturbed, NULL, 0);
}

static void too_late(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    way.is_due = false;
}

void starts_client_at_report(void)
{
    if (t.clock_us + FORGOTTEN_S * SECOND > W.now_us || scene.shape.wifi || !runs(CLIENT) || !runs(AGENT))
        return;
    way.is_due = true;
    way.cuts = rng_below(&trouble_rng, 2);
    after(WAITS_S * SECOND, too_late, NULL, 0);
}

void trouble_reported(int app, uint64_t n)
{
    if (!way.is_due || scene.app_kinds[app] >= APP_OLD || !quiet_for(TROUBLE_CALM_S) || !runs(CLIENT) || !runs(AGENT))
        return;
    way.is_due = false;
    way.waits = true;
    way.app = app;
    way.n = n;
    way.pid = scene.procs[FIRST_APP + app]->pid;
    way.at_us = W.now_us;
    after(ON_ITS_WAY_MS * MS, end_at_report, NULL, 0);
}

void trouble_told(int app, uint64_t n)
{
    if (way.waits && way.app == app && way.n == n)
        way.waits = false;
}

/* The agent is back at once: a command that comes meanwhile waits for it. */
void starts_agent(void)
{
    if (troubles.deaf || scene.helper || !runs(CLIENT) || !runs(AGENT))
        return;
    say("the agent starts again");
    proc_kill(scene.procs[AGENT]);
    after(50 * MS, ask_for_agent, NULL, 0);
    after(200 * MS, scene_start, NULL, AGENT);
}

/* ---- a resolver that says nothing, and a program that is to end ---- */

static void names_again(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    resolver.mute = false;
    scene_is_down(false);
}

static void end_client(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    terminate(CLIENT);
}

void starts_without_names(void)
{
    say("no name is answered");
    resolver.mute = true;
    scene_is_down(true);
    for (unsigned i = 0; i < scene.shape.n_sides; i++)
        net_cut(scene.sides[i].link);
    after(rng_between(&trouble_rng, 1000, 20000) * MS, end_client, NULL, 0);
    after(60 * SECOND, names_again, NULL, 0);
}

void starts_open(void)
{
    t.link = net_host(IP(10, 0, 0, 79), "phone2", 3 * MS);
    t.phone.may_be_old = true;
    t.phone.on_answer = on_restarted_answer;
    t.phone.on_given_up = on_restarted_tired;
    phone_open(&t.phone, IP(10, 0, 0, 79), 40000, t.link, DID, scene.phones[0].token);
}

void starts_clock(void)
{
    phone_asks(NULL, 0);
    after(4 * SECOND, set_clock, NULL, 0);
    after(rng_between(&trouble_rng, 5, 90) * SECOND, phone_asks, NULL, 0);
}

void starts_phone(void)
{
    phone_starts_over(NULL, 0);
}
