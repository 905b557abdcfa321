/* SPDX-License-Identifier: MIT */
#include "client/status/status.h"

#include <string.h>
#include <unistd.h>
#include "client/report/io/spool.h"
#include "client/status/core/status_text.h"
#include "libagent/core/json/json_out.h"
#include "libagent/core/deadline.h"

/* ---- clouds ---- */

/* "cloud.dropped.json" becomes "json", "cloud.refused.reports" becomes "refused.reports". */
static void keep_drop(void *user, const char *name, uint64_t n)
{
    static const char dropped[] = "cloud.dropped.", refused[] = "cloud.refused.";
    struct status_cloud *s = user;
    bool is_dropped = strncmp(name, dropped, sizeof dropped - 1) == 0;

    if (n == 0 || s->n_dropped == STATUS_DROPS_MAX)
        return;
    if (is_dropped)
        s->dropped[s->n_dropped++] = (struct status_count){name + sizeof dropped - 1, n};
    else if (strncmp(name, refused, sizeof refused - 1) == 0)
        s->dropped[s->n_dropped++] = (struct status_count){name + sizeof "cloud." - 1, n};
}

static void ask_cloud(const struct cloud_link *l, struct status_cloud *s)
{
    if (l->ops->facts)
        l->ops->facts(l->cloud, &s->facts);
    if (l->ops->counters)
        l->ops->counters(l->cloud, keep_drop, s);
    if (l->ops->next_try_ms)
        s->next_try_ms = l->ops->next_try_ms(l->cloud);
}

/* With several clouds each has its own part of the store. */
static void ask_lane(const struct report_lane *lane, struct status_cloud *s)
{
    keep_drop(s, "cloud.dropped.spool.old", lane->queue.n_too_old);
    keep_drop(s, "cloud.dropped.spool.full", lane->queue.n_too_many);
    keep_drop(s, "cloud.dropped.spool.missed", lane->n_lost);
    s->has_kept = true;
    s->kept = lane->queue.n;
}

/* The clouds of the list, in its order. */
static unsigned gather_clouds(const struct status_parts *c, struct status_cloud clouds[STATUS_CLOUDS_MAX])
{
    const struct cloud_link *l;
    unsigned n;

    for (n = 0; n < STATUS_CLOUDS_MAX && (l = cloud_links_nth(c->clouds, n)); n++) {
        struct status_cloud *s = &clouds[n];

        *s = (struct status_cloud){.name = l->ops->name, .next_try_ms = AG_NEVER};
        if (cloud_link_is_running(l))
            ask_cloud(l, s);
        if (c->clouds->n > 1)
            ask_lane(&c->reports->path.lanes[l->ops->place], s);
        s->word = cloud_link_word(l);
        s->since_ms = uv_now(c->loop) - (l->since_ms ? l->since_ms : c->device->started_ms);
        s->error_ago_ms = uv_now(c->loop) - s->facts.past.at_ms;
    }
    return n;
}

/* ---- the rest ---- */

/* Limits apply per cloud: the queue that is nearest to them. */
static const struct report_queue *fullest(const struct status_parts *c)
{
    const struct report_queue *best = &c->reports->path.lanes[0].queue;
    const struct cloud_link *l;

    for (unsigned i = 0; (l = cloud_links_nth(c->clouds, i)); i++) {
        const struct report_queue *q = &c->reports->path.lanes[l->ops->place].queue;

        if (i == 0 || q->bytes > best->bytes)
            best = q;
    }
    return best;
}

static void gather_spool(const struct status_parts *c, struct status_facts *f)
{
    const struct report_queue *q = fullest(c);
    struct report_birth birth;
    int64_t now_ms = (int64_t) uv_now(c->loop);
    int e = c->reports->path.spool ? spool_error(c->reports->path.spool) : 0;

    f->spool.reports = q->n;
    f->spool.bytes = q->bytes;
    f->spool.max_reports = q->limits.max_reports;
    f->spool.max_bytes = q->limits.max_bytes;
    for (unsigned i = 0; i < CLOUDS_MAX; i++)
        f->spool.dropped += c->reports->path.lanes[i].queue.n_too_old + c->reports->path.lanes[i].queue.n_too_many;
    f->spool.error = e < 0 ? strerror(-e) : NULL;
    f->spool.has_oldest = report_queue_oldest(q, &birth);
    if (f->spool.has_oldest && birth.born_ms < now_ms)
        f->spool.oldest_ms = (uint64_t) (now_ms - birth.born_ms);
}

