/* SPDX-License-Identifier: MIT */
#include "client/report/report_keep.h"

#include <errno.h>
#include <stdio.h>
#include "client/report/core/report_policy.h"
#include "client/report/core/spool_form.h"
#include "libagent/core/codes.h"
#include "libagent/core/log/log.h"

enum { DEPTH_MAX = 128 };

enum { CLOCK_IS_SET = 1577836800 }; /* 2020-01-01: a device without a clock starts in 1970 */

/* ---- time ---- */

struct report_time report_time_of(const struct report_path *p)
{
    struct report_time t = {0};

    p->env.host->time(p->env.user, &t);
    return t;
}

int64_t report_now_of(const struct report_path *p)
{
    return (int64_t) report_time_of(p).now_ms;
}

/* The time of a report by the present clock, which may have been set since. 0: not known. */
uint32_t report_unix_of(const struct report_time *now, const struct report_birth *birth)
{
    int64_t at = birth->at_s ? birth->at_s : (int64_t) now->unix_s - ((int64_t) now->now_ms - birth->born_ms) / 1000;

    return at >= CLOCK_IS_SET && at <= (int64_t) now->unix_s ? (uint32_t) at : 0;
}

/* Within one boot the clock that nobody sets tells the age. Across boots only the device's own clock could, if it was right both
   times and showed a time at all; otherwise the report counts as new. */
static struct report_birth birth_of(const struct report_time *now, const struct spool_record *rec)
{
    int64_t now_ms = (int64_t) now->now_ms, up_ms = (int64_t) rec->up_s * 1000;
    bool comparable = rec->sure && now->sure && rec->at_s != 0 && now->unix_s > rec->at_s;

    if (rec->boot != 0 && rec->boot == now->boot)
        return (struct report_birth){.born_ms = up_ms < now_ms ? up_ms : now_ms};
    return (struct report_birth){
        .born_ms = comparable ? now_ms - (int64_t) (now->unix_s - rec->at_s) * 1000 : now_ms,
        .at_s = rec->at_s ? rec->at_s : 1 /* 1970: not known */
    };
}

static struct spool_record record_of(const struct report_path *p, uint32_t id, struct ag_span text, int64_t born_ms)
{
    struct report_time now = report_time_of(p);
    struct report_birth birth = {.born_ms = born_ms};

    return (struct spool_record){
        .id = id,
        .at_s = report_unix_of(&now, &birth),
        .boot = now.boot,
        .up_s = (uint32_t) (born_ms / 1000),
        .sure = now.sure,
        .text = text,
    };
}

/* ---- keeping ---- */

void report_on_forget(void *user, uint64_t seq)
{
    struct report_lane *l = user;

    if (l->path->spool)
        spool_release(l->path->spool, seq, report_bit(l->place));
}

static uint64_t topic_of(const struct report_path *p, const struct incoming *in)
{
    if (report_policy_of(p->env.conf, in->method) != REPORT_LATEST)
        return 0;
    return report_topic(in->method, ag_view_raw(&in->view, in->text.p, AG_M_PARAMS));
}

/* Into the queues of the set. Gives back those that took it; *error_out: what the teller's said. */
static unsigned enter_queues(struct report_path *p, const struct incoming *in, unsigned set, int64_t born_ms, uint64_t topic,
                             unsigned teller, int *error_out)
{
    unsigned in_set = 0;

    *error_out = 0;
    for (unsigned i = 0; i < ROUTE_PLACES; i++) {
        struct report_lane *l = &p->lanes[i];
        int r;

        if (!(set & report_bit(i)))
            continue;
        r = report_queue_add(&l->queue, p->next_seq, in->id, topic, in->text.len, born_ms, teller & report_bit(i));
        in_set |= report_bit_if(r == 0, i);
        if (r < 0 && teller & report_bit(i))
            *error_out = r;
    }
    return in_set;
}

static void leave_queues(struct report_path *p, uint32_t id, uint64_t seq)
{
    for (unsigned i = 0; i < ROUTE_PLACES; i++) {
        if (p->lanes[i].listed)
            report_queue_not_stored(&p->lanes[i].queue, id, seq);
    }
}

