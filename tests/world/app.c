/* SPDX-License-Identifier: MIT */
/* An application on the real libagent: app NUMBER KIND PERIOD_MS. It serves appN.do, reports, and follows the state. */
#include "tests/world/app.h"

#include <agent/agent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BIG = 70000 };

struct app {
    int number;
    enum app_kind kind;
    agent_conn *conn;
    bool own, big;
};

struct later {
    struct app *app;
    agent_request *req;
    unsigned long n;
};

static void reply(struct app *a, agent_request *req, unsigned long n)
{
    app_replied(a->number, n, agent_replyf(req, "[%s,%u]", "done", (unsigned) n));
}

static void on_later(agent_conn *conn, void *user)
{
    struct later *l = user;

    (void) conn;
    reply(l->app, l->req, l->n);
    agent_request_unref(l->req);
    free(l);
}

static int on_do(agent_request *req, void *user)
{
    struct app *a = user;
    uint64_t n = 0;
    struct later *l;

    agent_request_answer_errors(req, 1);
    if (agent_param_uint(req, "0", 1, UINT32_MAX, &n) < 0)
        return 0;
    app_executed(a->number, (unsigned long) n);
    switch (a->kind) {
    case APP_SILENT:
        return agent_request_ignore(req);
    case APP_DYING:
        if (app_chance(3) == 0)
            exit(3);
        reply(a, req, (unsigned long) n);
        return 0;
    case APP_REFUSING:
        return agent_reply_error(req, -5001, "not today");
    case APP_SLOW:
        l = malloc(sizeof *l);
        if (!l)
            return 0;
        *l = (struct later){a, agent_request_ref(req), (unsigned long) n};
        if (agent_timer(a->conn, NULL, 200 + app_chance(6000), 0, on_later, l) < 0) {
            agent_request_unref(req);
            free(l);
        }
        return 0;
    default:
        reply(a, req, (unsigned long) n);
        if (a->kind == APP_TWICE)
            agent_reply(req, NULL);
        return 0;
    }
}

static void on_report_end(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct later *l = user;

    (void) conn;
    app_told(l->app->number, l->n, status, result ? result : error);
    free(l);
}

/* More than most clouds can carry. */
static int report_big(struct app *a, struct later *l)
{
    static char pad[BIG + 1];

    memset(pad, 'x', BIG);
    app_reports_much(a->number, l->n);
    return agent_reportf(a->conn, "props", on_report_end, l, "{%s:%d,%s:%lu,%s:%s}", "app", a->number, "n", l->n, "pad", pad);
}

static int report_own(struct app *a, struct later *l)
{
    char name[16];

    if (a->big && app_chance(16) == 0)
        return report_big(a, l);
    snprintf(name, sizeof name, "p%d", a->number);
    return agent_reportf(a->conn, "props", on_report_end, l, "{%s:%d,%s:%lu,%s:1}", "app", a->number, "n", l->n, name);
}

static void on_beat(agent_conn *conn, void *user)
{
    struct app *a = user;
    unsigned burst = app_chance(8) == 0 ? 1 + app_chance(12) : 1;

    if (a->kind == APP_DYING && app_chance(20) == 0)
        exit(4);
    for (unsigned i = 0; i < burst; i++) {
        struct later *l = malloc(sizeof *l);
        int r;

        if (!l)
            return;
        *l = (struct later){a, NULL, app_next_report(a->number)};
        if (!app_chance(2))
            r = agent_reportf(conn, "event.pressed", on_report_end, l, "[%d,%lu]", a->number, l->n);
        else if (a->own)
            r = report_own(a, l);
        else
            r = agent_reportf(conn, "props", on_report_end, l, "{%s:%d,%s:%lu}", "app", a->number, "n", l->n);
        app_reported(a->number, l->n, r);
        if (r < 0)
            free(l);
    }
}

static void on_status(agent_conn *conn, const char *status, void *user)
{
    struct app *a = user;

    (void) conn;
    app_status(a->number, status);
}

int main(int argc, char **argv)
{
    struct app a = {.number = argc > 1 ? atoi(argv[1]) : 0,
                    .kind = argc > 2 ? (enum app_kind) atoi(argv[2]) : APP_GOOD,
                    .own = argc > 4,
                    .big = argc > 4 && argv[4][0] == 'b'};
    unsigned period = argc > 3 ? (unsigned) atoi(argv[3]) : 30000;
    char key[32];
    int r = agent_new(&a.conn);

    snprintf(key, sizeof key, "app%d.do", a.number);
    if (r >= 0)
        r = agent_subscribe(a.conn, NULL, key, on_do, &a);
    if (r >= 0)
        r = agent_follow_status(a.conn, NULL, on_status, &a);
    if (r >= 0)
        r = agent_timer(a.conn, NULL, 500 + app_chance(period), period, on_beat, &a);
    if (r >= 0)
        r = agent_open(a.conn, NULL);
    if (r >= 0)
        r = agent_run(a.conn);
    agent_unref(a.conn);
    return r < 0;
}
