/* SPDX-License-Identifier: MIT */
#include "client/report/report_path.h"

#include <errno.h>
#include <stdio.h>
#include "client/report/core/report_policy.h"
#include "client/report/report_keep.h"
#include "libagent/core/codes.h"
#include "libagent/core/log/log.h"
#include "libagent/core/deadline.h"

enum { GIVEN_MAX = 4096, HOLD_MS = 60000, BACKLOG_MAX = 1024, READ_TRIES = 6, READ_AGAIN_MS = 2000 };

/* What a cloud that no application waits for may have under way from memory; the rest comes from the disk. */
enum { SIDE_MAX = 256, SIDE_BYTES_MAX = 128 << 10 };

/* ---- to a cloud ---- */

static bool takes(const struct report_lane *l)
{
    return l->listed && l->path->env.host->cloud_takes(l->path->env.user, l->place);
}

static int give(struct report_lane *l, uint32_t id, struct ag_span text, const struct ag_json_view *view, uint32_t at_s,
                bool repeat)
{
    return l->path->env.host->cloud_report(l->path->env.user, l->place, id, text, view, at_s, repeat);
}

/* kept: the text is held, so that it can be kept. */
static int give_directly(struct report_lane *l, const struct incoming *in, bool kept, bool repeat, bool tells)
{
    int r;

    if (l->given.n >= GIVEN_MAX)
        return -ENOBUFS;
    /* first: the cloud may acknowledge within the call */
    r = given_add(&l->given, in->id, kept ? in->text : (struct ag_span){"", 0}, report_now_of(l->path), tells);
    if (r < 0)
        return r;
    r = give(l, in->id, in->text, in->scanned ? &in->view : NULL, 0, repeat);
    if (r < 0) {
        struct given g;

        if (given_take(&l->given, in->id, &g))
            ag_buf_deinit(&g.text);
    }
    return r;
}

static bool is_crowded(const struct report_queue *q)
{
    return q->n >= BACKLOG_MAX || q->n >= q->limits.max_reports / 2 || q->bytes >= q->limits.max_bytes / 2;
}

/* The cloud whose word is the answer. -ENOTCONN: it is to be kept for it. */
static int give_teller(struct report_lane *l, const struct incoming *in, bool repeat)
{
    int r = -ENOTCONN;

    if (!in->keeps)
        return takes(l) ? give(l, in->id, in->text, in->scanned ? &in->view : NULL, 0, repeat) : -ENOTCONN;
    if (takes(l) && report_queue_drained(&l->queue))
        r = give_directly(l, in, true, repeat, true);
    else if (takes(l) && is_crowded(&l->queue))
        r = -ENOBUFS; /* it drains: whoever reports faster than that waits, so that nothing has to give way */
    return r;
}

static bool may_give_aside(const struct report_lane *l, const struct incoming *in)
{
    if (!takes(l))
        return false;
    return !in->keeps ||
           (report_queue_drained(&l->queue) && l->given.n < SIDE_MAX && l->given.bytes + in->text.len <= SIDE_BYTES_MAX);
}

static bool carries(const struct report_lane *l, const struct incoming *in)
{
    return l->path->env.host->cloud_carries(l->path->env.user, l->place, in->text) == 0;
}

/* A cloud that nobody waits for. true: it is to be kept for it. */
static bool give_aside(struct report_lane *l, const struct incoming *in, bool repeat)
{
    int r = may_give_aside(l, in) ? give_directly(l, in, in->keeps, repeat, false) : -ENOTCONN;

    if (r == 0)
        return false;
    if (in->keeps && (r == -ENOTCONN || r == -ENOBUFS || r == -ENOMEM) && carries(l, in))
        return true;
    l->n_lost++;
    return false;
}

/* Returns for whom it is to be kept. "queued" speaks for all of them: then nobody gets it from memory, which a power failure
   would empty. */
static unsigned give_others(struct report_path *p, const struct incoming *in, unsigned others, bool kept, bool repeat)
{
    unsigned to_keep = 0;

    for (unsigned i = 0; others && i < ROUTE_PLACES; i++) {
        struct report_lane *l = &p->lanes[i];

        if (!(others & report_bit(i)))
            continue;
        if (!kept)
            to_keep |= report_bit_if(give_aside(l, in, repeat), i);
        else if (carries(l, in))
            to_keep |= report_bit(i);
        else
            l->n_lost++;
    }
    return to_keep;
}

