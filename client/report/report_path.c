#include "client/report/report_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "client/report/core/report_policy.h"
#include "client/report/core/spool_form.h"
#include "client/report/core/uplink.h"
#include "client/report/io/spool.h"
#include "libagent/core/log/log.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { DIRECT_MAX = 4096, HOLD_MS = 60000, BACKLOG_MAX = 1024, DEPTH_MAX = 128 };

enum { CLOCK_IS_SET = 1577836800 }; /* 2020-01-01: a device without a clock starts in 1970 */

struct report_direct {
    uint32_t id;
    int64_t born_ms;
    struct ag_buf text;
    UT_hash_handle hh;
};

/* ---- reports that are with the cloud ---- */

static struct report_direct *direct_find(const struct report_path *p, uint32_t id)
{
    struct report_direct *d;

    HASH_FIND(hh, p->direct, &id, sizeof id, d);
    return d;
}

static void direct_free(struct report_path *p, struct report_direct *d)
{
    HASH_DEL(p->direct, d);
    p->n_direct--;
    ag_buf_deinit(&d->text);
    free(d);
}

static int direct_add(struct report_path *p, uint32_t id, struct ag_span text, int64_t born_ms)
{
    struct report_direct *d = calloc(1, sizeof *d);

    if (!d)
        return -ENOMEM;
    d->id = id;
    d->born_ms = born_ms;
    if (ag_buf_append_span(&d->text, text) < 0) {
        free(d);
        return -ENOMEM;
    }
    HASH_ADD(hh, p->direct, id, sizeof d->id, d);
    if (!d->hh.tbl) {
        ag_buf_deinit(&d->text);
        free(d);
        return -ENOMEM;
    }
    p->n_direct++;
    return 0;
}

/* ---- time ---- */

static struct report_time time_of(const struct report_path *p)
{
    struct report_time t = {0};

    p->env.host->time(p->env.user, &t);
    return t;
}

static int64_t now_of(const struct report_path *p)
{
    return (int64_t) time_of(p).now_ms;
}

/* The moment of a report by the clock as it is now, which may have been set since. 0: nobody knows. */
static uint32_t unix_of(const struct report_time *now, const struct report_birth *birth)
{
    int64_t at = birth->at_s ? birth->at_s : (int64_t) now->unix_s - ((int64_t) now->now_ms - birth->born_ms) / 1000;

    return at >= CLOCK_IS_SET && at <= (int64_t) now->unix_s ? (uint32_t) at : 0;
}

/* Within one boot the clock that nobody sets tells the age. Between boots only the device's own clock could, and only when
   it was right both times: else the report counts as new. */
static struct report_birth birth_of(const struct report_time *now, const struct spool_record *rec)
{
    int64_t now_ms = (int64_t) now->now_ms, up_ms = (int64_t) rec->up_s * 1000;
    bool comparable = rec->sure && now->sure && now->unix_s > rec->at_s;

    if (rec->boot != 0 && rec->boot == now->boot)
        return (struct report_birth){.born_ms = up_ms < now_ms ? up_ms : now_ms};
    return (struct report_birth){
        .born_ms = comparable ? now_ms - (int64_t) (now->unix_s - rec->at_s) * 1000 : now_ms,
        .at_s = rec->at_s ? rec->at_s : 1 /* 1970: not known */
    };
}

static struct spool_record record_of(const struct report_path *p, uint32_t id, struct ag_span text, int64_t born_ms)
{
    struct report_time now = time_of(p);
    struct report_birth birth = {.born_ms = born_ms};

    return (struct spool_record){
        .id = id,
        .at_s = unix_of(&now, &birth),
        .boot = now.boot,
        .up_s = (uint32_t) (born_ms / 1000),
        .sure = now.sure,
        .text = text,
    };
}

/* ---- keeping ---- */

static void on_forget(void *user, uint64_t seq)
{
    struct report_path *p = user;

    if (p->spool)
        spool_remove(p->spool, seq);
}

