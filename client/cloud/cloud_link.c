/* SPDX-License-Identifier: MIT */
/* One cloud: starting, stopping, and what its events mean. */
#include "client/cloud/cloud_links_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/json/json_out.h"
#include "libagent/core/log/log.h"
#include "libagent/core/deadline.h"

bool cloud_link_is_running(const struct cloud_link *l)
{
    return l->cloud && !l->stopping;
}

static bool is_primary(const struct cloud_link *l)
{
    return l == cloud_links_nth(l->all, 0);
}

static unsigned place_of(const struct cloud_link *l)
{
    return (unsigned) (l - l->all->at);
}

static uint64_t now_ms(const struct cloud_link *l)
{
    return uv_now(l->all->env.loop);
}

/* ---- what the applications hear ---- */

const char *cloud_link_word(const struct cloud_link *l)
{
    struct cloud_facts f = {.in_flight = 0};

    if (!cloud_link_is_running(l))
        return "off";
    if (l->connected)
        return "cloud_connected";
    if (l->ops->facts)
        l->ops->facts(l->cloud, &f);
    return f.past.loss == CLOUD_LOSS_NONE ? "cloud_trying" : "cloud_retry";
}

static void put_words(const struct cloud_links *c, struct ag_json_out *o)
{
    const struct cloud_link *l;

    ag_json_out_open(o, '{');
    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++) {
        ag_json_out_name(o, l->ops->name);
        ag_json_out_str(o, cloud_link_word(l));
    }
    ag_json_out_close(o, '}');
}

int cloud_links_put_words(const struct cloud_links *c, struct ag_buf *out)
{
    struct ag_json_out o = ag_json_out_begin(out);

    put_words(c, &o);
    return ag_json_out_end(&o);
}

static bool take_words(struct cloud_links *c)
{
    struct cloud_link *l;
    bool changed = false;

    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++) {
        const char *word = cloud_link_word(l);

        changed |= !l->word || strcmp(l->word, word) != 0;
        l->word = word;
    }
    return changed;
}

void cloud_links_tell_words(struct cloud_links *c)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct ag_json_out o;

    if (!take_words(c) || c->n < 2 || c->closing)
        return;
    o = ag_json_out_begin(&text);
    ag_json_out_open(&o, '{');
    ag_json_out_name(&o, "method");
    ag_json_out_str(&o, "cloud.status");
    ag_json_out_name(&o, "params");
    put_words(c, &o);
    ag_json_out_close(&o, '}');
    if (ag_json_out_end(&o) == 0)
        c->env.host->status(c->env.user, ag_buf_span(&text));
}

/* local.status and the device's state follow the primary. */
static void event(struct cloud_link *l, enum device_event ev)
{
    if (is_primary(l))
        device_event(l->all->env.device, ev);
    cloud_links_tell_words(l->all);
}

/* ---- a cloud's events ---- */

static void has_room(struct cloud_link *l)
{
    l->all->env.host->room(l->all->env.user, place_of(l));
}

static void give_back(struct cloud_link *l)
{
    l->all->env.host->lost(l->all->env.user, place_of(l));
}

static void on_connected(void *user)
{
    struct cloud_link *l = user;

    if (!l->ops)
        return; /* taken out of the list: it is on its way out */
    l->connected = true;
    l->since_ms = now_ms(l);
    if (!l->loss_untold)
        ag_log(AG_LOG_INFO, "cloud %s connected", l->ops->name);
    l->loss_untold = false;
    event(l, DEVICE_EV_CLOUD_UP);
    has_room(l);
}

static void on_time_known(void *user, int64_t unix_s)
{
    struct cloud_link *l = user;

    device_take_time(l->all->env.device, unix_s);
}

static void log_lost(struct cloud_link *l, const char *why, uint64_t ms)
{
    char when[48] = "";

    if (ms != AG_NEVER)
        snprintf(when, sizeof when, ", next try in %" PRIu64 " ms", ms);
    l->loss_untold = !ag_log_gated(&l->gate, now_ms(l), AG_LOG_WARNING, "cloud %s: %s; trying again%s", l->ops->name, why, when);
}