int report_path_report(struct report_path *p, uint32_t id, struct ag_span text, const struct ag_json_view *view, bool repeat)
{
    struct incoming in;
    struct report_lane *teller;
    unsigned to_keep = 0, first;
    int r;

    report_look_at(p, &in, id, text, view);
    if (in.route.set == 0)
        return -ENOTCONN;
    teller = &p->lanes[in.route.first];
    first = report_bit(in.route.first);
    r = give_teller(teller, &in, repeat);
    if (r == -ENOBUFS)
        return r;
    if (r == -ENOTCONN && in.keeps) {
        r = p->env.host->cloud_carries(p->env.user, in.route.first, text); /* as it says itself when it is there */
        to_keep = r == 0 ? first : 0;
    }
    to_keep |= give_others(p, &in, in.route.set & ~first, to_keep != 0, repeat);
    if (to_keep == 0)
        return r;
    if (!(to_keep & first)) {
        report_keep(p, &in, to_keep, report_now_of(p), 0);
        return r;
    }
    r = report_keep(p, &in, to_keep, report_now_of(p), first);
    if (r < 0 && r != -ENOMEM) { /* queued() or failed() follows, also within the call */
        report_refuse(p, id, r);
        return 0;
    }
    return r;
}

struct report_route report_path_route(const struct report_path *p, struct ag_span method)
{
    return route_of(&p->route, method, report_is_kept(method));
}

/* A bad disk can cause such a line for each report. */
static void log_skipped(struct report_path *p, uint64_t now_ms, const char *why)
{
    ag_log_gated(&p->gate, now_ms, AG_LOG_ERROR, "a kept report is skipped: %s", why);
}

/*
 * A report that was answered with "queued" is not given up because the disk fails once: it is read again, a few times, and those
 * behind it wait. true: later. Permanent damage (-EBADMSG, -ENOENT) is not waited for, nor is a disk that has given nothing since
 * the last report was given up: new ones must not wait for a store full of unreadable ones.
 */
static bool read_later(struct report_lane *l, uint64_t seq, uint64_t now_ms)
{
    l->unread_seq = seq;
    if (l->unread_tries >= READ_TRIES || ++l->unread_tries == READ_TRIES)
        return false;
    l->unread_ms = now_ms + READ_AGAIN_MS;
    return true;
}

/* It is not yet time to read it again. */
static bool rests(struct report_lane *l, uint64_t seq, uint64_t now_ms)
{
    if (l->unread_seq != seq || now_ms >= l->unread_ms)
        return false;
    l->release_ms = ag_earlier(l->release_ms, l->unread_ms);
    return true;
}

/* Gives one kept report. false: none for now. */
static bool give_kept(struct report_lane *l)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct report_path *p = l->path;
    struct report_time now;
    struct report_next next;
    int r;

    if (report_queue_drained(&l->queue) || !takes(l) || !p->env.host->cloud_has_room(p->env.user, l->place))
        return false;
    now = report_time_of(p);
    if (!report_queue_next(&l->queue, now.now_ms, &next))
        return false;
    if (rests(l, next.seq, now.now_ms))
        return false;
    r = spool_read(p->spool, next.seq, &text);
    if (r == -EIO && read_later(l, next.seq, now.now_ms))
        return !rests(l, next.seq, now.now_ms);
    if (r == -ENOMEM)
        return false;
    if (r < 0) {
        log_skipped(p, now.now_ms, strerror(-r));
        report_queue_unreadable(&l->queue, next.id, next.seq);
        return true;
    }
    l->unread_tries = 0;
    report_queue_sent(&l->queue, next.id, next.seq); /* first: the cloud may acknowledge within the call */
    r = give(l, next.id, ag_buf_span(&text), NULL, report_unix_of(&now, &next.birth), true);
    if (r == -ENOBUFS || r == -ENOTCONN || r == -ENOMEM) {
        report_queue_unsent(&l->queue, next.id, next.seq);
        return false;
    }
    if (r < 0) {
        log_skipped(p, now.now_ms, strerror(-r));
        report_queue_refused(&l->queue, next.id);
    }
    return true;
}

