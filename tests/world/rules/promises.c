/* SPDX-License-Identifier: MIT */
#include "tests/world/rules/promises.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/world/trouble/trouble.h"
#include "tests/world/world.h"

enum {
    COMMANDS = 1 << 17,
    REPORTS = 1 << 16,
    APPS = 51,
    ANSWER_WITHIN_S = 45,
    ORDER_MENDS_S = 300,
    LINE_MENDS_S = 150 /* the longest pause of a link, and its login */,
    LINES_A_MINUTE = 240,
    CALM_S = 30,
    SETTLES_S = 60
};

struct world_sums sums;

struct command {
    uint64_t given_us, executed_us;
    int app;
    enum way way;
    unsigned n_answers, n_executed;
    bool given_up, once;
    char answer[96];
};

struct report {
    uint64_t id, told_us, arrived_us;
    uint8_t queued, arrived, settled; /* settled: nothing was disturbed when it arrived, nor for a minute after */
};

static struct command *commands;
static struct report *reports[APPS];
static uint64_t n_reports[APPS];
static uint64_t disturbed_us, line_disturbed_us;
static uint64_t newest[APPS];  /* report that has arrived */
static uint64_t awaited[APPS]; /* the first one that may not have */
static bool keeps_order, comes_again;
static int dark_pid; /* the run of the client that serves no phone */

void disturbed(const char *what)
{
    (void) what;
    disturbed_us = W.now_us;
}

void line_disturbed(void)
{
    line_disturbed_us = W.now_us;
}

static struct command *command_of(uint64_t n)
{
    if (!commands)
        commands = calloc(COMMANDS, sizeof *commands);
    return n < COMMANDS ? &commands[n] : NULL;
}

/*
 * Each command with an id is answered exactly once to its asker: within its deadlines, when neither the device nor the line
 * to the asker was disturbed meanwhile.
 */
static void look_for_answer(void *arg, uint64_t n)
{
    const struct command *c = command_of(n);

    (void) arg;
    if (c->way == WAY_PHONE)
        return; /* it asks again by itself, and says when it gives up */
    if (c->n_answers > 0 || c->given_up || disturbed_us >= c->given_us ||
        line_disturbed_us + LINE_MENDS_S * SECOND >= c->given_us)
        return;
    broken("command %llu to app%d was never answered to %s", (unsigned long long) n, c->app,
           c->way == WAY_CLOUD ? "the cloud" : "the phone");
}

void command_given(uint64_t n, enum way way, int app)
{
    struct command *c = command_of(n);

    if (!c)
        return;
    sums.commands++;
    *c = (struct command){.given_us = W.now_us, .app = app, .way = way};
    say("%s gives command %llu to app%d", way == WAY_CLOUD ? "cloud" : "phone", (unsigned long long) n, app);
    after(ANSWER_WITHIN_S * SECOND, look_for_answer, NULL, n);
}

static bool is_dark(void)
{
    for (int i = 0; i < PROCS_MAX; i++)
        if (W.procs[i].alive && W.procs[i].pid == dark_pid)
            return true;
    return false;
}

void command_given_up(uint64_t n)
{
    struct command *c = command_of(n);

    if (!c)
        return;
    say("command %llu: the asker gives up", (unsigned long long) n);
    if (c->n_answers == 0 && !is_dark() && disturbed_us < c->given_us && line_disturbed_us + LINE_MENDS_S * SECOND < c->given_us)
        broken("command %llu to app%d was never answered to the phone", (unsigned long long) n, c->app);
    c->given_up = true;
}

void command_answered(uint64_t n, const char *text, bool repeat)
{
    struct command *c = command_of(n);

    if (!c || c->given_us == 0) {
        broken("an answer to a command that was never given: %.200s", text);
        return;
    }
    sums.answers++;
    say("command %llu is answered %.120s", (unsigned long long) n, text);
    if (c->n_answers++ == 0) {
        snprintf(c->answer, sizeof c->answer, "%.95s", text);
        return;
    }
    if (disturbed_us >= c->given_us)
        return;
    if (comes_again && c->way == WAY_CLOUD)
        return; /* executed again, it may end otherwise */
    if (strncmp(c->answer, text, sizeof c->answer - 1) != 0)
        broken("command %llu has two answers: %s and %.200s", (unsigned long long) n, c->answer, text);
    else if (!repeat)
        broken("command %llu was answered twice", (unsigned long long) n);
}

void command_given_once(uint64_t n)
{
    if (n < COMMANDS)
        command_of(n)->once = true;
}

void commands_come_again(void)
{
    comes_again = true;
}

/* Repeats are executed once. But a broker that gives commands with QoS 1 gives them again, and the client has said so. */
void command_executed(int app, uint64_t n)
{
    struct command *c = command_of(n);

    say("app%d executes %llu", app, (unsigned long long) n);
    if (!c || c->given_us == 0)
        broken("app%d was given command %llu, which nobody gave", app, (unsigned long long) n);
    else if (c->app != app)
        broken("app%d was given command %llu of app%d", app, (unsigned long long) n, c->app);
    else if (c->n_executed++ > 0 && (c->once || disturbed_us < c->given_us) && !(comes_again && c->way == WAY_CLOUD))
        broken("command %llu was executed twice", (unsigned long long) n);
}

