/* SPDX-License-Identifier: MIT */
#include "client/cloud/link_counters.h"

#include <string.h>
#include "libagent/core/gauges.h"

static const struct counter broker_counters[] = {
    COUNTER("cloud.commands", struct broker_counters, commands),
    COUNTER("cloud.refused.commands", struct broker_counters, commands_refused),
    COUNTER("cloud.refused.answers", struct broker_counters, answers_refused),
    COUNTER("cloud.refused.subscriptions", struct broker_counters, subscriptions_refused),
};

static const struct counter answer_counters[] = {
    COUNTER("cloud.dropped.answers", struct answer_box, n_dropped),
    COUNTER("cloud." AG_GAUGE_ANSWERS, struct answer_box, n),
};

static const struct counter link_counters[] = {
    COUNTER("cloud.link.connects", struct mqtt_link_stats, connects),
    COUNTER("cloud.link.losses", struct mqtt_link_stats, losses),
    COUNTER("cloud.link.sent", struct mqtt_link_stats, sent),
    COUNTER("cloud.link.acked", struct mqtt_link_stats, acked),
    COUNTER("cloud.link.received", struct mqtt_link_stats, received),
    COUNTER("cloud." AG_GAUGE_LINK, struct mqtt_link_stats, in_window),
};

void cloud_tell_broker(const struct broker_session *s, const struct answer_box *b, const struct mqtt_link *l, counter_fn *tell,
                       void *user)
{
    struct mqtt_link_stats st;

    counters_tell(broker_counters, &s->count, tell, user);
    counters_tell(answer_counters, b, tell, user);
    if (!l)
        return;
    mqtt_link_get_stats(l, &st);
    counters_tell(link_counters, &st, tell, user);
}

void cloud_link_facts(const struct mqtt_link *l, struct cloud_facts *out)
{
    struct mqtt_link_stats st;

    mqtt_link_get_stats(l, &st);
    out->sent = st.sent;
    out->acked = st.acked;
}

/* The link reports TLS failures only as text: OpenSSL's, or what is wrong with the files. */
static bool is_about_tls(const char *why)
{
    return strncmp(why, "TLS", 3) == 0 || strstr(why, "the key file is encrypted");
}

/* CONNACK: the client id, user or password, or not authorized. */
static bool is_login(int code)
{
    return code == 2 || code == 4 || code == 5;
}

enum broker_end cloud_link_end_of(enum mqtt_link_loss loss, int code)
{
    if (loss == MQTT_LINK_ASKED)
        return BROKER_LEFT;
    return loss == MQTT_LINK_REFUSED && is_login(code) ? BROKER_REFUSED : BROKER_CUT;
}

static enum cloud_loss loss_of(enum mqtt_link_loss loss, int code, const char *why)
{
    switch (loss) {
    case MQTT_LINK_REFUSED:
        return is_login(code) ? CLOUD_LOSS_LOGIN : CLOUD_LOSS_REFUSED;
    case MQTT_LINK_NO_CONNACK:
        return is_about_tls(why) ? CLOUD_LOSS_TLS : CLOUD_LOSS_SILENT;
    case MQTT_LINK_CUT:
        return CLOUD_LOSS_CUT;
    case MQTT_LINK_UNREACHABLE:
        return is_about_tls(why) ? CLOUD_LOSS_TLS : CLOUD_LOSS_UNREACHABLE;
    case MQTT_LINK_ASKED:
        break;
    }
    return CLOUD_LOSS_NONE;
}

void cloud_past_note_link(struct cloud_past *p, enum mqtt_link_loss loss, int code, const char *why, uint64_t now_ms)
{
    if (loss != MQTT_LINK_ASKED)
        cloud_past_note(p, loss_of(loss, code, why), why, now_ms);
}
