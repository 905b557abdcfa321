/* SPDX-License-Identifier: MIT */
/* All clouds of the list: what goes to each of them, and a change of the list. */
#include "client/cloud/cloud_links_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/log/log.h"
#include "libagent/core/deadline.h"

enum { TRY_BUSY_MS = 5000, TRY_LOOK_S = 10, BEGIN_FIRST_MS = 5000, BEGIN_LAST_MS = 600000, LOSSES_A_MINUTE = 10 };

struct cloud_link *cloud_links_nth(const struct cloud_links *c, unsigned i)
{
    return i < c->n ? (struct cloud_link *) &c->at[c->order[i]] : NULL;
}

void cloud_links_list(const struct cloud_links *c, struct cloud_list *out)
{
    const struct cloud_link *l;

    for (out->n = 0; (l = cloud_links_nth(c, out->n)); out->n++)
        out->ops[out->n] = l->ops;
}

const char *cloud_links_names(const struct cloud_links *c, char out[CLOUD_LIST_MAX])
{
    const struct cloud_link *l;
    size_t at = 0;

    snprintf(out, CLOUD_LIST_MAX, "none");
    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++)
        at += (size_t) snprintf(out + at, CLOUD_LIST_MAX - at, "%s%s", i ? "," : "", l->ops->name);
    return out;
}

void cloud_links_go_online(struct cloud_links *c)
{
    struct cloud_link *l;

    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++)
        cloud_link_go_online(l);
}

void cloud_links_stop(struct cloud_links *c)
{
    struct cloud_link *l;

    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++)
        cloud_link_end(l, false);
    cloud_links_tell_words(c);
}

uint64_t cloud_links_next_deadline(const struct cloud_links *c)
{
    const struct cloud_link *l;
    uint64_t at_ms = AG_NEVER;

    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++)
        at_ms = ag_earlier(at_ms, l->begin_at_ms);
    return at_ms;
}

void cloud_links_tick(struct cloud_links *c, uint64_t now_ms)
{
    struct cloud_link *l;

    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++) {
        if (l->begin_at_ms > now_ms)
            continue;
        l->begin_at_ms = AG_NEVER;
        cloud_link_go_online(l);
    }
}

unsigned cloud_links_n_open(const struct cloud_links *c)
{
    unsigned n = 0;

    for (unsigned i = 0; i < CLOUDS_MAX; i++)
        n += c->at[i].cloud != NULL;
    return n;
}

void cloud_links_close(struct cloud_links *c)
{
    c->closing = true;
    for (unsigned i = 0; i < CLOUDS_MAX; i++) {
        if (c->at[i].cloud)
            cloud_link_end(&c->at[i], false);
        cloud_link_wait_no_more(&c->at[i]);
    }
}

void cloud_links_kick(struct cloud_links *c)
{
    struct cloud_link *l;

    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++) {
        if (!cloud_link_is_running(l) || !l->ops->kick)
            continue;
        l->try_at_ms = uv_now(c->env.loop);
        l->ops->kick(l->cloud);
    }
}

void cloud_links_forget(struct cloud_links *c)
{
    struct cloud_link *l;

    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++) {
        if (l->cloud && l->ops->forget)
            l->ops->forget(l->cloud);
    }
}

void cloud_links_reload(struct cloud_links *c)
{
    struct cloud_link *l;

    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++) {
        if (cloud_link_is_running(l) && l->ops->reload)
            l->ops->reload(l->cloud);
    }
}

void cloud_links_info_changed(struct cloud_links *c)
{
    struct cloud_link *l;

    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++) {
        if (l->cloud && l->ops->info_changed)
            l->ops->info_changed(l->cloud);
    }
}

int cloud_links_answer(struct cloud_links *c, unsigned place, uint64_t token, struct ag_span text)
{
    struct cloud_link *l = &c->at[place < CLOUDS_MAX ? place : 0];

    return cloud_link_is_running(l) && l->ops ? l->ops->answer(l->cloud, token, text) : -ENOTCONN;
}

/* ---- reports ---- */