static int keep(struct report_path *p, uint32_t id, struct ag_span text, int64_t born_ms)
{
    struct ag_span whole = text, method;
    struct ag_json_view view;
    struct spool_record rec;
    char name[128];
    uint64_t seq;
    int r = p->spool ? spool_ready(p->spool) : -ENODEV;

    if (r < 0)
        return r;
    if (ag_json_parse(&whole, DEPTH_MAX, &view) != 0 ||
        !ag_view_str(&view, whole.p, AG_M_METHOD, name, sizeof name, &method))
        return -EINVAL;
    rec = record_of(p, id, text, born_ms);
    if (report_policy_of(p->env.conf, method) == REPORT_LATEST)
        rec.topic = report_topic(method, ag_view_raw(&view, whole.p, AG_M_PARAMS));
    r = report_queue_add(&p->queue, id, rec.topic, text.len, born_ms, &seq);
    if (r < 0)
        return r;
    r = spool_put(p->spool, seq, p->env.need, &rec);
    if (r < 0)
        report_queue_not_stored(&p->queue, seq);
    return r;
}

static void refuse(struct report_path *p, uint32_t id, int error)
{
    char why[96];

    p->n_refused++;
    snprintf(why, sizeof why, "the report cannot be kept: %s", strerror(-error));
    p->env.host->failed(p->env.user, id, CLIENT_CODE_BUSY, why);
}

static bool may_keep(const struct report_path *p, struct ag_span text)
{
    struct ag_span method;
    struct ag_json_view view;
    char name[128];

    return p->spool && ag_json_parse(&text, DEPTH_MAX, &view) == 0 &&
           ag_view_str(&view, text.p, AG_M_METHOD, name, sizeof name, &method) && report_is_kept(method) &&
           report_policy_of(p->env.conf, method) != REPORT_DROP;
}

static int on_found(void *user, uint64_t seq, unsigned needs, const struct spool_record *rec)
{
    struct report_path *p = user;
    struct report_time now = time_of(p);
    int r;

    spool_hand_over(p->spool, seq, SPOOL_NEED_UNNAMED, p->env.need);
    if (!(needs & (p->env.need | SPOOL_NEED_UNNAMED)))
        return -ENOENT; /* another cloud's */
    if (needs & ~(p->env.need | SPOOL_NEED_UNNAMED))
        spool_release(p->spool, seq, ~p->env.need);
    r = report_queue_restore(&p->queue, seq, rec->id, rec->topic, rec->text.len, birth_of(&now, rec));
    if (r == -EEXIST)
        ag_log(AG_LOG_WARNING, "a kept report stands twice; the later one is left out");
    return r == -EEXIST ? r : 0; /* short of memory: it stays where it is, for the next start */
}

static void on_stored(void *user, uint64_t seq, uint32_t id, int r)
{
    struct report_path *p = user;

    if (r == 0) {
        report_queue_stored(&p->queue, seq);
        p->env.host->queued(p->env.user, id);
        report_path_pump(p);
    } else {
        report_queue_not_stored(&p->queue, seq);
        if (r == -ECANCELED) /* it went while it was written: told, unless the cloud's word has been given already */
            p->env.host->failed(p->env.user, id, CLIENT_CODE_BUSY, "the report was not kept");
        else
            refuse(p, id, r);
    }
    p->env.host->changed(p->env.user);
}

static void on_closed(void *user)
{
    struct report_path *p = user;

    p->env.host->closed(p->env.user);
}

static const struct spool_events spool_events = {on_found, on_stored, on_closed};

/* ---- to the cloud ---- */

static bool cloud_takes(const struct report_path *p)
{
    return p->env.host->cloud_takes(p->env.user);
}

