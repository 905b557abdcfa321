/* SPDX-License-Identifier: MIT */
/* The mqtt cloud's subscription to commands, at a broker that may not grant it: see client/cloud/core/sub_ladder.h. */
#include <string.h>
#include "client/cloud/mqtt/mqtt_priv.h"
#include "libagent/core/deadline.h"

static void ask(struct mqtt_cloud *m)
{
    uint8_t qos = m->sub_command.qos;
    int r = mqtt_link_subscribe(m->link, m->topics[MQTT_T_COMMAND], qos, mqtt_cookie(MQTT_COOKIE_SUB_COMMAND, qos));

    if (r < 0) /* as one that is not answered */
        ag_log(AG_LOG_ERROR, "mqtt: cannot subscribe to %s: %s", m->topics[MQTT_T_COMMAND], strerror(-r));
}

void mqtt_sub_begin(struct mqtt_cloud *m)
{
    if (sub_ladder_begin(&m->sub_command, uv_now(m->env->loop)))
        ask(m);
    else
        mqtt_picture_online(m);
}

/* The broker has said no, in one way or another, to a request with QoS asked. */
static void refused(struct mqtt_cloud *m, uint8_t asked)
{
    const struct sub_ladder *s = &m->sub_command;
    const char *how = sub_ladder_how(s->no);

    m->broker.count.subscriptions_refused++;
    if (s->state == SUB_ASKING) {
        ag_log(AG_LOG_ERROR, "mqtt: the broker %s the subscription to %s with QoS %u; asking for QoS %u", how,
               m->topics[MQTT_T_COMMAND], asked, s->qos);
        ask(m);
        return;
    }
    ag_log(AG_LOG_ERROR, "mqtt: the broker %s the subscription to %s: no command will come; next try in %u s", how,
           m->topics[MQTT_T_COMMAND], sub_ladder_pause_s(s, uv_now(m->env->loop)));
    mqtt_picture_online(m);
}

void mqtt_sub_answered(struct mqtt_cloud *m, uint8_t asked, int result)
{
    struct sub_ladder *s = &m->sub_command;
    bool was_deaf = sub_ladder_is_deaf(s);

    if (result == MQTT_LINK_DONE_LOST || !sub_ladder_answered(s, asked, result, uv_now(m->env->loop)))
        return;
    if (s->state != SUB_GRANTED) {
        refused(m, asked);
    } else {
        if (result < m->conf.command_qos)
            ag_log(AG_LOG_WARNING, "mqtt: commands come with QoS %d only", result);
        else if (was_deaf)
            ag_log(AG_LOG_WARNING, "mqtt: commands arrive again");
        mqtt_picture_online(m);
    }
    mqtt_cloud_rearm(m);
}

/* A broker that does not answer may be ill: with several of them the next one is asked. */
void mqtt_sub_overdue(struct mqtt_cloud *m, uint64_t now_ms)
{
    struct sub_ladder *s = &m->sub_command;
    bool asking = s->state == SUB_ASKING;
    uint8_t asked = s->qos;

    if (now_ms < s->due_ms)
        return;
    if (!asking && s->no == SUB_NO_SILENT && m->conf.n_servers > 1) {
        s->due_ms = AG_NEVER; /* the next login asks */
        mqtt_cloud_leave(m);
        return;
    }
    sub_ladder_overdue(s, now_ms);
    if (asking)
        refused(m, asked);
    else
        ask(m);
}

void mqtt_sub_lost(struct mqtt_cloud *m, bool cut, uint64_t now_ms)
{
    if (sub_ladder_lost(&m->sub_command, cut, now_ms) && cut)
        ag_log(AG_LOG_ERROR, "mqtt: the connection ended while %s was being subscribed to", m->topics[MQTT_T_COMMAND]);
}