int cloud_links_report(struct cloud_links *c, unsigned place, uint32_t id, struct ag_span text, const struct ag_json_view *view,
                       uint32_t at_s, bool repeat)
{
    struct cloud_link *l = &c->at[place];

    return l->ops ? l->ops->report(l->cloud, id, text, view, at_s, repeat) : -ENOTCONN;
}

bool cloud_links_takes(const struct cloud_links *c, unsigned place)
{
    return cloud_link_is_running(&c->at[place]) && c->at[place].connected;
}

bool cloud_links_has_room(const struct cloud_links *c, unsigned place)
{
    const struct cloud_link *l = &c->at[place];

    return !l->ops || !l->ops->has_room || l->ops->has_room(l->cloud);
}

int cloud_links_carries(const struct cloud_links *c, unsigned place, struct ag_span text)
{
    const struct cloud_ops *ops = c->at[place].ops;

    return ops && ops->carries ? ops->carries(c->env.device->conf, text) : 0;
}

/* A server that has been silent for so long counts as away although the try goes on (a lookup or packets that nobody answers).
   Otherwise a device without Internet would never sleep. */
static bool is_hopeless(const struct cloud_link *l)
{
    return !l->connected && l->ops->next_try_ms && l->ops->next_try_ms(l->cloud) == AG_NEVER &&
           uv_now(l->all->env.loop) - l->try_at_ms >= TRY_BUSY_MS;
}

/* 0: busy now. */
static unsigned wakeup_s(const struct cloud_link *l)
{
    unsigned s;

    if (!l->cloud)
        return ag_ceil_s(ag_ms_until(l->begin_at_ms, uv_now(l->all->env.loop)));
    s = l->ops->wakeup_s ? l->ops->wakeup_s(l->cloud) : 0;
    return s == 0 && is_hopeless(l) ? TRY_LOOK_S : s;
}

unsigned cloud_links_wakeup_s(const struct cloud_links *c, unsigned s)
{
    const struct cloud_link *l;

    for (unsigned i = 0; (l = cloud_links_nth(c, i)); i++) {
        unsigned next_s = wakeup_s(l);

        s = next_s < s ? next_s : s;
    }
    return s;
}

/* ---- the list ---- */

static int on_device_info(void *user, struct ag_buf *out)
{
    const struct cloud_link *l = user;

    return l->all->env.host->device_info(l->all->env.user, out);
}

static void put_in(struct cloud_links *c, const struct cloud_ops *ops)
{
    struct cloud_link *l = &c->at[ops->place];

    l->ops = ops;
    l->word = NULL;
    l->env = (struct cloud_env){.loop = c->env.loop,
                                .conf = c->env.device->conf,
                                .events = &cloud_link_events,
                                .user = l,
                                .data_dir = c->env.data_dir,
                                .token_hex = c->env.device->token_hex,
                                .device_info = on_device_info};
}

void cloud_links_init(struct cloud_links *c, const struct cloud_links_env *env, const char *list)
{
    struct cloud_list l;
    char why[96];

    *c = (struct cloud_links){.env = *env};
    if (cloud_list_parse(list, &l, why, sizeof why) < 0)
        ag_log(AG_LOG_ERROR, "cloud %s: %s", list, why);
    for (unsigned i = 0; i < CLOUDS_MAX; i++) {
        ag_list_init(&c->at[i].calls);
        ag_backoff_init_steady(&c->at[i].begin_pauses, BEGIN_FIRST_MS, BEGIN_LAST_MS);
        c->at[i].begin_at_ms = AG_NEVER;
        c->at[i].gate = (struct ag_log_gate){.burst = LOSSES_A_MINUTE, .period_ms = 60000};
        c->at[i].all = c;
    }
    c->n = l.n;
    for (unsigned i = 0; i < l.n; i++) {
        c->order[i] = l.ops[i]->place;
        put_in(c, l.ops[i]);
    }
}

/* ---- settings ---- */

static bool is_setting_of(const void *cloud, const char *name)
{
    const char *whose = cloud_of_setting(name);

    return whose && strcmp(whose, cloud) == 0;
}