static int store(struct report_path *p, const struct incoming *in, unsigned set, int64_t born_ms, unsigned teller)
{
    struct spool_record rec = record_of(p, in->id, in->text, born_ms);
    int r = p->spool ? spool_ready(p->spool) : -ENODEV, error;
    unsigned in_set;

    if (r < 0)
        return r;
    rec.topic = topic_of(p, in);
    in_set = enter_queues(p, in, set, born_ms, rec.topic, teller, &error);
    if (in_set == 0)
        return error ? error : -ENOMEM;
    r = spool_put(p->spool, p->next_seq, in_set, &rec);
    if (r < 0)
        leave_queues(p, in->id, p->next_seq);
    p->next_seq++;
    return r < 0 ? r : error;
}

/* One record for the whole set; teller: a bit of it, or 0. 0: stored; -errno: the teller's part is not. For the others it is
   counted when they do not get it. */
int report_keep(struct report_path *p, const struct incoming *in, unsigned set, int64_t born_ms, unsigned teller)
{
    int r = store(p, in, set, born_ms, teller);

    for (unsigned i = 0; i < ROUTE_PLACES; i++) {
        struct report_lane *l = &p->lanes[i];

        if (set & ~teller & report_bit(i))
            l->n_lost += !report_queue_has(&l->queue, in->id);
    }
    return r;
}

void report_refuse(struct report_path *p, uint32_t id, int error)
{
    char why[96];

    p->n_refused++;
    snprintf(why, sizeof why, "the report cannot be kept: %s", strerror(-error));
    p->env.host->failed(p->env.user, id, AG_CODE_BUSY, why);
}

/* false: it has no method that could be routed or kept. */
bool report_look_at(const struct report_path *p, struct incoming *in, uint32_t id, struct ag_span text,
                    const struct ag_json_view *view)
{
    bool is_report;

    in->id = id;
    in->text = text;
    in->keeps = false;
    in->method = (struct ag_span){"", 0};
    if (view)
        in->view = *view;
    in->scanned = view || ag_json_parse(&text, DEPTH_MAX, &in->view) == 0;
    if (!in->scanned || !ag_view_str(&in->view, text.p, AG_M_METHOD, in->name, sizeof in->name, &in->method)) {
        in->route = route_of(&p->route, in->method, false);
        return false;
    }
    is_report = report_is_kept(in->method);
    in->route = route_of(&p->route, in->method, is_report);
    in->keeps = p->spool && is_report && report_policy_of(p->env.conf, in->method) != REPORT_DROP;
    return true;
}

/* Clouds that got it from memory, too, and have not acknowledged it. */
static unsigned others_under_way(const struct report_path *p, const struct report_lane *but, uint32_t id)
{
    unsigned set = 0;

    for (unsigned i = 0; p->route.n > 1 && i < ROUTE_PLACES; i++)
        set |= report_bit_if(&p->lanes[i] != but && given_has(&p->lanes[i].given, id), i);
    return set;
}

/* They have it from the disk from now on, and have been given it already. */
static void move_under_way(struct report_path *p, unsigned set, uint32_t id, uint64_t seq)
{
    for (unsigned i = 0; i < ROUTE_PLACES; i++) {
        struct report_lane *l = &p->lanes[i];
        struct given g;

        if (!(set & report_bit(i)) || !report_queue_has(&l->queue, id) || !given_take(&l->given, id, &g))
            continue;
        ag_buf_deinit(&g.text);
        report_queue_sent(&l->queue, id, seq);
    }
}

/* Keeps, for that cloud, a report that is under way without being kept; for the others, too, when an application is told that it
   is kept. 0 or -errno. */
int report_keep_given(struct report_lane *l, const struct given *g)
{
    struct incoming in;

    struct report_path *p = l->path;
    unsigned others;
    uint64_t seq;
    int r;

    if (ag_buf_size(&g->text) == 0 || !report_look_at(p, &in, g->id, ag_buf_span(&g->text), NULL))
        return -EINVAL;
    others = g->tells ? others_under_way(p, l, g->id) : 0;
    seq = p->next_seq;
    r = report_keep(p, &in, report_bit(l->place) | others, g->born_ms, report_bit_if(g->tells, l->place));
    if (others)
        move_under_way(p, others, g->id, seq);
    return r;
}