void report_path_pump(struct report_path *p, unsigned place)
{
    struct report_lane *l = &p->lanes[place];

    if (!p->spool || !l->listed || l->pumping)
        return; /* within a call of the cloud's: the loop outside goes on */
    l->pumping = true;
    while (give_kept(l)) {
    }
    l->pumping = false;
}

bool report_path_has(const struct report_path *p, uint32_t id)
{
    for (unsigned i = 0; i < p->route.n; i++) {
        const struct report_lane *l = &p->lanes[p->route.clouds[i].place];

        if (given_has(&l->given, id) || report_queue_has(&l->queue, id))
            return true;
    }
    return false;
}

/* ---- the clouds' events ---- */

bool report_path_acked(struct report_path *p, unsigned place, uint32_t id)
{
    struct report_lane *l = &p->lanes[place];
    struct given g;
    bool told;

    if (given_take(&l->given, id, &g)) {
        ag_buf_deinit(&g.text);
        return !g.tells;
    }
    /* stored: its application got "queued". Otherwise the cloud was faster: its word goes to the application */
    told = report_queue_is_stored(&l->queue, id) || !report_queue_tells(&l->queue, id);
    return report_queue_acked(&l->queue, id) && told;
}

static bool given_failed(struct report_lane *l, struct given *g, bool retry)
{
    int r = retry ? report_keep_given(l, g) : -ECANCELED;

    l->n_lost += r < 0 && !g->tells;
    ag_buf_deinit(&g->text);
    return r == 0 || !g->tells;
}

bool report_path_failed(struct report_path *p, unsigned place, uint32_t id, bool retry)
{
    struct report_lane *l = &p->lanes[place];
    struct given g;

    if (given_take(&l->given, id, &g))
        return given_failed(l, &g, retry);
    if (!report_queue_has(&l->queue, id))
        return false;
    if (!retry) {
        report_queue_refused(&l->queue, id);
    } else if (takes(l)) {
        report_queue_hold(&l->queue, id);
        if (l->release_ms == AG_NEVER)
            l->release_ms = report_time_of(p).now_ms + HOLD_MS;
    }
    return true;
}

/* Those under way were the first to be reported, so they are kept first. */
void report_path_lost(struct report_path *p, unsigned place)
{
    struct report_lane *l = &p->lanes[place];
    struct given g;

    while (given_take_first(&l->given, &g)) {
        bool kept = report_keep_given(l, &g) == 0;

        l->n_lost += !kept && !g.tells;
        ag_buf_deinit(&g.text);
        if (!kept && g.tells)
            p->env.host->failed(p->env.user, g.id, AG_CODE_NOT_CONNECTED, "not connected");
    }
    report_queue_rewind(&l->queue);
    l->release_ms = AG_NEVER;
}

/* Nothing of it is wanted. The cloud may have got what was under way; that is no longer asked. */
static void lane_forget(struct report_lane *l, const char *why)
{
    struct given g;

    while (given_take_first(&l->given, &g)) {
        ag_buf_deinit(&g.text);
        l->n_lost += !g.tells;
        if (g.tells)
            l->path->env.host->failed(l->path->env.user, g.id, AG_CODE_NOT_CONNECTED, why);
    }
    report_queue_forget_all(&l->queue);
    l->release_ms = AG_NEVER;
}

int report_path_forget(struct report_path *p)
{
    unsigned n = 0;

    for (unsigned i = 0; i < p->route.n; i++)
        n = p->lanes[p->route.clouds[i].place].queue.n > n ? p->lanes[p->route.clouds[i].place].queue.n : n;
    if (n > 0)
        ag_log(AG_LOG_WARNING, "%u kept reports of the last owner are dropped", n);
    for (unsigned i = 0; i < p->route.n; i++)
        lane_forget(&p->lanes[p->route.clouds[i].place], "the device was reset");
    return p->spool ? spool_wipe(p->spool) : 0;
}

bool report_path_is_busy(const struct report_path *p)
{
    for (unsigned i = 0; i < p->route.n; i++) {
        const struct report_lane *l = &p->lanes[p->route.clouds[i].place];

        if (l->given.n > 0 || (takes(l) && !report_queue_empty(&l->queue)))
            return true;
    }
    return p->spool && !spool_is_idle(p->spool);
}