static void gather_lan(const struct status_parts *c, struct status_facts *f)
{
    const struct lan_stats *s = &c->phones->lan.stats;
    const struct status_count all[] = {{"magic", s->bad_packet[PACKET_E_MAGIC]},
                                       {"length", s->bad_packet[PACKET_E_LENGTH]},
                                       {"checksum", s->bad_packet[PACKET_E_CHECKSUM]},
                                       {"padding", s->bad_packet[PACKET_E_PADDING]},
                                       {"did", s->bad_did},
                                       {"stamp", s->bad_stamp},
                                       {"text", s->bad_text},
                                       {"no_token", s->no_token},
                                       {"full", s->full},
                                       {"replayed", s->replayed},
                                       {"narrowed", s->narrowed}};

    _Static_assert(sizeof all / sizeof *all <= STATUS_REFUSED_MAX, "all of them have a place");
    for (size_t i = 0; i < ag_array_size(all); i++)
        if (all[i].n > 0)
            f->lan.refused[f->lan.n_refused++] = all[i];
    f->lan.open = c->phones->socket != NULL;
    f->lan.peers = lan_count_peers(&c->phones->lan);
    f->lan.served = s->answers;
    f->lan.reveals_token = c->phones->lan.reveal_token && c->phones->lan.has_token;
    f->lan.token_mode = data_dir_mode(c->dir, DATA_TOKEN);
}

static void gather_setup(const struct status_parts *c, struct status_facts *f)
{
    const struct setup_machine *m = &c->setup->machine;

    f->setup.provisioned = m->provisioned;
    f->setup.joining = setup_is_joining(m) && m->state != SETUP_ASKED; /* the client itself */
    f->setup.joined = m->n_joined;
    f->setup.failed = m->n_failed;
    if (!m->settings.wired)
        f->setup.n_hooks_missing = setup_link_missing_programs(c->setup, f->setup.hooks_missing);
    f->external_helper = c->external_helper;
    f->helper_here = setup_link_has_helper(c->setup);
}

static void gather_clock(const struct status_parts *c, struct status_facts *f)
{
    static const enum status_clock clocks[] = {[DEVICE_CLOCK_UNSET] = STATUS_CLOCK_UNSET,
                                               [DEVICE_CLOCK_OWN] = STATUS_CLOCK_OWN,
                                               [DEVICE_CLOCK_CLOUD] = STATUS_CLOCK_CLOUD};

    f->time_s = device_best_time(c->device);
    f->clock_kept = device_clock_is_kept_now();
    f->clock = clocks[device_clock(c->device, &f->has_offset, &f->offset_s)];
}

int status_put(const struct status_parts *c, struct ag_buf *out)
{
    struct status_facts f = {.version = MIIO_VERSION,
                             .pid = (int) getpid(),
                             .uptime_ms = device_uptime_ms(c->device),
                             .dir = c->dir->path,
                             .model = serve_model(c->intake->env.serve),
                             .firmware = c->device->version,
                             .did = c->device->conf->did,
                             .state = device_state_word(c->device),
                             .local_peers = (unsigned) __builtin_popcountll(c->intake->commands.peers)};

    f.n_clouds = gather_clouds(c, f.clouds);
    gather_spool(c, &f);
    gather_lan(c, &f);
    gather_setup(c, &f);
    gather_clock(c, &f);
    return status_text_put(out, &f);
}

/* ---- counters ---- */

static void put_counter(void *user, const char *name, uint64_t n)
{
    ag_json_out_name_u64(user, name, n);
}

int status_put_counters(const struct status_parts *c, struct ag_buf *out)
{
    struct ag_json_out o = ag_json_out_begin(out);

    ag_json_out_open(&o, '{');
    status_tell_counters(c, put_counter, &o);
    ag_json_out_close(&o, '}');
    return ag_json_out_end(&o);
}