static int give_directly(struct report_path *p, uint32_t id, struct ag_span text, bool repeat)
{
    struct report_direct *d;
    int r;

    if (p->n_direct >= DIRECT_MAX)
        return -ENOBUFS;
    r = direct_add(p, id, text, now_of(p)); /* first: the cloud may acknowledge within the call */
    if (r < 0)
        return r;
    r = p->env.host->cloud_report(p->env.user, id, text, 0, repeat);
    d = r < 0 ? direct_find(p, id) : NULL;
    if (d)
        direct_free(p, d);
    return r;
}

static bool is_crowded(const struct report_queue *q)
{
    return q->n >= BACKLOG_MAX || q->n >= q->limits.max_reports / 2 || q->bytes >= q->limits.max_bytes / 2;
}

/* 0: queued() or failed() follows, also within the call. */
static int keep_or_refuse(struct report_path *p, uint32_t id, struct ag_span text)
{
    int r = p->env.host->cloud_carries(p->env.user, text);

    if (r < 0)
        return r; /* as the cloud says itself when it is there */
    r = keep(p, id, text, now_of(p));
    if (r < 0 && r != -ENOMEM) {
        refuse(p, id, r);
        return 0;
    }
    return r;
}

int report_path_report(struct report_path *p, uint32_t id, struct ag_span text, bool repeat)
{
    int r = -ENOTCONN;

    if (!may_keep(p, text))
        return cloud_takes(p) ? p->env.host->cloud_report(p->env.user, id, text, 0, repeat) : -ENOTCONN;
    if (cloud_takes(p) && report_queue_drained(&p->queue))
        r = give_directly(p, id, text, repeat);
    else if (cloud_takes(p) && is_crowded(&p->queue))
        r = -ENOBUFS; /* it drains: whoever reports faster than that waits, so that nothing has to give way */
    return r == -ENOTCONN ? keep_or_refuse(p, id, text) : r;
}

/* A line that a bad disk can cause for each report. */
static void say_left_out(struct report_path *p, uint64_t now_ms, const char *why)
{
    unsigned held;

    if (!ag_log_gate_pass(&p->gate, now_ms, &held))
        return;
    if (held > 0)
        ag_log(AG_LOG_ERROR, "%u more kept reports were left out", held);
    ag_log(AG_LOG_ERROR, "a kept report is left out: %s", why);
}

/* One kept report. false: no more for now. */
static bool give_kept(struct report_path *p)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct report_time now = time_of(p);
    struct report_next next;
    int r;

    if (!cloud_takes(p) || !report_queue_next(&p->queue, now.now_ms, &next))
        return false;
    r = spool_read(p->spool, next.seq, &text);
    if (r == -ENOMEM)
        return false;
    if (r < 0) {
        say_left_out(p, now.now_ms, strerror(-r));
        report_queue_unreadable(&p->queue, next.seq);
        return true;
    }
    report_queue_sent(&p->queue, next.seq); /* first: the cloud may acknowledge within the call */
    r = p->env.host->cloud_report(p->env.user, next.id, ag_buf_span(&text), unix_of(&now, &next.birth), true);
    if (r == -ENOBUFS || r == -ENOTCONN || r == -ENOMEM) {
        report_queue_unsent(&p->queue, next.seq);
        return false;
    }
    if (r < 0) {
        say_left_out(p, now.now_ms, strerror(-r));
        report_queue_refused(&p->queue, next.id);
    }
    return true;
}

void report_path_pump(struct report_path *p)
{
    if (!p->spool || p->pumping)
        return; /* within a call of the cloud's: the loop outside goes on */
    p->pumping = true;
    while (give_kept(p)) {
    }
    p->pumping = false;
}

bool report_path_has(const struct report_path *p, uint32_t id)
{
    return direct_find(p, id) || report_queue_has(&p->queue, id);
}

/* ---- the cloud's events ---- */

bool report_path_acked(struct report_path *p, uint32_t id)
{
    struct report_direct *d = direct_find(p, id);
    bool queued = report_queue_is_stored(&p->queue, id); /* else the cloud was faster: its word goes to the application */

    if (d)
        direct_free(p, d);
    return report_queue_acked(&p->queue, id) && queued;
}