/* Once the cloud that it replaces has gone. */
static void take_settings(struct cloud_link *l, const struct device_conf *from)
{
    struct device_conf *to = l->cloud ? &l->fresh : l->all->env.device->conf;

    if (device_conf_replace(to, from, is_setting_of, l->ops->name) < 0)
        ag_log(AG_LOG_ERROR, "cloud %s: its settings: out of memory", l->ops->name);
    else
        l->has_fresh = l->cloud != NULL;
}

void cloud_link_take_fresh(struct cloud_link *l)
{
    if (l->has_fresh && l->ops)
        take_settings(l, &l->fresh);
    device_conf_deinit(&l->fresh);
    l->has_fresh = false;
}

/* One that stays in the list. */
static void follow_settings(struct cloud_links *c, struct cloud_link *l, const struct device_conf *fresh)
{
    const struct device_conf *now = l->has_fresh ? &l->fresh : c->env.device->conf;

    if (device_conf_same(now, fresh, is_setting_of, l->ops->name))
        return;
    ag_log(AG_LOG_INFO, "cloud %s has new settings%s", l->ops->name, cloud_link_is_running(l) ? " and starts again" : "");
    take_settings(l, fresh);
    if (cloud_link_is_running(l))
        cloud_link_end(l, true);
    else if (l->begin_at_ms != AG_NEVER)
        cloud_link_go_online(l);
}

static bool is_in(const struct cloud_list *list, const struct cloud_ops *ops)
{
    for (unsigned i = 0; i < list->n; i++) {
        if (list->ops[i] == ops)
            return true;
    }
    return false;
}

static void take_out_all_but(struct cloud_links *c, const struct cloud_list *list)
{
    for (unsigned i = 0; i < CLOUDS_MAX; i++) {
        struct cloud_link *l = &c->at[i];

        if (!l->ops || is_in(list, l->ops))
            continue;
        ag_log(AG_LOG_INFO, "cloud %s is taken out of the list", l->ops->name);
        cloud_link_end(l, false);
        l->ops = NULL;
    }
}

/* true: one was put in, and may start. */
static bool put_in_or_follow(struct cloud_links *c, const struct cloud_ops *ops, const struct device_conf *fresh)
{
    struct cloud_link *l = &c->at[ops->place];

    if (l->ops) {
        follow_settings(c, l, fresh);
        return false;
    }
    ag_log(AG_LOG_INFO, "cloud %s is put into the list", ops->name);
    put_in(c, ops);
    take_settings(l, fresh);
    return true;
}

/* Another primary: the device's state follows it from now on. */
static void follow(struct cloud_links *c, const struct cloud_link *was)
{
    const struct cloud_link *now = cloud_links_nth(c, 0);
    struct device *d = c->env.device;

    if (!now || now == was || !device_is_online(d))
        return;
    if (now->connected)
        device_event(d, DEVICE_EV_CLOUD_UP);
    else
        device_event(d, d->machine.state == DEVICE_CLOUD_CONNECTED ? DEVICE_EV_CLOUD_LOST : DEVICE_EV_CLOUD_START);
}

void cloud_links_take_list(struct cloud_links *c, const char *text, const struct device_conf *fresh)
{
    const struct cloud_link *was = cloud_links_nth(c, 0);
    bool may_start = device_is_online(c->env.device), is_new[CLOUDS_MAX] = {false};
    struct cloud_list list;
    char why[96];

    if (cloud_list_parse(text, &list, why, sizeof why) < 0 || c->env.host->list(c->env.user, &list, fresh) < 0)
        return;
    take_out_all_but(c, &list);
    c->n = list.n;
    for (unsigned i = 0; i < list.n; i++) {
        c->order[i] = list.ops[i]->place;
        is_new[i] = put_in_or_follow(c, list.ops[i], fresh);
    }
    follow(c, was);
    for (unsigned i = 0; i < list.n; i++) {
        if (is_new[i] && may_start)
            cloud_link_go_online(cloud_links_nth(c, i));
    }
    cloud_links_tell_words(c);
}
