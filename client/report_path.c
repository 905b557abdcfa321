#include "client/report_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "client/client.h"
#include "client/core/report_policy.h"
#include "client/io/spool.h"
#include "libagent/core/log.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { DIRECT_MAX = 4096, HOLD_MS = 60000, BACKLOG_MAX = 1024 };

struct report_direct {
    uint32_t id;
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

static int direct_add(struct report_path *p, uint32_t id, struct ag_span text)
{
    struct report_direct *d = calloc(1, sizeof *d);

    if (!d)
        return -ENOMEM;
    d->id = id;
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

/* ---- keeping ---- */

static void on_forget(void *user, uint64_t seq)
{
    struct client *c = user;

    if (c->reports.spool)
        spool_remove(c->reports.spool, seq);
}

static int keep(struct client *c, uint32_t id, struct ag_span text)
{
    struct report_path *p = &c->reports;
    struct ag_span whole = text, method;
    struct ag_json_view view;
    struct spool_record rec;
    enum report_policy policy;
    char name[128];
    uint64_t seq;
    int r;

    if (ag_json_parse(&whole, 128, &view) != 0 || !ag_view_str(&view, whole.p, AG_M_METHOD, name, sizeof name, &method))
        return -EINVAL;
    policy = report_policy_of(c->conf, method);
    rec = (struct spool_record){.id = id, .at_s = client_best_time(c), .text = text};
    if (policy == REPORT_LATEST)
        rec.topic = report_topic(method, ag_view_raw(&view, whole.p, AG_M_PARAMS));
    r = report_queue_add(&p->queue, id, rec.topic, text.len, rec.at_s, &seq);
    if (r < 0)
        return r;
    r = spool_put(p->spool, seq, &rec);
    if (r < 0)
        report_queue_not_stored(&p->queue, seq);
    return r;
}

static bool may_keep(struct client *c, struct ag_span text)
{
    struct ag_span method;
    struct ag_json_view view;
    char name[128];

    return c->reports.spool && ag_json_parse(&text, 128, &view) == 0 &&
           ag_view_str(&view, text.p, AG_M_METHOD, name, sizeof name, &method) && report_is_kept(method) &&
           report_policy_of(c->conf, method) != REPORT_DROP;
}

static void on_found(void *user, uint64_t seq, const struct spool_record *rec, size_t size)
{
    struct client *c = user;

    (void) size;
    if (report_queue_restore(&c->reports.queue, seq, rec->id, rec->topic, rec->text.len, rec->at_s) == -EEXIST)
        ag_log(AG_LOG_WARNING, "a kept report stands twice; the later one is left out");
}

static void on_stored(void *user, uint64_t seq, uint32_t id, int r)
{
    struct client *c = user;

    if (r == 0) {
        report_queue_stored(&c->reports.queue, seq);
        uplink_acked(&c->uplink, id, AG_SPAN("{\"result\":[\"queued\"]}"));
        report_path_pump(c);
    } else {
        report_queue_not_stored(&c->reports.queue, seq);
        uplink_failed(&c->uplink, id, CLIENT_CODE_BUSY, "the report cannot be kept");
    }
    client_rearm(c);
}

static void on_closed(void *user)
{
    client_part_closed(user);
}

static const struct spool_events spool_events = {on_found, on_stored, on_closed};

/* ---- to the cloud ---- */

static bool cloud_takes(const struct client *c)
{
    return c->link.cloud && c->link.connected && !c->link.stopping;
}

static int give_directly(struct client *c, uint32_t id, struct ag_span text, bool repeat)
{
    struct report_path *p = &c->reports;
    struct report_direct *d;
    int r;

    if (p->n_direct >= DIRECT_MAX)
        return -ENOBUFS;
    r = direct_add(p, id, text); /* first: the cloud may acknowledge within the call */
    if (r < 0)
        return r;
    r = c->link.ops->report(c->link.cloud, id, text, 0, repeat);
    d = r < 0 ? direct_find(p, id) : NULL;
    if (d)
        direct_free(p, d);
    return r;
}

static bool is_crowded(const struct report_queue *q)
{
    return q->n >= BACKLOG_MAX || q->n >= q->limits.max_reports / 2 || q->bytes >= q->limits.max_bytes / 2;
}

int report_path_report(struct client *c, uint32_t id, struct ag_span text, bool repeat)
{
    int r = -ENOTCONN;

    if (!may_keep(c, text))
        return cloud_takes(c) ? c->link.ops->report(c->link.cloud, id, text, 0, repeat) : -ENOTCONN;
    if (cloud_takes(c) && report_queue_drained(&c->reports.queue))
        r = give_directly(c, id, text, repeat);
    else if (cloud_takes(c) && is_crowded(&c->reports.queue))
        r = -ENOBUFS; /* it drains: whoever reports faster than that waits, so that nothing has to give way */
    return r == -ENOTCONN ? keep(c, id, text) : r;
}

/* One kept report. false: no more for now. */
static bool give_kept(struct client *c)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct report_path *p = &c->reports;
    uint64_t seq;
    uint32_t id;
    int r;

    if (!cloud_takes(c) || !report_queue_next(&p->queue, client_best_time(c), &seq, &id))
        return false;
    r = spool_read(p->spool, seq, &text);
    if (r == -ENOMEM)
        return false;
    if (r == 0) {
        report_queue_sent(&p->queue, seq); /* first: the cloud may acknowledge within the call */
        r = c->link.ops->report(c->link.cloud, id, ag_buf_span(&text), 0, true);
    }
    if (r == -ENOBUFS || r == -ENOTCONN || r == -ENOMEM) {
        report_queue_unsent(&p->queue, seq);
        return false;
    }
    if (r < 0) {
        ag_log(AG_LOG_ERROR, "a kept report is left out: %s", strerror(-r));
        report_queue_refused(&p->queue, id);
    }
    return true;
}

void report_path_pump(struct client *c)
{
    struct report_path *p = &c->reports;

    if (!p->spool || p->pumping)
        return; /* within a call of the cloud's: the loop outside goes on */
    p->pumping = true;
    while (give_kept(c)) {
    }
    p->pumping = false;
}

bool report_path_has(const struct client *c, uint32_t id)
{
    return direct_find(&c->reports, id) || report_queue_has(&c->reports.queue, id);
}

/* ---- the cloud's events ---- */

bool report_path_acked(struct client *c, uint32_t id)
{
    struct report_direct *d = direct_find(&c->reports, id);

    if (d)
        direct_free(&c->reports, d);
    return report_queue_acked(&c->reports.queue, id);
}

bool report_path_failed(struct client *c, uint32_t id, bool retry)
{
    struct report_path *p = &c->reports;
    struct report_direct *d = direct_find(p, id);
    bool kept = false;

    if (d) {
        kept = retry && p->spool && keep(c, id, ag_buf_span(&d->text)) == 0;
        direct_free(p, d);
        return kept;
    }
    if (!report_queue_has(&p->queue, id))
        return false;
    if (!retry) {
        report_queue_refused(&p->queue, id);
    } else if (cloud_takes(c)) {
        report_queue_hold(&p->queue, id);
        if (p->release_ms == 0)
            p->release_ms = uv_now(c->loop) + HOLD_MS;
    }
    return true;
}

/* Those under way were the first to be reported, so they are kept first. */
void report_path_lost(struct client *c)
{
    struct report_path *p = &c->reports;

    while (p->direct) {
        struct report_direct *d = p->direct;
        uint32_t id = d->id;
        bool kept = p->spool && keep(c, id, ag_buf_span(&d->text)) == 0;

        direct_free(p, d);
        if (!kept)
            uplink_failed(&c->uplink, id, CLIENT_CODE_NOT_CONNECTED, "not connected");
    }
    report_queue_rewind(&p->queue);
    p->release_ms = 0;
}

void report_path_forget(struct client *c)
{
    if (!report_queue_empty(&c->reports.queue))
        ag_log(AG_LOG_WARNING, "%u kept reports of the last owner are dropped", c->reports.queue.n);
    report_queue_forget_all(&c->reports.queue);
    c->reports.release_ms = 0;
}

bool report_path_is_busy(const struct client *c)
{
    const struct report_path *p = &c->reports;

    return p->n_direct > 0 || (cloud_takes(c) && !report_queue_empty(&p->queue)) ||
           (p->spool && !spool_is_idle(p->spool));
}

void report_path_expire(struct client *c, uint64_t now_ms)
{
    struct report_path *p = &c->reports;

    if (p->release_ms == 0 || now_ms < p->release_ms)
        return;
    p->release_ms = 0;
    report_queue_release(&p->queue);
    report_path_pump(c);
}

uint64_t report_path_next_deadline(const struct client *c)
{
    return c->reports.release_ms ? c->reports.release_ms : UINT64_MAX;
}

/* ---- start and end ---- */

int report_path_open(struct client *c, char *error, size_t n)
{
    struct report_path *p = &c->reports;
    struct device_conf_error err;
    struct report_limits limits;
    char path[4096];
    int r = report_policy_check(c->conf, &limits, &err);

    report_queue_init(&p->queue, r < 0 ? &(struct report_limits){0} : &limits, on_forget, c);
    if (r < 0) {
        snprintf(error, n, "%s", err.why);
        return r;
    }
    if (!c->link.ops)
        return 0;
    snprintf(path, sizeof path, "%sreports.mdb", c->options.dir.path);
    r = spool_open(&p->spool, c->loop, path, limits.max_bytes, &spool_events, c, error, n);
    c->n_open += p->spool != NULL;
    if (r == 0 && p->queue.n > 0)
        ag_log(AG_LOG_INFO, "%u reports of an earlier run are kept for the cloud", p->queue.n);
    return r;
}

void report_path_close(struct client *c)
{
    struct report_path *p = &c->reports;

    while (p->direct) {
        struct report_direct *d = p->direct;

        if (p->spool && !uplink_is_awaited(&c->uplink, d->id))
            keep(c, d->id, ag_buf_span(&d->text));
        direct_free(p, d);
    }
    spool_close(p->spool);
    p->spool = NULL;
}

void report_path_deinit(struct client *c)
{
    while (c->reports.direct)
        direct_free(&c->reports, c->reports.direct);
    report_queue_deinit(&c->reports.queue);
}
