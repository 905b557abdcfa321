/* SPDX-License-Identifier: MIT */
/*
 * What others see of the device at the broker, all of it retained: status, and the last values of its properties.
 *
 * The broker remembers the state: the first session of a process reads the state topic back before it writes it, so that
 * values from before the restart stay. What has been reported since is newer and wins. Everything has come when the UNSUBACK is
 * here, since a broker answers in order, or at the latest after some seconds.
 */
#include <errno.h>
#include <string.h>
#include "client/cloud/mqtt/mqtt_priv.h"
#include "client/cloud/mqtt/core/ha/ha_vacuum.h"
#include "libagent/core/deadline.h"

enum { UNSUBACK_MS = 5000 };

static int publish(struct mqtt_cloud *m, const char *topic, struct ag_span payload, uint8_t qos)
{
    const struct mqtt_link_msg msg = {.topic = topic, .payload = payload, .qos = qos, .retain = true};

    return mqtt_cloud_publish(m, &msg, 0);
}

/* ---- state ---- */

static int publish_vacuum(struct mqtt_cloud *m)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_span value = prop_state_get(&m->state, m->ha.vacuum.key);

    if (!m->ha.vacuum.key[0] || ha_vacuum_state_print(&m->ha.vacuum, value, &b) < 0)
        return 0;
    return publish(m, m->topics[MQTT_T_VACUUM], ag_buf_span(&b), 1);
}

static void publish_state(struct mqtt_cloud *m)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    m->owes_state = false;
    if (m->picture != PICTURE_KNOWN || m->state.n == 0 || prop_state_print(&m->state, &b) < 0)
        return;
    m->owes_state = publish(m, m->topics[MQTT_T_STATE], ag_buf_span(&b), 1) == -ENOBUFS || publish_vacuum(m) == -ENOBUFS;
}

static void count_refused(struct mqtt_cloud *m, int r)
{
    if (r == -ENOBUFS)
        mqtt_cloud_refused(m, &m->properties_refused, "property for the state topic", "over 512 names or 64 KiB");
}

void mqtt_picture_report(struct mqtt_cloud *m, struct ag_span text, const struct ag_json_view *view)
{
    int r = !m->conf.state ? 0
            : !view        ? prop_state_take(&m->state, text)
                           : prop_state_take_parts(&m->state, ag_view_raw(view, text.p, AG_M_METHOD),
                                                   ag_view_raw(view, text.p, AG_M_PARAMS));

    if (r == 1)
        publish_state(m);
    count_refused(m, r);
}

static void known(struct mqtt_cloud *m)
{
    m->picture = PICTURE_KNOWN;
    m->picture_due_ms = AG_NEVER;
    publish_state(m);
    mqtt_cloud_rearm(m);
}

/* Only what was retained counts: what comes live is this process' own. */
void mqtt_picture_come(struct mqtt_cloud *m, const struct mqtt_link_msg *msg)
{
    int r;

    if (!msg->retain || m->wipe_state)
        return;
    r = prop_state_restore(&m->state, msg->payload);
    count_refused(m, r);
    if (r == 1)
        publish_state(m);
}

static void read_back(struct mqtt_cloud *m)
{
    int r;

    m->picture = PICTURE_READING;
    r = mqtt_link_subscribe(m->link, m->topics[MQTT_T_STATE], m->sub_state.qos, mqtt_cookie(MQTT_COOKIE_SUB_STATE, 0));
    if (r < 0)
        ag_log(AG_LOG_WARNING, "mqtt: cannot read %s back: %s", m->topics[MQTT_T_STATE], strerror(-r));
}

/* The broker does not let it be read: the state starts over. */
static void unreadable(struct mqtt_cloud *m, const char *why)
{
    ag_log(AG_LOG_WARNING, "mqtt: %s is not read back: %s; it starts over", m->topics[MQTT_T_STATE], why);
    known(m);
}

