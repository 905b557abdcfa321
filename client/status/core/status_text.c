/* SPDX-License-Identifier: MIT */
#include "client/status/core/status_text.h"

#include <inttypes.h>

static int put_name(struct ag_buf *out, const char *name)
{
    int r = ag_buf_append_json_str(out, name, strlen(name));

    return r == 0 ? ag_buf_append_char(out, ':') : r;
}

static int put_text(struct ag_buf *out, const char *name, const char *text)
{
    int r = put_name(out, name);

    return r == 0 ? ag_buf_append_json_str(out, text, strlen(text)) : r;
}

/* ,"name":"text" or ,"name":null */
static int put_text_or_null(struct ag_buf *out, const char *name, const char *text)
{
    int r = ag_buf_append_char(out, ',');

    if (r == 0 && text && text[0])
        return put_text(out, name, text);
    if (r == 0)
        r = put_name(out, name);
    return r == 0 ? ag_buf_append_str(out, "null") : r;
}

static const char *bool_text(bool b)
{
    return b ? "true" : "false";
}

int status_text_put_count(struct ag_buf *out, bool first, const char *name, uint64_t n)
{
    int r = first ? 0 : ag_buf_append_char(out, ',');

    if (r == 0)
        r = put_name(out, name);
    return r == 0 ? ag_buf_append_u64(out, n) : r;
}

static int put_counts(struct ag_buf *out, const struct status_count *counts, unsigned n)
{
    int r = ag_buf_append_char(out, '{');

    for (unsigned i = 0; i < n && r == 0; i++)
        r = status_text_put_count(out, i == 0, counts[i].name, counts[i].n);
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}

/* ---- clouds ---- */

/* An unset clock tells no time worth telling; how long ago it was is always right. */
static int put_error(struct ag_buf *out, const struct status_cloud *c, uint64_t time_s)
{
    const struct cloud_past *p = &c->facts.past;
    uint64_t ago_s = c->error_ago_ms / 1000;
    int r;

    if (p->loss == CLOUD_LOSS_NONE)
        return ag_buf_append_str(out, ",\"error\":null");
    r = ag_buf_printf(out, ",\"error\":{\"reason\":\"%s\",", cloud_loss_word(p->loss));
    if (r == 0)
        r = put_text(out, "text", p->why);
    return r == 0 ? ag_buf_printf(out, ",\"time\":%" PRIu64 ",\"ago_s\":%" PRIu64 "}", time_s > ago_s ? time_s - ago_s : 0, ago_s)
                  : r;
}

static int put_cloud(struct ag_buf *out, const struct status_cloud *c, uint64_t time_s)
{
    int r = ag_buf_append_char(out, '{');

    if (r == 0)
        r = put_text(out, "name", c->name);
    if (r == 0)
        r = put_text_or_null(out, "server", c->facts.server);
    if (r == 0)
        r = ag_buf_append_char(out, ',');
    if (r == 0)
        r = put_text(out, "state", c->word);
    if (r == 0)
        r = ag_buf_printf(out, ",\"since_s\":%" PRIu64, c->since_ms / 1000);
    if (r == 0)
        r = put_error(out, c, time_s);
    if (r == 0)
        r = c->next_try_ms == UINT64_MAX ? ag_buf_append_str(out, ",\"next_try_ms\":null")
                                         : ag_buf_printf(out, ",\"next_try_ms\":%" PRIu64, c->next_try_ms);
    if (r == 0)
        r = ag_buf_printf(out, ",\"in_flight\":%u,\"sent\":%" PRIu64 ",\"acked\":%" PRIu64 ",\"short_sessions\":%u",
                          c->facts.in_flight, c->facts.sent, c->facts.acked, c->facts.past.n_short);
    if (r == 0 && c->has_kept)
        r = ag_buf_printf(out, ",\"kept\":%u", c->kept);
    if (r == 0)
        r = put_text_or_null(out, "refused_topic", c->facts.refused);
    if (r == 0 && c->facts.refused[0])
        r = put_text_or_null(out, "refused_how", c->facts.refused_how);
    if (r == 0)
        r = ag_buf_append_str(out, ",\"dropped\":");
    if (r == 0)
        r = put_counts(out, c->dropped, c->n_dropped);
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}

static int put_clouds(struct ag_buf *out, const struct status_facts *f)
{
    int r = ag_buf_append_str(out, ",\"clouds\":[");

    for (unsigned i = 0; i < f->n_clouds && r == 0; i++) {
        if (i > 0)
            r = ag_buf_append_char(out, ',');
        if (r == 0)
            r = put_cloud(out, &f->clouds[i], f->time_s);
    }
    return r == 0 ? ag_buf_append_char(out, ']') : r;
}

