/* SPDX-License-Identifier: MIT */
#include "tests/world/trouble/quiet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/world/app.h"
#include "tests/world/scene.h"

enum {
    COMMANDS = 1 << 17,
    REPORTS = 1 << 16,
    CALM_S = 200, /* lines have mended */
    LONG_CALM_S = 700 /* a connection that only the device believed in is found out */,
    UP_S = 40,
    TOLD_WITHIN_S = 60,
    YOUNG_S = 150
};

struct given {
    uint64_t at_us; /* 0: nothing is expected */
    int app, pid;
};

static struct given *given;
static bool *told[APPS_MAX];
static bool *large[APPS_MAX];       /* reports that clouds need not take */
static uint64_t *made_us[APPS_MAX]; /* reports */
static uint64_t *kept_us[APPS_MAX]; /* when one was told as kept, at once: it was on no line before; 0: not */
static uint64_t loud_until_us;
static bool clock_was_set;

void quiet_ends_for(uint64_t us)
{
    if (W.now_us + us > loud_until_us)
        loud_until_us = W.now_us + us;
}

bool quiet_for(uint64_t s)
{
    return scene.disturbed_us + s * SECOND < W.now_us && scene.line_disturbed_us + s * SECOND < W.now_us &&
           loud_until_us < W.now_us && scene.n_down == 0 && !scene.over;
}

static bool quiet_since(uint64_t us)
{
    return scene.disturbed_us < us && scene.line_disturbed_us < us && loud_until_us < us && !scene.over;
}

/* The application serves, and has for a while. 0: no. */
static int pid_of(int app)
{
    const struct proc *p = scene.procs[FIRST_APP + app];

    return runs((unsigned) (FIRST_APP + app)) && p->started_us + UP_S * SECOND < W.now_us ? p->pid : 0;
}

void quiet_given(uint64_t n, int app)
{
    int kind = scene.app_kinds[app], pid = pid_of(app);

    if (!given)
        given = calloc(COMMANDS, sizeof *given);
    if (n < COMMANDS && pid && quiet_for(CALM_S) && (kind == APP_GOOD || kind == APP_TWICE || kind == APP_OLD))
        given[n] = (struct given){W.now_us, app, pid};
}

void quiet_answered(uint64_t n, const char *text)
{
    const struct given *g = given && n < COMMANDS ? &given[n] : NULL;
    char good[40];

    if (!g || !g->at_us || !quiet_since(g->at_us) || pid_of(g->app) != g->pid)
        return;
    snprintf(good, sizeof good, "\"done\",%llu]", (unsigned long long) n);
    if (!strstr(text, good))
        broken("command %llu to app%d, which serves it, was answered %.200s", (unsigned long long) n, g->app, text);
}

void quiet_clock_set(void)
{
    clock_was_set = true;
}

void quiet_arrived(int app, uint64_t n, bool timed)
{
    uint64_t at_us;

    if (app < 0 || app >= APPS_MAX || n >= REPORTS || !kept_us[app] || timed || clock_was_set || scene.shape.clockless)
        return;
    at_us = kept_us[app][n];
    if (at_us && at_us + YOUNG_S * SECOND < W.now_us)
        broken("report %llu of app%d came %llu s after it was kept, and without its time", (unsigned long long) n, app,
               (unsigned long long) ((W.now_us - at_us) / SECOND));
}

struct report {
    int app, pid;
    uint64_t n, at_us;
};

static void look_for_end(void *arg, uint64_t unused)
{
    struct report *r = arg;

    (void) unused;
    if (quiet_since(r->at_us) && pid_of(r->app) == r->pid && !told[r->app][r->n])
        broken("app%d was told nothing of its report %llu within %d s", r->app, (unsigned long long) r->n, TOLD_WITHIN_S);
    free(r);
}

void quiet_reported(int app, uint64_t n)
{
    struct report *r;
    int pid = pid_of(app);

    if (!made_us[app])
        made_us[app] = calloc(REPORTS, sizeof(uint64_t));
    if (n < REPORTS)
        made_us[app][n] = W.now_us;
    if (!told[app])
        told[app] = calloc(REPORTS, sizeof(bool));
    if (!pid || n >= REPORTS || !quiet_for(LONG_CALM_S) || scene.app_kinds[app] >= APP_OLD)
        return;
    r = malloc(sizeof *r);
    *r = (struct report){app, pid, n, W.now_us};
    after(TOLD_WITHIN_S * SECOND, look_for_end, r, 0);
}

void quiet_may_be_refused(int app, uint64_t n)
{
    if (!large[app])
        large[app] = calloc(REPORTS, sizeof(bool));
    if (n < REPORTS)
        large[app][n] = true;
}

void quiet_told(int app, uint64_t n, int status, bool kept)
{
    if (n >= REPORTS || scene.app_kinds[app] >= APP_OLD)
        return;
    if (!told[app])
        told[app] = calloc(REPORTS, sizeof(bool));
    told[app][n] = true;
    if (!kept_us[app])
        kept_us[app] = calloc(REPORTS, sizeof(uint64_t));
    /* one that was on a line which ended just then may come by that line's next session, as it was written */
    if (kept && made_us[app] && made_us[app][n] + SECOND > W.now_us && scene.lost_us < made_us[app][n])
        kept_us[app][n] = W.now_us;
    if (status < 0 && !(large[app] && large[app][n]) && pid_of(app) && quiet_for(LONG_CALM_S + TOLD_WITHIN_S))
        broken("report %llu of app%d was refused (%d), and nothing was amiss", (unsigned long long) n, app, status);
}
