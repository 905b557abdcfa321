/* SPDX-License-Identifier: MIT */
#include "client/status/core/status_text.h"

#include <inttypes.h>
#include "libagent/core/json/json_out.h"
#include "libagent/core/deadline.h"

/* Empty is null, too. */
static void put_text_or_null(struct ag_json_out *o, const char *name, const char *text)
{
    if (text && text[0])
        ag_json_out_name_str(o, name, text);
    else
        ag_json_out_name_raw(o, name, AG_SPAN("null"));
}

static void put_u64_or_null(struct ag_json_out *o, const char *name, bool known, uint64_t n)
{
    if (known)
        ag_json_out_name_u64(o, name, n);
    else
        ag_json_out_name_raw(o, name, AG_SPAN("null"));
}

static void put_counts(struct ag_json_out *o, const char *name, const struct status_count *counts, unsigned n)
{
    ag_json_out_name_open(o, name, '{');
    for (unsigned i = 0; i < n; i++)
        ag_json_out_name_u64(o, counts[i].name, counts[i].n);
    ag_json_out_close(o, '}');
}

/* ---- clouds ---- */

/* The time of an unset clock is useless; how long ago it was is always right. */
static void put_error(struct ag_json_out *o, const struct status_cloud *c, uint64_t time_s)
{
    const struct cloud_past *p = &c->facts.past;
    uint64_t ago_s = c->error_ago_ms / 1000;

    if (p->loss == CLOUD_LOSS_NONE) {
        ag_json_out_name_raw(o, "error", AG_SPAN("null"));
        return;
    }
    ag_json_out_name_open(o, "error", '{');
    ag_json_out_name_str(o, "reason", cloud_loss_word(p->loss));
    ag_json_out_name_str(o, "text", p->why);
    ag_json_out_name_u64(o, "time", time_s > ago_s ? time_s - ago_s : 0);
    ag_json_out_name_u64(o, "ago_s", ago_s);
    ag_json_out_close(o, '}');
}

static void put_cloud(struct ag_json_out *o, const struct status_cloud *c, uint64_t time_s)
{
    ag_json_out_open(o, '{');
    ag_json_out_name_str(o, "name", c->name);
    put_text_or_null(o, "server", c->facts.server);
    ag_json_out_name_str(o, "state", c->word);
    ag_json_out_name_u64(o, "since_s", c->since_ms / 1000);
    put_error(o, c, time_s);
    put_u64_or_null(o, "next_try_ms", c->next_try_ms != AG_NEVER, c->next_try_ms);
    ag_json_out_name_u64(o, "in_flight", c->facts.in_flight);
    ag_json_out_name_u64(o, "sent", c->facts.sent);
    ag_json_out_name_u64(o, "acked", c->facts.acked);
    ag_json_out_name_u64(o, "short_sessions", c->facts.past.n_short);
    if (c->has_kept)
        ag_json_out_name_u64(o, "kept", c->kept);
    put_text_or_null(o, "refused_topic", c->facts.refused);
    if (c->facts.refused[0])
        put_text_or_null(o, "refused_how", c->facts.refused_how);
    put_counts(o, "dropped", c->dropped, c->n_dropped);
    ag_json_out_close(o, '}');
}

static void put_clouds(struct ag_json_out *o, const struct status_facts *f)
{
    ag_json_out_name_open(o, "clouds", '[');
    for (unsigned i = 0; i < f->n_clouds; i++)
        put_cloud(o, &f->clouds[i], f->time_s);
    ag_json_out_close(o, ']');
}

/* ---- the rest ---- */

static void put_device(struct ag_json_out *o, const struct status_facts *f)
{
    ag_json_out_name_open(o, "device", '{');
    ag_json_out_name_str(o, "model", f->model);
    ag_json_out_name(o, "did");
    ag_json_out_printf(o, "\"%" PRIu64 "\"", f->did);
    ag_json_out_name_str(o, "firmware", f->firmware);
    ag_json_out_close(o, '}');
}