void mqtt_picture_subscribed(struct mqtt_cloud *m, int result)
{
    uint64_t now = uv_now(m->env->loop);

    if (m->picture != PICTURE_READING || result == MQTT_LINK_DONE_LOST)
        return;
    sub_ladder_answered(&m->sub_state, m->sub_state.qos, result, now);
    if (m->sub_state.state == SUB_GIVEN_UP) {
        unreadable(m, "the broker refuses the subscription");
        return;
    }
    if (m->sub_state.state != SUB_GRANTED)
        return;
    m->picture_due_ms = now + UNSUBACK_MS;
    if (mqtt_link_unsubscribe(m->link, m->topics[MQTT_T_STATE], mqtt_cookie(MQTT_COOKIE_UNSUB_STATE, 0)) < 0)
        known(m);
    mqtt_cloud_rearm(m);
}

void mqtt_picture_unsubscribed(struct mqtt_cloud *m)
{
    if (m->picture == PICTURE_READING)
        known(m);
}

void mqtt_picture_overdue(struct mqtt_cloud *m, uint64_t now_ms)
{
    if (m->picture != PICTURE_READING)
        return;
    if (now_ms >= m->picture_due_ms) {
        known(m);
        return;
    }
    if (m->sub_state.state != SUB_ASKING)
        return;
    sub_ladder_overdue(&m->sub_state, now_ms);
    if (m->sub_state.state == SUB_GIVEN_UP)
        unreadable(m, "the broker does not answer the subscription");
}

uint64_t mqtt_picture_due_ms(const struct mqtt_cloud *m)
{
    if (m->picture != PICTURE_READING)
        return AG_NEVER;
    return m->picture_due_ms != AG_NEVER ? m->picture_due_ms : m->sub_state.due_ms;
}

/* ---- sessions ---- */

static void say_online(struct mqtt_cloud *m)
{
    m->owes_online = publish(m, m->topics[MQTT_T_STATUS], AG_SPAN("online"), 1) == -ENOBUFS;
}

void mqtt_picture_room(struct mqtt_cloud *m)
{
    if (m->owes_online)
        say_online(m);
    if (m->owes_state)
        publish_state(m);
}

void mqtt_picture_online(struct mqtt_cloud *m)
{
    if (m->online)
        return;
    m->online = true;
    say_online(m);
    if (m->wipe_state && publish(m, m->topics[MQTT_T_STATE], AG_SPAN(""), 1) == 0)
        m->wipe_state = false;
    if (m->picture != PICTURE_KNOWN && m->conf.state && sub_ladder_begin(&m->sub_state, uv_now(m->env->loop)))
        read_back(m);
    else if (m->picture != PICTURE_KNOWN)
        known(m);
    else
        publish_state(m);
}

void mqtt_picture_again(struct mqtt_cloud *m)
{
    if (!m->online)
        return;
    say_online(m);
    publish_state(m);
}

void mqtt_picture_offline(struct mqtt_cloud *m)
{
    publish(m, m->topics[MQTT_T_STATUS], AG_SPAN("offline"), 0);
}

void mqtt_picture_lost(struct mqtt_cloud *m, uint64_t now_ms)
{
    m->online = m->owes_online = m->owes_state = false; /* the next login says both */
    m->picture_due_ms = AG_NEVER;
    if (m->picture != PICTURE_READING)
        return;
    m->picture = PICTURE_UNKNOWN;
    sub_ladder_lost(&m->sub_state, true, now_ms);
}

void mqtt_picture_forget(struct cloud *base)
{
    struct mqtt_cloud *m = (struct mqtt_cloud *) base;

    prop_state_deinit(&m->state);
    if (!m->conf.state)
        return;
    m->picture = PICTURE_KNOWN; /* what the broker has is the last owner's */
    m->picture_due_ms = AG_NEVER;
    m->wipe_state = publish(m, m->topics[MQTT_T_STATE], AG_SPAN(""), 1) < 0;
    if (m->ha.vacuum.key[0])
        publish(m, m->topics[MQTT_T_VACUUM], AG_SPAN(""), 1);
}
