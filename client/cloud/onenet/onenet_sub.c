/* SPDX-License-Identifier: MIT */
/*
 * The topics that the device wants from OneNET: those of device.conf, and those that applications have subscribed to. Commands
 * need none. All of them are asked for at each login: "session present" does not prove that the platform has kept them. What
 * was not granted is asked for again, see client/cloud/core/sub_ladder.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/onenet/onenet_priv.h"
#include "libagent/core/deadline.h"

struct onenet_sub *onenet_sub_find(struct onenet *o, struct ag_span topic)
{
    ag_list_for_each (it, &o->subs) {
        struct onenet_sub *s = ag_list_entry(it, struct onenet_sub, link);

        if (ag_span_is(topic, s->topic, strlen(s->topic)))
            return s;
    }
    return NULL;
}

static struct onenet_sub *sub_new(struct onenet *o, struct ag_span topic)
{
    struct onenet_sub *s = calloc(1, sizeof *s + topic.len + 1);

    if (!s)
        return NULL;
    memcpy(s->topic, topic.p, topic.len);
    s->n = ++o->next_sub;
    ag_list_append(&o->subs, &s->link);
    o->n_subs++;
    return s;
}

int onenet_sub_add(struct onenet *o, struct ag_span topic, uint8_t qos, bool granted)
{
    struct onenet_sub *s = onenet_sub_find(o, topic);

    if (!s)
        s = sub_new(o, topic);
    if (!s)
        return -ENOMEM;
    sub_ladder_init(&s->ladder, qos, (uint32_t) uv_hrtime());
    if (granted)
        s->ladder.state = SUB_GRANTED;
    return 0;
}

void onenet_sub_remove(struct onenet *o, struct onenet_sub *s)
{
    ag_list_del(&s->link);
    o->n_subs--;
    free(s);
}

static void ask(struct onenet *o, struct onenet_sub *s)
{
    int r =
        mqtt_link_subscribe(o->link, s->topic, s->ladder.qos, onenet_cookie(ONENET_COOKIE_RESUBSCRIBE, s->n * 4 + s->ladder.qos));

    if (r < 0)
        ag_log(AG_LOG_ERROR, "onenet: cannot subscribe to %s: %s", s->topic, strerror(-r));
}

void onenet_subs_begin(struct onenet *o)
{
    ag_list_for_each (it, &o->subs) {
        struct onenet_sub *s = ag_list_entry(it, struct onenet_sub, link);

        if (sub_ladder_begin(&s->ladder, uv_now(o->env->loop)))
            ask(o, s);
    }
    onenet_rearm(o);
}

/* With QoS asked. */
static void refused(struct onenet *o, struct onenet_sub *s, uint8_t asked)
{
    const char *how = sub_ladder_how(s->ladder.no);

    o->broker.count.subscriptions_refused++;
    if (s->ladder.state == SUB_ASKING) {
        ag_log(AG_LOG_ERROR, "onenet: the platform %s the subscription to %s with QoS %u; asking for QoS %u", how, s->topic,
               asked, s->ladder.qos);
        ask(o, s);
    } else {
        ag_log(AG_LOG_ERROR, "onenet: the platform %s the subscription to %s; next try in %u s", how, s->topic,
               sub_ladder_pause_s(&s->ladder, uv_now(o->env->loop)));
    }
}

static struct onenet_sub *find_number(struct onenet *o, uint32_t n)
{
    ag_list_for_each (it, &o->subs) {
        struct onenet_sub *s = ag_list_entry(it, struct onenet_sub, link);

        if (s->n == n)
            return s;
    }
    return NULL;
}

void onenet_sub_answered(struct onenet *o, uint32_t cookie, int result)
{
    struct onenet_sub *s = find_number(o, cookie / 4);
    uint8_t asked = cookie % 4;

    if (!s || result == MQTT_LINK_DONE_LOST || !sub_ladder_answered(&s->ladder, asked, result, uv_now(o->env->loop)))
        return;
    if (s->ladder.state != SUB_GRANTED)
        refused(o, s, asked);
    onenet_rearm(o);
}

void onenet_subs_overdue(struct onenet *o, uint64_t now_ms)
{
    ag_list_for_each (it, &o->subs) {
        struct onenet_sub *s = ag_list_entry(it, struct onenet_sub, link);
        bool asking = s->ladder.state == SUB_ASKING;
        uint8_t asked = s->ladder.qos;

        if (now_ms < s->ladder.due_ms)
            continue;
        sub_ladder_overdue(&s->ladder, now_ms);
        if (asking)
            refused(o, s, asked);
        else
            ask(o, s);
    }
}

uint64_t onenet_subs_due_ms(const struct onenet *o)
{
    uint64_t at = AG_NEVER;

    ag_list_for_each (it, &o->subs)
        at = ag_earlier(at, ag_list_entry(it, struct onenet_sub, link)->ladder.due_ms);
    return at;
}

void onenet_subs_lost(struct onenet *o, bool cut, uint64_t now_ms)
{
    ag_list_for_each (it, &o->subs) {
        struct onenet_sub *s = ag_list_entry(it, struct onenet_sub, link);

        if (sub_ladder_lost(&s->ladder, cut, now_ms) && cut)
            ag_log(AG_LOG_ERROR, "onenet: the connection ended while %s was being subscribed to", s->topic);
    }
}

void onenet_subs_reset(struct onenet *o)
{
    ag_list_for_each (it, &o->subs)
        sub_ladder_reset(&ag_list_entry(it, struct onenet_sub, link)->ladder);
}

void onenet_subs_refused(const struct onenet *o, struct cloud_facts *out)
{
    ag_list_for_each (it, &o->subs) {
        const struct onenet_sub *s = ag_list_entry(it, struct onenet_sub, link);

        if (!sub_ladder_is_deaf(&s->ladder))
            continue;
        cloud_facts_refused(out, s->topic, sub_ladder_word(s->ladder.no));
        return;
    }
}