static void put_spool(struct ag_json_out *o, const struct status_facts *f)
{
    ag_json_out_name_open(o, "spool", '{');
    ag_json_out_name_u64(o, "reports", f->spool.reports);
    ag_json_out_name_u64(o, "max_reports", f->spool.max_reports);
    ag_json_out_name_u64(o, "bytes", f->spool.bytes);
    ag_json_out_name_u64(o, "max_bytes", f->spool.max_bytes);
    put_u64_or_null(o, "oldest_s", f->spool.has_oldest, f->spool.oldest_ms / 1000);
    ag_json_out_name_u64(o, "dropped", f->spool.dropped);
    put_text_or_null(o, "error", f->spool.error);
    ag_json_out_close(o, '}');
}

static void put_lan(struct ag_json_out *o, const struct status_facts *f)
{
    ag_json_out_name_open(o, "lan", '{');
    ag_json_out_name_bool(o, "open", f->lan.open);
    ag_json_out_name_u64(o, "peers", f->lan.peers);
    ag_json_out_name_u64(o, "served", f->lan.served);
    ag_json_out_name_bool(o, "reveals_token", f->lan.reveals_token);
    ag_json_out_name(o, "token_mode");
    if (f->lan.token_mode < 0)
        ag_json_out_null(o);
    else
        ag_json_out_printf(o, "\"%04o\"", (unsigned) f->lan.token_mode);
    put_counts(o, "refused", f->lan.refused, f->lan.n_refused);
    ag_json_out_close(o, '}');
}

static void put_setup(struct ag_json_out *o, const struct status_facts *f)
{
    ag_json_out_name_open(o, "setup", '{');
    ag_json_out_name_bool(o, "provisioned", f->setup.provisioned);
    ag_json_out_name_bool(o, "joining", f->setup.joining);
    ag_json_out_name_u64(o, "joined", f->setup.joined);
    ag_json_out_name_u64(o, "failed", f->setup.failed);
    ag_json_out_name_open(o, "hooks_missing", '[');
    for (unsigned i = 0; i < f->setup.n_hooks_missing; i++)
        ag_json_out_str(o, f->setup.hooks_missing[i]);
    ag_json_out_close(o, ']');
    ag_json_out_close(o, '}');
}

static void put_clock(struct ag_json_out *o, const struct status_facts *f)
{
    static const char *const sources[] = {"own", "cloud", "unset"};

    ag_json_out_name_open(o, "clock", '{');
    ag_json_out_name_str(o, "source", sources[f->clock]);
    ag_json_out_name_u64(o, "time", f->time_s);
    ag_json_out_name_bool(o, "kept", f->clock_kept);
    ag_json_out_name(o, "offset_s");
    if (f->has_offset)
        ag_json_out_printf(o, "%" PRId64, f->offset_s);
    else
        ag_json_out_null(o);
    ag_json_out_close(o, '}');
}

static void put_local(struct ag_json_out *o, const struct status_facts *f)
{
    ag_json_out_name_open(o, "helper", '{');
    ag_json_out_name_str(o, "kind", f->external_helper ? "external" : "builtin");
    ag_json_out_name_bool(o, "here", f->helper_here);
    ag_json_out_close(o, '}');
    ag_json_out_name_open(o, "local", '{');
    ag_json_out_name_u64(o, "peers", f->local_peers);
    ag_json_out_close(o, '}');
}

int status_text_put(struct ag_buf *out, const struct status_facts *f)
{
    struct ag_json_out o = ag_json_out_begin(out);

    ag_json_out_open(&o, '{');
    ag_json_out_name_str(&o, "version", f->version);
    ag_json_out_name_u64(&o, "pid", (unsigned) f->pid);
    ag_json_out_name_u64(&o, "uptime_s", f->uptime_ms / 1000);
    ag_json_out_name_str(&o, "dir", f->dir);
    put_device(&o, f);
    ag_json_out_name_str(&o, "state", f->state);
    put_clouds(&o, f);
    put_spool(&o, f);
    put_lan(&o, f);
    put_setup(&o, f);
    put_local(&o, f);
    put_clock(&o, f);
    ag_json_out_close(&o, '}');
    return ag_json_out_end(&o);
}