void report_path_expire(struct report_path *p, uint64_t now_ms)
{
    for (unsigned i = 0; i < ROUTE_PLACES; i++) {
        struct report_lane *l = &p->lanes[i];

        if (now_ms < l->release_ms)
            continue;
        l->release_ms = AG_NEVER;
        report_queue_release(&l->queue);
        report_path_pump(p, i);
    }
}

uint64_t report_path_next_deadline(const struct report_path *p)
{
    uint64_t at = AG_NEVER;

    for (unsigned i = 0; i < ROUTE_PLACES; i++)
        at = ag_earlier(at, p->lanes[i].release_ms);
    return at;
}

/* ---- start, another list, end ---- */

void report_path_take_route(struct report_path *p, struct route_table *route)
{
    unsigned listed = route_all(route);

    for (unsigned i = 0; i < ROUTE_PLACES; i++) {
        struct report_lane *l = &p->lanes[i];

        if (l->listed && !(listed & report_bit(i))) {
            p->n_unlisted += l->queue.n;
            lane_forget(l, "the cloud was taken out of the list");
        }
        l->listed = listed & report_bit(i);
    }
    route_table_deinit(&p->route);
    p->route = *route;
    *route = (struct route_table){0};
}

static void lanes_init(struct report_path *p, const struct report_limits *limits)
{
    for (unsigned i = 0; i < ROUTE_PLACES; i++) {
        struct report_lane *l = &p->lanes[i];

        l->path = p;
        l->place = i;
        l->release_ms = AG_NEVER;
        l->listed = route_all(&p->route) & report_bit(i);
        report_queue_init(&l->queue, limits, report_on_forget, l);
    }
}

static void say_found(const struct report_path *p)
{
    for (unsigned i = 0; i < p->route.n; i++) {
        unsigned n = p->lanes[p->route.clouds[i].place].queue.n;

        if (n > 0 && p->route.n == 1)
            ag_log(AG_LOG_INFO, "%u reports of an earlier run are kept for the cloud", n);
        else if (n > 0)
            ag_log(AG_LOG_INFO, "%u reports of an earlier run are kept for cloud %s", n, p->route.clouds[i].name);
    }
    if (p->n_unlisted > 0)
        ag_log(AG_LOG_WARNING, "%llu kept reports are given up: their cloud is no longer in the list",
               (unsigned long long) p->n_unlisted);
}

int report_path_open(struct report_path *p, const struct report_path_env *env, char *error, size_t n)
{
    struct device_conf_error err;
    struct report_limits limits = {0};
    int r = report_policy_check(env->conf, &limits, &err);

    *p = (struct report_path){.env = *env, .next_seq = 1, .gate = {.burst = 10, .period_ms = 60000}};
    p->env.clouds = NULL;
    p->env.path = NULL;
    if (r == 0)
        r = route_table_make(&p->route, env->clouds, env->n_clouds, env->conf, &err);
    lanes_init(p, &limits);
    if (r < 0) {
        snprintf(error, n, "%s", r == -ENOMEM ? "out of memory" : err.why);
        return r;
    }
    if (!env->path || p->route.n == 0)
        return 0;
    r = spool_open(&p->spool, env->loop, env->path, &report_spool_events, p);
    if (r < 0)
        snprintf(error, n, "%s: %s", env->path, strerror(-r));
    else
        say_found(p);
    return r;
}

static void keep_unless_awaited(struct report_lane *l)
{
    struct given g;

    while (given_take_first(&l->given, &g)) {
        if (!g.tells || !l->path->env.host->is_awaited(l->path->env.user, g.id))
            report_keep_given(l, &g);
        ag_buf_deinit(&g.text);
    }
}

void report_path_close(struct report_path *p)
{
    for (unsigned i = 0; i < ROUTE_PLACES; i++)
        keep_unless_awaited(&p->lanes[i]);
    spool_close(p->spool);
    p->spool = NULL;
}

void report_path_deinit(struct report_path *p)
{
    for (unsigned i = 0; i < ROUTE_PLACES; i++) {
        given_deinit(&p->lanes[i].given);
        if (p->lanes[i].path)
            report_queue_deinit(&p->lanes[i].queue);
    }
    route_table_deinit(&p->route);
}
