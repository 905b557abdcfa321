/* SPDX-License-Identifier: MIT */
#include "client/cloud/ot/ot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "client/cloud/ot/core/ot_line.h"
#include "client/cloud/ot/core/ot_options.h"
#include "client/cloud/ot/core/ot_session.h"
#include "client/lan/core/packet.h"
#include "client/cloud/ot/io/ot_link.h"
#include "libagent/core/log/log.h"
#include "libagent/io/lookup.h"
#include "libagent/io/timer_at.h"
#include "libagent/core/deadline.h"

struct ot {
    struct cloud base;
    const struct cloud_env *env;
    struct ot_options options;
    char host[OT_HOST_MAX + 1];

    struct ot_line line;
    struct cloud_past past;
    int send_error;  /* the link broke during a write: ended once none of our functions is on the stack */
    bool restarting; /* the session is ended for that */
    bool stopping;
    unsigned n_closing; /* handles whose end is awaited while stopping */

    struct ot_session *session;
    struct ot_link *link;        /* NULL: none */
    struct addrinfo *found;      /* the lookup's answer; owned */
    const struct addrinfo *next; /* of it, the address to try next */
    struct ag_lookup *lookup;    /* NULL: none under way */
    uv_timer_t timer;
};

static void on_timer(uv_timer_t *t);

static uint64_t now(const struct ot *o)
{
    return uv_now(o->env->loop);
}

/* The one timer follows whatever is due next. */
static void rearm(struct ot *o)
{
    uint64_t at = ot_line_deadline(&o->line);

    if (o->stopping)
        return;
    if (o->line.phase == OT_LINE_TALKING)
        at = ag_earlier(at, ot_session_deadline(o->session));
    ag_timer_at(&o->timer, on_timer, o->send_error < 0 ? 0 : at);
}

/* ---- the end of a try ---- */

static void drop_link(struct ot *o)
{
    if (!o->link)
        return;
    ot_link_close(o->link);
    o->link = NULL;
    o->n_closing++;
}

static void forget_addresses(struct ot *o)
{
    if (o->found)
        freeaddrinfo(o->found);
    o->found = NULL;
    o->next = NULL;
}

enum { OT_WHY_MAX = 400 };

/* What it was that has failed. */
static enum cloud_loss loss_of(const struct ot_line *l)
{
    if (l->was_up)
        return CLOUD_LOSS_CUT;
    return l->phase == OT_LINE_TALKING ? CLOUD_LOSS_SILENT : CLOUD_LOSS_UNREACHABLE;
}

static void pause_then_retry(struct ot *o, const char *why)
{
    char text[OT_WHY_MAX];

    cloud_past_note(&o->past, loss_of(&o->line), why, now(o));
    ot_line_failed(&o->line, now(o));
    drop_link(o);
    snprintf(text, sizeof text, "%s (%s port %u)", why, o->host, ot_options_port(&o->options));
    o->env->events->lost(o->env->user, text);
}

/* ---- what the session says ---- */

static void on_send(void *user, struct ag_span packet)
{
    struct ot *o = user;
    int r = o->link ? ot_link_send(o->link, packet) : -ENOTCONN;

    if (r < 0 && r != -ENOBUFS && o->send_error == 0) {
        o->send_error = r;
        rearm(o);
    }
}

static void on_connected(void *user, int64_t unix_s)
{
    struct ot *o = user;

    ot_line_up(&o->line, now(o));
    ag_log(AG_LOG_INFO, "cloud %s: connected, port %u", o->host, ot_options_port(&o->options));
    if (o->env->events->time_known)
        o->env->events->time_known(o->env->user, unix_s);
    o->env->events->connected(o->env->user);
}

static void on_lost(void *user, const char *why)
{
    struct ot *o = user;

    if (o->restarting)
        o->env->events->lost(o->env->user, why);
    else if (!o->stopping)
        pause_then_retry(o, why);
}

static void on_command(void *user, uint64_t token, struct ag_span text, bool wants_answer)
{
    struct ot *o = user;

    if (!o->stopping)
        o->env->events->command(o->env->user, token, text, wants_answer);
}

static void on_acked(void *user, uint32_t id, struct ag_span answer)
{
    struct ot *o = user;

    if (!o->stopping)
        o->env->events->acked(o->env->user, id, answer);
}

static void on_failed(void *user, uint32_t id, bool retry, int code, const char *message)
{
    struct ot *o = user;

    if (!o->stopping)
        o->env->events->failed(o->env->user, id, retry, code, message);
}