bool report_path_failed(struct report_path *p, uint32_t id, bool retry)
{
    struct report_direct *d = direct_find(p, id);
    bool kept = false;

    if (d) {
        kept = retry && keep(p, id, ag_buf_span(&d->text), d->born_ms) == 0;
        direct_free(p, d);
        return kept;
    }
    if (!report_queue_has(&p->queue, id))
        return false;
    if (!retry) {
        report_queue_refused(&p->queue, id);
    } else if (cloud_takes(p)) {
        report_queue_hold(&p->queue, id);
        if (p->release_ms == 0)
            p->release_ms = time_of(p).now_ms + HOLD_MS;
    }
    return true;
}

/* Those under way were the first to be reported, so they are kept first. */
void report_path_lost(struct report_path *p)
{
    while (p->direct) {
        struct report_direct *d = p->direct;
        uint32_t id = d->id;
        bool kept = keep(p, id, ag_buf_span(&d->text), d->born_ms) == 0;

        direct_free(p, d);
        if (!kept)
            p->env.host->failed(p->env.user, id, CLIENT_CODE_NOT_CONNECTED, "not connected");
    }
    report_queue_rewind(&p->queue);
    p->release_ms = 0;
}

int report_path_forget(struct report_path *p)
{
    if (!report_queue_empty(&p->queue))
        ag_log(AG_LOG_WARNING, "%u kept reports of the last owner are dropped", p->queue.n);
    while (p->direct) { /* the cloud may have them; it is not asked any more */
        uint32_t id = p->direct->id;

        direct_free(p, p->direct);
        p->queue.n_forgotten++;
        p->env.host->failed(p->env.user, id, CLIENT_CODE_NOT_CONNECTED, "the device was reset");
    }
    report_queue_forget_all(&p->queue);
    p->release_ms = 0;
    return p->spool ? spool_wipe(p->spool) : 0;
}

bool report_path_is_busy(const struct report_path *p)
{
    return p->n_direct > 0 || (cloud_takes(p) && !report_queue_empty(&p->queue)) ||
           (p->spool && !spool_is_idle(p->spool));
}

void report_path_expire(struct report_path *p, uint64_t now_ms)
{
    if (p->release_ms == 0 || now_ms < p->release_ms)
        return;
    p->release_ms = 0;
    report_queue_release(&p->queue);
    report_path_pump(p);
}

uint64_t report_path_next_deadline(const struct report_path *p)
{
    return p->release_ms ? p->release_ms : UINT64_MAX;
}

/* ---- start and end ---- */

int report_path_open(struct report_path *p, const struct report_path_env *env, char *error, size_t n)
{
    struct device_conf_error err;
    struct report_limits limits = {0};
    int r = report_policy_check(env->conf, &limits, &err);

    *p = (struct report_path){.env = *env, .gate = {.burst = 10, .period_ms = 60000}};
    report_queue_init(&p->queue, &limits, on_forget, p);
    if (r < 0) {
        snprintf(error, n, "%s", err.why);
        return r;
    }
    if (!env->path)
        return 0;
    r = spool_open(&p->spool, env->loop, env->path, &spool_events, p);
    if (r < 0)
        snprintf(error, n, "%s: %s", env->path, strerror(-r));
    else if (p->queue.n > 0)
        ag_log(AG_LOG_INFO, "%u reports of an earlier run are kept for the cloud", p->queue.n);
    return r;
}

void report_path_close(struct report_path *p)
{
    while (p->direct) {
        struct report_direct *d = p->direct;

        if (!p->env.host->is_awaited(p->env.user, d->id))
            keep(p, d->id, ag_buf_span(&d->text), d->born_ms);
        direct_free(p, d);
    }
    spool_close(p->spool);
    p->spool = NULL;
}

void report_path_deinit(struct report_path *p)
{
    while (p->direct)
        direct_free(p, p->direct);
    report_queue_deinit(&p->queue);
}