/* ---- the rest ---- */

static int put_head(struct ag_buf *out, const struct status_facts *f)
{
    int r = ag_buf_append_char(out, '{');

    if (r == 0)
        r = put_text(out, "version", f->version);
    if (r == 0)
        r = ag_buf_printf(out, ",\"pid\":%d,\"uptime_s\":%" PRIu64 ",", f->pid, f->uptime_ms / 1000);
    if (r == 0)
        r = put_text(out, "dir", f->dir);
    if (r == 0)
        r = ag_buf_append_str(out, ",\"device\":{");
    if (r == 0)
        r = put_text(out, "model", f->model);
    if (r == 0)
        r = ag_buf_printf(out, ",\"did\":\"%" PRIu64 "\",", f->did);
    if (r == 0)
        r = put_text(out, "firmware", f->firmware);
    if (r == 0)
        r = ag_buf_append_str(out, "},");
    return r == 0 ? put_text(out, "state", f->state) : r;
}

static int put_spool(struct ag_buf *out, const struct status_facts *f)
{
    int r = ag_buf_printf(out, ",\"spool\":{\"reports\":%u,\"max_reports\":%u,\"bytes\":%" PRIu64 ",\"max_bytes\":%" PRIu64,
                          f->spool.reports, f->spool.max_reports, f->spool.bytes, f->spool.max_bytes);

    if (r == 0)
        r = f->spool.has_oldest ? ag_buf_printf(out, ",\"oldest_s\":%" PRIu64, f->spool.oldest_ms / 1000)
                                : ag_buf_append_str(out, ",\"oldest_s\":null");
    if (r == 0)
        r = ag_buf_printf(out, ",\"dropped\":%" PRIu64, f->spool.dropped);
    if (r == 0)
        r = put_text_or_null(out, "error", f->spool.error);
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}

static int put_lan(struct ag_buf *out, const struct status_facts *f)
{
    int r = ag_buf_printf(out, ",\"lan\":{\"open\":%s,\"peers\":%u,\"served\":%" PRIu64 ",\"reveals_token\":%s",
                          bool_text(f->lan.open), f->lan.peers, f->lan.served, bool_text(f->lan.reveals_token));

    if (r == 0)
        r = f->lan.token_mode < 0 ? ag_buf_append_str(out, ",\"token_mode\":null")
                                  : ag_buf_printf(out, ",\"token_mode\":\"%04o\"", (unsigned) f->lan.token_mode);
    if (r == 0)
        r = ag_buf_append_str(out, ",\"refused\":");
    if (r == 0)
        r = put_counts(out, f->lan.refused, f->lan.n_refused);
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}

static int put_setup(struct ag_buf *out, const struct status_facts *f)
{
    int r = ag_buf_printf(out, ",\"setup\":{\"provisioned\":%s,\"joining\":%s,\"joined\":%u,\"failed\":%u,\"hooks_missing\":[",
                          bool_text(f->setup.provisioned), bool_text(f->setup.joining), f->setup.joined, f->setup.failed);

    for (unsigned i = 0; i < f->setup.n_hooks_missing && r == 0; i++) {
        const char *path = f->setup.hooks_missing[i];

        if (i > 0)
            r = ag_buf_append_char(out, ',');
        if (r == 0)
            r = ag_buf_append_json_str(out, path, strlen(path));
    }
    return r == 0 ? ag_buf_append_str(out, "]}") : r;
}

static int put_clock(struct ag_buf *out, const struct status_facts *f)
{
    static const char *const sources[] = {"own", "cloud", "unset"};
    int r = ag_buf_printf(out, ",\"clock\":{\"source\":\"%s\",\"time\":%" PRIu64 ",\"kept\":%s", sources[f->clock], f->time_s,
                          bool_text(f->clock_kept));

    if (r == 0)
        r = f->has_offset ? ag_buf_printf(out, ",\"offset_s\":%" PRId64, f->offset_s)
                          : ag_buf_append_str(out, ",\"offset_s\":null");
    return r == 0 ? ag_buf_append_str(out, "}}") : r;
}

int status_text_put(struct ag_buf *out, const struct status_facts *f)
{
    int r = put_head(out, f);

    if (r == 0)
        r = put_clouds(out, f);
    if (r == 0)
        r = put_spool(out, f);
    if (r == 0)
        r = put_lan(out, f);
    if (r == 0)
        r = put_setup(out, f);
    if (r == 0)
        r = ag_buf_printf(out, ",\"helper\":{\"kind\":\"%s\",\"here\":%s},\"local\":{\"peers\":%u}",
                          f->external_helper ? "external" : "builtin", bool_text(f->helper_here), f->local_peers);
    return r == 0 ? put_clock(out, f) : r;
}