static int on_info(void *user, struct ag_buf *out)
{
    struct ot *o = user;

    return o->env->device_info(o->env->user, out);
}

static const struct ot_sink session_sink = {on_send, on_connected, on_lost, on_command, on_acked, on_failed, on_info};

/* ---- what the link says ---- */

static void maybe_closed(struct ot *o);

static void link_opened(void *user)
{
    struct ot *o = user;

    ot_line_talking(&o->line);
    ot_session_begin(o->session, now(o));
    rearm(o);
}

static void link_data(void *user, struct ag_span bytes)
{
    struct ot *o = user;

    if (o->line.phase != OT_LINE_TALKING)
        return;
    ot_session_input(o->session, bytes, now(o));
    rearm(o);
}

static void link_failed(void *user, const char *why)
{
    struct ot *o = user;

    if (o->line.phase == OT_LINE_TALKING)
        ot_session_end(o->session, why);
    else
        pause_then_retry(o, why);
    rearm(o);
}

static void link_closed(void *user)
{
    struct ot *o = user;

    o->n_closing--;
    maybe_closed(o);
}

static const struct ot_link_events link_events = {link_opened, link_data, link_failed, link_closed};

/* ---- a try ---- */

static void open_link(struct ot *o)
{
    const struct addrinfo *a = o->next;
    int r;

    o->next = a->ai_next;
    o->send_error = 0;
    r = ot_link_open(&o->link, o->env->loop, o->options.stream, a->ai_addr, &link_events, o);
    ot_line_opened(&o->line, o->options.stream, now(o));
    if (r < 0)
        pause_then_retry(o, uv_strerror(r));
    else if (!o->options.stream)
        link_opened(o);
}

static unsigned count_addresses(const struct addrinfo *a)
{
    unsigned n = 0;

    for (; a; a = a->ai_next)
        n++;
    return n;
}

static void on_lookup(void *user, struct addrinfo *found, const char *why)
{
    struct ot *o = user;

    o->lookup = NULL;
    o->found = found;
    o->next = found;
    if (found)
        ot_line_found(&o->line, count_addresses(found), now(o));
    else
        pause_then_retry(o, why);
    rearm(o);
}

static void look_up(struct ot *o)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_flags = AI_ADDRCONFIG, /* only addresses that can be reached from here */
                                   .ai_socktype = o->options.stream ? SOCK_STREAM : SOCK_DGRAM};
    char port[8];
    int r;

    forget_addresses(o);
    ot_options_host(&o->options, device_conf_get(o->env->conf, "country"), o->host);
    snprintf(port, sizeof port, "%u", ot_options_port(&o->options));
    r = ag_lookup_start(&o->lookup, o->env->loop, o->host, port, &hints, on_lookup, o);
    if (r < 0)
        pause_then_retry(o, uv_strerror(r));
}

static void restart(struct ot *o)
{
    o->restarting = true;
    ot_session_end(o->session, "started over");
    o->restarting = false;
    drop_link(o);
    look_up(o);
}

static void step(struct ot *o)
{
    switch (ot_line_step(&o->line, now(o))) {
    case OT_LINE_WAIT:
        break;
    case OT_LINE_LOOK_UP:
        look_up(o);
        break;
    case OT_LINE_OPEN:
        open_link(o);
        break;
    case OT_LINE_GIVE_UP:
        pause_then_retry(o, "connection timed out");
        break;
    case OT_LINE_RESTART:
        restart(o);
        break;
    }
}

static void on_timer(uv_timer_t *t)
{
    struct ot *o = t->data;
    int r = o->send_error;

    if (o->stopping)
        return;
    o->send_error = 0;
    if (r < 0)
        ot_session_end(o->session, uv_strerror(r));
    if (o->line.phase == OT_LINE_TALKING)
        ot_session_tick(o->session, now(o));
    step(o);
    rearm(o);
}

/* ---- the interface ---- */

static int ot_check(const struct device_conf *conf, char *why, size_t n)
{
    struct device_conf_error err = {0};
    struct ot_options o;

    if (ot_options_parse(&o, conf, &err) < 0) {
        snprintf(why, n, "%s", err.why);
        return -EINVAL;
    }
    if (conf->did > 1 && strlen(conf->key) != 16) {
        snprintf(why, n, "key must have 16 characters");
        return -EINVAL;
    }
    return 0;
}

static void ot_free(struct ot *o)
{
    forget_addresses(o);
    ot_session_free(o->session);
    free(o);
}