uint64_t report_next(int app)
{
    if (!reports[app])
        reports[app] = calloc(REPORTS, sizeof **reports);
    return ++n_reports[app];
}

/* Each report is acknowledged, kept or refused, and never lost once it was told so. */
void report_told(int app, uint64_t n, int status, const char *text)
{
    struct report *r = n < REPORTS ? &reports[app][n] : NULL;

    say("app%d is told of report %llu: %d %.80s", app, (unsigned long long) n, status, text ? text : "");
    if (!r || status < 0)
        return;
    r->queued = 1;
    r->told_us = W.now_us;
    sums.queued++;
}

void reports_forgiven(void)
{
    for (int a = 0; a < APPS; a++)
        for (uint64_t n = 1; reports[a] && n <= n_reports[a] && n < REPORTS; n++)
            reports[a][n].queued = reports[a][n].queued && reports[a][n].arrived;
}

void reports_keep_order(bool keep)
{
    keeps_order = keep;
}

static void settles(void *app, uint64_t n)
{
    uint64_t for_us = (SETTLES_S + CALM_S) * SECOND;

    reports[(intptr_t) app][n].settled = disturbed_us + for_us < W.now_us && line_disturbed_us + for_us < W.now_us;
}

/* What is acknowledged is forgotten, on the disk too. */
static void look_at_repeat(int app, uint64_t n, const struct report *r)
{
    if (r->settled && no_fault_since(r->arrived_us - CALM_S * SECOND))
        broken("report %llu of app%d arrived %llu s ago, and comes again", (unsigned long long) n, app,
               (unsigned long long) ((W.now_us - r->arrived_us) / SECOND));
}

void reports_are_awaited(unsigned for_s)
{
    for (int a = 0; a < APPS; a++)
        for (uint64_t n = awaited[a] ? awaited[a] : 1; reports[a] && n <= n_reports[a] && n < REPORTS; n++) {
            const struct report *r = &reports[a][n];

            awaited[a] = n;
            if (!r->told_us || r->told_us + for_s * SECOND > W.now_us)
                break;
            if (r->queued && !r->arrived)
                broken(
                    "report %llu of app%d was told as kept or acknowledged, and has not come for %u s in which nothing was in its way",
                    (unsigned long long) n, a, for_s);
        }
}

/* The same id on repeats, and in order per sender. */
void report_arrived(int app, uint64_t n, uint64_t id)
{
    struct report *r;

    if (app < 0 || app >= APPS || n == 0 || n > n_reports[app]) {
        broken("the cloud was given report %llu of app%d, which that never made", (unsigned long long) n, app);
        return;
    }
    r = n < REPORTS ? &reports[app][n] : NULL;
    say("cloud has report %llu of app%d, id %llu", (unsigned long long) n, app, (unsigned long long) id);
    if (!r)
        return;
    if (r->arrived && r->id != id)
        broken("report %llu of app%d came under two ids", (unsigned long long) n, app);
    /* one that the cloud did not acknowledge is held back, and those behind it go on meanwhile */
    if (!r->arrived && n < newest[app] && keeps_order && line_disturbed_us + ORDER_MENDS_S * SECOND < W.now_us)
        broken("report %llu of app%d came behind its %llu", (unsigned long long) n, app, (unsigned long long) newest[app]);
    if (n > newest[app])
        newest[app] = n;
    if (r->arrived) {
        look_at_repeat(app, n, r);
    } else {
        r->arrived_us = W.now_us;
        after(SETTLES_S * SECOND, settles, (void *) (intptr_t) app, n);
    }
    sums.arrived += !r->arrived;
    r->arrived = 1;
    r->id = id;
}

/* Log lines per minute are bounded. */
void promises_of_lines(struct proc *p, const char *line)
{
    uint64_t minute = W.now_us / (60 * SECOND);

    say("%s[%d] %s", p->program->name, p->pid, line);
    if (strstr(line,
               "no phone can talk to the device")) /* its token could not be read at the start: it says so, and stays dark */
        dark_pid = p->pid;
    if (p->log_minute != minute) {
        p->log_minute = minute;
        p->log_lines = 0;
    }
    if (++p->log_lines > LINES_A_MINUTE)
        broken("%s[%d] writes more than %d lines a minute", p->program->name, p->pid, LINES_A_MINUTE);
}

void promises_at_rest(void)
{
    for (int a = 0; a < APPS; a++)
        for (uint64_t n = 1; reports[a] && n <= n_reports[a] && n < REPORTS; n++) {
            sums.reports++;
            if (reports[a][n].queued && !reports[a][n].arrived)
                broken("report %llu of app%d was told as kept or acknowledged, and is lost", (unsigned long long) n, a);
        }
}