static void on_lost(void *user, const char *why)
{
    struct cloud_link *l = user;
    uint64_t next_ms;

    if (!l->ops)
        return;
    if (l->connected)
        l->since_ms = now_ms(l);
    l->connected = false;
    next_ms = l->ops->next_try_ms && l->cloud ? l->ops->next_try_ms(l->cloud) : AG_NEVER;
    l->try_at_ms = now_ms(l) + (next_ms == AG_NEVER ? 0 : next_ms);
    log_lost(l, why ? why : "lost", next_ms);
    give_back(l);
    event(l, DEVICE_EV_CLOUD_LOST);
}

static void on_command(void *user, uint64_t token, struct ag_span text, bool wants_answer)
{
    struct cloud_link *l = user;
    struct ag_json_view view;
    bool is_command = ag_json_parse(&text, 128, &view) == 0 && view.at[AG_M_METHOD].type == AG_JSON_STRING;

    l->all->env.host->command(l->all->env.user, place_of(l), token, text, is_command ? &view : NULL, wants_answer);
}

static void on_acked(void *user, uint32_t id, struct ag_span answer)
{
    struct cloud_link *l = user;

    l->all->env.host->acked(l->all->env.user, place_of(l), id, answer);
}

static void on_room(void *user)
{
    has_room(user);
}

static void on_failed(void *user, uint32_t id, bool retry, int code, const char *message)
{
    struct cloud_link *l = user;

    l->all->env.host->failed(l->all->env.user, place_of(l), id, retry, code, message);
}

static void on_closed(void *user)
{
    struct cloud_link *l = user;
    struct cloud_links *c = l->all;
    bool restart = l->restart && l->ops && !c->closing;

    cloud_calls_end(l);
    c->env.host->gone(c->env.user, place_of(l));
    l->cloud = NULL;
    l->connected = l->stopping = l->restart = false;
    l->since_ms = now_ms(l);
    cloud_link_take_fresh(l);
    if (restart)
        cloud_link_begin(l);
    else if (c->closing)
        c->env.host->closed(c->env.user);
    else
        cloud_links_tell_words(c);
}

const struct cloud_events cloud_link_events = {.connected = on_connected,
                                               .lost = on_lost,
                                               .time_known = on_time_known,
                                               .command = on_command,
                                               .acked = on_acked,
                                               .failed = on_failed,
                                               .room = on_room,
                                               .closed = on_closed};

/* ---- starting and stopping ---- */

static void begin_later(struct cloud_link *l, const char *why)
{
    uint32_t pause_ms = ag_backoff_next(&l->begin_pauses);

    l->begin_at_ms = now_ms(l) + pause_ms;
    ag_log(AG_LOG_ERROR, "cloud %s cannot start: %s; next try in %" PRIu32 " s", l->ops->name, why, pause_ms / 1000);
}

void cloud_link_begin(struct cloud_link *l)
{
    int r = l->ops->create(&l->cloud, &l->env);

    if (r < 0) {
        l->cloud = NULL;
        begin_later(l, strerror(-r));
        return;
    }
    cloud_link_wait_no_more(l);
    l->since_ms = l->try_at_ms = now_ms(l);
    event(l, DEVICE_EV_CLOUD_START);
    l->ops->start(l->cloud);
}

void cloud_link_wait_no_more(struct cloud_link *l)
{
    l->begin_at_ms = AG_NEVER;
    ag_backoff_reset(&l->begin_pauses);
}

void cloud_link_end(struct cloud_link *l, bool restart)
{
    l->restart = restart;
    if (!restart)
        cloud_link_wait_no_more(l);
    if (!cloud_link_is_running(l))
        return;
    l->stopping = true;
    l->connected = false;
    give_back(l);
    l->cloud->ops->stop(l->cloud);
}

static bool is_configured(struct cloud_link *l)
{
    char why[160] = "";

    if (!l->ops->check || l->ops->check(l->all->env.device->conf, why, sizeof why) == 0)
        return true;
    begin_later(l, why);
    return false;
}

void cloud_link_go_online(struct cloud_link *l)
{
    if (!is_configured(l))
        return;
    if (l->cloud && l->stopping) {
        l->restart = true;
    } else if (l->cloud && l->ops->kick) {
        l->try_at_ms = now_ms(l);
        event(l, DEVICE_EV_CLOUD_START);
        l->ops->kick(l->cloud);
    } else if (!l->cloud) {
        cloud_link_begin(l);
    }
}