static int make_session(struct ot *o)
{
    struct ot_config cfg = {0};

    ot_config_defaults(&cfg);
    cfg.stream = o->options.stream;
    cfg.did = o->env->conf->did;
    cfg.key = o->env->conf->key;
    cfg.info_period_ms = o->options.info_period_ms;
    cfg.keepalive_ms = o->options.keepalive_ms;
    cfg.resend_ms = o->options.resend_ms;
    cfg.window = o->options.window;
    cfg.seed = o->line.backoff.random;
    return ot_session_new(&o->session, &cfg, &session_sink, o);
}

static int ot_create(struct cloud **out, const struct cloud_env *env)
{
    struct device_conf_error err;
    uint32_t seed = 0;
    struct ot *o;
    int r;

    if (strlen(env->conf->key) != 16)
        return -EINVAL;
    o = calloc(1, sizeof *o);
    if (!o)
        return -ENOMEM;
    o->base.ops = &cloud_ot_ops;
    o->env = env;
    r = ot_options_parse(&o->options, env->conf, &err);
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t) sizeof seed)
        seed = (uint32_t) uv_hrtime();
    ot_line_init(&o->line, seed);
    if (r == 0)
        r = make_session(o);
    if (r == 0)
        r = uv_timer_init(env->loop, &o->timer);
    if (r < 0) {
        ot_free(o);
        return r;
    }
    o->timer.data = o;
    *out = &o->base;
    return 0;
}

static struct ot *ot_of(struct cloud *c)
{
    return ag_container_of(c, struct ot, base);
}

static void ot_start(struct cloud *c)
{
    struct ot *o = ot_of(c);

    ot_line_start(&o->line, now(o));
    step(o);
    rearm(o);
}

static void maybe_closed(struct ot *o)
{
    const struct cloud_env *env = o->env;

    if (!o->stopping) {
        rearm(o);
        return;
    }
    if (o->n_closing > 0)
        return;
    ot_free(o);
    env->events->closed(env->user);
}

static void on_timer_closed(uv_handle_t *h)
{
    struct ot *o = h->data;

    o->n_closing--;
    maybe_closed(o);
}

static void log_stats(const struct ot *o)
{
    const struct ot_stats *s = ot_session_stats(o->session);

    ag_log(AG_LOG_INFO,
           "cloud %s: reports %llu acked %llu resent %llu no ack %llu; commands %llu repeats %llu; dropped: checksum %llu "
           "did %llu length %llu magic %llu hello %llu json %llu message %llu early %llu",
           o->host, (unsigned long long) s->reports, (unsigned long long) s->acks, (unsigned long long) s->resends,
           (unsigned long long) s->no_acks, (unsigned long long) s->commands, (unsigned long long) s->repeats,
           (unsigned long long) s->drop_checksum, (unsigned long long) s->drop_did, (unsigned long long) s->drop_length,
           (unsigned long long) s->drop_magic, (unsigned long long) s->drop_hello, (unsigned long long) s->drop_json,
           (unsigned long long) s->drop_message, (unsigned long long) s->drop_early);
}

static const struct counter counters[] = {
    COUNTER("cloud.packets_in", struct ot_stats, rx_packets),
    COUNTER("cloud.packets_out", struct ot_stats, tx_packets),
    COUNTER("cloud.commands", struct ot_stats, commands),
    COUNTER("cloud.repeats", struct ot_stats, repeats),
    COUNTER("cloud.late_answers", struct ot_stats, late_answers),
    COUNTER("cloud.reports", struct ot_stats, reports),
    COUNTER("cloud.acked", struct ot_stats, acks),
    COUNTER("cloud.stray_acks", struct ot_stats, stray_acks),
    COUNTER("cloud.resends", struct ot_stats, resends),
    COUNTER("cloud.not_acked", struct ot_stats, no_acks),
    COUNTER("cloud.keepalives", struct ot_stats, keepalives),
    COUNTER("cloud.dropped.magic", struct ot_stats, drop_magic),
    COUNTER("cloud.dropped.length", struct ot_stats, drop_length),
    COUNTER("cloud.dropped.checksum", struct ot_stats, drop_checksum),
    COUNTER("cloud.dropped.padding", struct ot_stats, drop_padding),
    COUNTER("cloud.dropped.did", struct ot_stats, drop_did),
    COUNTER("cloud.dropped.hello", struct ot_stats, drop_hello),
    COUNTER("cloud.dropped.early", struct ot_stats, drop_early),
    COUNTER("cloud.dropped.json", struct ot_stats, drop_json),
    COUNTER("cloud.dropped.message", struct ot_stats, drop_message),
    COUNTER("cloud.dropped.busy", struct ot_stats, drop_busy),
    COUNTER("cloud.dropped.replayed", struct ot_stats, drop_replayed),
    COUNTER("cloud.dropped.narrowed", struct ot_stats, drop_narrowed),
    COUNTER("cloud.dropped.memory", struct ot_stats, drop_memory),
};