/* ---- the store's events ---- */

/* Some of those that the record is for may be no clouds of the list. */
static unsigned settle_needs(struct report_path *p, uint64_t seq, unsigned needs)
{
    unsigned first = report_bit(p->route.clouds[0].place), gone;

    if (needs & SPOOL_NEED_UNNAMED) {
        spool_hand_over(p->spool, seq, SPOOL_NEED_UNNAMED, first);
        needs = (needs & ~SPOOL_NEED_UNNAMED) | first;
    }
    gone = needs & ~route_all(&p->route);
    p->n_unlisted += gone != 0;
    if (gone && needs != gone)
        spool_release(p->spool, seq, gone);
    return needs & ~gone;
}

static int on_found(void *user, uint64_t seq, unsigned needs, const struct spool_record *rec)
{
    struct report_path *p = user;
    struct report_time now = report_time_of(p);
    struct report_birth birth = birth_of(&now, rec);
    unsigned twice = 0;

    if (seq >= p->next_seq)
        p->next_seq = seq + 1; /* in any case: the store has this number */
    needs = settle_needs(p, seq, needs);
    for (unsigned i = 0; i < ROUTE_PLACES; i++) {
        if (needs & report_bit(i) &&
            report_queue_restore(&p->lanes[i].queue, seq, rec->id, rec->topic, rec->text.len, birth) == -EEXIST)
            twice |= report_bit(i); /* short of memory: it stays where it is, for the next start */
    }
    if (twice)
        ag_log(AG_LOG_WARNING, "a kept report is in the store twice; the later one is skipped");
    if (twice && twice != needs)
        spool_release(p->spool, seq, twice);
    return twice == needs ? -EEXIST : 0;
}

static bool is_with_its_teller(const struct report_path *p, uint32_t id)
{
    for (unsigned i = 0; i < p->route.n; i++) {
        const struct report_lane *l = &p->lanes[p->route.clouds[i].place];

        if (given_tells(&l->given, id) || report_queue_tells(&l->queue, id))
            return true;
    }
    return false;
}

static void not_stored(struct report_path *p, uint64_t seq, uint32_t id, int r)
{
    bool waits = false;

    for (unsigned i = 0; i < ROUTE_PLACES; i++) {
        struct report_lane *l = &p->lanes[i];

        if (!l->listed || !report_queue_has(&l->queue, id) || report_queue_is_stored(&l->queue, id))
            continue;
        waits |= report_queue_tells(&l->queue, id);
        l->n_lost += !report_queue_tells(&l->queue, id);
    }
    leave_queues(p, id, seq);
    if (waits && r != -ECANCELED)
        report_refuse(p, id, r);
    else if (r == -ECANCELED && !is_with_its_teller(p, id)) /* it went while it was written */
        p->env.host->failed(p->env.user, id, AG_CODE_BUSY, "the report was not kept");
}

static void on_stored(void *user, uint64_t seq, uint32_t id, int r)
{
    struct report_path *p = user;
    bool tells = false;

    if (r < 0)
        not_stored(p, seq, id, r);
    for (unsigned i = 0; r == 0 && i < ROUTE_PLACES; i++) {
        if (p->lanes[i].listed)
            tells |= report_queue_stored(&p->lanes[i].queue, id, seq);
    }
    if (tells)
        p->env.host->queued(p->env.user, id);
    for (unsigned i = 0; r == 0 && i < ROUTE_PLACES; i++)
        report_path_pump(p, i);
}

static void on_closed(void *user)
{
    struct report_path *p = user;

    p->env.host->closed(p->env.user);
}

static void on_again(void *user)
{
    struct report_path *p = user;

    for (unsigned i = 0; i < ROUTE_PLACES; i++)
        report_path_pump(p, i);
}

const struct spool_events report_spool_events = {on_found, on_again, on_stored, on_closed};