static void ot_counters(const struct cloud *c, counter_fn *tell, void *user)
{
    const struct ot *o = (const struct ot *) c;

    counters_tell(counters, ot_session_stats(o->session), tell, user);
}

static void ot_facts(const struct cloud *c, struct cloud_facts *out)
{
    const struct ot *o = (const struct ot *) c;
    const struct ot_stats *s = ot_session_stats(o->session);

    cloud_facts_server(out, o->host, ot_options_port(&o->options));
    out->past = o->past;
    out->sent = s->reports;
    out->acked = s->acks;
    out->in_flight = ot_session_n_open(o->session);
}

static void ot_stop(struct cloud *c)
{
    struct ot *o = ot_of(c);

    if (o->stopping)
        return;
    log_stats(o);
    o->stopping = true;
    ot_line_stop(&o->line);
    drop_link(o);
    ag_lookup_cancel(o->lookup);
    o->lookup = NULL;
    o->n_closing++;
    uv_close((uv_handle_t *) &o->timer, on_timer_closed);
}

static bool ot_has_room(struct cloud *c)
{
    return ot_session_has_room(ot_of(c)->session);
}

static int ot_report(struct cloud *c, uint32_t report_id, struct ag_span text, const struct ag_json_view *view, uint32_t at_s,
                     bool repeat)
{
    struct ot *o = ot_of(c);
    int r;

    (void) view;
    (void) at_s;   /* the protocol has no place for it */
    (void) repeat; /* the id says it */
    if (o->stopping)
        return -ENOTCONN;
    r = ot_session_report(o->session, report_id, text, now(o));
    if (r == 0)
        rearm(o);
    return r;
}

static int ot_carries(const struct device_conf *conf, struct ag_span text)
{
    struct device_conf_error err;
    struct ot_options o;
    int r = ot_options_parse(&o, conf, &err);

    if (r < 0)
        return r;
    return text.len <= (size_t) (o.stream ? PACKET_TEXT_MAX : PACKET_UDP_TEXT_MAX) ? 0 : -EMSGSIZE;
}

static int ot_answer(struct cloud *c, uint64_t token, struct ag_span text)
{
    struct ot *o = ot_of(c);

    if (o->stopping)
        return -ENOTCONN;
    return ot_session_answer(o->session, token, text, now(o));
}

static void ot_kick(struct cloud *c)
{
    struct ot *o = ot_of(c);

    if (o->stopping)
        return;
    ot_line_kick(&o->line);
    rearm(o);
}

static void ot_info_changed(struct cloud *c)
{
    struct ot *o = ot_of(c);

    if (o->stopping || o->line.phase != OT_LINE_TALKING)
        return; /* the next session begins with it */
    ot_session_info_changed(o->session, now(o));
    rearm(o);
}

static uint64_t ot_next_try_ms(const struct cloud *c)
{
    const struct ot *o = (const struct ot *) c;

    return ag_ms_until(o->line.phase == OT_LINE_PAUSING ? o->line.at_ms : AG_NEVER, now(o));
}

static unsigned ot_wakeup_s(struct cloud *c)
{
    const struct ot *o = ot_of(c);
    uint64_t at;

    if (o->line.phase == OT_LINE_PAUSING)
        at = ot_line_deadline(&o->line);
    else if (o->line.phase == OT_LINE_TALKING && !ot_session_is_busy(o->session))
        at = ot_session_deadline(o->session);
    else
        return 0;
    return at < now(o) + 1000 ? 0 : (unsigned) ((at - now(o)) / 1000);
}

const struct cloud_ops cloud_ot_ops = {
    .name = "ot",
    .place = CLOUD_OT,
    .check = ot_check,
    .create = ot_create,
    .start = ot_start,
    .stop = ot_stop,
    .report = ot_report,
    .has_room = ot_has_room,
    .carries = ot_carries,
    .answer = ot_answer,
    .kick = ot_kick,
    .info_changed = ot_info_changed,
    .wakeup_s = ot_wakeup_s,
    .next_try_ms = ot_next_try_ms,
    .counters = ot_counters,
    .facts = ot_facts,
};
